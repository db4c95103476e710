//! Partner Center daily rated usage v2: one file for each invoiced month and one for the unbilled current month.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use meterlake_model::{Amount, BillingPeriod, Day};

use super::csv::CsvFile;
use super::customers::{Estate, Partner};
use super::draw::Draw;
use super::estate::{Line, Reservation, amount, quantity};
use super::names::PARTNER;
use super::totals::{Charged, Combinations, DemoTotals};

/// Columns in the order of the v2 file.
const HEADER: &[&str] = &[
    "PartnerId",
    "PartnerName",
    "CustomerId",
    "CustomerName",
    "CustomerDomainName",
    "CustomerCountry",
    "MpnId",
    "Tier2MpnId",
    "InvoiceNumber",
    "ProductId",
    "SkuId",
    "AvailabilityId",
    "SkuName",
    "ProductName",
    "PublisherName",
    "PublisherId",
    "SubscriptionDescription",
    "SubscriptionId",
    "ChargeStartDate",
    "ChargeEndDate",
    "UsageDate",
    "MeterType",
    "MeterCategory",
    "MeterId",
    "MeterSubCategory",
    "MeterName",
    "MeterRegion",
    "Unit",
    "ResourceLocation",
    "ConsumedService",
    "ResourceGroup",
    "ResourceURI",
    "ChargeType",
    "UnitPrice",
    "Quantity",
    "UnitType",
    "BillingPreTaxTotal",
    "BillingCurrency",
    "PricingPreTaxTotal",
    "PricingCurrency",
    "ServiceInfo1",
    "ServiceInfo2",
    "Tags",
    "AdditionalInfo",
    "EffectiveUnitPrice",
    "PCToBCExchangeRate",
    "PCToBCExchangeRateDate",
    "EntitlementId",
    "EntitlementDescription",
    "PartnerEarnedCreditPercentage",
    "CreditPercentage",
    "CreditType",
    "BenefitOrderId",
    "BenefitId",
    "BenefitType",
];

/// What the rows of one customer in one month have in common.
struct Month<'a> {
    partner: &'a Partner,
    estate: &'a Estate,
    period: BillingPeriod,
    /// Empty while unbilled.
    invoice: String,
    /// Dollars to billing currency, in millionths.
    rate: i64,
}

/// Writes the files and returns them.
pub(super) fn write(
    dir: &Path,
    partner: &Partner,
    periods: &[BillingPeriod],
    today: Day,
    seed: u64,
    totals: &mut DemoTotals,
) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut draw = Draw::new(seed, 3);
    let mut paths = Vec::new();
    for &period in periods {
        let billed = period != BillingPeriod::containing(today);
        let state = if billed { "billed" } else { "unbilled" };
        let path = dir.join(format!("dailyratedusage-{period}-{state}.csv"));
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut out = CsvFile::new(BufWriter::new(file), HEADER)?;
        for estate in &partner.customers {
            let drawn = draw.between(-19_999, 19_999);
            let rate = match estate.customer.currency {
                "GBP" => 781_340 + drawn,
                "EUR" => 921_655 + drawn,
                "NOK" => 10_482_110 + drawn,
                _ => 1_000_000,
            };
            let invoice = if billed {
                format!("G{:07}{}", period.number(), invoice_digit(estate.customer.currency))
            } else {
                String::new()
            };
            let month = Month { partner, estate, period, invoice, rate };
            let mut day = period.first_day();
            while day <= period.last_day().min(today) {
                month.day(&mut out, day, &mut draw, totals)?;
                let Some(next) = day.plus(1) else { break };
                day = next;
            }
        }
        out.into_inner().into_inner().map_err(std::io::IntoInnerError::into_error)?.flush()?;
        paths.push(path);
    }
    Ok(paths)
}

impl Month<'_> {
    fn day(&self, out: &mut CsvFile<impl Write>, day: Day, draw: &mut Draw, totals: &mut DemoTotals) -> Result<()> {
        let mut combinations = Combinations::default();
        for line in &self.estate.azure_plan {
            if let Some(used) = line.used(day, draw) {
                let charged = self.row(out, day, line, used)?;
                let customer = &self.estate.customer;
                totals.customer_row(customer.tenant_id, day, customer.currency, line.meter.category, &charged)?;
                combinations.add(line, Reservation::of(&self.estate.reservations, line).is_some());
            }
        }
        totals.analytics_rows += combinations.count();
        Ok(())
    }

    fn row(&self, out: &mut CsvFile<impl Write>, day: Day, line: &Line, used: i64) -> Result<Charged> {
        let Self { partner, estate, period, invoice, rate } = self;
        let customer = &estate.customer;
        let reservation = Reservation::of(&estate.reservations, line);
        // 15 % of the price is the partner's earned credit; a reservation has paid already.
        let price = if reservation.is_some() { 0 } else { i128::from(line.meter.price) };
        let effective = price * 85;
        let usd = effective * i128::from(used);
        let charged = Charged {
            rows: 1,
            quantity: quantity(used)?,
            cost: amount(usd * i128::from(*rate), 24)?,
            usd: Some(amount(usd, 18)?),
        };
        out.text(&partner.id.to_string());
        out.text(PARTNER);
        out.text(&customer.tenant_id.to_string());
        out.texts(&[&customer.name, &customer.domain, estate.country, &partner.mpn, "", invoice]);
        out.texts(&["DZH318Z0BPS6", "0001", "DZH318Z0BPHR", "Azure plan", "Azure plan", "Microsoft", "", "Azure plan"]);
        out.text(&estate.plan.to_string());
        out.instant(period.first_day());
        out.instant(period.last_day());
        out.instant(day);
        out.texts(&[line.meter.unit, line.meter.category]);
        out.text(&line.meter_id.to_string());
        out.texts(&[line.meter.subcategory, line.meter.name, line.region.meter, line.meter.unit, line.region.location]);
        out.texts(&[line.meter.provider, &line.group, &line.resource_id, "new"]);
        out.amount(amount(price, 10)?);
        out.quantity(charged.quantity);
        out.text(line.meter.unit);
        out.amount(charged.cost);
        out.text(customer.currency);
        out.amount(charged.usd.unwrap_or(Amount::ZERO));
        out.texts(&["USD", "", ""]);
        let tags = line.tags();
        out.text(&if tags.is_empty() { tags } else { format!("{{{tags}}}") });
        out.text(&line.additional_info(reservation));
        out.amount(amount(effective, 12)?);
        out.amount(amount(i128::from(*rate), 6)?);
        out.instant(period.first_day());
        let subscription = &customer.subscriptions[line.subscription];
        out.text(&subscription.id.to_string());
        out.texts(&[&subscription.name, "15", "100", "Azure Credit Applied"]);
        match reservation {
            Some(reservation) => {
                out.text(&reservation.order.to_string());
                out.text(&reservation.id.to_string());
                out.text("Reservation");
            }
            None => out.texts(&["", "", ""]),
        }
        out.end()?;
        Ok(charged)
    }
}

/// Invoices are per currency: the last digit of their numbers.
fn invoice_digit(currency: &str) -> u8 {
    match currency {
        "GBP" => 1,
        "EUR" => 2,
        "NOK" => 3,
        _ => 0,
    }
}
