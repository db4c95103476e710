//! Answers made without a plan: summed over the codes of the files, and kept for the pages to come.

use std::sync::Arc;

use meterlake_lake::aggregate::{
    AggregateError, Aggregation, Condition, Form, Key, Measure, aggregate, may_match, may_match_in,
};
use meterlake_lake::charges::columns;
use meterlake_lake::rollup::{self, Grain, Rollups};
use meterlake_lake::{ChargesFile, ChargesSnapshot, Lake, LakeError};
use meterlake_model::Day;
use tokio::sync::oneshot;

use super::answer::{Answer, Column};
use super::plan::Checked;
use super::{
    AggregationLevel, AnalyticsField, AnalyticsKey, AnalyticsPage, AnalyticsRequest, QUANTITY_COLUMN, bucket, filter,
};
use crate::engine::{Means, QueryEngine};
use crate::memory::{Made, Shelf, Weigh};
use crate::{ReportError, scope};

/// Bytes that the groups of one request may take; with more of them, the engine sums and spills.
const MOST_BYTES: usize = 96 << 20;

/// Bytes that kept answers may take in all.
const KEPT_BYTES: usize = 48 << 20;

/// The answers asked for last, by what was asked of which snapshot, for walks to go on with; none for those that cannot
/// be made in memory.
pub(crate) struct Answers(Shelf<String, Answer>);

impl Answers {
    pub(crate) fn new() -> Self {
        Self(Shelf::new(KEPT_BYTES))
    }
}

impl Weigh for Answer {
    fn bytes(&self) -> usize {
        self.size()
    }
}

/// The page that the request asks for; none when its answer is too large to be made in memory.
pub(super) async fn page(
    answers: &Answers,
    ground: &Ground<'_>,
    checked: &Checked<'_>,
) -> Result<Option<AnalyticsPage>, ReportError> {
    let snapshot = ground.snapshot;
    let request = checked.request();
    let skip = usize::try_from(request.skip).unwrap_or(usize::MAX);
    let top = request.top.max(1);
    let end = skip.saturating_add(top);
    let key = key(snapshot, checked);
    let beside = key.len();
    let Some(answer) = answers.0.once(key, beside, || make(ground, checked, end)).await? else {
        return Ok(None);
    };
    let total = request.total.unwrap_or(answer.len() as u64);
    if request.skip >= total || skip >= answer.len() {
        return Ok(Some(AnalyticsPage { snapshot: snapshot.version(), total, batches: Vec::new(), more: false }));
    }
    if !answer.is_sorted(end) {
        let sorting = Arc::clone(&answer);
        ground.engine.work(Box::new(move |_| Box::pin(async move { sorting.sort(end) }))).await?;
    }
    let batches = vec![answer.rows(skip, top)?];
    Ok(Some(AnalyticsPage { snapshot: snapshot.version(), total, batches, more: end < answer.len() }))
}

/// What answers are made of.
pub(super) struct Ground<'a> {
    pub(super) engine: &'a dyn QueryEngine,
    pub(super) snapshot: &'a ChargesSnapshot,
    /// The lake, when the rollup of the charges may be read in their place.
    pub(super) rollup: Option<&'a Lake>,
}

/// Everything that an answer depends on. It is the same with and without the rollup.
fn key(snapshot: &ChargesSnapshot, checked: &Checked<'_>) -> String {
    let AnalyticsRequest { customers, filter, days, aggregation, order_by, .. } = checked.request();
    let (fields, version) = (checked.fields(), snapshot.version());
    format!("{version} {customers:?} {filter:?} {days:?} {fields:?} {aggregation:?} {order_by:?}")
}

/// Sums, and puts the first `end` rows in order.
async fn make(ground: &Ground<'_>, checked: &Checked<'_>, end: usize) -> Result<Made<Answer>, ReportError> {
    let rollup = match ground.rollup {
        Some(lake) => Some(Rollups::newest(lake).await?),
        None => None,
    };
    let (aggregation, by) = (Arc::new(aggregation(checked)?), by(checked));
    let (fields, snapshot) = (checked.fields().to_vec(), ground.snapshot.clone());
    // Whether days are asked for by month at the finest.
    let months = checked.request().aggregation == AggregationLevel::Month
        || !checked.fields().contains(&AnalyticsField::UsageDate);
    let (done, result) = oneshot::channel();
    let work = move |means: Means| async move {
        let sums = sum(&snapshot, (rollup.as_ref(), months), &aggregation, &means).await;
        let answer = sums.map(|sums| {
            let answer = sums.map(|sums| Answer::new(fields, sums, by)).transpose()?;
            if let Some(answer) = &answer {
                answer.sort(end);
            }
            Ok(answer.map_or(Made::Not, Made::Value))
        });
        drop(done.send(answer.and_then(|answer| answer)));
    };
    if !ground.engine.work(Box::new(move |means| Box::pin(work(means)))).await? {
        return Ok(Made::Not);
    }
    result.await.map_err(|_| ReportError::Engine("the query died".to_owned()))?
}

/// The sums; none when they do not fit into memory or only the engine can read the files.
async fn sum(
    snapshot: &ChargesSnapshot,
    (rollup, months): (Option<&Rollups>, bool),
    aggregation: &Arc<Aggregation>,
    means: &Means,
) -> Result<Option<meterlake_lake::aggregate::Aggregated>, ReportError> {
    let wanted = |file: &&ChargesFile| may_match(file, &aggregation.condition);
    let files: Vec<ChargesFile> = snapshot.files().iter().filter(wanted).cloned().collect();
    let row_groups = match rollup {
        None => snapshot.row_groups(&files, None).await?,
        Some(rollups) => {
            let by_month = |first: Day, last: Day| {
                let span = (first.since_epoch(), last.since_epoch());
                months && aggregation.condition.decides_by(Grain::Month.first_day(), span)
            };
            let mut sources = rollup::sources(snapshot, rollups, &files, &by_month);
            let mut row_groups = snapshot.row_groups(&sources.charges, None).await?;
            for (rollup, files) in [(&rollups.days, &mut sources.days), (&rollups.months, &mut sources.months)] {
                files.retain(|file| may_match_in(rollup.table(), file, &aggregation.condition));
                row_groups.extend(rollup.row_groups(files, None).await?);
            }
            row_groups
        }
    };
    match aggregate(row_groups, Arc::clone(aggregation), means.threads, &means.memory, MOST_BYTES).await {
        Ok(sums) => Ok(Some(sums)),
        Err(reason @ (AggregateError::TooLarge(_) | AggregateError::Unsupported(_))) => {
            tracing::debug!(%reason, "left to the engine");
            Ok(None)
        }
        Err(AggregateError::Lake(error)) => Err(LakeError::into(error)),
    }
}

fn aggregation(checked: &Checked<'_>) -> Result<Aggregation, ReportError> {
    let request = checked.request();
    let mut parts = vec![scope::condition(&request.customers)];
    let (first, last) = request.days;
    if first.is_some() || last.is_some() {
        let least = first.map_or(i32::MIN, |day| day.since_epoch());
        let greatest = last.map_or(i32::MAX, |day| day.since_epoch());
        parts.push(Condition::Day(columns::USAGE_DATE, Arc::new(move |day| least <= day && day <= greatest)));
    }
    parts.push(Condition::Text(columns::CHARGE_TYPE, Arc::new(|kind| kind.to_lowercase() == "usage")));
    if let Some(filter) = &request.filter {
        parts.push(filter::condition(filter)?);
    }
    let form = |field: AnalyticsField| match field {
        AnalyticsField::UsageDate => Form::Day(bucket::truncation(request.aggregation)),
        AnalyticsField::CustomerTenantId => Form::Stored,
        _ if field.is_guid() => Form::Upper,
        _ => Form::Stored,
    };
    let keys = checked.fields().iter().map(|field| Key { column: field.column(), form: form(*field) });
    Ok(Aggregation {
        keys: keys.collect(),
        measures: vec![Measure::Sum(QUANTITY_COLUMN)],
        condition: Condition::All(parts),
    })
}

fn by(checked: &Checked<'_>) -> Vec<(Column, super::Direction)> {
    let place = |key| match key {
        AnalyticsKey::Field(field) => {
            checked.fields().iter().position(|known| *known == field).map_or(Column::Quantity, Column::Field)
        }
        AnalyticsKey::Quantity => Column::Quantity,
    };
    checked.order_keys().into_iter().map(|(key, direction)| (place(key), direction)).collect()
}
