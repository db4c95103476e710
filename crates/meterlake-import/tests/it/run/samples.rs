//! Real files, when they are there.

use std::path::PathBuf;

use meterlake_import::ImportRequest;
use meterlake_model::{Amount, CostBasis};

use super::world::{World, committed, is_current};

fn sample(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("METERLAKE_SAMPLES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// Sum of a column of a CSV by a reader of our own: split at quotes, as simple as can be.
fn column_sum(path: &PathBuf, name: &str) -> String {
    let bytes = std::fs::read(path).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut records = Vec::new();
    let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.trim_start_matches('\u{feff}').chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    let at = records[0].iter().position(|h| h == name || h.ends_with(&format!("({name})"))).unwrap();
    let values = records[1..].iter().filter(|r| r.len() > at && !r[at].is_empty() && r[at] != "NULL");
    super::world::sum(values.map(|r| Amount::parse(&r[at]).unwrap()))
}

#[tokio::test]
async fn actual_and_amortised_stand_side_by_side() {
    let (Some(actual), Some(amortized)) =
        (sample("azure-cost-export/ea_actual_cost.csv"), sample("azure-cost-export/ea_amortized_cost.csv"))
    else {
        return;
    };
    let world = World::new().await;
    let one = committed(world.import_with(&[&actual], |_| {}).await);
    let two = committed(world.import_with(&[&amortized], |_| {}).await);
    assert_eq!((one.basis, two.basis), (CostBasis::Actual, CostBasis::Amortized));
    assert_eq!((one.counts.replaced, two.counts.replaced), (0, 0));
    assert_eq!(world.billed(|_| true).await, column_sum(&actual, "Cost"));
    let rows = world.rows().await;
    let effective = super::world::sum(rows.iter().filter_map(|r| r.effective));
    assert_eq!(effective, column_sum(&amortized, "Cost"));
    assert!(is_current(&world.import_with(&[&actual], |_| {}).await));
    assert!(is_current(&world.import_with(&[&amortized], |_| {}).await));
}

#[tokio::test]
async fn the_other_samples_import_with_the_options_they_need() {
    let account = |r: &mut ImportRequest| r.options.billing_account = Some("4711".parse().unwrap());
    let currency = |r: &mut ImportRequest| r.options.currency = Some("EUR".parse().unwrap());
    let actual = |r: &mut ImportRequest| r.options.basis = Some(CostBasis::Actual);
    type Change<'a> = &'a dyn Fn(&mut ImportRequest);
    let cases: [(&str, &str, Change<'_>); 4] = [
        ("azure-cost-export/enterprise_headers.csv", "CostInBillingCurrency", &|r| {
            actual(r);
            r.options.date_format = Some(meterlake_import::DateFormat::MonthFirst);
        }),
        ("azure-cost-export/german_headers.csv", "PreTaxCost", &|r| {
            account(r);
            currency(r);
            actual(r);
        }),
        ("azure-cost-export/legacy_template.csv", "costinbillingcurrency", &|r| {
            account(r);
            currency(r);
            actual(r);
        }),
        ("focus/focus_1.0_sample.csv", "BilledCost", &|_| {}),
    ];
    for (name, cost, change) in cases {
        let Some(path) = sample(name) else { continue };
        let world = World::new().await;
        let outcome = world.import_with(&[&path], change).await;
        let record = match outcome {
            Err(error) => panic!("{name}: {error}"),
            outcome => committed(outcome),
        };
        assert_eq!((record.counts.taken, record.counts.rejected), (record.counts.read, 0), "{name}");
        assert_eq!(world.billed(|_| true).await, column_sum(&path, cost), "{name}");
        assert!(is_current(&world.import_with(&[&path], change).await), "{name}");
    }
}
