//! The 13 fields.

use std::str::FromStr;

use meterlake_filter::{Field, FieldCatalogue, FieldKind};
use meterlake_lake::charges::columns;

macro_rules! fields {
    ($($variant:ident = $api:literal, $column:ident, $guid:literal;)+) => {
        /// A field that usage can be filtered, grouped and ordered by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum AnalyticsField {
            $(#[doc = concat!("`", $api, "`")] #[serde(rename = $api)] $variant),+
        }

        impl AnalyticsField {
            /// All fields, in the order of a row.
            pub const ALL: [Self; 13] = [$(Self::$variant),+];

            /// The name as documented.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $api),+ }
            }

            /// The column of the lake, and of the batches of an answer, that holds it.
            #[must_use]
            pub const fn column(self) -> &'static str {
                match self { $(Self::$variant => columns::$column),+ }
            }

            /// Whether it holds GUIDs: compared without case, given in upper case.
            #[must_use]
            pub const fn is_guid(self) -> bool {
                match self { $(Self::$variant => $guid),+ }
            }
        }
    };
}

fields! {
    CustomerTenantId = "customerTenantId", CUSTOMER_TENANT_ID, true;
    CustomerName = "customerName", CUSTOMER_NAME, false;
    SubscriptionId = "subscriptionId", SUBSCRIPTION_ID, true;
    SubscriptionName = "subscriptionName", SUBSCRIPTION_NAME, false;
    UsageDate = "usageDate", USAGE_DATE, false;
    ResourceLocation = "resourceLocation", RESOURCE_LOCATION, false;
    MeterCategory = "meterCategory", METER_CATEGORY, false;
    MeterSubcategory = "meterSubcategory", METER_SUBCATEGORY, false;
    MeterUnit = "meterUnit", UNIT_OF_MEASURE, false;
    ReservationOrderId = "reservationOrderId", RESERVATION_ORDER_ID, true;
    ReservationId = "reservationId", RESERVATION_ID, true;
    ConsumptionMeterId = "consumptionMeterId", CONSUMPTION_METER_ID, true;
    ServiceType = "serviceType", SERVICE_TYPE, false;
}

impl AnalyticsField {
    /// The catalogue that filters are parsed with: these fields, in the order of [`AnalyticsField::ALL`].
    #[must_use]
    pub fn catalogue() -> FieldCatalogue {
        let fields = Self::ALL.map(|field| Field {
            name: field.name(),
            kind: match field {
                Self::UsageDate => FieldKind::Date,
                _ if field.is_guid() => FieldKind::Guid,
                _ => FieldKind::Text,
            },
        });
        FieldCatalogue::new(fields)
    }
}

impl FromStr for AnalyticsField {
    type Err = ();

    /// Finds the field by its name in any case.
    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name)).ok_or(())
    }
}

/// What an answer can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum AnalyticsKey {
    /// A field of the row.
    Field(AnalyticsField),
    /// The summed quantity.
    Quantity,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// What a grouped day is truncated to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum AggregationLevel {
    /// The day itself.
    #[default]
    Day,
    /// The Monday of its week.
    Week,
    /// The first of its month.
    Month,
}
