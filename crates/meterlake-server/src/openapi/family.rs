//! What all calls of a family have alike in the document: tag, credentials, headers, and the refusals.

use utoipa::openapi::Header;
use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Tag};

use super::call::{Answer, header, header_at_times, request_header};
use super::schema::{Named, count, guid, text};
use super::security::Scheme;
use crate::routing::Family;
use crate::{b2c, c3, ea, partner_center, sign_in, token};

/// How a family writes a refusal of a status.
pub(crate) struct RefusalBody {
    /// The media type.
    pub(crate) media: &'static str,
    /// The body.
    pub(crate) schema: Named,
}

impl Family {
    /// Every family, in the order of the document.
    pub(super) const ALL: [Self; 10] = [
        Self::Ea,
        Self::Blob,
        Self::Analytics,
        Self::Summary,
        Self::B2c,
        Self::C3,
        Self::Native,
        Self::Token,
        Self::SignIn,
        Self::Operations,
    ];

    /// The name of the family's tag, what it is, and the section of the project's documentation about it.
    const fn about(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Ea => (
                "EA usage details",
                "Charges of an Enterprise Agreement enrolment, as JSON pages and CSV files. The credential is an API \
                 key of the enrolment.",
                "docs/apis.md#ea-usage-details",
            ),
            Self::Blob => (
                "EA export files",
                "Files of finished exports. The link of a finished report request is the credential: it is signed, \
                 and good for an hour.",
                "docs/apis.md#ea-usage-details",
            ),
            Self::Analytics => (
                "Usage analytics",
                "Partner Center Azure usage analytics: daily quantities of a partner's customers, filtered, ordered \
                 and grouped. The credential is a user's token for `https://api.partnercenter.microsoft.com`.",
                "docs/apis.md#partner-center-azure-usage-analytics",
            ),
            Self::Summary => (
                "Usage summary",
                "Partner Center customer usage summary, budgets and usage records: what a customer has used in the \
                 current period. The credential is a user's token for `https://api.partnercenter.microsoft.com`.",
                "docs/apis.md#partner-center-customer-usage-summary",
            ),
            Self::B2c => (
                "B2C usage reports",
                "Azure AD B2C usage reports: users, authentications and multi-factor requests of a tenant. The \
                 credential is an application's token for `https://graph.windows.net`.",
                "docs/b2c-and-licences.md#azure-ad-b2c-usage-reports",
            ),
            Self::C3 => (
                "Licence consumption",
                "C3 licence consumption of a customer's tenant. The credential is a token for `api://meterlake`.",
                "docs/b2c-and-licences.md#licence-consumption",
            ),
            Self::Native => (
                "Bill estimates",
                "Meterlake's own calls. The credential is a token for `api://meterlake`.",
                "docs/estimates.md#bill-estimates-of-b2c-tenants",
            ),
            Self::Token => {
                ("Tokens", "Tokens, keys and the metadata that client libraries look up first.", "docs/apis.md#tokens")
            }
            Self::SignIn => (
                "Sign-in",
                "The pages where people sign in to applications. They are for browsers.",
                "docs/identity.md#signing-people-in",
            ),
            Self::Operations => (
                "Operations",
                "For those who run the server or write programs for it. No credential is asked for.",
                "docs/apis.md#all-calls",
            ),
        }
    }

    /// The name of the family's tag.
    pub(super) fn tag_name(self) -> &'static str {
        self.about().0
    }

    /// The family's tag.
    pub(super) fn tag(self) -> Tag {
        let (name, description, section) = self.about();
        let mut tag = Tag::new(name);
        tag.description = Some(format!("{description}\n\nMore in the project's documentation: `{section}`."));
        tag
    }

    /// The section of the project's documentation about the family.
    #[cfg(test)]
    pub(super) fn section(self) -> &'static str {
        self.about().2
    }

    /// The credentials of which a call takes one; none where it takes none.
    pub(super) const fn security(self) -> &'static [Scheme] {
        match self {
            Self::Ea => &[Scheme::EaKey],
            Self::Analytics | Self::Summary => &[Scheme::PartnerCenterToken, Scheme::SignIn],
            Self::B2c => &[Scheme::B2cToken, Scheme::ClientCredentials],
            Self::C3 | Self::Native => &[Scheme::MeterlakeToken, Scheme::ClientCredentials],
            Self::Blob => &[Scheme::ExportLink],
            Self::Token | Self::SignIn | Self::Operations => &[],
        }
    }

    /// The request headers that every call of the family knows.
    pub(super) fn request_headers(self) -> Vec<ParameterBuilder> {
        match self {
            Self::Analytics | Self::Summary => vec![
                request_header("MS-RequestId", "Id of the request, echoed in the answer; at most 128 bytes."),
                request_header(
                    "MS-CorrelationId",
                    "Id that ties several requests together, echoed in the answer; at most 128 bytes.",
                ),
                request_header("MS-Contract-Version", "Taken, without an effect."),
                request_header("X-Locale", "Taken, without an effect."),
            ],
            Self::Token => vec![request_header(
                "client-request-id",
                "Id of the request, echoed in the answer of the token endpoints.",
            )],
            _ => Vec::new(),
        }
    }

    /// The headers of every answer of the family.
    pub(super) fn answer_headers(self) -> Vec<(&'static str, Header)> {
        let made = "Id of the request, for questions to who runs the server.";
        let mut headers = match self {
            Self::Analytics | Self::Summary => vec![
                ("MS-RequestId", header("The request's own id, or a new one.", text().min_length(Some(1)))),
                ("MS-CorrelationId", header("The request's own id, or a new one.", text().min_length(Some(1)))),
            ],
            Self::B2c => vec![("request-id", header(made, guid()))],
            _ => vec![("x-ms-request-id", header(made, guid()))],
        };
        let ignored =
            "Names of the query's parameters that the call does not know, the first 20; absent if it knows all.";
        headers.push(("Meterlake-Ignored-Parameters", header_at_times(ignored, text())));
        headers
    }

    /// The statuses of refusals that every call of the family has.
    pub(super) const fn common_refusals(self) -> &'static [u16] {
        match self {
            Self::Blob => &[403, 404, 405, 500],
            Self::SignIn => &[405, 429, 500],
            Self::Token | Self::Operations => &[405, 500],
            _ => &[401, 405, 429, 500],
        }
    }

    /// How the family writes a refusal.
    fn refusal_body(self, status: u16) -> RefusalBody {
        match self {
            Self::Ea | Self::Native | Self::Operations => ea::refusal_body(),
            Self::Blob => ea::storage_refusal_body(),
            Self::Analytics | Self::Summary => partner_center::refusal_body(status),
            Self::B2c => b2c::refusal_body(),
            Self::C3 => c3::refusal_body(status),
            Self::Token => token::refusal_body(),
            Self::SignIn => sign_in::refusal_body(),
        }
    }

    /// The answer of a refusal.
    pub(super) fn refusal(self, status: u16) -> Answer {
        let body = self.refusal_body(status);
        let answer = Answer::new(meaning(self, status)).body(body.media, body.schema);
        match status {
            401 => answer.header(
                "WWW-Authenticate",
                header("The scheme of the credential.", text().examples(["Bearer realm=\"meterlake\""])),
            ),
            405 => answer.header("Allow", header("The methods of the path.", text().examples(["GET, HEAD"]))),
            429 | 503 => answer
                .header("Retry-After", header("Whole seconds after which to try again.", count().minimum(Some(1)))),
            416 => answer.header(
                "Content-Range",
                header("The length of the file, `bytes */length`.", text().pattern(Some(r"^bytes \*/\d+$"))),
            ),
            _ => answer,
        }
    }
}

fn meaning(family: Family, status: u16) -> &'static str {
    match (family, status) {
        (Family::C3, 400) => "An id is malformed, or (to who may see all customers) unknown; an entry for each bad id.",
        (Family::Blob, 403) => "The link is altered, or its hour is over. This comes before all other refusals.",
        (Family::Blob, 404) => "The file is gone.",
        (_, 400) => {
            "An id, a parameter or the body is malformed or given twice; the message names it, its value and \
                     what was expected."
        }
        (Family::Token, 401) => "The client did not prove who it is.",
        (_, 401) => "No valid credential. This comes before all other refusals.",
        (Family::SignIn, 403) => "Name, password or code is wrong, or there were too many of them; the page again.",
        (_, 403) => "The caller has no access to what it asks for, or has the wrong kind of token.",
        (_, 404) => "There is no such thing, and the caller may know that.",
        (_, 405) => "The path does not take the method; told only to who has a valid credential, where one is needed.",
        (_, 412) => "`If-Match` names another state of the file.",
        (_, 416) => "The range lies outside the file.",
        (_, 429) => "More requests a minute, or more exports at a time, than allowed.",
        (_, 503) => "The server is busy.",
        _ => "A fault of the server; its log has the cause.",
    }
}

/// A message in a refusal's body.
pub(crate) fn message() -> ObjectBuilder {
    text().schema_type(Type::String).description(Some("What is wrong, for people."))
}
