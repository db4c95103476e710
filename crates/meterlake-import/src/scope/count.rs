//! Counting coded rows: what [`Tally`] says, by codes while rows come, by names in the end.

use std::collections::{BTreeSet, HashMap};

use meterlake_lake::charges::columns::{self, COLUMNS};
use meterlake_lake::coded::{Cells, CodedColumn, CodedRows, EMPTY, Number, TextDictionary};
use meterlake_lake::{LakeError, ScopeValues};
use meterlake_model::{Amount, BillingPeriod, Fixed, Quantity};

use super::coded_digest::coded_digests;
use super::tally::{SetKey, SetTally, Tally, add_to};
use crate::ImportError;

/// A tally in the making.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    tally: Tally,
    sets: Vec<CodedSet>,
    by_key: HashMap<([u32; 6], i32), usize>,
    named_accounts: Vec<bool>,
    known_customers: Vec<bool>,
}

/// A set, by codes.
#[derive(Debug)]
struct CodedSet {
    codes: [u32; 6],
    period: i32,
    key: SetKey,
    set: SetTally,
    /// By code of the unit; codes of units are few.
    quantity: Vec<Option<Quantity>>,
    subscriptions: Vec<bool>,
    customers: Vec<bool>,
    last_day: Option<i32>,
}

/// The columns that count, with their dictionaries.
struct Columns<'a> {
    scope: [Text<'a>; 6],
    period: &'a Cells<i32>,
    day: &'a Cells<i32>,
    period_start: &'a Cells<i32>,
    period_end: &'a Cells<i32>,
    account_name: Text<'a>,
    subscription: Text<'a>,
    customer: Text<'a>,
    customer_name: Text<'a>,
    customer_domain: Text<'a>,
    unit: Text<'a>,
    quantity: &'a Cells<i128>,
    billed: &'a Cells<i128>,
    effective: &'a Cells<i128>,
}

#[derive(Clone, Copy)]
struct Text<'a> {
    dictionary: Option<&'a TextDictionary>,
    codes: &'a Cells<u32>,
}

impl<'a> Text<'a> {
    fn code(&self, row: usize) -> u32 {
        self.codes.at(row)
    }

    fn of_code(&self, code: u32) -> &'a str {
        self.dictionary.map_or("", |d| d.text(code))
    }

    fn value(&self, row: usize) -> &'a str {
        self.of_code(self.code(row))
    }
}

fn missing(name: &str) -> ImportError {
    ImportError::Lake(LakeError::Rows(format!("column {name} is missing or of another type")))
}

impl<'a> Columns<'a> {
    fn of(rows: &'a CodedRows, dictionaries: &'a [TextDictionary]) -> Result<Self, ImportError> {
        let column = |name: &str| COLUMNS.iter().position(|c| c.name == name).and_then(|at| rows.columns.get(at));
        let text = |name: &str| match column(name) {
            Some(CodedColumn::Text(number, codes)) => Ok(Text { dictionary: dictionaries.get(*number), codes }),
            _ => Err(missing(name)),
        };
        let days = |name: &str| match column(name) {
            Some(CodedColumn::Short(cells)) => Ok(cells),
            _ => Err(missing(name)),
        };
        let decimals = |name: &str| match column(name) {
            Some(CodedColumn::Wide(cells)) => Ok(cells),
            _ => Err(missing(name)),
        };
        Ok(Self {
            scope: [
                text(columns::SOURCE_KIND)?,
                text(columns::BILLING_ACCOUNT_ID)?,
                text(columns::EXPORT_SCOPE)?,
                text(columns::COST_BASIS)?,
                text(columns::BILLING_CURRENCY)?,
                text(columns::INVOICE_STATE)?,
            ],
            period: days(columns::BILLING_PERIOD)?,
            day: days(columns::USAGE_DATE)?,
            period_start: days(columns::BILLING_PERIOD_START)?,
            period_end: days(columns::BILLING_PERIOD_END)?,
            account_name: text(columns::BILLING_ACCOUNT_NAME)?,
            subscription: text(columns::SUBSCRIPTION_ID)?,
            customer: text(columns::CUSTOMER_TENANT_ID)?,
            customer_name: text(columns::CUSTOMER_NAME)?,
            customer_domain: text(columns::CUSTOMER_DOMAIN)?,
            unit: text(columns::UNIT_OF_MEASURE)?,
            quantity: decimals(columns::QUANTITY)?,
            billed: decimals(columns::BILLED_COST)?,
            effective: decimals(columns::EFFECTIVE_COST)?,
        })
    }

    fn is_in(&self, row: usize, set: &CodedSet) -> bool {
        self.period.at(row) == set.period
            && self.scope.iter().zip(&set.codes).all(|(text, code)| text.code(row) == *code)
    }

    fn key(&self, row: usize) -> Result<SetKey, ImportError> {
        let number = self.period.at(row);
        let period = BillingPeriod::from_number(number)
            .ok_or_else(|| ImportError::Lake(LakeError::Rows(format!("{number} is not a billing period"))))?;
        let scope: ScopeValues = self.scope.map(|text| text.value(row).to_owned());
        Ok(SetKey { scope, period })
    }
}

impl Counter {
    /// Counts rows of the source file with this ordinal.
    pub(crate) fn add(
        &mut self,
        rows: &CodedRows,
        dictionaries: &[TextDictionary],
        file: u32,
    ) -> Result<(), ImportError> {
        let columns = Columns::of(rows, dictionaries)?;
        let digests = coded_digests(rows, dictionaries)?;
        let mut row = 0;
        while row < rows.rows {
            let at = self.set_of(&columns, row)?;
            let set = &mut self.sets[at];
            let start = row;
            // Rows of one set come in runs, so the set is looked up once a run.
            while row < rows.rows && columns.is_in(row, set) {
                set.add(&columns, row, digests[row])?;
                row += 1;
            }
            *set.set.files.entry(file).or_default() += (row - start) as u64;
        }
        self.see_names(&columns, rows.rows);
        Ok(())
    }

    fn set_of(&mut self, columns: &Columns<'_>, row: usize) -> Result<usize, ImportError> {
        let codes = columns.scope.map(|text| text.code(row));
        let period = columns.period.at(row);
        if let Some(at) = self.by_key.get(&(codes, period)) {
            return Ok(*at);
        }
        let key = columns.key(row)?;
        // Codes may have been forgotten since the set began.
        let set = self.tally.sets.remove(&key).unwrap_or_default();
        let at = self.sets.len();
        self.by_key.insert((codes, period), at);
        self.sets.push(CodedSet {
            codes,
            period,
            key,
            set,
            quantity: Vec::new(),
            subscriptions: Vec::new(),
            customers: Vec::new(),
            last_day: None,
        });
        Ok(at)
    }

    fn see_names(&mut self, columns: &Columns<'_>, rows: usize) {
        let mut last = None;
        for row in 0..rows {
            let (account, customer) = (columns.scope[1].code(row), columns.customer.code(row));
            if last.replace((account, customer)) == Some((account, customer))
                && self.named_accounts.get(account as usize) == Some(&true)
                && (customer == EMPTY || self.known_customers.get(customer as usize) == Some(&true))
            {
                continue;
            }
            if first_time(&mut self.named_accounts, account) {
                let account_id = columns.scope[1].of_code(account);
                let name = columns.account_name.value(row);
                if self.tally.accounts.get(account_id).is_none_or(String::is_empty) {
                    self.tally.accounts.insert(account_id.to_owned(), name.to_owned());
                }
                // Until a row has a name, every row may bring one.
                self.named_accounts[account as usize] = !name.is_empty();
            }
            if customer == EMPTY || !first_time(&mut self.known_customers, customer) {
                continue;
            }
            let facts = self.tally.customers.entry(columns.customer.of_code(customer).to_owned()).or_default();
            for (fact, text) in [
                (&mut facts.name, &columns.customer_name),
                (&mut facts.domain, &columns.customer_domain),
                (&mut facts.currency, &columns.scope[4]),
            ] {
                if fact.is_empty() {
                    text.value(row).clone_into(fact);
                }
            }
            let known = !facts.name.is_empty() && !facts.domain.is_empty() && !facts.currency.is_empty();
            self.known_customers[customer as usize] = known;
        }
    }

    /// Writes out what is known by codes, which may then be given to other texts.
    pub(crate) fn forget_codes(&mut self, units: impl Fn(u32) -> String) -> Result<(), ImportError> {
        self.by_key.clear();
        self.named_accounts.clear();
        self.known_customers.clear();
        for CodedSet { key, mut set, quantity, .. } in self.sets.drain(..) {
            for (code, quantity) in (0u32..).zip(quantity) {
                if quantity.is_some() {
                    let unit = units(code);
                    let mut sum = set.quantity.get(&unit).copied();
                    add_to(&mut sum, quantity, "quantity")?;
                    set.quantity.extend(sum.map(|sum| (unit, sum)));
                }
            }
            match self.tally.sets.get_mut(&key) {
                Some(other) => absorb(other, set)?,
                None => drop(self.tally.sets.insert(key, set)),
            }
        }
        Ok(())
    }

    /// The tally.
    pub(crate) fn finish(mut self, units: impl Fn(u32) -> String) -> Result<Tally, ImportError> {
        self.forget_codes(units)?;
        Ok(self.tally)
    }
}

/// Adds the rows of the same set under other codes.
fn absorb(to: &mut SetTally, from: SetTally) -> Result<(), ImportError> {
    to.sums.add(&from.sums)?;
    to.digest = to.digest.wrapping_add(from.digest);
    for (unit, quantity) in from.quantity {
        let mut sum = to.quantity.get(&unit).copied();
        add_to(&mut sum, Some(quantity), "quantity")?;
        to.quantity.extend(sum.map(|sum| (unit, sum)));
    }
    for (file, rows) in from.files {
        *to.files.entry(file).or_default() += rows;
    }
    to.subscriptions.extend(from.subscriptions);
    to.customers.extend(from.customers);
    to.days.extend(from.days);
    to.stated_period = match (to.stated_period, from.stated_period) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
    Ok(())
}

/// Whether the code was not seen; it has a place then.
fn first_time(seen: &mut Vec<bool>, code: u32) -> bool {
    let at = code as usize;
    if at >= seen.len() {
        seen.resize(at + 1, false);
    }
    !seen[at]
}

fn decimal<const S: u32>(value: i128) -> Result<Option<Fixed<S>>, ImportError> {
    if value == i128::NULL {
        return Ok(None);
    }
    let value = Fixed::from_unscaled(value);
    value.map(Some).map_err(|_| ImportError::TotalTooLarge { what: "a single value".to_owned() })
}

impl CodedSet {
    fn add(&mut self, columns: &Columns<'_>, row: usize, digest: u128) -> Result<(), ImportError> {
        let set = &mut self.set;
        set.digest = set.digest.wrapping_add(digest);
        set.sums.rows += 1;
        add_to::<{ Amount::SCALE }>(&mut set.sums.billed, decimal(columns.billed.at(row))?, "billed cost")?;
        add_to::<{ Amount::SCALE }>(&mut set.sums.effective, decimal(columns.effective.at(row))?, "effective cost")?;
        if let Some(value) = decimal::<{ Quantity::SCALE }>(columns.quantity.at(row))? {
            let unit = columns.unit.code(row) as usize;
            if unit >= self.quantity.len() {
                self.quantity.resize(unit + 1, None);
            }
            add_to(&mut self.quantity[unit], Some(value), "quantity")?;
        }
        let day = columns.day.at(row);
        if self.last_day.replace(day) != Some(day) {
            set.days.insert(day);
        }
        see(&mut self.subscriptions, &mut set.subscriptions, &columns.subscription, row);
        see(&mut self.customers, &mut set.customers, &columns.customer, row);
        let (start, end) = (columns.period_start.at(row), columns.period_end.at(row));
        if start != i32::NULL && end != i32::NULL {
            let old = set.stated_period.unwrap_or((start, end));
            set.stated_period = Some((old.0.min(start), old.1.max(end)));
        }
        Ok(())
    }
}

fn see(seen: &mut Vec<bool>, names: &mut BTreeSet<String>, text: &Text<'_>, row: usize) {
    let code = text.code(row);
    if first_time(seen, code) {
        seen[code as usize] = true;
        names.insert(text.of_code(code).to_owned());
    }
}

/// The names of units by their codes, for the end of counting.
pub(crate) fn units<'a>(rows: Option<usize>, dictionaries: &'a [TextDictionary]) -> impl Fn(u32) -> String + 'a {
    let dictionary = rows.and_then(|number| dictionaries.get(number));
    move |code| dictionary.map_or_else(String::new, |d| d.text(code).to_owned())
}

/// The dictionary of units, if these rows have units.
pub(crate) fn unit_dictionary(rows: &CodedRows) -> Option<usize> {
    let at = COLUMNS.iter().position(|c| c.name == columns::UNIT_OF_MEASURE)?;
    match rows.columns.get(at) {
        Some(CodedColumn::Text(_, Cells::Same(EMPTY))) => None,
        Some(CodedColumn::Text(number, _)) => Some(*number),
        _ => None,
    }
}
