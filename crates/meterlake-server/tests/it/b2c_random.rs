//! Random filters, as clients write them, against a plain count over the events. Nothing of how the server reads a
//! filter is used here: every event is held against every condition.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use meterlake_model::Day;
use serde_json::Value;

use crate::b2c_world::{APPLICATION, B2cWorld, EVENTS, Event, OTHER_APPLICATION, TENANT};
use crate::random_input::Random;
use crate::world::at;

struct Condition {
    op: &'static str,
    instant: DateTime<Utc>,
    literal: String,
}

impl Condition {
    fn random(random: &mut Random, ops: &[&'static str]) -> Self {
        let time = at(EVENTS[random.below(EVENTS.len())].1);
        let midnight = Day::of(time).midnight();
        let instant = match random.below(5) {
            0 => time,
            1 => time + TimeDelta::microseconds(1),
            2 => time - TimeDelta::microseconds(1),
            3 => midnight + TimeDelta::days(1),
            _ => midnight,
        };
        let iso = instant.to_rfc3339_opts(SecondsFormat::Micros, true);
        let east = chrono::FixedOffset::east_opt(2 * 3600).unwrap();
        let whole = instant.timestamp_subsec_micros() == 0;
        let literal = match random.below(5) {
            0 | 1 if instant == Day::of(instant).midnight() => iso[..10].to_owned(),
            2 if whole => instant.with_timezone(&east).format("%-m/%-d/%Y %-I:%M:%S %p %:z").to_string(),
            3 => format!("datetime'{}'", iso.trim_end_matches('Z')),
            4 => format!("'{}'", instant.with_timezone(&east).to_rfc3339_opts(SecondsFormat::Micros, true)),
            _ => iso,
        };
        Self { op: ops[random.below(ops.len())], instant, literal }
    }

    fn holds(&self, time: DateTime<Utc>) -> bool {
        match self.op {
            "gt" => time > self.instant,
            "ge" => time >= self.instant,
            "lt" => time < self.instant,
            "le" => time <= self.instant,
            _ if self.literal.len() == 10 => Day::of(time) == Day::of(self.instant),
            _ => time == self.instant,
        }
    }

    /// The first of the 30 days that end with this bound.
    fn first_of_30_days(&self) -> Day {
        let midnight = self.instant == Day::of(self.instant).midnight();
        let back = if self.op == "lt" && midnight { 30 } else { 29 };
        Day::of(self.instant).plus(-back).unwrap()
    }
}

/// What a request asks for.
struct Asked {
    conditions: Vec<Condition>,
    application: Option<&'static str>,
}

impl Asked {
    fn random(random: &mut Random) -> Self {
        let mut conditions = Vec::new();
        if random.below(6) == 0 {
            conditions.push(Condition::random(random, &["eq"]));
        } else {
            for ops in [["gt", "ge"], ["lt", "le"]] {
                if random.below(3) > 0 {
                    conditions.push(Condition::random(random, &ops));
                }
            }
        }
        Self { conditions, application: [None, Some(APPLICATION), Some(OTHER_APPLICATION)][random.below(3)] }
    }

    fn filter(&self) -> String {
        let mut parts: Vec<String> =
            self.conditions.iter().map(|c| format!("TimeStamp {} {}", c.op, c.literal)).collect();
        parts.extend(self.application.map(|id| format!("ApplicationId eq {id}")));
        parts.join(" and ")
    }

    fn counts(&self, (tenant, time, application, _, _): &Event, now: DateTime<Utc>) -> bool {
        let time = at(time);
        let has = |ops: &[&str]| self.conditions.iter().find(|c| ops.contains(&c.op));
        let window = match (has(&["gt", "ge", "eq"]), has(&["lt", "le", "eq"])) {
            (None, None) => Day::of(time) >= Day::of(now).plus(-29).unwrap(),
            (None, Some(end)) => Day::of(time) >= end.first_of_30_days(),
            (Some(_), None) => time <= now,
            (Some(_), Some(_)) => true,
        };
        *tenant == TENANT
            && window
            && self.conditions.iter().all(|c| c.holds(time))
            && self.application.is_none_or(|id| id == *application)
    }
}

#[tokio::test]
async fn every_event_counts_where_it_should() {
    let b2c = B2cWorld::new().await;
    let now = meterlake_model::Clock::now(b2c.world.clock.as_ref());
    let mut random = Random(20_161_003);
    let (mut filled, mut empty) = (0, 0);
    for _ in 0..120 {
        let asked = Asked::random(&mut random);
        let filter = asked.filter();
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let query = if filter.is_empty() { String::new() } else { format!("?%24filter={query}&api-version=beta") };
        for (report, field, mfa) in
            [("b2cAuthenticationCount", "AuthenticationCount", false), ("b2cMfaRequestCount", "MfaCount", true)]
        {
            let counted = |event: &&Event| event.3.ends_with("Mfa") == mfa && (mfa || event.4);
            let expected = EVENTS.iter().filter(counted).filter(|event| asked.counts(event, now)).count() as u64;
            let sum = |answer: &Value| {
                let rows = answer["value"].as_array().unwrap();
                rows.iter().map(|row| row[field].as_u64().unwrap()).sum::<u64>()
            };
            let period = b2c.get(&format!("{report}{query}")).await;
            assert_eq!(period.status, 200, "{filter}: {}", period.text());
            assert_eq!(sum(&period.json()), expected, "{report}: {filter}");
            let daily = b2c.get(&format!("{report}Summary{query}")).await.json();
            assert_eq!(sum(&daily), expected, "{report}Summary: {filter}");
            let rows = period.json()["value"].as_array().unwrap().len();
            assert_eq!(rows, usize::from(asked.application.is_none() || expected > 0), "{filter}");
            if expected > 0 { filled += 1 } else { empty += 1 }
        }
    }
    assert!(filled > 40 && empty > 20, "{filled}, {empty}");
}
