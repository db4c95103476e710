//! Currencies on the wire: by culture for MS-AZR-0145P, by code for an Azure plan.

use meterlake_control::Customer;
use meterlake_model::Amount;
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::Figures;
use super::number::Number;

type Money = Number<{ Amount::SCALE }>;

/// How a resource writes its currency: by culture for MS-AZR-0145P, by code and with the figure in US dollars as
/// soon as the customer has an Azure plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Currency {
    /// MS-AZR-0145P.
    #[serde(rename_all = "camelCase")]
    Locale {
        /// Name of a culture that has the currency.
        #[schema(examples("en-US"))]
        currency_locale: String,
    },
    /// Azure plan.
    #[serde(rename_all = "camelCase")]
    Code {
        /// Three letters of ISO 4217.
        #[schema(pattern = "^[A-Z]{3}$", examples("USD"))]
        currency_code: String,
        /// The source's own figures in US dollars; null if any charge lacks one.
        #[schema(required)]
        usd_total_cost: Option<Money>,
    },
}

impl Currency {
    /// The currency of figures of a customer.
    pub(crate) fn of(customer: &Customer, azure_plan: bool, figures: &Figures) -> Self {
        let code = figures.currency.as_ref().or(customer.currency.as_ref()).map_or("USD", |code| code.as_str());
        if azure_plan {
            Self::Code { currency_code: code.to_owned(), usd_total_cost: figures.usd.map(Number) }
        } else {
            let locale = customer.culture.clone().unwrap_or_else(|| culture_of(code).to_owned());
            Self::Locale { currency_locale: locale }
        }
    }
}

impl Currency {
    /// The currency of the partner's total, in the culture of its customers.
    pub(crate) fn of_partner(culture: Option<String>, figures: &Figures) -> Self {
        let code = figures.currency.as_ref().map_or("USD", |code| code.as_str());
        Self::Locale { currency_locale: culture.unwrap_or_else(|| culture_of(code).to_owned()) }
    }
}

/// A culture that has the currency: clients read it as a .NET culture, so it must be the name of one.
fn culture_of(currency: &str) -> &'static str {
    match currency {
        "EUR" => "de-DE",
        "GBP" => "en-GB",
        "CHF" => "de-CH",
        "SEK" => "sv-SE",
        "NOK" => "nb-NO",
        "DKK" => "da-DK",
        "PLN" => "pl-PL",
        "CZK" => "cs-CZ",
        "HUF" => "hu-HU",
        "JPY" => "ja-JP",
        "CNY" => "zh-CN",
        "KRW" => "ko-KR",
        "INR" => "en-IN",
        "AUD" => "en-AU",
        "NZD" => "en-NZ",
        "CAD" => "en-CA",
        "BRL" => "pt-BR",
        "MXN" => "es-MX",
        "ZAR" => "en-ZA",
        "ILS" => "he-IL",
        "TRY" => "tr-TR",
        "RUB" => "ru-RU",
        "TWD" => "zh-TW",
        "HKD" => "zh-HK",
        "SGD" => "en-SG",
        _ => "en-US",
    }
}
