//! Reading rows straight from the files, where these follow each other in the order of the answer.

use std::sync::Arc;

use meterlake_lake::charges::columns;
use meterlake_lake::read::{CodedColumn, RowGroup, Values};
use meterlake_lake::{ChargesFile, ChargesSnapshot};
use meterlake_model::{Day, DayRange};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::EaRequest;
use crate::encode::{CodedRows, CsvRows, JsonRows, Picked};
use crate::engine::{Admitted, QueryEngine};
use crate::plan::files;
use crate::scope::Scope;
use crate::{EncodeError, ReportError, Selection};

/// Bytes that all row groups which are being written may take together.
const BUDGET: usize = 176 << 20;

/// How rows are written.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Csv(CsvRows),
    Json(JsonRows),
}

impl Form {
    fn columns(&self) -> Vec<&'static str> {
        match self {
            Self::Csv(rows) => rows.columns().collect(),
            Self::Json(rows) => rows.columns().collect(),
        }
    }

    fn coded<'a>(
        &self,
        rows: usize,
        column: impl Fn(&str) -> Option<&'a CodedColumn>,
    ) -> Result<CodedRows, EncodeError> {
        match self {
            Self::Csv(form) => form.coded(rows, column),
            Self::Json(form) => form.coded(rows, column),
        }
    }
}

/// Which rows of a file an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// Only these days, when the files have others, too.
    pub(crate) days: Option<DayRange>,
    /// Only usage that is not the marketplace's.
    pub(crate) usage_only: bool,
}

impl Wanted {
    /// What is to be looked at in this row group.
    pub(crate) fn in_group(self, group: &RowGroup) -> Self {
        let days = self.days.filter(|days| group.days().first < days.first || days.last < group.days().last);
        Self { days, ..self }
    }

    /// Whether every row is wanted.
    pub(crate) fn is_all(self) -> bool {
        self.days.is_none() && !self.usage_only
    }
}

/// The files of an answer one after the other.
pub(crate) struct Chain {
    pub(crate) files: Vec<ChargesFile>,
    pub(crate) wanted: Wanted,
}

impl Chain {
    /// The rows of the request. None when days of several files overlap: their rows must be merged.
    pub(crate) fn new(snapshot: &ChargesSnapshot, request: &EaRequest) -> Option<Self> {
        let mut files = files(snapshot, &Scope::Accounts(&request.accounts), Some(request.selection));
        files.retain(|file| file.rows > 0);
        let days = match request.selection {
            Selection::Days(days) => Some(days),
            Selection::Period(_) => None,
        };
        let clipped = |file: &ChargesFile| match days {
            Some(days) => (file.first_day.max(days.first), file.last_day.min(days.last)),
            None => (file.first_day, file.last_day),
        };
        files.sort_by_key(clipped);
        let follow = files.windows(2).all(|pair| clipped(&pair[0]).1 < clipped(&pair[1]).0);
        follow.then_some(Self { files, wanted: Wanted { days, usage_only: request.usage_only } })
    }

    /// The row groups that may have rows of the answer, in its order.
    pub(crate) async fn row_groups(&self, snapshot: &ChargesSnapshot) -> Result<Vec<RowGroup>, ReportError> {
        Ok(snapshot.row_groups(&self.files, self.wanted.days).await?)
    }
}

/// Row groups that hold the rows of an answer in its order, and the right to read them.
pub(super) struct Way {
    pub(super) snapshot: u64,
    pub(super) groups: Vec<RowGroup>,
    pub(super) wanted: Wanted,
    pub(super) admitted: Admitted,
}

impl Way {
    /// None where days of several files overlap, and where the engine only runs plans.
    pub(super) async fn open(
        snapshot: &ChargesSnapshot,
        engine: &dyn QueryEngine,
        request: &EaRequest,
    ) -> Result<Option<Self>, ReportError> {
        let Some(chain) = Chain::new(snapshot, request) else { return Ok(None) };
        let Some(admitted) = engine.admit().await? else { return Ok(None) };
        let (wanted, version, snapshot) = (chain.wanted, snapshot.version(), snapshot.clone());
        let groups = admitted.spawn(async move { chain.row_groups(&snapshot).await }).end().await?;
        Ok(Some(Self { snapshot: version, groups, wanted, admitted }))
    }
}

/// The wanted rows of a row group, ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) rows: CodedRows,
    pub(crate) picked: Picked,
    /// Room for it; given back when it is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

/// Room for row groups that are being written.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

/// What of the room is counted as one.
const UNIT: usize = 64 << 10;

impl Room {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET / UNIT)))
    }

    /// Waits for room for a row group.
    pub(crate) async fn wait(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_many_owned(units(bytes)).await.ok()
    }

    /// Room for a row group, if there is some.
    pub(crate) fn now(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(units(bytes)).ok()
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.min(BUDGET).div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl Prepared {
    /// Reads and decodes a row group.
    pub(crate) async fn new(
        group: &RowGroup,
        form: &Form,
        wanted: Wanted,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, ReportError> {
        let mut names = form.columns();
        let days = wanted.in_group(group).days;
        if days.is_some() {
            names.push(columns::USAGE_DATE);
        }
        if wanted.usage_only {
            names.extend([columns::CHARGE_TYPE, columns::PUBLISHER_TYPE]);
        }
        names.sort_unstable();
        names.dedup();
        let fetched = group.fetch(&names).await?;
        let mut read = Vec::with_capacity(names.len());
        for place in 0..names.len() {
            read.push(fetched.coded_column(place)?);
            // Other queries want their turn on this thread.
            tokio::task::yield_now().await;
        }
        drop(fetched);
        let column = |name: &str| names.binary_search(&name).ok().map(|place| &read[place]);
        let mut conditions: Vec<(&CodedColumn, Vec<bool>)> = Vec::new();
        if let Some((days, column)) = days.zip(column(columns::USAGE_DATE)) {
            conditions.push((column, of_days(column, days)));
        }
        if let Some(column) = column(columns::CHARGE_TYPE).filter(|_| wanted.usage_only) {
            conditions.push((column, of_texts(column, |text| text == "usage")));
        }
        if let Some(column) = column(columns::PUBLISHER_TYPE).filter(|_| wanted.usage_only) {
            conditions.push((column, of_texts(column, |text| text != "marketplace")));
        }
        let picked = picked(group.rows(), &conditions);
        let rows = form.coded(group.rows(), column).map_err(|error| ReportError::Engine(error.to_string()))?;
        Ok(Self { rows, picked, _room: room })
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let picked = match &self.picked {
            Picked::Range(_) => 0,
            Picked::Rows(rows) => rows.capacity() * 4,
        };
        self.rows.bytes() + picked
    }
}

/// About how many bytes a row group takes when it is prepared, and while it is.
pub(crate) fn room_of(group: &RowGroup, form: &Form) -> usize {
    let columns = form.columns();
    // Numbers of two bytes, and distinct values with what stands before them.
    group.rows() * columns.len() * 3 + usize::try_from(group.unpacked_bytes(&columns)).unwrap_or(usize::MAX / 2)
}

/// For each value of the column, and for rows without one, whether it is one of the days.
fn of_days(column: &CodedColumn, days: DayRange) -> Vec<bool> {
    let Values::Days(values) = &column.values else { return vec![false; column.values.len() + 1] };
    let is_in = |day: &i32| Day::from_since_epoch(*day).is_some_and(|day| days.first <= day && day <= days.last);
    values.iter().map(is_in).chain([false]).collect()
}

/// For each value of the column, and for rows without one, whether it satisfies the condition in lower case.
fn of_texts(column: &CodedColumn, is: impl Fn(&str) -> bool) -> Vec<bool> {
    let Values::Text(values) = &column.values else { return vec![false; column.values.len() + 1] };
    (0..values.len()).map(|place| is(&values.get(place).to_lowercase())).chain([false]).collect()
}

/// The rows that satisfy all conditions.
fn picked(rows: usize, conditions: &[(&CodedColumn, Vec<bool>)]) -> Picked {
    if conditions.iter().all(|(_, holds)| holds.iter().rev().skip(1).all(|holds| *holds)) {
        return Picked::Range(0..rows);
    }
    let holds = |row: usize| {
        let mut conditions = conditions.iter();
        conditions.all(|(column, holds)| holds.get(column.codes.get(row) as usize).copied().unwrap_or(false))
    };
    let kept: Vec<u32> = (0..rows).filter(|row| holds(*row)).filter_map(|row| u32::try_from(row).ok()).collect();
    match (kept.first().copied(), kept.last().copied()) {
        (Some(first), Some(last)) if (last - first) as usize + 1 == kept.len() => {
            Picked::Range(first as usize..last as usize + 1)
        }
        (Some(_), _) => Picked::Rows(kept),
        (None, _) => Picked::Range(0..0),
    }
}
