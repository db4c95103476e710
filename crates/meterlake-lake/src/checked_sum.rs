//! The exact sum.

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

/// `checked_sum(x)`: the sum of `Decimal128(38, s)` as `Decimal128(38, s)`; null over no rows, an error on overflow
/// (DataFusion's own decimal sum wraps).
#[must_use]
pub fn checked_sum_udaf() -> Arc<AggregateUDF> {
    todo!()
}
