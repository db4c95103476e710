//! What the OpenAPI document says of usage analytics.

use meterlake_reports::AnalyticsField;
use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

use super::request::MOST_ROWS;
use super::wire;
use crate::openapi::{
    Answer, Call, Named, count, etag, if_none_match, link_or_null, list, object, one_of, property, query, row,
    skip_token, text, wire_field,
};

const ABOUT: &str = "\
The day's quantity for each combination of the other fields, of the customers that the user has access to. Without \
`groupby` a row has all 13 fields and `quantity`; with it the named fields and `Quantity`.

`filter` takes `eq` and `ne` on every field, `gt`, `ge`, `lt`, `le` on `usageDate`, `contains(field,'…')` on all but \
`usageDate`, `not`, `and`, `or` and parentheses; texts in single quotes, a quote doubled. \
`usageDate ge cast('2018-01-01',Edm.DateTimeOffset) and contains(customerName,'O''Hara')`";

pub(super) fn usage() -> Vec<Call> {
    vec![call("azureUsage", "Daily Azure usage of a partner's customers")]
}

pub(super) fn usage_at_the_later_path() -> Vec<Call> {
    vec![call("usageAzure", "Daily Azure usage of a partner's customers, at the path that came later")]
}

fn call(id: &str, summary: &str) -> Call {
    Call::get(id, summary)
        .about(ABOUT)
        .parameters(parameters())
        .parameter(if_none_match())
        .answers(200, Answer::json("A page of rows.", page()).header("ETag", etag()))
        .answers(304, Answer::unchanged())
        .refuses(&[400, 403, 503])
}

fn names() -> String {
    AnalyticsField::ALL.map(|field| format!("`{}`", field.name())).join(", ")
}

fn parameters() -> Vec<ParameterBuilder> {
    let day = || text().examples(["2018-05-27", "2018-05-27T00:00:00Z"]);
    let most = i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
    vec![
        query("top", "Rows of a page; more than 10000 is taken as 10000.", {
            count().minimum(Some(1)).default(Some(most.into()))
        }),
        query("skip", "Rows to leave out.", count().default(Some(0.into()))),
        query("filter", "Which rows; see above. At most 8192 bytes and 32 levels.", text().min_length(Some(1)))
            .example(Some("meterCategory eq 'Data Management'".into())),
        query(
            "aggregationLevel",
            "With `groupby`: what a grouped `usageDate` is truncated to; weeks begin on Monday.",
            one_of(&["day", "week", "month"]).default(Some("day".into())),
        ),
        query("orderby", "`field [asc|desc]`, with commas between; with `groupby` of its fields and `Quantity`.", {
            text().min_length(Some(1))
        })
        .example(Some("usageDate desc,meterCategory".into())),
        query(
            "groupby",
            &format!("Fields with commas between, of {}.", names()),
            text().min_length(Some(1)).examples(["customerName,meterCategory"]),
        ),
        query("startDate", "The first day, a date or a date-time whose UTC day counts.", day()),
        query("endDate", "The last day, likewise.", day()),
        skip_token("skiptoken"),
    ]
}

/// A page; its rows are those of the encoder, whole or grouped.
fn page() -> Named {
    let whole = Named::new("AzureUsage", row(&wire::fields(None)));
    let grouped = Named::new("AzureUsageGroup", grouped());
    let rows = AnyOfBuilder::new().item(list(whole.reference())).item(list(grouped.reference())).build();
    let page = object([
        property("Value", RefOr::T(Schema::AnyOf(rows))),
        property("@nextLink", link_or_null().description(Some("The next page; null on the last one."))),
        property("TotalCount", count().description(Some("Rows of the whole answer, before `top` and `skip`."))),
    ]);
    Named::new("AzureUsagePage", page).with(whole).with(grouped)
}

/// Any of the fields, and the measure.
fn grouped() -> ObjectBuilder {
    let fields = wire::fields(Some(&AnalyticsField::ALL));
    let closed = object(Vec::<(&str, ObjectBuilder)>::new()).min_properties(Some(2));
    let measure = fields.last().map_or("", |field| field.name);
    fields.iter().fold(closed, |object, field| object.property(field.name, wire_field(field))).required(measure)
}
