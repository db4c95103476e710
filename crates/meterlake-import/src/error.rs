//! What can go wrong in an import. Every message names the input, the place and what was expected.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use meterlake_lake::LakeError;
use meterlake_model::{BillingPeriod, Day, ImportId, SourceKind};

use crate::JournalError;
use crate::scope::WouldDrop;

/// Why an import stopped. Each message is whole by itself: a cause is in it, not behind it as a source.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    // Reading and mapping
    /// A file or folder could not be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The set of paths is not something to import: a folder without manifest, a missing blob, no path at all.
    #[error("{place}: {reason}")]
    Discovery {
        /// The path or file at fault.
        place: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The contents are not a source of charges: empty, of another kind, not UTF-8.
    #[error("{file}: {reason}")]
    Unrecognised {
        /// The file, with its zip member if any.
        file: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The contents break off or do not parse at a place.
    #[error("{file}, {place}: {reason}")]
    Damaged {
        /// The file, with its zip member if any.
        file: String,
        /// Where: `line 12` or `byte 4096`.
        place: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// Something that the file does not say must be given as an option.
    #[error("{file}: {reason}; give {option}")]
    OptionNeeded {
        /// The file, with its zip member if any.
        file: String,
        /// What is missing or cannot be decided.
        reason: String,
        /// The option that settles it, for example `--currency`.
        option: &'static str,
    },
    /// An option contradicts the file.
    #[error("{file}: {reason}")]
    OptionConflict {
        /// The file, with its zip member if any.
        file: String,
        /// What contradicts what.
        reason: String,
    },
    // Run, scope and commit
    /// Files of one run are of different kinds.
    #[error(
        "{first} is {first_kind}, but {second} is {second_kind}; import files of different kinds one after the other"
    )]
    MixedKinds {
        /// A file.
        first: String,
        /// Its kind.
        first_kind: SourceKind,
        /// A file of another kind.
        second: String,
        /// Its kind.
        second_kind: SourceKind,
    },
    /// The files hold no row.
    #[error("{files}: no data row, so there is nothing to import")]
    NoRows {
        /// Names of the files.
        files: String,
    },
    /// A file does not have as many rows as the manifest says.
    #[error("{file} has {found} rows, but {manifest} says {expected}; the file is not complete, fetch it again")]
    RowsMissing {
        /// The file.
        file: String,
        /// The manifest.
        manifest: String,
        /// Rows according to the manifest.
        expected: u64,
        /// Rows found.
        found: u64,
    },
    /// Rows could not be taken, and that was not allowed.
    #[error(
        "{rejected} of {read} rows cannot be taken{limit}, so nothing was imported. {first}. All of them are in {}; \
         to import the other rows, give --allow-rejects", path.display()
    )]
    Rejected {
        /// Rows that cannot be taken.
        rejected: u64,
        /// Rows read.
        read: u64,
        /// Limit of `--allow-rejects`, as text.
        limit: String,
        /// The first few rejects.
        first: String,
        /// File with all of them.
        path: PathBuf,
    },
    /// A file was imported before and replaced since.
    #[error(
        "{file} holds what import {import} of {day} brought and later imports replaced{by}; to go back to it, give --force"
    )]
    Superseded {
        /// The file.
        file: String,
        /// The import that brought its rows first.
        import: ImportId,
        /// Day of that import.
        day: Day,
        /// What replaced it, as text.
        by: String,
    },
    /// The manifest is of an earlier run than what is held.
    #[error(
        "{manifest}: this run is of {run_time}, but the lake holds a later one of {held_time} (import {import}); to go back to it, give --force"
    )]
    OlderRun {
        /// The manifest.
        manifest: String,
        /// Time of this run.
        run_time: DateTime<Utc>,
        /// Time of the run that is held.
        held_time: DateTime<Utc>,
        /// The import that brought it.
        import: ImportId,
    },
    /// The files lack something that the lake holds.
    #[error("{0}")]
    WouldDrop(Box<WouldDrop>),
    /// A row lies outside of what the user said that the files cover.
    #[error(
        "the files hold rows of {what}, which is outside of --scope {scope}; correct the scope, or leave such rows out"
    )]
    OutsideScope {
        /// The scope as given.
        scope: String,
        /// What lies outside.
        what: String,
    },
    /// The lake holds the same charges from elsewhere.
    #[error(
        "the lake holds charges of {held}, period {period} (import {imports}), with the same subscriptions and days \
         ({subscriptions}): {why}; nothing was changed. To replace them, give --replace"
    )]
    WouldCountTwice {
        /// Scope that is held.
        held: String,
        /// Billing period.
        period: BillingPeriod,
        /// Imports that brought it.
        imports: String,
        /// Why both cannot stand.
        why: &'static str,
        /// Subscriptions on which they meet.
        subscriptions: String,
    },
    /// One run holds the same customers' charges billed and not yet billed.
    #[error(
        "the files hold billed and unbilled charges of the same customers in period {period}, {currency} ({customers}), \
         which would count twice; import the billed files after the unbilled ones, or without them"
    )]
    BilledAndUnbilled {
        /// Billing period.
        period: BillingPeriod,
        /// Currency.
        currency: String,
        /// The customers.
        customers: String,
    },
    /// A total does not fit an exact decimal.
    #[error("the total of {what} has more digits than an exact decimal can hold; nothing was imported")]
    TotalTooLarge {
        /// Which total.
        what: String,
    },
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The journal of imports failed.
    #[error("journal of imports: {0}")]
    Journal(JournalError),
    /// The import is committed, but the journal could not store it.
    #[error(
        "import {import} is in the lake (snapshot {version}), but its record could not be stored: {error}; the next command will do it"
    )]
    Unrecorded {
        /// The import.
        import: ImportId,
        /// Its snapshot.
        version: u64,
        /// What the journal said.
        error: JournalError,
    },
    /// A record of an import cannot be read or written.
    #[error("record of import {import}: {error}")]
    Record {
        /// The import.
        import: ImportId,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// Maintenance of this data folder is under way already.
    #[error("maintenance of {folder} is under way already, by the server or another command; nothing was done")]
    MaintenanceBusy {
        /// The data folder.
        folder: String,
    },
    /// A background task ended abnormally.
    #[error("background task: {0}")]
    Task(String),
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn the_cause_is_said_once() {
        let gone = ImportError::Io { path: "a.csv".into(), error: std::io::Error::other("disk gone") };
        let lake = ImportError::from(LakeError::Task("disk gone".to_owned()));
        for (error, message) in [(gone, "a.csv: disk gone"), (lake, "background task: disk gone")] {
            assert_eq!(error.to_string(), message);
            assert!(error.source().is_none(), "{error}");
        }
    }
}
