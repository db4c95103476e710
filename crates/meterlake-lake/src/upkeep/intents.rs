//! What maintenance is about to write, noted before it does, so that the next run can clean up after a dead one.

use bytes::Bytes;
use futures::TryStreamExt;
use meterlake_model::ImportId;
use object_store::{ObjectStore, ObjectStoreExt, path::Path as StorePath};

use crate::{error::LakeError, lake::Lake, tables::Table};

/// Folder of the notes, beside the data.
const FOLDER: &str = "_maintenance";

fn path(id: ImportId) -> String {
    format!("{FOLDER}/{id}.writing")
}

impl Lake {
    /// Notes that files of this id are about to be written to a table.
    pub(super) async fn note_writing(&self, table: Table, id: ImportId) -> Result<(), LakeError> {
        self.log(table).root.put(&path(id), Bytes::new()).await
    }

    /// Takes the note back: the files are committed or gone.
    pub(super) async fn forget_writing(&self, table: Table, id: ImportId) -> Result<(), LakeError> {
        match self.log(table).root.store.delete(&StorePath::from(path(id))).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the files that a dead maintenance wrote to a table and did not commit. Only for one who knows that no
    /// other maintenance runs. Returns the ids under which it wrote, and the number of files.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn settle_maintenance(&self, table: Table) -> Result<(Vec<ImportId>, usize), LakeError> {
        let root = &self.log(table).root;
        let listed: Vec<_> = root.store.list(Some(&StorePath::from(FOLDER))).try_collect().await?;
        let (mut ids, mut deleted) = (Vec::new(), 0);
        for object in listed {
            let name = object.location.filename().and_then(|name| name.strip_suffix(".writing"));
            let Some(id) = name.and_then(|name| name.parse::<ImportId>().ok()) else { continue };
            deleted += self.discard_in(table, id).await?;
            // Of a commit that passed some merges over.
            let mark = format!("-{id}-");
            let all: Vec<_> = root.store.list(None).try_collect().await?;
            let names = all.iter().map(|object| object.location.as_ref());
            let unused = names.filter(|name| !name.starts_with('_') && name.contains(&mark));
            deleted += self.delete_unused_paths(table, unused).await?;
            self.forget_writing(table, id).await?;
            ids.push(id);
        }
        Ok((ids, deleted))
    }
}
