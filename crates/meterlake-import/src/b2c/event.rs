//! One audit record that counts, on its way to the lake.

use chrono::DateTime;
use meterlake_model::{BillingPeriod, Day};
use serde::{Deserialize, Serialize};

use super::activity::{Activity, Client};

/// An audit record that counts. Two versions of one record (same id) join into one, whatever their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// Microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) activity: Activity,
    pub(crate) client: Client,
    pub(crate) success: bool,
    /// Empty for none.
    pub(crate) correlation: String,
    pub(crate) application: String,
    pub(crate) policy: String,
    pub(crate) provider: String,
    pub(crate) user_hash: String,
    pub(crate) import: String,
    pub(crate) file: i64,
    pub(crate) line: i64,
}

impl Event {
    /// Takes over from another version of the same record what this one lacks. Commutative, associative and
    /// idempotent but for the place in the source, which stays; true when something changed.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let mut changed = false;
        if other.time < self.time {
            (self.time, changed) = (other.time, true);
        }
        if other.activity < self.activity {
            (self.activity, changed) = (other.activity, true);
        }
        if other.client > self.client {
            (self.client, changed) = (other.client, true);
        }
        if other.success && !self.success {
            (self.success, changed) = (true, true);
        }
        let texts = [
            (&mut self.correlation, &other.correlation),
            (&mut self.application, &other.application),
            (&mut self.policy, &other.policy),
            (&mut self.provider, &other.provider),
            (&mut self.user_hash, &other.user_hash),
        ];
        for (mine, theirs) in texts {
            if theirs > mine {
                mine.clone_from(theirs);
                changed = true;
            }
        }
        changed
    }

    /// The UTC day.
    pub(crate) fn day(&self) -> Day {
        day_of(self.time)
    }

    /// The UTC month as `yyyymm`.
    pub(crate) fn month(&self) -> i32 {
        BillingPeriod::containing(self.day()).number()
    }
}

/// The UTC day of an instant in microseconds; instants were checked to lie in the years 1 to 9999 when they were read.
pub(crate) fn day_of(micros: i64) -> Day {
    Day::of(DateTime::from_timestamp_micros(micros).unwrap_or_default())
}
