//! Reading and mapping of source files: the real samples, whose sums were worked out apart from this program, and
//! small files made from the field lists of kinds of which no real sample could be had.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use meterlake_import::{
    ConvertContext, DateFormat, ImportError, Inspected, NoProgress, NumberFormat, Options, Reject, SourceFile, convert,
    discover, inspect,
};
use meterlake_model::{Amount, BillingPeriod, CostBasis, Day, ImportId, Quantity, SourceKind};

/// A file that was read to its end.
pub(crate) struct Read {
    pub(crate) inspected: Inspected,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) rejects: Vec<Reject>,
}

impl Read {
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn cells<T>(&self, column: &str, cell: impl Fn(&dyn Array, usize) -> T) -> Vec<T> {
        let mut out = Vec::new();
        for batch in &self.batches {
            let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
            out.extend((0..batch.num_rows()).map(|row| cell(array.as_ref(), row)));
        }
        out
    }

    pub(crate) fn texts(&self, column: &str) -> Vec<String> {
        self.cells(column, |a, row| a.as_string::<i32>().value(row).to_owned())
    }

    pub(crate) fn amounts(&self, column: &str) -> Vec<Option<Amount>> {
        self.cells(column, |a, row| {
            let value = a.as_primitive::<Decimal128Type>();
            value.is_valid(row).then(|| Amount::from_unscaled(value.value(row)).unwrap())
        })
    }

    fn quantities(&self, column: &str) -> Vec<Option<Quantity>> {
        self.cells(column, |a, row| {
            let value = a.as_primitive::<Decimal128Type>();
            value.is_valid(row).then(|| Quantity::from_unscaled(value.value(row)).unwrap())
        })
    }

    fn sum(&self, column: &str) -> String {
        let amounts = self.amounts(column).into_iter().flatten();
        amounts.fold(Amount::ZERO, |sum, a| sum.checked_add(a).unwrap()).to_string()
    }

    fn quantity_sum(&self) -> String {
        let quantities = self.quantities("quantity").into_iter().flatten();
        quantities.fold(Quantity::ZERO, |sum, q| sum.checked_add(q).unwrap()).to_string()
    }

    fn days(&self, column: &str) -> Vec<String> {
        self.cells(column, |a, row| {
            let days = a.as_primitive::<Date32Type>();
            if days.is_null(row) { String::new() } else { Day::from_since_epoch(days.value(row)).unwrap().to_string() }
        })
    }

    fn periods(&self) -> Vec<i32> {
        self.cells("billing_period", |a, row| a.as_primitive::<Int32Type>().value(row))
    }

    fn integers(&self, column: &str) -> Vec<i64> {
        self.cells(column, |a, row| a.as_primitive::<Int64Type>().value(row))
    }

    fn booleans(&self, column: &str) -> Vec<bool> {
        self.cells(column, |a, row| a.as_boolean().value(row))
    }
}

fn context(options: &Options, basis: CostBasis) -> ConvertContext {
    let import = "01933a7e-0000-7000-8000-000000000001".parse::<ImportId>().unwrap();
    ConvertContext { ordinal: 3, basis, ..ConvertContext::new(import, options.clone()) }
}

pub(crate) fn read_source(file: &SourceFile, options: &Options) -> Result<Read, ImportError> {
    let inspected = inspect(file, options, &NoProgress)?;
    let basis = options.basis.or(inspected.basis).unwrap_or(CostBasis::Actual);
    let mut read = Read { inspected, batches: Vec::new(), rejects: Vec::new() };
    let mut rows = 0;
    for step in convert(file, &read.inspected, &context(options, basis))? {
        let step = step?;
        rows += step.rows_read;
        read.batches.push(step.batch);
        read.rejects.extend(step.rejects);
    }
    assert_eq!(rows, read.inspected.rows);
    assert_eq!(rows as usize, read.rows() + read.rejects.len());
    Ok(read)
}

pub(crate) fn read_path(path: &Path, options: &Options) -> Result<Read, ImportError> {
    let run = discover(&[path.to_owned()])?;
    read_source(&run.files[0], options)
}

/// Writes the bytes to a file and reads it.
pub(crate) fn read_bytes(bytes: &[u8], options: &Options) -> Result<Read, ImportError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source");
    std::fs::write(&path, bytes).unwrap();
    read_path(&path, options)
}

fn refusal(bytes: &[u8], options: &Options) -> String {
    match read_bytes(bytes, options) {
        Err(error) => error.to_string(),
        Ok(read) => panic!("read {} rows", read.rows()),
    }
}

fn options() -> Options {
    Options::default()
}

/// A real sample file, if the folder with them is there.
pub(crate) fn sample(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("METERLAKE_SAMPLES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: no sample file {}", path.display());
        return None;
    }
    Some(path)
}

macro_rules! sample {
    ($name:literal) => {
        match sample($name) {
            Some(path) => path,
            None => return,
        }
    };
}

mod samples;

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

mod headers;
mod made_from_field_lists;

mod bad_input;
mod basis;
mod demo_sources;
mod documented_columns;

mod folders;
mod layouts;

mod properties;
