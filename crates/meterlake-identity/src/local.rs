//! Whoever runs the program on the data folder itself asks as a caller who may read everything.

use std::sync::Arc;

use meterlake_control::{GrantScope, KeySlot};
use meterlake_model::{EnrolmentNumber, PrincipalId, TenantId};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{Audience, Caller, EaCaller, Identity, IdentityError, random};

/// The credential of the local operator. It lives in this process only and is never stored.
#[derive(Debug)]
pub(crate) struct LocalOperator {
    hash: [u8; 32],
    enrolment: Option<EnrolmentNumber>,
}

impl Identity {
    /// An identity that besides its own callers knows the operator of the data folder, by the credential given with
    /// it: a token of every audience, and a key of `enrolment`. For a program that asks its own server, in its own
    /// process.
    ///
    /// # Errors
    /// [`IdentityError::Crypto`] when no random credential can be made.
    pub fn with_local_operator(&self, enrolment: Option<EnrolmentNumber>) -> Result<(Self, String), IdentityError> {
        let credential = format!("local-{}", random::secret()?);
        let local = LocalOperator { hash: random::hash(&credential), enrolment };
        Ok((Self { inner: Arc::clone(&self.inner), local: Some(Arc::new(local)) }, credential))
    }

    /// The local operator, when the credential is its.
    fn local(&self, credential: &str) -> Option<&LocalOperator> {
        let local = self.local.as_deref()?;
        bool::from(random::hash(credential).ct_eq(&local.hash)).then_some(local)
    }

    /// The operator as a caller of the audience: a user where only users may call, else an application.
    pub(crate) fn local_caller(&self, credential: &str, audience: Audience) -> Option<Caller> {
        self.local(credential)?;
        Some(Caller {
            principal: PrincipalId(Uuid::nil()),
            is_user: audience == Audience::PartnerCenter,
            name: "local operator".to_owned(),
            tenant: TenantId(Uuid::nil()),
            grants: Arc::new([GrantScope::AllCustomers, GrantScope::AllTenants].into_iter().collect()),
            revision: None,
        })
    }

    /// The operator as the holder of a key.
    pub(crate) fn local_ea_caller(&self, credential: &str) -> Option<EaCaller> {
        let enrolment = self.local(credential)?.enrolment.clone()?;
        Some(EaCaller { key: Uuid::nil(), slot: KeySlot::Primary, enrolment })
    }
}
