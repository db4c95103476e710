//! Reports by name, asked of a server or of the data folder itself, and their rows.

mod client;
mod page;
mod request;

use std::io::Write as _;

use anyhow::bail;

pub(crate) use client::Client;
pub(crate) use request::{ReportName, ReportOptions};

use crate::rows::{RowFormat, RowPrinter, printer};
use page::Page;

/// Asks for every page and prints its rows, `limit` at most; `fields` are those of a row, should none come.
pub(crate) async fn print(
    client: &Client,
    name: ReportName,
    path: &str,
    fields: &[&str],
    limit: Option<u64>,
    format: RowFormat,
) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let printed = pages(client, name, path, limit, printer(format, fields, &mut out)).await;
    match printed.and_then(|()| Ok(out.flush()?)) {
        // A reader that went away is no error.
        Err(error)
            if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        other => other,
    }
}

async fn pages(
    client: &Client,
    name: ReportName,
    path: &str,
    limit: Option<u64>,
    mut printer: Box<dyn RowPrinter + '_>,
) -> anyhow::Result<()> {
    let mut left = limit.unwrap_or(u64::MAX);
    let mut next = Some(path.to_owned());
    // Rows that are ready are printed before the next page is asked for; only a table waits.
    while let Some(at) = next.filter(|_| left > 0) {
        let page = Page::read(name, &client.get(&at).await?)?;
        for row in &page.rows {
            if left == 0 {
                break;
            }
            printer.row(row)?;
            left -= 1;
        }
        next = page.next.as_deref().map(|link| page::follow(path, link)).transpose()?;
        if next.as_ref() == Some(&at) {
            bail!("the server answered with a next link to the page itself: {at}");
        }
    }
    Ok(printer.end()?)
}
