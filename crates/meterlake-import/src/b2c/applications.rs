//! The tenant's applications, from Graph `applications`: which of them can keep a secret.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::activity::Client;
use crate::dataset::records::{Entry, RecordFile};
use crate::{ImportError, NoProgress, dataset};

/// Applications by id in lower case.
pub(crate) type Applications = HashMap<String, Client>;

/// Reads a file (or a folder of pages) of Graph `applications`.
pub(crate) fn read(path: &Path) -> Result<Applications, ImportError> {
    let mut applications = Applications::new();
    for file in dataset::find(&[path.to_owned()])? {
        let mut records = RecordFile::open(&file)?;
        while let Some(entry) = records.next(&NoProgress)? {
            let damaged = |line: u64, reason: String| ImportError::Damaged {
                file: file.name.clone(),
                place: format!("line {line}"),
                reason,
            };
            match entry {
                Entry::Fault { line, reason } => return Err(damaged(line, reason)),
                Entry::Record { line, fields } => {
                    let id = fields.get("appId").and_then(Value::as_str).map(str::to_ascii_lowercase);
                    let Some(id) = id.filter(|id| !id.is_empty()) else {
                        return Err(damaged(line, "no appId; expected the records of Graph `applications`".to_owned()));
                    };
                    applications.insert(id, client(&fields));
                }
            }
        }
    }
    Ok(applications)
}

/// Public when it says so itself, or has redirect addresses of public clients only; confidential when it has web
/// redirect addresses or credentials; else public.
fn client(application: &Map<String, Value>) -> Client {
    let redirects = |platform: &str| {
        let uris = application.get(platform).and_then(|p| p.get("redirectUris")).and_then(Value::as_array);
        uris.is_some_and(|uris| !uris.is_empty())
    };
    let credentials = |name: &str| application.get(name).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    if application.get("isFallbackPublicClient").and_then(Value::as_bool) == Some(true) {
        return Client::Public;
    }
    if redirects("web") {
        return Client::Confidential;
    }
    let public = redirects("publicClient") || redirects("spa");
    let secret = credentials("passwordCredentials") || credentials("keyCredentials");
    if secret && !public { Client::Confidential } else { Client::Public }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_and_confidential() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("apps.json");
        let pages = r#"{"@odata.context":"x","value":[
            {"appId":"AAAAAAAA-0000-4000-8000-000000000001","web":{"redirectUris":["https://a"]},"publicClient":{"redirectUris":[]}},
            {"appId":"aaaaaaaa-0000-4000-8000-000000000002","web":{"redirectUris":[]},"publicClient":{"redirectUris":["app://b"]}},
            {"appId":"aaaaaaaa-0000-4000-8000-000000000003","web":{"redirectUris":["https://c"]},"isFallbackPublicClient":true},
            {"appId":"aaaaaaaa-0000-4000-8000-000000000004","passwordCredentials":[{"keyId":"k"}]},
            {"appId":"aaaaaaaa-0000-4000-8000-000000000005","isFallbackPublicClient":null}]}"#;
        std::fs::write(&file, pages).unwrap();
        let read = read(&file).unwrap();
        let of = |n: u32| read[&format!("aaaaaaaa-0000-4000-8000-00000000000{n}")];
        use Client::{Confidential, Public};
        assert_eq!([1, 2, 3, 4, 5].map(of), [Confidential, Public, Public, Confidential, Public]);
    }
}
