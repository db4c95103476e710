//! Options of `meterlake customer`, `enrolment`, `key` and `tenant`: what grants are given on.

use clap::{Args, Subcommand};
use meterlake_control::{KeySlot, TenantKind};
use meterlake_model::{Amount, BillingAccountId, CurrencyCode, CustomerTenantId, EnrolmentNumber, Offer, TenantId};

#[derive(Debug, Subcommand)]
pub(crate) enum Customer {
    /// List the customers
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a customer, or change what is given
    Set(Box<CustomerSet>),
    /// Remove a customer (its charges stay in the lake)
    Remove {
        /// Microsoft tenant id
        tenant_id: CustomerTenantId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CustomerSet {
    /// Microsoft tenant id
    pub(crate) tenant_id: CustomerTenantId,
    /// Name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Domain
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// Offers that the customer bought: azure-plan, MS-AZR-0145P (repeatable)
    #[arg(long = "offer")]
    pub(crate) offers: Vec<Offer>,
    /// Currency of its totals
    #[arg(long)]
    pub(crate) currency: Option<CurrencyCode>,
    /// Culture name that goes with the currency, for example en-US
    #[arg(long)]
    pub(crate) culture: Option<String>,
    /// Day of the month on which an MS-AZR-0145P billing period starts (1 to 28)
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=28))]
    pub(crate) billing_day: Option<u8>,
    /// UTC offset of an MS-AZR-0145P billing period, for example -08:00
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) billing_utc_offset: Option<String>,
    /// Spending budget a period
    #[arg(long, conflicts_with = "no_budget")]
    pub(crate) budget: Option<Amount>,
    /// Take the budget away
    #[arg(long)]
    pub(crate) no_budget: bool,
    /// Customer id in C3
    #[arg(long, value_name = "GUID")]
    pub(crate) c3_id: Option<uuid::Uuid>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Enrolment {
    /// List the enrolments
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add an enrolment, or change the billing accounts it answers for
    Set {
        /// Enrolment number, as in the routes
        number: EnrolmentNumber,
        /// Billing account whose charges it answers (repeatable; replaces those it has) [default: those it has, else the one with its number]
        #[arg(long = "billing-account", value_name = "ID")]
        billing_accounts: Vec<BillingAccountId>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make the key of a slot anew and print it, once; the slot's old key ends at once
    Create {
        /// Enrolment number
        enrolment: EnrolmentNumber,
        /// primary or secondary
        #[arg(long, default_value = "primary")]
        slot: KeySlot,
    },
    /// List keys (never their text)
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End the key of a slot
    Revoke {
        /// Enrolment number
        enrolment: EnrolmentNumber,
        /// primary or secondary
        #[arg(long)]
        slot: KeySlot,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// List the tenants
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a tenant, or change its domains; without --domain it keeps those it has
    Set {
        /// Tenant id
        tenant_id: TenantId,
        /// Domain name that may stand for the id (repeatable)
        #[arg(long = "domain")]
        domains: Vec<String>,
        /// What it is for: directory, b2c or external-id [default: as it is, else directory]
        #[arg(long)]
        kind: Option<TenantKind>,
    },
}
