//! Usage analytics against the plainest computation, with random requests.

use std::sync::Arc;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use meterlake_filter::{CompareOp, Expr, Limits, Moment, Value, parse};
use meterlake_lake::rollup;
use meterlake_reports::{
    AggregationLevel, AnalyticsField, AnalyticsKey, AnalyticsRequest, CustomerScope, DayFormat, Direction,
    EmbeddedEngine, FieldKind, QUANTITY_COLUMN, QueryEngine, ReportError, Reports, ReportsConfig, WireField,
};

use crate::charge::{
    CATEGORIES, CUSTOMERS, Charge, LOCATIONS, NAMES, RESERVATIONS, Random, SERVICES, SUBSCRIPTIONS, UNITS, day,
};
use crate::naive;
use crate::world::{World, assert_rows, config, import_id, rebuild, texts, world};

fn everything() -> AnalyticsRequest {
    AnalyticsRequest {
        customers: CustomerScope::All,
        filter: None,
        days: (None, None),
        group_by: None,
        aggregation: AggregationLevel::Day,
        order_by: Vec::new(),
        skip: 0,
        top: 10_000,
        snapshot: None,
        total: None,
    }
}

fn filter(text: &str) -> Option<Expr> {
    Some(parse(text, &AnalyticsField::catalogue(), Limits::default()).unwrap())
}

fn fields(request: &AnalyticsRequest) -> Vec<WireField> {
    let mut fields: Vec<WireField> = Vec::new();
    for field in request.group_by.clone().unwrap_or_else(|| AnalyticsField::ALL.to_vec()) {
        let kind = if field == AnalyticsField::UsageDate { FieldKind::Day(DayFormat::Iso) } else { FieldKind::Text };
        let wire = WireField { name: field.name(), column: field.column(), kind };
        if !fields.contains(&wire) {
            fields.push(wire);
        }
    }
    fields.push(WireField { name: "quantity", column: QUANTITY_COLUMN, kind: FieldKind::Decimal });
    fields
}

/// Walks all pages as next links do.
async fn walk(reports: &Reports, request: &AnalyticsRequest) -> (u64, Vec<Vec<String>>) {
    let mut request = request.clone();
    let mut rows = Vec::new();
    loop {
        let page = reports.analytics(&request).await.unwrap();
        let here = texts(&page.batches, &fields(&request));
        assert!(here.len() <= request.top);
        request.skip += u64::try_from(here.len()).unwrap();
        rows.extend(here);
        (request.snapshot, request.total) = (Some(page.snapshot), Some(page.total));
        if !page.more {
            return (page.total, rows);
        }
    }
}

/// Holds all ways of answering (from the rollup where it is valid, from charges alone, by plans of the engine) against
/// the plainest computation.
async fn check(world: &World, request: &AnalyticsRequest) -> usize {
    let expected = naive::analytics(&world.rows, request);
    let skipped = usize::try_from(request.skip).unwrap().min(expected.len());
    let planned = Reports::with_engine(world.lake.clone(), Arc::new(PlansOnly(world.engine())));
    let charges = Reports::new(world.lake.clone(), &ReportsConfig { rollup: false, ..config() }).unwrap();
    for (way, reports) in [("rollup", &world.reports), ("charges", &charges), ("plans", &planned)] {
        let (total, rows) = walk(reports, request).await;
        assert_eq!(usize::try_from(total).unwrap(), expected.len(), "{way}: {request:?}");
        assert_rows(&rows, &expected[skipped..], &format!("{way}: {request:?}"));
    }
    expected.len()
}

/// An engine that runs plans and no other work.
struct PlansOnly(EmbeddedEngine);

#[async_trait::async_trait]
impl QueryEngine for PlansOnly {
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        self.0.run(plans).await
    }

    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        self.0.physical_plan(plan).await
    }
}

#[tokio::test]
async fn documented_requests() {
    let world = world(11, 700).await;
    assert!(check(&world, &everything()).await > 500);
    let filters = [
        "meterCategory eq 'Data Management'",
        "meterCategory eq 'Data Management' or (usageDate le cast('2018-01-01',Edm.DateTimeOffset) and usageDate le cast('2018-04-01',Edm.DateTimeOffset))",
        "usageDate gt cast('2024-11-03T12:00:00Z',Edm.DateTimeOffset)",
        "usageDate ge cast('2024-11-03T12:00:00Z',Edm.DateTimeOffset) and usageDate lt cast('2024-11-10T00:00:01Z',Edm.DateTimeOffset)",
        "usageDate eq cast('2024-11-03',Edm.DateTimeOffset)",
        "usageDate eq cast('2024-11-03T00:00:01Z',Edm.DateTimeOffset)",
        "usageDate ne cast('2024-11-03T23:00:00-01:00',Edm.DateTimeOffset)",
        "subscriptionId eq 'EC649980-d623-49F5-B7C1-80CC772B83A8'",
        "customerTenantId eq '39A1DFAC-4969-4F31-AF94-D76588189CFE'",
        "contains(customerTenantId,'39A1') and not contains(customerName, 'O''N')",
        "subscriptionId eq 'KONTO-7' or reservationId ne ''",
        "customerName eq ''",
        "contains(customerName,'')",
        "meterCategory eq 'storage' and meterUnit ne '10,000s'",
    ];
    for text in filters {
        check(&world, &AnalyticsRequest { filter: filter(text), ..everything() }).await;
    }
}

/// As many parts as a filter of the greatest length can have.
#[tokio::test]
async fn a_long_filter_does_not_exhaust_the_stack() {
    let world = world(12, 100).await;
    let parts = |op: &str, join: &str| {
        let part = |number: usize| format!("{} {op}'{}'", ["meterUnit", "customerName"][number % 2], number % 9);
        let mut text = part(0);
        let mut number = 1;
        while text.len() + join.len() + part(number).len() <= Limits::default().length {
            text += &(join.to_owned() + &part(number));
            number += 1;
        }
        assert!(number > 300, "{number}");
        text
    };
    for text in [parts("eq", " or "), parts("ne", " and "), parts("eq", " and not "), parts("ne", " or not ")] {
        check(&world, &AnalyticsRequest { filter: filter(&text), ..everything() }).await;
    }
}

#[tokio::test]
async fn random_requests() {
    let world = world(13, 300).await;
    let mut random = Random(99);
    let mut rows = 0;
    for round in 0..40 {
        if round == 20 {
            // Until now the rollup is not valid for all charges.
            let lagging = rollup::lagging(&world.lake).await.unwrap().missing.len();
            assert!(lagging > 0 && lagging < rollup::parts(&world.lake).await.unwrap().len() + lagging);
            rebuild(&world.lake).await;
        }
        rows += check(&world, &random_request(&mut random)).await;
    }
    assert!(rows > 700, "{rows} rows say little");
}

fn random_request(random: &mut Random) -> AnalyticsRequest {
    let some_field = |random: &mut Random| AnalyticsField::ALL[random.below(13)];
    let group_by = (!random.yes(4)).then(|| (0..=random.below(4)).map(|_| some_field(random)).collect::<Vec<_>>());
    let mut order_by = Vec::new();
    for _ in 0..random.below(3) {
        let grouped = group_by.as_deref().unwrap_or(&AnalyticsField::ALL);
        let key = if random.yes(4) {
            AnalyticsKey::Quantity
        } else {
            AnalyticsKey::Field(grouped[random.below(grouped.len())])
        };
        order_by.push((key, if random.yes(2) { Direction::Descending } else { Direction::Ascending }));
    }
    let some_day = |random: &mut Random| format!("2024-1{}-{:02}", random.below(2), random.below(28) + 1).parse().ok();
    let customers: Vec<_> =
        CUSTOMERS.iter().filter(|_| random.yes(2)).map(|customer| customer.parse().unwrap()).collect();
    AnalyticsRequest {
        customers: if random.yes(2) { CustomerScope::All } else { CustomerScope::These(customers) },
        filter: random.yes(2).then(|| random_filter(random, 3)),
        days: (
            if random.yes(4) { some_day(random) } else { None },
            if random.yes(4) { some_day(random) } else { None },
        ),
        group_by,
        aggregation: [AggregationLevel::Day, AggregationLevel::Week, AggregationLevel::Month][random.below(3)],
        order_by,
        skip: if random.yes(3) { u64::try_from(random.below(300)).unwrap() } else { 0 },
        top: [111, 10_000][random.below(2)],
        ..everything()
    }
}

fn random_filter(random: &mut Random, depth: usize) -> Expr {
    match random.below(if depth == 0 { 2 } else { 5 }) {
        0 => {
            let field = random.below(13);
            match random_value(random, field) {
                Value::Text(needle) => {
                    let keep = random.below(needle.chars().count() + 1);
                    Expr::Contains { field, needle: needle.chars().skip(keep / 2).take(keep).collect() }
                }
                _ => Expr::Not(Box::new(Expr::Or(Vec::new()))),
            }
        }
        1 => {
            let field = random.below(13);
            let op = if field == 4 {
                CompareOp::ALL[random.below(6)]
            } else {
                [CompareOp::Eq, CompareOp::Ne][random.below(2)]
            };
            Expr::Compare { field, op, value: random_value(random, field) }
        }
        2 => Expr::Not(Box::new(random_filter(random, depth - 1))),
        3 => Expr::And((0..=random.below(3)).map(|_| random_filter(random, depth - 1)).collect()),
        _ => Expr::Or((0..=random.below(3)).map(|_| random_filter(random, depth - 1)).collect()),
    }
}

fn random_value(random: &mut Random, field: usize) -> Value {
    let text = match AnalyticsField::ALL[field] {
        AnalyticsField::UsageDate => {
            let day = format!("2024-1{}-{:02}", random.below(2), random.below(28) + 1);
            let text = if random.yes(2) { day } else { format!("{day}T{:02}:00:00Z", random.below(24)) };
            return Value::Moment(Moment::parse(&text).unwrap());
        }
        AnalyticsField::CustomerTenantId => random.pick(CUSTOMERS),
        AnalyticsField::SubscriptionId => random.pick(SUBSCRIPTIONS),
        AnalyticsField::CustomerName | AnalyticsField::SubscriptionName => random.pick(NAMES),
        AnalyticsField::ResourceLocation => random.pick(LOCATIONS),
        AnalyticsField::MeterCategory => random.pick(CATEGORIES),
        AnalyticsField::MeterSubcategory => random.pick(&["None", "none", ""]),
        AnalyticsField::MeterUnit => random.pick(UNITS),
        AnalyticsField::ServiceType => random.pick(SERVICES),
        _ => random.pick(RESERVATIONS),
    };
    match uuid::Uuid::parse_str(text) {
        Ok(guid) if random.yes(2) => Value::Guid(guid),
        _ => Value::Text(text.to_owned()),
    }
}

#[tokio::test]
async fn buckets_across_the_turn_of_a_month() {
    let world = world(14, 300).await;
    for aggregation in [AggregationLevel::Day, AggregationLevel::Week, AggregationLevel::Month] {
        let group_by = Some(vec![AnalyticsField::UsageDate, AnalyticsField::UsageDate]);
        check(&world, &AnalyticsRequest { aggregation, group_by, ..everything() }).await;
        let group_by = Some(vec![AnalyticsField::MeterUnit]);
        check(&world, &AnalyticsRequest { aggregation, group_by, ..everything() }).await;
    }
}

#[tokio::test]
async fn a_walk_keeps_its_snapshot() {
    let mut world = world(15, 300).await;
    let mut request = AnalyticsRequest { top: 100, ..everything() };
    let expected = naive::analytics(&world.rows, &request);
    let first = world.reports.analytics(&request).await.unwrap();
    let mut rows = texts(&first.batches, &fields(&request));
    world.import(import_id(40), Vec::new(), |_| true).await;
    request = AnalyticsRequest { skip: 100, snapshot: Some(first.snapshot), total: Some(first.total), ..request };
    let (total, rest) = walk(&world.reports, &request).await;
    rows.extend(rest);
    assert_rows(&rows, &expected, "the walk");
    assert_eq!(usize::try_from(total).unwrap(), expected.len());
    let now = world.reports.analytics(&everything()).await.unwrap();
    assert_eq!((now.total, now.more, now.batches.len()), (0, false, 0));
}

#[tokio::test]
async fn what_a_walk_has_counted_is_not_counted_again() {
    let world = world(18, 50).await;
    for (skip, top) in [(0, 5), (7, 5), (0, 10_000)] {
        let request = AnalyticsRequest { skip, top, total: Some(4_711), ..everything() };
        assert_eq!(world.reports.analytics(&request).await.unwrap().total, 4_711);
    }
}

#[tokio::test]
async fn places_beyond_the_end() {
    let world = world(16, 50).await;
    for skip in [10_000, u64::MAX] {
        let page = world.reports.analytics(&AnalyticsRequest { skip, ..everything() }).await.unwrap();
        assert_eq!(usize::try_from(page.total).unwrap(), naive::analytics(&world.rows, &everything()).len());
        assert!(page.batches.is_empty() && !page.more);
    }
}

#[tokio::test]
async fn requests_that_contradict_themselves() {
    let world = world(17, 5).await;
    let order_by = vec![(AnalyticsKey::Field(AnalyticsField::MeterUnit), Direction::Ascending)];
    let group_by = Some(vec![AnalyticsField::MeterCategory]);
    let refused = world.reports.analytics(&AnalyticsRequest { order_by, group_by, ..everything() }).await;
    assert!(matches!(refused, Err(ReportError::Request(_))), "{refused:?}");
    let refused = world.reports.analytics(&AnalyticsRequest { group_by: Some(Vec::new()), ..everything() }).await;
    assert!(matches!(refused, Err(ReportError::Request(_))), "{refused:?}");
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_an_error() {
    let mut world = World::new().await;
    let row = Charge {
        period: 202_411,
        account: "100".into(),
        basis: "actual".into(),
        currency: "EUR".into(),
        import: import_id(1).to_string(),
        day: day("2024-11-05"),
        customer: CUSTOMERS[0].into(),
        charge_type: "Usage".into(),
        quantity: Some(10i128.pow(38) - 1),
        billed: Some(0),
        ..Charge::default()
    };
    let rows = (1..=3).map(|line| Charge { line, ..row.clone() }).collect();
    world.import(import_id(1), rows, |_| false).await;
    let refused = world.reports.analytics(&everything()).await;
    assert!(matches!(refused, Err(ReportError::Overflow(_))), "{refused:?}");
}
