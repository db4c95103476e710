//! Which cost an export holds: what its rows prove, and what they do not.

use super::*;

/// An export of one row and, unless empty, a second one: charge type, pricing model, reservation, cost.
fn export(rows: &[(&str, &str, &str, &str)]) -> Vec<u8> {
    let mut text =
        "SubscriptionId,BillingAccountId,Date,Cost,BillingCurrency,ChargeType,PricingModel,ReservationId\n".to_owned();
    for (charge_type, model, reservation, cost) in rows {
        text.push_str(&format!("s,a,2024-11-30,{cost},USD,{charge_type},{model},{reservation}\n"));
    }
    text.into_bytes()
}

#[test]
fn rows_that_prove_a_basis() {
    let plain = ("Usage", "OnDemand", "", "1.5");
    for (row, basis, says) in [
        (("UnusedReservation", "Reservation", "r", "1"), Some(CostBasis::Amortized), "only amortised exports have"),
        (("UnusedSavingsPlan", "SavingsPlan", "", "1"), Some(CostBasis::Amortized), "only amortised exports have"),
        (("Usage", "Reservation", "r", "0.01"), Some(CostBasis::Amortized), "which billed cost shows as 0"),
        (("Usage", "SavingsPlan", "", "0.01"), Some(CostBasis::Amortized), "which billed cost shows as 0"),
        (("Purchase", "Reservation", "r", "100"), Some(CostBasis::Actual), "purchase of a reservation"),
        (("Refund", "SavingsPlan", "", "-100"), Some(CostBasis::Actual), "refund of a reservation"),
        // Covered usage at no cost, a purchase of something else, a purchase at no cost: both bases show them alike.
        (("Usage", "Reservation", "r", "0"), None, "no row tells"),
        (("Usage", "Reservation", "r", "0.000"), None, "no row tells"),
        (("Purchase", "OnDemand", "", "9"), None, "no row tells"),
        (("Purchase", "Reservation", "r", "0"), None, "no row tells"),
        (plain, None, "no row tells"),
    ] {
        let read = read_bytes(&export(&[plain, row]), &options()).unwrap();
        assert_eq!(read.inspected.basis, basis, "{row:?}");
        let reason = &read.inspected.basis_reason;
        assert!(reason.contains(says), "{row:?}: {reason}");
        assert!(basis.is_none() || reason.contains("line 3"), "{row:?}: {reason}");
    }
    let both = export(&[("UnusedReservation", "Reservation", "r", "1"), ("Purchase", "Reservation", "r", "100")]);
    let read = read_bytes(&both, &options()).unwrap();
    assert_eq!(read.inspected.basis, None);
    assert!(read.inspected.basis_reason.contains("contradict"), "{}", read.inspected.basis_reason);
}

#[test]
fn the_cost_goes_where_the_basis_says() {
    let bytes = export(&[("Usage", "OnDemand", "", "1.5")]);
    for (basis, billed, effective) in [(CostBasis::Actual, "1.5", "0"), (CostBasis::Amortized, "0", "1.5")] {
        let read = read_bytes(&bytes, &Options { basis: Some(basis), ..options() }).unwrap();
        assert_eq!((read.sum("billed_cost").as_str(), read.sum("effective_cost").as_str()), (billed, effective));
        let absent = if billed == "0" { "billed_cost" } else { "effective_cost" };
        assert!(read.amounts(absent).iter().all(Option::is_none));
        assert_eq!(read.texts("cost_basis"), [basis.as_str()]);
    }
}
