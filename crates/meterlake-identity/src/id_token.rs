//! Id tokens: who signed in, for the application (OpenID Connect Core, 2).

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::claims::Version;
use crate::issue::Order;
use crate::scope::holds;
use crate::user_grants::SignedIn;
use crate::{Identity, IdentityError};

/// What an id token is made from.
pub(crate) struct IdTokenOrder<'a> {
    pub(crate) order: &'a Order<'a>,
    /// The name that the person signs in with.
    pub(crate) name: &'a str,
    pub(crate) signed_in: &'a SignedIn<'a>,
    pub(crate) client_id: &'a str,
}

/// The claims of an id token. Absent ones are left out.
#[derive(Serialize)]
struct IdClaims<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    oid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    sid: Uuid,
    sub: String,
    tid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<&'a str>,
    uti: String,
    ver: &'static str,
}

impl Identity {
    /// Signs the id token of a sign-in; it lives as long as the access token beside it.
    pub(crate) async fn id_token(&self, of: &IdTokenOrder<'_>) -> Result<String, IdentityError> {
        let IdTokenOrder { order, name, signed_in, client_id } = of;
        let SignedIn { user, family, .. } = signed_in;
        let begin = self.inner.clock.now().timestamp();
        let tid = user.tenant.to_string();
        let v1 = order.version == Version::V1;
        let claims = IdClaims {
            aud: client_id,
            iss: order.version.issuer(order.issuer_base, &tid),
            iat: begin,
            nbf: begin,
            exp: begin.saturating_add(order.lifetime_seconds),
            auth_time: signed_in.signed_in_at.as_ref().map(DateTime::<Utc>::timestamp),
            email: (holds(&family.scopes, "email") && name.contains('@')).then_some(name),
            name: &user.name,
            nonce: signed_in.nonce,
            oid: user.id.to_string(),
            preferred_username: (!v1).then_some(name),
            sid: family.id,
            sub: user.id.to_string(),
            tid,
            unique_name: v1.then_some(name),
            upn: v1.then_some(name),
            uti: Uuid::new_v4().simple().to_string(),
            ver: order.version.as_str(),
        };
        self.inner.keys.sign(&self.inner.control, &claims).await
    }
}
