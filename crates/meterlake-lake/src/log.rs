//! The text of our entries in the Delta log. Written by hand, because the table uses only what every Delta reader
//! knows (reader version 1, writer version 2), and because the entry must be on disk before it gets its name.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use meterlake_model::ImportId;
use serde_json::{Value, json};

use crate::{
    charges::{ColumnType, columns},
    snapshot::ChargesFile,
    stats,
    writer::WrittenFile,
};

/// A checkpoint is written after every so many commits.
pub(crate) const CHECKPOINT_INTERVAL: u64 = 50;

/// Path of the log entry of a version.
pub(crate) fn entry_path(version: u64) -> String {
    format!("_delta_log/{version:020}.json")
}

fn lines(actions: &[Value]) -> Bytes {
    let mut text = String::new();
    for action in actions {
        text.push_str(&action.to_string());
        text.push('\n');
    }
    text.into()
}

fn engine_info() -> String {
    format!("Meterlake/{}", env!("CARGO_PKG_VERSION"))
}

/// The first entry of the table `charges`.
pub(crate) fn create_charges(now: DateTime<Utc>) -> Bytes {
    let configuration = json!({
        "delta.logRetentionDuration": "interval 800 days",
        "delta.deletedFileRetentionDuration": "interval 800 days",
        "delta.checkpointInterval": CHECKPOINT_INTERVAL.to_string(),
        "delta.dataSkippingStatsColumns": stats::COLUMNS.join(","),
    });
    let millis = now.timestamp_millis();
    lines(&[
        json!({"commitInfo": {
            "timestamp": millis,
            "operation": "CREATE TABLE",
            "operationParameters": {"partitionBy": json!([columns::BILLING_PERIOD]).to_string()},
            "engineInfo": engine_info(),
        }}),
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": uuid::Uuid::new_v4().to_string(),
            "name": "charges",
            "description": "One row a charge line. Written by Meterlake.",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": charges_schema().to_string(),
            "partitionColumns": [columns::BILLING_PERIOD],
            "configuration": configuration,
            "createdTime": millis,
        }}),
    ])
}

/// The schema of `charges` in Delta's own notation, with the meaning of each column as its comment.
fn charges_schema() -> Value {
    let fields: Vec<Value> = columns::COLUMNS
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": delta_type(column.kind),
                "nullable": column.nullable,
                "metadata": {"comment": column.meaning},
            })
        })
        .collect();
    json!({"type": "struct", "fields": fields})
}

fn delta_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "string",
        ColumnType::Integer => "long",
        ColumnType::Period => "integer",
        ColumnType::Day => "date",
        ColumnType::Instant => "timestamp",
        ColumnType::Boolean => "boolean",
        ColumnType::Amount => "decimal(38,24)",
        ColumnType::Quantity => "decimal(38,20)",
    }
}

/// What goes into the entry of an import.
pub(crate) struct ImportEntry<'a> {
    pub(crate) import: ImportId,
    /// The version that this entry makes.
    pub(crate) version: u64,
    pub(crate) now: DateTime<Utc>,
    pub(crate) adds: &'a [WrittenFile],
    pub(crate) removes: &'a [ChargesFile],
    pub(crate) source_hashes: &'a [String],
}

impl ImportEntry<'_> {
    /// The text of the entry.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let millis = self.now.timestamp_millis();
        let import = self.import.to_string();
        let user_metadata = json!({"import": import, "source_sha256": self.source_hashes});
        let mut actions = vec![
            json!({"commitInfo": {
                "timestamp": millis,
                "operation": "WRITE",
                "operationParameters": {
                    "mode": "Append",
                    "partitionBy": json!([columns::BILLING_PERIOD]).to_string(),
                },
                "readVersion": self.version - 1,
                "isolationLevel": "Serializable",
                "isBlindAppend": self.removes.is_empty(),
                "operationMetrics": {
                    "numFiles": self.adds.len().to_string(),
                    "numRemovedFiles": self.removes.len().to_string(),
                    "numOutputRows": self.adds.iter().map(|add| add.rows).sum::<u64>().to_string(),
                },
                "engineInfo": engine_info(),
                "userMetadata": user_metadata.to_string(),
            }}),
            // The version of the transaction is the table version that it made, so that it can be asked for.
            json!({"txn": {"appId": import, "version": self.version, "lastUpdated": millis}}),
        ];
        actions.extend(self.removes.iter().map(|file| {
            json!({"remove": {
                "path": file.path,
                "dataChange": true,
                "deletionTimestamp": millis,
                "extendedFileMetadata": true,
                "partitionValues": {columns::BILLING_PERIOD: file.period.number().to_string()},
                "size": file.size,
            }})
        }));
        actions.extend(self.adds.iter().map(|file| {
            json!({"add": {
                "path": file.path,
                "partitionValues": {columns::BILLING_PERIOD: file.period.number().to_string()},
                "size": file.size,
                "modificationTime": millis,
                "dataChange": true,
                "stats": file.stats,
            }})
        }));
        lines(&actions)
    }
}

/// When an entry was committed, by its own account.
pub(crate) fn committed_at(entry: &[u8]) -> Option<DateTime<Utc>> {
    let millis = actions(entry).find_map(|action| action.get("commitInfo")?.get("timestamp")?.as_i64())?;
    DateTime::from_timestamp_millis(millis)
}

/// Whether an entry is the commit of this import.
pub(crate) fn is_commit_of(entry: &[u8], import: ImportId) -> bool {
    let id = import.to_string();
    actions(entry)
        .any(|action| action.get("txn").and_then(|txn| txn.get("appId")).and_then(Value::as_str) == Some(&*id))
}

fn actions(entry: &[u8]) -> impl Iterator<Item = Value> + '_ {
    // Adds are by far the most and the longest, and nobody asks for them here.
    entry
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"{\"add\"") && !line.starts_with(b"{\"remove\""))
        .filter_map(|line| serde_json::from_slice(line).ok())
}
