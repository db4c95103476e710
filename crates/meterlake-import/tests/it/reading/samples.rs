//! The real sample files, whose sums were worked out apart from this program.

use super::*;

#[test]
fn ea_actual_cost() {
    let read = read_path(&sample!("azure-cost-export/ea_actual_cost.csv"), &options()).unwrap();
    assert_eq!((read.inspected.kind, read.inspected.basis), (SourceKind::CostExportEa, Some(CostBasis::Actual)));
    assert!(read.inspected.basis_reason.contains("line 2"), "{}", read.inspected.basis_reason);
    assert_eq!(read.inspected.date_format, DateFormat::MonthFirst);
    assert_eq!(
        read.inspected.days.map(|d| (d.first.to_string(), d.last.to_string())),
        Some(("2023-09-04".into(), "2023-09-21".into()))
    );
    assert!(read.inspected.warnings.is_empty() && read.rejects.is_empty(), "{:?}", read.inspected.warnings);
    assert_eq!((read.rows(), read.sum("billed_cost").as_str()), (11, "8.5450077867419368"));
    assert_eq!(read.quantity_sum(), "54.07079406");
    assert!(read.amounts("effective_cost").iter().all(Option::is_none));
    assert_eq!(read.sum("cost_in_usd"), read.sum("billed_cost"));
    assert_eq!(read.integers("source_line"), (2..=12).collect::<Vec<_>>());
    assert_eq!(
        read.texts("tags")[1],
        r#"{"CostCenter": "1234","env": "prod","org": "trey","application": "databricks","databricks-environment": "true"}"#
    );
    assert_eq!(read.texts("billing_account_id")[0], "8611537");
    assert_eq!(read.texts("invoice_section_name")[0], "ACM");
    assert_eq!(read.periods(), [202_309; 11]);
    // The purchase names its order in the reservation's column.
    assert_eq!(read.texts("reservation_order_id")[0], "49ed0e4d-8e0c-4f1f-af2c-67c865056615");
    assert_eq!((read.texts("reservation_id")[0].as_str(), read.texts("charge_type")[0].as_str()), ("", "Purchase"));
    assert!(read.booleans("charges_billed_separately").iter().all(|b| !b));
}

#[test]
fn ea_amortized_cost() {
    let read = read_path(&sample!("azure-cost-export/ea_amortized_cost.csv"), &options()).unwrap();
    assert_eq!(read.inspected.basis, Some(CostBasis::Amortized), "{}", read.inspected.basis_reason);
    assert_eq!((read.rows(), read.sum("effective_cost").as_str()), (28, "16.296932136636644627485419"));
    assert_eq!(read.quantity_sum(), "185.35816553");
    assert!(read.amounts("billed_cost").iter().chain(&read.amounts("cost_in_usd")).all(Option::is_none));
    assert_eq!(read.texts("reservation_order_id")[0], "a965d46f-aedf-4176-8ff1-2617943b8960");
    assert_eq!(read.texts("reservation_id")[0], "f39d1c73-af74-4308-9083-fbf5efab37d1");
    assert_eq!(read.texts("consumption_meter_id")[0], "14fc9a21-4919-4cb1-b495-5666966556bc");
    assert_eq!(read.texts("service_type")[0], "Standard_DS2_v2");
}

#[test]
fn enterprise_headers() {
    let read = read_path(&sample!("azure-cost-export/enterprise_headers.csv"), &options()).unwrap();
    // 02/02/2021 reads both ways; the end of the billing period, 05/31/2021, decides.
    assert_eq!((read.inspected.basis, read.inspected.date_format), (None, DateFormat::MonthFirst));
    assert_eq!((read.sum("billed_cost").as_str(), read.quantity_sum().as_str()), ("0", "10"));
    assert_eq!((read.days("usage_date")[0].as_str(), read.periods()[0]), ("2021-02-02", 202_105));
    assert_eq!(read.days("billing_period_end")[0], "2021-05-31");
    assert_eq!(read.texts("billing_currency")[0], "CAD");
    assert_eq!(read.sum("cost_in_usd"), "0");
    assert!(read.amounts("cost_in_usd").iter().all(Option::is_none));
}

#[test]
fn german_headers() {
    let path = sample!("azure-cost-export/german_headers.csv");
    let error = read_path(&path, &options()).err().unwrap().to_string();
    assert!(error.contains("--billing-account"), "{error}");
    let given = Options { billing_account: Some("861".parse().unwrap()), ..options() };
    let read = read_path(&path, &given).unwrap();
    assert_eq!(read.inspected.kind, SourceKind::CostExportEa);
    assert_eq!((read.sum("billed_cost").as_str(), read.quantity_sum().as_str()), ("0.075", "3"));
    assert_eq!(read.texts("service_tier"), ["Std Load Balancer"]);
    assert_eq!((read.texts("unit_of_measure")[0].as_str(), read.periods()[0]), ("100 Hours", 202_102));
    let given = Options { period: Some("202103".parse::<BillingPeriod>().unwrap()), ..given };
    assert_eq!(read_path(&path, &given).unwrap().periods(), [202_103]);
}

#[test]
fn legacy_template() {
    let path = sample!("azure-cost-export/legacy_template.csv");
    let error = read_path(&path, &options()).err().unwrap().to_string();
    assert!(error.contains("--currency"), "{error}");
    let read = read_path(&path, &Options { currency: Some("EUR".parse().unwrap()), ..options() }).unwrap();
    assert_eq!((read.rows(), read.sum("billed_cost").as_str()), (87, "16.393506212224391"));
    assert_eq!(read.inspected.warnings.len(), 1, "{:?}", read.inspected.warnings);
    assert!(read.inspected.warnings[0].starts_with("87 rows"), "{:?}", read.inspected.warnings);
    assert!(read.quantities("quantity").iter().all(Option::is_none));
    assert!(read.texts("resource_location").iter().all(String::is_empty));
    assert!(read.texts("charge_type").iter().all(|t| t == "Usage"));
    assert_eq!(read.texts("service_type")[1], "Standard_DS2_v2");
}

#[test]
fn focus_sample() {
    let read = read_path(&sample!("focus/focus_1.0_sample.csv"), &options()).unwrap();
    assert_eq!((read.inspected.kind, read.inspected.basis), (SourceKind::Focus, Some(CostBasis::Both)));
    assert_eq!((read.rows(), read.sum("billed_cost").as_str()), (1000, "20.52022672899"));
    assert_eq!(read.sum("effective_cost"), "14.97651418586");
    assert_eq!(read.sum("list_cost"), "20.39090575119");
    assert_eq!(read.quantity_sum(), "13438.712904456820057");
    assert_eq!(read.inspected.warnings, ["columns that are not kept: Id"]);
    let accounts = read.texts("billing_account_id");
    let count = |id: &str| accounts.iter().filter(|a| *a == id).count();
    assert_eq!((count("1234567890123"), count("8611537"), count("20209880")), (942, 51, 7));
    assert_eq!(read.periods().iter().filter(|&&p| p == 202_410).count(), 1);
    assert!(read.batches.iter().all(|b| {
        b.columns().iter().filter_map(|c| c.as_string_opt::<i32>()).all(|c| !c.iter().any(|v| v == Some("NULL")))
    }));
}

#[test]
fn packed_copies_read_the_same() {
    let plain = std::fs::read(sample!("azure-cost-export/ea_actual_cost.csv")).unwrap();
    let whole = read_bytes(&plain, &options()).unwrap();
    let (first, second) = plain.split_at(5_000);
    let mut gzip = pack(first);
    gzip.extend(pack(second));
    let utf16: Vec<u8> = String::from_utf8(plain.clone()).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    for packed in [gzip, zstd::encode_all(plain.as_slice(), 3).unwrap(), zipped(&[("export/part.csv", &plain)]), utf16]
    {
        let read = read_bytes(&packed, &options()).unwrap();
        assert_eq!(read.sum("billed_cost"), whole.sum("billed_cost"));
        assert_eq!(read.texts("tags"), whole.texts("tags"));
        if packed.starts_with(b"PK") || !packed.starts_with(b"\xFF") {
            assert_eq!(read.inspected.content_sha256, whole.inspected.sha256);
        }
    }
}
