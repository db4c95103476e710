//! Bodies of the token endpoint's answers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use meterlake_control::Principal;
use serde_json::{Map, Value, json};

use crate::TokenAnswer;
use crate::claims::Version;
use crate::issue::IssuedToken;
use crate::scope::IMPERSONATION;

/// What an answer tells.
pub(crate) struct Answered<'a> {
    pub(crate) token: &'a IssuedToken,
    /// The API as the request spelt it.
    pub(crate) resource: &'a str,
    /// What a person's sign-in adds.
    pub(crate) person: Option<PersonAnswered<'a>>,
}

/// What an answer tells besides when a person signed in.
pub(crate) struct PersonAnswered<'a> {
    /// Scopes of OpenID Connect that were granted, a blank between them.
    pub(crate) scopes: &'a str,
    pub(crate) refresh_token: Option<String>,
    pub(crate) id_token: Option<String>,
    /// The person, when the request asks for it with `client_info=1`.
    pub(crate) client_info: Option<&'a Principal>,
}

impl Answered<'_> {
    /// The body: every value a string in version 1, numbers in version 2.
    pub(crate) fn body(&self, version: Version) -> TokenAnswer {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        let lifetime = self.token.lifetime_seconds();
        put("token_type", json!("Bearer"));
        if let Some(person) = &self.person {
            put("scope", json!(self.scope(version, person.scopes)));
        }
        match version {
            Version::V1 => {
                put("expires_in", json!(lifetime.to_string()));
                put("ext_expires_in", json!(lifetime.to_string()));
                put("expires_on", json!(self.token.expires_at.timestamp().to_string()));
                put("not_before", json!(self.token.not_before.timestamp().to_string()));
                put("resource", json!(self.resource));
            }
            Version::V2 => {
                put("expires_in", json!(lifetime));
                put("ext_expires_in", json!(lifetime));
            }
        }
        put("access_token", json!(self.token.token));
        if let Some(person) = &self.person {
            for (name, token) in [("refresh_token", &person.refresh_token), ("id_token", &person.id_token)] {
                if let Some(token) = token {
                    put(name, json!(token));
                }
            }
            if let Some(user) = person.client_info {
                // What MSAL names its accounts by.
                let info = json!({ "uid": user.id, "utid": user.tenant });
                put("client_info", json!(URL_SAFE_NO_PAD.encode(info.to_string())));
            }
        }
        TokenAnswer { body: Value::Object(body) }
    }

    /// The scopes that the access token is good for, as the version names them.
    fn scope(&self, version: Version, scopes: &str) -> String {
        if version == Version::V1 {
            return IMPERSONATION.to_owned();
        }
        let openid = scopes.split(' ').filter(|s| !s.is_empty() && *s != "offline_access").map(str::to_owned);
        // Also `.default`, so that a client that asked for it finds the token again in its cache.
        let of_resource = [IMPERSONATION, ".default"].map(|permission| format!("{}/{permission}", self.resource));
        let of_resource = of_resource.into_iter().filter(|_| !self.resource.is_empty());
        of_resource.chain(openid).collect::<Vec<_>>().join(" ")
    }
}
