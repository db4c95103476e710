//! Dead imports.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use meterlake_import::{
    DatasetRecord, ImportJournal, ImportRecord, ImportRequest, ImportState, JournalError, NoProgress, Options,
    import_charges, recover,
};
use meterlake_lake::{Commit, Lake, rollup};
use meterlake_model::{CostBasis, ImportId, InvoiceState, SharedClock, SystemClock};

use super::world::{ALPHA, MemoryJournal, World, committed, ea, rated};

#[tokio::test]
async fn a_dead_import_is_taken_back() {
    let world = World::new().await;
    let record = committed(world.actual(&[&world.file("a.csv", ea(&[("2024-11-01", "a", "1", "EUR")]))]).await);
    // A second import that died while it was running.
    let mut dead = record.clone();
    dead.id = meterlake_model::ImportId::new(meterlake_model::Clock::now(world.clock.as_ref()));
    dead.state = ImportState::Running;
    world.journal.store(&dead).await.unwrap();
    let partition = world.data().join("lake/charges/billing_period=202411");
    let file = partition.join(format!("0123456789abcdef-{}-0.parquet", dead.id));
    std::fs::write(&file, b"half").unwrap();
    let report = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(
        (report.abandoned.as_slice(), report.completed.len(), report.files_deleted),
        ([dead.id].as_slice(), 0, 1)
    );
    assert!(!file.exists());
    let settled = world.journal.get(dead.id).await.unwrap().unwrap();
    assert_eq!((settled.state, settled.counts.taken), (ImportState::Abandoned, 0));
    assert_eq!(world.billed(|_| true).await, "1");
}

#[tokio::test]
async fn the_journal_is_rebuilt_from_the_lake() {
    let world = World::new().await;
    let one = committed(world.actual(&[&world.file("a.csv", ea(&[("2024-10-01", "a", "1", "EUR")]))]).await);
    let two = committed(world.actual(&[&world.file("b.csv", ea(&[("2024-11-01", "a", "1", "EUR")]))]).await);
    // One record is gone, the other still says running: the process died right after the commit.
    let mut running = two.clone();
    (running.state, running.version) = (ImportState::Running, None);
    let journal = MemoryJournal::default();
    journal.store(&running).await.unwrap();
    let report = recover(&world.lake, &journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(report.completed, [one.id, two.id]);
    assert_eq!(journal.all(|_| true), [one, two]);
    let again = recover(&world.lake, &journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(again, meterlake_import::RecoveryReport::default());
}

/// A record as a program wrote it that knew fewer parts, and one that is none.
#[tokio::test]
async fn records_of_another_shape_stop_nothing() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for month in ["2024-09", "2024-10", "2024-11"] {
        let path = world.file(&format!("{month}.csv"), ea(&[(&format!("{month}-01"), "a", "1", "EUR")]));
        ids.push(committed(world.actual(&[&path]).await).id);
    }
    let place = |id: ImportId| world.data().join(format!("lake/charges/_imports/{id}.json"));
    let mut older: serde_json::Value = serde_json::from_slice(&std::fs::read(place(ids[0])).unwrap()).unwrap();
    let record = older["record"].as_object_mut().unwrap();
    for part in ["warnings", "force", "duplicate", "replacements", "customers", "program", "rejects_file", "options"] {
        record.remove(part);
    }
    record["files"][0].as_object_mut().unwrap().remove("repeated").unwrap();
    record["sets"][0].as_object_mut().unwrap().remove("unchanged").unwrap();
    std::fs::write(place(ids[0]), older.to_string()).unwrap();
    std::fs::write(place(ids[1]), format!(r#"{{"import":"{}","version":2,"record":{{}}}}"#, ids[1])).unwrap();
    let journal = MemoryJournal::default();
    let report = recover(&world.lake, &journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(report.completed, [ids[0], ids[2]]);
    let read = journal.get(ids[0]).await.unwrap().unwrap();
    assert_eq!((read.state, read.version, read.counts.read), (ImportState::Committed, Some(1), 1));
    // What the journal knows is not read again.
    std::fs::write(place(ids[2]), "damaged").unwrap();
    let again = recover(&world.lake, &journal, &world.clock(), &world.data()).await.unwrap();
    assert_eq!(again, meterlake_import::RecoveryReport::default());
}

#[tokio::test]
async fn recovery_leaves_a_living_import_alone() {
    let world = World::new().await;
    std::fs::create_dir_all(world.data()).unwrap();
    let lock = std::fs::File::create(world.data().join("import.lock")).unwrap();
    lock.lock().unwrap();
    assert!(recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap().busy);
}

/// Run by [`crashes_leave_all_or_nothing`] in a process of its own, which dies inside.
#[tokio::test]
async fn child_that_imports_and_dies() {
    let Some(folder) = std::env::var_os("METERLAKE_TEST_CRASH_FOLDER").map(std::path::PathBuf::from) else { return };
    let lake = Lake::open_path(&folder.join("data/lake")).await.unwrap();
    let clock: SharedClock = Arc::new(SystemClock);
    let rated = std::env::var_os("METERLAKE_TEST_CRASH_RATED").is_some();
    let options = match rated {
        true => Options { invoice_state: Some(InvoiceState::Billed), ..Options::default() },
        false => Options { basis: Some(CostBasis::Actual), ..Options::default() },
    };
    let request = ImportRequest { paths: vec![folder.join("b.csv")], options, ..ImportRequest::default() };
    let journal = MemoryJournal::default();
    for record in lake.committed_imports().await.unwrap() {
        journal.store(&serde_json::from_value(record.record).unwrap()).await.unwrap();
    }
    let outcome = import_charges(&lake, &journal, clock, &folder.join("data"), request, Arc::new(NoProgress)).await;
    panic!("still alive: {outcome:?}");
}

#[tokio::test]
async fn crashes_leave_all_or_nothing() {
    for (point, billed) in [("written", "1"), ("committed", "3")] {
        let world = World::new().await;
        committed(world.actual(&[&world.file("a.csv", ea(&[("2024-11-01", "a", "1", "EUR")]))]).await);
        world.file("b.csv", ea(&[("2024-11-01", "a", "3", "EUR")]));
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program)
            .args(["--exact", "run::recovery::child_that_imports_and_dies", "--nocapture"])
            .env("METERLAKE_TEST_CRASH_FOLDER", world.folder.path())
            .env("METERLAKE_CRASH_AT", point)
            .output()
            .unwrap();
        assert!(!output.status.success());
        assert!(!String::from_utf8_lossy(&output.stderr).contains("still alive"), "{point}");
        let report = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
        assert_eq!(report.completed.len(), usize::from(point == "committed"), "{point}");
        assert_eq!(world.billed(|_| true).await, billed, "{point}");
        assert_eq!(world.journal.all(|r| r.state == ImportState::Committed).len(), world.version().await as usize);
        // Running it again gives the right totals either way.
        let again = world.actual(&[&world.folder.path().join("b.csv")]).await;
        assert!(again.is_ok(), "{point}: {again:?}");
        assert_eq!(world.billed(|_| true).await, "3", "{point}");
    }
}

/// The charges are committed, their sums are not: the next import makes them.
#[tokio::test]
async fn a_crash_before_the_rollup_leaves_it_to_the_next_import() {
    let world = World::new().await;
    world.file("b.csv", rated(&[("2024-11-03", ALPHA, "1", "EUR"), ("2024-11-03", ALPHA, "2", "EUR")]));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run::recovery::child_that_imports_and_dies", "--nocapture"])
        .env("METERLAKE_TEST_CRASH_FOLDER", world.folder.path())
        .env("METERLAKE_TEST_CRASH_RATED", "1")
        .env("METERLAKE_CRASH_AT", "committed")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(world.billed(|_| true).await, "3");
    assert_eq!(rollup::lagging(&world.lake).await.unwrap().missing.len(), 1);
    let next = world.file("c.csv", rated(&[("2024-10-03", ALPHA, "5", "EUR")]));
    committed(world.import_with(&[&next], |r| r.options.invoice_state = Some(InvoiceState::Billed)).await);
    assert!(rollup::lagging(&world.lake).await.unwrap().is_empty());
    let parts = rollup::parts(&world.lake).await.unwrap();
    assert_eq!(parts.len(), 2);
    for part in parts {
        assert_eq!(rollup::verify(&world.lake, &part).await.unwrap(), []);
    }
}

/// A journal during whose lookups somebody else changes the lake.
struct Meddler {
    inner: MemoryJournal,
    lake: Lake,
    done: AtomicBool,
}

#[async_trait]
impl ImportJournal for Meddler {
    async fn store(&self, record: &ImportRecord) -> Result<(), JournalError> {
        self.inner.store(record).await
    }

    async fn get(&self, id: ImportId) -> Result<Option<ImportRecord>, JournalError> {
        self.inner.get(id).await
    }

    async fn running(&self) -> Result<Vec<ImportRecord>, JournalError> {
        self.inner.running().await
    }

    async fn find_by_hash(&self, sha256: &str) -> Result<Vec<ImportRecord>, JournalError> {
        self.inner.find_by_hash(sha256).await
    }

    async fn committed(&self) -> Result<Vec<ImportRecord>, JournalError> {
        if !self.done.swap(true, Ordering::SeqCst) {
            let snapshot = self.lake.charges().await?;
            let import = ImportId::new(chrono::Utc::now());
            let record = serde_json::Value::Null;
            let (removes, read_version) = (snapshot.files()[..1].to_vec(), snapshot.version());
            let commit = Commit { import, adds: Vec::new(), removes, read_version, source_hashes: Vec::new(), record };
            self.lake.commit(commit).await?;
        }
        self.inner.committed().await
    }

    async fn store_dataset(&self, record: &DatasetRecord) -> Result<(), JournalError> {
        self.inner.store_dataset(record).await
    }

    async fn dataset(&self, id: ImportId) -> Result<Option<DatasetRecord>, JournalError> {
        self.inner.dataset(id).await
    }

    async fn committed_datasets(&self) -> Result<BTreeSet<ImportId>, JournalError> {
        self.inner.committed_datasets().await
    }

    async fn running_datasets(&self) -> Result<Vec<DatasetRecord>, JournalError> {
        self.inner.running_datasets().await
    }
}

#[tokio::test]
async fn a_change_between_comparison_and_commit_is_compared_again() {
    let world = World::new().await;
    let first = world.file("a.csv", ea(&[("2024-11-01", "a", "1", "EUR"), ("2024-11-02", "a", "1", "EUR")]));
    committed(world.actual(&[&first]).await);
    let part = world.file("b.csv", ea(&[("2024-11-02", "a", "5", "EUR")]));
    let journal = Meddler { inner: MemoryJournal::default(), lake: world.lake.clone(), done: AtomicBool::new(false) };
    for record in world.journal.all(|_| true) {
        journal.store(&record).await.unwrap();
    }
    let request = ImportRequest {
        paths: vec![part],
        options: Options { basis: Some(CostBasis::Actual), ..Options::default() },
        scope: meterlake_import::ScopeOption::parse(&["days=2024-11-02"]).unwrap(),
        ..ImportRequest::default()
    };
    let outcome =
        import_charges(&world.lake, &journal, world.clock(), &world.data(), request, Arc::new(NoProgress)).await;
    let record = committed(outcome);
    // The rows that would have stayed went with the other change, and do not come back by the rewriting.
    assert_eq!((record.version, record.counts.replaced), (Some(3), 0));
    assert_eq!(world.billed(|_| true).await, "5");
}

#[tokio::test]
async fn kills_at_any_moment_leave_all_or_nothing() {
    let world = World::new().await;
    committed(world.actual(&[&world.file("a.csv", ea(&[("2024-11-01", "a", "1", "EUR")]))]).await);
    let many: Vec<_> = (0..3_000).map(|_| ("2024-11-01", "a", "0.001", "EUR")).collect();
    let path = world.file("b.csv", ea(&many));
    for step in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "run::recovery::child_that_imports_and_dies"])
            .env("METERLAKE_TEST_CRASH_FOLDER", world.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(60 + step * step * 25));
        child.kill().unwrap();
        child.wait().unwrap();
        let report = recover(&world.lake, &world.journal, &world.clock(), &world.data()).await.unwrap();
        assert!(!report.busy);
        let records = world.journal.all(|r| r.state == ImportState::Committed);
        let taken: u64 = records.iter().map(|r| r.counts.taken - r.counts.replaced).sum();
        let rows = world.rows().await;
        assert!(rows.len() as u64 == taken && (rows.len() == 1 || rows.len() == 3_000), "{step}: {} rows", rows.len());
        assert_eq!(records.iter().filter_map(|r| r.version).max(), Some(world.version().await));
    }
    world.actual(&[&path]).await.unwrap();
    assert_eq!(world.billed(|_| true).await, "3");
}
