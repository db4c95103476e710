//! `meterlake signing-key …`, `meterlake audit` and `meterlake token revoke`

use meterlake_control::{AuditEntry, AuditFilter, Control};
use serde::Serialize;

use super::principals::open_identity;
use crate::cli::{Audit, SigningKey, TokenRevoke};
use crate::data_folder::DataFolder;
use crate::output;

/// A signing key as it is shown.
#[derive(Serialize)]
struct ShownKey {
    kid: String,
    state: &'static str,
    created_at: String,
    signs_from: String,
    signs_until: Option<String>,
    verifies_until: Option<String>,
}

pub(crate) async fn run_signing_key(folder: &DataFolder, command: SigningKey) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        SigningKey::List { json } => {
            let now = folder.clock.now();
            let mut signer = true;
            let keys: Vec<ShownKey> = control
                .signing_keys()
                .await?
                .into_iter()
                .map(|key| ShownKey {
                    state: match key.signs(now) {
                        // Newest first: the first that signs does.
                        true if std::mem::take(&mut signer) => "signs",
                        _ if key.signs_from > now && key.retired_at.is_none_or(|at| at > now) => "published",
                        _ => "verifies",
                    },
                    kid: key.kid,
                    created_at: key.created_at.to_rfc3339(),
                    signs_from: key.signs_from.to_rfc3339(),
                    signs_until: key.retired_at.map(|at| at.to_rfc3339()),
                    verifies_until: key.expires_at.map(|at| at.to_rfc3339()),
                })
                .collect();
            if json {
                return output::json(&keys);
            }
            let rows = keys
                .into_iter()
                .map(|k| {
                    let until = k.verifies_until.unwrap_or_default();
                    [k.kid, k.state.to_owned(), k.created_at, k.signs_from, until]
                })
                .collect();
            output::table(["key id", "state", "made", "signs from", "verifies until"], rows, "no signing keys yet")
        }
        SigningKey::Rotate { revoke_old } => {
            let kid = open_identity(folder, &control).await?.rotate_signing_key(revoke_old).await?;
            let old = if revoke_old {
                "the old keys and all their tokens have ended"
            } else {
                "tokens of the old key stay valid to their end"
            };
            output::line(&format!("{kid} signs from now on; {old}"))
        }
    }
}

pub(crate) async fn run_audit(folder: &DataFolder, options: Audit) -> anyhow::Result<()> {
    let control = folder.control().await?;
    let subject = match options.subject {
        Some(subject) => Some(subject_of(&control, subject).await?),
        None => None,
    };
    let filter = AuditFilter { since: options.since, subject, action: options.event, newest: options.newest };
    let entries = control.audit_trail(&filter).await?;
    if options.json {
        return output::json(&entries);
    }
    let rows = entries
        .into_iter()
        .map(|AuditEntry { at, actor, origin, action, subject, detail, .. }| {
            let at = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            let detail = if detail.as_object().is_some_and(|facts| facts.is_empty()) {
                String::new()
            } else {
                detail.to_string()
            };
            [at, actor, origin, action, subject, detail]
        })
        .collect();
    output::table(["when", "who", "from", "event", "subject", "detail"], rows, "no such entries")
}

/// A subject as the trail has it: the text itself, or the principal of that name.
async fn subject_of(control: &Control, text: String) -> anyhow::Result<String> {
    if text.contains(':') || text == "operator" {
        return Ok(text);
    }
    Ok(format!("principal:{}", control.find_principal(&text).await?.id))
}

pub(crate) async fn revoke_token(folder: &DataFolder, options: TokenRevoke) -> anyhow::Result<()> {
    let control = folder.control().await?;
    if let Some(name) = options.principal {
        let principal = control.find_principal(&name).await?;
        control.revoke_tokens_of(principal.id).await?;
        return output::line(&format!("all tokens of {} that were issued until now are refused", principal.name));
    }
    let id = options.id.unwrap_or_default();
    let new = open_identity(folder, &control).await?.revoke_token_id(&id).await?;
    output::line(&format!("token {id} {}", if new { "is refused from now on" } else { "was revoked before" }))
}
