//! A program that does not serve is reported with what it said.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use meterlake_testkit::TestServer;

#[test]
fn a_program_that_ends_is_reported_with_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::write(&program, "#!/bin/sh\necho \"no lake at $3\" >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let start = Instant::now();
    let error = TestServer::start(&program, dir.path(), &[]).unwrap_err().to_string();
    assert!(
        error.contains("exit status: 3") && error.contains(&format!("no lake at {}", dir.path().display())),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(30));
    assert!(TestServer::start(dir.path().join("absent"), dir.path(), &[]).is_err());
}
