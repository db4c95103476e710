//! Keys, lock-out, revocation, the audit trail and issuers of other parties, through the program as an operator and a
//! client see it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::program::{Folder, Server};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// A call that any principal may make, whose answer tells a good token (403: no grant) from a bad one (401).
const CALL: &str = "/api/licenseConsumptionReport/customer/9582d9f2-1234-4945-ab56-daded948c1c4/tenant/39a1dfac-4969-4f31-af94-d76588189cfe";

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.succeed(&["tenant", "set", TENANT, "--domain", "fabrikam.onmicrosoft.com"]);
    folder.succeed(&["principal", "add", "application", "importer", "--tenant", TENANT]);
    folder.succeed(&["principal", "add", "user", "olga", "--tenant", TENANT]);
    folder
}

fn own_token(folder: &Folder) -> String {
    folder.succeed(&["token", "application", "importer", "--audience", "meterlake"]).trim().to_owned()
}

#[test]
fn revocation_and_rotation_by_command_act_on_a_running_server() {
    let folder = folder();
    let server = Server::start(&folder, "serve");
    let status = |token: &str| server.get(CALL, token).0;
    let (one, two) = (own_token(&folder), own_token(&folder));
    assert_eq!((status(&one), status(&two)), (403, 403));
    let uti = claims(&one)["uti"].as_str().unwrap().to_owned();
    folder.succeed(&["token", "revoke", "--id", &uti]);
    assert_eq!((status(&one), status(&two)), (401, 403));

    // Rotated, the old token stays good; with the old keys revoked it ends.
    folder.succeed(&["signing-key", "rotate"]);
    let three = own_token(&folder);
    assert_eq!((status(&two), status(&three)), (403, 403));
    let keys = folder.json(&["signing-key", "list", "--json"]);
    let states: Vec<&str> = keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["signs", "verifies"]);
    assert!(!keys.to_string().contains("pkcs8"));
    folder.succeed(&["signing-key", "rotate", "--revoke-old"]);
    assert_eq!((status(&two), status(&three)), (401, 401));

    let four = own_token(&folder);
    assert_eq!(status(&four), 403);
    let told = folder.succeed(&["token", "revoke", "--principal", "importer"]);
    assert!(told.contains("all tokens of importer"), "{told}");
    assert_eq!(status(&four), 401);
    assert!(folder.refuse(&["token", "revoke", "--principal", "nobody"]).contains("\"nobody\""));

    let trail = folder.json(&["audit", "--json", "--subject", "importer"]);
    let told: Vec<(&str, &str, &str)> = trail
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["action"].as_str().unwrap(), e["actor"].as_str().unwrap(), e["origin"].as_str().unwrap()))
        .collect();
    assert_eq!(told.first(), Some(&("principal.add", "operator", "command")));
    assert_eq!(told.last(), Some(&("token.revoke-all", "operator", "command")));
    let listed = folder.succeed(&["audit", "--event", "signing-key"]);
    assert!(listed.contains("signing-key.retire") && !listed.contains("token."), "{listed}");
    assert!(folder.succeed(&["audit", "--since", "9999-01-01"]).contains("no such entries"));
    let bad = folder.run(&["audit", "--since", "yesterday"]);
    let bad = crate::program::text(&bad.stderr);
    assert!(bad.contains("\"yesterday\" is neither a day such as 2024-11-15"), "{bad}");
}

#[test]
fn tokens_made_by_command_name_the_configured_address() {
    let folder = folder();
    assert_eq!(claims(&own_token(&folder))["iss"], format!("http://127.0.0.1:8080/{TENANT}/"));
    std::fs::write(folder.data().join("meterlake.toml"), "listen = \"0.0.0.0:9000\"\n").unwrap();
    assert_eq!(claims(&own_token(&folder))["iss"], format!("http://localhost:9000/{TENANT}/"));
    std::fs::write(folder.data().join("meterlake.toml"), "base_url = \"https://usage.example.org/\"\n").unwrap();
    assert_eq!(claims(&own_token(&folder))["iss"], format!("https://usage.example.org/{TENANT}/"));
}

/// Status and error code of a request for a token.
fn asked(server: &Server, client_id: &str, secret: &str) -> (u16, u64) {
    let form = format!("grant_type=client_credentials&client_id={client_id}&client_secret={secret}");
    let (status, body) = server.post_form(&format!("/{TENANT}/oauth2/token"), form);
    let body: Value = serde_json::from_str(&body).unwrap();
    (status, body["error_codes"][0].as_u64().unwrap_or_default())
}

#[test]
fn a_lock_out_outlives_a_restart_and_is_told_with_its_origin() {
    let folder = folder();
    let secret = folder.succeed(&["secret", "create", "importer"]).trim().to_owned();
    let principals = folder.json(&["principal", "list", "--json"]);
    let importer = principals.as_array().unwrap().iter().find(|p| p["name"] == "importer").unwrap();
    let client_id = importer["client_id"].as_str().unwrap().to_owned();
    let server = Server::start(&folder, "serve");
    assert_eq!(asked(&server, &client_id, &secret), (200, 0));
    for _ in 0..10 {
        assert_eq!(asked(&server, &client_id, "wrong"), (401, 7_000_215));
    }
    assert_eq!(asked(&server, &client_id, "wrong"), (401, 50_053));
    drop(server);
    let server = Server::start(&folder, "serve");
    assert_eq!(asked(&server, &client_id, "wrong"), (401, 50_053));
    // Whoever has the right secret is not shut out by others' guesses, nor are their guesses let in again by it.
    assert_eq!(asked(&server, &client_id, &secret), (200, 0));
    assert_eq!(asked(&server, &client_id, "wrong"), (401, 50_053));
    assert!(folder.succeed(&["principal", "unlock", "importer"]).contains("may try again"));
    assert_eq!(asked(&server, &client_id, "wrong"), (401, 7_000_215));
    let trail = folder.json(&["audit", "--json", "--event", "account"]);
    assert_eq!((&trail[0]["action"], &trail[0]["origin"]), (&json!("account.lock"), &json!("127.0.0.1")));
    assert_eq!((&trail[1]["action"], &trail[1]["origin"]), (&json!("account.unlock"), &json!("command")));
    let issued = folder.json(&["audit", "--json", "--event", "token.issue"]);
    assert_eq!(issued[0]["origin"], "127.0.0.1");
    let all = folder.succeed(&["audit", "--json"]);
    assert!(!all.contains(&secret) && !all.contains("wrong"));
}

/// An issuer of another party on this machine, until it is dropped.
struct Issuer {
    name: String,
    key: EncodingKey,
    stop: Arc<AtomicBool>,
}

impl Issuer {
    fn start() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let point = rcgen::PublicKeyData::der_bytes(&pair).to_vec();
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("http://{}/realms/main", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let (issuer, stopped) = (name.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream.unwrap(), &issuer, &jwk);
            }
        });
        Self { name, key: EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(), stop }
    }

    fn token(&self, claims: Value) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let mut all = json!({ "iss": self.name, "aud": "api://meterlake", "iat": now, "exp": now + 600 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("one".to_owned());
        jsonwebtoken::encode(&header, &all, &self.key).unwrap()
    }
}

/// Answers one request, and closes the connection.
fn serve(mut stream: TcpStream, issuer: &str, jwk: &Value) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    for line in lines {
        if line.is_empty() {
            break;
        }
    }
    let body = match first.split(' ').nth(1) {
        Some("/realms/main/.well-known/openid-configuration") => {
            json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") })
        }
        Some("/realms/main/keys") => json!({ "keys": [jwk] }),
        _ => json!({}),
    }
    .to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let address = self.name.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        let _ = TcpStream::connect(address);
    }
}

#[test]
fn tokens_of_an_issuer_in_the_settings_stand_for_linked_principals() {
    let folder = folder();
    let issuer = Issuer::start();
    let settings = format!(
        "[[issuers]]\nissuer = \"{}\"\naudiences = [\"api://meterlake\"]\n[issuers.claims]\nsubject = \"email\"\n",
        issuer.name
    );
    std::fs::write(folder.data().join("meterlake.toml"), settings).unwrap();
    let server = Server::start(&folder, "serve");
    let status = |token: &str| server.get(CALL, token).0;
    let robot = issuer.token(json!({ "azp": "robot" }));
    let person = issuer.token(json!({ "scp": "read", "sub": "1", "email": "olga@fabrikam.example" }));
    assert_eq!((status(&robot), status(&person)), (401, 401));
    folder.succeed(&["principal", "link", "importer", "--issuer", &issuer.name, "--application", "robot"]);
    folder.succeed(&["principal", "link", "olga", "--issuer", &issuer.name, "--subject", "olga@fabrikam.example"]);
    assert_eq!((status(&robot), status(&person)), (403, 403));
    // With a grant it may learn that there is no such customer.
    folder.succeed(&["grant", "add", "importer", "customers"]);
    assert_eq!((status(&robot), status(&person)), (400, 403));
    let links = folder.json(&["principal", "links", "--json"]);
    assert_eq!(links.as_array().unwrap().len(), 2);
    assert_eq!((&links[0]["application"], &links[1]["subject"]), (&json!("robot"), &json!("olga@fabrikam.example")));

    let refused = folder.refuse(&["principal", "link", "olga", "--issuer", &issuer.name, "--application", "x"]);
    assert!(refused.contains("olga is of kind user"), "{refused}");
    let refused = folder.refuse(&["principal", "link", "importer", "--issuer", &issuer.name, "--application", "robot"]);
    assert!(refused.contains("linked already"), "{refused}");

    // The issuer goes down; its keys are at hand.
    let other = issuer.token(json!({ "azp": "robot", "jti": "another" }));
    let name = issuer.name.clone();
    drop(issuer);
    assert_eq!(status(&other), 400);
    folder.succeed(&["principal", "unlink", "--issuer", &name, "--application", "robot"]);
    assert_eq!((status(&other), status(&person)), (401, 403));
    folder.succeed(&["principal", "disable", "olga"]);
    assert_eq!(status(&person), 401);
}

#[test]
fn issuers_that_cannot_be_taken_are_named() {
    let folder = folder();
    for (settings, told) in [
        ("issuer = \"http://login.example\"\naudiences = [\"x\"]", "must begin with https://"),
        ("issuer = \"https://login.example\"\naudiences = []", "at least one of audiences"),
        ("issuer = \"https://login.example\"", "audiences"),
        ("issuer = \"https://login.example\"\naudiences = [\"x\"]\nkeys = 1", "keys"),
    ] {
        std::fs::write(folder.data().join("meterlake.toml"), format!("[[issuers]]\n{settings}\n")).unwrap();
        let refused = folder.refuse(&["token", "application", "importer"]);
        assert!(refused.contains(told), "{settings}: {refused}");
    }
}

#[test]
fn keys_that_end_soon_are_told_of() {
    let folder = folder();
    folder.succeed(&["enrolment", "set", "8611537"]);
    let made = folder.run(&["key", "create", "8611537"]);
    assert!(crate::program::text(&made.stderr).contains("the primary key of enrolment 8611537 works until 20"));
    assert!(folder.succeed(&["key", "list"]).contains("in force"));
    let later = chrono::Utc::now() + chrono::TimeDelta::days(175);
    let listed = folder.command().env("METERLAKE_NOW", later.to_rfc3339()).args(["key", "list"]).output().unwrap();
    let listed = crate::program::text(&listed.stdout);
    assert!(listed.contains("ends in ") && listed.contains(" days, make a new one"), "{listed}");
    let mut serving = folder.command();
    serving.env("METERLAKE_NOW", later.to_rfc3339()).args(["serve", "--listen", "127.0.0.1:0"]);
    let mut serving = serving.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(serving.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.find(|line| line.contains("an API key ends soon"));
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(told.unwrap().contains("8611537"));
}
