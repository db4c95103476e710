//! Many connections that ask all the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Connection, Request};

/// What is asked, by how many, for how long.
#[derive(Debug)]
pub struct Load {
    /// `host:port`.
    pub address: String,
    /// What is asked, in an order that the seed decides.
    pub requests: Vec<Request>,
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// How long.
    pub duration: Duration,
    /// How long before that, not measured.
    pub warm_up: Duration,
    /// Decides the order.
    pub seed: u64,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    micros: Vec<u64>,
    bytes: u64,
    statuses: BTreeMap<u16, u64>,
    /// The first answers that were not 200.
    failures: Vec<String>,
}

/// Runs the load and tells latencies in microseconds, answers and bytes.
///
/// # Errors
/// When there is nothing to ask, or a connection breaks.
pub async fn load(load: Load) -> Result<Value> {
    if load.requests.is_empty() {
        bail!("there are no requests to send");
    }
    let next = Arc::new(AtomicU64::new(load.seed));
    let load = Arc::new(load);
    let start = Instant::now() + load.warm_up;
    let tasks: Vec<_> =
        (0..load.connections).map(|_| tokio::spawn(ask(Arc::clone(&load), Arc::clone(&next), start))).collect();
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await??;
        all.micros.extend(seen.micros);
        all.bytes += seen.bytes;
        for (status, count) in seen.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
        all.failures.extend(seen.failures);
    }
    let elapsed = start.elapsed();
    all.micros.sort_unstable();
    let at = |per_mille: usize| all.micros.get((all.micros.len() * per_mille / 1000).min(all.micros.len().max(1) - 1));
    let failed: u64 = all.statuses.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum();
    all.failures.truncate(3);
    Ok(json!({
        "requests": all.micros.len(),
        "failed": failed,
        "statuses": all.statuses.iter().map(|(status, count)| (status.to_string(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "failures": all.failures,
        "elapsed_us": elapsed.as_micros() as u64,
        "bytes": all.bytes,
        "p50_us": at(500),
        "p90_us": at(900),
        "p99_us": at(990),
        "max_us": all.micros.last(),
    }))
}

async fn ask(load: Arc<Load>, next: Arc<AtomicU64>, start: Instant) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut connection = Connection::open(&load.address).await?;
    let end = start + load.duration;
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok(seen);
        }
        if !connection.is_open() {
            connection = Connection::open(&load.address).await?;
        }
        let number = next.fetch_add(1, Ordering::Relaxed);
        let request = &load.requests[(mixed(number) % load.requests.len() as u64) as usize];
        let (mut bytes, mut body) = (0, Vec::new());
        let status = connection
            .send(request, |piece| {
                bytes += piece.len() as u64;
                // Enough to tell why a request failed.
                if body.len() < 300 {
                    body.extend_from_slice(&piece[..piece.len().min(300)]);
                }
            })
            .await?;
        // What ended in the warm-up does not count; what began in it and ended later does.
        if Instant::now() < start {
            continue;
        }
        seen.micros.push(sent.elapsed().as_micros() as u64);
        seen.bytes += bytes;
        *seen.statuses.entry(status).or_default() += 1;
        if status != 200 && seen.failures.len() < 3 {
            seen.failures.push(format!("{}: {status} {}", request.path(), String::from_utf8_lossy(&body)));
        }
    }
}

/// A number that looks like chance.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
