//! What a token says.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The claims of an access token. Absent ones are left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Audience as the request spelt it.
    pub(crate) aud: String,
    /// Issuer.
    pub(crate) iss: String,
    /// Issued at, not before, expires: seconds since 1970.
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    /// Client id of the application that got the token.
    pub(crate) appid: String,
    /// How the application proved itself: 1 by secret, 0 not at all.
    pub(crate) appidacr: String,
    /// The same as `appid` and `appidacr`, in tokens of version 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) azp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) azpacr: Option<String>,
    /// `app` for an application's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idtyp: Option<String>,
    /// Name of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What the user signs in with: in tokens of version 2.0, and twice in those of version 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preferred_username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unique_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upn: Option<String>,
    /// The sign-in that it came from, by the id of its token family; absent in tokens that a command made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<Uuid>,
    /// Principal id.
    pub(crate) oid: String,
    pub(crate) sub: String,
    /// An application's roles; absent in a user's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<String>>,
    /// A user's scopes, blank between them; absent in an application's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scp: Option<String>,
    /// Tenant id.
    pub(crate) tid: String,
    /// Token id.
    pub(crate) uti: String,
    /// `1.0` or `2.0`.
    pub(crate) ver: String,
}

/// Version of the endpoint and of the tokens it issues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    V1,
    V2,
}

impl Version {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }

    /// The issuer of a tenant's tokens.
    pub(crate) fn issuer(self, base: &str, tenant: &str) -> String {
        let base = base.trim_end_matches('/');
        match self {
            Self::V1 => format!("{base}/{tenant}/"),
            Self::V2 => format!("{base}/{tenant}/v2.0"),
        }
    }

    pub(crate) fn from_claim(ver: &str) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|v| v.as_str() == ver)
    }
}
