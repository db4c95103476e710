//! Which application asks, and that it is the one.

use meterlake_control::{Principal, Secret, Tenant};
use subtle::{Choice, ConstantTimeEq as _};
use uuid::Uuid;

use crate::attempts::client_account;
use crate::{AttemptError, Identity, TokenError, TokenForm, random};

/// The tenant in the path of a request of a person's.
#[derive(Debug, Clone)]
pub(crate) enum Directory {
    /// The one of that id or domain.
    One(Tenant),
    /// `common` or `organizations`: the tenant of whoever signs in.
    Any,
}

/// What an application has to prove itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A secret.
    Secret,
    /// A secret, unless it is public.
    SecretUnlessPublic,
}

impl Identity {
    /// The tenant that a path names in a call for people.
    pub(crate) async fn directory(&self, tenant: &str) -> Result<Directory, TokenError> {
        if ["common", "organizations"].iter().any(|any| any.eq_ignore_ascii_case(tenant)) {
            return Ok(Directory::Any);
        }
        let known = self.inner.control.find_tenant(tenant).await?;
        known.map(Directory::One).ok_or_else(|| TokenError::unknown_tenant(tenant))
    }

    /// The application of that client id in the directory.
    pub(crate) async fn find_application(
        &self,
        directory: &Directory,
        client_id: &str,
    ) -> Result<Principal, TokenError> {
        let place = match directory {
            Directory::One(tenant) => tenant.id.to_string(),
            Directory::Any => "common".to_owned(),
        };
        let unknown = || TokenError::unknown_application(client_id, &place);
        let id = Uuid::try_parse(client_id.trim()).map_err(|_| unknown())?;
        let found = match directory {
            Directory::One(tenant) => self.inner.control.application(tenant.id, id).await?,
            Directory::Any => self.inner.control.application_anywhere(id).await?,
        };
        found.ok_or_else(unknown)
    }

    /// The application that the form names and proves to be.
    pub(crate) async fn application(
        &self,
        directory: &Directory,
        form: &TokenForm,
        proof: Proof,
    ) -> Result<Principal, TokenError> {
        let client_id = form.client_id.as_deref().unwrap_or_default().trim();
        let application = self.find_application(directory, client_id).await?;
        let secret = form.client_secret.as_deref().unwrap_or_default();
        if application.public && proof == Proof::SecretUnlessPublic {
            if !secret.is_empty() {
                let message = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
                return Err(TokenError::new(401, "invalid_client", 700_025, message.to_owned()));
            }
        } else {
            if secret.is_empty() {
                let message =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(TokenError::new(401, "invalid_client", 7_000_218, message.to_owned()));
            }
            let account = client_account(application.id);
            let allowed = self.attempt_allowed(&account).await;
            let secrets = self.inner.control.secrets(application.id).await?;
            match self.check_secret(secret, &secrets) {
                // Nobody guesses 256 bits, so that a lock-out does not hold for the right secret: else whoever knows the
                // id of an application could shut it out.
                Given::Right => match self.attempt_succeeded(&account).await {
                    Ok(()) | Err(AttemptError::Locked { .. }) => {}
                    Err(error) => return Err(error.into()),
                },
                // Whoever has a secret that was good once does not guess.
                Given::Expired => {
                    allowed?;
                    return Err(TokenError::expired_secret(client_id));
                }
                Given::Wrong => {
                    allowed?;
                    self.attempt_failed(&account).await?;
                    return Err(TokenError::wrong_secret(client_id));
                }
            }
        }
        enabled(&application)?;
        Ok(application)
    }

    /// Compares with every secret, whichever fits, so that time tells nothing.
    fn check_secret(&self, given: &str, secrets: &[Secret]) -> Given {
        let hash = random::hash(given);
        let now = self.inner.clock.now();
        let (mut valid, mut expired) = (Choice::from(0), Choice::from(0));
        for secret in secrets.iter().filter(|s| s.revoked_at.is_none()) {
            let same = hash.as_slice().ct_eq(&secret.hash);
            let live = Choice::from(u8::from(now < secret.expires_at));
            valid |= same & live;
            expired |= same & !live;
        }
        match (bool::from(valid), bool::from(expired)) {
            (true, _) => Given::Right,
            (false, true) => Given::Expired,
            (false, false) => Given::Wrong,
        }
    }
}

/// What a given secret is.
enum Given {
    Right,
    Expired,
    Wrong,
}

/// Refuses an application that was disabled.
pub(crate) fn enabled(application: &Principal) -> Result<(), TokenError> {
    if application.enabled {
        return Ok(());
    }
    let id = application.client_id.unwrap_or_default();
    let message = format!("Application '{id}'({}) is disabled.", application.name);
    Err(TokenError::new(400, "unauthorized_client", 7_000_112, message))
}
