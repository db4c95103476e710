//! Users.

use meterlake_import::ImportError;
use meterlake_lake::Table;
use serde_json::{Value, json};

use super::world::{DOMAIN, World, committed, is_current, lines};

fn user(id: u32, identities: &[(&str, &str)]) -> Value {
    let all: Vec<Value> = identities
        .iter()
        .map(|(kind, issuer)| json!({ "signInType": kind, "issuer": issuer, "issuerAssignedId": format!("u{id}@x") }))
        .collect();
    json!({ "id": format!("eeeeeeee-0000-4000-8000-{id:012}"), "identities": all })
}

fn users() -> Vec<Value> {
    vec![
        user(1, &[("emailAddress", DOMAIN), ("userPrincipalName", DOMAIN)]),
        user(2, &[("federated", "facebook.com"), ("userName", DOMAIN)]),
        user(3, &[("federated", "facebook.com"), ("userPrincipalName", DOMAIN)]),
        user(4, &[("federated", "google.com")]),
        user(5, &[("userPrincipalName", DOMAIN)]),
        user(6, &[]),
        user(7, &[("customerNumber", DOMAIN)]),
    ]
}

fn page(users: &[Value], next: bool) -> String {
    let mut page = json!({ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(id,identities)" });
    if next {
        page["@odata.nextLink"] = "https://graph.microsoft.com/v1.0/users?$skiptoken=1".into();
    }
    page["value"] = users.into();
    page.to_string()
}

#[tokio::test]
async fn a_snapshot_of_several_files_is_counted_once() {
    let world = World::new().await;
    let users = users();
    // The pages overlap by one user.
    let one = world.file("1.json", page(&users[..4], true));
    let two = world.file("2.json", page(&users[3..], false));
    let record = committed(world.users(&[&one, &two], |_| {}).await);
    assert_eq!((record.counts.read, record.counts.taken, record.counts.duplicate), (8, 7, 1));
    let rows = world.rows(Table::UserCounts).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let of = |name: &str| row[name].as_str();
    assert_eq!((of("total"), of("local"), of("alternate"), of("other")), ("7", "3", "2", "2"));
    assert_eq!(of("alternate_by_provider"), r#"{"facebook_com":1,"google_com":1}"#);
    assert_eq!((of("day"), of("taken_at")), ("2024-11-20", "2024-11-20T12:00:01+00:00"));
    // The same snapshot in another form changes nothing.
    let same = world.file("same.json", lines(&users));
    assert!(is_current(&world.users(&[&same], |_| {}).await));
}

#[tokio::test]
async fn a_newer_snapshot_of_a_day_replaces_it() {
    let world = World::new().await;
    let users = users();
    let all = world.file("all.json", page(&users, false));
    let some = world.file("some.json", page(&users[..3], false));
    let earlier = "2024-11-10".parse().unwrap();
    committed(world.users(&[&all], |r| r.day = Some(earlier)).await);
    committed(world.users(&[&all], |_| {}).await);
    let record = committed(world.users(&[&some], |_| {}).await);
    assert_eq!(record.counts.replaced, 1);
    let rows = world.rows(Table::UserCounts).await;
    let mut held: Vec<(&str, &str)> = rows.iter().map(|r| (r["day"].as_str(), r["total"].as_str())).collect();
    held.sort_unstable();
    assert_eq!(held, [("2024-11-10", "7"), ("2024-11-20", "3")]);
    let earlier = rows.iter().find(|r| r["day"] == "2024-11-10").unwrap();
    assert_eq!(earlier["taken_at"], "2024-11-10T23:59:59.999999+00:00");
}

#[tokio::test]
async fn the_tenant_is_known_by_its_domain() {
    let world = World::new().await;
    let file = world.file("all.json", page(&users(), false));
    let error = world.users(&[&file], |r| r.tenant = None).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionNeeded { option: "--tenant", .. }), "{error}");
    let other = "22222222-2222-4222-8222-222222222222".parse().unwrap();
    let known = |r: &mut meterlake_import::UsersRequest| {
        r.domains.insert(DOMAIN.to_owned(), super::world::tenant());
    };
    let error = world
        .users(&[&file], |r| {
            known(r);
            r.tenant = Some(other);
        })
        .await
        .unwrap_err();
    assert!(matches!(error, ImportError::OptionConflict { .. }), "{error}");
    committed(
        world
            .users(&[&file], |r| {
                known(r);
                r.tenant = None;
            })
            .await,
    );
}

#[tokio::test]
async fn half_a_snapshot_is_refused() {
    let world = World::new().await;
    let users = users();
    let part = world.file("part.json", page(&users[..3], true));
    let error = world.users(&[&part], |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("next"), "{error}");
    let bare: Vec<Value> = users.iter().map(|u| json!({ "id": u["id"], "displayName": "x" })).collect();
    let error = world.users(&[&world.file("bare.json", page(&bare, false))], |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("identities"), "{error}");
    let error =
        world.users(&[&world.file("bad.json", lines(&[json!({ "identities": [] }), users[0].clone()]))], |_| {}).await;
    assert!(matches!(error, Err(ImportError::Rejected { rejected: 1, .. })));
    let future = "2024-11-21".parse().unwrap();
    let error = world.users(&[&part], |r| r.day = Some(future)).await.unwrap_err().to_string();
    assert!(error.contains("future"), "{error}");
    assert!(world.rows(Table::UserCounts).await.is_empty());
}
