//! What the lake holds of the records and correlation groups that an import brings.

use std::collections::HashSet;

use datafusion::logical_expr::{col, lit};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;
use meterlake_lake::tables::b2c_events::columns;
use meterlake_lake::{LakeError, TableFile, TableSnapshot};

use super::rows::{Columns, Held, held_rows};
use crate::ImportError;

/// The held rows with one of these ids, and those of every group that one of them or `correlations` names. Grows
/// `correlations` by the groups found.
pub(crate) async fn matching(
    context: &SessionContext,
    snapshot: &TableSnapshot,
    files: &[TableFile],
    ids: &HashSet<String>,
    correlations: &mut HashSet<String>,
) -> Result<Vec<Held>, ImportError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let table = || context.read_table(snapshot.unordered_provider_of(files)).map_err(LakeError::Engine);
    let mut range: Option<(i64, i64)> = None;
    // Only where a record stands under another correlation id than its held version do groups come in late.
    loop {
        let names = [columns::ID, columns::CORRELATION_ID, columns::TIME];
        let frame = table()?.select_columns(&names).map_err(LakeError::Engine)?;
        let mut stream = frame.execute_stream().await.map_err(LakeError::Engine)?;
        let mut late = Vec::new();
        while let Some(batch) = stream.try_next().await.map_err(LakeError::Engine)? {
            let at = Columns(&batch);
            let (id, correlation) = (at.text(columns::ID)?, at.text(columns::CORRELATION_ID)?);
            let time = at.instant(columns::TIME)?;
            for row in 0..batch.num_rows() {
                let group = correlation.value(row);
                let known = correlations.contains(group);
                if known || ids.contains(id.value(row)) {
                    let now = time.value(row);
                    range = range.map(|(a, b)| (a.min(now), b.max(now))).or(Some((now, now)));
                    if !known && !group.is_empty() {
                        late.push(group.to_owned());
                    }
                }
            }
        }
        if late.is_empty() {
            break;
        }
        correlations.extend(late);
    }
    let Some((first, last)) = range else { return Ok(Vec::new()) };
    let instant = |micros| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    let within = col(columns::TIME).gt_eq(instant(first)).and(col(columns::TIME).lt_eq(instant(last)));
    let frame = table()?.filter(within).map_err(LakeError::Engine)?;
    let mut stream = frame.execute_stream().await.map_err(LakeError::Engine)?;
    let mut held = Vec::new();
    while let Some(batch) = stream.try_next().await.map_err(LakeError::Engine)? {
        let wanted = |id: &str, group: &str| ids.contains(id) || correlations.contains(group);
        held_rows(&batch, wanted, &mut held)?;
    }
    Ok(held)
}
