//! Clients that stand still are cut off, and only they.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::authority::Authority;
use crate::serving::Serving;
use crate::world::World;

const SHORT: Duration = Duration::from_millis(300);
/// Far longer than anything here takes, far shorter than the limits that are not under test.
const GUARD: Duration = Duration::from_secs(20);

/// A world whose limits are longer than the guard, except those that `change` sets.
async fn world(change: impl FnOnce(&mut meterlake_server::ConnectionLimits)) -> World {
    let mut world = World::new().await;
    let long = Duration::from_secs(3600);
    let limits = &mut world.config.connections;
    (limits.handshake, limits.request_head, limits.request_body) = (long, long, long);
    (limits.idle, limits.stalled) = (long, long);
    change(limits);
    world
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(GUARD, stream.read_to_end(&mut answer)).await.expect("the server closes the connection");
    String::from_utf8(answer).unwrap()
}

/// An answer with a `Content-Length`.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
        let mut piece = [0; 4096];
        let read = timeout(GUARD, stream.read(&mut piece)).await.expect("an answer").unwrap();
        assert!(read > 0, "the connection ended after {text:?}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_head_that_does_not_come() {
    let world = world(|limits| limits.request_head = SHORT).await;
    let serving = Serving::start(&world).await;
    assert_eq!(rest(&mut serving.connect("").await).await, "");
    assert_eq!(rest(&mut serving.connect("GET /healthz HTTP/1.1\r\nHost:").await).await, "");
    assert_eq!(rest(&mut serving.connect("PRI * HTTP/2.0\r\n\r\nSM\r\n").await).await, "");
    // The second head of a connection has the same time.
    let mut stream = serving.connect(HEALTH).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"GET /healthz").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    serving.stop().await;
}

#[tokio::test]
async fn a_connection_without_requests() {
    let world = world(|limits| limits.idle = SHORT).await;
    let serving = Serving::start(&world).await;
    let mut stream = serving.connect(HEALTH).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200"));
    serving.stop().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come() {
    let world = world(|limits| limits.handshake = SHORT).await;
    let serving = Serving::start_tls(&world, Authority::new().tls(&world).await).await;
    assert_eq!(rest(&mut serving.connect("").await).await, "");
    // The start of a handshake record that promises more than comes.
    assert_eq!(rest(&mut serving.connect("\u{16}\u{3}\u{1}\u{2}\0\u{1}").await).await, "");
    serving.stop().await;
}

fn token_request(length: usize, body: &str) -> String {
    format!(
        "POST /partner.example.org/oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_body_that_does_not_come_or_is_too_large() {
    let world = world(|limits| (limits.request_body, limits.largest_body) = (SHORT, 100)).await;
    let serving = Serving::start(&world).await;
    let whole = format!("grant_type=client_credentials&client_id={}&client_secret=wrong", world.client.0);
    let refused = rest(&mut serving.connect(&token_request(whole.len(), &whole)).await).await;
    assert!(refused.contains("invalid_client"), "a body within the limits is read: {refused}");
    let late = rest(&mut serving.connect(&token_request(whole.len(), "grant_type=")).await).await;
    assert!(late.starts_with("HTTP/1.1 400"), "{late}");
    let large = format!("{whole}&x={}", "x".repeat(100));
    let large = rest(&mut serving.connect(&token_request(large.len(), &large)).await).await;
    assert!(large.starts_with("HTTP/1.1 400") && !large.contains("invalid_client"), "{large}");
    serving.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let world = world(|limits| limits.at_once = 1).await;
    let serving = Serving::start(&world).await;
    let mut first = serving.connect(HEALTH).await;
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = serving.connect(HEALTH).await;
    // However long: it must not be answered.
    assert!(timeout(SHORT, second.read(&mut [0])).await.is_err(), "the second is served beside the first");
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
    drop(second);
    serving.stop().await;
}
