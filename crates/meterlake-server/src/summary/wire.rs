//! Names and forms of the usage summary and its relatives, exactly as documented, `ammount` included.

use chrono::{DateTime, Utc};
use meterlake_control::Customer;
use meterlake_model::{Amount, Quantity};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::ObjectBuilder;

use super::currency::Currency;
use super::figures::Figures;
use super::number::Number;
use super::period::UsagePeriod;
use crate::openapi::{nothing, one_of};

type Money = Number<{ Amount::SCALE }>;

/// `{"objectType": …}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attributes {
    /// The kind of resource.
    #[schema(schema_with = object_type)]
    object_type: &'static str,
}

fn object_type() -> ObjectBuilder {
    one_of(&[
        "SpendingBudget",
        "CustomerUsageSummary",
        "SubscriptionUsageSummary",
        "PartnerUsageSummary",
        "CustomerMonthlyUsageRecord",
        "SubscriptionMonthlyUsageRecord",
        "AzureResourceMonthlyUsageRecord",
        "Collection",
    ])
}

impl Attributes {
    const fn of(object_type: &'static str) -> Self {
        Self { object_type }
    }
}

/// `links`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Links {
    #[serde(rename = "self")]
    own: Link,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct Link {
    uri: String,
    #[schema(schema_with = get)]
    method: &'static str,
    #[schema(schema_with = nothing)]
    headers: [u8; 0],
}

fn get() -> ObjectBuilder {
    one_of(&["GET"])
}

impl Links {
    /// The link of a resource to itself, without the version, as documented.
    pub(crate) fn to(path: &str) -> Self {
        let uri = path.strip_prefix("/v1").unwrap_or(path).to_owned();
        Self { own: Link { uri, method: "GET", headers: [] } }
    }
}

/// A spending budget inside another resource. Without a budget only `attributes` is there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Budget {
    /// The budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount: Option<Money>,
    /// The document's spelling in its MS-AZR-0145P sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ammount: Option<Money>,
    attributes: Attributes,
}

impl Budget {
    fn of(customer: &Customer, misspelt: bool) -> Self {
        let amount = customer.budget.map(Number);
        let ammount = amount.filter(|_| misspelt);
        Self { amount, ammount, attributes: Attributes::of("SpendingBudget") }
    }
}

/// The resource of `usagebudget`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpendingBudget {
    /// The budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount: Option<Money>,
    /// The same as `amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usage_spending_budget: Option<Money>,
    links: Links,
    attributes: Attributes,
}

impl SpendingBudget {
    /// The customer's budget.
    pub(crate) fn new(budget: Option<Amount>, path: &str) -> Self {
        let amount = budget.map(Number);
        Self {
            amount,
            usage_spending_budget: amount,
            links: Links::to(path),
            attributes: Attributes::of("SpendingBudget"),
        }
    }
}

/// An instant as .NET writes it: as many of seven fraction digits as are needed, and the offset.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    let fraction = format!("{:07}", at.timestamp_subsec_nanos() / 100);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction}+00:00", at.format("%Y-%m-%dT%H:%M:%S"))
}

/// The two pairs of id and name that the documents disagree about; both are sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    /// Tenant id of the customer or partner, id of the subscription or meter.
    resource_id: String,
    /// The same.
    id: String,
    /// Its name.
    resource_name: String,
    /// The same.
    name: String,
}

impl Named {
    /// Both pairs.
    pub(crate) fn new(id: &str, name: &str) -> Self {
        let (id, name) = (id.to_owned(), name.to_owned());
        Self { resource_id: id.clone(), id, resource_name: name.clone(), name }
    }
}

/// The fields that every usage resource has.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    #[serde(flatten)]
    named: Named,
    /// First day of the period, with its offset.
    #[schema(format = DateTime, examples("2026-11-01T00:00:00+00:00"))]
    billing_start_date: String,
    /// End of the period: exclusive for an Azure plan, else its last day.
    #[schema(format = DateTime, examples("2026-12-01T00:00:00+00:00"))]
    billing_end_date: String,
    /// Billed cost before tax, in the currency of the answer.
    total_cost: Money,
    #[serde(flatten)]
    currency: Currency,
    /// When the figures last changed.
    #[schema(format = DateTime, examples("2026-11-21T12:01:49.351314+00:00"))]
    last_modified_date: String,
}

impl Usage {
    /// The fields of `figures` over `period`.
    pub(crate) fn new(named: Named, period: &UsagePeriod, currency: Currency, figures: &Figures) -> Self {
        Self {
            named,
            billing_start_date: period.start_text(),
            billing_end_date: period.end_text(),
            total_cost: Number(figures.cost),
            currency,
            last_modified_date: instant(figures.changed_at.unwrap_or_else(|| period.start())),
        }
    }
}

/// The usage summary of a customer, and with other `attributes` the usage summary of a subscription.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct UsageSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    budget: Option<Budget>,
    #[serde(flatten)]
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    links: Option<Links>,
    attributes: Attributes,
}

impl UsageSummary {
    /// Of a customer; the MS-AZR-0145P sample has `links` and `ammount`, the Azure plan's has not.
    pub(crate) fn of_customer(customer: &Customer, azure_plan: bool, usage: Usage, path: &str) -> Self {
        Self {
            budget: Some(Budget::of(customer, !azure_plan)),
            usage,
            links: (!azure_plan).then(|| Links::to(path)),
            attributes: Attributes::of("CustomerUsageSummary"),
        }
    }

    /// Of a subscription.
    pub(crate) fn of_subscription(azure_plan: bool, usage: Usage, path: &str) -> Self {
        Self {
            budget: None,
            usage,
            links: (!azure_plan).then(|| Links::to(path)),
            attributes: Attributes::of("SubscriptionUsageSummary"),
        }
    }
}

/// The partner's own summary.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartnerUsageSummary {
    /// Always empty.
    #[schema(schema_with = nothing)]
    pub(crate) emails_to_notify: [u8; 0],
    pub(crate) customers_over_budget: usize,
    pub(crate) customers_trending_over: usize,
    pub(crate) customers_with_usage_based_subscription: usize,
    #[serde(flatten)]
    pub(crate) usage: Usage,
    pub(crate) links: Links,
    pub(crate) attributes: Attributes,
}

impl PartnerUsageSummary {
    /// Its `attributes`.
    pub(crate) const ATTRIBUTES: Attributes = Attributes::of("PartnerUsageSummary");
}

/// A customer in `customers/usagerecords`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerUsageRecord {
    budget: Budget,
    /// The same once more, as the resource has it.
    customer_spending_budget: Budget,
    /// Cost in percent of the budget, to two decimals; 0 without a budget.
    percent_used: Money,
    /// Whether the customer has an Azure plan.
    is_upgraded: bool,
    #[serde(flatten)]
    usage: Usage,
    attributes: Attributes,
}

impl CustomerUsageRecord {
    /// The record of a customer.
    pub(crate) fn new(customer: &Customer, azure_plan: bool, percent_used: Amount, usage: Usage) -> Self {
        let budget = Budget::of(customer, false);
        Self {
            customer_spending_budget: budget.clone(),
            budget,
            percent_used: Number(percent_used),
            is_upgraded: azure_plan,
            usage,
            attributes: Attributes::of("CustomerMonthlyUsageRecord"),
        }
    }
}

/// A subscription in `subscriptions/usagerecords`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionUsageRecord {
    /// Always `active`.
    #[schema(schema_with = active)]
    status: &'static str,
    /// Always empty.
    #[schema(max_length = 0)]
    partner_on_record: &'static str,
    /// The offer of its charges.
    offer_id: String,
    #[serde(flatten)]
    usage: Usage,
    attributes: Attributes,
}

fn active() -> ObjectBuilder {
    one_of(&["active"])
}

impl SubscriptionUsageRecord {
    /// The record of a subscription; one that is charged for is active.
    pub(crate) fn new(offer_id: String, usage: Usage) -> Self {
        let attributes = Attributes::of("SubscriptionMonthlyUsageRecord");
        Self { status: "active", partner_on_record: "", offer_id, usage, attributes }
    }
}

/// A meter in `usagerecords/resources`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceUsageRecord {
    pub(crate) category: String,
    pub(crate) subcategory: String,
    pub(crate) quantity_used: Number<{ Quantity::SCALE }>,
    pub(crate) unit: String,
    #[serde(flatten)]
    pub(crate) usage: Usage,
    pub(crate) attributes: Attributes,
}

impl ResourceUsageRecord {
    /// Its `attributes`.
    pub(crate) const ATTRIBUTES: Attributes = Attributes::of("AzureResourceMonthlyUsageRecord");
}

/// Partner Center's list of resources.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Collection<T> {
    total_count: usize,
    items: Vec<T>,
    links: Links,
    attributes: Attributes,
}

impl<T> Collection<T> {
    /// The list of all `items`.
    pub(crate) fn new(items: Vec<T>, path: &str) -> Self {
        let attributes = Attributes::of("Collection");
        Self { total_count: items.len(), items, links: Links::to(path), attributes }
    }
}
