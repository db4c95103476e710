//! The same rows again change nothing.

use std::io::Write;

use meterlake_import::{ImportError, ImportState, live_rows_by_import, summary_json, summary_text};
use meterlake_model::CostBasis;

use super::world::{World, committed, data_files, ea, is_current};

const CHARGES: &[(&str, &str, &str, &str)] =
    &[("2024-11-01", "a", "1.25", "EUR"), ("2024-11-01", "a", "1.25", "EUR"), ("2024-11-02", "b", "3.1", "EUR")];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn twice_changes_nothing_under_any_name_packing_or_order() {
    let world = World::new().await;
    let text = ea(CHARGES);
    let first = committed(world.actual(&[&world.file("a.csv", &text)]).await);
    assert_eq!((first.counts.read, first.counts.taken, first.counts.replaced), (3, 3, 0));
    assert_eq!(first.totals.billed_cost["EUR"].to_string(), "5.6");
    assert_eq!(first.totals.quantity["1 Hour"].to_string(), "3");
    assert_eq!(first.billing_accounts[0].name, "Contoso");
    let version = world.version().await;
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    let reversed = lines.join("\n");
    for (name, contents) in [
        ("a.csv", text.clone().into_bytes()),
        ("other name.csv", text.clone().into_bytes()),
        ("a.csv.gz", gzip(&text)),
        ("reversed.csv", reversed.clone().into_bytes()),
        ("reversed.csv.gz", gzip(&reversed)),
    ] {
        let outcome = world.actual(&[&world.file(name, contents)]).await;
        assert!(is_current(&outcome), "{name}: {outcome:?}");
        assert_eq!(world.version().await, version, "{name}");
        let outcome = outcome.unwrap();
        assert!(summary_text(&outcome).contains("Nothing to do"), "{name}");
        assert_eq!(summary_json(&outcome)["duplicate"], 3, "{name}");
    }
    assert_eq!(world.billed(|_| true).await, "5.6");
    assert!(world.journal.all(|r| r.state == ImportState::Running).is_empty());
    assert_eq!(live_rows_by_import(&world.lake).await.unwrap(), [(first.id, 3)].into());
    let uncommitted = world.data().join("staging").read_dir().map(|d| d.count()).unwrap_or(0);
    assert_eq!(uncommitted, 0);
}

#[tokio::test]
async fn a_file_given_twice_counts_once() {
    let world = World::new().await;
    let text = ea(CHARGES);
    let (one, two) = (world.file("a.csv", &text), world.file("b.csv.gz", gzip(&text)));
    let record = committed(world.actual(&[&one, &two]).await);
    assert_eq!((record.counts.read, record.counts.taken, record.counts.duplicate), (6, 3, 3));
    assert_eq!(world.billed(|_| true).await, "5.6");
    assert!(is_current(&world.actual(&[&two, &one]).await));
}

#[tokio::test]
async fn only_what_changed_is_taken() {
    let world = World::new().await;
    let october = ("2024-10-05", "a", "7", "EUR");
    let first = committed(world.actual(&[&world.file("a.csv", ea(&[october, ("2024-11-01", "a", "1", "EUR")]))]).await);
    let grown = [october, ("2024-11-01", "a", "1", "EUR"), ("2024-11-02", "a", "2", "EUR")];
    let second = committed(world.actual(&[&world.file("b.csv", ea(&grown))]).await);
    let counts = second.counts;
    assert_eq!((counts.read, counts.taken, counts.duplicate, counts.replaced), (3, 2, 1, 1));
    assert!(second.sets[0].unchanged && !second.sets[1].unchanged);
    assert!(second.restatements.is_empty());
    let live = live_rows_by_import(&world.lake).await.unwrap();
    assert_eq!(live, [(first.id, 1), (second.id, 2)].into());
    // What was written in vain is gone: one file lives of each import, and the replaced one is kept for history.
    assert_eq!((data_files(&world), world.lake.charges().await.unwrap().files().len()), (3, 2));
    assert!(is_current(&world.actual(&[&world.file("b.csv", ea(&grown))]).await));
    assert_eq!(world.billed(|_| true).await, "10");
}

#[tokio::test]
async fn a_superseded_file_needs_force() {
    let world = World::new().await;
    let old = world.file("old.csv", ea(&[("2024-11-01", "a", "1", "EUR"), ("2024-11-02", "a", "5", "EUR")]));
    let first = committed(world.actual(&[&old]).await);
    let new = world.file("new.csv", ea(&[("2024-11-01", "a", "2", "EUR"), ("2024-11-02", "a", "5", "EUR")]));
    let second = committed(world.actual(&[&new]).await);
    assert_eq!(second.superseded, [first.id]);
    let error = world.actual(&[&old]).await.unwrap_err();
    assert!(matches!(&error, ImportError::Superseded { import, .. } if *import == first.id), "{error}");
    assert!(error.to_string().contains("--force"));
    // The same rows from a file with other bytes.
    let turned = world.file("turned.csv", ea(&[("2024-11-02", "a", "5", "EUR"), ("2024-11-01", "a", "1", "EUR")]));
    let error = world.actual(&[&turned]).await.unwrap_err();
    assert!(matches!(error, ImportError::Superseded { .. }), "{error}");
    assert_eq!(world.billed(|_| true).await, "7");
    let forced = world.import_with(&[&old], |r| (r.options.basis, r.force) = (Some(CostBasis::Actual), true)).await;
    committed(forced);
    assert_eq!(world.billed(|_| true).await, "6");
    let error = world.actual(&[&new]).await.unwrap_err();
    assert!(matches!(error, ImportError::Superseded { .. }), "{error}");
    assert!(is_current(&world.actual(&[&old]).await));
}

#[tokio::test]
async fn the_basis_must_be_known_and_agree() {
    let world = World::new().await;
    let file = world.file("a.csv", ea(CHARGES));
    let error = world.import_with(&[&file], |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("--basis actual or --basis amortized"), "{error}");
    let purchase = ea(CHARGES).replace("Usage,OnDemand", "Purchase,Reservation");
    let purchase = world.file("p.csv", purchase);
    let error = world.import_with(&[&purchase], |r| r.options.basis = Some(CostBasis::Amortized)).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionConflict { .. }), "{error}");
    assert!(error.to_string().contains("--basis says amortized"), "{error}");
    assert_eq!(world.version().await, 0);
}

#[tokio::test]
async fn one_basis_never_replaces_the_other() {
    let world = World::new().await;
    let file = world.file("a.csv", ea(CHARGES));
    committed(world.actual(&[&file]).await);
    let amortized = world.import_with(&[&file], |r| r.options.basis = Some(CostBasis::Amortized)).await;
    assert_eq!(committed(amortized).counts.replaced, 0);
    let rows = world.rows().await;
    assert_eq!(rows.len(), 6);
    assert_eq!(rows.iter().filter(|r| r.effective.is_some() && r.billed.is_none()).count(), 3);
}
