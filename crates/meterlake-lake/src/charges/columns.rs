//! The columns of `charges`: the superset of the EA, MCA, Partner and FOCUS columns that the APIs or FOCUS output
//! need. The order here is the order in the files.

use arrow::datatypes::SchemaRef;

use crate::tables::{Table, column::table_columns};

table_columns! {
    // Scope and provenance
    BILLING_PERIOD, "billing_period", Period: "Period that the charge is billed in, as `yyyymm`; the partition.";
    SOURCE_KIND, "source_kind", Text: "Kind of the source file.";
    BILLING_ACCOUNT_ID, "billing_account_id", Text: "EA enrolment number, MCA billing account or partner id that the source file covers.";
    EXPORT_SCOPE, "export_scope", Text: "Narrower scope that the source exported (subscription, resource group, department …), empty for the whole account.";
    COST_BASIS, "cost_basis", Text: "`actual` (billed cost only), `amortized` (effective cost only) or `both`.";
    INVOICE_STATE, "invoice_state", Text: "`billed` or `unbilled` for rated usage, else empty.";
    BILLING_CURRENCY, "billing_currency", Text: "ISO 4217 code of billed and effective cost.";
    IMPORT_ID, "import_id", Text: "Import that brought the row.";
    SOURCE_FILE, "source_file", Integer: "Ordinal of the source file within its import, from 0.";
    SOURCE_LINE, "source_line", Integer: "Line of the source file on which the row starts, from 1 (row number for Parquet).";
    // When
    USAGE_DATE, "usage_date", Day: "UTC day of the usage or purchase.";
    BILLING_PERIOD_START, "billing_period_start", Day, nullable: "First day of the billing period as the source states it.";
    BILLING_PERIOD_END, "billing_period_end", Day, nullable: "Last day of the billing period as the source states it.";
    CHARGE_PERIOD_START, "charge_period_start", Instant, nullable: "Start of the charge, where the source is finer than a day or spans several.";
    CHARGE_PERIOD_END, "charge_period_end", Instant, nullable: "End of the charge, exclusive.";
    // Who
    BILLING_ACCOUNT_NAME, "billing_account_name", Text: "Name of the billing account.";
    BILLING_PROFILE_ID, "billing_profile_id", Text: "Billing profile id.";
    BILLING_PROFILE_NAME, "billing_profile_name", Text: "Billing profile name.";
    INVOICE_SECTION_ID, "invoice_section_id", Text: "Invoice section id; the department's in an EA.";
    INVOICE_SECTION_NAME, "invoice_section_name", Text: "Invoice section name; the department's in an EA.";
    ACCOUNT_ID, "account_id", Integer: "Obsolete number of the EA account.";
    ACCOUNT_NAME, "account_name", Text: "Name of the EA account.";
    ACCOUNT_OWNER_ID, "account_owner_id", Text: "E-mail address of the account's owner.";
    SERVICE_ADMINISTRATOR_ID, "service_administrator_id", Text: "E-mail address of the service administrator.";
    DEPARTMENT_ID, "department_id", Integer: "Obsolete number of the department.";
    COST_CENTER, "cost_center", Text: "Cost centre.";
    PARTNER_ID, "partner_id", Text: "Tenant id of the partner.";
    PARTNER_NAME, "partner_name", Text: "Name of the partner.";
    RESELLER_ID, "reseller_id", Text: "MPN id of the indirect reseller.";
    RESELLER_NAME, "reseller_name", Text: "Name of the indirect reseller.";
    CUSTOMER_TENANT_ID, "customer_tenant_id", Text: "Tenant id of the CSP customer, lower case; empty when the charge is no customer's.";
    CUSTOMER_NAME, "customer_name", Text: "Name of the CSP customer.";
    CUSTOMER_DOMAIN, "customer_domain", Text: "Domain of the CSP customer.";
    SUBSCRIPTION_ID, "subscription_id", Text: "Azure subscription (GUID), or FOCUS sub account.";
    SUBSCRIPTION_NUMBER, "subscription_number", Integer: "Obsolete number of the subscription.";
    SUBSCRIPTION_NAME, "subscription_name", Text: "Name of the subscription.";
    OFFER_ID, "offer_id", Text: "Azure offer, for example MS-AZR-0017P.";
    INVOICE_ID, "invoice_id", Text: "Invoice that the charge is on.";
    // What
    RESOURCE_GROUP, "resource_group", Text: "Resource group.";
    RESOURCE_ID, "resource_id", Text: "Resource, as a full id where the source has one.";
    RESOURCE_NAME, "resource_name", Text: "Name of the resource.";
    RESOURCE_TYPE, "resource_type", Text: "Type of the resource.";
    RESOURCE_LOCATION, "resource_location", Text: "Data centre of the resource.";
    RESOURCE_LOCATION_ID, "resource_location_id", Integer: "Obsolete number of the location.";
    LOCATION, "location", Text: "Normalised location.";
    AVAILABILITY_ZONE, "availability_zone", Text: "Availability zone.";
    PRODUCT_ID, "product_id", Text: "Product id.";
    PRODUCT_NUMBER, "product_number", Integer: "Obsolete number of the product.";
    PRODUCT_NAME, "product_name", Text: "Product.";
    PART_NUMBER, "part_number", Text: "Part number of the price.";
    METER_ID, "meter_id", Text: "Meter.";
    METER_NAME, "meter_name", Text: "Name of the meter.";
    METER_CATEGORY, "meter_category", Text: "Category of the meter.";
    METER_SUBCATEGORY, "meter_subcategory", Text: "Subcategory of the meter.";
    METER_REGION, "meter_region", Text: "Region of the meter.";
    UNIT_OF_MEASURE, "unit_of_measure", Text: "Unit that the quantity is counted in.";
    CONSUMED_SERVICE, "consumed_service", Text: "Resource provider that was used.";
    CONSUMED_SERVICE_ID, "consumed_service_id", Integer: "Obsolete number of the service.";
    SERVICE_FAMILY, "service_family", Text: "Family of the service.";
    SERVICE_NAME, "service_name", Text: "Service; the meter category where the source has none.";
    SERVICE_TIER, "service_tier", Text: "Tier of the service; the meter subcategory where the source has none.";
    RESOURCE_GUID, "resource_guid", Text: "Meter's resource id in EA v3; the meter where the source has none.";
    SERVICE_INFO1, "service_info1", Text: "Internal service metadata.";
    SERVICE_INFO2, "service_info2", Text: "Service metadata, for example the image type.";
    ADDITIONAL_INFO, "additional_info", Text: "Service metadata, usually a JSON object as text.";
    TAGS, "tags", Text: "Tags as the text of a JSON object, braces restored; empty for none.";
    STORE_SERVICE_IDENTIFIER, "store_service_identifier", Text: "Obsolete.";
    // How it is sold
    CHARGE_TYPE, "charge_type", Text: "Usage, Purchase, Refund, Tax, …";
    FREQUENCY, "frequency", Text: "UsageBased, Recurring or OneTime.";
    PRICING_MODEL, "pricing_model", Text: "OnDemand, Reservation, SavingsPlan or Spot.";
    PUBLISHER_TYPE, "publisher_type", Text: "Azure, AWS or Marketplace.";
    PUBLISHER_ID, "publisher_id", Text: "Publisher id.";
    PUBLISHER_NAME, "publisher_name", Text: "Publisher.";
    PLAN_NAME, "plan_name", Text: "Marketplace plan.";
    TERM, "term", Text: "Term of a reservation or plan, in months.";
    PRODUCT_ORDER_ID, "product_order_id", Text: "Product order id.";
    PRODUCT_ORDER_NAME, "product_order_name", Text: "Product order name.";
    RESERVATION_ORDER_ID, "reservation_order_id", Text: "Reservation order.";
    RESERVATION_ID, "reservation_id", Text: "Reservation.";
    RESERVATION_NAME, "reservation_name", Text: "Name of the reservation.";
    BENEFIT_ID, "benefit_id", Text: "Savings plan or reservation that covered the usage.";
    BENEFIT_NAME, "benefit_name", Text: "Name of the benefit.";
    CONSUMPTION_METER_ID, "consumption_meter_id", Text: "Meter that was consumed under a reservation.";
    SERVICE_TYPE, "service_type", Text: "Size or type of the service, for example Standard_DS2_v2.";
    COST_ALLOCATION_RULE_NAME, "cost_allocation_rule_name", Text: "Cost allocation rule.";
    IS_AZURE_CREDIT_ELIGIBLE, "is_azure_credit_eligible", Boolean, nullable: "Whether Azure credit pays for it.";
    CHARGES_BILLED_SEPARATELY, "charges_billed_separately", Boolean: "Whether it is billed apart from the commitment.";
    // FOCUS
    PROVIDER_NAME, "provider_name", Text: "Cloud provider.";
    INVOICE_ISSUER_NAME, "invoice_issuer_name", Text: "Who issued the invoice.";
    SERVICE_CATEGORY, "service_category", Text: "FOCUS service category.";
    CHARGE_CATEGORY, "charge_category", Text: "FOCUS charge category.";
    CHARGE_CLASS, "charge_class", Text: "FOCUS charge class.";
    CHARGE_DESCRIPTION, "charge_description", Text: "FOCUS charge description.";
    PRICING_CATEGORY, "pricing_category", Text: "FOCUS pricing category.";
    PRICING_UNIT, "pricing_unit", Text: "Unit of the pricing quantity.";
    REGION_ID, "region_id", Text: "FOCUS region id.";
    REGION_NAME, "region_name", Text: "FOCUS region name.";
    SKU_ID, "sku_id", Text: "SKU.";
    SKU_PRICE_ID, "sku_price_id", Text: "Price of the SKU.";
    COMMITMENT_DISCOUNT_CATEGORY, "commitment_discount_category", Text: "FOCUS commitment discount category.";
    COMMITMENT_DISCOUNT_STATUS, "commitment_discount_status", Text: "FOCUS commitment discount status.";
    COMMITMENT_DISCOUNT_TYPE, "commitment_discount_type", Text: "FOCUS commitment discount type.";
    // How much
    QUANTITY, "quantity", Quantity, nullable: "Quantity used, in `unit_of_measure`.";
    PRICING_QUANTITY, "pricing_quantity", Quantity, nullable: "Quantity priced, in `pricing_unit`.";
    BILLED_COST, "billed_cost", Amount, nullable: "Billed (actual) cost before tax in `billing_currency`; none on an amortised row.";
    EFFECTIVE_COST, "effective_cost", Amount, nullable: "Effective (amortised) cost in `billing_currency`; none on an actual row.";
    EFFECTIVE_PRICE, "effective_price", Amount, nullable: "Price paid per unit, in `billing_currency`.";
    UNIT_PRICE, "unit_price", Amount, nullable: "Contracted price per unit.";
    PAYG_PRICE, "payg_price", Amount, nullable: "Retail price per unit.";
    LIST_COST, "list_cost", Amount, nullable: "Cost at list price, in `billing_currency`.";
    CONTRACTED_COST, "contracted_cost", Amount, nullable: "Cost at contracted price, in `billing_currency`.";
    COST_IN_USD, "cost_in_usd", Amount, nullable: "Billed cost in US dollars: the source's own figure, else its billed cost or cost in pricing currency where that is US dollars; never converted here.";
    PRICING_CURRENCY, "pricing_currency", Text: "Currency of the price list.";
    COST_IN_PRICING_CURRENCY, "cost_in_pricing_currency", Amount, nullable: "Billed cost in `pricing_currency`.";
    EXCHANGE_RATE, "exchange_rate", Amount, nullable: "Pricing to billing currency rate.";
    EXCHANGE_RATE_DATE, "exchange_rate_date", Day, nullable: "Day of the exchange rate.";
}

/// The columns that order the rows of every data file. All rows of a file have one scope, so its billing account
/// is constant and needs no place here. The last three make the order total.
pub const SORT: &[&str] =
    &[USAGE_DATE, CUSTOMER_TENANT_ID, SUBSCRIPTION_ID, RESOURCE_ID, METER_ID, IMPORT_ID, SOURCE_FILE, SOURCE_LINE];

/// The columns that name a row's scope; rows that differ in one of them never share a data file.
pub const SCOPE: &[&str] =
    &[SOURCE_KIND, BILLING_ACCOUNT_ID, EXPORT_SCOPE, COST_BASIS, BILLING_CURRENCY, INVOICE_STATE];

/// The Arrow schema of a batch of charges, `billing_period` included.
#[must_use]
pub fn schema() -> SchemaRef {
    Table::Charges.schema()
}
