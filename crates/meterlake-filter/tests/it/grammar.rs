//! Precedence, spelling and literals.

use meterlake_filter::CompareOp::{Eq, Ne};
use meterlake_filter::{Expr, Moment, Value};

use crate::catalogues::{METER_CATEGORY, analytics, guid, parsed, text};

fn category(value: &str) -> Expr {
    text(METER_CATEGORY, Eq, value)
}

#[test]
fn precedence_is_comparison_not_and_or() {
    let catalogue = analytics();
    let (a, b, c) = (category("a"), category("b"), category("c"));
    let input = |filter: &str| {
        filter
            .chars()
            .map(|c| match c {
                'a' | 'b' | 'c' => format!("meterCategory eq '{c}'"),
                '&' => " and ".to_owned(),
                '|' => " or ".to_owned(),
                '!' => "not ".to_owned(),
                other => other.to_string(),
            })
            .collect::<String>()
    };
    let and = |parts: &[&Expr]| Expr::And(parts.iter().map(|&p| p.clone()).collect());
    let or = |parts: &[&Expr]| Expr::Or(parts.iter().map(|&p| p.clone()).collect());
    let not = |part: &Expr| Expr::Not(Box::new(part.clone()));
    for (filter, expected) in [
        ("a|b&c", or(&[&a, &and(&[&b, &c])])),
        ("a&b|c", or(&[&and(&[&a, &b]), &c])),
        ("a&b&c", and(&[&a, &b, &c])),
        ("(a|b)&c", and(&[&or(&[&a, &b]), &c])),
        ("(a&b)&c", and(&[&and(&[&a, &b]), &c])),
        ("a|(b|c)", or(&[&a, &or(&[&b, &c])])),
        ("!a&b", and(&[&not(&a), &b])),
        ("!(a&b)", not(&and(&[&a, &b]))),
        ("!!a|b", or(&[&not(&not(&a)), &b])),
        ("(((a)))", a.clone()),
    ] {
        assert_eq!(parsed(&input(filter), &catalogue), expected, "{filter}");
    }
}

#[test]
fn any_case_and_any_blanks() {
    let catalogue = analytics();
    let expected = Expr::And(vec![
        Expr::Not(Box::new(category("x"))),
        Expr::Contains { field: METER_CATEGORY, needle: "y".to_owned() },
    ]);
    for filter in [
        "not meterCategory eq 'x' and contains(meterCategory,'y')",
        "NOT METERCATEGORY EQ 'x' AND CONTAINS(METERCATEGORY,'y')",
        "  not(meterCategory eq'x')and contains ( meterCategory\t,\r\n'y' ) ",
    ] {
        assert_eq!(parsed(filter, &catalogue), expected, "{filter}");
    }
}

#[test]
fn strings_keep_their_letters() {
    let catalogue = analytics();
    for (literal, value) in [
        ("''", ""),
        ("'O''Brien'", "O'Brien"),
        ("''''", "'"),
        ("' a (b), and c '", " a (b), and c "),
        ("'größer 😀'", "größer 😀"),
    ] {
        assert_eq!(parsed(&format!("meterCategory eq {literal}"), &catalogue), category(value));
    }
}

#[test]
fn id_fields_take_guids_and_any_string() {
    let catalogue = analytics();
    let id = "39a1dfac-4969-4f31-af94-d76588189cfe";
    for literal in [id.to_uppercase(), format!("'{}'", id.to_uppercase()), format!("guid'{id}'"), format!("GUID'{id}'")]
    {
        assert_eq!(parsed(&format!("customertenantid ne {literal}"), &catalogue), guid(0, Ne, id));
    }
    assert_eq!(parsed("reservationId eq ''", &catalogue), text(10, Eq, ""));
    assert_eq!(parsed("subscriptionId eq 'my account'", &catalogue), text(2, Eq, "my account"));
}

#[test]
fn moments() {
    let catalogue = analytics();
    let moment = |literal: &str| match parsed(&format!("usageDate eq {literal}"), &catalogue) {
        Expr::Compare { value: Value::Moment(moment), .. } => moment,
        other => panic!("{other:?}"),
    };
    for bare in [
        "2016-10-15",
        "'2016-10-15'",
        "10/15/2016",
        "20161015",
        "2016-W41-6",
        "2016w416",
        "2016-289",
        "2016289",
        "datetime'2016-10-15'",
        "cast('10/15/2016',Edm.DateTimeOffset)",
        "cast ( '2016-10-15' ,  EDM.DATE )",
    ] {
        assert_eq!(moment(bare), Moment::Day("2016-10-15".parse().unwrap()), "{bare}");
        assert_eq!(moment(bare).instant().to_rfc3339(), "2016-10-15T00:00:00+00:00");
    }
    for (literal, instant) in [
        ("2016-10-15T08:09", "2016-10-15T08:09:00Z"),
        ("2016-10-15T08:09:10", "2016-10-15T08:09:10Z"),
        ("2016-10-15t08:09:10z", "2016-10-15T08:09:10Z"),
        ("2016-10-15 08:09:10", "2016-10-15T08:09:10Z"),
        ("2016-10-15T08:09:10.1234567Z", "2016-10-15T08:09:10.1234567Z"),
        ("2016-10-15T08:09:10.1234567899", "2016-10-15T08:09:10.123456789Z"),
        ("2016-10-15T08:09:10-07:30", "2016-10-15T15:39:10Z"),
        ("2016-10-15T08:09:10+0200", "2016-10-15T06:09:10Z"),
        ("2016-10-15T08:09:10 02:00", "2016-10-15T06:09:10Z"),
        ("20161015T080910Z", "2016-10-15T08:09:10Z"),
        ("2016-10-15T24:00:00Z", "2016-10-16T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2017-01-01T00:59:60.25+01:00", "2017-01-01T00:00:00.25Z"),
        ("2016-10-15T08", "2016-10-15T08:00:00Z"),
        ("2016-10-15T08.5Z", "2016-10-15T08:30:00Z"),
        ("2016-10-15T08:09,5Z", "2016-10-15T08:09:30Z"),
        ("20161015T0809.999999999", "2016-10-15T08:09:59.99999994Z"),
        ("2016-10-15T08:09:10,123Z", "2016-10-15T08:09:10.123Z"),
        ("datetime'2016-10-15T08:09:10,123'", "2016-10-15T08:09:10.123Z"),
        ("2016-W41-6T08:09Z", "2016-10-15T08:09:00Z"),
        ("2016-W01-1T00:00-02", "2016-01-04T02:00:00Z"),
        ("2020-W53-7T12:00", "2021-01-03T12:00:00Z"),
        ("2016-366T08:09:10Z", "2016-12-31T08:09:10Z"),
        ("2016-10-15T08:09:10\u{2212}07:30", "2016-10-15T15:39:10Z"),
        ("2016-10-15T08:09:10 \u{2212}07:30", "2016-10-15T15:39:10Z"),
        ("cast('2016-10-15T00:00:00Z', edm.datetimeoffset)", "2016-10-15T00:00:00Z"),
        ("datetimeoffset'2016-10-15T00:00:00+01:00'", "2016-10-14T23:00:00Z"),
        ("1/2/2016 12:05 AM", "2016-01-02T00:05:00Z"),
        ("1/2/2016 12:05 pm", "2016-01-02T12:05:00Z"),
        ("1/2/2016 13:05:06", "2016-01-02T13:05:06Z"),
        // Newer .NET and ICU put a narrow blank before AM and PM.
        ("11/15/2018 4:16:19\u{202f}PM +02:00", "2018-11-15T14:16:19Z"),
    ] {
        assert_eq!(moment(literal), Moment::Instant(instant.parse().unwrap()), "{literal}");
    }
}
