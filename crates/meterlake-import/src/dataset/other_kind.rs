//! Telling that a file is of another kind than the import it was given to, and of which.

use serde_json::{Map, Value};

use crate::b2c::{SignIn, is_audit_record};
use crate::licences::licence_source;
use crate::{ImportError, mapping};

/// So many records of which none fits are enough: the rest of the file is not read.
const ENOUGH: u64 = 1_000;
/// Members that the message names where the kind is unknown.
const NAMED: usize = 6;

/// What is known of a file's kind while it is read.
pub(crate) struct KindCheck {
    file: String,
    expected: &'static str,
    fits: bool,
    strangers: u64,
    looks: String,
}

impl KindCheck {
    /// For a file of which no record has been read; `expected` names the sources that the import takes.
    pub(crate) fn new(file: &str, expected: &'static str) -> Self {
        Self { file: file.to_owned(), expected, fits: false, strangers: 0, looks: String::new() }
    }

    /// Whether a record was of the kind, if only a bad one.
    pub(crate) fn is_settled(&self) -> bool {
        self.fits
    }

    /// Notes a record of the kind.
    pub(crate) fn fits(&mut self) {
        self.fits = true;
    }

    /// Notes a record that is not of the kind.
    ///
    /// # Errors
    /// [`ImportError::Unrecognised`] after many of them and none that fits.
    pub(crate) fn stranger(&mut self, fields: &Map<String, Value>) -> Result<(), ImportError> {
        self.strangers += 1;
        if self.looks.is_empty() {
            self.looks = looks(fields);
        }
        if self.strangers >= ENOUGH { self.finish() } else { Ok(()) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`ImportError::Unrecognised`] when there were records and none of the kind.
    pub(crate) fn finish(&self) -> Result<(), ImportError> {
        if self.fits || self.strangers == 0 {
            return Ok(());
        }
        let reason = format!("this looks like {}; expected {}", self.looks, self.expected);
        Err(ImportError::Unrecognised { file: self.file.clone(), reason })
    }
}

/// Whether this is a sign-in record of Graph or Log Analytics. The latter name an operation as audit records do, yet
/// tell nothing of a B2C application.
pub(crate) fn is_sign_in(fields: &Map<String, Value>) -> bool {
    if SignIn::of(fields).is_some() {
        return true;
    }
    let properties = fields.get("properties").and_then(Value::as_object);
    [Some(fields), properties].into_iter().flatten().any(|members| {
        ["clientAppUsed", "ClientAppUsed", "conditionalAccessStatus", "ConditionalAccessStatus"]
            .iter()
            .any(|name| members.contains_key(*name))
    })
}

/// Whether this is a user as Graph gives it.
pub(crate) fn is_user(fields: &Map<String, Value>) -> bool {
    fields.contains_key("identities") || (fields.contains_key("userPrincipalName") && !is_sign_in(fields))
}

/// What a record looks like, and which import takes it.
fn looks(fields: &Map<String, Value>) -> String {
    if SignIn::of(fields).is_some() {
        return "sign-ins (Graph), which `meterlake import b2c-events` takes of External ID tenants".to_owned();
    }
    if is_sign_in(fields) {
        return "sign-ins of Log Analytics, which name no B2C application".to_owned();
    }
    if is_audit_record(fields) {
        return "audit records, which `meterlake import b2c-events` takes".to_owned();
    }
    if let Some(source) = licence_source(fields) {
        return format!("{source}, which `meterlake import licences` takes");
    }
    if is_user(fields) {
        return "users (Graph), which `meterlake import users` takes".to_owned();
    }
    let application = ["signInAudience", "publicClient", "requiredResourceAccess"];
    if fields.contains_key("appId") && application.iter().any(|name| fields.contains_key(*name)) {
        return "applications (Graph), which `meterlake import b2c-events` takes as --applications".to_owned();
    }
    if let Some(kind) = mapping::kind_of(&names(fields)) {
        return format!("charges ({kind}), which `meterlake import charges` takes");
    }
    let known: Vec<&str> = fields.keys().map(String::as_str).take(NAMED).collect();
    let more = if fields.len() > known.len() { ", …" } else { "" };
    match known.is_empty() {
        true => "records without members".to_owned(),
        false => format!("records of {}{more}", meterlake_model::excerpt(&known.join(", "), 200)),
    }
}

/// The names of the members, those of objects in them behind a point, as sources of charges are mapped.
fn names(fields: &Map<String, Value>) -> Vec<String> {
    let inner = |(name, value): (&String, &Value)| -> Vec<String> {
        match value {
            Value::Object(members) => members.keys().map(|member| format!("{name}.{member}")).collect(),
            _ => vec![name.clone()],
        }
    };
    fields.iter().flat_map(inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(record: Value) -> String {
        looks(record.as_object().unwrap())
    }

    #[test]
    fn every_source_is_known_by_its_members() {
        use serde_json::json;
        for (record, expected) in [
            (json!({ "id": "1", "activityDisplayName": "Exchange token" }), "import b2c-events"),
            (
                json!({ "time": "x", "category": "AuditLogs", "properties": { "activityDisplayName": "a" } }),
                "b2c-events",
            ),
            (json!({ "OperationName": "Sign-in activity", "ConditionalAccessStatus": "" }), "sign-ins"),
            (json!({ "userPrincipalName": "a@b.example", "clientAppUsed": "Browser" }), "sign-ins of Log"),
            (json!({ "createdDateTime": "x", "appId": "a", "status": {} }), "takes of External ID tenants"),
            (json!({ "id": "1", "identities": [] }), "import users"),
            (
                json!({ "skuId": "05e9a617-0261-4cee-bb44-138d3ef5d965", "prepaidUnits": {} }),
                "subscribedSkus, which `meterlake import licences`",
            ),
            (json!({ "id": "1", "appId": "2", "publicClient": {} }), "--applications"),
            (
                json!({ "Date": "1/2/2024", "CostInBillingCurrency": "1", "SubscriptionId": "s", "AccountOwnerId": "o" }),
                "import charges",
            ),
            (
                json!({ "usageStartTime": "x", "usageEndTime": "y", "quantity": 1, "resource": { "id": "m" } }),
                "import charges",
            ),
            (json!({ "one": 1, "two": 2 }), "records of one, two"),
            (json!({}), "records without members"),
        ] {
            let text = told(record.clone());
            assert!(text.contains(expected), "{record}: {text}");
        }
        let many = (0..9).map(|n| (format!("m{n}"), Value::Null)).collect();
        assert_eq!(told(Value::Object(many)), "records of m0, m1, m2, m3, m4, m5, …");
    }

    #[test]
    fn one_record_that_fits_settles_the_kind() {
        let stranger = Map::from_iter([("x".to_owned(), Value::Null)]);
        let mut check = KindCheck::new("a.json", "users");
        assert!(check.finish().is_ok(), "an empty file is of no other kind");
        (1..ENOUGH).for_each(|_| check.stranger(&stranger).unwrap());
        let refused = check.stranger(&stranger).unwrap_err();
        assert_eq!(refused.to_string(), "a.json: this looks like records of x; expected users");
        assert!(check.finish().is_err());
        check.fits();
        assert!(check.stranger(&stranger).is_ok() && check.finish().is_ok());
    }
}
