//! Names, all invented; domains lie under `.example`, which nobody can own.

/// The enrolment's organisation.
pub(super) const ENTERPRISE: &str = "Halden & Voss Logistics";
/// The partner.
pub(super) const PARTNER: &str = "Brightwater Cloud Services";

/// A region of the cloud.
pub(super) struct Region {
    /// As resources name it.
    pub(super) location: &'static str,
    /// As meters name it.
    pub(super) meter: &'static str,
    /// As people shorten it in names.
    pub(super) short: &'static str,
}

const fn region(location: &'static str, meter: &'static str, short: &'static str) -> Region {
    Region { location, meter, short }
}

/// The likeliest first.
pub(super) const REGIONS: &[Region] = &[
    region("westeurope", "West Europe", "weu"),
    region("northeurope", "North Europe", "neu"),
    region("uksouth", "UK South", "uks"),
    region("eastus2", "US East 2", "eus2"),
    region("germanywestcentral", "Germany West Central", "gwc"),
    region("southeastasia", "Asia Southeast", "sea"),
];

/// Departments of the enrolment: name, id, cost centre.
pub(super) const DEPARTMENTS: &[(&str, &str, &str)] = &[
    ("Fleet Operations", "84120", "CC-4100"),
    ("Warehouse Automation", "84121", "CC-4200"),
    ("Data & Analytics", "84122", "CC-5300"),
    ("Corporate IT", "84123", "CC-1000"),
];

/// Accounts of the enrolment: name, owner, obsolete number, department.
pub(super) const ACCOUNTS: &[(&str, &str, &str, usize)] = &[
    ("Fleet Platform", "m.okafor@haldenvoss.example", "301877", 0),
    ("Warehouse Systems", "j.lindqvist@haldenvoss.example", "301878", 1),
    ("Analytics Engineering", "p.ferreira@haldenvoss.example", "301902", 2),
    ("Infrastructure", "s.nakamura@haldenvoss.example", "301640", 3),
];

/// Subscriptions of the enrolment, the biggest first: name, account.
pub(super) const SUBSCRIPTIONS: &[(&str, usize)] = &[
    ("fleet-tracking-prod", 0),
    ("analytics-lakehouse-prod", 2),
    ("warehouse-control-prod", 1),
    ("shared-services", 3),
    ("fleet-tracking-test", 0),
    ("analytics-sandbox", 2),
    ("warehouse-control-dev", 1),
    ("identity-and-network", 3),
    ("Grünwald pilot, phase 2", 1),
];

/// What workloads are called, and the team that owns each.
pub(super) const WORKLOADS: &[(&str, &str)] = &[
    ("orders", "commerce"),
    ("tracking", "mobility"),
    ("billing", "finance"),
    ("lakehouse", "data"),
    ("portal", "web"),
    ("telemetry", "mobility"),
    ("identity", "platform"),
    ("backup", "platform"),
    ("forecast", "data"),
];

/// Stages, the likeliest first.
pub(super) const STAGES: &[&str] = &["prod", "test", "dev"];

/// The partner's customers, the biggest first: company, domain, country.
pub(super) const CUSTOMERS: &[(&str, &str, &str)] = &[
    ("Alder Ridge Manufacturing", "alderridge.example", "US"),
    ("Pemberton & Hale Solicitors", "pembertonhale.example", "GB"),
    ("Kestrel Aerospace Components", "kestrelaero.example", "US"),
    ("Steinbrück Maschinenbau GmbH", "steinbrueck.example", "DE"),
    ("Lumen Street Clinics", "lumenstreet.example", "US"),
    ("Orchard Lane Schools Trust", "orchardlane.example", "GB"),
    ("Quarry Bay Seafoods", "quarrybay.example", "US"),
    ("Tamarind Books", "tamarindbooks.example", "US"),
    ("Valle Verde Cooperativa", "valleverde.example", "ES"),
    ("Nordlys Regnskap", "nordlys.example", "NO"),
    ("Cobalt Pier Marina", "cobaltpier.example", "US"),
    ("O'Hara \"Greenfield\" Dairies", "oharadairies.example", "US"),
];

/// Marketplace publishers: publisher, product, plan, monthly price in cents.
pub(super) const MARKETPLACE: &[(&str, &str, &str, i64)] = &[
    ("Fennel Security", "Fennel Web Shield", "business", 64_900),
    ("Tidewater Data", "Tidewater Replicator", "standard-10", 128_000),
    ("Parchment Software", "Parchment Forms", "team", 9_950),
];
