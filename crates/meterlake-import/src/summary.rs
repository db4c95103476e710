//! What an import tells the user, as text and as JSON.

use crate::{ImportRecord, Outcome, RecoveryReport};

/// The summary that `meterlake import` prints after an import.
#[must_use]
pub fn summary_text(outcome: &Outcome) -> String {
    let _ = outcome;
    todo!()
}

/// The same for `--json`: `outcome` is `committed` or `already-current`.
#[must_use]
pub fn summary_json(outcome: &Outcome) -> serde_json::Value {
    let _ = outcome;
    todo!()
}

/// Everything about one import, as `meterlake imports show` prints it.
#[must_use]
pub fn record_text(record: &ImportRecord) -> String {
    let _ = record;
    todo!()
}

/// What a recovery settled, one line each; empty when there was nothing.
#[must_use]
pub fn recovery_text(report: &RecoveryReport) -> String {
    let _ = report;
    todo!()
}
