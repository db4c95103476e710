//! All rows of a request as bytes.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use meterlake_lake::Lake;
use meterlake_lake::read::RowGroup;
use tokio::sync::mpsc;

use super::EaRequest;
use super::chain::{Form, Prepared, Room, Wanted, Way, room_of};
use super::kept::Kept;
use super::plan::Details;
use crate::ReportError;
use crate::encode::{Buffers, CsvRows};
use crate::engine::{Admitted, QueryEngine, Running};
use crate::plan::snapshot;

/// About how many bytes are handed on at a time: enough that handing on costs nothing beside writing them.
const PIECE: usize = 512 << 10;
/// Pieces that may lie ready between writers and reader.
const PIECES_AHEAD: usize = 6;

/// Some rows of an export as bytes.
#[derive(Clone, Debug)]
pub struct EaPiece {
    /// The lines.
    pub bytes: Bytes,
    /// How many rows they are.
    pub rows: usize,
}

/// What is kept from one request to the next.
#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    pub(crate) buffers: Buffers,
    pub(crate) room: Room,
    pub(crate) kept: Arc<Kept>,
}

impl Exporter {
    pub(crate) fn new() -> Self {
        Self { buffers: Buffers::default(), room: Room::new(), kept: Arc::default() }
    }
}

/// The rows as CSV lines without a header, with the snapshot that they come from.
pub(crate) async fn csv(
    lake: &Lake,
    engine: &dyn QueryEngine,
    exporter: &Exporter,
    request: &EaRequest,
    rows: CsvRows,
) -> Result<(u64, BoxStream<'static, Result<EaPiece, ReportError>>), ReportError> {
    let snapshot = snapshot(lake, request.snapshot).await?;
    let version = snapshot.version();
    if let Some(Way { groups, wanted, admitted, .. }) = Way::open(&snapshot, engine, request).await? {
        let parts = groups.into_iter().map(Part::whole).collect();
        return Ok((version, straight(parts, wanted, admitted, exporter.clone(), (Form::Csv(rows), ""))));
    }
    let details = Details::new(&snapshot, request, None);
    let batches = engine.run(details.plans(details.steps(), None)?).await?;
    let pieces = stream::try_unfold((batches, rows), |(mut batches, mut rows)| async move {
        let Some(batch) = batches.next().await.transpose()? else { return Ok(None) };
        let mut bytes = Vec::new();
        rows.encode(&batch, &mut bytes).map_err(|error| ReportError::Engine(error.to_string()))?;
        let piece = EaPiece { bytes: bytes.into(), rows: batch.num_rows() };
        Ok::<_, ReportError>(Some((piece, (batches, rows))))
    });
    Ok((version, pieces.boxed()))
}

/// Rows of a row group that are written.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) group: RowGroup,
    /// Which of its wanted rows.
    pub(super) places: Range<usize>,
    /// Whether it is looked for among the row groups that stay prepared, and stays there.
    pub(super) kept: bool,
}

impl Part {
    fn whole(group: RowGroup) -> Self {
        Self { group, places: 0..usize::MAX, kept: false }
    }
}

/// The pieces of parts that follow each other, all `wanted` rows of them. They are written on all threads of the engine
/// and come in order; a reader who takes none stops the writers. The form has a name: another one for other fields.
pub(super) fn straight(
    parts: Vec<Part>,
    wanted: Wanted,
    admitted: Admitted,
    exporter: Exporter,
    (form, layout): (Form, &'static str),
) -> BoxStream<'static, Result<EaPiece, ReportError>> {
    let (pieces, ready) = mpsc::channel(PIECES_AHEAD);
    let writer = Writer { admitted: admitted.clone(), exporter, wanted, form, layout, pieces };
    let task = admitted.spawn(async move { writer.run(&parts).await });
    let pieces = stream::unfold((ready, Some(task)), |(mut ready, task)| async move {
        let mut task = task?;
        let piece: Option<Running<EaPiece>> = ready.recv().await;
        match piece {
            Some(mut piece) => match piece.end().await {
                Ok(piece) => Some((Ok(piece), (ready, Some(task)))),
                Err(error) => Some((Err(error), (ready, None))),
            },
            // A writer that dies is an error, never an early end.
            None => task.end().await.err().map(|error| (Err(error), (ready, None))),
        }
    });
    pieces.boxed()
}

/// Goes through the row groups and lets pieces be written.
struct Writer {
    admitted: Admitted,
    exporter: Exporter,
    wanted: Wanted,
    form: Form,
    layout: &'static str,
    pieces: mpsc::Sender<Running<EaPiece>>,
}

impl Writer {
    async fn run(self, parts: &[Part]) -> Result<(), ReportError> {
        let mut ahead: Option<Running<Arc<Prepared>>> = None;
        for (place, part) in parts.iter().enumerate() {
            let prepared = match ahead.take() {
                Some(mut begun) => begun.end().await?,
                None => self.prepared(part).await?,
            };
            // The next one is decoded beside the writing of this one, if there is room for both.
            ahead = parts.get(place + 1).filter(|next| !next.kept).and_then(|next| {
                let room = Some(self.exporter.room.now(room_of(&next.group, &self.form))?);
                let (next, form, wanted) = (next.group.clone(), self.form.clone(), self.wanted);
                Some(self.admitted.spawn(async move { Prepared::new(&next, &form, wanted, room).await.map(Arc::new) }))
            });
            let step = (PIECE / prepared.rows.row_bytes()).clamp(1, prepared.rows.rows().max(1));
            let end = prepared.picked.len().min(part.places.end);
            for start in (part.places.start..end).step_by(step) {
                if !self.hand_on(&prepared, start..end.min(start + step)).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn prepared(&self, part: &Part) -> Result<Arc<Prepared>, ReportError> {
        if part.kept {
            return self.exporter.kept.prepared(&part.group, &self.form, self.layout, self.wanted).await;
        }
        let room = self.exporter.room.wait(room_of(&part.group, &self.form)).await;
        Prepared::new(&part.group, &self.form, self.wanted, room).await.map(Arc::new)
    }

    /// Lets the rows be written; false when nobody wants them any more.
    async fn hand_on(&self, prepared: &Arc<Prepared>, places: Range<usize>) -> Result<bool, ReportError> {
        let patience = self.admitted.patience();
        let place = match tokio::time::timeout(patience, self.pieces.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Ok(false),
            Err(_) => {
                return Err(ReportError::Engine(format!("nobody took its rows for {} s", patience.as_secs())));
            }
        };
        let (prepared, buffers) = (Arc::clone(prepared), self.exporter.buffers.clone());
        place.send(self.admitted.spawn(async move {
            let mut out = buffers.take();
            let rows = places.len();
            let end = prepared.rows.write(&prepared.picked, places, &mut out, 0);
            Ok(EaPiece { bytes: buffers.bytes(out, end), rows })
        }));
        Ok(true)
    }
}
