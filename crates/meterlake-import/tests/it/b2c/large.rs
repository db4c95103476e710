//! More events than are placed at once. Run by hand: `cargo test -p meterlake-import -- --ignored b2c::large`.

use std::io::Write as _;

use super::world::{CODE, EXCHANGE, ID_TOKEN, WEB, World, committed, is_current, record};

#[tokio::test]
#[ignore = "takes minutes"]
async fn many_events_in_bounded_memory() {
    let world = World::new().await;
    let path = world.folder.path().join("many.json");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let (mut hybrid, mut refreshes) = (0u64, 0u64);
    for number in 0..700_000u32 {
        // Groups of a hybrid sign-in, whose records lie far apart, and refreshes.
        let what = [ID_TOKEN, CODE, EXCHANGE][(number / 233_334) as usize];
        let time = format!("2024-11-{:02}T{:02}:{:02}:00Z", number % 19 + 1, number % 24, number % 60);
        (hybrid, refreshes) = (hybrid + u64::from(what == ID_TOKEN), refreshes + u64::from(what == EXCHANGE));
        writeln!(out, "{}", record(&format!("e{number}"), &time, what, number % 233_334 + 1, WEB, true)).unwrap();
    }
    out.into_inner().unwrap();
    let started = std::time::Instant::now();
    committed(world.import(&[&path]).await);
    println!("imported in {:?}", started.elapsed());
    let (counts, _) = world.daily().await;
    let sum = |flow: &str| counts.iter().filter(|((_, _, f), _)| f == flow).map(|(_, c)| c.1).sum::<u64>();
    assert_eq!((sum("hybrid"), sum("publicclient-refreshtoken"), sum("implicit")), (hybrid, refreshes, 0));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default());
    assert!(is_current(&world.import(&[&path]).await));
}
