//! Names and forms of EA usage details, exactly as documented and as clients in the field read them.

use std::fmt;
use std::str::FromStr;

use meterlake_lake::charges::columns;
use meterlake_model::{BillingPeriod, DayRange};
use meterlake_reports::{DayFormat, FieldKind, WireField};
use serde::Serialize;
use utoipa::ToSchema;

/// Rows of a JSON page.
pub(crate) const PAGE_ROWS: usize = 1000;
/// The lines before the header of the observed CSV layout, after the byte order mark.
const PREAMBLE: &str = "Usage Data Extract\r\n\r\n";
/// A byte order mark in UTF-8.
pub(crate) const BOM: &str = "\u{feff}";

/// The three versions of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
    V3,
}

impl Version {
    /// As in paths.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::V1, Self::V2, Self::V3].into_iter().find(|v| v.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a CSV file starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The header on the first line, no byte order mark.
    Plain,
    /// As observed of v3: byte order mark, title, empty line, header.
    Legacy,
}

impl Layout {
    /// The layout of a version when none is asked for.
    pub(crate) const fn of(version: Version) -> Self {
        match version {
            Version::V1 | Version::V2 => Self::Plain,
            Version::V3 => Self::Legacy,
        }
    }

    /// The name in the `layout` parameter.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Legacy => "legacy",
        }
    }

    /// Writes what stands before the header.
    pub(crate) fn start(self, out: &mut Vec<u8>) {
        if self == Self::Legacy {
            out.extend_from_slice(BOM.as_bytes());
            out.extend_from_slice(PREAMBLE.as_bytes());
        }
    }
}

impl FromStr for Layout {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Plain, Self::Legacy].into_iter().find(|l| l.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

const fn text(name: &'static str, column: &'static str) -> WireField {
    WireField { name, column, kind: FieldKind::Text }
}

const fn integer(name: &'static str, column: &'static str) -> WireField {
    WireField { name, column, kind: FieldKind::Integer }
}

const fn decimal(name: &'static str, column: &'static str) -> WireField {
    WireField { name, column, kind: FieldKind::Decimal }
}

/// The fields of a JSON row in the order of the document's sample. The sample prints `Cost`; every client reads `cost`.
pub(crate) fn json_fields(version: Version) -> Vec<WireField> {
    let cost = if version == Version::V1 { "extendedCost" } else { "cost" };
    let date = if version == Version::V3 { DayFormat::Midnight } else { DayFormat::MidnightZ };
    let mut fields = vec![
        integer("accountId", columns::ACCOUNT_ID),
        integer("productId", columns::PRODUCT_NUMBER),
        integer("resourceLocationId", columns::RESOURCE_LOCATION_ID),
        integer("consumedServiceId", columns::CONSUMED_SERVICE_ID),
        integer("departmentId", columns::DEPARTMENT_ID),
        text("accountOwnerEmail", columns::ACCOUNT_OWNER_ID),
        text("accountName", columns::ACCOUNT_NAME),
        text("serviceAdministratorId", columns::SERVICE_ADMINISTRATOR_ID),
        integer("subscriptionId", columns::SUBSCRIPTION_NUMBER),
        text("subscriptionGuid", columns::SUBSCRIPTION_ID),
        text("subscriptionName", columns::SUBSCRIPTION_NAME),
        WireField { name: "date", column: columns::USAGE_DATE, kind: FieldKind::Day(date) },
        text("product", columns::PRODUCT_NAME),
        text("meterId", columns::METER_ID),
        text("meterCategory", columns::METER_CATEGORY),
        text("meterSubCategory", columns::METER_SUBCATEGORY),
        text("meterRegion", columns::METER_REGION),
        text("meterName", columns::METER_NAME),
        decimal("consumedQuantity", columns::QUANTITY),
        decimal("resourceRate", columns::EFFECTIVE_PRICE),
        decimal(cost, columns::BILLED_COST),
        text("resourceLocation", columns::RESOURCE_LOCATION),
        text("consumedService", columns::CONSUMED_SERVICE),
        text("instanceId", columns::RESOURCE_ID),
        text("serviceInfo1", columns::SERVICE_INFO1),
        text("serviceInfo2", columns::SERVICE_INFO2),
        text("additionalInfo", columns::ADDITIONAL_INFO),
        text("tags", columns::TAGS),
        text("storeServiceIdentifier", columns::STORE_SERVICE_IDENTIFIER),
        text("departmentName", columns::INVOICE_SECTION_NAME),
        text("costCenter", columns::COST_CENTER),
        text("unitOfMeasure", columns::UNIT_OF_MEASURE),
        text("resourceGroup", columns::RESOURCE_GROUP),
    ];
    if version == Version::V3 {
        fields.extend([
            text("serviceName", columns::SERVICE_NAME),
            text("serviceTier", columns::SERVICE_TIER),
            text("location", columns::LOCATION),
            WireField {
                name: "chargesBilledSeparately",
                column: columns::CHARGES_BILLED_SEPARATELY,
                kind: FieldKind::Boolean,
            },
            text("partNumber", columns::PART_NUMBER),
            text("resourceGuid", columns::RESOURCE_GUID),
            text("offerId", columns::OFFER_ID),
        ]);
    }
    fields
}

/// The columns of the CSV file: alphabetical, as observed, v3's own after them.
pub(crate) fn csv_fields(version: Version) -> Vec<WireField> {
    let cost = if version == Version::V1 { "ExtendedCost" } else { "Cost" };
    let mut fields = vec![
        integer("AccountId", columns::ACCOUNT_ID),
        text("AccountName", columns::ACCOUNT_NAME),
        text("AccountOwnerEmail", columns::ACCOUNT_OWNER_ID),
        text("AdditionalInfo", columns::ADDITIONAL_INFO),
        decimal("ConsumedQuantity", columns::QUANTITY),
        text("ConsumedService", columns::CONSUMED_SERVICE),
        integer("ConsumedServiceId", columns::CONSUMED_SERVICE_ID),
        decimal(cost, columns::BILLED_COST),
        text("CostCenter", columns::COST_CENTER),
        WireField { name: "Date", column: columns::USAGE_DATE, kind: FieldKind::Day(DayFormat::Iso) },
        integer("DepartmentId", columns::DEPARTMENT_ID),
        text("DepartmentName", columns::INVOICE_SECTION_NAME),
        text("InstanceId", columns::RESOURCE_ID),
        text("MeterCategory", columns::METER_CATEGORY),
        text("MeterId", columns::METER_ID),
        text("MeterName", columns::METER_NAME),
        text("MeterRegion", columns::METER_REGION),
        text("MeterSubCategory", columns::METER_SUBCATEGORY),
        text("Product", columns::PRODUCT_NAME),
        integer("ProductId", columns::PRODUCT_NUMBER),
        text("ResourceGroup", columns::RESOURCE_GROUP),
        text("ResourceLocation", columns::RESOURCE_LOCATION),
        integer("ResourceLocationId", columns::RESOURCE_LOCATION_ID),
        decimal("ResourceRate", columns::EFFECTIVE_PRICE),
        text("ServiceAdministratorId", columns::SERVICE_ADMINISTRATOR_ID),
        text("ServiceInfo1", columns::SERVICE_INFO1),
        text("ServiceInfo2", columns::SERVICE_INFO2),
        text("StoreServiceIdentifier", columns::STORE_SERVICE_IDENTIFIER),
        text("SubscriptionGuid", columns::SUBSCRIPTION_ID),
        integer("SubscriptionId", columns::SUBSCRIPTION_NUMBER),
        text("SubscriptionName", columns::SUBSCRIPTION_NAME),
        text("Tags", columns::TAGS),
        text("UnitOfMeasure", columns::UNIT_OF_MEASURE),
    ];
    if version == Version::V3 {
        fields.extend([
            text("PartNumber", columns::PART_NUMBER),
            text("ResourceGuid", columns::RESOURCE_GUID),
            text("OfferId", columns::OFFER_ID),
            WireField {
                name: "ChargesBilledSeparately",
                column: columns::CHARGES_BILLED_SEPARATELY,
                kind: FieldKind::Boolean,
            },
            text("Location", columns::LOCATION),
            text("ServiceName", columns::SERVICE_NAME),
            text("ServiceTier", columns::SERVICE_TIER),
        ]);
    }
    fields
}

/// A report request. Every value is a scalar, because one client reads them into strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportRecord {
    /// Id of the request.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// The enrolment.
    #[schema(examples("8214577"))]
    pub(crate) enrollment_number: String,
    /// When it was submitted: UTC with seven fraction digits and `Z`.
    #[schema(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}Z$", examples("2026-11-21T12:04:49.1411180Z"))]
    pub(crate) requested_on: String,
    /// 1 queued, 2 in progress, 3 completed, 4 failed, 5 no data found, 7 timed out; never 6.
    #[schema(minimum = 1, maximum = 7, examples(3))]
    pub(crate) status: u8,
    /// Signed link to the file, fetched without a credential; empty until the status is 3.
    #[schema(pattern = "^(https?://.+)?$")]
    pub(crate) blob_path: String,
    /// Where to ask for this record.
    #[schema(format = "uri")]
    pub(crate) report_url: String,
    /// First day.
    #[schema(pattern = r"^\d{4}-\d{2}-\d{2}T00:00:00$", examples("2026-11-01T00:00:00"))]
    pub(crate) start_date: String,
    /// Last day.
    #[schema(pattern = r"^\d{4}-\d{2}-\d{2}T00:00:00$", examples("2026-11-20T00:00:00"))]
    pub(crate) end_date: String,
}

/// A day as the report record writes it.
pub(crate) fn record_day(day: meterlake_model::Day) -> String {
    format!("{day}T00:00:00")
}

/// An element of `billingperiods`. Links are relative to the site; the ones to calls that Meterlake does not have are
/// empty, as the real service writes them for a period without such data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BillingPeriodLinks {
    /// The period.
    #[schema(pattern = r"^\d{6}$", examples("202611"))]
    billing_period_id: String,
    /// Its first day.
    #[schema(pattern = r"^\d{4}-\d{2}-\d{2}T00:00:00Z$", examples("2026-11-01T00:00:00Z"))]
    billing_start: String,
    /// Its last day, at noon as in the documented sample.
    #[schema(pattern = r"^\d{4}-\d{2}-\d{2}T11:59:59Z$", examples("2026-11-30T11:59:59Z"))]
    billing_end: String,
    /// Empty: Meterlake has no such call.
    #[schema(max_length = 0)]
    balance_summary: &'static str,
    /// The period's charges, relative to the site.
    #[schema(examples("/v3/enrollments/8214577/billingperiods/202611/usagedetails"))]
    usage_details: String,
    /// Empty: Meterlake has no such call.
    #[schema(max_length = 0)]
    marketplace_charges: &'static str,
    /// Empty: Meterlake has no such call.
    #[schema(max_length = 0)]
    price_sheet: &'static str,
}

impl BillingPeriodLinks {
    /// The element of a period.
    pub(crate) fn new(version: Version, enrolment: &str, period: BillingPeriod) -> Self {
        let DayRange { first, last } = period.days();
        Self {
            billing_period_id: period.to_string(),
            billing_start: format!("{first}T00:00:00Z"),
            // Noon, not midnight: the literal of the documented sample.
            billing_end: format!("{last}T11:59:59Z"),
            balance_summary: "",
            usage_details: format!("/{version}/enrollments/{enrolment}/billingperiods/{period}/usagedetails"),
            marketplace_charges: "",
            price_sheet: "",
        }
    }
}
