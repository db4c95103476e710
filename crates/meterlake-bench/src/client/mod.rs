//! HTTP/1.1 clients that cost little, so that what is measured is the server.

mod connection;
mod load;
mod sink;
mod walk;

pub use connection::{Connection, Request};
pub use load::{Load, load};
pub use sink::sink;
pub use walk::walk;
