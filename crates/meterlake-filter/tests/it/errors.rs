//! Errors say where, what was found and what was expected.

use meterlake_filter::{FieldCatalogue, FilterErrorKind, Limits, parse};

use crate::catalogues::{analytics, b2c};

fn refused(text: &str, catalogue: &FieldCatalogue) -> (usize, String) {
    match parse(text, catalogue, Limits::default()) {
        Ok(expr) => panic!("{text} was taken as {}", expr.canonical(catalogue)),
        Err(error) => (error.offset, error.to_string()),
    }
}

#[test]
fn places_and_words() {
    let catalogue = analytics();
    for (text, offset, message) in [
        ("", 0, "found the end of the filter, expected a condition"),
        ("   ", 3, "found the end of the filter, expected a condition"),
        ("meterCategory", 13, "found the end of the filter, expected a comparison (eq, ne, gt, ge, lt, le)"),
        ("meterCategory eq", 16, "found the end of the filter, expected for meterCategory a string in single quotes"),
        ("meterCategory eq 5", 17, "found 5, expected for meterCategory a string in single quotes"),
        ("meterCategory eq 'a", 17, "found a string without an end, expected a closing quote (')"),
        ("meterCategory eq 'a' meterUnit", 21, "found meterUnit, expected and, or, or the end of the filter"),
        ("meterCategory eq 'a' and", 24, "found the end of the filter, expected a condition"),
        ("(meterCategory eq 'a'", 21, "found the end of the filter, expected and, or, or a closing parenthesis"),
        ("meterCategory eq 'a')", 20, "found ), expected and, or, or the end of the filter"),
        ("meterCategory gt 'a'", 14, "found gt, expected for meterCategory one of eq, ne, contains"),
        ("meterCategory = 'a'", 14, "found =, expected for meterCategory one of eq, ne, contains"),
        ("größe eq 'a'", 0, "found unknown field größe, expected one of customerTenantId, customerName"),
        ("'a' eq meterCategory", 0, "found 'a', expected a condition"),
        ("contains(usageDate,'2')", 0, "found contains, expected for usageDate one of eq, ne, gt, ge, lt, le"),
        ("contains(meterCategory 'a')", 23, "found 'a', expected a comma"),
        ("contains(meterCategory,a)", 23, "found a, expected a string in single quotes"),
        ("contains('a',meterCategory)", 9, "found 'a', expected a field name"),
        ("usageDate eq 2018-02-30", 13, "found 2018-02-30, expected for usageDate a date or date-time"),
        ("usageDate eq 11/15/2018 4:16:19 XM", 32, "found XM, expected and, or, or the end"),
        ("usageDate eq 13/15/2018 4:16:19 PM", 13, "found 13/15/2018 4:16:19 PM, expected for usageDate"),
        ("usageDate eq cast('2018',Edm.DateTimeOffset)", 13, "found cast('2018',Edm.DateTimeOffset), expected for"),
        ("usageDate eq cast('2018-01-01',Edm.String)", 31, "found Edm.String, expected Edm.DateTimeOffset"),
        ("usageDate eq guid'39a1dfac-4969-4f31-af94-d76588189cfe'", 13, "expected for usageDate a date"),
        ("customerTenantId eq 39a1dfac", 20, "found 39a1dfac, expected for customerTenantId a GUID or a string"),
        ("customerTenantId eq guid'x'", 20, "found guid'x', expected for customerTenantId a GUID"),
        ("meterCategory eq N'a'", 17, "found N, expected for meterCategory a string"),
    ] {
        let (found, full) = refused(text, &catalogue);
        assert_eq!(found, offset, "{text}: {full}");
        assert!(full.starts_with(&format!("at position {offset}: ")) && full.contains(message), "{text}: {full}");
    }
    assert_eq!(refused("ApplicationId ne ''", &b2c()).0, 14);
}

#[test]
fn dates_out_of_range() {
    let catalogue = analytics();
    for literal in [
        "0000-01-01",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T24:00:00",
        "9999-12-31T23:59:59-00:01",
        "2018-1-1",
        "2018-01-01T25:00",
        "2018-01-01T24:00:01",
        "2018-01-01T",
        "2018-01-01Z",
        "2018-01-01T10:00+24:00",
        "2018-01-01T10:00:00.",
        "1/1/2018 0:30 AM",
        "1/1/2018 13:00 PM",
        "1/1/18",
        "''",
        "'2018-01-01T10:00:00 garbage'",
        "-2018-01-01",
        "+2018-01-01",
        "'٢٠١٨-٠١-٠١'",
    ] {
        assert_eq!(refused(&format!("usageDate eq {literal}"), &catalogue).0, 13, "{literal}");
    }
}

#[test]
fn limits() {
    let catalogue = analytics();
    let condition = "meterUnit eq 'x'";
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}{condition}{}", open.repeat(depth), close.repeat(depth));
    for (open, close) in [("(", ")"), ("not ", "")] {
        assert!(parse(&nested(open, close, 32), &catalogue, Limits::default()).is_ok());
        let error = parse(&nested(open, close, 33), &catalogue, Limits::default()).unwrap_err();
        assert_eq!((error.offset, error.kind), (32 * open.len(), FilterErrorKind::TooDeep { limit: 32 }));
    }
    // However the limits are set, the stack is not driven up.
    let generous = Limits { length: usize::MAX, depth: usize::MAX };
    assert!(parse(&nested("(", ")", 256), &catalogue, generous).is_ok());
    assert_eq!(
        parse(&nested("(not ", ")", 1_000_000), &catalogue, generous).unwrap_err().kind,
        FilterErrorKind::TooDeep { limit: 256 }
    );

    let long = format!("meterUnit eq '{}'", "x".repeat(8 * 1024 - 15));
    assert!(parse(&long, &catalogue, Limits::default()).is_ok());
    let error = parse(&format!("{long} "), &catalogue, Limits::default()).unwrap_err();
    assert_eq!(error.kind, FilterErrorKind::TooLong { limit: 8192, length: 8193 });
    let flat = vec![condition; 400].join(" or ");
    assert!(parse(&flat, &catalogue, Limits::default()).is_ok(), "many conditions are no depth");
}

#[test]
fn echoes_are_short() {
    let (_, message) = refused(&"é".repeat(3000), &analytics());
    assert!(message.contains(&format!("{}…,", "é".repeat(48))), "{message}");
}
