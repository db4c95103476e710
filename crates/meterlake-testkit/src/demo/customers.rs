//! The partner and its customers.

use meterlake_model::{Amount, CustomerTenantId, Day, Offer};
use uuid::Uuid;

use super::draw::Draw;
use super::estate::{self, EstateSpec, Line, Reservation};
use super::names::CUSTOMERS;
use super::{DemoCustomer, DemoSubscription};

/// Who sells.
pub(super) struct Partner {
    pub(super) id: Uuid,
    pub(super) mpn: String,
    pub(super) customers: Vec<Estate>,
}

/// A customer and what it runs, by offer.
pub(super) struct Estate {
    pub(super) customer: DemoCustomer,
    pub(super) country: &'static str,
    /// Id of the Azure plan, which is not that of an Azure subscription.
    pub(super) plan: Uuid,
    /// What runs under the Azure plan; subscriptions are indices of `customer.subscriptions`.
    pub(super) azure_plan: Vec<Line>,
    /// What runs under MS-AZR-0145P.
    pub(super) pay_as_you_go: Vec<Line>,
    pub(super) reservations: Vec<Reservation>,
}

/// Lines under the Azure plan and under MS-AZR-0145P, of each of [`CUSTOMERS`].
const LINES: &[(usize, usize)] =
    &[(16, 0), (11, 0), (9, 0), (7, 0), (5, 0), (4, 0), (4, 0), (0, 7), (0, 6), (3, 0), (2, 4), (3, 0)];

/// Monthly budget in whole units of the customer's currency, of each of [`CUSTOMERS`]; 0 is none.
const BUDGETS: &[i64] = &[3_000, 900, 1_500, 750, 0, 400, 300, 450, 2_000, 0, 120, 97];

fn money_of(country: &str) -> (&'static str, &'static str) {
    match country {
        "GB" => ("GBP", "en-GB"),
        "DE" => ("EUR", "de-DE"),
        "ES" => ("EUR", "es-ES"),
        "NO" => ("NOK", "nb-NO"),
        _ => ("USD", "en-US"),
    }
}

/// Draws the partner with customers that have used Azure from `first` to `last`.
pub(super) fn draw(seed: u64, first: Day, last: Day) -> Partner {
    let mut draw = Draw::new(seed, 2);
    let id = draw.guid();
    let mpn = draw.between(1_000_000, 6_999_999).to_string();
    let mut customers: Vec<Estate> =
        CUSTOMERS.iter().enumerate().map(|(rank, company)| customer(&mut draw, rank, company, first, last)).collect();
    let mut numbers = Draw::new(seed, 7);
    for estate in &mut customers {
        estate.customer.c3_id = numbers.guid();
    }
    Partner { id, mpn, customers }
}

fn customer(
    draw: &mut Draw,
    rank: usize,
    &(name, domain, country): &(&str, &str, &'static str),
    first: Day,
    last: Day,
) -> Estate {
    let (plan_lines, payg_lines) = LINES[rank % LINES.len()];
    let (currency, culture) = money_of(country);
    let plan_subscriptions = plan_lines.div_ceil(5);
    let mut subscriptions = Vec::new();
    let mut subscribe = |draw: &mut Draw, name: String, offer: Offer| {
        subscriptions.push(DemoSubscription { id: draw.guid(), name, offer });
    };
    for index in 0..plan_subscriptions {
        let label = ["Production", "Development", "Disaster recovery", "Archive"][index % 4];
        subscribe(draw, format!("{name} {label}"), Offer::AzurePlan);
    }
    if payg_lines > 0 {
        subscribe(draw, format!("{name} Azure"), Offer::MsAzr0145p);
    }
    let ids: Vec<Uuid> = subscriptions.iter().map(|s| s.id).collect();
    let spec = |subscriptions, lines| EstateSpec { subscriptions, first, last, lines, regions: 3 };
    let azure_plan = estate::draw(draw, &spec(&ids[..plan_subscriptions], plan_lines));
    let pay_as_you_go = estate::draw(draw, &spec(&ids[plan_subscriptions..], payg_lines));
    let offers = [(Offer::AzurePlan, plan_lines), (Offer::MsAzr0145p, payg_lines)];
    // With an Azure plan beside it the period is the plan's: the calendar month.
    let only_payg = payg_lines > 0 && plan_lines == 0;
    let budget = BUDGETS[rank % BUDGETS.len()];
    Estate {
        customer: DemoCustomer {
            tenant_id: CustomerTenantId(draw.guid()),
            c3_id: Uuid::nil(),
            name: name.to_owned(),
            domain: domain.to_owned(),
            offers: offers.into_iter().filter(|(_, lines)| *lines > 0).map(|(offer, _)| offer).collect(),
            currency,
            culture,
            billing_day: if only_payg { [6, 19][rank % 2] } else { 1 },
            billing_utc_offset: if only_payg && country == "US" { -480 } else { 0 },
            budget: (budget > 0).then(|| Amount::from_integer(budget).ok()).flatten(),
            subscriptions,
        },
        country,
        plan: draw.guid(),
        azure_plan,
        pay_as_you_go,
        reservations: if rank == 0 { vec![Reservation::draw(draw, 0, 0)] } else { Vec::new() },
    }
}
