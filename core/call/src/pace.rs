//! How fast calls of the REST API leave: an account's calls are dialled one after the other, so many a second
//! (contract, runtime.md 4.7), and those that must wait are queued, so many at most.

use std::collections::HashMap;
use std::time::Duration;

use ringway_model::Moment;
use ringway_model::sid::AccountSid;

/// Accounts that are remembered; beyond that those are forgotten that owe no time.
const ACCOUNTS_MAX: usize = 10_000;

/// When the next call of each account may be dialled.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    wait_max: Duration,
    next: HashMap<AccountSid, Moment>,
}

impl Pace {
    /// So many calls a second of each account, and so many that wait.
    pub fn new(per_second: u32, queued_max: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, wait_max: interval * queued_max, next: HashMap::new() }
    }

    /// The turn of a new call, or none when too many wait already.
    pub fn turn(&mut self, account: AccountSid, now: Moment) -> Option<Moment> {
        if self.next.len() >= ACCOUNTS_MAX {
            self.next.retain(|_, next| *next > now);
        }
        let turn = self.next.get(&account).map_or(now, |next| (*next).max(now));
        if turn.since(now) > self.wait_max {
            return None;
        }
        self.next.insert(account, turn + self.interval);
        Some(turn)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_an_account_follow_each_other_and_accounts_do_not() {
        let at = |ms| Moment::from_start(Duration::from_millis(ms));
        let (one, other) = (AccountSid::from_random([1; 16]), AccountSid::from_random([2; 16]));
        let mut pace = Pace::new(2, 3);
        assert_eq!(pace.turn(one, at(0)), Some(at(0)));
        assert_eq!(pace.turn(one, at(0)), Some(at(500)));
        assert_eq!(pace.turn(other, at(0)), Some(at(0)));
        assert_eq!(pace.turn(one, at(100)), Some(at(1000)));
        assert_eq!(pace.turn(one, at(100)), Some(at(1500)));
        assert_eq!(pace.turn(one, at(100)), None, "three wait");
        assert_eq!(pace.turn(one, at(5000)), Some(at(5000)));
    }
}
