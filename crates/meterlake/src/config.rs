//! Settings: a commented default file in the binary, overridden by `meterlake.toml`.

use std::num::NonZeroU32;
use std::path::Path;

use anyhow::Context as _;
use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;

/// The commented defaults, also what `meterlake config` prints.
pub(crate) const DEFAULTS: &str = include_str!("default.toml");

/// Every setting; see `default.toml` for what each means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: String,
    pub(crate) base_url: String,
    pub(crate) trust_forwarded: bool,
    pub(crate) tls: Tls,
    pub(crate) connections: Connections,
    pub(crate) query: Query,
    pub(crate) maintenance: Maintenance,
    pub(crate) limits: Limits,
    pub(crate) tokens: Tokens,
    pub(crate) ea: Ea,
    pub(crate) analytics: Family,
    pub(crate) summary: Family,
    pub(crate) b2c: B2c,
    pub(crate) c3: Family,
    #[serde(default)]
    pub(crate) issuers: Vec<Issuer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connections {
    pub(crate) at_once: NonZeroU32,
    pub(crate) handshake_seconds: NonZeroU32,
    pub(crate) request_head_seconds: NonZeroU32,
    pub(crate) request_body_seconds: NonZeroU32,
    pub(crate) request_body_kib: NonZeroU32,
    pub(crate) idle_seconds: NonZeroU32,
    pub(crate) stalled_seconds: NonZeroU32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    pub(crate) memory_mib: usize,
    pub(crate) kept_mib: usize,
    pub(crate) threads: usize,
    pub(crate) rollup: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maintenance {
    pub(crate) every_hours: u32,
    pub(crate) after_commits: u32,
    pub(crate) history_days: NonZeroU32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) requests_per_minute: u32,
    pub(crate) running_exports: u32,
    pub(crate) wrong_keys_per_minute: u32,
    pub(crate) sign_ins_per_minute: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    pub(crate) lifetime_seconds: u32,
    pub(crate) signing_key_days: u32,
    pub(crate) refresh_token_days: u32,
    pub(crate) session_hours: u32,
    pub(crate) audiences: meterlake_identity::Audiences,
}

/// Another party's issuer whose tokens are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Issuer {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) jwks_uri: Option<String>,
    #[serde(default)]
    pub(crate) claims: IssuerClaims,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerClaims {
    pub(crate) tenant: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) scopes: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ea {
    pub(crate) usage_only: bool,
    pub(crate) bom: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Family {
    pub(crate) bom: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct B2c {
    pub(crate) mfa_counts: MfaCounting,
    pub(crate) bom: bool,
    pub(crate) prices: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MfaCounting {
    Attempts,
    Completed,
}

impl Config {
    /// Reads `file` over the defaults; without `file`, `meterlake.toml` in the data folder where there is one.
    pub(crate) fn load(file: Option<&Path>, data: &Path) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        let beside = data.join("meterlake.toml");
        match file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
                figment = figment.merge(Toml::string(&text));
            }
            None if beside.exists() => figment = figment.merge(Toml::file(&beside)),
            None => {}
        }
        let shown = file.unwrap_or(&beside).display().to_string();
        figment.extract().with_context(|| format!("the configuration in {shown} is not valid"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_unknown_settings_are_named() {
        let folder = std::env::temp_dir().join(format!("meterlake-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let defaults = Config::load(None, &folder).unwrap();
        assert_eq!((defaults.limits.requests_per_minute, defaults.limits.running_exports), (600, 4));
        let marks = [defaults.ea.bom, defaults.analytics.bom, defaults.summary.bom, defaults.b2c.bom, defaults.c3.bom];
        assert_eq!((marks, defaults.ea.usage_only), ([false; 5], false));
        std::fs::write(folder.join("meterlake.toml"), "[limits]\nrequests_per_minut = 5\n").unwrap();
        let error = format!("{:#}", Config::load(None, &folder).unwrap_err());
        assert!(error.contains("requests_per_minut"), "{error}");
        std::fs::write(folder.join("meterlake.toml"), "[connections]\nidle_seconds = 0\n").unwrap();
        let error = format!("{:#}", Config::load(None, &folder).unwrap_err());
        assert!(error.contains("nonzero") && error.contains("idle_seconds"), "{error}");
        std::fs::write(folder.join("meterlake.toml"), "[b2c]\nmfa_counts = \"done\"\n").unwrap();
        let error = format!("{:#}", Config::load(None, &folder).unwrap_err());
        assert!(error.contains("done") && error.contains("attempts"), "{error}");
        // Names of one audience; those of the others stay.
        let audiences = "[tokens.audiences]\nb2c = [\"https://usage.contoso.example\"]\n";
        std::fs::write(folder.join("meterlake.toml"), audiences).unwrap();
        let audiences = Config::load(None, &folder).unwrap().tokens.audiences;
        let expected = meterlake_identity::Audiences {
            b2c: vec!["https://usage.contoso.example".to_owned()],
            ..Default::default()
        };
        assert_eq!(audiences, expected);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
