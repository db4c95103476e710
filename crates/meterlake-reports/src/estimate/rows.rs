//! Days gathered into the rows of the answer.

use std::collections::BTreeMap;

use meterlake_model::{Amount, CurrencyCode, Day};

use super::actual::Billed;
use super::bucket::days;
use super::counts::Counts;
use super::price_days::empty;
use super::{ActualCost, EstimateLine, EstimateRequest, EstimateRow, Figures, PriceList, too_large};
use crate::ReportError;

/// The rows of every bucket of which a day is covered, and the sum of the tenant's.
pub(super) fn gather(
    request: &EstimateRequest,
    prices: &PriceList,
    counts: &Counts,
    figures: &Figures,
    billed: &Billed,
) -> Result<(Vec<EstimateRow>, Option<EstimateRow>), ReportError> {
    let mut buckets: BTreeMap<Day, Bucket> = BTreeMap::new();
    let mut total = Bucket::default();
    for day in days(request.days) {
        let bucket = buckets.entry(request.granularity.start(day)).or_default();
        for bucket in [bucket, &mut total] {
            bucket.days += 1;
            bucket.covered += u64::from(counts.covered.contains(&day));
            bucket.take(day, figures, billed, request.per_application, prices)?;
        }
    }
    let mut rows = Vec::new();
    for (start, bucket) in buckets {
        if bucket.covered > 0 {
            rows.extend(bucket.rows(start, request.granularity.end(start), prices)?);
        }
    }
    let known = total.covered > 0;
    let total = total.rows(request.days.first, request.days.last, prices)?.into_iter().next();
    Ok((rows, total.filter(|_| known)))
}

#[derive(Default)]
struct Bucket {
    days: u64,
    covered: u64,
    lines: BTreeMap<Option<String>, Vec<EstimateLine>>,
    actual: BTreeMap<CurrencyCode, Amount>,
}

impl Bucket {
    fn take(
        &mut self,
        day: Day,
        figures: &Figures,
        billed: &Billed,
        per_application: bool,
        prices: &PriceList,
    ) -> Result<(), ReportError> {
        // An application sorts after the tenant's `None`, and the next day after both.
        let of_day = figures.range((day, None)..).take_while(|((on, _), _)| *on == day);
        for ((_, application), lines) in of_day.filter(|((_, application), _)| per_application || application.is_none())
        {
            let sums = self.lines.entry(application.clone()).or_insert_with(|| empty(prices));
            for (sum, line) in sums.iter_mut().zip(lines) {
                sum.quantity += line.quantity;
                sum.cost = sum.cost.checked_add(line.cost).map_err(|_| too_large())?;
                sum.share = line.share;
            }
        }
        for ((_, currency), cost) in billed.iter().filter(|((on, _), _)| *on == day) {
            let sum = self.actual.entry(currency.clone()).or_insert(Amount::ZERO);
            *sum = sum.checked_add(*cost).map_err(|_| too_large())?;
        }
        Ok(())
    }

    fn rows(mut self, start: Day, end: Day, prices: &PriceList) -> Result<Vec<EstimateRow>, ReportError> {
        self.lines.entry(None).or_insert_with(|| empty(prices));
        let (days, days_covered) = (self.days, self.covered);
        let mut actual: Vec<ActualCost> =
            self.actual.into_iter().map(|(currency, cost)| ActualCost { currency, cost }).collect();
        let mut rows = Vec::with_capacity(self.lines.len());
        for (application, lines) in self.lines {
            let cost = lines.iter().try_fold(Amount::ZERO, |sum, line| sum.checked_add(line.cost));
            let cost = cost.map_err(|_| too_large())?;
            let actual = if application.is_none() { std::mem::take(&mut actual) } else { Vec::new() };
            rows.push(EstimateRow { start, end, days, days_covered, application, lines, cost, actual });
        }
        Ok(rows)
    }
}
