//! The demo's generated sources against the counts that the generator worked out itself.

use std::collections::BTreeMap;

use meterlake_lake::Table;
use meterlake_model::{Day, TenantId};
use meterlake_testkit::demo;

use super::naive::{Count, Key};
use super::world::{World, committed, is_current};

#[tokio::test]
async fn every_generated_event_and_user_is_counted() {
    let world = World::new().await;
    let today: Day = "2024-11-20".parse().unwrap();
    let sources = demo::generate_demo(&world.folder.path().join("demo"), today, demo::SEED).unwrap().b2c;
    let tenant = TenantId(sources.tenant_id);
    let paths: Vec<&std::path::Path> = sources.events.iter().map(std::path::PathBuf::as_path).collect();
    let request = |r: &mut meterlake_import::B2cRequest| {
        r.domains = BTreeMap::from([(sources.domain.clone(), tenant)]);
        r.applications = Some(sources.applications_file.clone());
    };
    let record = committed(world.import_with(&paths, request).await);
    assert_eq!(record.counts.read, sources.counts.records_in_files);
    assert_eq!(record.counts.duplicate + record.counts.taken + record.counts.passed_over, record.counts.read);
    let name = |day: &Day, id: &uuid::Uuid, what: &str| -> Key { (day.to_string(), id.to_string(), what.to_owned()) };
    let drawn = sources.counts.authentications.iter().chain(&sources.counts.mfa);
    let expected: BTreeMap<Key, Count> =
        drawn.map(|((day, id, what), n)| (name(day, id, what), (n.attempts, n.successes))).collect();
    let (counts, covered) = world.daily_of(&tenant.to_string()).await;
    assert_eq!(counts, expected);
    assert_eq!(covered.len(), 90);
    // Distinct users with a success, by month: the hashes tell users apart as their ids do.
    let mut users: BTreeMap<(String, Option<String>), std::collections::BTreeSet<String>> = BTreeMap::new();
    for row in world.rows(Table::B2cEvents).await {
        if row["kind"] == "authentication" && row["success"] == "true" {
            for application in [None, Some(row["application_id"].clone())] {
                users.entry((row["month"].clone(), application)).or_default().insert(row["user_hash"].clone());
            }
        }
    }
    let users: BTreeMap<_, _> = users.into_iter().map(|(key, all)| (key, all.len() as u64)).collect();
    let drawn = sources.counts.monthly_users.iter();
    let expected: BTreeMap<_, _> =
        drawn.map(|((month, id), n)| ((month.to_string(), id.map(|id| id.to_string())), *n)).collect();
    assert_eq!(users, expected);
    // One file after the other, the last first, comes to the same.
    let other = World::new().await;
    for path in paths.iter().rev() {
        committed(other.import_with(&[path], request).await);
    }
    assert_eq!(other.daily_of(&tenant.to_string()).await.0, counts);
    assert!(is_current(&other.import_with(&paths, request).await));

    for (day, path) in &sources.users {
        committed(
            world
                .users(&[path], |r| {
                    r.tenant = Some(tenant);
                    r.day = Some(*day);
                })
                .await,
        );
    }
    let rows = world.rows(Table::UserCounts).await;
    assert_eq!(rows.len(), sources.counts.users.len());
    for row in rows {
        let expected = &sources.counts.users[&row["day"].parse().unwrap()];
        let held = ["total", "local", "alternate", "other"].map(|name| row[name].parse::<u64>().unwrap());
        assert_eq!(held, [expected.total, expected.local, expected.alternate, expected.other]);
        let providers: BTreeMap<String, u64> = serde_json::from_str(&row["alternate_by_provider"]).unwrap();
        assert_eq!(providers, expected.by_provider);
    }
}
