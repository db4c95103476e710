//! A row of the 2024-08-01 columns, and the packed files that rows stand in.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use meterlake_model::{Amount, BillingPeriod, Day, Quantity};
use uuid::Uuid;

use super::ENROLMENT;
use crate::demo::csv::CsvFile;
use crate::demo::manifest::Blob;
use crate::demo::names::{ACCOUNTS, DEPARTMENTS, ENTERPRISE, SUBSCRIPTIONS};
use crate::demo::totals::{Charged, DemoTotals};

const CURRENCY: &str = "USD";
const OFFER: &str = "MS-AZR-0017P";

/// Columns in the order of the 2024-08-01 dataset.
const HEADER: &[&str] = &[
    "InvoiceSectionName",
    "AccountName",
    "AccountOwnerId",
    "SubscriptionId",
    "SubscriptionName",
    "ResourceGroup",
    "ResourceLocation",
    "Date",
    "ProductName",
    "MeterCategory",
    "MeterSubCategory",
    "MeterId",
    "MeterName",
    "MeterRegion",
    "UnitOfMeasure",
    "Quantity",
    "EffectivePrice",
    "CostInBillingCurrency",
    "CostCenter",
    "ConsumedService",
    "ResourceId",
    "Tags",
    "OfferId",
    "AdditionalInfo",
    "ServiceInfo1",
    "ServiceInfo2",
    "ResourceName",
    "ReservationId",
    "ReservationName",
    "UnitPrice",
    "ProductOrderId",
    "ProductOrderName",
    "Term",
    "PublisherType",
    "PublisherName",
    "ChargeType",
    "Frequency",
    "PricingModel",
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrencyCode",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "BillingProfileId",
    "BillingProfileName",
    "InvoiceSectionId",
    "IsAzureCreditEligible",
    "PartNumber",
    "PayGPrice",
    "PlanName",
    "ServiceFamily",
    "CostAllocationRuleName",
    "benefitId",
    "benefitName",
    "AccountId",
    "ResourceLocationNormalized",
];

/// What a row says beyond what every row of its subscription says.
pub(super) struct Row<'a> {
    pub(super) day: Day,
    pub(super) subscription: usize,
    pub(super) group: &'a str,
    pub(super) location: &'a str,
    pub(super) product: &'a str,
    pub(super) category: &'a str,
    pub(super) subcategory: &'a str,
    pub(super) meter_id: &'a str,
    pub(super) meter_name: &'a str,
    pub(super) meter_region: &'a str,
    pub(super) unit: &'a str,
    pub(super) quantity: Quantity,
    pub(super) price: Amount,
    pub(super) list_price: Amount,
    pub(super) cost: Amount,
    pub(super) service: &'a str,
    pub(super) resource_id: &'a str,
    pub(super) resource_name: &'a str,
    pub(super) tags: &'a str,
    pub(super) additional_info: &'a str,
    pub(super) reservation_id: &'a str,
    pub(super) reservation_name: &'a str,
    pub(super) order_id: &'a str,
    pub(super) order_name: &'a str,
    pub(super) term: &'a str,
    pub(super) publisher_type: &'a str,
    pub(super) publisher: &'a str,
    pub(super) charge_type: &'a str,
    pub(super) frequency: &'a str,
    pub(super) pricing_model: &'a str,
    pub(super) credit_eligible: bool,
    pub(super) part_number: &'a str,
    pub(super) plan: &'a str,
    pub(super) family: &'a str,
}

pub(super) type Out = CsvFile<GzEncoder<BufWriter<File>>>;

impl Row<'_> {
    /// Writes the row into a file of the period.
    pub(super) fn write(&self, out: &mut Out, subscriptions: &[Uuid], period: BillingPeriod) -> Result<()> {
        let (subscription_name, account) = SUBSCRIPTIONS[self.subscription];
        let (account_name, owner, account_number, department) = ACCOUNTS[account];
        let (department_name, department_id, cost_centre) = DEPARTMENTS[department];
        out.texts(&[department_name, account_name, owner]);
        out.text(&subscriptions[self.subscription].to_string());
        out.texts(&[subscription_name, self.group, self.location]);
        out.us_day(self.day);
        out.texts(&[
            self.product,
            self.category,
            self.subcategory,
            self.meter_id,
            self.meter_name,
            self.meter_region,
            self.unit,
        ]);
        out.quantity(self.quantity);
        out.amount(self.price);
        out.amount(self.cost);
        out.texts(&[cost_centre, self.service, self.resource_id, self.tags, OFFER, self.additional_info, "", ""]);
        out.texts(&[self.resource_name, self.reservation_id, self.reservation_name]);
        out.amount(self.price);
        out.texts(&[self.order_id, self.order_name, self.term, self.publisher_type, self.publisher]);
        out.texts(&[self.charge_type, self.frequency, self.pricing_model, "", ENROLMENT, ENTERPRISE, CURRENCY]);
        out.us_day(period.first_day());
        out.us_day(period.last_day());
        out.texts(&[ENROLMENT, ENTERPRISE, department_id, if self.credit_eligible { "True" } else { "False" }]);
        out.text(self.part_number);
        out.amount(self.list_price);
        out.texts(&[self.plan, self.family, ""]);
        out.texts(&[self.reservation_id, self.reservation_name, account_number, self.location]);
        Ok(out.end()?)
    }

    /// Adds the row to what the demo's totals must come to.
    pub(super) fn tally(&self, totals: &mut DemoTotals, period: BillingPeriod) -> Result<()> {
        let charged = Charged { rows: 1, quantity: self.quantity, cost: self.cost, usd: None };
        Ok(totals.enterprise_row(period, self.day, CURRENCY, &charged)?)
    }
}

pub(super) fn blob_name(index: usize) -> String {
    format!("part_{index}_0001.csv.gz")
}

pub(super) fn open(path: &Path) -> Result<Out> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(CsvFile::new(GzEncoder::new(BufWriter::new(file), Compression::fast()), HEADER)?)
}

pub(super) fn close(out: Out, folder: &Path, index: usize) -> Result<Blob> {
    let data_row_count = out.rows();
    out.into_inner().finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    let blob_name = blob_name(index);
    let byte_count = fs::metadata(folder.join(&blob_name))?.len();
    Ok(Blob { blob_name, byte_count, data_row_count })
}
