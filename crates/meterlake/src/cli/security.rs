//! Options of `meterlake signing-key`, `audit`, `token revoke` and `principal link`.

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKey {
    /// List the keys that tokens are signed with (never the keys themselves)
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a new key that signs from now on; tokens of the old one stay valid to their end
    Rotate {
        /// End the old keys with all their tokens at once, because one may be known to others
        #[arg(long)]
        revoke_old: bool,
    },
}

/// Options of `meterlake audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only entries since then: a day (2024-11-15) or an instant (2024-11-15T10:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Only entries about, or by, this subject: a principal's name or id, or as the list shows it (enrolment:100/primary)
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Only this event (key.create), or all of a thing (key)
    #[arg(long)]
    pub(crate) event: Option<String>,
    /// Only the newest so many
    #[arg(long, value_name = "N")]
    pub(crate) newest: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `meterlake token revoke`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct TokenRevoke {
    /// Id of one token (its claim uti, in `meterlake audit --event token.issue`)
    #[arg(long, group = "what", value_name = "UTI")]
    pub(crate) id: Option<String>,
    /// Name or id of the principal whose tokens end, all that were issued until now
    #[arg(long, group = "what", value_name = "NAME")]
    pub(crate) principal: Option<String>,
}

/// A person or an application at another party's issuer.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").required(true))]
pub(crate) struct ExternalOptions {
    /// The issuer, exactly as its tokens say (iss)
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// The person, as its tokens say (sub)
    #[arg(long, group = "who", value_name = "TEXT")]
    pub(crate) subject: Option<String>,
    /// The application, as its tokens say (azp, appid or client_id)
    #[arg(long, group = "who", value_name = "ID")]
    pub(crate) application: Option<String>,
}

/// A day or an instant.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let expected =
        || format!("{text:?} is neither a day such as 2024-11-15 nor an RFC 3339 instant such as 2024-11-15T10:00:00Z");
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    let day = text.parse::<chrono::NaiveDate>().map_err(|_| expected())?;
    day.and_hms_opt(0, 0, 0).map(|start| start.and_utc()).ok_or_else(expected)
}
