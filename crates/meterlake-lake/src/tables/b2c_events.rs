//! The table `b2c_events`: one row a B2C sign-in or MFA event of the audit log, counted once by its id.

/// `kind` of a sign-in that issued, or failed to issue, a token.
pub const AUTHENTICATION: &str = "authentication";
/// `kind` of a one-time code that was sent by SMS or told by a phone call.
pub const MFA: &str = "mfa";
/// `kind` of a record that belongs to an authentication of the same correlation id and is not counted by itself, such
/// as the authorization code of a hybrid sign-in. Kept, because a record that comes later may change what counts.
pub const PART: &str = "part";

/// The columns of `b2c_events`.
pub mod columns {
    use crate::tables::column::table_columns;

    table_columns! {
        MONTH, "month", Period: "UTC calendar month of `time`, as `yyyymm`; the partition.";
        TENANT_ID, "tenant_id", Text: "Tenant of the event, a GUID in lower case.";
        TIME, "time", Instant: "When the event happened.";
        ID, "id", Text: "Id of the audit record; an event is held once however often it is imported.";
        KIND, "kind", Text: "`authentication`, `mfa`, or `part` for a record that belongs to an authentication and is not counted by itself.";
        ACTIVITY, "activity", Text: "What the audit record says was done: `id_token`, `code`, `access_token`, `saml`, `exchange`, `sms` or `call`.";
        CLIENT_TYPE, "client_type", Text: "`public` or `confidential` as the tenant's list of applications says; empty when none was imported, which counts as public.";
        CORRELATION_ID, "correlation_id", Text: "Correlation id of the sign-in that the event belongs to.";
        APPLICATION_ID, "application_id", Text: "Application that was signed in to, a GUID in lower case; empty when the record has none.";
        POLICY, "policy", Text: "User flow or custom policy.";
        FLOW, "flow", Text: "`implicit`, `hybrid`, `confclient-authcode`, `publicclient-authcode`, `publicclient-refreshtoken`, `confclient-refreshtoken` or `other`; empty for MFA and parts.";
        IDENTITY_PROVIDER, "identity_provider", Text: "Identity provider that the user signed in with.";
        MFA_METHOD, "mfa_method", Text: "`SmsMfa` or `VoiceMfa`; empty for a sign-in.";
        SUCCESS, "success", Boolean: "Whether the event succeeded.";
        USER_HASH, "user_hash", Text: "Salted SHA-256 of the user's id, hexadecimal; empty when the record has none. The id itself is not kept.";
        IMPORT_ID, "import_id", Text: "Import that brought the row.";
        SOURCE_FILE, "source_file", Integer: "Ordinal of the source file within its import, from 0.";
        SOURCE_LINE, "source_line", Integer: "Line of the source file on which the record starts, from 1.";
    }

    /// The columns that order the rows of every data file.
    pub const SORT: &[&str] = &[TIME, ID];

    /// The columns that name a row's scope; rows that differ in one of them never share a data file.
    pub const SCOPE: &[&str] = &[TENANT_ID];
}
