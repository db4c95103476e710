//! The cost of each day.

use std::collections::BTreeMap;

use meterlake_model::{Amount, BillingPeriod, Day, DayRange};

use super::bucket::days;
use super::counts::Counts;
use super::share::shares;
use super::{EstimateLine, Figures, Meter, MeterPrice, PriceList, too_large};
use crate::ReportError;

/// The lines of every day with units: of the tenant, and of each application.
pub(super) fn price(range: DayRange, counts: &Counts, prices: &PriceList) -> Result<Figures, ReportError> {
    let mut figures = Figures::new();
    for (at, price) in prices.meters.iter().enumerate() {
        let (mut month, mut before) = (None, 0u64);
        for day in days(range) {
            if month.replace(BillingPeriod::containing(day)) != Some(BillingPeriod::containing(day)) {
                before = 0;
            }
            let by_application = units(counts, day, price, prices);
            let quantity = match price.meter {
                Meter::Mau => counts.new_users.get(&day).copied().unwrap_or(0),
                _ => by_application.values().sum(),
            };
            let after = before.saturating_add(quantity);
            let cost = price.cost(after).zip(price.cost(before)).and_then(|(a, b)| a.checked_sub(b).ok());
            let cost = cost.ok_or_else(too_large)?;
            before = after;
            let weights: Vec<u64> = by_application.values().copied().collect();
            let parts = shares(cost, &weights).ok_or_else(too_large)?;
            let mut put = |application, quantity, cost| {
                let lines = figures.entry((day, application)).or_insert_with(|| empty(prices));
                let share = lines[at].share;
                lines[at] = EstimateLine { meter: price.label(), quantity, cost, share };
            };
            if quantity > 0 {
                put(None, quantity, cost);
            }
            for ((application, quantity), cost) in by_application.into_iter().zip(parts) {
                put(Some(application), quantity, cost);
            }
        }
    }
    for ((_, application), lines) in &mut figures {
        for (line, price) in lines.iter_mut().zip(&prices.meters) {
            line.share = application.is_some() && price.meter == Meter::Mau;
        }
    }
    Ok(figures)
}

/// A line of nothing for each meter.
pub(super) fn empty(prices: &PriceList) -> Vec<EstimateLine> {
    let line =
        |price: &MeterPrice| EstimateLine { meter: price.label(), quantity: 0, cost: Amount::ZERO, share: false };
    prices.meters.iter().map(line).collect()
}

/// The day's units that this price is for, by application.
fn units(counts: &Counts, day: Day, price: &MeterPrice, prices: &PriceList) -> BTreeMap<String, u64> {
    let mut units: BTreeMap<String, u64> = BTreeMap::new();
    for ((meter, method), by_application) in counts.by_application.get(&day).into_iter().flatten() {
        if *meter == price.meter && is_for(price, method, prices) {
            for (application, count) in by_application {
                *units.entry(application.clone()).or_default() += count;
            }
        }
    }
    units
}

/// A price of one method is for that method, one of all methods for those that have no price of their own.
fn is_for(price: &MeterPrice, method: &str, prices: &PriceList) -> bool {
    match &price.method {
        Some(own) => own == method,
        None => {
            !prices.meters.iter().any(|other| other.meter == price.meter && other.method.as_deref() == Some(method))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn prices() -> PriceList {
        let text = "name=\"n\"\ncurrency=\"USD\"\nsource=\"s\"\nas_of=\"2019-11-07\"\n\
            [[meter]]\nmeter=\"authentication\"\nfree=10\ntier=[{up_to=20,price=\"0.5\"},{price=\"0.25\"}]\n\
            [[meter]]\nmeter=\"mfa\"\ntier=[{price=\"0.03\"}]\n\
            [[meter]]\nmeter=\"mfa\"\nmethod=\"VoiceMfa\"\ntier=[{price=\"0.1\"}]\n\
            [[meter]]\nmeter=\"mau\"\nfree=1\ntier=[{price=\"2\"}]\n";
        PriceList::from_toml(text).unwrap()
    }

    fn lines(figures: &Figures, on: &str, application: Option<&str>) -> Vec<(u64, String)> {
        let lines = &figures[&(day(on), application.map(str::to_owned))];
        lines.iter().map(|line| (line.quantity, line.cost.to_string())).collect()
    }

    #[test]
    fn days_add_up_through_the_tiers_and_the_month_starts_anew() {
        let mut counts = Counts::default();
        let mut put = |on: &str, meter, method: &str, application: &str, count: u64| {
            let units = counts.by_application.entry(day(on)).or_default();
            *units.entry((meter, method.to_owned())).or_default().entry(application.to_owned()).or_default() += count;
        };
        put("2026-10-30", Meter::Authentication, "", "a", 8);
        put("2026-10-31", Meter::Authentication, "", "a", 9);
        put("2026-10-31", Meter::Authentication, "", "b", 9);
        put("2026-10-31", Meter::Mfa, "SmsMfa", "a", 2);
        put("2026-10-31", Meter::Mfa, "VoiceMfa", "b", 3);
        put("2026-10-31", Meter::Mau, "", "a", 3);
        put("2026-10-31", Meter::Mau, "", "b", 1);
        put("2026-11-01", Meter::Authentication, "", "b", 11);
        counts.new_users.insert(day("2026-10-31"), 3);
        let range = DayRange::new(day("2026-10-01"), day("2026-11-30")).unwrap();
        let figures = price(range, &counts, &prices()).unwrap();
        let text = |rows: &[(u64, &str)]| rows.iter().map(|(n, c)| (*n, (*c).to_owned())).collect::<Vec<_>>();
        assert_eq!(lines(&figures, "2026-10-30", None), text(&[(8, "0"), (0, "0"), (0, "0"), (0, "0")]));
        // 26 in the month: 10 at 0.5, 6 at 0.25, all on the 31st.
        assert_eq!(lines(&figures, "2026-10-31", None), text(&[(18, "6.5"), (2, "0.06"), (3, "0.3"), (3, "4")]));
        assert_eq!(lines(&figures, "2026-10-31", Some("a")), text(&[(9, "3.25"), (2, "0.06"), (0, "0"), (3, "3")]));
        assert_eq!(lines(&figures, "2026-10-31", Some("b")), text(&[(9, "3.25"), (0, "0"), (3, "0.3"), (1, "1")]));
        assert_eq!(lines(&figures, "2026-11-01", None), text(&[(11, "0.5"), (0, "0"), (0, "0"), (0, "0")]));
        assert!(figures[&(day("2026-10-31"), Some("a".to_owned()))][3].share);
        assert!(!figures[&(day("2026-10-31"), None)][3].share);
    }
}
