//! Refresh tokens: each good once, and whoever has a used one ends them all.

use chrono::TimeDelta;

use super::{People, assert_refused};
use crate::world::PARTNER;

async fn first(people: &People) -> serde_json::Value {
    people.redeem(&people.code().await).await.json()
}

#[tokio::test]
async fn each_use_gives_a_new_one() {
    let people = People::new().await;
    let mut token = first(&people).await["refresh_token"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        people.world.clock.advance(TimeDelta::days(89));
        let answer = people.refresh(&token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!(people.opens(&body).await, 200);
        let next = body["refresh_token"].as_str().unwrap().to_owned();
        assert_ne!(next, token);
        token = next;
    }
    people.world.clock.advance(TimeDelta::days(90));
    assert_refused(&people.refresh(&token).await, 400, "invalid_grant", 700_082);
}

#[tokio::test]
async fn a_used_one_ends_the_family() {
    let people = People::new().await;
    let tokens = first(&people).await;
    let old = tokens["refresh_token"].as_str().unwrap();
    let next = people.refresh(old).await.json();
    assert_eq!(people.opens(&next).await, 200);
    assert_refused(&people.refresh(old).await, 400, "invalid_grant", 50_173);
    // The thief's and the owner's alike, access tokens included.
    assert_refused(&people.refresh(next["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant", 50_173);
    assert_eq!((people.opens(&tokens).await, people.opens(&next).await), (401, 401));
    let entries = people.world.control.audit_entries(20).await.unwrap();
    let reuse = entries.iter().find(|entry| entry.action == "refresh-token.reuse").unwrap();
    assert!(!reuse.detail.to_string().contains(old));
    // Another sign-in of the same person is another family.
    assert_eq!(people.opens(&first(&people).await).await, 200);
}

#[tokio::test]
async fn it_is_its_applications() {
    let people = People::new().await;
    let tokens = first(&people).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let (client_id, secret) = people.web.clone();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", client_id.as_str()),
        ("client_secret", secret.as_str()),
    ];
    let path = format!("/{PARTNER}/oauth2/v2.0/token");
    assert_refused(&people.post(&path, &fields).await, 400, "invalid_grant", 70_000);
    assert_refused(&people.refresh("nothing").await, 400, "invalid_grant", 70_000);
    assert_refused(&people.refresh("").await, 400, "invalid_request", 900_144);
    // An API that the person did not allow is refused, and costs nothing.
    let more = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", "api://meterlake/.default")];
    assert_refused(&people.token(&more).await, 400, "invalid_grant", 65_001);
    // An access token is no refresh token.
    let access = tokens["access_token"].as_str().unwrap();
    assert_refused(&people.refresh(access).await, 400, "invalid_grant", 70_000);
    let answer = people.refresh(token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_person_or_application_that_was_stopped_gets_none() {
    let people = People::new().await;
    let control = &people.world.control;
    for name in ["olga".to_owned(), people.desktop.clone()] {
        let tokens = first(&people).await;
        let id = control.find_principal(&name).await.unwrap().id;
        control.set_principal_enabled(id, false).await.unwrap();
        assert_eq!(people.opens(&tokens).await, 401, "{name}");
        assert_eq!(people.refresh(tokens["refresh_token"].as_str().unwrap()).await.status, 400, "{name}");
        control.set_principal_enabled(id, true).await.unwrap();
        // What was ended stays ended.
        assert_eq!(people.opens(&tokens).await, 401, "{name}");
    }
}

#[tokio::test]
async fn many_uses_at_once_leave_nothing() {
    let people = People::new().await;
    let tokens = first(&people).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let answers = futures::future::join_all((0..6).map(|_| people.refresh(token))).await;
    assert!(answers.iter().filter(|answer| answer.status == 200).count() <= 1);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(people.opens(&answer.json()).await, 401);
    }
    assert_eq!(people.opens(&tokens).await, 401);
}
