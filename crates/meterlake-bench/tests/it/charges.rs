//! The generator of charges.

use std::collections::HashSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use meterlake_bench::charges::{Estate, Form, Part, Scale, Totals, describe, periods, write_month};
use meterlake_model::{Amount, BillingPeriod, Quantity};

const SCALE: Scale = Scale { rows: 72_007, seed: 5 };

fn month(scale: Scale, period: BillingPeriod, dir: &Path, form: Form) -> Vec<Part> {
    write_month(&Estate::draw(scale), period, dir, form).unwrap()
}

fn unzipped(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    text
}

/// The lines of all parts without their headers.
fn lines(parts: &[Part]) -> String {
    let mut all = String::new();
    for part in parts {
        let gzip = part.path.extension().is_some_and(|ending| ending == "gz");
        let text = if gzip { unzipped(&part.path) } else { fs::read(&part.path).unwrap() };
        assert_eq!(text.len() as u64, part.plain_bytes);
        all.push_str(String::from_utf8(text).unwrap().split_once("\r\n").unwrap().1);
    }
    all
}

#[test]
fn the_same_rows_in_any_form_and_others_by_another_seed() {
    let dir = tempfile::tempdir().unwrap();
    let period = periods()[17];
    let made = |name: &str, scale, form| lines(&month(scale, period, &dir.path().join(name), form));
    let one = made("one", SCALE, Form { parts: 1, gzip: false });
    assert_eq!(one, made("again", SCALE, Form { parts: 1, gzip: false }));
    assert_eq!(one, made("parts", SCALE, Form { parts: 3, gzip: true }));
    assert_ne!(one, made("seed", Scale { seed: 6, ..SCALE }, Form { parts: 1, gzip: false }));
}

#[test]
fn every_month_has_its_share_and_its_totals_are_those_of_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = 0;
    for period in [periods()[0], periods()[20], periods()[35]] {
        let parts = month(SCALE, period, dir.path(), Form { parts: 2, gzip: true });
        let (mut cost, mut quantity, mut read, mut seen) = (Amount::ZERO, Quantity::ZERO, 0, HashSet::new());
        for part in &parts {
            let text = unzipped(&part.path);
            let mut file = csv::Reader::from_reader(text.as_slice());
            let header = file.headers().unwrap().clone();
            let at = |name: &str| header.iter().position(|h| h == name).unwrap();
            let (costs, quantities, start) =
                (at("costInBillingCurrency"), at("quantity"), at("billingPeriodStartDate"));
            for row in file.records() {
                let row = row.unwrap();
                cost = cost.checked_add(row[costs].parse().unwrap()).unwrap();
                quantity = quantity.checked_add(row[quantities].parse().unwrap()).unwrap();
                assert_eq!(row[start], period.first_day().date().format("%m/%d/%Y").to_string());
                assert!(seen.insert(row.as_slice().to_owned()), "{row:?} is there twice");
                read += 1;
            }
        }
        let mut totals = Totals::default();
        parts.iter().for_each(|part| totals.add(&part.totals));
        assert_eq!(
            (totals.rows, totals.cost_text(), totals.quantity_text()),
            (read, cost.to_string(), quantity.to_string())
        );
        assert!(totals.usage_rows < totals.rows && totals.usage_rows > totals.rows * 95 / 100, "{}", describe(&parts));
        rows += read;
    }
    assert_eq!(rows, 72_007 / 36 + (72_007 * 21 / 36 - 72_007 * 20 / 36) + (72_007 - 72_007 * 35 / 36));
}

#[test]
fn a_month_outside_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let period = BillingPeriod::from_number(201_001).unwrap();
    let error = write_month(&Estate::draw(SCALE), period, dir.path(), Form { parts: 1, gzip: true }).unwrap_err();
    assert!(error.to_string().contains("201001"), "{error}");
}
