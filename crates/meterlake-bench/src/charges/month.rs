//! The rows of one month.

use std::io::{self, Write};
use std::ops::Range;

use meterlake_model::BillingPeriod;

use super::draw::Draw;
use super::estate::{Estate, Resource};
use super::words::{CATEGORIES, REGIONS};
use super::{BILLING_ACCOUNT, LAST_PERIOD, MONTHS, PARTNER, decimal};

/// Decimals of quantities and of costs as they are counted here.
const QUANTITY_SCALE: usize = 12;
const COST_SCALE: usize = 24;
/// A whole unit of quantity.
const ONE: u64 = 1_000_000_000_000;

const HEADER: &str = "invoiceId,billingAccountId,billingAccountName,partnerTenantId,customerTenantId,customerName,\
billingPeriodStartDate,billingPeriodEndDate,date,serviceFamily,consumedService,meterId,meterName,meterCategory,meterSubCategory,\
meterRegion,ProductId,productName,subscriptionId,subscriptionName,publisherType,publisherName,planName,resourceGroupName,ResourceId,\
resourceLocation,location,reservationId,term,unitOfMeasure,billingCurrency,pricingCurrency,isAzureCreditEligible,additionalInfo,tags,\
pricingModel,unitPrice,PayGPrice,effectivePrice,chargeType,frequency,quantity,costInBillingCurrency,costInPricingCurrency\r\n";

/// What rows come to, exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows.
    pub rows: u64,
    /// Those of charge type Usage.
    pub usage_rows: u64,
    quantity: i128,
    usage_quantity: i128,
    cost: i128,
}

impl Totals {
    /// Adds what other rows come to.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.usage_rows += other.usage_rows;
        self.quantity += other.quantity;
        self.usage_quantity += other.usage_quantity;
        self.cost += other.cost;
    }

    /// The quantity of all rows, as exact decimal text.
    pub fn quantity_text(&self) -> String {
        text(self.quantity, QUANTITY_SCALE)
    }

    /// The quantity of the rows of charge type Usage.
    pub fn usage_quantity_text(&self) -> String {
        text(self.usage_quantity, QUANTITY_SCALE)
    }

    /// The cost of all rows in US dollars.
    pub fn cost_text(&self) -> String {
        text(self.cost, COST_SCALE)
    }
}

fn text(value: i128, scale: usize) -> String {
    let mut out = Vec::new();
    decimal::push(&mut out, value, scale);
    String::from_utf8(out).unwrap_or_default()
}

/// How many rows each resource has in a month.
pub(super) struct Plan<'a> {
    estate: &'a Estate,
    period: BillingPeriod,
    /// Resources in use, with their rows.
    active: Vec<(usize, u64)>,
    /// `01/31/2025` for each day of the month, which has fewer than 32.
    days: Vec<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(estate: &'a Estate, month: u32, period: BillingPeriod) -> Self {
        let share = |months: u32| estate.scale.rows * u64::from(months) / u64::from(MONTHS);
        let rows = share(month + 1) - share(month);
        let in_use = |r: &Resource| (r.first_month..r.end_month).contains(&month);
        let weights: u64 = estate.resources.iter().filter(|r| in_use(r)).map(|r| r.weight).sum();
        let (mut weight, mut before) = (0, 0);
        let mut active = Vec::new();
        for (at, resource) in estate.resources.iter().enumerate().filter(|(_, r)| in_use(r)) {
            weight += resource.weight;
            let upto = (u128::from(rows) * u128::from(weight) / u128::from(weights.max(1))) as u64;
            active.push((at, upto - before));
            before = upto;
        }
        let first = period.first_day();
        let days = (0..31)
            .filter_map(|day| first.plus(day))
            .take_while(|day| *day <= period.last_day())
            .map(|day| day.date().format("%m/%d/%Y").to_string())
            .collect();
        Self { estate, period, active, days }
    }

    /// The resources of one of so many files, in their order.
    pub(super) fn part(&self, part: u32, parts: u32) -> Range<usize> {
        let border = |part: u32| self.active.len() * part as usize / parts as usize;
        border(part)..border(part + 1)
    }

    /// Writes the header and the rows of these resources.
    pub(super) fn write(&self, resources: Range<usize>, out: &mut impl Write) -> io::Result<Totals> {
        let mut totals = Totals::default();
        let mut lines = Vec::with_capacity(1 << 17);
        lines.extend_from_slice(HEADER.as_bytes());
        for (at, rows) in &self.active[resources] {
            self.resource(*at, *rows, &mut lines, &mut totals);
            if lines.len() > 1 << 16 {
                out.write_all(&lines)?;
                lines.clear();
            }
        }
        out.write_all(&lines)?;
        Ok(totals)
    }

    /// The rows of one resource: its meters on the days of the month, all mixed.
    fn resource(&self, at: usize, rows: u64, out: &mut Vec<u8>, totals: &mut Totals) {
        let resource = &self.estate.resources[at];
        let mut draw = Draw::of([self.estate.scale.seed ^ 0xC0FF_EE00, self.period.number() as u64, at as u64]);
        let beginning = self.beginning(resource);
        let meters: Vec<Fixed> = resource.meters.iter().map(|meter| self.fixed(resource, *meter)).collect();
        let (kinds, days) = (meters.len() as u64, self.days.len() as u64);
        let step = (rows * 5 / 8..).find(|step| gcd(*step, rows) == 1).unwrap_or(1);
        for row in 0..rows {
            let place = row * step % rows.max(1);
            let fixed = &meters[(place % kinds) as usize];
            let turn = place / kinds;
            let charge = charge(&mut draw, fixed, turn >= days);
            let day = self.days[((turn + at as u64) % days) as usize].as_bytes();
            out.extend_from_slice(beginning.as_bytes());
            out.extend_from_slice(day);
            out.push(b',');
            out.extend_from_slice(fixed.middle.as_bytes());
            out.extend_from_slice(charge.kind.as_bytes());
            decimal::push(out, charge.quantity, QUANTITY_SCALE);
            let cost = charge.quantity * i128::from(fixed.effective);
            out.push(b',');
            let start = out.len();
            decimal::push(out, cost, COST_SCALE);
            let end = out.len();
            out.push(b',');
            out.extend_from_within(start..end);
            out.extend_from_slice(b"\r\n");
            totals.rows += 1;
            totals.quantity += charge.quantity;
            totals.cost += cost;
            if charge.usage {
                totals.usage_rows += 1;
                totals.usage_quantity += charge.quantity;
            }
        }
    }

    /// What all rows of a resource begin with.
    fn beginning(&self, resource: &Resource) -> String {
        let period = self.period;
        let subscription = &self.estate.subscriptions[resource.subscription];
        let customer = &self.estate.customers[subscription.customer];
        // The last month is not invoiced yet.
        let invoice = if period.number() == LAST_PERIOD { String::new() } else { format!("G{:09}", period.number()) };
        let (first, last) = (&self.days[0], &self.days[self.days.len() - 1]);
        format!(
            "{invoice},{BILLING_ACCOUNT},Northgate Cloud Partners,{PARTNER},{},{},{first},{last},",
            customer.tenant_id, customer.name,
        )
    }

    /// What all rows of a meter of a resource have behind the days.
    fn fixed(&self, resource: &Resource, meter: usize) -> Fixed {
        let subscription = &self.estate.subscriptions[resource.subscription];
        let meter = &self.estate.meters[meter];
        let (category, family, _, _, unit) = CATEGORIES[meter.category];
        let (_, _, provider, kind, _) = CATEGORIES[resource.category];
        let (region, meter_region) = REGIONS[resource.region];
        let group = &resource.group;
        let (publisher_type, publisher, plan) = match resource.marketplace {
            Some((publisher, plan)) => ("Marketplace", publisher, plan),
            None => ("Azure", "Microsoft", ""),
        };
        let publisher = if publisher.contains(',') { format!("\"{publisher}\"") } else { publisher.to_owned() };
        let (reservation, term, model) = match &resource.reservation {
            Some(id) => (id.as_str(), "12", "Reservation"),
            None => ("", "", "OnDemand"),
        };
        // A reservation has paid already for what it covers.
        let effective = if resource.reservation.is_some() { 0 } else { meter.price * 85 };
        let mut prices = Vec::new();
        decimal::push(&mut prices, i128::from(meter.price), 10);
        prices.push(b',');
        prices.extend_from_within(..);
        decimal::push(&mut prices, i128::from(effective), 12);
        let middle = format!(
            "{family},{provider},{},{},{category},{},{meter_region},{},{} - {},{},{},{publisher_type},{publisher},{plan},{group},\
             /subscriptions/{}/resourceGroups/{group}/providers/{provider}/{kind}/{},{region},{meter_region},{reservation},{term},\
             {unit},USD,USD,True,{},{},{model},{},",
            meter.id,
            meter.name,
            meter.subcategory,
            meter.product_id,
            meter.subcategory,
            meter.name,
            subscription.id,
            subscription.name,
            subscription.id,
            resource.name,
            resource.additional_info,
            resource.tags,
            String::from_utf8(prices).unwrap_or_default(),
        );
        Fixed { middle, effective, hours: unit == "1 Hour" }
    }
}

/// What does not change between the rows of a meter of a resource.
struct Fixed {
    middle: String,
    /// Price paid for a unit, in units of ten to the power of minus 12 dollars.
    effective: u64,
    hours: bool,
}

struct Charge {
    /// Type and frequency, each with the comma behind it.
    kind: &'static str,
    usage: bool,
    quantity: i128,
}

/// Draws what was used, bought or given back. Rows of the same meter and day differ, which `again` asks for.
fn charge(draw: &mut Draw, fixed: &Fixed, again: bool) -> Charge {
    let many_decimals = |draw: &mut Draw| 1 + draw.below(40 * ONE);
    match draw.below(1000) {
        0..8 => {
            let quantity = i128::from(many_decimals(draw) / 1_000 * 1_000);
            Charge { kind: "Purchase,Recurring,", usage: false, quantity }
        }
        8..12 => Charge { kind: "Refund,OneTime,", usage: false, quantity: -i128::from(many_decimals(draw)) },
        drawn => {
            let quantity = match drawn % 8 {
                0..3 if fixed.hours && !again => 24 * ONE,
                // Six decimals, nine, twelve.
                0..6 => (1 + draw.below(30_000_000)) * 1_000_000,
                6 => (1 + draw.below(4_000_000_000)) * 1_000,
                _ => 1 + draw.below(ONE),
            };
            Charge { kind: "Usage,UsageBased,", usage: true, quantity: i128::from(quantity) }
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
