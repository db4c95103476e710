//! Pass 2: rows stream from the files through the tally into the lake's writer, in bounded memory.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use meterlake_lake::coded::SinkOptions;
use meterlake_lake::{ChargesWriter, NewFile, WrittenFile};
use tokio::runtime::Handle;

use super::gather::Gathering;
use crate::convert::{Distinct, Texts, open};
use crate::rejects::{Rejects, RejectsFile};
use crate::scope::count::{Counter, unit_dictionary, units};
use crate::scope::tally::Tally;
use crate::source::batch::TextBatch;
use crate::{ConvertContext, ImportError, Inspected, SourceFile};

/// Batches on their way from the reader to the coder.
const IN_FLIGHT: usize = 3;

/// Bytes of distinct texts, above which they are forgotten and the rows sorted on disk.
const TEXT_MEMORY: usize = 160 << 20;

/// Bytes of rows that are held before they are spilled: some months of most accounts.
const ROW_MEMORY: usize = 80 << 20;

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

/// Converts all inputs and writes their good rows as data files that wait for the commit.
pub(super) async fn read_into(
    writer: &mut ChargesWriter,
    inputs: Vec<Input>,
    rejects: RejectsFile,
) -> Result<(Read, Vec<WrittenFile>), ImportError> {
    read_within(writer, inputs, rejects, TEXT_MEMORY).await
}

/// The same with so many bytes for distinct texts.
async fn read_within(
    writer: &mut ChargesWriter,
    inputs: Vec<Input>,
    rejects: RejectsFile,
    text_memory: usize,
) -> Result<(Read, Vec<WrittenFile>), ImportError> {
    let options = SinkOptions { held: ROW_MEMORY, ..SinkOptions::default() };
    let sink = writer.coded(options, Handle::current())?;
    let task = tokio::task::spawn_blocking(move || {
        let reading = Reading {
            sink: Gathering::start(sink)?,
            distinct: Distinct::default(),
            counter: Counter::default(),
            units: None,
            rejects,
            rows: Vec::new(),
            text_memory,
        };
        reading.read_all(&inputs)
    });
    let (read, files) = task.await.map_err(|e| ImportError::Task(e.to_string()))??;
    Ok((read, writer.take_over(files)?))
}

/// The rows of all inputs on their way into the lake.
struct Reading {
    sink: Gathering,
    distinct: Distinct,
    counter: Counter,
    /// The dictionary of units of measure.
    units: Option<usize>,
    rejects: RejectsFile,
    rows: Vec<(u64, u64)>,
    text_memory: usize,
}

impl Reading {
    fn read_all(mut self, inputs: &[Input]) -> Result<(Read, Vec<NewFile>), ImportError> {
        for input in inputs {
            match self.read_one(input) {
                Ok(rows) => self.rows.push(rows),
                Err(error) => {
                    // Where the sort failed, the rows could not go on: that is the reason.
                    return Err(self.sink.abort().unwrap_or(error));
                }
            }
        }
        let Self { sink, distinct, counter, units: number, rejects, rows, .. } = self;
        let tally = counter.finish(units(number, &distinct.dictionaries));
        let rejects = rejects.finish();
        let (tally, rejects) = match (tally, rejects) {
            (Ok(tally), Ok(rejects)) => (tally, rejects),
            (Err(error), _) | (_, Err(error)) => {
                sink.abort();
                return Err(error);
            }
        };
        let files = sink.finish(&distinct.dictionaries)?;
        Ok((Read { tally, rejects, rows }, files))
    }

    /// Reads one file: text on one thread, codes on this one. Returns its rows and how many are bad.
    fn read_one(&mut self, input: &Input) -> Result<(u64, u64), ImportError> {
        let (texts, mut coder) = open(&input.file, &input.inspected, &input.context)?;
        std::thread::scope(|scope| {
            let (sender, receiver): (_, Receiver<Result<TextBatch, ImportError>>) = sync_channel(IN_FLIGHT);
            let spares = texts.spares();
            scope.spawn(move || send_all(texts, &sender));
            let (mut rows, mut rejected) = (0, 0);
            for batch in receiver {
                let batch = batch?;
                let step = coder.code(&batch, &mut self.distinct);
                if let Some(spares) = &spares {
                    spares.give(batch);
                }
                rows += step.rows_read;
                rejected += step.rejects.len() as u64;
                for reject in &step.rejects {
                    self.rejects.add(reject)?;
                }
                if step.rows.rows > 0 {
                    self.units = self.units.or(unit_dictionary(&step.rows));
                    let rows = Arc::new(step.rows);
                    self.sink.take(&rows, &self.distinct.dictionaries)?;
                    self.counter.add(&rows, &self.distinct.dictionaries, input.context.ordinal)?;
                }
                if self.distinct.memory() > self.text_memory {
                    self.sink.forget_codes(&self.distinct.dictionaries)?;
                    self.counter.forget_codes(units(self.units, &self.distinct.dictionaries))?;
                    self.distinct.forget();
                }
            }
            Ok((rows, rejected))
        })
    }
}

fn send_all(mut texts: Texts, sender: &SyncSender<Result<TextBatch, ImportError>>) {
    while let Some(batch) = texts.next().transpose() {
        let failed = batch.is_err();
        if sender.send(batch).is_err() || failed {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use meterlake_lake::Lake;
    use meterlake_model::ImportId;

    use super::*;
    use crate::{NoProgress, Options, discover, inspect};

    fn file(first: u32, names: [&str; 2]) -> String {
        let mut csv =
            format!("SubscriptionId,{},Date,Cost,BillingCurrency,{},Quantity,UnitOfMeasure\n", names[0], names[1]);
        for row in first..first + 12_000 {
            let (day, cost) = (row % 28 + 1, if row % 997 == 0 { "x".to_owned() } else { format!("{row}.25") });
            let unit = ["1 Hour", "GB", ""][row as usize % 3];
            writeln!(csv, "s{},{},2024-11-{day:02},{cost},EUR,/r/{row},{row},{unit}", row % 40, row % 2).unwrap();
        }
        csv
    }

    /// Files whose columns have other names, and more distinct texts than there is memory for.
    #[tokio::test(flavor = "multi_thread")]
    async fn codes_may_be_forgotten_between_batches() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().join("a.csv"), dir.path().join("b.csv")];
        std::fs::write(&paths[0], file(1, ["BillingAccountId", "ResourceId"])).unwrap();
        std::fs::write(&paths[1], file(50_000, ["EnrollmentNumber", "InstanceId"])).unwrap();
        let run = discover(&paths).unwrap();
        let import: ImportId = "01933a7e-0000-7000-8000-000000000001".parse().unwrap();
        let options = Options::default();
        let inputs: Vec<Input> = (0u32..)
            .zip(run.files)
            .map(|(ordinal, file)| Input {
                inspected: inspect(&file, &options, &NoProgress).unwrap(),
                file,
                context: ConvertContext { ordinal, ..ConvertContext::new(import, options.clone()) },
            })
            .collect();
        let mut all = Vec::new();
        for memory in [usize::MAX, 1 << 20, 0] {
            let lake = Lake::open_path(&dir.path().join(format!("lake {memory}"))).await.unwrap();
            let staging = dir.path().join("staging");
            std::fs::create_dir_all(&staging).unwrap();
            let mut writer = lake.writer(import, &staging);
            let rejects = RejectsFile::new(dir.path(), import);
            let (read, files) = read_within(&mut writer, inputs.clone(), rejects, memory).await.unwrap();
            let files: Vec<_> = files.into_iter().map(|f| (f.path, f.scope, f.rows, f.stats)).collect();
            assert_eq!(files.iter().map(|f| f.2).sum::<u64>() + read.rejects.count, 24_000);
            all.push((format!("{:?} {:?}", read.tally, read.rows), files));
        }
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0], all[2]);
        assert_eq!(all[0].1.len(), 2, "a file an account");
    }
}
