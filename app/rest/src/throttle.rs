//! How much one account may ask at once and in a second, so that one program cannot starve the others
//! (contract, rest.md 0.3, 20429).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ringway_model::sid::AccountSid;

use crate::error::{Code, Fault};

/// What one account may ask for; beyond it requests are answered with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Requests at once.
    pub concurrent_max: usize,
    /// Requests a second, in bursts of up to as many; `None`: as many as there is time for.
    pub per_second_max: Option<u32>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { concurrent_max: 1000, per_second_max: None }
    }
}

/// Counts the requests of every account. Only accounts that proved who they are have an entry, so there
/// are never more entries than accounts.
#[derive(Debug)]
pub(crate) struct Throttle {
    limits: RequestLimits,
    accounts: Mutex<HashMap<AccountSid, Arc<Load>>>,
}

#[derive(Debug, Default)]
struct Load {
    in_flight: AtomicUsize,
    allowance: Mutex<Option<Allowance>>,
}

/// Requests that may still be made; as time passes it fills up again.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    requests: f64,
    at: Instant,
}

impl Throttle {
    /// Nothing is counted yet.
    pub(crate) fn new(limits: RequestLimits) -> Self {
        Self { limits, accounts: Mutex::default() }
    }

    /// Counts a request of the account for as long as the result lives.
    pub(crate) fn enter(&self, account: AccountSid) -> InFlight {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let load = Arc::clone(accounts.entry(account).or_default());
        drop(accounts);
        let count = load.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        InFlight { load, count }
    }

    /// 429 when the request is one too many.
    pub(crate) fn check(&self, request: &InFlight, now: Instant) -> Result<(), Fault> {
        let RequestLimits { concurrent_max, per_second_max } = self.limits;
        if request.count > concurrent_max {
            let sentence = format!("an account may make {concurrent_max} requests at once");
            return Err(Fault::because(Code::TooManyRequests, sentence));
        }
        let Some(rate) = per_second_max else { return Ok(()) };
        let mut allowance = request.load.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let left = allowance.map_or(f64::from(rate), |left| left.refilled(rate, now));
        let allowed = left >= 1.0;
        *allowance = Some(Allowance { requests: if allowed { left - 1.0 } else { left }, at: now });
        match allowed {
            true => Ok(()),
            false => {
                let sentence = format!("an account may make {rate} requests a second");
                Err(Fault::because(Code::TooManyRequests, sentence))
            }
        }
    }
}

impl Allowance {
    fn refilled(self, rate: u32, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.requests + since * f64::from(rate)).min(f64::from(rate))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight {
    load: Arc<Load>,
    /// How many of the account were in flight when this one began, itself included.
    pub(crate) count: usize,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.load.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account(number: u8) -> AccountSid {
        AccountSid::from_random([number; 16])
    }

    #[test]
    fn accounts_are_counted_apart_and_requests_while_they_last() {
        let throttle = Throttle::new(RequestLimits { concurrent_max: 2, per_second_max: None });
        let now = Instant::now();
        let (first, second) = (throttle.enter(account(1)), throttle.enter(account(1)));
        assert!(throttle.check(&first, now).is_ok() && throttle.check(&second, now).is_ok());
        let third = throttle.enter(account(1));
        assert_eq!(third.count, 3);
        assert_eq!(throttle.check(&third, now).map_err(|fault| fault.code), Err(Code::TooManyRequests));
        assert_eq!(throttle.enter(account(2)).count, 1);
        drop((first, second, third));
        assert_eq!(throttle.enter(account(1)).count, 1);
    }

    #[test]
    fn an_allowance_fills_up_again_but_not_beyond_a_second() {
        let throttle = Throttle::new(RequestLimits { concurrent_max: 9, per_second_max: Some(2) });
        let start = Instant::now();
        let allowed = |after_ms: u64| {
            let request = throttle.enter(account(1));
            throttle.check(&request, start + Duration::from_millis(after_ms)).is_ok()
        };
        assert_eq!([allowed(0), allowed(0), allowed(0)], [true, true, false]);
        assert_eq!([allowed(500), allowed(500)], [true, false]);
        assert_eq!([allowed(9000), allowed(9000), allowed(9000)], [true, true, false]);
    }
}
