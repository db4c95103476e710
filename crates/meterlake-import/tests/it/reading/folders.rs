//! Folders with a manifest.

use super::*;

const CSV: &str =
    "SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency\ns,a,2024-11-30,1.5,USD\ns,a,2024-11-29,1,USD\n";

fn run(manifest: &str, files: &[(&str, &[u8])]) -> (tempfile::TempDir, Result<meterlake_import::Run, ImportError>) {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    if !manifest.is_empty() {
        std::fs::write(dir.path().join("manifest.json"), manifest).unwrap();
    }
    let run = discover(&[dir.path().to_owned()]);
    (dir, run)
}

fn azure(bytes: usize, rows: u64) -> String {
    format!(
        r#"{{"manifestVersion":"2024-04-01","byteCount":{bytes},"blobCount":1,"dataRowCount":{rows},
        "exportConfig":{{"exportName":"x","resourceId":"/providers/Microsoft.Billing/billingAccounts/8611537/departments/7/providers/Microsoft.CostManagement/exports/x","type":"AmortizedCost"}},
        "runInfo":{{"executionType":"Scheduled","submittedTime":"2024-12-01T03:04:05.1234567Z","runId":"r1","startDate":"2024-11-01T00:00:00","endDate":"2024-11-30T00:00:00"}},
        "blobs":[{{"blobName":"exports/x/20241101-20241130/r1/part_0_0001.csv","byteCount":{bytes},"dataRowCount":{rows}}}]}}"#
    )
}

#[test]
fn an_azure_run() {
    let (_dir, found) =
        run(&azure(CSV.len(), 2), &[("other/part_0_0001.csv", b"x"), ("r1/part_0_0001.csv", CSV.as_bytes())]);
    let found = found.unwrap();
    let manifest = found.manifest.unwrap();
    assert_eq!(
        (manifest.basis, manifest.billing_account.as_deref(), manifest.export_scope.as_deref()),
        (Some(CostBasis::Amortized), Some("8611537"), Some("departments/7"))
    );
    assert_eq!(manifest.run_time.map(|t| t.to_rfc3339()).as_deref(), Some("2024-12-01T03:04:05.123456+00:00"));
    assert_eq!(
        manifest.days.map(|d| (d.first.to_string(), d.last.to_string())),
        Some(("2024-11-01".into(), "2024-11-30".into()))
    );
    assert_eq!(found.files.len(), 1);
    assert_eq!(read_source(&found.files[0], &options()).unwrap().sum("billed_cost"), "2.5");
}

#[test]
fn what_does_not_agree_is_refused() {
    let reason = |manifest: &str, files: &[(&str, &[u8])]| {
        let (_dir, found) = run(manifest, files);
        match found.and_then(|r| read_source(&r.files[0], &options()).map(|_| ())) {
            Err(error) => error.to_string(),
            Ok(()) => panic!("accepted"),
        }
    };
    let part: &[(&str, &[u8])] = &[("part_0_0001.csv", CSV.as_bytes())];
    let error = reason(&azure(CSV.len() + 1, 2), part);
    assert!(
        error.contains(&format!("has {} bytes", CSV.len()))
            && error.contains(&format!("states {} bytes", CSV.len() + 1)),
        "{error}"
    );
    let error = reason(&azure(CSV.len(), 3), part);
    assert!(error.contains("has 2 rows") && error.contains("states 3 rows"), "{error}");
    assert!(reason(&azure(CSV.len(), 2), &[]).contains("not beside it"));
    assert!(reason("", part).contains("no manifest.json") && reason("", part).contains("part_0_0001.csv"));
    assert!(reason("{}", part).contains("not a manifest"));
    assert!(reason("nonsense", part).contains("not a manifest"));
}

#[test]
fn each_blob_has_a_file_of_its_own() {
    let manifest = |blobs: &[&str]| {
        let listed: Vec<_> = blobs.iter().map(|b| serde_json::json!({ "blobName": b })).collect();
        serde_json::json!({ "exportConfig": { "type": "ActualCost" }, "runInfo": {}, "blobs": listed }).to_string()
    };
    let both = manifest(&["x/a/part.csv", "x/b/part.csv"]);
    let (_dir, found) = run(&both, &[("a/part.csv", CSV.as_bytes()), ("b/part.csv", CSV.as_bytes())]);
    assert_eq!(found.unwrap().files.len(), 2);
    for present in ["part.csv", "a/part.csv"] {
        let error = run(&both, &[(present, CSV.as_bytes())]).1.unwrap_err().to_string();
        assert!(error.contains("\"x/a/part.csv\" and \"x/b/part.csv\"") && error.contains("not complete"), "{error}");
    }
    let files = [("c/part.csv", CSV.as_bytes()), ("d/part.csv", CSV.as_bytes())];
    let error = run(&manifest(&["x/a/part.csv"]), &files).1.unwrap_err().to_string();
    assert!(error.contains("c/part.csv or ") && error.contains("d/part.csv;"), "{error}");
}

#[test]
fn a_file_given_twice_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, CSV).unwrap();
    let roundabout = dir.path().join("../").join(dir.path().file_name().unwrap()).join("a.csv");
    let error = discover(&[path.clone(), roundabout]).unwrap_err().to_string();
    assert!(error.contains("given twice"), "{error}");
    std::fs::write(dir.path().join("b.csv"), CSV).unwrap();
    assert_eq!(discover(&[path, dir.path().join("b.csv")]).unwrap().files.len(), 2);
}

#[test]
fn a_partner_billing_run() {
    let line = "{\"PartnerId\":\"p\",\"CustomerId\":\"0a1b2c3d-0000-4000-8000-00000000000a\",\"UsageDate\":\"2024-11-30\",\"Quantity\":1,\"BillingPreTaxTotal\":1,\"BillingCurrency\":\"USD\"}\n";
    let manifest = r##"{"@odata.type":"#microsoft.graph.partners.billing.manifest","id":"m1","schemaVersion":"2","dataFormat":"compressedJSON","createdDateTime":"2024-12-02T00:00:00Z","partnerTenantId":"p","rootDirectory":"https://x.example/billing/unbilledusage/p","sasToken":"s","partitionType":"default","blobCount":1,"blobs":[{"name":"part-00000.json.gz","partitionValue":"default"}]}"##;
    let (_dir, found) = run(manifest, &[("part-00000.json.gz", &pack(line.as_bytes()))]);
    let found = found.unwrap();
    let manifest = found.manifest.unwrap();
    assert_eq!(manifest.kind, meterlake_import::ManifestKind::GraphPartnerBilling);
    assert_eq!(manifest.invoice_state, Some(meterlake_model::InvoiceState::Unbilled));
    let given = Options { invoice_state: manifest.invoice_state, ..options() };
    assert_eq!(read_source(&found.files[0], &given).unwrap().texts("invoice_state"), ["unbilled"]);
    // Nothing but the manifest tells the state.
    assert!(read_source(&found.files[0], &options()).err().unwrap().to_string().contains("--invoice-state"));
}

#[test]
fn zip_archives() {
    let read = |members: &[(&str, &[u8])]| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.zip");
        std::fs::write(&path, zipped(members)).unwrap();
        discover(&[path]).and_then(|run| {
            run.files
                .iter()
                .map(|f| read_source(f, &options()).map(|r| (f.name.clone(), r.sum("billed_cost"))))
                .collect::<Result<Vec<_>, _>>()
        })
    };
    let both =
        read(&[("a/1.csv", CSV.as_bytes()), ("__MACOSX/1.csv", b"x"), ("a/2.csv.gz", &pack(CSV.as_bytes()))]).unwrap();
    assert_eq!(
        both,
        [("run.zip/a/1.csv".into(), "2.5".into()), ("run.zip/a/2.csv.gz".into(), "2.5".into())]
            as [(String, String); 2]
    );
    assert!(
        read(&[("manifest.json", b"{}"), ("1.csv", CSV.as_bytes())]).unwrap_err().to_string().contains("unpack it")
    );
    assert!(read(&[]).is_err());
}
