//! Files made from the field lists; no real sample of these kinds could be had.

use super::headers::*;
use super::*;

const CUSTOMER: &str = "0A1B2C3D-0000-4000-8000-00000000000A";

#[test]
fn ea_usage_details_with_preamble() {
    let file = "\u{feff}Usage Data Extract\r\n\r\nAccountId,AccountName,AccountOwnerEmail,AdditionalInfo,ConsumedQuantity,ConsumedService,ConsumedServiceId,Cost,CostCenter,Date,DepartmentId,DepartmentName,InstanceId,MeterCategory,MeterId,MeterName,MeterRegion,MeterSubCategory,Product,ProductId,ResourceGroup,ResourceLocation,ResourceLocationId,ResourceRate,ServiceAdministratorId,ServiceInfo1,ServiceInfo2,StoreServiceIdentifier,SubscriptionGuid,SubscriptionId,SubscriptionName,Tags,UnitOfMeasure,PartNumber,ResourceGuid,OfferId,ChargesBilledSeparately,Location,ServiceName,ServiceTier\r\n\
        7,Name,owner@x.example,,1.5,Microsoft.Storage,8,0.0000000072922557592391990000,cc,2017-04-27,9,Dep,/i,Storage,m,mn,mr,ms,P,10,rg,loc,11,0.1,sa,s1,s2,st,11111111-12ab-34dc-56ef-123456abcdef,12,Sub,\"{\"\"a\"\":\"\"b\"\"}\",GB,AAA-1,rguid,MS-AZR-0017P,True,US West,,tier\r\n";
    let given =
        Options { billing_account: Some("100".parse().unwrap()), currency: Some("USD".parse().unwrap()), ..options() };
    let read = read_bytes(file.as_bytes(), &given).unwrap();
    assert_eq!((read.inspected.kind, read.inspected.variant.as_str()), (SourceKind::EaUsageDetails, "v3"));
    assert_eq!(read.inspected.basis, Some(CostBasis::Actual));
    assert_eq!(read.sum("billed_cost"), "0.000000007292255759239199");
    assert_eq!(read.integers("source_line"), [4]);
    for (column, value) in [
        ("account_id", 7),
        ("consumed_service_id", 8),
        ("department_id", 9),
        ("product_number", 10),
        ("resource_location_id", 11),
        ("subscription_number", 12),
    ] {
        assert_eq!(read.integers(column), [value], "{column}");
    }
    for (column, value) in [
        ("account_owner_id", "owner@x.example"),
        ("invoice_section_name", "Dep"),
        ("resource_id", "/i"),
        ("tags", "{\"a\":\"b\"}"),
        ("resource_guid", "rguid"),
        ("location", "US West"),
        ("service_name", ""),
        ("service_tier", "tier"),
        ("store_service_identifier", "st"),
    ] {
        assert_eq!(read.texts(column), [value], "{column}");
    }
    assert_eq!(read.booleans("charges_billed_separately"), [true]);
    assert!(read.inspected.warnings.is_empty(), "{:?}", read.inspected.warnings);
}

#[test]
fn rated_usage_csv_and_graph_json_lines() {
    let csv = format!(
        "PartnerId;PartnerName;CustomerId;CustomerName;InvoiceNumber;SubscriptionId;SubscriptionDescription;UsageDate;MeterCategory;Unit;ChargeType;Quantity;BillingPreTaxTotal;BillingCurrency;PricingPreTaxTotal;PricingCurrency;EntitlementId;EntitlementDescription\n\
         p;Partner;{CUSTOMER};Contoso;G1;order;plan;11/30/2024;Storage;GB;new;1.5;2.25;EUR;2.5;USD;ent;Sub\n\
         p;Partner;{CUSTOMER};Contoso;;order;plan;12/01/2024;Storage;GB;;1;2;EUR;2.1;USD;;\n"
    );
    let read = read_bytes(csv.as_bytes(), &options()).unwrap();
    assert_eq!((read.inspected.kind, read.inspected.separator), (SourceKind::RatedUsage, b';'));
    assert_eq!(read.texts("invoice_state"), ["billed", "unbilled"]);
    assert_eq!(read.texts("customer_tenant_id")[0], CUSTOMER.to_lowercase());
    assert_eq!(read.texts("subscription_id"), ["ent", "order"]);
    assert_eq!(read.texts("charge_type"), ["Usage", "Usage"]);
    assert_eq!((read.sum("billed_cost").as_str(), read.sum("cost_in_usd").as_str()), ("4.25", "4.6"));
    assert_eq!(read.periods(), [202_411, 202_412]);
    assert_eq!(read.texts("billing_account_id")[0], "p");

    let json = format!(
        "{{\"PartnerId\":\"p\",\"CustomerId\":\"{CUSTOMER}\",\"UsageDate\":\"2024-11-30T00:00:00Z\",\"Quantity\":1.50,\"BillingPreTaxTotal\":0.10000000000000000000001,\"BillingCurrency\":\"USD\",\"InvoiceNumber\":\"\",\"Tags\":{{\"a\":\"b\"}}}}\n\
         {{\"BillingPreTaxTotal\":1e-5,\"PartnerId\":\"p\",\"CustomerId\":\"{CUSTOMER}\",\"UsageDate\":\"2024-11-30\",\"Quantity\":2,\"BillingCurrency\":\"USD\",\"InvoiceNumber\":null,\"MeterName\":\"\\u00e4\\n\"}}\n"
    );
    let read = read_bytes(&pack(json.as_bytes()), &options()).unwrap();
    assert_eq!((read.sum("billed_cost").as_str(), read.quantity_sum().as_str()), ("0.10001000000000000000001", "3.5"));
    assert_eq!(
        (read.texts("meter_name"), read.texts("tags")),
        (vec![String::new(), "ä\n".into()], vec!["{\"a\":\"b\"}".into(), String::new()])
    );
    assert_eq!(read.integers("source_line"), [1, 2]);
}

#[test]
fn utilization_records_with_prices() {
    let json = format!(
        r#"{{ "totalCount": 2, "partnerId": "p", "customerId": "{CUSTOMER}", "currency": "EUR", "links": {{}},
 "items": [
  {{ "usageStartTime": "2024-11-01T00:00:00-08:00", "usageEndTime": "2024-11-02T00:00:00-08:00",
"resource": {{ "id": "m", "name": "n", "category": "Data Management", "subcategory": "", "region": "r" }},
"quantity": 11.5, "unit": "1 Hour", "infoFields": {{}},
"instanceData": {{ "resourceUri": "/subscriptions/abc/resourceGroups/x", "location": "ukwest", "additionalInfo": {{"ServiceType":"T"}} }}, "unitPrice": 0.031 }},
  {{ "usageStartTime": "2024-11-02T00:00:00+00:00", "resource": {{ "id": "m" }}, "quantity": 1, "cost": 2.5, "customerId": "11111111-0000-4000-8000-000000000001" }}
 ], "attributes": {{ "objectType": "Collection" }} }}"#
    );
    let read = read_bytes(json.as_bytes(), &options()).unwrap();
    assert_eq!(read.inspected.kind, SourceKind::Utilization);
    assert_eq!(read.sum("billed_cost"), "2.8565");
    assert_eq!(
        read.texts("customer_tenant_id"),
        [CUSTOMER.to_lowercase().as_str(), "11111111-0000-4000-8000-000000000001"]
    );
    assert_eq!(read.texts("subscription_id"), ["abc", ""]);
    assert_eq!(
        (read.texts("meter_category")[0].as_str(), read.texts("service_type")[0].as_str()),
        ("Data Management", "T")
    );
    assert_eq!(read.days("usage_date"), ["2024-11-01", "2024-11-02"]);
    assert_eq!(read.integers("source_line"), [3, 7]);
}

#[test]
fn customer_agreement_and_partner_agreement() {
    let mca = "invoiceId,billingAccountId,billingPeriodStartDate,date,subscriptionId,quantity,costInBillingCurrency,billingCurrency,costInUsd,pricingCurrency,exchangeRatePricingToBilling,isAzureCreditEligible,chargeType,provider\n\
         I1,a:b_2019-05-31,11/01/2024,11/30/2024,s,1,2,EUR,2.2,USD,0.9,False,Usage,Azure\n";
    let read = read_bytes(mca.as_bytes(), &options()).unwrap();
    assert_eq!((read.inspected.kind, read.inspected.basis), (SourceKind::CostExportMca, None));
    assert_eq!((read.sum("cost_in_usd").as_str(), read.sum("exchange_rate").as_str()), ("2.2", "0.9"));
    assert_eq!(read.booleans("charges_billed_separately"), [true]);
    let partner = mca
        .replace("provider\n", "provider,customerTenantId,customerName\n")
        .replace("Azure\n", &format!("Azure,{CUSTOMER},Contoso\n"));
    let read = read_bytes(partner.as_bytes(), &options()).unwrap();
    assert_eq!(read.inspected.kind, SourceKind::CostExportPartner);
    assert_eq!(read.texts("customer_tenant_id"), [CUSTOMER.to_lowercase()]);
    let bad = partner.replace(CUSTOMER, "not-a-guid");
    let read = read_bytes(bad.as_bytes(), &options()).unwrap();
    assert_eq!(
        (read.rejects[0].column.as_str(), read.rejects[0].value.as_str(), read.rejects[0].line),
        ("customerTenantId", "not-a-guid", 2)
    );
}

#[test]
fn focus_as_parquet_with_microsoft_columns() {
    use arrow::array::{ArrayRef, Decimal128Array, Float64Array, StringArray, TimestampMicrosecondArray};
    let text = |v: &str| Arc::new(StringArray::from(vec![v])) as ArrayRef;
    let day = |v: i64| Arc::new(TimestampMicrosecondArray::from(vec![v * 1_000_000]).with_timezone("UTC")) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        (
            "BilledCost",
            Arc::new(Decimal128Array::from(vec![-1_234_567i128]).with_precision_and_scale(20, 6).unwrap()) as ArrayRef,
        ),
        ("EffectiveCost", Arc::new(Float64Array::from(vec![0.1])) as ArrayRef),
        ("BillingAccountId", text("/providers/Microsoft.Billing/billingAccounts/8611537")),
        ("BillingCurrency", text("USD")),
        ("BillingPeriodStart", day(1_727_740_800)),
        ("ChargePeriodStart", day(1_727_827_199)),
        ("ChargeCategory", text("Usage")),
        ("SubAccountId", text("/subscriptions/64e355d7-997c-491d-b0c1-8414dccfcf42")),
        ("x_CustomerId", text(CUSTOMER)),
        ("x_SkuMeterId", text("meter")),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for packed in [bytes.clone(), pack(&bytes)] {
        let read = read_bytes(&packed, &options()).unwrap();
        assert_eq!((read.sum("billed_cost").as_str(), read.sum("effective_cost").as_str()), ("-1.234567", "0.1"));
        assert_eq!((read.periods()[0], read.days("usage_date")[0].as_str()), (202_410, "2024-10-01"));
        assert_eq!(read.texts("subscription_id"), ["64e355d7-997c-491d-b0c1-8414dccfcf42"]);
        assert_eq!(read.texts("customer_tenant_id"), [CUSTOMER.to_lowercase()]);
        assert!(read.inspected.warnings[0].contains("EffectiveCost"), "{:?}", read.inspected.warnings);
        assert_eq!(read.integers("source_line"), [1]);
    }
}

/// The documented headers of each version: the kind that is recognised, and the columns that have no place.
#[test]
fn documented_headers() {
    let partner = format!("{MCA},{PARTNER}");
    let focus = |parts: &[&str]| parts.join(",");
    let (focus11, focus12) = (focus(&[FOCUS_1_0, FOCUS_1_1]), focus(&[FOCUS_1_0, FOCUS_1_1, FOCUS_1_2]));
    let focus13 = focus(&[&focus12, FOCUS_1_3]);
    let of_11 = "CapacityReservationId, CapacityReservationStatus, CommitmentDiscountQuantity, CommitmentDiscountUnit";
    let of_12 = "BillingAccountType, PricingCurrencyContractedUnitPrice, PricingCurrencyEffectiveCost, \
                 PricingCurrencyListUnitPrice, SubAccountType";
    let of_13 = "AllocatedMethodId, AllocatedMethodDetails, AllocatedResourceId, AllocatedResourceName, \
                 AllocatedTags, ContractApplied, HostProviderName";
    for (header, kind, variant, dropped) in [
        (EA_2024_08, SourceKind::CostExportEa, "2024-08-01", String::new()),
        (&first(EA_2024_08, 55), SourceKind::CostExportEa, "2023-12-01", String::new()),
        (&first(EA_2024_08, 53), SourceKind::CostExportEa, "2021-01-01", String::new()),
        (MCA, SourceKind::CostExportMca, "2023-12-01", "previousInvoiceId, paygCostInUsd".to_owned()),
        (&partner, SourceKind::CostExportPartner, "2023-12-01", "previousInvoiceId, paygCostInUsd".to_owned()),
        (
            RATED_2,
            SourceKind::RatedUsage,
            "v2",
            "CustomerCountry, MpnId, PartnerEarnedCreditPercentage, CreditPercentage, CreditType".to_owned(),
        ),
        (
            RATED_1,
            SourceKind::RatedUsage,
            "v1",
            "CustomerCountry, MpnId, RateOfPartnerEarnedCredit, HasPartnerEarnedCredit, CreditType, RateOfCredit"
                .to_owned(),
        ),
        (FOCUS_1_0, SourceKind::Focus, "1.0", String::new()),
        (&focus11, SourceKind::Focus, "1.1", of_11.to_owned()),
        (&focus12, SourceKind::Focus, "1.2", format!("{of_11}, {of_12}")),
        (&focus13, SourceKind::Focus, "1.3", format!("{of_11}, {of_12}, {of_13}")),
    ] {
        let read = read_bytes(format!("{header}\n").as_bytes(), &options()).unwrap();
        assert_eq!((read.inspected.kind, read.inspected.variant.as_str()), (kind, variant));
        let told = read.inspected.warnings.iter().find_map(|w| w.strip_prefix("columns that are not kept: "));
        assert_eq!(told.unwrap_or_default(), dropped, "{kind}");
    }
}

#[test]
fn benefits_of_rated_usage() {
    let csv = format!(
        "PartnerId,CustomerId,UsageDate,Quantity,BillingPreTaxTotal,BillingCurrency,InvoiceNumber,BenefitOrderId,BenefitId,BenefitType,AdditionalInfo\n\
         p,{CUSTOMER},2024-11-30,1,1,USD,G,order,res,Reservation,\n\
         p,{CUSTOMER},2024-11-30,1,1,USD,G,order,plan,SavingsPlan,\"{{\"\"ConsumptionMeter\"\":\"\"cm\"\",\"\"VCPUs\"\":2}}\"\n"
    );
    let read = read_bytes(csv.as_bytes(), &options()).unwrap();
    assert_eq!(read.texts("reservation_order_id"), ["order", ""]);
    assert_eq!(read.texts("reservation_id"), ["res", ""]);
    assert_eq!(read.texts("consumption_meter_id"), ["", "cm"]);
    assert_eq!(read.texts("benefit_id"), ["res", "plan"]);
}

/// On purchase rows the column of the reservation holds the order; on usage `AdditionalInfo` goes before the columns.
#[test]
fn reservations_of_cost_exports() {
    let info = r#""{""ReservationOrderId"":""info-order"",""ReservationId"":""info-res"",""ConsumptionMeter"":""cm"",""ServiceType"":""Standard_B1s""}""#;
    let path = "/providers/Microsoft.Capacity/reservationOrders/path-order/reservations/path-res";
    let mut csv =
        "SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,ChargeType,PricingModel,ReservationId,ProductOrderId,BenefitId,AdditionalInfo\n"
            .to_owned();
    for row in [
        "Purchase,Reservation,own,,,".to_owned(),
        "Refund,Reservation,own,,,".to_owned(),
        "Usage,Reservation,own,product-order,,".to_owned(),
        format!("Usage,Reservation,own,,{path},"),
        format!("Usage,Reservation,own,,{path},{info}"),
        // Without outer braces, as some exports have it.
        format!("Usage,OnDemand,,,,{}", info.replace("\"{", "\"").replace("}\"", "\"")),
        "Usage,OnDemand,,product-order,,".to_owned(),
    ] {
        csv.push_str(&format!("s,a,2024-11-30,0,USD,{row}\n"));
    }
    let read = read_bytes(csv.as_bytes(), &options()).unwrap();
    assert!(read.rejects.is_empty(), "{:?}", read.rejects);
    assert_eq!(
        read.texts("reservation_order_id"),
        ["own", "own", "product-order", "path-order", "info-order", "info-order", ""]
    );
    assert_eq!(read.texts("reservation_id"), ["", "", "own", "own", "info-res", "info-res", ""]);
    assert_eq!(read.texts("consumption_meter_id"), ["", "", "", "", "cm", "cm", ""]);
    assert_eq!(read.texts("service_type"), ["", "", "", "", "Standard_B1s", "Standard_B1s", ""]);
}
