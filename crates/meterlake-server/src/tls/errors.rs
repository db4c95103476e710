//! Why a certificate cannot be used.

use std::path::PathBuf;

/// Why the files of a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the {what} {path} cannot be read: {source}")]
    Read {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no {what} as PEM (expected a block that begins with {begin}){hint}")]
    NotThere {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The line that a block of it starts with.
        begin: &'static str,
        /// What it seems to hold in its place, after a semicolon; else empty.
        hint: &'static str,
    },
    /// A block of a file is broken.
    #[error("{path} holds a {what} that cannot be read: {reason}")]
    Broken {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not belong together.
    #[error("the private key in {key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}
