//! Imports that die.

use std::process::{Command, Stdio};
use std::sync::Arc;

use meterlake_import::{ImportJournal, ImportState, NoProgress, import_b2c, recover};
use meterlake_lake::{Lake, Table};

use super::naive;
use super::world::{CODE, ID_TOKEN, WEB, World, committed, lines, record};
use crate::run::world::MemoryJournal;

/// Run by [`crashes_leave_all_or_nothing`] in a process of its own, which dies inside.
#[tokio::test]
async fn child_that_imports_and_dies() {
    let Some(folder) = std::env::var_os("METERLAKE_TEST_B2C_CRASH_FOLDER").map(std::path::PathBuf::from) else {
        return;
    };
    let world = World::new().await;
    let request = world.request(&[&folder.join("b.json")]);
    let lake = Lake::open_path(&folder.join("data/lake")).await.unwrap();
    world.clock.advance(chrono::TimeDelta::hours(1));
    let journal = MemoryJournal::default();
    let outcome = import_b2c(&lake, &journal, world.clock(), &folder.join("data"), request, Arc::new(NoProgress)).await;
    panic!("still alive: {outcome:?}");
}

#[tokio::test]
async fn crashes_leave_all_or_nothing() {
    let before = [record("a", "2024-11-01T10:00:00Z", ID_TOKEN, 1, WEB, true)];
    let after = [
        record("b", "2024-11-01T10:00:01Z", CODE, 1, WEB, true),
        record("c", "2024-11-03T10:00:00Z", ID_TOKEN, 2, WEB, true),
    ];
    let all = [before.as_slice(), after.as_slice()].concat();
    for (point, whole) in [("written", false), ("between", true), ("committed", true)] {
        let world = World::new().await;
        committed(world.import(&[&world.file("a.json", lines(&before))]).await);
        world.file("b.json", lines(&after));
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "b2c::recovery::child_that_imports_and_dies", "--nocapture"])
            .env("METERLAKE_TEST_B2C_CRASH_FOLDER", world.folder.path())
            .env("METERLAKE_CRASH_AT", point)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !stderr.contains("still alive"), "{point}: {stderr}");
        if point != "committed" {
            // Nothing is visible before the days are committed.
            assert_eq!(world.daily().await.0, naive::count(&before, &[]), "{point}");
        }
        // The journal of the dead process is gone with it; one that knows of the import alone is settled too.
        let report = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
        assert_eq!(report.completed.len(), usize::from(whole), "{point}");
        let (counts, covered) = world.daily().await;
        let expected = if whole { naive::count(&all, &[]) } else { naive::count(&before, &[]) };
        assert_eq!(counts, expected, "{point}");
        assert_eq!(covered.len(), if whole { 3 } else { 1 }, "{point}");
        let again = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
        assert_eq!(again, meterlake_import::RecoveryReport::default(), "{point}");
        // The import can be run again in any case.
        let outcome = world.import(&[&world.folder.path().join("b.json")]).await;
        assert_eq!(super::world::is_current(&outcome), whole, "{point}: {outcome:?}");
        assert_eq!(world.daily().await.0, naive::count(&all, &[]), "{point}");
    }
}

#[tokio::test]
async fn a_running_record_of_a_dead_process_is_settled() {
    let world = World::new().await;
    let record = committed(
        world
            .import(&[&world.file("a.json", lines(&[record("a", "2024-11-01T10:00:00Z", ID_TOKEN, 1, WEB, true)]))])
            .await,
    );
    let mut dead = record.clone();
    dead.id = meterlake_model::ImportId::new(meterlake_model::Clock::now(world.clock.as_ref()));
    dead.state = ImportState::Running;
    world.journal.store_dataset(&dead).await.unwrap();
    // And the record of the committed one is lost.
    world.journal.1.lock().unwrap().remove(&record.id);
    let report = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(
        (report.abandoned.as_slice(), report.completed.as_slice()),
        ([dead.id].as_slice(), [record.id].as_slice())
    );
    let settled = world.journal.dataset(dead.id).await.unwrap().unwrap();
    assert_eq!((settled.state, settled.counts.taken, settled.coverage.len()), (ImportState::Abandoned, 0, 0));
    let restored = world.journal.dataset(record.id).await.unwrap().unwrap();
    assert_eq!(restored, record);
    assert_eq!(world.lake.snapshot(Table::B2cDaily).await.unwrap().version(), restored.version.unwrap());
}

/// A start must not grow dearer with every import there ever was.
#[tokio::test]
async fn what_the_journal_holds_is_not_read_from_the_lake_again() {
    let world = World::new().await;
    let events = [record("a", "2024-11-01T10:00:00Z", ID_TOKEN, 1, WEB, true)];
    let known = committed(world.import(&[&world.file("a.json", lines(&events))]).await);
    // Records that could not be taken if they were read.
    for table in [Table::B2cEvents, Table::B2cDaily] {
        let path = world.data().join(format!("lake/{table}/_imports/{}.json", known.id));
        let mut sidecar: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        sidecar["record"] = serde_json::json!({ "dataset": "b2c-events" });
        std::fs::write(&path, sidecar.to_string()).unwrap();
    }
    let report = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(report, meterlake_import::RecoveryReport::default());
    // A journal that lacks the import needs them.
    world.journal.1.lock().unwrap().clear();
    let refused = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await;
    assert!(
        matches!(&refused, Err(meterlake_import::ImportError::Record { import, .. }) if *import == known.id),
        "{refused:?}"
    );
}
