//! Rows of charges as plain structs, random ones, and batches of them.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::charges::{ColumnType, columns};
use meterlake_model::{BillingPeriod, Day, ImportId};

/// The columns that reports read; all others are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charge {
    pub period: i32,
    pub account: String,
    pub export_scope: String,
    pub basis: String,
    pub currency: String,
    pub import: String,
    pub file: i64,
    pub line: i64,
    pub day: i32,
    pub customer: String,
    pub customer_name: String,
    pub subscription: String,
    pub subscription_name: String,
    pub resource: String,
    pub location: String,
    pub meter: String,
    pub meter_name: String,
    pub category: String,
    pub subcategory: String,
    pub unit: String,
    pub reservation_order: String,
    pub reservation: String,
    pub consumption_meter: String,
    pub service_type: String,
    pub charge_type: String,
    pub quantity: Option<i128>,
    pub billed: Option<i128>,
    pub usd: Option<i128>,
}

impl Charge {
    pub fn text(&self, column: &str) -> &str {
        match column {
            columns::SOURCE_KIND => "rated-usage",
            columns::BILLING_ACCOUNT_ID => &self.account,
            columns::EXPORT_SCOPE => &self.export_scope,
            columns::COST_BASIS => &self.basis,
            columns::BILLING_CURRENCY => &self.currency,
            columns::IMPORT_ID => &self.import,
            columns::CUSTOMER_TENANT_ID => &self.customer,
            columns::CUSTOMER_NAME => &self.customer_name,
            columns::SUBSCRIPTION_ID => &self.subscription,
            columns::SUBSCRIPTION_NAME => &self.subscription_name,
            columns::RESOURCE_ID => &self.resource,
            columns::RESOURCE_LOCATION => &self.location,
            columns::METER_ID => &self.meter,
            columns::METER_NAME => &self.meter_name,
            columns::METER_CATEGORY => &self.category,
            columns::METER_SUBCATEGORY => &self.subcategory,
            columns::UNIT_OF_MEASURE => &self.unit,
            columns::RESERVATION_ORDER_ID => &self.reservation_order,
            columns::RESERVATION_ID => &self.reservation,
            columns::CONSUMPTION_METER_ID => &self.consumption_meter,
            columns::SERVICE_TYPE => &self.service_type,
            columns::CHARGE_TYPE => &self.charge_type,
            _ => "",
        }
    }

    fn integer(&self, column: &str) -> i64 {
        match column {
            columns::SOURCE_FILE => self.file,
            columns::SOURCE_LINE => self.line,
            _ => 0,
        }
    }

    fn decimal(&self, column: &str) -> Option<i128> {
        match column {
            columns::QUANTITY => self.quantity,
            columns::BILLED_COST => self.billed,
            columns::COST_IN_USD => self.usd,
            _ => None,
        }
    }

    /// The place in the order of EA usage details.
    pub fn order(&self) -> impl Ord + Clone + std::fmt::Debug + use<> {
        (
            self.day,
            self.customer.clone(),
            self.subscription.clone(),
            self.resource.clone(),
            self.meter.clone(),
            self.import.clone(),
            self.file,
            self.line,
        )
    }
}

pub fn batch(charges: &[Charge]) -> RecordBatch {
    let arrays = columns::COLUMNS.iter().map(|column| -> ArrayRef {
        let name = column.name;
        let decimals = || charges.iter().map(|charge| charge.decimal(name));
        match column.kind {
            ColumnType::Text => Arc::new(StringArray::from_iter_values(charges.iter().map(|charge| charge.text(name)))),
            ColumnType::Integer => {
                Arc::new(Int64Array::from_iter_values(charges.iter().map(|charge| charge.integer(name))))
            }
            ColumnType::Period => Arc::new(Int32Array::from_iter_values(charges.iter().map(|charge| charge.period))),
            ColumnType::Day if column.nullable => Arc::new(Date32Array::new_null(charges.len())),
            ColumnType::Day => Arc::new(Date32Array::from_iter_values(charges.iter().map(|charge| charge.day))),
            ColumnType::Instant => Arc::new(TimestampMicrosecondArray::new_null(charges.len()).with_timezone("UTC")),
            ColumnType::Boolean if column.nullable => Arc::new(BooleanArray::new_null(charges.len())),
            ColumnType::Boolean => Arc::new(BooleanArray::from(vec![false; charges.len()])),
            ColumnType::Amount => {
                Arc::new(Decimal128Array::from_iter(decimals()).with_precision_and_scale(38, 24).unwrap())
            }
            ColumnType::Quantity => {
                Arc::new(Decimal128Array::from_iter(decimals()).with_precision_and_scale(38, 20).unwrap())
            }
        }
    });
    RecordBatch::try_new(columns::schema(), arrays.collect()).unwrap()
}

/// Repeatable pseudo-random numbers.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub fn yes(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

pub const CUSTOMERS: &[&str] = &[
    "39a1dfac-4969-4f31-af94-d76588189cfe",
    "65726577-c208-40fd-9735-8c85ac9cac68",
    "a0a0a0a0-bbbb-cccc-dddd-e1e1e1e1e1e1",
];
/// Ids that are equal but for case, ids that are no GUIDs, and none.
pub const SUBSCRIPTIONS: &[&str] = &[
    "ec649980-d623-49f5-b7c1-80cc772b83a8",
    "EC649980-D623-49F5-B7C1-80CC772B83A8",
    "11111111-2222-3333-4444-555555555555",
    "Konto-7",
    "",
];
pub const NAMES: &[&str] = &["A", "a", "O'Neill, \"Bob\"", "", "Ünïcode 😀"];
pub const CATEGORIES: &[&str] = &["Data Management", "Virtual Machines", "Storage", "storage"];
pub const UNITS: &[&str] = &["10,000s", "1 Hour", "GB"];
pub const RESERVATIONS: &[&str] =
    &["", "", "", "0a0a0a0a-0000-0000-0000-00000000000f", "0A0A0A0A-0000-0000-0000-00000000000F"];
pub const LOCATIONS: &[&str] = &["useast", "westeurope", ""];
pub const SERVICES: &[&str] = &["Standard_DS2_v2", ""];

pub fn day(text: &str) -> i32 {
    text.parse::<Day>().unwrap().since_epoch()
}

/// Charges of one import around the period; lines count from 1, as in a file.
pub fn charges(random: &mut Random, import: ImportId, period: BillingPeriod, count: usize) -> Vec<Charge> {
    let mut charges: Vec<Charge> = (0..count).map(|_| charge(random, import, period)).collect();
    for (line, charge) in charges.iter_mut().enumerate() {
        charge.line = i64::try_from(line).unwrap() / 2 + 1;
        charge.file = i64::try_from(line).unwrap() % 2;
    }
    charges
}

fn charge(random: &mut Random, import: ImportId, period: BillingPeriod) -> Charge {
    let amortized = random.yes(8);
    // Some charges lie outside the period they are billed in.
    let shift = if random.yes(20) { -20 } else { 0 };
    let amount = |random: &mut Random, scale: u32| {
        let digits = i128::try_from(random.below(1_000_000_007)).unwrap() - 10_000;
        digits * 10i128.pow(u32::try_from(random.below(usize::try_from(scale - 8).unwrap())).unwrap())
    };
    Charge {
        period: period.number(),
        account: random.pick(&["100", "100", "100-b", "other"]).to_owned(),
        export_scope: random.pick(&["", "", "sub/1"]).to_owned(),
        basis: if amortized { "amortized" } else { random.pick(&["actual", "actual", "both"]) }.to_owned(),
        currency: random.pick(&["EUR", "EUR", "GBP"]).to_owned(),
        import: import.to_string(),
        day: period.first_day().since_epoch() + i32::try_from(random.below(28)).unwrap() + shift,
        customer: if random.yes(5) { String::new() } else { random.pick(CUSTOMERS).to_owned() },
        customer_name: random.pick(NAMES).to_owned(),
        subscription: random.pick(SUBSCRIPTIONS).to_owned(),
        subscription_name: random.pick(NAMES).to_owned(),
        resource: format!("/subscriptions/x/{}", random.below(5)),
        location: random.pick(LOCATIONS).to_owned(),
        meter: format!("4000000{}-0000-0000-0000-00000000000{}", random.below(3), random.pick(&["a", "A"])),
        meter_name: random.pick(&["Read", "Write"]).to_owned(),
        category: random.pick(CATEGORIES).to_owned(),
        subcategory: random.pick(&["None", ""]).to_owned(),
        unit: random.pick(UNITS).to_owned(),
        reservation_order: random.pick(RESERVATIONS).to_owned(),
        reservation: random.pick(RESERVATIONS).to_owned(),
        consumption_meter: random.pick(RESERVATIONS).to_owned(),
        service_type: random.pick(SERVICES).to_owned(),
        charge_type: random.pick(&["Usage", "Usage", "usage", "Purchase", "Tax"]).to_owned(),
        quantity: (!random.yes(12)).then(|| amount(random, 20)),
        billed: (!amortized).then(|| amount(random, 24)),
        usd: (!random.yes(60)).then(|| amount(random, 24)),
        ..Charge::default()
    }
}
