//! Guessing at EA keys is limited by the address that it comes from.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use chrono::TimeDelta;
use http::Request;

use crate::world::{Answer, World};

async fn from(world: &World, peer: &str, enrolment: &str, key: &str) -> Answer {
    let mut request = Request::builder()
        .uri(format!("/v2/enrollments/{enrolment}/usagedetails"))
        .header("host", "usage.example.org")
        .header("authorization", format!("Bearer {key}"))
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    world.send(request).await
}

#[tokio::test]
async fn sixty_wrong_keys_a_minute_and_no_more() {
    let mut world = World::new().await;
    world.config.wrong_keys_per_minute = 60;
    world.restart();
    let (guesser, other) = ("192.0.2.1:4000", "192.0.2.2:4000");
    for guess in 0..60 {
        // A good key of another enrolment counts as a wrong one, so that it cannot be told from one.
        let (enrolment, key) = if guess % 2 == 0 { ("100", "wrong") } else { ("200", world.key.as_str()) };
        assert_eq!(from(&world, guesser, enrolment, key).await.status, 401, "{guess}");
    }
    for key in ["wrong", &world.key] {
        let refused = from(&world, "192.0.2.1:5000", "100", key).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
        assert_eq!(refused.json()["error"]["code"], "TooManyRequests");
    }
    assert_eq!(from(&world, other, "100", &world.key).await.status, 200);
    assert_eq!(from(&world, other, "100", "wrong").await.status, 401);
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(from(&world, guesser, "100", &world.key).await.status, 200);
    assert_eq!(from(&world, guesser, "100", "wrong").await.status, 401);
    assert_eq!(from(&world, guesser, "100", &world.key).await.status, 429);
    // Right keys are not counted.
    world.clock.advance(TimeDelta::minutes(1));
    for _ in 0..70 {
        assert_eq!(from(&world, guesser, "100", &world.key).await.status, 200);
    }
}
