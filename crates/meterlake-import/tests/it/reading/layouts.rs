//! Separators, line ends and what may stand before the header.

use super::*;

fn lines_and_costs(text: &str) -> (Vec<i64>, String) {
    let read = read_bytes(text.as_bytes(), &options()).unwrap();
    assert!(read.rejects.is_empty(), "{:?}", read.rejects);
    (read.integers("source_line"), read.sum("billed_cost"))
}

#[test]
fn every_layout_gives_the_same_rows() {
    let rows =
        ["SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency", "s,a,2024-11-30,1.5,USD", "s,a,2024-11-29,2,USD"];
    let plain = rows.join("\n");
    for (text, lines) in [
        (plain.clone(), [2, 3]),
        (format!("{plain}\n"), [2, 3]),
        (rows.join("\r\n"), [2, 3]),
        (rows.join("\r"), [2, 3]),
        (rows.join("\n\n"), [3, 5]),
        (format!("\u{feff}{plain}"), [2, 3]),
        (format!("\n\n{plain}\n\n"), [4, 5]),
        (format!("Usage Data Extract\r\n\r\n{}", rows.join("\r\n")), [4, 5]),
        (format!("Usage Data Extract for 2024-11,,,,\n,,,,\n{plain}"), [4, 5]),
        (format!("sep=;\n{}", plain.replace(',', ";")), [3, 4]),
        (plain.replace(',', "\t"), [2, 3]),
        (plain.replace(',', "|"), [2, 3]),
        (rows.map(|r| format!("\"{}\"", r.replace(',', "\",\""))).join("\n"), [2, 3]),
        (plain.replacen("SubscriptionId", " subscription id ", 1).replacen("Cost", "COST", 1), [2, 3]),
    ] {
        assert_eq!(lines_and_costs(&text), (lines.to_vec(), "3.5".to_owned()), "{text:?}");
    }
}

#[test]
fn lines_are_counted_through_line_ends_in_fields() {
    let text = "SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,Tags\r\n\
        s,a,2024-11-30,1,USD,\"one\r\ntwo\nthree\"\r\ns,a,2024-11-30,2,USD,\"\"\r\n\r\ns,a,2024-11-30,4,USD,\"say \"\"x\"\"\"";
    let read = read_bytes(text.as_bytes(), &options()).unwrap();
    assert_eq!(read.integers("source_line"), [2, 5, 7]);
    assert_eq!(read.texts("tags"), ["one\r\ntwo\nthree", "", "say \"x\""]);
}

#[test]
fn tags_are_an_object_or_nothing() {
    let given = ["", "\"env\": \"prod\"", " \"a\":\"1\",\"b\":\"}\"", "{\"env\":\"prod\"}", "{}", " { } ", "env:prod"];
    let rows = given.map(|tags| format!("s,a,2024-11-30,1,USD,\"{}\"\n", tags.replace('"', "\"\""))).concat();
    let text = format!("SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,Tags\n{rows}");
    let read = read_bytes(text.as_bytes(), &options()).unwrap();
    let expected = ["", "{\"env\": \"prod\"}", "{ \"a\":\"1\",\"b\":\"}\"}", "{\"env\":\"prod\"}", "", "", "env:prod"];
    assert_eq!(read.texts("tags"), expected);
}

#[test]
fn rows_longer_than_the_window_are_read() {
    let long = "x".repeat(1_000_000);
    let row = |cost: &str| format!("s,a,2024-11-30,{cost},USD,\"{{{long}}}\"\n");
    let text = format!("SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,Tags\n{}{}", row("1"), row("bad"));
    let read = read_bytes(text.as_bytes(), &options()).unwrap();
    assert_eq!((read.texts("tags")[0].len(), read.rejects.len()), (1_000_002, 1));
    assert!(read.rejects[0].raw.len() <= 4_096);
}
