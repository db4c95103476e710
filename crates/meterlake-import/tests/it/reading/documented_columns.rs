//! Every column that the APIs read, from the documented header that feeds it, in each order and form that a source has.

use super::headers::*;
use super::*;

const CUSTOMER: &str = "0a1b2c3d-0000-4000-8000-00000000000a";

/// Column of the lake, header that feeds it.
type Feeds = &'static [(&'static str, &'static str)];

/// What is expected of a kind.
struct Expected {
    kind: SourceKind,
    /// Text columns that hold the text of the header.
    texts: Feeds,
    /// Text columns that hold something else.
    literally: Feeds,
    amounts: Feeds,
    /// The header of the quantity.
    quantity: &'static str,
}

/// A number of its own for each header: its place in the header, and a quarter.
fn number(header: &str, name: &str) -> String {
    let at = header.split(',').position(|other| other == name).unwrap_or_else(|| panic!("no header {name}"));
    format!("{}.25", at + 1)
}

/// A value of the right type, by which the column can be told from all others.
fn cell(header: &str, name: &str) -> String {
    let is = |names: &[&str]| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    let lower = name.to_ascii_lowercase();
    if is(&["BillingCurrencyCode", "billingCurrency"]) {
        return "EUR".to_owned();
    }
    if is(&["PricingCurrency"]) {
        return "USD".to_owned();
    }
    if is(&["CustomerId", "CustomerTenantId"]) {
        return CUSTOMER.to_owned();
    }
    if is(&["AccountId"]) {
        return "301902".to_owned();
    }
    if is(&["IsAzureCreditEligible", "HasPartnerEarnedCredit"]) {
        return "False".to_owned();
    }
    if is(&["Date", "UsageDate", "ChargePeriodStart"]) {
        return "2024-11-07".to_owned();
    }
    if is(&["BillingPeriodStartDate", "ChargeStartDate", "BillingPeriodStart"]) {
        return "2024-11-01".to_owned();
    }
    if lower.ends_with("date") || lower.ends_with("periodend") {
        return "2024-11-30".to_owned();
    }
    if is(&["BenefitType"]) {
        return "Reservation".to_owned();
    }
    let numeric = ["cost", "price", "quantity", "pretaxtotal", "exchangerate", "listcost", "percentage"];
    let numeric = numeric.iter().any(|end| lower.ends_with(end))
        || lower.starts_with("costin")
        || lower.starts_with("paygcost")
        || is(&["exchangeRatePricingToBilling", "RateOfPartnerEarnedCredit", "RateOfCredit"]);
    if numeric { number(header, name) } else { format!("v:{name}") }
}

fn csv(columns: &[&str], header: &str, shown: impl Fn(&str) -> String) -> Vec<u8> {
    let head: Vec<String> = columns.iter().map(|name| shown(name)).collect();
    let row: Vec<String> = columns.iter().map(|name| cell(header, name)).collect();
    format!("{}\r\n{}\r\n", head.join(","), row.join(",")).into_bytes()
}

/// The same row as Parquet: texts, decimals, days.
fn parquet(columns: &[&str], header: &str) -> Vec<u8> {
    use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, StringArray};
    let array = |name: &str| -> ArrayRef {
        let text = cell(header, name);
        if let Ok(day) = text.parse::<Day>() {
            return Arc::new(Date32Array::from(vec![day.since_epoch()]));
        }
        match text.as_str() {
            "False" => Arc::new(BooleanArray::from(vec![false])),
            "301902" => Arc::new(Int64Array::from(vec![301_902])),
            number if number.ends_with(".25") => {
                let unscaled: i128 = number.replace('.', "").parse().unwrap();
                Arc::new(Decimal128Array::from(vec![unscaled]).with_precision_and_scale(20, 2).unwrap())
            }
            text => Arc::new(StringArray::from(vec![text])),
        }
    };
    let batch = RecordBatch::try_from_iter(columns.iter().map(|name| (*name, array(name)))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn check(what: &str, bytes: &[u8], header: &str, expected: &Expected) {
    let given = Options { basis: Some(CostBasis::Actual), ..options() };
    let given = if expected.kind == SourceKind::Focus { options() } else { given };
    let read = read_bytes(bytes, &given).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(read.rejects.is_empty(), "{what}: {:?}", read.rejects);
    assert_eq!((read.inspected.kind, read.rows()), (expected.kind, 1), "{what}");
    for (column, name) in expected.texts {
        assert_eq!(read.texts(column), [format!("v:{name}")], "{what}: {column}");
    }
    for (column, text) in expected.literally {
        assert_eq!(read.texts(column), [*text], "{what}: {column}");
    }
    for (column, name) in expected.amounts {
        assert_eq!(read.sum(column), number(header, name), "{what}: {column}");
    }
    assert_eq!(read.quantity_sum(), number(header, expected.quantity), "{what}: quantity");
    assert_eq!((read.days("usage_date"), read.periods()), (vec!["2024-11-07".to_owned()], vec![202_411]), "{what}");
}

/// In the documented order, backwards, with the cost first; localised; in gzip; as Parquet.
fn in_every_form(what: &str, header: &str, expected: &Expected) {
    let columns: Vec<&str> = header.split(',').collect();
    let backwards: Vec<&str> = columns.iter().rev().copied().collect();
    let is_cost = |name: &&&str| name.to_ascii_lowercase().starts_with("costinbilling") || **name == "BilledCost";
    let cost_first: Vec<&str> =
        columns.iter().filter(is_cost).chain(columns.iter().filter(|name| !is_cost(name))).copied().collect();
    for (order, columns) in [("as documented", &columns), ("backwards", &backwards), ("cost first", &cost_first)] {
        check(&format!("{what} {order}"), &csv(columns, header, str::to_owned), header, expected);
    }
    check(&format!("{what} in capitals"), &csv(&columns, header, str::to_uppercase), header, expected);
    check(&format!("{what} localised"), &csv(&columns, header, |name| format!("Spalte ({name})")), header, expected);
    check(&format!("{what} in gzip"), &pack(&csv(&columns, header, str::to_owned)), header, expected);
    check(&format!("{what} as Parquet"), &parquet(&columns, header), header, expected);
}

const EA: Feeds = &[
    ("invoice_section_name", "InvoiceSectionName"),
    ("account_name", "AccountName"),
    ("account_owner_id", "AccountOwnerId"),
    ("subscription_id", "SubscriptionId"),
    ("subscription_name", "SubscriptionName"),
    ("resource_group", "ResourceGroup"),
    ("resource_location", "ResourceLocation"),
    ("product_name", "ProductName"),
    ("meter_category", "MeterCategory"),
    ("service_name", "MeterCategory"),
    ("meter_subcategory", "MeterSubCategory"),
    ("service_tier", "MeterSubCategory"),
    ("meter_id", "MeterId"),
    ("resource_guid", "MeterId"),
    ("meter_name", "MeterName"),
    ("meter_region", "MeterRegion"),
    ("unit_of_measure", "UnitOfMeasure"),
    ("cost_center", "CostCenter"),
    ("consumed_service", "ConsumedService"),
    ("resource_id", "ResourceId"),
    ("tags", "Tags"),
    ("offer_id", "OfferId"),
    ("additional_info", "AdditionalInfo"),
    ("service_info1", "ServiceInfo1"),
    ("service_info2", "ServiceInfo2"),
    ("reservation_id", "ReservationId"),
    ("part_number", "PartNumber"),
    ("charge_type", "ChargeType"),
    ("pricing_model", "PricingModel"),
    ("billing_account_id", "BillingAccountId"),
    ("billing_account_name", "BillingAccountName"),
];
const EA_AMOUNTS: Feeds = &[
    ("billed_cost", "CostInBillingCurrency"),
    ("effective_price", "EffectivePrice"),
    ("unit_price", "UnitPrice"),
    ("payg_price", "PayGPrice"),
];

#[test]
fn cost_exports_of_an_enterprise_agreement() {
    let expected = |literally| Expected {
        kind: SourceKind::CostExportEa,
        texts: EA,
        literally,
        amounts: EA_AMOUNTS,
        quantity: "Quantity",
    };
    let normalised: Feeds = &[("location", "v:ResourceLocationNormalized"), ("billing_currency", "EUR")];
    let plain: Feeds = &[("location", "v:ResourceLocation"), ("billing_currency", "EUR")];
    in_every_form("2024-08-01", EA_2024_08, &expected(normalised));
    for (version, columns) in [("2023-12-01", 55), ("2021-01-01 and 2021-10-01", 53)] {
        in_every_form(version, &first(EA_2024_08, columns), &expected(plain));
    }
    // The exports before named the cost, the product and the department otherwise.
    let older = EA_2024_08
        .replace("CostInBillingCurrency", "Cost")
        .replace("ProductName", "Product")
        .replace("InvoiceSectionName", "DepartmentName")
        .replace("BillingCurrencyCode", "BillingCurrency");
    let columns: Vec<&str> = older.split(',').collect();
    let texts: Vec<(&'static str, &'static str)> = EA
        .iter()
        .map(|(column, name)| match *name {
            "ProductName" => (*column, "Product"),
            "InvoiceSectionName" => (*column, "DepartmentName"),
            name => (*column, name),
        })
        .collect();
    let expected = Expected {
        kind: SourceKind::CostExportEa,
        texts: texts.leak(),
        literally: normalised,
        amounts: &[("billed_cost", "Cost"), ("effective_price", "EffectivePrice")],
        quantity: "Quantity",
    };
    check("older", &csv(&columns, &older, str::to_owned), &older, &expected);
}

#[test]
fn cost_exports_of_a_customer_agreement_and_its_partner_variant() {
    let texts: Feeds = &[
        ("invoice_section_name", "invoiceSectionName"),
        ("subscription_id", "SubscriptionId"),
        ("subscription_name", "subscriptionName"),
        ("resource_group", "resourceGroupName"),
        ("resource_id", "ResourceId"),
        ("resource_location", "resourceLocation"),
        ("location", "location"),
        ("product_name", "ProductName"),
        ("meter_category", "meterCategory"),
        ("meter_subcategory", "meterSubCategory"),
        ("meter_id", "meterId"),
        ("meter_name", "meterName"),
        ("unit_of_measure", "unitOfMeasure"),
        ("charge_type", "chargeType"),
        ("reservation_id", "reservationId"),
        ("additional_info", "additionalInfo"),
        ("tags", "tags"),
        ("billing_account_id", "billingAccountId"),
    ];
    let amounts: Feeds = &[
        ("billed_cost", "costInBillingCurrency"),
        ("cost_in_usd", "costInUsd"),
        ("cost_in_pricing_currency", "costInPricingCurrency"),
        ("effective_price", "effectivePrice"),
        ("exchange_rate", "exchangeRatePricingToBilling"),
    ];
    let literally: Feeds = &[("customer_tenant_id", ""), ("billing_currency", "EUR"), ("pricing_currency", "USD")];
    let expected = Expected { kind: SourceKind::CostExportMca, texts, literally, amounts, quantity: "quantity" };
    in_every_form("MCA", MCA, &expected);
    let literally: Feeds = &[("customer_tenant_id", CUSTOMER), ("customer_name", "v:customerName")];
    let expected = Expected { kind: SourceKind::CostExportPartner, literally, ..expected };
    in_every_form("partner", &format!("{MCA},{PARTNER}"), &expected);
}

#[test]
fn daily_rated_usage_of_both_versions() {
    let texts: &[(&'static str, &'static str)] = &[
        ("billing_account_id", "PartnerId"),
        ("customer_name", "CustomerName"),
        ("subscription_id", "EntitlementId"),
        ("subscription_name", "EntitlementDescription"),
        ("resource_location", "ResourceLocation"),
        ("meter_category", "MeterCategory"),
        ("meter_subcategory", "MeterSubCategory"),
        ("meter_id", "MeterId"),
        ("meter_name", "MeterName"),
        ("resource_group", "ResourceGroup"),
        ("product_order_id", "SubscriptionId"),
        ("additional_info", "AdditionalInfo"),
        ("invoice_id", "InvoiceNumber"),
    ];
    let amounts: Feeds = &[
        ("billed_cost", "BillingPreTaxTotal"),
        ("cost_in_pricing_currency", "PricingPreTaxTotal"),
        ("cost_in_usd", "PricingPreTaxTotal"),
        ("effective_price", "EffectiveUnitPrice"),
        ("exchange_rate", "PCToBCExchangeRate"),
    ];
    let literally: Feeds = &[
        ("customer_tenant_id", CUSTOMER),
        ("billing_currency", "EUR"),
        ("invoice_state", "billed"),
        ("charge_type", "v:ChargeType"),
    ];
    for (header, more) in [
        (
            RATED_2,
            [
                ("unit_of_measure", "Unit"),
                ("resource_id", "ResourceURI"),
                ("reseller_id", "Tier2MpnId"),
                ("reservation_order_id", "BenefitOrderId"),
                ("reservation_id", "BenefitId"),
            ],
        ),
        (
            RATED_1,
            [
                ("unit_of_measure", "UnitOfMeasure"),
                ("resource_id", "ResourceUri"),
                ("reseller_id", "ResellerMpnId"),
                ("publisher_name", "PublisherName"),
                ("product_name", "ProductName"),
            ],
        ),
    ] {
        let texts: Feeds = [texts, &more].concat().leak();
        let expected = Expected { kind: SourceKind::RatedUsage, texts, literally, amounts, quantity: "Quantity" };
        in_every_form("rated usage", header, &expected);
    }
}

#[test]
fn focus_of_every_version() {
    let texts: Feeds = &[
        ("billing_account_name", "BillingAccountName"),
        ("subscription_id", "SubAccountId"),
        ("subscription_name", "SubAccountName"),
        ("resource_id", "ResourceId"),
        ("resource_location", "RegionId"),
        ("location", "RegionName"),
        ("product_name", "ChargeDescription"),
        ("meter_category", "ServiceName"),
        ("service_name", "ServiceName"),
        ("unit_of_measure", "ConsumedUnit"),
        ("charge_type", "ChargeCategory"),
        ("tags", "Tags"),
        ("billing_account_id", "BillingAccountId"),
    ];
    let amounts: Feeds = &[
        ("billed_cost", "BilledCost"),
        ("effective_cost", "EffectiveCost"),
        ("list_cost", "ListCost"),
        ("contracted_cost", "ContractedCost"),
    ];
    let mut header = FOCUS_1_0.to_owned();
    for (version, more) in [("1.0", ""), ("1.1", FOCUS_1_1), ("1.2", FOCUS_1_2), ("1.3", FOCUS_1_3)] {
        if !more.is_empty() {
            header = format!("{header},{more}");
        }
        let literally: Feeds = match version {
            "1.0" => &[("billing_currency", "EUR"), ("cost_basis", "both"), ("provider_name", "v:ProviderName")],
            "1.1" => &[("meter_name", "v:SkuMeter"), ("meter_subcategory", "v:ServiceSubcategory")],
            "1.2" => &[("invoice_id", "v:InvoiceId"), ("pricing_currency", "USD")],
            _ => &[("provider_name", "v:ServiceProviderName"), ("publisher_name", "v:PublisherName")],
        };
        let expected = Expected { kind: SourceKind::Focus, texts, literally, amounts, quantity: "ConsumedQuantity" };
        in_every_form(version, &header, &expected);
    }
}
