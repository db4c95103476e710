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

/// Values that columns share, good, odd and bad ones; few, so that they meet again in many rows.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "7",
    "007",
    "-1",
    "1.5",
    " 2.25 ",
    "1,234.5",
    "1e-3",
    "x",
    "NULL",
    "true",
    "No",
    "usd",
    "EUR",
    "DOLLAR",
    "2024-11-30",
    "2024-12-01T10:00:00Z",
    "11/30/2024",
    "2024-02-31",
    "0.123456789012345678901",
    "99999999999999999",
    "6F9619FF-8B86-D011-B42D-00CF4FC964FF",
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "/providers/x/billingAccounts/86/",
    "/subscriptions/s1/resourceGroups/g/reservationOrders/o1/reservations/r1",
    "{}",
    "{\"a\": \"b\"}",
    "\"a\": \"b\"",
    "{\"ReservationOrderId\":\"o9\",\"ServiceType\":\"D2\",\"n\":1}",
    "Usage",
    "Purchase",
    "Refund",
    "Reservation",
    "OnDemand",
    "two\nlines",
    "a \"quoted\" word",
    "ä🙂",
];

const COLUMNS: &[&str] = &[
    "Date",
    "Cost",
    "SubscriptionId",
    "BillingAccountId",
    "BillingCurrency",
    "Quantity",
    "Tags",
    "AdditionalInfo",
    "ReservationId",
    "ChargeType",
    "PricingModel",
    "CustomerTenantId",
    "IsAzureCreditEligible",
    "BillingPeriodStartDate",
    "MeterCategory",
    "CostInUsd",
    "PricingCurrency",
    "CostInPricingCurrency",
    "ProductOrderId",
    "BenefitId",
    "AccountId",
    "ServicePeriodEndDate",
    "PreTaxCost",
    "UnitPrice",
];

/// Everything of the rows but where they stood.
fn without_lines(batches: &[RecordBatch]) -> RecordBatch {
    let schema = meterlake_lake::charges::columns::schema();
    let all = arrow::compute::concat_batches(&schema, batches).unwrap();
    let kept: Vec<usize> = (0..schema.fields().len()).filter(|at| schema.field(*at).name() != "source_line").collect();
    all.project(&kept).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What is worked out once for each distinct text is what each row by itself gives.
    #[test]
    fn rows_do_not_depend_on_one_another(
        rows in prop::collection::vec(prop::collection::vec((any::<prop::sample::Index>(), 0u8..20), COLUMNS.len()), 1..30),
        separator in prop::sample::select(vec![',', ';']),
        crlf in any::<bool>(),
        basis in prop::sample::select(vec![CostBasis::Actual, CostBasis::Amortized]),
        comma in any::<bool>(),
    ) {
        let options = Options {
            basis: Some(basis),
            date_format: Some(DateFormat::Iso),
            number_format: Some(if comma { NumberFormat::Comma } else { NumberFormat::Point }),
            billing_account: Some("100".parse().unwrap()),
            currency: Some("EUR".parse().unwrap()),
            ..Options::default()
        };
        let end = if crlf { "\r\n" } else { "\n" };
        let mut lines = Vec::new();
        for row in &rows {
            let mut cells = Vec::new();
            for (at, (text, odds)) in row.iter().enumerate() {
                // Mostly what the column wants, so that rows are taken at all.
                let good = match COLUMNS[at] {
                    "Date" => Some("2024-11-30"),
                    "Cost" | "Quantity" | "CostInUsd" => Some("3"),
                    "BillingCurrency" => Some("usd"),
                    "CustomerTenantId" | "IsAzureCreditEligible" | "BillingPeriodStartDate" | "ServicePeriodEndDate" => Some(""),
                    "CostInPricingCurrency" | "PreTaxCost" | "UnitPrice" => Some("7"),
                    _ => None,
                };
                let text = match good {
                    Some(good) if *odds > 0 => good,
                    _ => TEXTS[text.index(TEXTS.len())],
                };
                let quoted = *odds == 5 || text.contains([separator, '"', '\n']) || text.starts_with('"');
                cells.push(if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() });
            }
            let cut = row[0].0.index(100);
            if cut < 8 {
                cells.truncate(COLUMNS.len() - cut);
            }
            lines.push(cells.join(&separator.to_string()));
        }
        let head = COLUMNS.join(&separator.to_string());
        let whole = read_bytes(format!("{head}{end}{}{end}", lines.join(end)).as_bytes(), &options).unwrap();
        let (mut batches, mut rejects) = (Vec::new(), Vec::new());
        for line in &lines {
            let read = read_bytes(format!("{head}{end}{line}{end}").as_bytes(), &options).unwrap();
            batches.extend(read.batches);
            rejects.extend(read.rejects);
        }
        prop_assert_eq!(without_lines(&whole.batches), without_lines(&batches));
        let told = |rejects: &[Reject]| -> Vec<_> {
            rejects.iter().map(|r| (r.column.clone(), r.value.clone(), r.reason.clone(), r.raw.clone())).collect()
        };
        prop_assert_eq!(told(&whole.rejects), told(&rejects));
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
