//! Memory and time of a large file; run by hand.

use super::world::{World, committed, ea};

#[tokio::test]
#[ignore = "large; run by hand"]
async fn memory_does_not_grow_with_the_file() {
    let rows: usize = std::env::var("METERLAKE_TEST_ROWS").ok().and_then(|r| r.parse().ok()).unwrap_or(1_000_000);
    let world = World::new().await;
    let text = ea(&[("2024-11-01", "a", "1.25", "EUR"), ("2024-11-02", "b", "3.1", "EUR")]);
    let lines: Vec<&str> = text.lines().collect();
    let path = world.folder.path().join("large.csv");
    {
        use std::io::Write;
        let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        writeln!(out, "{}", lines[0]).unwrap();
        for row in 0..rows {
            writeln!(out, "{}", lines[1 + row % 2]).unwrap();
        }
    }
    let started = std::time::Instant::now();
    let record = committed(world.actual(&[&path]).await);
    println!("{rows} rows, {} bytes in {:?}", record.files[0].size, started.elapsed());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{:?}", status.lines().find(|l| l.starts_with("VmHWM")));
    assert_eq!(record.counts.taken, rows as u64);
}
