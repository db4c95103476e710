//! Which column of the lake feeds which field of which API, for the plans and for the documentation.

use meterlake_lake::charges::columns;

use crate::AnalyticsField;

/// The fields of EA usage details with their columns: the 33 of v1 and v2 in the order of the JSON row, then the
/// seven that v3 adds.
#[must_use]
pub const fn ea_columns() -> &'static [(&'static str, &'static str)] {
    &[
        ("accountId", columns::ACCOUNT_ID),
        ("productId", columns::PRODUCT_NUMBER),
        ("resourceLocationId", columns::RESOURCE_LOCATION_ID),
        ("consumedServiceId", columns::CONSUMED_SERVICE_ID),
        ("departmentId", columns::DEPARTMENT_ID),
        ("accountOwnerEmail", columns::ACCOUNT_OWNER_ID),
        ("accountName", columns::ACCOUNT_NAME),
        ("serviceAdministratorId", columns::SERVICE_ADMINISTRATOR_ID),
        ("subscriptionId", columns::SUBSCRIPTION_NUMBER),
        ("subscriptionGuid", columns::SUBSCRIPTION_ID),
        ("subscriptionName", columns::SUBSCRIPTION_NAME),
        ("date", columns::USAGE_DATE),
        ("product", columns::PRODUCT_NAME),
        ("meterId", columns::METER_ID),
        ("meterCategory", columns::METER_CATEGORY),
        ("meterSubCategory", columns::METER_SUBCATEGORY),
        ("meterRegion", columns::METER_REGION),
        ("meterName", columns::METER_NAME),
        ("consumedQuantity", columns::QUANTITY),
        ("resourceRate", columns::EFFECTIVE_PRICE),
        ("cost", columns::BILLED_COST),
        ("resourceLocation", columns::RESOURCE_LOCATION),
        ("consumedService", columns::CONSUMED_SERVICE),
        ("instanceId", columns::RESOURCE_ID),
        ("serviceInfo1", columns::SERVICE_INFO1),
        ("serviceInfo2", columns::SERVICE_INFO2),
        ("additionalInfo", columns::ADDITIONAL_INFO),
        ("tags", columns::TAGS),
        ("storeServiceIdentifier", columns::STORE_SERVICE_IDENTIFIER),
        ("departmentName", columns::INVOICE_SECTION_NAME),
        ("costCenter", columns::COST_CENTER),
        ("unitOfMeasure", columns::UNIT_OF_MEASURE),
        ("resourceGroup", columns::RESOURCE_GROUP),
        ("serviceName", columns::SERVICE_NAME),
        ("serviceTier", columns::SERVICE_TIER),
        ("location", columns::LOCATION),
        ("chargesBilledSeparately", columns::CHARGES_BILLED_SEPARATELY),
        ("partNumber", columns::PART_NUMBER),
        ("resourceGuid", columns::RESOURCE_GUID),
        ("offerId", columns::OFFER_ID),
    ]
}

/// The fields of Azure usage analytics with their columns, in the order of a row; the last is the summed quantity.
#[must_use]
pub fn analytics_columns() -> Vec<(&'static str, &'static str)> {
    let mut fields: Vec<_> = AnalyticsField::ALL.into_iter().map(|field| (field.name(), field.column())).collect();
    fields.push(("quantity", columns::QUANTITY));
    fields
}

/// The fields of the usage summary and the usage records that charges feed, with their columns.
#[must_use]
pub const fn summary_columns() -> &'static [(&'static str, &'static str)] {
    &[
        ("totalCost", columns::BILLED_COST),
        ("currencyCode", columns::BILLING_CURRENCY),
        ("usdTotalCost", columns::COST_IN_USD),
        ("resourceId", columns::SUBSCRIPTION_ID),
        ("resourceName", columns::SUBSCRIPTION_NAME),
        ("offerId", columns::OFFER_ID),
        ("category", columns::METER_CATEGORY),
        ("subcategory", columns::METER_SUBCATEGORY),
        ("unit", columns::UNIT_OF_MEASURE),
        ("quantityUsed", columns::QUANTITY),
        ("lastModifiedDate", columns::IMPORT_ID),
    ]
}
