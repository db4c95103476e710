//! A download that is counted, or written to a file, and not looked at.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{Connection, Request};

/// Downloads and tells bytes and microseconds, those up to the first byte of the body by themselves.
///
/// # Errors
/// When the answer is not 200, breaks off, or cannot be written.
pub async fn sink(address: &str, request: &Request, file: Option<&Path>) -> Result<Value> {
    let mut out = match file {
        Some(path) => Some(File::create(path).with_context(|| format!("cannot create {}", path.display()))?),
        None => None,
    };
    let mut connection = Connection::open(address).await?;
    let start = Instant::now();
    let (mut bytes, mut first, mut failed, mut begin) = (0_u64, None, None, Vec::new());
    let status = connection
        .send(request, |piece| {
            first.get_or_insert_with(|| start.elapsed());
            bytes += piece.len() as u64;
            if begin.len() < 300 {
                begin.extend_from_slice(&piece[..piece.len().min(300)]);
            }
            if let Some(out) = &mut out {
                failed = failed.take().or(out.write_all(piece).err());
            }
        })
        .await?;
    let elapsed = start.elapsed();
    if let Some(error) = failed {
        return Err(error).context("what was downloaded cannot be written");
    }
    if status != 200 {
        bail!("{} was answered {status}: {}", request.path(), String::from_utf8_lossy(&begin));
    }
    Ok(json!({
        "bytes": bytes,
        "elapsed_us": elapsed.as_micros() as u64,
        "first_byte_us": first.unwrap_or(elapsed).as_micros() as u64,
    }))
}
