//! The calls that the demo prints, to be pasted.

use std::path::Path;
use std::time::Instant;

use meterlake_model::Day;
use serde_json::Value;

use super::Made;
use crate::output;

/// Where the demo is reached.
pub(super) struct Place<'a> {
    /// Scheme and authority.
    pub(super) base: &'a str,
    /// The authority that signed the certificate, where clients must be told of it.
    pub(super) authority: Option<&'a Path>,
}

impl Place<'_> {
    fn curl(&self) -> String {
        self.authority.map_or("curl".to_owned(), |file| format!("curl --cacert {}", quoted(file)))
    }
}

/// The path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

pub(super) fn print(
    today: Day,
    place: &Place<'_>,
    made: &Made,
    demo: &Value,
    (file, start): (&Path, Instant),
) -> anyhow::Result<()> {
    let (base, curl) = (place.base, place.curl());
    let text = |pointer: &str| demo.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let year = today.to_string().get(..4).unwrap_or_default().to_owned();
    output::line(&format!(
        "ready after {:.1} s; credentials are in {}",
        start.elapsed().as_secs_f64(),
        file.display()
    ))?;
    if let Some(authority) = place.authority.map(quoted) {
        output::line(&format!(
            "the certificate is signed by the demo's own authority; Python and Node trust it with\n\
             export REQUESTS_CA_BUNDLE={authority}\n\
             export NODE_EXTRA_CA_CERTS={authority}\n\
             export SSL_CERT_FILE={authority}"
        ))?;
    }
    let call = |what: &str, credential: &str, path: &str| {
        output::line(&format!("\n# {what}\n{curl} -H 'Authorization: Bearer {credential}' '{base}{path}'"))
    };
    call(
        "EA usage details, the current billing period",
        &made.api_key,
        &format!("/v3/enrollments/{}/usagedetails", made.enrollment),
    )?;
    call(
        "Partner Center usage analytics, this year by customer and meter category",
        &text("/partner/user_token"),
        &format!(
            "/partner/v1/analytics/azureusage?groupby=customerName,meterCategory&orderby=Quantity%20desc&startDate={year}-01-01"
        ),
    )?;
    call(
        "Partner Center usage summary of a customer with an Azure plan",
        &text("/partner/user_token"),
        &format!("/v1/customers/{}/usagesummary", made.azure_plan_customer_tenant_id),
    )?;
    let b2c = &made.b2c;
    let token = |resource: &str| {
        format!(
            "$({curl} -s -d 'grant_type=client_credentials&client_id={}&client_secret={}&resource={resource}' '{base}/{}/oauth2/token?api-version=1.0' | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')",
            b2c.client_id, b2c.client_secret, b2c.tenant
        )
    };
    output::line(&format!(
        "\n# Azure AD B2C sign-ins of the last 30 days by day and flow, with a token of the application\n\
         {curl} -H \"Authorization: Bearer {}\" '{base}/{}/reports/b2cAuthenticationCountSummary?api-version=beta'",
        token(""),
        b2c.tenant
    ))?;
    output::line(&format!(
        "\n# The estimated bill of that tenant by month, at the example prices\n\
         {curl} -H \"Authorization: Bearer {}\" '{base}/meterlake/v1/b2c/{}/estimate?by=month'",
        token("api://meterlake"),
        b2c.tenant
    ))?;
    call(
        "C3 licence consumption of a customer",
        &text("/c3/token"),
        &format!("/api/licenseConsumptionReport/customer/{}/tenant/{}", made.c3.customer_id, made.c3.tenant_id),
    )?;
    if let Some(sign_in) = &made.sign_in {
        let (tenant, client_id) = (&sign_in.tenant, &sign_in.client_id);
        output::line(&format!(
            "\n# Sign in as a person: this prints a code to enter at {base}/device, as user {} with password {}\n\
             {curl} -d 'client_id={client_id}&scope=openid%20offline_access%20https://api.partnercenter.microsoft.com/.default' '{base}/{tenant}/oauth2/v2.0/devicecode'\n\
             # then, with the device_code that it printed, this prints the tokens\n\
             {curl} -d 'grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={client_id}&device_code=DEVICE_CODE' '{base}/{tenant}/oauth2/v2.0/token'",
            sign_in.user, sign_in.password,
        ))?;
    }
    output::line(&format!("\nlistening on {base}"))
}
