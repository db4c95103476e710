//! `meterlake enrolment …` and `meterlake key …`

use meterlake_model::BillingAccountId;

use super::principals::open_identity;
use crate::cli::{Enrolment, Key};
use crate::data_folder::DataFolder;
use crate::output;

pub(crate) async fn run(folder: &DataFolder, command: Enrolment) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Enrolment::List { json } => {
            let enrolments = control.enrolments().await?;
            if json {
                return output::json(&enrolments);
            }
            let rows = enrolments
                .into_iter()
                .map(|e| {
                    let accounts: Vec<&str> = e.billing_accounts.iter().map(BillingAccountId::as_str).collect();
                    [e.number.to_string(), accounts.join(", ")]
                })
                .collect();
            output::table(["enrolment", "billing accounts"], rows, "no enrolments yet")
        }
        Enrolment::Set { number, mut billing_accounts } => {
            if billing_accounts.is_empty() {
                billing_accounts = match control.enrolment(&number).await? {
                    Some(enrolment) => enrolment.billing_accounts,
                    None => vec![number.as_str().parse()?],
                };
            }
            output::json(&control.set_enrolment(&number, &billing_accounts).await?)
        }
    }
}

pub(crate) async fn run_key(folder: &DataFolder, command: Key) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Key::Create { enrolment, slot } => {
            let identity = open_identity(folder, &control).await?;
            let fresh = identity.create_ea_key(&enrolment, slot).await?;
            eprintln!("the {slot} key of enrolment {enrolment} works until {}", fresh.key.expires_at.to_rfc3339());
            output::line(&fresh.text)
        }
        Key::List { json } => {
            let keys = control.keys().await?;
            if json {
                return output::json(&keys);
            }
            let now = folder.clock.now();
            let rows = keys
                .into_iter()
                .map(|k| {
                    let state = match k.revoked_at {
                        Some(_) => "revoked".to_owned(),
                        None if k.expires_at <= now => "expired".to_owned(),
                        None if k.ends_soon(now) => {
                            format!("ends in {} days, make a new one", (k.expires_at - now).num_days())
                        }
                        None => "in force".to_owned(),
                    };
                    [
                        k.enrolment.to_string(),
                        k.slot.to_string(),
                        format!("{}…", k.hint),
                        k.expires_at.to_rfc3339(),
                        state,
                    ]
                })
                .collect();
            output::table(["enrolment", "slot", "begins", "expires", "state"], rows, "no keys yet")
        }
        Key::Revoke { enrolment, slot } => {
            control.revoke_key(&enrolment, slot).await?;
            output::line(&format!("the {slot} key of enrolment {enrolment} has ended"))
        }
    }
}
