//! What an operator can set about the server.

use std::path::PathBuf;

use meterlake_reports::{MfaCounts, PriceList};

use crate::connection::ConnectionLimits;

/// Settings of the HTTP server. [`ServerConfig::new`] holds the defaults of the contracts.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Scheme and authority that links to this server start with, for example `https://usage.example.org`.
    /// `None`: taken from each request's `Host` header.
    pub base_url: Option<String>,
    /// Whether `X-Forwarded-Proto` and `X-Forwarded-Host` are believed; only behind a proxy that sets them.
    pub trust_forwarded: bool,
    /// EA usage details.
    pub ea: EaConfig,
    /// Partner Center usage analytics.
    pub analytics: FamilyConfig,
    /// Partner Center customer usage summary.
    pub summary: FamilyConfig,
    /// Azure AD B2C usage reports.
    pub b2c: B2cConfig,
    /// C3 licence consumption.
    pub c3: FamilyConfig,
    /// Prices of bill estimates; without them there are no estimates.
    pub prices: Option<PriceList>,
    /// Folder of the asynchronous export files.
    pub exports_dir: PathBuf,
    /// Requests that a principal may make in a minute; 0 switches the limit off.
    pub rate_limit_per_minute: u32,
    /// Wrong EA keys that one address may send in a minute before it is answered 429; 0 switches the limit off.
    pub wrong_keys_per_minute: u32,
    /// Sign-in forms and device codes that one address may ask for in a minute before it is answered 429; 0 switches the
    /// limit off.
    pub sign_ins_per_minute: u32,
    /// Exports that a principal may have queued or running at a time.
    pub running_exports: usize,
    /// How many connections there may be, and how long each may take over what.
    pub connections: ConnectionLimits,
}

/// Settings of the EA family.
#[derive(Debug, Clone, Copy, Default)]
pub struct EaConfig {
    /// Leaves out marketplace and purchase rows.
    pub usage_only: bool,
    /// Puts a byte order mark before JSON bodies, as some old scripts expect.
    pub bom: bool,
}

/// Settings of the B2C family.
#[derive(Debug, Clone, Copy, Default)]
pub struct B2cConfig {
    /// Which MFA requests count.
    pub mfa_counts: MfaCounts,
    /// Puts a byte order mark before JSON bodies, as some old scripts expect.
    pub bom: bool,
}

/// Settings that the other families have alike.
#[derive(Debug, Clone, Copy, Default)]
pub struct FamilyConfig {
    /// Puts a byte order mark before JSON bodies, as some old scripts expect.
    pub bom: bool,
}

impl ServerConfig {
    /// The defaults, with export files in `exports_dir`.
    #[must_use]
    pub fn new(exports_dir: impl Into<PathBuf>) -> Self {
        Self {
            base_url: None,
            trust_forwarded: false,
            ea: EaConfig::default(),
            analytics: FamilyConfig::default(),
            summary: FamilyConfig::default(),
            b2c: B2cConfig::default(),
            c3: FamilyConfig::default(),
            prices: None,
            exports_dir: exports_dir.into(),
            rate_limit_per_minute: 600,
            wrong_keys_per_minute: 60,
            sign_ins_per_minute: 120,
            running_exports: 4,
            connections: ConnectionLimits::default(),
        }
    }
}
