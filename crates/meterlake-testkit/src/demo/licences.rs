//! Licences of some of the partner's customers, as Graph and Partner Center list them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use meterlake_model::{CustomerTenantId, Day};
use serde_json::{Value, json};
use uuid::Uuid;

use super::customers::Partner;
use super::draw::Draw;

/// Licence files of one customer, to be imported as one run, and what they come to.
#[derive(Debug, Clone)]
pub struct DemoLicences {
    /// The customer.
    pub tenant_id: CustomerTenantId,
    /// Its files: Graph `subscribedSkus` and `directory/subscriptions`, Partner Center `subscriptions`, and Microsoft's
    /// product names.
    pub files: Vec<PathBuf>,
    /// What the report must show, in order of SKU id.
    pub expected: Vec<DemoLicence>,
}

/// The licences of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoLicence {
    /// SKU id.
    pub sku_id: Uuid,
    /// Product name.
    pub product: &'static str,
    /// Units in the tenant.
    pub total: i64,
    /// Units bought through the partner.
    pub active: i64,
    /// Units assigned.
    pub consumed: i64,
    /// Names of the subscriptions, as the report shows them.
    pub subscription_names: String,
}

/// Product, part number, SKU id: all as Microsoft publishes them.
const PRODUCTS: &[(&str, &str, &str)] = &[
    ("Microsoft 365 Business Premium", "SPB", "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"),
    ("Office 365 E3", "ENTERPRISEPACK", "6fd2c87f-b296-42f0-b197-1e91e994b900"),
    ("Microsoft 365 E3", "SPE_E3", "05e9a617-0261-4cee-bb44-138d3ef5d965"),
    ("Exchange Online (Plan 1)", "EXCHANGESTANDARD", "4b9405b0-7788-4568-add1-99614e613b69"),
    ("Power BI Pro", "POWER_BI_PRO", "f8a1db68-be16-40ed-86d5-cb42ce701560"),
    ("Visio Plan 2", "VISIOCLIENT", "c5928f49-12ba-48f7-ada3-0d743a3601d5"),
    ("Office 365 E1", "STANDARDPACK", "18181a46-0d4e-45cd-891e-60aabd171b4e"),
];

/// Customers with licences, by rank, and how many products each has.
const CUSTOMERS: &[(usize, usize)] = &[(0, 6), (1, 4), (4, 5), (5, 3), (9, 2)];

/// Billing cycles as Partner Center names them and as the report shows them, and the term.
const CYCLES: &[(&str, &str, &str)] = &[
    ("monthly", "(Monthly)", "P1M"),
    ("annual", "(Annual)", "P1Y"),
    ("monthly", "(Monthly)", "P1Y"),
    ("none", "", "P1Y"),
];

/// The lists of one customer while they are drawn.
#[derive(Default)]
struct Lists {
    skus: Vec<Value>,
    held: Vec<Value>,
    sold: Vec<Value>,
    expected: Vec<DemoLicence>,
}

/// Writes a folder for each customer with licences.
pub(super) fn write(dir: &Path, partner: &Partner, today: Day, seed: u64) -> Result<Vec<DemoLicences>> {
    let mut draw = Draw::new(seed, 6);
    let another = draw.guid();
    let mut all = Vec::new();
    for (rank, products) in CUSTOMERS {
        let customer = &partner.customers[*rank].customer;
        let mut lists = Lists::default();
        for at in 0..*products {
            // Not every customer has the same products.
            let product = PRODUCTS[(at + rank) % PRODUCTS.len()];
            sku(&mut draw, &mut lists, customer.tenant_id, [partner.id, another], product, today)?;
        }
        lists.expected.sort_by_key(|licence| licence.sku_id);
        let folder = dir.join(&customer.domain);
        let files = files(&folder, customer.tenant_id, &lists)?;
        all.push(DemoLicences { tenant_id: customer.tenant_id, files, expected: lists.expected });
    }
    Ok(all)
}

/// Writes the licences of many customers: the SKUs of each in a file of its own, what was sold in one.
pub(super) fn write_many(
    dir: &Path,
    partner: Uuid,
    tenants: &[CustomerTenantId],
    today: Day,
    seed: u64,
) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut draw = Draw::new(seed, 8);
    let another = draw.guid();
    let mut documents = vec![("product-names.csv".to_owned(), product_names())];
    let mut sold = Vec::new();
    for (rank, tenant) in tenants.iter().enumerate() {
        let mut lists = Lists::default();
        for at in 0..1 + draw.below(PRODUCTS.len()) {
            let product = PRODUCTS[(at + rank) % PRODUCTS.len()];
            sku(&mut draw, &mut lists, *tenant, [partner, another], product, today)?;
        }
        documents.push((format!("subscribedSkus-{tenant}.json"), graph("subscribedSkus", &lists.skus).to_string()));
        sold.append(&mut lists.sold);
    }
    documents.push(("partner-center-subscriptions.json".to_owned(), collection("", &sold).to_string()));
    written(dir, documents)
}

/// Draws the licences of one product: a subscription or two of ours, perhaps one of another partner, perhaps one that
/// ended.
fn sku(
    draw: &mut Draw,
    lists: &mut Lists,
    tenant: CustomerTenantId,
    [us, another]: [Uuid; 2],
    (product, part, id): (&'static str, &str, &str),
    today: Day,
) -> Result<()> {
    let sku_id: Uuid = id.parse().context("a SKU id")?;
    let mut names: Vec<(String, &str)> = Vec::new();
    let (mut active, mut total, mut suspended) = (0, 0, 0);
    let renews = today.plus(draw.between(20, 300)).context("no day after")?;
    let mut hold = |draw: &mut Draw, owner: Uuid, units: i64, status: &str| {
        let commerce = draw.guid();
        lists.held.push(json!({
            "id": draw.guid().to_string(), "commerceSubscriptionId": commerce.to_string(), "skuId": id,
            "skuPartNumber": part, "status": status, "totalLicenses": units, "isTrial": false,
            "createdDateTime": format!("{}T10:15:00Z", today.plus(-200).unwrap_or(today)),
            "nextLifecycleDateTime": format!("{renews}T00:00:00Z"), "ownerId": null,
            "ownerTenantId": owner.to_string(), "ownerType": "Partner", "serviceStatus": []
        }));
        commerce
    };
    for _ in 0..if draw.one_in(4) { 2 } else { 1 } {
        let units = draw.magnitude(2, 240);
        let commerce = hold(draw, us, units, "Enabled");
        let (cycle, shown, term) = CYCLES[draw.skewed(CYCLES.len())];
        let name = if names.is_empty() { product.to_owned() } else { format!("{product} (additional)") };
        lists.sold.push(subscription(tenant, commerce, &name, units, ("active", cycle, term)));
        names.push((name, shown));
        active += units;
        total += units;
    }
    if draw.one_in(3) {
        let units = draw.between(1, 20);
        hold(draw, another, units, "Enabled");
        total += units;
    }
    if draw.one_in(3) {
        let units = draw.between(1, 10);
        let commerce = hold(draw, us, units, "Suspended");
        lists.sold.push(subscription(tenant, commerce, product, units, ("suspended", "monthly", "P1M")));
        suspended += units;
    }
    // A few customers have assigned more than they have bought.
    let consumed = if draw.one_in(9) { total + 1 } else { draw.between(total / 2, total) };
    lists.skus.push(json!({
        "accountId": tenant.to_string(), "accountName": "customer", "appliesTo": "User", "capabilityStatus": "Enabled",
        "consumedUnits": consumed, "id": format!("{tenant}_{id}"), "skuId": id, "skuPartNumber": part,
        "prepaidUnits": {"enabled": total, "suspended": suspended, "warning": 0, "lockedOut": 0}, "servicePlans": []
    }));
    names.sort();
    let names: Vec<String> = names.iter().map(|(name, cycle)| format!(" {name}{cycle}")).collect();
    let subscription_names = names.join(",");
    lists.expected.push(DemoLicence { sku_id, product, total, active, consumed, subscription_names });
    Ok(())
}

/// A subscription as Partner Center lists it.
fn subscription(
    tenant: CustomerTenantId,
    id: Uuid,
    name: &str,
    units: i64,
    (status, cycle, term): (&str, &str, &str),
) -> Value {
    json!({
        "id": id.to_string(), "offerId": "CFQ7TTC0LH18:0001", "offerName": name, "friendlyName": name,
        "productType": {"id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE"}, "quantity": units,
        "unitType": "Licenses", "hasPurchasableAddons": false, "status": status, "autoRenewEnabled": true,
        "isTrial": false, "billingType": "license", "billingCycle": cycle, "termDuration": term,
        "links": {"self": {"uri": format!("/customers/{tenant}/subscriptions/{id}"), "method": "GET", "headers": []}},
        "attributes": {"etag": "1", "objectType": "Subscription"}
    })
}

fn files(dir: &Path, tenant: CustomerTenantId, lists: &Lists) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let documents = [
        ("subscribedSkus.json", graph("subscribedSkus", &lists.skus).to_string()),
        ("directory-subscriptions.json", graph("directory/subscriptions", &lists.held).to_string()),
        ("partner-center-subscriptions.json", collection(&format!("/customers/{tenant}"), &lists.sold).to_string()),
        ("product-names.csv", product_names()),
    ];
    written(dir, documents.map(|(name, text)| (name.to_owned(), text)))
}

/// A list as Graph answers it.
fn graph(name: &str, value: &[Value]) -> Value {
    json!({"@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#{name}"), "value": value})
}

/// A list of subscriptions as Partner Center answers it.
fn collection(of: &str, sold: &[Value]) -> Value {
    json!({
        "totalCount": sold.len(), "items": sold,
        "links": {"self": {"uri": format!("{of}/subscriptions"), "method": "GET", "headers": []}},
        "attributes": {"objectType": "Collection"}
    })
}

fn written(dir: &Path, documents: impl IntoIterator<Item = (String, String)>) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (name, text) in documents {
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

/// Microsoft's table: a line for each service plan of a product.
fn product_names() -> String {
    let mut text = String::from(
        "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\r\n",
    );
    for (product, part, id) in PRODUCTS {
        for (plan, plan_id) in [
            ("EXCHANGE_S_FOUNDATION", "113feb6c-3fe4-4440-bddc-54d774bf0318"),
            ("M365_LIGHTHOUSE_CUSTOMER_PLAN1", "6f23d6a9-adbf-481c-8538-b4c095654487"),
        ] {
            text.push_str(&format!("{product},{part},{id},{plan},{plan_id},{plan}\r\n"));
        }
    }
    text
}
