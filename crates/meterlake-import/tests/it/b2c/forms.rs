//! The same records in every form that organisations have them in.

use std::io::Write as _;

use meterlake_lake::Table;
use serde_json::{Value, json};

use super::naive;
use super::world::{
    CODE, EXCHANGE, ID_TOKEN, LOCAL, PHONE, SMS, TENANT, WEB, World, committed, lines, log_analytics,
    log_analytics_csv, page, record,
};

fn records() -> Vec<Value> {
    vec![
        record("B2C_1", "2024-11-01T23:59:59.9999999Z", ID_TOKEN, 1, WEB, true),
        record("B2C_2", "2024-11-02T00:00:00Z", ID_TOKEN, 2, WEB, true),
        record("B2C_3", "2024-11-02T00:00:00.5Z", CODE, 2, WEB, true),
        record("B2C_4", "2024-11-04T08:00:00Z", CODE, 3, PHONE, true),
        record("B2C_5", "2024-11-04T09:00:00Z", EXCHANGE, 3, PHONE, false),
        record("B2C_6", "2024-11-04T09:00:01Z", SMS, 3, PHONE, true),
        record("B2C_7", "2024-11-05T09:00:01Z", LOCAL, 4, PHONE, true),
    ]
}

#[tokio::test]
async fn every_form_counts_the_same() {
    let records = records();
    let analytics: Vec<Value> = records.iter().map(log_analytics).collect();
    let diagnostic: Vec<Value> = records
        .iter()
        .map(|r| {
            json!({ "time": r["activityDateTime"], "resourceId": "/tenants/x/providers/Microsoft.aadiam",
                "operationName": r["activityDisplayName"], "category": "AuditLogs", "tenantId": TENANT,
                "resultType": "", "correlationId": r["correlationId"], "properties": r })
        })
        .collect();
    let columns: Vec<String> = analytics[0].as_object().unwrap().keys().cloned().collect();
    let table = json!({ "tables": [{ "name": "PrimaryResult",
        "columns": columns.iter().map(|c| json!({ "name": c, "type": "string" })).collect::<Vec<_>>(),
        "rows": analytics.iter().map(|r| columns.iter().map(|c| match &r[c] {
            // Nested values come as text here.
            v @ (Value::Array(_) | Value::Object(_)) => Value::String(v.to_string()),
            v => v.clone(),
        }).collect::<Vec<_>>()).collect::<Vec<_>>() }], "statistics": {} });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(lines(&records).as_bytes()).unwrap();
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("array.json", Value::from(records.clone()).to_string().into_bytes()),
        ("pretty.json", serde_json::to_vec_pretty(&records).unwrap()),
        ("page.json", page(&records, false).into_bytes()),
        ("pages.json", (page(&records[..3], true) + "\n" + &page(&records[3..], false)).into_bytes()),
        ("pages-in-an-array.json", format!("[{},{}]", page(&records[..3], true), page(&records[3..], false)).into()),
        ("lines.json", lines(&records).into_bytes()),
        ("lines-bom.json", ("\u{feff}".to_owned() + &lines(&records)).into_bytes()),
        ("packed.json.gz", packed.finish().unwrap()),
        ("analytics.json", lines(&analytics).into_bytes()),
        ("analytics-array.json", Value::from(analytics.clone()).to_string().into_bytes()),
        ("analytics.csv", log_analytics_csv(&records).into_bytes()),
        ("portal.csv", log_analytics_csv(&records).replacen("TimeGenerated", "TimeGenerated [UTC]", 1).into_bytes()),
        ("query.json", table.to_string().into_bytes()),
        ("diagnostic.json", lines(&diagnostic).into_bytes()),
        ("event-hub.json", json!({ "records": diagnostic }).to_string().into_bytes()),
    ];
    let expected = naive::count(&records, &[]);
    assert_eq!(expected.len(), 5);
    for (name, contents) in forms {
        let world = World::new().await;
        let record = committed(world.import(&[&world.file(name, contents)]).await);
        let (counts, covered) = world.daily().await;
        assert_eq!(counts, expected, "{name}");
        // A covered day without activity, and the days around uncovered.
        assert_eq!(Vec::from_iter(covered), ["2024-11-01", "2024-11-02", "2024-11-03", "2024-11-04", "2024-11-05"]);
        let counts = record.counts;
        assert_eq!((counts.read, counts.taken, counts.passed_over, counts.rejected), (7, 6, 1, 0), "{name}");
        assert_eq!(record.coverage[0].covered_to.to_rfc3339(), "2024-11-05T09:00:01+00:00");
        assert!(record.warnings.is_empty(), "{name}: {:?}", record.warnings);
    }
}

#[tokio::test]
async fn a_row_keeps_what_reports_ask_for_and_no_user() {
    let world = World::new().await;
    committed(world.import(&[&world.file("a.json", lines(&records()[..1]))]).await);
    let rows = world.rows(Table::B2cEvents).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let expected = [
        ("tenant_id", TENANT),
        ("time", "2024-11-01T23:59:59.999999+00:00"),
        ("id", "B2C_1"),
        ("kind", "authentication"),
        ("activity", "id_token"),
        ("client_type", ""),
        ("correlation_id", "cccccccc-0000-4000-8000-000000000001"),
        ("application_id", WEB),
        ("policy", "B2C_1A_signup_signin"),
        ("flow", "implicit"),
        ("identity_provider", "facebook"),
        ("mfa_method", ""),
        ("success", "true"),
        ("source_file", "0"),
        ("source_line", "1"),
    ];
    for (name, value) in expected {
        assert_eq!(row[name], value, "{name}");
    }
    assert_eq!(row["user_hash"].len(), 64);
    // Neither the tables nor the journal hold the user's id.
    let user = "dddddddd-0000-4000-8000-000000000005";
    assert!(row.values().all(|v| !v.contains(user)));
    let held = format!("{:?}", world.journal.1.lock().unwrap());
    assert!(!held.contains("dddddddd"));
    assert!(!world.data().join("staging").join(&row["import_id"]).exists());
}

#[tokio::test]
async fn the_sample_of_the_documentation() {
    let world = World::new().await;
    let mut sample = record("B2C_DQO3J_4984536", "2019-09-14T18:13:17.0618117Z", ID_TOKEN, 0, WEB, true);
    // Ids are struck out in it.
    sample["correlationId"] = "00000000-0000-0000-0000-000000000000".into();
    sample["targetResources"][0]["id"] = "00000000-0000-0000-0000-000000000000".into();
    committed(world.import(&[&world.file("a.json", sample.to_string())]).await);
    let rows = world.rows(Table::B2cEvents).await;
    assert_eq!((rows[0]["correlation_id"].as_str(), rows[0]["user_hash"].as_str()), ("", ""));
    assert_eq!(rows[0]["flow"], "implicit");
}
