//! Pages of JSON rows, read straight from the files where these follow each other.

use std::sync::Arc;

use bytes::Bytes;
use meterlake_lake::read::RowGroup;
use meterlake_lake::{ChargesSnapshot, Lake};

use super::chain::{Chain, Form};
use super::export::Exporter;
use super::position::{EaPlace, EaPosition, EaRow};
use super::{EaRequest, planned_page};
use crate::encode::{Buffers, JsonRows};
use crate::engine::{Admitted, QueryEngine};
use crate::plan::snapshot;
use crate::{EncodeError, ReportError};

/// When so many pages or fewer are left of a row group, a walk gets the next one decoded.
const PAGES_AHEAD: usize = 64;

/// A page under construction: what stands before its rows, then these, then what follows them.
#[derive(Debug, Default)]
pub struct EaBody {
    buffer: Vec<u8>,
    end: usize,
    home: Buffers,
}

impl EaBody {
    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer[self.end..end].copy_from_slice(bytes);
        self.end = end;
    }

    /// The bytes.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.home.bytes(self.buffer, self.end)
    }
}

/// Which page, and how its rows are written.
#[derive(Clone, Debug)]
pub struct EaJsonRequest {
    /// The charges.
    pub charges: EaRequest,
    /// Where the page before ended; none for the first page.
    pub after: Option<EaPlace>,
    /// Most rows.
    pub limit: usize,
    /// The fields.
    pub rows: JsonRows,
    /// A name for the fields: another one for other fields.
    pub layout: &'static str,
}

/// A page of rows.
#[derive(Debug)]
pub struct EaJsonPage {
    /// The snapshot that was read; pin it for the next page.
    pub snapshot: u64,
    /// What stood before, and the rows as JSON objects joined by commas.
    pub body: EaBody,
    /// Where the next page goes on; none when this is the last one.
    pub next: Option<EaPlace>,
}

/// The page, its rows after `start`.
pub(crate) async fn page(
    lake: &Lake,
    engine: &dyn QueryEngine,
    exporter: &Exporter,
    request: EaJsonRequest,
    start: &[u8],
) -> Result<EaJsonPage, ReportError> {
    let snapshot = snapshot(lake, request.charges.snapshot).await?;
    let mut body = EaBody { buffer: exporter.buffers.take(), end: 0, home: exporter.buffers.clone() };
    body.push(start);
    if let Some(chain) = Chain::new(&snapshot, &request.charges)
        && let Some(from) = From::new(&chain, request.after.as_ref())
        && let Some(admitted) = engine.admit().await?
    {
        let walk = Walk { snapshot, chain, exporter: exporter.clone(), admitted: admitted.clone(), request };
        return admitted.spawn(walk.page(from, body)).end().await;
    }
    let after = match &request.after {
        None => None,
        Some(EaPlace::Key(position)) => Some(position.clone()),
        Some(EaPlace::Row(row)) => Some(key_of(&snapshot, row).await?),
    };
    let page = planned_page(&snapshot, engine, &request.charges, after.as_ref(), request.limit).await?;
    let mut rows = request.rows;
    let mut bytes = Vec::new();
    for batch in &page.batches {
        rows.encode(batch, &mut bytes).map_err(defect)?;
    }
    body.push(&bytes);
    Ok(EaJsonPage { snapshot: page.snapshot, body, next: page.next.map(EaPlace::Key) })
}

fn defect(error: EncodeError) -> ReportError {
    ReportError::Engine(error.to_string())
}

/// The place of a row in the order of answers.
async fn key_of(snapshot: &ChargesSnapshot, row: &EaRow) -> Result<EaPosition, ReportError> {
    let gone = || ReportError::SnapshotGone(snapshot.version());
    let file = snapshot.file(&row.file).ok_or_else(gone)?;
    let groups = snapshot.row_groups(std::slice::from_ref(file), None).await?;
    let group = groups.iter().rev().find(|group| group.first_row() <= row.row).ok_or_else(gone)?;
    let at = usize::try_from(row.row - group.first_row()).ok().filter(|at| *at < group.rows()).ok_or_else(gone)?;
    let mut batches = group.fetch_rows(meterlake_lake::charges::columns::SORT, at..at + 1).await?.batches(1)?;
    EaPosition::of_last_row(&batches.next().ok_or_else(gone)??)
}

/// Where in a chain a page starts.
struct From {
    file: usize,
    /// Row of that file.
    row: u64,
}

impl From {
    /// None when the place is not known to be in the chain.
    fn new(chain: &Chain, after: Option<&EaPlace>) -> Option<Self> {
        match after {
            None => Some(Self { file: 0, row: 0 }),
            Some(EaPlace::Row(row)) => {
                let file = chain.files.iter().position(|file| file.path == row.file)?;
                Some(Self { file, row: row.row + 1 })
            }
            Some(EaPlace::Key(_)) => None,
        }
    }
}

struct Walk {
    snapshot: ChargesSnapshot,
    chain: Chain,
    exporter: Exporter,
    admitted: Admitted,
    request: EaJsonRequest,
}

impl Walk {
    async fn page(self, from: From, mut body: EaBody) -> Result<EaJsonPage, ReportError> {
        let form = Form::Json(self.request.rows.clone());
        let wanted = self.chain.wanted;
        let mut left = self.request.limit.max(1);
        let mut last: Option<EaRow> = None;
        let files = self.chain.files.get(from.file..).unwrap_or_default();
        let mut row = from.row;
        for file in files {
            let groups = self.snapshot.row_groups(std::slice::from_ref(file), wanted.days).await?;
            for (place, group) in groups.iter().enumerate() {
                let skipped = usize::try_from(row.saturating_sub(group.first_row())).unwrap_or(usize::MAX);
                if skipped >= group.rows() {
                    continue;
                }
                if left == 0 && wanted.in_group(group).is_all() {
                    return Ok(self.ended(body, last));
                }
                let prepared = self.exporter.kept.prepared(group, &form, self.request.layout, wanted).await?;
                let first = prepared.picked.place_of(skipped);
                let here = prepared.picked.len() - first;
                if left == 0 {
                    if here > 0 {
                        return Ok(self.ended(body, last));
                    }
                    continue;
                }
                let taken = here.min(left);
                if let Some(row) = taken.checked_sub(1).and_then(|last| prepared.picked.get(first + last)) {
                    if last.is_some() {
                        body.push(b",");
                    }
                    let places = first..first + taken;
                    body.end = prepared.rows.write(&prepared.picked, places, &mut body.buffer, body.end);
                    last = Some(EaRow { file: file.path.clone(), row: group.first_row() + row as u64 });
                    left -= taken;
                }
                // Who asks for a second page mostly wants all of them.
                if self.request.after.is_some() && here - taken <= PAGES_AHEAD * self.request.limit {
                    self.decode_ahead(groups.get(place + 1), &form);
                }
                if taken < here {
                    return Ok(self.ended(body, last));
                }
            }
            row = 0;
        }
        Ok(self.ended(body, None))
    }

    fn ended(&self, body: EaBody, next: Option<EaRow>) -> EaJsonPage {
        EaJsonPage { snapshot: self.snapshot.version(), body, next: next.map(EaPlace::Row) }
    }

    /// Decodes a row group while the client reads the rows before it.
    fn decode_ahead(&self, group: Option<&RowGroup>, form: &Form) {
        let Some(group) = group.cloned() else { return };
        let (kept, form, layout) = (Arc::clone(&self.exporter.kept), form.clone(), self.request.layout);
        let wanted = self.chain.wanted;
        self.admitted.spawn_alone(async move {
            if let Err(error) = kept.prepared(&group, &form, layout, wanted).await {
                // Who asks for the page is told.
                tracing::debug!(%error, ?group, "a row group could not be decoded ahead");
            }
        });
    }
}
