//! Footers of data files, kept as long as there is room: files never change.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use parquet::{
    arrow::async_reader::MetadataFetch,
    errors::{ParquetError, Result as ParquetResult},
    file::metadata::{
        PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
    },
};

use crate::{error::LakeError, root::TableRoot, snapshot::TableFile, tables::Table};

/// Bytes that the kept footers of one table may take. A footer of a hundred columns takes about 50 kB a row group.
const KEPT_BYTES: usize = 48 << 20;

/// What the first read of a file fetches from its end, so that the footer mostly comes with it.
const FOOTER_BYTES: usize = 256 << 10;

/// The footers of one table's files that were read last.
#[derive(Debug, Default)]
pub(crate) struct Footers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_path: HashMap<Arc<str>, Footer>,
    bytes: usize,
    /// Counts uses, to know the oldest.
    uses: u64,
}

#[derive(Debug)]
struct Footer {
    metadata: Arc<ParquetMetaData>,
    bytes: usize,
    last_use: u64,
}

impl Footers {
    /// The footer of a file, with the places of its pages.
    pub(super) async fn of(
        &self,
        root: &TableRoot,
        table: Table,
        file: &TableFile,
    ) -> Result<Arc<ParquetMetaData>, LakeError> {
        if let Some(known) = self.kept().known(&file.path) {
            return Ok(known);
        }
        let metadata = Arc::new(read(root, table, file).await?);
        self.kept().keep(Arc::clone(&file.path), Arc::clone(&metadata));
        Ok(metadata)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn known(&mut self, path: &str) -> Option<Arc<ParquetMetaData>> {
        self.uses += 1;
        let footer = self.by_path.get_mut(path)?;
        footer.last_use = self.uses;
        Some(Arc::clone(&footer.metadata))
    }

    fn keep(&mut self, path: Arc<str>, metadata: Arc<ParquetMetaData>) {
        self.uses += 1;
        let bytes = metadata.memory_size();
        let footer = Footer { metadata, bytes, last_use: self.uses };
        self.bytes += bytes;
        if let Some(before) = self.by_path.insert(path, footer) {
            self.bytes -= before.bytes;
        }
        while self.bytes > KEPT_BYTES && self.by_path.len() > 1 {
            let oldest =
                self.by_path.iter().min_by_key(|(_, footer)| footer.last_use).map(|(path, _)| Arc::clone(path));
            let Some(dropped) = oldest.and_then(|path| self.by_path.remove(&path)) else { break };
            self.bytes -= dropped.bytes;
        }
    }
}

/// Of the statistics only those by which row groups are left out: all of them would be the larger part of a footer.
fn options(table: Table) -> ParquetMetaDataOptions {
    let layout = table.layout();
    let lead = layout.stored.index_of(layout.stats[layout.lead()]).ok();
    ParquetMetaDataOptions::new()
        .with_encoding_stats_as_mask(true)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(lead.as_slice()))
}

async fn read(root: &TableRoot, table: Table, file: &TableFile) -> Result<ParquetMetaData, LakeError> {
    let reader = ParquetMetaDataReader::new()
        .with_metadata_options(Some(options(table)))
        .with_column_index_policy(PageIndexPolicy::Skip)
        .with_offset_index_policy(PageIndexPolicy::Optional)
        .with_prefetch_hint(Some(FOOTER_BYTES));
    let corrupt = |error: ParquetError| LakeError::Corrupt {
        path: file.path.to_string(),
        reason: format!("its Parquet footer cannot be read: {error}"),
    };
    reader.load_and_finish(Ranges { root, path: &file.path }, file.size).await.map_err(corrupt)
}

/// Ranges of a file.
struct Ranges<'a> {
    root: &'a TableRoot,
    path: &'a str,
}

impl MetadataFetch for Ranges<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let mut pieces = self.root.ranges(self.path, std::slice::from_ref(&range)).await.map_err(external)?;
            pieces.pop().ok_or_else(|| ParquetError::EOF(format!("no bytes at {range:?}")))
        }
        .boxed()
    }
}

fn external(error: LakeError) -> ParquetError {
    ParquetError::External(Box::new(error))
}

#[cfg(test)]
mod tests {
    use parquet::{
        basic::Type,
        file::metadata::{FileMetaData, ParquetMetaDataBuilder},
        schema::types::{SchemaDescriptor, Type as SchemaType},
    };

    use super::*;

    fn footer(column: &str) -> Arc<ParquetMetaData> {
        let column = SchemaType::primitive_type_builder(column, Type::INT32).build().unwrap();
        let schema = SchemaType::group_type_builder("s").with_fields(vec![Arc::new(column)]).build().unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        Arc::new(ParquetMetaDataBuilder::new(FileMetaData::new(1, 0, None, None, schema, None)).build())
    }

    #[test]
    fn the_footer_that_was_not_used_for_longest_gives_way() {
        let large = footer(&"x".repeat(KEPT_BYTES / 5));
        let each = large.memory_size();
        let room = KEPT_BYTES / each;
        let mut kept = Kept::default();
        for number in 0..room {
            kept.keep(format!("{number}").into(), Arc::clone(&large));
        }
        assert_eq!((kept.by_path.len(), kept.bytes), (room, room * each));
        assert!(kept.known("0").is_some());
        kept.keep("more".into(), Arc::clone(&large));
        assert!(kept.known("0").is_some() && kept.known("more").is_some() && kept.known("1").is_none());
        kept.keep("more".into(), Arc::clone(&large));
        assert_eq!((kept.by_path.len(), kept.bytes), (room, room * each), "taken in twice, counted once");
    }
}
