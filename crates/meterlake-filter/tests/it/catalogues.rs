//! The two catalogues of the contracts.

use meterlake_filter::{CompareOp, Expr, Field, FieldCatalogue, FieldKind, Limits, Moment, Rules, Value, parse};

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind }
}

/// Index of `usageDate` in [`analytics`].
pub(crate) const USAGE_DATE: usize = 4;
/// Index of `meterCategory` in [`analytics`].
pub(crate) const METER_CATEGORY: usize = 6;

/// The 13 fields of the usage analytics.
pub(crate) fn analytics() -> FieldCatalogue {
    use FieldKind::{Date, Guid, Text};
    FieldCatalogue::new([
        field("customerTenantId", Guid),
        field("customerName", Text),
        field("subscriptionId", Guid),
        field("subscriptionName", Text),
        field("usageDate", Date),
        field("resourceLocation", Text),
        field("meterCategory", Text),
        field("meterSubcategory", Text),
        field("meterUnit", Text),
        field("reservationOrderId", Guid),
        field("reservationId", Guid),
        field("consumptionMeterId", Guid),
        field("serviceType", Text),
    ])
}

/// The two filters of the B2C reports.
pub(crate) fn b2c() -> FieldCatalogue {
    FieldCatalogue::new([field("TimeStamp", FieldKind::Date), field("ApplicationId", FieldKind::Guid)])
        .with_rules(FieldKind::Guid, Rules { operators: &[CompareOp::Eq], contains: false })
}

pub(crate) fn text(field: usize, op: CompareOp, value: &str) -> Expr {
    Expr::Compare { field, op, value: Value::Text(value.to_owned()) }
}

pub(crate) fn guid(field: usize, op: CompareOp, value: &str) -> Expr {
    Expr::Compare { field, op, value: Value::Guid(value.parse().unwrap()) }
}

pub(crate) fn day(field: usize, op: CompareOp, value: &str) -> Expr {
    Expr::Compare { field, op, value: Value::Moment(Moment::Day(value.parse().unwrap())) }
}

pub(crate) fn instant(field: usize, op: CompareOp, value: &str) -> Expr {
    Expr::Compare { field, op, value: Value::Moment(Moment::Instant(value.parse().unwrap())) }
}

/// Parses with the default limits and checks that the canonical text parses to the same.
pub(crate) fn parsed(input: &str, catalogue: &FieldCatalogue) -> Expr {
    let expr = parse(input, catalogue, Limits::default()).unwrap_or_else(|error| panic!("{input}: {error}"));
    let canonical = expr.canonical(catalogue).to_string();
    assert_eq!(parse(&canonical, catalogue, Limits::default()).as_ref(), Ok(&expr), "{input} → {canonical}");
    expr
}
