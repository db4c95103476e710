//! What holds for any rows and any bytes.

use super::*;
use proptest::prelude::*;

fn field(text: &str, quoted: bool) -> String {
    if quoted || text.contains([',', '"', '\n', '\r']) || text.starts_with('"') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever rows hold, writing them as CSV and reading them gives the same values.
    #[test]
    fn csv_round_trip(
        rows in prop::collection::vec(("[ -~äß\n\r\"]{0,40}", any::<i64>(), 0u32..=24, 0u8..28, any::<bool>()), 1..200),
        crlf in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut csv = format!("SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,ResourceName{end}");
        let mut costs = Vec::new();
        for (text, unscaled, scale, day, quoted) in &rows {
            let magnitude = unscaled.unsigned_abs() % 10u64.pow(14 + scale.min(&4));
            let digits = format!("{magnitude:0>width$}", width = *scale as usize + 1);
            let (whole, decimals) = digits.split_at(digits.len() - *scale as usize);
            let cost = format!("{}{whole}.{decimals}0", if *unscaled < 0 { "-" } else { "" });
            costs.push(Some(Amount::parse(&cost).unwrap()));
            csv.push_str(&format!("s,a,2024-11-{:02},{},USD,{}{end}", day + 1, field(&cost, *quoted), field(text, *quoted)));
        }
        let read = read_bytes(csv.as_bytes(), &options()).unwrap();
        prop_assert!(read.rejects.is_empty(), "{:?}", read.rejects);
        prop_assert_eq!(read.amounts("billed_cost"), costs);
        prop_assert_eq!(read.texts("resource_name"), rows.iter().map(|r| r.0.clone()).collect::<Vec<_>>());
        prop_assert_eq!(read.days("usage_date"), rows.iter().map(|r| format!("2024-11-{:02}", r.3 + 1)).collect::<Vec<_>>());
    }

    /// No bytes make the reader panic.
    #[test]
    fn any_bytes(tail in prop::collection::vec(any::<u8>(), 0..400), json in any::<bool>()) {
        let mut bytes = if json { b"{\"items\":[{\"Date\":\"".to_vec() } else { b"SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency\n".to_vec() };
        bytes.extend(tail);
        drop(read_bytes(&bytes, &options()));
    }
}

static PARQUET: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
    use arrow::array::{ArrayRef, Decimal128Array, StringArray};
    let text = |v: &str| Arc::new(StringArray::from(vec![v; 300])) as ArrayRef;
    let cost = || {
        let values = Decimal128Array::from_iter_values((0..300).map(|v| v * 7));
        Arc::new(values.with_precision_and_scale(20, 6).unwrap()) as ArrayRef
    };
    let batch = RecordBatch::try_from_iter([
        ("BilledCost", cost()),
        ("EffectiveCost", cost()),
        ("BillingAccountId", text("8611537")),
        ("BillingCurrency", text("USD")),
        ("BillingPeriodStart", text("2024-10-01")),
        ("ChargePeriodStart", text("2024-10-02")),
        ("ChargeCategory", text("Usage")),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A damaged Parquet, gzip or zip file is refused or read, never a panic.
    #[test]
    fn damaged_files(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(), packing in 0u8..4) {
        let plain = PARQUET.clone();
        let csv = b"SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency\ns,a,2024-11-30,1,USD\n".repeat(3);
        let mut bytes = match packing {
            0 | 3 => plain,
            1 => pack(&csv),
            _ => zipped(&[("a.csv", &csv)]),
        };
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if packing == 3 {
            bytes.truncate(cut.index(bytes.len()).max(1));
        }
        drop(read_bytes(&bytes, &options()));
    }
}
