//! Data files that an import wrote and then did not commit.

use object_store::{ObjectStoreExt, path::Path as StorePath};

use crate::{error::LakeError, lake::Lake, writer::WrittenFile};

impl Lake {
    /// Deletes those of an import's written files that its commit did not take over. To be called by the writer of
    /// the files after its commit; files that the newest snapshot names stay. Returns the number of files deleted.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn delete_unused(&self, written: &[WrittenFile]) -> Result<usize, LakeError> {
        let snapshot = self.charges().await?;
        let mut deleted = 0;
        for file in written.iter().filter(|f| snapshot.file(&f.path).is_none()) {
            match self.0.root.store.delete(&StorePath::from(file.path.as_str())).await {
                Ok(()) => deleted += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(deleted)
    }
}
