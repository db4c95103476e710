//! Which cost a cost export holds. Actual and amortised exports have the same columns; some rows give them away.

use meterlake_model::{CostBasis, SourceKind};

/// Rows that prove a basis, by line and what they show.
#[derive(Debug, Clone, Default)]
pub(super) struct BasisEvidence {
    actual: Option<String>,
    amortized: Option<String>,
}

/// What a row says that matters here.
pub(super) struct Telling<'a> {
    pub(super) line: u64,
    pub(super) charge_type: &'a str,
    pub(super) pricing_model: &'a str,
    /// Reservation or benefit of the row, if any.
    pub(super) commitment: &'a str,
    pub(super) cost: &'a str,
}

impl BasisEvidence {
    /// Whether no row can add to it.
    pub(super) fn settled(&self) -> bool {
        self.actual.is_some() && self.amortized.is_some()
    }

    /// Whether rows of this charge type and pricing model may tell anything.
    pub(super) fn may_tell(charge_type: &str, pricing_model: &str) -> bool {
        let is = |text: &str, names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
        is(charge_type, &["UnusedReservation", "UnusedSavingsPlan", "Purchase", "Refund"])
            || is(charge_type, &["Usage"]) && is(pricing_model, &["Reservation", "SavingsPlan"])
    }

    /// Takes note of a row.
    pub(super) fn see(&mut self, row: &Telling<'_>) {
        let is = |text: &str, name: &str| text.eq_ignore_ascii_case(name);
        let committed = is(row.pricing_model, "Reservation") || is(row.pricing_model, "SavingsPlan");
        let unused = is(row.charge_type, "UnusedReservation") || is(row.charge_type, "UnusedSavingsPlan");
        if self.amortized.is_none() {
            if unused {
                self.amortized =
                    Some(format!("line {} is {}, which only amortised exports have", row.line, row.charge_type));
            } else if is(row.charge_type, "Usage") && committed && nonzero(row.cost) {
                self.amortized = Some(format!(
                    "line {} is usage covered by a {} at a cost, which billed cost shows as 0",
                    row.line, row.pricing_model
                ));
            }
        }
        let bought = is(row.charge_type, "Purchase") || is(row.charge_type, "Refund");
        if self.actual.is_none() && bought && (committed || !row.commitment.is_empty()) && nonzero(row.cost) {
            self.actual = Some(format!(
                "line {} is the {} of a reservation or savings plan, which amortised exports spread over its term",
                row.line,
                row.charge_type.to_ascii_lowercase()
            ));
        }
    }

    /// The basis that is proved, and why.
    pub(super) fn verdict(&self, kind: SourceKind) -> (Option<CostBasis>, String) {
        match kind {
            SourceKind::Focus => (Some(CostBasis::Both), "FOCUS holds billed and effective cost".to_owned()),
            SourceKind::EaUsageDetails => (Some(CostBasis::Actual), "EA usage details hold billed cost".to_owned()),
            SourceKind::RatedUsage => (Some(CostBasis::Actual), "rated usage holds billed cost".to_owned()),
            SourceKind::Utilization => (Some(CostBasis::Actual), "priced utilization is billed cost".to_owned()),
            _ => match (&self.actual, &self.amortized) {
                (Some(why), None) => (Some(CostBasis::Actual), why.clone()),
                (None, Some(why)) => (Some(CostBasis::Amortized), why.clone()),
                (Some(a), Some(b)) => (None, format!("the rows contradict one another: {a}; {b}")),
                (None, None) => (
                    None,
                    "no row tells actual from amortised cost (no purchase, no unused and no covered usage at a cost)"
                        .to_owned(),
                ),
            },
        }
    }
}

/// Whether a number is not zero, without parsing it.
fn nonzero(text: &str) -> bool {
    text.split(['e', 'E']).next().unwrap_or_default().bytes().any(|b| matches!(b, b'1'..=b'9'))
}
