//! Parameters of usage analytics, read into a report request.

use std::sync::LazyLock;

use meterlake_filter::{Expr, FieldCatalogue, Limits, Moment};
use meterlake_model::Day;
use meterlake_reports::{AggregationLevel, AnalyticsField, AnalyticsKey, AnalyticsRequest, CustomerScope, Direction};

use crate::parameters::Parameters;
use crate::refusal::{Malformed, Refusal};

/// The most rows of an answer, and the number when none is asked for.
pub(crate) const MOST_ROWS: u64 = 10_000;
/// Every parameter, as documented, and the position of a next link.
pub(crate) const PARAMETERS: &[&str] =
    &["top", "skip", "filter", "aggregationLevel", "orderby", "groupby", "startDate", "endDate", "skiptoken"];

const EXPECTED_DAY: &str = "a date such as 2018-05-27, or a date-time such as 2018-05-27T00:00:00Z";

/// The fields that filters may name.
static CATALOGUE: LazyLock<FieldCatalogue> = LazyLock::new(AnalyticsField::catalogue);

/// The request that the parameters describe, over `customers`, with everything from the walk's own position open.
pub(crate) fn request(parameters: &Parameters, customers: CustomerScope) -> Result<AnalyticsRequest, Refusal> {
    let group_by = group_by(parameters)?;
    Ok(AnalyticsRequest {
        customers,
        filter: filter(parameters)?,
        days: days(parameters)?,
        aggregation: aggregation(parameters, group_by.is_some())?,
        order_by: order_by(parameters, group_by.as_deref())?,
        group_by,
        skip: skip(parameters)?,
        top: top(parameters)?,
        snapshot: None,
        total: None,
    })
}

fn top(parameters: &Parameters) -> Result<usize, Refusal> {
    let expected = "a whole number from 1 to 10000";
    let top = parameters.parsed("top", expected, |text| whole(text).filter(|top| *top >= 1))?;
    Ok(usize::try_from(top.unwrap_or(MOST_ROWS).min(MOST_ROWS)).unwrap_or(usize::MAX))
}

fn skip(parameters: &Parameters) -> Result<u64, Refusal> {
    Ok(parameters.parsed("skip", "a whole number, 0 or more", whole)?.unwrap_or(0))
}

/// A whole number without a sign. More digits than any answer has rows count as the most there can be.
fn whole(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX).min(u64::from(u32::MAX) << 16))
}

fn filter(parameters: &Parameters) -> Result<Option<Expr>, Refusal> {
    parameters
        .get("filter")
        .map(|text| {
            meterlake_filter::parse(text, &CATALOGUE, Limits::default()).map_err(|error| {
                Malformed::parameter("filter", text, format!("a filter that can be read: {error}")).into()
            })
        })
        .transpose()
}

fn days(parameters: &Parameters) -> Result<(Option<Day>, Option<Day>), Refusal> {
    let day = |name| parameters.parsed(name, EXPECTED_DAY, |text| Moment::parse(text).map(Moment::day));
    let (first, last) = (day("startDate")?, day("endDate")?);
    match (first, last) {
        (Some(first), Some(last)) if last < first => {
            let given = parameters.get("endDate").unwrap_or_default();
            Err(Malformed::parameter("endDate", given, format!("a day not before startDate, which is {first}")).into())
        }
        days => Ok(days),
    }
}

fn group_by(parameters: &Parameters) -> Result<Option<Vec<AnalyticsField>>, Refusal> {
    let expected = format!("a list of fields with a comma between; the fields are {}", names(&AnalyticsField::ALL));
    let fields = parameters.parsed("groupby", &expected, |text| {
        text.split(',').map(|name| name.trim().parse::<AnalyticsField>().ok()).collect::<Option<Vec<_>>>()
    })?;
    Ok(fields.map(|fields| {
        fields.into_iter().fold(Vec::new(), |mut once, field| {
            if !once.contains(&field) {
                once.push(field);
            }
            once
        })
    }))
}

fn names(fields: &[AnalyticsField]) -> String {
    fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
}

fn aggregation(parameters: &Parameters, grouped: bool) -> Result<AggregationLevel, Refusal> {
    let level = parameters.parsed("aggregationLevel", "day, week or month", |text| {
        [("day", AggregationLevel::Day), ("week", AggregationLevel::Week), ("month", AggregationLevel::Month)]
            .into_iter()
            .find_map(|(name, level)| name.eq_ignore_ascii_case(text.trim()).then_some(level))
    })?;
    match (level, parameters.get("aggregationLevel")) {
        (Some(_), Some(given)) if !grouped => {
            Err(Malformed::parameter("aggregationLevel", given, "groupby together with aggregationLevel").into())
        }
        (level, _) => Ok(level.unwrap_or_default()),
    }
}

fn order_by(
    parameters: &Parameters,
    group_by: Option<&[AnalyticsField]>,
) -> Result<Vec<(AnalyticsKey, Direction)>, Refusal> {
    let fields = group_by.unwrap_or(&AnalyticsField::ALL);
    let quantity = if group_by.is_some() { ", Quantity" } else { "" };
    let expected =
        format!("a list of `field [asc|desc]` with a comma between; the fields are {}{quantity}", names(fields));
    let order = parameters.parsed("orderby", &expected, |text| {
        text.split(',').map(|term| order_term(term, fields, group_by.is_some())).collect::<Option<Vec<_>>>()
    })?;
    Ok(order.unwrap_or_default())
}

fn order_term(term: &str, fields: &[AnalyticsField], grouped: bool) -> Option<(AnalyticsKey, Direction)> {
    let mut words = term.split_whitespace();
    let name = words.next()?;
    let key = match name.parse::<AnalyticsField>() {
        Ok(field) if fields.contains(&field) => AnalyticsKey::Field(field),
        Err(()) if grouped && name.eq_ignore_ascii_case("Quantity") => AnalyticsKey::Quantity,
        _ => return None,
    };
    let direction = match words.next() {
        None => Direction::Ascending,
        Some(word) if word.eq_ignore_ascii_case("asc") => Direction::Ascending,
        Some(word) if word.eq_ignore_ascii_case("desc") => Direction::Descending,
        Some(_) => return None,
    };
    words.next().is_none().then_some((key, direction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<AnalyticsRequest, String> {
        let parameters = Parameters::read(query, PARAMETERS);
        parameters.well_formed().and_then(|p| request(p, CustomerScope::All)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn defaults_and_bounds() {
        let plain = read("").unwrap();
        assert_eq!((plain.top, plain.skip, plain.days, plain.group_by), (10_000, 0, (None, None), None));
        assert_eq!(read("top=99999999999999999999999").unwrap().top, 10_000);
        assert_eq!(read("$top=5&$skip=7").map(|r| (r.top, r.skip)), Ok((5, 7)));
        let grouped =
            read("groupby=MeterUnit,usagedate,meterunit&aggregationlevel=Week&orderby=quantity desc,meterUnit");
        let grouped = grouped.unwrap();
        assert_eq!(grouped.group_by, Some(vec![AnalyticsField::MeterUnit, AnalyticsField::UsageDate]));
        assert_eq!(grouped.aggregation, AggregationLevel::Week);
        assert_eq!(grouped.order_by[0], (AnalyticsKey::Quantity, Direction::Descending));
        let dated = read("startDate=2018-05-27T23:30:00-02:00&endDate=2018-05-28").unwrap();
        assert_eq!(dated.days, ("2018-05-28".parse().ok(), "2018-05-28".parse().ok()));
    }

    #[test]
    fn what_is_refused_names_itself() {
        for (query, name) in [
            ("top=0", "top"),
            ("top=-1", "top"),
            ("top=x", "top"),
            ("top=", "top"),
            ("skip=-1", "skip"),
            ("filter=", "filter"),
            ("filter=meterCategory eq", "filter"),
            ("filter=nothing eq 'a'", "filter"),
            ("groupby=", "groupby"),
            ("groupby=meterUnit,,", "groupby"),
            ("groupby=quantity", "groupby"),
            ("aggregationLevel=week", "aggregationLevel"),
            ("aggregationLevel=year&groupby=usageDate", "aggregationLevel"),
            ("orderby=Quantity", "orderby"),
            ("orderby=meterUnit up", "orderby"),
            ("orderby=meterUnit&groupby=usageDate", "orderby"),
            ("startDate=yesterday", "startDate"),
            ("startDate=2018-05-28&endDate=2018-05-27", "endDate"),
        ] {
            let refusal = read(query).unwrap_err();
            assert!(refusal.contains(&format!("'{name}'")), "{query}: {refusal}");
        }
    }
}
