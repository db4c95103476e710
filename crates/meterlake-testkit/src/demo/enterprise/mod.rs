//! An enrolment's cost exports: Azure cost export, actual cost, EA columns of 2024-08-01, gzip, one run a month.
//!
//! Charges are usage (some under a reservation, at no cost), reservation and marketplace purchases, a refund, and usage
//! that was metered late: dated in the month before the one it is billed in.

mod charges;
mod row;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use meterlake_model::{BillingPeriod, Day};
use uuid::Uuid;

use super::draw::Draw;
use super::estate::{self, EstateSpec, Line, Reservation};
use super::manifest::{self, Export};
use super::names::{MARKETPLACE, SUBSCRIPTIONS};
use super::totals::DemoTotals;
use row::{Out, blob_name, close, open};

/// Number of the enrolment.
pub(in crate::demo) const ENROLMENT: &str = "8214577";
const LINES: usize = 118;

/// The B2C directory that one of the subscriptions pays for.
pub(in crate::demo) struct Directory<'a> {
    /// Its domain name, after which its resource is named.
    pub(in crate::demo) domain: &'a str,
    /// MFA attempts, each of which is charged, by day.
    pub(in crate::demo) mfa: BTreeMap<Day, u64>,
}

struct Writer<'a> {
    draw: Draw,
    subscriptions: Vec<Uuid>,
    lines: Vec<Line>,
    reservations: Vec<Reservation>,
    directory: &'a Directory<'a>,
    totals: &'a mut DemoTotals,
}

/// Writes a folder for each period and returns the folders.
pub(in crate::demo) fn write(
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
}
