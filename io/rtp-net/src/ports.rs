//! Which ports sessions live on: even for RTP, the odd one above for RTCP, chosen at random, and left alone
//! for a while after use, so that a late packet of one call never reaches the next.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringway_model::{Moment, Random};

use crate::clock;
use crate::sockets::PacketSocket;

/// How long a freed port is left alone.
const REST: Duration = Duration::from_secs(2);

/// Two bound sockets on neighbouring ports. Dropping them gives the ports back.
pub struct ReservedPorts {
    pub(crate) rtp: PacketSocket,
    pub(crate) rtcp: PacketSocket,
    pub(crate) local: IpAddr,
    // Last, so that the sockets are closed before the ports are free.
    pub(crate) lease: Lease,
}

impl ReservedPorts {
    /// The address both are bound to.
    pub fn local(&self) -> IpAddr {
        self.local
    }

    /// The even port, for RTP.
    pub fn rtp_port(&self) -> u16 {
        self.lease.port
    }

    /// The odd port above it, for RTCP.
    pub fn rtcp_port(&self) -> u16 {
        self.lease.port + 1
    }
}

impl fmt::Debug for ReservedPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReservedPorts({})", SocketAddr::new(self.local, self.lease.port))
    }
}

/// A pair of ports out of the pool, until it is dropped.
pub(crate) struct Lease {
    pool: Arc<Mutex<PortPool>>,
    pub(crate) port: u16,
}

impl Lease {
    /// Takes a random pair; none when all are in use or resting.
    pub(crate) fn take(pool: &Arc<Mutex<PortPool>>) -> Option<Self> {
        let port = lock(pool).take(clock::monotonic())?;
        Some(Self { pool: Arc::clone(pool), port })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.pool).give_back(self.port, clock::monotonic());
    }
}

/// How many pairs are in use.
pub(crate) fn in_use(pool: &Mutex<PortPool>) -> usize {
    lock(pool).taken
}

fn lock(pool: &Mutex<PortPool>) -> MutexGuard<'_, PortPool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All pairs of the configured range.
pub(crate) struct PortPool {
    free: Vec<u16>,
    /// When each was freed, the oldest first.
    resting: VecDeque<(Moment, u16)>,
    taken: usize,
    random: Random,
}

impl PortPool {
    pub(crate) fn new(range: &RangeInclusive<u16>, random: Random) -> Self {
        Self { free: pairs(range).collect(), resting: VecDeque::new(), taken: 0, random }
    }

    fn take(&mut self, now: Moment) -> Option<u16> {
        while let Some((freed, port)) = self.resting.front().copied()
            && now.since(freed) >= REST
        {
            self.resting.pop_front();
            self.free.push(port);
        }
        if self.free.is_empty() {
            return None;
        }
        self.taken += 1;
        let index = self.random.below(self.free.len() as u64) as usize;
        Some(self.free.swap_remove(index))
    }

    fn give_back(&mut self, port: u16, now: Moment) {
        self.taken -= 1;
        self.resting.push_back((now, port));
    }
}

/// The even ports of the range whose neighbour is in it too.
pub(crate) fn pairs(range: &RangeInclusive<u16>) -> impl Iterator<Item = u16> + use<> {
    let end = *range.end();
    range.clone().filter(move |port| port % 2 == 0 && *port != 0 && *port < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_start(Duration::from_millis(milliseconds))
    }

    #[test]
    fn pairs_begin_even_and_end_inside_the_range() {
        assert_eq!(pairs(&(9999..=10004)).collect::<Vec<_>>(), [10000, 10002]);
        assert_eq!(pairs(&(10000..=10005)).collect::<Vec<_>>(), [10000, 10002, 10004]);
        assert_eq!(pairs(&(10001..=10002)).count(), 0);
        assert_eq!(pairs(&(65534..=65535)).collect::<Vec<_>>(), [65534]);
    }

    #[test]
    fn a_freed_port_rests_for_two_seconds() {
        let mut pool = PortPool::new(&(10000..=10001), Random::from_number(1));
        let port = pool.take(at(0)).expect("one is free");
        assert_eq!(pool.take(at(0)), None, "it is in use");
        pool.give_back(port, at(100));
        assert_eq!(pool.take(at(2099)), None, "it rests");
        assert_eq!(pool.take(at(2100)), Some(port));
    }

    #[test]
    fn ports_are_chosen_at_random_and_never_twice() {
        let taken = |seed| {
            let mut pool = PortPool::new(&(10000..=10199), Random::from_number(seed));
            std::iter::from_fn(move || pool.take(at(0))).collect::<Vec<_>>()
        };
        assert_ne!(taken(1), taken(2));
        let mut all = taken(1);
        assert_eq!(all.len(), 100);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100);
    }
}
