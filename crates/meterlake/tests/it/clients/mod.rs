//! Clients that nobody here wrote, on the real program: each test runs the scripts of one client against one demo, which
//! all of them share. `./dev test` installs the clients; where they are absent, the tests say that they skip.

mod demo;
mod scripts;

use scripts::{node, python};

#[test]
fn adal_for_python() {
    python("test_adal.py");
}

#[test]
fn azure_storage_blob_for_python() {
    python("test_storage_blob.py");
}

#[test]
fn azure_storage_blob_on_an_expired_link() {
    python("test_expired_link.py");
}

#[test]
fn msal_for_python() {
    python("test_msal.py");
}

#[test]
fn pandas() {
    python("test_pandas.py");
}

#[test]
fn requests_as_samples_and_field_clients_send_them() {
    python("test_requests.py");
}

#[test]
fn requests_walks_while_imports_replace_the_data() {
    python("test_walks.py");
}

#[test]
fn schemathesis_finds_every_answer_as_documented() {
    python("test_openapi.py");
}

#[test]
fn sign_in_with_msal_and_adal() {
    python("test_sign_in.py");
}

#[test]
fn adal_for_node() {
    node("adal.test.mjs");
}

#[test]
fn azure_storage_blob_for_node() {
    node("storage-blob.test.mjs");
}

#[test]
fn msal_for_node() {
    node("msal.test.mjs");
}

#[test]
fn odata_clients() {
    node("odata.test.mjs");
}
