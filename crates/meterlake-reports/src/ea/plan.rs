//! The plans of EA usage details.

use std::collections::BTreeSet;

use datafusion::logical_expr::{LogicalPlan, SortExpr, col};
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesFile, ChargesSnapshot};
use meterlake_model::{BillingPeriod, Day, DayRange};

use super::{EaPosition, EaRequest};
use crate::api_fields::ea_columns;
use crate::plan::{Order, charges, days, files, is_marketplace, is_usage, overlaps, selected};
use crate::scope::Scope;
use crate::{ReportError, Selection};

/// More months than this are read in one go: data that is spread so wide is thin.
const MOST_WINDOWS: usize = 240;

/// An answer in steps. The rows of one step after the other are the answer in order. Each step covers the days of one
/// month, so that no more files are open at a time than have rows there, and a page opens only those it needs.
pub(super) struct Details<'a> {
    snapshot: &'a ChargesSnapshot,
    request: &'a EaRequest,
    after: Option<&'a EaPosition>,
    files: Vec<ChargesFile>,
    steps: Vec<Step>,
}

/// The days of a step; none for a step that has no rows, but the columns.
#[derive(Clone, Copy)]
pub(super) struct Step(Option<DayRange>);

impl<'a> Details<'a> {
    /// The rows of the request after the position.
    pub(super) fn new(snapshot: &'a ChargesSnapshot, request: &'a EaRequest, after: Option<&'a EaPosition>) -> Self {
        let files = files(snapshot, &Scope::Accounts(&request.accounts), Some(request.selection));
        let windows = windows(&files, request.selection, after.map(|position| position.usage_date));
        let mut steps: Vec<Step> = windows.into_iter().map(|window| Step(Some(window))).collect();
        if steps.is_empty() {
            steps.push(Step(None));
        }
        Self { snapshot, request, after, files, steps }
    }

    /// At least one.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The plans of these steps; `fetch` is the most rows that are wanted.
    pub(super) fn plans(&self, steps: &[Step], fetch: Option<usize>) -> Result<Vec<LogicalPlan>, ReportError> {
        steps.iter().map(|step| self.plan(*step, fetch)).collect()
    }

    fn plan(&self, step: Step, fetch: Option<usize>) -> Result<LogicalPlan, ReportError> {
        let scope = Scope::Accounts(&self.request.accounts);
        let Step(Some(window)) = step else {
            let nothing = charges(self.snapshot, &[], &scope, Order::Stored)?.project(output_columns().map(col))?;
            return Ok(nothing.build()?);
        };
        let here: Vec<ChargesFile> = self.files.iter().filter(|file| overlaps(file, window)).cloned().collect();
        let mut rows = selected(self.request.selection);
        if let Some(days) = days(Some(window.first), Some(window.last)) {
            rows = rows.and(days);
        }
        if self.request.usage_only {
            rows = rows.and(is_usage()).and(!is_marketplace());
        }
        if let Some(position) = self.after.filter(|position| window.first <= position.usage_date) {
            rows = rows.and(position.passed());
        }
        let plan = charges(self.snapshot, &here, &scope, Order::Stored)?.filter(rows)?;
        Ok(plan.project(output_columns().map(col))?.sort_with_limit(order(), fetch)?.build()?)
    }
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
