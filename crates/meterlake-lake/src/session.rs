//! The engine's session.

use std::{path::Path, sync::Arc};

use datafusion::{
    execution::{
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::{FairSpillPool, MemoryPool},
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
        session_state::SessionStateBuilder,
    },
    prelude::{SessionConfig, SessionContext},
};

use crate::{checked_sum::checked_sum_udaf, error::LakeError, provider::KeepScanOrder};

/// A session with `checked_sum` registered, at most `memory_limit` bytes for its operators, and `spill_dir` for what
/// does not fit (none: no spilling). Ordered reads with a limit are right in this session only; DataFusion's own
/// default session has a defect there.
///
/// # Errors
/// When the spill folder cannot be used.
pub fn session_context(memory_limit: usize, spill_dir: Option<&Path>) -> Result<SessionContext, LakeError> {
    let runtime = runtime(memory_limit, spill_dir)?;
    let mut config = SessionConfig::new()
        .with_target_partitions(std::thread::available_parallelism().map_or(2, usize::from))
        .with_collect_statistics(true)
        .with_information_schema(false)
        .with_prefer_existing_sort(true);
    let parquet = &mut config.options_mut().execution.parquet;
    parquet.pushdown_filters = true;
    parquet.reorder_filters = true;
    let context = SessionContext::new_with_state(
        SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(KeepScanOrder))
            .build(),
    );
    context.register_udaf(checked_sum_udaf().as_ref().clone());
    Ok(context)
}

/// An engine runtime with these bounds.
pub(crate) fn runtime(memory_limit: usize, spill_dir: Option<&Path>) -> Result<Arc<RuntimeEnv>, LakeError> {
    let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(memory_limit));
    let mode = match spill_dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(LakeError::io(dir))?;
            DiskManagerMode::Directories(vec![dir.to_path_buf()])
        }
        None => DiskManagerMode::Disabled,
    };
    Ok(RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build_arc()?)
}
