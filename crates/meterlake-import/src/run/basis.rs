//! Which cost the files hold.

use meterlake_model::{CostBasis, SourceKind};

use crate::{ImportError, Inspected, Manifest, SourceFile};

/// The settled basis of a run and what settled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Basis {
    pub(super) basis: CostBasis,
    pub(super) reason: String,
}

/// A witness: what it says, and who says it.
struct Witness {
    basis: CostBasis,
    says: String,
    file: String,
}

/// Hears kind, manifest, contents and option; they must agree, and at least one must know.
pub(super) fn settle(
    files: &[(SourceFile, Inspected)],
    manifest: Option<&Manifest>,
    option: Option<CostBasis>,
) -> Result<Basis, ImportError> {
    let Some((first, inspected)) = files.first() else {
        return Err(ImportError::NoRows { files: "no file".to_owned() });
    };
    let mut witnesses = Vec::new();
    if let Some(basis) = by_kind(inspected.kind) {
        let says = format!("{} files hold {} cost", inspected.kind, words(basis));
        witnesses.push(Witness { basis, says, file: first.name.clone() });
    }
    if let Some((manifest, basis)) = manifest.and_then(|m| m.basis.map(|b| (m, b))) {
        let says = format!("the manifest says that the export holds {} cost", words(basis));
        witnesses.push(Witness { basis, says, file: manifest.path.display().to_string() });
    }
    for (file, inspected) in files {
        if let Some(basis) = inspected.basis {
            let why = &inspected.basis_reason;
            let says = format!("the contents are {} cost{}{why}", words(basis), if why.is_empty() { "" } else { ": " });
            witnesses.push(Witness { basis, says, file: file.name.clone() });
        }
    }
    if let Some(basis) = option {
        witnesses.push(Witness { basis, says: format!("--basis says {basis}"), file: first.name.clone() });
    }
    let Some(chosen) = witnesses.first() else {
        return Err(ImportError::OptionNeeded {
            file: first.name.clone(),
            reason: "actual and amortised cost exports have the same columns, and neither a manifest nor the rows \
                     prove which one this is"
                .to_owned(),
            option: "--basis actual or --basis amortized",
        });
    };
    match witnesses.iter().find(|w| w.basis != chosen.basis) {
        Some(other) => Err(ImportError::OptionConflict {
            file: other.file.clone(),
            reason: format!("{}, but {}", chosen.says, other.says),
        }),
        None => Ok(Basis { basis: chosen.basis, reason: chosen.says.clone() }),
    }
}

/// The basis of kinds that can only be of one.
fn by_kind(kind: SourceKind) -> Option<CostBasis> {
    match kind {
        SourceKind::CostExportEa | SourceKind::CostExportMca | SourceKind::CostExportPartner => None,
        SourceKind::EaUsageDetails | SourceKind::RatedUsage | SourceKind::Utilization => Some(CostBasis::Actual),
        SourceKind::Focus => Some(CostBasis::Both),
    }
}

const fn words(basis: CostBasis) -> &'static str {
    match basis {
        CostBasis::Actual => "actual",
        CostBasis::Amortized => "amortised",
        CostBasis::Both => "both actual and amortised",
    }
}
