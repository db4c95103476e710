//! Summing one row group.

use parquet::file::statistics::Statistics;

use super::{
    AggregateError, Aggregation, Condition, Measure, Sum,
    bench::Bench,
    column::{Column, Purpose, unsupported},
    compose::Composed,
    condition::Known,
    global::{Arriving, Groups},
    intern::Interner,
    kernels::{Added, Listed, Passing},
    plain::Values,
    selected::Rows,
};
use crate::{
    read::{OpenGroup, RowGroup},
    snapshot::TableFile,
    stats::StatValue,
    tables::Table,
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
    Some(Vec<u8>),
}

/// The columns of a row group that have been opened.
struct Columns<'a> {
    group: &'a RowGroup,
    open: OpenGroup,
    /// Those whose codes are asked for, and those that are summed.
    columns: Vec<(&'static str, Purpose, Column)>,
    bench: &'a mut Bench,
}

/// A key of the rows of a row group.
struct KeyOfRows {
    column: usize,
    /// For each code the number of its value.
    numbers: Vec<u32>,
    /// The codes of the rows, where they had to be listed.
    codes: Option<Vec<u32>>,
}

/// Adds the rows of a row group.
pub(super) async fn sum(target: &Target<'_>, group: &RowGroup, bench: &mut Bench) -> Result<(), AggregateError> {
    let condition = target.aggregation.condition.simplified(&|column| known_of_group(group, column));
    if condition.value() == Some(false) {
        return Ok(());
    }
    let mut asked = Vec::new();
    names(&condition, &mut asked);
    let mut columns = Columns { group, open: OpenGroup::open(group)?, columns: Vec::new(), bench };
    columns.open.prepare(&asked).await?;
    let rows = match columns.mask(&condition)? {
        Mask::None => None,
        Mask::All => Some(Rows::all(group.rows())),
        Mask::Some(mask) => Rows::of(&mask),
    };
    if let Some(rows) = rows {
        let keys = &target.aggregation.keys;
        let measured = target.aggregation.measures.iter().filter_map(|measure| match measure {
            Measure::Sum(column) | Measure::Present(column) => Some(*column),
            Measure::Rows => None,
        });
        let wanted: Vec<&'static str> = keys.iter().map(|key| key.column).chain(measured).collect();
        columns.open.prepare(&wanted).await?;
        columns.add(target, &rows)?;
    }
    columns.close();
    Ok(())
}

impl Columns<'_> {
    /// The place of an opened column.
    fn column(&mut self, name: &'static str, purpose: Purpose) -> Result<usize, AggregateError> {
        if let Some(place) = self.columns.iter().position(|(known, held, _)| *known == name && *held == purpose) {
            return Ok(place);
        }
        let column = Column::open(self.group, &self.open, name, purpose, &mut self.bench.buffers)?;
        self.columns.push((name, purpose, column));
        Ok(self.columns.len() - 1)
    }

    fn close(self) {
        self.columns.into_iter().for_each(|(_, _, column)| column.close(&mut self.bench.buffers));
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
                    Mask::Some(rows) => Mask::Some(rows.into_iter().map(|row| row ^ 1).collect()),
                });
            }
            // All others ask for one column.
            _ => return Ok(Mask::None),
        };
        let mut joined: Option<Vec<u8>> = None;
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
            if all && joined.as_ref().is_some_and(|rows| !rows.contains(&1)) {
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
    fn by_value(&mut self, name: &'static str, condition: &Condition) -> Result<Mask, AggregateError> {
        let place = self.column(name, Purpose::Codes)?;
        let column = &self.columns[place].2;
        if column.is_null() {
            return Ok(Mask::None);
        }
        let passing: Vec<u8> = match &column.values {
            Values::Texts(texts) => texts.iter().map(|text| u8::from(condition.passes_text(text))).collect(),
            Values::Numbers(days) => {
                let passes = |day: &i128| i32::try_from(*day).is_ok_and(|day| condition.passes_day(day));
                days.iter().map(|day| u8::from(passes(day))).collect()
            }
        };
        if !passing.contains(&1) {
            return Ok(Mask::None);
        }
        if !passing.contains(&0) {
            return Ok(Mask::All);
        }
        let rows = Rows::all(self.group.rows());
        let mut taken = Passing { passing: &passing, mask: Vec::with_capacity(rows.len()) };
        column.codes(&self.open, &rows, &mut self.bench.buffers, &mut taken)?;
        Ok(if taken.mask.contains(&1) { Mask::Some(taken.mask) } else { Mask::None })
    }

    /// Groups the rows, sums them, and hands the groups over.
    fn add(&mut self, target: &Target<'_>, rows: &Rows) -> Result<(), AggregateError> {
        let mut keys = Vec::with_capacity(target.aggregation.keys.len());
        let mut beside = 0;
        for (key, interner) in target.aggregation.keys.iter().zip(target.interners) {
            let place = self.column(key.column, Purpose::Codes)?;
            let column = &self.columns[place].2;
            if column.is_null() {
                return Err(unsupported(key.column, "has nulls"));
            }
            let mut codes = None;
            if rows.few {
                // Values of other rows are not numbered: there may be many.
                let mut listed = Listed::default();
                column.codes(&self.open, rows, &mut self.bench.buffers, &mut listed)?;
                codes = Some(listed.0);
            }
            let used = codes.as_ref().map(|codes| used(codes, column.values.len()));
            let (numbers, bytes) = interner.numbers(&column.values, key.form, used.as_deref())?;
            beside += bytes;
            keys.push(KeyOfRows { column: place, numbers, codes });
        }
        let needed: Vec<usize> =
            keys.iter().map(|key| key.numbers.iter().max().map_or(1, |most| *most as usize + 1)).collect();
        let width = target.aggregation.measures.len();
        let mut dense = std::mem::take(&mut self.bench.dense);
        let start = self.bench.start;
        if dense.reserve(&needed, rows.len(), target.groups, width, start) {
            let mut ids = std::mem::take(&mut self.bench.ids);
            ids.clear();
            ids.resize(rows.len(), 0);
            for (key, step) in keys.iter().zip(dense.steps()) {
                let table: Vec<u32> = key.numbers.iter().map(|number| number.wrapping_mul(step as u32)).collect();
                self.add_key(key, &table, rows, &mut ids)?;
            }
            self.measure(target, rows, &ids, (&mut dense.rows, &mut dense.sums))?;
            self.bench.ids = ids;
        } else {
            self.composed(target, rows, &keys)?;
        }
        beside += dense.size() * 2;
        self.bench.dense = dense;
        target.groups.check(beside)
    }

    /// Adds to the number of each row what the table has for the code of its key.
    fn add_key(&mut self, key: &KeyOfRows, table: &[u32], rows: &Rows, ids: &mut [u32]) -> Result<(), AggregateError> {
        let (name, _, column) = &self.columns[key.column];
        if let Some((first, rest)) = table.split_first()
            && rest.iter().all(|other| other == first)
        {
            // One value in all rows, whatever the codes are.
            if *first != 0 {
                ids.iter_mut().for_each(|id| *id = id.wrapping_add(*first));
            }
            return Ok(());
        }
        let mut added = Added { table, ids };
        match &key.codes {
            Some(codes) => crate::read::Take::each(&mut added, codes).ok_or_else(|| unsupported(name, "damaged")),
            None => column.codes(&self.open, rows, &mut self.bench.buffers, &mut added),
        }
    }

    /// Groups rows of many combinations.
    fn composed(&mut self, target: &Target<'_>, rows: &Rows, keys: &[KeyOfRows]) -> Result<(), AggregateError> {
        let mut composed = Composed::new(rows.len(), std::mem::take(&mut self.bench.ids));
        // For each key the numbers of the values that are told apart: several codes may have the same.
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let mut distinct = key.numbers.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let own = |number: &u32| distinct.binary_search(number).unwrap_or(0) as u32;
            let radix = distinct.len().max(1);
            if composed.has_room(radix) {
                let step = composed.step() as u32;
                let table: Vec<u32> = key.numbers.iter().map(|number| own(number) * step).collect();
                self.add_key(key, &table, rows, &mut composed.ids)?;
                composed.added(radix);
            } else {
                let table: Vec<u32> = key.numbers.iter().map(own).collect();
                let mut codes = vec![0; rows.len()];
                self.add_key(key, &table, rows, &mut codes)?;
                composed.hash(&codes, radix);
            }
            values.push(distinct);
        }
        if composed.groups() > rows.len() / 4 {
            composed.count();
        }
        let width = target.aggregation.measures.len();
        let mut held = vec![0u32; composed.groups()];
        let mut sums = vec![Sum::default(); composed.groups() * width];
        let ids = std::mem::take(&mut composed.ids);
        self.measure(target, rows, &ids, (&mut held, &mut sums))?;
        self.bench.ids = ids;
        let mut arriving = Arriving::default();
        let mut codes = vec![0u32; keys.len()];
        for (group, _) in held.iter().enumerate().filter(|(_, rows)| **rows > 0) {
            composed.codes(group, &mut codes);
            arriving.places.extend(values.iter().zip(&codes).map(|(values, code)| values[*code as usize]));
            arriving.sums.extend_from_slice(&sums[group * width..(group + 1) * width]);
            arriving.groups += 1;
        }
        target.groups.take(&arriving, self.bench.start);
        Ok(())
    }

    /// Adds the rows to counts and sums of their groups.
    fn measure(
        &mut self,
        target: &Target<'_>,
        rows: &Rows,
        ids: &[u32],
        (held, sums): (&mut [u32], &mut [Sum]),
    ) -> Result<(), AggregateError> {
        let measures = &target.aggregation.measures;
        let width = measures.len();
        let before: Option<Vec<u32>> = measures.contains(&Measure::Rows).then(|| held.to_vec());
        for id in ids {
            if let Some(held) = held.get_mut(*id as usize) {
                // Where nobody asks how many there are, it takes no waiting for the count of the row before.
                *held = if before.is_some() { *held + 1 } else { 1 };
            }
        }
        for (place, measure) in measures.iter().enumerate() {
            match measure {
                Measure::Rows => {
                    let before = before.as_deref().unwrap_or_default();
                    for (group, (now, before)) in held.iter().zip(before).enumerate() {
                        sums[group * width + place].add(i128::from(*now - *before));
                    }
                }
                Measure::Sum(name) => {
                    let column = self.column(name, Purpose::Sums)?;
                    let buffers = &mut self.bench.buffers;
                    self.columns[column].2.sum(&self.open, (rows, ids), buffers, sums, (place, width))?;
                }
                Measure::Present(name) => {
                    let column = self.column(name, Purpose::Sums)?;
                    let buffers = &mut self.bench.buffers;
                    let add = |id: u32| {
                        if let Some(sum) = sums.get_mut(id as usize * width + place) {
                            sum.add(1);
                        }
                    };
                    self.columns[column].2.present(&self.open, (rows, ids), buffers, add)?;
                }
            }
        }
        Ok(())
    }
}

/// Which of so many values have a code among these.
fn used(codes: &[u32], values: usize) -> Vec<bool> {
    let mut used = vec![false; values];
    for code in codes {
        if let Some(used) = used.get_mut(*code as usize) {
            *used = true;
        }
    }
    used
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
