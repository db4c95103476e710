//! The licence report.

use chrono::{DateTime, Utc};
use meterlake_lake::Table;
use meterlake_lake::tables::licences::columns as c;
use meterlake_reports::Licence;

use crate::tables::{Row, commit};
use crate::world::{World, import_id};

const TENANT: &str = "0f96f6b1-fe7f-4322-a567-152d0f2ff171";
const OTHER: &str = "0f96f6b1-fe7f-4322-a567-152d0f2ff172";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn row(tenant: &str, moment: &str, sku: &str, product: &str, (total, consumed): (i64, i64)) -> Row {
    vec![
        (c::TENANT_ID, tenant.into()),
        (c::MOMENT, at(moment).into()),
        (c::SKU_ID, sku.into()),
        (c::PRODUCT_NAME, product.into()),
        (c::TOTAL_UNITS, total.into()),
        (c::CONSUMED_UNITS, consumed.into()),
        (c::SUBSCRIPTION_NAMES, format!(" {product}(Monthly)").as_str().into()),
    ]
}

#[tokio::test]
async fn the_newest_snapshot_up_to_now() {
    let world = World::new().await;
    let rows = [
        row(TENANT, "2024-11-01T00:00:00Z", "s1", "Visio", (5, 1)),
        row(TENANT, "2024-11-01T00:00:00Z", "s3", "Gone", (5, 1)),
        row(TENANT, "2024-11-02T00:00:00Z", "s1", "Visio", (2, 5)),
        row(TENANT, "2024-11-02T00:00:00Z", "s2", "Office", (65, 60)),
        row(TENANT, "2024-11-09T00:00:00Z", "s1", "Later", (65, 60)),
        row(OTHER, "2024-11-05T00:00:00Z", "s1", "Foreign", (1, 1)),
        // A snapshot without licences is one row that names no SKU.
        row(OTHER, "2024-11-06T00:00:00Z", "", "", (0, 0)),
    ];
    let staging = world.folder.path().join("staging");
    commit(&world.lake, &staging, import_id(1), Table::Licences, &rows, false, Vec::new()).await;
    let tenant = TENANT.parse().unwrap();
    // Whatever was asked for before, and wherever the clock is set.
    for moment in ["11-01T00:00:00", "11-05T00:00:00", "11-09T00:00:00", "10-01T00:00:00", "11-02T00:00:00"] {
        let now = at(&format!("2024-{moment}Z"));
        let read = world.reading.licences(tenant, now).await.unwrap();
        assert_eq!(world.reports.licences(tenant, now).await.unwrap(), read, "{now}");
    }
    let licences = world.reports.licences(tenant, at("2024-11-08T00:00:00Z")).await.unwrap();
    let names: Vec<&str> = licences.iter().map(|licence| licence.product_name.as_str()).collect();
    assert_eq!(names, ["Office", "Visio"]);
    assert_eq!(
        licences[0],
        Licence {
            product_name: "Office".to_owned(),
            sku_id: "s2".to_owned(),
            sku_part_number: String::new(),
            active_units: None,
            total_units: Some(65),
            consumed_units: Some(60),
            subscription_names: " Office(Monthly)".to_owned(),
        }
    );
    // More assigned than there are: none is available, not fewer than none.
    assert_eq!((licences[0].available_units(), licences[1].available_units()), (5, 0));
    assert_eq!(world.reports.licences(tenant, at("2024-10-31T00:00:00Z")).await.unwrap(), []);
    let other = OTHER.parse().unwrap();
    assert_eq!(world.reports.licences(other, at("2024-11-05T12:00:00Z")).await.unwrap().len(), 1);
    assert_eq!(world.reports.licences(other, at("2024-11-08T00:00:00Z")).await.unwrap(), []);
    let nobody = "0f96f6b1-fe7f-4322-a567-152d0f2ff179".parse().unwrap();
    assert_eq!(world.reports.licences(nobody, at("2024-11-08T00:00:00Z")).await.unwrap(), []);
}
