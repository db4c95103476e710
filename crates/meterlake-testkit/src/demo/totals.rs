//! The generator's own sums, exact.

use std::collections::{BTreeMap, BTreeSet};

use meterlake_model::{Amount, BillingPeriod, CustomerTenantId, Day, DecimalError, Quantity};

use super::estate::Line;

/// What a set of charges comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// Rows.
    pub rows: u64,
    /// Sum of the quantities over all units; only good to compare with the same sum.
    pub quantity: Quantity,
    /// Billed cost before tax, in the billing currency.
    pub cost: Amount,
    /// Billed cost in US dollars as the source states it; none when a row states none.
    pub usd: Option<Amount>,
}

impl Charged {
    const NOTHING: Self = Self { rows: 0, quantity: Quantity::ZERO, cost: Amount::ZERO, usd: Some(Amount::ZERO) };

    /// Adds what another set comes to.
    ///
    /// # Errors
    /// [`DecimalError`] when a sum needs more than 38 digits.
    pub fn add(&mut self, other: &Self) -> Result<(), DecimalError> {
        self.rows += other.rows;
        self.quantity = self.quantity.checked_add(other.quantity)?;
        self.cost = self.cost.checked_add(other.cost)?;
        self.usd = match (self.usd, other.usd) {
            (Some(sum), Some(more)) => Some(sum.checked_add(more)?),
            _ => None,
        };
        Ok(())
    }
}

impl Default for Charged {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// The sums of everything generated, by what reports ask for.
#[derive(Debug, Clone, Default)]
pub struct DemoTotals {
    /// The enrolment's charges by billing period and currency.
    pub enterprise: BTreeMap<(BillingPeriod, String), Charged>,
    /// The enrolment's charges by day.
    pub enterprise_days: BTreeMap<Day, Charged>,
    /// A customer's charges by billing period (the month, for MS-AZR-0145P too) and currency.
    pub customers: BTreeMap<(CustomerTenantId, BillingPeriod, String), Charged>,
    /// A customer's charges by day.
    pub customer_days: BTreeMap<(CustomerTenantId, Day), Charged>,
    /// A customer's quantity by billing period and meter category.
    pub meter_categories: BTreeMap<(CustomerTenantId, BillingPeriod, String), Quantity>,
    /// Days on which a customer used a combination of subscription, location, meter category, subcategory, unit,
    /// reservation and service type: the rows of the usage analytics.
    pub analytics_rows: u64,
}

impl DemoTotals {
    pub(super) fn enterprise_row(
        &mut self,
        period: BillingPeriod,
        day: Day,
        currency: &str,
        charged: &Charged,
    ) -> Result<(), DecimalError> {
        self.enterprise.entry((period, currency.to_owned())).or_default().add(charged)?;
        self.enterprise_days.entry(day).or_default().add(charged)
    }

    pub(super) fn customer_row(
        &mut self,
        customer: CustomerTenantId,
        day: Day,
        currency: &str,
        category: &str,
        charged: &Charged,
    ) -> Result<(), DecimalError> {
        let period = BillingPeriod::containing(day);
        self.customers.entry((customer, period, currency.to_owned())).or_default().add(charged)?;
        self.customer_days.entry((customer, day)).or_default().add(charged)?;
        let quantity = self.meter_categories.entry((customer, period, category.to_owned())).or_default();
        *quantity = quantity.checked_add(charged.quantity)?;
        Ok(())
    }
}

/// The combinations of the analytics' fields that one customer uses on one day.
#[derive(Default)]
pub(super) struct Combinations(BTreeSet<(usize, [&'static str; 5], bool)>);

impl Combinations {
    /// Adds a charge of the line, under a reservation or not. Meter and reservation follow from the other fields here.
    pub(super) fn add(&mut self, line: &Line, reserved: bool) {
        let meter = line.meter;
        let fields = [line.region.location, meter.category, meter.subcategory, meter.unit, meter.size];
        self.0.insert((line.subscription, fields, reserved));
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}
