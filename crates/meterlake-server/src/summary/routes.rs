//! The calls under `/v1`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::any;
use http::Method;
use meterlake_control::{Control, Customer};
use meterlake_model::{CustomerTenantId, Day, DayRange};
use meterlake_reports::{CustomerScope, Selection, TotalsBy, TotalsRow};

use super::currency::Currency;
use super::errors::SummaryRefused;
use super::figures::{self, Figures, has_azure_plan};
use super::number::{Number, percent};
use super::period::UsagePeriod;
use super::wire::{
    Collection, CustomerUsageRecord, Named, ResourceUsageRecord, SpendingBudget, SubscriptionUsageRecord, Usage,
    UsageSummary,
};
use super::{budget, docs, partner_total};
use crate::answer;
use crate::partner_center::PartnerCall;
use crate::refusal::{Lacking, Malformed, Refusal, Unknown};
use crate::routing::Route;
use crate::state::ServerState;

const GET: &[Method] = &[Method::GET];

/// The calls. Their order matters where a fixed part and a captured one fit the same path.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, docs, handler| Route { path, methods: GET, parameters: &[], docs, handler };
    vec![
        get("/v1/usagesummary", docs::partner_usage_summary, any(partner_usage_summary)),
        get("/v1/customers/usagerecords", docs::customer_records, any(customer_records)),
        get("/v1/customers/{customer}/usagesummary", docs::usage_summary, any(usage_summary)),
        Route {
            path: "/v1/customers/{customer}/usagebudget",
            methods: &[Method::GET, Method::PATCH],
            parameters: &[],
            docs: docs::usage_budget,
            handler: any(usage_budget),
        },
        get(
            "/v1/customers/{customer}/subscriptions/usagerecords",
            docs::subscription_records,
            any(subscription_records),
        ),
        get(
            "/v1/customers/{customer}/subscriptions/{subscription}/usagesummary",
            docs::subscription_summary,
            any(subscription_summary),
        ),
        get(
            "/v1/customers/{customer}/subscriptions/{subscription}/usagerecords/resources",
            docs::resource_records,
            any(resource_records),
        ),
    ]
}

async fn usage_summary(
    State(state): State<ServerState>,
    call: PartnerCall,
    Path(id): Path<String>,
) -> Result<Response, SummaryRefused> {
    let id = PartnerCall::customer_id(&id)?;
    let customer = call.customer(&state, id).await?;
    let period = figures::period(&customer, state.clock().now());
    let rows = figures::totals(&state, id, None, period.selection, TotalsBy::Customer).await?;
    let figures =
        Figures::sum((&state, call.revision()), &rows.iter().collect::<Vec<_>>(), customer.currency.as_ref()).await?;
    let azure_plan = has_azure_plan(&customer);
    let usage = customer_usage(&customer, &period, &figures);
    let summary = UsageSummary::of_customer(&customer, azure_plan, usage, &call.incoming.path);
    Ok(answer::json(&summary, state.config().summary.bom)?)
}

fn customer_usage(customer: &Customer, period: &UsagePeriod, figures: &Figures) -> Usage {
    let named = Named::new(&customer.tenant_id.to_string(), &customer.name);
    Usage::new(named, period, Currency::of(customer, has_azure_plan(customer), figures), figures)
}

async fn usage_budget(
    State(state): State<ServerState>,
    call: PartnerCall,
    Path(id): Path<String>,
    method: Method,
    body: Body,
) -> Result<Response, SummaryRefused> {
    let id = PartnerCall::customer_id(&id)?;
    let wanted = if method == Method::PATCH { Some(budget::of_body(&whole(body).await?)?) } else { None };
    let customer = call.customer(&state, id).await?;
    let amount = match wanted {
        Some(wanted) => {
            control_as(&state, &call).set_budget(id, wanted).await.map_err(Refusal::from)?;
            wanted
        }
        None => customer.budget,
    };
    let resource = SpendingBudget::new(amount, &call.incoming.path);
    Ok(answer::json(&resource, state.config().summary.bom)?)
}

/// Control state that enters the caller, and where it calls from, in its audit trail.
fn control_as(state: &ServerState, call: &PartnerCall) -> Control {
    let origin = call.incoming.origin();
    state.control().acting_as(&format!("principal:{}", call.principal())).coming_from(&origin)
}

async fn whole(body: Body) -> Result<Vec<u8>, Refusal> {
    let expected = format!("at most {} bytes", budget::LARGEST_BODY);
    let bytes = axum::body::to_bytes(body, budget::LARGEST_BODY).await;
    bytes.map(Vec::from).map_err(|_| Malformed::body("body", "", expected).into())
}

async fn subscription_records(
    State(state): State<ServerState>,
    call: PartnerCall,
    Path(id): Path<String>,
) -> Result<Response, SummaryRefused> {
    let id = PartnerCall::customer_id(&id)?;
    let customer = call.customer(&state, id).await?;
    let period = figures::period(&customer, state.clock().now());
    let rows = figures::totals(&state, id, None, period.selection, TotalsBy::Subscription).await?;
    let azure_plan = has_azure_plan(&customer);
    let mut items = Vec::new();
    for row in of_currency(&rows, &customer) {
        let figures = Figures::sum((&state, call.revision()), &[row], Some(&row.currency)).await?;
        let named = Named::new(&row.subscription_id, &row.subscription_name);
        let usage = Usage::new(named, &period, Currency::of(&customer, azure_plan, &figures), &figures);
        items.push(SubscriptionUsageRecord::new(row.offer_id.clone(), usage));
    }
    Ok(answer::json(&Collection::new(items, &call.incoming.path), state.config().summary.bom)?)
}

/// The totals in the customer's currency; all of them when it has none set.
fn of_currency<'a>(rows: &'a [TotalsRow], customer: &'a Customer) -> impl Iterator<Item = &'a TotalsRow> {
    rows.iter().filter(|row| customer.currency.as_ref().is_none_or(|currency| *currency == row.currency))
}

async fn subscription_summary(
    State(state): State<ServerState>,
    call: PartnerCall,
    Path((id, subscription)): Path<(String, String)>,
) -> Result<Response, SummaryRefused> {
    let (id, subscription) = (PartnerCall::customer_id(&id)?, subscription_id(subscription)?);
    let customer = call.customer(&state, id).await?;
    let period = figures::period(&customer, state.clock().now());
    let rows = figures::totals(&state, id, Some(&subscription), period.selection, TotalsBy::Subscription).await?;
    let figures =
        Figures::sum((&state, call.revision()), &rows.iter().collect::<Vec<_>>(), customer.currency.as_ref()).await?;
    let mut name = rows.first().map(|row| row.subscription_name.clone());
    if !figures.any() {
        name = Some(known_subscription(&state, &call, id, &subscription).await?);
    }
    let azure_plan = has_azure_plan(&customer);
    let named = Named::new(&subscription.to_lowercase(), &name.unwrap_or_default());
    let usage = Usage::new(named, &period, Currency::of(&customer, azure_plan, &figures), &figures);
    let summary = UsageSummary::of_subscription(azure_plan, usage, &call.incoming.path);
    Ok(answer::json(&summary, state.config().summary.bom)?)
}

async fn resource_records(
    State(state): State<ServerState>,
    call: PartnerCall,
    Path((id, subscription)): Path<(String, String)>,
) -> Result<Response, SummaryRefused> {
    let (id, subscription) = (PartnerCall::customer_id(&id)?, subscription_id(subscription)?);
    let customer = call.customer(&state, id).await?;
    let period = figures::period(&customer, state.clock().now());
    let rows = figures::totals(&state, id, Some(&subscription), period.selection, TotalsBy::Resource).await?;
    if rows.is_empty() {
        known_subscription(&state, &call, id, &subscription).await?;
    }
    let azure_plan = has_azure_plan(&customer);
    let mut items = Vec::new();
    for row in of_currency(&rows, &customer) {
        let figures = Figures::sum((&state, call.revision()), &[row], Some(&row.currency)).await?;
        let named = Named::new(&row.meter_id, &row.meter_name);
        items.push(ResourceUsageRecord {
            category: row.category.clone(),
            subcategory: row.subcategory.clone(),
            quantity_used: Number(row.quantity),
            unit: row.unit.clone(),
            usage: Usage::new(named, &period, Currency::of(&customer, azure_plan, &figures), &figures),
            attributes: ResourceUsageRecord::ATTRIBUTES,
        });
    }
    Ok(answer::json(&Collection::new(items, &call.incoming.path), state.config().summary.bom)?)
}

fn subscription_id(text: String) -> Result<String, Refusal> {
    if text.len() <= 256 && text == text.trim() && !text.chars().any(|c| c.is_control() || c == '\u{fffd}') {
        Ok(text)
    } else {
        Err(Malformed::path("subscription-id", &text, "a subscription id, at most 256 characters").into())
    }
}

/// The name of a subscription that the customer has charges of in any period.
async fn known_subscription(
    state: &ServerState,
    call: &PartnerCall,
    id: CustomerTenantId,
    subscription: &str,
) -> Result<String, Refusal> {
    let always = Day::from_ymd(1, 1, 1).zip(Day::from_ymd(9999, 12, 31));
    let rows = match always {
        Some((first, last)) => {
            let ever = Selection::Days(DayRange { first, last });
            figures::totals(state, id, Some(subscription), ever, TotalsBy::Subscription).await?
        }
        None => Vec::new(),
    };
    match rows.into_iter().next() {
        Some(row) => Ok(row.subscription_name),
        None if call.sees_all() => Err(Refusal::Unknown(Unknown::Subscription(subscription.to_owned()))),
        None => Err(Refusal::Forbidden(Lacking::Customer)),
    }
}

async fn customer_records(State(state): State<ServerState>, call: PartnerCall) -> Result<Response, SummaryRefused> {
    let customers = visible(&state, &call).await?;
    let now = state.clock().now();
    let answered = figures::of_customers((&state, call.revision()), customers, call.sees_all(), now).await?;
    let items = answered.iter().map(|(customer, period, figures)| {
        let used = customer.budget.map(|budget| percent(figures.cost, budget)).unwrap_or_default();
        let usage = customer_usage(customer, period, figures);
        CustomerUsageRecord::new(customer, has_azure_plan(customer), used, usage)
    });
    Ok(answer::json(&Collection::new(items.collect(), &call.incoming.path), state.config().summary.bom)?)
}

async fn partner_usage_summary(
    State(state): State<ServerState>,
    call: PartnerCall,
) -> Result<Response, SummaryRefused> {
    let mut customers = visible(&state, &call).await?;
    // As documented, the partner's total leaves customers of an Azure plan out.
    customers.retain(|customer| !has_azure_plan(customer));
    let now = state.clock().now();
    let answered = figures::of_customers((&state, call.revision()), customers, call.sees_all(), now).await?;
    let summary = partner_total::summary(&call.tenant(), answered, now, &call.incoming.path)?;
    Ok(answer::json(&summary, state.config().summary.bom)?)
}

/// The customers that the caller may see.
async fn visible(state: &ServerState, call: &PartnerCall) -> Result<Vec<Customer>, Refusal> {
    let scope = call.customers()?;
    let mut customers = state.control().customers().await?;
    if let CustomerScope::These(ids) = scope {
        customers.retain(|customer| ids.contains(&customer.tenant_id));
    }
    Ok(customers)
}
