//! Answers for clients that ask for compression, over real connections.

use std::io::Read;

use crate::charge::ea;
use crate::serving::Serving;
use crate::world::World;

/// Head and body of an answer whose connection is closed after it.
async fn get(serving: &Serving, method: &str, path: &str, key: &str, more: &str) -> (String, Vec<u8>) {
    use tokio::io::AsyncReadExt;
    let request =
        format!("{method} {path} HTTP/1.0\r\nHost: usage.example.org\r\nAuthorization: Bearer {key}\r\n{more}\r\n");
    let mut answer = Vec::new();
    serving.connect(&request).await.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase(), answer[end + 4..].to_vec())
}

fn unpacked(encoding: &str, body: &[u8]) -> Vec<u8> {
    match encoding {
        "zstd" => zstd::decode_all(body).unwrap(),
        _ => {
            let mut whole = Vec::new();
            flate2::read::GzDecoder::new(body).read_to_end(&mut whole).unwrap();
            whole
        }
    }
}

/// The JSON rows of a page, which do not have the page's own id.
fn rows(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice::<serde_json::Value>(body).unwrap()["data"].take()
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_ask() {
    let mut world = World::new().await;
    world.import((0..400).map(|line| ea(line, "2024-10-31")).collect()).await;
    let serving = Serving::start(&world).await;
    let download = "/v2/enrollments/100/usagedetails/download?billingPeriod=202410";
    let page = "/v2/enrollments/100/billingPeriods/202410/usagedetails";
    for path in [download, page] {
        let (plain_head, plain) = get(&serving, "GET", path, &world.key, "").await;
        assert!(!plain_head.contains("content-encoding"), "{plain_head}");
        let tag = plain_head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        for encoding in ["gzip", "zstd"] {
            let ask = format!("Accept-Encoding: {encoding}\r\n");
            let (head, body) = get(&serving, "GET", path, &world.key, &ask).await;
            assert!(head.contains(&format!("content-encoding: {encoding}")), "{head}");
            assert!(head.contains("vary: accept-encoding") && !head.contains("content-length"), "{head}");
            assert!(head.contains(tag) && tag.starts_with("w/"), "{head}");
            assert!(body.len() * 4 < plain.len(), "{} of {}", body.len(), plain.len());
            let whole = unpacked(encoding, &body);
            if path == page {
                assert_eq!(rows(&whole), rows(&plain));
            } else {
                assert!(whole == plain);
            }
            // What is unchanged is unchanged in every encoding.
            let unchanged = format!("{ask}If-None-Match: {}\r\n", tag.replace("w/", "W/"));
            let (head, body) = get(&serving, "GET", path, &world.key, &unchanged).await;
            assert!(head.starts_with("http/1.0 304") && body.is_empty(), "{head}");
            let (head, body) = get(&serving, "HEAD", path, &world.key, &ask).await;
            assert!(head.starts_with("http/1.0 200") && head.contains(tag) && body.is_empty(), "{head}");
        }
    }

    let small = "/v2/enrollments/100/billingperiods";
    let (head, _) = get(&serving, "GET", small, &world.key, "Accept-Encoding: gzip\r\n").await;
    assert!(head.starts_with("http/1.0 200") && !head.contains("content-encoding"), "{head}");
    let (head, _) = get(&serving, "GET", page, &world.key, "Accept-Encoding: br, identity;q=0.5\r\n").await;
    assert!(head.starts_with("http/1.0 200") && !head.contains("content-encoding"), "{head}");
    serving.stop().await;
}

#[tokio::test]
async fn files_of_exports_are_sent_as_they_are() {
    let mut world = World::new().await;
    world.import((0..400).map(|line| ea(line, "2024-10-31")).collect()).await;
    let submit = "/v2/enrollments/100/usagedetails/submit?billingPeriod=202410";
    let record = world.post("POST", submit, &world.key, "").await.json();
    let link = loop {
        let record = world.get(record["reportUrl"].as_str().unwrap(), &world.key).await.json();
        if record["status"] == 3 {
            break record["blobPath"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    };
    let path = link.strip_prefix("http://usage.example.org").unwrap();
    let serving = Serving::start(&world).await;
    let ask = "Accept-Encoding: gzip, zstd\r\n";
    let (head, whole) = get(&serving, "GET", path, "", ask).await;
    assert!(head.contains(&format!("content-length: {}", whole.len())) && whole.len() > 10_000, "{head}");
    assert!(!head.contains("content-encoding") && head.contains("accept-ranges: bytes"), "{head}");
    let (head, part) = get(&serving, "GET", path, "", &format!("{ask}Range: bytes=5000-12000\r\n")).await;
    assert!(head.starts_with("http/1.0 206") && !head.contains("content-encoding"), "{head}");
    assert!(part == whole[5000..=12_000]);
    serving.stop().await;
}
