//! Import records, and what the rest learns from them.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_control::{ControlError, CustomerChange, CustomerSeen, ImportState, StoredImport};
use meterlake_model::{BillingAccountId, CustomerTenantId, ImportId, Offer, SourceKind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Fixture;

const NOTHING: Value = Value::Null;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

fn import(id: ImportId, state: ImportState) -> StoredImport<'static> {
    StoredImport {
        id,
        state,
        kind: Some(SourceKind::CostExportEa.as_str()),
        started_at: at(0),
        finished_at: None,
        version: None,
        error: None,
        hashes: &[],
        superseded: &[],
        customers: &[],
        billing_accounts: &[],
        record: &NOTHING,
    }
}

fn seen(id: CustomerTenantId, name: &str, offer: Offer) -> CustomerSeen {
    CustomerSeen {
        tenant_id: id,
        name: Some(name.to_owned()),
        domain: None,
        offer: Some(offer),
        currency: Some("USD".parse().unwrap()),
    }
}

#[tokio::test]
async fn an_import_runs_commits_and_is_superseded() {
    let it = Fixture::new().await;
    let (first, second) = (ImportId::new(at(0)), ImportId::new(at(5)));
    let record = json!({ "id": first, "z": 1, "a": [1, 2] });
    let hashes = ["AB".repeat(32), "cd".repeat(32)];
    let running = StoredImport { hashes: &hashes, record: &record, ..import(first, ImportState::Running) };
    it.control.store_import(&running).await.unwrap();
    assert_eq!(it.control.imports_in_state(ImportState::Running).await.unwrap().len(), 1);

    let committed =
        StoredImport { state: ImportState::Committed, version: Some(3), finished_at: Some(at(9)), ..running.clone() };
    it.control.store_import(&committed).await.unwrap();
    it.control.store_import(&committed).await.unwrap();
    let row = it.control.import(first).await.unwrap().unwrap();
    assert_eq!((row.state, row.version, row.finished_at), (ImportState::Committed, Some(3), Some(at(9))));
    assert_eq!(row.record.to_string(), record.to_string());
    assert_eq!(it.control.imports_in_state(ImportState::Running).await.unwrap(), vec![]);
    assert_eq!(it.control.imports_by_hash(&"ab".repeat(32)).await.unwrap(), vec![row.clone()]);
    assert_eq!(it.control.imports_by_hash(&"CD".repeat(32)).await.unwrap(), vec![row]);
    assert_eq!(it.control.imports_by_hash("00").await.unwrap(), vec![]);

    let later = StoredImport { superseded: &[first, second], ..import(second, ImportState::Committed) };
    it.control.store_import(&later).await.unwrap();
    assert_eq!(it.control.import(first).await.unwrap().unwrap().superseded_by, Some(second));
    let ids: Vec<_> = it.control.imports().await.unwrap().into_iter().map(|r| (r.id, r.superseded_by)).collect();
    assert_eq!(ids, [(second, None), (first, Some(second))]);
    // Storing the older one again does not make it live.
    it.control.store_import(&committed).await.unwrap();
    assert_eq!(it.control.import(first).await.unwrap().unwrap().superseded_by, Some(second));
    assert_eq!(it.actions().await, ["import.commit", "import.commit"]);
}

#[tokio::test]
async fn what_is_committed_stays_so() {
    let it = Fixture::new().await;
    let id = ImportId::new(at(0));
    it.control.store_import(&import(id, ImportState::Committed)).await.unwrap();
    for state in [ImportState::Running, ImportState::Failed, ImportState::Abandoned] {
        let hashes = ["ee".to_owned()];
        let back = StoredImport { hashes: &hashes, error: Some("no"), ..import(id, state) };
        assert!(matches!(it.control.store_import(&back).await, Err(ControlError::Conflict { .. })));
    }
    let row = it.control.import(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.error), (ImportState::Committed, None));
    assert_eq!(it.control.imports_by_hash("ee").await.unwrap(), vec![]);
}

#[tokio::test]
async fn customers_seen_never_overwrite_an_operator() {
    let it = Fixture::new().await;
    let (known, new) = (CustomerTenantId(Uuid::from_u128(1)), CustomerTenantId(Uuid::from_u128(2)));
    let change = CustomerChange {
        name: Some("By hand".to_owned()),
        offers: Some([Offer::MsAzr0145p].into()),
        ..CustomerChange::default()
    };
    it.control.set_customer(known, &change).await.unwrap();
    let customers = [seen(known, "From file", Offer::AzurePlan), seen(new, "New", Offer::AzurePlan)];
    let running = StoredImport { customers: &customers, ..import(ImportId::new(at(0)), ImportState::Running) };
    it.control.store_import(&running).await.unwrap();
    assert_eq!(it.control.customers().await.unwrap().len(), 1, "only a commit teaches");
    it.control.store_import(&StoredImport { state: ImportState::Committed, ..running }).await.unwrap();

    let customer = it.control.customer(known).await.unwrap().unwrap();
    assert_eq!((customer.name.as_str(), customer.currency.unwrap().as_str()), ("By hand", "USD"));
    assert_eq!(customer.offers, [Offer::MsAzr0145p].into());
    let customer = it.control.customer(new).await.unwrap().unwrap();
    assert_eq!((customer.name.as_str(), customer.offers.len()), ("New", 1));

    // A later file renames it and proves another offer; a nameless one takes nothing away.
    for (seconds, customer) in [
        (1, seen(new, "Newer", Offer::MsAzr0145p)),
        (2, CustomerSeen { offer: None, currency: None, ..seen(new, "", Offer::AzurePlan) }),
    ] {
        let customers = [customer];
        let next = StoredImport { customers: &customers, ..import(ImportId::new(at(seconds)), ImportState::Committed) };
        it.control.store_import(&next).await.unwrap();
    }
    let customer = it.control.customer(new).await.unwrap().unwrap();
    assert_eq!((customer.name.as_str(), customer.offers.len()), ("Newer", 2));
    // An operator's offers count alone, until they are taken back.
    let change = CustomerChange { offers: Some([Offer::AzurePlan].into()), ..CustomerChange::default() };
    assert_eq!(it.control.set_customer(new, &change).await.unwrap().offers.len(), 1);
    let back = CustomerChange { offers: Some([].into()), ..CustomerChange::default() };
    assert_eq!(it.control.set_customer(new, &back).await.unwrap().offers.len(), 2);
}

#[tokio::test]
async fn ea_accounts_get_an_enrolment_unless_someone_decided() {
    let it = Fixture::new().await;
    let accounts: Vec<BillingAccountId> =
        ["100", "200", "300", "with:colon"].iter().map(|a| a.parse().unwrap()).collect();
    // 200 answers under another number; number 300 stands for another account.
    it.control.set_enrolment(&"ours".parse().unwrap(), &accounts[1..2]).await.unwrap();
    it.control.set_enrolment(&"300".parse().unwrap(), &["elsewhere".parse().unwrap()]).await.unwrap();
    let other_kind = StoredImport {
        kind: Some(SourceKind::RatedUsage.as_str()),
        billing_accounts: &accounts,
        ..import(ImportId::new(at(0)), ImportState::Committed)
    };
    it.control.store_import(&other_kind).await.unwrap();
    assert_eq!(it.control.enrolments().await.unwrap().len(), 2);
    for seconds in [1, 2] {
        let ea =
            StoredImport { billing_accounts: &accounts, ..import(ImportId::new(at(seconds)), ImportState::Committed) };
        it.control.store_import(&ea).await.unwrap();
    }
    let all = it.control.enrolments().await.unwrap();
    let numbers: Vec<_> = all.iter().map(|e| (e.number.as_str(), e.billing_accounts[0].as_str())).collect();
    assert_eq!(numbers, [("100", "100"), ("300", "elsewhere"), ("ours", "200")]);
}
