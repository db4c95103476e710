//! Import records that cannot be read.

use futures::TryStreamExt;
use meterlake_model::ImportId;
use object_store::{ObjectStore, path::Path as StorePath};
use serde_json::Value;

use super::verify::Finding;
use crate::{commit::RECORDS, error::LakeError, lake::Lake, tables::Table};

impl Lake {
    /// The import records beside a table that are not what Meterlake wrote; [`Self::committed_imports_in`] passes
    /// them over.
    ///
    /// # Errors
    /// When the records cannot be listed.
    pub async fn damaged_records_in(&self, table: Table) -> Result<Vec<Finding>, LakeError> {
        let root = &self.log(table).root;
        let listed: Vec<_> = root.store.list(Some(&StorePath::from(RECORDS))).try_collect().await?;
        let mut findings = Vec::new();
        for object in listed.iter().filter(|object| object.location.extension() == Some("json")) {
            let path = object.location.to_string();
            let mut wrong = |found: String| {
                findings.push(Finding::new(
                    table,
                    &path,
                    "record",
                    "a record of the import that it is named after",
                    found,
                ));
            };
            let name = object.location.filename().and_then(|name| name.strip_suffix(".json"));
            let content = match root.get(&path).await {
                Ok(Some(content)) => content,
                // Gone meanwhile: an import that was given up.
                Ok(None) => continue,
                Err(error) => {
                    wrong(error.to_string());
                    continue;
                }
            };
            match serde_json::from_slice::<Value>(&content) {
                Ok(value) => {
                    let import = value.get("import").and_then(Value::as_str);
                    if import.and_then(|text| text.parse::<ImportId>().ok()).is_none() || import != name {
                        wrong(format!("one of import {}", import.unwrap_or("none")));
                    }
                }
                Err(error) => wrong(error.to_string()),
            }
        }
        findings.sort();
        Ok(findings)
    }
}
