//! Asynchronous exports of EA usage details: submitted, polled, fetched, and kept over a restart.

use chrono::{DateTime, Utc};
use meterlake_model::EnrolmentNumber;
use serde_json::Value;
use uuid::Uuid;

use crate::stored::{instant, instant_opt, json, micros, number, parse, signed};
use crate::{Control, ControlError};

/// How far an export is. The numbers are those of the EA contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
pub enum ExportStatus {
    /// Waits for its turn.
    Queued = 1,
    /// Is being written.
    InProgress = 2,
    /// Its file can be fetched.
    Completed = 3,
    /// It failed.
    Failed = 4,
    /// There are no rows.
    NoDataFound = 5,
    /// In the contract, never used.
    ReadyToDownload = 6,
    /// It was not ready in time.
    TimedOut = 7,
}

impl ExportStatus {
    /// The number in the contract.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether it may still change.
    #[must_use]
    pub const fn is_unfinished(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }

    fn from_code(code: i64) -> Result<Self, ControlError> {
        Ok(match code {
            1 => Self::Queued,
            2 => Self::InProgress,
            3 => Self::Completed,
            4 => Self::Failed,
            5 => Self::NoDataFound,
            6 => Self::ReadyToDownload,
            7 => Self::TimedOut,
            other => {
                return Err(ControlError::Corrupt {
                    column: "export_jobs.status",
                    value: other.to_string(),
                    reason: "expected 1 to 7".to_owned(),
                });
            }
        })
    }
}

/// An export job.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ExportJob {
    /// Its id, in the poll URL.
    pub id: Uuid,
    /// Who asked: the id of the API key.
    pub owner: String,
    /// The enrolment whose charges it holds.
    pub enrolment: EnrolmentNumber,
    /// Version of the route submitted to: 1, 2 or 3.
    pub api_version: u8,
    /// Layout of the file, in the server's words.
    pub layout: String,
    /// Which charges, in the server's words.
    pub selection: Value,
    /// Lake version that it reads.
    pub snapshot: u64,
    /// When it was asked for, to the microsecond.
    pub requested_on: DateTime<Utc>,
    /// How far it is.
    pub status: ExportStatus,
    /// When it was finished.
    pub finished_at: Option<DateTime<Utc>>,
    /// Path of the file, relative to the folder of exports.
    pub file: Option<String>,
    /// Size of the file in bytes.
    pub size: Option<u64>,
    /// Entity tag of the file.
    pub etag: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How an export ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportOutcome {
    /// The file is written.
    Completed {
        /// Path, relative to the folder of exports.
        file: String,
        /// Bytes.
        size: u64,
        /// Entity tag.
        etag: String,
    },
    /// There are no rows.
    NoData,
    /// It failed.
    Failed {
        /// Why.
        error: String,
    },
    /// It was not ready in time.
    TimedOut,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    owner: String,
    enrolment: String,
    api_version: i64,
    layout: String,
    selection: String,
    snapshot: i64,
    requested_on: i64,
    status: i64,
    finished_at: Option<i64>,
    file: Option<String>,
    size: Option<i64>,
    etag: Option<String>,
    error: Option<String>,
}

impl TryFrom<Row> for ExportJob {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            id: parse("export_jobs.id", &row.id)?,
            owner: row.owner,
            enrolment: parse("export_jobs.enrolment", &row.enrolment)?,
            api_version: number("export_jobs.api_version", row.api_version)?,
            layout: row.layout,
            selection: json("export_jobs.selection", &row.selection)?,
            snapshot: number("export_jobs.snapshot", row.snapshot)?,
            requested_on: instant(row.requested_on),
            status: ExportStatus::from_code(row.status)?,
            finished_at: instant_opt(row.finished_at),
            file: row.file,
            size: row.size.map(|s| number("export_jobs.size", s)).transpose()?,
            etag: row.etag,
            error: row.error,
        })
    }
}

fn jobs(rows: Vec<Row>) -> Result<Vec<ExportJob>, ControlError> {
    rows.into_iter().map(ExportJob::try_from).collect()
}

impl Control {
    /// Keeps a new job as it is, unless its owner has `limit` unfinished ones already. Whether it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_export_job(&self, job: &ExportJob, limit: u32) -> Result<bool, ControlError> {
        let added = sqlx::query(
            "INSERT INTO export_jobs (id, owner, enrolment, api_version, layout, selection, snapshot, requested_on,
                                      status, finished_at, file, size, etag, error)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
             WHERE (SELECT count(*) FROM export_jobs WHERE owner = ?2 AND status IN (1, 2)) < ?15",
        )
        .bind(job.id.to_string())
        .bind(&job.owner)
        .bind(job.enrolment.as_str())
        .bind(job.api_version)
        .bind(&job.layout)
        .bind(job.selection.to_string())
        .bind(signed("snapshot", job.snapshot)?)
        .bind(micros(job.requested_on))
        .bind(job.status.code())
        .bind(job.finished_at.map(micros))
        .bind(&job.file)
        .bind(job.size.map(|s| signed("file size", s)).transpose()?)
        .bind(&job.etag)
        .bind(&job.error)
        .bind(limit)
        .execute(&self.pool)
        .await?;
        Ok(added.rows_affected() > 0)
    }

    /// One job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn export_job(&self, id: Uuid) -> Result<Option<ExportJob>, ControlError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM export_jobs WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.map(ExportJob::try_from).transpose()
    }

    /// The queued and running jobs, oldest first: what a restarted server goes on with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unfinished_export_jobs(&self) -> Result<Vec<ExportJob>, ControlError> {
        jobs(
            sqlx::query_as("SELECT * FROM export_jobs WHERE status IN (1, 2) ORDER BY requested_on, id")
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// The jobs that were asked for before `instant`, oldest first: what can be removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn export_jobs_before(&self, instant: DateTime<Utc>) -> Result<Vec<ExportJob>, ControlError> {
        jobs(
            sqlx::query_as("SELECT * FROM export_jobs WHERE requested_on < ? ORDER BY requested_on, id")
                .bind(micros(instant))
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// Marks a queued job as running. Whether it was queued, or running already before a restart.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start_export_job(&self, id: Uuid) -> Result<bool, ControlError> {
        let changed = sqlx::query("UPDATE export_jobs SET status = 2 WHERE id = ? AND status IN (1, 2)")
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Queues a completed job again, whose file was lost. Whether it was completed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redo_export_job(&self, id: Uuid) -> Result<bool, ControlError> {
        let changed = sqlx::query(
            "UPDATE export_jobs SET status = 1, finished_at = NULL, file = NULL, size = NULL, etag = NULL
             WHERE id = ? AND status = 3",
        )
        .bind(id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Enters how an unfinished job ended. Whether it was still unfinished.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_export_job(&self, id: Uuid, outcome: &ExportOutcome) -> Result<bool, ControlError> {
        let (status, file, size, etag, error) = match outcome {
            ExportOutcome::Completed { file, size, etag } => {
                (ExportStatus::Completed, Some(file), Some(signed("file size", *size)?), Some(etag), None)
            }
            ExportOutcome::NoData => (ExportStatus::NoDataFound, None, None, None, None),
            ExportOutcome::Failed { error } => (ExportStatus::Failed, None, None, None, Some(error)),
            ExportOutcome::TimedOut => (ExportStatus::TimedOut, None, None, None, None),
        };
        let changed = sqlx::query(
            "UPDATE export_jobs SET status = ?, finished_at = ?, file = ?, size = ?, etag = ?, error = ?
             WHERE id = ? AND status IN (1, 2)",
        )
        .bind(status.code())
        .bind(micros(self.now()))
        .bind(file)
        .bind(size)
        .bind(etag)
        .bind(error)
        .bind(id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Forgets that a job has a file, after the file was removed. Its status stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_export_file(&self, id: Uuid) -> Result<(), ControlError> {
        sqlx::query("UPDATE export_jobs SET file = NULL WHERE id = ?").bind(id.to_string()).execute(&self.pool).await?;
        Ok(())
    }

    /// Forgets a job. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_export_job(&self, id: Uuid) -> Result<bool, ControlError> {
        let gone = sqlx::query("DELETE FROM export_jobs WHERE id = ?").bind(id.to_string()).execute(&self.pool).await?;
        Ok(gone.rows_affected() > 0)
    }
}
