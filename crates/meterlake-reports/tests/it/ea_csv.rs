//! EA usage details as bytes, which are read straight from the files where these follow each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use meterlake_lake::charges::columns;
use meterlake_lake::{Commit, WriterOptions};
use meterlake_model::DayRange;
use meterlake_reports::{
    Admitted, CsvRows, DayFormat, EaJsonRequest, EaPlace, EaRequest, EmbeddedEngine, FieldKind, JsonRows, QueryEngine,
    ReportError, Reports, ReportsConfig, Selection, WireField, ea_columns,
};

use crate::charge::{Charge, Random, batch, charges};
use crate::world::{World, config, import_id, world};

/// Counts the queries that are plans; admits other work only when told so.
pub(crate) struct Counting {
    engine: EmbeddedEngine,
    straight: bool,
    plans: AtomicUsize,
}

#[async_trait]
impl QueryEngine for Counting {
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        self.plans.fetch_add(plans.len(), Ordering::SeqCst);
        self.engine.run(plans).await
    }

    async fn admit(&self) -> Result<Option<Admitted>, ReportError> {
        if self.straight { self.engine.admit().await } else { Ok(None) }
    }

    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        self.engine.physical_plan(plan).await
    }
}

pub(crate) fn reports(world: &World, straight: bool) -> (Reports, Arc<Counting>) {
    let engine = EmbeddedEngine::new(&config()).unwrap();
    let engine = Arc::new(Counting { engine, straight, plans: AtomicUsize::new(0) });
    (Reports::with_engine(world.lake.clone(), engine.clone()), engine)
}

/// Every column that the API gives, and what tells rows apart.
pub(crate) fn fields() -> Vec<WireField> {
    let api = ea_columns().iter().map(|(name, column)| {
        let kind = match *column {
            columns::USAGE_DATE => FieldKind::Day(DayFormat::Iso),
            columns::QUANTITY | columns::EFFECTIVE_PRICE | columns::BILLED_COST => FieldKind::Decimal,
            columns::CHARGES_BILLED_SEPARATELY => FieldKind::Boolean,
            _ if name.ends_with("Id")
                && !matches!(*name, "meterId" | "instanceId" | "offerId" | "serviceAdministratorId") =>
            {
                FieldKind::Integer
            }
            _ => FieldKind::Text,
        };
        WireField { name, column, kind }
    });
    let keys = [(columns::IMPORT_ID, FieldKind::Text), (columns::SOURCE_LINE, FieldKind::Integer)];
    api.chain(keys.map(|(column, kind)| WireField { name: column, column, kind })).collect()
}

pub(crate) async fn csv(reports: &Reports, request: &EaRequest) -> (String, usize) {
    let (_, pieces) = reports.ea_csv(request, CsvRows::new(&fields())).await.unwrap();
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.to_vec()).collect();
    (String::from_utf8(bytes).unwrap(), pieces.iter().map(|piece| piece.rows).sum())
}

fn request(accounts: &[&str], selection: Selection, usage_only: bool) -> EaRequest {
    let accounts = accounts.iter().map(|account| account.parse().unwrap()).collect();
    EaRequest { accounts, selection, usage_only, snapshot: None }
}

fn days(first: &str, last: &str) -> Selection {
    Selection::Days(DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap())
}

pub(crate) fn requests() -> Vec<EaRequest> {
    let mut all = Vec::new();
    for accounts in [&["100"][..], &["100", "100-b", "other"], &["unknown"], &[]] {
        for usage_only in [false, true] {
            for selection in [
                Selection::Period("202411".parse().unwrap()),
                Selection::Period("202410".parse().unwrap()),
                days("2024-10-01", "2024-11-30"),
                days("2024-10-29", "2024-11-02"),
                days("2024-11-05", "2024-11-05"),
                days("2030-01-01", "2030-01-02"),
            ] {
                all.push(request(accounts, selection, usage_only));
            }
        }
    }
    all
}

/// The charges of one scope, so that files follow each other.
pub(crate) fn of_one_scope(random: &mut Random, import: u32, period: &str, rows: usize) -> Vec<Charge> {
    let mut all = charges(random, import_id(import), period.parse().unwrap(), rows);
    for row in &mut all {
        row.account = "100".into();
        row.export_scope = String::new();
        row.basis = "actual".into();
        row.currency = "EUR".into();
        // Of this month only.
        row.day = row.day.clamp(period_days(period).first.since_epoch(), period_days(period).last.since_epoch());
    }
    all
}

fn period_days(period: &str) -> DayRange {
    period.parse::<meterlake_model::BillingPeriod>().unwrap().days()
}

/// Imports the rows in small files of small row groups.
pub(crate) async fn import_in_pieces(world: &World, import: u32, rows: &[Charge]) {
    let import = import_id(import);
    let stream = RecordBatchStreamAdapter::new(columns::schema(), futures::stream::iter([Ok(batch(rows))]));
    let options = WriterOptions { file_rows: 90, row_group_rows: 40, ..WriterOptions::default() };
    let mut writer = world.lake.writer(import, &world.folder.path().join("staging")).with_options(options);
    let adds = writer.write(Box::pin(stream)).await.unwrap();
    let read_version = world.lake.charges().await.unwrap().version();
    let record = serde_json::json!({"id": import.to_string()});
    let commit = Commit { import, adds, removes: Vec::new(), read_version, source_hashes: Vec::new(), record };
    world.lake.commit(commit).await.unwrap();
}

#[tokio::test]
async fn files_that_follow_each_other_give_the_same_bytes_without_a_plan() {
    let world = World::new().await;
    let mut random = Random(41);
    for (number, period) in [(1, "202410"), (2, "202411"), (3, "202412")] {
        import_in_pieces(&world, number, &of_one_scope(&mut random, number, period, 700)).await;
    }
    let files = world.lake.charges().await.unwrap().files().len();
    assert!(files > 15, "{files}");
    let ((straight, engine), (planned, _)) = (reports(&world, true), reports(&world, false));
    let mut rows = 0;
    for request in requests() {
        let (found, count) = csv(&straight, &request).await;
        let (expected, expected_count) = csv(&planned, &request).await;
        assert!(found == expected, "{request:?}");
        assert_eq!(count, expected_count, "{request:?}");
        rows += count;
    }
    assert!(rows > 5000, "{rows}");
    assert_eq!(engine.plans.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn files_that_overlap_are_merged() {
    for seed in 0..3 {
        let mut world = world(50 + seed, 150).await;
        let more = of_one_scope(&mut Random(seed), 9, "202412", 50);
        world.import(import_id(9), more, |_| false).await;
        let ((straight, engine), (planned, _)) = (reports(&world, true), reports(&world, false));
        for request in requests() {
            let (found, expected) = (csv(&straight, &request).await, csv(&planned, &request).await);
            assert!(found == expected, "{request:?}");
        }
        assert!(engine.plans.load(Ordering::SeqCst) > 0);
    }
}

#[tokio::test]
async fn nobody_reads_and_the_place_is_freed() {
    let world = World::new().await;
    import_in_pieces(&world, 1, &of_one_scope(&mut Random(1), 1, "202411", 3000)).await;
    let one = ReportsConfig {
        concurrent_queries: 1,
        waiting_queries: 1,
        admission_timeout: Duration::from_secs(20),
        ..config()
    };
    let reports = Reports::new(world.lake.clone(), &one).unwrap();
    let request = request(&["100"], Selection::Period("202411".parse().unwrap()), false);
    for read in [0, 1, 3, 0] {
        let (_, mut pieces) = reports.ea_csv(&request, CsvRows::new(&fields())).await.unwrap();
        for _ in 0..read {
            assert!(pieces.next().await.unwrap().unwrap().rows > 0);
        }
    }
    assert_eq!(csv(&reports, &request).await.1, 3000);

    // A reader that stands still is given up: the place becomes free, and the stream does not end as if it were whole.
    let impatient = ReportsConfig { reader_patience: Duration::from_millis(50), ..one };
    let reports = Reports::new(world.lake.clone(), &impatient).unwrap();
    let (_, pieces) = reports.ea_csv(&request, CsvRows::new(&fields())).await.unwrap();
    assert!(reports.ea_page(&request, None, 10).await.is_ok());
    let pieces = pieces.collect::<Vec<_>>().await;
    assert!(matches!(pieces.last(), Some(Err(_))), "{} pieces", pieces.len());
    assert!(pieces[..pieces.len() - 1].iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_file_that_is_lost_in_the_middle_is_an_error() {
    let world = World::new().await;
    import_in_pieces(&world, 1, &of_one_scope(&mut Random(2), 1, "202411", 3000)).await;
    let (straight, _) = reports(&world, true);
    let request = request(&["100"], Selection::Period("202411".parse().unwrap()), false);
    let snapshot = world.lake.charges().await.unwrap();
    let mut files = snapshot.files().to_vec();
    files.sort_by_key(|file| file.first_day);
    assert_eq!(csv(&straight, &request).await.1, 3000, "all footers are known now");
    let last = world.folder.path().join("lake/charges").join(&files[files.len() - 1].path);
    std::fs::remove_file(last).unwrap();
    let (_, pieces) = straight.ea_csv(&request, CsvRows::new(&fields())).await.unwrap();
    let pieces = pieces.collect::<Vec<_>>().await;
    let (end, rest) = pieces.split_last().unwrap();
    assert!(rest.len() > 5 && rest.iter().all(Result::is_ok), "{}", rest.len());
    assert!(matches!(end, Err(ReportError::Lake(_))), "{end:?}");
}

/// All rows by next link, each page's by itself.
async fn json(reports: &Reports, request: &EaRequest, limit: usize) -> Vec<String> {
    let (mut pages, mut after): (Vec<String>, Option<EaPlace>) = (Vec::new(), None);
    let mut charges = request.clone();
    loop {
        let rows = JsonRows::new(&fields());
        let wanted = EaJsonRequest { charges: charges.clone(), after, limit, rows, layout: "all" };
        let mut page = reports.ea_json(wanted, b"<").await.unwrap();
        page.body.push(b">");
        pages.push(String::from_utf8(page.body.finish().to_vec()).unwrap());
        charges.snapshot = Some(page.snapshot);
        let Some(next) = page.next else { return pages };
        // As it travels in a next link.
        after = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
    }
}

#[tokio::test]
async fn pages_of_rows_are_the_same_however_they_are_read() {
    let follow = World::new().await;
    let mut random = Random(43);
    for (number, period) in [(1, "202410"), (2, "202411")] {
        import_in_pieces(&follow, number, &of_one_scope(&mut random, number, period, 500)).await;
    }
    let overlap = world(61, 150).await;
    for (world, plans) in [(&follow, false), (&overlap, true)] {
        let ((straight, engine), (planned, _)) = (reports(world, true), reports(world, false));
        let (mut pages, mut walks) = (0, 0);
        for (number, request) in requests().iter().enumerate().filter(|(number, _)| number % 3 == 0 || *number == 7) {
            let limit = [95, 40, 250, 1000][number % 4];
            let found = json(&straight, request, limit).await;
            assert!(found == json(&planned, request, limit).await, "{request:?}, pages of {limit}");
            pages += found.len();
            walks += 1;
        }
        assert!(pages > walks, "{pages} pages of {walks} walks");
        assert_eq!(engine.plans.load(Ordering::SeqCst) > 0, plans);
    }
}

#[tokio::test]
async fn a_walk_goes_on_where_it_was_whatever_has_changed() {
    let mut world = World::new().await;
    let mut random = Random(44);
    import_in_pieces(&world, 1, &of_one_scope(&mut random, 1, "202411", 500)).await;
    let others: Vec<Charge> = charges(&mut random, import_id(2), "202411".parse().unwrap(), 200);
    world.import(import_id(2), others, |_| false).await;
    let (straight, engine) = reports(&world, true);
    let of = |accounts: &[&str], snapshot| EaRequest {
        snapshot,
        ..request(accounts, Selection::Period("202411".parse().unwrap()), false)
    };
    let page = async |charges: EaRequest, after: Option<EaPlace>, limit: usize| {
        let wanted = EaJsonRequest { charges, after, limit, rows: JsonRows::new(&fields()), layout: "all" };
        let page = straight.ea_json(wanted, b"").await.unwrap();
        (String::from_utf8(page.body.finish().to_vec()).unwrap(), page.next, page.snapshot)
    };
    // The snapshot with one import only, so that the first page reads straight from its files.
    let one = world.lake.charges().await.unwrap().version() - 1;
    let (_, next, _) = page(of(&["100"], Some(one)), None, 100).await;
    assert_eq!(engine.plans.load(Ordering::SeqCst), 0);
    let next = next.unwrap();
    assert!(matches!(next, EaPlace::Row(_)));
    // In the newest, other files overlap: the same place, found by its row's keys.
    let (rest, none, _) = page(of(&["100", "100-b"], None), Some(next.clone()), 100_000).await;
    assert!(engine.plans.load(Ordering::SeqCst) > 0 && none.is_none());
    let (whole, _, _) = page(of(&["100", "100-b"], None), None, 100_000).await;
    assert!(whole.ends_with(&rest) && rest.len() < whole.len() && rest.len() > 1000);
    // A place in a file that the snapshot does not have.
    let EaPlace::Row(mut row) = next else { panic!("no row") };
    row.file.push('x');
    let wanted = EaJsonRequest {
        charges: of(&["100"], None),
        after: Some(EaPlace::Row(row)),
        limit: 10,
        rows: JsonRows::new(&fields()),
        layout: "all",
    };
    let error = straight.ea_json(wanted, b"").await.unwrap_err();
    assert!(matches!(error, ReportError::SnapshotGone(_)), "{error}");
    // Links that were made before carry the keys.
    let key = world.reports.ea_page(&of(&["100"], Some(one)), None, 100).await.unwrap().next.unwrap();
    let old: EaPlace = serde_json::from_str(&serde_json::to_string(&key).unwrap()).unwrap();
    assert_eq!(old, EaPlace::Key(key));
    let (rest, _, _) = page(of(&["100"], Some(one)), Some(old), 100_000).await;
    let (whole, _, _) = page(of(&["100"], Some(one)), None, 100_000).await;
    assert!(whole.ends_with(&rest) && rest.len() < whole.len() && rest.len() > 1000);
}
