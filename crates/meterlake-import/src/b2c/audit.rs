//! Audit records as Graph `directoryAudits`, Log Analytics `AuditLogs` and diagnostic settings write them.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use meterlake_model::TenantId;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::activity::Activity;
use crate::dataset::other_kind::is_sign_in;

/// Names of a member in the three forms; Graph first.
const ACTIVITY: &[&str] = &["activityDisplayName", "ActivityDisplayName", "OperationName", "operationName"];
const TIME: &[&str] =
    &["activityDateTime", "ActivityDateTime", "ActivityDateTime [UTC]", "TimeGenerated", "TimeGenerated [UTC]", "time"];
const ID: &[&str] = &["id", "Id"];
const CORRELATION: &[&str] = &["correlationId", "CorrelationId"];
const RESULT: &[&str] = &["result", "Result", "resultType", "ResultType"];
const DETAILS: &[&str] = &["additionalDetails", "AdditionalDetails"];
const TARGETS: &[&str] = &["targetResources", "TargetResources"];
const INITIATOR: &[&str] = &["initiatedBy", "InitiatedBy"];
/// `TenantId` is not among them: in Log Analytics it is the workspace.
const TENANT: &[&str] = &["AADTenantId", "aadTenantId", "tenantId"];

/// Formats of exports made by hand, beside RFC 3339.
const TIME_FORMATS: &[&str] = &[
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%m/%d/%Y, %I:%M:%S%.f %p",
    "%m/%d/%Y %I:%M:%S%.f %p",
    "%m/%d/%Y %H:%M:%S%.f",
];

/// A value that cannot be taken. Values that may name a user are never in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) column: &'static str,
    pub(crate) value: String,
    pub(crate) reason: &'static str,
}

/// The tenant as a record names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedTenant {
    pub(crate) id: Option<TenantId>,
    /// A domain name in lower case, empty for none.
    pub(crate) domain: String,
}

/// One audit record, whose members are looked up by name.
pub(crate) struct Audit<'a> {
    outer: &'a Map<String, Value>,
    /// What diagnostic settings wrap.
    inner: Option<Cow<'a, Value>>,
    details: Option<Cow<'a, Value>>,
}

impl<'a> Audit<'a> {
    pub(crate) fn new(fields: &'a Map<String, Value>) -> Self {
        let inner = fields.get("properties").and_then(nested).filter(|v| v.is_object());
        let mut audit = Self { outer: fields, inner, details: None };
        audit.details = match &audit.inner {
            Some(inner) => {
                DETAILS.iter().find_map(|n| inner.get(*n)).and_then(nested).map(|v| Cow::Owned(v.into_owned()))
            }
            None => DETAILS.iter().find_map(|n| fields.get(*n)).and_then(nested),
        };
        audit
    }

    fn get(&self, names: &[&str]) -> Option<&Value> {
        let in_inner = |name: &&str| self.inner.as_ref().and_then(|inner| inner.get(*name)).filter(|v| !is_empty(v));
        let in_outer = |name: &&str| self.outer.get(*name).filter(|v| !is_empty(v));
        names.iter().find_map(in_inner).or_else(|| names.iter().find_map(in_outer))
    }

    fn text(&self, names: &[&str]) -> &str {
        self.get(names).and_then(Value::as_str).unwrap_or_default().trim()
    }

    fn object(&self, names: &[&str]) -> Option<Cow<'_, Value>> {
        self.get(names).and_then(nested)
    }

    /// A value of `additionalDetails`, which is a list of keys and values or an object.
    fn detail(&self, key: &str) -> &str {
        let value = match self.details.as_deref() {
            Some(Value::Array(all)) => all
                .iter()
                .find(|d| d.get("key").and_then(Value::as_str).is_some_and(|k| k.eq_ignore_ascii_case(key)))
                .and_then(|d| d.get("value")),
            Some(Value::Object(all)) => all.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v),
            _ => None,
        };
        value.and_then(Value::as_str).unwrap_or_default().trim()
    }

    /// The activity that the record is of; empty where it is no audit record.
    pub(crate) fn activity_name(&self) -> &str {
        self.text(ACTIVITY)
    }

    pub(crate) fn activity(&self) -> Option<Activity> {
        Activity::named(self.activity_name())
    }

    pub(crate) fn id(&self) -> Result<&str, Bad> {
        counted_once(self.text(ID))
    }

    /// The instant in microseconds.
    pub(crate) fn time(&self) -> Result<i64, Bad> {
        micros("activityDateTime", self.text(TIME))
    }

    pub(crate) fn success(&self) -> Result<bool, Bad> {
        let result = self.text(RESULT);
        if result.is_empty() {
            return Err(Bad {
                column: "result",
                value: String::new(),
                reason: "the record has no result (success or failure)",
            });
        }
        Ok(result.eq_ignore_ascii_case("success") || result == "0")
    }

    /// Empty when there is none, or only zeros stand in its place.
    pub(crate) fn correlation(&self) -> String {
        let text = self.text(CORRELATION);
        if text.chars().all(|c| matches!(c, '0' | '-')) { String::new() } else { text.to_ascii_lowercase() }
    }

    /// The application that was signed in to, a GUID in lower case or empty.
    pub(crate) fn application(&self) -> String {
        let named = ["ApplicationId", "ClientId", "AppId"].iter().find_map(|key| guid(self.detail(key)));
        let initiator = || {
            let by = self.object(INITIATOR)?;
            let app = by.get("app")?;
            ["servicePrincipalName", "appId"].iter().find_map(|key| guid(app.get(*key)?.as_str()?))
        };
        named.or_else(initiator).map(|id| id.to_string()).unwrap_or_default()
    }

    pub(crate) fn policy(&self) -> String {
        ["PolicyId", "Policy"].iter().map(|key| self.detail(key)).find(|v| !v.is_empty()).unwrap_or_default().to_owned()
    }

    pub(crate) fn provider(&self) -> String {
        let keys = ["IdentityProviderName", "IdentityProvider"];
        keys.iter().map(|key| self.detail(key)).find(|v| !v.is_empty()).unwrap_or_default().to_owned()
    }

    /// Salted hash of the user's id; empty when the record names none.
    pub(crate) fn user_hash(&self, salt: &[u8; 32]) -> String {
        let targets = self.object(TARGETS);
        let target = targets.as_deref().and_then(Value::as_array).and_then(|all| {
            let is_user =
                |t: &&Value| t.get("type").and_then(Value::as_str).is_some_and(|t| t.eq_ignore_ascii_case("user"));
            all.iter().filter(is_user).find_map(|t| known_user(t.get("id")?.as_str()?))
        });
        let by = self.object(INITIATOR);
        let initiator = || by.as_deref().and_then(|by| known_user(by.get("user")?.get("id")?.as_str()?));
        target.or_else(initiator).map(|user| hashed(user, salt)).unwrap_or_default()
    }

    pub(crate) fn tenant(&self) -> NamedTenant {
        let mut tenant = NamedTenant { id: guid(self.text(TENANT)).map(TenantId), domain: String::new() };
        let named = self.detail("TenantId");
        match guid(named) {
            Some(id) => tenant.id = tenant.id.or(Some(TenantId(id))),
            None if named.contains('.') => tenant.domain = named.to_ascii_lowercase(),
            None => {}
        }
        tenant
    }

    /// What the file's form is called.
    pub(crate) fn form(&self) -> &'static str {
        if self.inner.is_some() {
            "AuditLogs (diagnostic settings)"
        } else if ["TimeGenerated", "TimeGenerated [UTC]", "AADTenantId"].iter().any(|n| self.outer.contains_key(*n)) {
            "AuditLogs (Log Analytics)"
        } else {
            "directoryAudits (Graph)"
        }
    }
}

/// An id by which a record is counted once.
pub(super) fn counted_once(id: &str) -> Result<&str, Bad> {
    let bad = |reason| Bad { column: "id", value: String::new(), reason };
    match id.len() {
        0 => Err(bad("the record has no id, by which it would be counted once")),
        1..=512 => Ok(id),
        _ => Err(bad("an id of more than 512 bytes")),
    }
}

/// An instant in microseconds.
pub(super) fn micros(column: &'static str, text: &str) -> Result<i64, Bad> {
    let bad = |reason| Bad { column, value: text.chars().take(64).collect(), reason };
    if text.is_empty() {
        return Err(bad("the record has no time (activityDateTime, createdDateTime or TimeGenerated)"));
    }
    let time = instant(text).ok_or_else(|| bad("not a date-time such as 2026-11-21T09:30:00Z"))?;
    meterlake_model::Day::new(time.date_naive()).ok_or_else(|| bad("a year outside of 1 to 9999"))?;
    Ok(time.timestamp_micros())
}

/// Salted hash of a user's id.
pub(super) fn hashed(user: &str, salt: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(user.to_ascii_lowercase());
    hex::encode(hash.finalize())
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// An object or array, also one that is written as text.
/// Whether these are the members of an audit record, be it one of an activity that is not counted.
pub(crate) fn is_audit_record(fields: &Map<String, Value>) -> bool {
    !Audit::new(fields).activity_name().is_empty() && !is_sign_in(fields)
}

fn nested(value: &Value) -> Option<Cow<'_, Value>> {
    match value {
        Value::Object(_) | Value::Array(_) => Some(Cow::Borrowed(value)),
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(text).ok().map(Cow::Owned)
        }
        _ => None,
    }
}

/// A GUID that is not all zeros, which stand where an id was struck out.
pub(super) fn guid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten().filter(|id| !id.is_nil())
}

/// A user's id that is not empty or all zeros.
pub(super) fn known_user(id: &str) -> Option<&str> {
    (!id.chars().all(|c| matches!(c, '0' | '-'))).then_some(id)
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    TIME_FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()).map(|t| t.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let expected = instant("2019-09-14T18:13:17.061Z").unwrap();
        for text in [
            "2019-09-14T18:13:17.061",
            "2019-09-14 18:13:17.061",
            "9/14/2019, 6:13:17.061 PM",
            "09/14/2019 06:13:17.061 PM",
            "2019-09-14T20:13:17.061+02:00",
        ] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(instant("yesterday"), None);
    }
}
