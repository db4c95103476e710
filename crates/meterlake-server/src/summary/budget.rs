//! The body of a budget's PATCH.

use std::fmt;

use meterlake_model::Amount;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::refusal::{Malformed, Refusal};

const AMOUNT: &str = "amount";
const EXPECTED_BODY: &str = "a JSON object such as {\"Amount\":100,\"Attributes\":{\"ObjectType\":\"SpendingBudget\"}}";
const EXPECTED_AMOUNT: &str = "a JSON number that is not negative, with at most 14 digits before the decimal point and \
                               24 after it, or null for no budget";
/// The largest body read.
pub(crate) const LARGEST_BODY: usize = 64 * 1024;

/// The budget in a body, `None` for none; property names in any case, as .NET clients write them in capitals.
pub(crate) fn of_body(body: &[u8]) -> Result<Option<Amount>, Refusal> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let shown = String::from_utf8_lossy(body);
    let Properties(properties) =
        serde_json::from_slice(body).map_err(|_| Malformed::body("body", &shown, EXPECTED_BODY))?;
    let mut amounts = properties.iter().filter(|(name, _)| name.eq_ignore_ascii_case(AMOUNT));
    let (_, amount) = amounts.next().ok_or_else(|| Malformed::body(AMOUNT, "", EXPECTED_AMOUNT))?;
    if amounts.next().is_some() {
        return Err(Malformed::body(AMOUNT, &shown, "one amount; the property is given more than once").into());
    }
    match amount.get() {
        "null" => Ok(None),
        text => Amount::parse(text)
            .ok()
            .filter(|amount| *amount >= Amount::ZERO)
            .map(Some)
            .ok_or_else(|| Malformed::body(AMOUNT, text, EXPECTED_AMOUNT).into()),
    }
}

/// The properties of a JSON object as they stand there, repeated ones included.
struct Properties<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some(property) = object.next_entry()? {
                    properties.push(property);
                }
                Ok(properties)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let amount = |text: &str| Amount::parse(text).ok();
        for (body, expected) in [
            (r#"{"Amount":100,"Attributes":{"ObjectType":"SpendingBudget"}}"#, amount("100")),
            (r#"{"amount": 28.82860766744404945074 }"#, amount("28.82860766744404945074")),
            ("\u{feff}{\"AMOUNT\":1e2}", amount("100")),
            (r#"{"amount":null}"#, None),
        ] {
            assert_eq!(of_body(body.as_bytes()), Ok(expected), "{body}");
        }
        for body in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"amount":"100"}"#,
            r#"{"amount":-1}"#,
            r#"{"amount":{}}"#,
            r#"{"amount":1,"Amount":2}"#,
            r#"{"amount":1,"amount":2}"#,
            r#"{"amount":1,"amount":1}"#,
            r#"{"amount":0.0000000000000000000000001}"#,
            r#"{"amount":100000000000000}"#,
            r#"{"amount":1e999999999}"#,
        ] {
            assert!(of_body(body.as_bytes()).is_err(), "{body}");
        }
    }
}
