//! Passwords of people: argon2id with 19 MiB of memory, 2 passes and 1 lane, a salt of 128 bits each.

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use meterlake_model::PrincipalId;
use tokio::sync::Semaphore;

use crate::{Identity, IdentityError, random};

/// Memory of a hash, in KiB.
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Hashes made at the same time, so that a flood of sign-ins does not fill the memory.
const AT_ONCE: usize = 2;
/// Shortest password, in characters.
const SHORTEST: usize = 8;
/// Longest password, in bytes.
const LONGEST: usize = 1024;
/// A hash that no password has, compared with where there is none, so that time tells nothing.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bWV0ZXJsYWtlLXNhbHQtMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Makes and compares hashes.
#[derive(Clone)]
pub(crate) struct PasswordHashing(Arc<Semaphore>);

impl Default for PasswordHashing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl PasswordHashing {
    /// The hash of a new password.
    async fn hash(&self, password: &str) -> Result<String, IdentityError> {
        let password = password.to_owned();
        self.run(move || {
            let hash = argon2().and_then(|argon2| Ok(argon2.hash_password(password.as_bytes())?.to_string()));
            hash.map_err(|_| IdentityError::Crypto("hashing a password"))
        })
        .await?
    }

    /// Whether the password is the one of this hash; takes as long without a hash.
    pub(crate) async fn fits(&self, password: &str, hash: Option<String>) -> Result<bool, IdentityError> {
        let password = password.to_owned();
        let there = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let fits = self.run(move || Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok());
        Ok(fits.await? && there)
    }

    /// Runs on a thread that may be busy for long, a few at a time.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, IdentityError> {
        let failed = "hashing a password";
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| IdentityError::Crypto(failed))?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(|_| IdentityError::Crypto(failed))
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Identity {
    /// Sets a user's password. Whoever signed in with an older one is signed out, its tokens included.
    ///
    /// # Errors
    /// When the password is shorter than 8 characters or longer than 1024 bytes, there is no such principal, or it is
    /// an application.
    pub async fn set_password(&self, user: PrincipalId, password: &str) -> Result<(), IdentityError> {
        self.check_password(password)?;
        let hash = self.inner.passwords.hash(password).await?;
        Ok(self.inner.control.set_password_hash(user, &hash).await?)
    }

    /// Checks that a password may be set.
    ///
    /// # Errors
    /// When it is shorter than 8 characters or longer than 1024 bytes.
    pub fn check_password(&self, password: &str) -> Result<(), IdentityError> {
        if password.chars().count() < SHORTEST || password.len() > LONGEST {
            return Err(IdentityError::Password);
        }
        Ok(())
    }

    /// A random password that is easy to type: 16 letters in groups of four, more than 69 bits.
    ///
    /// # Errors
    /// [`IdentityError::Crypto`] when no random bits can be had.
    pub fn random_password(&self) -> Result<String, IdentityError> {
        Ok(random::letters(16)?.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_fit_their_password_only() {
        let hashing = PasswordHashing::default();
        let hash = hashing.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hashing.hash("correct horse").await.unwrap());
        assert!(hashing.fits("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!hashing.fits("correct horsf", Some(hash)).await.unwrap());
        assert!(!hashing.fits("correct horse", None).await.unwrap());
        assert!(!hashing.fits("x", Some("not a hash".to_owned())).await.unwrap());
        // The stand-in is a hash that takes the same work, not one that is thrown out unread.
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODY).is_ok());
    }
}
