//! The tables `charges_rollup` and `charges_rollup_months`: billed charges of customers, summed over all but the
//! columns that reports by customer ask for, by day and by calendar month. Derived from `charges`; [`crate::rollup`]
//! builds them. A billing period and scope of charges has one data file in each, whose name tells which files of
//! `charges` it was summed from.

/// The columns of both tables.
pub mod columns {
    use crate::tables::column::table_columns;

    table_columns! {
        BILLING_PERIOD, "billing_period", Period: "Period that the charges are billed in, as `yyyymm`; the partition.";
        SOURCE_KIND, "source_kind", Text: "Kind of the source files.";
        BILLING_ACCOUNT_ID, "billing_account_id", Text: "EA enrolment number, MCA billing account or partner id.";
        EXPORT_SCOPE, "export_scope", Text: "Narrower scope that the source exported, empty for the whole account.";
        COST_BASIS, "cost_basis", Text: "`actual` or `both`; amortised charges are not summed.";
        INVOICE_STATE, "invoice_state", Text: "`billed` or `unbilled` for rated usage, else empty.";
        BILLING_CURRENCY, "billing_currency", Text: "ISO 4217 code of the billed cost.";
        CUSTOMER_TENANT_ID, "customer_tenant_id", Text: "Tenant id of the CSP customer, lower case, never empty: charges that are no customer's are not summed.";
        CUSTOMER_NAME, "customer_name", Text: "Name of the CSP customer.";
        SUBSCRIPTION_ID, "subscription_id", Text: "Azure subscription.";
        SUBSCRIPTION_NAME, "subscription_name", Text: "Name of the subscription.";
        USAGE_DATE, "usage_date", Day: "UTC day of the usage or purchase; in `charges_rollup_months` the first of its month.";
        RESOURCE_LOCATION, "resource_location", Text: "Data centre of the resource.";
        METER_ID, "meter_id", Text: "Meter.";
        METER_NAME, "meter_name", Text: "Name of the meter.";
        METER_CATEGORY, "meter_category", Text: "Category of the meter.";
        METER_SUBCATEGORY, "meter_subcategory", Text: "Subcategory of the meter.";
        UNIT_OF_MEASURE, "unit_of_measure", Text: "Unit that the quantity is counted in.";
        RESERVATION_ORDER_ID, "reservation_order_id", Text: "Reservation order.";
        RESERVATION_ID, "reservation_id", Text: "Reservation.";
        CONSUMPTION_METER_ID, "consumption_meter_id", Text: "Meter that a reservation was used for.";
        SERVICE_TYPE, "service_type", Text: "Type of the service, for example a size of virtual machines.";
        CHARGE_TYPE, "charge_type", Text: "Usage, purchase, tax …, as the source writes it.";
        OFFER_ID, "offer_id", Text: "Azure offer.";
        IMPORT_ID, "import_id", Text: "Import that brought the charges.";
        QUANTITY, "quantity", Quantity: "Sum of the quantities; charges without one count as zero. A sum of more than 38 digits is spread over several rows.";
        BILLED_COST, "billed_cost", Amount: "Sum of the billed cost, like `quantity`.";
        COST_IN_USD, "cost_in_usd", Amount: "Sum of the cost in US dollars, like `quantity`.";
        ROW_COUNT, "row_count", Integer: "Number of charges.";
        USD_ROW_COUNT, "usd_row_count", Integer: "Number of charges that have a cost in US dollars.";
    }

    /// The columns that order the rows of every data file; together they are the key of a row.
    pub const SORT: &[&str] = &[
        CUSTOMER_TENANT_ID,
        SUBSCRIPTION_ID,
        USAGE_DATE,
        METER_ID,
        CHARGE_TYPE,
        RESOURCE_LOCATION,
        CUSTOMER_NAME,
        SUBSCRIPTION_NAME,
        METER_NAME,
        METER_CATEGORY,
        METER_SUBCATEGORY,
        UNIT_OF_MEASURE,
        RESERVATION_ORDER_ID,
        RESERVATION_ID,
        CONSUMPTION_METER_ID,
        SERVICE_TYPE,
        OFFER_ID,
        IMPORT_ID,
    ];

    /// The columns that name a row's scope: those of charges, in the same order.
    pub const SCOPE: &[&str] = crate::charges::columns::SCOPE;
}
