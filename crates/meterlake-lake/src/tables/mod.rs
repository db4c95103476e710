//! The tables of the lake, described by data.

pub mod b2c_daily;
pub mod b2c_events;
pub mod charges_rollup;
pub(crate) mod column;
pub mod licences;
pub mod user_counts;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use arrow::datatypes::{Schema, SchemaRef};

pub use column::{Column, ColumnType};

use crate::charges;

/// A table of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Charges, [`crate::charges`].
    Charges,
    /// Charges of customers, summed, [`charges_rollup`].
    ChargesRollup,
    /// The same by calendar month.
    ChargesRollupMonths,
    /// B2C events, [`b2c_events`].
    B2cEvents,
    /// B2C events by day, and coverage, [`b2c_daily`].
    B2cDaily,
    /// Users of B2C tenants, [`user_counts`].
    UserCounts,
    /// Licences of customers, [`licences`].
    Licences,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 7] = [
        Self::Charges,
        Self::ChargesRollup,
        Self::ChargesRollupMonths,
        Self::B2cEvents,
        Self::B2cDaily,
        Self::UserCounts,
        Self::Licences,
    ];

    /// Its name, which is also its folder and the id under which other tables note a version of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Charges => "charges",
            Self::ChargesRollup => "charges_rollup",
            Self::ChargesRollupMonths => "charges_rollup_months",
            Self::B2cEvents => "b2c_events",
            Self::B2cDaily => "b2c_daily",
            Self::UserCounts => "user_counts",
            Self::Licences => "licences",
        }
    }

    /// What a row of it is.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Charges => "One row a charge line.",
            Self::ChargesRollup => {
                "Billed charges of customers, summed by everything that reports by customer ask for. Of a billing \
                 period and scope only where it surely has at most half as many rows as the charges."
            }
            Self::ChargesRollupMonths => {
                "The same as `charges_rollup`, by calendar month instead of day, of every billing period and scope."
            }
            Self::B2cEvents => "One row a B2C sign-in or MFA event.",
            Self::B2cDaily => "B2C events counted by day, and the days that are covered.",
            Self::UserCounts => "One row a B2C tenant and day on which its users were counted.",
            Self::Licences => "One row a SKU of a customer at a moment.",
        }
    }

    /// Every column, in file order, the partition column included.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Charges => charges::columns::COLUMNS,
            Self::ChargesRollup | Self::ChargesRollupMonths => charges_rollup::columns::COLUMNS,
            Self::B2cEvents => b2c_events::columns::COLUMNS,
            Self::B2cDaily => b2c_daily::columns::COLUMNS,
            Self::UserCounts => user_counts::columns::COLUMNS,
            Self::Licences => licences::columns::COLUMNS,
        }
    }

    /// The Arrow schema of a batch that is written to it, the partition column included.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; Table::ALL.len()]> = LazyLock::new(|| {
            Table::ALL.map(|table| Arc::new(Schema::new(table.columns().iter().map(Column::field).collect::<Vec<_>>())))
        });
        Arc::clone(&SCHEMAS[self as usize])
    }

    /// The columns that order the rows of every data file. One of them is a day or an instant: in all tables that are
    /// read in order, the first.
    #[must_use]
    pub fn sort(self) -> &'static [&'static str] {
        match self {
            Self::Charges => charges::columns::SORT,
            Self::ChargesRollup | Self::ChargesRollupMonths => charges_rollup::columns::SORT,
            Self::B2cEvents => b2c_events::columns::SORT,
            Self::B2cDaily => b2c_daily::columns::SORT,
            Self::UserCounts => user_counts::columns::SORT,
            Self::Licences => licences::columns::SORT,
        }
    }

    /// The columns that name a row's scope, all of them texts; rows that differ in one of them never share a data
    /// file.
    #[must_use]
    pub fn scope(self) -> &'static [&'static str] {
        match self {
            Self::Charges => charges::columns::SCOPE,
            Self::ChargesRollup | Self::ChargesRollupMonths => charges_rollup::columns::SCOPE,
            Self::B2cEvents => b2c_events::columns::SCOPE,
            Self::B2cDaily => b2c_daily::columns::SCOPE,
            Self::UserCounts => user_counts::columns::SCOPE,
            Self::Licences => licences::columns::SCOPE,
        }
    }

    /// The column, a number `yyyymm`, that divides the table into folders and is not stored in the files.
    #[must_use]
    pub fn partition(self) -> Option<&'static str> {
        match self {
            Self::Charges => Some(charges::columns::BILLING_PERIOD),
            Self::ChargesRollup | Self::ChargesRollupMonths => Some(charges_rollup::columns::BILLING_PERIOD),
            Self::B2cEvents => Some(b2c_events::columns::MONTH),
            Self::B2cDaily | Self::UserCounts | Self::Licences => None,
        }
    }

    /// Stored columns whose values differ in nearly every row.
    pub(crate) fn distinct(self) -> &'static [&'static str] {
        match self {
            Self::Charges => &[charges::columns::SOURCE_LINE],
            Self::B2cEvents => &[b2c_events::columns::TIME, b2c_events::columns::ID, b2c_events::columns::SOURCE_LINE],
            Self::ChargesRollup | Self::ChargesRollupMonths | Self::B2cDaily | Self::UserCounts | Self::Licences => &[],
        }
    }

    /// Stored numbers that reports sum over many rows. They are not compressed where most of them differ: unpacking them
    /// was a third of what such a report costs.
    pub(crate) fn raw(self) -> &'static [&'static str] {
        match self {
            Self::Charges => &[charges::columns::QUANTITY],
            Self::ChargesRollup | Self::ChargesRollupMonths => &[charges_rollup::columns::QUANTITY],
            Self::B2cEvents | Self::B2cDaily | Self::UserCounts | Self::Licences => &[],
        }
    }

    /// Those of the tables that this one is built from that reports read beside it, at the version that it notes.
    pub(crate) fn read_beside(self) -> &'static [Self] {
        match self {
            Self::B2cDaily => &[Self::B2cEvents],
            _ => &[],
        }
    }

    /// The tables whose rows this one's are built from; its commits note their versions.
    #[must_use]
    pub fn built_from(self) -> &'static [Self] {
        match self {
            Self::B2cDaily => &[Self::B2cEvents],
            Self::ChargesRollup | Self::ChargesRollupMonths => &[Self::Charges],
            _ => &[],
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
