//! `meterlake estimate`

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use meterlake_model::{BillingPeriod, Day, DayRange};
use meterlake_reports::{Estimate, EstimateRequest, EstimateRow, LinkedCharges, PriceList, Reports};

use super::serve::{mfa_counts, reports_config};
use crate::cli::EstimateBill;
use crate::data_folder::DataFolder;
use crate::rows::{Row, printer};

/// Months that an estimate covers when no start is given, the current one included.
const USUAL_MONTHS: u32 = 3;

pub(crate) async fn run(folder: &DataFolder, command: EstimateBill) -> anyhow::Result<()> {
    let prices = read_prices(folder, command.prices.as_deref())?;
    let control = folder.control().await?;
    let tenant = control.find_tenant(&command.tenant).await?;
    let (tenant, domains) = match tenant {
        Some(tenant) => (tenant.id, tenant.domains),
        None => (
            command.tenant.parse().map_err(|_| anyhow::anyhow!("there is no tenant {:?}", command.tenant))?,
            Vec::new(),
        ),
    };
    let request = EstimateRequest {
        tenant,
        days: days(command.from, command.to, folder.clock.today())?,
        granularity: command.by,
        per_application: command.per_application,
        mfa_counts: mfa_counts(folder),
        linked: match command.subscription {
            Some(id) => LinkedCharges::Subscription(id),
            None => LinkedCharges::Directories(domains),
        },
        snapshot: None,
    };
    let reports = Reports::new(folder.lake().await?, &reports_config(folder))?;
    let estimate = reports.estimate(&request, &prices).await?;
    remarks(&estimate, &prices);
    let mut out = std::io::stdout().lock();
    {
        let mut printer = printer(command.format, &[], &mut out);
        for row in &estimate.rows {
            printer.row(&flat(row, &prices, command.per_application)?)?;
        }
        printer.end()?;
    }
    Ok(out.flush()?)
}

/// The price file named on the command line, else the one in the settings.
fn read_prices(folder: &DataFolder, file: Option<&Path>) -> anyhow::Result<PriceList> {
    match file {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            PriceList::from_toml(&text).with_context(|| file.display().to_string())
        }
        None => folder.prices()?.context("give a price file with --prices, or set [b2c] prices"),
    }
}

fn days(from: Option<Day>, to: Option<Day>, today: Day) -> anyhow::Result<DayRange> {
    let last = to.unwrap_or(today);
    let usual = || (1..USUAL_MONTHS).try_fold(BillingPeriod::containing(last), |month, _| month.previous());
    let first = from.or_else(|| usual().map(BillingPeriod::first_day)).unwrap_or(last);
    DayRange::new(first, last).context("--from and --to")
}

/// What a reader of the figures has to know, apart from them.
fn remarks(estimate: &Estimate, prices: &PriceList) {
    eprintln!("prices: {} ({}), read {}; check them before you rely on them", prices.name, prices.source, prices.as_of);
    match &estimate.total {
        None => eprintln!("no import covers a day from {} to {}", estimate.days.first, estimate.days.last),
        Some(total) if total.days_covered < total.days => {
            eprintln!("{} of {} days are covered; nothing is known of the others", total.days_covered, total.days);
        }
        Some(_) => {}
    }
}

/// A row as one line: each meter's quantity and cost.
fn flat(row: &EstimateRow, prices: &PriceList, per_application: bool) -> anyhow::Result<Row> {
    let mut flat = Row::default();
    flat.put("start", &row.start)?;
    flat.put("end", &row.end)?;
    flat.put("days", &row.days)?;
    flat.put("daysCovered", &row.days_covered)?;
    if per_application {
        flat.put(
            "application",
            &row.application.as_deref().map_or("(all)", |id| if id.is_empty() { "(none)" } else { id }),
        )?;
    }
    for line in &row.lines {
        flat.put(&line.meter, &line.quantity)?;
        flat.put_number(&format!("{}Cost", line.meter), &line.cost.to_string())?;
    }
    flat.put_number("cost", &row.cost.to_string())?;
    flat.put("currency", &prices.currency.as_str())?;
    if per_application {
        // Users of several applications are users of each: what an application pays for them is a share.
        let shared: Vec<&str> = row.lines.iter().filter(|line| line.share).map(|line| line.meter.as_str()).collect();
        flat.put("share", &shared.join(", "))?;
    }
    let actual: Vec<String> = row.actual.iter().map(|billed| format!("{} {}", billed.cost, billed.currency)).collect();
    flat.put("actual", &actual.join(", "))?;
    Ok(flat)
}
