//! Exports that are not written down: where their bytes lie is known, and they are made when they are read.
//!
//! The files of a snapshot never change, so the same bytes come out each time. What is stored is a few numbers in place of
//! gigabytes, and the bytes pass from the rows to the socket once.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use meterlake_lake::Lake;
use meterlake_lake::read::RowGroup;
use meterlake_model::BillingAccountId;
use serde::{Deserialize, Serialize};

use super::chain::{Form, Prepared, Way, room_of};
use super::export::{Exporter, Part, straight};
use super::{EaPiece, EaRequest};
use crate::encode::CsvRows;
use crate::engine::QueryEngine;
use crate::plan::snapshot;
use crate::{ReportError, Selection};

/// Rows between two places whose bytes are known: a reader of a range makes at most so many rows too many at each end.
const STEP_ROWS: usize = 4096;

/// Row groups at the start that stay prepared for who fetches the export, which most do as soon as it is there.
const KEPT_FIRST: usize = 2;

/// The rows of a request as CSV lines, without a header: not the bytes, but where they lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EaOutline {
    accounts: Vec<BillingAccountId>,
    selection: Selection,
    usage_only: bool,
    snapshot: u64,
    rows: u64,
    /// Of each row group in order, where its rows end after each [`STEP_ROWS`], counted from its own first byte.
    groups: Vec<Vec<u64>>,
}

impl EaOutline {
    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes they are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.groups.iter().filter_map(|ends| ends.last()).sum()
    }

    fn request(&self) -> EaRequest {
        EaRequest {
            accounts: self.accounts.clone(),
            selection: self.selection,
            usage_only: self.usage_only,
            snapshot: Some(self.snapshot),
        }
    }

    /// The rows that hold these bytes, and how many bytes come before these. None when the row groups are others.
    fn parts(&self, groups: Vec<RowGroup>, wanted: &Range<u64>) -> Option<(Vec<Part>, u64)> {
        if groups.len() != self.groups.len() {
            return None;
        }
        let (mut parts, mut before, mut start) = (Vec::new(), 0, 0);
        for (place, (group, ends)) in groups.into_iter().zip(&self.groups).enumerate() {
            let end = start + ends.last().copied().unwrap_or(0);
            if start < wanted.end && wanted.start < end {
                let first = ends.partition_point(|end| start + end <= wanted.start);
                let last = ends.partition_point(|end| start + end < wanted.end).min(ends.len() - 1);
                if parts.is_empty() {
                    let from = first.checked_sub(1).and_then(|step| ends.get(step)).copied().unwrap_or(0);
                    before = wanted.start - (start + from);
                }
                let places = first * STEP_ROWS..(last + 1) * STEP_ROWS;
                // Readers of small ranges come again for the next one.
                let kept = place < KEPT_FIRST || (last + 1 - first) * 2 < ends.len();
                parts.push(Part { group, places, kept });
            }
            start = end;
        }
        Some((parts, before))
    }
}

/// The outline of a request. None when the files of the answer overlap: its rows must be merged, and are not found again
/// without that.
pub(crate) async fn outline(
    lake: &Lake,
    engine: &dyn QueryEngine,
    exporter: &Exporter,
    request: &EaRequest,
    (rows, layout): (CsvRows, &'static str),
) -> Result<Option<EaOutline>, ReportError> {
    let drawn_of = snapshot(lake, request.snapshot).await?;
    let Some(way) = Way::open(&drawn_of, engine, request).await? else { return Ok(None) };
    let Way { snapshot, groups, wanted, admitted } = way;
    let form = Form::Csv(rows);
    let measured = stream::iter(groups.into_iter().enumerate()).map(|(place, group)| {
        let (admitted, exporter, form) = (admitted.clone(), exporter.clone(), form.clone());
        async move {
            let room = exporter.room.wait(room_of(&group, &form)).await;
            let measure = async move {
                let prepared = if place < KEPT_FIRST {
                    exporter.kept.prepared(&group, &form, layout, wanted).await?
                } else {
                    Arc::new(Prepared::new(&group, &form, wanted, None).await?)
                };
                let ends = prepared.rows.ends(&prepared.picked, STEP_ROWS);
                drop(room);
                Ok((prepared.picked.len() as u64, ends))
            };
            admitted.spawn(measure).end().await
        }
    });
    let measured: Vec<(u64, Vec<u64>)> = measured.buffered(admitted.threads()).try_collect().await?;
    Ok(Some(EaOutline {
        accounts: request.accounts.clone(),
        selection: request.selection,
        usage_only: request.usage_only,
        snapshot,
        rows: measured.iter().map(|(rows, _)| rows).sum(),
        groups: measured.into_iter().map(|(_, ends)| ends).collect(),
    }))
}

/// These bytes of the rows. `layout` names the fields: another one for other fields.
pub(crate) async fn read(
    lake: &Lake,
    engine: &dyn QueryEngine,
    exporter: &Exporter,
    outline: &EaOutline,
    (rows, layout): (CsvRows, &'static str),
    wanted: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, ReportError>>, ReportError> {
    let gone = || ReportError::SnapshotGone(outline.snapshot);
    let snapshot = snapshot(lake, Some(outline.snapshot)).await?;
    let way = Way::open(&snapshot, engine, &outline.request()).await?.ok_or_else(gone)?;
    let (parts, before) = outline.parts(way.groups, &wanted).ok_or_else(gone)?;
    let pieces = straight(parts, way.wanted, way.admitted, exporter.clone(), (Form::Csv(rows), layout));
    Ok(cut(pieces, before, wanted.end.saturating_sub(wanted.start)))
}

/// `count` of the bytes, after `before` others. An error when there are fewer.
fn cut(
    pieces: BoxStream<'static, Result<EaPiece, ReportError>>,
    before: u64,
    count: u64,
) -> BoxStream<'static, Result<Bytes, ReportError>> {
    let cut = stream::try_unfold((pieces, before, count), |(mut pieces, mut before, count)| async move {
        if count == 0 {
            return Ok(None);
        }
        while let Some(piece) = pieces.next().await.transpose()? {
            let mut bytes = piece.bytes;
            let passed = bytes.len().min(usize::try_from(before).unwrap_or(usize::MAX));
            before -= passed as u64;
            bytes = bytes.slice(passed..);
            if !bytes.is_empty() {
                bytes.truncate(usize::try_from(count).unwrap_or(usize::MAX));
                let left = count - bytes.len() as u64;
                return Ok(Some((bytes, (pieces, before, left))));
            }
        }
        Err(ReportError::Engine(format!("the rows of an export end {count} bytes before it does")))
    });
    cut.boxed()
}
