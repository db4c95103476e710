//! Summing one row group.

use std::collections::HashMap;

use parquet::file::statistics::Statistics;

use super::{
    AggregateError, Aggregation, Condition, Measure, Sum,
    chunk::{self, Coded},
    condition::Known,
    global::Groups,
    intern::Interner,
    local,
    plain::Values,
};
use crate::{
    read::{FetchedRowGroup, RowGroup},
    snapshot::TableFile,
    stats::StatValue,
    tables::{ColumnType, Table},
};

/// What all row groups of a query are summed into.
pub(super) struct Target<'a> {
    pub(super) aggregation: &'a Aggregation,
    pub(super) interners: &'a [Interner],
    pub(super) groups: &'a Groups,
}

/// Which rows of a row group count.
enum Mask {
    All,
    None,
    Some(Vec<bool>),
}

/// The columns of a row group that have been decoded.
struct Columns<'a> {
    group: &'a RowGroup,
    fetched: Vec<FetchedRowGroup>,
    decoded: HashMap<&'static str, Coded>,
}

/// Adds the rows of a row group. `start` differs by thread.
pub(super) async fn sum(target: &Target<'_>, group: &RowGroup, start: usize) -> Result<(), AggregateError> {
    let condition = target.aggregation.condition.simplified(&|column| known_of_group(group, column));
    let mut asked = Vec::new();
    names(&condition, &mut asked);
    let mut columns = Columns { group, fetched: Vec::new(), decoded: HashMap::new() };
    columns.fetch(&asked).await?;
    let mask = match columns.mask(&condition)? {
        Mask::None => return Ok(()),
        Mask::All => None,
        Mask::Some(mask) => Some(mask),
    };
    let keys = &target.aggregation.keys;
    let measured = target.aggregation.measures.iter().filter_map(|measure| match measure {
        Measure::Sum(column) | Measure::Present(column) => Some(*column),
        Measure::Rows => None,
    });
    let wanted: Vec<&'static str> = keys.iter().map(|key| key.column).chain(measured).collect();
    columns.fetch(&wanted).await?;
    for column in &wanted {
        columns.decode(column, mask.as_deref())?;
    }
    columns.add(target, mask.as_deref(), start)
}

impl Columns<'_> {
    /// Reads the bytes of those columns that are not there yet.
    async fn fetch(&mut self, wanted: &[&'static str]) -> Result<(), AggregateError> {
        let mut missing: Vec<&str> = Vec::new();
        for column in wanted {
            if !missing.contains(column) && !self.fetched.iter().any(|fetched| fetched.has(column)) {
                missing.push(column);
            }
        }
        if !missing.is_empty() {
            self.fetched.push(self.group.fetch(&missing).await?);
        }
        Ok(())
    }

    fn decode(&mut self, column: &'static str, wanted: Option<&[bool]>) -> Result<&Coded, AggregateError> {
        if !self.decoded.contains_key(column) {
            let rows = self.group.rows();
            let fetched = self.fetched.iter().find(|fetched| fetched.has(column));
            let coded = match fetched.and_then(|fetched| fetched.pages(column).transpose()).transpose()? {
                Some((stored, pages)) => chunk::decode(stored, pages, rows, wanted)?,
                None => nothing(self.group.table(), column, rows)?,
            };
            self.decoded.insert(column, coded);
        }
        self.decoded.get(column).ok_or_else(|| AggregateError::Unsupported(format!("column {column} is not there")))
    }

    fn mask(&mut self, condition: &Condition) -> Result<Mask, AggregateError> {
        if let Some(column) = condition.column() {
            return self.by_value(column, condition);
        }
        let (parts, all) = match condition {
            Condition::All(parts) => (parts, true),
            Condition::Any(parts) => (parts, false),
            Condition::Not(inner) => {
                return Ok(match self.mask(inner)? {
                    Mask::All => Mask::None,
                    Mask::None => Mask::All,
                    Mask::Some(rows) => Mask::Some(rows.into_iter().map(|row| !row).collect()),
                });
            }
            // All others ask for one column.
            _ => return Ok(Mask::None),
        };
        let mut joined: Option<Vec<bool>> = None;
        for part in by_column(parts, all) {
            let rows = match (self.mask(&part)?, all) {
                (Mask::All, true) | (Mask::None, false) => continue,
                (Mask::None, true) => return Ok(Mask::None),
                (Mask::All, false) => return Ok(Mask::All),
                (Mask::Some(rows), _) => rows,
            };
            match &mut joined {
                None => joined = Some(rows),
                Some(joined) if all => joined.iter_mut().zip(rows).for_each(|(held, row)| *held &= row),
                Some(joined) => joined.iter_mut().zip(rows).for_each(|(held, row)| *held |= row),
            }
            if all && joined.as_ref().is_some_and(|rows| !rows.contains(&true)) {
                return Ok(Mask::None);
            }
        }
        Ok(match (joined, all) {
            (Some(rows), _) => Mask::Some(rows),
            (None, true) => Mask::All,
            (None, false) => Mask::None,
        })
    }

    /// A condition on one column is decided once for each of its values.
    fn by_value(&mut self, column: &'static str, condition: &Condition) -> Result<Mask, AggregateError> {
        let coded = self.decode(column, None)?;
        let passing: Vec<bool> = match &coded.values {
            Values::Texts(texts) => texts.iter().map(|text| condition.passes_text(text)).collect(),
            Values::Numbers(days) => {
                days.iter().map(|day| i32::try_from(*day).is_ok_and(|day| condition.passes_day(day))).collect()
            }
        };
        if !passing.contains(&true) {
            return Ok(Mask::None);
        }
        if !passing.contains(&false) {
            return Ok(Mask::All);
        }
        let rows: Vec<bool> = coded.codes.iter().map(|code| passing[*code as usize]).collect();
        Ok(if rows.contains(&true) { Mask::Some(rows) } else { Mask::None })
    }

    /// Groups the rows, sums them, and hands the groups over.
    fn add(&self, target: &Target<'_>, mask: Option<&[bool]>, start: usize) -> Result<(), AggregateError> {
        let selected: Option<Vec<u32>> =
            mask.map(|mask| (0u32..).zip(mask).filter(|(_, wanted)| **wanted).map(|(row, _)| row).collect());
        let selected = selected.as_deref();
        let column = |name: &'static str| {
            self.decoded.get(name).ok_or_else(|| AggregateError::Unsupported(format!("column {name} is not there")))
        };
        let mut numbers = Vec::with_capacity(target.aggregation.keys.len());
        let mut codes: Vec<local::KeyCodes<'_>> = Vec::with_capacity(numbers.capacity());
        let mut beside = 0;
        for (key, interner) in target.aggregation.keys.iter().zip(target.interners) {
            let coded = column(key.column)?;
            if coded.null.is_some() {
                return Err(AggregateError::Unsupported(format!("column {} has nulls", key.column)));
            }
            let used = selected.map(|rows| {
                let mut used = vec![false; coded.values.len()];
                rows.iter().for_each(|row| used[coded.codes[*row as usize] as usize] = true);
                used
            });
            let (numbered, bytes) = interner.numbers(&coded.values, key.form, used.as_deref())?;
            beside += bytes;
            numbers.push(numbered);
            codes.push((&coded.codes, coded.values.len()));
        }
        let grouped = local::group(&codes, self.group.rows(), selected);
        let width = target.aggregation.measures.len();
        let mut sums = vec![Sum::default(); grouped.rows.len() * width];
        for (place, measure) in target.aggregation.measures.iter().enumerate() {
            match measure {
                Measure::Rows => {
                    for (group, rows) in grouped.rows.iter().enumerate() {
                        sums[group * width + place].add(i128::from(*rows));
                    }
                }
                Measure::Sum(name) => {
                    let coded = column(name)?;
                    let Values::Numbers(values) = &coded.values else {
                        return Err(AggregateError::Unsupported(format!("column {name} is no number")));
                    };
                    grouped.sum(&coded.codes, values, selected, &mut sums, (place, width));
                }
                Measure::Present(name) => {
                    let coded = column(name)?;
                    let mut values = vec![1; coded.values.len()];
                    if let Some(null) = coded.null {
                        values[null as usize] = 0;
                    }
                    grouped.sum(&coded.codes, &values, selected, &mut sums, (place, width));
                }
            }
        }
        target.groups.take(&grouped, &numbers, &sums, start);
        target.groups.check(beside)
    }
}

/// The parts, those that ask for the same column as one.
fn by_column(parts: &[Condition], all: bool) -> Vec<Condition> {
    let mut joined: Vec<(Option<&'static str>, Vec<Condition>)> = Vec::new();
    for part in parts {
        let column = part.column();
        match joined.iter_mut().find(|(known, _)| column.is_some() && *known == column) {
            Some((_, parts)) => parts.push(part.clone()),
            None => joined.push((column, vec![part.clone()])),
        }
    }
    let one = |mut parts: Vec<Condition>| match parts.len() {
        1 => parts.swap_remove(0),
        _ if all => Condition::All(parts),
        _ => Condition::Any(parts),
    };
    joined.into_iter().map(|(_, parts)| one(parts)).collect()
}

/// The columns that a condition asks for.
fn names(condition: &Condition, into: &mut Vec<&'static str>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| names(part, into)),
        Condition::Not(inner) => names(inner, into),
        Condition::Text(column, _) | Condition::OneOf(column, _) | Condition::Day(column, _) => into.push(column),
    }
}

/// A column that the file does not hold: files written before the column was made.
fn nothing(table: Table, column: &str, rows: usize) -> Result<Coded, AggregateError> {
    let known = table.columns().iter().find(|known| known.name == column && table.partition() != Some(column));
    let known = known.ok_or_else(|| AggregateError::Unsupported(format!("column {column} is not in the files")))?;
    let text = known.kind == ColumnType::Text;
    Ok(Coded { codes: vec![0; rows], values: Values::nothing(text), null: (!text && known.nullable).then_some(0) })
}

/// What the log says of all rows of a file.
pub(super) fn known_of_file<'a>(table: Table, file: &'a TableFile, column: &str) -> Known<'a> {
    let Some(place) = table.layout().stat(column) else { return Known::Nothing };
    match (&file.stats.least[place], &file.stats.greatest[place]) {
        (Some(StatValue::Text(least)), Some(StatValue::Text(greatest))) => Known::Texts(least, greatest),
        (Some(StatValue::Day(first)), Some(StatValue::Day(last))) => Known::Days(*first, *last),
        _ => Known::Nothing,
    }
}

/// What the footer, or else the log, says of all rows of a row group.
fn known_of_group<'a>(group: &'a RowGroup, column: &str) -> Known<'a> {
    match group.statistics(column) {
        Some(Statistics::ByteArray(texts)) => {
            // Cut texts are bounds still, and never equal.
            let bound = |bytes: Option<&'a [u8]>| std::str::from_utf8(bytes?).ok();
            let bounds = bound(texts.min_bytes_opt()).zip(bound(texts.max_bytes_opt()));
            if let Some((least, greatest)) = bounds {
                return Known::Texts(least, greatest);
            }
        }
        Some(Statistics::Int32(days)) => {
            if let Some((first, last)) = days.min_opt().zip(days.max_opt()) {
                return Known::Days(*first, *last);
            }
        }
        _ => {}
    }
    known_of_file(group.table(), group.table_file(), column)
}
