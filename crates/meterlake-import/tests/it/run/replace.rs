//! What replaces what.

use meterlake_import::{ImportError, Outcome, record_text, summary_text};
use meterlake_model::{CostBasis, InvoiceState};

use super::world::{ALPHA, BETA, World, committed, ea, ea_of, is_current, manifest, rated};

#[tokio::test]
async fn a_corrected_copy_replaces_without_asking_and_lists_restatements() {
    let world = World::new().await;
    let old = [("2024-10-01", "a", "1.5", "EUR"), ("2024-10-02", "b", "2", "EUR"), ("2024-11-02", "b", "9", "EUR")];
    let first = committed(world.actual(&[&world.file("a.csv", ea(&old))]).await);
    committed(world.actual(&[&world.file("other.csv", ea_of("200", &old))]).await);
    let mut new = old;
    new[0].2 = "1.75";
    let outcome = world.actual(&[&world.file("b.csv", ea(&new))]).await;
    let text = summary_text(outcome.as_ref().unwrap());
    let record = committed(outcome);
    assert_eq!((record.counts.taken, record.counts.duplicate, record.counts.replaced), (2, 1, 2));
    let [restated] = record.restatements.as_slice() else { panic!("{:?}", record.restatements) };
    assert_eq!(restated.period.number(), 202_410);
    assert_eq!(restated.billed_cost.old.unwrap().to_string(), "3.5");
    assert_eq!(restated.billed_cost.new.unwrap().to_string(), "3.75");
    assert!(text.contains("billed 3.5 → 3.75"), "{text}");
    assert_eq!(record.replaced[0].rows, [(first.id, 2)].into());
    // The first import's November row is live, so it is not superseded as a whole.
    assert!(record.superseded.is_empty());
    assert_eq!(world.billed(|r| r.account == "100").await, "12.75");
    assert_eq!(world.billed(|r| r.account == "200").await, "12.5");
    assert!(record_text(&record).contains("SHA-256"));
}

#[tokio::test]
async fn an_open_month_grows_without_restatement() {
    let world = World::new().await;
    committed(world.actual(&[&world.file("a.csv", ea(&[("2024-11-01", "a", "1", "EUR")]))]).await);
    let grown = [("2024-11-01", "a", "1", "EUR"), ("2024-11-02", "a", "1", "EUR"), ("2024-11-02", "c", "1", "USD")];
    let record = committed(world.actual(&[&world.file("b.csv", ea(&grown))]).await);
    assert!(record.restatements.is_empty());
    assert_eq!(world.rows().await.len(), 3);
}

#[tokio::test]
async fn billed_replaces_unbilled_of_the_same_customer_period_and_currency() {
    let world = World::new().await;
    let state = |state| move |r: &mut meterlake_import::ImportRequest| r.options.invoice_state = Some(state);
    let unbilled = rated(&[
        ("2024-10-03", ALPHA, "1", "EUR"),
        ("2024-10-03", ALPHA, "2", "USD"),
        ("2024-10-04", BETA, "4", "EUR"),
        ("2024-11-04", ALPHA, "8", "EUR"),
    ]);
    let first = world.import_with(&[&world.file("u.csv", unbilled)], state(InvoiceState::Unbilled)).await;
    let first = committed(first);
    assert_eq!(first.customers.len(), 2);
    let billed = rated(&[("2024-10-03", ALPHA, "1.1", "EUR")]);
    let billed = world.file("b.csv", billed);
    let record = committed(world.import_with(&[&billed], state(InvoiceState::Billed)).await);
    assert_eq!(record.counts.replaced, 1);
    assert_eq!(record.replaced[0].reason, "billed replaces unbilled");
    assert_eq!(record.replaced[0].kept, 1);
    assert_eq!(record.restatements[0].billed_cost.new.unwrap().to_string(), "1.1");
    let rows = world.rows().await;
    assert_eq!(rows.len(), 4);
    assert_eq!(world.billed(|r| r.period == 202_410 && r.customer == ALPHA).await, "3.1");
    // Rows that stayed keep the import that brought them, though their file was written anew.
    assert_eq!(rows.iter().filter(|r| r.import == first.id.to_string()).count(), 3);
    assert!(is_current(&world.import_with(&[&billed], state(InvoiceState::Billed)).await));
    // Unbilled rows of what is billed already would count twice.
    let late = world.file("late.csv", rated(&[("2024-10-03", ALPHA, "1", "EUR")]));
    let paths = [late.as_path()];
    let late = world.import_with(&paths, |r| {
        r.options.invoice_state = Some(InvoiceState::Unbilled);
        r.scope = meterlake_import::ScopeOption::parse(&[format!("customer={ALPHA};currency=EUR")]).unwrap();
    });
    let error = late.await.unwrap_err();
    assert!(matches!(error, ImportError::WouldCountTwice { .. }), "{error}");
    assert_eq!(world.rows().await, rows);
}

#[tokio::test]
async fn another_kind_of_the_same_account_needs_replace() {
    let world = World::new().await;
    let charges = [("2024-11-01", "a", "1", "EUR"), ("2024-11-02", "b", "2", "EUR")];
    committed(world.actual(&[&world.file("a.csv", ea(&charges))]).await);
    // The usage details of an EA: same costs, other columns, no account and no currency.
    let mut details = String::from(
        "AccountOwnerEmail,SubscriptionGuid,SubscriptionName,Date,MeterId,MeterCategory,ConsumedQuantity,ResourceRate,Cost,InstanceId,ConsumedServiceId,StoreServiceIdentifier,DepartmentName,UnitOfMeasure\r\n",
    );
    for (day, letter, cost, _) in charges {
        let subscription = super::world::subscription(letter);
        details.push_str(&format!(
            "o@x.com,{subscription},Sub,{day},meter-1,Compute,1,{cost},{cost},/r/{letter},1,s,d,1 Hour\r\n"
        ));
    }
    let details = world.file("details.csv", details);
    let options = |r: &mut meterlake_import::ImportRequest| {
        r.options.billing_account = Some("100".parse().unwrap());
        r.options.currency = Some("EUR".parse().unwrap());
    };
    let error = world.import_with(&[&details], options).await.unwrap_err();
    assert!(matches!(error, ImportError::WouldCountTwice { .. }), "{error}");
    assert!(error.to_string().contains("--replace"), "{error}");
    let record = committed(
        world
            .import_with(&[&details], |r| {
                options(r);
                r.replace = true;
            })
            .await,
    );
    assert_eq!(record.counts.replaced, 2);
    assert_eq!(world.billed(|_| true).await, "3");
    // Amortised cost of the same account stands beside it.
    let amortized = world.file("am.csv", ea(&charges));
    let paths = [amortized.as_path()];
    let amortized = world.import_with(&paths, |r| {
        r.options.basis = Some(CostBasis::Amortized);
    });
    committed(amortized.await);
    assert_eq!(world.rows().await.len(), 4);
}

#[tokio::test]
async fn a_manifest_claims_its_days_and_orders_runs() {
    let world = World::new().await;
    let run = |name: &str, charges: &[(&str, &str, &str, &str)], days, submitted| {
        world.file(&format!("{name}/part.csv"), ea(charges));
        world.file(&format!("{name}/manifest.json"), manifest("part.csv", days, submitted));
        world.folder.path().join(name)
    };
    let october = run(
        "r1",
        &[("2024-10-01", "a", "1", "EUR"), ("2024-10-02", "b", "2", "EUR")],
        ("2024-10-01", "2024-10-31"),
        "2024-11-02T01:00:00Z",
    );
    let record = committed(world.import_with(&[&october], |_| {}).await);
    assert_eq!(record.basis, CostBasis::Actual);
    // A later run of the month has no subscription b: the manifest says that it is whole, so b goes.
    let later = run("r2", &[("2024-10-01", "a", "1", "EUR")], ("2024-10-01", "2024-10-31"), "2024-11-05T01:00:00Z");
    let record = committed(world.import_with(&[&later], |_| {}).await);
    assert_eq!((record.counts.taken, record.counts.replaced), (1, 2));
    assert_eq!(record.restatements.len(), 1);
    assert_eq!(world.billed(|_| true).await, "1");
    // An older run, even one that was never imported, does not come back without --force.
    let older = run("r0", &[("2024-10-01", "a", "3", "EUR")], ("2024-10-01", "2024-10-31"), "2024-11-03T01:00:00Z");
    let error = world.import_with(&[&older], |_| {}).await.unwrap_err();
    assert!(matches!(error, ImportError::OlderRun { .. }), "{error}");
    let error = world.import_with(&[&october], |_| {}).await.unwrap_err();
    assert!(matches!(error, ImportError::Superseded { .. } | ImportError::OlderRun { .. }), "{error}");
    committed(world.import_with(&[&older], |r| r.force = true).await);
    assert_eq!(world.billed(|_| true).await, "3");
    // Days outside of the run stay: the second half of a month beside the first.
    let half = run("r3", &[("2024-11-01", "a", "5", "EUR")], ("2024-11-01", "2024-11-10"), "2024-11-11T01:00:00Z");
    committed(world.import_with(&[&half], |_| {}).await);
    let rest = run("r4", &[("2024-11-12", "a", "7", "EUR")], ("2024-11-11", "2024-11-20"), "2024-11-20T01:00:00Z");
    committed(world.import_with(&[&rest], |_| {}).await);
    assert_eq!(world.billed(|r| r.period == 202_411).await, "12");
    assert!(matches!(world.import_with(&[&rest], |_| {}).await, Ok(Outcome::AlreadyCurrent(_))));
}

#[tokio::test]
async fn the_same_customer_in_another_kind_of_file_would_count_twice() {
    let world = World::new().await;
    let rated_file = world.file("r.csv", rated(&[("2024-11-03", ALPHA, "1", "EUR")]));
    let state = |r: &mut meterlake_import::ImportRequest| r.options.invoice_state = Some(InvoiceState::Billed);
    committed(world.import_with(&[&rated_file], state).await);
    let export = |customer: &str, subscription: &str| {
        format!(
            "BillingAccountId,CustomerTenantId,CustomerName,PartnerName,Date,SubscriptionId,MeterId,Quantity,\
             CostInBillingCurrency,BillingCurrency,PricingCurrency,UnitOfMeasure,ChargeType\r\n\
             mca:1,{customer},C,Fabrikam,2024-11-03,{subscription},meter-1,1,2,EUR,EUR,1 Hour,Usage\r\n"
        )
    };
    // Accounts differ, but customer, subscription and day are the same.
    let same = world.file("e.csv", export(ALPHA, &format!("ent-{ALPHA}")));
    let error = world.actual(&[&same]).await.unwrap_err();
    assert!(matches!(error, ImportError::WouldCountTwice { .. }), "{error}");
    let other = world.file("o.csv", export(BETA, "sub-of-beta"));
    assert_eq!(committed(world.actual(&[&other]).await).counts.replaced, 0);
    assert_eq!(world.billed(|_| true).await, "3");
}

#[tokio::test]
async fn one_run_cannot_hold_a_charge_billed_and_unbilled() {
    let world = World::new().await;
    let unbilled = rated(&[("2024-10-03", ALPHA, "1", "EUR")]);
    // Lines that are on an invoice name it.
    let billed = unbilled.replace(",,sub-", ",D0400001,sub-");
    let (unbilled, billed) = (world.file("u.csv", unbilled), world.file("b.csv", billed));
    let error = world.import_with(&[&unbilled, &billed], |_| {}).await.unwrap_err();
    assert!(matches!(error, ImportError::BilledAndUnbilled { .. }), "{error}");
    committed(world.import_with(&[&unbilled], |_| {}).await);
    assert_eq!(committed(world.import_with(&[&billed], |_| {}).await).counts.replaced, 1);
    assert_eq!(world.rows().await.iter().map(|r| r.state.as_str()).collect::<Vec<_>>(), ["billed"]);
    // A late line in the next invoice: its day lies in October, its period is November's.
    let late = rated(&[("2024-10-30", ALPHA, "0.5", "EUR"), ("2024-11-02", ALPHA, "3", "EUR")]);
    let late = world.file("late.csv", late.replace(",,sub-", ",D0400002,sub-"));
    let error = world.import_with(&[&late], |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("give its --period"), "{error}");
    committed(world.import_with(&[&late], |r| r.options.period = Some("202411".parse().unwrap())).await);
    assert_eq!(world.billed(|r| r.period == 202_411).await, "3.5");
}
