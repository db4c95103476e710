//! The demo's source files: an enrolment's cost exports, a partner's rated usage and utilization records, what the
//! customers of a B2C tenant did, and licences.
//!
//! The same seed and day give the same bytes. Data ends on that day, so that reports of the current period have
//! content. Rows are written as they are drawn; only the totals are kept.

mod b2c;
mod csv;
mod customers;
mod draw;
mod enterprise;
mod estate;
mod licences;
mod manifest;
mod meters;
mod names;
mod rated_usage;
mod totals;
mod utilization;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use meterlake_model::{Amount, BillingPeriod, CustomerTenantId, Day, Offer};
use uuid::Uuid;

pub use b2c::{Attempts, DemoApplication, DemoB2c, DemoB2cCounts, DemoUserCount};
pub use licences::{DemoLicence, DemoLicences};
pub use totals::{Charged, DemoTotals};

/// The seed of the demo: the same seed on the same day makes the same files.
pub const SEED: u64 = 20_417;

/// Months of charges, the current one included.
const MONTHS: u32 = 16;

/// What [`generate_demo`] wrote, and what is true of it.
#[derive(Debug, Clone)]
pub struct DemoSources {
    /// Folders of Azure cost exports (actual cost, EA columns of 2024-08), one a billing month, oldest first, each with
    /// its `manifest.json` and gzip CSV blobs. Each folder is one run.
    pub enterprise: Vec<PathBuf>,
    /// Partner Center daily rated usage v2, CSV: one file for each invoiced month, oldest first, then the unbilled
    /// current month. They may be imported as one run.
    pub partner: Vec<PathBuf>,
    /// `utilizations/azure` JSON with prices, one file for each MS-AZR-0145P subscription.
    pub utilization: Vec<PathBuf>,
    /// Number of the enrolment.
    pub enrolment: String,
    /// The enrolment's billing account as the exports name it.
    pub billing_account: String,
    /// Name of that billing account.
    pub billing_account_name: String,
    /// Tenant id of the partner, which is the billing account of its charges.
    pub partner_id: Uuid,
    /// Name of the partner.
    pub partner_name: String,
    /// The partner's customers, biggest first.
    pub customers: Vec<DemoCustomer>,
    /// The B2C tenant of the enrolment's organisation.
    pub b2c: DemoB2c,
    /// Licence files of some of the customers. The partner of these is `partner_id`.
    pub licences: Vec<DemoLicences>,
    /// First day of usage.
    pub first_day: Day,
    /// Last day of usage.
    pub last_day: Day,
    /// What the charges come to.
    pub totals: DemoTotals,
}

/// A customer of the demo's partner.
#[derive(Debug, Clone)]
pub struct DemoCustomer {
    /// Microsoft tenant id.
    pub tenant_id: CustomerTenantId,
    /// Its number in CSP Control Center.
    pub c3_id: Uuid,
    /// Company name.
    pub name: String,
    /// Primary domain.
    pub domain: String,
    /// Offers that it bought; one customer has both.
    pub offers: Vec<Offer>,
    /// ISO 4217 code that it is billed in.
    pub currency: &'static str,
    /// Culture for `currencyLocale`, for example `en-GB`.
    pub culture: &'static str,
    /// Day of the month on which an MS-AZR-0145P billing period starts; 1 for Azure plan.
    pub billing_day: u8,
    /// Offset of that period from UTC, in minutes.
    pub billing_utc_offset: i32,
    /// Monthly spending budget in `currency`, if one is set.
    pub budget: Option<Amount>,
    /// Its Azure subscriptions.
    pub subscriptions: Vec<DemoSubscription>,
}

/// An Azure subscription of a customer.
#[derive(Debug, Clone)]
pub struct DemoSubscription {
    /// Azure subscription id.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// Offer it was bought under.
    pub offer: Offer,
}

/// Writes the demo's source files below `dir` (created when missing) and tells what they hold.
///
/// # Errors
/// When a file cannot be written, or `today` is so early that the months before it do not exist.
pub fn generate_demo(dir: &Path, today: Day, seed: u64) -> Result<DemoSources> {
    let periods = periods_to(BillingPeriod::containing(today)).context("the demo needs 15 months before today")?;
    let mut totals = DemoTotals::default();
    let b2c = b2c::write(&dir.join("b2c"), today, seed)?;
    let directory = enterprise::Directory { domain: &b2c.domain, mfa: b2c.counts.mfa_by_day() };
    let enterprise = enterprise::write(&dir.join("enterprise"), &periods, today, seed, &directory, &mut totals)?;
    let partner = customers::draw(seed, periods[0].first_day(), today);
    let rated = rated_usage::write(&dir.join("partner"), &partner, &periods, today, seed, &mut totals)?;
    let utilization = utilization::write(&dir.join("utilization"), &partner, today, seed, &mut totals)?;
    let licences = licences::write(&dir.join("licences"), &partner, today, seed)?;
    Ok(DemoSources {
        enterprise,
        partner: rated,
        utilization,
        enrolment: enterprise::ENROLMENT.to_owned(),
        billing_account: enterprise::ENROLMENT.to_owned(),
        billing_account_name: names::ENTERPRISE.to_owned(),
        partner_id: partner.id,
        partner_name: names::PARTNER.to_owned(),
        customers: partner.customers.into_iter().map(|c| c.customer).collect(),
        b2c,
        licences,
        first_day: periods[0].first_day(),
        last_day: today,
        totals,
    })
}

/// Writes a B2C tenant alone below `dir` (created when missing) and tells what its files hold.
///
/// # Errors
/// When a file cannot be written, or `today` is so early that the 90 days before it do not exist.
pub fn generate_b2c(dir: &Path, today: Day, seed: u64) -> Result<DemoB2c> {
    b2c::write(dir, today, seed)
}

/// Writes licences of these customers of a partner to `dir` (created when missing) and returns the files, which are one
/// run. Every file names the tenants, so Graph `directory/subscriptions`, which does not, is not among them.
///
/// # Errors
/// When a file cannot be written.
pub fn generate_licences(
    dir: &Path,
    partner: Uuid,
    tenants: &[CustomerTenantId],
    today: Day,
    seed: u64,
) -> Result<Vec<PathBuf>> {
    licences::write_many(dir, partner, tenants, today, seed)
}

/// The last [`MONTHS`] periods up to `current`, oldest first.
fn periods_to(current: BillingPeriod) -> Option<Vec<BillingPeriod>> {
    let mut periods = vec![current];
    for _ in 1..MONTHS {
        periods.push(periods.last()?.previous()?);
    }
    periods.reverse();
    Some(periods)
}
