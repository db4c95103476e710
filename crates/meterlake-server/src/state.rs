//! What every request has at hand.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use meterlake_control::Control;
use meterlake_identity::{Identity, LinkSigner};
use meterlake_model::SharedClock;
use meterlake_reports::{ReportError, Reports};
use tokio::sync::Semaphore;

use crate::ServerConfig;
use crate::next_link;
use crate::rate_limit::RateLimit;
use crate::refusal::Refusal;

/// Exports that are written at the same time over all principals; more wait as queued.
const EXPORTS_AT_ONCE: usize = 4;

/// Where the server listens, and whether it speaks TLS there.
#[derive(Clone, Copy)]
struct Listens {
    address: SocketAddr,
    tls: bool,
}

/// Everything that the server answers from. Cheap to clone.
#[derive(Clone)]
pub struct ServerState(Arc<Inner>);

struct Inner {
    reports: Reports,
    identity: Identity,
    control: Control,
    clock: SharedClock,
    config: ServerConfig,
    rate_limit: RateLimit,
    wrong_keys: RateLimit,
    sign_ins: RateLimit,
    export_slots: Arc<Semaphore>,
    next_links: LinkSigner,
    export_links: LinkSigner,
    sign_in_forms: LinkSigner,
    listens: OnceLock<Listens>,
}

impl ServerState {
    /// The state of a server with these parts.
    #[must_use]
    pub fn new(
        reports: Reports,
        identity: Identity,
        control: Control,
        clock: SharedClock,
        config: ServerConfig,
    ) -> Self {
        let rate_limit = RateLimit::new(Arc::clone(&clock), config.rate_limit_per_minute);
        let wrong_keys = RateLimit::new(Arc::clone(&clock), config.wrong_keys_per_minute);
        let sign_ins = RateLimit::new(Arc::clone(&clock), config.sign_ins_per_minute);
        let export_slots = Arc::new(Semaphore::new(EXPORTS_AT_ONCE));
        let (next_links, export_links) = (identity.link_signer("next-link"), identity.link_signer("export-link"));
        let sign_in_forms = identity.link_signer("sign-in-form");
        Self(Arc::new(Inner {
            reports,
            identity,
            control,
            clock,
            config,
            rate_limit,
            wrong_keys,
            sign_ins,
            export_slots,
            next_links,
            export_links,
            sign_in_forms,
            listens: OnceLock::new(),
        }))
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.0.reports
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    pub(crate) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    pub(crate) fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    pub(crate) fn rate_limit(&self) -> &RateLimit {
        &self.0.rate_limit
    }

    /// The limiter of wrong EA keys, by the address that they come from.
    pub(crate) fn wrong_keys(&self) -> &RateLimit {
        &self.0.wrong_keys
    }

    /// The limiter, by address, of what is done before anybody is known: sign-in forms, device codes.
    pub(crate) fn sign_ins(&self) -> &RateLimit {
        &self.0.sign_ins
    }

    pub(crate) fn export_slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.export_slots)
    }

    pub(crate) fn next_links(&self) -> &LinkSigner {
        &self.0.next_links
    }

    pub(crate) fn export_links(&self) -> &LinkSigner {
        &self.0.export_links
    }

    pub(crate) fn sign_in_forms(&self) -> &LinkSigner {
        &self.0.sign_in_forms
    }

    /// Tells where the server listens, and whether it speaks TLS there.
    pub(crate) fn listens_on(&self, address: SocketAddr, tls: bool) {
        let _ = self.0.listens.set(Listens { address, tls });
    }

    /// Scheme and authority of the server itself: the scheme for links where nothing else tells it, the authority for
    /// links in answers to requests that have no usable `Host`.
    pub(crate) fn own_base(&self) -> (&'static str, String) {
        match self.0.listens.get() {
            Some(Listens { address, tls }) => {
                let scheme = if *tls { "https" } else { "http" };
                let unspecified = address.ip().is_unspecified();
                let authority = if unspecified { format!("localhost:{}", address.port()) } else { address.to_string() };
                (scheme, authority)
            }
            None => ("http", "localhost".to_owned()),
        }
    }
}

impl From<ReportError> for Refusal {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::SnapshotGone(snapshot) => next_link::snapshot_gone(snapshot),
            ReportError::Busy { retry_after_seconds } => Self::Overloaded { retry_after: retry_after_seconds.max(1) },
            ReportError::Memory(cause) => {
                tracing::warn!(%cause, "a report needed more memory than it may use");
                Self::Overloaded { retry_after: 30 }
            }
            ReportError::Overflow(cause) => {
                tracing::error!(%cause, "a total does not fit");
                Self::Internal("A total has more than 38 digits and cannot be given exactly.".to_owned())
            }
            other => Self::fault(&other),
        }
    }
}

impl From<meterlake_control::ControlError> for Refusal {
    fn from(error: meterlake_control::ControlError) -> Self {
        Self::fault(&error)
    }
}

impl From<meterlake_reports::EncodeError> for Refusal {
    fn from(error: meterlake_reports::EncodeError) -> Self {
        Self::fault(&error)
    }
}
