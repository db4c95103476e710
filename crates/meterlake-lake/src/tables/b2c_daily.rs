//! The table `b2c_daily`: B2C events counted by day, and which days are covered. Derived from `b2c_events` in the
//! same import; its commit is what makes a B2C import visible, and notes the version of `b2c_events` that it counts.

/// `kind` of the row, one for each covered day of a tenant, that says up to when the day is covered.
pub const COVERAGE: &str = "coverage";

/// The columns of `b2c_daily`.
pub mod columns {
    use crate::tables::column::table_columns;

    table_columns! {
        TENANT_ID, "tenant_id", Text: "Tenant of the events, a GUID in lower case.";
        DAY, "day", Day: "UTC day of the events.";
        APPLICATION_ID, "application_id", Text: "Application, a GUID in lower case; empty when the records have none, and on coverage rows.";
        KIND, "kind", Text: "`authentication`, `mfa`, or `coverage` on the one row that marks a covered day.";
        FLOW, "flow", Text: "Flow of the sign-ins as in `b2c_events`; empty for MFA and coverage.";
        MFA_METHOD, "mfa_method", Text: "`SmsMfa` or `VoiceMfa`; empty for sign-ins and coverage.";
        ATTEMPTS, "attempts", Integer: "Number of events; 0 on coverage rows.";
        SUCCESSES, "successes", Integer: "Number of events that succeeded; 0 on coverage rows.";
        FIRST_TIME, "first_time", Instant, nullable: "Earliest of the events; none on coverage rows.";
        LAST_TIME, "last_time", Instant, nullable: "Latest of the events; none on coverage rows.";
        COVERED_TO, "covered_to", Instant, nullable: "Newest moment of the day that is covered; on coverage rows only.";
    }

    /// The columns that order the rows of every data file.
    pub const SORT: &[&str] = &[DAY, APPLICATION_ID, KIND, FLOW, MFA_METHOD];

    /// The columns that name a row's scope; rows that differ in one of them never share a data file.
    pub const SCOPE: &[&str] = &[TENANT_ID];
}
