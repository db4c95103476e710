//! How fast EA usage details become bytes, without HTTP: `ea_rate LAKE ACCOUNT PERIOD [csv|json] [TIMES]`. With a fixed
//! lake its instructions can be counted: `valgrind --tool=callgrind`, or `perf stat -e instructions:u`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use futures::StreamExt;
use meterlake_lake::Lake;
use meterlake_lake::charges::columns;
use meterlake_reports::{
    CsvRows, DayFormat, EaJsonRequest, EaRequest, FieldKind, JsonRows, Reports, ReportsConfig, Selection, WireField,
    ea_columns,
};

/// The fields of v1 and v2.
fn fields() -> Vec<WireField> {
    let kind = |name: &str, column: &str| match column {
        columns::USAGE_DATE => FieldKind::Day(DayFormat::Iso),
        columns::QUANTITY | columns::EFFECTIVE_PRICE | columns::BILLED_COST => FieldKind::Decimal,
        _ if matches!(
            name,
            "accountId" | "productId" | "resourceLocationId" | "consumedServiceId" | "departmentId" | "subscriptionId"
        ) =>
        {
            FieldKind::Integer
        }
        _ => FieldKind::Text,
    };
    let fields = ea_columns().iter().take(33);
    fields.map(|(name, column)| WireField { name, column, kind: kind(name, column) }).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lake, account, period, rest @ ..] = arguments.as_slice() else {
        return Err("usage: ea_rate LAKE ACCOUNT PERIOD [csv|json] [TIMES]".into());
    };
    let form = rest.first().map_or("csv", String::as_str);
    let times: usize = rest.get(1).map_or(Ok(3), |times| times.parse())?;
    let reports = Reports::new(Lake::open_path(Path::new(lake)).await?, &ReportsConfig::default())?;
    let charges = EaRequest {
        accounts: vec![account.parse()?],
        selection: Selection::Period(period.parse()?),
        usage_only: false,
        snapshot: Some(reports.newest_snapshot().await?),
    };
    for _ in 0..times {
        let start = Instant::now();
        let (mut bytes, mut pieces) = (0usize, 0usize);
        if form == "csv" {
            let (_, mut stream) = reports.ea_csv(&charges, CsvRows::new(&fields())).await?;
            while let Some(piece) = stream.next().await {
                bytes += piece?.bytes.len();
                pieces += 1;
            }
        } else {
            let mut after = None;
            loop {
                let rows = JsonRows::new(&fields());
                let wanted = EaJsonRequest { charges: charges.clone(), after, limit: 1000, rows, layout: "v2" };
                let page = reports.ea_json(wanted, b"[").await?;
                bytes += page.body.finish().len();
                pieces += 1;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        let took = start.elapsed();
        println!("{bytes} bytes in {pieces} pieces, {} ms", took.as_millis());
    }
    Ok(())
}
