//! Files that cover only a part.

use meterlake_import::{ImportError, live_rows_by_import};
use meterlake_model::CostBasis;

use super::world::{ALPHA, BETA, Charge, World, committed, data_files, ea, is_current, subscription, utilization};

const WHOLE: &[Charge<'static>] = &[
    ("2024-11-01", "a", "1", "EUR"),
    ("2024-11-02", "b", "2", "EUR"),
    ("2024-11-03", "a", "4", "EUR"),
    ("2024-11-03", "c", "8", "USD"),
];

async fn held() -> World {
    let world = World::new().await;
    committed(world.actual(&[&world.file("whole.csv", ea(WHOLE))]).await);
    world
}

#[tokio::test]
async fn what_would_go_is_listed_and_nothing_changes() {
    let world = held().await;
    let before = (world.version().await, world.rows().await);
    let part = world.file("part.csv", ea(&[("2024-11-03", "a", "5", "EUR")]));
    let error = world.actual(&[&part]).await.unwrap_err();
    let ImportError::WouldDrop(drop) = &error else { panic!("{error}") };
    assert_eq!(drop.subscriptions, [subscription("b"), subscription("c")]);
    assert_eq!(drop.currencies, ["USD"]);
    assert_eq!(drop.days.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2024-11-01", "2024-11-02"]);
    let text = error.to_string();
    for part in [subscription("b").as_str(), "USD", "2024-11-01", "--scope days=2024-11-03..2024-11-03", "--replace"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert_eq!((world.version().await, world.rows().await), before);
    // A missing day between days that are there is no matter of a range.
    let gap = world.file("gap.csv", ea(&WHOLE.iter().filter(|c| c.1 != "b").copied().collect::<Vec<_>>()));
    let text = world.actual(&[&gap]).await.unwrap_err().to_string();
    assert!(text.contains("1 day (2024-11-02)") && !text.contains("--scope days="), "{text}");
    // Nothing is left of the attempts in the table's folder.
    assert_eq!(data_files(&world), world.lake.charges().await.unwrap().files().len());
}

#[tokio::test]
async fn a_scope_replaces_only_its_part_and_keeps_the_origin_of_the_rest() {
    let world = held().await;
    let first = world.journal.all(|_| true)[0].id;
    let part = world.file("part.csv", ea(&[("2024-11-03", "a", "5", "EUR")]));
    let record = committed(world.scoped(&part, "days=2024-11-03;currency=EUR").await);
    assert_eq!((record.counts.taken, record.counts.replaced), (1, 1));
    assert_eq!(record.replaced[0].kept, 2);
    assert_eq!(world.billed(|r| r.currency == "EUR").await, "8");
    assert_eq!(world.billed(|r| r.currency == "USD").await, "8");
    assert_eq!(live_rows_by_import(&world.lake).await.unwrap(), [(first, 3), (record.id, 1)].into());
    assert!(is_current(&world.scoped(&part, "days=2024-11-03;currency=EUR").await));
    // The whole file would now take the correction back.
    let whole = world.file("whole.csv", ea(WHOLE));
    assert!(matches!(world.actual(&[&whole]).await.unwrap_err(), ImportError::Superseded { .. }));
}

#[tokio::test]
async fn scopes_by_subscription_and_period() {
    let world = held().await;
    let part = world.file("b.csv", ea(&[("2024-11-05", "b", "3", "EUR")]));
    let record = committed(world.scoped(&part, &format!("subscription={}", subscription("B").to_uppercase())).await);
    assert_eq!(record.counts.replaced, 1);
    assert_eq!(world.billed(|r| r.subscription == subscription("b")).await, "3");
    assert_eq!(world.billed(|_| true).await, "16");
    let whole_period = world.file("p.csv", ea(&[("2024-11-05", "z", "1", "EUR")]));
    committed(world.scoped(&whole_period, "period=202411").await);
    assert_eq!(world.billed(|_| true).await, "1");
}

#[tokio::test]
async fn rows_outside_of_the_scope_are_refused() {
    let world = held().await;
    let before = world.version().await;
    let part = world.file("part.csv", ea(&[("2024-11-03", "a", "5", "EUR"), ("2024-11-04", "a", "5", "EUR")]));
    for (scope, named) in [
        ("days=2024-11-03", "day 2024-11-04"),
        ("currency=USD", "EUR"),
        ("subscription=x", "aaaa"),
        ("period=202410", "202411"),
    ] {
        let error = world.scoped(&part, scope).await.unwrap_err();
        assert!(matches!(error, ImportError::OutsideScope { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    assert_eq!(world.version().await, before);
}

#[tokio::test]
async fn replace_lets_the_rest_go() {
    let world = held().await;
    let part = world.file("part.csv", ea(&[("2024-11-03", "a", "5", "EUR")]));
    let replaced =
        world.import_with(&[&part], |r| (r.options.basis, r.replace) = (Some(CostBasis::Actual), true)).await;
    assert_eq!(committed(replaced).counts.replaced, 4);
    assert_eq!(world.billed(|_| true).await, "5");
}

#[tokio::test]
async fn exports_of_parts_stand_side_by_side() {
    let world = World::new().await;
    for letter in ["a", "b"] {
        let file = world.file(&format!("{letter}.csv"), ea(&[("2024-11-03", letter, "5", "EUR")]));
        committed(world.scoped(&file, &format!("export=/subscriptions/{}", subscription(letter))).await);
    }
    assert_eq!(world.billed(|_| true).await, "10");
    // The whole account beside them would count them twice.
    let whole = world.file("whole.csv", ea(&[("2024-11-03", "a", "5", "EUR"), ("2024-11-03", "b", "5", "EUR")]));
    let error = world.actual(&[&whole]).await.unwrap_err();
    assert!(matches!(error, ImportError::WouldCountTwice { .. }), "{error}");
    let replaced =
        world.import_with(&[&whole], |r| (r.options.basis, r.replace) = (Some(CostBasis::Actual), true)).await;
    assert_eq!(committed(replaced).superseded.len(), 2);
    assert_eq!(world.billed(|_| true).await, "10");
}

#[tokio::test]
async fn utilization_files_answer_for_their_subscription_only() {
    let world = World::new().await;
    for (customer, letter) in [(ALPHA, "a"), (ALPHA, "b"), (BETA, "c")] {
        let file = world.file(
            &format!("{letter}.json"),
            utilization(customer, letter, &[("2024-11-01", "2"), ("2024-11-02", "3")]),
        );
        let record = committed(world.import_with(&[&file], |_| {}).await);
        assert_eq!((record.counts.taken, record.counts.replaced), (2, 0), "{letter}");
        assert_eq!(record.customers[0].offer, Some(meterlake_model::Offer::MsAzr0145p));
    }
    let file = world.file("a2.json", utilization(ALPHA, "a", &[("2024-11-01", "2"), ("2024-11-02", "4")]));
    assert_eq!(committed(world.import_with(&[&file], |_| {}).await).counts.replaced, 2);
    assert_eq!(world.billed(|_| true).await, "16");
    let short = world.file("a3.json", utilization(ALPHA, "a", &[("2024-11-02", "4")]));
    let error = world.import_with(&[&short], |_| {}).await.unwrap_err();
    let ImportError::WouldDrop(drop) = &error else { panic!("{error}") };
    assert_eq!((drop.days.len(), drop.subscriptions.len()), (1, 0));
}

#[tokio::test]
async fn a_file_that_is_current_still_replaces_more_when_told_to() {
    let world = World::new().await;
    let files: Vec<_> =
        ["a", "b"].map(|l| world.file(&format!("{l}.csv"), ea(&[("2024-11-03", l, "5", "EUR")]))).into();
    for (file, letter) in files.iter().zip(["a", "b"]) {
        committed(world.scoped(file, &format!("subscription={}", subscription(letter))).await);
    }
    let error = world.actual(&[&files[0]]).await.unwrap_err();
    assert!(matches!(error, ImportError::WouldDrop(_)), "{error}");
    let replaced =
        world.import_with(&[&files[0]], |r| (r.options.basis, r.replace) = (Some(CostBasis::Actual), true)).await;
    assert_eq!(committed(replaced).counts.replaced, 2);
    assert_eq!(world.billed(|_| true).await, "5");
}
