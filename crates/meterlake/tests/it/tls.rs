//! HTTPS as an operator switches it on, and as the demo brings it along.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::program::Folder;

/// A running program whose standard output is read.
struct Running {
    child: Child,
    said: String,
    log: PathBuf,
}

impl Running {
    /// Starts it and reads until it listens.
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = folder.command();
        command.args(arguments).args(["--listen", "127.0.0.1:0"]).env("METERLAKE_LOG", "warn,meterlake_server=info");
        // A pipe that nobody reads would stop it when full.
        let log = folder.file("log", "");
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let (mut out, mut said) = (BufReader::new(child.stdout.take().unwrap()), String::new());
        while !said.contains("\nlistening on ") && !said.starts_with("listening on ") {
            assert!(out.read_line(&mut said).unwrap() > 0, "it ended: {said}{}", read(&log));
        }
        child.stdout = Some(out.into_inner());
        Self { child, said, log }
    }

    fn base(&self) -> &str {
        self.said.rsplit_once("listening on ").unwrap().1.trim()
    }

    fn signal(&self, name: &str) {
        // The shell's own, because a small system has no program of that name.
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// What it has written to standard error when it ends by itself, well.
    fn end(mut self) -> String {
        let status = self.child.wait().unwrap();
        let log = read(&self.log);
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// Status and body of `GET`, by a new connection of a client that trusts `authority` (PEM) and no other.
fn get(authority: &str, url: &str, credential: &str) -> Result<(u16, String), reqwest::Error> {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let root = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_built_in_root_certs(false).add_root_certificate(root).build()?;
        let answer = client.get(url).bearer_auth(credential).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    })
}

/// Writes a certificate for this machine, valid until the year begins, with its key; gives its authority.
fn write(folder: &Folder, until: i32) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    folder.file("data/cert.pem", params.signed_by(&key, &authority).unwrap().pem());
    folder.file("data/key.pem", key.serialize_pem());
    authority.pem()
}

const SETTINGS: &str = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";

#[test]
fn serve_takes_up_a_new_certificate_and_stops_on_order() {
    let folder = Folder::new();
    let first = write(&folder, 4000);
    folder.file("data/meterlake.toml", SETTINGS);
    let server = Running::start(&folder, &["serve"]);
    let health = format!("{}/healthz", server.base());
    assert!(health.starts_with("https://127.0.0.1:"));
    assert_eq!(get(&first, &health, "").unwrap(), (200, "{\"status\":\"ok\"}".to_owned()));

    let second = write(&folder, 4000);
    assert_eq!(get(&first, &health, "").unwrap().0, 200, "nobody said that the files are whole");
    server.signal("HUP");
    while get(&second, &health, "").is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(get(&first, &health, "").is_err());
    server.signal("TERM");
    let log = server.end();
    assert!(log.contains("a certificate is taken up") && log.contains("4000-01-01"), "{log}");
}

#[test]
fn serve_goes_on_with_what_it_had() {
    let folder = Folder::new();
    let authority = write(&folder, 2020);
    let (certificate, key) = (folder.data().join("cert.pem"), folder.data().join("key.pem"));
    let options = ["serve", "--tls-certificate", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Running::start(&folder, &options);
    folder.file("data/key.pem", "nothing");
    server.signal("HUP");
    while !read(&server.log).contains("the one before stays in use") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let expired = get(&authority, &format!("{}/healthz", server.base()), "").unwrap_err();
    assert!(format!("{expired:?}").contains("Expired"), "{expired:?}");
    server.signal("INT");
    let log = server.end();
    assert!(log.contains("the certificate expired on 2020-01-01; clients refuse it"), "{log}");
    assert!(log.contains("holds no private key as PEM"), "{log}");
}

#[test]
fn what_cannot_be_used_is_said_before_anything_is_served() {
    let folder = Folder::new();
    write(&folder, 4000);
    let settings = |text: &str| {
        folder.file("data/meterlake.toml", text);
        folder.refuse(&["serve", "--listen", "127.0.0.1:0"])
    };
    let error = settings(&SETTINGS.replace("key.pem", "lost.pem"));
    assert!(error.contains("lost.pem cannot be read") && error.contains("No such file"), "{error}");
    let error = settings(&SETTINGS.replace("cert.pem", "key.pem"));
    assert!(error.contains("holds no certificate as PEM") && error.contains("wrong way round"), "{error}");
    let error = settings("[tls]\ncertificate = \"cert.pem\"\n");
    assert!(error.contains("[tls] key or --tls-key"), "{error}");
    let error = settings("[tls]\nkey = \"key.pem\"\n");
    assert!(error.contains("[tls] certificate or --tls-certificate"), "{error}");
    let error = settings("[tls]\ncert = \"cert.pem\"\n");
    assert!(error.contains("cert") && error.contains("certificate"), "{error}");
    let before = read(&folder.data().join("key.pem"));
    write(&folder, 4000);
    folder.file("data/key.pem", before);
    let error = settings(SETTINGS);
    assert!(error.contains("key.pem does not belong to the certificate in"), "{error}");
}

/// What a shell prints for a command that must succeed.
fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_demo_brings_its_own_authority() {
    let folder = Folder::new();
    let demo = Running::start(&folder, &["demo", "--tls"]);
    let json: Value = read(&folder.data().join("demo.json")).parse().unwrap();
    let authority = json["ca_file"].as_str().unwrap().to_owned();
    assert!(Path::new(&authority).is_absolute());
    assert_eq!(json["base_url"], demo.base());
    for name in ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        assert!(demo.said.contains(&format!("export {name}='{authority}'\n")), "{}", demo.said);
    }
    // The printed calls, as they would be pasted, by a program that shares no code with the server.
    let calls: Vec<_> = demo.said.lines().filter(|line| line.starts_with("curl ")).collect();
    // One stands for what comes after a person has signed in.
    assert_eq!(calls.iter().filter(|call| call.contains("=DEVICE_CODE")).count(), 1, "{}", demo.said);
    assert_eq!(calls.len(), 8, "{}", demo.said);
    for call in calls {
        assert!(call.starts_with(&format!("curl --cacert '{authority}' ")), "{call}");
        if call.contains("=DEVICE_CODE") {
            continue;
        }
        let answer = shell(&call.replacen("curl ", "curl --silent --show-error --fail ", 1));
        let answer: Value = answer.parse().unwrap_or_else(|error| panic!("{call}: {error}: {answer}"));
        let text = answer.to_string();
        assert!(!text.contains("http://"), "{call}: {text}");
    }
    let pem = read(Path::new(&authority));
    let port = demo.base().rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(get(&pem, &format!("https://localhost:{port}/healthz"), "").unwrap().0, 200);
    demo.signal("TERM");
    demo.end();

    // A later start is trusted by those who trust the first.
    let again = Running::start(&folder, &["demo", "--tls"]);
    let key = json["enterprise"]["api_key"].as_str().unwrap();
    let path = format!("/v3/enrollments/{}/usagedetails", json["enterprise"]["enrollment"].as_str().unwrap());
    let (status, body) = get(&pem, &format!("{}{path}", again.base()), key).unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(&format!("\"nextLink\":\"{}{path}", again.base())), "{}", &body[body.len() - 500..]);
    again.signal("TERM");
    again.end();

    let plain = Running::start(&folder, &["demo"]);
    let json: Value = read(&folder.data().join("demo.json")).parse().unwrap();
    assert!(plain.base().starts_with("http://") && json.get("ca_file").is_none() && !plain.said.contains("--cacert"));
}
