//! The demo that all clients share.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Runs the server until its own standard input closes, which happens when the tests end, however they end: a static is
/// never dropped. Then the folder goes.
const KEEPER: &str = r#""$@" & server=$!; exec >/dev/null; cat; kill "$server"; wait "$server"; rm -rf "$FOLDER""#;

/// Settings of the demo: the tests ask more often than one client may by default, also with wrong keys.
const SETTINGS: &str = "[limits]\nrequests_per_minute = 1000000\nwrong_keys_per_minute = 0\nsign_ins_per_minute = 0\nrunning_exports = 100\n";

/// A running demo.
pub(super) struct Demo {
    _keeper: Child,
    folder: PathBuf,
}

impl Demo {
    /// The one demo of this process, started at the first call.
    pub(super) fn shared() -> &'static Self {
        static DEMO: OnceLock<Demo> = OnceLock::new();
        DEMO.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("meterlake.toml"), SETTINGS).unwrap();
        let log = folder.join("server.log");
        let mut keeper = Command::new("sh")
            .args([
                "-c",
                KEEPER,
                "sh",
                env!("CARGO_BIN_EXE_meterlake"),
                "demo",
                "--tls",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(&data)
            .env("FOLDER", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("listening on "));
        assert!(ready, "the demo ended before it listened: {}", std::fs::read_to_string(&log).unwrap());
        Self { _keeper: keeper, folder }
    }

    /// A folder for the tests' own files, gone with the demo.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the demo's credentials.
    fn credentials(&self) -> PathBuf {
        self.folder.join("data/demo.json")
    }

    /// What a script needs to know, and the demo's certificate authority as each client looks for it.
    pub(super) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut environment = vec![
            ("METERLAKE_DEMO", self.credentials()),
            ("METERLAKE_PROGRAM", PathBuf::from(env!("CARGO_BIN_EXE_meterlake"))),
            ("PYTHONDONTWRITEBYTECODE", PathBuf::from("1")),
            ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", PathBuf::from("1")),
        ];
        let demo: Value = serde_json::from_str(&std::fs::read_to_string(self.credentials()).unwrap()).unwrap();
        let authority = PathBuf::from(demo["ca_file"].as_str().unwrap());
        for name in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            environment.push((name, authority.clone()));
        }
        environment
    }

    /// What the server wrote to its standard error.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}
