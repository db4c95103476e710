//! Sums over the codes of files agree with the plainest computation.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{Array, AsArray, Decimal128Array, RecordBatch, StringArray},
    datatypes::{DataType, Date32Type, Decimal128Type, i256},
};
use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
use meterlake_lake::{
    Lake, WriterOptions,
    aggregate::{Aggregated, Aggregation, Condition, Form, Key, KeyValues, Measure, aggregate},
    charges::columns,
    coded::SinkOptions,
};

use crate::{
    coded::{coded_way, plain_way},
    rows::{Random, batch, commit, day, month},
};

/// Measures of a row: quantity, cost in dollars, 1, 1 where there is a cost in dollars.
const MEASURES: [Measure; 4] = [
    Measure::Sum(columns::QUANTITY),
    Measure::Sum(columns::COST_IN_USD),
    Measure::Rows,
    Measure::Present(columns::COST_IN_USD),
];

/// A month with quantities that all differ, of which some pages have no nulls, and costs that often are null.
fn rows(count: usize) -> Vec<RecordBatch> {
    let import = "01933a7e-0000-7000-8000-000000000001".parse().unwrap();
    let mut random = Random(11);
    let batches = month("100", "2024-11-01", count, 5);
    batches
        .chunks(9000)
        .map(|rows| {
            let batch = batch(rows, import);
            let schema = batch.schema();
            let arrays = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
                let decimals = |values: Vec<Option<i128>>| -> Arc<dyn Array> {
                    let values = Decimal128Array::from(values);
                    Arc::new(values.with_data_type(field.data_type().clone()))
                };
                match field.name().as_str() {
                    columns::QUANTITY => decimals(
                        rows.iter()
                            .map(|row| {
                                let wide = i128::from(random.next()) * i128::from(random.next() >> 2) - (1 << 120);
                                (row.day < day("2024-11-20") || random.below(9) > 0).then_some(wide)
                            })
                            .collect(),
                    ),
                    columns::COST_IN_USD => decimals(
                        rows.iter()
                            .map(|row| (random.below(3) > 0 && row.day.since_epoch() % 3 > 0).then_some(row.cost % 97))
                            .collect(),
                    ),
                    columns::CHARGE_TYPE => {
                        texts(rows.len(), |_| (if random.below(200) == 0 { "Purchase" } else { "Usage" }).to_owned())
                    }
                    columns::METER_CATEGORY => texts(rows.len(), |_| format!("Category {}", random.below(30))),
                    columns::METER_ID => texts(rows.len(), |_| format!("meter-{}", random.below(9000))),
                    columns::RESOURCE_GROUP => texts(rows.len(), |_| format!("Group-{}", random.next() % 70_000)),
                    columns::CONSUMPTION_METER_ID => {
                        texts(rows.len(), |_| (if random.below(2) == 0 { "0a0B" } else { "0A0b" }).to_owned())
                    }
                    _ => Arc::clone(array),
                }
            });
            RecordBatch::try_new(batch.schema(), arrays.collect()).unwrap()
        })
        .collect()
}

fn texts(count: usize, mut text: impl FnMut(usize) -> String) -> Arc<dyn Array> {
    Arc::new(StringArray::from_iter_values((0..count).map(&mut text)))
}

type Sums = BTreeMap<Vec<String>, [i256; 4]>;

/// A row: its texts and days by column, quantity and cost.
struct Plain {
    values: BTreeMap<&'static str, String>,
    quantity: Option<i128>,
    cost: Option<i128>,
}

const ASKED: [&str; 9] = [
    columns::METER_CATEGORY,
    columns::USAGE_DATE,
    columns::CUSTOMER_TENANT_ID,
    columns::CONSUMPTION_METER_ID,
    columns::SUBSCRIPTION_ID,
    columns::METER_ID,
    columns::RESOURCE_GROUP,
    columns::RESOURCE_ID,
    columns::CHARGE_TYPE,
];

fn plain_rows(batches: &[RecordBatch]) -> Vec<Plain> {
    let mut rows = Vec::new();
    for batch in batches {
        let array = |name: &str| batch.column_by_name(name).unwrap();
        let quantities = array(columns::QUANTITY).as_primitive::<Decimal128Type>();
        let costs = array(columns::COST_IN_USD).as_primitive::<Decimal128Type>();
        for (row, (quantity, cost)) in quantities.iter().zip(costs).enumerate() {
            let value = |name: &str| match array(name).data_type() {
                DataType::Utf8 => array(name).as_string::<i32>().value(row).to_owned(),
                _ => array(name).as_primitive::<Date32Type>().value(row).to_string(),
            };
            rows.push(Plain { values: ASKED.map(|name| (name, value(name))).into(), quantity, cost });
        }
    }
    rows
}

/// The sums, row by row.
fn plainly(rows: &[Plain], keys: &[Key], passes: impl Fn(&dyn Fn(&str) -> String) -> bool) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let value = |name: &str| row.values[name].clone();
        if !passes(&value) {
            continue;
        }
        let of = |key: &Key| match key.form {
            Form::Stored => value(key.column),
            Form::Upper => value(key.column).to_uppercase(),
            Form::Day(first) => first(value(key.column).parse().unwrap()).to_string(),
        };
        let sum = sums.entry(keys.iter().map(of).collect()).or_insert([i256::ZERO; 4]);
        let more = [row.quantity, row.cost, Some(1), row.cost.map(|_| 1)];
        for (sum, more) in sum.iter_mut().zip(more) {
            *sum = sum.wrapping_add(i256::from_i128(more.unwrap_or(0)));
        }
    }
    sums
}

fn as_sums(found: &Aggregated) -> Sums {
    let value = |key: &KeyValues, place: u32| match key {
        KeyValues::Texts(texts) => texts[place as usize].to_string(),
        KeyValues::Days(days) => days[place as usize].to_string(),
    };
    let group = |group: usize| {
        let key = found.keys.iter().zip(found.places(group)).map(|(key, place)| value(key, *place)).collect();
        let sums: Vec<i256> = found.sums(group).iter().map(|sum| sum.wide()).collect();
        (key, sums.try_into().unwrap())
    };
    let sums: Sums = (0..found.len()).map(group).collect();
    assert_eq!(sums.len(), found.len(), "no group comes twice");
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_of_any_groups_and_conditions_are_those_of_plain_rows() {
    let dir = tempfile::tempdir().unwrap();
    let batches = rows(36_000);
    let plain = plain_rows(&batches);
    let options = WriterOptions { row_group_rows: 25_000, ..WriterOptions::default() };
    let weeks: fn(i32) -> i32 = |day| day - day.rem_euclid(7);
    let key = |column| Key { column, form: Form::Stored };
    let groupings = [
        vec![],
        vec![key(columns::METER_CATEGORY)],
        vec![Key { column: columns::USAGE_DATE, form: Form::Day(weeks) }, key(columns::CUSTOMER_TENANT_ID)],
        vec![Key { column: columns::CONSUMPTION_METER_ID, form: Form::Upper }, key(columns::SUBSCRIPTION_ID)],
        // Too many combinations for a table of all.
        vec![key(columns::USAGE_DATE), key(columns::METER_ID), key(columns::METER_CATEGORY)],
        vec![key(columns::RESOURCE_GROUP), key(columns::METER_ID), key(columns::USAGE_DATE), key(columns::RESOURCE_ID)],
    ];
    let text = |column, test: fn(&str) -> bool| Condition::Text(column, Arc::new(test));
    let usage: fn(&str) -> bool = |kind| kind == "Usage";
    let third: fn(&str) -> bool = |category| category.ends_with(['1', '5', '7']);
    let one = || Condition::OneOf(columns::CUSTOMER_TENANT_ID, ["customer-3".to_owned()].into());
    type Passes = fn(&dyn Fn(&str) -> String) -> bool;
    let conditions: [(Condition, Passes); 8] = [
        (Condition::All(vec![]), |_| true),
        (text(columns::CHARGE_TYPE, usage), |value| value(columns::CHARGE_TYPE) == "Usage"),
        (Condition::Not(Box::new(text(columns::METER_CATEGORY, third))), |value| {
            !value(columns::METER_CATEGORY).ends_with(['1', '5', '7'])
        }),
        // Rows here and there: some, and few.
        (text(columns::METER_CATEGORY, third), |value| value(columns::METER_CATEGORY).ends_with(['1', '5', '7'])),
        (text(columns::METER_ID, |id| id.ends_with('3')), |value| value(columns::METER_ID).ends_with('3')),
        (Condition::All(vec![one(), text(columns::SUBSCRIPTION_ID, |id| id == "subscription-07")]), |value| {
            value(columns::CUSTOMER_TENANT_ID) == "customer-3" && value(columns::SUBSCRIPTION_ID).ends_with("07")
        }),
        (Condition::All(vec![one(), Condition::Not(Box::new(text(columns::CHARGE_TYPE, usage)))]), |value| {
            value(columns::CUSTOMER_TENANT_ID) == "customer-3" && value(columns::CHARGE_TYPE) == "Purchase"
        }),
        (
            Condition::Any(vec![
                Condition::Day(columns::USAGE_DATE, Arc::new(|day| day % 13 == 0)),
                text(columns::METER_ID, |id| id == "meter-77"),
            ]),
            |value| {
                value(columns::USAGE_DATE).parse::<i32>().unwrap() % 13 == 0 || value(columns::METER_ID) == "meter-77"
            },
        ),
    ];
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let mut lakes = Vec::new();
    for way in ["plain", "coded"] {
        let folder = dir.path().join(way);
        let lake = Lake::open_path(&folder).await.unwrap();
        let files = match way {
            "plain" => plain_way(&lake, &folder, &batches, &options).await,
            _ => coded_way(&lake, &folder, &batches, &options, SinkOptions::default(), None).await,
        };
        let version = lake.charges().await.unwrap().version();
        lake.commit(commit(crate::rows::new_import(), files, version)).await.unwrap();
        lakes.push((way, lake.charges().await.unwrap()));
    }
    for keys in &groupings {
        for (condition, passes) in &conditions {
            let expected = plainly(&plain, keys, passes);
            for (way, charges) in &lakes {
                let aggregation =
                    Aggregation { keys: keys.clone(), measures: MEASURES.to_vec(), condition: condition.clone() };
                let row_groups = charges.row_groups(charges.files(), None).await.unwrap();
                assert!(row_groups.len() > 1);
                let found = aggregate(row_groups, Arc::new(aggregation), 2, &pool, 1 << 30).await.unwrap();
                let found = as_sums(&found);
                assert!(found == expected, "{way} {keys:?} {condition:?}: {} {}", found.len(), expected.len());
            }
        }
    }
}
