//! Files that overlap, repeat, and split groups, in any order.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::naive;
use super::world::{
    ACCESS, CALL, CODE, EXCHANGE, ID_TOKEN, LOCAL, PHONE, SMS, WEB, World, committed, is_current, lines, log_analytics,
    log_analytics_csv, page, record,
};

#[tokio::test]
async fn a_group_split_over_imports_is_one() {
    let token = record("a", "2024-10-31T23:59:59Z", ID_TOKEN, 1, WEB, true);
    let code = record("b", "2024-11-01T00:00:01Z", CODE, 1, WEB, true);
    for order in [[&token, &code], [&code, &token]] {
        let world = World::new().await;
        let first = world.file("1.json", order[0].to_string());
        let second = world.file("2.json", order[1].to_string());
        committed(world.import(&[&first]).await);
        let record = committed(world.import(&[&second]).await);
        assert_eq!((record.counts.taken, record.counts.replaced), (1, 1));
        let (counts, covered) = world.daily().await;
        assert_eq!(counts, naive::count(&[token.clone(), code.clone()], &[]));
        assert_eq!((counts.len(), covered.len()), (1, 2));
        assert!(is_current(&world.import(&[&first, &second]).await));
    }
}

#[tokio::test]
async fn coverage_grows_and_is_its_own_reason() {
    let world = World::new().await;
    let records = [record("a", "2024-11-05T10:00:00Z", ID_TOKEN, 1, WEB, true)];
    let file = world.file("a.json", lines(&records));
    committed(world.import(&[&file]).await);
    // The same record, but the user says that the file covers three days.
    let days = meterlake_model::DayRange::new("2024-11-04".parse().unwrap(), "2024-11-06".parse().unwrap()).unwrap();
    let record = committed(world.import_with(&[&file], |r| r.days = Some(days)).await);
    assert_eq!((record.counts.taken, record.counts.duplicate), (0, 1));
    let (counts, covered) = world.daily().await;
    assert_eq!(Vec::from_iter(covered), ["2024-11-04", "2024-11-05", "2024-11-06"]);
    assert_eq!(counts, naive::count(&records, &[]));
    assert!(is_current(&world.import_with(&[&file], |r| r.days = Some(days)).await));
    // A day without any record.
    let empty = world.file("empty.json", page(&[], false));
    let day = meterlake_model::DayRange::new("2024-11-07".parse().unwrap(), "2024-11-07".parse().unwrap()).unwrap();
    let outcome =
        world.import_with(&[&empty], |r| (r.days, r.tenant) = (Some(day), Some(super::world::tenant()))).await;
    committed(outcome);
    assert_eq!(world.daily().await.1.len(), 4);
}

#[tokio::test]
async fn pages_in_several_files_cover_what_lies_between() {
    let early = record("a", "2024-11-05T10:00:00Z", ID_TOKEN, 1, WEB, true);
    let late = record("b", "2024-11-08T10:00:00Z", ID_TOKEN, 2, WEB, true);
    // Files of one answer: the days between them were quiet. Two exports: nobody knows.
    for (joined, days) in [(true, 4), (false, 2)] {
        let world = World::new().await;
        let one = world.file("1.json", page(std::slice::from_ref(&late), joined));
        let two = world.file("2.json", page(std::slice::from_ref(&early), false));
        committed(world.import(&[&one, &two]).await);
        assert_eq!(world.daily().await.1.len(), days);
    }
}

#[derive(Debug, Clone)]
struct Case {
    records: Vec<Value>,
    /// Imports, each of files, each of record numbers, and their form.
    imports: Vec<Vec<(Vec<usize>, u8)>>,
}

fn case() -> impl Strategy<Value = Case> {
    let activity = prop::sample::select(vec![ID_TOKEN, ID_TOKEN, CODE, ACCESS, EXCHANGE, SMS, CALL, LOCAL]);
    let record = (activity, 0u32..6, 0u32..40, 0u32..24, any::<bool>(), any::<bool>());
    let records = prop::collection::vec(record, 1..24).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        let records = numbered.map(|(at, (activity, group, day, hour, web, success))| {
            let day: meterlake_model::Day =
                "2024-09-25".parse::<meterlake_model::Day>().unwrap().plus(day.into()).unwrap();
            let application = if web { WEB } else { PHONE };
            record_of(at, &format!("{day}T{hour:02}:00:00Z"), activity, group, application, success)
        });
        records.collect::<Vec<Value>>()
    });
    records.prop_flat_map(|records| {
        let file = (prop::collection::vec(0..records.len(), 1..12), 0u8..4);
        let imports = prop::collection::vec(prop::collection::vec(file, 1..3), 1..4);
        imports.prop_map(move |imports| Case { records: records.clone(), imports })
    })
}

fn record_of(at: usize, time: &str, activity: &str, group: u32, application: &str, success: bool) -> Value {
    record(&format!("B2C_{at}"), time, activity, group, application, success)
}

#[test]
fn any_overlap_and_order_counts_as_a_naive_count_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner.run(&case(), |case| runtime.block_on(check(&case)).map_err(TestCaseError::fail)).unwrap();
}

async fn check(case: &Case) -> Result<(), String> {
    let world = World::new().await;
    let mut files: Vec<Vec<Value>> = Vec::new();
    for (number, import) in case.imports.iter().enumerate() {
        let mut paths = Vec::new();
        for (at, (picked, form)) in import.iter().enumerate() {
            let records: Vec<Value> = picked.iter().map(|&r| case.records[r].clone()).collect();
            let contents = match form {
                0 => lines(&records),
                1 => page(&records, false),
                2 => log_analytics_csv(&records),
                _ => Value::from(records.iter().map(log_analytics).collect::<Vec<_>>()).to_string(),
            };
            paths.push(world.file(&format!("{number}-{at}"), contents));
            files.push(records);
        }
        let paths: Vec<&std::path::Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
        let outcome = world.import(&paths).await.map_err(|e| e.to_string())?;
        let (meterlake_import::DatasetOutcome::Committed(record)
        | meterlake_import::DatasetOutcome::AlreadyCurrent(record)) = outcome;
        let c = record.counts;
        if c.read != c.taken + c.duplicate + c.passed_over + c.rejected {
            return Err(format!("counts do not add up: {c:?}"));
        }
        let all: Vec<Value> = files.iter().flatten().cloned().collect();
        let (counts, covered) = world.daily().await;
        let expected = naive::count(&all, &[]);
        if counts != expected {
            return Err(format!("after import {number}: {counts:?}, expected {expected:?}"));
        }
        let expected = naive::covered(&files);
        if covered != expected {
            return Err(format!("covered {covered:?}, expected {expected:?}"));
        }
    }
    // The events that reports count by the moment say the same as the days.
    let rows = world.rows(meterlake_lake::Table::B2cEvents).await;
    let (counts, _) = world.daily().await;
    let events = rows.iter().filter(|r| r["kind"] != "part").count() as u64;
    let days: u64 = counts.values().map(|c| c.0).sum();
    if events == days { Ok(()) } else { Err(format!("{events} events, {days} by day")) }
}
