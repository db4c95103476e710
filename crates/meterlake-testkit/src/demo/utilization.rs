//! `utilizations/azure` records with prices, for MS-AZR-0145P subscriptions: the collection as Partner Center answers
//! it, with customer, subscription and currency before the items and a unit price in each.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use meterlake_model::Day;

use super::customers::{Estate, Partner};
use super::draw::Draw;
use super::estate::{Line, amount, quantity};
use super::names::PARTNER;
use super::totals::{Charged, Combinations, DemoTotals};

/// Months of records up to the current one.
const MONTHS: usize = 4;

/// Writes one file for each subscription and returns the files.
pub(super) fn write(
    dir: &Path,
    partner: &Partner,
    today: Day,
    seed: u64,
    totals: &mut DemoTotals,
) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut draw = Draw::new(seed, 4);
    let mut paths = Vec::new();
    for estate in partner.customers.iter().filter(|e| !e.pay_as_you_go.is_empty()) {
        let path = dir.join(format!("utilizations-{}.json", estate.customer.domain));
        let text = customer(partner, estate, today, &mut draw, totals, paths.is_empty())?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The collection of one customer. Without `with_cost` the cost is left to be quantity × unit price.
fn customer(
    partner: &Partner,
    estate: &Estate,
    today: Day,
    draw: &mut Draw,
    totals: &mut DemoTotals,
    with_cost: bool,
) -> Result<String> {
    let customer = &estate.customer;
    let subscription = customer.subscriptions.last().context("a customer without a subscription")?;
    let mut first = meterlake_model::BillingPeriod::containing(today);
    for _ in 1..MONTHS {
        first = first.previous().context("no month before")?;
    }
    let mut items = Vec::new();
    let mut day = first.first_day();
    while day <= today {
        let mut combinations = Combinations::default();
        for line in &estate.pay_as_you_go {
            if let Some(used) = line.used(day, draw) {
                // The price list in the customer's currency.
                let price = i128::from(line.meter.price) * if customer.currency == "USD" { 100 } else { 93 };
                let cost = amount(price * i128::from(used), 18)?;
                let charged = Charged { rows: 1, quantity: quantity(used)?, cost, usd: None };
                items.push(record(line, day, &charged, price, with_cost)?);
                totals.customer_row(customer.tenant_id, day, customer.currency, line.meter.category, &charged)?;
                combinations.add(line, false);
            }
        }
        totals.analytics_rows += combinations.count();
        day = day.plus(1).context("no day after")?;
    }
    let mut text = format!("{{\"totalCount\":{},\"partnerId\":\"{}\",", items.len(), partner.id);
    write!(text, "\"partnerName\":{},\"customerId\":\"{}\",", quoted(PARTNER), customer.tenant_id)?;
    write!(text, "\"customerName\":{},\"customerDomain\":{},", quoted(&customer.name), quoted(&customer.domain))?;
    write!(text, "\"subscriptionId\":\"{}\",\"subscriptionName\":{},", subscription.id, quoted(&subscription.name))?;
    writeln!(text, "\"offerId\":\"MS-AZR-0145P\",\"currency\":\"{}\",\"items\":[", customer.currency)?;
    text.push_str(&items.join(",\n"));
    write!(
        text,
        "\n],\"links\":{{\"self\":{{\"uri\":\"customers/{}/subscriptions/{}/utilizations/azure?start_time={}&end_time={day}\
         &granularity=daily&show_details=True&size=1000\",\"method\":\"GET\",\"headers\":[]}}}},\
         \"attributes\":{{\"objectType\":\"Collection\"}}}}\n",
        customer.tenant_id,
        subscription.id,
        first.first_day()
    )?;
    Ok(text)
}

fn record(line: &Line, day: Day, charged: &Charged, price: i128, with_cost: bool) -> Result<String> {
    let next = day.plus(1).context("no day after")?;
    let meter = line.meter;
    let additional_info = line.additional_info(None);
    let additional_info = if additional_info.is_empty() { "{}" } else { &additional_info };
    let mut text = format!(
        "{{\"usageStartTime\":\"{day}T00:00:00+00:00\",\"usageEndTime\":\"{next}T00:00:00+00:00\",\
         \"resource\":{{\"id\":\"{}\",\"name\":{},\"category\":{},\"subcategory\":{},\"region\":{}}},",
        line.meter_id,
        quoted(meter.name),
        quoted(meter.category),
        quoted(meter.subcategory),
        quoted(line.region.meter)
    );
    write!(text, "\"quantity\":{},\"unit\":{},\"infoFields\":{{}},", charged.quantity, quoted(meter.unit))?;
    write!(
        text,
        "\"instanceData\":{{\"resourceUri\":{},\"location\":\"{}\",",
        quoted(&line.resource_id),
        line.region.location
    )?;
    write!(
        text,
        "\"partNumber\":\"\",\"orderNumber\":\"\",\"tags\":{{{}}},\"additionalInfo\":{additional_info}}},\"unitPrice\":{}",
        line.tags(),
        amount(price, 12)?
    )?;
    if with_cost {
        write!(text, ",\"cost\":{}", charged.cost)?;
    }
    text.push_str(",\"attributes\":{\"objectType\":\"AzureUtilizationRecord\"}}");
    Ok(text)
}
