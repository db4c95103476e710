//! Runs the binary and reads what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use meterlake_testkit::TestServer;
use serde_json::Value;

/// A data folder of its own, gone at the end.
pub(crate) struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A path beside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beside the data folder.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// The program on this data folder, ready for arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterlake"));
        command.arg("--data").arg(self.data()).env_remove("METERLAKE_DATA").env_remove("METERLAKE_LOG");
        command
    }

    /// Runs the program and returns what it did.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs the program, which must succeed and print JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let stdout = self.succeed(arguments);
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?} printed {stdout:?}: {error}"))
    }

    /// Runs the program, which must fail by itself (no panic, no signal), and returns its error text.
    pub(crate) fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }

    /// `import charges FILE OPTIONS… --json`.
    pub(crate) fn import(&self, file: &Path, options: &[&str]) -> Value {
        let mut arguments = vec!["import", "charges", file.to_str().unwrap(), "--json"];
        arguments.extend(options);
        self.json(&arguments)
    }
}

/// What a program printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `meterlake serve` (or `demo`), killed at the end.
pub(crate) struct Server(TestServer);

impl Server {
    /// Starts `meterlake COMMAND` on a free port and waits until it answers.
    pub(crate) fn start(folder: &Folder, command: &str) -> Self {
        Self(TestServer::start_command(env!("CARGO_BIN_EXE_meterlake"), command, &folder.data(), &[]).unwrap())
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        self.0.url(path)
    }

    /// `GET` with a bearer credential: status and body. Takes a path or a whole address.
    pub(crate) fn get(&self, path: &str, credential: &str) -> (u16, String) {
        let url = if path.starts_with("http") { path.to_owned() } else { self.0.url(path) };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let answer = reqwest::Client::new().get(url).bearer_auth(credential).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    /// `POST` of a form: status and body.
    pub(crate) fn post_form(&self, path: &str, form: String) -> (u16, String) {
        let url = self.0.url(path);
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let request = reqwest::Client::new().post(url).body(form);
            let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }
}
