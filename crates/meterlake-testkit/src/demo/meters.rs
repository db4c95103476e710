//! The meters that charges are counted by, with prices in US dollars.

use uuid::Uuid;

use super::names::Region;

/// A meter in every region.
pub(super) struct Meter {
    pub(super) category: &'static str,
    pub(super) subcategory: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) family: &'static str,
    /// Resource provider and type, and the prefix of resource names.
    pub(super) provider: &'static str,
    pub(super) resource_type: &'static str,
    pub(super) prefix: &'static str,
    /// Price of a unit, in 10^-10 dollars.
    pub(super) price: i64,
    /// Least and most units a day, in millionths.
    pub(super) daily: (i64, i64),
    /// Size, for virtual machines.
    pub(super) size: &'static str,
    /// Cores of the size.
    pub(super) cores: u32,
}

impl Meter {
    /// The meter's id in a region, the same wherever it occurs.
    pub(super) fn id(&self, region: &Region) -> Uuid {
        let name = format!("{}/{}/{}/{}", self.category, self.subcategory, self.name, region.location);
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
    }

    /// A part number, the same wherever the meter occurs.
    pub(super) fn part_number(&self, region: &Region) -> String {
        let [a, b, c, ..] = *self.id(region).as_bytes();
        format!("AA{}-{:05}", char::from(b'A' + a % 26), (u32::from(b) * 256 + u32::from(c)) % 100_000)
    }

    /// The product as exports name it.
    pub(super) fn product(&self, region: &Region) -> String {
        let middle = if self.subcategory.is_empty() { self.category } else { self.subcategory };
        format!("{middle} - {} - {}", self.name, region.meter)
    }
}

macro_rules! meters {
    ($($category:literal / $subcategory:literal / $name:literal, $unit:literal, $family:literal,
       $provider:literal / $kind:literal $prefix:literal, $price:literal, $low:literal..$high:literal
       $(, $size:literal $cores:literal)?;)+) => {
        &[$(Meter {
            category: $category, subcategory: $subcategory, name: $name, unit: $unit, family: $family,
            provider: $provider, resource_type: $kind, prefix: $prefix, price: $price, daily: ($low, $high),
            size: meters!(@size $($size)?), cores: meters!(@cores $($cores)?),
        }),+]
    };
    (@size $size:literal) => { $size };
    (@size) => { "" };
    (@cores $cores:literal) => { $cores };
    (@cores) => { 0 };
}

/// The likeliest first.
pub(super) const METERS: &[Meter] = meters![
    "Virtual Machines" / "Dsv5 Series" / "D4s v5", "1 Hour", "Compute", "Microsoft.Compute" / "virtualMachines" "vm", 2_300_000_000, 3_000_000..24_000_000, "Standard_D4s_v5" 4;
    "Storage" / "Premium SSD Managed Disks" / "P10 LRS Disk", "1/Month", "Storage", "Microsoft.Compute" / "disks" "disk", 197_100_000_000, 33_333..133_336;
    "Storage" / "Tiered Block Blob" / "Hot LRS Data Stored", "1 GB/Month", "Storage", "Microsoft.Storage" / "storageAccounts" "st", 196_000_000, 120_000..95_000_000;
    "Storage" / "Tiered Block Blob" / "Hot LRS Write Operations", "10K", "Storage", "Microsoft.Storage" / "storageAccounts" "st", 540_000_000, 300..41_000_000;
    "Bandwidth" / "Rtn Preference: MGN" / "Standard Data Transfer Out", "1 GB", "Networking", "Microsoft.Compute" / "virtualMachines" "vm", 870_000_000, 1_500..38_000_000;
    "Virtual Machines" / "BS Series" / "B2ms", "1 Hour", "Compute", "Microsoft.Compute" / "virtualMachines" "vm", 960_000_000, 2_000_000..24_000_000, "Standard_B2ms" 2;
    "SQL Database" / "Single/Elastic Pool General Purpose - Compute Gen5" / "vCore", "1 Hour", "Databases", "Microsoft.Sql" / "servers" "sql", 1_536_880_000, 24_000_000..96_000_000;
    "Log Analytics" / "" / "Analytics Logs Data Ingestion", "1 GB", "Management and Governance", "Microsoft.OperationalInsights" / "workspaces" "log", 27_600_000_000, 8_000..22_000_000;
    "Azure App Service" / "Premium v3 Plan - Linux" / "P1 v3 App", "1 Hour", "Compute", "Microsoft.Web" / "serverfarms" "plan", 1_130_000_000, 24_000_000..72_000_000;
    "Data Management" / "None" / "Storage Transactions", "10,000s", "Storage", "Microsoft.Storage" / "storageAccounts" "st", 3_600_000, 10_000..64_000_000;
    "Azure Kubernetes Service" / "" / "Standard Uptime SLA", "1 Hour", "Compute", "Microsoft.ContainerService" / "managedClusters" "aks", 1_000_000_000, 24_000_000..24_000_000;
    "Functions" / "" / "Standard Execution Time", "1 GB Second", "Compute", "Microsoft.Web" / "sites" "func", 160_000, 20_000_000..900_000_000;
    "Azure Cosmos DB" / "Azure Cosmos DB autoscale" / "100 RU/s", "1/Hour", "Databases", "Microsoft.DocumentDB" / "databaseAccounts" "cosmos", 120_000_000, 96_000_000..960_000_000;
    "Key Vault" / "" / "Operations", "10K", "Security", "Microsoft.KeyVault" / "vaults" "kv", 300_000_000, 100..260_000;
    "Event Hubs" / "" / "Standard Throughput Unit", "1 Hour", "Internet of Things", "Microsoft.EventHub" / "namespaces" "evh", 300_000_000, 24_000_000..96_000_000;
    "Virtual Network" / "IP Addresses" / "Standard IPv4 Static Public IP", "1 Hour", "Networking", "Microsoft.Network" / "publicIPAddresses" "pip", 50_000_000, 24_000_000..24_000_000;
    "Azure Databricks" / "Premium" / "Jobs Compute DBU", "1 Hour", "Analytics", "Microsoft.Databricks" / "workspaces" "dbw", 3_000_000_000, 500_000..64_000_000;
    "Backup" / "" / "Azure VM Protected Instances", "1/Month", "Storage", "Microsoft.RecoveryServices" / "vaults" "rsv", 100_000_000_000, 32_258..645_160;
];

/// The sizes that reservations may cover, as indices of [`METERS`].
pub(super) const RESERVABLE: &[usize] = &[0, 5];
