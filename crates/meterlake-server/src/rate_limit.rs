//! Requests a minute for each principal, and wrong keys a minute for each address, by the server's own clock. Who was
//! quiet may use the whole minute at once; after that requests are let in as the minute refills.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use meterlake_model::SharedClock;

use crate::refusal::Refusal;

const MINUTE: i64 = 60_000_000;
/// Principals remembered before those that are full again are forgotten.
const REMEMBERED: usize = 10_000;

/// The limiter of all principals, or of all addresses.
#[derive(Debug)]
pub(crate) struct RateLimit {
    clock: SharedClock,
    /// Microseconds that one request uses up; 0: no limit.
    cost: i64,
    /// For each principal, the microsecond at which its allowance is whole again.
    whole_at: Mutex<HashMap<String, i64>>,
}

impl RateLimit {
    /// A limiter of `per_minute` requests; 0 lets all in.
    pub(crate) fn new(clock: SharedClock, per_minute: u32) -> Self {
        let cost = if per_minute == 0 { 0 } else { (MINUTE / i64::from(per_minute)).max(1) };
        Self { clock, cost, whole_at: Mutex::default() }
    }

    /// Counts a request.
    pub(crate) fn admit(&self, principal: &str) -> Result<(), Refusal> {
        self.check(principal, true)
    }

    /// Refuses where the allowance is used up, without counting.
    pub(crate) fn not_used_up(&self, principal: &str) -> Result<(), Refusal> {
        self.check(principal, false)
    }

    fn check(&self, principal: &str, count: bool) -> Result<(), Refusal> {
        if self.cost == 0 {
            return Ok(());
        }
        let now = self.clock.now().timestamp_micros();
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        if whole_at.len() > REMEMBERED {
            whole_at.retain(|_, at| *at > now);
        }
        let at = whole_at.get(principal).copied().unwrap_or(now).max(now);
        let wait = at + self.cost - now - MINUTE;
        if wait > 0 {
            let retry_after = u64::try_from((wait + 999_999) / 1_000_000).unwrap_or(1);
            return Err(Refusal::TooMany { what: "Rate", retry_after });
        }
        if count {
            whole_at.insert(principal.to_owned(), at + self.cost);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta};
    use meterlake_model::SteppingClock;

    use super::*;

    #[test]
    fn a_minute_refills() {
        let clock = Arc::new(SteppingClock::at(DateTime::UNIX_EPOCH));
        let limit = RateLimit::new(clock.clone(), 3);
        for _ in 0..3 {
            assert_eq!(limit.admit("a"), Ok(()));
        }
        assert_eq!(limit.admit("a"), Err(Refusal::TooMany { what: "Rate", retry_after: 20 }));
        assert!(limit.not_used_up("a").is_err());
        for _ in 0..9 {
            assert_eq!(limit.not_used_up("b"), Ok(()));
        }
        assert_eq!(limit.admit("b"), Ok(()));
        clock.advance(TimeDelta::seconds(20));
        assert_eq!(limit.admit("a"), Ok(()));
        assert!(limit.admit("a").is_err());
    }
}
