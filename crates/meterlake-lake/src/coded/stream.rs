//! Coded rows on the way of rows that must be sorted on disk: for more distinct texts than memory holds, and for days
//! of more rows.

use arrow::array::RecordBatch;
use datafusion::{error::DataFusionError, physical_plan::stream::RecordBatchStreamAdapter};
use futures::stream;
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

use super::{dictionary::TextDictionary, rows::CodedRows};
use crate::{
    error::LakeError,
    writer::{NewFile, TableWriter},
};

/// Batches on their way to the sort.
const IN_FLIGHT: usize = 2;

/// Most rows of a batch.
const BATCH_ROWS: usize = 4_096;

/// A write of Arrow batches that goes on beside.
pub(super) struct SortedStream {
    writer: TableWriter,
    runtime: Handle,
    sender: mpsc::Sender<Result<RecordBatch, DataFusionError>>,
    task: JoinHandle<(Result<Vec<NewFile>, LakeError>, u32)>,
}

impl SortedStream {
    /// Starts to take rows for the writer's next files.
    pub(super) fn start(writer: TableWriter, runtime: Handle) -> Self {
        let (sender, mut receiver) = mpsc::channel(IN_FLIGHT);
        let batches = stream::poll_fn(move |context| receiver.poll_recv(context));
        let batches = Box::pin(RecordBatchStreamAdapter::new(writer.table().schema(), batches));
        let mut own = writer.clone();
        let task = runtime.spawn(async move {
            let written = own.write(batches).await;
            (written, own.next())
        });
        Self { writer, runtime, sender, task }
    }

    /// Takes rows. Fails when the writer has stopped; [`Self::finish`] tells why.
    pub(super) fn take(&self, rows: &CodedRows, dictionaries: &[TextDictionary]) -> Result<(), LakeError> {
        let count = u32::try_from(rows.rows).unwrap_or(u32::MAX);
        for start in (0..count).step_by(BATCH_ROWS) {
            let end = count.min(start + u32::try_from(BATCH_ROWS).unwrap_or(u32::MAX));
            let mut piece = rows.clone();
            if rows.rows > BATCH_ROWS {
                piece.keep(&(start..end).collect::<Vec<_>>());
            }
            let batch = piece.to_batch(self.writer.table(), dictionaries)?;
            if self.sender.blocking_send(Ok(batch)).is_err() {
                return Err(LakeError::Task("the sort ended before the rows".to_owned()));
            }
        }
        Ok(())
    }

    /// Ends the rows and waits for the files; the number of the next file comes with them.
    pub(super) fn finish(self) -> Result<(Vec<NewFile>, u32), LakeError> {
        drop(self.sender);
        let (written, next) = self.runtime.block_on(self.task).map_err(|e| LakeError::Task(e.to_string()))?;
        Ok((written?, next))
    }

    /// Stops the writer and waits until it has stopped. Returns why it failed, if it did by itself.
    pub(super) fn abort(self) -> Option<LakeError> {
        let stop = DataFusionError::Execution("reading the rows stopped".to_owned());
        let stopped = self.sender.blocking_send(Err(stop)).is_ok();
        drop(self.sender);
        let ended = self.runtime.block_on(self.task);
        ended.ok().and_then(|(written, _)| written.err()).filter(|_| !stopped)
    }
}
