//! Whether a rollup says what its charges say.

use std::{collections::BTreeMap, fmt, sync::Arc};

use arrow::datatypes::i256;
use meterlake_model::Day;

use super::{
    build,
    part::{Grain, RollupPart, Rollups},
};
use crate::{
    aggregate::{AggregateError, Aggregated, Aggregation, Condition, Form, Key, KeyValues, Measure},
    error::LakeError,
    lake::Lake,
    read::RowGroup,
    tables::{Table, charges_rollup::columns},
};

/// What is compared, with the measure that gives it over charges and over the rollup.
const COMPARED: [(&str, Measure, Measure); 5] = [
    ("quantity", Measure::Sum(columns::QUANTITY), Measure::Sum(columns::QUANTITY)),
    ("billed cost", Measure::Sum(columns::BILLED_COST), Measure::Sum(columns::BILLED_COST)),
    ("cost in USD", Measure::Sum(columns::COST_IN_USD), Measure::Sum(columns::COST_IN_USD)),
    ("number of charges", Measure::Rows, Measure::Sum(columns::ROW_COUNT)),
    ("number of charges with USD", Measure::Present(columns::COST_IN_USD), Measure::Sum(columns::USD_ROW_COUNT)),
];

/// A figure in which a rollup differs from its charges. Decimals are shown without their point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupDifference {
    /// The table in which it is.
    pub table: Table,
    /// Billing period and scope key.
    pub part: String,
    /// Customer.
    pub customer: String,
    /// Day, or the first of the month.
    pub day: String,
    /// Type of the charges.
    pub charge_type: String,
    /// Which figure differs.
    pub what: &'static str,
    /// The figure by the charges.
    pub charges: i256,
    /// The figure by the rollup.
    pub rollup: i256,
}

impl fmt::Display for RollupDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, part, customer, day, charge_type, what, charges, rollup } = self;
        write!(
            f,
            "{part}: {what} of customer {customer} on {day}, charge type {charge_type}: {charges} by charges, {rollup} by {table}"
        )
    }
}

type Figures = BTreeMap<(Arc<str>, i32, Arc<str>), Vec<i256>>;

/// Sums the charges of a part by customer, day and charge type, and compares with its rollup. A part without a valid
/// rollup has no differences: nobody reads it.
///
/// # Errors
/// When files cannot be read, or there are too many customers and days to be held in memory.
pub async fn verify(lake: &Lake, part: &RollupPart) -> Result<Vec<RollupDifference>, LakeError> {
    let rollups = Rollups::newest(lake).await?;
    let charges = lake.charges().await?.row_groups(&part.files, None).await?;
    let mut differences = Vec::new();
    for grain in Grain::ALL {
        let rollup = rollups.of(grain);
        if let Some(file) = part.file(rollup) {
            let rolled = rollup.row_groups(std::slice::from_ref(file), None).await?;
            differences.extend(compare(part, grain, &charges, &rolled).await?);
        }
    }
    Ok(differences)
}

async fn compare(
    part: &RollupPart,
    grain: Grain,
    charges: &[RowGroup],
    rolled: &[RowGroup],
) -> Result<Vec<RollupDifference>, LakeError> {
    let charges = build::run(charges, by(grain, |(_, charges, _)| charges), MOST_BYTES).await.map_err(failed)?;
    let rolled = build::run(rolled, by(grain, |(_, _, rolled)| rolled), MOST_BYTES).await.map_err(failed)?;
    let (charges, rolled) = (figures(charges), figures(rolled));
    let mut differences = Vec::new();
    let nothing = vec![i256::ZERO; COMPARED.len()];
    let keys: std::collections::BTreeSet<_> = charges.keys().chain(rolled.keys()).collect();
    for key in keys {
        let (by_charges, by_rollup) = (charges.get(key).unwrap_or(&nothing), rolled.get(key).unwrap_or(&nothing));
        for (place, (what, _, _)) in
            COMPARED.iter().enumerate().filter(|(place, _)| by_charges[*place] != by_rollup[*place])
        {
            differences.push(RollupDifference {
                table: grain.table(),
                part: part.to_string(),
                customer: key.0.to_string(),
                day: Day::from_since_epoch(key.1).map_or_else(String::new, |day| day.to_string()),
                charge_type: key.2.to_string(),
                what,
                charges: by_charges[place],
                rollup: by_rollup[place],
            });
        }
    }
    Ok(differences)
}

/// Bytes that groups may take at once.
const MOST_BYTES: usize = 256 << 20;

fn failed(error: AggregateError) -> LakeError {
    match error {
        AggregateError::Lake(error) => error,
        other => LakeError::Rows(other.to_string()),
    }
}

fn by(grain: Grain, measure: fn((&'static str, Measure, Measure)) -> Measure) -> Aggregation {
    let keys = [columns::CUSTOMER_TENANT_ID, columns::USAGE_DATE, columns::CHARGE_TYPE];
    let form = |column| if column == columns::USAGE_DATE { Form::Day(grain.first_day()) } else { Form::Stored };
    let nobodys = Condition::OneOf(columns::CUSTOMER_TENANT_ID, [String::new()].into());
    Aggregation {
        keys: keys.iter().map(|column| Key { column, form: form(*column) }).collect(),
        measures: COMPARED.into_iter().map(measure).collect(),
        condition: Condition::Not(Box::new(nobodys)),
    }
}

fn figures(sums: Aggregated) -> Figures {
    let text = |key: usize, place: u32| match &sums.keys[key] {
        KeyValues::Texts(texts) => Arc::clone(&texts[place as usize]),
        KeyValues::Days(_) => Arc::from(""),
    };
    let day = |place: u32| match &sums.keys[1] {
        KeyValues::Days(days) => days[place as usize],
        KeyValues::Texts(_) => 0,
    };
    (0..sums.len())
        .map(|group| {
            let places = sums.places(group);
            let key = (text(0, places[0]), day(places[1]), text(2, places[2]));
            (key, sums.sums(group).iter().map(|sum| sum.wide()).collect())
        })
        .collect()
}
