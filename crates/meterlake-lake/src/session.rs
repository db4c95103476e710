//! The engine's session.

use std::path::Path;

use datafusion::prelude::SessionContext;

use crate::error::LakeError;

/// A session with `checked_sum` registered, at most `memory_limit` bytes for its operators, and `spill_dir` for what
/// does not fit (none: no spilling).
pub fn session_context(_memory_limit: usize, _spill_dir: Option<&Path>) -> Result<SessionContext, LakeError> {
    todo!()
}
