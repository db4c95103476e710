//! Charges as a partner's Azure cost export has them, month by month, at any scale.
//!
//! The same seed and number of rows give the same bytes, however many threads write them. Every month has its exact
//! share of the rows.

mod decimal;
mod draw;
mod estate;
mod month;
mod words;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use meterlake_model::BillingPeriod;
use serde_json::{Value, json};

pub use estate::{Customer, Estate};
pub use month::Totals;

/// Months of a lake.
pub const MONTHS: u32 = 36;
/// The newest month.
pub const LAST_PERIOD: i32 = 202_510;
/// Billing account that all rows belong to.
pub const BILLING_ACCOUNT: &str = "71804463";
/// Tenant id of the partner.
pub const PARTNER: &str = "3b0ac2f4-52c6-4d0e-9a47-6f2b1c9e8d15";

/// What to generate: the size of the whole, of which each month is a part.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Rows of all months.
    pub rows: u64,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

/// How a month's files are written.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Files, each written by a thread of its own.
    pub parts: u32,
    /// As gzip, else plain.
    pub gzip: bool,
}

/// The months of a lake, oldest first.
pub fn periods() -> Vec<BillingPeriod> {
    let mut all: Vec<BillingPeriod> = BillingPeriod::from_number(LAST_PERIOD).into_iter().collect();
    while let Some(before) = all.last().and_then(|p| p.previous()).filter(|_| all.len() < MONTHS as usize) {
        all.push(before);
    }
    all.reverse();
    all
}

/// A file of a month and what stands in it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// What its rows come to.
    pub totals: Totals,
    /// Bytes of CSV, before compression.
    pub plain_bytes: u64,
}

/// Writes the files of one month below `dir`.
///
/// # Errors
/// When `period` is none of [`periods`] or a file cannot be written.
pub fn write_month(estate: &Estate, period: BillingPeriod, dir: &Path, form: Form) -> Result<Vec<Part>> {
    let at = periods().iter().position(|p| *p == period);
    let at = at.with_context(|| format!("{period} is not one of the {MONTHS} months up to {LAST_PERIOD}"))?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let plan = month::Plan::new(estate, u32::try_from(at)?, period);
    let parts = form.parts.max(1);
    std::thread::scope(|scope| {
        let write = |part: u32| {
            let ending = if form.gzip { "csv.gz" } else { "csv" };
            let path = dir.join(format!("part_{part}_{period}.{ending}"));
            let plan = &plan;
            move || -> Result<Part> {
                let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
                let out = BufWriter::with_capacity(1 << 18, file);
                let ranges = plan.part(part, parts);
                let (totals, plain_bytes) = if form.gzip {
                    let mut out = Counted { out: GzEncoder::new(out, Compression::new(1)), bytes: 0 };
                    let totals = plan.write(ranges, &mut out)?;
                    let bytes = out.bytes;
                    out.out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
                    (totals, bytes)
                } else {
                    let mut out = Counted { out, bytes: 0 };
                    let totals = plan.write(ranges, &mut out)?;
                    out.out.flush()?;
                    (totals, out.bytes)
                };
                Ok(Part { path, totals, plain_bytes })
            }
        };
        let threads: Vec<_> = (0..parts).map(|part| scope.spawn(write(part))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread of the generator died"))?)
            .collect()
    })
}

/// What a month's files come to, as JSON.
pub fn describe(parts: &[Part]) -> Value {
    let mut all = Totals::default();
    for part in parts {
        all.add(&part.totals);
    }
    json!({
        "files": parts.iter().map(|p| p.path.display().to_string()).collect::<Vec<_>>(),
        "plain_bytes": parts.iter().map(|p| p.plain_bytes).sum::<u64>(),
        "rows": all.rows,
        "usage_rows": all.usage_rows,
        "quantity": all.quantity_text(),
        "usage_quantity": all.usage_quantity_text(),
        "cost": all.cost_text(),
    })
}

struct Counted<W: Write> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buf)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
