//! The end of a server: requests in flight are answered, with and without TLS.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::broken_off::{Broken, DOWNLOAD, Then, becomes, broken};
use crate::serving::Serving;

async fn answered_after_the_order_to_stop(tls: bool) {
    let Broken { world, begun, told, .. } = broken(Then::WhenTold).await;
    let authority = Authority::new();
    let serving = match tls {
        true => Serving::start_tls(&world, authority.tls(&world).await).await,
        false => Serving::start(&world).await,
    };
    let (address, client) = (serving.address, authority.client().build().unwrap());
    let request = client.get(format!("{}{DOWNLOAD}", serving.base())).bearer_auth(&world.key).send();
    let answer = tokio::spawn(async move {
        let answer = request.await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    });
    becomes(&begun, 1, "the query").await;
    let stopped = tokio::spawn(serving.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!stopped.is_finished() && !answer.is_finished());
    told.notify_one();
    let (status, body) = answer.await.unwrap();
    let rows = body.lines().filter(|line| line.contains("2024-10-31") || line.contains("10/31/2024")).count();
    assert_eq!((status, rows), (200, 40), "{body}");
    stopped.await.unwrap();
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn plain() {
    answered_after_the_order_to_stop(false).await;
}

#[tokio::test]
async fn secured() {
    answered_after_the_order_to_stop(true).await;
}
