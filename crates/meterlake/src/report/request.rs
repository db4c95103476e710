//! What is asked for: the path and query of a report by name.

use std::str::FromStr;

use anyhow::{Context as _, bail};
use meterlake_model::{BillingPeriod, Day};
use meterlake_server::{RowsOf, row_fields};
use url::form_urlencoded;

/// The reports of the five families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportName {
    EaUsageDetails,
    AzureUsage,
    UsageSummary,
    TenantUserCount,
    AuthenticationCountSummary,
    AuthenticationCount,
    MfaRequestCountSummary,
    MfaRequestCount,
    LicenceConsumption,
}

const NAMES: [(&str, ReportName); 9] = [
    ("ea-usage-details", ReportName::EaUsageDetails),
    ("azure-usage", ReportName::AzureUsage),
    ("usage-summary", ReportName::UsageSummary),
    ("tenantUserCount", ReportName::TenantUserCount),
    ("b2cAuthenticationCountSummary", ReportName::AuthenticationCountSummary),
    ("b2cAuthenticationCount", ReportName::AuthenticationCount),
    ("b2cMfaRequestCountSummary", ReportName::MfaRequestCountSummary),
    ("b2cMfaRequestCount", ReportName::MfaRequestCount),
    ("license-consumption", ReportName::LicenceConsumption),
];

impl ReportName {
    pub(crate) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, report)| *report == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn is_b2c(self) -> bool {
        !matches!(self, Self::EaUsageDetails | Self::AzureUsage | Self::UsageSummary | Self::LicenceConsumption)
    }
}

impl FromStr for ReportName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The licence report in both spellings of the word.
        let text = if text.eq_ignore_ascii_case("licence-consumption") { "license-consumption" } else { text };
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, report)| *report).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("{text:?} is not a report; expected one of {}", names.join(", "))
        })
    }
}

/// What the user said about a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportOptions {
    pub(crate) enrolment: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) period: Option<BillingPeriod>,
    pub(crate) from: Option<Day>,
    pub(crate) to: Option<Day>,
    pub(crate) application: Option<uuid::Uuid>,
    pub(crate) filter: Option<String>,
    pub(crate) group_by: Option<String>,
    pub(crate) aggregation: Option<String>,
    pub(crate) order_by: Option<String>,
    pub(crate) top: Option<u64>,
    pub(crate) skip: Option<u64>,
}

impl ReportOptions {
    /// The path and query of the report.
    pub(crate) fn path(&self, report: ReportName) -> anyhow::Result<String> {
        self.refuse_foreign(report)?;
        let (path, query) = match report {
            ReportName::EaUsageDetails => self.usage_details()?,
            ReportName::AzureUsage => ("/partner/v1/analytics/azureusage".to_owned(), self.analytics()?),
            ReportName::UsageSummary => {
                (format!("/v1/customers/{}/usagesummary", part(need(&self.customer, "--customer")?)), Vec::new())
            }
            ReportName::LicenceConsumption => {
                let (customer, tenant) = (need(&self.customer, "--customer")?, need(&self.tenant, "--tenant")?);
                (
                    format!("/api/licenseConsumptionReport/customer/{}/tenant/{}", part(customer), part(tenant)),
                    Vec::new(),
                )
            }
            b2c => (format!("/{}/reports/{}", part(need(&self.tenant, "--tenant")?), b2c.as_str()), self.b2c(b2c)),
        };
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        Ok(if query.is_empty() { path } else { format!("{path}?{query}") })
    }

    /// The fields of the report's rows, as far as they are known before any comes.
    pub(crate) fn row_fields(&self, report: ReportName) -> Vec<&'static str> {
        let rows = match report {
            ReportName::EaUsageDetails => RowsOf::EaUsageDetails { version: self.ea_version() },
            ReportName::AzureUsage => RowsOf::AzureUsage { group_by: self.group_by.as_deref() },
            ReportName::LicenceConsumption => RowsOf::LicenceConsumption,
            // Always one row.
            ReportName::UsageSummary => return Vec::new(),
            b2c => RowsOf::B2c(b2c.as_str()),
        };
        row_fields(rows).unwrap_or_default()
    }

    fn ea_version(&self) -> &str {
        self.version.as_deref().unwrap_or("v3")
    }

    /// An option that a report does not have is refused: ignored, it would answer another question.
    fn refuse_foreign(&self, report: ReportName) -> anyhow::Result<()> {
        use ReportName::{AzureUsage, EaUsageDetails, LicenceConsumption, TenantUserCount, UsageSummary};
        let b2c = report.is_b2c();
        for (option, given, taken) in [
            ("--enrolment", self.enrolment.is_some(), report == EaUsageDetails),
            ("--ea-version", self.version.is_some(), report == EaUsageDetails),
            ("--period", self.period.is_some(), report == EaUsageDetails),
            ("--tenant", self.tenant.is_some(), b2c || report == LicenceConsumption),
            ("--customer", self.customer.is_some(), matches!(report, AzureUsage | UsageSummary | LicenceConsumption)),
            ("--from", self.from.is_some(), b2c || matches!(report, EaUsageDetails | AzureUsage)),
            ("--to", self.to.is_some(), b2c || matches!(report, EaUsageDetails | AzureUsage)),
            ("--application", self.application.is_some(), b2c && report != TenantUserCount),
            ("--filter", self.filter.is_some(), b2c || report == AzureUsage),
            ("--group-by", self.group_by.is_some(), report == AzureUsage),
            ("--aggregation", self.aggregation.is_some(), report == AzureUsage),
            ("--order-by", self.order_by.is_some(), report == AzureUsage),
            ("--skip", self.skip.is_some(), report == AzureUsage),
        ] {
            if given && !taken {
                bail!("{} has no option {option}", report.as_str());
            }
        }
        Ok(())
    }

    fn usage_details(&self) -> anyhow::Result<(String, Vec<(&'static str, String)>)> {
        let base = format!("/{}/enrollments/{}", part(self.ea_version()), part(need(&self.enrolment, "--enrolment")?));
        match (self.period, self.from, self.to) {
            (None, None, None) => Ok((format!("{base}/usagedetails"), Vec::new())),
            (Some(period), None, None) => Ok((format!("{base}/billingPeriods/{period}/usagedetails"), Vec::new())),
            (None, Some(from), Some(to)) => Ok((
                format!("{base}/usagedetailsbycustomdate"),
                vec![("startTime", from.to_string()), ("endTime", to.to_string())],
            )),
            (Some(_), ..) => bail!("give either --period or --from and --to"),
            _ => bail!("give both --from and --to"),
        }
    }

    fn analytics(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let customer = self.customer.as_deref().map(|id| format!("customerTenantId eq '{}'", id.replace('\'', "''")));
        let filter = match (customer, &self.filter) {
            (Some(customer), Some(filter)) => Some(format!("{customer} and ({filter})")),
            (customer, filter) => customer.or_else(|| filter.clone()),
        };
        if self.aggregation.is_some() && self.group_by.is_none() {
            bail!("--aggregation needs --group-by");
        }
        let pairs = [
            ("filter", filter),
            ("groupby", self.group_by.clone()),
            ("aggregationLevel", self.aggregation.clone()),
            ("orderby", self.order_by.clone()),
            ("startDate", self.from.map(|day| day.to_string())),
            ("endDate", self.to.map(|day| day.to_string())),
            ("top", self.top.map(|top| top.max(1).to_string())),
            ("skip", self.skip.map(|skip| skip.to_string())),
        ];
        Ok(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }

    fn b2c(&self, report: ReportName) -> Vec<(&'static str, String)> {
        // Both days are meant whole; the user count is that of the day's midnight.
        let last = |day: Day| match (report, day.plus(1)) {
            (ReportName::TenantUserCount, _) | (_, None) => format!("TimeStamp le {day}"),
            (_, Some(next)) => format!("TimeStamp lt {next}"),
        };
        let parts: Vec<String> = [
            self.from.map(|day| format!("TimeStamp ge {day}")),
            self.to.map(last),
            self.application.map(|id| format!("ApplicationId eq {id}")),
            self.filter.clone(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut pairs = vec![("api-version", "beta".to_owned())];
        if !parts.is_empty() {
            pairs.push(("$filter", parts.join(" and ")));
        }
        // No $top: with it the answer comes in pages, without it the limit is kept on this side.
        pairs
    }
}

fn need<'a>(value: &'a Option<String>, option: &str) -> anyhow::Result<&'a str> {
    value.as_deref().with_context(|| format!("the report needs {option}"))
}

/// A text as one part of a path.
fn part(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(report: &str, options: ReportOptions) -> String {
        options.path(report.parse().unwrap()).unwrap()
    }

    #[test]
    fn paths() {
        let id = || Some("a b".to_owned());
        let day = |text: &str| Some(text.parse().unwrap());
        let ea = ReportOptions { enrolment: id(), ..ReportOptions::default() };
        assert_eq!(path("ea-usage-details", ea.clone()), "/v3/enrollments/a%20b/usagedetails");
        let days = ReportOptions { from: day("2026-01-01"), to: day("2026-01-31"), ..ea };
        assert_eq!(
            path("ea-usage-details", days),
            "/v3/enrollments/a%20b/usagedetailsbycustomdate?startTime=2026-01-01&endTime=2026-01-31"
        );
        let b2c = ReportOptions {
            tenant: Some("contoso.onmicrosoft.com".to_owned()),
            from: day("2016-09-20"),
            to: day("2016-10-02"),
            ..ReportOptions::default()
        };
        assert_eq!(
            path("B2CAUTHENTICATIONCOUNT", b2c.clone()),
            "/contoso.onmicrosoft.com/reports/b2cAuthenticationCount?api-version=beta&%24filter=TimeStamp+ge+2016-09-20+and+TimeStamp+lt+2016-10-03"
        );
        assert!(path("tenantUserCount", b2c).ends_with("TimeStamp+le+2016-10-02"));
        let analytics = ReportOptions {
            customer: Some("c".to_owned()),
            filter: Some("quantity eq 1 or quantity eq 2".to_owned()),
            ..ReportOptions::default()
        };
        assert!(path("azure-usage", analytics).contains("customerTenantId+eq+%27c%27+and+%28quantity"));
    }

    #[test]
    fn refusals() {
        let refused =
            |report: &str, options: ReportOptions| options.path(report.parse().unwrap()).unwrap_err().to_string();
        assert!(refused("usage-summary", ReportOptions::default()).contains("--customer"));
        let foreign = ReportOptions { application: Some(uuid::Uuid::nil()), ..ReportOptions::default() };
        assert!(refused("tenantUserCount", foreign).contains("no option --application"));
        let half = ReportOptions {
            enrolment: Some("1".to_owned()),
            from: "2026-01-01".parse().ok(),
            ..ReportOptions::default()
        };
        assert!(refused("ea-usage-details", half).contains("both"));
        assert!("nothing".parse::<ReportName>().is_err());
    }
}
