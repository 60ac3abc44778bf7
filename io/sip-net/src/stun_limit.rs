//! How often STUN is answered. An answer is up to twice its request, which anybody can send in another's name.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use ringway_model::Moment;

use crate::stream_listener::limited_address;

/// Addresses are told apart by so many counters; two that meet share their allowance.
const COUNTERS: usize = 4096;
/// Answers to one address in a second: many phones may share it, and each asks every half minute or so.
const PER_ADDRESS_MAX: u8 = 100;
/// Answers to all in a second.
const TOTAL_MAX: u32 = 20_000;

/// Counts the answers of the second that runs.
pub(crate) struct StunLimit {
    hasher: RandomState,
    since: Moment,
    counters: Vec<u8>,
    total: u32,
}

impl StunLimit {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), since: Moment::default(), counters: vec![0; COUNTERS], total: 0 }
    }

    /// Whether one more answer may go to `address`.
    pub(crate) fn allows(&mut self, address: IpAddr, now: Moment) -> bool {
        if now >= self.since + Duration::from_secs(1) {
            (self.since, self.total) = (now, 0);
            self.counters.fill(0);
        }
        let index = self.hasher.hash_one(limited_address(address)) as usize % COUNTERS;
        let Some(counter) = self.counters.get_mut(index) else { return false };
        if *counter >= PER_ADDRESS_MAX || self.total >= TOTAL_MAX {
            return false;
        }
        *counter += 1;
        self.total += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_a_hundred_answers_a_second_and_another_its_own() {
        let mut limit = StunLimit::new();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let now = Moment::from_start(Duration::from_secs(5));
        assert_eq!((0..1000).filter(|_| limit.allows(one, now)).count(), 100);
        let later = now + Duration::from_secs(1);
        assert!(limit.allows(one, later) && limit.allows(other, later));
    }

    #[test]
    fn all_together_have_a_bound() {
        let mut limit = StunLimit::new();
        let allowed = (0..60_000u32)
            .filter(|number| limit.allows(IpAddr::from(number.to_be_bytes()), Moment::default()));
        assert_eq!(allowed.count(), TOTAL_MAX as usize);
    }
}
