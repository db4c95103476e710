//! Runs the scripts of `tests/python` with pytest and those of `tests/node` with Node's own test runner.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::demo::Demo;
use crate::program::text;

/// Variables of a caller's proxy: the demo is on this machine.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Runs one file of `tests/python`; `METERLAKE_PYTHON` is a Python with the packages of `requirements.txt`.
pub(super) fn python(file: &str) {
    let Some(python) = installed("METERLAKE_PYTHON", "Python with the packages of tests/python/requirements.txt")
    else {
        return;
    };
    let mut command = Command::new(python);
    let folder = Demo::shared().folder().join(file);
    command.args(["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "--strict-markers", "--basetemp"]).arg(folder);
    command.arg(tests("python").join(file));
    succeed(command, file);
}

/// Runs one file of `tests/node`; `METERLAKE_NODE` is the program and `METERLAKE_NODE_MODULES` the installed packages.
pub(super) fn node(file: &str) {
    let Some(node) = installed("METERLAKE_NODE", "Node with the packages of tests/node/package.json") else {
        return;
    };
    let mut command = Command::new(node);
    command.arg("--test").arg(node_scripts().join(file));
    succeed(command, file);
}

fn installed(variable: &str, what: &str) -> Option<OsString> {
    let program = std::env::var_os(variable);
    if program.is_none() {
        eprintln!("skipped: {variable} names no {what}");
    }
    program
}

fn tests(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(folder)
}

/// The scripts beside their packages: Node looks for packages in the folders above a script, and the packages are
/// installed outside the clone.
fn node_scripts() -> &'static Path {
    static SCRIPTS: OnceLock<PathBuf> = OnceLock::new();
    SCRIPTS.get_or_init(|| {
        let scripts = Demo::shared().folder().join("node");
        std::fs::create_dir(&scripts).unwrap();
        let packages = std::env::var_os("METERLAKE_NODE_MODULES").expect("METERLAKE_NODE_MODULES");
        std::os::unix::fs::symlink(packages, scripts.join("node_modules")).unwrap();
        for entry in std::fs::read_dir(tests("node")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "mjs") {
                std::fs::copy(&path, scripts.join(path.file_name().unwrap())).unwrap();
            }
        }
        scripts
    })
}

fn succeed(mut command: Command, file: &str) {
    let demo = Demo::shared();
    for proxy in PROXIES {
        command.env_remove(proxy);
    }
    let output = command.envs(demo.environment()).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{file}: {}\n{stdout}\n{stderr}\nserver: {}", output.status, demo.log());
    // Past the capture of the test runner, so that the numbers of a good run are seen too.
    for line in stdout.lines().filter(|line| line.starts_with("schemathesis: ")) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
