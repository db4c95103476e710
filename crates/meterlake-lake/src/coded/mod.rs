//! Rows as codes: columns whose texts are codes of dictionaries that last for a whole write. They are sorted by ranks,
//! spilled as narrow numbers, and become dictionary pages without being hashed or compared again.

mod bound;
mod bucket;
mod chunk;
mod column;
mod dictionary;
mod file;
mod foreign;
mod hybrid;
mod number;
mod order;
mod part;
mod rows;
mod sink;
mod spill;
mod stream;

pub use dictionary::{EMPTY, TextDictionary};
pub use rows::{Cells, CodedColumn, CodedRows, Number};
pub use sink::{CodedSink, SinkOptions};
