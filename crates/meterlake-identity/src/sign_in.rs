//! People at the sign-in page: their password, and the session of their browser.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_control::{Principal, PrincipalKind};

use crate::client::Directory;
use crate::{Identity, IdentityError, TokenError, random};

/// A person who is signed in in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user.
    pub user: Principal,
    /// The name that the person signs in with.
    pub name: String,
    /// When the password was given.
    pub signed_in_at: DateTime<Utc>,
}

/// A browser that was just signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Who.
    pub person: Person,
    /// The text that the browser keeps as a cookie; only its hash is kept here.
    pub cookie: String,
}

impl std::fmt::Debug for NewSession {
    /// Without the cookie.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession").field("person", &self.person).finish_non_exhaustive()
    }
}

impl Identity {
    /// Signs a person in by name and password; where an application sent the person, only a user of its tenant.
    ///
    /// # Errors
    /// AADSTS50126 for a name or password that is wrong, AADSTS50053 after too many of them, AADSTS50057 for a user
    /// that was stopped, AADSTS50020 for one of another tenant.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        application: Option<&Principal>,
    ) -> Result<NewSession, TokenError> {
        let name = name.trim();
        let user = self.user_called(name).await?;
        let account = match &user {
            Some(user) => format!("user:{}", user.id),
            None => format!("name:{}", self.bare(name).await?),
        };
        // Whatever comes of it, it takes the work of one hash.
        let allowed = self.attempt_allowed(&account).await;
        let hash = match &user {
            Some(user) => self.inner.control.password_hash(user.id).await?,
            None => None,
        };
        let fits = self.inner.passwords.fits(password, hash.clone()).await?;
        allowed?;
        let (user, hash) = match user.zip(hash).filter(|_| fits) {
            Some(found) => found,
            None => {
                self.attempt_failed(&account).await?;
                return Err(wrong_password());
            }
        };
        self.attempt_succeeded(&account).await?;
        if !user.enabled {
            let message = "The user account is disabled.";
            return Err(TokenError::new(400, "invalid_grant", 50_057, message.to_owned()));
        }
        if let Some(application) = application {
            at_home(&user, application)?;
        }
        self.begin_session(user, &hash).await
    }

    /// The user that a person means: by its name, or with a domain of its tenant behind it.
    async fn user_called(&self, name: &str) -> Result<Option<Principal>, TokenError> {
        let control = &self.inner.control;
        if let Some(user) = control.user(name).await? {
            return Ok(Some(user));
        }
        let Some((local, domain)) = name.rsplit_once('@') else { return Ok(None) };
        let Some(tenant) = control.find_tenant(domain).await? else { return Ok(None) };
        Ok(control.user(local).await?.filter(|user| user.tenant == tenant.id))
    }

    /// A name that nobody has without a domain that may stand behind it, so that it is counted as a name is that somebody
    /// has: with its domain and without.
    async fn bare<'a>(&self, name: &'a str) -> Result<&'a str, TokenError> {
        let Some((local, domain)) = name.rsplit_once('@') else { return Ok(name) };
        Ok(if self.inner.control.find_tenant(domain).await?.is_some() { local } else { name })
    }

    /// Begins a session of a user whose password with that hash was given, unless it was changed meanwhile.
    async fn begin_session(&self, user: Principal, hash: &str) -> Result<NewSession, TokenError> {
        let cookie = random::secret()?;
        let now = self.inner.clock.now();
        let life = TimeDelta::hours(i64::from(self.inner.config.session_hours));
        let ends = now.checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let control = self.inner.control.acting_as(&format!("principal:{}", user.id));
        if !control.add_session(&random::hash(&cookie), user.id, hash, ends).await? {
            return Err(wrong_password());
        }
        let name = self.sign_in_name(&user).await?;
        Ok(NewSession { person: Person { user, name, signed_in_at: now }, cookie })
    }

    /// Who is signed in in the browser with that cookie.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn signed_in(&self, cookie: &str) -> Result<Option<Person>, TokenError> {
        let Some(session) = self.inner.control.session(&random::hash(cookie)).await? else { return Ok(None) };
        let user = self.inner.control.principal(session.user).await?;
        let Some(user) = user.filter(|user| user.enabled && user.kind == PrincipalKind::User) else {
            return Ok(None);
        };
        let name = self.sign_in_name(&user).await?;
        Ok(Some(Person { user, name, signed_in_at: session.created_at }))
    }

    /// Signs the browser with that cookie out.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), TokenError> {
        let hash = random::hash(cookie);
        if let Some(session) = self.inner.control.session(&hash).await? {
            let person = format!("principal:{}", session.user);
            self.inner.control.acting_as(&person).end_session(&hash).await?;
        }
        Ok(())
    }

    /// A random text of 256 bits, for a cookie.
    ///
    /// # Errors
    /// [`IdentityError::Crypto`] when no random bits can be had.
    pub fn random_text(&self) -> Result<String, IdentityError> {
        random::secret()
    }

    /// Refuses a path whose tenant is not known.
    ///
    /// # Errors
    /// AADSTS90002.
    pub async fn check_tenant(&self, tenant: &str) -> Result<(), TokenError> {
        let _: Directory = self.directory(tenant).await?;
        Ok(())
    }
}

fn wrong_password() -> TokenError {
    let message = "Error validating credentials due to invalid username or password.";
    TokenError::new(400, "invalid_grant", 50_126, message.to_owned())
}

/// Refuses a user of another tenant than the application's.
pub(crate) fn at_home(user: &Principal, application: &Principal) -> Result<(), TokenError> {
    if user.tenant == application.tenant {
        return Ok(());
    }
    let message = format!(
        "User account '{}' does not exist in tenant '{}' and cannot access the application '{}'({}) in that tenant. \
         Sign out and sign in again with a different account.",
        user.name,
        application.tenant,
        application.client_id.unwrap_or_default(),
        application.name
    );
    Err(TokenError::new(400, "invalid_grant", 50_020, message))
}

impl Person {
    /// Whether the person belongs to the tenant of the application.
    #[must_use]
    pub fn is_at_home_in(&self, application: &Principal) -> bool {
        at_home(&self.user, application).is_ok()
    }
}
