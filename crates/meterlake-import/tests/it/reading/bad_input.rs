//! Files and rows that cannot be taken.

use super::*;

const HEAD: &str = "SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,Quantity,Tags\n";

fn file(rows: &[&str]) -> Vec<u8> {
    format!("{HEAD}{}\n", rows.join("\n")).into_bytes()
}

#[test]
fn whole_files_are_refused_with_the_reason() {
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b"  \r\n ", "blanks"),
        (b"%PDF-1.4 something", "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
        (b"\x01\x02\0\x03", "binary"),
        (b"<html><body>", "HTML"),
        (b"a,b,c\n1,2,3\n", "found a, b, c"),
        (b"Date,Quantity,SubscriptionId\n", "no column CostInBillingCurrency or Cost or PreTaxCost"),
        (b"{\"value\":[]}", "not one record"),
        (b"[{\"BilledCost\":1,\"EffectiveCost\":1}]", "nearest is focus"),
        (b"PAR1junk", "footer"),
    ] {
        let error = refusal(bytes, &options());
        assert!(error.contains(expected), "{error}");
    }
    let book = zipped(&[("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")]);
    assert!(refusal(&book, &options()).contains("Excel"));
}

#[test]
fn two_columns_of_one_name() {
    let with = |more: &str| {
        let head = HEAD.trim_end();
        format!("{head},{more}\ns,a,2024-11-30,1,USD,1,,2,3\n").into_bytes()
    };
    for (more, name) in [("cost,Note", "cost"), ("Kosten (Cost),Note", "Kosten (Cost)")] {
        let error = refusal(&with(more), &options());
        assert!(error.contains(&format!("columns 4 (\"Cost\") and 8 ({name:?}) have the same name")), "{error}");
    }
    let read = read_bytes(&with("Note,note"), &options()).unwrap();
    assert_eq!(read.sum("billed_cost"), "1");
    let told = "columns 8 (\"Note\") and 9 (\"note\") have the same name";
    assert!(read.inspected.warnings.iter().any(|w| w == told), "{:?}", read.inspected.warnings);
    assert!(read_bytes(&with(","), &options()).is_ok(), "columns without a name");
}

#[test]
fn truncated_gzip_says_where() {
    let mut text = HEAD.to_owned();
    for row in 0..50_000 {
        text.push_str(&format!("s{row},a,2024-11-30,{}.{row},USD,1,\n", row * 7919 % 1000));
    }
    let packed = pack(text.as_bytes());
    for cut in [packed.len() - 1, packed.len() / 2, 11] {
        let error = refusal(&packed[..cut], &options());
        assert!(error.contains("truncated") && error.contains("line "), "{error}");
    }
    assert_eq!(read_bytes(&packed, &options()).unwrap().rows(), 50_000);
}

#[test]
fn rows_are_rejected_with_place_and_reason() {
    let bytes = file(&[
        "s,a,2024-11-30,1,USD,1,",
        "s,a,2024-11-30,1234567890123456789012345678901234567890,USD,1,",
        "s,a,2024-13-30,1,USD,1,",
        "s,a,2024-11-30,1,USD,1,,extra",
        "s,a,2024-11-30,1,USD,1,\"broken",
        "s,a,2024-11-30,2,USD,1,\"two\nlines\"",
        "s,a,2024-11-30,x,USD,1,",
        "s,a",
        "s,a,2024-11-30,,USD,1,",
        "s,a,2024-11-30,1,DOLLAR,1,",
        "s,a,2024-11-30,4,USD,1,\"a\"b",
        "s,a,2024-11-30,8,USD",
    ]);
    let read = read_bytes(&bytes, &options()).unwrap();
    assert_eq!(read.sum("billed_cost"), "11");
    assert_eq!(read.texts("tags"), ["", "two\nlines", ""]);
    assert_eq!(read.integers("source_line"), [2, 7, 14]);
    let found: Vec<_> = read.rejects.iter().map(|r| (r.line, r.column.as_str(), r.value.as_str())).collect();
    assert_eq!(
        found,
        [
            (3, "Cost", "1234567890123456789012345678901234567890"),
            (4, "Date", "2024-13-30"),
            (5, "", ""),
            (6, "", ""),
            (9, "Cost", "x"),
            (10, "Date", ""),
            (11, "Cost", ""),
            (12, "BillingCurrency", "DOLLAR"),
            (13, "", ""),
        ]
    );
    assert!(read.rejects[0].reason.contains("14 digits"), "{:?}", read.rejects[0]);
    assert_eq!(read.rejects[2].reason, "8 fields, expected 7");
    assert_eq!(read.rejects[3].raw, "s,a,2024-11-30,1,USD,1,\"broken");
    assert!(read.rejects[5].reason.contains("row ends before"), "{:?}", read.rejects[5]);
    assert!(read.rejects.iter().all(|r| r.file == "source" && !r.raw.is_empty()));
}

/// Trailing fields that are missing are empty, with one warning a file; one field too many is a reject.
#[test]
fn short_rows_are_told_once() {
    let bytes = file(&[
        "s,a,2024-11-30,1,USD",
        "s,a,2024-11-30,2,USD,1",
        "s,a,2024-11-30,4,USD,1,",
        "s,a,2024-11-30,8,USD,1,,",
    ]);
    let read = read_bytes(&bytes, &options()).unwrap();
    assert_eq!((read.sum("billed_cost").as_str(), read.quantity_sum().as_str()), ("7", "2"));
    let short: Vec<&String> = read.inspected.warnings.iter().filter(|warning| warning.contains("2 rows")).collect();
    assert_eq!(short.len(), 1, "{:?}", read.inspected.warnings);
    assert_eq!(read.inspected.warnings.len(), 1, "{:?}", read.inspected.warnings);
    assert_eq!((read.rejects.len(), read.rejects[0].line), (1, 5));
}

#[test]
fn a_quote_that_never_closes_costs_one_row() {
    let bytes = file(&["s,a,2024-11-30,1,USD,1,\"open", "s,a,2024-11-30,2,USD,1,", "s,a,2024-11-30,3,USD,1,"]);
    let read = read_bytes(&bytes, &options()).unwrap();
    assert_eq!((read.sum("billed_cost").as_str(), read.rejects.len(), read.rejects[0].line), ("5", 1, 2));
    assert!(read.rejects[0].reason.contains("never closed"), "{:?}", read.rejects[0]);
}

#[test]
fn text_that_is_not_utf8_is_a_reject() {
    let mut bytes = file(&["s,a,2024-11-30,1,USD,1,", "s,a,2024-11-30,2,USD,1,M\u{fc}nchen"]);
    let at = bytes.windows(2).position(|w| w == "\u{fc}".as_bytes()).unwrap();
    bytes.splice(at..at + 2, [0xFC]);
    let read = read_bytes(&bytes, &options()).unwrap();
    assert_eq!((read.rows(), read.rejects[0].line), (1, 3));
    assert!(read.rejects[0].reason.contains("UTF-8"));
}

#[test]
fn open_dates_and_numbers_ask_for_an_option() {
    let open = file(&["s,a,01/02/2024,1,USD,1,"]);
    assert!(refusal(&open, &options()).contains("--date-format"));
    let day_first = Options { date_format: Some(DateFormat::DayFirst), ..options() };
    assert_eq!(read_bytes(&open, &day_first).unwrap().days("usage_date"), ["2024-02-01"]);
    let proved = file(&["s,a,01/02/2024,1,USD,1,", "s,a,13/02/2024,1,USD,1,"]);
    assert_eq!(read_bytes(&proved, &options()).unwrap().days("usage_date"), ["2024-02-01", "2024-02-13"]);

    let comma = String::from_utf8(file(&["s;a;30.11.2024;1.234,5;USD;1;"])).unwrap().replace(
        "SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,Quantity,Tags",
        "SubscriptionId;BillingAccountId;Date;Cost;BillingCurrency;Quantity;Tags",
    );
    let read = read_bytes(comma.as_bytes(), &options()).unwrap();
    assert_eq!((read.sum("billed_cost").as_str(), read.inspected.number_format), ("1234.5", NumberFormat::Comma));
    let open = comma.replace("1.234,5", "1.234");
    assert!(refusal(open.as_bytes(), &options()).contains("--number-format"));
}

#[test]
fn json_breaks() {
    let record = |cost: &str| {
        format!(
            "{{\"SubscriptionId\":\"s\",\"BillingAccountId\":\"a\",\"Date\":\"2024-11-30\",\"Cost\":{cost},\"Currency\":\"USD\"}}"
        )
    };
    let lines = format!("{}\n{{\"Cost\": oops\n{}\n", record("1"), record("2"));
    let read = read_bytes(lines.as_bytes(), &options()).unwrap();
    assert_eq!((read.sum("billed_cost").as_str(), read.rejects.len(), read.rejects[0].line), ("3", 1, 2));
    let array = format!("[{},\n{}", record("1"), record("2"));
    assert!(refusal(array.as_bytes(), &options()).contains("never closed"));
    let whole = format!("{array}]");
    assert_eq!(read_bytes(whole.as_bytes(), &options()).unwrap().sum("billed_cost"), "3");
}

#[test]
fn a_wrong_checksum_in_a_zip_is_seen() {
    let mut bytes = zipped(&[("a.csv", &file(&["s,a,2024-11-30,1,USD,1,"]))]);
    let stored = bytes.len();
    // The checksum in the central directory.
    let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap() + 16;
    bytes[at] ^= 1;
    assert_eq!(bytes.len(), stored);
    assert!(refusal(&bytes, &options()).contains("checksum"));
}
