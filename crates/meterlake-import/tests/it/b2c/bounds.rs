//! What is refused, and what is rejected.

use meterlake_import::{AllowRejects, ImportError};
use meterlake_model::{DayRange, TenantId};
use serde_json::{Value, json};

use super::world::{ID_TOKEN, LOCAL, WEB, World, committed, lines, log_analytics, page, record, tenant};

const TIME: &str = "2024-11-05T10:00:00Z";

fn good() -> Value {
    record("a", TIME, ID_TOKEN, 1, WEB, true)
}

#[tokio::test]
async fn the_tenant_must_be_known_and_agree() {
    let world = World::new().await;
    let file = world.file("a.json", good().to_string());
    let error = world.import_with(&[&file], |r| r.domains.clear()).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionNeeded { option: "--tenant", .. }), "{error}");
    assert!(error.to_string().contains("contoso.onmicrosoft.com"), "{error}");
    let other: TenantId = "22222222-2222-4222-8222-222222222222".parse().unwrap();
    for contents in [good(), log_analytics(&good())] {
        let file = world.file("b.json", contents.to_string());
        let error = world.import_with(&[&file], |r| r.tenant = Some(other)).await.unwrap_err();
        assert!(matches!(error, ImportError::OptionConflict { .. }), "{error}");
    }
    assert!(world.daily().await.1.is_empty());
    // A domain that nobody knows takes the tenant that the user names.
    let change = |r: &mut meterlake_import::B2cRequest| {
        r.domains.clear();
        r.tenant = Some(tenant());
    };
    let record = committed(world.import_with(&[&file], change).await);
    assert_eq!(record.tenants[0].domain, "contoso.onmicrosoft.com");
}

#[tokio::test]
async fn a_record_without_tenant_is_of_the_only_one() {
    let world = World::new().await;
    let mut nameless = record("b", TIME, ID_TOKEN, 2, WEB, true);
    nameless["additionalDetails"][0]["value"] = "".into();
    let file = world.file("a.json", lines(&[nameless, good()]));
    let record = committed(world.import(&[&file]).await);
    assert_eq!((record.counts.taken, record.tenants.len()), (2, 1));
}

#[tokio::test]
async fn two_tenants_in_one_file_stay_apart() {
    let world = World::new().await;
    let mut other = log_analytics(&record("b", TIME, ID_TOKEN, 1, WEB, true));
    other["AADTenantId"] = "22222222-2222-4222-8222-222222222222".into();
    let file = world.file("a.json", lines(&[log_analytics(&good()), other]));
    let record = committed(world.import(&[&file]).await);
    assert_eq!((record.counts.taken, record.tenants.len(), record.coverage.len()), (2, 2, 2));
    let rows = world.rows(meterlake_lake::Table::B2cDaily).await;
    assert_eq!(rows.iter().filter(|r| r["kind"] == "authentication" && r["attempts"] == "1").count(), 2);
}

#[tokio::test]
async fn bad_records_stop_the_import_or_are_put_aside() {
    let world = World::new().await;
    let mut bad: Vec<Value> = (0..4).map(|n| record(&format!("x{n}"), TIME, ID_TOKEN, 9, WEB, true)).collect();
    bad[0]["id"] = Value::Null;
    bad[1]["activityDateTime"] = "yesterday".into();
    bad[2]["result"] = "".into();
    bad[3] = json!({ "hello": "world" });
    let text = lines(&bad) + "{\"id\": \"broken\n" + &lines(&[good(), record("l", TIME, LOCAL, 1, WEB, true)]);
    let file = world.file("a.json", text);
    let error = world.import(&[&file]).await.unwrap_err();
    assert!(matches!(error, ImportError::Rejected { rejected: 5, read: 7, .. }), "{error}");
    assert!(world.daily().await.1.is_empty());
    let failed = world.journal.1.lock().unwrap().values().next().unwrap().clone();
    assert_eq!((failed.state.as_str(), failed.counts.taken), ("failed", 0));
    let record = committed(world.import_with(&[&file], |r| r.allow_rejects = Some(AllowRejects::AtMost(5))).await);
    assert_eq!((record.counts.taken, record.counts.rejected, record.counts.passed_over), (1, 5, 1));
    let rejects = world.data().join("rejects").join(record.rejects_file.unwrap());
    let text = std::fs::read_to_string(rejects).unwrap();
    assert_eq!(text.lines().count(), 6);
    assert!(text.contains("a.json,2,activityDateTime,yesterday,"), "{text}");
    assert!(!text.contains("dddddddd"), "a user's id in the rejects");
}

#[tokio::test]
async fn damage_and_strange_files_are_named() {
    let world = World::new().await;
    let whole = page(&[good(), good()], false);
    let cases = [
        ("cut.json", whole[..whole.len() - 40].to_owned(), "never closed"),
        ("empty.json", String::new(), "empty"),
        ("page.html", "<html></html>".to_owned(), "HTML"),
        ("none.json", page(&[], false), "--tenant"),
    ];
    for (name, contents, message) in cases {
        let error = world.import(&[&world.file(name, contents)]).await.unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(message), "{name}: {error}");
    }
    let days = DayRange::new("2024-11-06".parse().unwrap(), "2024-11-07".parse().unwrap()).unwrap();
    let file = world.file("a.json", good().to_string());
    let error = world.import_with(&[&file], |r| r.days = Some(days)).await.unwrap_err().to_string();
    assert!(error.contains("--days") && error.contains("2024-11-05"), "{error}");
    let days = DayRange::new("2024-11-05".parse().unwrap(), "2024-12-01".parse().unwrap()).unwrap();
    let error = world.import_with(&[&file], |r| r.days = Some(days)).await.unwrap_err().to_string();
    assert!(error.contains("future"), "{error}");
    // Every page names a next one.
    let file = world.file("part.json", page(&[good()], true));
    let record = committed(world.import(&[&file]).await);
    assert!(record.warnings[0].contains("missing"), "{:?}", record.warnings);
}
