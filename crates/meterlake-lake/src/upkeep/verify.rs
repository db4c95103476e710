//! Verifying data files against the log.

use std::{fs::File, ops::ControlFlow};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    row::{OwnedRow, RowConverter, SortField},
};
use object_store::{ObjectStoreExt, path::Path as StorePath};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    file::{metadata::ParquetMetaData, reader::ChunkReader},
};

use crate::{
    error::LakeError,
    lake::Lake,
    scope::key_of,
    snapshot::{TableFile, TableSnapshot},
    stats::{FileStats, StatValue},
    tables::Table,
};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The table, or what else it is about.
    pub table: String,
    /// The file, import or part of the table.
    pub file: String,
    /// Where in it, or what of it.
    pub place: String,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Finding {
    /// A finding.
    pub fn new(
        table: impl ToString,
        file: impl ToString,
        place: impl ToString,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self {
            table: table.to_string(),
            file: file.to_string(),
            place: place.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

/// How thoroughly files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCheck {
    /// Their names, sizes and footers.
    Metadata,
    /// Every row besides.
    Rows,
}

impl Lake {
    /// Verifies one live data file: that it is there in the size that the log says, that its footer can be read and
    /// tells of the table's columns and of as many rows as the log; with [`FileCheck::Rows`] also that all rows can be
    /// read, lie in the declared order, have the file's scope, and that the log's least and greatest values are
    /// theirs. `seen` is given every batch, without the partition column; it may break off.
    ///
    /// # Errors
    /// Only where the file cannot be judged: what is wrong with it is a finding.
    pub async fn verify_file(
        &self,
        snapshot: &TableSnapshot,
        file: &TableFile,
        check: FileCheck,
        seen: &mut (dyn FnMut(&RecordBatch) -> ControlFlow<()> + Send),
    ) -> Result<Vec<Finding>, LakeError> {
        let table = snapshot.table();
        let finding =
            |place: &str, expected: String, found: String| Finding::new(table, &file.path, place, expected, found);
        let root = &self.log(table).root;
        let size = match root.store.head(&StorePath::from(&*file.path)).await {
            Ok(meta) => meta.size,
            Err(object_store::Error::NotFound { .. }) => {
                return Ok(vec![finding("file", "a file".to_owned(), "none".to_owned())]);
            }
            Err(error) => return Err(error.into()),
        };
        if size != file.size {
            return Ok(vec![finding("size in bytes", file.size.to_string(), size.to_string())]);
        }
        match &root.local {
            Some(folder) => match File::open(folder.join(&*file.path)) {
                Ok(opened) => verify_content(table, file, opened, check, seen).await,
                Err(error) => Ok(vec![finding("file", "a file that can be read".to_owned(), error.to_string())]),
            },
            None => {
                let object = root.store.get(&StorePath::from(&*file.path)).await?;
                verify_content(table, file, object.bytes().await?, check, seen).await
            }
        }
    }
}

async fn verify_content<R: ChunkReader + 'static>(
    table: Table,
    file: &TableFile,
    content: R,
    check: FileCheck,
    seen: &mut (dyn FnMut(&RecordBatch) -> ControlFlow<()> + Send),
) -> Result<Vec<Finding>, LakeError> {
    // The types are those of the Parquet columns, whatever the writer held in memory.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = match ArrowReaderMetadata::load(&content, options) {
        Ok(metadata) => metadata,
        Err(error) => return Ok(vec![Finding::new(table, &file.path, "footer", "a Parquet footer", error)]),
    };
    let mut findings = footer(table, file, &metadata);
    if check == FileCheck::Metadata || !findings.is_empty() {
        return Ok(findings);
    }
    let mut rows = Rows::new(table, file)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata).with_batch_size(BATCH_ROWS);
    for batch in builder.build()? {
        match batch {
            Ok(batch) => {
                rows.take(&batch)?;
                if seen(&batch).is_break() {
                    return Ok(findings);
                }
            }
            Err(error) => {
                let place = format!("rows from {}", rows.stats.rows + 1);
                findings.push(Finding::new(table, &file.path, place, "rows that can be read", error));
                return Ok(findings);
            }
        }
        // Reading and decoding wait for nothing, but others want their turn.
        tokio::task::yield_now().await;
    }
    findings.extend(rows.findings());
    Ok(findings)
}

/// What the footer says otherwise than the log and the table.
fn footer(table: Table, file: &TableFile, metadata: &ArrowReaderMetadata) -> Vec<Finding> {
    let parquet: &ParquetMetaData = metadata.metadata();
    let mut findings = Vec::new();
    let mut differs = |place: &str, expected: String, found: String| {
        if expected != found {
            findings.push(Finding::new(table, &file.path, place, expected, found));
        }
    };
    differs("rows by the footer", file.rows.to_string(), parquet.file_metadata().num_rows().to_string());
    let groups: i64 = parquet.row_groups().iter().map(|group| group.num_rows()).sum();
    differs("rows of the row groups", file.rows.to_string(), groups.to_string());
    for field in metadata.schema().fields() {
        // A file of an older version may lack columns, but has none of another kind.
        let expected = table.layout().stored.field_with_name(field.name());
        let expected = expected.map_or_else(|_| "no such column".to_owned(), |known| known.data_type().to_string());
        differs(&format!("column {}", field.name()), expected, field.data_type().to_string());
    }
    for name in &table.layout().stats {
        if metadata.schema().field_with_name(name).is_err() {
            differs(&format!("column {name}"), "there".to_owned(), "missing".to_owned());
        }
    }
    let held = parquet.file_metadata().key_value_metadata().into_iter().flatten();
    let noted = |name: &str| {
        let key = format!("meterlake.{name}");
        held.clone().find(|pair| pair.key == key).and_then(|pair| pair.value.clone())
    };
    let partition = table.partition().zip(file.partition).map(|(name, number)| (name, number.to_string()));
    let scope = table.scope().iter().copied().zip(file.scope.iter().cloned());
    for (name, expected) in partition.into_iter().chain(scope) {
        // A file says of itself what it holds; one that says nothing is judged by its rows.
        if let Some(found) = noted(name) {
            differs(&format!("{name} by the footer"), format!("{expected:?}"), format!("{found:?}"));
        }
    }
    differs("scope key", key_of(&file.scope).to_string(), file.scope_key.to_string());
    findings
}

/// The rows of a file as far as they are read.
struct Rows<'a> {
    table: Table,
    file: &'a TableFile,
    stats: FileStats,
    order: RowConverter,
    last: Option<OwnedRow>,
    /// Number of the first row that comes before its predecessor, and of the first of another scope.
    unordered: Option<u64>,
    stranger: Option<(u64, Finding)>,
}

impl<'a> Rows<'a> {
    fn new(table: Table, file: &'a TableFile) -> Result<Self, LakeError> {
        let stored = &table.layout().stored;
        let fields = table.sort().iter().map(|name| {
            let kind = stored.field_with_name(name)?.data_type().clone();
            let options = arrow::compute::SortOptions { descending: false, nulls_first: false };
            Ok(SortField::new_with_options(kind, options))
        });
        let fields = fields.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?;
        let (order, stats) = (RowConverter::new(fields)?, FileStats::of_scope(table, &file.scope));
        Ok(Self { table, file, stats, order, last: None, unordered: None, stranger: None })
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let missing = |name: &str| LakeError::Rows(format!("column {name} is missing"));
        let column = |name: &&str| batch.column_by_name(name).cloned().ok_or_else(|| missing(name));
        let before = self.stats.rows;
        let keys = self.table.sort().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let keys = self.order.convert_columns(&keys)?;
        for (place, row) in keys.iter().enumerate() {
            let descends = match (place.checked_sub(1), &self.last) {
                (Some(previous), _) => row < keys.row(previous),
                (None, Some(last)) => row < last.row(),
                (None, None) => false,
            };
            if descends && self.unordered.is_none() {
                self.unordered = Some(before + place as u64 + 1);
            }
        }
        self.last = keys.num_rows().checked_sub(1).map(|place| keys.row(place).owned()).or(self.last.take());
        for (name, expected) in self.table.scope().iter().zip(self.file.scope.iter()) {
            let values = column(name)?;
            let values = values.as_string_opt::<i32>().ok_or_else(|| missing(name))?;
            let stranger = (0..values.len()).find(|row| values.value(*row) != expected);
            if let (Some(row), None) = (stranger, &self.stranger) {
                let number = before + row as u64 + 1;
                let place = format!("{name} of row {number}");
                let found = format!("{:?}", values.value(row));
                let finding = Finding::new(self.table, &self.file.path, place, format!("{expected:?}"), found);
                self.stranger = Some((number, finding));
            }
        }
        self.stats.add(batch);
        Ok(())
    }

    fn findings(self) -> Vec<Finding> {
        let Self { table, file, stats, unordered, stranger, .. } = self;
        let mut findings: Vec<Finding> = stranger.map(|(_, finding)| finding).into_iter().collect();
        if let Some(row) = unordered {
            let order = table.sort().join(", ");
            findings.push(Finding::new(
                table,
                &file.path,
                format!("row {row}"),
                format!("ordered by {order}"),
                "comes before its predecessor",
            ));
        }
        if stats.rows != file.rows {
            findings.push(Finding::new(table, &file.path, "rows", file.rows, stats.rows));
        }
        // Once through the log, where long texts are cut to bounds.
        let Some(told) = FileStats::from_json(table, &stats.to_json()) else { return findings };
        let layout = table.layout();
        for (place, name) in layout.stats.iter().enumerate().skip(layout.scope) {
            for (which, log, rows) in [
                ("least", &file.stats.least[place], &told.least[place]),
                ("greatest", &file.stats.greatest[place], &told.greatest[place]),
            ] {
                if log.is_some() && log != rows {
                    let shown =
                        |value: &Option<StatValue>| value.as_ref().map_or_else(|| "none".to_owned(), StatValue::shown);
                    findings.push(Finding::new(table, &file.path, format!("{which} {name}"), shown(log), shown(rows)));
                }
            }
        }
        findings
    }
}
