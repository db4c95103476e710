//! A walk over pages by next link.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use memchr::memmem;
use serde_json::{Value, json};

use super::{Connection, Request};

/// Pages at either end whose middle one stands for the first and the last page.
const ENDS: usize = 9;
/// Bytes at the end of a page in which its next link is looked for.
const TAIL: usize = 8192;

/// Walks from the first page to the last, or as far as `most` pages, and tells bytes and times in microseconds.
///
/// # Errors
/// When a page is not answered 200, or its next link cannot be read.
pub async fn walk(address: &str, path: &str, headers: &[String], most: usize, file: Option<&Path>) -> Result<Value> {
    let mut out = match file {
        Some(path) => Some(File::create(path).with_context(|| format!("cannot create {}", path.display()))?),
        None => None,
    };
    let mut connection = Connection::open(address).await?;
    let mut request = Request::get(path, headers);
    let (mut micros, mut bytes, mut page) = (Vec::new(), 0_u64, Vec::new());
    let start = Instant::now();
    loop {
        page.clear();
        if !connection.is_open() {
            connection = Connection::open(address).await?;
        }
        let sent = Instant::now();
        let status = connection.send(&request, |piece| page.extend_from_slice(piece)).await?;
        micros.push(sent.elapsed().as_micros() as u64);
        if status != 200 {
            let begin = String::from_utf8_lossy(&page[..page.len().min(300)]).into_owned();
            bail!("page {} ({}) was answered {status}: {begin}", micros.len(), request.path());
        }
        bytes += page.len() as u64;
        if let Some(out) = &mut out {
            out.write_all(&page)?;
            out.write_all(b"\n")?;
        }
        match next_link(&page)? {
            Some(link) if micros.len() < most => request = Request::get(&link, headers),
            _ => break,
        }
    }
    let elapsed = start.elapsed();
    let middle = |times: &[u64]| {
        let mut times = times.to_vec();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    };
    // The very last page is seldom full, so it stands not for the cost of a page there.
    let full = &micros[..micros.len().max(2) - 1];
    let ends = ENDS.min(full.len());
    Ok(json!({
        "pages": micros.len(),
        "bytes": bytes,
        "elapsed_us": elapsed.as_micros() as u64,
        "first_us": middle(&full[..ends]),
        "last_us": middle(&full[full.len() - ends..]),
        "very_first_us": micros.first(),
        "very_last_us": micros.last(),
        "middle_us": middle(&micros),
        "slowest_us": micros.iter().max(),
    }))
}

/// The path of the next page, none on the last one. Of the JSON nothing but this is read.
fn next_link(page: &[u8]) -> Result<Option<String>> {
    const NAME: &[u8] = b"nextLink\":";
    let tail = &page[page.len().saturating_sub(TAIL)..];
    let Some(at) = memmem::rfind(tail, NAME) else {
        return Ok(None);
    };
    let value = &tail[at + NAME.len()..];
    let mut values = serde_json::Deserializer::from_slice(value).into_iter::<Value>();
    let link = values.next().context("a page ends behind the name of its next link")??;
    let Some(link) = link.as_str() else {
        return Ok(None);
    };
    let path = link.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
    Ok(Some(path.with_context(|| format!("the next link '{link}' is not absolute"))?))
}

#[cfg(test)]
mod tests {
    use super::next_link;

    #[test]
    fn reads_the_link_behind_the_rows() {
        let page = br#"{"data":[{"a":"nextLink"}],"nextLink":"http://127.0.0.1:80/v3/x?skiptoken=a%2Bb\u0026c=1"}"#;
        assert_eq!(next_link(page).unwrap(), Some("/v3/x?skiptoken=a%2Bb&c=1".to_owned()));
        assert_eq!(next_link(br#"{"Value":[],"@nextLink":null,"TotalCount":0}"#).unwrap(), None);
        assert!(next_link(br#"{"nextLink":"relative"}"#).is_err());
    }
}
