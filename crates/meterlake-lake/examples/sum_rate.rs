//! How fast charges are summed, without engine and HTTP: `sum_rate LAKE TIMES COLUMN…` groups by the columns, day by
//! month. With a fixed lake its instructions can be counted: `valgrind --tool=callgrind`, or `perf stat -e
//! instructions:u`.

use std::{error::Error, path::Path, sync::Arc, time::Instant};

use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
use meterlake_lake::{
    Lake,
    aggregate::{Aggregation, Condition, Form, Key, Measure, aggregate},
    charges::columns,
    rollup::Grain,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lake, times, names @ ..] = arguments.as_slice() else {
        return Err("usage: sum_rate LAKE TIMES COLUMN…".into());
    };
    let snapshot = Lake::open_path(Path::new(lake)).await?.charges().await?;
    let mut keys = Vec::new();
    for name in names {
        let known = columns::COLUMNS.iter().find(|column| column.name == name);
        let column = known.ok_or_else(|| format!("charges have no column {name}"))?.name;
        let by_day = column == columns::USAGE_DATE;
        keys.push(Key { column, form: if by_day { Form::Day(Grain::Month.first_day()) } else { Form::Stored } });
    }
    let condition = Condition::All(vec![
        Condition::Not(Box::new(Condition::OneOf(columns::CUSTOMER_TENANT_ID, [String::new()].into()))),
        Condition::Text(columns::CHARGE_TYPE, Arc::new(|kind| kind.eq_ignore_ascii_case("usage"))),
    ]);
    let measures = vec![Measure::Sum(columns::QUANTITY)];
    let aggregation = Arc::new(Aggregation { keys, measures, condition });
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let rows: u64 = snapshot.files().iter().map(|file| file.rows).sum();
    for _ in 0..times.parse::<usize>()? {
        let start = Instant::now();
        let row_groups = snapshot.row_groups(snapshot.files(), None).await?;
        let sums = aggregate(row_groups, Arc::clone(&aggregation), threads, &pool, usize::MAX).await?;
        println!("{rows} rows into {} groups in {:?}", sums.len(), start.elapsed());
    }
    Ok(())
}
