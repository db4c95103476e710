//! Ids as types of their own, so that an enrolment number is never taken for a customer.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}: {given:?}")]
pub struct IdError {
    /// What was expected, for a message.
    pub expected: &'static str,
    /// The text as given.
    pub given: String,
}

macro_rules! guid_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = IdError;

            /// Reads the 36-character form with hyphens, in any case.
            fn from_str(text: &str) -> Result<Self, IdError> {
                (text.len() == 36)
                    .then(|| Uuid::try_parse(text).ok())
                    .flatten()
                    .map(Self)
                    .ok_or_else(|| IdError { expected: $expected, given: text.to_owned() })
            }
        }

        impl fmt::Display for $name {
            /// Lower case with hyphens.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

guid_id!(
    /// A CSP customer, by its Microsoft tenant id.
    CustomerTenantId, "a customer tenant id (GUID)"
);
guid_id!(
    /// A directory tenant that issues tokens and whose reports are asked for.
    TenantId, "a tenant id (GUID)"
);
guid_id!(
    /// One run of one or more files into the lake. Time-ordered (UUID version 7).
    ImportId, "an import id (GUID)"
);
guid_id!(
    /// Who calls: an application or a user.
    PrincipalId, "a principal id (GUID)"
);

impl ImportId {
    /// A new id that sorts after every id made at an earlier millisecond of `now`.
    #[must_use]
    pub fn new(now: chrono::DateTime<chrono::Utc>) -> Self {
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let context = uuid::NoContext;
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(context, seconds, now.timestamp_subsec_nanos())))
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { expected: $expected, given: text.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

/// Ids of organisations as they stand in files: not empty, no control characters, at most 512 bytes.
fn plain_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= 512 && text == text.trim() && !text.chars().any(char::is_control)
}

text_id!(
    /// The unit a source file covers: EA enrolment number, MCA billing account or partner id, as imported.
    BillingAccountId, "a billing account id", plain_text
);
text_id!(
    /// The enrolment number in an EA route.
    EnrolmentNumber, "an enrolment number", |text| {
        !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    }
);
text_id!(
    /// An ISO 4217 currency code in capitals.
    CurrencyCode, "a currency code of three capital letters", |text| {
        text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
    }
);
