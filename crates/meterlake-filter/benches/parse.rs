//! Reading filters: as they are usually sent, and as long as they may be.

#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use meterlake_filter::{Field, FieldCatalogue, FieldKind, Limits, parse};

const CUSTOMER: &str = "customerTenantId eq '39a1dfac-4969-4f31-af94-d76588189cfe'";
const MONTH: &str = "usageDate ge 2025-09-01 and usageDate le 2025-09-30 and meterCategory eq 'Virtual Machines'";

fn catalogue() -> FieldCatalogue {
    let field = |name, kind| Field { name, kind };
    FieldCatalogue::new([
        field("customerTenantId", FieldKind::Guid),
        field("subscriptionName", FieldKind::Text),
        field("meterCategory", FieldKind::Text),
        field("usageDate", FieldKind::Date),
    ])
}

/// As many alternatives as fit into the longest filter that is taken.
fn longest() -> String {
    let part = |number: u32| format!("contains(subscriptionName,'team {number:03}') or not ({CUSTOMER})");
    let mut text = part(0);
    for next in (1..).map(part) {
        if text.len() + 4 + next.len() > Limits::default().length {
            break;
        }
        text.push_str(" or ");
        text.push_str(&next);
    }
    text
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let catalogue = catalogue();
    let mut group = criterion.benchmark_group("parse");
    for (name, text) in [("customer", CUSTOMER.to_owned()), ("month", MONTH.to_owned()), ("longest", longest())] {
        parse(&text, &catalogue, Limits::default()).unwrap();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| parse(black_box(&text), &catalogue, Limits::default()).unwrap());
        });
    }
    group.finish();
    criterion.final_summary();
}
