//! The table `user_counts`: the number of users that a B2C tenant had on a day on which it was counted. A newer import
//! of the same tenant and day replaces the row.

/// The columns of `user_counts`.
pub mod columns {
    use crate::tables::column::table_columns;

    table_columns! {
        TENANT_ID, "tenant_id", Text: "Tenant whose users were counted, a GUID in lower case.";
        DAY, "day", Day: "UTC day of the snapshot.";
        TOTAL, "total", Integer: "Number of users.";
        LOCAL, "local", Integer: "Users with a local account.";
        OTHER, "other", Integer: "Users with neither a local account nor another identity provider.";
        ALTERNATE, "alternate", Integer: "Users with an account of another identity provider.";
        ALTERNATE_BY_PROVIDER, "alternate_by_provider", Text: "Users by identity provider: the text of a JSON object, dots in its keys written as `_`.";
        TAKEN_AT, "taken_at", Instant: "When the snapshot was taken or imported.";
        IMPORT_ID, "import_id", Text: "Import that brought the row.";
    }

    /// The columns that order the rows of every data file.
    pub const SORT: &[&str] = &[DAY, TAKEN_AT, IMPORT_ID];

    /// The columns that name a row's scope; rows that differ in one of them never share a data file.
    pub const SCOPE: &[&str] = &[TENANT_ID];
}
