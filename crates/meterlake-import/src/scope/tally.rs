//! What the new files hold, counted while their rows stream by.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, Decimal128Array};
use meterlake_lake::ScopeValues;
use meterlake_lake::charges::columns;
use meterlake_model::{Amount, BillingPeriod, Fixed, Quantity};

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

/// Inserts without allocating for what is there already.
pub(crate) fn insert(set: &mut BTreeSet<String>, value: &str) {
    if !set.contains(value) {
        set.insert(value.to_owned());
    }
}
