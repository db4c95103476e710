//! Nothing here changes without an entry in the audit trail, in the same transaction.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use meterlake_control::{
    AttemptLimit, Control, ControlError, CustomerChange, ExternalIdentity, GrantScope, KeySlot, NewEaKey, NewPrincipal,
    NewSecret, PrincipalKind, Rotation, SigningKey, TenantKind,
};
use meterlake_model::{PrincipalId, TenantId};
use sqlx::SqlitePool;
use uuid::Uuid;

use crate::Fixture;

#[path = "audited/sign_in.rs"]
mod sign_in;

/// The functions that change something, each run by [`change`].
const CHANGES: &[&str] = &[
    "add_authorization_code",
    "add_consent",
    "add_device_code",
    "add_first_signing_key",
    "add_grant",
    "add_principal",
    "add_redirect_uri",
    "add_refresh_token",
    "add_secret",
    "add_session",
    "audit",
    "count_failed_attempt",
    "decide_device_code",
    "end_session",
    "link_external_identity",
    "redeem_authorization_code",
    "redeem_device_code",
    "remove_consents",
    "remove_customer",
    "remove_enrolment",
    "remove_grant",
    "remove_password",
    "remove_principal",
    "remove_redirect_uri",
    "replace_key",
    "revoke_families",
    "revoke_family",
    "revoke_key",
    "revoke_secret",
    "revoke_token",
    "revoke_tokens_of",
    "rotate_refresh_token",
    "rotate_signing_key",
    "server_secret",
    "set_application_public",
    "set_budget",
    "set_customer",
    "set_enrolment",
    "set_password_hash",
    "set_principal_enabled",
    "set_tenant",
    "sign_out_user",
    "unlink_external_identity",
    "unlock",
];

/// Functions that change what is a record by itself, or that counts only for minutes.
const NO_CHANGES: &[(&str, &str)] = &[
    ("add_export_job", "the job is the record of the request"),
    ("start_export_job", "how far a job is"),
    ("finish_export_job", "how far a job is"),
    ("redo_export_job", "how far a job is"),
    ("forget_export_file", "the file was removed at the end of its time"),
    ("remove_export_job", "the job was removed at the end of its time"),
    ("store_import", "the import is a record by itself; its commit is audited, see imports.rs"),
    ("poll_device_code", "how often a program asks"),
    ("forget_failed_attempts", "failures that never came to a lock-out"),
];

struct Ids {
    tenant: TenantId,
    app: PrincipalId,
    user: PrincipalId,
    secret: Uuid,
    family: Uuid,
}

const LIMIT: AttemptLimit = AttemptLimit { failures: 2, window: TimeDelta::minutes(15), lock: TimeDelta::minutes(15) };

fn new_key(slot: KeySlot, byte: u8, control: &Control) -> NewEaKey {
    NewEaKey {
        enrolment: "100".parse().unwrap(),
        slot,
        hash: vec![byte; 32],
        hint: "abc".to_owned(),
        expires_at: control.clock().now() + TimeDelta::days(180),
    }
}

fn signing_key(kid: &str, control: &Control) -> SigningKey {
    let now = control.clock().now();
    let (pkcs8, modulus, exponent) = (vec![1], vec![2], vec![3]);
    let kid = kid.to_owned();
    SigningKey { kid, pkcs8, modulus, exponent, created_at: now, signs_from: now, retired_at: None, expires_at: None }
}

fn external(value: &str) -> ExternalIdentity {
    ExternalIdentity::Subject { issuer: "https://issuer.example".to_owned(), subject: value.to_owned() }
}

/// One of everything.
async fn prepared(control: &Control) -> Ids {
    let tenant = TenantId(Uuid::from_u128(1));
    control.set_tenant(tenant, None, &["contoso.com".to_owned()]).await.unwrap();
    let new = |kind, name: &str| NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None };
    let app = control.add_principal(&new(PrincipalKind::Application, "app")).await.unwrap().id;
    let user = control.add_principal(&new(PrincipalKind::User, "user")).await.unwrap().id;
    control.set_enrolment(&"100".parse().unwrap(), &["100".parse().unwrap()]).await.unwrap();
    control.replace_key(&new_key(KeySlot::Primary, 1, control)).await.unwrap();
    let customer = Uuid::from_u128(5).to_string().parse().unwrap();
    control.set_customer(customer, &CustomerChange::default()).await.unwrap();
    control.add_grant(app, &GrantScope::AllTenants).await.unwrap();
    let expires_at = control.clock().now() + TimeDelta::days(1);
    let new = NewSecret { principal: app, hash: vec![9; 32], hint: "abc".to_owned(), expires_at };
    let secret = control.add_secret(&new).await.unwrap().id;
    control.link_external_identity(user, &external("linked")).await.unwrap();
    for _ in 0..2 {
        control.count_failed_attempt("user:locked", LIMIT).await.unwrap();
    }
    control.count_failed_attempt("user:nearly", LIMIT).await.unwrap();
    let family = sign_in::prepared(control, user, app).await;
    Ids { tenant, app, user, secret, family }
}

async fn change(name: &str, it: &Control, ids: &Ids) -> Result<(), ControlError> {
    let customer = Uuid::from_u128(5).to_string().parse().unwrap();
    let enrolment = "100".parse().unwrap();
    let expires_at = it.clock().now() + TimeDelta::days(1);
    match name {
        "add_first_signing_key" => assert!(it.add_first_signing_key(&signing_key("first", it)).await?),
        "add_grant" => assert!(it.add_grant(ids.app, &GrantScope::AllCustomers).await?),
        "add_principal" => {
            let (kind, tenant) = (PrincipalKind::User, ids.tenant);
            it.add_principal(&NewPrincipal { kind, tenant, name: "new".to_owned(), client_id: None }).await?;
        }
        "add_secret" => {
            let new = NewSecret { principal: ids.app, hash: vec![8; 32], hint: "abc".to_owned(), expires_at };
            it.add_secret(&new).await?;
        }
        "audit" => it.audit("thing.happen", "thing:1", &serde_json::json!({})).await?,
        "count_failed_attempt" => assert_eq!(it.count_failed_attempt("user:nearly", LIMIT).await?, None),
        "link_external_identity" => it.link_external_identity(ids.user, &external("new")).await?,
        "remove_customer" => assert!(it.remove_customer(customer).await?),
        "remove_enrolment" => assert!(it.remove_enrolment(&enrolment).await?),
        "remove_grant" => assert!(it.remove_grant(ids.app, &GrantScope::AllTenants).await?),
        "remove_principal" => assert!(it.remove_principal(ids.user).await?),
        "replace_key" => drop(it.replace_key(&new_key(KeySlot::Primary, 2, it)).await?),
        "revoke_key" => it.revoke_key(&enrolment, KeySlot::Primary).await?,
        "revoke_secret" => it.revoke_secret(ids.secret).await?,
        "revoke_token" => assert!(it.revoke_token("uti", expires_at, Some(ids.app)).await?),
        "revoke_tokens_of" => it.revoke_tokens_of(ids.app).await?,
        "rotate_signing_key" => {
            let rotation = Rotation { min_age: None, ahead: TimeDelta::zero(), overlap: TimeDelta::zero() };
            assert!(it.rotate_signing_key(&signing_key("next", it), rotation).await?);
        }
        "server_secret" => drop(it.server_secret("new", &[1; 32]).await?),
        "set_budget" => it.set_budget(customer, None).await?,
        "set_customer" => drop(it.set_customer(customer, &CustomerChange::default()).await?),
        "set_enrolment" => drop(it.set_enrolment(&enrolment, &[]).await?),
        "set_principal_enabled" => it.set_principal_enabled(ids.app, false).await?,
        "set_tenant" => drop(it.set_tenant(ids.tenant, Some(TenantKind::B2c), &[]).await?),
        "unlink_external_identity" => assert!(it.unlink_external_identity(&external("linked")).await?),
        "unlock" => assert!(it.unlock("user:locked").await?),
        other if sign_in::change(other, it, ids).await? => {}
        other => panic!("{other} is in CHANGES and cannot be run here"),
    }
    Ok(())
}

/// Everything but the audit trail, as text.
async fn dump(pool: &SqlitePool) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('audit', 'sqlite_sequence') ORDER BY name",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut text = String::new();
    for table in tables {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table).fetch_all(pool).await.unwrap();
        let row = columns.iter().map(|c| format!("quote({c})")).collect::<Vec<_>>().join(" || ',' || ");
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {row} AS r FROM {table} ORDER BY r")))
                .fetch_all(pool)
                .await
                .unwrap();
        text.push_str(&format!("{table}: {}\n", rows.join("; ")));
    }
    text
}

#[tokio::test]
async fn every_change_is_audited_in_its_own_transaction() {
    for name in CHANGES {
        let it = Fixture::new().await;
        let control = it.control.acting_as("principal:who").coming_from("192.0.2.1");
        let ids = prepared(&it.control).await;
        let file = it.folder.path().join("meterlake.db");
        let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();

        // Where the trail cannot be written, nothing changes.
        let refuse = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the trail is full'); END";
        sqlx::query(refuse).execute(&pool).await.unwrap();
        let before = dump(&pool).await;
        let error = change(name, &control, &ids).await.expect_err(name);
        assert!(error.to_string().contains("the trail is full"), "{name}: {error}");
        assert_eq!(dump(&pool).await, before, "{name}");
        sqlx::query("DROP TRIGGER full").execute(&pool).await.unwrap();

        let entries = it.control.audit_entries(1000).await.unwrap().len();
        it.clock.advance(TimeDelta::seconds(1));
        change(name, &control, &ids).await.unwrap();
        let trail = it.control.audit_entries(1000).await.unwrap();
        assert!(trail.len() > entries, "{name} leaves no entry");
        assert_eq!((trail[0].actor.as_str(), trail[0].origin.as_str()), ("principal:who", "192.0.2.1"), "{name}");
        assert!(trail[0].action.contains('.') && !trail[0].subject.is_empty(), "{name}");
        if *name != "audit" {
            assert_ne!(dump(&pool).await, before, "{name} changes nothing");
        }
        // Hashes of secrets and private keys stay out of the trail.
        let told = format!("{trail:?}");
        assert!(!told.contains("hash") && !told.contains("pkcs8"), "{name}: {told}");
    }
}

/// Names of the public functions in the sources that write, whatever module they are in.
fn writing_functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for function in text.split("    pub async fn ").skip(1) {
                let name = function.split(['(', '<']).next().unwrap();
                // To the end of the function, which closes at the depth it opened at.
                let body = function.split("\n    }\n").next().unwrap();
                let writes = ["self.write()", "INSERT ", "UPDATE ", "DELETE "].iter().any(|word| body.contains(word));
                if writes {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_function_that_writes_is_walked() {
    let found = writing_functions();
    assert!(found.contains("add_grant") && !found.contains("grants"), "{found:?}");
    let told: BTreeSet<String> =
        CHANGES.iter().copied().chain(NO_CHANGES.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let missing: Vec<_> = found.difference(&told).collect();
    assert!(missing.is_empty(), "{missing:?} write; enter them in CHANGES or, with the reason, in NO_CHANGES");
    let gone: Vec<_> = told.difference(&found).filter(|name| *name != "open").collect();
    assert!(gone.is_empty(), "{gone:?} are listed and write nothing");
}
