//! What the OpenAPI document says of EA usage details.

use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::{HttpMethod, ObjectBuilder};

use super::wire::{self, BillingPeriodLinks, Layout, PAGE_ROWS, ReportRecord, Version};
use crate::openapi::{
    Answer, Call, Named, RefusalBody, etag, form, guid, header, if_none_match, link_or_null, list, message, object,
    one_of, path, property, query, request_header, row, skip_token, text,
};

/// How EA writes a refusal.
pub(crate) fn refusal_body() -> RefusalBody {
    let codes = [
        "Unauthorized",
        "MethodNotAllowed",
        "BadRequest",
        "Forbidden",
        "NotFound",
        "TooManyRequests",
        "ServiceUnavailable",
        "InternalServerError",
    ];
    let error = object([("code", one_of(&codes)), ("message", message())]);
    RefusalBody { media: "application/json", schema: Named::new("EaError", object([("error", error)])) }
}

/// How the export files write a refusal: as Azure Storage does.
pub(crate) fn storage_refusal_body() -> RefusalBody {
    let codes = [
        "AuthenticationFailed",
        "BlobNotFound",
        "InvalidRange",
        "ConditionNotMet",
        "UnsupportedHttpVerb",
        "InternalError",
    ];
    let error = object([("Code", one_of(&codes)), ("Message", message())])
        .property("AuthenticationErrorDetail", text())
        .xml(Some(utoipa::openapi::xml::XmlBuilder::new().name(Some("Error")).build()));
    RefusalBody { media: "application/xml", schema: Named::new("StorageError", error) }
}

/// The call in each version.
fn versions(call: impl Fn(Version) -> Call) -> Vec<Call> {
    [Version::V1, Version::V2, Version::V3]
        .into_iter()
        .map(|version| {
            call(version).at("version", version.as_str()).parameter(path(
                "enrollment",
                "The enrolment number. With a key of another enrolment the answer is 401, whether there is one or not.",
                text().min_length(Some(1)),
                "100",
            ))
        })
        .collect()
}

fn named(version: Version, call: &str) -> String {
    format!("ea{call}{}", version.as_str().to_uppercase())
}

/// A page of rows; the row's fields are those of the encoder.
fn page(version: Version) -> Answer {
    let upper = version.as_str().to_uppercase();
    let row = Named::new(&format!("EaUsageDetail{upper}"), row(&wire::json_fields(version)));
    let page = object([
        property("id", guid().description(Some("Id of the answer; another one each time."))),
        property("data", list(row.reference()).max_items(Some(PAGE_ROWS))),
        property("nextLink", link_or_null().description(Some("The next page; null on the last one."))),
    ]);
    let page = Named::new(&format!("EaUsageDetailPage{upper}"), page).with(row);
    Answer::json("A page of charges by day, at most 1000.", page).header("ETag", etag())
}

const LAST: &str = "Follow `nextLink` with the same key until it is null; it is good for 24 hours and every page of the \
                    walk reads the same state of the data.";

pub(super) fn current_period() -> Vec<Call> {
    versions(|version| {
        Call::get(named(version, "UsageDetails"), "Charges of the current billing period, as JSON pages")
            .about(format!("The current period is the UTC calendar month of today, also when it has no data. {LAST}"))
            .parameter(skip_token("skiptoken"))
            .parameter(if_none_match())
            .answers(200, page(version))
            .answers(304, Answer::unchanged())
            .refuses(&[400, 503])
    })
}

pub(super) fn billing_period() -> Vec<Call> {
    versions(|version| {
        Call::get(named(version, "UsageDetailsOfPeriod"), "Charges of a billing period, as JSON pages")
            .about(format!("By the period in which a charge was billed, which need not be that of its day. {LAST}"))
            .parameter(path("period", "The billing period, yyyyMM.", form(PERIOD), "201704"))
            .parameter(skip_token("skiptoken"))
            .parameter(if_none_match())
            .answers(200, page(version))
            .answers(304, Answer::unchanged())
            .refuses(&[400, 503])
    })
}

pub(super) fn custom_date() -> Vec<Call> {
    versions(|version| {
        Call::get(named(version, "UsageDetailsByCustomDate"), "Charges by their day, as JSON pages")
            .about(format!("At most 36 months. {LAST}"))
            .parameter(start_time().required(utoipa::openapi::Required::True))
            .parameter(end_time().required(utoipa::openapi::Required::True))
            .parameter(skip_token("skiptoken"))
            .parameter(if_none_match())
            .answers(200, page(version))
            .answers(304, Answer::unchanged())
            .refuses(&[400, 503])
    })
}

pub(super) fn download() -> Vec<Call> {
    versions(|version| {
        let file = Answer::new("The file. Without rows it is the header alone.")
            .bytes("application/octet-stream")
            .header("ETag", etag())
            .header(
                "Content-Disposition",
                header("A name for the file.", form("^attachment; filename=\"usagedetails_.+\\.csv\"$")),
            );
        Call::get(named(version, "Download"), "Charges as a CSV file")
            .about(format!(
                "At most one month: a billing period, or days up to one month after the first, less a day. Either \
                 `billingPeriod`, or `startTime` and `endTime`. {}",
                columns(version)
            ))
            .parameters(selection(version))
            .parameter(if_none_match())
            .answers(200, file)
            .answers(304, Answer::unchanged())
            .refuses(&[400, 503])
    })
}

pub(super) fn submit() -> Vec<Call> {
    versions(|version| {
        Call::post(named(version, "Submit"), "Have a CSV file of charges written")
            .about(format!(
                "At most 36 months, and four files at a time for a key. Ask at `reportUrl` until the status is 3, \
                 then fetch `blobPath` within the hour. The body is not read. {}",
                columns(version)
            ))
            .parameters(selection(version))
            .answers(202, Answer::json("The request is taken in.", Named::of::<ReportRecord>()))
            .refuses(&[400])
    })
}

pub(super) fn poll() -> Vec<Call> {
    versions(|version| {
        Call::get(named(version, "Poll"), "How far a requested file is")
            .parameter(path("id", "The id of the request.", guid(), "b7f7aceb-c092-4ff7-879e-9afe68f7d69f"))
            .parameter(if_none_match())
            .answers(200, Answer::json("The request.", Named::of::<ReportRecord>()).header("ETag", etag()))
            .answers(304, Answer::unchanged())
            .refuses(&[400, 404])
    })
}

pub(super) fn billing_periods() -> Vec<Call> {
    versions(|version| {
        let period = Named::of::<BillingPeriodLinks>();
        let periods = Named::new("EaBillingPeriods", list(period.reference())).with(period);
        Call::get(named(version, "BillingPeriods"), "The billing periods that have charges, newest first")
            .parameter(if_none_match())
            .answers(200, Answer::json("The periods.", periods).header("ETag", etag()))
            .answers(304, Answer::unchanged())
            .refuses(&[503])
    })
}

const PERIOD: &str = r"^\d{6}$";
const DAYS: &str = "`yyyy-MM-dd`; `M/d/yyyy` and `yyyyMMdd` are understood, too.";

fn start_time() -> ParameterBuilder {
    query("startTime", &format!("The first day: {DAYS}"), written_day()).example(Some("2017-04-01".into()))
}

fn end_time() -> ParameterBuilder {
    query("endTime", &format!("The last day: {DAYS}"), written_day()).example(Some("2017-04-10".into()))
}

fn written_day() -> ObjectBuilder {
    form(r"^(\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}|\d{8})$")
}

fn selection(version: Version) -> [ParameterBuilder; 4] {
    let usual = Layout::of(version).as_str();
    let layout = one_of(&[Layout::Plain.as_str(), Layout::Legacy.as_str()]).default(Some(usual.into()));
    let about =
        "`plain`: the header is the first line. `legacy`: a byte order mark, a title and an empty line before it.";
    [
        query("billingPeriod", "The billing period, yyyyMM, instead of days.", form(PERIOD)),
        start_time().example(None),
        end_time().example(None),
        query("layout", about, layout),
    ]
}

fn columns(version: Version) -> String {
    let names: Vec<_> = wire::csv_fields(version).iter().map(|field| format!("`{}`", field.name)).collect();
    format!("CRLF, quotes where needed, days as `2017-04-27`; the columns are {}.", names.join(", "))
}

/// The file of a signed link.
pub(super) fn export_file() -> Vec<Call> {
    let get = export_call(Call::get("eaExportFile", "The file of a finished request, or a part of it"));
    let head = export_call(Call::new(HttpMethod::Head, "eaExportFileHead", "What the file is, without its bytes"));
    vec![get, head]
}

fn export_call(call: Call) -> Call {
    call.about(
        "The link is `blobPath` of the report record: taken as it is, fetched without a credential, and good until \
         one hour after the request was made. It behaves as a blob of Azure Storage does.",
    )
    .parameter(path("id", "The id of the request.", guid(), "b7f7aceb-c092-4ff7-879e-9afe68f7d69f"))
    .parameters([
        signed("sv", "Version of the signature.", one_of(&["2019-12-12"])),
        signed("sr", "A blob.", one_of(&["b"])),
        signed("sp", "To read.", one_of(&["r"])),
        signed("se", "When it expires.", crate::openapi::instant()),
    ])
    .parameters([
        request_header("Range", "The part wanted, `bytes=0-99`.").example(Some("bytes=0-99".into())),
        request_header("x-ms-range", "The same, stronger than `Range`."),
        request_header("If-Range", "The whole file unless its tag or time is this."),
        request_header("If-Match", "412 unless the file's tag is among these."),
        request_header("If-Unmodified-Since", "412 if the file was written later."),
        if_none_match(),
        request_header("If-Modified-Since", "304 unless the file was written later."),
    ])
    .answers(200, file("The file."))
    .answers(
        206,
        file("The part.").header(
            "Content-Range",
            header("Where the part lies, `bytes first-last/length`.", form(r"^bytes \d+-\d+/\d+$")),
        ),
    )
    .answers(304, Answer::unchanged().header("ETag", strong_tag()))
    .refuses(&[412, 416])
}

fn signed(name: &str, description: &str, schema: ObjectBuilder) -> ParameterBuilder {
    query(name, &format!("{description} As in the link."), schema).required(utoipa::openapi::Required::True)
}

fn strong_tag() -> utoipa::openapi::Header {
    header("Tag of the file's bytes.", form("^\".+\"$"))
}

fn file(description: &str) -> Answer {
    Answer::new(description)
        .bytes("application/octet-stream")
        .header("ETag", strong_tag())
        .header("Last-Modified", header("When the file was written.", text()))
        .header("Accept-Ranges", header("Parts can be asked for.", one_of(&["bytes"])))
        .header("Content-Length", header("The bytes of the answer.", crate::openapi::count()))
        .header("Content-Disposition", header("A name for the file.", form("^attachment; filename=\".+\\.csv\"$")))
        .header("x-ms-blob-type", header("As of a block blob.", one_of(&["BlockBlob"])))
        .header("x-ms-version", header("Version of the storage calls.", one_of(&["2019-12-12"])))
}
