//! From coded rows in any order to data files.

use std::{collections::BTreeSet, sync::Arc};

use tokio::runtime::Handle;

use super::{
    bucket::{BucketKey, Buckets},
    dictionary::TextDictionary,
    file::{CodedFile, Texts},
    order::{SortColumn, order, ranks},
    part::{Ordered, Part},
    rows::{Cells, CodedColumn, CodedRows},
    stream::SortedStream,
};
use crate::{
    error::LakeError,
    writer::{FileKey, NewFile, TableWriter},
};

/// Bounds of a sink's memory, besides the dictionaries, which are their owner's.
#[derive(Clone, Copy, Debug)]
pub struct SinkOptions {
    /// Bytes of rows that are held before they are spilled to the staging folder.
    pub held: usize,
    /// Bytes that the rows of one day may take while they are sorted; more are sorted on disk.
    pub day: usize,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self { held: 64 << 20, day: 96 << 20 }
    }
}

/// Takes the rows of one import and writes them as sorted data files. For use on a thread that may block.
pub struct CodedSink {
    writer: TableWriter,
    runtime: Handle,
    options: SinkOptions,
    buckets: Buckets,
    /// Whether rows come in the order of the columns that order rows and are no texts.
    numbered: bool,
    last: Vec<i64>,
    /// Where all rows go once there are too many distinct texts.
    stream: Option<SortedStream>,
}

impl CodedSink {
    pub(crate) fn new(writer: TableWriter, runtime: Handle, options: SinkOptions) -> Result<Self, LakeError> {
        let buckets = Buckets::new(writer.table(), writer.staging(), options.held)?;
        Ok(Self { writer, runtime, options, buckets, numbered: true, last: Vec::new(), stream: None })
    }

    /// Takes a batch, whose codes the dictionaries know.
    ///
    /// # Errors
    /// [`LakeError::Rows`] when columns have wrong types; the errors of the disk.
    pub fn take(&mut self, rows: &CodedRows, dictionaries: &[TextDictionary]) -> Result<(), LakeError> {
        if let Some(stream) = &self.stream {
            return stream.take(rows, dictionaries);
        }
        if rows.rows == 0 {
            return Ok(());
        }
        self.see_numbers(rows)?;
        self.buckets.take(rows)
    }

    /// Lets go of all codes: the rows so far go to a sort on disk, and so will all that come. Codes that are given
    /// afterwards may be of other dictionaries in each batch.
    ///
    /// # Errors
    /// The errors of the disk.
    pub fn forget_codes(&mut self, dictionaries: &[TextDictionary]) -> Result<(), LakeError> {
        if self.stream.is_none() {
            let stream = SortedStream::start(self.writer.clone(), self.runtime.clone());
            let stream = self.stream.insert(stream);
            for bucket in 0..self.buckets.list().len() {
                while let Some(piece) = self.buckets.piece(bucket)? {
                    stream.take(&piece, dictionaries)?;
                }
            }
        }
        Ok(())
    }

    /// Notes whether the numbers among the columns that order rows (after the day) ascend from row to row.
    fn see_numbers(&mut self, rows: &CodedRows) -> Result<(), LakeError> {
        if !self.numbered {
            return Ok(());
        }
        let schema = self.writer.table().schema();
        let mut numbers = Vec::new();
        for name in &self.writer.table().sort()[1..] {
            match &rows.columns[schema.index_of(name)?] {
                CodedColumn::Long(cells) => numbers.push(cells),
                CodedColumn::Text(..) => {}
                _ => self.numbered = false,
            }
        }
        for row in 0..rows.rows {
            let ascends = !self.last.is_empty()
                && numbers.iter().zip(&self.last).map(|(cells, last)| cells.at(row).cmp(last)).find(|o| o.is_ne())
                    == Some(std::cmp::Ordering::Less);
            if ascends {
                self.numbered = false;
                break;
            }
            self.last.clear();
            self.last.extend(numbers.iter().map(|cells| cells.at(row)));
        }
        Ok(())
    }

    /// Sorts and writes what was taken. The files are invisible until they are committed.
    ///
    /// # Errors
    /// The errors of the disk, and [`LakeError::Rows`] for a partition that is no month. Files written so far stay.
    pub fn finish(mut self, dictionaries: &[TextDictionary]) -> Result<Vec<NewFile>, LakeError> {
        if let Some(stream) = self.stream.take() {
            return stream.finish().map(|(files, _)| files);
        }
        self.buckets.settle()?;
        let ranks = self.ranks(dictionaries);
        let texts = Texts { dictionaries, ranks: &ranks };
        let mut keys: Vec<(FileKey, i32, usize)> = Vec::new();
        for (at, bucket) in self.buckets.list().iter().enumerate() {
            keys.push((self.file_key(&bucket.key, dictionaries)?, bucket.key.day, at));
        }
        keys.sort();
        let mut files =
            Files { writer: self.writer.clone(), runtime: self.runtime.clone(), open: None, done: Vec::new() };
        for (key, day, bucket) in keys {
            if self.buckets.list()[bucket].bytes > self.options.day {
                files.close(texts)?;
                let stream = SortedStream::start(files.writer.clone(), self.runtime.clone());
                while let Some(piece) = self.buckets.piece(bucket)? {
                    if stream.take(&piece, dictionaries).is_err() {
                        break;
                    }
                }
                let (written, next) = stream.finish()?;
                files.done.extend(written);
                files.writer.set_next(next);
                continue;
            }
            let rows = self.buckets.load(bucket)?;
            let order = self.order(&rows, &ranks)?;
            files.take(key, day, Arc::new(Ordered { rows, order }), texts)?;
        }
        files.close(texts)?;
        Ok(files.done)
    }

    /// Stops, and waits for what goes on beside. Returns why that failed, if it did.
    pub fn abort(self) -> Option<LakeError> {
        self.stream.and_then(SortedStream::abort)
    }

    /// Ranks of the dictionaries of columns with bounds.
    fn ranks(&self, dictionaries: &[TextDictionary]) -> Vec<Option<Vec<u32>>> {
        let table = self.writer.table();
        let schema = table.schema();
        let mut wanted = BTreeSet::new();
        for place in table.layout().stats.iter().filter_map(|name| schema.index_of(name).ok()) {
            for number in self.buckets.dictionaries(place) {
                wanted.insert(number);
            }
        }
        let of = |at: usize| wanted.contains(&at).then(|| ranks(&dictionaries[at]));
        (0..dictionaries.len()).map(of).collect()
    }

    fn file_key(&self, key: &BucketKey, dictionaries: &[TextDictionary]) -> Result<FileKey, LakeError> {
        let schema = self.writer.table().schema();
        let mut scope = Vec::with_capacity(key.scope.len());
        for (name, code) in self.writer.table().scope().iter().zip(&key.scope) {
            let place = schema.index_of(name)?;
            let dictionary = self.buckets.dictionaries(place).find_map(|number| dictionaries.get(number));
            scope.push(dictionary.map_or_else(String::new, |d| d.text(*code).to_owned()));
        }
        FileKey::new(self.writer.table(), Some(key.partition), scope)
    }

    fn order(&self, rows: &CodedRows, ranks: &[Option<Vec<u32>>]) -> Result<Vec<u32>, LakeError> {
        let schema = self.writer.table().schema();
        let mut columns = Vec::new();
        for name in &self.writer.table().sort()[1..] {
            let column = &rows.columns[schema.index_of(name)?];
            let ranks = match column {
                CodedColumn::Text(_, Cells::Same(_)) => continue,
                CodedColumn::Text(number, _) => ranks.get(*number).and_then(Option::as_deref),
                _ => None,
            };
            columns.push(SortColumn { column, ranks });
        }
        Ok(order(rows, &columns, self.numbered))
    }
}

/// Row groups and files, one after the other.
struct Files {
    writer: TableWriter,
    runtime: Handle,
    open: Option<(CodedFile, Vec<Part>)>,
    done: Vec<NewFile>,
}

impl Files {
    /// Takes the rows of one day.
    fn take(&mut self, key: FileKey, day: i32, rows: Arc<Ordered>, texts: Texts<'_>) -> Result<(), LakeError> {
        let count = rows.order.len();
        let mut start = 0;
        while start < count {
            let leave = self.open.as_ref().is_some_and(|open| open.0.key != key || self.is_full(open, day));
            if leave {
                self.close(texts)?;
            }
            if self.open.is_none() {
                let file = CodedFile::create(&mut self.writer, self.runtime.clone(), key.clone())?;
                self.open = Some((file, Vec::new()));
            }
            let options = self.writer.options();
            let (group_rows, file_rows) = (options.row_group_rows, options.file_rows);
            let Some((file, parts)) = &mut self.open else { break };
            let pending = waiting(parts);
            let room = group_rows.max(1).saturating_sub(pending);
            let left = file_rows.saturating_mul(2).saturating_sub(file.rows + pending as u64);
            let fits = room.min(usize::try_from(left).unwrap_or(usize::MAX)).max(1);
            let end = count.min(start + fits);
            parts.push(Part { rows: Arc::clone(&rows), range: start..end });
            file.last_day = day;
            if waiting(parts) >= group_rows {
                flush(file, parts, texts)?;
            }
            start = end;
        }
        Ok(())
    }

    /// Whether rows of this day belong into a new file. Files end with a day, so that the next file follows in order.
    fn is_full(&self, (file, parts): &(CodedFile, Vec<Part>), day: i32) -> bool {
        let options = self.writer.options();
        let pending = waiting(parts) as u64;
        // What waits will take about what rows of this file took before.
        let bytes = file.bytes() + file.bytes() / file.rows.max(1) * pending;
        let full = |times: u64| {
            bytes >= options.file_bytes.saturating_mul(times)
                || file.rows + pending >= options.file_rows.saturating_mul(times)
        };
        (full(1) && day != file.last_day) || full(2)
    }

    fn close(&mut self, texts: Texts<'_>) -> Result<(), LakeError> {
        if let Some((mut file, mut parts)) = self.open.take() {
            flush(&mut file, &mut parts, texts)?;
            self.done.push(file.close(&self.writer)?);
        }
        Ok(())
    }
}

fn waiting(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.range.len()).sum()
}

fn flush(file: &mut CodedFile, parts: &mut Vec<Part>, texts: Texts<'_>) -> Result<(), LakeError> {
    if !parts.is_empty() {
        file.write(parts, texts)?;
        file.rows += waiting(parts) as u64;
        parts.clear();
    }
    Ok(())
}
