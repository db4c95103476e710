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
        ("not", 3, "found the end of the filter, expected a condition"),
        ("not not (", 9, "found the end of the filter, expected a condition"),
        ("and meterUnit eq 'a'", 0, "found unknown field and, expected one of"),
        ("meterUnit eq 'a' and or", 21, "found unknown field or, expected one of"),
        ("meterUnit eq 'a' and )", 21, "found ), expected a condition"),
        ("((meterUnit eq 'a') or", 22, "found the end of the filter, expected a condition"),
        ("()", 1, "found ), expected a condition"),
        // Offsets count bytes: letters of several bytes before the flaw move it by as many.
        ("meterCategory eq 'größe' or größe eq 'a'", 30, "found unknown field größe"),
        ("customerName eq '😀' and 😀", 27, "found unknown field 😀"),
        ("customerName eq '東京' 東京", 25, "found 東京, expected and, or, or the end"),
        ("\u{a0}\u{3000}customerName eq 東", 21, "found 東, expected for customerName a string"),
        // The first flaw is named, not the string behind it that has no end.
        ("nothing eq 'a", 0, "found unknown field nothing"),
        ("usageDate eq 2018-99-99 'a", 13, "found 2018-99-99, expected for usageDate a date"),
        ("meterUnit eq 'a' meterUnit 'b", 17, "found meterUnit, expected and, or, or the end"),
        ("usageDate eq guid'39a1", 17, "found a string without an end"),
        ("contains(meterUnit, 'a", 20, "found a string without an end"),
        ("usageDate eq cast('2018-01-01", 18, "found a string without an end"),
        ("meterUnit eq 'a' and 'b", 21, "found a string without an end"),
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
        "2018-01-01T10:00:00,",
        "2018-01-01,",
        "2018-01-01T10:60",
        "2018-01-01T10:58:60",
        "2018-01-01T10:59:61",
        "2018-01-01T24.5",
        "2018-01-01T1",
        "2018-366",
        "2018-000",
        "2018-W53-1",
        "2018-W00-1",
        "2018-W01-0",
        "2018-W01-8",
        "2018-W01",
        "2018W01-1",
        "2018-W011",
        "201W011",
        "2018-0101",
        "201801-01",
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
    // However the limits are set, an expression is never deeper than its readers can go.
    let (generous, deepest) = (Limits { length: usize::MAX, depth: usize::MAX }, Limits::DEEPEST);
    assert!(parse(&nested("(", ")", deepest), &catalogue, generous).is_ok());
    assert_eq!(
        parse(&nested("(not ", ")", 1_000_000), &catalogue, generous).unwrap_err().kind,
        FilterErrorKind::TooDeep { limit: deepest }
    );
    let shallow = Limits { depth: 0, ..Limits::default() };
    assert!(parse(condition, &catalogue, shallow).is_ok());
    assert_eq!(parse("(", &catalogue, shallow).unwrap_err().kind, FilterErrorKind::TooDeep { limit: 0 });
    // `not` and parentheses count together, and what is closed counts no more.
    let mixed = |depth: usize| nested("not (", ")", depth / 2);
    assert!(parse(&mixed(32), &catalogue, Limits::default()).is_ok());
    assert!(parse(&mixed(34), &catalogue, Limits::default()).is_err());
    let beside = vec![nested("not (", ")", 16); 4].join(" and ");
    assert!(parse(&beside, &catalogue, Limits::default()).is_ok());

    let long = format!("meterUnit eq '{}'", "x".repeat(8 * 1024 - 15));
    assert!(parse(&long, &catalogue, Limits::default()).is_ok());
    let error = parse(&format!("{long} "), &catalogue, Limits::default()).unwrap_err();
    assert_eq!(error.kind, FilterErrorKind::TooLong { limit: 8192, length: 8193 });
    let flat = vec![condition; 400].join(" or ");
    assert!(parse(&flat, &catalogue, Limits::default()).is_ok(), "many conditions are no depth");
}

#[test]
fn a_length_limit_within_a_character_is_told_at_its_start() {
    let text = format!("meterUnit eq '{}'", "é".repeat(4096));
    let error = parse(&text, &analytics(), Limits::default()).unwrap_err();
    assert_eq!(error.kind, FilterErrorKind::TooLong { limit: 8192, length: 8207 });
    // Byte 8192 is the first of a letter here, one byte more is within it.
    assert_eq!(error.offset, 8192);
    let error = parse(&format!("'{text}"), &analytics(), Limits::default()).unwrap_err();
    assert_eq!(error.offset, 8191);
}

/// Everything that is done with an expression, at the greatest depth, on the smallest stack that a thread can have.
#[test]
fn no_filter_exhausts_the_stack() {
    let catalogue = analytics();
    let condition = "usageDate ge 2018-01-01";
    let limits = Limits { length: usize::MAX, depth: usize::MAX };
    let deepest = Limits::DEEPEST;
    let chained = format!("{condition} or {condition} and (").repeat(deepest) + condition + &")".repeat(deepest);
    let texts = [
        "not ".repeat(deepest) + condition,
        "(".repeat(deepest) + condition + &")".repeat(deepest),
        "not (".repeat(deepest / 2) + condition + &")".repeat(deepest / 2),
        chained,
        "(not ".repeat(1_000_000),
        "(".repeat(1_000_000),
        "not ".repeat(1_000_000),
        vec![condition; 100_000].join(" or "),
    ];
    let walk = move || {
        for text in &texts {
            let Ok(expr) = parse(text, &catalogue, limits) else { continue };
            let again = parse(&expr.canonical(&catalogue).to_string(), &catalogue, limits);
            assert!(again.as_ref() == Ok(&expr) && again == Ok(expr.clone()));
            let hash = |expr: &_| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), expr);
            assert!(format!("{expr:?}").len() > condition.len() && hash(&expr) != 0);
        }
    };
    std::thread::Builder::new().stack_size(SMALLEST_STACK).spawn(walk).unwrap().join().unwrap();
}

/// What musl gives a thread that asks for nothing; Rust's own threads have 2 MiB.
const SMALLEST_STACK: usize = 128 * 1024;

#[test]
fn echoes_are_short() {
    let (_, message) = refused(&"é".repeat(3000), &analytics());
    assert!(message.contains(&format!("{}…,", "é".repeat(48))), "{message}");
}
