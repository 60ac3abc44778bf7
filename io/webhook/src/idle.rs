//! Connections at rest, kept alive per (scheme, address, host, account), and the count of those at work.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::connect::Connection;
use crate::fault::Fault;
use crate::target::{Origin, Target};

/// Longer than most servers keep an idle connection would only collect dead ones.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
const IDLE_MAX: usize = 1024;
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What two requests must share to share a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    origin: Origin,
    address: SocketAddr,
    account: String,
    sni: bool,
}

impl Key {
    pub(crate) fn new(target: &Target, address: SocketAddr, account: &str, sni: bool) -> Self {
        Self { origin: target.origin(), address, account: account.to_owned(), sni }
    }
}

pub(crate) struct Pool {
    in_flight_per_host_max: usize,
    state: Mutex<State>,
}

struct State {
    idle: HashMap<Key, Vec<Resting>>,
    count: usize,
    swept: Instant,
    in_flight: HashMap<String, usize>,
}

struct Resting {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(in_flight_per_host_max: usize) -> Arc<Self> {
        let state =
            State { idle: HashMap::new(), count: 0, swept: Instant::now(), in_flight: HashMap::new() };
        Arc::new(Self { in_flight_per_host_max, state: Mutex::new(state) })
    }

    /// The connection that rested least, if any; it may have died unnoticed.
    pub(crate) fn take(&self, key: &Key) -> Option<Connection> {
        let mut state = self.state();
        loop {
            let resting = state.idle.get_mut(key)?.pop()?;
            state.count -= 1;
            if resting.is_usable() {
                return Some(resting.connection);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, key: Key, connection: Connection) {
        let mut state = self.state();
        state.sweep();
        if state.count < IDLE_MAX && !connection.sender.is_closed() {
            state.count += 1;
            state.idle.entry(key).or_default().push(Resting { connection, since: Instant::now() });
        }
    }

    /// Counts a request to this host until the permit is dropped; refuses beyond the cap.
    pub(crate) fn enter(self: &Arc<Self>, host: &str) -> Result<Permit, Fault> {
        let mut state = self.state();
        let count = state.in_flight.entry(host.to_owned()).or_default();
        if *count >= self.in_flight_per_host_max {
            return Err(Fault::Busy { host: host.to_owned(), limit: self.in_flight_per_host_max });
        }
        *count += 1;
        Ok(Permit { pool: Arc::clone(self), host: host.to_owned() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sweep(&mut self) {
        if self.swept.elapsed() < SWEEP_INTERVAL {
            return;
        }
        self.swept = Instant::now();
        self.idle.retain(|_, resting| {
            resting.retain(Resting::is_usable);
            !resting.is_empty()
        });
        self.count = self.idle.values().map(Vec::len).sum();
    }
}

impl Resting {
    fn is_usable(&self) -> bool {
        self.since.elapsed() < IDLE_TIME_MAX && !self.connection.sender.is_closed()
    }
}

/// One request under way.
pub(crate) struct Permit {
    pool: Arc<Pool>,
    host: String,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(count) = state.in_flight.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                state.in_flight.remove(&self.host);
            }
        }
    }
}
