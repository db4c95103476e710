//! What the user may say about files that do not say it themselves.

use meterlake_model::{BillingAccountId, BillingPeriod, CostBasis, CurrencyCode, InvoiceState};

/// The order of day, month and year in dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DateFormat {
    /// `2024-11-30`, also with a time, and `20241130`.
    #[serde(rename = "iso")]
    Iso,
    /// `11/30/2024`.
    #[serde(rename = "mdy")]
    MonthFirst,
    /// `30/11/2024` or `30.11.2024`.
    #[serde(rename = "dmy")]
    DayFirst,
}

impl std::str::FromStr for DateFormat {
    type Err = String;

    /// Reads `iso`, `mdy`, `dmy` or a pattern such as `MM/dd/yyyy`.
    fn from_str(text: &str) -> Result<Self, String> {
        let letters: String = text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
        let mut order = letters.chars().collect::<Vec<_>>();
        order.dedup();
        match (letters.as_str(), order.as_slice()) {
            ("iso", _) | (_, ['y', 'm', 'd']) => Ok(Self::Iso),
            (_, ['m', 'd', 'y']) => Ok(Self::MonthFirst),
            (_, ['d', 'm', 'y']) => Ok(Self::DayFirst),
            _ => Err(format!(
                "{text:?} is not a date format; expected iso (yyyy-MM-dd), mdy (MM/dd/yyyy) or dmy (dd/MM/yyyy)"
            )),
        }
    }
}

/// The decimal mark in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NumberFormat {
    /// `1234.5`, with optional `,` between thousands.
    #[serde(rename = "point")]
    Point,
    /// `1234,5`, with optional `.` between thousands.
    #[serde(rename = "comma")]
    Comma,
}

impl std::str::FromStr for NumberFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "point" | "." => Ok(Self::Point),
            "comma" | "," => Ok(Self::Comma),
            _ => Err(format!("{text:?} is not a number format; expected point or comma")),
        }
    }
}

/// What the mapping needs and a file may lack. An option never overrides what a row states itself, with the
/// exception of the two formats.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Options {
    /// `--basis`.
    pub basis: Option<CostBasis>,
    /// `--billing-account`: for rows that name none.
    pub billing_account: Option<BillingAccountId>,
    /// `--period`: for rows that name none.
    pub period: Option<BillingPeriod>,
    /// `--currency`: for rows that name none.
    pub currency: Option<CurrencyCode>,
    /// `--customer`: tenant id of the customer, for rows that name none.
    pub customer: Option<meterlake_model::CustomerTenantId>,
    /// `--subscription`: for rows that name none (utilization records).
    pub subscription: Option<String>,
    /// `--invoice-state`: for rated usage whose rows do not tell.
    pub invoice_state: Option<InvoiceState>,
    /// `--date-format`.
    pub date_format: Option<DateFormat>,
    /// `--number-format`.
    pub number_format: Option<NumberFormat>,
}
