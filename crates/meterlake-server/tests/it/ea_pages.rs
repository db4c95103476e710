//! EA: JSON pages, downloads, billing periods.

use chrono::TimeDelta;
use meterlake_model::Clock as _;

use crate::charge::{ea, with};
use crate::world::{World, stable};

async fn world() -> World {
    let mut world = World::new().await;
    let first = ea(2, "2024-10-30");
    world
        .import(vec![
            with(&ea(3, "2024-10-31"), &[("tags", ""), ("additional_info", ""), ("billed_cost", "-0.10")]),
            first,
            with(&ea(4, "2024-10-31"), &[("billing_account_id", "200"), ("resource_id", "foreign")]),
            with(&ea(5, "2024-10-31"), &[("cost_basis", "amortized"), ("resource_id", "amortised")]),
            // Used in October, billed in November.
            with(&ea(6, "2024-10-31"), &[("billing_period", "202411"), ("resource_id", "late")]),
        ])
        .await;
    world
}

#[tokio::test]
async fn json_rows_of_every_version() {
    let world = world().await;
    for version in ["v1", "v2", "v3"] {
        let answer =
            world.get(&format!("/{version}/enrollments/100/billingPeriods/202410/usagedetails"), &world.key).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        stable(|| insta::assert_snapshot!(format!("json_rows_{version}"), answer.text()));
    }
}

#[tokio::test]
async fn csv_of_every_version_and_layout() {
    let world = world().await;
    for version in ["v1", "v2", "v3"] {
        let path = format!("/{version}/enrollments/100/usagedetails/download?billingPeriod=202410");
        let answer = world.get(&path, &world.key).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert!(answer.header("content-disposition").starts_with("attachment"));
        assert_eq!(answer.text().starts_with("\u{feff}Usage Data Extract\r\n\r\n"), version == "v3");
        assert_eq!(answer.text().matches('\n').count(), answer.text().matches("\r\n").count());
        stable(|| insta::assert_snapshot!(format!("csv_{version}"), answer.text().replace('\r', "")));
        let legacy = world.get(&format!("{path}&layout=legacy"), &world.key).await;
        let plain = world.get(&format!("{path}&layout=Plain"), &world.key).await;
        assert_eq!(legacy.text(), format!("\u{feff}Usage Data Extract\r\n\r\n{}", plain.text()));
        let nothing = world.get(&format!("/{version}/enrollments/100/usagedetails/download?startTime=2020-01-01&endTime=2020-01-31&layout=plain"), &world.key).await;
        assert_eq!((nothing.status, nothing.text().lines().count()), (200, 1));
        assert!(plain.text().starts_with(nothing.text()));
    }
}

#[tokio::test]
async fn periods_and_days_select_different_charges() {
    let world = world().await;
    let resources = |answer: crate::world::Answer| -> Vec<String> {
        let json = answer.json();
        json["data"].as_array().unwrap().iter().map(|row| row["instanceId"].as_str().unwrap().to_owned()).collect()
    };
    let current = resources(world.get("/v2/enrollments/100/usagedetails", &world.key).await);
    assert_eq!(current, ["late"]);
    let by_day = world
        .get("/v2/enrollments/100/usagedetailsbycustomdate?startTime=10/31/2024&endTime=20241031", &world.key)
        .await;
    assert_eq!(resources(by_day).len(), 2);
    let empty = world.get("/v2/enrollments/100/billingPeriods/201704/usagedetails", &world.key).await;
    assert_eq!(empty.json()["data"], serde_json::json!([]));
    assert!(empty.text().ends_with(",\"nextLink\":null}"));
    let periods = world.get("/v1/enrollments/100/billingperiods", &world.key).await;
    insta::assert_snapshot!("billing_periods", periods.text());
}

#[tokio::test]
async fn a_walk_pins_its_snapshot() {
    let mut world = World::new().await;
    let rows = (0..2300).map(|line| with(&ea(line, "2024-11-03"), &[("billed_cost", "0.01")])).collect();
    world.import(rows).await;
    let first = world.get("//V2/Enrollments/100/UsageDetails?unknown=1&Fil+ter=x", &world.key).await;
    assert_eq!(first.header("meterlake-ignored-parameters"), "unknown, Fil%20ter");
    let mut seen = first.json()["data"].as_array().unwrap().len();
    let mut next = first.json()["nextLink"].as_str().unwrap().to_owned();
    let link = next.clone();
    assert!(next.starts_with("http://usage.example.org/v2/enrollments/100/usagedetails?skiptoken="), "{next}");
    world.import(vec![ea(9999, "2024-11-04")]).await;
    // The period changes while the walk goes on.
    world.clock.advance(chrono::TimeDelta::hours(23));
    let mut pages = 1;
    loop {
        let answer = world.get(&next, &world.key).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        seen += json["data"].as_array().unwrap().len();
        pages += 1;
        match json["nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
    }
    assert_eq!((seen, pages), (2300, 3));
    assert_eq!(world.get(&link.replace("/v2/", "/v3/"), &world.key).await.status, 400);
    assert_eq!(world.get(&link.replace("skiptoken=ey", "skiptoken=eY"), &world.key).await.status, 400);
    world.clock.advance(chrono::TimeDelta::hours(1));
    let expired = world.get(&link, &world.key).await;
    assert_eq!(expired.status, 400);
    assert!(expired.text().contains("expired at 2024-11-16T10:20:30Z"), "{}", expired.text());
}

#[tokio::test]
async fn tags_spare_the_query() {
    let mut world = world().await;
    for path in [
        "/v2/enrollments/100/usagedetails",
        "/v2/enrollments/100/usagedetails/download?billingPeriod=202410",
        "/v2/enrollments/100/billingperiods",
    ] {
        let answer = world.get(path, &world.key).await;
        let tag = answer.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let unchanged = world.call("GET", path, &world.key, &[("if-none-match", &tag)]).await;
        assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, tag.as_str()));
        assert_eq!(world.call("GET", path, "wrong", &[("if-none-match", &tag)]).await.status, 401);
        world.import(vec![ea(77, "2024-11-01")]).await;
        assert_eq!(world.call("GET", path, &world.key, &[("if-none-match", &tag)]).await.status, 200);
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = world().await;
    for path in ["/v2/enrollments/100/usagedetails", "/v2/enrollments/100/usagedetails/download?billingPeriod=202410"] {
        let answer = world.call("HEAD", path, &world.key, &[]).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        assert_eq!(answer.header("etag"), world.get(path, &world.key).await.header("etag"));
    }
}

#[tokio::test]
async fn switches() {
    let mut world = world().await;
    world.import(vec![with(&ea(50, "2024-11-02"), &[("charge_type", "Purchase"), ("resource_id", "bought")])]).await;
    let path = "/v2/enrollments/100/usagedetails";
    assert!(world.get(path, &world.key).await.text().contains("bought"));
    world.config.ea.usage_only = true;
    world.config.ea.bom = true;
    world.config.base_url = Some("https://ea.example.org/".to_owned());
    world.restart();
    let answer = world.get(path, &world.key).await;
    assert!(!answer.text().contains("bought"));
    assert!(answer.text().starts_with("\u{feff}{"));
    let record =
        world.call("POST", "/v2/enrollments/100/usagedetails/submit?billingPeriod=202410", &world.key, &[]).await;
    assert!(record.text().contains("\"reportUrl\":\"https://ea.example.org/v2/enrollments/100/usagedetails/poll/"));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_fault_and_not_half_an_answer() {
    let world = world().await;
    for file in world.lake.charges().await.unwrap().files() {
        std::fs::remove_file(world.folder.path().join("lake/charges").join(&file.path)).unwrap();
    }
    for path in ["billingPeriods/202410/usagedetails", "usagedetails/download?billingPeriod=202410"] {
        let answer = world.get(&format!("/v2/enrollments/100/{path}"), &world.key).await;
        assert_eq!((answer.status, answer.header("content-type")), (500, "application/json; charset=utf-8"), "{path}");
        assert_eq!(answer.json()["error"]["code"], "InternalServerError");
        assert!(!answer.text().contains("parquet"), "{}", answer.text());
    }
}

#[tokio::test]
async fn unchanged_answers_have_links_that_are_good_for_long() {
    let mut world = World::new().await;
    world.import((0..1001).map(|line| ea(line, "2024-10-31")).collect()).await;
    let (path, start) = ("/v2/enrollments/100/billingPeriods/202410/usagedetails", world.clock.now());
    let first = world.get(path, &world.key).await;
    let (tag, link) = (first.header("etag").to_owned(), first.json()["nextLink"].as_str().unwrap().to_owned());
    let mut unchanged = Vec::new();
    for hours in 0..48 {
        world.clock.set(start + TimeDelta::hours(hours));
        let again = world.call("GET", path, &world.key, &[("if-none-match", &tag)]).await;
        if again.status == 304 {
            unchanged.push(hours);
        } else {
            assert_ne!(again.header("etag"), tag);
        }
    }
    assert!(unchanged.contains(&1) && unchanged.iter().all(|hours| *hours < 12), "{unchanged:?}");
    world.clock.set(start + TimeDelta::hours(unchanged[unchanged.len() - 1] + 11));
    assert_eq!(world.get(&link, &world.key).await.status, 200);
}
