//! `meterlake token …`

use meterlake_control::PrincipalKind;

use super::principals::open_identity;
use super::security::revoke_token;
use crate::cli::{Token, TokenRequest};
use crate::data_folder::DataFolder;
use crate::output;

pub(crate) async fn run(folder: &DataFolder, command: Token) -> anyhow::Result<()> {
    let (kind, request) = match command {
        Token::Revoke(options) => return revoke_token(folder, options).await,
        Token::User(request) => (PrincipalKind::User, request),
        Token::Application(request) => (PrincipalKind::Application, request),
    };
    let control = folder.control().await?;
    let identity = open_identity(folder, &control).await?;
    let TokenRequest { principal, audience, minutes } = request;
    let principal = control.find_principal(&principal).await?;
    let life = chrono::TimeDelta::minutes(i64::from(minutes));
    let token = match kind {
        PrincipalKind::User => identity.user_token(principal.id, audience, life).await?,
        PrincipalKind::Application => identity.app_token(principal.id, audience, life).await?,
    };
    output::line(&token.token)
}
