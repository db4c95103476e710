//! Audit records and applications in the forms in which Graph and Log Analytics give them out.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use meterlake_model::Day;
use serde_json::{Value, json};

use super::DemoB2cCounts;
use super::activity::{Record, Tenant};

/// Records of a Graph page.
const PAGE: usize = 1_000;
/// Days of each Graph file; it starts a day before the end of the one before.
const FILE_DAYS: i64 = 20;
/// The days, from the first, that Log Analytics exported too.
const LOG_ANALYTICS: (i64, i64) = (30, 59);
/// The days that only Log Analytics has.
const ONLY_LOG_ANALYTICS: (i64, i64) = (32, 57);

/// Writes the audit files and returns them.
pub(super) fn write(
    dir: &Path,
    tenant: &Tenant,
    records: &[Record],
    first: Day,
    last: Day,
    counts: &mut DemoB2cCounts,
) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut paths = Vec::new();
    let days = (last.date() - first.date()).num_days();
    let day_of = |record: &Record| (Day::of(record.at).date() - first.date()).num_days();
    let mut start = 0;
    while start <= days {
        let end = (start + FILE_DAYS).min(days);
        let (from, to) = ONLY_LOG_ANALYTICS;
        let here = |r: &&Record| (start - 1..=end).contains(&day_of(r)) && !(from..=to).contains(&day_of(r));
        let some: Vec<&Record> = records.iter().filter(here).collect();
        if !some.is_empty() {
            let name = |at: i64| first.plus(at).context("a day in range").map(|day| day.to_string());
            let path = dir.join(format!("directoryAudits-{}-{}.json.gz", name(start.max(1) - 1)?, name(end)?));
            graph(&path, tenant, &some).with_context(|| format!("cannot write {}", path.display()))?;
            counts.records_in_files += some.len() as u64;
            paths.push(path);
        }
        start = end + 1;
    }
    let (from, to) = LOG_ANALYTICS;
    let some: Vec<&Record> = records.iter().filter(|r| (from..=to).contains(&day_of(r))).collect();
    let path = dir.join("AuditLogs-loganalytics.json");
    log_analytics(&path, tenant, &some).with_context(|| format!("cannot write {}", path.display()))?;
    counts.records_in_files += some.len() as u64;
    paths.push(path);
    Ok(paths)
}

/// Pages as Graph answers them, newest first, one after the other.
fn graph(path: &Path, tenant: &Tenant, records: &[&Record]) -> Result<()> {
    let mut out = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::fast());
    let newest_first: Vec<&&Record> = records.iter().rev().collect();
    let pages = newest_first.chunks(PAGE).count();
    for (at, page) in newest_first.chunks(PAGE).enumerate() {
        out.write_all(
            b"{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#auditLogs/directoryAudits\",",
        )?;
        if at + 1 < pages {
            let skip = (at + 1) * PAGE;
            let next =
                format!("https://graph.microsoft.com/v1.0/auditLogs/directoryAudits?$top={PAGE}&$skiptoken={skip:08x}");
            write!(out, "\"@odata.nextLink\":{},", Value::from(next))?;
        }
        out.write_all(b"\"value\":[")?;
        for (at, record) in page.iter().enumerate() {
            out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut out, &graph_record(tenant, record))?;
        }
        out.write_all(b"]}\n")?;
    }
    out.finish()?.flush()?;
    Ok(())
}

/// Seven fraction digits, as the service writes them.
fn instant(at: DateTime<Utc>) -> String {
    format!("{}0Z", at.format("%Y-%m-%dT%H:%M:%S%.6f"))
}

fn result(record: &Record) -> &'static str {
    if record.success { "success" } else { "failure" }
}

fn details(tenant: &Tenant, record: &Record) -> Value {
    let app = &tenant.applications[record.application];
    let provider = tenant.users[record.user].provider.unwrap_or("localAccountAuthentication");
    let pairs = [
        ("TenantId", tenant.domain.to_owned()),
        ("PolicyId", app.policy.to_owned()),
        ("ApplicationId", app.application.id.to_string()),
        ("Client", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)".to_owned()),
        ("IdentityProviderName", provider.to_owned()),
        ("IdentityProviderApplicationId", String::new()),
        ("ClientIpAddress", "203.0.113.0".to_owned()),
    ];
    pairs.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn initiator(tenant: &Tenant, record: &Record) -> Value {
    let app = &tenant.applications[record.application].application;
    json!({"user": null, "app": {"appId": null, "displayName": null, "servicePrincipalId": null,
        "servicePrincipalName": app.id.to_string()}})
}

fn targets(tenant: &Tenant, record: &Record) -> Value {
    let user = tenant.users[record.user].id.to_string();
    json!([{"id": user, "displayName": null, "type": "User", "userPrincipalName": null, "groupType": null,
        "modifiedProperties": []}])
}

fn reason(record: &Record) -> &'static str {
    if record.success { "N/A" } else { "The request could not be completed" }
}

fn graph_record(tenant: &Tenant, record: &Record) -> Value {
    json!({
        "id": record.id,
        "category": "Authentication",
        "correlationId": record.correlation.to_string(),
        "result": result(record),
        "resultReason": reason(record),
        "activityDisplayName": record.what,
        "activityDateTime": instant(record.at),
        "loggedByService": "B2C",
        "operationType": record.what.split(' ').next().unwrap_or_default(),
        "initiatedBy": initiator(tenant, record),
        "targetResources": targets(tenant, record),
        "additionalDetails": details(tenant, record),
    })
}

/// One record a line, nested values as text, as exports of a workspace hold them.
fn log_analytics(path: &Path, tenant: &Tenant, records: &[&Record]) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for record in records {
        let at = instant(record.at);
        let line = json!({
            "TenantId": tenant.workspace.to_string(),
            "SourceSystem": "Azure AD",
            "TimeGenerated": at,
            "ResourceId": format!("/tenants/{}/providers/Microsoft.aadiam", tenant.id),
            "OperationName": record.what,
            "OperationVersion": "1.0",
            "Category": "Authentication",
            "ResultType": "",
            "ResultDescription": "",
            "CorrelationId": record.correlation.to_string(),
            "Level": "4",
            "AADTenantId": tenant.id.to_string(),
            "ActivityDateTime": at,
            "ActivityDisplayName": record.what,
            "AdditionalDetails": details(tenant, record).to_string(),
            "Id": record.id,
            "InitiatedBy": initiator(tenant, record).to_string(),
            "LoggedByService": "B2C",
            "Result": result(record),
            "ResultReason": reason(record),
            "TargetResources": targets(tenant, record).to_string(),
            "Type": "AuditLogs",
        });
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Writes Graph `applications`.
pub(super) fn applications(dir: &Path, tenant: &Tenant) -> Result<PathBuf> {
    let value: Vec<Value> = tenant
        .applications
        .iter()
        .map(|app| {
            let uris = |here: bool| {
                if here {
                    json!({"redirectUris": ["https://customers.haldenvoss.example/signed-in"]})
                } else {
                    json!({"redirectUris": []})
                }
            };
            let confidential = app.application.confidential;
            json!({
                "appId": app.application.id.to_string(),
                "displayName": app.application.name,
                "isFallbackPublicClient": if confidential { Value::Bool(false) } else { Value::Null },
                "web": uris(confidential),
                "publicClient": uris(!confidential && app.sign_in != super::activity::SignIn::Implicit),
                "spa": uris(!confidential && app.sign_in == super::activity::SignIn::Implicit),
                "passwordCredentials": if confidential {
                    json!([{"displayName": "production", "hint": "q~8"}])
                } else {
                    json!([])
                },
                "keyCredentials": [],
            })
        })
        .collect();
    let page = json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications", "value": value});
    let path = dir.join("applications.json");
    fs::write(&path, serde_json::to_string_pretty(&page)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
