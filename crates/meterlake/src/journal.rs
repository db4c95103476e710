//! The importer's journal, kept in the control state.

use std::collections::BTreeSet;

use async_trait::async_trait;
use meterlake_control::{Control, CustomerSeen, ImportRow, ImportState, StoredImport, TenantKind};
use meterlake_import::{Dataset, DatasetRecord, ImportJournal, ImportRecord, JournalError, TenantSeen};
use meterlake_model::{BillingAccountId, CustomerTenantId, ImportId};

/// Import records in the control state.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    control: Control,
}

impl Journal {
    pub(crate) fn new(control: Control) -> Self {
        Self { control: control.acting_as("import") }
    }

    /// The record of one import.
    pub(crate) async fn record(&self, id: ImportId) -> anyhow::Result<Option<Record>> {
        Ok(self.control.import(id).await?.map(read).transpose()?)
    }

    /// The records of all imports, newest first.
    pub(crate) async fn all(&self) -> anyhow::Result<Vec<Record>> {
        Ok(self.control.imports().await?.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Paths of the files of all imports, as they were given.
    pub(crate) async fn all_files(&self) -> anyhow::Result<Vec<String>> {
        let paths = |record: Record| -> Vec<String> {
            match record {
                Record::Charges(record) => record.files.into_iter().map(|f| f.path).collect(),
                Record::Dataset(record) => record.files.into_iter().map(|f| f.path).collect(),
            }
        };
        Ok(self.all().await?.into_iter().flat_map(paths).collect())
    }

    /// Adds the tenants that an import brought reports of, where they are not known yet: the reports are asked for by
    /// tenant. What is known of a tenant stays.
    async fn learn_tenants(&self, tenants: &[TenantSeen]) -> Result<(), JournalError> {
        for seen in tenants {
            if self.control.tenant(seen.tenant_id).await?.is_some() {
                continue;
            }
            let free = !seen.domain.is_empty() && self.control.find_tenant(&seen.domain).await?.is_none();
            let domains: Vec<String> = some(&seen.domain).filter(|_| free).into_iter().collect();
            let kind = Some(TenantKind::B2c);
            if let Err(error) = self.control.set_tenant(seen.tenant_id, kind, &domains).await {
                // A text that cannot be a domain must not lose the tenant.
                tracing::warn!(%error, domain = seen.domain, "domain of a tenant passed over");
                self.control.set_tenant(seen.tenant_id, kind, &[]).await?;
            }
        }
        Ok(())
    }
}

/// A record of any kind of import. As JSON, only those of datasets have a member `dataset`.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Record {
    /// Of charges.
    Charges(Box<ImportRecord>),
    /// Of a dataset.
    Dataset(Box<DatasetRecord>),
}

impl Record {
    fn charges(self) -> Option<ImportRecord> {
        match self {
            Self::Charges(record) => Some(*record),
            Self::Dataset(_) => None,
        }
    }

    fn dataset(self) -> Option<DatasetRecord> {
        match self {
            Self::Charges(_) => None,
            Self::Dataset(record) => Some(*record),
        }
    }
}

fn read(row: ImportRow) -> Result<Record, serde_json::Error> {
    if row.record.get("dataset").is_some() {
        return serde_json::from_value(row.record).map(|r| Record::Dataset(Box::new(r)));
    }
    serde_json::from_value(row.record).map(|r| Record::Charges(Box::new(r)))
}

fn read_all<T>(rows: Vec<ImportRow>, pick: impl Fn(Record) -> Option<T>) -> Result<Vec<T>, JournalError> {
    let records = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(records.into_iter().filter_map(pick).collect())
}

fn state(state: meterlake_import::ImportState) -> ImportState {
    match state {
        meterlake_import::ImportState::Running => ImportState::Running,
        meterlake_import::ImportState::Committed => ImportState::Committed,
        meterlake_import::ImportState::Unchanged => ImportState::Unchanged,
        meterlake_import::ImportState::Failed => ImportState::Failed,
        meterlake_import::ImportState::Abandoned => ImportState::Abandoned,
    }
}

/// Empty texts of the importer are absent values here.
fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[async_trait]
impl ImportJournal for Journal {
    async fn store(&self, record: &ImportRecord) -> Result<(), JournalError> {
        let customers: Vec<CustomerSeen> = record
            .customers
            .iter()
            .map(|c| CustomerSeen {
                tenant_id: c.tenant_id,
                name: some(&c.name),
                domain: some(&c.domain),
                offer: c.offer,
                currency: c.currency.clone(),
            })
            .collect();
        // An account id that is no valid id cannot be mapped to an enrolment; its charges are in the lake all the same.
        let accounts: Vec<BillingAccountId> =
            record.billing_accounts.iter().filter_map(|a| a.id.parse().ok()).collect();
        let hashes = record.hashes();
        let json = serde_json::to_value(record)?;
        let stored = StoredImport {
            id: record.id,
            state: state(record.state),
            kind: Some(record.kind.as_str()),
            started_at: record.started_at,
            finished_at: record.finished_at,
            version: record.version,
            error: record.error.as_deref(),
            hashes: &hashes,
            superseded: &record.superseded,
            customers: &customers,
            billing_accounts: &accounts,
            record: &json,
        };
        Ok(self.control.store_import(&stored).await?)
    }

    async fn get(&self, id: ImportId) -> Result<Option<ImportRecord>, JournalError> {
        Ok(self.control.import(id).await?.map(read).transpose()?.and_then(Record::charges))
    }

    async fn running(&self) -> Result<Vec<ImportRecord>, JournalError> {
        read_all(self.control.imports_in_state(ImportState::Running).await?, Record::charges)
    }

    async fn find_by_hash(&self, sha256: &str) -> Result<Vec<ImportRecord>, JournalError> {
        let rows = self.control.imports_by_hash(sha256).await?;
        read_all(rows.into_iter().filter(|row| row.state == ImportState::Committed).collect(), Record::charges)
    }

    async fn committed(&self) -> Result<Vec<ImportRecord>, JournalError> {
        read_all(self.control.imports_in_state(ImportState::Committed).await?, Record::charges)
    }

    async fn store_dataset(&self, record: &DatasetRecord) -> Result<(), JournalError> {
        let licences = record.dataset == Dataset::Licences;
        // Tenants first: a record that says committed is not looked at again.
        if record.state == meterlake_import::ImportState::Committed && !licences {
            self.learn_tenants(&record.tenants).await?;
        }
        let customer = |tenant: &TenantSeen| CustomerSeen {
            tenant_id: CustomerTenantId(tenant.tenant_id.0),
            name: None,
            domain: some(&tenant.domain),
            offer: None,
            currency: None,
        };
        let customers: Vec<CustomerSeen> = record.tenants.iter().filter(|_| licences).map(customer).collect();
        let hashes = record.hashes();
        let json = serde_json::to_value(record)?;
        let stored = StoredImport {
            id: record.id,
            state: state(record.state),
            kind: Some(record.dataset.as_str()),
            started_at: record.started_at,
            finished_at: record.finished_at,
            version: record.version,
            error: record.error.as_deref(),
            hashes: &hashes,
            superseded: &[],
            customers: &customers,
            billing_accounts: &[],
            record: &json,
        };
        Ok(self.control.store_import(&stored).await?)
    }

    async fn dataset(&self, id: ImportId) -> Result<Option<DatasetRecord>, JournalError> {
        Ok(self.control.import(id).await?.map(read).transpose()?.and_then(Record::dataset))
    }

    async fn committed_datasets(&self) -> Result<BTreeSet<ImportId>, JournalError> {
        let rows = self.control.imports_in_state(ImportState::Committed).await?;
        let known = rows.into_iter().filter(|row| row.version.is_some() && row.record.get("dataset").is_some());
        Ok(known.map(|row| row.id).collect())
    }

    async fn running_datasets(&self) -> Result<Vec<DatasetRecord>, JournalError> {
        read_all(self.control.imports_in_state(ImportState::Running).await?, Record::dataset)
    }
}
