//! A data folder, a journal and small source files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::arrow::array::{Array, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use meterlake_import::{
    DatasetRecord, ImportError, ImportJournal, ImportRecord, ImportRequest, ImportState, JournalError, NoProgress,
    Outcome, ScopeOption, import_charges,
};
use meterlake_lake::Lake;
use meterlake_model::{Amount, CostBasis, Day, ImportId, SharedClock, SteppingClock};
use tempfile::TempDir;

/// A journal in memory.
#[derive(Default)]
pub(crate) struct MemoryJournal(
    pub(super) Mutex<BTreeMap<ImportId, ImportRecord>>,
    pub(crate) Mutex<BTreeMap<ImportId, DatasetRecord>>,
);

#[async_trait]
impl ImportJournal for MemoryJournal {
    async fn store(&self, record: &ImportRecord) -> Result<(), JournalError> {
        // Through JSON, as a real journal keeps it.
        let json = serde_json::to_string(record)?;
        self.0.lock().unwrap().insert(record.id, serde_json::from_str(&json)?);
        Ok(())
    }

    async fn get(&self, id: ImportId) -> Result<Option<ImportRecord>, JournalError> {
        Ok(self.0.lock().unwrap().get(&id).cloned())
    }

    async fn running(&self) -> Result<Vec<ImportRecord>, JournalError> {
        Ok(self.all(|r| r.state == ImportState::Running))
    }

    async fn find_by_hash(&self, sha256: &str) -> Result<Vec<ImportRecord>, JournalError> {
        Ok(self.all(|r| r.state == ImportState::Committed && r.hashes().iter().any(|h| h == sha256)))
    }

    async fn committed(&self) -> Result<Vec<ImportRecord>, JournalError> {
        Ok(self.all(|r| r.state == ImportState::Committed))
    }

    async fn store_dataset(&self, record: &DatasetRecord) -> Result<(), JournalError> {
        let json = serde_json::to_string(record)?;
        self.1.lock().unwrap().insert(record.id, serde_json::from_str(&json)?);
        Ok(())
    }

    async fn dataset(&self, id: ImportId) -> Result<Option<DatasetRecord>, JournalError> {
        Ok(self.1.lock().unwrap().get(&id).cloned())
    }

    async fn committed_datasets(&self) -> Result<BTreeSet<ImportId>, JournalError> {
        let held = self.1.lock().unwrap();
        let known = held.values().filter(|r| r.state == ImportState::Committed && r.version.is_some());
        Ok(known.map(|r| r.id).collect())
    }

    async fn running_datasets(&self) -> Result<Vec<DatasetRecord>, JournalError> {
        let held = self.1.lock().unwrap();
        Ok(held.values().filter(|r| r.state == ImportState::Running).cloned().collect())
    }
}

impl MemoryJournal {
    pub(super) fn all(&self, pick: impl Fn(&ImportRecord) -> bool) -> Vec<ImportRecord> {
        self.0.lock().unwrap().values().filter(|r| pick(r)).cloned().collect()
    }
}

/// A row of the lake, as far as the tests look at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) period: i32,
    pub(super) day: String,
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) basis: String,
    pub(super) currency: String,
    pub(super) state: String,
    pub(super) subscription: String,
    pub(super) customer: String,
    pub(super) billed: Option<Amount>,
    pub(super) effective: Option<Amount>,
    pub(super) import: String,
}

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) lake: Lake,
    pub(super) journal: MemoryJournal,
    pub(super) clock: Arc<SteppingClock>,
}

impl World {
    /// An empty lake on 2024-11-20.
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = Lake::open_path(&folder.path().join("data/lake")).await.unwrap();
        let now: Day = "2024-11-20".parse().unwrap();
        let clock = Arc::new(SteppingClock::at(now.midnight()));
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
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// Imports with the basis given, changed by `change`.
    pub(super) async fn import_with(
        &self,
        paths: &[&Path],
        change: impl FnOnce(&mut ImportRequest),
    ) -> Result<Outcome, ImportError> {
        self.clock.advance(chrono::TimeDelta::seconds(1));
        let mut request =
            ImportRequest { paths: paths.iter().map(|p| p.to_path_buf()).collect(), ..ImportRequest::default() };
        change(&mut request);
        import_charges(&self.lake, &self.journal, self.clock(), &self.data(), request, Arc::new(NoProgress)).await
    }

    /// Imports actual cost.
    pub(super) async fn actual(&self, paths: &[&Path]) -> Result<Outcome, ImportError> {
        self.import_with(paths, |r| r.options.basis = Some(CostBasis::Actual)).await
    }

    /// Imports actual cost with a `--scope`.
    pub(super) async fn scoped(&self, path: &Path, scope: &str) -> Result<Outcome, ImportError> {
        self.import_with(&[path], |r| {
            r.options.basis = Some(CostBasis::Actual);
            r.scope = ScopeOption::parse(&[scope]).unwrap();
        })
        .await
    }

    pub(super) async fn version(&self) -> u64 {
        self.lake.charges().await.unwrap().version()
    }

    /// Every live row.
    pub(super) async fn rows(&self) -> Vec<Row> {
        let snapshot = self.lake.charges().await.unwrap();
        let context = meterlake_lake::session_context(64 << 20, None).unwrap();
        let names = [
            "billing_period",
            "usage_date",
            "source_kind",
            "billing_account_id",
            "cost_basis",
            "billing_currency",
            "invoice_state",
            "subscription_id",
            "customer_tenant_id",
            "billed_cost",
            "effective_cost",
            "import_id",
        ];
        let frame = context.read_table(snapshot.provider()).unwrap().select_columns(&names).unwrap();
        let mut rows: Vec<Row> = frame.collect().await.unwrap().iter().flat_map(rows_of).collect();
        rows.sort();
        rows
    }

    /// Exact sum of billed cost over the rows that `pick` picks.
    pub(super) async fn billed(&self, pick: impl Fn(&Row) -> bool) -> String {
        sum(self.rows().await.iter().filter(|r| pick(r)).filter_map(|r| r.billed))
    }
}

pub(super) fn sum(amounts: impl Iterator<Item = Amount>) -> String {
    amounts.fold(Amount::ZERO, |a, b| a.checked_add(b).unwrap()).to_string()
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let text = |at: usize| {
        let array = cast(batch.column(at), &DataType::Utf8).unwrap();
        array.as_any().downcast_ref::<StringArray>().unwrap().clone()
    };
    let periods = batch.column(0).as_any().downcast_ref::<Int32Array>().unwrap().clone();
    let days = batch.column(1).as_any().downcast_ref::<Date32Array>().unwrap().clone();
    let texts: Vec<StringArray> = [2, 3, 4, 5, 6, 7, 8, 11].map(text).to_vec();
    let cost = |at: usize, row: usize| {
        let array = batch.column(at).as_any().downcast_ref::<Decimal128Array>().unwrap();
        (!array.is_null(row)).then(|| Amount::from_unscaled(array.value(row)).unwrap())
    };
    (0..batch.num_rows())
        .map(|row| {
            let text = |at: usize| texts[at].value(row).to_owned();
            Row {
                period: periods.value(row),
                day: Day::from_since_epoch(days.value(row)).unwrap().to_string(),
                kind: text(0),
                account: text(1),
                basis: text(2),
                currency: text(3),
                state: text(4),
                subscription: text(5),
                customer: text(6),
                billed: cost(9, row),
                effective: cost(10, row),
                import: text(7),
            }
        })
        .collect()
}

/// Data files in the folder of the table, live or not.
pub(super) fn data_files(world: &World) -> usize {
    let mut found = 0;
    for partition in std::fs::read_dir(world.data().join("lake/charges")).unwrap() {
        let partition = partition.unwrap();
        if partition.file_name().to_string_lossy().starts_with("billing_period=") {
            found += std::fs::read_dir(partition.path()).unwrap().count();
        }
    }
    found
}

/// The record of a committed import.
pub(super) fn committed(outcome: Result<Outcome, ImportError>) -> ImportRecord {
    match outcome {
        Ok(Outcome::Committed(record)) => *record,
        Ok(other) => panic!("not committed: {other:?}"),
        Err(error) => panic!("not committed: {error}"),
    }
}

pub(super) fn is_current(outcome: &Result<Outcome, ImportError>) -> bool {
    matches!(outcome, Ok(Outcome::AlreadyCurrent(_)))
}

/// One charge of an EA export: day `yyyy-MM-dd`, subscription letter, cost, currency.
pub(super) type Charge<'a> = (&'a str, &'a str, &'a str, &'a str);

pub(super) const SUBSCRIPTION: &str = "-0000-4000-8000-000000000000";

pub(super) fn subscription(letter: &str) -> String {
    format!("{}{SUBSCRIPTION}", letter.repeat(8))
}

/// An EA cost export of account 100 without anything that proves its basis.
pub(super) fn ea(charges: &[Charge<'_>]) -> String {
    ea_of("100", charges)
}

pub(super) fn ea_of(account: &str, charges: &[Charge<'_>]) -> String {
    let mut text = String::from(
        "BillingAccountId,BillingAccountName,BillingPeriodStartDate,BillingPeriodEndDate,AccountOwnerId,\
         SubscriptionId,SubscriptionName,Date,MeterId,MeterCategory,Quantity,EffectivePrice,Cost,BillingCurrency,\
         UnitOfMeasure,ResourceId,ChargeType,PricingModel\r\n",
    );
    for (day, letter, cost, currency) in charges {
        let month = &day[..7];
        let last = Day::from_ymd(day[..4].parse().unwrap(), day[5..7].parse().unwrap(), 1).unwrap();
        let last = meterlake_model::BillingPeriod::containing(last).last_day();
        text.push_str(&format!(
            "{account},Contoso,{month}-01,{last},owner@contoso.com,{},Sub {letter},{day},meter-1,Compute,1,{cost},\
             {cost},{currency},1 Hour,/r/{letter},Usage,OnDemand\r\n",
            subscription(letter)
        ));
    }
    text
}

pub(super) const ALPHA: &str = "aaaaaaaa-1111-4111-8111-111111111111";
pub(super) const BETA: &str = "bbbbbbbb-2222-4222-8222-222222222222";

/// Daily rated usage: day, customer, cost, currency.
pub(super) fn rated(charges: &[(&str, &str, &str, &str)]) -> String {
    let mut text = String::from(
        "PartnerId,PartnerName,CustomerId,CustomerName,CustomerDomainName,InvoiceNumber,SubscriptionId,\
         EntitlementId,EntitlementDescription,ChargeStartDate,ChargeEndDate,UsageDate,MeterId,MeterCategory,Unit,\
         ChargeType,UnitPrice,Quantity,BillingPreTaxTotal,BillingCurrency\r\n",
    );
    for (day, customer, cost, currency) in charges {
        let period = meterlake_model::BillingPeriod::containing(day.parse().unwrap());
        text.push_str(&format!(
            "partner-1,Fabrikam,{customer},Customer {},{}.example,,sub-{customer},ent-{customer},Entitlement,{},{},\
             {day},meter-1,Compute,1 Hour,Usage,{cost},1,{cost},{currency}\r\n",
            &customer[..1],
            &customer[..8],
            period.first_day(),
            period.last_day(),
        ));
    }
    text
}

/// The manifest of a cost export of account 100 with one blob.
pub(super) fn manifest(blob: &str, days: (&str, &str), submitted: &str) -> String {
    serde_json::json!({
        "manifestVersion": "2024-04-01",
        "blobCount": 1,
        "exportConfig": {
            "exportName": "e",
            "resourceId": "/providers/Microsoft.Billing/billingAccounts/100",
            "dataVersion": "2021-10-01",
            "type": "ActualCost",
        },
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": submitted,
            "runId": "00000000-0000-4000-8000-000000000001",
            "startDate": format!("{}T00:00:00", days.0),
            "endDate": format!("{}T00:00:00", days.1),
        },
        "blobs": [{ "blobName": blob }],
    })
    .to_string()
}

/// Priced utilization records of one customer's subscription: day, cost.
pub(super) fn utilization(customer: &str, letter: &str, charges: &[(&str, &str)]) -> String {
    let items: Vec<serde_json::Value> = charges
        .iter()
        .map(|(day, cost)| {
            serde_json::json!({
                "usageStartTime": format!("{day}T00:00:00+00:00"), "usageEndTime": format!("{day}T23:00:00+00:00"),
                "resource": { "id": "meter-1", "name": "M", "category": "Compute", "subcategory": "", "region": "" },
                "quantity": 1, "unit": "1 Hour", "infoFields": {},
                "instanceData": { "resourceUri": format!("/subscriptions/{}", subscription(letter)) },
                "unitPrice": cost.parse::<serde_json::Number>().unwrap(),
                "cost": cost.parse::<serde_json::Number>().unwrap(),
            })
        })
        .collect();
    serde_json::json!({
        "totalCount": items.len(), "partnerId": "partner-1", "customerId": customer, "customerName": "Customer",
        "customerDomain": "c.example", "subscriptionId": subscription(letter), "subscriptionName": letter,
        "currency": "EUR", "items": items,
    })
    .to_string()
}
