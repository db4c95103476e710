//! The table provider against naive answers, and the plans it gives.

use std::sync::Arc;

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Date32Type, Decimal128Type, Int64Type},
};
use datafusion::{
    physical_plan::{ExecutionPlan, collect, displayable},
    prelude::{Expr, SessionContext, col, lit},
    scalar::ScalarValue,
};
use meterlake_lake::{Commit, Lake, charges::columns, checked_sum_udaf, session_context};

use crate::rows::{Row, commit, day, import, month, new_import, write};

async fn lake_of_months(dir: &std::path::Path) -> (Lake, Vec<Row>) {
    let lake = Lake::open_path(dir).await.unwrap();
    let mut all = Vec::new();
    for (number, first) in ["2024-09-01", "2024-10-01", "2024-11-01", "2024-12-01"].iter().enumerate() {
        for account in ["100", "200", "300"] {
            let rows =
                month(account, first, 400, number as u64 * 10 + account.len() as u64 + account.as_bytes()[0] as u64);
            import(&lake, dir, &rows).await;
            all.extend(rows);
        }
    }
    (lake, all)
}

fn context(lake: &meterlake_lake::ChargesSnapshot) -> SessionContext {
    let context = session_context(256 << 20, None).unwrap();
    context.register_table("charges", lake.provider()).unwrap();
    context
}

fn keys(batches: &[RecordBatch]) -> Vec<(i32, String, String, i64, i128)> {
    batches
        .iter()
        .flat_map(|batch| {
            let days = batch.column_by_name(columns::USAGE_DATE).unwrap().as_primitive::<Date32Type>().clone();
            let customers = batch.column_by_name(columns::CUSTOMER_TENANT_ID).unwrap().as_string_view().clone();
            let subscriptions = batch.column_by_name(columns::SUBSCRIPTION_ID).unwrap().as_string_view().clone();
            let lines = batch.column_by_name(columns::SOURCE_LINE).unwrap().as_primitive::<Int64Type>().clone();
            let costs = batch.column_by_name(columns::BILLED_COST).unwrap().as_primitive::<Decimal128Type>().clone();
            (0..batch.num_rows())
                .map(|i| {
                    let (customer, subscription) = (customers.value(i).to_owned(), subscriptions.value(i).to_owned());
                    (days.value(i), customer, subscription, lines.value(i), costs.value(i))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn naive(rows: &[Row], filter: impl Fn(&Row) -> bool) -> Vec<(i32, String, String, i64, i128)> {
    let kept = rows.iter().filter(|row| filter(row));
    kept.map(|r| (r.day.since_epoch(), r.customer.clone(), r.subscription.clone(), r.line, r.cost)).collect()
}

/// Files named in the scans of a plan.
fn files_of(plan: &Arc<dyn ExecutionPlan>) -> usize {
    displayable(plan.as_ref()).indent(true).to_string().matches(".parquet").count()
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(true).to_string()
}

async fn plan(context: &SessionContext, filter: Expr) -> Arc<dyn ExecutionPlan> {
    context.table("charges").await.unwrap().filter(filter).unwrap().create_physical_plan().await.unwrap()
}

fn date(text: &str) -> Expr {
    lit(ScalarValue::Date32(Some(day(text).since_epoch())))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_agree_with_naive_ones_and_files_are_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, all) = lake_of_months(dir.path()).await;
    let snapshot = lake.charges().await.unwrap();
    let context = context(&snapshot);
    assert_eq!(snapshot.files().len(), 12);

    type Filter = Box<dyn Fn(&Row) -> bool>;
    let account = || col(columns::BILLING_ACCOUNT_ID).eq(lit("200"));
    let many: Vec<Expr> = (0..60).map(|n| lit(format!("{}", 150 + n))).collect();
    let cases: Vec<(Expr, usize, Filter)> = vec![
        (lit(true), 12, Box::new(|_| true)),
        (account(), 4, Box::new(|r| r.account == "200")),
        (col(columns::BILLING_PERIOD).eq(lit(202_411)), 3, Box::new(|r| r.period == 202_411)),
        (
            account().and(col(columns::BILLING_PERIOD).eq(lit(202_411))),
            1,
            Box::new(|r| r.account == "200" && r.period == 202_411),
        ),
        (
            col(columns::USAGE_DATE).between(date("2024-10-20"), date("2024-11-05")),
            6,
            Box::new(|r| r.day >= day("2024-10-20") && r.day <= day("2024-11-05")),
        ),
        (col(columns::BILLING_ACCOUNT_ID).in_list(many, false), 4, Box::new(|r| r.account == "200")),
        (
            account().and(col(columns::SUBSCRIPTION_ID).eq(lit("subscription-07"))),
            4,
            Box::new(|r| r.account == "200" && r.subscription == "subscription-07"),
        ),
        (col(columns::SUBSCRIPTION_ID).eq(lit("zz")), 0, Box::new(|_| false)),
        (col(columns::COST_BASIS).in_list(vec![lit("actual"), lit("both")], false), 12, Box::new(|_| true)),
        (col(columns::COST_BASIS).eq(lit("amortized")), 0, Box::new(|_| false)),
        (
            col(columns::BILLED_COST).gt(lit(ScalarValue::Decimal128(Some(1 << 90), 38, 24))),
            12,
            Box::new(|r| r.cost > 1 << 90),
        ),
    ];
    for (filter, files, wanted) in cases {
        let plan = plan(&context, filter.clone()).await;
        assert_eq!(files_of(&plan), files, "{filter}\n{}", shown(&plan));
        let mut found = keys(&collect(plan, context.task_ctx()).await.unwrap());
        let mut expected = naive(&all, wanted);
        found.sort();
        expected.sort();
        assert_eq!(found.len(), expected.len(), "{filter}");
        assert_eq!(found, expected, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ordered_reads_merge_and_never_sort() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, all) = lake_of_months(dir.path()).await;
    let snapshot = lake.charges().await.unwrap();
    let context = context(&snapshot);
    let order: Vec<_> = columns::SORT.iter().map(|name| col(*name).sort(true, false)).collect();

    for (filter, wanted) in [
        (
            col(columns::BILLING_ACCOUNT_ID).eq(lit("100")),
            Box::new(|r: &Row| r.account == "100") as Box<dyn Fn(&Row) -> bool>,
        ),
        (lit(true), Box::new(|_: &Row| true)),
        (
            col(columns::SUBSCRIPTION_ID).gt(lit("subscription-1")),
            Box::new(|r: &Row| r.subscription.as_str() > "subscription-1"),
        ),
    ] {
        for (projected, limit) in [(false, None), (true, None), (true, Some(37))] {
            let mut frame = context.table("charges").await.unwrap().filter(filter.clone()).unwrap();
            frame = frame.sort(order.clone()).unwrap();
            if projected {
                let names = [
                    columns::USAGE_DATE,
                    columns::CUSTOMER_TENANT_ID,
                    columns::SUBSCRIPTION_ID,
                    columns::SOURCE_LINE,
                    columns::BILLED_COST,
                    columns::BILLING_PERIOD,
                ];
                frame = frame.select_columns(&names).unwrap();
            }
            let plan = frame.limit(0, limit).unwrap().create_physical_plan().await.unwrap();
            let text = shown(&plan);
            assert!(!text.contains("SortExec"), "{text}");
            let found = keys(&collect(plan, context.task_ctx()).await.unwrap());
            let mut expected: Vec<Row> = all.iter().filter(|r| wanted(r)).cloned().collect();
            expected.sort_by(|a, b| {
                (a.day, &a.customer, &a.subscription, &a.resource).cmp(&(
                    b.day,
                    &b.customer,
                    &b.subscription,
                    &b.resource,
                ))
            });
            expected.truncate(limit.unwrap_or(usize::MAX));
            assert_eq!(found.len(), expected.len());
            let order_of = |k: &(i32, String, String, i64, i128)| (k.0, k.1.clone(), k.2.clone());
            assert!(found.is_sorted_by_key(order_of), "{text}");
            let expected: Vec<_> = naive(&expected, |_| true).iter().map(order_of).collect();
            assert_eq!(found.iter().map(order_of).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn following_months_share_a_group() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let mut rows = Vec::new();
    for year in [2022, 2023] {
        for month_number in 1..=12 {
            rows.extend(month("100", &format!("{year}-{month_number:02}-01"), 20, month_number));
        }
    }
    import(&lake, dir.path(), &rows).await;
    let snapshot = lake.charges().await.unwrap();
    assert_eq!(snapshot.files().len(), 24);
    let context = context(&snapshot);
    let frame = context.table("charges").await.unwrap().sort(vec![col(columns::USAGE_DATE).sort(true, false)]).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let text = shown(&plan);
    assert!(!text.contains("SortExec"), "{text}");
    let threads = std::thread::available_parallelism().unwrap().get();
    assert!(text.contains(&format!("{{{} group", threads.min(24))), "{text}");
    assert_eq!(collect(plan, context.task_ctx()).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_sums_and_chosen_files() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, all) = lake_of_months(dir.path()).await;
    let snapshot = lake.charges().await.unwrap();
    let context = context(&snapshot);
    let count = context.table("charges").await.unwrap().count().await.unwrap();
    assert_eq!(count, 4800);
    let sum = || checked_sum_udaf().call(vec![col(columns::BILLED_COST)]);
    let frame =
        context.table("charges").await.unwrap().filter(col(columns::BILLING_ACCOUNT_ID).eq(lit("300"))).unwrap();
    let frame = frame.aggregate(vec![col(columns::BILLING_PERIOD)], vec![sum()]).unwrap();
    let sums = frame.collect().await.unwrap();
    assert_eq!(sums.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
    let total: i128 = sums.iter().flat_map(|b| b.column(1).as_primitive::<Decimal128Type>().values().to_vec()).sum();
    assert_eq!(total, all.iter().filter(|r| r.account == "300").map(|r| r.cost).sum::<i128>());

    let chosen: Vec<_> = snapshot.files().iter().filter(|f| f.scope[1] == "100").cloned().collect();
    let frame = context.read_table(snapshot.provider_of(&chosen)).unwrap();
    let found = frame.aggregate(vec![], vec![sum()]).unwrap().collect().await.unwrap();
    let expected: i128 = all.iter().filter(|r| r.account == "100").map(|r| r.cost).sum();
    assert_eq!(found[0].column(0).as_primitive::<Decimal128Type>().value(0), expected);
    let none = context.read_table(snapshot.provider_of(&[])).unwrap().count().await.unwrap();
    assert_eq!(none, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_snapshot_answers_as_before_after_a_replacement() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let old = month("100", "2024-11-01", 300, 5);
    import(&lake, dir.path(), &old).await;
    let pinned = lake.charges().await.unwrap();
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 100, 6)).await;
    lake.commit(Commit { removes: pinned.files().to_vec(), ..commit(id, adds, 1) }).await.unwrap();
    for snapshot in [pinned, lake.charges_at(1).await.unwrap()] {
        let context = context(&snapshot);
        let mut found = keys(&context.table("charges").await.unwrap().collect().await.unwrap());
        let mut expected = naive(&old, |_| true);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_ordered_and_filtered_reads_give_the_first_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    // Small row groups, so that skipping one would show.
    let options = meterlake_lake::WriterOptions { row_group_rows: 100, ..Default::default() };
    let mut all = Vec::new();
    for account in ["100", "200"] {
        let import = new_import();
        let rows = month(account, "2024-11-01", 2000, account.len() as u64 + u64::from(account.as_bytes()[0]));
        let mut writer = lake.writer(import, &dir.path().join("staging")).with_options(options.clone());
        let adds = writer.write(crate::rows::stream(vec![crate::rows::batch(&rows, import)])).await.unwrap();
        let read_version = lake.charges().await.unwrap().version();
        lake.commit(commit(import, adds, read_version)).await.unwrap();
        all.extend(rows);
    }
    all.sort_by(|a, b| (a.day, &a.customer, &a.subscription).cmp(&(b.day, &b.customer, &b.subscription)));
    let context = context(&lake.charges().await.unwrap());
    let order: Vec<_> = columns::SORT[..3].iter().map(|name| col(*name).sort(true, false)).collect();
    for filter_day in ["2024-11-01", "2024-11-02", "2024-11-20"] {
        for limit in [1, 5, 50, 400] {
            let frame = context.table("charges").await.unwrap();
            let frame = frame.filter(col(columns::USAGE_DATE).gt_eq(date(filter_day))).unwrap();
            let frame = frame.sort(order.clone()).unwrap().limit(0, Some(limit)).unwrap();
            let found: Vec<_> = keys(&frame.collect().await.unwrap()).into_iter().map(|k| (k.0, k.1, k.2)).collect();
            let wanted = all.iter().filter(|r| r.day >= day(filter_day)).take(limit);
            let wanted: Vec<_> =
                wanted.map(|r| (r.day.since_epoch(), r.customer.clone(), r.subscription.clone())).collect();
            assert_eq!(found, wanted, "{filter_day} {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_can_be_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let rows = month("100", "2024-11-01", 300, 5);
    import(&lake, dir.path(), &rows).await;
    let ground = lake.charges().await.unwrap();
    let context = context(&ground);
    let kept = context.table("charges").await.unwrap().filter(col(columns::USAGE_DATE).gt(date("2024-11-10"))).unwrap();
    let id = new_import();
    let mut writer = lake.writer(id, &dir.path().join("staging"));
    let adds = writer.write(kept.execute_stream().await.unwrap()).await.unwrap();
    lake.commit(Commit { removes: ground.files().to_vec(), ..commit(id, adds, 1) }).await.unwrap();
    let newest = lake.charges().await.unwrap();
    let frame = context.read_table(newest.provider()).unwrap();
    let mut found = keys(&frame.collect().await.unwrap());
    let mut wanted = naive(&rows, |r| r.day > day("2024-11-10"));
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let first = ground.files()[0].written_by;
    let frame =
        context.read_table(newest.provider()).unwrap().filter(col(columns::IMPORT_ID).eq(lit(first.to_string())));
    assert_eq!(frame.unwrap().count().await.unwrap(), wanted.len(), "rows keep the import that brought them");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_order_with_any_limit_agrees_with_a_naive_sort() {
    type Key = Vec<String>;
    type KeyOf = fn(&Row) -> Key;
    let dir = tempfile::tempdir().unwrap();
    let (lake, all) = lake_of_months(dir.path()).await;
    let context = context(&lake.charges().await.unwrap());
    let asc = |name: &str| col(name).sort(true, false);
    let desc = |name: &str| col(name).sort(false, true);
    let cases: Vec<(Vec<datafusion::logical_expr::SortExpr>, bool, KeyOf)> = vec![
        (vec![desc(columns::USAGE_DATE)], true, |r| vec![r.day.to_string()]),
        (vec![desc(columns::USAGE_DATE), desc(columns::CUSTOMER_TENANT_ID)], true, |r| {
            vec![r.day.to_string(), r.customer.clone()]
        }),
        (vec![asc(columns::SUBSCRIPTION_ID)], false, |r| vec![r.subscription.clone()]),
        (vec![desc(columns::SUBSCRIPTION_ID)], true, |r| vec![r.subscription.clone()]),
        (vec![desc(columns::BILLED_COST)], true, |r| vec![format!("{:040}", r.cost)]),
        (vec![asc(columns::BILLING_PERIOD), asc(columns::USAGE_DATE)], false, |r| {
            vec![r.period.to_string(), r.day.to_string()]
        }),
        (vec![desc(columns::BILLING_PERIOD)], true, |r| vec![r.period.to_string()]),
    ];
    for (order, descending, key) in cases {
        for limit in [None, Some(7), Some(500)] {
            for account in [None, Some("200")] {
                let mut frame = context.table("charges").await.unwrap();
                if let Some(account) = account {
                    frame = frame.filter(col(columns::BILLING_ACCOUNT_ID).eq(lit(account))).unwrap();
                }
                let frame = frame.sort(order.clone()).unwrap().limit(0, limit).unwrap();
                let found = frame.collect().await.unwrap();
                let by_line: std::collections::HashMap<(i128, i64), &Row> =
                    all.iter().map(|r| ((r.cost, r.line), r)).collect();
                let found: Vec<Key> = keys(&found).iter().map(|k| key(by_line[&(k.4, k.3)])).collect();
                let mut wanted: Vec<Key> =
                    all.iter().filter(|r| account.is_none_or(|a| r.account == a)).map(key).collect();
                wanted.sort();
                if descending {
                    wanted.reverse();
                }
                wanted.truncate(limit.unwrap_or(usize::MAX));
                assert_eq!(found, wanted, "{order:?} {limit:?} {account:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_overlapping_files_are_read_and_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let rows: Vec<Row> = (0..300).flat_map(|n| month(&format!("{n:03}"), "2024-11-01", 5, n)).collect();
    import(&lake, dir.path(), &rows).await;
    let snapshot = lake.charges().await.unwrap();
    assert_eq!(snapshot.files().len(), 300);
    let context = context(&snapshot);
    let order: Vec<_> = columns::SORT.iter().map(|name| col(*name).sort(true, false)).collect();
    let frame = context.table("charges").await.unwrap().sort(order).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    assert!(shown(&plan).contains("SortExec"), "300 files are not held open at once");
    let found = keys(&collect(plan, context.task_ctx()).await.unwrap());
    assert_eq!(found.len(), 1500);
    assert!(found.is_sorted_by_key(|k| k.0));
}
