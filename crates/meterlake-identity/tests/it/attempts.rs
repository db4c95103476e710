//! Lock-out on guessing.

use chrono::TimeDelta;
use meterlake_control::AuditFilter;
use meterlake_identity::{AttemptError, IdentityConfig};

use crate::{BASE, Fixture};

/// The code that a request for a token with that secret is refused by; none when it gets one.
async fn code(it: &Fixture, secret: &str) -> Option<(u16, &'static str, u32)> {
    let form = it.form(&[("client_secret", secret)]);
    let answer = it.identity.token_v1(BASE, "contoso.onmicrosoft.com", form, None).await;
    answer.err().map(|refusal| (refusal.status, refusal.error, refusal.code))
}

const WRONG: Option<(u16, &str, u32)> = Some((401, "invalid_client", 7_000_215));
const LOCKED: Option<(u16, &str, u32)> = Some((401, "invalid_client", 50_053));

#[tokio::test]
async fn ten_wrong_secrets_lock_a_client_for_a_quarter_of_an_hour() {
    let it = Fixture::new().await;
    for _ in 0..10 {
        assert_eq!(code(&it, "wrong").await, WRONG);
    }
    // Locked for wrong ones, in this process and in others, over a restart; whoever has the right one is let in.
    assert_eq!(code(&it, "wrong").await, LOCKED);
    assert_eq!(code(&it, &it.secret).await, None);
    assert_eq!(code(&it, "wrong").await, LOCKED);
    let other = it.again(IdentityConfig::default()).await;
    let wrong = it.form(&[("client_secret", "wrong")]);
    let refusal = other.token_v1(BASE, "contoso.onmicrosoft.com", wrong, None).await.unwrap_err();
    assert_eq!(refusal.code, 50_053);
    other.token_v1(BASE, "contoso.onmicrosoft.com", it.form(&[]), None).await.unwrap();
    // Going on guessing does not make it longer.
    it.clock.advance(TimeDelta::minutes(15) - TimeDelta::microseconds(1));
    assert_eq!(code(&it, "wrong").await, LOCKED);
    it.clock.advance(TimeDelta::microseconds(1));
    assert_eq!(code(&it, "wrong").await, WRONG);
    assert_eq!(code(&it, &it.secret).await, None);
    // It is one entry in the audit trail, without what was guessed.
    let filter = AuditFilter { action: Some("account".to_owned()), ..AuditFilter::default() };
    let trail = it.control.audit_trail(&filter).await.unwrap();
    let told: Vec<_> = trail.iter().map(|e| (e.action.as_str(), e.subject.clone())).collect();
    assert_eq!(told, [("account.lock", format!("client:{}", it.app.id))]);
    assert!(!trail[0].detail.to_string().contains("wrong"));
}

#[tokio::test]
async fn failures_count_for_a_quarter_of_an_hour_and_until_the_right_secret() {
    let it = Fixture::new().await;
    for round in 0..3 {
        for _ in 0..9 {
            assert_eq!(code(&it, "wrong").await, WRONG, "{round}");
        }
        assert_eq!(code(&it, &it.secret).await, None, "{round}");
    }
    for _ in 0..9 {
        assert_eq!(code(&it, "wrong").await, WRONG);
    }
    it.clock.advance(TimeDelta::minutes(15));
    for _ in 0..9 {
        assert_eq!(code(&it, "wrong").await, WRONG);
    }
    assert_eq!(code(&it, &it.secret).await, None);
}

#[tokio::test]
async fn a_secret_that_was_good_once_is_no_guess() {
    let it = Fixture::new().await;
    it.clock.advance(TimeDelta::days(31));
    for _ in 0..12 {
        assert_eq!(code(&it, &it.secret).await, Some((401, "invalid_client", 7_000_222)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_all_at_once_are_heard_no_more_often() {
    let it = std::sync::Arc::new(Fixture::new().await);
    let guesses: Vec<_> = (0..40)
        .map(|guess| {
            let it = std::sync::Arc::clone(&it);
            tokio::spawn(async move { code(&it, &format!("wrong {guess}")).await })
        })
        .collect();
    let mut heard = 0;
    for guess in guesses {
        heard += usize::from(guess.await.unwrap() == WRONG);
    }
    assert_eq!(heard, 10);
    assert_eq!(code(&it, "wrong").await, LOCKED);
    assert_eq!(code(&it, &it.secret).await, None);
}

#[tokio::test]
async fn accounts_are_counted_apart_and_unknown_names_are_not_kept() {
    let it = Fixture::new().await;
    for _ in 0..10 {
        it.identity.attempt_failed("name:Hunter2").await.unwrap();
    }
    assert!(matches!(it.identity.attempt_allowed("name:hunter2").await, Err(AttemptError::Locked { .. })));
    assert!(matches!(it.identity.attempt_failed("name:hunter2").await, Err(AttemptError::Locked { .. })));
    assert!(matches!(it.identity.attempt_succeeded("name:hunter2").await, Err(AttemptError::Locked { .. })));
    it.identity.attempt_allowed("name:other").await.unwrap();
    it.identity.attempt_allowed(&format!("user:{}", it.user.id)).await.unwrap();
    let trail = it.control.audit_trail(&AuditFilter::default()).await.unwrap();
    assert!(trail.iter().all(|entry| !entry.subject.to_lowercase().contains("hunter")));

    let entry = trail.last().unwrap();
    assert!(it.control.unlock(&entry.subject).await.unwrap());
    it.identity.attempt_allowed("name:hunter2").await.unwrap();
    assert!(!it.control.unlock(&entry.subject).await.unwrap());
}

#[tokio::test]
async fn the_origin_is_the_address_that_the_request_came_from() {
    let it = Fixture::new().await;
    it.identity.coming_from("192.0.2.7").token_v1(BASE, "contoso.onmicrosoft.com", it.form(&[]), None).await.unwrap();
    let issued = it.control.audit_entries(1).await.unwrap().remove(0);
    assert_eq!((issued.action.as_str(), issued.origin.as_str()), ("token.issue", "192.0.2.7"));
    it.identity.create_secret(it.app.id, TimeDelta::days(1)).await.unwrap();
    let made = it.control.audit_entries(1).await.unwrap().remove(0);
    assert_eq!((made.action.as_str(), made.origin.as_str()), ("secret.create", "command"));
}
