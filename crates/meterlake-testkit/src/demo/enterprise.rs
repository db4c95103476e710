//! An enrolment's cost exports: Azure cost export, actual cost, EA columns of 2024-08-01, gzip, one run a month.
//!
//! Charges are usage (some under a reservation, at no cost), reservation and marketplace purchases, a refund, and usage
//! that was metered late: dated in the month before the one it is billed in.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use meterlake_model::{Amount, BillingPeriod, Day, Quantity};
use uuid::Uuid;

use super::csv::CsvFile;
use super::draw::Draw;
use super::estate::{self, EstateSpec, Line, Reservation, amount, quantity};
use super::manifest::{self, Blob, Export};
use super::names::{ACCOUNTS, DEPARTMENTS, ENTERPRISE, MARKETPLACE, SUBSCRIPTIONS};
use super::totals::{Charged, DemoTotals};

/// Number of the enrolment.
pub(super) const ENROLMENT: &str = "8214577";
const CURRENCY: &str = "USD";
const OFFER: &str = "MS-AZR-0017P";
const LINES: usize = 118;

/// Columns in the order of the 2024-08-01 dataset.
const HEADER: &[&str] = &[
    "InvoiceSectionName",
    "AccountName",
    "AccountOwnerId",
    "SubscriptionId",
    "SubscriptionName",
    "ResourceGroup",
    "ResourceLocation",
    "Date",
    "ProductName",
    "MeterCategory",
    "MeterSubCategory",
    "MeterId",
    "MeterName",
    "MeterRegion",
    "UnitOfMeasure",
    "Quantity",
    "EffectivePrice",
    "CostInBillingCurrency",
    "CostCenter",
    "ConsumedService",
    "ResourceId",
    "Tags",
    "OfferId",
    "AdditionalInfo",
    "ServiceInfo1",
    "ServiceInfo2",
    "ResourceName",
    "ReservationId",
    "ReservationName",
    "UnitPrice",
    "ProductOrderId",
    "ProductOrderName",
    "Term",
    "PublisherType",
    "PublisherName",
    "ChargeType",
    "Frequency",
    "PricingModel",
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrencyCode",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "BillingProfileId",
    "BillingProfileName",
    "InvoiceSectionId",
    "IsAzureCreditEligible",
    "PartNumber",
    "PayGPrice",
    "PlanName",
    "ServiceFamily",
    "CostAllocationRuleName",
    "benefitId",
    "benefitName",
    "AccountId",
    "ResourceLocationNormalized",
];

/// What a row says beyond what every row of its subscription says.
struct Row<'a> {
    day: Day,
    subscription: usize,
    group: &'a str,
    location: &'a str,
    product: &'a str,
    category: &'a str,
    subcategory: &'a str,
    meter_id: &'a str,
    meter_name: &'a str,
    meter_region: &'a str,
    unit: &'a str,
    quantity: Quantity,
    price: Amount,
    list_price: Amount,
    cost: Amount,
    service: &'a str,
    resource_id: &'a str,
    resource_name: &'a str,
    tags: &'a str,
    additional_info: &'a str,
    reservation_id: &'a str,
    reservation_name: &'a str,
    order_id: &'a str,
    order_name: &'a str,
    term: &'a str,
    publisher_type: &'a str,
    publisher: &'a str,
    charge_type: &'a str,
    frequency: &'a str,
    pricing_model: &'a str,
    credit_eligible: bool,
    part_number: &'a str,
    plan: &'a str,
    family: &'a str,
}

/// The B2C directory that one of the subscriptions pays for.
pub(super) struct Directory<'a> {
    /// Its domain name, after which its resource is named.
    pub(super) domain: &'a str,
    /// MFA attempts, each of which is charged, by day.
    pub(super) mfa: BTreeMap<Day, u64>,
}

/// Subscription that the directory is linked to, an index of [`SUBSCRIPTIONS`].
const LINKED: usize = 7;
/// Price of an MFA attempt in hundredths of a cent; the enrolment's discount is off.
const MFA_PRICE: i128 = 264;
const MFA_LIST_PRICE: i128 = 300;

type Out = CsvFile<GzEncoder<BufWriter<File>>>;

struct Writer<'a> {
    draw: Draw,
    subscriptions: Vec<Uuid>,
    lines: Vec<Line>,
    reservations: Vec<Reservation>,
    directory: &'a Directory<'a>,
    totals: &'a mut DemoTotals,
}

/// Writes a folder for each period and returns the folders.
pub(super) fn write(
    dir: &Path,
    periods: &[BillingPeriod],
    today: Day,
    seed: u64,
    directory: &Directory<'_>,
    totals: &mut DemoTotals,
) -> Result<Vec<PathBuf>> {
    let mut draw = Draw::new(seed, 1);
    let subscriptions: Vec<Uuid> = SUBSCRIPTIONS.iter().map(|_| draw.guid()).collect();
    let first = periods.first().context("no billing period")?.first_day();
    let spec = EstateSpec { subscriptions: &subscriptions, first, last: today, lines: LINES, regions: 6 };
    let lines = estate::draw(&mut draw, &spec);
    let reservations = (0..3).map(|index| Reservation::draw(&mut draw, 3, index)).collect();
    let mut writer = Writer { draw, subscriptions, lines, reservations, directory, totals };
    periods.iter().enumerate().map(|(index, &period)| writer.period(dir, index, period, today)).collect()
}

impl Writer<'_> {
    /// Writes the run of one period.
    fn period(&mut self, dir: &Path, index: usize, period: BillingPeriod, today: Day) -> Result<PathBuf> {
        let folder = dir.join(period.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let last = period.last_day().min(today);
        let mut blobs = Vec::new();
        let mut out = open(&folder.join(blob_name(0)))?;
        if index > 0 {
            self.late_usage(&mut out, period)?;
        }
        let mut day = period.first_day();
        while day <= last {
            // Cost Management splits big runs; here a whole month is one.
            if day == period.first_day().plus(15).unwrap_or(last) && last == period.last_day() {
                let next = open(&folder.join(blob_name(1)))?;
                blobs.push(close(std::mem::replace(&mut out, next), &folder, blobs.len())?);
            }
            self.day(&mut out, index, period, day)?;
            let Some(next) = day.plus(1) else { break };
            day = next;
        }
        blobs.push(close(out, &folder, blobs.len())?);
        manifest::write(
            &folder,
            &Export {
                name: "actual-cost-monthly",
                billing_account: ENROLMENT,
                period,
                submitted: format!("{}T00:00:01.4175332Z", last.plus(5).map_or(today, |d| d.min(today))),
                run_id: self.draw.guid(),
                folder: "exports",
                running_month: period == BillingPeriod::containing(today),
                blobs,
            },
        )?;
        Ok(folder)
    }

    /// Usage of the last day of the month before that was metered too late for its bill.
    fn late_usage(&mut self, out: &mut Out, period: BillingPeriod) -> Result<()> {
        let Some(day) = period.first_day().plus(-1) else { return Ok(()) };
        for _ in 0..self.draw.between(1, 4) {
            let line = self.draw.below(self.lines.len());
            self.usage(out, period, day, line)?;
        }
        Ok(())
    }

    fn day(&mut self, out: &mut Out, index: usize, period: BillingPeriod, day: Day) -> Result<()> {
        for line in 0..self.lines.len() {
            self.usage(out, period, day, line)?;
        }
        let of_month = u32::try_from(day.since_epoch() - period.first_day().since_epoch()).unwrap_or(0) + 1;
        for reservation in 0..self.reservations.len() {
            let due = self.reservations[reservation].due;
            if of_month == due {
                self.purchase(out, period, day, reservation, 1)?;
            } else if of_month == due + 1 && index == 5 && reservation == 1 {
                self.purchase(out, period, day, reservation, -1)?;
            }
        }
        self.directory(out, period, day)?;
        for (offer, &(_, _, _, cents)) in MARKETPLACE.iter().enumerate() {
            if of_month == u32::try_from(offer).unwrap_or(0) * 7 + 4 {
                self.marketplace(out, period, day, offer, cents)?;
            }
        }
        Ok(())
    }

    fn usage(&mut self, out: &mut Out, period: BillingPeriod, day: Day, line: usize) -> Result<()> {
        let Some(used) = self.lines[line].used(day, &mut self.draw) else { return Ok(()) };
        let line = &self.lines[line];
        let reservation = Reservation::of(&self.reservations, line);
        // The enrolment's discount is 12 %. A reservation has paid already.
        let price = if reservation.is_some() { 0 } else { i128::from(line.meter.price) * 88 };
        let cost = amount(price * i128::from(used), 18)?;
        let additional_info = line.additional_info(reservation);
        let row = Row {
            day,
            subscription: line.subscription,
            group: &line.group,
            location: line.region.location,
            product: &line.meter.product(line.region),
            category: line.meter.category,
            subcategory: line.meter.subcategory,
            meter_id: &line.meter_id.to_string(),
            meter_name: line.meter.name,
            meter_region: line.region.meter,
            unit: line.meter.unit,
            quantity: quantity(used)?,
            price: amount(price, 12)?,
            list_price: amount(i128::from(line.meter.price), 10)?,
            cost,
            service: line.meter.provider,
            resource_id: &line.resource_id,
            resource_name: &line.name,
            tags: &line.tags(),
            additional_info: &additional_info,
            reservation_id: &reservation.map(|r| r.id.to_string()).unwrap_or_default(),
            reservation_name: reservation.map_or("", |r| &r.name),
            order_id: &reservation.map(|r| r.order.to_string()).unwrap_or_default(),
            order_name: reservation.map_or("", |r| &r.name),
            term: if reservation.is_some() { "36" } else { "" },
            publisher_type: "Azure",
            publisher: "Microsoft",
            charge_type: "Usage",
            frequency: "UsageBased",
            pricing_model: if reservation.is_some() { "Reservation" } else { "OnDemand" },
            credit_eligible: true,
            part_number: &line.meter.part_number(line.region),
            plan: "",
            family: line.meter.family,
        };
        write_row(out, &self.subscriptions, period, &row)?;
        tally(self.totals, period, &row)
    }

    /// The second factors of the day's sign-ins to the directory.
    fn directory(&mut self, out: &mut Out, period: BillingPeriod, day: Day) -> Result<()> {
        let Some(&attempts) = self.directory.mfa.get(&day) else { return Ok(()) };
        let domain = self.directory.domain;
        let subscription = self.subscriptions[LINKED];
        let row = Row {
            day,
            subscription: LINKED,
            group: "rg-customers",
            location: "Europe",
            product: "Azure Active Directory B2C - Basic Multi-Factor Authentication",
            category: "Azure Active Directory B2C",
            subcategory: "",
            meter_id: &Uuid::new_v5(&Uuid::NAMESPACE_URL, b"b2c/mfa").to_string(),
            meter_name: "Basic Multi-Factor Authentication",
            meter_region: "",
            unit: "1",
            quantity: Quantity::from_integer(i64::try_from(attempts)?)?,
            price: amount(MFA_PRICE, 4)?,
            list_price: amount(MFA_LIST_PRICE, 4)?,
            cost: amount(MFA_PRICE * i128::from(attempts), 4)?,
            service: "Microsoft.AzureActiveDirectory",
            resource_id: &format!(
                "/subscriptions/{subscription}/resourceGroups/rg-customers/providers/Microsoft.AzureActiveDirectory/b2cDirectories/{domain}"
            ),
            resource_name: domain,
            tags: "",
            additional_info: "",
            reservation_id: "",
            reservation_name: "",
            order_id: "",
            order_name: "",
            term: "",
            publisher_type: "Azure",
            publisher: "Microsoft",
            charge_type: "Usage",
            frequency: "UsageBased",
            pricing_model: "OnDemand",
            credit_eligible: true,
            part_number: "AAD-31807",
            plan: "",
            family: "Security",
        };
        write_row(out, &self.subscriptions, period, &row)?;
        tally(self.totals, period, &row)
    }

    /// A month's instalment of a reservation (`sign` 1) or its refund (-1).
    fn purchase(&mut self, out: &mut Out, period: BillingPeriod, day: Day, index: usize, sign: i64) -> Result<()> {
        let reservation = &self.reservations[index];
        let count = reservation.count * sign;
        let price = i128::from(reservation.monthly_price());
        let order = reservation.order.to_string();
        let (meter, region) = (reservation.meter, reservation.region);
        let row = Row {
            day,
            subscription: reservation.subscription,
            group: "",
            location: region.location,
            product: &meter.product(region),
            category: meter.category,
            subcategory: meter.subcategory,
            meter_id: &meter.id(region).to_string(),
            meter_name: meter.name,
            meter_region: region.meter,
            unit: "1 Hour",
            quantity: quantity(count * 1_000_000)?,
            price: amount(price, 10)?,
            list_price: Amount::ZERO,
            cost: amount(price * i128::from(count), 10)?,
            service: "Microsoft.Capacity",
            resource_id: &format!("/providers/Microsoft.Capacity/reservationOrders/{order}"),
            resource_name: "",
            tags: "",
            additional_info: "",
            // On purchases this column holds the order.
            reservation_id: &order,
            reservation_name: &reservation.name,
            order_id: &order,
            order_name: &format!("Reserved VM Instance, {}, {}, 3 Years", meter.size, region.meter),
            term: "36",
            publisher_type: "Azure",
            publisher: "Microsoft",
            charge_type: if sign < 0 { "Refund" } else { "Purchase" },
            frequency: if sign < 0 { "OneTime" } else { "Recurring" },
            pricing_model: "Reservation",
            credit_eligible: true,
            part_number: &meter.part_number(region),
            plan: "",
            family: meter.family,
        };
        write_row(out, &self.subscriptions, period, &row)?;
        tally(self.totals, period, &row)
    }

    fn marketplace(&mut self, out: &mut Out, period: BillingPeriod, day: Day, offer: usize, cents: i64) -> Result<()> {
        let (publisher, product, plan, _) = MARKETPLACE[offer];
        let subscription = offer * 2;
        let row = Row {
            day,
            subscription,
            group: "rg-marketplace",
            location: "",
            product,
            category: "",
            subcategory: "",
            meter_id: "",
            meter_name: "",
            meter_region: "",
            unit: "1/Month",
            quantity: quantity(1_000_000)?,
            price: amount(i128::from(cents), 2)?,
            list_price: amount(i128::from(cents), 2)?,
            cost: amount(i128::from(cents), 2)?,
            service: "Microsoft.SaaS",
            resource_id: &format!(
                "/subscriptions/{}/resourceGroups/rg-marketplace/providers/Microsoft.SaaS/resources/{plan}",
                self.subscriptions[subscription]
            ),
            resource_name: plan,
            tags: "",
            additional_info: "",
            reservation_id: "",
            reservation_name: "",
            order_id: "",
            order_name: "",
            term: "1",
            publisher_type: "Marketplace",
            publisher,
            charge_type: "Purchase",
            frequency: "Recurring",
            pricing_model: "OnDemand",
            credit_eligible: false,
            part_number: "",
            plan,
            family: "",
        };
        write_row(out, &self.subscriptions, period, &row)?;
        tally(self.totals, period, &row)
    }
}

fn tally(totals: &mut DemoTotals, period: BillingPeriod, row: &Row<'_>) -> Result<()> {
    let charged = Charged { rows: 1, quantity: row.quantity, cost: row.cost, usd: None };
    Ok(totals.enterprise_row(period, row.day, CURRENCY, &charged)?)
}

fn blob_name(index: usize) -> String {
    format!("part_{index}_0001.csv.gz")
}

fn open(path: &Path) -> Result<Out> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(CsvFile::new(GzEncoder::new(BufWriter::new(file), Compression::fast()), HEADER)?)
}

fn close(out: Out, folder: &Path, index: usize) -> Result<Blob> {
    let data_row_count = out.rows();
    out.into_inner().finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    let blob_name = blob_name(index);
    let byte_count = fs::metadata(folder.join(&blob_name))?.len();
    Ok(Blob { blob_name, byte_count, data_row_count })
}

fn write_row(out: &mut Out, subscriptions: &[Uuid], period: BillingPeriod, row: &Row<'_>) -> Result<()> {
    let (subscription_name, account) = SUBSCRIPTIONS[row.subscription];
    let (account_name, owner, account_number, department) = ACCOUNTS[account];
    let (department_name, department_id, cost_centre) = DEPARTMENTS[department];
    out.texts(&[department_name, account_name, owner]);
    out.text(&subscriptions[row.subscription].to_string());
    out.texts(&[subscription_name, row.group, row.location]);
    out.us_day(row.day);
    out.texts(&[row.product, row.category, row.subcategory, row.meter_id, row.meter_name, row.meter_region, row.unit]);
    out.quantity(row.quantity);
    out.amount(row.price);
    out.amount(row.cost);
    out.texts(&[cost_centre, row.service, row.resource_id, row.tags, OFFER, row.additional_info, "", ""]);
    out.texts(&[row.resource_name, row.reservation_id, row.reservation_name]);
    out.amount(row.price);
    out.texts(&[row.order_id, row.order_name, row.term, row.publisher_type, row.publisher]);
    out.texts(&[row.charge_type, row.frequency, row.pricing_model, "", ENROLMENT, ENTERPRISE, CURRENCY]);
    out.us_day(period.first_day());
    out.us_day(period.last_day());
    out.texts(&[ENROLMENT, ENTERPRISE, department_id, if row.credit_eligible { "True" } else { "False" }]);
    out.text(row.part_number);
    out.amount(row.list_price);
    out.texts(&[row.plan, row.family, ""]);
    out.texts(&[row.reservation_id, row.reservation_name, account_number, row.location]);
    Ok(out.end()?)
}
