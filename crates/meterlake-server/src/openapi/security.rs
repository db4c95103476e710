//! The credentials that calls take.

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, AuthorizationCode, ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes,
    SecurityRequirement, SecurityScheme,
};

/// A credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// An API key of an enrolment.
    EaKey,
    /// An application's token for the B2C audience.
    B2cToken,
    /// A user's token for the Partner Center audience.
    PartnerCenterToken,
    /// A token for Meterlake's own audience.
    MeterlakeToken,
    /// An application's token, got with its secret.
    ClientCredentials,
    /// A user's token, got by signing in.
    SignIn,
    /// The signature in the link of an export's file.
    ExportLink,
}

impl Scheme {
    /// Every credential.
    pub(super) const ALL: [Self; 7] = [
        Self::EaKey,
        Self::B2cToken,
        Self::PartnerCenterToken,
        Self::MeterlakeToken,
        Self::ClientCredentials,
        Self::SignIn,
        Self::ExportLink,
    ];

    /// Its name in the document.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::EaKey => "eaKey",
            Self::B2cToken => "b2cToken",
            Self::PartnerCenterToken => "partnerCenterToken",
            Self::MeterlakeToken => "meterlakeToken",
            Self::ClientCredentials => "clientCredentials",
            Self::SignIn => "signIn",
            Self::ExportLink => "exportLink",
        }
    }

    /// The parameter of the query that it stands in.
    pub(super) const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::ExportLink => Some("sig"),
            _ => None,
        }
    }

    /// What a call says that takes it.
    pub(super) fn requirement(self) -> SecurityRequirement {
        SecurityRequirement::new(self.name(), Vec::<String>::new())
    }

    /// What it is; `tenant` stands in the addresses that give tokens.
    pub(super) fn scheme(self, tenant: &str) -> SecurityScheme {
        match self {
            Self::EaKey => bearer(
                "API key",
                "An API key of the enrolment in the path. `meterlake key create` makes one; it lasts six months.",
            ),
            Self::B2cToken => {
                bearer("JWT", "An application's token for `https://graph.windows.net`, with a grant on the tenant.")
            }
            Self::PartnerCenterToken => bearer(
                "JWT",
                "A user's token for `https://api.partnercenter.microsoft.com`; an application's is refused with 403.",
            ),
            Self::MeterlakeToken => bearer("JWT", "A token for `api://meterlake`, of a user or an application."),
            Self::ClientCredentials => {
                let token = format!("/{tenant}/oauth2/v2.0/token");
                let scopes = Scopes::from_iter([
                    ("https://graph.windows.net/.default", "B2C usage reports"),
                    ("api://meterlake/.default", "Licence consumption and bill estimates"),
                ]);
                oauth2(
                    Flow::ClientCredentials(ClientCredentials::new(token, scopes)),
                    "An application's token, for its client id and secret.",
                )
            }
            Self::ExportLink => SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::with_description(
                self.parameter().unwrap_or_default(),
                "The signature in the link of a finished report request; it seals the other parameters.",
            ))),
            Self::SignIn => {
                let endpoint = |name| format!("/{tenant}/oauth2/v2.0/{name}");
                let scopes = Scopes::from_iter([(
                    "https://api.partnercenter.microsoft.com/.default",
                    "Usage analytics and usage summary",
                )]);
                let flow = AuthorizationCode::new(endpoint("authorize"), endpoint("token"), scopes);
                oauth2(Flow::AuthorizationCode(flow), "A user's token, by signing in (with PKCE).")
            }
        }
    }
}

fn bearer(format: &str, description: &str) -> SecurityScheme {
    let mut http = Http::new(HttpAuthScheme::Bearer);
    http.bearer_format = Some(format.to_owned());
    http.description = Some(description.to_owned());
    SecurityScheme::Http(http)
}

fn oauth2(flow: Flow, description: &str) -> SecurityScheme {
    let tenant = "The tenant stands in the addresses: for those of a tenant ask for `/openapi.json?tenant=…`; on the API page \
                  write `../openapi.json?tenant=…` into the field at the top.";
    SecurityScheme::OAuth2(OAuth2::with_description([flow], format!("{description} {tenant}")))
}
