//! Writes the demo's source files: `cargo run -p meterlake-testkit --example generate -- DIR [DAY] [SEED]`.

use anyhow::{Context, Result};
use meterlake_model::{Clock, Day, SystemClock};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().context("expected a folder to write to")?;
    let today: Day = arguments.next().map_or_else(|| Ok(SystemClock.today()), |day| day.parse())?;
    let seed = arguments.next().map_or(Ok(7), |seed| seed.parse())?;
    let start = std::time::Instant::now();
    let sources = meterlake_testkit::generate_demo(dir.as_ref(), today, seed)?;
    println!("enrolment {} from {} to {}", sources.enrolment, sources.first_day, sources.last_day);
    for ((period, currency), charged) in &sources.totals.enterprise {
        println!("  {period} {:>6} rows {:>32} {currency}", charged.rows, charged.cost);
    }
    let rows: u64 = sources.totals.customers.values().map(|c| c.rows).sum();
    println!(
        "partner: {} customers, {rows} rows, {} rows of analytics",
        sources.customers.len(),
        sources.totals.analytics_rows
    );
    println!("written in {:?}", start.elapsed());
    Ok(())
}
