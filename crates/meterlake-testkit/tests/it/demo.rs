//! Reads the generated files back with other code and sums them again.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use meterlake_model::{Amount, BillingPeriod, Day, Offer, Quantity};
use meterlake_testkit::{Charged, DemoSources, generate_demo};
use sha2::{Digest, Sha256};

const SEED: u64 = 7;

fn demo(today: &str, seed: u64) -> (tempfile::TempDir, DemoSources) {
    let dir = tempfile::tempdir().unwrap();
    let sources = generate_demo(dir.path(), today.parse().unwrap(), seed).unwrap();
    (dir, sources)
}

/// Rows of a CSV by column name.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    reader.records().map(|row| header.iter().cloned().zip(row.unwrap().iter().map(str::to_owned)).collect()).collect()
}

fn unzipped(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn charged(quantity: &str, cost: &str, usd: Option<&str>) -> Charged {
    Charged {
        rows: 1,
        quantity: Quantity::parse(quantity).unwrap(),
        cost: Amount::parse(cost).unwrap(),
        usd: usd.map(|usd| Amount::parse(usd).unwrap()),
    }
}

fn us_day(text: &str) -> Day {
    let parts: Vec<u32> = text.split('/').map(|p| p.parse().unwrap()).collect();
    Day::from_ymd(parts[2] as i32, parts[0], parts[1]).unwrap()
}

#[test]
fn the_enrolment_adds_up() {
    let (_dir, sources) = demo("2026-11-21", SEED);
    assert_eq!(sources.enterprise.len(), 16);
    let mut periods: BTreeMap<(BillingPeriod, String), Charged> = BTreeMap::new();
    let mut days: BTreeMap<Day, Charged> = BTreeMap::new();
    let mut kinds: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut late = 0;
    for folder in &sources.enterprise {
        let manifest: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
        let mut total = 0;
        for blob in manifest["blobs"].as_array().unwrap() {
            let path = folder.join(blob["blobName"].as_str().unwrap());
            assert_eq!(blob["byteCount"], std::fs::metadata(&path).unwrap().len());
            let text = unzipped(&path);
            assert_eq!(text.lines().next().unwrap().split(',').count(), 57);
            let rows = rows(&text);
            assert_eq!(blob["dataRowCount"], rows.len());
            total += rows.len();
            for row in rows {
                let day = us_day(&row["Date"]);
                let period = BillingPeriod::containing(us_day(&row["BillingPeriodStartDate"]));
                late += u64::from(BillingPeriod::containing(day) != period);
                let row_total = charged(&row["Quantity"], &row["CostInBillingCurrency"], None);
                periods.entry((period, row["BillingCurrencyCode"].clone())).or_default().add(&row_total).unwrap();
                days.entry(day).or_default().add(&row_total).unwrap();
                *kinds.entry((row["ChargeType"].clone(), row["PublisherType"].clone())).or_default() += 1;
                assert_eq!(row["BillingAccountId"], sources.billing_account);
                assert!(row["AdditionalInfo"].is_empty() || row["AdditionalInfo"].starts_with('{'));
                assert!(
                    row["Tags"].is_empty()
                        || serde_json::from_str::<serde_json::Value>(&format!("{{{}}}", row["Tags"])).is_ok()
                );
            }
        }
        assert_eq!(manifest["dataRowCount"], total);
    }
    assert_eq!(periods, sources.totals.enterprise);
    assert_eq!(days, sources.totals.enterprise_days);
    assert_eq!(days.keys().last(), Some(&"2026-11-21".parse().unwrap()));
    let count: u64 = periods.values().map(|p| p.rows).sum();
    assert!((30_000..=50_000).contains(&count), "{count}");
    assert!(late > 10);
    for kind in [("Usage", "Azure"), ("Purchase", "Azure"), ("Purchase", "Marketplace"), ("Refund", "Azure")] {
        assert!(kinds.contains_key(&(kind.0.to_owned(), kind.1.to_owned())), "{kinds:?}");
    }
}

#[test]
fn the_partner_adds_up() {
    let (_dir, sources) = demo("2026-11-21", SEED);
    let mut customers = BTreeMap::new();
    let mut add = |customer: &str, day: Day, currency: &str, row: &Charged| {
        let key = (customer.parse().unwrap(), BillingPeriod::containing(day), currency.to_owned());
        customers.entry(key).or_insert_with(Charged::default).add(row).unwrap();
    };
    let mut count = 0;
    for path in &sources.partner {
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().next().unwrap().split(',').count(), 55);
        for row in rows(&text) {
            count += 1;
            let day: Day = row["UsageDate"][..10].parse().unwrap();
            assert_eq!(row["InvoiceNumber"].is_empty(), BillingPeriod::containing(day).number() == 202_611);
            assert_eq!(row["PricingCurrency"], "USD");
            let total = charged(&row["Quantity"], &row["BillingPreTaxTotal"], Some(&row["PricingPreTaxTotal"]));
            add(&row["CustomerId"], day, &row["BillingCurrency"], &total);
        }
    }
    assert!((10_000..=50_000).contains(&count), "{count}");
    for path in &sources.utilization {
        let text = std::fs::read_to_string(path).unwrap();
        let head: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Numbers are taken from the text, so that no float comes between.
        let number = |line: &str, name: &str| {
            let start = line.find(&format!("\"{name}\":"))? + name.len() + 3;
            line[start..].split([',', '}']).next().map(str::to_owned)
        };
        for line in text.lines().filter(|line| line.starts_with("{\"usageStartTime\"")) {
            let day: Day = line[19..29].parse().unwrap();
            let (quantity, price) = (number(line, "quantity").unwrap(), number(line, "unitPrice").unwrap());
            let (q, p) = (Quantity::parse(&quantity).unwrap(), Amount::parse(&price).unwrap());
            // 20 + 24 decimals, of which the last 26 are zeros.
            let product = (q.unscaled() / 10i128.pow(14)) * (p.unscaled() / 10i128.pow(12)) * 10i128.pow(6);
            let cost = Amount::from_unscaled(product).unwrap().to_string();
            assert!(number(line, "cost").is_none_or(|stated| stated == cost));
            add(
                head["customerId"].as_str().unwrap(),
                day,
                head["currency"].as_str().unwrap(),
                &charged(&quantity, &cost, None),
            );
        }
    }
    assert_eq!(customers, sources.totals.customers);
    let with = |offers: &[Offer]| sources.customers.iter().filter(|c| c.offers == offers).count();
    assert_eq!(
        (with(&[Offer::AzurePlan]), with(&[Offer::MsAzr0145p]), with(&[Offer::AzurePlan, Offer::MsAzr0145p])),
        (9, 2, 1)
    );
    for customer in &sources.customers {
        assert!(customers.keys().any(|(id, ..)| *id == customer.tenant_id), "{} has no charges", customer.name);
    }
    assert!(
        customers
            .iter()
            .any(|((_, _, currency), total)| currency == "GBP" && total.usd.is_some_and(|usd| usd > total.cost))
    );
}

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

fn digest(dir: &Path) -> Vec<u8> {
    let mut paths = Vec::new();
    files(dir, &mut paths);
    paths.sort();
    let mut hash = Sha256::new();
    for path in paths {
        hash.update(path.strip_prefix(dir).unwrap().to_str().unwrap());
        hash.update(std::fs::read(&path).unwrap());
    }
    hash.finalize().to_vec()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (first, _) = demo("2026-11-21", SEED);
    let (second, _) = demo("2026-11-21", SEED);
    let (other, _) = demo("2026-11-21", SEED + 1);
    assert_eq!(digest(first.path()), digest(second.path()));
    assert_ne!(digest(first.path()), digest(other.path()));
}

#[test]
fn every_day_of_the_calendar_will_do() {
    for today in ["2026-11-01", "2024-02-29", "2025-12-31", "2025-03-16"] {
        let (_dir, sources) = demo(today, SEED);
        let day: Day = today.parse().unwrap();
        assert_eq!((sources.last_day, sources.enterprise.len(), sources.partner.len()), (day, 16, 16));
        let current = (BillingPeriod::containing(day), "USD".to_owned());
        assert!(sources.totals.enterprise[&current].rows > 10, "{today}");
        assert!(sources.totals.customer_days.keys().any(|(_, charged)| *charged == day));
    }
}
