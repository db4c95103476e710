//! EA usage details: order, pages, snapshots, and that nothing is sorted.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use futures::TryStreamExt;
use meterlake_lake::charges::columns;
use meterlake_model::{BillingAccountId, DayRange};
use meterlake_reports::{
    DayFormat, EaPosition, EaRequest, EmbeddedEngine, FieldKind, QueryEngine, ReportError, Reports, Selection,
    WireField, ea_columns,
};

use crate::charge::{Charge, Random, charges};
use crate::world::{World, assert_rows, config, import_id, texts, world};

const FIELDS: &[WireField] = &[
    WireField { name: "import", column: columns::IMPORT_ID, kind: FieldKind::Text },
    WireField { name: "file", column: columns::SOURCE_FILE, kind: FieldKind::Integer },
    WireField { name: "line", column: columns::SOURCE_LINE, kind: FieldKind::Integer },
    WireField { name: "date", column: columns::USAGE_DATE, kind: FieldKind::Day(DayFormat::Iso) },
    WireField { name: "subscription", column: columns::SUBSCRIPTION_ID, kind: FieldKind::Text },
    WireField { name: "cost", column: columns::BILLED_COST, kind: FieldKind::Decimal },
    WireField { name: "quantity", column: columns::QUANTITY, kind: FieldKind::Decimal },
];

fn naive(rows: &[Charge], request: &EaRequest) -> Vec<Vec<String>> {
    let mut rows: Vec<&Charge> = rows
        .iter()
        .filter(|row| request.accounts.iter().any(|account| account.as_str() == row.account))
        .filter(|row| row.basis != "amortized")
        .filter(|row| !request.usage_only || row.charge_type.eq_ignore_ascii_case("usage"))
        .filter(|row| match request.selection {
            Selection::Period(period) => row.period == period.number(),
            Selection::Days(days) => days.first.since_epoch() <= row.day && row.day <= days.last.since_epoch(),
        })
        .collect();
    rows.sort_by_key(|row| row.order());
    texts(&[crate::charge::batch(&rows.into_iter().cloned().collect::<Vec<_>>())], FIELDS)
}

fn request(accounts: &[&str], selection: Selection) -> EaRequest {
    let accounts = accounts.iter().map(|account| account.parse::<BillingAccountId>().unwrap()).collect();
    EaRequest { accounts, selection, usage_only: false, snapshot: None }
}

fn days(first: &str, last: &str) -> Selection {
    Selection::Days(DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap())
}

fn period(text: &str) -> Selection {
    Selection::Period(text.parse().unwrap())
}

async fn walk(reports: &Reports, request: &EaRequest, limit: usize) -> Vec<Vec<String>> {
    let mut request = request.clone();
    let (mut rows, mut after): (Vec<_>, Option<EaPosition>) = (Vec::new(), None);
    loop {
        let page = reports.ea_page(&request, after.as_ref(), limit).await.unwrap();
        let here = texts(&page.batches, FIELDS);
        assert!(here.len() <= limit);
        rows.extend(here);
        request.snapshot = Some(page.snapshot);
        let Some(next) = page.next else { return rows };
        // As it travels in a next link.
        after = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
    }
}

#[tokio::test]
async fn pages_and_streams_give_all_rows_in_order() {
    let world = world(1, 600).await;
    let requests = [
        request(&["100"], period("202411")),
        request(&["100", "100-b"], period("202410")),
        request(&["100", "100-b", "other", "unknown"], days("2024-09-01", "2024-11-30")),
        request(&["100"], days("2024-10-31", "2024-11-02")),
        request(&["100"], days("2030-01-01", "2030-02-01")),
        request(&["unknown"], period("202411")),
        request(&[], period("202411")),
        EaRequest { usage_only: true, ..request(&["100"], days("2024-10-01", "2024-11-30")) },
    ];
    for request in &requests {
        let expected = naive(&world.rows, request);
        for limit in [153, 100_000] {
            let found = walk(&world.reports, request, limit).await;
            assert_rows(&found, &expected, &format!("{request:?}, pages of {limit}"));
        }
        let (_, stream) = world.reports.ea_stream(request).await.unwrap();
        let names: Vec<String> = stream.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert!(ea_columns().iter().all(|(_, column)| names.iter().any(|name| name == column)), "{names:?}");
        let batches: Vec<_> = stream.try_collect().await.unwrap();
        assert_rows(&texts(&batches, FIELDS), &expected, &format!("{request:?}, streamed"));
    }
    assert!(naive(&world.rows, &requests[2]).len() > 700, "the test has rows to look at");
}

#[tokio::test]
async fn a_page_that_ends_on_the_last_row_is_the_last() {
    let world = world(2, 50).await;
    let request = request(&["100"], period("202411"));
    let rows = naive(&world.rows, &request).len();
    let page = world.reports.ea_page(&request, None, rows).await.unwrap();
    assert_eq!(page.next, None);
    let page = world.reports.ea_page(&request, None, rows - 1).await.unwrap();
    let page = world.reports.ea_page(&request, page.next.as_ref(), rows).await.unwrap();
    assert_eq!((texts(&page.batches, FIELDS).len(), page.next), (1, None));
}

#[tokio::test]
async fn a_walk_keeps_its_snapshot_while_data_are_replaced() {
    let mut world = world(3, 400).await;
    let mut request = request(&["100", "100-b"], days("2024-10-01", "2024-11-30"));
    let expected = naive(&world.rows, &request);
    let first = world.reports.ea_page(&request, None, 100).await.unwrap();
    let mut rows = texts(&first.batches, FIELDS);
    request.snapshot = Some(first.snapshot);
    let (mut after, mut number) = (first.next, 10);
    while let Some(position) = after {
        // Between any two pages everything in the newest state changes.
        let replacement = charges(&mut Random(number), import_id(10), "202411".parse().unwrap(), 50);
        let import = import_id(u32::try_from(number).unwrap());
        let replacement = replacement.into_iter().map(|row| Charge { import: import.to_string(), ..row }).collect();
        world.import(import, replacement, |_| true).await;
        number += 1;
        let page = world.reports.ea_page(&request, Some(&position), 100).await.unwrap();
        rows.extend(texts(&page.batches, FIELDS));
        after = page.next;
    }
    assert!(number > 12);
    assert_rows(&rows, &expected, "the walk");
    request.snapshot = None;
    assert_rows(&walk(&world.reports, &request, 1_000).await, &naive(&world.rows, &request), "the newest state");
}

#[tokio::test]
async fn a_snapshot_that_never_was() {
    let world = world(4, 5).await;
    let request = EaRequest { snapshot: Some(4_711), ..request(&["100"], period("202411")) };
    let error = world.reports.ea_page(&request, None, 10).await.unwrap_err();
    assert!(matches!(error, ReportError::SnapshotGone(4_711)), "{error}");
}

#[tokio::test]
async fn periods_newest_first() {
    let mut world = World::new().await;
    assert_eq!(world.reports.ea_periods(&["100".parse().unwrap()], None).await.unwrap(), []);
    for (number, period) in [(1, "202312"), (2, "202402"), (3, "202401")] {
        let mut rows = charges(&mut Random(5), import_id(number), period.parse().unwrap(), 200);
        if number == 2 {
            rows.retain(|row| row.account != "100-b" || row.basis == "amortized");
        }
        world.import(import_id(number), rows, |_| false).await;
    }
    let periods = async |accounts: &[&str], snapshot| {
        let accounts: Vec<BillingAccountId> = accounts.iter().map(|account| account.parse().unwrap()).collect();
        let periods = world.reports.ea_periods(&accounts, snapshot).await.unwrap();
        periods.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(periods(&["100"], None).await, ["202402", "202401", "202312"]);
    assert_eq!(periods(&["100-b"], None).await, ["202401", "202312"], "amortised rows are in no EA report");
    assert_eq!(periods(&["100-b", "100"], None).await, ["202402", "202401", "202312"]);
    assert!(periods(&["unknown"], None).await.is_empty());
}

/// Notes the physical plans that run.
struct Spy {
    engine: EmbeddedEngine,
    plans: Mutex<Vec<String>>,
}

#[async_trait]
impl QueryEngine for Spy {
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        for plan in &plans {
            let physical = self.engine.physical_plan(plan.clone()).await?;
            self.plans.lock().unwrap().push(displayable(physical.as_ref()).indent(false).to_string());
        }
        self.engine.run(plans).await
    }

    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        self.engine.physical_plan(plan).await
    }
}

#[tokio::test]
async fn nothing_is_sorted() {
    let world = world(6, 300).await;
    let spy = Arc::new(Spy { engine: EmbeddedEngine::new(&config()).unwrap(), plans: Mutex::default() });
    let reports = Reports::with_engine(world.lake.clone(), spy.clone());
    let requests = [
        request(&["100"], period("202411")),
        request(&["100", "100-b"], days("2024-10-01", "2024-11-30")),
        EaRequest { usage_only: true, ..request(&["other"], days("2024-11-01", "2024-11-30")) },
    ];
    for request in &requests {
        assert_rows(&walk(&reports, request, 150).await, &naive(&world.rows, request), "the pages");
        reports.ea_stream(request).await.unwrap();
    }
    let plans = spy.plans.lock().unwrap();
    assert!(plans.len() > 6);
    for plan in plans.iter() {
        assert!(!plan.contains("SortExec"), "{plan}");
        assert!(!plan.contains("RepartitionExec"), "{plan}");
    }
    assert!(plans.iter().any(|plan| plan.contains("SortPreservingMergeExec")), "{}", plans[0]);
}
