//! A lake in a temporary folder, with reports over it and a plain list of its rows.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesFile, Commit, Lake, rollup};
use meterlake_model::ImportId;
use meterlake_reports::{CsvRows, EmbeddedEngine, Reports, ReportsConfig, WireField};

use crate::charge::{Charge, batch};

pub struct World {
    pub lake: Lake,
    pub reports: Reports,
    /// Reports over the same lake that keep nothing in memory: they read the lake each time.
    pub reading: Reports,
    /// The live rows.
    pub rows: Vec<Charge>,
    pub folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open_path(&folder.path().join("lake")).await.unwrap();
        let reports = Reports::new(lake.clone(), &config()).unwrap();
        let reading = Reports::new(lake.clone(), &ReportsConfig { kept_bytes: 0, ..config() }).unwrap();
        Self { lake, reports, reading, rows: Vec::new(), folder }
    }

    /// An engine of its own.
    pub fn engine(&self) -> EmbeddedEngine {
        EmbeddedEngine::new(&config()).unwrap()
    }

    /// Commits the charges as one import, in place of the files that `replaces` chooses.
    pub async fn import(
        &mut self,
        import: ImportId,
        charges: Vec<Charge>,
        replaces: impl Fn(&ChargesFile) -> bool,
    ) -> u64 {
        let batches: Vec<_> = charges.chunks(700).map(|chunk| Ok(batch(chunk))).collect();
        let stream = RecordBatchStreamAdapter::new(columns::schema(), futures::stream::iter(batches));
        let mut writer = self.lake.writer(import, &self.folder.path().join("staging"));
        let adds = writer.write(Box::pin(stream)).await.unwrap();
        let before = self.lake.charges().await.unwrap();
        let removes: Vec<ChargesFile> = before.files().iter().filter(|file| replaces(file)).cloned().collect();
        self.rows.retain(|row| !removes.iter().any(|file| holds(file, row)));
        self.rows.extend(charges);
        let record = serde_json::json!({"id": import.to_string()});
        let commit =
            Commit { import, adds, removes, read_version: before.version(), source_hashes: Vec::new(), record };
        self.lake.commit(commit).await.unwrap()
    }
}

/// Whether the row lies in a file of that period, scope and import.
fn holds(file: &ChargesFile, row: &Charge) -> bool {
    file.period.number() == row.period
        && file.written_by.to_string() == row.import
        && columns::SCOPE.iter().zip(file.scope.iter()).all(|(column, value)| row.text(column) == value)
}

pub fn config() -> ReportsConfig {
    ReportsConfig { memory_limit: 256 << 20, threads: 2, ..ReportsConfig::default() }
}

pub fn import_id(number: u32) -> ImportId {
    ImportId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)))
}

/// The rows of the batches as texts, through our own encoder, which has tests of its own.
pub fn texts(batches: &[RecordBatch], fields: &[WireField]) -> Vec<Vec<String>> {
    let mut encoder = CsvRows::new(fields);
    let mut bytes = Vec::new();
    encoder.header(&mut bytes);
    for batch in batches {
        encoder.encode(batch, &mut bytes).unwrap();
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(&bytes[..]);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Builds all rollups that there may be, those by day that do not pay, too.
pub async fn rebuild(lake: &Lake) {
    let options = rollup::RebuildOptions { all_days: true, ..Default::default() };
    rollup::rebuild_with(lake, options, &|_| {}).await.unwrap();
}

/// Two months of charges of three imports, with a rollup of the first two.
pub async fn world(seed: u64, rows: usize) -> World {
    let mut random = crate::charge::Random(seed);
    let mut world = World::new().await;
    for (number, period) in [(1, "202410"), (2, "202411"), (3, "202411")] {
        let charges = crate::charge::charges(&mut random, import_id(number), period.parse().unwrap(), rows);
        world.import(import_id(number), charges, |_| false).await;
        if number == 2 {
            // The third import leaves some of it behind.
            rebuild(&world.lake).await;
        }
    }
    world
}

/// Fails at the first row that differs, and shows no more than that.
#[track_caller]
pub fn assert_rows(found: &[Vec<String>], expected: &[Vec<String>], what: &str) {
    if let Some(at) = (0..found.len().max(expected.len())).find(|at| found.get(*at) != expected.get(*at)) {
        let sizes = (found.len(), expected.len());
        panic!("{what}\nrow {at} of {sizes:?}:\n{:?}\nexpected\n{:?}", found.get(at), expected.get(at));
    }
}
