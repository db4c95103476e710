//! Random requests, with what they name.

use std::sync::atomic::Ordering;

use super::{Caller, Kind, Leaky, digits, guid};
use crate::random_input::Random;
use crate::world::Answer;

/// A request, and what it names.
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) token: String,
    /// Each text of a scope in it, the scope, and a text of the same form that nothing has.
    pub(super) named: Vec<(String, usize, String)>,
}

impl Ask {
    pub(super) fn random(leaky: &Leaky, caller: &Caller, random: &mut Random) -> Self {
        let mut named = Vec::new();
        let mut name = |at: usize, text: &str, random: &mut Random| {
            let nobodys = if text.ends_with(".example.org") {
                format!("nobody{}.example.org", guid(random).replace('-', ""))
            } else if text.starts_with("Marker") {
                format!("Marker{}", guid(random).replace('-', ""))
            } else if text.len() == 36 {
                guid(random)
            } else {
                format!("7{}", digits(random))
            };
            named.push((text.to_owned(), at, nobodys));
            text.to_owned()
        };
        let any = |kind, random: &mut Random| {
            let of_kind = leaky.of_kind(kind);
            of_kind[random.below(of_kind.len())]
        };
        let (target, token, method) = match random.below(6) {
            0 => {
                let at = any(Kind::Customer, random);
                let scope = &leaky.scopes[at];
                let query = match random.below(9) {
                    0 => format!("$filter=customerTenantId%20eq%20'{}'", name(at, &scope.id, random)),
                    1 => format!("$filter=customerName%20eq%20'{}'", name(at, &scope.name, random)),
                    2 => format!("filter=subscriptionId%20ne%20'{}'&top=3", name(at, &scope.subscriptions[0], random)),
                    3 => format!("filter=contains(meterName,'{}')", name(at, &scope.name, random)),
                    4 => "groupby=customerName,meterName".to_owned(),
                    5 => "aggregationLevel=month&orderby=customerName%20desc".to_owned(),
                    6 => format!("filter=customerName%20eq%20{}", name(at, &scope.name, random)),
                    7 => format!("top={}&skip={}", random.below(3), random.below(9)),
                    _ => String::new(),
                };
                let path = ["/partner/v1/analytics/azureusage", "/partner/v1/analytics/usage/azure"][random.below(2)];
                (format!("{path}?{query}"), &caller.partner, "GET")
            }
            1 => {
                let (at, other) = (any(Kind::Customer, random), any(Kind::Customer, random));
                let customer = name(at, &leaky.scopes[at].id, random);
                let other = if random.below(2) == 0 { at } else { other };
                let subscription = leaky.scopes[other].subscriptions[random.below(2)].clone();
                let mut subscription = |random: &mut Random| name(other, &subscription, random);
                let target = match random.below(8) {
                    0 => "/v1/usagesummary".to_owned(),
                    1 => "/v1/customers/usagerecords".to_owned(),
                    2 => format!("/v1/customers/{customer}/usagesummary"),
                    3 => format!("/v1/customers/{customer}/usagebudget"),
                    4 => format!("/v1/customers/{customer}/subscriptions/usagerecords"),
                    5 => format!("/v1/customers/{customer}/subscriptions/{}/usagesummary", subscription(random)),
                    6 => format!("/v1/customers/{customer}x/usagesummary"),
                    _ => {
                        format!(
                            "/v1/customers/{customer}/subscriptions/{}/usagerecords/resources",
                            subscription(random)
                        )
                    }
                };
                (target, &caller.partner, ["GET", "GET", "GET", "PATCH"][random.below(4)])
            }
            2 => {
                let at = any(Kind::Tenant, random);
                let scope = &leaky.scopes[at];
                let by = if random.below(2) == 0 { &scope.id } else { &scope.second };
                let tenant = name(at, by, random);
                let tail = [
                    "reports",
                    "reports/b2cAuthenticationCount",
                    "reports/b2cAuthenticationCountSummary",
                    "reports/b2cMfaRequestCount",
                    "reports/b2cMfaRequestCountSummary?$format=xml",
                    "reports/tenantUserCount",
                    "reports/nothing",
                    "reports/b2cAuthenticationCount?$filter=((",
                    "$metadata",
                ][random.below(9)];
                (format!("/{tenant}/{tail}"), &caller.b2c, "GET")
            }
            3 => {
                let (at, other) = (any(Kind::Customer, random), any(Kind::Customer, random));
                let other = if random.below(2) == 0 { at } else { other };
                let c3 = name(at, &leaky.scopes[at].second, random);
                let tenant = name(other, &leaky.scopes[other].id, random);
                (format!("/api/licenseConsumptionReport/customer/{c3}/tenant/{tenant}"), &caller.own, "GET")
            }
            4 => {
                let at = any(Kind::Tenant, random);
                let scope = &leaky.scopes[at];
                let by = if random.below(2) == 0 { &scope.id } else { &scope.second };
                let tail = ["", "?by=day", "?perApplication=true", "?by=x"][random.below(4)];
                (format!("/meterlake/v1/b2c/{}/estimate{tail}", name(at, by, random)), &caller.own, "GET")
            }
            _ => {
                let at = any(Kind::Enrolment, random);
                let enrolment = name(at, &leaky.scopes[at].id, random);
                let (job_of, job) = &leaky.jobs[random.below(leaky.jobs.len())];
                let tail = match random.below(7) {
                    0 => "usagedetails".to_owned(),
                    1 => "billingPeriods/202411/usagedetails".to_owned(),
                    2 => "usagedetails/download?billingPeriod=202411".to_owned(),
                    3 | 4 => format!("usagedetails/poll/{}", name(*job_of, job, random)),
                    5 => "usagedetailsbycustomdate?startTime=x".to_owned(),
                    _ => "billingperiods".to_owned(),
                };
                let version = ["v1", "v2", "v3"][random.below(3)];
                (format!("/{version}/enrollments/{enrolment}/{tail}"), &caller.key, "GET")
            }
        };
        Self { method, target, token: token.clone(), named }
    }

    /// The same request with names of nothing in place of what the caller does not see.
    pub(super) fn of_nothing(&self, caller: &Caller) -> Option<String> {
        let foreign = self.named.iter().filter(|(text, at, _)| !caller.sees.contains(at) && self.target.contains(text));
        let foreign: Vec<_> = foreign.collect();
        if foreign.is_empty() {
            return None;
        }
        Some(foreign.iter().fold(self.target.clone(), |target, (text, _, nobodys)| target.replace(text, nobodys)))
    }

    pub(super) async fn send(&self, leaky: &Leaky, target: &str) -> (Answer, usize) {
        let before = leaky.queries.load(Ordering::SeqCst);
        let answer = leaky.world.post(self.method, target, &self.token, "{\"amount\":12.5}").await;
        (answer, leaky.queries.load(Ordering::SeqCst) - before)
    }
}
