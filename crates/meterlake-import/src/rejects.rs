//! The file of rows that could not be taken.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use meterlake_model::ImportId;

use crate::{AllowRejects, ImportError, Reject};

/// Rejects that messages name.
const NAMED: usize = 3;

/// `<data>/rejects/<import id>.csv`, made when the first reject comes. Columns: file, line, column, value, reason, raw.
#[derive(Debug)]
pub(crate) struct RejectsFile {
    path: PathBuf,
    out: Option<BufWriter<File>>,
    count: u64,
    first: Vec<String>,
}

impl RejectsFile {
    pub(crate) fn new(data_dir: &Path, import: ImportId) -> Self {
        let path = data_dir.join("rejects").join(format!("{import}.csv"));
        Self { path, out: None, count: 0, first: Vec::new() }
    }

    /// Removes the file of an import that ended before its rejects were told: nothing names it.
    pub(crate) fn remove(data_dir: &Path, import: ImportId) -> std::io::Result<()> {
        match std::fs::remove_file(Self::new(data_dir, import).path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn add(&mut self, reject: &Reject) -> Result<(), ImportError> {
        if self.out.is_none() {
            let out = self.create().map_err(|error| self.error(error))?;
            self.out = Some(out);
        }
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(describe(reject));
        }
        let line = reject.line.to_string();
        let fields =
            [&reject.file, &line, &reject.column, &reject.value, &reject.reason, &reject.raw].map(|f| quoted(f));
        let written = match &mut self.out {
            Some(out) => write!(out, "{}\r\n", fields.join(",")),
            None => Ok(()),
        };
        written.map_err(|error| self.error(error))
    }

    fn create(&self) -> std::io::Result<BufWriter<File>> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        // It holds rows of charges: for its owner only, as the database.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = BufWriter::new(options.open(&self.path)?);
        out.write_all(b"file,line,column,value,reason,raw\r\n")?;
        Ok(out)
    }

    fn error(&self, error: std::io::Error) -> ImportError {
        ImportError::Io { path: self.path.clone(), error }
    }

    /// Brings everything to disk and tells what was rejected.
    pub(crate) fn finish(mut self) -> Result<Rejects, ImportError> {
        if let Some(out) = self.out.take() {
            let file = out.into_inner().map_err(|e| self.error(e.into_error()))?;
            file.sync_all().map_err(|error| self.error(error))?;
        }
        Ok(Rejects { count: self.count, first: self.first, path: (self.count > 0).then_some(self.path) })
    }
}

/// What an import rejected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejects {
    /// Rows.
    pub(crate) count: u64,
    /// The first few, for messages.
    pub(crate) first: Vec<String>,
    /// Where all of them lie.
    pub(crate) path: Option<PathBuf>,
}

impl Rejects {
    /// The name of their file in the data folder's `rejects/`.
    pub(crate) fn file_name(&self) -> Option<String> {
        self.path.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned())
    }

    /// An error when there are more of them, among `read` rows, than `--allow-rejects` lets through.
    pub(crate) fn check(&self, read: u64, allowed: Option<AllowRejects>) -> Result<(), ImportError> {
        let (most, limit) = match allowed {
            None => (0, String::new()),
            Some(AllowRejects::AtMost(n)) => (n, format!(", more than the {n} that are allowed")),
            Some(AllowRejects::All) => (u64::MAX, String::new()),
        };
        match &self.path {
            Some(path) if self.count > most => Err(ImportError::Rejected {
                rejected: self.count,
                read,
                limit,
                first: self.first.join("; "),
                path: path.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn describe(reject: &Reject) -> String {
    let place = format!("{}, line {}", reject.file, reject.line);
    match (reject.column.is_empty(), reject.value.is_empty()) {
        (true, _) => format!("{place}: {}", reject.reason),
        (false, true) => format!("{place}, column {}: {}", reject.column, reject.reason),
        (false, false) => format!("{place}, column {}, value {:?}: {}", reject.column, reject.value, reject.reason),
    }
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_kept_as_they_stood() {
        let folder = tempfile::tempdir().unwrap();
        let import = ImportId::new(chrono::DateTime::UNIX_EPOCH);
        let mut file = RejectsFile::new(folder.path(), import);
        let reject = Reject {
            file: "a.csv".into(),
            line: 7,
            column: "Cost".into(),
            value: "1,x".into(),
            reason: "not a decimal number".into(),
            raw: "a,\"b\"\"c\",\"1,x\"".into(),
        };
        file.add(&reject).unwrap();
        let rejects = file.finish().unwrap();
        assert_eq!(rejects.first, ["a.csv, line 7, column Cost, value \"1,x\": not a decimal number"]);
        let path = rejects.path.unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            text,
            "file,line,column,value,reason,raw\r\na.csv,7,Cost,\"1,x\",not a decimal number,\"a,\"\"b\"\"\"\"c\"\",\"\"1,x\"\"\"\r\n"
        );
    }

    #[test]
    fn so_many_are_let_through() {
        let rejects = |count| Rejects { count, first: vec!["a".into(), "b".into()], path: Some("r/1.csv".into()) };
        let refused = |count, allowed| rejects(count).check(9, allowed).err().map(|error| error.to_string());
        assert_eq!(refused(1, Some(AllowRejects::All)), None);
        assert_eq!(refused(2, Some(AllowRejects::AtMost(2))), None);
        let message = refused(3, Some(AllowRejects::AtMost(2))).unwrap();
        assert!(message.starts_with("3 of 9 rows cannot be taken, more than the 2 that are allowed"), "{message}");
        assert!(message.contains("a; b") && message.contains("r/1.csv"), "{message}");
        assert!(refused(1, None).unwrap().starts_with("1 of 9 rows cannot be taken, so nothing"));
        assert!(Rejects::default().check(9, None).is_ok());
        assert_eq!(rejects(1).file_name().as_deref(), Some("1.csv"));
    }

    #[test]
    fn no_rejects_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let rejects = RejectsFile::new(folder.path(), ImportId::new(chrono::DateTime::UNIX_EPOCH)).finish().unwrap();
        assert_eq!((rejects.count, rejects.path), (0, None));
        assert!(!folder.path().join("rejects").exists());
    }
}
