//! The demo's generated sources against the sums that the generator worked out itself.

use std::collections::BTreeMap;

use meterlake_model::{CustomerTenantId, InvoiceState};
use meterlake_testkit::demo::{self, Charged};

use super::*;

/// Adds up rows, quantity, cost and USD cost by the key of each row.
/// The generator counts no USD where the format has no column for it; here a cost billed in USD is a cost in USD.
fn add_up<K: Ord>(sums: &mut BTreeMap<K, Charged>, read: &Read, key: impl Fn(usize) -> K) {
    let stated = read.inspected.kind == SourceKind::RatedUsage;
    let (costs, dollars) = (read.amounts("billed_cost"), read.amounts("cost_in_usd"));
    for (row, quantity) in read.quantities("quantity").into_iter().enumerate() {
        let charged = Charged {
            rows: 1,
            quantity: quantity.unwrap(),
            cost: costs[row].unwrap(),
            usd: dollars[row].filter(|_| stated),
        };
        sums.entry(key(row)).or_default().add(&charged).unwrap();
    }
}

fn keys(read: &Read) -> Vec<(BillingPeriod, String)> {
    let periods = read.periods().into_iter().map(|p| BillingPeriod::from_number(p).unwrap());
    periods.zip(read.texts("billing_currency")).collect()
}

#[test]
fn every_generated_sum_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let today: Day = "2024-11-20".parse().unwrap();
    let sources = demo::generate_demo(dir.path(), today, demo::SEED).unwrap();

    let mut enterprise = BTreeMap::new();
    for folder in &sources.enterprise {
        let run = discover(std::slice::from_ref(folder)).unwrap();
        assert_eq!(run.manifest.as_ref().and_then(|m| m.basis), Some(CostBasis::Actual));
        for file in &run.files {
            let read = read_source(file, &options()).unwrap();
            assert_eq!((read.inspected.kind, read.rejects.len()), (SourceKind::CostExportEa, 0));
            assert!(read.texts("billing_account_id").iter().all(|a| *a == sources.billing_account));
            let keys = keys(&read);
            add_up(&mut enterprise, &read, |row| keys[row].clone());
        }
    }
    assert_eq!(enterprise, sources.totals.enterprise);

    let mut customers = BTreeMap::new();
    let mut days = BTreeMap::new();
    for path in sources.partner.iter().chain(&sources.utilization) {
        let read = read_path(path, &options()).unwrap();
        assert!(read.rejects.is_empty(), "{}: {:?}", path.display(), read.rejects[0]);
        let unbilled = path.to_string_lossy().contains("unbilled");
        let states = read.texts("invoice_state");
        let state = if unbilled { InvoiceState::Unbilled.as_str() } else { InvoiceState::Billed.as_str() };
        assert!(read.inspected.kind == SourceKind::Utilization || states.iter().all(|s| s == state));
        assert!(read.texts("charge_type").iter().all(|t| t == "Usage"));
        let tenants: Vec<CustomerTenantId> =
            read.texts("customer_tenant_id").iter().map(|t| t.parse().unwrap()).collect();
        let keys = keys(&read);
        add_up(&mut customers, &read, |row| (tenants[row], keys[row].0, keys[row].1.clone()));
        let usage: Vec<Day> = read.days("usage_date").iter().map(|d| d.parse().unwrap()).collect();
        add_up(&mut days, &read, |row| (tenants[row], usage[row]));
    }
    for (key, charged) in &sources.totals.customers {
        assert_eq!(customers.get(key), Some(charged), "{key:?}");
    }
    assert_eq!(customers.len(), sources.totals.customers.len());
    assert_eq!(days, sources.totals.customer_days);
}
