//! What can go wrong in an import. Every message names the input, the place and what was expected.

use std::path::PathBuf;

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    // Reading and mapping
    /// A file or folder could not be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
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
}
