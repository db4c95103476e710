//! What a source file is, which cost it holds, and which offer a customer bought.

use std::fmt;
use std::str::FromStr;

/// A text is none of the names of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not {what}; expected one of {expected}")]
pub struct ParseKindError {
    /// What was wanted, for a message.
    pub what: &'static str,
    /// The text as given.
    pub given: String,
    /// The names that are accepted, joined by a comma.
    pub expected: String,
}

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as stored and as given on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseKindError;

            fn from_str(text: &str) -> Result<Self, ParseKindError> {
                Self::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| ParseKindError {
                    what: $what,
                    given: text.to_owned(),
                    expected: Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

named_enum!(
    /// The kind of a source of charges.
    SourceKind, "a source kind", {
        /// Azure cost export of an Enterprise Agreement, any column order, localised headers included.
        CostExportEa = "cost-export-ea",
        /// Azure cost export of a Microsoft Customer Agreement.
        CostExportMca = "cost-export-mca",
        /// Azure cost export of a Microsoft Partner Agreement (with customer columns).
        CostExportPartner = "cost-export-partner",
        /// EA usage details CSV, v1 to v3, with or without preamble; also Meterlake's own export.
        EaUsageDetails = "ea-usage-details",
        /// Partner Center daily rated usage v1 or v2, CSV or the Graph partner billing export.
        RatedUsage = "rated-usage",
        /// Partner Center `utilizations/azure` JSON with prices (MS-AZR-0145P).
        Utilization = "utilization",
        /// FOCUS 1.0 to 1.3 cost and usage.
        Focus = "focus",
    }
);

named_enum!(
    /// Which cost a charge holds. Reports read billed cost, so they read `actual` and `both`.
    CostBasis, "a cost basis", {
        /// Billed cost only.
        Actual = "actual",
        /// Effective cost only: purchases spread over their term.
        Amortized = "amortized",
        /// Billed and effective cost side by side (FOCUS).
        Both = "both",
    }
);

named_enum!(
    /// Whether rated usage is on an invoice yet.
    InvoiceState, "an invoice state", {
        /// On an invoice.
        Billed = "billed",
        /// Not yet on an invoice.
        Unbilled = "unbilled",
    }
);

named_enum!(
    /// The Azure offer of a CSP customer.
    Offer, "an offer", {
        /// Azure plan under the Microsoft Customer Agreement.
        AzurePlan = "azure-plan",
        /// Microsoft Azure pay-as-you-go in CSP.
        MsAzr0145p = "MS-AZR-0145P",
    }
);
