//! What the OpenAPI document says of tokens and discovery.

use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

use crate::openapi::{
    Answer, Call, Named, RefusalBody, api_version, count, form, guid, header, link, list, object, one_of, property,
    query, tenant, text,
};

/// How the family writes a refusal.
pub(crate) fn refusal_body() -> RefusalBody {
    let errors = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
        "authorization_pending",
        "slow_down",
        "access_denied",
        "expired_token",
        "bad_verification_code",
        "server_error",
        "temporarily_unavailable",
    ];
    let error = object([
        property("error", one_of(&errors)),
        property("error_description", form("^AADSTS\\d+: ")),
        property("error_codes", list(ObjectBuilder::new().schema_type(Type::Integer)).min_items(Some(1))),
        property("timestamp", form(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}Z$")),
        property("trace_id", guid()),
        property("correlation_id", guid()),
    ]);
    RefusalBody { media: "application/json", schema: Named::new("TokenError", error) }
}

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const FORM: &str = "application/x-www-form-urlencoded";

fn token(id: &str, summary: &str, form: Named, answer: Named) -> Call {
    let answer = Answer::json("The token.", answer)
        .header("Cache-Control", header("The answer is not to be kept.", one_of(&["no-cache, no-store"])))
        .header("Pragma", header("The same, for old clients.", one_of(&["no-cache"])));
    Call::post(id, summary)
        .about("`client_id` and `client_secret` stand in the form, or in HTTP Basic, not in both.")
        .parameters([tenant(), api_version("1.0")])
        .body(FORM, true, "What is asked for; at most 64 KiB.", form)
        .answers(200, answer)
        .refuses(&[400, 401])
}

fn fields(more: (&'static str, ObjectBuilder)) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("grant_type", one_of(&["client_credentials", "authorization_code", "refresh_token", DEVICE_GRANT]))
        .required("grant_type")
        .property("client_id", guid().description(Some("The application.")))
        .property("client_secret", text().description(Some("Its secret; a public application has none.")))
        .property("code", text().description(Some("authorization_code: the code.")))
        .property("redirect_uri", text().description(Some("authorization_code: where the code was sent.")))
        .property("code_verifier", text().description(Some("authorization_code: the verifier (PKCE).")))
        .property("refresh_token", text().description(Some("refresh_token: the token, good for one use.")))
        .property("device_code", text().description(Some("Device code: the code that the device call gave.")))
        .property("client_info", one_of(&["1"]).description(Some("The answer is to tell the person's ids.")))
        .property(more.0, more.1)
}

/// What the answer holds besides when a person signed in.
fn of_person(answer: ObjectBuilder) -> ObjectBuilder {
    answer
        .property("scope", text().description(Some("What the token is good for; of people only.")))
        .property("refresh_token", text().description(Some("v1 always, v2 with offline_access; of people only.")))
        .property("id_token", text().description(Some("v1 always, v2 with openid; of people only.")))
        .property("client_info", text().description(Some("Base64url of the person's ids, with client_info=1.")))
}

fn device_code(id: &str, summary: &str, request: Named, answer: Named) -> Vec<Call> {
    vec![
        Call::post(id, summary)
            .about("For programs without a browser (RFC 8628); a person types the user code at `/device`.")
            .parameters([tenant(), api_version("1.0")])
            .body(FORM, true, "What is asked for; at most 64 KiB.", request)
            .answers(200, Answer::json("The codes.", answer))
            .refuses(&[400, 401, 429]),
    ]
}

fn device_fields(more: (&'static str, ObjectBuilder)) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("client_id", guid().description(Some("The application.")))
        .property("client_secret", text().description(Some("Its secret; a public application has none.")))
        .property(more.0, more.1)
}

fn user_code() -> ObjectBuilder {
    form("^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$")
}

pub(super) fn device_code_v1() -> Vec<Call> {
    let digits = || form(r"^\d+$");
    let answer = object([
        property("user_code", user_code()),
        property("device_code", text()),
        property("verification_url", link()),
        property("expires_in", digits()),
        property("interval", digits()),
        property("message", text()),
    ]);
    let request = device_fields(("resource", text().description(Some("The audience."))));
    let (request, answer) = (Named::new("DeviceRequestV1", request), Named::new("DeviceCodeV1", answer));
    device_code("deviceCodeV1", "Codes of a program and its person (v1: every value a string)", request, answer)
}

pub(super) fn device_code_v2() -> Vec<Call> {
    let answer = object([
        property("user_code", user_code()),
        property("device_code", text()),
        property("verification_uri", link()),
        property("expires_in", count()),
        property("interval", count()),
        property("message", text()),
    ]);
    let request =
        device_fields(("scope", text().description(Some("`openid`, `offline_access`, `<audience>/.default`."))));
    let (request, answer) =
        (Named::new("DeviceRequestV2", request.required("scope")), Named::new("DeviceCodeV2", answer));
    device_code("deviceCodeV2", "Codes of a program and its person (v2: numbers)", request, answer)
}

pub(super) fn token_v1() -> Vec<Call> {
    let resource = text().description(Some("The audience; left out or empty, the B2C usage reports.")).examples([
        "https://graph.windows.net",
        "https://api.partnercenter.microsoft.com",
        "api://meterlake",
    ]);
    let digits = || form(r"^\d+$");
    let answer = object([
        property("token_type", one_of(&["Bearer"])),
        property("expires_in", digits().description(Some("Seconds, as text."))),
        property("ext_expires_in", digits()),
        property("expires_on", digits().description(Some("Unix second, as text."))),
        property("not_before", digits()),
        property("resource", text()),
        property("access_token", text()),
    ]);
    let request = Named::new("TokenRequestV1", fields(("resource", resource)));
    vec![token(
        "tokenV1",
        "A token for a grant (v1: every value a string)",
        request,
        Named::new("TokenV1", of_person(answer)),
    )]
}

pub(super) fn token_v2() -> Vec<Call> {
    let scope = text().description(Some("The audience and `/.default`; client_credentials needs it.")).examples([
        "https://graph.windows.net/.default",
        "https://api.partnercenter.microsoft.com/.default",
        "api://meterlake/.default",
    ]);
    let answer = object([
        property("token_type", one_of(&["Bearer"])),
        property("expires_in", count().description(Some("Seconds."))),
        property("ext_expires_in", count()),
        property("access_token", text()),
    ]);
    let request = Named::new("TokenRequestV2", fields(("scope", scope)));
    vec![token("tokenV2", "A token for a grant (v2: numbers)", request, Named::new("TokenV2", of_person(answer)))]
}

pub(super) fn revoke() -> Vec<Call> {
    let request = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("token", text().description(Some("An access or refresh token that the application got.")))
        .required("token")
        .property("token_type_hint", one_of(&["access_token", "refresh_token"]).description(Some("Not needed.")))
        .property("client_id", guid().description(Some("The application.")))
        .property("client_secret", text().description(Some("Its secret; a public application has none.")));
    vec![
        Call::post("revoke", "End a token before its time (RFC 7009)")
            .about("A token that is not known, or is another application's, is answered 200, too.")
            .parameters([tenant(), api_version("1.0")])
            .body(FORM, true, "What is asked for; at most 64 KiB.", Named::new("RevocationRequest", request))
            .answers(
                200,
                Answer::json(
                    "The token is of no use any more.",
                    Named::new("Revoked", ObjectBuilder::new().schema_type(Type::Object)),
                ),
            )
            .refuses(&[400, 401]),
    ]
}

fn configuration(id: &str, summary: &str) -> Vec<Call> {
    let texts = || list(text());
    let document = object([
        property("token_endpoint", link()),
        property("token_endpoint_auth_methods_supported", texts()),
        property("jwks_uri", link()),
        property("response_modes_supported", texts()),
        property("subject_types_supported", texts()),
        property("id_token_signing_alg_values_supported", texts()),
        property("response_types_supported", texts()),
        property("grant_types_supported", texts()),
        property("scopes_supported", texts()),
        property("issuer", text()),
        property("code_challenge_methods_supported", texts()),
        property("prompt_values_supported", texts()),
        property("authorization_endpoint", link()),
        property("device_authorization_endpoint", link()),
        property("end_session_endpoint", link()),
        property("revocation_endpoint", link()),
        property("request_uri_parameter_supported", ObjectBuilder::new().schema_type(Type::Boolean)),
        property("claims_supported", texts()),
    ]);
    let document = Named::new("OpenIdConfiguration", document);
    vec![
        Call::get(id, summary)
            .about("`common` and `organizations` stand for any tenant.")
            .parameter(tenant())
            .answers(200, Answer::json("The metadata.", document))
            .refuses(&[400]),
    ]
}

pub(super) fn configuration_v1() -> Vec<Call> {
    configuration("openIdConfigurationV1", "Where a tenant's tokens come from (v1)")
}

pub(super) fn configuration_v2() -> Vec<Call> {
    configuration("openIdConfigurationV2", "Where a tenant's tokens come from (v2)")
}

fn key_set(id: &str, summary: &str) -> Vec<Call> {
    let base64url = || form("^[A-Za-z0-9_-]+$");
    let key = object([
        property("kty", one_of(&["RSA"])),
        property("use", one_of(&["sig"])),
        property("alg", one_of(&["RS256"])),
        property("kid", text()),
        property("x5t", text()),
        property("n", base64url()),
        property("e", base64url()),
    ]);
    let keys = Named::new("KeySet", object([("keys", list(key))]));
    let answer = Answer::json("The keys, newest first.", keys);
    vec![
        Call::get(id, summary)
            .parameter(tenant().description(Some("Any: all tenants have the same keys.")))
            .answers(200, answer),
    ]
}

pub(super) fn keys() -> Vec<Call> {
    key_set("keys", "The public keys that verify tokens")
}

pub(super) fn keys_v1() -> Vec<Call> {
    key_set("keysV1", "The public keys that verify tokens, at their older path")
}

pub(super) fn instance_discovery() -> Vec<Call> {
    let network = object([
        property("preferred_network", text()),
        property("preferred_cache", text()),
        property("aliases", list(text())),
    ]);
    let answer = object([
        property("tenant_discovery_endpoint", link()),
        property("api-version", text()),
        property("metadata", list(network)),
    ]);
    let endpoint = "The authorization endpoint that the client is about to use; its tenant stands in the answer.";
    vec![
        Call::get("instanceDiscovery", "Which host gives tokens: this one alone")
            .parameter(query("authorization_endpoint", endpoint, text()))
            .parameter(api_version("1.1"))
            .answers(200, Answer::json("The host.", Named::new("InstanceDiscovery", answer)))
            .refuses(&[400]),
    ]
}
