//! Summing the charges of a part into its file.

use std::{path::Path, sync::Arc};

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
use futures::{StreamExt, stream};

use super::part::{Grain, RollupPart};
use crate::{
    aggregate::{AggregateError, Aggregated, Aggregation, Condition, Form, Key, KeyValues, Measure, Sum, aggregate},
    charges::ChargesSnapshot,
    error::LakeError,
    lake::Lake,
    read::RowGroup,
    tables::{Table, charges_rollup::columns},
    writer::{NewFile, WriterOptions},
};

/// Bytes that groups may take at once. A part with more of them is summed in several ranges of customers.
pub(super) const MOST_BYTES: usize = 96 << 20;

/// Rows of a written batch.
const BATCH_ROWS: usize = 8192;

/// The rows of one customer lie close together; small row groups let a reader of one pass over the others.
const ROW_GROUP_ROWS: usize = 64 * 1024;

/// The measures, in the order of the columns that hold them.
const MEASURES: [(&str, Measure); 5] = [
    (columns::QUANTITY, Measure::Sum(columns::QUANTITY)),
    (columns::BILLED_COST, Measure::Sum(columns::BILLED_COST)),
    (columns::COST_IN_USD, Measure::Sum(columns::COST_IN_USD)),
    (columns::ROW_COUNT, Measure::Rows),
    (columns::USD_ROW_COUNT, Measure::Present(columns::COST_IN_USD)),
];

/// A customer and a subscription.
type Owner = (Arc<str>, Arc<str>);

/// Rows from one customer and subscription to another, both inclusive.
type Range = (Owner, Owner);

/// Sums a part and writes its file.
pub(super) async fn build(
    lake: &Lake,
    charges: &ChargesSnapshot,
    part: &RollupPart,
    grain: Grain,
    memory: usize,
) -> Result<NewFile, LakeError> {
    let row_groups = charges.row_groups(&part.files, None).await?;
    let mut pieces = 1;
    loop {
        match write(lake, part, grain, &row_groups, (pieces, memory)).await {
            Err(AggregateError::TooLarge(_)) if pieces < 1 << 20 => pieces *= 4,
            done => {
                return done.map_err(|error| match error {
                    AggregateError::Lake(error) => error,
                    other => LakeError::Rows(format!("the charges of {part} cannot be summed: {other}")),
                });
            }
        }
    }
}

async fn write(
    lake: &Lake,
    part: &RollupPart,
    grain: Grain,
    row_groups: &[RowGroup],
    (pieces, memory): (u64, usize),
) -> Result<NewFile, AggregateError> {
    let conditions =
        if pieces == 1 { vec![Condition::All(Vec::new())] } else { ranges(row_groups, grain, pieces).await? };
    let options = WriterOptions {
        file_bytes: u64::MAX,
        file_rows: u64::MAX,
        row_group_rows: ROW_GROUP_ROWS,
        ..WriterOptions::default()
    };
    // Nothing is sorted on disk, so that there is no need of a place for it.
    let writer = lake.table_writer(grain.table(), part.fingerprint, Path::new(""));
    let mut writer = writer.with_options(options);
    let sums = stream::iter(conditions).then(|condition| sum(row_groups, grain, condition, memory));
    let batches = sums.flat_map(|sums| {
        let batches: Vec<Result<RecordBatch, AggregateError>> = match sums {
            Ok(sums) => Rows::new(part, sums).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(batches)
    });
    // The writer knows errors of the lake only.
    let mut failed = None;
    let batches = batches.map(|batch| {
        batch.map_err(|error| {
            let shown = LakeError::Rows(error.to_string());
            failed = Some(error);
            shown
        })
    });
    let written = writer.split(batches).await;
    if let Some(error) = failed {
        return Err(error);
    }
    match &written?[..] {
        [file] => Ok(file.clone()),
        files => {
            let reason = format!("the rollup of {part} has {} files; expected 1", files.len());
            Err(LakeError::Rows(reason).into())
        }
    }
}

async fn sum(
    row_groups: &[RowGroup],
    grain: Grain,
    condition: Condition,
    memory: usize,
) -> Result<Aggregated, AggregateError> {
    let form = |column| if column == columns::USAGE_DATE { Form::Day(grain.first_day()) } else { Form::Stored };
    let nobodys = Condition::OneOf(columns::CUSTOMER_TENANT_ID, [String::new()].into());
    let aggregation = Aggregation {
        keys: columns::SORT.iter().map(|column| Key { column, form: form(*column) }).collect(),
        measures: MEASURES.iter().map(|(_, measure)| *measure).collect(),
        condition: Condition::All(vec![Condition::Not(Box::new(nobodys)), condition]),
    };
    run(row_groups, aggregation, memory).await
}

pub(super) async fn run(
    row_groups: &[RowGroup],
    aggregation: Aggregation,
    most: usize,
) -> Result<Aggregated, AggregateError> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    aggregate(row_groups.to_vec(), Arc::new(aggregation), threads, &pool, most).await
}

/// Conditions, one after the other in the order of the table, that share out the rows by customer and subscription
/// into about so many pieces; a subscription that is more than a piece is shared out by day.
async fn ranges(row_groups: &[RowGroup], grain: Grain, pieces: u64) -> Result<Vec<Condition>, AggregateError> {
    let key = |column| Key { column, form: Form::Stored };
    let aggregation = Aggregation {
        keys: vec![key(columns::CUSTOMER_TENANT_ID), key(columns::SUBSCRIPTION_ID)],
        measures: vec![Measure::Rows],
        condition: Condition::All(Vec::new()),
    };
    let counted = run(row_groups, aggregation, MOST_BYTES).await?;
    let text = |key: usize, place: u32| match &counted.keys[key] {
        KeyValues::Texts(texts) => Arc::clone(&texts[place as usize]),
        KeyValues::Days(_) => Arc::from(""),
    };
    let mut counts: Vec<(Owner, u64)> = (0..counted.len())
        .map(|group| {
            let places = counted.places(group);
            let rows = counted.sums(group)[0].value().and_then(|rows| u64::try_from(rows).ok());
            ((text(0, places[0]), text(1, places[1])), rows.unwrap_or(u64::MAX))
        })
        .collect();
    counts.sort_unstable();
    let all: u64 = counts.iter().map(|(_, rows)| rows).sum();
    let piece = all.div_ceil(pieces).max(1);
    let days = row_groups.iter().map(RowGroup::days).map(|days| (days.first.since_epoch(), days.last.since_epoch()));
    let (first, last) = days.fold((i32::MAX, i32::MIN), |all, days| (all.0.min(days.0), all.1.max(days.1)));
    // A day is a window by itself, when days are summed by themselves.
    let first_day = grain.first_day();
    let mut conditions = Vec::new();
    let mut open: Option<(Range, u64)> = None;
    for (key, rows) in counts {
        let fits = open.as_ref().is_some_and(|(_, held)| held + rows <= piece);
        open = match open.take() {
            Some((range, held)) if fits => Some(((range.0, key), held + rows)),
            before => {
                conditions.extend(before.map(|(range, _)| within(range)));
                Some(((key.clone(), key), rows))
            }
        };
        if let Some((range, _)) = open.take_if(|(_, held)| *held > piece) {
            let windows = i32::try_from(rows.div_ceil(piece)).unwrap_or(i32::MAX);
            let step = ((last - first) / windows).max(1);
            let mut start = first;
            while start <= last {
                let mut end = start.saturating_add(step - 1);
                // Days that come out as one stay together.
                while end < last && first_day(end + 1) == first_day(end) {
                    end += 1;
                }
                let test = Arc::new(move |day| start <= day && day <= end);
                let day = Condition::Day(columns::USAGE_DATE, test);
                conditions.push(Condition::All(vec![within(range.clone()), day]));
                start = end.saturating_add(1);
            }
        }
    }
    conditions.extend(open.map(|(range, _)| within(range)));
    Ok(conditions)
}

fn within((from, to): Range) -> Condition {
    let compare = |column, than: &Arc<str>, passes: fn(&str, &str) -> bool| {
        let than = Arc::clone(than);
        Condition::Text(column, Arc::new(move |text| passes(text, &than)))
    };
    let (customer, subscription) = (columns::CUSTOMER_TENANT_ID, columns::SUBSCRIPTION_ID);
    Condition::All(vec![
        compare(customer, &from.0, |text, than| text >= than),
        compare(customer, &to.0, |text, than| text <= than),
        Condition::Any(vec![
            compare(customer, &from.0, |text, than| text > than),
            compare(subscription, &from.1, |text, than| text >= than),
        ]),
        Condition::Any(vec![
            compare(customer, &to.0, |text, than| text < than),
            compare(subscription, &to.1, |text, than| text <= than),
        ]),
    ])
}

/// The rows of some groups, in the order of the table, in batches.
struct Rows {
    part: RollupPart,
    sums: Aggregated,
    /// The groups in order, each with the number of the piece of its sums.
    order: Vec<(u32, u32)>,
    next: usize,
}

impl Rows {
    fn new(part: &RollupPart, sums: Aggregated) -> Self {
        let ranks: Vec<Vec<u32>> = sums.keys.iter().map(ranks).collect();
        let rank =
            |group: u32| sums.places(group as usize).iter().zip(&ranks).map(|(place, ranks)| ranks[*place as usize]);
        let mut order: Vec<(u32, u32)> = Vec::with_capacity(sums.len());
        for group in 0..sums.len() {
            let pieces = sums.sums(group).iter().map(|sum| piece_count(*sum)).max().unwrap_or(1);
            order.extend((0..pieces).map(|piece| (group as u32, piece as u32)));
        }
        order.sort_unstable_by(|one, other| rank(one.0).cmp(rank(other.0)).then(one.1.cmp(&other.1)));
        Self { part: part.clone(), sums, order, next: 0 }
    }

    fn batch(&self, rows: &[(u32, u32)]) -> Result<RecordBatch, AggregateError> {
        let schema = Table::ChargesRollup.schema();
        let arrays = schema.fields().iter().map(|field| self.array(field.name(), rows));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(schema, arrays).map_err(LakeError::from)?)
    }

    fn array(&self, column: &str, rows: &[(u32, u32)]) -> Result<ArrayRef, AggregateError> {
        if column == columns::BILLING_PERIOD {
            return Ok(Arc::new(Int32Array::from(vec![self.part.period.number(); rows.len()])));
        }
        if let Some(place) = columns::SCOPE.iter().position(|name| *name == column) {
            return Ok(Arc::new(StringArray::from(vec![self.part.scope[place].as_str(); rows.len()])));
        }
        if let Some(key) = columns::SORT.iter().position(|name| *name == column) {
            let places = rows.iter().map(|(group, _)| self.sums.places(*group as usize)[key] as usize);
            return Ok(match &self.sums.keys[key] {
                KeyValues::Texts(texts) => {
                    Arc::new(StringArray::from_iter_values(places.map(|place| texts[place].as_ref())))
                }
                KeyValues::Days(days) => Arc::new(Date32Array::from_iter_values(places.map(|place| days[place]))),
            });
        }
        let unknown = || LakeError::Rows(format!("the rollup has no column {column}"));
        let place = MEASURES.iter().position(|(name, _)| *name == column).ok_or_else(unknown)?;
        let value = |(group, piece): &(u32, u32)| piece_of(self.sums.sums(*group as usize)[place], *piece);
        let values = rows.iter().map(value);
        match column {
            columns::QUANTITY | columns::BILLED_COST | columns::COST_IN_USD => {
                let scale = if column == columns::QUANTITY { 20 } else { 24 };
                let decimals = Decimal128Array::from_iter_values(values).with_precision_and_scale(38, scale);
                Ok(Arc::new(decimals.map_err(LakeError::from)?))
            }
            _ => {
                let counts = values.map(|count| i64::try_from(count).map_err(|_| unknown()));
                Ok(Arc::new(Int64Array::from(counts.collect::<Result<Vec<_>, _>>()?)))
            }
        }
    }
}

/// How many numbers of 38 digits a sum is spread over.
fn piece_count(sum: Sum) -> usize {
    if sum.value().is_some() { 1 } else { sum.pieces().len() }
}

fn piece_of(sum: Sum, piece: u32) -> i128 {
    match (sum.value(), piece) {
        (Some(value), 0) => value,
        (Some(_), _) => 0,
        (None, piece) => sum.pieces().get(piece as usize).copied().unwrap_or(0),
    }
}

/// For each place of a value its place in order.
fn ranks(values: &KeyValues) -> Vec<u32> {
    fn of<T: Ord>(values: &[T]) -> Vec<u32> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|one, other| values[*one].cmp(&values[*other]));
        let mut ranks = vec![0; values.len()];
        for (rank, place) in (0..).zip(order) {
            ranks[place] = rank;
        }
        ranks
    }
    match values {
        KeyValues::Texts(texts) => of(texts),
        KeyValues::Days(days) => of(days),
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, AggregateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = (self.next + BATCH_ROWS).min(self.order.len());
        let rows = self.order.get(self.next..end).filter(|rows| !rows.is_empty())?;
        self.next = end;
        Some(self.batch(rows))
    }
}
