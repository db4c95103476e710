//! Source files of charges: recognise, read, map, check, reject, and commit them as imports.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod convert;
mod error;
mod inspect;
pub mod mapping;
mod options;
mod progress;
pub mod source;

pub use convert::{ConvertContext, Converted, Converter, Reject, convert};
pub use error::ImportError;
pub use inspect::{Inspected, inspect};
pub use options::{DateFormat, NumberFormat, Options};
pub use progress::{NoProgress, Progress};
pub use source::{Compression, Format, Manifest, ManifestFile, ManifestKind, Run, SourceFile, discover};
