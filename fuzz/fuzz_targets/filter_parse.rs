//! Any bytes as a filter, in the two dialects: nothing panics, a refusal points into the text, and what is taken prints
//! to a text that means the same.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use meterlake_filter::{CompareOp, Field, FieldCatalogue, FieldKind, Limits, Rules, parse};

/// The 13 fields of the usage analytics, as `AnalyticsField::catalogue` has them; the engine behind that is too large
/// to be built with sanitizers.
static ANALYTICS: LazyLock<FieldCatalogue> = LazyLock::new(|| {
    let field = |name, kind| Field { name, kind };
    FieldCatalogue::new([
        field("customerTenantId", FieldKind::Guid),
        field("customerName", FieldKind::Text),
        field("subscriptionId", FieldKind::Guid),
        field("subscriptionName", FieldKind::Text),
        field("usageDate", FieldKind::Date),
        field("resourceLocation", FieldKind::Text),
        field("meterCategory", FieldKind::Text),
        field("meterSubcategory", FieldKind::Text),
        field("meterUnit", FieldKind::Text),
        field("reservationOrderId", FieldKind::Guid),
        field("reservationId", FieldKind::Guid),
        field("consumptionMeterId", FieldKind::Guid),
        field("serviceType", FieldKind::Text),
    ])
});

/// The two fields of the B2C reports.
static B2C: LazyLock<FieldCatalogue> = LazyLock::new(|| {
    let times = &[CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le, CompareOp::Eq];
    FieldCatalogue::new([
        Field { name: "TimeStamp", kind: FieldKind::Date },
        Field { name: "ApplicationId", kind: FieldKind::Guid },
    ])
    .with_rules(FieldKind::Date, Rules { operators: times, contains: false })
    .with_rules(FieldKind::Guid, Rules { operators: &[CompareOp::Eq], contains: false })
});

fuzz_target!(|bytes: &[u8]| {
    // The server reads query strings the same way: what is no UTF-8 never comes to be a filter.
    let text = String::from_utf8_lossy(bytes);
    for catalogue in [&*ANALYTICS, &*B2C] {
        match parse(&text, catalogue, Limits::default()) {
            Ok(expr) => {
                let printed = expr.canonical(catalogue).to_string();
                // The printed text may be longer than the one that came, yet never deeper.
                let limits = Limits { length: usize::MAX, ..Limits::default() };
                assert_eq!(parse(&printed, catalogue, limits).as_ref(), Ok(&expr), "{text:?} was printed as {printed:?}");
                let again = expr.canonical(catalogue).to_string();
                assert_eq!(again, printed);
            }
            Err(error) => {
                assert!(text.is_char_boundary(error.offset), "{error} of {text:?}");
                assert!(!error.to_string().is_empty());
            }
        }
    }
});
