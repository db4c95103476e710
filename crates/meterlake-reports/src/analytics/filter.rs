//! The caller's filter as an expression of the engine, and as a condition of our own sums.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use datafusion::functions::expr_fn::{contains, upper};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::scalar::ScalarValue;
use meterlake_filter::{CompareOp, Expr as Filter, Value};
use meterlake_lake::aggregate::Condition;

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
            let field = searchable(known(*field)?)?;
            Ok(contains(comparable(field), lit(same_case(field, needle))))
        }
    }
}

/// The same rows as a condition of the sums that are made without a plan.
pub(super) fn condition(filter: &Filter) -> Result<Condition, ReportError> {
    let all = |parts: &[Filter]| parts.iter().map(condition).collect::<Result<Vec<_>, _>>();
    match filter {
        Filter::And(parts) => Ok(Condition::All(all(parts)?)),
        Filter::Or(parts) => Ok(Condition::Any(all(parts)?)),
        Filter::Not(inner) => Ok(Condition::Not(Box::new(condition(inner)?))),
        Filter::Compare { field, op, value } => comparison(known(*field)?, *op, value),
        Filter::Contains { field, needle } => {
            let field = searchable(known(*field)?)?;
            let needle = same_case(field, needle);
            Ok(text(field, move |text| text.contains(&needle)))
        }
    }
}

/// [`compare`] as a condition.
fn comparison(field: AnalyticsField, op: CompareOp, value: &Value) -> Result<Condition, ReportError> {
    match operand(field, value)? {
        Operand::Instant(instant) => Ok(match midnight(op, instant) {
            Midnight::Always(value) => Condition::constant(value),
            Midnight::Day(op, than) => Condition::Day(field.column(), Arc::new(move |day| op.holds(day.cmp(&than)))),
        }),
        Operand::Text(than) if op == CompareOp::Eq && !is_folded(field) => {
            Ok(Condition::OneOf(field.column(), [than].into()))
        }
        Operand::Text(than) => Ok(text(field, move |text| op.holds(text.cmp(than.as_str())))),
    }
}

/// The texts, in the case of [`same_case`], that pass.
fn text(field: AnalyticsField, passes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Condition {
    Condition::Text(
        field.column(),
        if is_folded(field) { Arc::new(move |text| passes(&text.to_uppercase())) } else { Arc::new(passes) },
    )
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

fn searchable(field: AnalyticsField) -> Result<AnalyticsField, ReportError> {
    if field == AnalyticsField::UsageDate {
        return Err(ReportError::Request("contains cannot be asked of usageDate".into()));
    }
    Ok(field)
}

/// What a field is compared with.
enum Operand {
    /// The day's midnight with an instant.
    Instant(DateTime<Utc>),
    /// A text with a text, in the case of [`same_case`].
    Text(String),
}

fn operand(field: AnalyticsField, value: &Value) -> Result<Operand, ReportError> {
    let text = match value {
        Value::Moment(moment) if field == AnalyticsField::UsageDate => return Ok(Operand::Instant(moment.instant())),
        Value::Text(text) => text.clone(),
        Value::Guid(guid) => guid.hyphenated().to_string(),
        Value::Moment(_) => return Err(unsuited(field, value)),
    };
    if field == AnalyticsField::UsageDate {
        return Err(unsuited(field, value));
    }
    Ok(Operand::Text(same_case(field, &text)))
}

fn compare(field: AnalyticsField, op: CompareOp, value: &Value) -> Result<Expr, ReportError> {
    match operand(field, value)? {
        Operand::Instant(instant) => Ok(match midnight(op, instant) {
            Midnight::Always(value) => lit(value),
            Midnight::Day(op, than) => {
                apply(op, col(field.column()), Expr::Literal(ScalarValue::Date32(Some(than)), None))
            }
        }),
        Operand::Text(than) => Ok(apply(op, comparable(field), lit(than))),
    }
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

/// Whether the field is compared in upper case. Customer ids are stored in lower case, so that they are compared as
/// they lie and skip files.
fn is_folded(field: AnalyticsField) -> bool {
    field.is_guid() && field != AnalyticsField::CustomerTenantId
}

/// The column in the case that [`same_case`] gives to literals.
fn comparable(field: AnalyticsField) -> Expr {
    if is_folded(field) { upper(col(field.column())) } else { col(field.column()) }
}

fn same_case(field: AnalyticsField, text: &str) -> String {
    match field {
        AnalyticsField::CustomerTenantId => text.to_lowercase(),
        _ if is_folded(field) => text.to_uppercase(),
        _ => text.to_owned(),
    }
}

/// What comparing a day's midnight, UTC, with an instant comes down to.
enum Midnight {
    /// The same for every day.
    Always(bool),
    /// Comparing the day with a day, both as days since 1970-01-01.
    Day(CompareOp, i32),
}

fn midnight(op: CompareOp, instant: DateTime<Utc>) -> Midnight {
    let floor = instant.date_naive();
    let is_midnight = floor.and_time(chrono::NaiveTime::MIN).and_utc() == instant;
    // The first midnight that is not before the instant.
    let ceiling = if is_midnight { floor } else { floor + TimeDelta::days(1) };
    match op {
        CompareOp::Eq if !is_midnight => Midnight::Always(false),
        CompareOp::Ne if !is_midnight => Midnight::Always(true),
        CompareOp::Eq | CompareOp::Ne | CompareOp::Gt | CompareOp::Le => Midnight::Day(op, since_epoch(floor)),
        CompareOp::Ge | CompareOp::Lt => Midnight::Day(op, since_epoch(ceiling)),
    }
}

fn since_epoch(date: NaiveDate) -> i32 {
    let days = date.signed_duration_since(DateTime::UNIX_EPOCH.date_naive()).num_days();
    // Calendar dates reach 262,000 years from the epoch, far inside 32 bits.
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests;
