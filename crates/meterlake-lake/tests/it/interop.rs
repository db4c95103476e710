//! Tables for other readers: `METERLAKE_KEEP_LAKE=DIR cargo test -p meterlake-lake kept -- --nocapture` leaves
//! them in the folder, with replacements and a checkpoint, and prints the sums to compare with.

use meterlake_lake::{Commit, Lake, Table, charges::columns, checked_sum_udaf, session_context};

use crate::{
    rows::{commit, import, month, new_import, write},
    table_rows,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_kept_for_other_readers() {
    let Ok(dir) = std::env::var("METERLAKE_KEEP_LAKE") else {
        println!("skipped: METERLAKE_KEEP_LAKE is not set");
        return;
    };
    let dir = std::path::Path::new(&dir);
    let lake = Lake::open_path(dir).await.unwrap();
    for number in 0..55 {
        let first = format!("{}-{:02}-01", 2020 + number / 12, number % 12 + 1);
        import(&lake, dir, &month("100", &first, 500, number)).await;
    }
    let ground = lake.charges().await.unwrap();
    let id = new_import();
    let adds = write(&lake, dir, id, &month("100", "2020-01-01", 321, 99)).await;
    let removes = ground.files().iter().filter(|f| f.period.number() == 202_001).cloned().collect();
    lake.commit(Commit { removes, ..commit(id, adds, ground.version()) }).await.unwrap();
    let snapshot = lake.charges().await.unwrap();
    let context = session_context(256 << 20, None).unwrap();
    let sum = checked_sum_udaf().call(vec![datafusion::prelude::col(columns::BILLED_COST)]);
    let frame = context.read_table(snapshot.provider()).unwrap().aggregate(vec![], vec![sum]).unwrap();
    let rows: u64 = snapshot.files().iter().map(|f| f.rows).sum();
    println!("version {} files {} rows {rows}", snapshot.version(), snapshot.files().len());
    frame.show().await.unwrap();

    for table in &Table::ALL[1..] {
        for tenant in ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"] {
            for (number, first) in ["2024-11-01", "2024-12-01"].into_iter().enumerate() {
                let rows = table_rows::month(*table, tenant, first, 1000, number as u64);
                table_rows::import(&lake, dir, *table, rows).await;
            }
        }
        let snapshot = lake.snapshot(*table).await.unwrap();
        let rows: u64 = snapshot.files().iter().map(|f| f.rows).sum();
        let (first, last) =
            (snapshot.files().iter().map(|f| f.first_day).min(), snapshot.files().iter().map(|f| f.last_day).max());
        println!("{table}: version {} rows {rows} from {first:?} to {last:?}", snapshot.version());
    }
}
