//! Reads EA usage details as a client would, with costs taken as text: a float would round them.

use serde_json::Value;

use crate::program::Server;

/// An exact sum of plain decimals, in units of 10^-28.
pub(crate) fn exact(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |d| (-1, d));
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(fraction.len() <= 28, "{text}");
    sign * format!("{integer}{fraction:0<28}").parse::<i128>().unwrap()
}

/// Every `cost` that the JSON pages of an enrolment report for a span of days, added up.
pub(crate) fn reported_days(server: &Server, enrolment: &str, key: &str, days: (&str, &str)) -> (usize, i128) {
    let path = format!("usagedetailsbycustomdate?startTime={}&endTime={}", days.0, days.1);
    reported(server, key, format!("/v2/enrollments/{enrolment}/{path}"))
}

/// Rows and summed cost of a walk that starts at `link`.
pub(crate) fn reported(server: &Server, key: &str, mut link: String) -> (usize, i128) {
    let (mut rows, mut sum) = (0, 0);
    loop {
        let (status, body) = server.get(&link, key);
        assert_eq!(status, 200, "{body}");
        for piece in body.split("\"cost\":").skip(1) {
            sum += exact(piece.split([',', '}']).next().unwrap());
            rows += 1;
        }
        match &serde_json::from_str::<Value>(&body).unwrap()["nextLink"] {
            Value::String(next) => link.clone_from(next),
            Value::Null => return (rows, sum),
            other => panic!("nextLink is {other}"),
        }
    }
}
