//! Sorting more rows than memory holds.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::{RecordBatch, UInt64Array},
    compute::{SortOptions, cast, take_record_batch},
    datatypes::SchemaRef,
};
use datafusion::{
    common::{DataFusionError, exec_datafusion_err},
    execution::{SendableRecordBatchStream, TaskContext, runtime_env::RuntimeEnv},
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::Column},
    physical_plan::{
        ExecutionPlan,
        sorts::sort::SortExec,
        stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter},
        streaming::{PartitionStream, StreamingTableExec},
    },
    prelude::SessionConfig,
};
use futures::{StreamExt, stream};

use crate::{error::LakeError, session, tables::Table};

/// Most rows of a sorted batch. Charges are wide: more rows would make the merge of spilled runs hungry.
const BATCH_ROWS: usize = 1024;

/// Least rows of a sorted batch, however wide they are.
const LEAST_BATCH_ROWS: usize = 16;

/// The rows of the stream by partition, scope and [`Table::sort`], in bounded memory.
pub(super) async fn sorted(
    table: Table,
    mut batches: SendableRecordBatchStream,
    staging: &Path,
    memory: usize,
) -> Result<SendableRecordBatchStream, LakeError> {
    let schema = table.schema();
    let first = batches.next().await.transpose()?.map(|batch| owned_text(table, &batch)).transpose()?;
    let batch_rows = first.as_ref().map_or(BATCH_ROWS, |batch| batch_rows(batch, memory));
    let rest = stream::iter(first.map(Ok)).chain(batches);
    let batches = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), rest));

    let mut config = SessionConfig::new().with_batch_size(batch_rows).with_target_partitions(1);
    // The merge of a spill holds the keys of a batch of every run, and the keys of charges are long.
    config.options_mut().execution.sort_spill_reservation_bytes = memory / 3;
    let runtime: Arc<RuntimeEnv> = session::runtime(memory, Some(staging))?;
    let context = Arc::new(TaskContext::default().with_session_config(config).with_runtime(runtime));

    let source =
        Arc::new(OneStream { schema: Arc::clone(&schema), stream: Mutex::new(Some(pieces(batches, memory / 16))) });
    let source = StreamingTableExec::try_new(Arc::clone(&schema), vec![source], None, None, false, None)?;
    let mut merged = SortExec::new(ordering(table)?, Arc::new(source)).execute(0, context)?;

    // The merge runs in a task of its own, beside the encoding of what it yielded.
    let mut channel = RecordBatchReceiverStreamBuilder::new(schema, 2);
    let sender = channel.tx();
    channel.spawn(async move {
        while let Some(batch) = merged.next().await {
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    Ok(channel.build())
}

/// As many rows as take about a 64th of the memory, so that the merge can hold batches of many runs.
fn batch_rows(first: &RecordBatch, memory: usize) -> usize {
    let row = first.get_array_memory_size() / first.num_rows().max(1);
    (memory / 64 / row.max(1)).clamp(LEAST_BATCH_ROWS, BATCH_ROWS)
}

fn ordering(table: Table) -> Result<LexOrdering, LakeError> {
    let schema = table.schema();
    let keys = table.partition().into_iter().chain(table.layout().stats.iter().copied()).map(|name| {
        let place = schema.index_of(name)?;
        let options = SortOptions { descending: false, nulls_first: false };
        Ok(PhysicalSortExpr::new(Arc::new(Column::new(name, place)), options))
    });
    let keys = keys.collect::<Result<Vec<_>, DataFusionError>>()?;
    LexOrdering::new(keys).ok_or_else(|| LakeError::Rows("no columns to sort by".to_owned()))
}

/// The same rows in batches of at most about `limit` bytes and [`BATCH_ROWS`] times four rows, so that one batch never
/// asks for more memory than the sort has.
fn pieces(batches: SendableRecordBatchStream, limit: usize) -> SendableRecordBatchStream {
    let schema = batches.schema();
    let cut = batches.flat_map(move |batch| {
        let pieces = batch
            .and_then(|batch| cut(&batch, limit))
            .map_or_else(|error| vec![Err(error)], |pieces| pieces.into_iter().map(Ok).collect());
        stream::iter(pieces)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, cut))
}

/// The batch as it is written: text views become text of its own.
pub(super) fn owned_text(table: Table, batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
    let schema = table.schema();
    let arrays = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
        if array.data_type() == field.data_type() { Ok(Arc::clone(array)) } else { cast(array, field.data_type()) }
    });
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, arrays)?)
}

fn cut(batch: &RecordBatch, limit: usize) -> Result<Vec<RecordBatch>, DataFusionError> {
    let size = batch.get_array_memory_size();
    let rows = batch.num_rows();
    if rows <= 1 || (size <= limit && rows <= 4 * BATCH_ROWS) {
        return Ok(vec![batch.clone()]);
    }
    let count = size.div_ceil(limit.max(1)).max(rows.div_ceil(4 * BATCH_ROWS)).min(rows);
    let step = rows.div_ceil(count);
    (0..rows)
        .step_by(step)
        .map(|start| {
            // A slice would still hold, and be charged for, the whole batch: copy it.
            let (first, end) = (u64::try_from(start).unwrap_or(0), u64::try_from(rows.min(start + step)).unwrap_or(0));
            Ok(take_record_batch(batch, &UInt64Array::from_iter_values(first..end))?)
        })
        .collect()
}

/// A stream as a plan; it can be executed once.
struct OneStream {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for OneStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows to be written")
    }
}

impl PartitionStream for OneStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        match self.stream.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(stream) => stream,
            None => Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&self.schema),
                stream::once(async { Err(exec_datafusion_err!("the rows to be written were read before")) }),
            )),
        }
    }
}
