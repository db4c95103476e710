//! Reading a cost export: pass 1 and pass 2 over generated rows, and the two kinds of cells that take most thought.

#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use meterlake_bench::charges::{Estate, Form, MONTHS, Scale, periods, write_month};
use meterlake_import::{ConvertContext, NoProgress, Options, convert, discover, inspect};
use meterlake_model::{Amount, Day};

const ROWS: u64 = 5_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    files(&mut criterion);
    cells(&mut criterion);
    criterion.final_summary();
}

fn files(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let estate = Estate::draw(Scale { rows: ROWS * u64::from(MONTHS), seed: 1 });
    let parts = write_month(&estate, periods()[34], folder.path(), Form { parts: 1, gzip: false }).unwrap();
    let source = discover(&[parts[0].path.clone()]).unwrap().files.remove(0);
    let options = Options::default();
    let inspected = inspect(&source, &options, &NoProgress).unwrap();
    assert_eq!(inspected.rows, ROWS);
    let context = ConvertContext::new("01933a7e-0000-7000-8000-000000000001".parse().unwrap(), options.clone());
    let mut group = criterion.benchmark_group("cost export");
    group.sample_size(20).throughput(Throughput::Bytes(parts[0].plain_bytes));
    group.bench_function("inspect", |bencher| {
        bencher.iter(|| inspect(&source, &options, &NoProgress).unwrap());
    });
    group.bench_function("convert", |bencher| {
        bencher.iter(|| {
            let steps = convert(&source, &inspected, &context).unwrap();
            let rows: usize = steps.map(|step| step.unwrap().batch.num_rows()).sum();
            assert_eq!(rows as u64, ROWS);
        });
    });
    group.finish();
}

fn cells(criterion: &mut Criterion) {
    let amounts = ["0", "12.5", "0.000123456789", "-1043.227910384402", "17.000000000000000000000001", "1.2E-05"];
    let days = ["2025-09-01", "2024-02-29", "1999-12-31"];
    let mut group = criterion.benchmark_group("cell");
    group.throughput(Throughput::Elements(amounts.len() as u64));
    group.bench_function("amounts", |bencher| {
        bencher.iter(|| black_box(amounts).map(|text| text.parse::<Amount>().unwrap()));
    });
    group.throughput(Throughput::Elements(days.len() as u64));
    group.bench_function("days", |bencher| {
        bencher.iter(|| black_box(days).map(|text| text.parse::<Day>().unwrap()));
    });
    group.finish();
}
