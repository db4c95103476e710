//! Analytics, computed in the plainest way.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use meterlake_filter::{CompareOp, Expr, Value};
use meterlake_model::{Day, Quantity};
use meterlake_reports::{AggregationLevel, AnalyticsField, AnalyticsKey, AnalyticsRequest, CustomerScope, Direction};

use crate::charge::Charge;

/// The value of a field as a filter sees it.
fn field_text(row: &Charge, field: AnalyticsField) -> String {
    let text = row.text(field.column());
    if field.is_guid() { text.to_uppercase() } else { text.to_owned() }
}

pub fn passes(filter: &Expr, row: &Charge) -> bool {
    match filter {
        Expr::And(parts) => parts.iter().all(|part| passes(part, row)),
        Expr::Or(parts) => parts.iter().any(|part| passes(part, row)),
        Expr::Not(inner) => !passes(inner, row),
        Expr::Contains { field, needle } => {
            let field = AnalyticsField::ALL[*field];
            let needle = if field.is_guid() { needle.to_uppercase() } else { needle.clone() };
            field_text(row, field).contains(&needle)
        }
        Expr::Compare { field, op, value } => compare(AnalyticsField::ALL[*field], *op, value, row),
    }
}

fn compare(field: AnalyticsField, op: CompareOp, value: &Value, row: &Charge) -> bool {
    let ordering = match value {
        Value::Moment(moment) => Day::from_since_epoch(row.day).unwrap().midnight().cmp(&moment.instant()),
        Value::Guid(guid) => field_text(row, field).cmp(&guid.to_string().to_uppercase()),
        Value::Text(text) if field.is_guid() => field_text(row, field).cmp(&text.to_uppercase()),
        Value::Text(text) => field_text(row, field).cmp(text),
    };
    op.holds(ordering)
}

fn truncated(level: AggregationLevel, day: i32) -> NaiveDate {
    let date = Day::from_since_epoch(day).unwrap().date();
    match level {
        AggregationLevel::Day => date,
        AggregationLevel::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
        AggregationLevel::Month => date.with_day(1).unwrap(),
    }
}

/// All rows of the answer in order: the fields, then the quantity, as texts.
pub fn analytics(rows: &[Charge], request: &AnalyticsRequest) -> Vec<Vec<String>> {
    let mut fields: Vec<AnalyticsField> = Vec::new();
    for field in request.group_by.clone().unwrap_or_else(|| AnalyticsField::ALL.to_vec()) {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let mut sums: BTreeMap<Vec<String>, i128> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(request, row)) {
        let key = fields.iter().map(|field| match field {
            AnalyticsField::UsageDate => truncated(request.aggregation, row.day).to_string(),
            field => field_text(row, *field),
        });
        *sums.entry(key.collect()).or_default() += row.quantity.unwrap_or(0);
    }
    let mut answer: Vec<(Vec<String>, i128)> = sums.into_iter().collect();
    answer.sort_by(|a, b| order(request, &fields, a, b));
    let text = |(mut key, sum): (Vec<String>, i128)| {
        key.push(Quantity::from_unscaled(sum).unwrap().to_string());
        key
    };
    answer.into_iter().map(text).collect()
}

fn wanted(request: &AnalyticsRequest, row: &Charge) -> bool {
    let in_scope = match &request.customers {
        CustomerScope::All => true,
        CustomerScope::These(these) => these.iter().any(|customer| customer.to_string() == row.customer),
    };
    in_scope
        && !row.customer.is_empty()
        && row.basis != "amortized"
        && row.charge_type.eq_ignore_ascii_case("usage")
        && request.days.0.is_none_or(|first| first.since_epoch() <= row.day)
        && request.days.1.is_none_or(|last| row.day <= last.since_epoch())
        && request.filter.as_ref().is_none_or(|filter| passes(filter, row))
}

fn order(
    request: &AnalyticsRequest,
    fields: &[AnalyticsField],
    a: &(Vec<String>, i128),
    b: &(Vec<String>, i128),
) -> Ordering {
    for (key, direction) in &request.order_by {
        let ordering = match key {
            AnalyticsKey::Quantity => a.1.cmp(&b.1),
            AnalyticsKey::Field(field) => {
                let at = fields.iter().position(|known| known == field).unwrap();
                a.0[at].cmp(&b.0[at])
            }
        };
        let ordering = if *direction == Direction::Descending { ordering.reverse() } else { ordering };
        if ordering.is_ne() {
            return ordering;
        }
    }
    a.0.cmp(&b.0)
}
