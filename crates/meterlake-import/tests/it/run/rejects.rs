//! Rows that cannot be taken.

use meterlake_import::{AllowRejects, ImportError, ImportState, summary_text};
use meterlake_model::CostBasis;

use super::world::{World, committed, ea};

fn broken() -> String {
    let good = ea(&[("2024-11-01", "a", "1", "EUR"), ("2024-11-02", "a", "2", "EUR"), ("2024-11-03", "a", "4", "EUR")]);
    // The second row's cost has 40 digits.
    let bad = good.replace(",2,2,EUR", ",2,1234567890123456789012345678901234567890,EUR");
    assert_ne!(good, bad);
    bad
}

#[tokio::test]
async fn any_reject_fails_the_import_and_is_kept() {
    let world = World::new().await;
    let file = world.file("bad.csv", broken());
    let error = world.actual(&[&file]).await.unwrap_err();
    let ImportError::Rejected { rejected, read, path, .. } = &error else { panic!("{error}") };
    assert_eq!((*rejected, *read), (1, 3));
    let text = error.to_string();
    for part in ["bad.csv", "line 3", "1234567890123456789012345678901234567890", "--allow-rejects"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept.starts_with("file,line,column,value,reason,raw\r\nbad.csv,3,Cost,1234567890"), "{kept}");
    assert_eq!(world.version().await, 0);
    let [record] = world.journal.all(|_| true).try_into().unwrap();
    assert_eq!(record.state, ImportState::Failed);
    assert_eq!(record.error.as_deref(), Some(text.as_str()));
}

#[tokio::test]
async fn allowed_rejects_let_the_good_rows_in() {
    let world = World::new().await;
    let file = world.file("bad.csv", broken());
    let allow = |allow| {
        move |r: &mut meterlake_import::ImportRequest| {
            r.options.basis = Some(CostBasis::Actual);
            r.allow_rejects = Some(allow);
        }
    };
    let error = world.import_with(&[&file], allow(AllowRejects::AtMost(0))).await.unwrap_err();
    assert!(matches!(error, ImportError::Rejected { .. }), "{error}");
    let outcome = world.import_with(&[&file], allow(AllowRejects::AtMost(1))).await;
    let text = summary_text(outcome.as_ref().unwrap());
    let record = committed(outcome);
    assert_eq!((record.counts.read, record.counts.taken, record.counts.rejected), (3, 2, 1));
    assert_eq!(record.rejects_file, Some(format!("{}.csv", record.id)));
    assert!(text.contains("rejected     1 rows, kept in rejects/"), "{text}");
    assert_eq!(world.billed(|_| true).await, "5");
    // The mended file brings the row.
    let mended = world.file("mended.csv", broken().replace("1234567890123456789012345678901234567890", "2"));
    let record = committed(world.actual(&[&mended]).await);
    assert_eq!(record.counts.replaced, 2);
    assert_eq!(world.billed(|_| true).await, "7");
}

#[tokio::test]
async fn nothing_good_is_nothing_to_import() {
    let world = World::new().await;
    let header = ea(&[]);
    let error = world.actual(&[&world.file("empty.csv", header)]).await.unwrap_err().to_string();
    assert!(error.contains("empty.csv"), "{error}");
    assert_eq!(world.version().await, 0);
}

#[tokio::test]
async fn kinds_do_not_mix() {
    let world = World::new().await;
    let one = world.file("a.csv", ea(&[("2024-11-01", "a", "1", "EUR")]));
    let two = world.file("r.csv", super::world::rated(&[("2024-11-01", super::world::ALPHA, "1", "EUR")]));
    let error = world.actual(&[&one, &two]).await.unwrap_err();
    assert!(matches!(error, ImportError::MixedKinds { .. }), "{error}");
}
