//! What the OpenAPI document says of the B2C usage reports.

use meterlake_reports::B2cKind;
use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

use super::report::Report;
use crate::openapi::{
    Answer, Call, Named, RefusalBody, api_version, count, etag, form, header_at_times, if_none_match, instant, link,
    list, message, midnight_z, object, one_of, property, query, request_header, skip_token, tenant, text, vary_accept,
};

/// How the family writes a refusal, whatever format was asked for.
pub(crate) fn refusal_body() -> RefusalBody {
    let codes = [
        "Authentication_MissingOrMalformed",
        "Authentication_ExpiredToken",
        "Authorization_IdentityNotFound",
        "Authorization_IdentityDisabled",
        "Request_BadRequest",
        "Request_UnsupportedQuery",
        "Authorization_RequestDenied",
        "Request_ResourceNotFound",
        "Request_ThrottledTemporarily",
        "Service_TemporarilyUnavailable",
        "Service_InternalServerError",
    ];
    let message = object([("lang", one_of(&["en"])), ("value", message())]);
    let error = object([property("code", one_of(&codes)), property("message", message)]);
    RefusalBody { media: "application/json", schema: Named::new("GraphError", object([("odata.error", error)])) }
}

const FILTER: &str = "`TimeStamp` with `gt`, `ge`, `lt`, `le` or `eq`, joined by `and`, moves the window; a bare date is \
                      its midnight, UTC, and `eq` a bare date that day.";
const APPLICATION: &str = " `ApplicationId eq <guid>` counts one application only.";

pub(super) fn reports() -> Vec<Call> {
    Report::ALL.into_iter().map(report).collect()
}

fn report(report: Report) -> Call {
    let users = report == Report::Users;
    let filter = if users { FILTER.to_owned() } else { format!("{FILTER}{APPLICATION}") };
    let (summary, days) = match report {
        Report::Users => ("Users of the tenant, day by day", "A row a day."),
        Report::Daily(B2cKind::Authentication) => ("Authentications, day by day", "A row a day."),
        Report::Period(B2cKind::Authentication) => ("Authentications of the whole window", "One row."),
        Report::Daily(B2cKind::Mfa) => ("Multi-factor requests, day by day", "A row a day."),
        Report::Period(B2cKind::Mfa) => ("Multi-factor requests of the whole window", "One row."),
    };
    let mut letters = report.name().chars();
    let type_name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let fields = report.fields();
    let row = Named::new(&type_name, object(fields.iter().map(|name| (*name, field(name)))));
    let last = header_at_times("The newest moment that the data cover; absent when they cover none.", text());
    let next = header_at_times("The next page, `<link>; rel=\"next\"`; only where `$top` cut the answer.", text());
    let answer = in_formats("The rows.", &format!("{type_name}Answer"), row, true)
        .header("ETag", etag())
        .header("Last-Modified", last)
        .header("Link", next);
    Call::get(report.name(), summary)
        .about(format!(
            "{days} The window is today and the 29 UTC days before unless `$filter` moves it. A day that no import \
             covers has no row."
        ))
        .at("report", report.name())
        .parameters([tenant(), api_version("beta")])
        .parameter(
            query("$filter", &filter, text().min_length(Some(1))).example(Some("TimeStamp gt 2016-10-15".into())),
        )
        .parameter(query("$top", "The most rows of an answer; all when left out.", count().minimum(Some(1))))
        .parameters(format())
        .parameter(skip_token("$skiptoken"))
        .parameter(if_none_match())
        .answers(200, answer)
        .answers(304, Answer::unchanged())
        .refuses(&[400, 403, 404, 503])
}

pub(super) fn catalogue() -> Vec<Call> {
    let names = Report::ALL.map(Report::name);
    let row = object([("Name", one_of(&names)), ("LicenseRequired", one_of(&["False"]))]);
    vec![
        Call::get("reports", "The reports that there are")
            .parameters([tenant(), api_version("beta")])
            .parameters(format())
            .answers(200, in_formats("The reports.", "ReportCatalogue", Named::new("ReportEntry", row), false))
            .refuses(&[400, 403, 404]),
    ]
}

pub(super) fn metadata() -> Vec<Call> {
    vec![
        Call::get("metadata", "The description of the reports as CSDL 4.0")
            .parameters([tenant(), api_version("beta")])
            .answers(200, Answer::new("The description.").bytes("application/xml"))
            .refuses(&[400, 403, 404]),
    ]
}

fn format() -> [ParameterBuilder; 2] {
    let about = "The format, stronger than `Accept`.";
    [
        query("$format", about, one_of(&["json", "xml", "csv", "list"])),
        request_header("Accept", "JSON unless none of it is accepted, then XML, then CSV."),
    ]
}

/// Rows as JSON in their envelope, and in the other formats.
fn in_formats(description: &str, name: &str, row: Named, paged: bool) -> Answer {
    let context = || link().description(Some("Where the rows are described."));
    let envelope = object([
        property("odata.metadata", context()),
        property("@odata.context", context()),
        property("value", list(row.reference())),
    ]);
    let envelope = if paged {
        envelope
            .property(
                "odata.nextLink",
                form("^skiptoken=.+").description(Some("What to put behind the request; only where more follows.")),
            )
            .property("@odata.nextLink", link().description(Some("The whole link to the rest.")))
    } else {
        envelope
    };
    Answer::json(description, Named::new(name, envelope).with(row))
        .bytes("application/xml")
        .bytes("text/csv")
        .bytes("text/plain")
        .header("Vary", vary_accept())
}

/// A field of a row.
fn field(name: &str) -> RefOr<Schema> {
    match name {
        "StartTimeStamp" | "EndTimeStamp" => instant()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("The earliest or latest activity of all; null when there has never been one."))
            .into(),
        "TimeStamp" | "Date" => midnight_z().description(Some("The day.")).into(),
        "MfaTypeBreakDown" => {
            object([("SmsMfa", count()), ("VoiceMfa", count())]).description(Some("By type; sums to the count.")).into()
        }
        name if name.ends_with("BreakDown") => ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("By flow or identity provider; sums to the count. What has 0 is left out."))
            .additional_properties(Some(AdditionalProperties::from(count())))
            .into(),
        _ => count().into(),
    }
}
