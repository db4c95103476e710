//! New events beside those that the lake holds: what is new, what is known, and what counts otherwise than before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::{TryStreamExt, stream};
use meterlake_lake::tables::b2c_events::{AUTHENTICATION, MFA};
use meterlake_lake::{LakeError, NewFile, Table, TableFile, TableSnapshot, TableWriter};
use meterlake_model::{Day, TenantId};
use tokio::sync::mpsc;

use super::activity::{Group, Place};
use super::event::{Event, day_of};
use super::rows::{EventRows, Held, ROWS, kept_rows, tenant_text};
use super::{held, spool};
use crate::ImportError;

/// Batches on their way to the writer.
const IN_FLIGHT: usize = 4;
/// Files of a tenant and month after which they become one.
const MOST_FILES: usize = 31;

/// What placing found.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) taken: u64,
    pub(crate) duplicate: u64,
    pub(crate) replaced: u64,
    /// New events by what they count as.
    pub(crate) figures: BTreeMap<String, u64>,
    /// Days whose counts change.
    pub(crate) days: BTreeMap<TenantId, BTreeSet<Day>>,
    /// Data files that give way.
    pub(crate) removes: Vec<TableFile>,
}

type Sender = mpsc::Sender<Result<RecordBatch, DataFusionError>>;

/// Places all batches; the files written wait for their commit.
pub(crate) async fn place_all(
    context: &SessionContext,
    snapshot: &TableSnapshot,
    batches: &BTreeMap<TenantId, Vec<Vec<PathBuf>>>,
    writer: &mut TableWriter,
) -> Result<(Placed, Vec<NewFile>), ImportError> {
    let (sender, mut receiver) = mpsc::channel(IN_FLIGHT);
    let rows = stream::poll_fn(move |waker| receiver.poll_recv(waker));
    let rows = Box::pin(RecordBatchStreamAdapter::new(Table::B2cEvents.schema(), rows));
    let placing = async move {
        let mut placer = Placer { context, snapshot, sender, placed: Placed::default(), rows: EventRows::default() };
        let result = placer.run(batches).await;
        if result.is_err() {
            // The writer must not take the end of the channel for the end of the rows.
            let stop = DataFusionError::Execution("placing the events stopped".to_owned());
            let _ = placer.sender.send(Err(stop)).await;
        }
        result.map(|()| placer.placed)
    };
    match tokio::join!(placing, writer.write(rows)) {
        (Ok(placed), Ok(written)) => Ok((placed, written)),
        (Err(Stopped::Here(error)), _) => Err(error),
        (_, Err(error)) => Err(error.into()),
        (Err(Stopped::Writer), Ok(_)) => Err(ImportError::Task("the writer ended before the rows".to_owned())),
    }
}

/// Why placing ended early.
enum Stopped {
    Here(ImportError),
    Writer,
}

impl<E: Into<ImportError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Here(error.into())
    }
}

struct Placer<'a> {
    context: &'a SessionContext,
    snapshot: &'a TableSnapshot,
    sender: Sender,
    placed: Placed,
    rows: EventRows,
}

/// An event of a group, new or held.
struct Item {
    event: Event,
    /// How the lake holds it: its place, and whether it was joined with a new version.
    held: Option<(String, String, i64, bool)>,
}

impl Placer<'_> {
    async fn run(&mut self, batches: &BTreeMap<TenantId, Vec<Vec<PathBuf>>>) -> Result<(), Stopped> {
        for (tenant, lists) in batches {
            let name = tenant_text(*tenant);
            let files: Vec<TableFile> =
                self.snapshot.files().iter().filter(|f| f.scope.first() == Some(&name)).cloned().collect();
            let mut gone = HashSet::new();
            // Months that rows are added to, and months of which held rows give way.
            let (mut grown, mut rewritten) = (BTreeSet::new(), BTreeSet::new());
            for paths in lists {
                let paths = paths.clone();
                let events = tokio::task::spawn_blocking(move || spool::load(&paths))
                    .await
                    .map_err(|e| ImportError::Task(e.to_string()))??;
                let items = self.items(&files, events).await?;
                self.place(*tenant, items, &mut gone, &mut grown, &mut rewritten).await?;
            }
            for month in grown {
                if files.iter().filter(|f| f.partition == Some(month)).count() >= MOST_FILES {
                    rewritten.insert(month);
                }
            }
            self.keep(&files, &gone, &rewritten).await?;
        }
        self.flush().await
    }

    /// The new events and all held ones of their groups.
    async fn items(&mut self, files: &[TableFile], events: Vec<Event>) -> Result<Vec<Item>, ImportError> {
        let mut new: HashMap<String, Event> = HashMap::with_capacity(events.len());
        for event in events {
            match new.get_mut(&event.id) {
                Some(known) => {
                    known.join(&event);
                    self.placed.duplicate += 1;
                }
                None => drop(new.insert(event.id.clone(), event)),
            }
        }
        let ids: HashSet<String> = new.keys().cloned().collect();
        let mut correlations: HashSet<String> =
            new.values().map(|e| e.correlation.clone()).filter(|c| !c.is_empty()).collect();
        let held = held::matching(self.context, self.snapshot, files, &ids, &mut correlations).await?;
        let mut items = Vec::with_capacity(held.len() + new.len());
        for Held { mut event, kind, flow } in held {
            let time = event.time;
            let changed = match new.remove(&event.id) {
                Some(version) => {
                    self.placed.duplicate += 1;
                    event.join(&version)
                }
                None => false,
            };
            items.push(Item { event, held: Some((kind, flow, time, changed)) });
        }
        items.extend(new.into_values().map(|event| Item { event, held: None }));
        Ok(items)
    }

    /// Writes what is new, and what is held and counts otherwise now.
    async fn place(
        &mut self,
        tenant: TenantId,
        items: Vec<Item>,
        gone: &mut HashSet<String>,
        grown: &mut BTreeSet<i32>,
        rewritten: &mut BTreeSet<i32>,
    ) -> Result<(), Stopped> {
        let mut groups: HashMap<String, Group> = HashMap::new();
        for Item { event, .. } in items.iter().filter(|i| !i.event.correlation.is_empty()) {
            match groups.get_mut(&event.correlation) {
                Some(group) => group.add(event.activity, event.success),
                None => groups.entry(event.correlation.clone()).or_default().add(event.activity, event.success),
            }
        }
        let name = tenant_text(tenant);
        for Item { event, held } in items {
            let place = match groups.get(&event.correlation) {
                Some(group) => group.place(event.activity, event.client, event.success),
                None => Group::default().place(event.activity, event.client, event.success),
            };
            let days = self.placed.days.entry(tenant).or_default();
            match held {
                Some((kind, flow, _, false)) if kind == place.kind && flow == place.flow => continue,
                Some((_, _, time, _)) => {
                    if !gone.insert(event.id.clone()) {
                        continue;
                    }
                    self.placed.replaced += 1;
                    days.insert(day_of(time));
                    rewritten.insert(meterlake_model::BillingPeriod::containing(day_of(time)).number());
                }
                None => {
                    self.placed.taken += 1;
                    self.count(&event, place);
                }
            }
            self.placed.days.entry(tenant).or_default().insert(event.day());
            grown.insert(event.month());
            self.rows.add(&name, &event, place);
            if self.rows.len() >= ROWS {
                self.flush().await?;
            }
        }
        Ok(())
    }

    fn count(&mut self, event: &Event, place: Place) {
        let name = match place.kind {
            AUTHENTICATION => place.flow,
            MFA => event.activity.mfa_method(),
            _ => "parts of these",
        };
        *self.placed.figures.entry(name.to_owned()).or_default() += 1;
    }

    /// Copies what stays of months whose files give way.
    async fn keep(
        &mut self,
        files: &[TableFile],
        gone: &HashSet<String>,
        rewritten: &BTreeSet<i32>,
    ) -> Result<(), Stopped> {
        let replaced: Vec<TableFile> =
            files.iter().filter(|f| f.partition.is_some_and(|month| rewritten.contains(&month))).cloned().collect();
        if replaced.is_empty() {
            return Ok(());
        }
        let table =
            self.context.read_table(self.snapshot.unordered_provider_of(&replaced)).map_err(LakeError::Engine)?;
        let mut stream = table.execute_stream().await.map_err(LakeError::Engine)?;
        while let Some(batch) = stream.try_next().await.map_err(LakeError::Engine)? {
            let kept = kept_rows(&batch, |id| gone.contains(id))?;
            self.send(kept).await?;
        }
        self.placed.removes.extend(replaced);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Stopped> {
        let batch = self.rows.take().map_err(LakeError::Arrow)?;
        self.send(batch).await
    }

    async fn send(&self, batch: RecordBatch) -> Result<(), Stopped> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.sender.send(Ok(batch)).await.map_err(|_| Stopped::Writer)
    }
}
