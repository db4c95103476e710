//! Opening, migrating, sharing.

use std::sync::Arc;

use meterlake_control::{Control, ControlError, CustomerChange};
use meterlake_model::{CustomerTenantId, SharedClock, SystemClock, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::Fixture;

#[tokio::test]
async fn opening_again_keeps_everything() {
    let it = Fixture::new().await;
    let id = CustomerTenantId(Uuid::new_v4());
    it.control.set_customer(id, &CustomerChange::default()).await.unwrap();
    it.control.close().await;
    let again = it.again().await;
    assert_eq!(again.customers().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_may_create_the_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meterlake.db");
    let opens: Vec<_> = (0..6)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move {
                let clock: SharedClock = Arc::new(SystemClock);
                Control::open(&path, clock).await.unwrap()
            })
        })
        .collect();
    for open in opens {
        assert_eq!(open.await.unwrap().customers().await.unwrap(), vec![]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_write_at_once_and_lose_nothing() {
    let it = Fixture::new().await;
    let other = it.again().await;
    let writers: Vec<_> = [it.control.clone(), other, it.control.clone()]
        .into_iter()
        .map(|control| {
            tokio::spawn(async move {
                for _ in 0..20 {
                    let id = CustomerTenantId(Uuid::new_v4());
                    control.set_customer(id, &CustomerChange::default()).await.unwrap();
                    control.customers().await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(it.control.customers().await.unwrap().len(), 60);
    assert_eq!(it.actions().await.len(), 60);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meterlake.db");
    std::fs::write(&path, "this is a text file, and a long one, so that it cannot be taken for a header".repeat(40))
        .unwrap();
    let clock: SharedClock = Arc::new(SystemClock);
    let error = Control::open(&path, clock.clone()).await.unwrap_err();
    assert!(matches!(error, ControlError::Open { .. }), "{error}");
    assert!(error.to_string().contains("meterlake.db"), "{error}");
    let missing = Control::open(&folder.path().join("no/such/folder.db"), clock).await.unwrap_err();
    assert!(matches!(missing, ControlError::Open { .. }), "{missing}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let it = Fixture::new().await;
    let mode = std::fs::metadata(it.folder.path().join("meterlake.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_audit_trail_names_who_what_and_when() {
    let it = Fixture::new().await;
    it.control.acting_as("principal:7").audit("token.issue", "principal:7", &json!({ "audience": "x" })).await.unwrap();
    let entry = it.control.audit_entries(10).await.unwrap().pop().unwrap();
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("principal:7", "token.issue"));
    assert_eq!(entry.subject, "principal:7");
    assert_eq!(entry.at.to_rfc3339(), "2024-11-15T12:00:00.123456+00:00");
    assert_eq!(entry.detail, json!({ "audience": "x" }));
}

#[tokio::test]
async fn a_server_secret_is_the_same_for_all_processes() {
    let it = Fixture::new().await;
    let first = it.control.server_secret("links", &[1; 32]).await.unwrap();
    let second = it.again().await.server_secret("links", &[2; 32]).await.unwrap();
    assert_eq!((first.as_slice(), second.as_slice()), (&[1; 32][..], &[1; 32][..]));
    assert_eq!(it.control.server_secret("other", &[3; 32]).await.unwrap(), vec![3; 32]);
}

#[tokio::test]
async fn a_revision_lasts_until_somebody_commits() {
    let it = Fixture::new().await;
    let other = Control::open(&it.folder.path().join("meterlake.db"), it.control.clock().clone()).await.unwrap();
    let mut last = it.control.revision().await.unwrap();
    for n in 0..20 {
        assert_eq!(it.control.revision().await.unwrap(), last);
        let writer = if n % 2 == 0 { &it.control } else { &other };
        writer.audit("x", "y", &serde_json::Value::Null).await.unwrap();
        let now = it.control.revision().await.unwrap();
        assert!(now > last, "{now:?} {last:?}");
        last = now;
        assert!(it.control.customers().await.unwrap().is_empty());
    }
    // Many at once share answers, but none is given one from before its question.
    let askers = (0..50).map(|_| {
        let (control, other) = (it.control.clone(), other.clone());
        tokio::spawn(async move {
            let before = control.revision().await.unwrap();
            other.audit("x", "y", &serde_json::Value::Null).await.unwrap();
            assert!(control.revision().await.unwrap() > before);
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        asker.await.unwrap();
    }
    it.control.close().await;
    assert!(it.control.revision().await.is_err());
}

#[tokio::test]
async fn what_is_looked_up_often_is_as_it_is_now() {
    let it = Fixture::new().await;
    let other = Control::open(&it.folder.path().join("meterlake.db"), it.control.clock().clone()).await.unwrap();
    let id = CustomerTenantId(Uuid::from_u128(1));
    let c3_id = Uuid::from_u128(2);
    let tenant = TenantId(Uuid::from_u128(3));
    for n in 1..=28_u32 {
        let change = CustomerChange { billing_day: Some(n), c3_id: Some(c3_id), ..CustomerChange::default() };
        other.set_customer(id, &change).await.unwrap();
        let domain = format!("number{n}.example");
        other.set_tenant(tenant, None, std::slice::from_ref(&domain)).await.unwrap();
        for _ in 0..2 {
            let now = Some(it.control.revision().await.unwrap());
            let customer = it.control.customer_in(now, id).await.unwrap().unwrap();
            assert_eq!(customer.billing_day, n);
            assert_eq!(it.control.customer_by_c3_id_in(now, c3_id).await.unwrap(), Some(customer));
            assert_eq!(it.control.customer_in(now, CustomerTenantId(tenant.0)).await.unwrap(), None);
            let found = it.control.find_tenant_in(now, &domain).await.unwrap().unwrap();
            assert_eq!(found.domains, std::slice::from_ref(&domain));
            assert_eq!(it.control.find_tenant_in(now, "number0.example").await.unwrap(), None);
        }
        // Without a revision, and with one of before, it is read.
        assert_eq!(it.control.customer_in(None, id).await.unwrap().unwrap().billing_day, n);
    }
    other.remove_customer(id).await.unwrap();
    let now = Some(it.control.revision().await.unwrap());
    assert_eq!(it.control.customer_in(now, id).await.unwrap(), None);
}
