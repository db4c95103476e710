//! Charges by hand: a few columns each, all others empty.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use meterlake_lake::charges::{Column, ColumnType, columns};
use meterlake_model::{Amount, Day, Quantity};

/// Column and value, as text.
pub(crate) type Charge = Vec<(&'static str, String)>;

/// A charge with these columns over those of `base`.
pub(crate) fn with(base: &Charge, columns: &[(&'static str, &str)]) -> Charge {
    let mut charge = base.clone();
    charge.retain(|(name, _)| columns.iter().all(|(other, _)| other != name));
    charge.extend(columns.iter().map(|(name, value)| (*name, (*value).to_owned())));
    charge
}

fn value<'a>(charge: &'a Charge, column: &Column) -> Option<&'a str> {
    charge.iter().find(|(name, _)| *name == column.name).map(|(_, value)| value.as_str())
}

pub(crate) fn batch(charges: &[Charge]) -> RecordBatch {
    for (name, _) in charges.iter().flatten() {
        assert!(columns::COLUMNS.iter().any(|column| column.name == *name), "{name}");
    }
    let arrays = columns::COLUMNS.iter().map(|column| -> ArrayRef {
        let texts = || charges.iter().map(|charge| value(charge, column));
        match column.kind {
            ColumnType::Text => Arc::new(StringArray::from_iter_values(texts().map(|text| text.unwrap_or_default()))),
            ColumnType::Integer => {
                Arc::new(Int64Array::from_iter_values(texts().map(|text| text.map_or(0, |t| t.parse().unwrap()))))
            }
            ColumnType::Period => {
                Arc::new(Int32Array::from_iter_values(texts().map(|text| text.unwrap().parse::<i32>().unwrap())))
            }
            ColumnType::Day => Arc::new(Date32Array::from_iter(
                texts().map(|text| text.map(|t| t.parse::<Day>().unwrap().since_epoch())),
            )),
            ColumnType::Instant => Arc::new(TimestampMicrosecondArray::new_null(charges.len()).with_timezone("UTC")),
            ColumnType::Boolean if column.nullable => Arc::new(BooleanArray::new_null(charges.len())),
            ColumnType::Boolean => Arc::new(BooleanArray::from_iter(texts().map(|text| Some(text == Some("true"))))),
            ColumnType::Amount => {
                let unscaled = texts().map(|text| text.map(|t| Amount::parse(t).unwrap().unscaled()));
                Arc::new(Decimal128Array::from_iter(unscaled).with_precision_and_scale(38, 24).unwrap())
            }
            ColumnType::Quantity => {
                let unscaled = texts().map(|text| text.map(|t| Quantity::parse(t).unwrap().unscaled()));
                Arc::new(Decimal128Array::from_iter(unscaled).with_precision_and_scale(38, 20).unwrap())
            }
        }
    });
    RecordBatch::try_new(columns::schema(), arrays.collect()).unwrap()
}

fn base(columns: &[(&'static str, &str)]) -> Charge {
    with(&Vec::new(), columns)
}

/// A charge of enrolment 100 with every field that EA answers.
pub(crate) fn ea(line: usize, day: &str) -> Charge {
    let period = day[..7].replace('-', "");
    base(&[
        ("billing_period", &period),
        ("source_kind", "cost-export-ea"),
        ("billing_account_id", "100"),
        ("cost_basis", "actual"),
        ("billing_currency", "EUR"),
        ("source_line", &line.to_string()),
        ("usage_date", day),
        ("account_id", "7"),
        ("account_name", "Größe, \"K\""),
        ("account_owner_id", "owner@example.org"),
        ("service_administrator_id", "admin@example.org"),
        ("department_id", "3"),
        ("invoice_section_name", "Research"),
        ("cost_center", "CC-1"),
        ("subscription_id", "ec649980-d623-49f5-b7c1-80cc772b83a8"),
        ("subscription_number", "42"),
        ("subscription_name", "Production"),
        ("offer_id", "MS-AZR-0017P"),
        ("resource_group", "rg-web"),
        ("resource_id", "/subscriptions/ec649980/resourceGroups/rg-web/providers/x/vm1"),
        ("resource_location", "westeurope"),
        ("location", "EU West"),
        ("product_name", "A1 (VM) Windows - EU West"),
        ("part_number", "AAA-1"),
        ("meter_id", "d0000000-0000-0000-0000-000000000001"),
        ("meter_name", "Compute Hours"),
        ("meter_category", "Virtual Machines"),
        ("meter_subcategory", "A1 VM"),
        ("meter_region", "EU West"),
        ("unit_of_measure", "1 Hour"),
        ("consumed_service", "Microsoft.Compute"),
        ("service_name", "Virtual Machines"),
        ("service_tier", "A1 VM"),
        ("resource_guid", "d0000000-0000-0000-0000-000000000001"),
        ("service_info1", "s1"),
        ("additional_info", "{\"ImageType\":\"Windows\"}"),
        ("tags", "{\"env\":\"prod\"}"),
        ("charge_type", "Usage"),
        ("charges_billed_separately", "true"),
        ("quantity", "24.00000000000000000001"),
        ("effective_price", "0.0134"),
        ("billed_cost", "28.828607667444049450740001"),
    ])
}

/// A charge of a CSP customer.
pub(crate) fn customer(line: usize, tenant: &str, day: &str, currency: &str) -> Charge {
    let period = day[..7].replace('-', "");
    base(&[
        ("billing_period", &period),
        ("source_kind", "rated-usage"),
        ("billing_account_id", "partner-1"),
        ("cost_basis", "actual"),
        ("billing_currency", currency),
        ("invoice_state", "unbilled"),
        ("source_line", &line.to_string()),
        ("usage_date", day),
        ("customer_tenant_id", tenant),
        ("customer_name", "Contoso"),
        ("subscription_id", "0abc0000-0000-0000-0000-000000000001"),
        ("subscription_name", "AZURE PURCHSE SAMPLE APP"),
        ("offer_id", "MS-AZR-0145P"),
        ("resource_location", "useast"),
        ("meter_id", "d0000000-0000-0000-0000-00000000000a"),
        ("meter_name", "Transactions"),
        ("meter_category", "Data Management"),
        ("meter_subcategory", "None"),
        ("unit_of_measure", "10,000s"),
        ("reservation_id", "0abc0000-0000-0000-0000-00000000000f"),
        ("charge_type", "Usage"),
        ("quantity", "20"),
        ("billed_cost", "1.5"),
        ("cost_in_usd", "1.9"),
    ])
}
