//! EA usage details: pages, downloads, asynchronous exports and their files, for v1, v2 and v3.

mod blob;
mod caller;
mod conditions;
mod csv_file;
mod docs;
mod errors;
mod export_job;
mod leftovers;
mod outlined;
mod pages;
mod range;
mod routes;
mod selection;
mod storage_errors;
mod unsynced;
mod wire;

pub(crate) use docs::{refusal_body, storage_refusal_body};
pub(crate) use errors::EaShape;
pub(crate) use export_job::{keep_exports, recover as recover_exports};
pub(crate) use routes::{blob_routes, routes};
pub(crate) use storage_errors::StorageShape;
pub(crate) use wire::json_fields;
