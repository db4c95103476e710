//! The table `licences`: the licences of a customer, one row a SKU and snapshot. All rows of one tenant and moment
//! are one snapshot; older snapshots stay as history.

/// The columns of `licences`.
pub mod columns {
    use crate::tables::column::table_columns;

    table_columns! {
        TENANT_ID, "tenant_id", Text: "Tenant of the customer, a GUID in lower case.";
        MOMENT, "moment", Instant: "When the snapshot was taken.";
        SKU_ID, "sku_id", Text: "SKU, a GUID in lower case; empty in the only row of a snapshot without licences.";
        SKU_PART_NUMBER, "sku_part_number", Text: "Part number of the SKU, for example ENTERPRISEPACK.";
        PRODUCT_NAME, "product_name", Text: "Product name of the SKU.";
        TOTAL_UNITS, "total_units", Integer, nullable: "Licences bought.";
        ACTIVE_UNITS, "active_units", Integer, nullable: "Licences that can be assigned.";
        CONSUMED_UNITS, "consumed_units", Integer, nullable: "Licences assigned.";
        SUSPENDED_UNITS, "suspended_units", Integer, nullable: "Licences of suspended subscriptions.";
        WARNING_UNITS, "warning_units", Integer, nullable: "Licences in their grace period.";
        SUBSCRIPTION_NAMES, "subscription_names", Text: "The SKU's subscriptions as the report shows them: of each a blank, its name and its billing cycle in brackets, joined by commas, ordered by name.";
        IMPORT_ID, "import_id", Text: "Import that brought the row.";
    }

    /// The columns that order the rows of every data file.
    pub const SORT: &[&str] = &[MOMENT, SKU_ID, IMPORT_ID];

    /// The columns that name a row's scope; rows that differ in one of them never share a data file.
    pub const SCOPE: &[&str] = &[TENANT_ID];
}
