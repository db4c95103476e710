//! The plans of EA usage details.

use std::collections::BTreeSet;

use datafusion::logical_expr::{LogicalPlan, SortExpr, col};
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesFile, ChargesSnapshot};
use meterlake_model::{BillingPeriod, Day, DayRange};

use super::{EaPosition, EaRequest};
use crate::api_fields::ea_columns;
use crate::plan::{charges, days, files, is_usage, overlaps, selected};
use crate::scope::Scope;
use crate::{ReportError, Selection};

/// More months than this are read in one go: data that is spread so wide is thin.
const MOST_WINDOWS: usize = 240;

/// The plans whose rows, one plan after the other, are the answer in order. Each covers the days of one month, so
/// that no more files are open at a time than have rows there, and a page opens only those it needs. `fetch` is the
/// most rows that are wanted of all together.
pub(super) fn details(
    snapshot: &ChargesSnapshot,
    request: &EaRequest,
    after: Option<&EaPosition>,
    fetch: Option<usize>,
) -> Result<Vec<LogicalPlan>, ReportError> {
    let scope = Scope::Accounts(&request.accounts);
    let files = files(snapshot, &scope, Some(request.selection));
    let windows = windows(&files, request.selection, after.map(|position| position.usage_date));
    if windows.is_empty() {
        // No rows, but a plan that has the columns.
        let nothing = charges(snapshot, &[], &scope)?.project(output_columns().map(col))?;
        return Ok(vec![nothing.build()?]);
    }
    let mut plans = Vec::with_capacity(windows.len());
    for window in windows {
        let here: Vec<ChargesFile> = files.iter().filter(|file| overlaps(file, window)).cloned().collect();
        let mut rows = selected(request.selection);
        if let Some(days) = days(Some(window.first), Some(window.last)) {
            rows = rows.and(days);
        }
        if request.usage_only {
            rows = rows.and(is_usage());
        }
        if let Some(position) = after.filter(|position| window.first <= position.usage_date) {
            rows = rows.and(position.passed());
        }
        let plan = charges(snapshot, &here, &scope)?.filter(rows)?;
        let plan = plan.project(output_columns().map(col))?.sort_with_limit(order(), fetch)?;
        plans.push(plan.build()?);
    }
    Ok(plans)
}

/// What a row holds: all that the API gives in any version, and what says where the next page starts.
fn output_columns() -> impl Iterator<Item = &'static str> {
    let api: Vec<&str> = ea_columns().iter().map(|(_, column)| *column).collect();
    let order: Vec<&str> = columns::SORT.iter().copied().filter(|column| !api.contains(column)).collect();
    api.into_iter().chain(order)
}

fn order() -> Vec<SortExpr> {
    columns::SORT.iter().map(|column| col(*column).sort(true, false)).collect()
}

/// The months, in order, in which the files have selected days that are not before `from`. One range for all when
/// they are spread over very many.
fn windows(files: &[ChargesFile], selection: Selection, from: Option<Day>) -> Vec<DayRange> {
    let mut months = BTreeSet::new();
    for file in files {
        let (mut first, mut last) = (from.map_or(file.first_day, |day| day.max(file.first_day)), file.last_day);
        if let Selection::Days(wanted) = selection {
            (first, last) = (first.max(wanted.first), last.min(wanted.last));
        }
        if first <= last {
            let end = BillingPeriod::containing(last);
            let month = |before: &BillingPeriod| before.next().filter(|next| *next <= end);
            months.extend(std::iter::successors(Some(BillingPeriod::containing(first)), month));
        }
    }
    match (months.first(), months.last()) {
        (Some(first), Some(last)) if months.len() > MOST_WINDOWS => {
            vec![DayRange { first: first.first_day(), last: last.last_day() }]
        }
        _ => months.into_iter().map(BillingPeriod::days).collect(),
    }
}
