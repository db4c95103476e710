//! Partner Center `utilizations/azure` records with prices (MS-AZR-0145P).
//!
//! The service answers usage without prices, customer or subscription, so the file must carry what is missing.
//! Accepted is the collection as the service answers it, JSON lines of its records, or an array of them:
//!
//! ```json
//! { "totalCount": 2, "partnerId": "…", "customerId": "<tenant id>", "customerName": "…", "customerDomain": "…",
//!   "subscriptionId": "<guid>", "subscriptionName": "…", "currency": "EUR",
//!   "items": [
//!     { "usageStartTime": "2024-11-01T00:00:00+00:00", "usageEndTime": "2024-11-02T00:00:00+00:00",
//!       "resource": { "id": "<meter>", "name": "…", "category": "…", "subcategory": "…", "region": "…" },
//!       "quantity": 11.5, "unit": "1 Hour", "infoFields": {},
//!       "instanceData": { "resourceUri": "/subscriptions/…", "location": "ukwest", "partNumber": "",
//!                         "orderNumber": "", "tags": {}, "additionalInfo": {} },
//!       "unitPrice": 0.031, "cost": 0.3565, "attributes": { "objectType": "AzureUtilizationRecord" } } ] }
//! ```
//!
//! - `cost` is the billed cost before tax; without it the cost is `quantity` × `unitPrice`, exactly.
//! - Scalars of the envelope that stand **before** `items` are the defaults of every record: one file can hold one
//!   customer's subscription without repeating its names. The same keys inside a record go before them. The options
//!   `--billing-account` (the partner), `--customer`, `--subscription` and `--currency` fill what is still missing.
//! - `resource` and `instanceData` are read into; other nested objects stay JSON text.
//! - The billing period is `--period`, else the month of the day of `usageStartTime` (UTC).

use super::Field;

pub(super) const FIELDS: &[Field] = &[
    Field::new("billing_account_id", &["partnerId", "billingAccountId"]),
    Field::new("partner_id", &["partnerId"]),
    Field::new("partner_name", &["partnerName"]),
    Field::new("customer_tenant_id", &["customerId", "customerTenantId"]),
    Field::new("customer_name", &["customerName"]),
    Field::new("customer_domain", &["customerDomain", "customerDomainName"]),
    Field::new("subscription_id", &["subscriptionId"]),
    Field::new("subscription_name", &["subscriptionName"]),
    Field::new("usage_date", &["usageStartTime"]).required(),
    Field::new("charge_period_start", &["usageStartTime"]),
    Field::new("charge_period_end", &["usageEndTime"]),
    Field::new("billing_currency", &["currency", "currencyCode", "billingCurrency"]),
    Field::new("meter_id", &["resource.id"]).required(),
    Field::new("meter_name", &["resource.name"]),
    Field::new("meter_category", &["resource.category"]),
    Field::new("meter_subcategory", &["resource.subcategory"]),
    Field::new("meter_region", &["resource.region"]),
    Field::new("unit_of_measure", &["unit"]),
    Field::new("quantity", &["quantity"]).required(),
    Field::new("resource_id", &["instanceData.resourceUri"]),
    Field::new("resource_location", &["instanceData.location"]),
    Field::new("part_number", &["instanceData.partNumber"]),
    Field::new("product_order_id", &["instanceData.orderNumber"]),
    Field::new("additional_info", &["instanceData.additionalInfo"]),
    Field::new("tags", &["instanceData.tags"]),
    Field::new("service_info1", &["infoFields"]),
    Field::new("billed_cost", &["cost", "preTaxCost"]),
    Field::new("effective_price", &["unitPrice", "effectivePrice"]),
    Field::new("unit_price", &["unitPrice"]),
    Field::new("cost_in_usd", &["costInUsd"]),
    Field::new("offer_id", &["offerId"]),
];
