//! Data files that an import wrote and then did not commit.

use std::collections::{HashMap, hash_map::Entry};

use meterlake_model::ImportId;
use object_store::{ObjectStoreExt, path::Path as StorePath};

use crate::{
    error::LakeError,
    lake::Lake,
    snapshot::{ChargesSnapshot, parse_path},
    writer::WrittenFile,
};

impl Lake {
    /// Deletes those of an import's written files that its commit did not take over. To be called by the writer of
    /// the files after its commit; files that the commit names stay, also when a later import has replaced them.
    /// Returns the number of files deleted.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn delete_unused(&self, written: &[WrittenFile]) -> Result<usize, LakeError> {
        let mut deleted = 0;
        let mut commits: HashMap<ImportId, Option<ChargesSnapshot>> = HashMap::new();
        for file in written {
            let Some((_, _, import)) = parse_path(&file.path) else { continue };
            if let Entry::Vacant(place) = commits.entry(import) {
                let made = match self.committed_version(import).await? {
                    Some(version) => Some(self.charges_at(version).await?),
                    None => None,
                };
                place.insert(made);
            }
            if commits.get(&import).is_some_and(|made| made.as_ref().is_some_and(|s| s.file(&file.path).is_some())) {
                continue;
            }
            match self.0.root.store.delete(&StorePath::from(file.path.as_str())).await {
                Ok(()) => deleted += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(deleted)
    }
}
