//! Where a table lies: its URL, its object stores, and durable writes.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, local::LocalFileSystem, path::Path as StorePath, prefix::PrefixStore,
};
use url::Url;

use crate::{error::LakeError, read::Footers};

/// The root of one table.
#[derive(Clone, Debug)]
pub(crate) struct TableRoot {
    /// URL of the table, ending in a slash.
    pub(crate) url: Url,
    /// The store of the whole bucket or file system.
    pub(crate) bucket: Arc<dyn ObjectStore>,
    /// The store in which paths are relative to the table.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The table within `bucket`.
    pub(crate) prefix: StorePath,
    /// The folder, when the table is local.
    pub(crate) local: Option<PathBuf>,
    /// The footers of its data files, shared by all its snapshots.
    pub(crate) footers: Arc<Footers>,
}

/// Outcome of writing an object that must not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is there now.
    New,
    /// Someone else wrote it before.
    Taken,
}

impl TableRoot {
    /// The table `name` of the lake at `lake`. Local folders are created.
    pub(crate) fn open(lake: &Url, name: &str) -> Result<Self, LakeError> {
        let refused = |reason: String| LakeError::Root { root: lake.to_string(), reason };
        let mut url = lake.clone();
        url.path_segments_mut()
            .map_err(|()| refused("is not a URL of a folder".to_owned()))?
            .pop_if_empty()
            .extend([name, ""]);
        let (bucket, local): (Arc<dyn ObjectStore>, _) = match url.scheme() {
            "file" => {
                let folder = url.to_file_path().map_err(|()| refused("is not a local path".to_owned()))?;
                create_folder(&folder)?;
                (Arc::new(LocalFileSystem::new()), Some(folder))
            }
            "memory" | "s3" | "s3a" | "az" | "azure" | "abfs" | "abfss" | "gs" => {
                let options = std::env::vars().map(|(key, value)| (key.to_ascii_lowercase(), value));
                let (store, _) = object_store::parse_url_opts(&url, options)?;
                (Arc::from(store), None)
            }
            other => {
                return Err(refused(format!(
                    "{other}:// is not supported; expected a folder, s3://, az://, abfss:// or gs://"
                )));
            }
        };
        let (_, prefix) = object_store::ObjectStoreScheme::parse(&url).map_err(|e| refused(e.to_string()))?;
        let store = Arc::new(PrefixStore::new(Arc::clone(&bucket), prefix.clone()));
        Ok(Self { url, bucket, store, prefix, local, footers: Arc::default() })
    }

    /// A path relative to the table, as the bucket knows it.
    pub(crate) fn in_bucket(&self, path: &str) -> StorePath {
        self.prefix.parts().chain(StorePath::from(path).parts()).collect()
    }

    /// Writes a small object so that it survives a power cut, replacing an older one.
    pub(crate) async fn put(&self, path: &str, content: Bytes) -> Result<(), LakeError> {
        match &self.local {
            Some(folder) => {
                let target = folder.join(path);
                blocking(move || put_local(&target, &content, false).map(drop)).await
            }
            None => Ok(self.store.put(&StorePath::from(path), content.into()).await.map(drop)?),
        }
    }

    /// Writes a small object so that it survives a power cut, unless there is one of this name.
    pub(crate) async fn create(&self, path: &str, content: Bytes) -> Result<Created, LakeError> {
        match &self.local {
            Some(folder) => {
                let target = folder.join(path);
                blocking(move || put_local(&target, &content, true)).await
            }
            None => match self.store.put_opts(&StorePath::from(path), content.into(), PutMode::Create.into()).await {
                Ok(_) => Ok(Created::New),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Taken),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Reads a small object, if it exists.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Bytes>, LakeError> {
        match self.store.get(&StorePath::from(path)).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads ranges of an object. Local files are read here and now: their parts mostly lie in the system's cache, where
    /// handing them over to another thread takes longer than the reading.
    pub(crate) async fn ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError> {
        match &self.local {
            Some(folder) => {
                let path = folder.join(path);
                read_ranges(&path, ranges).map_err(LakeError::io(&path))
            }
            None => Ok(self.store.get_ranges(&StorePath::from(path), ranges).await?),
        }
    }

    /// Whether an object exists.
    pub(crate) async fn exists(&self, path: &str) -> Result<bool, LakeError> {
        if let Some(folder) = &self.local {
            // Asked for by every request, and answered from the system's memory in microseconds: less than handing it
            // to another thread takes.
            let file = folder.join(path);
            return file.try_exists().map_err(LakeError::io(&file));
        }
        match self.store.head(&StorePath::from(path)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes sure that written files and the folders that name them are on disk. Remote stores need nothing.
    pub(crate) async fn sync(&self, paths: Vec<String>) -> Result<(), LakeError> {
        let Some(folder) = self.local.clone() else { return Ok(()) };
        blocking(move || {
            let mut folders = std::collections::BTreeSet::from([folder.clone()]);
            for path in paths {
                let file = folder.join(&path);
                fs::File::open(&file).and_then(|f| f.sync_all()).map_err(LakeError::io(&file))?;
                folders.extend(file.parent().map(Path::to_path_buf));
            }
            folders.iter().try_for_each(|folder| sync_folder(folder))
        })
        .await
    }

    /// Takes the lock that keeps other processes from committing; held until the value is dropped.
    pub(crate) async fn lock(&self, name: &str) -> Result<Option<fs::File>, LakeError> {
        let Some(folder) = &self.local else { return Ok(None) };
        let path = folder.join(name);
        blocking(move || {
            let file = fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(LakeError::io(&path))?;
            file.lock().map_err(LakeError::io(&path))?;
            Ok(Some(file))
        })
        .await
    }
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
) -> Result<T, LakeError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| LakeError::Task(e.to_string()))?
}

fn create_folder(folder: &Path) -> Result<(), LakeError> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(LakeError::io(folder))?;
    folder.ancestors().skip(1).take(2).filter(|f| f.is_dir()).try_for_each(sync_folder)
}

fn read_ranges(path: &Path, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
    let mut file = fs::File::open(path)?;
    let read = ranges.iter().map(|range| {
        let length = range.end.saturating_sub(range.start);
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
        if (&mut file).take(length).read_to_end(&mut bytes)? as u64 != length {
            let reason = format!("ends within the bytes {}..{}", range.start, range.end);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        Ok(Bytes::from(bytes))
    });
    read.collect()
}

/// Reads bytes of an open file; others may read it at the same time.
#[cfg(unix)]
pub(crate) fn read_at(file: &fs::File, start: u64, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, start)
}

/// Reads bytes of an open file; others may read it at the same time.
#[cfg(windows)]
pub(crate) fn read_at(file: &fs::File, mut start: u64, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                start += read as u64;
                into = &mut into[read..];
            }
        }
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), LakeError> {
    // Windows cannot open a folder as a file, and needs no such sync.
    if cfg!(windows) {
        return Ok(());
    }
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(LakeError::io(folder))
}

/// Writes a temporary file beside the target, syncs it, and gives it its name in one step.
fn put_local(target: &Path, content: &[u8], only_new: bool) -> Result<Created, LakeError> {
    let folder = target.parent().unwrap_or(target);
    create_folder(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix("_tmp-").suffix(".tmp");
    // Temporary files are private by default, but other tools shall read the table.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder).map_err(LakeError::io(folder))?;
    temporary.write_all(content).map_err(LakeError::io(temporary.path()))?;
    temporary.as_file().sync_all().map_err(LakeError::io(temporary.path()))?;
    if only_new {
        // A hard link fails when the name is taken, which a rename would not.
        match fs::hard_link(temporary.path(), target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Taken),
            Err(_) => match temporary.persist_noclobber(target) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Taken),
                Err(error) => return Err(LakeError::io(target)(error.error)),
            },
        }
    } else {
        temporary.persist(target).map_err(|error| LakeError::io(target)(error.error))?;
    }
    sync_folder(folder)?;
    Ok(Created::New)
}
