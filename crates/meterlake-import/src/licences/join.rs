//! The sources of one tenant, joined into its licences.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::item::{DirectorySubscription, GraphSku, PartnerSku, PartnerSubscription, ProductName};

/// What the files of a run say of one tenant.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) graph: BTreeMap<Uuid, GraphSku>,
    pub(super) partner_skus: BTreeMap<Uuid, PartnerSku>,
    pub(super) directory: Vec<DirectorySubscription>,
    pub(super) partner: Vec<PartnerSubscription>,
    /// Whether a list of SKUs is among them, even if an empty one.
    pub(super) listed: bool,
}

/// Names of products by SKU.
pub(super) type Names = BTreeMap<Uuid, ProductName>;

/// The licences of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Licence {
    /// None stands for a tenant without any licence.
    pub(super) sku: Option<Uuid>,
    pub(super) part_number: String,
    pub(super) product_name: String,
    pub(super) total: Option<i64>,
    pub(super) active: Option<i64>,
    pub(super) consumed: Option<i64>,
    pub(super) suspended: Option<i64>,
    pub(super) warning: Option<i64>,
    pub(super) subscription_names: String,
}

/// The licences of a tenant, and remarks.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) licences: Vec<Licence>,
    pub(super) warnings: Vec<String>,
}

/// Joins the sources of a tenant. `partner` is our own tenant, where it is known.
pub(super) fn join(sources: &Sources, names: &Names, partner: Option<Uuid>) -> Joined {
    let Sources { graph, partner_skus, directory, .. } = sources;
    let enabled: Vec<&DirectorySubscription> = directory.iter().filter(|s| s.enabled).collect();
    let skus: BTreeSet<Uuid> =
        graph.keys().chain(partner_skus.keys()).copied().chain(enabled.iter().map(|s| s.sku)).collect();
    let mut joined = Joined::default();
    let derived = owner_of_sold(&enabled, &sources.partner);
    if partner.is_some_and(|p| !enabled.is_empty() && enabled.iter().all(|s| s.owner != Some(p))) {
        let text =
            "no enabled subscription belongs to the partner tenant, so that no licence counts as bought through it";
        joined.warnings.push(text.to_owned());
    }
    for sku in &skus {
        let (own, theirs) = (graph.get(sku), partner_skus.get(sku));
        let here: Vec<&DirectorySubscription> = enabled.iter().filter(|s| s.sku == *sku).copied().collect();
        let units_of = |owner: Uuid| here.iter().filter(|s| s.owner == Some(owner)).map(|s| s.units).sum::<i64>();
        let enabled_units = own.and_then(|s| s.enabled).or_else(|| theirs.and_then(total_units));
        let all_units = (!directory.is_empty()).then(|| here.iter().map(|s| s.units).sum::<i64>());
        let by_owner = partner.filter(|_| !directory.is_empty()).map(units_of);
        let active = by_owner.or_else(|| theirs.and_then(|s| s.active)).or_else(|| derived.map(units_of));
        joined.licences.push(Licence {
            sku: Some(*sku),
            part_number: part_number(own, theirs, &here, names.get(sku)),
            product_name: String::new(),
            total: enabled_units.or(all_units),
            active,
            consumed: own.and_then(|s| s.consumed).or_else(|| theirs.and_then(|s| s.consumed)),
            suspended: own.and_then(|s| s.suspended).or_else(|| theirs.and_then(|s| s.suspended)),
            warning: own.and_then(|s| s.warning).or_else(|| theirs.and_then(|s| s.warning)),
            subscription_names: String::new(),
        });
    }
    name_products(&mut joined.licences, sources, names);
    name_subscriptions(&mut joined, sources, &enabled, partner.or(derived));
    remark(&mut joined);
    joined
}

/// Partner Center's total counts units in their grace period too.
fn total_units(sku: &PartnerSku) -> Option<i64> {
    sku.total.map(|total| (total - sku.warning.unwrap_or(0)).max(0)).or(sku.active)
}

/// Our own tenant, as far as the subscriptions that stand in our Partner Center show it.
fn owner_of_sold(enabled: &[&DirectorySubscription], sold: &[PartnerSubscription]) -> Option<Uuid> {
    let is_sold = |s: &&&DirectorySubscription| sold.iter().any(|p| p.id == s.commerce_id);
    let owners: BTreeSet<Option<Uuid>> = enabled.iter().filter(is_sold).map(|s| s.owner).collect();
    match owners.first() {
        Some(owner) if owners.len() == 1 => *owner,
        _ => None,
    }
}

fn part_number(
    own: Option<&GraphSku>,
    theirs: Option<&PartnerSku>,
    here: &[&DirectorySubscription],
    name: Option<&ProductName>,
) -> String {
    let texts = [
        own.map(|s| &s.part_number),
        theirs.map(|s| &s.part_number),
        here.first().map(|s| &s.part_number),
        name.map(|n| &n.part_number),
    ];
    texts.into_iter().flatten().find(|text| !text.is_empty()).cloned().unwrap_or_default()
}

/// A product's name: Partner Center's own, else Microsoft's table, else the part number.
fn name_products(licences: &mut [Licence], sources: &Sources, names: &Names) {
    for licence in licences {
        let Some(sku) = licence.sku else { continue };
        let texts = [
            sources.partner_skus.get(&sku).map(|s| &s.name),
            names.get(&sku).map(|n| &n.name),
            Some(&licence.part_number),
        ];
        let name = texts.into_iter().flatten().find(|text| !text.is_empty()).cloned();
        licence.product_name = name.unwrap_or_else(|| sku.to_string());
    }
}

/// A subscription's name and cycle.
type Named = (String, String);

/// Names each SKU's subscriptions that were bought through us and are enabled. One that Partner Center's list lacks is
/// named after its product.
fn name_subscriptions(
    joined: &mut Joined,
    sources: &Sources,
    enabled: &[&DirectorySubscription],
    partner: Option<Uuid>,
) {
    let mut named: BTreeMap<Uuid, Vec<Named>> = BTreeMap::new();
    let (mut by_name, mut lost) = (0u64, Vec::new());
    for sold in sources.partner.iter().filter(|s| s.active && s.licences) {
        let held = sources.directory.iter().find(|s| s.commerce_id == sold.id);
        let sku = match held {
            Some(held) if held.enabled => Some(held.sku),
            Some(_) => continue,
            // Without the directory's list only an equal name can tell.
            None if sources.directory.is_empty() => {
                let mut same = joined.licences.iter().filter(|l| l.product_name.eq_ignore_ascii_case(&sold.name));
                let only = same.next().filter(|_| same.next().is_none()).and_then(|l| l.sku);
                by_name += u64::from(only.is_some());
                only
            }
            None => None,
        };
        match sku {
            Some(sku) => named.entry(sku).or_default().push((sold.name.clone(), sold.cycle.clone())),
            None => lost.push(format!("{} ({})", sold.name, sold.id)),
        }
    }
    for held in enabled.iter().filter(|s| partner.is_some() && s.owner == partner) {
        if !sources.partner.iter().any(|sold| sold.id == held.commerce_id) {
            named.entry(held.sku).or_default().push((String::new(), String::new()));
        }
    }
    for licence in &mut joined.licences {
        let Some(mut names) = licence.sku.and_then(|sku| named.remove(&sku)) else { continue };
        for (name, _) in &mut names {
            if name.is_empty() {
                name.clone_from(&licence.product_name);
            }
        }
        names.sort();
        licence.subscription_names = names.iter().map(shown).collect::<Vec<_>>().join(",");
    }
    if by_name > 0 {
        joined.warnings.push(format!(
            "{by_name} subscriptions were joined to products by name, because no directory/subscriptions file was given"
        ));
    }
    if !lost.is_empty() {
        let some = lost.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let what = "active subscriptions of Partner Center belong to no SKU of the other files and are not named";
        joined.warnings.push(format!("{} {what}: {some}", lost.len()));
    }
}

fn shown((name, cycle): &Named) -> String {
    if cycle.is_empty() { format!(" {name}") } else { format!(" {name}({cycle})") }
}

/// Says which figures no source gave.
fn remark(joined: &mut Joined) {
    let without = |figure: fn(&Licence) -> bool| joined.licences.iter().filter(|l| figure(l)).count();
    let remarks = [
        (without(|l| l.total.is_none()), "have no number of units bought"),
        (
            without(|l| l.active.is_none()),
            "have no number of units bought through the partner; give --partner with directory/subscriptions, or Partner \
             Center's subscribedskus",
        ),
        (without(|l| l.consumed.is_none()), "have no number of units assigned"),
    ];
    let texts = remarks.into_iter().filter(|(count, _)| *count > 0);
    let texts: Vec<String> = texts.map(|(count, what)| format!("{count} SKUs {what}")).collect();
    joined.warnings.extend(texts);
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const SKU: Uuid = Uuid::from_u128(10);

    fn held(id: &str, units: i64, enabled: bool, owner: Uuid) -> DirectorySubscription {
        let (id, commerce_id) = (id.to_owned(), id.to_owned());
        DirectorySubscription {
            id,
            commerce_id,
            sku: SKU,
            part_number: "PART".to_owned(),
            units,
            enabled,
            owner: Some(owner),
        }
    }

    fn sold(id: &str, name: &str, cycle: &str) -> PartnerSubscription {
        let (id, name, cycle) = (id.to_owned(), name.to_owned(), cycle.to_owned());
        PartnerSubscription { id, name, active: true, licences: true, cycle }
    }

    fn partner_sku(total: i64, active: i64, warning: i64) -> PartnerSku {
        PartnerSku {
            sku: SKU,
            name: "Product".to_owned(),
            part_number: String::new(),
            total: Some(total),
            active: Some(active),
            consumed: Some(3),
            suspended: None,
            warning: Some(warning),
        }
    }

    #[test]
    fn units_of_ours_and_of_all() {
        let directory =
            vec![held("a", 10, true, US), held("b", 5, true, US), held("c", 7, true, OTHER), held("d", 100, false, US)];
        let partner = vec![sold("b", "Zeta", "Annual"), sold("a", "Alpha", ""), sold("d", "Dead", "Monthly")];
        let mut sources = Sources { directory, partner, ..Sources::default() };
        let joined = join(&sources, &Names::new(), Some(US));
        let licence = &joined.licences[0];
        assert_eq!((licence.total, licence.active, licence.consumed), (Some(22), Some(15), None));
        assert_eq!(licence.subscription_names, " Alpha, Zeta(Annual)");
        // Without our tenant id the subscriptions that we sold show it.
        assert_eq!(join(&sources, &Names::new(), None).licences[0].active, Some(15));
        // Partner Center's own figure comes first then.
        sources.partner_skus.insert(SKU, partner_sku(22, 14, 0));
        let joined = join(&sources, &Names::new(), None);
        assert_eq!((joined.licences[0].active, joined.licences[0].consumed), (Some(14), Some(3)));
        assert_eq!(join(&sources, &Names::new(), Some(OTHER)).licences[0].active, Some(7));
    }

    #[test]
    fn partner_center_alone() {
        let mut sources = Sources::default();
        sources.partner_skus.insert(SKU, partner_sku(9, 6, 3));
        sources.partner = vec![sold("x", "PRODUCT", "Monthly"), sold("y", "Another", "Monthly")];
        let joined = join(&sources, &Names::new(), Some(US));
        let licence = &joined.licences[0];
        assert_eq!((licence.total, licence.active), (Some(6), Some(6)));
        assert_eq!(
            (licence.product_name.as_str(), licence.subscription_names.as_str()),
            ("Product", " PRODUCT(Monthly)")
        );
        assert_eq!(joined.warnings.len(), 2, "{:?}", joined.warnings);
    }
}
