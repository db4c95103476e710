//! Writing data files.

mod files;
mod sort;

use std::path::PathBuf;

use arrow::{array::RecordBatch, datatypes::DataType};
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt};
use meterlake_model::ImportId;

use crate::{error::LakeError, root::TableRoot, scope::ScopeKey, tables::Table};
use files::FileSplitter;
pub(crate) use files::{FileKey, properties};

use crate::coded::{CodedSink, SinkOptions};

/// Bounds of a writer.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Memory of the sort in bytes; more rows than fit are spilled to disk.
    pub sort_memory: usize,
    /// A file is closed at the end of the day on which it has about this many bytes, or at twice as many.
    pub file_bytes: u64,
    /// A file is closed at the end of the day on which it has this many rows, or at twice as many.
    pub file_rows: u64,
    /// Most rows of a row group.
    pub row_group_rows: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { sort_memory: 128 << 20, file_bytes: 128 << 20, file_rows: 4_000_000, row_group_rows: 128 * 1024 }
    }
}

/// A data file that lies in the table's folder and waits for its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Path under the table's root.
    pub path: String,
    /// The number `yyyymm` in the partition column; none in a table without one.
    pub partition: Option<i32>,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`Table::scope`].
    pub scope: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// The file's statistics as the Delta log writes them (JSON).
    pub stats: String,
}

/// Writes the data files of one import into one table.
#[derive(Clone)]
pub struct TableWriter {
    table: Table,
    root: TableRoot,
    import: ImportId,
    staging: PathBuf,
    options: WriterOptions,
    /// Number of the next file.
    next: u32,
}

impl TableWriter {
    pub(crate) fn new(
        table: Table,
        root: TableRoot,
        import: ImportId,
        staging: PathBuf,
        options: WriterOptions,
    ) -> Self {
        Self { table, root, import, staging, options, next: 0 }
    }

    /// The same writer with other bounds.
    #[must_use]
    pub fn with_options(mut self, options: WriterOptions) -> Self {
        self.options = options;
        self
    }

    /// A sink for coded rows of the table, whose files have the next names. It runs beside other work of this runtime, on
    /// a thread that may block; after it nothing may be written with this writer but by [`Self::after`] what it wrote.
    ///
    /// # Errors
    /// [`LakeError::Rows`] for a table without partition.
    pub fn coded(&self, options: SinkOptions, runtime: tokio::runtime::Handle) -> Result<CodedSink, LakeError> {
        CodedSink::new(self.clone(), runtime, options)
    }

    /// Lets the names of further files follow those of files that a sink wrote.
    pub fn after(&mut self, files: &[NewFile]) {
        let last = files.iter().filter_map(|file| number_of(&file.path)).max();
        self.next = last.map_or(self.next, |last| self.next.max(last + 1));
    }

    pub(crate) fn table(&self) -> Table {
        self.table
    }

    pub(crate) fn root(&self) -> &TableRoot {
        &self.root
    }

    pub(crate) fn import(&self) -> ImportId {
        self.import
    }

    pub(crate) fn staging(&self) -> &std::path::Path {
        &self.staging
    }

    pub(crate) fn options(&self) -> &WriterOptions {
        &self.options
    }

    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    pub(crate) fn set_next(&mut self, next: u32) {
        self.next = next;
    }

    /// The path of the next file.
    pub(crate) fn next_path(&mut self, key: &FileKey) -> String {
        let path = files::path(self.table, key, self.import, self.next);
        self.next += 1;
        path
    }

    /// Sorts (in bounded memory, spilling to the staging folder), splits by partition and scope, and writes Parquet
    /// files. Batches have the columns of [`Table::schema`]; text may also come as views, as the provider yields it.
    /// May be called repeatedly; the files are invisible until they are committed.
    ///
    /// # Errors
    /// [`LakeError::Rows`] when batches have other columns or a partition that is no month; the errors of the
    /// stream; and those of the disk. Files written so far stay until [`crate::Lake::discard_in`].
    pub async fn write(&mut self, batches: SendableRecordBatchStream) -> Result<Vec<NewFile>, LakeError> {
        check_schema(self.table, &batches)?;
        let sorted = sort::sorted(self.table, batches, &self.staging, self.options.sort_memory).await?;
        self.split(sorted.map_err(LakeError::from)).await
    }

    /// Splits rows that come in order, with text as text, as [`Self::write_sorted`] does.
    pub(crate) async fn split(
        &mut self,
        sorted: impl Stream<Item = Result<RecordBatch, LakeError>>,
    ) -> Result<Vec<NewFile>, LakeError> {
        let mut sorted = std::pin::pin!(sorted);
        let mut splitter = FileSplitter::new(self.table, &self.root, self.import, &self.options, self.next);
        while let Some(batch) = sorted.next().await {
            // Names count even when a file is left half written, so that no name is used twice.
            let taken = splitter.take(&batch?).await;
            self.next = splitter.next();
            taken?;
        }
        splitter.finish().await
    }
}

impl TableWriter {
    /// Writes rows that come in order: by [`Table::sort`] within a partition and scope, which do not come back once
    /// they have ended. Else as [`Self::write`], without the memory and time of a sort.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) async fn write_sorted(&mut self, batches: SendableRecordBatchStream) -> Result<Vec<NewFile>, LakeError> {
        check_schema(self.table, &batches)?;
        let table = self.table;
        self.split(batches.map(|batch| Ok(sort::owned_text(table, &batch?)?))).await
    }
}

/// The number in the name of a data file.
fn number_of(path: &str) -> Option<u32> {
    path.strip_suffix(".parquet")?.rsplit('-').next()?.parse().ok()
}

fn check_schema(table: Table, batches: &SendableRecordBatchStream) -> Result<(), LakeError> {
    let (given, expected) = (batches.schema(), table.schema());
    for (place, field) in expected.fields().iter().enumerate() {
        match given.fields().get(place) {
            Some(found) if found.name() == field.name() && is_accepted(found.data_type(), field.data_type()) => {}
            found => {
                let found = found.map_or_else(|| "nothing".to_owned(), |f| format!("{} {}", f.name(), f.data_type()));
                return Err(LakeError::Rows(format!(
                    "column {place} is {found}; expected {} {}",
                    field.name(),
                    field.data_type()
                )));
            }
        }
    }
    match given.fields().get(expected.fields().len()) {
        Some(extra) => Err(LakeError::Rows(format!("column {} is not known", extra.name()))),
        None => Ok(()),
    }
}

/// Whether a column of this type can be written: the type itself, or the one that it is read as.
fn is_accepted(given: &DataType, expected: &DataType) -> bool {
    given == expected || (*given == DataType::Utf8View && *expected == DataType::Utf8)
}
