//! A data file in the making, written by row groups of coded rows.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use object_store::{ObjectStoreExt, buffered::BufWriter, path::Path as StorePath};
use parquet::{
    arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata},
    basic::ConvertedType,
    file::writer::SerializedFileWriter,
    schema::types::SchemaDescriptor,
};
use tokio::{io::AsyncWriteExt, runtime::Handle};

use super::{
    column::{Chunk, ColumnPlan},
    dictionary::TextDictionary,
    part::Part,
};
use crate::{
    error::LakeError,
    scope::key_of,
    stats::FileStats,
    tables::Table,
    writer::{FileKey, NewFile, TableWriter, properties},
};

/// The level that data files are packed with; the codec is in the properties.
const ZSTD_LEVEL: i32 = 1;

/// What column chunks need to know besides rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    pub(super) dictionaries: &'a [TextDictionary],
    pub(super) ranks: &'a [Option<Vec<u32>>],
}

/// An open data file.
pub(super) struct CodedFile {
    pub(super) key: FileKey,
    pub(super) last_day: i32,
    pub(super) rows: u64,
    table: Table,
    path: String,
    stats: FileStats,
    writer: SerializedFileWriter<Vec<u8>>,
    target: BufWriter,
    runtime: Handle,
    /// Bytes that left the writer.
    sent: u64,
}

impl CodedFile {
    /// Opens the next file of the writer, for rows of one partition and scope.
    pub(super) fn create(writer: &mut TableWriter, runtime: Handle, key: FileKey) -> Result<Self, LakeError> {
        let (table, path) = (writer.table(), writer.next_path(&key));
        let stored = &table.layout().stored;
        let mut properties = properties(table, writer.options(), writer.import(), &key)?;
        add_encoded_arrow_schema_to_metadata(stored, &mut properties);
        let schema = ArrowSchemaConverter::new().with_coerce_types(properties.coerce_types()).convert(stored)?;
        let target = BufWriter::new(Arc::clone(&writer.root().bucket), writer.root().in_bucket(&path));
        let parquet = SerializedFileWriter::new(Vec::new(), schema.root_schema_ptr(), Arc::new(properties))?;
        let stats = FileStats::of_scope(table, &key.scope);
        Ok(Self { key, last_day: i32::MIN, rows: 0, table, path, stats, writer: parquet, target, runtime, sent: 0 })
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.sent
    }

    /// Writes the parts as one row group, its columns beside one another.
    pub(super) fn write(&mut self, parts: &[Part], texts: Texts<'_>) -> Result<(), LakeError> {
        let count: usize = parts.iter().map(|part| part.range.len()).sum();
        let descriptor = self.writer.schema_descr().clone();
        let chunks = self.encode(&descriptor, parts, texts)?;
        self.stats.rows += count as u64;
        for (name, chunk) in self.table.layout().stored.fields().iter().map(|f| f.name()).zip(&chunks) {
            if let (Some(place), Some((least, greatest))) = (self.table.layout().stat(name), &chunk.bounds) {
                self.stats.widen(place, least, greatest);
            }
        }
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            group.append_column(&chunk.encoded.bytes, chunk.encoded.close)?;
        }
        group.close()?;
        self.send()
    }

    fn encode(&self, descriptor: &SchemaDescriptor, parts: &[Part], texts: Texts<'_>) -> Result<Vec<Chunk>, LakeError> {
        let layout = self.table.layout();
        let schema = self.table.schema();
        let plans = layout.stored.fields().iter().zip(descriptor.columns()).map(|(field, descr)| {
            let is_text = descr.converted_type() == ConvertedType::UTF8;
            Ok(ColumnPlan {
                place: schema.index_of(field.name())?,
                descr,
                bounded: !is_text || layout.stat(field.name()).is_some(),
                distinct: self.table.distinct().contains(&field.name().as_str()),
                raw: self.table.raw().contains(&field.name().as_str()),
                dictionaries: texts.dictionaries,
                ranks: texts.ranks,
                properties: self.writer.properties(),
            })
        });
        let plans = plans.collect::<Result<Vec<_>, LakeError>>()?;
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(4);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(plans.len()));
        std::thread::scope(|scope| {
            let work = || {
                let mut compressor = match zstd::bulk::Compressor::new(ZSTD_LEVEL) {
                    Ok(compressor) => compressor,
                    Err(error) => {
                        let error = Err(LakeError::Task(error.to_string()));
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((0, error));
                        return;
                    }
                };
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(plan) = plans.get(at) else { break };
                    let chunk = plan.chunk(parts, &mut compressor);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, chunk));
                }
            };
            (1..threads).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, chunk)| chunk).collect()
    }

    fn send(&mut self) -> Result<(), LakeError> {
        let bytes = Bytes::from(std::mem::take(self.writer.inner_mut()));
        self.sent += bytes.len() as u64;
        let target = &mut self.target;
        self.runtime.block_on(target.put(bytes))?;
        Ok(())
    }

    /// Writes the footer.
    pub(super) fn close(mut self, writer: &TableWriter) -> Result<NewFile, LakeError> {
        self.writer.finish()?;
        self.send()?;
        let store = Arc::clone(&writer.root().store);
        let (mut target, path) = (self.target, StorePath::from(self.path.as_str()));
        let size = self.runtime.block_on(async move {
            target.shutdown().await.map_err(|error| LakeError::Task(error.to_string()))?;
            Ok::<_, LakeError>(store.head(&path).await?.size)
        })?;
        Ok(NewFile {
            path: self.path,
            partition: self.key.partition,
            scope_key: key_of(&self.key.scope),
            scope: self.key.scope,
            rows: self.stats.rows,
            size,
            stats: self.stats.to_json(),
        })
    }
}
