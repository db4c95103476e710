//! Usage analytics: every field with every operator, groups, orders, periods and bounds.

use serde_json::{Value, json};

use crate::charge::{Charge, customer, with};
use crate::world::{OLD, PLAN, World};

const PATH: &str = "/partner/v1/analytics/azureusage";

/// The fields with the value of the first row as imported, as answered, a piece of it, and whether case counts.
const FIELDS: &[(&str, &str, &str, &str, bool)] = &[
    ("customerTenantId", PLAN, "A0A0A0A0-BBBB-CCCC-DDDD-E1E1E1E1E1E1", "bbbb-CCCC", false),
    ("customerName", "O'Neill & Söhne", "O'Neill & Söhne", "Neill & S", true),
    (
        "subscriptionId",
        "ec649980-d623-49f5-b7c1-80cc772b83a8",
        "EC649980-D623-49F5-B7C1-80CC772B83A8",
        "d623-49F5",
        false,
    ),
    ("subscriptionName", "AZURE PURCHSE SAMPLE APP", "AZURE PURCHSE SAMPLE APP", "PURCHSE", true),
    ("usageDate", "2018-05-27", "2018-05-27T00:00:00", "", false),
    ("resourceLocation", "useast", "useast", "seas", true),
    ("meterCategory", "Data Management", "Data Management", "a M", true),
    ("meterSubcategory", "None", "None", "on", true),
    ("meterUnit", "10,000s", "10,000s", ",0", true),
    ("reservationOrderId", "0abc0000-0000-0000-0000-00000000000a", "0ABC0000-0000-0000-0000-00000000000A", "0a", false),
    ("reservationId", "0abc0000-0000-0000-0000-00000000000b", "0ABC0000-0000-0000-0000-00000000000B", "0B", false),
    ("consumptionMeterId", "0abc0000-0000-0000-0000-00000000000c", "0ABC0000-0000-0000-0000-00000000000C", "0c", false),
    ("serviceType", "Standard_DS2_v2", "Standard_DS2_v2", "_DS2_", true),
];

const COLUMNS: &[&str] = &[
    "customer_tenant_id",
    "customer_name",
    "subscription_id",
    "subscription_name",
    "usage_date",
    "resource_location",
    "meter_category",
    "meter_subcategory",
    "unit_of_measure",
    "reservation_order_id",
    "reservation_id",
    "consumption_meter_id",
    "service_type",
];

/// Two charges that have no field in common; the second has no text where it may have none.
fn charges() -> Vec<Charge> {
    let mut first = customer(1, PLAN, "2018-05-27", "GBP");
    for (column, (_, imported, ..)) in COLUMNS.iter().zip(FIELDS) {
        first = with(&first, &[(column, imported)]);
    }
    let mut second = with(&customer(2, OLD, "2018-06-01", "USD"), &[("quantity", "-0.500")]);
    second.retain(|(name, _)| *name == "customer_tenant_id" || *name == "usage_date" || !COLUMNS.contains(name));
    vec![first, second]
}

async fn world() -> World {
    let mut world = World::new().await;
    world.import(charges()).await;
    world
}

fn encoded(query: &[(&str, &str)]) -> String {
    format!("{PATH}?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish())
}

/// Which of the two rows the filter lets through.
async fn passing(world: &World, filter: &str) -> Vec<u8> {
    let answer = world.get(&encoded(&[("$filter", filter), ("orderby", "usageDate")]), &world.all).await;
    assert_eq!(answer.status, 200, "{filter}: {}", answer.text());
    let json = answer.json();
    let rows = json["Value"].as_array().unwrap();
    assert_eq!(json["TotalCount"], rows.len(), "{filter}");
    rows.iter().map(|row| if row["usageDate"] == "2018-05-27T00:00:00" { 1 } else { 2 }).collect()
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[tokio::test]
async fn the_documents_row() {
    let world = world().await;
    let answer = world.get(&encoded(&[("orderby", "usageDate")]), &world.all).await;
    let fields: Vec<String> =
        FIELDS.iter().map(|(name, _, answered, ..)| format!("{}:{}", json!(name), json!(answered))).collect();
    let empty: Vec<String> = FIELDS
        .iter()
        .map(|(name, ..)| {
            let value = match *name {
                "customerTenantId" => OLD.to_uppercase(),
                "usageDate" => "2018-06-01T00:00:00".to_owned(),
                _ => String::new(),
            };
            format!("{}:{}", json!(name), json!(value))
        })
        .collect();
    let expected = format!(
        "{{\"Value\":[{{{},\"quantity\":20}},{{{},\"quantity\":-0.5}}],\"@nextLink\":null,\"TotalCount\":2}}",
        fields.join(","),
        empty.join(",")
    );
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn every_field_with_every_operator() {
    let world = world().await;
    for (field, imported, answered, piece, exact) in FIELDS {
        let both: &[u8] = &[1, 2];
        if *field == "usageDate" {
            for (operator, expected) in
                [("eq", &[1][..]), ("ne", &[2]), ("gt", &[2]), ("ge", both), ("lt", &[]), ("le", &[1])]
            {
                for date in
                    ["cast('2018-05-27',Edm.DateTimeOffset)", "cast('2018-05-27T00:00:00Z', edm.datetimeoffset)"]
                {
                    let filter = format!("USAGEdate {} {date}", operator.to_uppercase());
                    assert_eq!(passing(&world, &filter).await, expected, "{filter}");
                }
            }
            let contains = world.get(&encoded(&[("filter", "contains(usageDate,'2018')")]), &world.all).await;
            assert_eq!((contains.status, &contains.json()["data"][0]), (400, &json!("filter")));
            continue;
        }
        let value = literal(imported);
        for (filter, expected) in [
            (format!("{field} eq {value}"), &[1][..]),
            (format!("{field} ne {value}"), &[2]),
            (format!("{} EQ {value}", field.to_uppercase()), &[1]),
            (format!("{} Ne {}", field.to_lowercase(), literal(answered)), &[2]),
            (format!("not {field} eq {value}"), &[2]),
            (format!("contains({field},{})", literal(piece)), &[1]),
            (format!("NOT CONTAINS({field}, {})", literal(piece)), &[2]),
            (format!("contains({field},'')"), both),
            (format!("{field} ne 'something else'"), both),
        ] {
            assert_eq!(passing(&world, &filter).await, expected, "{filter}");
        }
        // Case counts in texts, not in ids.
        let (upper, lower) = (literal(&imported.to_uppercase()), literal(&imported.to_lowercase()));
        let other = if upper == value { lower } else { upper };
        let expected: &[u8] = if *exact { &[] } else { &[1] };
        assert_eq!(passing(&world, &format!("{field} eq {other}")).await, expected, "{field}");
        if *field != "customerTenantId" {
            assert_eq!(passing(&world, &format!("{field} eq ''")).await, [2], "{field}");
            assert_eq!(passing(&world, &format!("{field} ne ''")).await, [1], "{field}");
        }
        for operator in ["gt", "ge", "lt", "le"] {
            let answer = world.get(&encoded(&[("filter", &format!("{field} {operator} {value}"))]), &world.all).await;
            let json = answer.json();
            assert_eq!((answer.status, &json["code"], &json["data"][0]), (400, &json!(800_002), &json!("filter")));
        }
    }
}

#[tokio::test]
async fn precedence_parentheses_and_bounds() {
    let world = world().await;
    let (a, b, never) = ("resourceLocation eq 'useast'", "resourceLocation eq ''", "resourceLocation eq 'x'");
    for (filter, expected) in [
        (format!("{a} or {b} and {never}"), &[1][..]),
        (format!("({a} or {b}) and {never}"), &[]),
        (format!("not {a} and {b}"), &[2]),
        (format!("not ({a} and {b})"), &[1, 2]),
        (format!("not {never} and {a} or {b}"), &[1, 2]),
        (format!("NOT ({a} OR {never}) AND {b}"), &[2]),
    ] {
        assert_eq!(passing(&world, &filter).await, expected, "{filter}");
    }
    // Bounds are joined to the filter by `and`, the whole filter.
    let either = format!("{a} or {b}");
    for (first, last, expected) in [
        ("2018-05-27", "2018-06-01", 2),
        ("2018-05-28", "2018-06-01", 1),
        ("2018-05-27", "2018-05-31", 1),
        ("2018-05-27T23:59:59.9Z", "2018-05-27T00:00:00Z", 1),
        // The UTC day of a date-time counts; a plus that became a blank is one all the same.
        ("2018-05-28T00:30:00+02:00", "2018-05-27", 1),
        ("2018-05-27T23:30:00-02:00", "2018-05-31", 0),
        ("5/27/2018", "5/27/2018 11:00:00 PM", 1),
    ] {
        let query = [("filter", either.as_str()), ("STARTDATE", first), ("enddate", last)];
        let answer = world.get(&encoded(&query), &world.all).await;
        assert_eq!(answer.status, 200, "{first} {last}: {}", answer.text());
        assert_eq!(answer.json()["TotalCount"], expected, "{first} {last}");
        let unescaped = encoded(&query).replace("%2B", "+");
        assert_eq!(world.get(&unescaped, &world.all).await.text(), answer.text(), "{first} {last}");
    }
    for (query, expected) in
        [("startDate=2018-05-28", 1), ("endDate=2018-05-27", 1), ("endDate=2018-05-26", 0), ("", 2)]
    {
        assert_eq!(world.get(&format!("{PATH}?{query}"), &world.all).await.json()["TotalCount"], expected, "{query}");
    }
    let reversed = world.get(&format!("{PATH}?startDate=2018-05-28&endDate=2018-05-27"), &world.all).await;
    let expected = "The parameter 'endDate' has the value '2018-05-27'; expected a day not before startDate, which is \
                    2018-05-28.";
    assert_eq!(
        reversed.json(),
        json!({"code": 800_002, "description": expected, "data": ["endDate", "2018-05-27"], "source": "Meterlake"})
    );
}

#[tokio::test]
async fn groups_by_every_field() {
    let world = world().await;
    for (field, _, answered, ..) in FIELDS {
        let answer =
            world.get(&encoded(&[("groupby", field), ("orderby", &format!("{field} desc"))]), &world.one).await;
        let expected = format!(
            "{{\"Value\":[{{\"{field}\":{},\"Quantity\":20}}],\"@nextLink\":null,\"TotalCount\":1}}",
            json!(answered)
        );
        assert_eq!(answer.text(), expected);
    }
    // In the order of the request, each once, in any case, with or without blanks.
    let answer = world.get(&encoded(&[("groupBy", "METERUNIT, usagedate,meterUnit ,usageDate")]), &world.one).await;
    let expected = r#"{"Value":[{"meterUnit":"10,000s","usageDate":"2018-05-27T00:00:00","Quantity":20}],"@nextLink":null,"TotalCount":1}"#;
    assert_eq!(answer.text(), expected);
    for unknown in ["Quantity", "usageDate,nothing", "usageDate,,meterUnit", "usage Date"] {
        let answer = world.get(&encoded(&[("groupby", unknown)]), &world.all).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["data"]), (400, &json!(["groupby", unknown])));
        assert!(json["description"].as_str().unwrap().contains("serviceType"), "{json}");
    }
}

#[tokio::test]
async fn days_weeks_and_months() {
    let mut world = World::new().await;
    // Saturday, Sunday, Monday; the last two lie in another week, the last three in another month.
    let days = ["2024-08-30", "2024-08-31", "2024-09-01", "2024-09-02", "2024-09-08"];
    world.import(days.iter().enumerate().map(|(line, day)| customer(line, PLAN, day, "GBP")).collect()).await;
    let grouped = async |query: &str| {
        let answer = world.get(&format!("{PATH}?{query}"), &world.all).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let json = answer.json();
        let rows = json["Value"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| format!("{} {}", row["usageDate"].as_str().unwrap_or("-"), row["Quantity"]))
            .collect::<Vec<_>>()
    };
    let (week1, week2) = ("2024-08-26T00:00:00", "2024-09-02T00:00:00");
    for (query, expected) in [
        ("groupby=usageDate&aggregationLevel=week", vec![format!("{week1} 60"), format!("{week2} 40")]),
        // The bucket starts before the first day asked for.
        (
            "groupby=usageDate&aggregationLevel=week&startDate=2024-08-31&endDate=2024-09-02",
            vec![format!("{week1} 40"), format!("{week2} 20")],
        ),
        (
            "groupby=usageDate&aggregationLevel=MONTH",
            vec!["2024-08-01T00:00:00 40".to_owned(), "2024-09-01T00:00:00 60".to_owned()],
        ),
        ("groupby=usageDate&aggregationLevel=day", days.map(|day| format!("{day}T00:00:00 20")).to_vec()),
        ("groupby=usageDate", days.map(|day| format!("{day}T00:00:00 20")).to_vec()),
        // Without a date among the groups it changes nothing.
        ("groupby=meterUnit&aggregationLevel=week", vec!["- 100".to_owned()]),
        ("groupby=meterUnit&aggregationLevel=month", vec!["- 100".to_owned()]),
    ] {
        assert_eq!(grouped(query).await, expected, "{query}");
    }
    for level in ["day", "week", "month"] {
        let answer = world.get(&format!("{PATH}?aggregationLevel={level}"), &world.all).await;
        assert_eq!((answer.status, &answer.json()["data"]), (400, &json!(["aggregationLevel", level])));
    }
    let year = world.get(&format!("{PATH}?aggregationLevel=year&groupby=usageDate"), &world.all).await;
    let expected = "The parameter 'aggregationLevel' has the value 'year'; expected day, week or month.";
    assert_eq!((year.status, &year.json()["description"]), (400, &json!(expected)));
}

#[tokio::test]
async fn orders_by_every_field() {
    let world = world().await;
    let first = async |query: &[(&str, &str)]| {
        let answer = world.get(&encoded(query), &world.all).await;
        assert_eq!(answer.status, 200, "{query:?}: {}", answer.text());
        let json = answer.json();
        assert_eq!(json["Value"].as_array().unwrap().len(), 2);
        json["Value"][0]["usageDate"].as_str().unwrap()[..10].to_owned()
    };
    for (field, ..) in FIELDS {
        // The other row's texts are empty, its day is later, its customer's id is lesser.
        let (low, high) =
            if *field == "usageDate" { ("2018-05-27", "2018-06-01") } else { ("2018-06-01", "2018-05-27") };
        for ascending in [(*field).to_owned(), format!("{field} asc"), format!(" {}  ASC ", field.to_uppercase())] {
            assert_eq!(first(&[("orderby", &ascending)]).await, low, "{ascending}");
        }
        assert_eq!(first(&[("$orderBy", &format!("{field} Desc"))]).await, high, "{field}");
        assert_eq!(first(&[("orderby", &format!("meterUnit,{field} desc"))]).await, "2018-06-01", "{field}");
    }
    let groups = ("groupby", "usageDate");
    assert_eq!(first(&[groups, ("orderby", "Quantity")]).await, "2018-06-01");
    assert_eq!(first(&[groups, ("orderby", "quantity DESC")]).await, "2018-05-27");
    for (order, group) in [
        ("quantity", None),
        ("meterUnit up", None),
        ("meterUnit asc desc", None),
        ("", None),
        ("meterUnit,", None),
        ("nothing", None),
        ("meterUnit", Some("usageDate")),
        ("usageDate,meterUnit", Some("usageDate")),
    ] {
        let query: Vec<(&str, &str)> =
            [("orderby", order)].into_iter().chain(group.map(|group| ("groupby", group))).collect();
        let answer = world.get(&encoded(&query), &world.all).await;
        assert_eq!((answer.status, &answer.json()["data"]), (400, &json!(["orderby", order])), "{query:?}");
    }
}

#[tokio::test]
async fn ties_are_broken_so_that_pages_do_not_overlap() {
    let mut world = World::new().await;
    let charge =
        |line: usize| with(&customer(line, PLAN, "2024-11-04", "GBP"), &[("service_type", &format!("{line:02}"))]);
    world.import((0..30).map(charge).collect()).await;
    let mut seen = Vec::new();
    for skip in (0..30).step_by(7) {
        let page = world.get(&format!("{PATH}?orderby=meterUnit+desc&top=7&skip={skip}"), &world.all).await.json();
        assert_eq!((&page["TotalCount"], page["@nextLink"].is_null()), (&json!(30), skip == 28));
        seen.extend(
            page["Value"].as_array().unwrap().iter().map(|row| row["serviceType"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(seen, (0..30).map(|line| format!("{line:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn ten_thousand_rows_at_most() {
    let mut world = World::new().await;
    let charge =
        |line: usize| with(&customer(line, PLAN, "2024-11-04", "GBP"), &[("resource_location", &format!("{line:05}"))]);
    world.import((0..10_001).map(charge).collect()).await;
    for query in ["", "?top=10001", "?$top=99999999999999999999999", "?top=10000"] {
        let page = world.get(&format!("{PATH}{query}"), &world.one).await.json();
        assert_eq!((page["Value"].as_array().unwrap().len(), &page["TotalCount"]), (10_000, &json!(10_001)), "{query}");
        let last = world.get(page["@nextLink"].as_str().unwrap(), &world.one).await.json();
        assert_eq!(last["Value"].as_array().unwrap().len(), 1);
        assert_eq!((&last["Value"][0]["resourceLocation"], &last["@nextLink"]), (&json!("10000"), &Value::Null));
        assert_eq!(last["TotalCount"], 10_001);
    }
    let one = world.get(&format!("{PATH}?top=1&skip=9999"), &world.one).await.json();
    assert_eq!((&one["Value"][0]["resourceLocation"], one["@nextLink"].is_string()), (&json!("09999"), true));
    let beyond = world.get(&format!("{PATH}?skip=10001"), &world.one).await;
    assert_eq!(beyond.text(), r#"{"Value":[],"@nextLink":null,"TotalCount":10001}"#);
    let nothing = world.get(&format!("{PATH}?filter=meterUnit+eq+'x'"), &world.one).await;
    assert_eq!(nothing.text(), r#"{"Value":[],"@nextLink":null,"TotalCount":0}"#);
}

#[tokio::test]
async fn sums_are_exact_and_canonical() {
    let mut world = World::new().await;
    let mut line = 0;
    let mut charges = Vec::new();
    let mut expected = Vec::new();
    for (place, quantities, sum) in [
        ("a", &["0.5", "-0.5"][..], "0"),
        ("b", &["0.00000000000000000001", "100000000000000000"], "100000000000000000.00000000000000000001"),
        ("c", &["0.1", "0.2"], "0.3"),
        ("d", &["-0.00000000000000000001"], "-0.00000000000000000001"),
        ("e", &["1.50", "98.50"], "100"),
    ] {
        for quantity in quantities {
            line += 1;
            let columns = [("resource_location", place), ("quantity", *quantity)];
            charges.push(with(&customer(line, PLAN, "2024-11-04", "GBP"), &columns));
        }
        expected.push(format!("{{\"resourceLocation\":\"{place}\",\"Quantity\":{sum}}}"));
    }
    world.import(charges).await;
    let answer = world.get(&format!("{PATH}?groupby=resourceLocation"), &world.one).await;
    let expected = format!("{{\"Value\":[{}],\"@nextLink\":null,\"TotalCount\":5}}", expected.join(","));
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn headers_of_partner_center_clients() {
    let world = world().await;
    let given = [
        ("ms-requestid", "e128c8e2-4c33-4940-a3e2-2e59b0abdc67"),
        ("ms-correlationid", "47c36033-af5d-4457-80a4-512c1626fac4"),
        ("ms-contract-version", "v1"),
        ("x-locale", "de-DE"),
        ("ms-partnercenter-application", "x"),
        ("accept", "text/plain"),
        ("content-type", "application/json"),
        ("content-length", "0"),
    ];
    for (target, token, status) in [
        (PATH.to_owned(), world.all.as_str(), 200),
        (format!("{PATH}?top=x"), &world.all, 400),
        (PATH.to_owned(), "", 401),
        (PATH.to_owned(), &world.app, 403),
        ("/partner/v1/analytics/nothing".to_owned(), &world.all, 404),
    ] {
        let answer = world.call("GET", &target, token, &given).await;
        assert_eq!(answer.status, status, "{target}");
        for (name, value) in &given[..2] {
            assert_eq!(answer.header(name), *value, "{target}");
        }
        let made = world.get(&target, token).await;
        for (name, _) in &given[..2] {
            assert_eq!(made.header(name).parse::<uuid::Uuid>().unwrap().get_version_num(), 4, "{target}");
        }
    }
}
