//! What the OpenAPI document says of the usage summary and its relatives.

use utoipa::ToSchema;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{HttpMethod, ObjectBuilder};

use super::wire::{
    Collection, CustomerUsageRecord, PartnerUsageSummary, ResourceUsageRecord, SpendingBudget, SubscriptionUsageRecord,
    UsageSummary,
};
use crate::openapi::{Answer, Call, Named, exact, guid, open_object, path, text};

/// The answer of a list.
fn list_of<T: ToSchema>(name: &str, description: &str) -> Answer {
    Answer::json(description, Named::of_generic::<Collection<T>>(name).with(Named::of::<T>()))
}

/// A call about one customer.
fn of_customer(id: &str, summary: &str, answer: Answer) -> Call {
    let customer =
        path("customer", "The customer's Microsoft tenant (GUID).", guid(), "65726577-c208-40fd-9735-8c85ac9cac68");
    Call::get(id, summary).parameter(customer).answers(200, answer).refuses(&[400, 403, 404, 503])
}

fn subscription(call: Call) -> Call {
    let id = text().min_length(Some(1)).max_length(Some(256));
    call.parameter(path(
        "subscription",
        "The subscription's id, in any case.",
        id,
        "9f1b2c3d-4e5f-4a6b-8c7d-0e1f2a3b4c5d",
    ))
}

pub(super) fn usage_summary() -> Vec<Call> {
    let about = "As soon as the customer has an Azure plan the currency stands in `currencyCode` with \
                 `usdTotalCost`, and the period ends with the first of the next month, exclusive; of an MS-AZR-0145P \
                 customer it stands in `currencyLocale`, and `billingEndDate` is the last day.";
    let answer = Answer::json("The summary.", Named::of::<UsageSummary>());
    vec![of_customer("customerUsageSummary", "What a customer has used in the current period", answer).about(about)]
}

pub(super) fn usage_budget() -> Vec<Call> {
    let answer = Answer::json("The budget.", Named::of::<SpendingBudget>());
    let change = Named::new("SpendingBudgetChange", budget_change());
    vec![
        of_customer("usageBudget", "A customer's spending budget", answer.clone()),
        of_customer("setUsageBudget", "Set or take away a customer's budget", answer).method(HttpMethod::Patch).body(
            "application/json",
            true,
            "Names in any case; other properties are not read. At most 64 KiB.",
            change,
        ),
    ]
}

fn budget_change() -> ObjectBuilder {
    let amount = exact()
        .schema_type(SchemaType::from_iter([Type::Number, Type::Null]))
        .minimum(Some(0))
        .description(Some("At most 14 digits before the decimal point and 24 after it; null for no budget."))
        .examples([100]);
    let attributes = open_object("`{\"ObjectType\":\"SpendingBudget\"}`; not read.");
    open_object("The budget to set.").property("Amount", amount).required("Amount").property("Attributes", attributes)
}

pub(super) fn subscription_records() -> Vec<Call> {
    let answer =
        list_of::<SubscriptionUsageRecord>("SubscriptionUsageRecords", "A record for each subscription with charges.");
    vec![of_customer("subscriptionUsageRecords", "What each subscription of a customer has used", answer)]
}

pub(super) fn subscription_summary() -> Vec<Call> {
    let answer = Answer::json("The summary.", Named::of::<UsageSummary>());
    vec![subscription(of_customer("subscriptionUsageSummary", "What one subscription has used", answer))]
}

pub(super) fn resource_records() -> Vec<Call> {
    let answer = list_of::<ResourceUsageRecord>("ResourceUsageRecords", "A record for each meter.");
    vec![subscription(of_customer("resourceUsageRecords", "What one subscription has used, by meter", answer))]
}

pub(super) fn customer_records() -> Vec<Call> {
    let answer = list_of::<CustomerUsageRecord>(
        "CustomerUsageRecords",
        "A record for each customer that the user has access to.",
    );
    vec![Call::get("customerUsageRecords", "What each customer has used").answers(200, answer).refuses(&[403, 503])]
}

pub(super) fn partner_usage_summary() -> Vec<Call> {
    let sum = "The sum. Customers of an Azure plan are left out, as documented.";
    let answer = Answer::json(sum, Named::of::<PartnerUsageSummary>());
    vec![
        Call::get("partnerUsageSummary", "What all MS-AZR-0145P customers have used together")
            .answers(200, answer)
            .refuses(&[403, 503]),
    ]
}
