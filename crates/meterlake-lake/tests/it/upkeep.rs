//! Merging files, deleting old ones, verifying them.

mod deleting;
mod merging;
mod verifying;

use std::path::Path;

use meterlake_lake::{Lake, MergesCommitted, Pace, Table, TableSnapshot, session_context};
use meterlake_model::ImportId;

use crate::{rows::new_import, table_rows::as_read};

/// Does all merges of a table, round after round.
async fn merge_all(lake: &Lake, dir: &Path, table: Table) -> Vec<MergesCommitted> {
    let mut rounds = Vec::new();
    loop {
        let (snapshot, merges) = lake.merges(table).await.unwrap();
        if merges.is_empty() {
            return rounds;
        }
        let (id, staging) = (new_import(), dir.join("staging"));
        let merged = lake.write_merges(&snapshot, merges, id, &staging, Pace::Full, &|_| {}).await.unwrap();
        rounds.push(lake.commit_merges(merged).await.unwrap());
        assert!(rounds.len() < 10, "merging does not end: {rounds:?}");
    }
}

/// The rows of a snapshot as texts, sorted.
async fn content(snapshot: &TableSnapshot) -> Vec<String> {
    let context = session_context(1 << 30, None).unwrap();
    let batches = context.read_table(snapshot.provider()).unwrap().collect().await.unwrap();
    let mut rows = as_read(&batches);
    rows.sort_unstable();
    rows
}

/// The data files of a table on disk, by name.
fn on_disk(dir: &Path, table: Table) -> Vec<String> {
    let root = dir.join(table.name());
    let mut names = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with('_') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                names.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names
}

fn live(snapshot: &TableSnapshot) -> Vec<String> {
    snapshot.files().iter().map(|file| file.path.to_string()).collect()
}

fn writers(snapshot: &TableSnapshot) -> std::collections::BTreeSet<ImportId> {
    snapshot.files().iter().map(|file| file.written_by).collect()
}
