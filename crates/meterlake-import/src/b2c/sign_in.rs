//! Graph `signIn` records of External ID tenants.
//!
//! In an Azure AD B2C tenant such a record cannot be tied to the application that was signed in to, so it is refused
//! there. It does not tell the flow either: the authentication counts as `other`. Each message sent and call made on
//! the way is an MFA attempt of its own.

use meterlake_model::TenantId;
use serde_json::{Map, Value};

use super::activity::Activity;
use super::audit::{self, Bad, NamedTenant};

/// One sign-in.
pub(crate) struct SignIn<'a>(&'a Map<String, Value>);

impl<'a> SignIn<'a> {
    /// The record as a sign-in, if it is one.
    pub(crate) fn of(fields: &'a Map<String, Value>) -> Option<Self> {
        let has = |name: &str| fields.contains_key(name);
        (has("createdDateTime") && has("appId") && has("status") && !has("activityDisplayName")).then_some(Self(fields))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().trim()
    }

    pub(crate) fn id(&self) -> Result<&str, Bad> {
        audit::counted_once(self.text("id"))
    }

    /// The instant in microseconds.
    pub(crate) fn time(&self) -> Result<i64, Bad> {
        audit::micros("createdDateTime", self.text("createdDateTime"))
    }

    /// Whether tokens were issued.
    pub(crate) fn success(&self) -> Result<bool, Bad> {
        let code = self.0.get("status").and_then(|status| status.get("errorCode")).and_then(Value::as_i64);
        let bad = || Bad { column: "status.errorCode", value: String::new(), reason: "the record has no error code" };
        code.map(|code| code == 0).ok_or_else(bad)
    }

    /// The application, a GUID in lower case or empty.
    pub(crate) fn application(&self) -> String {
        audit::guid(self.text("appId")).map(|id| id.to_string()).unwrap_or_default()
    }

    pub(crate) fn user_hash(&self, salt: &[u8; 32]) -> String {
        audit::known_user(self.text("userId")).map(|user| audit::hashed(user, salt)).unwrap_or_default()
    }

    pub(crate) fn tenant(&self) -> NamedTenant {
        NamedTenant { id: audit::guid(self.text("resourceTenantId")).map(TenantId), domain: String::new() }
    }

    /// Messages sent and calls made, and whether each was answered.
    pub(crate) fn phone_attempts(&self) -> Vec<(Activity, bool)> {
        let steps =
            self.0.get("authenticationDetails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        steps
            .iter()
            .filter_map(|step| {
                let activity = phone(step.get("authenticationMethod")?.as_str()?)?;
                Some((activity, step.get("succeeded").and_then(Value::as_bool).unwrap_or_default()))
            })
            .collect()
    }
}

/// The phone method of a step: `Text message`, `Phone call approval (Authentication phone)`.
fn phone(method: &str) -> Option<Activity> {
    let method = method.trim().to_ascii_lowercase();
    if method.starts_with("text message") || method.starts_with("sms") {
        Some(Activity::Sms)
    } else if method.starts_with("phone call") || method.starts_with("voice call") {
        Some(Activity::Call)
    } else {
        None
    }
}
