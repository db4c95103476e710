//! The plans of usage analytics.

use datafusion::functions::expr_fn::{coalesce, upper};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, col, lit};
use datafusion::scalar::ScalarValue;
use meterlake_lake::ChargesSnapshot;
use meterlake_model::{DayRange, Quantity};

use super::{AnalyticsField, AnalyticsKey, AnalyticsRequest, Direction, QUANTITY_COLUMN, bucket, filter};
use crate::plan::{Order, charges, checked_sum, days, files, is_usage};
use crate::scope::Scope;
use crate::{ReportError, Selection};

/// A request that was found to be of one piece.
pub(super) struct Checked<'a> {
    request: &'a AnalyticsRequest,
    /// The fields of a row, each once.
    fields: Vec<AnalyticsField>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(request: &'a AnalyticsRequest) -> Result<Self, ReportError> {
        let asked = request.group_by.as_deref().unwrap_or(&AnalyticsField::ALL);
        let mut fields = Vec::with_capacity(asked.len());
        for field in asked {
            if !fields.contains(field) {
                fields.push(*field);
            }
        }
        if fields.is_empty() {
            return Err(ReportError::Request("groupby names no field".into()));
        }
        for (key, _) in &request.order_by {
            if let AnalyticsKey::Field(field) = key
                && !fields.contains(field)
            {
                return Err(ReportError::Request(format!("orderby names {}, which groupby does not", field.name())));
            }
        }
        Ok(Self { request, fields })
    }

    pub(super) fn request(&self) -> &'a AnalyticsRequest {
        self.request
    }

    /// The fields of a row, each once.
    pub(super) fn fields(&self) -> &[AnalyticsField] {
        &self.fields
    }

    /// The rows from `skip` on, at most `fetch`.
    pub(super) fn rows(
        &self,
        snapshot: &ChargesSnapshot,
        skip: usize,
        fetch: usize,
    ) -> Result<LogicalPlan, ReportError> {
        let quantity = checked_sum(col(QUANTITY_COLUMN)).alias(QUANTITY_COLUMN);
        let sums = self.usage(snapshot, true)?.aggregate(self.keys(), vec![quantity])?;
        let rows = sums.project(self.fields.iter().map(|field| output(*field)).chain([no_null_quantity()]))?;
        Ok(rows.sort(self.order())?.limit(skip, Some(fetch))?.build()?)
    }

    /// One row and column: how many rows there are.
    pub(super) fn total(&self, snapshot: &ChargesSnapshot) -> Result<LogicalPlan, ReportError> {
        let combinations = self.usage(snapshot, false)?.aggregate(self.keys(), Vec::<Expr>::new())?;
        Ok(combinations.aggregate(Vec::<Expr>::new(), vec![count(lit(1)).alias("total")])?.build()?)
    }

    /// The usage charges that pass all conditions, with the fields of a row and, if asked, the quantity.
    fn usage(&self, snapshot: &ChargesSnapshot, quantity: bool) -> Result<LogicalPlanBuilder, ReportError> {
        let scope = Scope::Customers(&self.request.customers);
        let (first, last) = self.request.days;
        let range = first.zip(last).and_then(|(first, last)| DayRange::new(first, last).ok());
        let files = files(snapshot, &scope, range.map(Selection::Days));
        let mut rows = is_usage();
        if let Some(days) = days(first, last) {
            rows = days.and(rows);
        }
        if let Some(filter) = &self.request.filter {
            rows = rows.and(filter::rows(filter)?);
        }
        let fields = self.fields.iter().map(|field| self.key(*field).alias(field.column()));
        let quantity = quantity.then(|| col(QUANTITY_COLUMN).alias(QUANTITY_COLUMN));
        Ok(charges(snapshot, &files, &scope, Order::Any)?.filter(rows)?.project(fields.chain(quantity))?)
    }

    /// The field as it is grouped: ids that differ only in case are the same.
    fn key(&self, field: AnalyticsField) -> Expr {
        match field {
            AnalyticsField::UsageDate => bucket::first_day(self.request.aggregation, col(field.column())),
            // Stored in lower case already; put in upper case after grouping, which has fewer rows.
            AnalyticsField::CustomerTenantId => col(field.column()),
            _ if field.is_guid() => upper(col(field.column())),
            _ => col(field.column()),
        }
    }

    fn keys(&self) -> Vec<Expr> {
        self.fields.iter().map(|field| col(field.column())).collect()
    }

    /// As asked, then by all fields of a row, so that no two rows are equal and pages do not overlap.
    pub(super) fn order_keys(&self) -> Vec<(AnalyticsKey, Direction)> {
        let ties = self.fields.iter().map(|field| (AnalyticsKey::Field(*field), Direction::Ascending));
        let mut order: Vec<(AnalyticsKey, Direction)> = Vec::new();
        for (key, direction) in self.request.order_by.iter().copied().chain(ties) {
            if !order.iter().any(|(before, _)| *before == key) {
                order.push((key, direction));
            }
        }
        order
    }

    fn order(&self) -> Vec<SortExpr> {
        let column = |key| match key {
            AnalyticsKey::Field(field) => AnalyticsField::column(field),
            AnalyticsKey::Quantity => QUANTITY_COLUMN,
        };
        self.order_keys()
            .into_iter()
            .map(|(key, direction)| col(column(key)).sort(direction == Direction::Ascending, false))
            .collect()
    }
}

fn output(field: AnalyticsField) -> Expr {
    match field {
        AnalyticsField::CustomerTenantId => upper(col(field.column())).alias(field.column()),
        _ => col(field.column()),
    }
}

/// Rows without any quantity sum to zero.
fn no_null_quantity() -> Expr {
    let scale = i8::try_from(Quantity::SCALE).unwrap_or(0);
    let zero = Expr::Literal(ScalarValue::Decimal128(Some(0), 38, scale), None);
    coalesce(vec![col(QUANTITY_COLUMN), zero]).alias(QUANTITY_COLUMN)
}
