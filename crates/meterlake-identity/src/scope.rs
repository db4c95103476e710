//! What a person's sign-in is to give: an API, and what OpenID Connect adds to it.

use meterlake_control::{ControlError, Principal};

use crate::refusal::printable;
use crate::{Audience, Identity, TokenError};

/// What every sign-in of version 1 gives.
const VERSION_1: &str = "openid profile offline_access";
/// The scopes of OpenID Connect (OpenID Connect Core, 5.4 and 11).
const OPENID: [&str; 4] = ["openid", "profile", "email", OFFLINE];
/// The scope of who wants to go on reading when the person is gone, and what consents call that.
pub(crate) const OFFLINE: &str = "offline_access";
/// The one permission that a person can give away here.
pub(crate) const IMPERSONATION: &str = "user_impersonation";

/// What a sign-in is to give.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// The API, as the request spelt it; empty where only the person's name is asked for.
    pub(crate) resource: String,
    /// Scopes of OpenID Connect, a blank between them.
    pub(crate) scopes: String,
}

/// Whether a list of scopes holds one.
pub(crate) fn holds(scopes: &str, scope: &str) -> bool {
    scopes.split(' ').any(|s| s == scope)
}

impl Identity {
    /// What a request of version 1 asks for by `resource`.
    pub(crate) fn asked_v1(&self, resource: Option<&str>) -> Result<Asked, TokenError> {
        let (_, resource) = self.resource(resource.unwrap_or_default())?;
        Ok(Asked { resource, scopes: VERSION_1.to_owned() })
    }

    /// What a request of version 2 asks for by `scope`: scopes of OpenID Connect, and permissions of one API.
    pub(crate) fn asked_v2(&self, scope: &str) -> Result<Asked, TokenError> {
        let mut asked = Asked::default();
        let mut openid: Vec<&str> = Vec::new();
        for scope in scope.split_ascii_whitespace() {
            if OPENID.contains(&scope) {
                if !openid.contains(&scope) {
                    openid.push(scope);
                }
                continue;
            }
            let permission = scope.rsplit_once('/').filter(|(_, p)| matches!(*p, ".default" | IMPERSONATION));
            let Some((resource, _)) = permission.filter(|(resource, _)| !resource.is_empty()) else {
                let message = format!(
                    "The provided value for the input parameter 'scope' is not valid. The scope {} is not valid: \
                     expected openid, profile, email, offline_access, or a resource identifier (application ID URI) \
                     followed by /.default.",
                    printable(scope)
                );
                return Err(TokenError::new(400, "invalid_scope", 70_011, message));
            };
            let audience = self.inner.config.audiences.find(resource);
            let audience = audience.ok_or_else(|| unknown_resource("invalid_scope", resource))?;
            if asked.resource.is_empty() {
                resource.clone_into(&mut asked.resource);
            } else if self.audience_of(&asked.resource) != Some(audience) {
                let message = format!(
                    "The provided value for the input parameter scope '{}' is not valid because it contains more \
                     than one resource. Scopes of one token are of one resource.",
                    printable(scope)
                );
                return Err(TokenError::new(400, "invalid_scope", 28_000, message));
            }
        }
        if openid.is_empty() && asked.resource.is_empty() {
            return Err(TokenError::missing("scope"));
        }
        asked.scopes = openid.join(" ");
        Ok(asked)
    }

    /// The API that a kept resource names.
    pub(crate) fn audience_of(&self, resource: &str) -> Option<Audience> {
        self.inner.config.audiences.find(resource)
    }

    /// What consents call the API: its short name, or nothing where only the person's name is asked for.
    pub(crate) fn consent_name(&self, resource: &str) -> &'static str {
        self.audience_of(resource).map_or("", Audience::as_str)
    }

    /// The audience of a v1 request and its name as spelt there.
    pub(crate) fn resource(&self, resource: &str) -> Result<(Audience, String), TokenError> {
        let audiences = &self.inner.config.audiences;
        let resource = resource.trim();
        if resource.is_empty() {
            return Ok((Audience::B2c, audiences.name(Audience::B2c).to_owned()));
        }
        let audience = audiences.find(resource).ok_or_else(|| unknown_resource("invalid_request", resource))?;
        Ok((audience, resource.to_owned()))
    }

    /// The audience of an application's v2 scope and its name as spelt there. An application has no use for the scopes
    /// of OpenID Connect, which some client libraries add to whatever they ask for.
    pub(crate) fn scope(&self, scope: &str) -> Result<(Audience, String), TokenError> {
        let mut named = scope.split_ascii_whitespace().filter(|name| !OPENID.contains(name));
        let resource = named.next().and_then(|name| name.strip_suffix("/.default")).filter(|name| !name.is_empty());
        let (Some(resource), None) = (resource, named.next()) else {
            let message = format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {} is not valid: client \
                 credentials take one resource identifier (application ID URI) suffixed with /.default.",
                printable(scope)
            );
            return Err(TokenError::new(400, "invalid_scope", 70_011, message));
        };
        let audience =
            self.inner.config.audiences.find(resource).ok_or_else(|| unknown_resource("invalid_scope", resource))?;
        Ok((audience, resource.to_owned()))
    }

    /// The name that a person signs in with and that tokens carry (`upn`): with a domain of the tenant where the
    /// user's own name has none.
    pub(crate) async fn sign_in_name(&self, user: &Principal) -> Result<String, ControlError> {
        if user.name.contains('@') {
            return Ok(user.name.clone());
        }
        let tenant = self.inner.control.tenant(user.tenant).await?;
        let domain = tenant.and_then(|tenant| tenant.domains.into_iter().next());
        Ok(domain.map_or_else(|| user.name.clone(), |domain| format!("{}@{domain}", user.name)))
    }
}

fn unknown_resource(error: &'static str, resource: &str) -> TokenError {
    let message = format!("The resource principal named {} was not found in the tenant.", printable(resource));
    TokenError::new(400, error, 500_011, message)
}
