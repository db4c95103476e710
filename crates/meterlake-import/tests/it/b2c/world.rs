//! A data folder, audit records, and what the tables hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use meterlake_import::{
    B2cRequest, DatasetOutcome, DatasetRecord, ImportError, NoProgress, UsersRequest, import_b2c, import_users,
};
use meterlake_lake::{Lake, Table};
use meterlake_model::{Day, SharedClock, SteppingClock, TenantId};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::naive::{Count, Key};
use crate::run::world::MemoryJournal;

pub(super) const TENANT: &str = "11111111-1111-4111-8111-111111111111";
pub(super) const DOMAIN: &str = "contoso.onmicrosoft.com";
pub(super) const WEB: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(super) const PHONE: &str = "aaaaaaaa-0000-4000-8000-000000000002";

pub(super) const ID_TOKEN: &str = "Issue an id_token to the application";
pub(super) const CODE: &str = "Issue an authorization code to the application";
pub(super) const ACCESS: &str = "Issue an access token to the application";
pub(super) const EXCHANGE: &str = "Exchange token";
pub(super) const SMS: &str = "Send SMS to verify phone number";
pub(super) const CALL: &str = "Make phone call to verify phone number";
/// An activity that nothing counts.
pub(super) const LOCAL: &str = "Validate local account credentials";

pub(super) fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

/// A record as Graph writes it. `group` is a number that stands for a correlation id, 0 for none.
pub(super) fn record(id: &str, time: &str, activity: &str, group: u32, application: &str, success: bool) -> Value {
    json!({
        "id": id, "category": "Authentication",
        "correlationId": if group == 0 { Value::Null } else { format!("cccccccc-0000-4000-8000-{group:012}").into() },
        "result": if success { "success" } else { "failure" }, "resultReason": "N/A",
        "activityDisplayName": activity, "activityDateTime": time, "loggedByService": "B2C", "operationType": "",
        "initiatedBy": { "user": null, "app": { "appId": application, "displayName": null,
            "servicePrincipalId": null, "servicePrincipalName": application } },
        "targetResources": [{ "id": format!("dddddddd-0000-4000-8000-{:012}", id.len()), "displayName": null,
            "type": "User", "userPrincipalName": null, "groupType": null, "modifiedProperties": [] }],
        "additionalDetails": [
            { "key": "TenantId", "value": DOMAIN }, { "key": "PolicyId", "value": "B2C_1A_signup_signin" },
            { "key": "ApplicationId", "value": application }, { "key": "Client", "value": "Mozilla/5.0" },
            { "key": "IdentityProviderName", "value": "facebook" },
            { "key": "ClientIpAddress", "value": "127.0.0.1" } ],
    })
}

/// The same record as Log Analytics exports it.
pub(super) fn log_analytics(record: &Value) -> Value {
    json!({
        "TenantId": "99999999-9999-4999-8999-999999999999", "SourceSystem": "Azure AD", "Type": "AuditLogs",
        "TimeGenerated": record["activityDateTime"], "AADTenantId": TENANT, "Id": record["id"],
        "OperationName": record["activityDisplayName"], "ActivityDisplayName": record["activityDisplayName"],
        "ActivityDateTime": record["activityDateTime"], "Category": record["category"],
        "CorrelationId": record["correlationId"], "LoggedByService": "B2C", "Result": record["result"],
        "ResultType": "", "InitiatedBy": record["initiatedBy"], "TargetResources": record["targetResources"],
        "AdditionalDetails": record["additionalDetails"],
    })
}

/// Records as Log Analytics writes them to CSV: nested values as JSON text.
pub(super) fn log_analytics_csv(records: &[Value]) -> String {
    let rows: Vec<Value> = records.iter().map(log_analytics).collect();
    let names: Vec<String> = rows[0].as_object().unwrap().keys().cloned().collect();
    let quoted = |text: String| format!("\"{}\"", text.replace('"', "\"\""));
    let mut csv = names.iter().map(|n| quoted(n.clone())).collect::<Vec<_>>().join(",") + "\r\n";
    for row in rows {
        let cells = names.iter().map(|name| match &row[name] {
            Value::String(text) => quoted(text.clone()),
            Value::Null => quoted(String::new()),
            other => quoted(other.to_string()),
        });
        csv += &(cells.collect::<Vec<_>>().join(",") + "\r\n");
    }
    csv
}

/// A page as Graph answers.
pub(super) fn page(records: &[Value], next: bool) -> String {
    let mut page = json!({ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#auditLogs/directoryAudits" });
    if next {
        page["@odata.nextLink"] = "https://graph.microsoft.com/v1.0/auditLogs/directoryAudits?$skiptoken=1".into();
    }
    page["value"] = records.into();
    page.to_string()
}

pub(super) fn lines(records: &[Value]) -> String {
    records.iter().map(|r| format!("{r}\n")).collect()
}

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) lake: Lake,
    pub(super) journal: MemoryJournal,
    pub(super) clock: Arc<SteppingClock>,
}

impl World {
    /// An empty lake on 2024-11-20 at noon.
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = Lake::open_path(&folder.path().join("data/lake")).await.unwrap();
        let now: Day = "2024-11-20".parse().unwrap();
        let clock = Arc::new(SteppingClock::at(now.midnight() + chrono::TimeDelta::hours(12)));
        Self { folder, lake, journal: MemoryJournal::default(), clock }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn clock(&self) -> SharedClock {
        self.clock.clone()
    }

    pub(super) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    pub(super) fn request(&self, paths: &[&Path]) -> B2cRequest {
        B2cRequest {
            paths: paths.iter().map(|p| p.to_path_buf()).collect(),
            domains: BTreeMap::from([(DOMAIN.to_owned(), tenant())]),
            salt: [7; 32],
            ..B2cRequest::default()
        }
    }

    pub(super) async fn import_with(
        &self,
        paths: &[&Path],
        change: impl FnOnce(&mut B2cRequest),
    ) -> Result<DatasetOutcome, ImportError> {
        self.clock.advance(chrono::TimeDelta::seconds(1));
        let mut request = self.request(paths);
        change(&mut request);
        import_b2c(&self.lake, &self.journal, self.clock(), &self.data(), request, Arc::new(NoProgress)).await
    }

    pub(super) async fn import(&self, paths: &[&Path]) -> Result<DatasetOutcome, ImportError> {
        self.import_with(paths, |_| {}).await
    }

    pub(super) async fn users(
        &self,
        paths: &[&Path],
        change: impl FnOnce(&mut UsersRequest),
    ) -> Result<DatasetOutcome, ImportError> {
        self.clock.advance(chrono::TimeDelta::seconds(1));
        let paths = paths.iter().map(|p| p.to_path_buf()).collect();
        let mut request = UsersRequest { paths, tenant: Some(tenant()), ..UsersRequest::default() };
        change(&mut request);
        import_users(&self.lake, &self.journal, self.clock(), &self.data(), request, Arc::new(NoProgress)).await
    }

    /// All rows of a table, each column as text.
    pub(super) async fn rows(&self, table: Table) -> Vec<BTreeMap<String, String>> {
        let snapshot = match table {
            // As reports read it: at the version that the days were counted from.
            Table::B2cEvents => {
                let daily = self.lake.snapshot(Table::B2cDaily).await.unwrap();
                let version = daily.noted(Table::B2cEvents).unwrap_or(0);
                self.lake.snapshot_at(Table::B2cEvents, version).await.unwrap()
            }
            table => self.lake.snapshot(table).await.unwrap(),
        };
        let context = meterlake_lake::session_context(64 << 20, None).unwrap();
        let frame = context.read_table(snapshot.provider()).unwrap();
        frame.collect().await.unwrap().iter().flat_map(texts_of).collect()
    }

    /// Counts of `b2c_daily`, and the covered days.
    pub(super) async fn daily(&self) -> (BTreeMap<Key, Count>, BTreeSet<String>) {
        self.daily_of(TENANT).await
    }

    pub(super) async fn daily_of(&self, tenant: &str) -> (BTreeMap<Key, Count>, BTreeSet<String>) {
        let (mut counts, mut covered) = (BTreeMap::new(), BTreeSet::new());
        for row in self.rows(Table::B2cDaily).await {
            assert_eq!(row["tenant_id"], tenant);
            if row["kind"] == "coverage" {
                assert!(row["application_id"].is_empty() && row["attempts"] == "0" && !row["covered_to"].is_empty());
                assert!(covered.insert(row["day"].clone()), "two marks for {}", row["day"]);
                continue;
            }
            let what = if row["kind"] == "mfa" { &row["mfa_method"] } else { &row["flow"] };
            let key = (row["day"].clone(), row["application_id"].clone(), what.clone());
            let count = (row["attempts"].parse().unwrap(), row["successes"].parse().unwrap());
            assert!(counts.insert(key, count).is_none());
        }
        (counts, covered)
    }
}

fn texts_of(batch: &RecordBatch) -> Vec<BTreeMap<String, String>> {
    let text = |name: &str, row: usize| {
        let column = batch.column_by_name(name).unwrap();
        if column.is_null(row) {
            return String::new();
        }
        match column.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let times = column.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
                chrono::DateTime::from_timestamp_micros(times.value(row)).unwrap().to_rfc3339()
            }
            DataType::Boolean => column.as_any().downcast_ref::<BooleanArray>().unwrap().value(row).to_string(),
            DataType::Int64 => column.as_any().downcast_ref::<Int64Array>().unwrap().value(row).to_string(),
            _ => {
                let texts = cast(column, &DataType::Utf8).unwrap();
                texts.as_any().downcast_ref::<StringArray>().unwrap().value(row).to_owned()
            }
        }
    };
    let names: Vec<String> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    (0..batch.num_rows()).map(|row| names.iter().map(|n| (n.clone(), text(n, row))).collect()).collect()
}

pub(super) fn committed(outcome: Result<DatasetOutcome, ImportError>) -> DatasetRecord {
    match outcome {
        Ok(DatasetOutcome::Committed(record)) => *record,
        Ok(other) => panic!("not committed: {other:?}"),
        Err(error) => panic!("not committed: {error}"),
    }
}

pub(super) fn is_current(outcome: &Result<DatasetOutcome, ImportError>) -> bool {
    matches!(outcome, Ok(DatasetOutcome::AlreadyCurrent(_)))
}
