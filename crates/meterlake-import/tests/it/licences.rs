//! Licence files into a lake, and what its newest snapshot says.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::util::display::array_value_to_string;
use flate2::write::GzEncoder;
use meterlake_import::{
    AllowRejects, DatasetOutcome, DatasetRecord, ImportError, LicencesRequest, NoProgress, import_licences,
};
use meterlake_lake::{Lake, Table};
use meterlake_model::{Clock, Day, SteppingClock, TenantId};
use tempfile::TempDir;

use crate::run::world::MemoryJournal;

const TENANT: &str = "0f96f6b1-fe7f-4322-9567-152d0f2ff171";
const PARTNER: &str = "11111111-2222-4333-8444-555555555555";
const OTHER: &str = "99999999-2222-4333-8444-555555555555";
const OFFICE: &str = "3f4babde-90ec-47c6-995d-d223749065d1";
const VISIO: &str = "4ae99959-6b0f-43b0-b1ce-68146001bdba";

struct World {
    folder: TempDir,
    lake: Lake,
    journal: MemoryJournal,
    clock: Arc<SteppingClock>,
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = Lake::open_path(&folder.path().join("data/lake")).await.unwrap();
        let day: Day = "2026-11-21".parse().unwrap();
        Self { folder, lake, journal: MemoryJournal::default(), clock: Arc::new(SteppingClock::at(day.midnight())) }
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    async fn import(&self, request: LicencesRequest) -> Result<DatasetOutcome, ImportError> {
        self.clock.advance(chrono::TimeDelta::minutes(1));
        let (data, progress) = (self.folder.path().join("data"), Arc::new(NoProgress));
        import_licences(&self.lake, &self.journal, self.clock.clone(), &data, request, progress).await
    }

    async fn take(&self, paths: &[PathBuf]) -> DatasetRecord {
        let partner = Some(PARTNER.parse().unwrap());
        let request = LicencesRequest { paths: paths.to_vec(), partner, ..LicencesRequest::default() };
        match self.import(request).await.unwrap() {
            DatasetOutcome::Committed(record) => *record,
            DatasetOutcome::AlreadyCurrent(record) => panic!("nothing changed: {record:?}"),
        }
    }

    /// All rows: tenant, moment, and the rest as text.
    async fn rows(&self) -> Vec<(String, String, String)> {
        let context = meterlake_lake::session_context(64 << 20, None).unwrap();
        let snapshot = self.lake.snapshot(Table::Licences).await.unwrap();
        let mut rows = Vec::new();
        for batch in context.read_table(snapshot.provider()).unwrap().collect().await.unwrap() {
            for row in 0..batch.num_rows() {
                let cell = |name| array_value_to_string(batch.column_by_name(name).unwrap(), row).unwrap();
                let shown =
                    ["product_name", "sku_id", "total_units", "active_units", "consumed_units", "subscription_names"];
                rows.push((cell("tenant_id"), cell("moment"), shown.map(cell).join("|")));
            }
        }
        rows
    }

    /// The newest snapshot of a tenant, by SKU: product, SKU, total, active, consumed, names.
    async fn newest(&self, tenant: &str) -> Vec<String> {
        let rows: Vec<_> = self.rows().await.into_iter().filter(|r| r.0 == tenant).collect();
        let newest = rows.iter().map(|r| r.1.clone()).max();
        let mut shown: Vec<String> = rows.into_iter().filter(|r| Some(&r.1) == newest.as_ref()).map(|r| r.2).collect();
        shown.sort_by_key(|row| row.split('|').nth(1).map(str::to_owned));
        shown
    }

    async fn moments(&self) -> usize {
        self.rows().await.into_iter().map(|(tenant, moment, _)| (tenant, moment)).collect::<BTreeSet<_>>().len()
    }
}

fn skus(office: (i64, i64), visio: (i64, i64)) -> String {
    let sku = |id: &str, part: &str, (enabled, consumed): (i64, i64)| {
        format!(
            r#"{{"accountId":"{TENANT}","id":"{TENANT}_{id}","skuId":"{id}","skuPartNumber":"{part}","consumedUnits":{consumed},
            "prepaidUnits":{{"enabled":{enabled},"suspended":0,"warning":0,"lockedOut":0}},"servicePlans":[]}}"#
        )
    };
    format!(
        r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#subscribedSkus","value":[{},{}]}}"#,
        sku(OFFICE, "STANDARDPACK_GOV", office),
        sku(VISIO, "VISIOCLIENT_GOV", visio)
    )
}

fn held(commerce: &str, sku: &str, units: i64, status: &str, owner: &str) -> String {
    format!(
        r#"{{"id":"{commerce}","commerceSubscriptionId":"{}","skuId":"{sku}","skuPartNumber":"P","totalLicenses":{units},
        "status":"{status}","ownerTenantId":"{owner}","isTrial":false,"nextLifecycleDateTime":"2027-01-01T00:00:00Z"}}"#,
        commerce.to_uppercase()
    )
}

fn sold(commerce: &str, name: &str, cycle: &str) -> String {
    format!(
        r#"{{"id":"{commerce}","offerName":"{name}","friendlyName":"{name}","quantity":1,"status":"active",
        "billingType":"license","billingCycle":"{cycle}","termDuration":"P1Y","attributes":{{"objectType":"Subscription"}}}}"#
    )
}

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const C: &str = "aaaaaaaa-0000-4000-8000-000000000003";

/// The files behind the success sample of the licence document.
fn sample(world: &World) -> Vec<PathBuf> {
    let directory = format!("[{},{}]", held(A, OFFICE, 65, "Enabled", PARTNER), held(B, VISIO, 2, "Enabled", PARTNER));
    let partner_center = format!(
        r#"{{"totalCount":2,"items":[{},{}],"links":{{"self":{{"uri":"/customers/{TENANT}/subscriptions"}}}},"attributes":{{"objectType":"Collection"}}}}"#,
        sold(A, "Office 365 G1 GCC", "monthly"),
        sold(B, "Visio Plan 2 for GCC", "monthly")
    );
    let names = format!(
        "\u{feff}Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\r\n\
         Office 365 G1 GCC,STANDARDPACK_GOV,{OFFICE},SWAY,{A},Sway\r\nOffice 365 G1 GCC,STANDARDPACK_GOV,{OFFICE},TEAMS_GOV,{B},\"Teams, for government\"\r\n\
         Visio Plan 2 for GCC,VISIOCLIENT_GOV,{VISIO},VISIO_CLIENT,{C},Visio\r\n"
    );
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(skus((65, 60), (2, 2)).as_bytes()).unwrap();
    vec![
        world.file("skus.json.gz", gzip.finish().unwrap()),
        world.file("directory.json", directory),
        world.file("partner-center.json", partner_center),
        world.file("names.csv", names),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_sample_from_source_files() {
    let world = World::new().await;
    let record = world.take(&sample(&world)).await;
    assert_eq!(
        world.newest(TENANT).await,
        [
            format!("Office 365 G1 GCC|{OFFICE}|65|65|60| Office 365 G1 GCC(Monthly)"),
            format!("Visio Plan 2 for GCC|{VISIO}|2|2|2| Visio Plan 2 for GCC(Monthly)"),
        ]
    );
    let counts = record.counts;
    assert_eq!((counts.read, counts.taken, counts.passed_over, counts.duplicate), (9, 6, 2, 1));
    assert_eq!(record.warnings, Vec::<String>::new());
    let forms: Vec<&str> = record.files.iter().map(|f| f.form.as_str()).collect();
    assert_eq!(forms, ["subscribedSkus", "directory/subscriptions", "Partner Center subscriptions", "product names"]);
    assert_eq!(record.tenants[0].tenant_id, TENANT.parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_partners_ended_subscriptions_and_cycles() {
    let world = World::new().await;
    let rows = [
        held(A, OFFICE, 10, "Enabled", PARTNER),
        held(B, OFFICE, 5, "Enabled", PARTNER),
        held(C, OFFICE, 50, "Enabled", OTHER),
        held("aaaaaaaa-0000-4000-8000-000000000004", VISIO, 9, "Suspended", PARTNER),
    ];
    let paths = [
        // JSON lines, and a record that stands in both pages.
        world.file("directory.jsonl", rows.join("\n").replace("\n        ", "")),
        world.file("skus.json", format!("[{},{}]", skus((65, 60), (0, 1)), skus((65, 60), (0, 1)))),
        world.file("sold.json", format!("[{},{}]", sold(B, "Zeta", "annual"), sold(A, "Alpha", "none"))),
    ];
    world.take(&paths).await;
    assert_eq!(
        world.newest(TENANT).await,
        [format!("STANDARDPACK_GOV|{OFFICE}|65|15|60| Alpha, Zeta(Annual)"), format!("VISIOCLIENT_GOV|{VISIO}|0|0|1|")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn partner_center_alone_needs_the_tenant_only_where_it_is_not_named() {
    let world = World::new().await;
    let items = format!(
        r#"{{"totalCount":1,"items":[{{"availableUnits":4,"activeUnits":5,"consumedUnits":1,"suspendedUnits":0,"totalUnits":5,
        "warningUnits":0,"productSku":{{"id":"{VISIO}","name":"Visio Plan 2 for GCC","skuPartNumber":"VISIOCLIENT_GOV"}},
        "capabilityStatus":"Enabled"}}]"#
    );
    let bare = world.file("bare.json", format!("{items}}}"));
    let error = world.import(LicencesRequest { paths: vec![bare], ..LicencesRequest::default() }).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionNeeded { option: "--tenant", .. }), "{error}");
    let linked = format!(r#"{items},"links":{{"self":{{"uri":"/customers/{TENANT}/subscribedskus"}}}}}}"#);
    let linked = world.file("linked.json", linked);
    world.take(std::slice::from_ref(&linked)).await;
    assert_eq!(world.newest(TENANT).await, [format!("Visio Plan 2 for GCC|{VISIO}|5|5|1|")]);
    let tenant: Option<TenantId> = Some(OTHER.parse().unwrap());
    let error =
        world.import(LicencesRequest { paths: vec![linked], tenant, ..LicencesRequest::default() }).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionConflict { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_same_and_older_snapshots() {
    let world = World::new().await;
    let first = world.file("first.json", skus((65, 60), (2, 2)));
    let second = world.file("second.json", skus((70, 61), (2, 2)));
    let version = || async { world.lake.snapshot(Table::Licences).await.unwrap().version() };
    let with = |path: &PathBuf, moment: Option<&str>| LicencesRequest {
        paths: vec![path.clone()],
        moment: moment.map(|m| m.parse().unwrap()),
        ..LicencesRequest::default()
    };
    assert!(matches!(world.import(with(&first, None)).await.unwrap(), DatasetOutcome::Committed(_)));
    let before = version().await;
    let again = world.import(with(&first, None)).await.unwrap();
    let DatasetOutcome::AlreadyCurrent(record) = again else { panic!("{again:?}") };
    assert_eq!((record.counts.duplicate, record.counts.taken, version().await), (2, 0, before));

    world.import(with(&second, None)).await.unwrap();
    assert!(world.newest(TENANT).await[0].contains("|70|"));
    // The first files once more would undo the second.
    let error = world.import(with(&first, None)).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionNeeded { option: "--moment", .. }), "{error}");
    // An older state is history.
    let older = world.file("older.json", skus((1, 1), (1, 1)));
    world.import(with(&older, Some("2026-10-01T00:00:00Z"))).await.unwrap();
    assert!(world.newest(TENANT).await[0].contains("|70|"));
    assert_eq!(world.moments().await, 3);
    // The same moment again: nothing; with other figures: they take its place.
    let again = world.import(with(&older, Some("2026-10-01T00:00:00Z"))).await.unwrap();
    assert!(matches!(again, DatasetOutcome::AlreadyCurrent(_)));
    let corrected = world.import(with(&second, Some("2026-10-01T00:00:00Z"))).await.unwrap();
    let DatasetOutcome::Committed(record) = corrected else { panic!() };
    assert_eq!((record.counts.replaced, world.moments().await), (2, 3));
    let future = world.import(with(&second, Some("2030-01-01T00:00:00Z"))).await.unwrap_err();
    assert!(matches!(future, ImportError::OptionConflict { .. }), "{future}");
    // A moment that has come: the tenant has gone back to what it had.
    let now = world.clock.now().to_rfc3339();
    world.import(with(&first, Some(&now))).await.unwrap();
    assert!(world.newest(TENANT).await[0].contains("|65|"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_has_no_licences_any_more() {
    let world = World::new().await;
    world.take(&[world.file("first.json", skus((65, 60), (2, 2)))]).await;
    let empty = r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#subscribedSkus","value":[]}"#;
    let empty = world.file("empty.json", empty);
    let request = LicencesRequest { paths: vec![empty], tenant: Some(TENANT.parse().unwrap()), ..Default::default() };
    assert!(matches!(world.import(request.clone()).await.unwrap(), DatasetOutcome::Committed(_)));
    let rows = world.newest(TENANT).await;
    assert_eq!(rows, ["|||||"], "a marker without SKU");
    assert!(matches!(world.import(request).await.unwrap(), DatasetOutcome::AlreadyCurrent(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_snapshots_are_kept_in_few_files() {
    let world = World::new().await;
    for units in 0..40 {
        world.take(&[world.file("skus.json", skus((100 + units, 60), (2, 2)))]).await;
    }
    assert_eq!(world.moments().await, 40);
    assert!(world.lake.snapshot(Table::Licences).await.unwrap().files().len() <= 16);
    assert!(world.newest(TENANT).await[0].contains("|139|"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_change_nothing_unless_allowed() {
    let world = World::new().await;
    let bad = skus((65, 60), (2, 2)).replace("\"enabled\":2", "\"enabled\":-2");
    let request = LicencesRequest { paths: vec![world.file("bad.json", bad)], ..LicencesRequest::default() };
    let error = world.import(request.clone()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("column enabled, value \"-2\""), "{text}");
    assert!(world.newest(TENANT).await.is_empty());
    let allowed = LicencesRequest { allow_rejects: Some(AllowRejects::AtMost(1)), ..request };
    world.import(allowed).await.unwrap();
    assert_eq!(world.newest(TENANT).await.len(), 1);
    // The same SKU with different figures contradicts itself.
    let two = format!("{}\n{}", skus((65, 60), (2, 2)), skus((66, 60), (2, 2)));
    let request = LicencesRequest { paths: vec![world.file("two.json", two)], ..LicencesRequest::default() };
    let error = world.import(request).await.unwrap_err();
    assert!(error.to_string().contains("different contents"), "{error}");
    for (name, text, expected) in [
        ("strange.json", r#"{"value":[{"a":1}]}"#, "this looks like records of a; expected licences"),
        ("sold.json", &*format!("[{}]", sold(A, "X", "monthly")), "alone do not tell"),
    ] {
        let request = LicencesRequest {
            paths: vec![world.file(name, text)],
            tenant: Some(TENANT.parse().unwrap()),
            ..LicencesRequest::default()
        };
        let error = world.import(request).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_licences_come_to_the_generators_figures() {
    let world = World::new().await;
    let today = world.clock.today();
    let sources = meterlake_testkit::generate_demo(&world.folder.path().join("demo"), today, 7).unwrap();
    assert_eq!(sources.licences.len(), 5);
    for customer in &sources.licences {
        let request = LicencesRequest {
            paths: customer.files.clone(),
            partner: Some(TenantId(sources.partner_id)),
            ..LicencesRequest::default()
        };
        world.import(request).await.unwrap();
        let expected: Vec<String> = customer
            .expected
            .iter()
            .map(|l| {
                let (sku, names) = (l.sku_id, &l.subscription_names);
                format!("{}|{sku}|{}|{}|{}|{names}", l.product, l.total, l.active, l.consumed)
            })
            .collect();
        assert_eq!(world.newest(&customer.tenant_id.to_string()).await, expected);
    }
}
