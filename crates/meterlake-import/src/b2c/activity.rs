//! What audit records say was done, and what it counts as.
//!
//! One authentication is one issue of tokens, counted once by the `id` of its audit record. Records of one sign-in
//! share a correlation id; within such a group:
//!
//! - every `Issue an id_token…` is an authentication: `hybrid` if the group also issued an authorization code, else
//!   `implicit`;
//! - an `Issue an authorization code…` is an authentication (`…-authcode`) if the group issued no id_token; with one it
//!   is a part of that hybrid sign-in, which counts once;
//! - every `Exchange token`, or refresh of a token, is an authentication of its own: `…-refreshtoken`;
//! - an access token or SAML assertion is a part of the id_token, code or exchange of its group; where there is none of
//!   them it is an authentication of flow `other`.
//!
//! A record that succeeded is a part only of one that succeeded too, so that no successful sign-in is lost. Records
//! without correlation id stand alone. Each SMS sent and each call made is an MFA attempt, whatever else its group
//! holds. All of this follows from the set of records alone: not from their order, files or imports.

use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Activity {
    IdToken,
    Code,
    AccessToken,
    Saml,
    Exchange,
    Sms,
    Call,
}

impl Activity {
    const ALL: [Self; 7] =
        [Self::IdToken, Self::Code, Self::AccessToken, Self::Saml, Self::Exchange, Self::Sms, Self::Call];

    /// The activity with this display name; none for those that nothing counts.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "send sms to verify phone number" => Some(Self::Sms),
            "make phone call to verify phone number" => Some(Self::Call),
            name if name.starts_with("exchange token") => Some(Self::Exchange),
            name if name.starts_with("issue a refresh") || name.starts_with("refresh") && name.contains("token") => {
                Some(Self::Exchange)
            }
            name if name.starts_with("issue an id_token") => Some(Self::IdToken),
            name if name.starts_with("issue an authorization code") => Some(Self::Code),
            name if name.starts_with("issue an access token") => Some(Self::AccessToken),
            name if name.starts_with("issue a saml assertion") => Some(Self::Saml),
            _ => None,
        }
    }

    /// As in the column `activity`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "id_token",
            Self::Code => "code",
            Self::AccessToken => "access_token",
            Self::Saml => "saml",
            Self::Exchange => "exchange",
            Self::Sms => "sms",
            Self::Call => "call",
        }
    }

    /// From the column `activity`.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == text)
    }

    /// As in the column `mfa_method`.
    pub(crate) const fn mfa_method(self) -> &'static str {
        match self {
            Self::Sms => "SmsMfa",
            Self::Call => "VoiceMfa",
            _ => "",
        }
    }
}

/// Whether an application can keep a secret. Ordered by what wins when imports differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Client {
    /// Nobody said; counts as public.
    #[default]
    Unknown,
    Public,
    Confidential,
}

impl Client {
    /// As in the column `client_type`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Public => "public",
            Self::Confidential => "confidential",
        }
    }

    /// From the column `client_type`.
    pub(crate) fn stored(text: &str) -> Self {
        match text {
            "public" => Self::Public,
            "confidential" => Self::Confidential,
            _ => Self::Unknown,
        }
    }
}

/// What a record counts as: the columns `kind` and `flow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: &'static str,
    pub(crate) flow: &'static str,
}

/// The records of one group, as far as counting them asks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    /// Whether there is one of the activity, and whether one succeeded.
    any: [bool; 7],
    succeeded: [bool; 7],
}

impl Group {
    /// Adds a record.
    pub(crate) fn add(&mut self, activity: Activity, success: bool) {
        self.any[activity as usize] = true;
        self.succeeded[activity as usize] |= success;
    }

    /// Whether a record is a part of one of these activities.
    fn part_of(&self, success: bool, of: &[Activity]) -> bool {
        let known = if success { &self.succeeded } else { &self.any };
        of.iter().any(|a| known[*a as usize])
    }

    /// What a record of the group counts as.
    pub(crate) fn place(&self, activity: Activity, client: Client, success: bool) -> Place {
        use meterlake_lake::tables::b2c_events::{AUTHENTICATION, MFA, PART};
        let confidential = client == Client::Confidential;
        let counted = |flow| Place { kind: AUTHENTICATION, flow };
        let part = Place { kind: PART, flow: "" };
        match activity {
            Activity::Sms | Activity::Call => Place { kind: MFA, flow: "" },
            Activity::Exchange if confidential => counted("confclient-refreshtoken"),
            Activity::Exchange => counted("publicclient-refreshtoken"),
            Activity::IdToken if self.any[Activity::Code as usize] => counted("hybrid"),
            Activity::IdToken => counted("implicit"),
            Activity::Code if self.part_of(success, &[Activity::IdToken]) => part,
            Activity::Code if self.any[Activity::IdToken as usize] => counted("hybrid"),
            Activity::Code if confidential => counted("confclient-authcode"),
            Activity::Code => counted("publicclient-authcode"),
            Activity::AccessToken | Activity::Saml
                if self.part_of(success, &[Activity::IdToken, Activity::Code, Activity::Exchange]) =>
            {
                part
            }
            Activity::AccessToken | Activity::Saml => counted("other"),
        }
    }
}
