//! Sign-in of programs that have no browser (RFC 8628).

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_control::{DeviceCode, DeviceDecision, NewDeviceCode, Principal};
use serde_json::{Value, json};

use crate::client::Proof;
use crate::scope::{Asked, OFFLINE};
use crate::sign_in::{Person, at_home};
use crate::token::TokenRequest;
use crate::user_grants::{SignedIn, invalid, required};
use crate::{Identity, TokenAnswer, TokenError, TokenForm, random};

/// Life of a device code, in seconds.
const LIFE_SECONDS: u32 = 900;
/// Seconds between polls.
const INTERVAL_SECONDS: u32 = 5;
/// Letters of a user code: 34 bits, which only who is signed in can try, and not often.
const LETTERS: usize = 8;
/// Draws of a user code before it is given up that none is free.
const DRAWS: usize = 8;

/// A program that waits for a person's decision.
#[derive(Debug, Clone)]
pub struct WaitingDevice {
    /// The application that the program is.
    pub application: Principal,
    asked: Asked,
    user_code_hash: [u8; 32],
}

impl WaitingDevice {
    /// The API asked for; none where only the person's name is.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.asked.resource
    }

    /// Whether the program wants to go on reading when the person is gone.
    #[must_use]
    pub fn offline(&self) -> bool {
        crate::scope::holds(&self.asked.scopes, OFFLINE)
    }
}

impl Identity {
    /// `POST /{tenant}/oauth2/devicecode`, or `/{tenant}/oauth2/v2.0/devicecode` when `v2`: the codes of a program and
    /// its person. Version 1 answers with strings.
    ///
    /// # Errors
    /// [`TokenError`], with all that is to be printed.
    pub async fn device_code(
        &self,
        v2: bool,
        base_url: &str,
        tenant: &str,
        form: TokenForm,
        authorization: Option<&str>,
    ) -> Result<Value, TokenError> {
        let directory = self.directory(tenant).await?;
        let form = form.with_basic(authorization)?;
        required(form.client_id.as_deref(), "client_id")?;
        let asked = match v2 {
            true => self.asked_v2(form.scope.as_deref().unwrap_or_default())?,
            false => self.asked_v1(form.resource.as_deref())?,
        };
        let application = self.application(&directory, &form, Proof::SecretUnlessPublic).await?;
        let text = random::secret()?;
        let life = TimeDelta::seconds(i64::from(LIFE_SECONDS));
        let mut new = NewDeviceCode {
            hash: random::hash(&text).to_vec(),
            user_code_hash: Vec::new(),
            application: application.id,
            resource: asked.resource,
            scopes: asked.scopes,
            expires_at: self.inner.clock.now().checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC),
            interval_seconds: INTERVAL_SECONDS,
        };
        for _ in 0..DRAWS {
            let user_code = random::letters(LETTERS)?;
            new.user_code_hash = random::hash(&random::typed(&user_code)).to_vec();
            if self.inner.control.add_device_code(&new).await? {
                return Ok(codes(v2, base_url, &text, &user_code));
            }
        }
        Err(crate::IdentityError::Crypto("drawing a user code").into())
    }

    /// `grant_type=urn:ietf:params:oauth:grant-type:device_code`.
    pub(crate) async fn poll_device(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, TokenError> {
        let form = &request.form;
        let given = form.device_code.as_deref().filter(|code| !code.is_empty()).or(form.code.as_deref());
        let text = required(given, "device_code")?;
        let application = self.application(&request.directory, form, Proof::SecretUnlessPublic).await?;
        let hash = random::hash(text);
        let Some(code) = self.inner.control.poll_device_code(&hash, application.id).await? else {
            let message = "The provided value for the input parameter 'device_code' is not valid.";
            return Err(TokenError::new(400, "bad_verification_code", 70_018, message.to_owned()));
        };
        let signed_in_at = self.decided(&code)?;
        let Some(family) = self.inner.control.redeem_device_code(&hash).await? else {
            return Err(invalid(54_005, "OAuth2 device code was already redeemed, please retry with a new code."));
        };
        let user = self.person(family.user).await?;
        let resource = self.consented(&user, &application, &Asked::default(), &family.resource).await?;
        let refresh_token = self.first_refresh_token(&family).await?;
        let signed_in = SignedIn {
            user: &user,
            application: &application,
            family: &family,
            nonce: None,
            signed_in_at: Some(signed_in_at),
            refresh_token,
        };
        self.tokens_of_person(request, &signed_in, &resource).await
    }

    /// When the person signed in who approved the code; the errors of polls that find nothing yet, or never will.
    fn decided(&self, code: &DeviceCode) -> Result<DateTime<Utc>, TokenError> {
        let refuse = |error, number, message: &str| Err(TokenError::new(400, error, number, message.to_owned()));
        match code.decision {
            DeviceDecision::Denied => refuse("access_denied", 65_004, "User declined to consent to access the app."),
            DeviceDecision::Approved { signed_in_at, .. } if code.redeemed || self.stands(code) => Ok(signed_in_at),
            _ if !self.stands(code) => {
                let message = "The provided value for the input parameter 'device_code' is not valid. This device code \
                               has expired.";
                refuse("expired_token", 70_020, message)
            }
            _ if code.too_early => {
                let message = format!(
                    "The request was sent too early. Poll every {} seconds from now on.",
                    code.interval_seconds
                );
                refuse("slow_down", 70_016, &message)
            }
            _ => {
                let message = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                refuse("authorization_pending", 70_016, message)
            }
        }
    }

    fn stands(&self, code: &DeviceCode) -> bool {
        self.inner.clock.now() < code.expires_at
    }

    /// The program that waits for the code which a person who is signed in typed.
    ///
    /// # Errors
    /// AADSTS70018 for a code that nothing waits for, AADSTS50053 after too many of them, AADSTS50020 when the program
    /// belongs to another tenant than the person.
    pub async fn waiting_device(&self, person: &Person, user_code: &str) -> Result<WaitingDevice, TokenError> {
        let account = format!("device:{}", person.user.id);
        self.attempt_allowed(&account).await?;
        let user_code_hash = random::hash(&random::typed(user_code));
        let code = self.inner.control.device_code_to_decide(&user_code_hash).await?;
        let application = match &code {
            Some(code) => self.inner.control.principal(code.application).await?.filter(|app| app.enabled),
            None => None,
        };
        let (Some(code), Some(application)) = (code, application) else {
            self.attempt_failed(&account).await?;
            let message = "The code is not one that a program waits for: it was typed wrong, is used, or is over.";
            return Err(TokenError::new(400, "invalid_grant", 70_018, message.to_owned()));
        };
        self.attempt_succeeded(&account).await?;
        at_home(&person.user, &application)?;
        Ok(WaitingDevice { application, asked: Asked { resource: code.resource, scopes: code.scopes }, user_code_hash })
    }

    /// Enters the person's decision. Whether the program still waited for it.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn decide_device(
        &self,
        person: &Person,
        device: &WaitingDevice,
        approved: bool,
    ) -> Result<bool, TokenError> {
        let control = self.inner.control.acting_as(&format!("principal:{}", person.user.id));
        if approved {
            let api = self.consent_name(device.resource());
            control.add_consent(person.user.id, device.application.id, api).await?;
            if device.offline() {
                control.add_consent(person.user.id, device.application.id, OFFLINE).await?;
            }
        }
        let (user, at) = (person.user.id, person.signed_in_at);
        Ok(control.decide_device_code(&device.user_code_hash, user, at, approved).await?)
    }
}

/// The answer to a program: strings in version 1, which calls the address otherwise, too.
fn codes(v2: bool, base_url: &str, device_code: &str, user_code: &str) -> Value {
    let page = format!("{}/device", base_url.trim_end_matches('/'));
    let message = format!(
        "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
    );
    if v2 {
        json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": page,
            "expires_in": LIFE_SECONDS,
            "interval": INTERVAL_SECONDS,
            "message": message,
        })
    } else {
        json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_url": page,
            "expires_in": LIFE_SECONDS.to_string(),
            "interval": INTERVAL_SECONDS.to_string(),
            "message": message,
        })
    }
}
