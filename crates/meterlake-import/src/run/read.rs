//! Pass 2: rows stream from the files through the tally into the lake's writer, in bounded memory.

use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesWriter, WrittenFile};
use tokio::sync::mpsc;

use crate::rejects::{Rejects, RejectsFile};
use crate::scope::tally::Tally;
use crate::{ConvertContext, ImportError, Inspected, SourceFile, convert};

/// Batches on their way from the reader to the writer.
const IN_FLIGHT: usize = 4;

/// A file to be converted.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) file: SourceFile,
    pub(super) inspected: Inspected,
    pub(super) context: ConvertContext,
}

/// What pass 2 found.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) tally: Tally,
    pub(super) rejects: Rejects,
    /// Rows and bad rows by file, in the order of the inputs.
    pub(super) rows: Vec<(u64, u64)>,
}

type Sender = mpsc::Sender<Result<RecordBatch, DataFusionError>>;

/// Why reading ended early.
enum Stopped {
    /// The source or the rejects file.
    Source(ImportError),
    /// The writer takes no more.
    Writer,
}

impl From<ImportError> for Stopped {
    fn from(error: ImportError) -> Self {
        Self::Source(error)
    }
}

/// Converts all inputs and writes their good rows as data files that wait for the commit.
pub(super) async fn read_into(
    writer: &mut ChargesWriter,
    inputs: Vec<Input>,
    rejects: RejectsFile,
) -> Result<(Read, Vec<WrittenFile>), ImportError> {
    let (sender, mut receiver) = mpsc::channel(IN_FLIGHT);
    let reader = tokio::task::spawn_blocking(move || read_all(&inputs, rejects, &sender));
    let batches = stream::poll_fn(move |context| receiver.poll_recv(context));
    let batches = Box::pin(RecordBatchStreamAdapter::new(columns::schema(), batches));
    let written = writer.write(batches).await;
    let read = reader.await.map_err(|e| ImportError::Task(e.to_string()))?;
    match (read, written) {
        (Ok(read), Ok(written)) => Ok((read, written)),
        // When one side fails the other does too; the first to fail knows why.
        (Err(Stopped::Source(error)), _) => Err(error),
        (_, Err(error)) => Err(error.into()),
        (Err(Stopped::Writer), Ok(_)) => Err(ImportError::Task("the writer ended before the rows".to_owned())),
    }
}

fn read_all(inputs: &[Input], mut rejects: RejectsFile, sender: &Sender) -> Result<Read, Stopped> {
    let mut read = Read::default();
    for input in inputs {
        match read_one(input, &mut read.tally, &mut rejects, sender) {
            Ok(rows) => read.rows.push(rows),
            Err(error) => {
                // The writer must not take the end of the channel for the end of the rows.
                let stop = DataFusionError::Execution("reading the source stopped".to_owned());
                let _ = sender.blocking_send(Err(stop));
                return Err(error);
            }
        }
    }
    read.rejects = rejects.finish()?;
    Ok(read)
}

fn read_one(
    input: &Input,
    tally: &mut Tally,
    rejects: &mut RejectsFile,
    sender: &Sender,
) -> Result<(u64, u64), Stopped> {
    let (mut rows, mut rejected) = (0, 0);
    for step in convert(&input.file, &input.inspected, &input.context)? {
        let step = step?;
        rows += step.rows_read;
        rejected += step.rejects.len() as u64;
        for reject in &step.rejects {
            rejects.add(reject)?;
        }
        if step.batch.num_rows() > 0 {
            tally.add(&step.batch, input.context.ordinal)?;
            if sender.blocking_send(Ok(step.batch)).is_err() {
                return Err(Stopped::Writer);
            }
        }
    }
    Ok((rows, rejected))
}
