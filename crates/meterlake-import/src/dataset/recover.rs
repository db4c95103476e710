//! Settling what dead imports of datasets left behind.

use std::collections::BTreeSet;
use std::path::Path;

use meterlake_lake::{ImportRecordJson, Lake, Table};
use meterlake_model::{ImportId, SharedClock};

use crate::b2c;
use crate::dataset::desk::commit_table;
use crate::{Dataset, DatasetRecord, ImportError, ImportJournal, ImportState, RecoveryReport};

/// The tables that imports of a dataset write, in the order of their commits; the last one makes them visible.
pub(crate) const fn table_of(dataset: Dataset) -> &'static [Table] {
    match dataset {
        Dataset::B2cEvents => &[Table::B2cEvents, Table::B2cDaily],
        Dataset::Users => &[Table::UserCounts],
        Dataset::Licences => &[Table::Licences],
    }
}

/// Makes the journal agree with the lake, and completes B2C imports that died between their two commits. For one who
/// holds the lock.
pub(crate) async fn settle(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: &SharedClock,
    data_dir: &Path,
    report: &mut RecoveryReport,
) -> Result<(), ImportError> {
    let known = journal.committed_datasets().await.map_err(ImportError::Journal)?;
    roll_forward(lake, &known, data_dir).await?;
    for dataset in Dataset::ALL {
        let [.., table] = table_of(*dataset) else { continue };
        for found in lake.committed_imports_except_in(*table, &known).await? {
            let version = found.version;
            let mut record = parsed(found)?;
            record.state = ImportState::Committed;
            record.version = Some(version);
            journal.store_dataset(&record).await.map_err(ImportError::Journal)?;
            report.completed.push(record.id);
        }
    }
    for mut record in journal.running_datasets().await.map_err(ImportError::Journal)? {
        if let Some(version) = lake.committed_version_in(commit_table(&record), record.id).await? {
            record.state = ImportState::Committed;
            record.version = Some(version);
            let missing = "its process died after the commit, and the lake's record of it is missing";
            record.warnings.push(missing.to_owned());
            report.completed.push(record.id);
        } else {
            for table in table_of(record.dataset) {
                report.files_deleted += lake.discard_in(*table, record.id).await?;
            }
            record.forget_effects();
            record.state = ImportState::Abandoned;
            record.error = Some("its process died before the commit".to_owned());
            report.abandoned.push(record.id);
        }
        record.finished_at = Some(clock.now());
        crate::recover::remove_staging(data_dir, record.id);
        journal.store_dataset(&record).await.map_err(ImportError::Journal)?;
    }
    Ok(())
}

/// Builds `b2c_daily` for imports whose events are committed and whose days are not. Those that the journal has as
/// committed have both.
async fn roll_forward(lake: &Lake, known: &BTreeSet<ImportId>, data_dir: &Path) -> Result<(), ImportError> {
    for found in lake.committed_imports_except_in(Table::B2cEvents, known).await? {
        if lake.committed_version_in(Table::B2cDaily, found.import).await?.is_none() {
            let events = found.version;
            let record = parsed(found)?;
            tracing::info!(import = %record.id, "completing an import that died between its commits");
            // Files of the dead attempt would carry the names of the new ones.
            lake.discard_in(Table::B2cDaily, record.id).await?;
            b2c::rebuild_daily(lake, &record, events, &data_dir.join("staging").join(record.id.to_string())).await?;
        }
    }
    Ok(())
}

fn parsed(found: ImportRecordJson) -> Result<DatasetRecord, ImportError> {
    serde_json::from_value(found.record).map_err(|error| ImportError::Record { import: found.import, error })
}
