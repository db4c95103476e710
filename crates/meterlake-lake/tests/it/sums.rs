//! The checked sum.

use std::sync::Arc;

use arrow::{
    array::{AsArray, Decimal128Array, Int64Array, RecordBatch},
    datatypes::{DataType, Decimal128Type, Field, Schema, i256},
};
use datafusion::{
    datasource::MemTable,
    logical_expr::ExprFunctionExt,
    prelude::{Expr, SessionContext, col, lit},
};
use meterlake_lake::{checked_sum_udaf, session_context};

use crate::rows::Random;

const MOST: i128 = 10_i128.pow(38) - 1;

fn table(groups: &[i64], values: &[Option<i128>], parts: usize) -> SessionContext {
    let schema = Arc::new(Schema::new(vec![
        Field::new("g", DataType::Int64, false),
        Field::new("x", DataType::Decimal128(38, 24), true),
    ]));
    let size = values.len().div_ceil(parts).max(1);
    let partitions = (0..values.len())
        .step_by(size)
        .map(|start| {
            let end = (start + size).min(values.len());
            let x = Decimal128Array::from(values[start..end].to_vec()).with_precision_and_scale(38, 24).unwrap();
            let g = Int64Array::from(groups[start..end].to_vec());
            vec![RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(g), Arc::new(x)]).unwrap()]
        })
        .collect();
    let context = session_context(256 << 20, None).unwrap();
    context.register_table("t", Arc::new(MemTable::try_new(schema, partitions).unwrap())).unwrap();
    context
}

fn sum(argument: Expr) -> Expr {
    checked_sum_udaf().call(vec![argument])
}

/// The sum of all rows that the filter keeps.
async fn whole(context: &SessionContext, filter: Expr) -> Result<Option<i128>, String> {
    let frame = context.table("t").await.unwrap().filter(filter).unwrap();
    let batches = frame.aggregate(vec![], vec![sum(col("x"))]).unwrap().collect().await.map_err(|e| e.to_string())?;
    Ok(batches[0].column(0).as_primitive::<Decimal128Type>().iter().next().unwrap())
}

/// The sums by group, in the order of the groups.
async fn by_group(context: &SessionContext, aggregate: Expr) -> Result<Vec<Option<i128>>, String> {
    let frame = context.table("t").await.unwrap().aggregate(vec![col("g")], vec![aggregate]).unwrap();
    let frame = frame.sort(vec![col("g").sort(true, false)]).unwrap();
    let batches = frame.collect().await.map_err(|e| e.to_string())?;
    Ok(batches.iter().flat_map(|b| b.column(1).as_primitive::<Decimal128Type>().iter().collect::<Vec<_>>()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_of_wide_random_values_agree_with_wide_integers() {
    for seed in 1..6_u64 {
        let mut random = Random(seed);
        let count = 5000;
        let groups: Vec<i64> = (0..count).map(|_| random.below(7) as i64).collect();
        let values: Vec<Option<i128>> = (0..count)
            .map(|n| {
                let wide = (i128::from(random.next()) << 62).wrapping_mul(i128::from(random.below(9))) % MOST;
                let signed = if n % 2 == 0 { wide } else { -wide };
                (random.below(10) > 0).then_some(signed)
            })
            .collect();
        let mut expected = [i256::ZERO; 7];
        for (group, value) in groups.iter().zip(&values) {
            let place = usize::try_from(*group).unwrap();
            expected[place] = expected[place].wrapping_add(i256::from_i128(value.unwrap_or(0)));
        }
        for parts in [1, 4] {
            let context = table(&groups, &values, parts);
            let found = by_group(&context, sum(col("x"))).await;
            let fits = expected.iter().all(|sum| sum.to_i128().is_some_and(|s| s.abs() <= MOST));
            match found {
                Ok(found) => {
                    assert!(fits);
                    let expected: Vec<_> = expected.iter().map(|sum| sum.to_i128()).collect();
                    assert_eq!(found, expected, "seed {seed}, {parts} parts");
                }
                Err(error) => assert!(!fits && error.contains("more than 38 digits"), "{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overflow_is_an_error_only_when_the_total_does_not_fit() {
    for parts in [1, 3] {
        let over = table(&[1, 1, 1], &[Some(MOST), Some(1), None], parts);
        let error = whole(&over, lit(true)).await.unwrap_err();
        assert!(error.contains("more than 38 digits"), "{error}");
        let error = by_group(&over, sum(col("x"))).await.unwrap_err();
        assert!(error.contains("more than 38 digits"), "{error}");
        // Leaves 38 digits, and even 128 bits, on the way but not in the end.
        let values = [Some(MOST), Some(MOST), Some(MOST), Some(-MOST), Some(-MOST), Some(-5)];
        let back = table(&[1; 6], &values, parts);
        assert_eq!(whole(&back, lit(true)).await.unwrap(), Some(MOST - 5));
        assert_eq!(by_group(&back, sum(col("x"))).await.unwrap(), [Some(MOST - 5)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rows_and_only_nulls_sum_to_null() {
    let context = table(&[1, 1, 2], &[None, None, Some(7)], 2);
    assert_eq!(whole(&context, col("g").eq(lit(9_i64))).await.unwrap(), None);
    assert_eq!(by_group(&context, sum(col("x"))).await.unwrap(), [None, Some(7)]);
    let filtered = sum(col("x")).filter(col("g").eq(lit(1_i64))).build().unwrap();
    assert_eq!(by_group(&context, filtered).await.unwrap(), [None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_groups_and_rows_with_nulls_and_filters() {
    let mut random = Random(77);
    let count = 200_000;
    let groups: Vec<i64> = (0..count).map(|_| i64::try_from(random.below(150_000)).unwrap()).collect();
    let values: Vec<Option<i128>> =
        (0..count).map(|_| (random.below(4) > 0).then(|| i128::from(random.next()) << 40)).collect();
    let mut expected = std::collections::BTreeMap::new();
    for (group, value) in groups.iter().zip(&values) {
        let sum: &mut Option<i128> = expected.entry(*group).or_default();
        *sum = match (*sum, value.filter(|_| group % 3 == 0)) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
    let context = table(&groups, &values, 4);
    let third = (col("g") % lit(3_i64)).eq(lit(0_i64));
    let found = by_group(&context, sum(col("x")).filter(third).build().unwrap()).await.unwrap();
    assert_eq!(found, expected.into_values().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_are_refused() {
    let context = table(&[1], &[Some(7)], 1);
    let frame = || async { context.table("t").await.unwrap() };
    let error = frame().await.aggregate(vec![], vec![sum(col("g"))]).err().unwrap().to_string();
    assert!(error.contains("Decimal128"), "{error}");
    let narrow = datafusion::prelude::cast(col("x"), DataType::Decimal128(20, 4));
    let narrow = frame().await.aggregate(vec![], vec![sum(narrow)]).unwrap();
    assert_eq!(narrow.schema().field(0).data_type(), &DataType::Decimal128(38, 4));
}
