//! Reading row groups of data files without the engine: only the wanted columns, text as dictionaries where the file
//! holds it so, nothing read twice that tells where things lie.
//!
//! [`TableSnapshot::row_groups`](crate::TableSnapshot::row_groups) lists them, [`RowGroup::fetch`] reads bytes, and
//! [`FetchedRowGroup::batches`] or
//! [`FetchedRowGroup::coded`] decode them on the thread that asks.

mod batches;
mod chunks;
mod coded;
mod footers;
mod header;
mod rle;
mod row_group;
mod stored;
mod visit;

pub(crate) use footers::Footers;
pub(crate) use stored::{Buffers, Chunk, DataPage, OpenGroup, Unread};
pub(crate) use visit::{Take, visit};

pub use batches::{FetchedRowGroup, RowGroupBatches};
pub use coded::{CodedColumn, Codes, Texts, Values};
pub use row_group::RowGroup;
