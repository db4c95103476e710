//! Authorization requests (RFC 6749, 4.1; RFC 7636; OpenID Connect Core, 3.1): what a browser brings from an
//! application, and the answers that it takes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use meterlake_control::{AuthorizationCode, Principal};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::client::enabled;
use crate::redirect;
use crate::refusal::printable;
use crate::scope::{Asked, OFFLINE};
use crate::user_grants::no_consent;
use crate::{Audience, Identity, Moment, TokenError, random};

/// Life of an authorization code, in minutes.
const CODE_MINUTES: i64 = 10;

/// The parameters of an authorization request, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// Client id of the application.
    pub client_id: Option<String>,
    /// `code`.
    pub response_type: Option<String>,
    /// Where the answer is to be sent.
    pub redirect_uri: Option<String>,
    /// `query` (the default) or `form_post`.
    pub response_mode: Option<String>,
    /// v2: what is asked for.
    pub scope: Option<String>,
    /// v1: the API.
    pub resource: Option<String>,
    /// What the answer repeats.
    pub state: Option<String>,
    /// What the id token repeats.
    pub nonce: Option<String>,
    /// `none`, `login`, `consent` or `select_account`; several with blanks between them.
    pub prompt: Option<String>,
    /// The name to fill in.
    pub login_hint: Option<String>,
    /// SHA-256 of the verifier, base64url.
    pub code_challenge: Option<String>,
    /// `S256`.
    pub code_challenge_method: Option<String>,
}

impl AuthorizeRequest {
    /// The names of the parameters.
    pub const PARAMETERS: &'static [&'static str] = &[
        "client_id",
        "response_type",
        "redirect_uri",
        "response_mode",
        "scope",
        "resource",
        "state",
        "nonce",
        "prompt",
        "login_hint",
        "code_challenge",
        "code_challenge_method",
    ];

    /// Collects the parameters by name; empty ones count as absent.
    pub fn read<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        let get = |name| get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Self {
            client_id: get("client_id"),
            response_type: get("response_type"),
            redirect_uri: get("redirect_uri"),
            response_mode: get("response_mode"),
            scope: get("scope"),
            resource: get("resource"),
            state: get("state"),
            nonce: get("nonce"),
            prompt: get("prompt"),
            login_hint: get("login_hint"),
            code_challenge: get("code_challenge"),
            code_challenge_method: get("code_challenge_method"),
        }
    }
}

/// An authorization request that may be answered.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The application that asks.
    pub application: Principal,
    /// The name that the request would like filled in.
    pub login_hint: String,
    pub(crate) asked: Asked,
    redirect_uri: String,
    redirect_named: bool,
    form_post: bool,
    state: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
    prompt: String,
}

/// Where and how an answer goes to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeAnswer {
    /// The address of the application.
    pub redirect_uri: String,
    /// Whether a form brings it there, not the address.
    pub form_post: bool,
    /// Names and values.
    pub fields: Vec<(&'static str, String)>,
}

impl AuthorizeAnswer {
    /// What the policy of a page may name as the target of the form that ends at the application.
    #[must_use]
    pub fn form_target(&self) -> String {
        redirect::form_target(&self.redirect_uri)
    }

    /// The address with the answer in its query.
    #[must_use]
    pub fn location(&self) -> String {
        // Written by hand: `Url` would alter an address that has to be used as registered.
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        let joint = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{joint}{query}", self.redirect_uri)
    }
}

/// Why an authorization request is refused.
#[derive(Debug)]
pub enum AuthorizeRefusal {
    /// Nobody knows whether its redirect URI is the application's, so that the person is told, on a page.
    Page(TokenError),
    /// The application is told.
    Answer(AuthorizeAnswer),
}

impl From<TokenError> for AuthorizeRefusal {
    fn from(error: TokenError) -> Self {
        Self::Page(error)
    }
}

impl Authorization {
    /// Whether the request wants that kind of interaction.
    #[must_use]
    pub fn prompts(&self, kind: &str) -> bool {
        self.prompt.split(' ').any(|p| p == kind)
    }

    /// The API asked for; none where only the person's name is.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.asked.resource
    }

    /// Whether the application wants to go on reading when the person is gone.
    #[must_use]
    pub fn offline(&self) -> bool {
        crate::scope::holds(&self.asked.scopes, OFFLINE)
    }

    /// What the policy of a page may name as the target of the form that ends in a redirect to the application.
    #[must_use]
    pub fn form_target(&self) -> String {
        redirect::form_target(&self.redirect_uri)
    }

    /// Where the application is reached, as a page shows it to the person who decides.
    #[must_use]
    pub fn destination(&self) -> String {
        match Url::parse(&self.redirect_uri) {
            Ok(url) => match url.host_str() {
                Some(host) => host.to_owned(),
                None => format!("{}:", url.scheme()),
            },
            Err(_) => self.redirect_uri.clone(),
        }
    }

    /// The answer that refuses.
    #[must_use]
    pub fn refused(&self, error: &TokenError, moment: &Moment) -> AuthorizeAnswer {
        let fields = vec![("error", error.error.to_owned()), ("error_description", error.description(moment))];
        self.answer(fields)
    }

    /// The answer after the person said no.
    #[must_use]
    pub fn denied(&self, moment: &Moment) -> AuthorizeAnswer {
        let message = format!("User declined to consent to access the app '{}'.", self.application.name);
        self.refused(&TokenError::new(400, "access_denied", 65_004, message), moment)
    }

    /// The answer to `prompt=none` when nobody is signed in.
    #[must_use]
    pub fn nobody(&self, moment: &Moment) -> AuthorizeAnswer {
        let message = "A silent sign-in request was sent but no user is signed in.";
        self.refused(&TokenError::new(400, "login_required", 50_058, message.to_owned()), moment)
    }

    /// The answer to `prompt=none` when the person has to be asked.
    #[must_use]
    pub fn consent_required(&self, moment: &Moment) -> AuthorizeAnswer {
        self.refused(&no_consent("interaction_required", &self.application), moment)
    }

    fn answer(&self, mut fields: Vec<(&'static str, String)>) -> AuthorizeAnswer {
        fields.extend(self.state.clone().map(|state| ("state", state)));
        AuthorizeAnswer { redirect_uri: self.redirect_uri.clone(), form_post: self.form_post, fields }
    }
}

impl Identity {
    /// Checks an authorization request at `/{tenant}/oauth2/authorize`, or `/{tenant}/oauth2/v2.0/authorize` when
    /// `v2`.
    ///
    /// # Errors
    /// [`AuthorizeRefusal`]: for the person as long as the redirect URI is not known to be the application's, then
    /// for the application.
    pub async fn check_authorization(
        &self,
        v2: bool,
        tenant: &str,
        request: &AuthorizeRequest,
        moment: &Moment,
    ) -> Result<Authorization, AuthorizeRefusal> {
        let directory = self.directory(tenant).await?;
        let client_id = request.client_id.as_deref().ok_or_else(|| TokenError::missing("client_id"))?;
        let application = self.find_application(&directory, client_id).await?;
        enabled(&application)?;
        let redirect_uri = self.redirect_of(&application, request.redirect_uri.as_deref()).await?;
        let mut authorization = Authorization {
            application,
            login_hint: request.login_hint.clone().unwrap_or_default(),
            asked: Asked::default(),
            redirect_uri,
            redirect_named: request.redirect_uri.is_some(),
            form_post: request.response_mode.as_deref() == Some("form_post"),
            state: request.state.clone(),
            nonce: request.nonce.clone(),
            challenge: request.code_challenge.clone(),
            prompt: request.prompt.clone().unwrap_or_default(),
        };
        let asked = check(&authorization, request).and_then(|()| match v2 {
            true => self.asked_v2(request.scope.as_deref().unwrap_or_default()),
            false => self.asked_v1(request.resource.as_deref()),
        });
        match asked {
            Ok(asked) => authorization.asked = asked,
            Err(error) => return Err(AuthorizeRefusal::Answer(authorization.refused(&error, moment))),
        }
        Ok(authorization)
    }

    /// The address that the answer goes to.
    async fn redirect_of(&self, application: &Principal, named: Option<&str>) -> Result<String, TokenError> {
        let registered = self.inner.control.redirect_uris(Some(application.id)).await?;
        let client_id = application.client_id.unwrap_or_default();
        match (named, registered.as_slice()) {
            (Some(named), all) if all.iter().any(|known| redirect::matches(&known.uri, named)) => Ok(named.to_owned()),
            (None, [only]) => Ok(only.uri.clone()),
            (named, all) => {
                let message = match named {
                    Some(named) => format!(
                        "The redirect URI '{}' specified in the request does not match the redirect URIs configured \
                         for the application '{client_id}'.",
                        printable(named)
                    ),
                    None if all.is_empty() => {
                        format!("No reply address is registered for the application '{client_id}'.")
                    }
                    None => "The request must contain the following parameter: 'redirect_uri'.".to_owned(),
                };
                Err(TokenError::new(400, "invalid_request", 50_011, message))
            }
        }
    }

    /// Whether the person has to be asked before the application gets a code: it never let it read that API, or the
    /// application wants it asked again.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn must_consent(&self, user: &Principal, authorization: &Authorization) -> Result<bool, TokenError> {
        let api = self.consent_name(&authorization.asked.resource);
        let control = &self.inner.control;
        let mut given = control.has_consent(user.id, authorization.application.id, api).await?;
        // To read while the person is there is one thing, to go on afterwards another.
        if given && crate::scope::holds(&authorization.asked.scopes, OFFLINE) {
            given = control.has_consent(user.id, authorization.application.id, OFFLINE).await?;
        }
        Ok(!given || authorization.prompts("consent"))
    }

    /// Remembers that the person lets the application read.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn consent(&self, user: &Principal, authorization: &Authorization) -> Result<(), TokenError> {
        let api = self.consent_name(&authorization.asked.resource);
        let control = self.inner.control.acting_as(&format!("principal:{}", user.id));
        control.add_consent(user.id, authorization.application.id, api).await?;
        if crate::scope::holds(&authorization.asked.scopes, OFFLINE) {
            control.add_consent(user.id, authorization.application.id, OFFLINE).await?;
        }
        Ok(())
    }

    /// The answer with an authorization code.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn authorize(
        &self,
        user: &Principal,
        signed_in_at: DateTime<Utc>,
        authorization: &Authorization,
    ) -> Result<AuthorizeAnswer, TokenError> {
        let text = random::secret()?;
        let life = TimeDelta::minutes(CODE_MINUTES);
        let code = AuthorizationCode {
            user: user.id,
            application: authorization.application.id,
            redirect_uri: authorization.redirect_uri.clone(),
            redirect_named: authorization.redirect_named,
            resource: authorization.asked.resource.clone(),
            scopes: authorization.asked.scopes.clone(),
            nonce: authorization.nonce.clone(),
            challenge: authorization.challenge.clone(),
            signed_in_at,
            expires_at: self.inner.clock.now().checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC),
            family: None,
        };
        let control = self.inner.control.acting_as(&format!("principal:{}", user.id));
        control.add_authorization_code(&random::hash(&text), &code).await?;
        Ok(authorization.answer(vec![("code", text)]))
    }

    /// What a page tells people of an API: none where only their name is asked for.
    #[must_use]
    pub fn api_of(&self, resource: &str) -> Option<Audience> {
        self.audience_of(resource)
    }
}

/// Checks what can be told to the application.
fn check(authorization: &Authorization, request: &AuthorizeRequest) -> Result<(), TokenError> {
    let invalid = |code, message: String| Err(TokenError::new(400, "invalid_request", code, message));
    match request.response_type.as_deref() {
        Some("code") => {}
        None => {
            return invalid(900_144, "The request must contain the following parameter: 'response_type'.".to_owned());
        }
        Some(other) => {
            let message = format!(
                "The response_type '{}' is not supported here: expected 'code'. There is no implicit and no hybrid \
                 flow.",
                printable(other)
            );
            return Err(TokenError::new(400, "unsupported_response_type", 700_054, message));
        }
    }
    if let Some(mode) = request.response_mode.as_deref().filter(|mode| !matches!(*mode, "query" | "form_post")) {
        let message = format!("The response_mode '{}' is not supported: expected query or form_post.", printable(mode));
        return invalid(9_002_313, message);
    }
    let prompts: Vec<&str> =
        request.prompt.as_deref().unwrap_or_default().split(' ').filter(|p| !p.is_empty()).collect();
    if prompts.iter().any(|p| !matches!(*p, "none" | "login" | "consent" | "select_account"))
        || (prompts.contains(&"none") && prompts.len() > 1)
    {
        let message = format!(
            "The prompt '{}' is not supported: expected none, or login, consent, select_account.",
            printable(request.prompt.as_deref().unwrap_or_default())
        );
        return invalid(90_023, message);
    }
    match (request.code_challenge.as_deref(), request.code_challenge_method.as_deref()) {
        (None, None) if authorization.application.public => {
            let message = "Proof Key for Code Exchange is required for public applications: code_challenge and \
                           code_challenge_method=S256.";
            invalid(9_002_325, message.to_owned())
        }
        (None, None) => Ok(()),
        (Some(challenge), Some("S256")) if is_sha256(challenge) => Ok(()),
        (Some(challenge), Some("S256")) => {
            let message = format!(
                "The code_challenge '{}' is not valid: expected base64url of a SHA-256, 43 characters.",
                printable(challenge)
            );
            invalid(501_491, message)
        }
        (_, method) => {
            let message = format!(
                "The code_challenge_method '{}' is not supported: expected S256, with a code_challenge.",
                printable(method.unwrap_or("plain"))
            );
            invalid(501_491, message)
        }
    }
}

fn is_sha256(challenge: &str) -> bool {
    URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|hash| hash.len() == 32)
}
