//! Which charges an EA call asks for: a billing period, or days.

use meterlake_model::{BillingPeriod, Day, DayRange};
use meterlake_reports::Selection;

use crate::parameters::Parameters;
use crate::refusal::{Malformed, Refusal};

const PERIOD: &str = "billingPeriod";
const START: &str = "startTime";
const END: &str = "endTime";
const EXPECTED_DAY: &str = "a day written yyyy-MM-dd, M/d/yyyy or yyyyMMdd";
const EXPECTED_PERIOD: &str = "a billing period written yyyyMM";

/// How long a range of days may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Months(pub(crate) u32);

impl Months {
    /// A download.
    pub(crate) const DOWNLOAD: Self = Self(1);
    /// Pages and asynchronous exports.
    pub(crate) const LONGEST: Self = Self(36);
}

/// The period of a path part.
pub(crate) fn period_of_path(text: &str) -> Result<BillingPeriod, Refusal> {
    text.parse().map_err(|_| Malformed::path(PERIOD, text, EXPECTED_PERIOD).into())
}

/// `startTime` and `endTime`, both wanted.
pub(crate) fn days(parameters: &Parameters, longest: Months) -> Result<DayRange, Refusal> {
    let first = parameters.parsed(START, EXPECTED_DAY, day)?;
    let last = parameters.parsed(END, EXPECTED_DAY, day)?;
    let missing = |name, other| Malformed::parameter(name, "", format!("{EXPECTED_DAY}, together with {other}"));
    let (first, last) = (first.ok_or_else(|| missing(START, END))?, last.ok_or_else(|| missing(END, START))?);
    let given = parameters.get(END).unwrap_or_default();
    let range = DayRange::new(first, last)
        .map_err(|_| Malformed::parameter(END, given, format!("a day not before {START}, which is {first}")))?;
    // The day that is out of range even of the calendar bounds no range.
    if first.plus_months(longest.0).is_some_and(|beyond| last >= beyond) {
        let latest = first.plus_months(longest.0).and_then(|beyond| beyond.plus(-1)).unwrap_or(first);
        let expected = format!("at most {} from {START}: not after {latest}", months(longest));
        return Err(Malformed::parameter(END, given, expected).into());
    }
    Ok(range)
}

fn months(longest: Months) -> String {
    if longest.0 == 1 { "one month".to_owned() } else { format!("{} months", longest.0) }
}

/// `billingPeriod`, or `startTime` and `endTime`: one of the two.
pub(crate) fn period_or_days(parameters: &Parameters, longest: Months) -> Result<Selection, Refusal> {
    let period = parameters.parsed(PERIOD, EXPECTED_PERIOD, |text| text.parse::<BillingPeriod>().ok())?;
    let dated = parameters.get(START).or(parameters.get(END));
    match (period, dated) {
        (Some(period), None) => Ok(Selection::Period(period)),
        (Some(period), Some(_)) => {
            let expected = format!("either {PERIOD} or {START} and {END}, not both");
            Err(Malformed::parameter(PERIOD, &period.to_string(), expected).into())
        }
        (None, Some(_)) => days(parameters, longest).map(Selection::Days),
        (None, None) => {
            Err(Malformed::parameter(PERIOD, "", format!("{EXPECTED_PERIOD}, or {START} and {END}")).into())
        }
    }
}

/// The first and the last day of what is selected.
pub(crate) fn first_and_last(selection: Selection) -> DayRange {
    match selection {
        Selection::Period(period) => period.days(),
        Selection::Days(days) => days,
    }
}

/// `yyyy-MM-dd`, `M/d/yyyy` or `yyyyMMdd`.
fn day(text: &str) -> Option<Day> {
    let number = |digits: &str, longest: usize| {
        ((1..=longest).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse::<u32>().ok())
            .flatten()
    };
    let of = |year: &str, month: &str, day: &str| {
        let year = i32::try_from(number(year, 4).filter(|_| year.len() == 4)?).ok()?;
        Day::from_ymd(year, number(month, 2)?, number(day, 2)?)
    };
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return of(&text[..4], &text[4..6], &text[6..]);
    }
    match text.split('/').collect::<Vec<_>>()[..] {
        [month, day, year] => of(year, month, day),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &[PERIOD, START, END];

    fn chosen(query: &str, longest: Months) -> Result<Selection, String> {
        period_or_days(&Parameters::read(query, KNOWN), longest).map_err(|refusal| refusal.to_string())
    }

    fn range(first: &str, last: &str) -> Selection {
        Selection::Days(DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap())
    }

    #[test]
    fn days_in_every_form() {
        for query in [
            "startTime=2017-04-01&endTime=2017-04-10",
            "starttime=4/1/2017&ENDTIME=04/10/2017",
            "startTime=20170401&endTime=20170410",
        ] {
            assert_eq!(chosen(query, Months::DOWNLOAD), Ok(range("2017-04-01", "2017-04-10")), "{query}");
        }
        assert_eq!(chosen("billingPeriod=201704", Months::DOWNLOAD), Ok(Selection::Period("201704".parse().unwrap())));
    }

    #[test]
    fn longest_ranges() {
        for (first, last, longest, fits) in [
            ("2017-01-01", "2017-01-31", Months::DOWNLOAD, true),
            ("2017-01-01", "2017-02-01", Months::DOWNLOAD, false),
            ("2017-01-31", "2017-02-27", Months::DOWNLOAD, true),
            ("2017-01-31", "2017-02-28", Months::DOWNLOAD, false),
            ("2017-01-15", "2020-01-14", Months::LONGEST, true),
            ("2017-01-15", "2020-01-15", Months::LONGEST, false),
            ("9999-12-01", "9999-12-31", Months::DOWNLOAD, true),
        ] {
            let outcome = chosen(&format!("startTime={first}&endTime={last}"), longest);
            assert_eq!(outcome.is_ok(), fits, "{first} {last}: {outcome:?}");
        }
    }

    #[test]
    fn what_is_refused() {
        for query in [
            "",
            "startTime=2017-04-01",
            "endTime=2017-04-01",
            "startTime=2017-04-02&endTime=2017-04-01",
            "startTime=2017-04-31&endTime=2017-05-01",
            "startTime=&endTime=2017-05-01",
            "startTime=13/1/2017&endTime=2017-05-01",
            "startTime=4/1/17&endTime=2017-05-01",
            "startTime=+4/1/2017&endTime=2017-05-01",
            "billingPeriod=201713",
            "billingPeriod=",
            "billingPeriod=201704&startTime=2017-04-01&endTime=2017-04-02",
            "billingPeriod=201704&endTime=x",
        ] {
            assert!(chosen(query, Months::LONGEST).is_err(), "{query}");
        }
    }
}
