//! Customers, subscriptions, resources and meters, with sizes as skewed as real ones.

use super::draw::Draw;
use super::words::{CATEGORIES, ENVIRONMENTS, FIRST, MARKETPLACE, MEASURES, REGIONS, SECOND, SERIES, TEAMS, WORKLOADS};
use super::{MONTHS, Scale};

/// Rows of a resource that is in use in a month, on average.
const ROWS_A_MONTH: u64 = 138;

/// A customer of the partner.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Microsoft tenant id.
    pub tenant_id: String,
    /// Company name.
    pub name: String,
}

pub(super) struct Subscription {
    pub(super) customer: usize,
    pub(super) id: String,
    pub(super) name: String,
}

pub(super) struct Meter {
    pub(super) category: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) subcategory: String,
    /// Dollars a unit, in units of ten to the power of minus 10.
    pub(super) price: u64,
    pub(super) product_id: String,
}

/// One resource while it is in use.
pub(super) struct Resource {
    pub(super) subscription: usize,
    pub(super) first_month: u32,
    /// Exclusive.
    pub(super) end_month: u32,
    /// How many rows it has, measured against others.
    pub(super) weight: u64,
    pub(super) region: usize,
    /// What it is; some of its meters may be of other categories.
    pub(super) category: usize,
    pub(super) group: String,
    pub(super) name: String,
    /// Indexes of meters.
    pub(super) meters: Vec<usize>,
    /// As the file has them, quoted; empty for half of the resources.
    pub(super) tags: String,
    /// As the file has it, quoted; for a third of the resources.
    pub(super) additional_info: String,
    /// Publisher and plan of what the marketplace sells.
    pub(super) marketplace: Option<(&'static str, &'static str)>,
    pub(super) reservation: Option<String>,
}

/// What is charged for, the same in all months but for what comes and goes.
pub struct Estate {
    pub(super) scale: Scale,
    /// The partner's customers, biggest first.
    pub customers: Vec<Customer>,
    pub(super) subscriptions: Vec<Subscription>,
    /// By subscription.
    pub(super) resources: Vec<Resource>,
    pub(super) meters: Vec<Meter>,
}

impl Estate {
    /// Draws the estate of a lake of this scale.
    pub fn draw(scale: Scale) -> Self {
        // A third of the resources is in use at a time.
        let resources = (3 * scale.rows / u64::from(MONTHS) / ROWS_A_MONTH).max(24);
        let customers = resources.min(500);
        let subscriptions = (resources / 20).max(customers);
        let mut draw = Draw::of([scale.seed, 1, 0]);
        let customers: Vec<Customer> = (0..customers)
            .map(|at| Customer {
                tenant_id: draw.guid(),
                name: format!(
                    "{} {} {}",
                    FIRST[at as usize % FIRST.len()],
                    SECOND[at as usize / FIRST.len() % SECOND.len()],
                    draw.of_list(&["Ltd", "GmbH", "B.V.", "Group", "AS"]),
                ),
            })
            .collect();
        let subscriptions: Vec<Subscription> = (0..subscriptions)
            .map(|at| {
                let customer = if at < customers.len() as u64 { at } else { draw.skewed(customers.len() as u64) };
                let customer = customer as usize;
                Subscription { customer, id: draw.guid(), name: format!("{} {at}", draw.of_list(WORKLOADS)) }
            })
            .collect();
        let meters = meters(&mut draw);
        let mut resources: Vec<Resource> = (0..resources)
            .map(|at| {
                let first = at < subscriptions.len() as u64;
                let subscription = if first { at } else { draw.skewed(subscriptions.len() as u64) };
                resource(&mut draw, at, subscription as usize, first, &subscriptions, &meters)
            })
            .collect();
        // Exports go by subscription, in no order of ours.
        resources.sort_by(|a, b| subscriptions[a.subscription].id[9..].cmp(&subscriptions[b.subscription].id[9..]));
        Self { scale, customers, subscriptions, resources, meters }
    }
}

fn meters(draw: &mut Draw) -> Vec<Meter> {
    (0..1500)
        .map(|at| {
            let category = if at < CATEGORIES.len() { at } else { draw.skewed(CATEGORIES.len() as u64) as usize };
            Meter {
                category,
                id: draw.guid(),
                name: format!("{} {}", draw.of_list(MEASURES), at % 97),
                subcategory: format!("{} {}", draw.of_list(SERIES), at % 13),
                price: 1
                    + draw.below(9) * [1_000, 100_000, 1_000_000, 900_000_000][draw.below(4) as usize]
                    + draw.below(10_000),
                product_id: format!("DZH318Z0{:04X}", draw.below(65_536)),
            }
        })
        .collect()
}

fn resource(
    draw: &mut Draw,
    at: u64,
    subscription: usize,
    stays: bool,
    subscriptions: &[Subscription],
    meters: &[Meter],
) -> Resource {
    let (first_month, end_month) = if stays {
        (0, MONTHS)
    } else {
        // Half of all months, some of which may lie before the first month or after the last.
        let first = draw.below(u64::from(MONTHS) * 3 / 2) as u32;
        (first.saturating_sub(MONTHS / 2), first.clamp(1, MONTHS))
    };
    let main = draw.skewed(meters.len() as u64) as usize;
    let category = meters[main].category;
    // A resource has meters of its own category, and some of traffic and storage.
    let mut own = vec![main];
    for _ in 0..1 + draw.skewed(8) {
        let other = (main + draw.below(12) as usize * CATEGORIES.len()) % meters.len();
        if !own.contains(&other) {
            own.push(other);
        }
    }
    let environment = *draw.of_list(ENVIRONMENTS);
    let workload = *draw.of_list(WORKLOADS);
    let region = draw.skewed(REGIONS.len() as u64) as usize;
    let (_, _, _, kind, _) = CATEGORIES[category];
    let tags = match draw.below(4) {
        0 | 1 => String::new(),
        2 => format!(
            "\"{{\"\"env\"\": \"\"{environment}\"\",\"\"costcenter\"\": \"\"{}\"\",\"\"owner\"\": \"\"{}\"\"}}\"",
            4_000 + draw.below(120),
            draw.of_list(TEAMS),
        ),
        _ => format!("\"{{\"\"environment\"\": \"\"{environment}\"\",\"\"app\"\": \"\"{workload}\"\"}}\""),
    };
    let additional_info = match draw.below(3) {
        0 => format!(
            "\"{{\"\"UsageType\"\":\"\"ComputeHR\"\",\"\"ServiceType\"\":\"\"Standard_D{}s_v5\"\",\"\"VCPUs\"\":{}}}\"",
            2 << draw.below(5),
            2 << draw.below(5),
        ),
        _ => String::new(),
    };
    Resource {
        subscription,
        first_month,
        end_month,
        weight: 20 + own.len() as u64 * 30 + draw.below(60),
        region,
        category,
        group: format!("rg-{workload}-{environment}-{}", subscription % 7),
        name: format!("{}{at:05x}", kind.to_lowercase().get(..3).unwrap_or("res")),
        meters: own,
        tags,
        additional_info,
        marketplace: draw.per_mille(15).then(|| *draw.of_list(MARKETPLACE)),
        reservation: (category == 0 && draw.per_mille(200))
            .then(|| Draw::of([7, subscriptions[subscription].customer as u64, 3]).guid()),
    }
}
