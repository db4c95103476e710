//! What the OpenAPI document says of bill estimates.

use super::wire::Estimate;
use crate::openapi::{Answer, Call, Named, day, one_of, query, tenant};

pub(super) fn estimate() -> Vec<Call> {
    let within = "The days are at most 36 months.";
    vec![
        Call::get("b2cEstimate", "What a B2C tenant's usage costs by the operator's price file")
            .about(format!(
                "By day, week or month, for the tenant or for each of its applications, beside what the linked \
                 subscription was charged where the lake has it. {within}"
            ))
            .parameter(tenant())
            .parameters([
                query("by", "Rows by day, week (from Monday) or month.", {
                    one_of(&["day", "week", "month"]).default(Some("month".into()))
                }),
                query(
                    "startDate",
                    "The first day; left out, the first of the month two months before the last day.",
                    day(),
                ),
                query("endDate", "The last day; left out, today.", day()),
                query("perApplication", "Whether rows are also split by application.", {
                    one_of(&["true", "false"]).default(Some("false".into()))
                }),
            ])
            .answers(200, Answer::json("The estimate.", Named::of::<Estimate<'_>>()))
            .refuses(&[400, 403, 404, 503]),
    ]
}
