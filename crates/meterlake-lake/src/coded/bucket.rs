//! Rows gathered by what their files and days have in common, in bounded memory.

use std::{
    cmp::Reverse,
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    rows::{Cells, CodedColumn, CodedRows, Number},
    spill::{Segment, Spill, same_of},
};
use crate::{error::LakeError, tables::Table};

/// The part of the memory that is made free when it is full.
const ROOM: usize = 16;

/// What all rows of a bucket have in common, the scope as codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BucketKey {
    pub(super) partition: i32,
    pub(super) scope: Vec<u32>,
    pub(super) day: i32,
}

/// Rows of one key, in the order in which they came.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) key: BucketKey,
    pub(super) rows: usize,
    /// What the rows take when they are loaded, in bytes.
    pub(super) bytes: usize,
    open: CodedRows,
    /// Bytes of the open rows.
    open_bytes: usize,
    spilled: Vec<Segment>,
}

/// All rows of a write.
#[derive(Debug)]
pub(super) struct Buckets {
    staging: PathBuf,
    memory: usize,
    keys: Keys,
    by_key: HashMap<BucketKey, usize>,
    list: Vec<Bucket>,
    open_bytes: usize,
    spill: Option<Spill>,
    /// By column.
    dictionaries: Vec<Option<usize>>,
}

/// A bucket, and the places of its rows in a list of row numbers.
type Run = (usize, Range<usize>);

/// Places of the columns that make a bucket's key.
#[derive(Debug)]
struct Keys {
    partition: usize,
    scope: Vec<usize>,
    day: usize,
}

impl Buckets {
    /// Buckets that hold about `memory` bytes of rows; more are spilled to the folder.
    pub(super) fn new(table: Table, staging: &Path, memory: usize) -> Result<Self, LakeError> {
        let schema = table.schema();
        let partition = table.partition().ok_or_else(|| LakeError::Rows(format!("{table} has no partition")))?;
        let keys = Keys {
            partition: schema.index_of(partition)?,
            scope: table.scope().iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?,
            day: schema.index_of(table.sort()[0])?,
        };
        Ok(Self {
            staging: staging.to_path_buf(),
            memory,
            keys,
            by_key: HashMap::new(),
            list: Vec::new(),
            open_bytes: 0,
            spill: None,
            dictionaries: Vec::new(),
        })
    }

    /// Takes a batch.
    pub(super) fn take(&mut self, batch: &CodedRows) -> Result<(), LakeError> {
        self.see_dictionaries(batch)?;
        let (runs, order) = self.scatter(batch)?;
        for (bucket, rows) in runs {
            let bucket = &mut self.list[bucket];
            let rows = &order[rows];
            if bucket.open.columns.is_empty() {
                bucket.open.columns = batch.columns.iter().map(same_of).collect();
            }
            for (column, from) in bucket.open.columns.iter_mut().zip(&batch.columns) {
                let added = append(column, bucket.open.rows, from, rows)?;
                bucket.bytes += added;
                bucket.open_bytes += added;
                self.open_bytes += added;
            }
            bucket.open.rows += rows.len();
            bucket.rows += rows.len();
        }
        if self.open_bytes > self.memory {
            self.spill_largest(self.memory - self.memory / ROOM)?;
        }
        Ok(())
    }

    /// Ends the taking of rows: where some are spilled, leaves memory to those that are loaded again.
    pub(super) fn settle(&mut self) -> Result<(), LakeError> {
        if self.spill.is_some() { self.spill_largest(self.memory / 4) } else { Ok(()) }
    }

    /// The rows of the batch by bucket: runs of places in a list of row numbers.
    fn scatter(&mut self, batch: &CodedRows) -> Result<(Vec<Run>, Vec<u32>), LakeError> {
        let mut of_row = Vec::with_capacity(batch.rows);
        let mut counts = vec![0u32; self.list.len()];
        // Rows come in any order of days, so that the last key alone would seldom be the next one.
        let mut recent: [Option<usize>; 64] = [None; 64];
        for row in 0..batch.rows {
            let day = short(&batch.columns[self.keys.day], row).unwrap_or_default();
            let place = usize::from(day.to_le_bytes()[0] & 63);
            let known = recent[place].filter(|at| self.keys.is(&self.list[*at].key, batch, row));
            let at = match known {
                Some(at) => at,
                None => {
                    let key = self.keys.key(batch, row)?;
                    let next = self.list.len();
                    let at = *self.by_key.entry(key.clone()).or_insert(next);
                    if at == next {
                        self.list.push(Bucket {
                            key,
                            rows: 0,
                            bytes: 0,
                            open: CodedRows::default(),
                            open_bytes: 0,
                            spilled: Vec::new(),
                        });
                        counts.push(0);
                    }
                    recent[place] = Some(at);
                    at
                }
            };
            of_row.push(at);
            counts[at] += 1;
        }
        let mut runs = Vec::new();
        let mut starts = Vec::with_capacity(counts.len());
        let mut start = 0;
        for (bucket, count) in counts.into_iter().enumerate() {
            starts.push(start);
            let end = start + count as usize;
            if end > start {
                runs.push((bucket, start..end));
            }
            start = end;
        }
        let mut order = vec![0u32; batch.rows];
        for (row, bucket) in (0u32..).zip(of_row) {
            order[starts[bucket]] = row;
            starts[bucket] += 1;
        }
        Ok((runs, order))
    }

    /// Spills the buckets that hold most, until no more than so many bytes are held. Not all of them, so that rows need
    /// not wait long for it and what is held in the end need not be read back.
    fn spill_largest(&mut self, most: usize) -> Result<(), LakeError> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::create(&self.staging)?),
        };
        let mut held: Vec<&mut Bucket> = self.list.iter_mut().filter(|bucket| bucket.open_bytes > 0).collect();
        held.sort_unstable_by_key(|bucket| Reverse(bucket.open_bytes));
        for bucket in held {
            if self.open_bytes <= most {
                break;
            }
            let open = std::mem::take(&mut bucket.open);
            self.open_bytes -= std::mem::take(&mut bucket.open_bytes);
            bucket.spilled.push(spill.write(open)?);
        }
        Ok(())
    }

    /// The dictionaries that texts of a column came with: one, or none when all texts are empty.
    pub(super) fn dictionaries(&self, column: usize) -> impl Iterator<Item = usize> {
        self.dictionaries.get(column).copied().flatten().into_iter()
    }

    /// Notes the dictionaries of a batch, of which a column has one for good.
    fn see_dictionaries(&mut self, batch: &CodedRows) -> Result<(), LakeError> {
        self.dictionaries.resize(batch.columns.len(), None);
        for (known, column) in self.dictionaries.iter_mut().zip(&batch.columns) {
            match column {
                CodedColumn::Text(_, Cells::Same(0)) => {}
                CodedColumn::Text(number, _) if known.is_none_or(|k| k == *number) => *known = Some(*number),
                CodedColumn::Text(..) => {
                    return Err(LakeError::Rows("a column came with two dictionaries".to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The buckets so far, which stay.
    pub(super) fn list(&self) -> &[Bucket] {
        &self.list
    }

    /// Takes the rows of a bucket out, in pieces, in the order in which they came.
    pub(super) fn pieces(&mut self, bucket: usize) -> Result<Vec<CodedRows>, LakeError> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.piece(bucket)? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// Takes the next piece of a bucket out; none when there is no more.
    pub(super) fn piece(&mut self, bucket: usize) -> Result<Option<CodedRows>, LakeError> {
        let bucket = &mut self.list[bucket];
        if bucket.spilled.is_empty() {
            let open = std::mem::take(&mut bucket.open);
            return Ok((open.rows > 0).then_some(open));
        }
        let segment = bucket.spilled.remove(0);
        let Some(spill) = &mut self.spill else { return Ok(None) };
        spill.read(segment).map(Some)
    }

    /// Takes all rows of a bucket out.
    pub(super) fn load(&mut self, bucket: usize) -> Result<CodedRows, LakeError> {
        let mut pieces = self.pieces(bucket)?.into_iter();
        let mut all = pieces.next().unwrap_or_default();
        for piece in pieces {
            let rows: Vec<u32> = (0..u32::try_from(piece.rows).unwrap_or(u32::MAX)).collect();
            for (column, from) in all.columns.iter_mut().zip(&piece.columns) {
                append(column, all.rows, from, &rows)?;
            }
            all.rows += piece.rows;
        }
        Ok(all)
    }
}

impl Keys {
    fn is(&self, key: &BucketKey, batch: &CodedRows, row: usize) -> bool {
        short(&batch.columns[self.day], row) == Some(key.day)
            && short(&batch.columns[self.partition], row) == Some(key.partition)
            && self.scope.iter().zip(&key.scope).all(|(at, code)| code_at(&batch.columns[*at], row) == Some(*code))
    }

    fn key(&self, batch: &CodedRows, row: usize) -> Result<BucketKey, LakeError> {
        let wrong = || LakeError::Rows("columns of the scope or the day have a wrong type".to_owned());
        let scope = self.scope.iter().map(|at| code_at(&batch.columns[*at], row)).collect::<Option<_>>();
        Ok(BucketKey {
            partition: short(&batch.columns[self.partition], row).ok_or_else(wrong)?,
            scope: scope.ok_or_else(wrong)?,
            day: short(&batch.columns[self.day], row).ok_or_else(wrong)?,
        })
    }
}

fn short(column: &CodedColumn, row: usize) -> Option<i32> {
    match column {
        CodedColumn::Short(cells) => Some(cells.at(row)),
        _ => None,
    }
}

fn code_at(column: &CodedColumn, row: usize) -> Option<u32> {
    match column {
        CodedColumn::Text(_, cells) => Some(cells.at(row)),
        _ => None,
    }
}

/// Appends cells to a column that has `have`; returns how many bytes it grew by.
fn append(to: &mut CodedColumn, have: usize, from: &CodedColumn, rows: &[u32]) -> Result<usize, LakeError> {
    match (to, from) {
        (CodedColumn::Text(dictionary, to), CodedColumn::Text(other, from)) => {
            let nothing = |cells: &Cells<u32>| matches!(cells, Cells::Same(0));
            if dictionary != other && !nothing(from) {
                if !nothing(to) && have > 0 {
                    return Err(LakeError::Rows("a column came with two dictionaries".to_owned()));
                }
                *dictionary = *other;
            }
            Ok(extend(to, have, from, rows))
        }
        (CodedColumn::Wide(to), CodedColumn::Wide(from)) => Ok(extend(to, have, from, rows)),
        (CodedColumn::Long(to), CodedColumn::Long(from)) => Ok(extend(to, have, from, rows)),
        (CodedColumn::Short(to), CodedColumn::Short(from)) => Ok(extend(to, have, from, rows)),
        (CodedColumn::Truth(to), CodedColumn::Truth(from)) => Ok(extend(to, have, from, rows)),
        _ => Err(LakeError::Rows("a column came with two types".to_owned())),
    }
}

fn extend<T: Copy + PartialEq>(to: &mut Cells<T>, have: usize, from: &Cells<T>, rows: &[u32]) -> usize {
    if let (Cells::Same(a), Cells::Same(b)) = (&mut *to, from)
        && (have == 0 || a == b)
    {
        *a = *b;
        return 0;
    }
    let mut grown = rows.len();
    if let Cells::Same(value) = to {
        grown += have;
        *to = Cells::Each(vec![*value; have]);
    }
    if let Cells::Each(values) = to {
        match from {
            Cells::Same(value) => values.resize(have + rows.len(), *value),
            Cells::Each(new) => values.extend(rows.iter().map(|&row| new[row as usize])),
        }
    }
    grown * size_of::<T>()
}

/// Whether cells hold a null.
pub(super) fn any_null<T: Number>(cells: &Cells<T>) -> bool {
    match cells {
        Cells::Same(value) => *value == T::NULL,
        Cells::Each(values) => values.contains(&T::NULL),
    }
}
