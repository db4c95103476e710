//! `charges_rollup`: which parts have one, when it is valid, and that it says what the charges say.

use std::collections::BTreeMap;

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Date32Type, Decimal128Type, Int64Type},
};
use chrono::Datelike;
use datafusion::prelude::SessionContext;
use meterlake_lake::{
    Commit, Lake, Table,
    charges::columns as charges,
    rollup,
    rollup::{Grain, RebuildOptions, Rollups},
    session_context,
    tables::charges_rollup::columns,
};

use crate::{
    rows::{Row, commit, import, month, new_import, write},
    table_rows::as_read,
};

type Sums = BTreeMap<(String, String, i32), (i128, i64)>;

/// Cost and number of rows by customer, subscription and day or month, of charges or of a rollup.
async fn sums(lake: &Lake, table: Table, grain: Grain) -> Sums {
    let context: SessionContext = session_context(256 << 20, None).unwrap();
    let provider = lake.snapshot(table).await.unwrap().provider();
    let batches = context.read_table(provider).unwrap().collect().await.unwrap();
    let mut sums = Sums::new();
    for batch in &batches {
        let text = |name: &str| batch.column_by_name(name).unwrap().as_string_view().clone();
        let (customers, subscriptions) = (text(columns::CUSTOMER_TENANT_ID), text(columns::SUBSCRIPTION_ID));
        let basis = text(columns::COST_BASIS);
        let days = batch.column_by_name(columns::USAGE_DATE).unwrap().as_primitive::<Date32Type>();
        let costs = batch.column_by_name(columns::BILLED_COST).unwrap().as_primitive::<Decimal128Type>();
        for row in 0..batch.num_rows() {
            if customers.value(row).is_empty() || basis.value(row) == "amortized" {
                continue;
            }
            let key = (
                customers.value(row).to_owned(),
                subscriptions.value(row).to_owned(),
                grain.first_day()(days.value(row)),
            );
            let held = sums.entry(key).or_default();
            *held = (held.0 + costs.value(row), held.1 + count(batch, row));
        }
    }
    sums
}

fn count(batch: &RecordBatch, row: usize) -> i64 {
    batch.column_by_name(columns::ROW_COUNT).map_or(1, |counts| counts.as_primitive::<Int64Type>().value(row))
}

async fn rebuild(lake: &Lake) -> rollup::Rebuilt {
    rollup::rebuild(lake, &|_| {}).await.unwrap()
}

/// Rows so many of which share a day that a rollup by day pays.
fn dense(account: &str, first: &str, count: usize, seed: u64) -> Vec<Row> {
    let few = |row: Row| Row { subscription: format!("subscription-{}", row.line % 2), ..row };
    month(account, first, count, seed).into_iter().map(few).collect()
}

async fn assert_whole(lake: &Lake, grains: &[Grain]) {
    assert!(rollup::lagging(lake).await.unwrap().is_empty());
    for grain in grains {
        let grain = *grain;
        assert_eq!(sums(lake, grain.table(), grain).await, sums(lake, Table::Charges, grain).await);
    }
    let months = lake.snapshot(Table::ChargesRollupMonths).await.unwrap();
    assert!(months.files().iter().all(|file| file.first_day.date().day() == 1 && file.last_day.date().day() == 1));
    for part in rollup::parts(lake).await.unwrap() {
        assert_eq!(rollup::verify(lake, &part).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_charges_part_by_part() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    assert!(rollup::lagging(&lake).await.unwrap().is_empty(), "no charges ask for no rollup");
    for (seed, (account, first)) in
        [("100", "2024-10-01"), ("100", "2024-11-01"), ("200", "2024-11-01")].into_iter().enumerate()
    {
        import(&lake, dir.path(), &dense(account, first, 3000, seed as u64)).await;
    }
    let lagging = rollup::lagging(&lake).await.unwrap();
    assert_eq!((lagging.missing.len(), lagging.obsolete.len()), (3, 0));
    let rebuilt = rebuild(&lake).await;
    assert_eq!((rebuilt.parts, rebuilt.charges), (6, 18_000));
    assert!(rebuilt.rows < 18_000);
    assert_whole(&lake, &Grain::ALL).await;
    let snapshot = lake.snapshot(Table::ChargesRollup).await.unwrap();
    assert_eq!((snapshot.files().len(), snapshot.noted(Table::Charges)), (3, Some(3)));
    assert_eq!(rebuild(&lake).await, rollup::Rebuilt::default(), "nothing is built twice");

    // A part gets further charges, another gives way, the third stays as it is.
    import(&lake, dir.path(), &dense("100", "2024-10-01", 50, 9)).await;
    let ground = lake.charges().await.unwrap();
    let removes = ground.files().iter().filter(|file| file.scope[1] == "200").cloned().collect();
    lake.commit(Commit { removes, ..commit(new_import(), Vec::new(), ground.version()) }).await.unwrap();
    let lagging = rollup::lagging(&lake).await.unwrap();
    assert_eq!((lagging.missing.len(), lagging.obsolete.len()), (1, 2));
    let parts = rollup::parts(&lake).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.period.number()).collect::<Vec<_>>(), [202_411]);
    let (charges, rolled) = (lake.charges().await.unwrap(), Rollups::newest(&lake).await.unwrap());
    for by_month in [false, true] {
        let sources = rollup::sources(&charges, &rolled, charges.files(), &|_, _| by_month);
        let found = (sources.days.len(), sources.months.len(), sources.charges.len());
        assert_eq!(found, if by_month { (0, 1, 2) } else { (1, 0, 2) });
    }
    assert_eq!(rebuild(&lake).await.parts, 2);
    assert_whole(&lake, &Grain::ALL).await;

    // An older snapshot reads no rollup of newer charges.
    let older = lake.charges_at(3).await.unwrap();
    let sources = rollup::sources(&older, &Rollups::newest(&lake).await.unwrap(), older.files(), &|_, _| false);
    assert_eq!((sources.days.len(), sources.charges.len()), (1, 2));
}

/// A part that does not fit into memory is summed piece by piece, by customer, subscription and at last by day, and
/// comes out the same.
#[tokio::test(flavor = "multi_thread")]
async fn little_memory_makes_the_same_rollup() {
    let mut built = Vec::new();
    for memory in [usize::MAX, 200_000, 40_000] {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_path(dir.path()).await.unwrap();
        let one = |row: Row| Row { subscription: "one".to_owned(), customer: "one".to_owned(), ..row };
        let rows =
            month("100", "2024-11-01", 4000, 1).into_iter().map(|row| if row.line % 2 == 0 { one(row) } else { row });
        import(&lake, dir.path(), &rows.collect::<Vec<_>>()).await;
        let done = rollup::rebuild_with(&lake, RebuildOptions { memory, all_days: true }, &|_| {}).await.unwrap();
        assert_whole(&lake, &Grain::ALL).await;
        let snapshot = lake.snapshot(Table::ChargesRollup).await.unwrap();
        let context = session_context(256 << 20, None).unwrap();
        let read = context.read_table(snapshot.provider()).unwrap().collect().await.unwrap();
        // Import ids differ by run; the order of the rest must be that of the table.
        let shown: Vec<String> = as_read(&read).into_iter().map(|row| row.replace(&import_of(&row), "")).collect();
        built.push((done.rows, shown));
    }
    assert!(built[0] == built[1] && built[0] == built[2]);
}

/// The import in a row that is shown as text.
fn import_of(row: &str) -> String {
    let place = Table::ChargesRollup.columns().iter().position(|column| column.name == columns::IMPORT_ID).unwrap();
    row.split('|').nth(place).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_of_nobody_and_amortised_charges_ask_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let nobodys = |row: Row| Row { customer: String::new(), ..row };
    let rows: Vec<Row> = month("100", "2024-11-01", 300, 1).into_iter().map(nobodys).collect();
    import(&lake, dir.path(), &rows).await;
    let amortised = |row: Row| Row { basis: "amortized", ..row };
    let rows: Vec<Row> = month("100", "2024-11-01", 300, 2).into_iter().map(amortised).collect();
    import(&lake, dir.path(), &rows).await;
    assert!(rollup::lagging(&lake).await.unwrap().is_empty());
    // Beside charges of customers, those of nobody are left out.
    let mixed = |row: Row| if row.line % 3 == 0 { nobodys(row) } else { row };
    let rows: Vec<Row> = month("100", "2024-11-01", 300, 3).into_iter().map(mixed).collect();
    import(&lake, dir.path(), &rows).await;
    assert_eq!(rebuild(&lake).await.parts, 1);
    assert_whole(&lake, &[Grain::Month]).await;
}

/// Where days have as many groups as charges, or nearly, there is no rollup by day; one that was there goes when it is
/// no longer valid.
#[tokio::test(flavor = "multi_thread")]
async fn days_are_summed_where_that_pays() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    import(&lake, dir.path(), &dense("100", "2024-11-01", 600, 1)).await;
    assert_eq!(rebuild(&lake).await.parts, 2);
    import(&lake, dir.path(), &month("100", "2024-11-01", 1000, 2)).await;
    let days = async || lake.snapshot(Table::ChargesRollup).await.unwrap().files().len();
    assert_eq!(days().await, 1);
    assert_eq!(rebuild(&lake).await.parts, 1);
    assert_eq!(days().await, 0);
    assert_whole(&lake, &[Grain::Month]).await;
    let (charges, rolled) = (lake.charges().await.unwrap(), Rollups::newest(&lake).await.unwrap());
    for by_month in [false, true] {
        let sources = rollup::sources(&charges, &rolled, charges.files(), &|_, _| by_month);
        let found = (sources.days.len(), sources.months.len(), sources.charges.len());
        assert_eq!(found, if by_month { (0, 1, 0) } else { (0, 0, 2) });
    }
    assert_eq!(rebuild(&lake).await, rollup::Rebuilt::default());
    // More charges of the few customers and subscriptions make it pay.
    import(&lake, dir.path(), &dense("100", "2024-11-01", 8000, 3)).await;
    assert_eq!(rebuild(&lake).await.parts, 2);
    assert_whole(&lake, &Grain::ALL).await;
}

/// The largest amounts that a charge can have: their sum has more than 38 digits.
#[tokio::test(flavor = "multi_thread")]
async fn sums_of_more_than_38_digits_are_spread_over_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let most = 10i128.pow(38) - 1;
    let row = month("100", "2024-11-01", 1, 1).remove(0);
    let rows: Vec<Row> = (0..3).map(|line| Row { line, cost: most, ..row.clone() }).collect();
    import(&lake, dir.path(), &rows).await;
    assert_eq!(rebuild(&lake).await.rows, 3);
    for part in rollup::parts(&lake).await.unwrap() {
        assert_eq!(rollup::verify(&lake, &part).await.unwrap(), []);
    }
}

/// A rebuild that dies leaves a file, or half of one, which the next one writes anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_rebuild_left_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    import(&lake, dir.path(), &dense("100", "2024-11-01", 1000, 1)).await;
    rebuild(&lake).await;
    let first = lake.snapshot(Table::ChargesRollup).await.unwrap().files()[0].path.to_string();
    let path = dir.path().join(Table::ChargesRollup.name());
    let log = path.join("_delta_log/00000000000000000001.json");
    // As if the commit had never been.
    std::fs::remove_file(log).unwrap();
    std::fs::write(path.join(&first), b"half").unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    assert_eq!(rollup::lagging(&lake).await.unwrap().missing.len(), 1);
    assert_eq!(rebuild(&lake).await.parts, 1);
    assert_eq!(*lake.snapshot(Table::ChargesRollup).await.unwrap().files()[0].path, *first);
    assert_whole(&lake, &Grain::ALL).await;
}

/// A rollup that says something else than its charges is found out.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_rollup_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let rows = dense("100", "2024-11-01", 1000, 1);
    import(&lake, dir.path(), &rows).await;
    rebuild(&lake).await;
    let (part, right) = {
        let part = rollup::parts(&lake).await.unwrap().remove(0);
        let path = lake.snapshot(Table::ChargesRollup).await.unwrap().files()[0].path.to_string();
        (part, dir.path().join(Table::ChargesRollup.name()).join(path))
    };
    // The rollup of other charges under its name.
    let other = tempfile::tempdir().unwrap();
    let wrong = Lake::open_path(other.path()).await.unwrap();
    let changed: Vec<Row> =
        rows.iter().map(|row| Row { cost: row.cost + i128::from(row.line == 7), ..row.clone() }).collect();
    import(&wrong, other.path(), &changed).await;
    rebuild(&wrong).await;
    let path = wrong.snapshot(Table::ChargesRollup).await.unwrap().files()[0].path.to_string();
    std::fs::copy(other.path().join(Table::ChargesRollup.name()).join(path), right).unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let differences = rollup::verify(&lake, &part).await.unwrap();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(differences[0].table, Table::ChargesRollup);
    assert_eq!((differences[0].what, differences[0].customer.as_str()), ("billed cost", rows[7].customer.as_str()));
    assert!(write(&lake, dir.path(), new_import(), &[]).await.is_empty());
    assert!(charges::SCOPE.len() == part.scope.len());
}
