//! Every kind of token or key that does not hold, on every route: refused with the status, shape and header of the
//! family, before anything else about the request is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use meterlake_control::{GrantScope, KeySlot, NewPrincipal, PrincipalKind};
use meterlake_identity::Audience;
use meterlake_model::PrincipalId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::charge::{customer, ea};
use crate::world::{Answer, PARTNER, PLAN, World};

/// A family of calls that take a token.
struct Family {
    name: &'static str,
    audience: Audience,
    /// Whether its calls take tokens of people.
    of_people: bool,
    /// Method and path of each route.
    routes: Vec<(&'static str, String)>,
    /// Checks the shape of a 401.
    shape: fn(&Value),
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn partner_shape(body: &Value) {
    assert_eq!(keys(body), ["code", "description", "data", "source"]);
    assert_eq!((&body["code"], &body["data"]), (&json!(800_001), &json!([])));
}

fn b2c_shape(body: &Value) {
    assert_eq!((keys(body), keys(&body["odata.error"])), (vec!["odata.error"], vec!["code", "message"]));
    assert_eq!(keys(&body["odata.error"]["message"]), ["lang", "value"]);
    let code = body["odata.error"]["code"].as_str().unwrap();
    assert!(code.starts_with("Authentication_") || code.starts_with("Authorization_Identity"), "{code}");
}

fn c3_shape(body: &Value) {
    let names = ["OperationType", "Status", "RequestCorrelationID", "ErrorMessage", "ErrorDetail", "Data"];
    assert_eq!(keys(body), names);
    assert_eq!((&body["ErrorMessage"], &body["Data"]), (&json!("ERROR_DESC_UNAUTHORIZED"), &json!([])));
}

fn ea_shape(body: &Value) {
    assert_eq!((keys(body), keys(&body["error"])), (vec!["error"], vec!["code", "message"]));
    assert_eq!(body["error"]["code"], "Unauthorized");
}

fn families() -> Vec<Family> {
    let get = |path: &str| ("GET", path.to_owned());
    let customer = format!("/v1/customers/{PLAN}");
    vec![
        Family {
            name: "analytics",
            audience: Audience::PartnerCenter,
            of_people: true,
            routes: vec![get("/partner/v1/analytics/azureusage"), get("/partner/v1/analytics/usage/azure")],
            shape: partner_shape,
        },
        Family {
            name: "summary",
            audience: Audience::PartnerCenter,
            of_people: true,
            routes: vec![
                get("/v1/usagesummary"),
                get("/v1/customers/usagerecords"),
                get(&format!("{customer}/usagesummary")),
                get(&format!("{customer}/usagebudget")),
                ("PATCH", format!("{customer}/usagebudget")),
                get(&format!("{customer}/subscriptions/usagerecords")),
                get(&format!("{customer}/subscriptions/0abc0000-0000-0000-0000-000000000001/usagesummary")),
                get(&format!("{customer}/subscriptions/0abc0000-0000-0000-0000-000000000001/usagerecords/resources")),
            ],
            shape: partner_shape,
        },
        Family {
            name: "b2c",
            audience: Audience::B2c,
            of_people: false,
            routes: vec![
                get(&format!("/{PARTNER}/reports")),
                get(&format!("/{PARTNER}/reports/b2cAuthenticationCount")),
                get(&format!("/{PARTNER}/reports/tenantUserCount")),
                get(&format!("/{PARTNER}/$metadata")),
            ],
            shape: b2c_shape,
        },
        Family {
            name: "c3",
            audience: Audience::Meterlake,
            of_people: false,
            routes: vec![get(&format!("/api/licenseConsumptionReport/customer/{PLAN}/tenant/{PLAN}"))],
            shape: c3_shape,
        },
        Family {
            name: "native",
            audience: Audience::Meterlake,
            of_people: false,
            routes: vec![get(&format!("/meterlake/v1/b2c/{PARTNER}/estimate"))],
            shape: ea_shape,
        },
    ]
}

const EA_ROUTES: [(&str, &str); 7] = [
    ("GET", "usagedetails"),
    ("GET", "billingPeriods/202411/usagedetails"),
    ("GET", "usagedetailsbycustomdate?startTime=2024-11-01&endTime=2024-11-02"),
    ("GET", "usagedetails/download?billingPeriod=202411"),
    ("POST", "usagedetails/submit?billingPeriod=202411"),
    ("GET", "usagedetails/poll/0abc0000-0000-0000-0000-000000000001"),
    ("GET", "billingperiods"),
];

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The keys of a server, to sign whatever a test wants.
struct Forge {
    kid: String,
    ours: EncodingKey,
    stranger: EncodingKey,
    modulus: Vec<u8>,
}

async fn private(world: &World) -> (String, EncodingKey, Vec<u8>) {
    let key = world.control.signing_keys().await.unwrap().remove(0);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&key.pkcs8));
    (key.kid, EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), key.modulus)
}

impl Forge {
    async fn new(world: &World) -> Self {
        let (kid, ours, modulus) = private(world).await;
        let (_, stranger, _) = private(&World::new().await).await;
        Self { kid, ours, stranger, modulus }
    }

    fn sign(&self, kid: &str, algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
        let mut header = Header::new(algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, key).unwrap()
    }

    /// Tokens made of a good one that hold nowhere, each with what is wrong with it.
    fn forged(&self, good: &str, now: i64) -> Vec<(&'static str, String)> {
        let claims = claims_of(good);
        let with = |changes: Value| {
            let mut claims = claims.clone();
            for (name, value) in changes.as_object().unwrap() {
                claims[name] = value.clone();
            }
            self.sign(&self.kid, Algorithm::RS256, &self.ours, &claims)
        };
        let parts: Vec<&str> = good.split('.').collect();
        let unsigned = |alg: &str| encode(&json!({ "typ": "JWT", "alg": alg, "kid": self.kid }));
        let mut altered = claims.clone();
        altered["oid"] = json!(Uuid::from_u128(7));
        let public_pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&self.modulus));
        let hmac = |secret: &[u8]| self.sign(&self.kid, Algorithm::HS256, &EncodingKey::from_secret(secret), &claims);
        let tenant = claims["tid"].as_str().unwrap();
        let other = Uuid::from_u128(8).to_string();
        let issuer = claims["iss"].as_str().unwrap();
        vec![
            ("malformed", "abc".to_owned()),
            ("malformed", "a.b.c".to_owned()),
            ("malformed", "....".to_owned()),
            ("malformed", good[..good.len() / 2].to_owned()),
            ("too long", format!("{good}{}", "x".repeat(17_000))),
            ("alg none", format!("{}.{}.", unsigned("none"), parts[1])),
            ("alg none with a signature", format!("{}.{}.{}", unsigned("none"), parts[1], parts[2])),
            ("alg NONE", format!("{}.{}.", unsigned("NONE"), parts[1])),
            ("HS256 with the modulus", hmac(&self.modulus)),
            ("HS256 with the public key", hmac(public_pem.as_bytes())),
            ("wrong key", self.sign(&self.kid, Algorithm::RS256, &self.stranger, &claims)),
            ("unknown kid", self.sign("unknown", Algorithm::RS256, &self.ours, &claims)),
            ("another algorithm", self.sign(&self.kid, Algorithm::RS384, &self.ours, &claims)),
            ("expired", with(json!({ "exp": now - 60 }))),
            ("not yet valid", with(json!({ "nbf": now + 61 }))),
            ("wrong audience", with(json!({ "aud": "https://management.azure.com" }))),
            ("wrong issuer", with(json!({ "iss": "https://sts.example.org/" }))),
            ("issuer of another tenant", with(json!({ "iss": issuer.replace(tenant, &other) }))),
            ("tenant of another issuer", with(json!({ "tid": other }))),
            ("another tenant", with(json!({ "iss": issuer.replace(tenant, &other), "tid": other }))),
            ("nobody", with(json!({ "oid": other }))),
            ("altered payload", format!("{}.{}.{}", parts[0], encode(&altered), parts[2])),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ]
    }
}

struct Principals {
    user: PrincipalId,
    app: PrincipalId,
}

impl Principals {
    async fn new(world: &World, name: &str) -> Self {
        let add = async |kind, name: String| {
            let new = NewPrincipal { kind, tenant: PARTNER.parse().unwrap(), name, client_id: None };
            let id = world.control.add_principal(&new).await.unwrap().id;
            for grant in [GrantScope::AllCustomers, GrantScope::AllTenants] {
                world.control.add_grant(id, &grant).await.unwrap();
            }
            id
        };
        let user = add(PrincipalKind::User, format!("{name} user")).await;
        Self { user, app: add(PrincipalKind::Application, format!("{name} app")).await }
    }

    async fn token(&self, world: &World, of_people: bool, audience: Audience) -> String {
        let hour = TimeDelta::hours(1);
        let token = match of_people {
            true => world.identity.user_token(self.user, audience, hour).await,
            false => world.identity.app_token(self.app, audience, hour).await,
        };
        token.unwrap().token
    }
}

/// Checks a refusal of a token, in the family's shape.
fn refused(answer: &Answer, shape: fn(&Value), told: &str) -> Value {
    assert_eq!(answer.status, 401, "{told}: {}", answer.text());
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"meterlake\"", "{told}");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{told}");
    let body = answer.json();
    shape(&body);
    body
}

#[tokio::test]
async fn no_token_that_does_not_hold_opens_a_route() {
    let mut world = World::new().await;
    world.import(vec![customer(1, PLAN, "2024-11-02", "GBP")]).await;
    let forge = Forge::new(&world).await;
    let (good, revoked, ended, disabled) = (
        Principals::new(&world, "good").await,
        Principals::new(&world, "revoked").await,
        Principals::new(&world, "ended").await,
        Principals::new(&world, "disabled").await,
    );
    for family in families() {
        let token = good.token(&world, family.of_people, family.audience).await;
        let mut bad = forge.forged(&token, world.control.clock().now().timestamp());
        for other in Audience::ALL.into_iter().filter(|other| *other != family.audience) {
            bad.push(("token for another API", good.token(&world, family.of_people, other).await));
        }
        bad.push(("EA key", world.key.clone()));
        let one = revoked.token(&world, family.of_people, family.audience).await;
        world.identity.revoke_token_id(claims_of(&one)["uti"].as_str().unwrap()).await.unwrap();
        bad.push(("revoked", one));
        bad.push(("all revoked", ended.token(&world, family.of_people, family.audience).await));
        bad.push(("disabled", disabled.token(&world, family.of_people, family.audience).await));
        for id in [ended.user, ended.app] {
            world.control.revoke_tokens_of(id).await.unwrap();
        }
        for id in [disabled.user, disabled.app] {
            world.control.set_principal_enabled(id, false).await.unwrap();
        }
        for (method, path) in &family.routes {
            let name = family.name;
            // The good one passes, so that what is refused below is refused for its token.
            let passed = world.post(method, path, &token, "{\"amount\":1}").await;
            assert!(![401, 403, 405].contains(&passed.status), "{name} {path}: {}", passed.text());
            let mut bodies = std::collections::BTreeSet::new();
            for (what, token) in &bad {
                let told = format!("{name} {method} {path} {what}");
                let answer = world.post(method, path, token, "").await;
                let mut body = refused(&answer, family.shape, &told);
                // Neither method nor parameters are looked at before.
                let wild = world.post("BREW", &format!("{path}?top=x&$filter=((&startDate=x"), token, "").await;
                refused(&wild, family.shape, &told);
                if let Some(id) = body.get_mut("RequestCorrelationID") {
                    id.take();
                }
                if name != "b2c" {
                    bodies.insert(body.to_string());
                }
            }
            // Why it does not hold is not told; Azure AD Graph alone has codes of its own for some.
            assert!(bodies.len() <= 1, "{name}: {bodies:?}");
            for header in [None, Some("Basic YTpi"), Some("Bearer"), Some("Bearer "), Some(token.as_str())] {
                let headers: Vec<_> = header.into_iter().map(|value| ("authorization", value)).collect();
                let answer = world.call(method, path, "", &headers).await;
                refused(&answer, family.shape, &format!("{name} {path} {header:?}"));
            }
            let twice = [("authorization", format!("Bearer {token}")), ("authorization", "Bearer x".to_owned())];
            let twice: Vec<_> = twice.iter().map(|(name, value)| (*name, value.as_str())).collect();
            refused(&world.call(method, path, "", &twice).await, family.shape, &format!("{name} {path} twice"));
            let wrong = world.post("BREW", path, &token, "").await;
            assert_eq!(wrong.status, 405, "{name} {path}");
            assert!(!wrong.header("allow").is_empty());
        }
        for id in [disabled.user, disabled.app] {
            world.control.set_principal_enabled(id, true).await.unwrap();
        }
        // Tokens of the second of a revocation are revoked: the next family's are of another one.
        world.clock.advance(TimeDelta::seconds(1));
    }
}

#[tokio::test]
async fn an_applications_token_has_no_access_to_the_two_families_of_people() {
    let mut world = World::new().await;
    world.import(vec![customer(1, PLAN, "2024-11-02", "GBP")]).await;
    let good = Principals::new(&world, "good").await;
    for family in families() {
        let token = good.token(&world, !family.of_people, family.audience).await;
        for (method, path) in &family.routes {
            let answer = world.post(method, path, &token, "{\"amount\":1}").await;
            let told = format!("{} {path}: {}", family.name, answer.text());
            match family.audience {
                Audience::PartnerCenter => {
                    let body = answer.json();
                    assert_eq!(answer.status, 403, "{told}");
                    assert_eq!(keys(&body), ["code", "description", "data", "source"], "{told}");
                    assert_eq!(body["code"], 900_150, "{told}");
                    assert_eq!(answer.header("www-authenticate"), "");
                }
                Audience::B2c => {
                    let code = answer.json()["odata.error"]["code"].clone();
                    assert_eq!((answer.status, code), (403, json!("Authorization_RequestDenied")), "{told}");
                }
                // C3 and the native calls take both kinds.
                Audience::Meterlake => assert!(![401, 403].contains(&answer.status), "{told}"),
            }
        }
    }
    // A malformed parameter comes before what the token lacks, and the budget is as it was.
    let app = good.token(&world, false, Audience::PartnerCenter).await;
    assert_eq!(world.get("/partner/v1/analytics/azureusage?top=x", &app).await.status, 400);
    let plan = world.control.customer(PLAN.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(plan.budget.unwrap().to_string(), "97");
}

#[tokio::test]
async fn no_key_but_its_own_opens_an_enrolment() {
    let mut world = World::new().await;
    world.import(vec![ea(1, "2024-11-02")]).await;
    let number = "200".parse().unwrap();
    let other = world.identity.create_ea_key(&number, KeySlot::Primary).await.unwrap().text;
    let own = "100".parse().unwrap();
    let renewed = world.identity.create_ea_key(&own, KeySlot::Secondary).await.unwrap().text;
    world.identity.create_ea_key(&own, KeySlot::Secondary).await.unwrap();
    let good = Principals::new(&world, "good").await;
    let mut bad = vec![
        ("key of another enrolment", other),
        ("replaced key", renewed),
        ("wrong key", "wrong".to_owned()),
        ("half a key", world.key[..20].to_owned()),
        ("export link", "se=2024&sig=abc".to_owned()),
    ];
    for audience in Audience::ALL {
        bad.push(("token of a person", good.token(&world, true, audience).await));
        bad.push(("token of an application", good.token(&world, false, audience).await));
    }
    for (method, tail) in EA_ROUTES {
        for version in ["v1", "v2", "v3"] {
            let path = format!("/{version}/enrollments/100/{tail}");
            let passed = world.post(method, &path, &world.key, "").await;
            assert!(![401, 403, 405].contains(&passed.status), "{path}: {}", passed.text());
            let mut bodies = std::collections::BTreeSet::new();
            for (what, key) in &bad {
                let body = refused(&world.post(method, &path, key, "").await, ea_shape, &format!("{path} {what}"));
                bodies.insert(body.to_string());
                let wild = world
                    .post("BREW", &format!("{path}{}startTime=x", if tail.contains('?') { '&' } else { '?' }), key, "")
                    .await;
                refused(&wild, ea_shape, &format!("{path} {what}"));
            }
            for enrolment in ["200", "300", "x"] {
                let elsewhere = path.replace("100", enrolment);
                let answer = world.post(method, &elsewhere, &world.key, "").await;
                bodies.insert(refused(&answer, ea_shape, &elsewhere).to_string());
            }
            assert_eq!(bodies.len(), 1, "{bodies:?}");
            refused(&world.post(method, &path, "", "").await, ea_shape, &path);
        }
    }
    // Expired and revoked ones are refused in the same words.
    let path = "/v2/enrollments/100/usagedetails";
    let wrong = world.get(path, "wrong").await.json();
    world.control.revoke_key(&own, KeySlot::Primary).await.unwrap();
    assert_eq!(refused(&world.get(path, &world.key).await, ea_shape, "revoked"), wrong);
    let fresh = world.identity.create_ea_key(&own, KeySlot::Primary).await.unwrap();
    assert_eq!(world.get(path, &fresh.text).await.status, 200);
    world.clock.set(fresh.key.expires_at);
    assert_eq!(refused(&world.get(path, &fresh.text).await, ea_shape, "expired"), wrong);
}

/// The text with the character at `at` changed to another one that may stand there.
fn altered(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn altered_and_expired_links_open_nothing() {
    let mut world = World::new().await;
    world.import((0..1100).map(|line| ea(line, "2024-11-02")).collect()).await;
    let page = world.get("/v2/enrollments/100/billingPeriods/202411/usagedetails", &world.key).await;
    let link = page.json()["nextLink"].as_str().unwrap().to_owned();
    let seal = link.find("skiptoken=").unwrap() + "skiptoken=".len();
    assert_eq!(world.get(&link, &world.key).await.status, 200);
    for at in (seal..link.len()).step_by(7) {
        let answer = world.get(&altered(&link, at), &world.key).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("BadRequest")), "{at}");
    }
    // Without the key the link is nothing, and under another enrolment's neither.
    refused(&world.get(&link, "").await, ea_shape, "no key");
    let moved = link.replace("/100/", "/200/");
    refused(&world.get(&moved, &world.key).await, ea_shape, "another enrolment");
    world.clock.advance(TimeDelta::hours(24));
    let old = world.get(&link, &world.key).await;
    assert_eq!(old.status, 400);
    assert!(old.text().contains("expired"), "{}", old.text());
}
