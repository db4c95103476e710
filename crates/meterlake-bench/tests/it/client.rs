//! The clients against a server of few lines.

use std::time::Duration;

use meterlake_bench::client::{Connection, Load, Request, load, sink, walk};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Serves pages 0 to 4 with next links, the odd ones in chunks, `/none` with 404 and `/cut` half.
async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        while let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(seen.drain(..end + 4).collect()).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let answer = match path.as_str() {
                "/none" => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone".to_owned(),
                "/cut" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned(),
                _ => page(path.trim_start_matches("/page/").parse().unwrap(), head.contains("X-Key: k")),
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            if path == "/cut" {
                return;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
}

fn page(at: usize, known: bool) -> String {
    assert!(known, "the header goes with every page");
    let next = if at < 4 { format!("\"http://127.0.0.1:1/page/{}\"", at + 1) } else { "null".to_owned() };
    let body = format!("{{\"data\":[{at}],\"nextLink\":{next}}}");
    if at.is_multiple_of(2) {
        return format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
    let (one, two) = body.split_at(9);
    format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:X};x=y\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    )
}

#[tokio::test]
async fn walks_to_the_last_page_on_one_connection() {
    let address = server().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pages");
    let headers = ["X-Key: k".to_owned()];
    let seen = walk(&address, "/page/0", &headers, usize::MAX, Some(&file)).await.unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let pages: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(pages.iter().map(|page| page["data"][0].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!((&seen["pages"], seen["bytes"].as_u64()), (&5.into(), Some(text.len() as u64 - 5)));
    assert_eq!(walk(&address, "/page/0", &headers, 2, None).await.unwrap()["pages"], 2);
}

#[tokio::test]
async fn what_is_refused_or_cut_off_is_an_error() {
    let address = server().await;
    let error = sink(&address, &Request::get("/none", &[]), None).await.unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    assert!(sink(&address, &Request::get("/cut", &[]), None).await.is_err());
    let mut connection = Connection::open(&address).await.unwrap();
    let mut body = Vec::new();
    let status = connection.send(&Request::get("/none", &[]), |piece| body.extend_from_slice(piece)).await.unwrap();
    assert_eq!((status, body.as_slice()), (404, b"gone".as_slice()));
}

#[tokio::test]
async fn load_counts_every_answer() {
    let address = server().await;
    let requests = ["/page/0\tX-Key: k", "/none"].map(|line| line.parse().unwrap()).to_vec();
    let (duration, warm_up) = (Duration::from_millis(200), Duration::ZERO);
    let seen = load(Load { address, requests, connections: 3, duration, warm_up, seed: 1 }).await.unwrap();
    let count = |status: &str| seen["statuses"][status].as_u64().unwrap();
    assert!(count("200") > 0 && count("404") > 0, "{seen}");
    assert_eq!(seen["requests"], count("200") + count("404"));
    assert_eq!(seen["failed"], count("404"));
}
