//! The caller's filter as an expression of the engine.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use datafusion::functions::expr_fn::{contains, upper};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::scalar::ScalarValue;
use meterlake_filter::{CompareOp, Expr as Filter, Value};

use super::AnalyticsField;
use crate::ReportError;

/// The rows that pass the filter. All columns are without nulls, so `not` is plain negation.
pub(super) fn rows(filter: &Filter) -> Result<Expr, ReportError> {
    match filter {
        Filter::And(parts) => Ok(balanced(translate(parts)?, Expr::and).unwrap_or_else(|| lit(true))),
        Filter::Or(parts) => Ok(balanced(translate(parts)?, Expr::or).unwrap_or_else(|| lit(false))),
        Filter::Not(inner) => Ok(!rows(inner)?),
        Filter::Compare { field, op, value } => compare(known(*field)?, *op, value),
        Filter::Contains { field, needle } => {
            let field = known(*field)?;
            if field == AnalyticsField::UsageDate {
                return Err(ReportError::Request("contains cannot be asked of usageDate".into()));
            }
            Ok(contains(comparable(field), lit(same_case(field, needle))))
        }
    }
}

fn translate(parts: &[Filter]) -> Result<Vec<Expr>, ReportError> {
    parts.iter().map(rows).collect()
}

/// Joins as a tree of least depth: engines walk expressions recursively, and a filter may have hundreds of parts.
fn balanced(mut parts: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Option<Expr> {
    while parts.len() > 1 {
        let mut pairs = parts.into_iter();
        let mut joined = Vec::with_capacity(pairs.len().div_ceil(2));
        while let Some(left) = pairs.next() {
            joined.push(match pairs.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        parts = joined;
    }
    parts.pop()
}

/// The field that an index of [`AnalyticsField::catalogue`] means.
fn known(index: usize) -> Result<AnalyticsField, ReportError> {
    let field = AnalyticsField::ALL.get(index).copied();
    field.ok_or_else(|| ReportError::Request(format!("the filter names field number {index}, there are 13")))
}

fn compare(field: AnalyticsField, op: CompareOp, value: &Value) -> Result<Expr, ReportError> {
    let text = match value {
        Value::Moment(moment) if field == AnalyticsField::UsageDate => {
            return Ok(midnight(op, moment.instant()));
        }
        Value::Text(text) => text.clone(),
        Value::Guid(guid) => guid.hyphenated().to_string(),
        Value::Moment(_) => return Err(unsuited(field, value)),
    };
    if field == AnalyticsField::UsageDate {
        return Err(unsuited(field, value));
    }
    Ok(apply(op, comparable(field), lit(same_case(field, &text))))
}

fn unsuited(field: AnalyticsField, value: &Value) -> ReportError {
    ReportError::Request(format!("{} cannot be compared with {value}", field.name()))
}

fn apply(op: CompareOp, left: Expr, right: Expr) -> Expr {
    match op {
        CompareOp::Eq => left.eq(right),
        CompareOp::Ne => left.not_eq(right),
        CompareOp::Gt => left.gt(right),
        CompareOp::Ge => left.gt_eq(right),
        CompareOp::Lt => left.lt(right),
        CompareOp::Le => left.lt_eq(right),
    }
}

/// The column in the case that [`same_case`] gives to literals. Customer ids are stored in lower case, so that they
/// are compared as they lie and skip files.
fn comparable(field: AnalyticsField) -> Expr {
    match field {
        AnalyticsField::CustomerTenantId => col(field.column()),
        _ if field.is_guid() => upper(col(field.column())),
        _ => col(field.column()),
    }
}

fn same_case(field: AnalyticsField, text: &str) -> String {
    match field {
        AnalyticsField::CustomerTenantId => text.to_lowercase(),
        _ if field.is_guid() => text.to_uppercase(),
        _ => text.to_owned(),
    }
}

/// Compares the day's midnight, UTC, with an instant.
fn midnight(op: CompareOp, instant: DateTime<Utc>) -> Expr {
    let floor = instant.date_naive();
    let is_midnight = floor.and_time(chrono::NaiveTime::MIN).and_utc() == instant;
    // The first midnight that is not before the instant.
    let ceiling = if is_midnight { floor } else { floor + TimeDelta::days(1) };
    let day = col(AnalyticsField::UsageDate.column());
    match op {
        CompareOp::Eq if is_midnight => day.eq(literal(floor)),
        CompareOp::Eq => lit(false),
        CompareOp::Ne if is_midnight => day.not_eq(literal(floor)),
        CompareOp::Ne => lit(true),
        CompareOp::Gt => day.gt(literal(floor)),
        CompareOp::Ge => day.gt_eq(literal(ceiling)),
        CompareOp::Lt => day.lt(literal(ceiling)),
        CompareOp::Le => day.lt_eq(literal(floor)),
    }
}

fn literal(date: NaiveDate) -> Expr {
    let days = date.signed_duration_since(DateTime::UNIX_EPOCH.date_naive()).num_days();
    // Calendar dates reach 262,000 years from the epoch, far inside 32 bits.
    let days = i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX });
    Expr::Literal(ScalarValue::Date32(Some(days)), None)
}

#[cfg(test)]
mod tests;
