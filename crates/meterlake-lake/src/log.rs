//! The text of our entries in the Delta log. Written by hand, because the table uses only what every Delta reader
//! knows (reader version 1, writer version 2), and because the entry must be on disk before it gets its name.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use meterlake_model::ImportId;
use serde_json::{Value, json};

use crate::{
    snapshot::TableFile,
    tables::{ColumnType, Table},
    writer::NewFile,
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

/// The first entry of a table.
pub(crate) fn create(table: Table, now: DateTime<Utc>) -> Bytes {
    let configuration = json!({
        "delta.logRetentionDuration": "interval 800 days",
        "delta.deletedFileRetentionDuration": "interval 800 days",
        "delta.checkpointInterval": CHECKPOINT_INTERVAL.to_string(),
        "delta.dataSkippingStatsColumns": table.layout().stats.join(","),
    });
    let millis = now.timestamp_millis();
    lines(&[
        json!({"commitInfo": {
            "timestamp": millis,
            "operation": "CREATE TABLE",
            "operationParameters": {"partitionBy": partition_columns(table).to_string()},
            "engineInfo": engine_info(),
        }}),
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": uuid::Uuid::new_v4().to_string(),
            "name": table.name(),
            "description": format!("{} Written by Meterlake.", table.meaning()),
            "format": {"provider": "parquet", "options": {}},
            "schemaString": delta_schema(table).to_string(),
            "partitionColumns": partition_columns(table),
            "configuration": configuration,
            "createdTime": millis,
        }}),
    ])
}

fn partition_columns(table: Table) -> Value {
    table.partition().into_iter().collect()
}

/// The partition of a data file, as every action on it states it.
fn partition_values(table: Table, partition: Option<i32>) -> Value {
    let values = table.partition().zip(partition).map(|(column, number)| (column, number.to_string()));
    values.into_iter().collect()
}

/// The schema of a table in Delta's own notation, with the meaning of each column as its comment.
fn delta_schema(table: Table) -> Value {
    let fields: Vec<Value> = table
        .columns()
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
    pub(crate) table: Table,
    pub(crate) import: ImportId,
    /// The version that this entry makes.
    pub(crate) version: u64,
    pub(crate) now: DateTime<Utc>,
    pub(crate) adds: &'a [NewFile],
    pub(crate) removes: &'a [TableFile],
    pub(crate) source_hashes: &'a [String],
    /// Versions of other tables that the rows were built from.
    pub(crate) notes: &'a [(Table, u64)],
    /// Of a compaction: the version that last changed rows. The files' rows are the same before and after it.
    pub(crate) same_rows_as: Option<u64>,
}

impl ImportEntry<'_> {
    /// The text of the entry.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let millis = self.now.timestamp_millis();
        let import = self.import.to_string();
        let changes = self.same_rows_as.is_none();
        let user_metadata = match self.same_rows_as {
            None => json!({"import": import, "source_sha256": self.source_hashes}),
            Some(version) => json!({"maintenance": import, SAME_ROWS_AS: version}),
        };
        let (operation, parameters) = match changes {
            true => ("WRITE", json!({"mode": "Append", "partitionBy": partition_columns(self.table).to_string()})),
            false => ("OPTIMIZE", json!({"predicate": "[]", "zOrderBy": "[]"})),
        };
        let mut actions = vec![
            json!({"commitInfo": {
                "timestamp": millis,
                "operation": operation,
                "operationParameters": parameters,
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
        actions.extend(self.notes.iter().map(
            |(table, version)| json!({"txn": {"appId": table.name(), "version": version, "lastUpdated": millis}}),
        ));
        actions.extend(self.removes.iter().map(|file| {
            json!({"remove": {
                "path": file.path,
                "dataChange": changes,
                "deletionTimestamp": millis,
                "extendedFileMetadata": true,
                "partitionValues": partition_values(self.table, file.partition),
                "size": file.size,
            }})
        }));
        actions.extend(self.adds.iter().map(|file| {
            json!({"add": {
                "path": file.path,
                "partitionValues": partition_values(self.table, file.partition),
                "size": file.size,
                "modificationTime": millis,
                "dataChange": changes,
                "stats": file.stats,
            }})
        }));
        lines(&actions)
    }
}

/// Member of a compaction's user metadata: the version that last changed rows.
const SAME_ROWS_AS: &str = "same_rows_as";

/// What an entry says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    /// When it was committed; the oldest instant where it does not say.
    pub(crate) committed_at: DateTime<Utc>,
    /// Of a compaction: the version whose rows the table has kept.
    pub(crate) same_rows_as: Option<u64>,
}

impl Heading {
    /// Of an entry that is gone or says nothing.
    pub(crate) const NONE: Self = Self { committed_at: DateTime::UNIX_EPOCH, same_rows_as: None };

    /// The heading of an entry.
    pub(crate) fn of(entry: &[u8]) -> Self {
        let Some(mut info) = actions(entry).find_map(|mut action| action.get_mut("commitInfo").map(Value::take)) else {
            return Self::NONE;
        };
        let committed_at = info.get("timestamp").and_then(Value::as_i64).and_then(DateTime::from_timestamp_millis);
        let same_rows_as = match info.get_mut("userMetadata").map(Value::take) {
            Some(Value::String(text)) => {
                serde_json::from_str::<Value>(&text).ok().and_then(|own| own.get(SAME_ROWS_AS)?.as_u64())
            }
            _ => None,
        };
        Self { committed_at: committed_at.unwrap_or(DateTime::UNIX_EPOCH), same_rows_as }
    }
}

/// The paths of the files that an entry adds.
pub(crate) fn added_paths(entry: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Action {
        add: Option<Add>,
    }
    #[derive(serde::Deserialize)]
    struct Add {
        path: String,
    }
    let lines = entry.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let mut paths = Vec::new();
    for line in lines {
        paths.extend(serde_json::from_slice::<Action>(line)?.add.map(|add| add.path));
    }
    Ok(paths)
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
