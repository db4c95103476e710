//! Pieces of work that are done a given number of times on the same input, so that their instructions can be counted
//! and profiles taken without HTTP. `./dev count` runs it under callgrind.
//!
//! ```text
//! counted make FOLDER [ROWS]    writes a cost export of one month and imports it
//! counted WORK FOLDER TIMES     does the work; prints the unit that it is counted in and how many were done
//! ```

#![allow(clippy::unwrap_used, reason = "whoever runs it sees where it stopped")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use meterlake_bench::charges::{BILLING_ACCOUNT, Estate, Form, MONTHS, Scale, periods, write_month};
use meterlake_filter::Limits;
use meterlake_import::{
    ConvertContext, DatasetRecord, ImportJournal, ImportRecord, ImportRequest, JournalError, NoProgress, Options,
    Outcome, convert, discover, import_charges, inspect,
};
use meterlake_lake::Lake;
use meterlake_lake::charges::columns;
use meterlake_model::{CostBasis, ImportId, SystemClock};
use meterlake_reports::{
    AggregationLevel, AnalyticsField, AnalyticsRequest, CsvRows, CustomerScope, DayFormat, EaJsonRequest, EaRequest,
    FieldKind, JsonRows, Reports, ReportsConfig, Selection, WireField, ea_columns,
};

const USAGE: &str = "usage: counted make FOLDER [ROWS] | counted csv|json|plan|analytics|filter|import FOLDER TIMES";
/// Rows of the month where nothing else is said: few, for counting is slow.
const ROWS: u64 = 2_000;
const PAGE: usize = 1_000;
const FILTER: &str = "customerTenantId eq '39a1dfac-4969-4f31-af94-d76588189cfe' and (meterCategory eq 'Storage' or \
    contains(subscriptionName,'prod')) and not usageDate lt 2025-09-10";

type Failure = Box<dyn std::error::Error>;

// One thread for everything that is awaited and one for queries, so that counts differ little from run to run.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (work, folder, rest) = match arguments.as_slice() {
        [work, folder, rest @ ..] => (work.as_str(), Path::new(folder), rest.first()),
        _ => return Err(USAGE.into()),
    };
    let number: Option<u64> = rest.map(|text| text.parse()).transpose()?;
    if work == "make" {
        return make(folder, number.unwrap_or(ROWS)).await;
    }
    let times = number.ok_or(USAGE)?;
    let (unit, done) = match work {
        "filter" => ("filter", filters(times)?),
        "import" => ("row", reads(folder, times)?),
        _ => {
            let lake = Lake::open_path(&folder.join("data/lake")).await?;
            let config = ReportsConfig { threads: 1, ..ReportsConfig::default() };
            let reports = Reports::new(lake, &config)?;
            match work {
                "csv" => ("row", csv(&reports, times).await?),
                "json" => ("row", json(&reports, times).await?),
                "plan" => ("page", plans(&reports, times).await?),
                "analytics" => ("request", analytics(&reports, times).await?),
                _ => return Err(USAGE.into()),
            }
        }
    };
    println!("{unit} {done}");
    Ok(())
}

async fn make(folder: &Path, rows: u64) -> Result<(), Failure> {
    let estate = Estate::draw(Scale { rows: rows * u64::from(MONTHS), seed: 1 });
    let form = Form { parts: 1, gzip: false };
    let parts = write_month(&estate, periods()[usize::try_from(MONTHS)? - 1], &folder.join("export"), form)?;
    let data = folder.join("data");
    let lake = Lake::open_path(&data.join("lake")).await?;
    let request = ImportRequest {
        paths: parts.into_iter().map(|part| part.path).collect(),
        options: Options { basis: Some(CostBasis::Actual), ..Options::default() },
        ..ImportRequest::default()
    };
    match import_charges(&lake, &NoJournal, Arc::new(SystemClock), &data, request, Arc::new(NoProgress)).await? {
        Outcome::Committed(_) => Ok(()),
        Outcome::AlreadyCurrent(_) => Err("the folder holds this lake already".into()),
    }
}

/// The fields of v1 and v2.
fn fields() -> Vec<WireField> {
    let numbers =
        ["accountId", "productId", "resourceLocationId", "consumedServiceId", "departmentId", "subscriptionId"];
    let kind = |name: &str, column: &str| match column {
        columns::USAGE_DATE => FieldKind::Day(DayFormat::Iso),
        columns::QUANTITY | columns::EFFECTIVE_PRICE | columns::BILLED_COST => FieldKind::Decimal,
        _ if numbers.contains(&name) => FieldKind::Integer,
        _ => FieldKind::Text,
    };
    let fields = ea_columns().iter().take(33);
    fields.map(|(name, column)| WireField { name, column, kind: kind(name, column) }).collect()
}

fn month() -> Result<EaRequest, Failure> {
    let newest = *periods().last().ok_or("no month")?;
    Ok(EaRequest {
        accounts: vec![BILLING_ACCOUNT.parse()?],
        selection: Selection::Period(newest),
        usage_only: false,
        snapshot: None,
    })
}

/// The month as CSV, straight from its files; how many rows.
async fn csv(reports: &Reports, times: u64) -> Result<u64, Failure> {
    let (request, mut rows) = (month()?, 0);
    for _ in 0..times {
        let (_, pieces) = reports.ea_csv(&request, CsvRows::new(&fields())).await?;
        // Held until all are there, so that each time takes as many buffers, whichever thread runs first.
        let pieces: Vec<_> = pieces.try_collect().await?;
        rows += pieces.iter().map(|piece| piece.rows as u64).sum::<u64>();
    }
    Ok(rows)
}

/// The month as pages of JSON, from the second walk on of rows that are kept; how many rows. It is written as CSV once, to know how many rows a walk has.
async fn json(reports: &Reports, times: u64) -> Result<u64, Failure> {
    let rows = csv(reports, 1).await?;
    for _ in 0..times {
        let mut after = None;
        loop {
            let (charges, layout) = (month()?, "v2");
            let wanted = EaJsonRequest { charges, after, limit: PAGE, rows: JsonRows::new(&fields()), layout };
            let page = reports.ea_json(wanted, b"").await?;
            black_box(page.body.finish());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(rows * times)
}

/// Pages of one row by a plan: next to nothing but planning; how many pages.
async fn plans(reports: &Reports, times: u64) -> Result<u64, Failure> {
    let mut pages = 0;
    for _ in 0..times {
        let page = reports.ea_page(&month()?, None, 1).await?;
        pages += u64::from(!page.batches.is_empty());
    }
    Ok(pages)
}

/// Sums of the month by three fields, each of another filter because answers are kept; how many requests.
async fn analytics(reports: &Reports, times: u64) -> Result<u64, Failure> {
    for number in 0..times {
        let filter = format!("meterCategory ne 'Category {number}'");
        let request = AnalyticsRequest {
            customers: CustomerScope::All,
            filter: Some(meterlake_filter::parse(&filter, &AnalyticsField::catalogue(), Limits::default())?),
            days: (None, None),
            group_by: Some(vec![
                AnalyticsField::CustomerTenantId,
                AnalyticsField::UsageDate,
                AnalyticsField::MeterCategory,
            ]),
            aggregation: AggregationLevel::Month,
            order_by: Vec::new(),
            skip: 0,
            top: PAGE,
            snapshot: None,
            total: None,
        };
        if reports.analytics(&request).await?.total == 0 {
            return Err("the lake has no usage".into());
        }
    }
    Ok(times)
}

/// Filters read; how many.
fn filters(times: u64) -> Result<u64, Failure> {
    let catalogue = AnalyticsField::catalogue();
    for _ in 0..times {
        black_box(meterlake_filter::parse(black_box(FILTER), &catalogue, Limits::default())?);
    }
    Ok(times)
}

/// The export read twice, as an import does, into typed batches; how many rows.
fn reads(folder: &Path, times: u64) -> Result<u64, Failure> {
    let files: Result<Vec<_>, _> = folder.join("export").read_dir()?.map(|entry| Ok(entry?.path())).collect();
    let run = discover(&files.map_err(|error: std::io::Error| error)?)?;
    let options = Options::default();
    let context = ConvertContext::new("01933a7e-0000-7000-8000-000000000001".parse()?, options.clone());
    let mut rows = 0;
    for _ in 0..times {
        for file in &run.files {
            let inspected = inspect(file, &options, &NoProgress)?;
            for step in convert(file, &inspected, &context)? {
                rows += step?.rows_read;
            }
        }
    }
    Ok(rows)
}

/// Keeps no records: the lake keeps them beside itself.
struct NoJournal;

#[async_trait]
impl ImportJournal for NoJournal {
    async fn store(&self, _: &ImportRecord) -> Result<(), JournalError> {
        Ok(())
    }

    async fn get(&self, _: ImportId) -> Result<Option<ImportRecord>, JournalError> {
        Ok(None)
    }

    async fn running(&self) -> Result<Vec<ImportRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn find_by_hash(&self, _: &str) -> Result<Vec<ImportRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn committed(&self) -> Result<Vec<ImportRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn store_dataset(&self, _: &DatasetRecord) -> Result<(), JournalError> {
        Ok(())
    }

    async fn dataset(&self, _: ImportId) -> Result<Option<DatasetRecord>, JournalError> {
        Ok(None)
    }

    async fn committed_datasets(&self) -> Result<BTreeSet<ImportId>, JournalError> {
        Ok(BTreeSet::new())
    }

    async fn running_datasets(&self) -> Result<Vec<DatasetRecord>, JournalError> {
        Ok(Vec::new())
    }
}
