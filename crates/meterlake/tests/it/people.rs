//! Users, consents and applications on the command line.

use std::io::Write as _;
use std::process::Stdio;

use crate::program::{Folder, text};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.succeed(&["tenant", "set", TENANT, "--domain", "fabrikam.example"]);
    folder
}

/// Runs the program with a text at its standard input; whether it succeeded, and all that it said.
fn told(folder: &Folder, arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = folder.command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn users_get_passwords_and_lose_them() {
    let folder = folder();
    let add = ["user", "add", "olga", "--tenant", "fabrikam.example", "--password-stdin"];
    let (good, said) = told(&folder, &add, "short\n");
    assert!(!good && said.contains("at least 8 characters"), "{said}");
    assert!(folder.succeed(&["user", "list"]).contains("no users yet"));
    let (good, said) = told(&folder, &add, "correct horse\n");
    assert!(good && said.contains("olga can sign in") && !said.contains("horse"), "{said}");
    let (good, said) = told(&folder, &["user", "password", "olga"], "");
    assert!(!good && said.contains("--password-stdin or --generate"), "{said}");
    let made = folder.succeed(&["user", "password", "olga", "--generate"]);
    assert_eq!(made.trim().len(), 19, "{made}");
    assert!(folder.succeed(&["user", "list"]).contains("can sign in"));
    folder.succeed(&["user", "password", "olga", "--remove"]);
    assert_eq!(folder.json(&["user", "list", "--json"])[0]["password"], false);
    let again = folder.run(&["user", "password", "olga", "--remove"]);
    assert!(!again.status.success() && text(&again.stderr).contains("has no password"));
    folder.succeed(&["user", "sign-out", "olga"]);
    folder.succeed(&["user", "remove", "olga"]);
    assert!(folder.succeed(&["user", "list"]).contains("no users yet"));
}

#[test]
fn applications_get_redirect_uris() {
    let folder = folder();
    let add = ["principal", "add", "application", "tool", "--tenant", TENANT, "--public"];
    let refused = folder.run(&[&add[..], &["--redirect-uri", "http://example.org"]].concat());
    assert!(!refused.status.success() && text(&refused.stderr).contains("expected https"), "{refused:?}");
    let tool = folder.json(&[&add[..], &["--redirect-uri", "http://localhost"]].concat());
    assert_eq!(tool["public"], true);
    folder.succeed(&["principal", "redirect", "add", "tool", "https://tool.fabrikam.example/auth"]);
    let list = folder.succeed(&["principal", "redirect", "list", "tool"]);
    assert!(list.contains("http://localhost\n") && list.contains("https://tool.fabrikam.example/auth"), "{list}");
    folder.succeed(&["principal", "redirect", "remove", "tool", "http://localhost"]);
    let again = folder.run(&["principal", "redirect", "remove", "tool", "http://localhost"]);
    assert!(!again.status.success() && text(&again.stderr).contains("has no redirect URI"));
    let secret = folder.run(&["secret", "create", "tool"]);
    assert!(!secret.status.success() && text(&secret.stderr).contains("is public"));
    folder.succeed(&["principal", "set", "tool", "--public", "false"]);
    folder.succeed(&["secret", "create", "tool"]);
    let user = folder.run(&["principal", "add", "user", "olga", "--tenant", TENANT, "--public"]);
    assert!(!user.status.success() && text(&user.stderr).contains("are for applications"));
    assert!(folder.succeed(&["consent", "list"]).contains("no consents yet"));
    let none = folder.run(&["consent", "remove", "tool", "tool"]);
    assert!(!none.status.success() && text(&none.stderr).contains("expected user"));
}
