//! `meterlake user …`, `consent …` and `principal redirect …`

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail};
use meterlake_control::{Control, NewPrincipal, Principal, PrincipalKind};
use meterlake_identity::Identity;
use meterlake_model::PrincipalId;
use serde_json::json;

use super::principals::{open_identity, tenant_id};
use crate::cli::{Consent, PasswordSource, Redirect, User};
use crate::data_folder::DataFolder;
use crate::output;

pub(crate) async fn run(folder: &DataFolder, command: User) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        User::List { json } => list(&control, json).await,
        User::Add { name, tenant, password } => {
            let identity = open_identity(folder, &control).await?;
            let tenant = tenant_id(&control, &tenant).await?;
            // Asked for before anything is added, so that a mistyped one leaves nothing behind.
            let (password, generated) = read_password(&identity, &password)?;
            let new = NewPrincipal { kind: PrincipalKind::User, tenant, name, client_id: None };
            identity.check_password(&password)?;
            let user = control.add_principal(&new).await?;
            identity.set_password(user.id, &password).await?;
            tell(&user, generated.then_some(password), "can sign in")
        }
        User::Password { user, remove: true, .. } => {
            let user = user_called(&control, &user).await?;
            if !control.remove_password(user.id).await? {
                bail!("{} has no password", user.name);
            }
            output::line(&format!("{} can no longer sign in, and is signed out", user.name))
        }
        User::Password { user, password, remove: false } => {
            let identity = open_identity(folder, &control).await?;
            let user = user_called(&control, &user).await?;
            let (password, generated) = read_password(&identity, &password)?;
            identity.set_password(user.id, &password).await?;
            tell(&user, generated.then_some(password), "has a new password, and is signed out")
        }
        User::SignOut { user } => {
            let user = user_called(&control, &user).await?;
            control.sign_out_user(user.id).await?;
            output::line(&format!("{} is signed out everywhere", user.name))
        }
        User::Remove { user } => {
            let user = user_called(&control, &user).await?;
            control.remove_principal(user.id).await?;
            output::line(&format!("{} is removed", user.name))
        }
    }
}

async fn list(control: &Control, json: bool) -> anyhow::Result<()> {
    let with_password: HashSet<PrincipalId> = control.users_with_password().await?.into_iter().collect();
    let users: Vec<Principal> =
        control.principals().await?.into_iter().filter(|p| p.kind == PrincipalKind::User).collect();
    let can = |user: &Principal| user.enabled && with_password.contains(&user.id);
    if json {
        let users: Vec<_> = users
            .iter()
            .map(|user| {
                json!({
                    "id": user.id, "name": user.name, "tenant": user.tenant, "enabled": user.enabled,
                    "password": with_password.contains(&user.id), "created_at": user.created_at,
                })
            })
            .collect();
        return output::json(&users);
    }
    let rows = users
        .iter()
        .map(|user| {
            let state = match (user.enabled, can(user)) {
                (false, _) => "disabled",
                (true, true) => "can sign in",
                (true, false) => "no password",
            };
            [user.name.clone(), user.tenant.to_string(), state.to_owned()]
        })
        .collect();
    output::table(["name", "tenant", "state"], rows, "no users yet")
}

/// Says what became of a user; a password that was made is all that goes to standard output.
fn tell(user: &Principal, generated: Option<String>, what: &str) -> anyhow::Result<()> {
    match generated {
        Some(password) => {
            eprintln!("{} {what} with this password, which is not shown again:", user.name);
            output::line(&password)
        }
        None => output::line(&format!("{} {what}", user.name)),
    }
}

/// The password, and whether it was made here.
fn read_password(identity: &Identity, source: &PasswordSource) -> anyhow::Result<(String, bool)> {
    if source.generate {
        return Ok((identity.random_password()?, true));
    }
    if source.password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
        return Ok((line.trim_end_matches(['\n', '\r']).to_owned(), false));
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password at; give --password-stdin or --generate");
    }
    let ask = |prompt: &str| rpassword::prompt_password(prompt).context("cannot ask for the password");
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok((password, false))
}

async fn user_called(control: &Control, name: &str) -> anyhow::Result<Principal> {
    of_kind(control, name, PrincipalKind::User).await
}

async fn of_kind(control: &Control, name: &str, kind: PrincipalKind) -> anyhow::Result<Principal> {
    let principal = control.find_principal(name).await?;
    if principal.kind != kind {
        bail!("{} is of kind {}; expected {kind}", principal.name, principal.kind);
    }
    Ok(principal)
}

pub(crate) async fn run_consent(folder: &DataFolder, command: Consent) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Consent::List { user, json } => {
            let only = match user {
                Some(name) => Some(user_called(&control, &name).await?.id),
                None => None,
            };
            let consents = control.consents(only).await?;
            if json {
                return output::json(&consents);
            }
            let names = names(&control).await?;
            let name = |id: &PrincipalId| names.get(id).cloned().unwrap_or_default();
            let rows = consents
                .iter()
                .map(|c| {
                    let what = if c.audience.is_empty() { "sign-in only" } else { &c.audience };
                    [name(&c.user), name(&c.application), what.to_owned(), c.created_at.to_rfc3339()]
                })
                .collect();
            output::table(["user", "application", "may read", "since"], rows, "no consents yet")
        }
        Consent::Remove { user, application } => {
            let user = user_called(&control, &user).await?;
            let application = of_kind(&control, &application, PrincipalKind::Application).await?;
            if control.remove_consents(user.id, application.id).await? == 0 {
                bail!("{} gave {} no consent", user.name, application.name);
            }
            output::line(&format!("{} no longer reads in the name of {}", application.name, user.name))
        }
    }
}

pub(crate) async fn run_redirect(folder: &DataFolder, command: Redirect) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Redirect::List { application } => {
            let only = match application {
                Some(name) => Some(of_kind(&control, &name, PrincipalKind::Application).await?.id),
                None => None,
            };
            let names = names(&control).await?;
            let rows = control
                .redirect_uris(only)
                .await?
                .into_iter()
                .map(|r| [names.get(&r.application).cloned().unwrap_or_default(), r.uri])
                .collect();
            output::table(["application", "redirect uri"], rows, "no redirect URIs yet")
        }
        Redirect::Add { application, uri } => {
            let application = of_kind(&control, &application, PrincipalKind::Application).await?;
            open_identity(folder, &control).await?.add_redirect_uri(application.id, &uri).await?;
            output::line(&format!("answers for {} may be sent to {uri}", application.name))
        }
        Redirect::Remove { application, uri } => {
            let application = of_kind(&control, &application, PrincipalKind::Application).await?;
            if !control.remove_redirect_uri(application.id, &uri).await? {
                bail!("{} has no redirect URI {uri:?}", application.name);
            }
            output::line(&format!("answers for {} may no longer be sent to {uri}", application.name))
        }
    }
}

async fn names(control: &Control) -> anyhow::Result<HashMap<PrincipalId, String>> {
    Ok(control.principals().await?.into_iter().map(|p| (p.id, p.name)).collect())
}
