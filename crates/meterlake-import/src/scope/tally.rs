//! What the new files hold, counted while their rows stream by.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};
use meterlake_lake::ScopeValues;
use meterlake_lake::charges::columns;
use meterlake_model::{Amount, BillingPeriod, Fixed, Quantity};

use super::access::column;
use super::digest::row_digests;
use crate::ImportError;

/// Place of the billing currency in [`columns::SCOPE`].
const CURRENCY: usize = place_of(columns::BILLING_CURRENCY);

/// Place of a column in [`columns::SCOPE`], behind its end when it is none of them.
const fn place_of(column: &str) -> usize {
    let mut at = 0;
    while at < columns::SCOPE.len() && !same(columns::SCOPE[at].as_bytes(), column.as_bytes()) {
        at += 1;
    }
    at
}

/// Equality in constants, where `==` of texts cannot stand.
const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// One scope and billing period: rows of one set are replaced together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SetKey {
    /// Values of [`columns::SCOPE`].
    pub(crate) scope: ScopeValues,
    pub(crate) period: BillingPeriod,
}

/// A scope but for its currency: what one kind of export of one account covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) account: String,
    pub(crate) export: String,
    pub(crate) basis: String,
    pub(crate) state: String,
}

impl Family {
    pub(crate) fn of(scope: &ScopeValues) -> Self {
        let [kind, account, export, basis, _, state] = scope.clone();
        Self { kind, account, export, basis, state }
    }
}

impl SetKey {
    pub(crate) fn currency(&self) -> &str {
        &self.scope[CURRENCY]
    }

    pub(crate) fn family(&self) -> Family {
        Family::of(&self.scope)
    }
}

/// Exact sums of cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) rows: u64,
    pub(crate) billed: Option<Amount>,
    pub(crate) effective: Option<Amount>,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), ImportError> {
        self.rows += other.rows;
        add_to(&mut self.billed, other.billed, "billed cost")?;
        add_to(&mut self.effective, other.effective, "effective cost")
    }

    /// Adds the costs of one row.
    pub(crate) fn add_row(
        &mut self,
        billed: &Decimal128Array,
        effective: &Decimal128Array,
        row: usize,
    ) -> Result<(), ImportError> {
        self.rows += 1;
        add_to(&mut self.billed, decimal(billed, row)?, "billed cost")?;
        add_to(&mut self.effective, decimal(effective, row)?, "effective cost")
    }
}

/// Adds to a sum that is none until the first value; never wraps.
pub(crate) fn add_to<const S: u32>(
    sum: &mut Option<Fixed<S>>,
    value: Option<Fixed<S>>,
    what: &str,
) -> Result<(), ImportError> {
    if let Some(value) = value {
        let old = sum.unwrap_or(Fixed::ZERO);
        *sum = Some(old.checked_add(value).map_err(|_| ImportError::TotalTooLarge { what: what.to_owned() })?);
    }
    Ok(())
}

fn decimal<const S: u32>(array: &Decimal128Array, row: usize) -> Result<Option<Fixed<S>>, ImportError> {
    if array.is_null(row) {
        return Ok(None);
    }
    let value = Fixed::from_unscaled(array.value(row));
    value.map(Some).map_err(|_| ImportError::TotalTooLarge { what: "a single value".to_owned() })
}

/// What is counted about one set.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetTally {
    pub(crate) sums: Sums,
    pub(crate) quantity: BTreeMap<String, Quantity>,
    pub(crate) digest: u128,
    /// Rows by ordinal of the source file.
    pub(crate) files: BTreeMap<u32, u64>,
    pub(crate) subscriptions: BTreeSet<String>,
    pub(crate) customers: BTreeSet<String>,
    /// Days since 1970-01-01.
    pub(crate) days: BTreeSet<i32>,
    /// First and last day of the billing period as the rows state it.
    pub(crate) stated_period: Option<(i32, i32)>,
}

/// Name and domain of a customer, and the currency of its first charge.
#[derive(Clone, Debug, Default)]
pub(crate) struct CustomerFacts {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) currency: String,
}

/// Everything counted over all files of an import. Grows with the number of distinct subscriptions and customers,
/// not with the number of rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sets: BTreeMap<SetKey, SetTally>,
    pub(crate) customers: BTreeMap<String, CustomerFacts>,
    /// Name by billing account.
    pub(crate) accounts: BTreeMap<String, String>,
}

struct Columns<'a> {
    scope: [&'a StringArray; 6],
    period: &'a Int32Array,
    day: &'a Date32Array,
    period_start: &'a Date32Array,
    period_end: &'a Date32Array,
    account_name: &'a StringArray,
    subscription: &'a StringArray,
    customer: &'a StringArray,
    customer_name: &'a StringArray,
    customer_domain: &'a StringArray,
    unit: &'a StringArray,
    quantity: &'a Decimal128Array,
    billed: &'a Decimal128Array,
    effective: &'a Decimal128Array,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ImportError> {
        let text = |name| column::<StringArray>(batch, name);
        Ok(Self {
            scope: [
                text(columns::SOURCE_KIND)?,
                text(columns::BILLING_ACCOUNT_ID)?,
                text(columns::EXPORT_SCOPE)?,
                text(columns::COST_BASIS)?,
                text(columns::BILLING_CURRENCY)?,
                text(columns::INVOICE_STATE)?,
            ],
            period: column(batch, columns::BILLING_PERIOD)?,
            day: column(batch, columns::USAGE_DATE)?,
            period_start: column(batch, columns::BILLING_PERIOD_START)?,
            period_end: column(batch, columns::BILLING_PERIOD_END)?,
            account_name: text(columns::BILLING_ACCOUNT_NAME)?,
            subscription: text(columns::SUBSCRIPTION_ID)?,
            customer: text(columns::CUSTOMER_TENANT_ID)?,
            customer_name: text(columns::CUSTOMER_NAME)?,
            customer_domain: text(columns::CUSTOMER_DOMAIN)?,
            unit: text(columns::UNIT_OF_MEASURE)?,
            quantity: column(batch, columns::QUANTITY)?,
            billed: column(batch, columns::BILLED_COST)?,
            effective: column(batch, columns::EFFECTIVE_COST)?,
        })
    }

    fn is_in(&self, row: usize, key: &SetKey) -> bool {
        self.period.value(row) == key.period.number()
            && self.scope.iter().zip(&key.scope).all(|(array, value)| array.value(row) == value)
    }

    fn key(&self, row: usize) -> Result<SetKey, ImportError> {
        let number = self.period.value(row);
        let period = BillingPeriod::from_number(number).ok_or_else(|| {
            ImportError::Lake(meterlake_lake::LakeError::Rows(format!("{number} is not a billing period")))
        })?;
        Ok(SetKey { scope: self.scope.map(|array| array.value(row).to_owned()), period })
    }
}

impl Tally {
    /// Counts a batch of the source file with this ordinal.
    pub(crate) fn add(&mut self, batch: &RecordBatch, file: u32) -> Result<(), ImportError> {
        let columns = Columns::of(batch)?;
        let digests = row_digests(batch)?;
        let mut row = 0;
        while row < batch.num_rows() {
            let key = columns.key(row)?;
            let set = self.sets.entry(key.clone()).or_default();
            let start = row;
            // Rows of one set come in runs, so the set is looked up once a run.
            while row < batch.num_rows() && columns.is_in(row, &key) {
                set.add(&columns, row, digests[row])?;
                row += 1;
            }
            *set.files.entry(file).or_default() += (row - start) as u64;
        }
        self.see_names(&columns, batch.num_rows());
        Ok(())
    }

    fn see_names(&mut self, columns: &Columns<'_>, rows: usize) {
        for row in 0..rows {
            let account = columns.scope[1].value(row);
            if self.accounts.get(account).is_none_or(String::is_empty) {
                self.accounts.insert(account.to_owned(), columns.account_name.value(row).to_owned());
            }
            let customer = columns.customer.value(row);
            if customer.is_empty() {
                continue;
            }
            let facts = match self.customers.get_mut(customer) {
                Some(facts) => facts,
                None => self.customers.entry(customer.to_owned()).or_default(),
            };
            for (fact, array) in [
                (&mut facts.name, columns.customer_name),
                (&mut facts.domain, columns.customer_domain),
                (&mut facts.currency, columns.scope[CURRENCY]),
            ] {
                if fact.is_empty() {
                    array.value(row).clone_into(fact);
                }
            }
        }
    }
}

impl SetTally {
    fn add(&mut self, columns: &Columns<'_>, row: usize, digest: u128) -> Result<(), ImportError> {
        self.digest = self.digest.wrapping_add(digest);
        self.sums.add_row(columns.billed, columns.effective, row)?;
        if let Some(value) = decimal::<20>(columns.quantity, row)? {
            let unit = columns.unit.value(row);
            let mut sum = self.quantity.get(unit).copied();
            add_to(&mut sum, Some(value), "quantity")?;
            match (self.quantity.get_mut(unit), sum) {
                (Some(old), Some(new)) => *old = new,
                (None, Some(new)) => drop(self.quantity.insert(unit.to_owned(), new)),
                (_, None) => {}
            }
        }
        self.days.insert(columns.day.value(row));
        insert(&mut self.subscriptions, columns.subscription.value(row));
        insert(&mut self.customers, columns.customer.value(row));
        if columns.period_start.is_valid(row) && columns.period_end.is_valid(row) {
            let (start, end) = (columns.period_start.value(row), columns.period_end.value(row));
            let old = self.stated_period.unwrap_or((start, end));
            self.stated_period = Some((old.0.min(start), old.1.max(end)));
        }
        Ok(())
    }
}

/// Inserts without allocating for what is there already.
pub(crate) fn insert(set: &mut BTreeSet<String>, value: &str) {
    if !set.contains(value) {
        set.insert(value.to_owned());
    }
}
