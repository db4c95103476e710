//! Export jobs.

use chrono::TimeDelta;
use meterlake_control::{ExportJob, ExportOutcome, ExportStatus};
use serde_json::json;
use uuid::Uuid;

use crate::Fixture;

fn job(it: &Fixture, owner: &str) -> ExportJob {
    ExportJob {
        id: Uuid::new_v4(),
        owner: owner.to_owned(),
        enrolment: "100".parse().unwrap(),
        api_version: 3,
        layout: "legacy".to_owned(),
        selection: json!({ "period": "202411" }),
        snapshot: 12,
        requested_on: it.control.clock().now(),
        status: ExportStatus::Queued,
        finished_at: None,
        file: None,
        size: None,
        etag: None,
        error: None,
    }
}

#[tokio::test]
async fn a_job_goes_from_queued_to_its_end_once() {
    let it = Fixture::new().await;
    let job = job(&it, "key");
    assert!(it.control.add_export_job(&job, 4).await.unwrap());
    assert_eq!(it.control.export_job(job.id).await.unwrap(), Some(job.clone()));
    assert!(it.control.start_export_job(job.id).await.unwrap());
    // A restart finds it and goes on.
    let restarted = it.again().await;
    assert_eq!(restarted.unfinished_export_jobs().await.unwrap()[0].status, ExportStatus::InProgress);
    assert!(restarted.start_export_job(job.id).await.unwrap());
    let done = ExportOutcome::Completed { file: "a.csv".to_owned(), size: 77, etag: "\"x\"".to_owned() };
    assert!(restarted.finish_export_job(job.id, &done).await.unwrap());
    assert!(!restarted.finish_export_job(job.id, &ExportOutcome::TimedOut).await.unwrap());
    assert!(!restarted.start_export_job(job.id).await.unwrap());
    let kept = it.control.export_job(job.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.status.code(), kept.size), (ExportStatus::Completed, 3, Some(77)));
    assert_eq!(kept.requested_on, job.requested_on);
    assert_eq!(it.control.unfinished_export_jobs().await.unwrap(), []);

    assert_eq!(it.control.export_jobs_before(job.requested_on).await.unwrap(), []);
    let later = job.requested_on + TimeDelta::microseconds(1);
    assert_eq!(it.control.export_jobs_before(later).await.unwrap().len(), 1);
    it.control.forget_export_file(job.id).await.unwrap();
    assert_eq!(it.control.export_job(job.id).await.unwrap().unwrap().file, None);
    assert!(it.control.remove_export_job(job.id).await.unwrap());
    assert!(!it.control.remove_export_job(job.id).await.unwrap());
}

#[tokio::test]
async fn other_ends_and_the_limit_of_an_owner() {
    let it = Fixture::new().await;
    let ends = [
        (ExportOutcome::NoData, 5),
        (ExportOutcome::Failed { error: "disk".to_owned() }, 4),
        (ExportOutcome::TimedOut, 7),
    ];
    let jobs: Vec<_> = (0..3).map(|_| job(&it, "key")).collect();
    for job in &jobs {
        assert!(it.control.add_export_job(job, 3).await.unwrap());
    }
    assert!(!it.control.add_export_job(&job(&it, "key"), 3).await.unwrap());
    assert!(it.control.add_export_job(&job(&it, "other key"), 3).await.unwrap());
    for (job, (outcome, code)) in jobs.iter().zip(ends) {
        assert!(it.control.finish_export_job(job.id, &outcome).await.unwrap());
        assert_eq!(it.control.export_job(job.id).await.unwrap().unwrap().status.code(), code);
    }
    assert!(it.control.add_export_job(&job(&it, "key"), 3).await.unwrap());
}
