//! Refusals of the token endpoint, with everything that the server prints.

use chrono::{DateTime, Utc};
use meterlake_control::ControlError;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{AttemptError, IdentityError};

/// The names of one refusal in logs: made once for a request, or taken from its `client-request-id` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: DateTime<Utc>,
    /// Id of this answer.
    pub trace_id: Uuid,
    /// Id that the client gave, or a new one.
    pub correlation_id: Uuid,
}

impl Moment {
    /// A moment with new ids.
    #[must_use]
    pub fn new(at: DateTime<Utc>) -> Self {
        Self { at, trace_id: Uuid::new_v4(), correlation_id: Uuid::new_v4() }
    }
}

/// Why the token endpoint gives no token.
#[derive(Debug, thiserror::Error)]
#[error("AADSTS{code}: {message}")]
pub struct TokenError {
    /// HTTP status: 400, 401 or 500.
    pub status: u16,
    /// OAuth error name.
    pub error: &'static str,
    /// Number after `AADSTS`; 90033 for a failure of our own.
    pub code: u32,
    /// What is wrong, in one line.
    pub message: String,
    /// What failed, if it was us. For logs only.
    #[source]
    pub cause: Option<Box<IdentityError>>,
}

impl TokenError {
    /// A refusal that is not our failure.
    #[must_use]
    pub fn new(status: u16, error: &'static str, code: u32, message: String) -> Self {
        Self { status, error, code, message, cause: None }
    }

    /// What is wrong, with the names of this refusal in logs.
    #[must_use]
    pub fn description(&self, moment: &Moment) -> String {
        format!(
            "AADSTS{}: {}\r\nTrace ID: {}\r\nCorrelation ID: {}\r\nTimestamp: {}",
            self.code,
            self.message,
            moment.trace_id,
            moment.correlation_id,
            moment.at.format("%Y-%m-%d %H:%M:%SZ")
        )
    }

    /// The JSON body of the answer.
    #[must_use]
    pub fn body(&self, moment: &Moment) -> Value {
        let timestamp = moment.at.format("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace_id, correlation_id) = (moment.trace_id, moment.correlation_id);
        json!({
            "error": self.error,
            "error_description": self.description(moment),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
        })
    }

    /// A parameter that must be there is not.
    pub(crate) fn missing(parameter: &str) -> Self {
        let message = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new(400, "invalid_request", 900_144, message)
    }

    /// A parameter comes twice.
    pub(crate) fn duplicated(parameter: &str) -> Self {
        let message = format!("The request is not properly formatted. The parameter '{parameter}' is duplicated.");
        Self::new(400, "invalid_request", 9_000_411, message)
    }

    /// The tenant of the path is not known.
    pub(crate) fn unknown_tenant(tenant: &str) -> Self {
        let message = format!(
            "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud.",
            printable(tenant)
        );
        Self::new(400, "invalid_request", 90_002, message)
    }

    /// No application of that client id in the tenant.
    pub(crate) fn unknown_application(client_id: &str, tenant: &str) -> Self {
        let message = format!(
            "Application with identifier '{}' was not found in the directory '{}'.",
            printable(client_id),
            printable(tenant)
        );
        Self::new(400, "unauthorized_client", 700_016, message)
    }

    /// None of the application's secrets.
    pub(crate) fn wrong_secret(client_id: &str) -> Self {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
             not the client secret ID, for a secret added to app '{}'.",
            printable(client_id)
        );
        Self::new(401, "invalid_client", 7_000_215, message)
    }

    /// A secret of the application that has ended.
    pub(crate) fn expired_secret(client_id: &str) -> Self {
        let message = format!(
            "The provided client secret keys for app '{}' are expired. Create new keys for your app.",
            printable(client_id)
        );
        Self::new(401, "invalid_client", 7_000_222, message)
    }
}

impl From<AttemptError> for TokenError {
    /// Too many wrong secrets or passwords: the same answer to right and wrong ones.
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Locked { .. } => {
                let message = "The account is locked, you've tried to sign in too many times with an incorrect user \
                               ID, password or secret. Try again later.";
                Self::new(401, "invalid_client", 50_053, message.to_owned())
            }
            AttemptError::Control(cause) => cause.into(),
        }
    }
}

impl From<IdentityError> for TokenError {
    fn from(error: IdentityError) -> Self {
        let mut refusal =
            Self::new(500, "server_error", 90_033, "A transient error has occurred. Please try again.".to_owned());
        refusal.cause = Some(Box::new(error));
        refusal
    }
}

impl From<ControlError> for TokenError {
    fn from(error: ControlError) -> Self {
        IdentityError::from(error).into()
    }
}

/// A text of the request as it may stand in a message: without control characters, and not endless.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
