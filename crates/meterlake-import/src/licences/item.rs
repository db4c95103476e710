//! One record of a licence source: recognised by its members, whatever file it stands in.

use serde_json::{Map, Value};
use uuid::Uuid;

/// Why a record cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) column: &'static str,
    pub(super) value: String,
    pub(super) reason: String,
}

impl Fault {
    /// Whether the record is of no source at all, where others are of one and flawed.
    pub(super) fn is_of_unknown_source(&self) -> bool {
        self.column.is_empty()
    }
}

/// The licence source that a record is of, if it is of one.
pub(crate) fn licence_source(fields: &Map<String, Value>) -> Option<&'static str> {
    match read(fields) {
        Ok((item, _)) => Some(item.form()),
        Err(fault) => (!fault.is_of_unknown_source()).then_some("licences"),
    }
}

/// A SKU of Graph's `subscribedSkus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GraphSku {
    pub(super) sku: Uuid,
    pub(super) part_number: String,
    pub(super) enabled: Option<i64>,
    pub(super) suspended: Option<i64>,
    pub(super) warning: Option<i64>,
    pub(super) consumed: Option<i64>,
}

/// A SKU of Partner Center's `subscribedskus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartnerSku {
    pub(super) sku: Uuid,
    pub(super) name: String,
    pub(super) part_number: String,
    pub(super) total: Option<i64>,
    pub(super) active: Option<i64>,
    pub(super) consumed: Option<i64>,
    pub(super) suspended: Option<i64>,
    pub(super) warning: Option<i64>,
}

/// A subscription of Graph's `directory/subscriptions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirectorySubscription {
    /// Its own id, or the commerce id where it has none.
    pub(super) id: String,
    pub(super) commerce_id: String,
    pub(super) sku: Uuid,
    pub(super) part_number: String,
    pub(super) units: i64,
    pub(super) enabled: bool,
    pub(super) owner: Option<Uuid>,
}

/// A subscription of Partner Center's `subscriptions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartnerSubscription {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) active: bool,
    /// Whether it is for licences, not for usage.
    pub(super) licences: bool,
    /// Billing cycle as the report shows it; empty when unknown.
    pub(super) cycle: String,
}

/// A line of Microsoft's table of product names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProductName {
    pub(super) sku: Uuid,
    pub(super) name: String,
    pub(super) part_number: String,
}

/// A record of any source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    GraphSku(GraphSku),
    PartnerSku(PartnerSku),
    Directory(DirectorySubscription),
    Partner(PartnerSubscription),
    Name(ProductName),
}

impl Item {
    /// What its source is called.
    pub(super) fn form(&self) -> &'static str {
        match self {
            Self::GraphSku(_) => "subscribedSkus",
            Self::PartnerSku(_) => "Partner Center subscribedskus",
            Self::Directory(_) => "directory/subscriptions",
            Self::Partner(_) => "Partner Center subscriptions",
            Self::Name(_) => "product names",
        }
    }

    /// What makes it one and the same within a tenant.
    pub(super) fn key(&self) -> String {
        match self {
            Self::GraphSku(GraphSku { sku, .. })
            | Self::PartnerSku(PartnerSku { sku, .. })
            | Self::Name(ProductName { sku, .. }) => sku.to_string(),
            Self::Directory(DirectorySubscription { id, .. }) | Self::Partner(PartnerSubscription { id, .. }) => {
                id.to_lowercase()
            }
        }
    }
}

/// Reads a record: what it is, and the tenant that it names.
///
/// # Errors
/// [`Fault`] when it is of no known source, or a member that matters is not as it should be.
pub(super) fn read(fields: &Map<String, Value>) -> Result<(Item, Option<Uuid>), Fault> {
    if get(fields, "prepaidUnits").is_some() {
        return graph_sku(fields);
    }
    if let Some(Value::Object(product)) = get(fields, "productSku") {
        return Ok((Item::PartnerSku(partner_sku(fields, product)?), linked_tenant(fields)));
    }
    if get(fields, "totalLicenses").is_some() {
        return Ok((Item::Directory(directory(fields)?), None));
    }
    let name = ["Product_Display_Name", "Product name"].iter().find_map(|header| get(fields, header));
    if let (Some(name), Some(_)) = (name, get(fields, "GUID")) {
        let part_number = ["String_Id", "String ID"].iter().map(|header| text(fields, header)).collect();
        let name = name.as_str().unwrap_or_default().trim().to_owned();
        return Ok((Item::Name(ProductName { sku: guid(fields, "GUID")?, name, part_number }), None));
    }
    let named = get(fields, "offerName").or(get(fields, "friendlyName")).or(get(fields, "offerId"));
    if named.is_some() && (get(fields, "quantity").is_some() || object_type(fields) == "Subscription") {
        return Ok((Item::Partner(partner_subscription(fields)?), linked_tenant(fields)));
    }
    Err(Fault {
        column: "",
        value: String::new(),
        reason: "not a record of subscribedSkus, directory/subscriptions, Partner Center subscriptions or \
                 subscribedskus, nor of Microsoft's product names"
            .to_owned(),
    })
}

fn graph_sku(fields: &Map<String, Value>) -> Result<(Item, Option<Uuid>), Fault> {
    let none = Map::new();
    let prepaid = get(fields, "prepaidUnits").and_then(Value::as_object).unwrap_or(&none);
    let sku = guid(fields, "skuId")?;
    // The record's own id is tenant and SKU, joined.
    let by_id = text(fields, "id");
    let tenant = match get(fields, "accountId") {
        Some(Value::String(account)) if !account.trim().is_empty() => Some(guid(fields, "accountId")?),
        _ => by_id.split_once('_').and_then(|(tenant, _)| Uuid::try_parse(tenant).ok()),
    };
    let sku = GraphSku {
        sku,
        part_number: text(fields, "skuPartNumber"),
        enabled: units(prepaid, "enabled")?,
        suspended: units(prepaid, "suspended")?,
        warning: units(prepaid, "warning")?,
        consumed: units(fields, "consumedUnits")?,
    };
    Ok((Item::GraphSku(sku), tenant))
}

fn partner_sku(fields: &Map<String, Value>, product: &Map<String, Value>) -> Result<PartnerSku, Fault> {
    Ok(PartnerSku {
        sku: guid(product, "id")?,
        name: text(product, "name"),
        part_number: text(product, "skuPartNumber"),
        total: units(fields, "totalUnits")?,
        active: units(fields, "activeUnits")?,
        consumed: units(fields, "consumedUnits")?,
        suspended: units(fields, "suspendedUnits")?,
        warning: units(fields, "warningUnits")?,
    })
}

fn directory(fields: &Map<String, Value>) -> Result<DirectorySubscription, Fault> {
    let commerce_id = text(fields, "commerceSubscriptionId").to_lowercase();
    let id = Some(text(fields, "id")).filter(|id| !id.is_empty()).unwrap_or_else(|| commerce_id.clone());
    if id.is_empty() {
        return Err(missing("commerceSubscriptionId"));
    }
    let owner = match text(fields, "ownerTenantId").as_str() {
        "" => None,
        _ => Some(guid(fields, "ownerTenantId")?),
    };
    Ok(DirectorySubscription {
        id,
        commerce_id,
        sku: guid(fields, "skuId")?,
        part_number: text(fields, "skuPartNumber"),
        units: units(fields, "totalLicenses")?.ok_or_else(|| missing("totalLicenses"))?,
        enabled: text(fields, "status").eq_ignore_ascii_case("enabled"),
        owner,
    })
}

fn partner_subscription(fields: &Map<String, Value>) -> Result<PartnerSubscription, Fault> {
    let id = ["id", "subscriptionId"].iter().map(|name| text(fields, name)).find(|id| !id.is_empty());
    let name = ["offerName", "friendlyName", "offerId"].iter().map(|name| text(fields, name));
    let status = text(fields, "status");
    let usage = text(fields, "billingType").eq_ignore_ascii_case("usage")
        || text(fields, "unitType").to_lowercase().starts_with("usage");
    Ok(PartnerSubscription {
        id: id.ok_or_else(|| missing("id"))?.to_lowercase(),
        name: name.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
        active: status.is_empty() || status.eq_ignore_ascii_case("active"),
        licences: !usage,
        cycle: cycle(&text(fields, "billingCycle"), &text(fields, "termDuration")),
    })
}

/// The billing cycle in words. The term says it only where it cannot be divided: a month is billed at once.
fn cycle(billing: &str, term: &str) -> String {
    let known = billing.to_lowercase().replace(['_', '-', ' '], "");
    match known.as_str() {
        "monthly" => "Monthly".to_owned(),
        "annual" | "annually" | "yearly" => "Annual".to_owned(),
        "triennial" => "Triennial".to_owned(),
        "onetime" => "One-time".to_owned(),
        "" | "none" | "unknown" if term.eq_ignore_ascii_case("P1M") => "Monthly".to_owned(),
        "" | "none" | "unknown" => String::new(),
        _ => {
            let mut letters = billing.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

/// A member by name, in any case of letters: Microsoft's own tools write both `skuId` and `SkuId`.
fn get<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).or_else(|| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn text(fields: &Map<String, Value>, name: &str) -> String {
    get(fields, name).and_then(Value::as_str).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn object_type(fields: &Map<String, Value>) -> String {
    let attributes = get(fields, "attributes").and_then(Value::as_object);
    attributes.map(|a| text(a, "objectType")).unwrap_or_default()
}

/// The customer in the record's link to itself, `/customers/{id}/…`.
fn linked_tenant(fields: &Map<String, Value>) -> Option<Uuid> {
    let own = get(get(fields, "links")?.as_object()?, "self")?.as_object()?;
    customer_in(&text(own, "uri"))
}

/// The customer in a Partner Center path.
pub(super) fn customer_in(path: &str) -> Option<Uuid> {
    let (_, rest) = path.split_once("customers/")?;
    Uuid::try_parse(rest.split(['/', '?']).next()?).ok()
}

fn missing(column: &'static str) -> Fault {
    Fault { column, value: String::new(), reason: "missing".to_owned() }
}

fn guid(fields: &Map<String, Value>, column: &'static str) -> Result<Uuid, Fault> {
    let value = text(fields, column);
    if value.is_empty() {
        return Err(missing(column));
    }
    Uuid::try_parse(&value).map_err(|_| Fault { column, value, reason: "not a GUID".to_owned() })
}

/// A count of licences: a whole number that is not negative; none when the record has none.
fn units(fields: &Map<String, Value>, column: &'static str) -> Result<Option<i64>, Fault> {
    let value = match get(fields, column) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(other) => other.to_string(),
    };
    match value.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(Some(number)),
        _ => Err(Fault { column, value, reason: "not a whole number of licences from 0".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(json: &str) -> Result<(Item, Option<Uuid>), Fault> {
        read(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn cycles() {
        for (billing, term, expected) in [
            ("monthly", "P1Y", "Monthly"),
            ("Annual", "P1Y", "Annual"),
            ("triennial", "P3Y", "Triennial"),
            ("one_time", "", "One-time"),
            ("none", "P1M", "Monthly"),
            ("none", "P1Y", ""),
            ("", "", ""),
            ("unknown", "", ""),
            ("quarterly", "", "Quarterly"),
        ] {
            assert_eq!(cycle(billing, term), expected, "{billing} {term}");
        }
    }

    #[test]
    fn members_in_any_case() {
        let (item, tenant) = item(
            r#"{"SkuId":"3F4BABDE-90EC-47C6-995D-D223749065D1","Id":"0f96f6b1-fe7f-4322-9567-152d0f2ff171_3f4babde-90ec-47c6-995d-d223749065d1",
                "PrepaidUnits":{"Enabled":65,"Suspended":0,"Warning":null},"ConsumedUnits":"60"}"#,
        )
        .unwrap();
        assert_eq!(tenant.unwrap().to_string(), "0f96f6b1-fe7f-4322-9567-152d0f2ff171");
        let Item::GraphSku(sku) = item else { panic!("{item:?}") };
        assert_eq!((sku.enabled, sku.consumed, sku.suspended, sku.warning), (Some(65), Some(60), Some(0), None));
    }

    #[test]
    fn what_cannot_be_taken_names_its_member() {
        let bad = |json| item(json).unwrap_err();
        assert_eq!(bad(r#"{"a":1}"#).column, "");
        assert_eq!(bad(r#"{"skuId":"x","prepaidUnits":{}}"#).value, "x");
        let fraction = bad(r#"{"skuId":"3f4babde-90ec-47c6-995d-d223749065d1","prepaidUnits":{"enabled":1.5}}"#);
        assert_eq!((fraction.column, fraction.value.as_str()), ("enabled", "1.5"));
        let negative = bad(r#"{"skuId":"3f4babde-90ec-47c6-995d-d223749065d1","prepaidUnits":{},"consumedUnits":-1}"#);
        assert_eq!(negative.column, "consumedUnits");
    }
}
