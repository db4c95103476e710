//! The first day of the week or month that a day lies in, as a function of the engine.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, Date32Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use meterlake_model::{BillingPeriod, Day};

use super::AggregationLevel;

/// The first day of the bucket of `day`. Arithmetic on days: the engine's own truncation goes through timestamps,
/// which end in 2262.
pub(super) fn first_day(level: AggregationLevel, day: Expr) -> Expr {
    match level {
        AggregationLevel::Day => day,
        AggregationLevel::Week | AggregationLevel::Month => ScalarUDF::new_from_impl(FirstDay {
            level,
            signature: Signature::exact(vec![DataType::Date32], Volatility::Immutable),
        })
        .call(vec![day]),
    }
}

/// The same as a function on days since 1970-01-01.
pub(super) fn truncation(level: AggregationLevel) -> fn(i32) -> i32 {
    match level {
        AggregationLevel::Day => |day| day,
        AggregationLevel::Week => |day| truncate(AggregationLevel::Week, day),
        AggregationLevel::Month => |day| truncate(AggregationLevel::Month, day),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FirstDay {
    level: AggregationLevel,
    signature: Signature,
}

impl ScalarUDFImpl for FirstDay {
    fn name(&self) -> &str {
        match self.level {
            AggregationLevel::Day => "first_of_day",
            AggregationLevel::Week => "first_of_week",
            AggregationLevel::Month => "first_of_month",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [days] = &args.args[..] else {
            return Err(DataFusionError::Execution(format!("{}: one argument expected", self.name())));
        };
        let days = days.to_array(args.number_rows)?;
        let days: &PrimitiveArray<Date32Type> = days
            .as_primitive_opt()
            .ok_or_else(|| DataFusionError::Execution(format!("{}: {} is no day", self.name(), days.data_type())))?;
        let first: PrimitiveArray<Date32Type> = days.unary(|day| truncate(self.level, day));
        Ok(ColumnarValue::Array(Arc::new(first)))
    }
}

/// The first day of the bucket, both as days since 1970-01-01.
fn truncate(level: AggregationLevel, day: i32) -> i32 {
    match level {
        AggregationLevel::Day => day,
        // 1970-01-01 was a Thursday, three days after a Monday.
        AggregationLevel::Week => day - (day.rem_euclid(7) + 3) % 7,
        AggregationLevel::Month => {
            Day::from_since_epoch(day).map_or(day, |day| BillingPeriod::containing(day).first_day().since_epoch())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_start_on_monday_and_on_the_first() {
        for (given, monday, first) in [
            ("2018-05-27", "2018-05-21", "2018-05-01"),
            ("2018-05-21", "2018-05-21", "2018-05-01"),
            ("2018-01-01", "2018-01-01", "2018-01-01"),
            ("1969-12-31", "1969-12-29", "1969-12-01"),
            ("2024-02-29", "2024-02-26", "2024-02-01"),
            ("9999-12-31", "9999-12-27", "9999-12-01"),
            ("0001-01-01", "0001-01-01", "0001-01-01"),
        ] {
            let day = |text: &str| text.parse::<Day>().unwrap().since_epoch();
            assert_eq!(truncate(AggregationLevel::Week, day(given)), day(monday), "{given}");
            assert_eq!(truncate(AggregationLevel::Month, day(given)), day(first), "{given}");
        }
    }
}
