//! The price file: what a unit of each meter costs, in tiers over a calendar month.

use figment::Figment;
use figment::providers::{Format as _, Toml};
use meterlake_model::{Amount, CurrencyCode, Day};
use serde::Deserialize;

/// What is counted and priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meter {
    /// A billable authentication: a successful token issue.
    Authentication,
    /// A request of phone MFA: an SMS sent, a call made.
    Mfa,
    /// A monthly active user: who authenticated in the UTC calendar month.
    Mau,
}

impl Meter {
    /// Its name in price files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Mfa => "mfa",
            Self::Mau => "mau",
        }
    }
}

/// A part of a month's units and the price of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The last unit of the calendar month that has this price, counted from 1, free ones included; none in the last
    /// tier, which has no end.
    pub up_to: Option<u64>,
    /// The price of a unit.
    pub price: Amount,
}

/// The price of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterPrice {
    /// The meter.
    pub meter: Meter,
    /// `SmsMfa` or `VoiceMfa` when the price is of one MFA method only.
    pub method: Option<String>,
    /// Units of each calendar month that cost nothing.
    pub free: u64,
    /// The tiers, in rising order; the last has no end.
    pub tiers: Vec<Tier>,
}

/// A price file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// What the prices are of.
    pub name: String,
    /// The currency of all prices.
    pub currency: CurrencyCode,
    /// Where they were read.
    pub source: String,
    /// When they were read.
    pub as_of: Day,
    /// The meters; a meter that is not there costs nothing.
    pub meters: Vec<MeterPrice>,
}

/// Why a text is not a price file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// It is not TOML of the expected form.
    #[error("the price file is not valid: {0}")]
    Form(String),
    /// A value is not what it should be.
    #[error("the price file is not valid: {place} is {given:?}; expected {expected}")]
    Value {
        /// Where the value stands, for example `meter mau, tier 2, price`.
        place: String,
        /// The value.
        given: String,
        /// What was expected.
        expected: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    currency: String,
    source: String,
    as_of: String,
    meter: Vec<FileMeter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileMeter {
    meter: Meter,
    method: Option<String>,
    #[serde(default)]
    free: u64,
    tier: Vec<FileTier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTier {
    up_to: Option<u64>,
    /// A text, because a TOML number with decimals is a float.
    price: String,
}

/// Methods that a price of MFA may be of.
const METHODS: [&str; 2] = ["SmsMfa", "VoiceMfa"];

fn value(place: impl Into<String>, given: impl ToString, expected: &'static str) -> PriceError {
    PriceError::Value { place: place.into(), given: given.to_string(), expected }
}

impl PriceList {
    /// Reads a price file.
    ///
    /// # Errors
    /// [`PriceError`] naming the place, the value and what was expected.
    pub fn from_toml(text: &str) -> Result<Self, PriceError> {
        let file: File = Figment::from(Toml::string(text)).extract().map_err(|e| PriceError::Form(e.to_string()))?;
        let currency =
            file.currency.parse().map_err(|_| value("currency", &file.currency, "a currency code such as USD"))?;
        let as_of =
            file.as_of.parse().map_err(|_| value("as_of", &file.as_of, "a day written yyyy-MM-dd, in quotes"))?;
        let mut meters: Vec<MeterPrice> = Vec::new();
        for meter in file.meter {
            let price = meter.read()?;
            let label = price.label();
            if meters.iter().any(|other| other.label() == label) {
                return Err(value("meter", label, "each meter (and MFA method) once"));
            }
            meters.push(price);
        }
        if meters.is_empty() {
            return Err(value("meter", "", "at least one meter"));
        }
        Ok(Self { name: file.name, currency, source: file.source, as_of, meters })
    }
}

impl FileMeter {
    fn read(self) -> Result<MeterPrice, PriceError> {
        let mut price = MeterPrice { meter: self.meter, method: None, free: self.free, tiers: Vec::new() };
        if let Some(method) = self.method {
            let known = METHODS.iter().find(|known| known.eq_ignore_ascii_case(&method));
            let place = format!("meter {}, method", price.label());
            let known = known.filter(|_| price.meter == Meter::Mfa);
            price.method = Some(
                (*known.ok_or_else(|| value(place, &method, "SmsMfa or VoiceMfa, of the meter mfa only"))?).to_owned(),
            );
        }
        let label = price.label();
        let (last, mut before) = (self.tier.len(), 0);
        for (at, tier) in (1..).zip(self.tier) {
            let place = |what: &str| format!("meter {label}, tier {at}, {what}");
            let amount = Amount::parse(&tier.price).ok().filter(|amount| *amount >= Amount::ZERO);
            let amount =
                amount.ok_or_else(|| value(place("price"), &tier.price, "a decimal number, 0 or more, in quotes"))?;
            match tier.up_to {
                Some(_) if at == last => {
                    return Err(value(place("up_to"), tier.up_to.unwrap_or(0), "none: the last tier has no end"));
                }
                None if at < last => return Err(value(place("up_to"), "", "the last unit of the tier")),
                Some(up_to) if up_to <= before => {
                    return Err(value(place("up_to"), up_to, "more than the tier before"));
                }
                _ => before = tier.up_to.unwrap_or(before),
            }
            price.tiers.push(Tier { up_to: tier.up_to, price: amount });
        }
        if price.tiers.is_empty() {
            return Err(value(format!("meter {label}, tier"), "", "at least one tier"));
        }
        Ok(price)
    }
}

impl MeterPrice {
    /// The name of the meter, with the method where the price is of one: `mfa.SmsMfa`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.method {
            Some(method) => format!("{}.{method}", self.meter.as_str()),
            None => self.meter.as_str().to_owned(),
        }
    }

    /// What the first `units` of a calendar month cost together, exactly; none when that does not fit 38 digits.
    #[must_use]
    pub fn cost(&self, units: u64) -> Option<Amount> {
        let (mut cost, mut lower) = (Amount::ZERO, 0);
        for tier in &self.tiers {
            let upper = tier.up_to.unwrap_or(units).min(units);
            let priced = upper.saturating_sub(lower.max(self.free));
            let part = tier.price.unscaled().checked_mul(i128::from(priced))?;
            cost = cost.checked_add(Amount::from_unscaled(part).ok()?).ok()?;
            lower = upper;
        }
        Some(cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(meters: &str) -> String {
        format!("name = \"n\"\ncurrency = \"USD\"\nsource = \"s\"\nas_of = \"2019-11-07\"\n{meters}")
    }

    const TIERED: &str = "[[meter]]\nmeter = \"mau\"\nfree = 50\n\
        tier = [{ up_to = 100, price = \"0.0055\" }, { up_to = 1000, price = \"0.0046\" }, { price = \"0.00325\" }]\n";

    #[test]
    fn tiers_and_the_free_allowance() {
        let list = PriceList::from_toml(&file(TIERED)).unwrap();
        let cost = |units| list.meters[0].cost(units).unwrap().to_string();
        for (units, expected) in
            [(0, "0"), (50, "0"), (51, "0.0055"), (100, "0.275"), (101, "0.2796"), (1000, "4.415"), (1001, "4.41825")]
        {
            assert_eq!(cost(units), expected, "{units}");
        }
        assert_eq!(list.meters[0].cost(u64::MAX), None, "more than 38 digits is never wrapped");
    }

    #[test]
    fn methods_of_mfa() {
        let sms = "[[meter]]\nmeter = \"mfa\"\nmethod = \"smsmfa\"\ntier = [{ price = \"0.03\" }]\n";
        let list = PriceList::from_toml(&file(sms)).unwrap();
        assert_eq!(
            (list.meters[0].label().as_str(), list.meters[0].cost(7).unwrap().to_string()),
            ("mfa.SmsMfa", "0.21".to_owned())
        );
        assert!(PriceList::from_toml(&file(&format!("{sms}{sms}"))).unwrap_err().to_string().contains("once"));
    }

    #[test]
    fn refusals_name_the_place_and_what_was_expected() {
        for (meters, said) in [
            ("", "meter"),
            ("[[meter]]\nmeter = \"mau\"\ntier = []\n", "at least one tier"),
            ("[[meter]]\nmeter = \"mau\"\ntier = [{ price = 0.03 }]\n", "price"),
            ("[[meter]]\nmeter = \"mau\"\ntier = [{ price = \"-1\" }]\n", "tier 1, price is \"-1\""),
            ("[[meter]]\nmeter = \"mau\"\ntier = [{ up_to = 5, price = \"1\" }]\n", "last tier has no end"),
            ("[[meter]]\nmeter = \"mau\"\ntier = [{ price = \"1\" }, { price = \"2\" }]\n", "tier 1, up_to"),
            (
                "[[meter]]\nmeter = \"mau\"\ntier = [{ up_to = 5, price = \"1\" }, { up_to = 5, price = \"1\" }, { price = \"2\" }]\n",
                "more than the tier before",
            ),
            ("[[meter]]\nmeter = \"mau\"\nmethod = \"SmsMfa\"\ntier = [{ price = \"1\" }]\n", "mfa only"),
            ("[[meter]]\nmeter = \"users\"\ntier = [{ price = \"1\" }]\n", "users"),
            ("[[meter]]\nmeter = \"mau\"\nfre = 3\ntier = [{ price = \"1\" }]\n", "fre"),
        ] {
            let error = PriceList::from_toml(&file(meters)).unwrap_err().to_string();
            assert!(error.contains(said), "{meters}: {error}");
        }
        let bad_day = file(TIERED).replace("2019-11-07", "7.11.2019");
        assert!(PriceList::from_toml(&bad_day).unwrap_err().to_string().contains("as_of"));
    }
}
