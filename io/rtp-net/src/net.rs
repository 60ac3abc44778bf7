//! The media side as the rest of the program sees it: ports reserved, sessions opened, room left.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use ringway_media::SessionConfig;
use ringway_model::Random;

use crate::nofile::descriptors;
use crate::ports::{Lease, PortPool, ReservedPorts, in_use, pairs};
use crate::reactor;
use crate::session::{Command, EventSink, Opening, Order, Session};
use crate::sockets::PacketSocket;
use crate::stats::{MediaSnapshot, Stats};

/// How many pairs are tried before giving up: other programs may sit on some.
const BIND_ATTEMPTS: usize = 64;
/// RTP and RTCP.
const DESCRIPTORS_PER_SESSION: u64 = 2;

/// What the media side is told once.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// The UDP ports that sessions may use.
    pub ports: RangeInclusive<u16>,
    /// Most sessions, when descriptors and ports would allow more.
    pub sessions_max: usize,
    /// Descriptors that the rest of the program needs.
    pub descriptors_spare: u64,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self { ports: 10_000..=32_767, sessions_max: usize::MAX, descriptors_spare: 512 }
    }
}

/// The media side did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The range has no even port followed by an odd one.
    #[error("the RTP port range {start}-{end} holds no pair of an even port and the odd one above it")]
    NoPorts {
        /// Its first port.
        start: u16,
        /// Its last port.
        end: u16,
    },
    /// The system gives no thread.
    #[error("cannot start the media thread: {0}")]
    Thread(#[from] io::Error),
}

/// No ports for another session.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// As many sessions as there may be are open or about to be.
    #[error("all {most} media sessions are in use")]
    Capacity {
        /// [`MediaNet::capacity`].
        most: usize,
    },
    /// Every port is in use, resting or taken by another program.
    #[error("no RTP port is free")]
    Ports,
    /// The address cannot be bound, or no descriptor is left.
    #[error("cannot bind an RTP port on {address}: {error}")]
    Bind {
        /// The address.
        address: IpAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// The media side. Cheap to clone; the thread ends when the last clone and the last session are gone.
#[derive(Clone)]
pub struct MediaNet(Arc<Inner>);

/// What [`MediaNet`] and its sessions share.
pub(crate) struct Inner {
    commands: Sender<Command>,
    pool: Arc<Mutex<PortPool>>,
    stats: Arc<Stats>,
    capacity: usize,
    last_session: AtomicU64,
}

impl Inner {
    pub(crate) fn send(&self, command: Command) {
        // The thread outlives every sender, or the process has ended.
        let _ = self.commands.send(command);
    }
}

impl MediaNet {
    /// Starts the thread. `seed` is random; it chooses the ports. Call [`crate::raise_nofile`] before.
    ///
    /// # Errors
    /// When the range holds no ports, or there is no thread to be had.
    pub fn start(config: MediaConfig, seed: [u8; 32]) -> Result<Self, StartError> {
        let pairs = pairs(&config.ports).count();
        if pairs == 0 {
            return Err(StartError::NoPorts { start: *config.ports.start(), end: *config.ports.end() });
        }
        let room = descriptors().saturating_sub(config.descriptors_spare) / DESCRIPTORS_PER_SESSION;
        let capacity = config.sessions_max.min(pairs).min(usize::try_from(room).unwrap_or(usize::MAX));
        let stats = Arc::new(Stats::default());
        let (commands, orders) = mpsc::channel();
        reactor::start(orders, Arc::clone(&stats))?;
        let pool = Arc::new(Mutex::new(PortPool::new(&config.ports, Random::from_seed(seed))));
        Ok(Self(Arc::new(Inner { commands, pool, stats, capacity, last_session: AtomicU64::new(0) })))
    }

    /// Most sessions that descriptors, ports and the configuration allow.
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// Binds an even port on `local` and the odd one above it.
    ///
    /// # Errors
    /// When there is no room for another session.
    pub fn reserve(&self, local: IpAddr) -> Result<ReservedPorts, ReserveError> {
        for _ in 0..BIND_ATTEMPTS {
            if in_use(&self.0.pool) >= self.0.capacity {
                return Err(ReserveError::Capacity { most: self.0.capacity });
            }
            let lease = Lease::take(&self.0.pool).ok_or(ReserveError::Ports)?;
            match bind_pair(local, lease.port) {
                Ok((rtp, rtcp)) => return Ok(ReservedPorts { rtp, rtcp, local, lease }),
                // Another program has one of them; the pair rests and the next is tried.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(ReserveError::Bind { address: local, error }),
            }
        }
        Err(ReserveError::Ports)
    }

    /// Opens a session on `ports`: from now on it sends and receives. `events` is called on the media
    /// thread, so it must never block; a panic there ends the process.
    pub fn open(&self, ports: ReservedPorts, config: SessionConfig, events: EventSink) -> Session {
        let id = self.0.last_session.fetch_add(1, Ordering::Relaxed);
        let opening = Opening { ports, config, events };
        self.0.send(Command { session: id, order: Order::Open(Box::new(opening)) });
        Session { id, net: Arc::clone(&self.0), open: true }
    }

    /// The counters.
    pub fn snapshot(&self) -> MediaSnapshot {
        self.0.stats.snapshot()
    }
}

impl fmt::Debug for MediaNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaNet").field("capacity", &self.0.capacity).finish_non_exhaustive()
    }
}

fn bind_pair(local: IpAddr, port: u16) -> io::Result<(PacketSocket, PacketSocket)> {
    let rtp = PacketSocket::bind(SocketAddr::new(local, port))?;
    Ok((rtp, PacketSocket::bind(SocketAddr::new(local, port + 1))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_range_without_a_pair_is_refused() {
        let config = MediaConfig { ports: 10_001..=10_002, ..MediaConfig::default() };
        let error = MediaNet::start(config, [0; 32]).expect_err("no pair");
        assert!(error.to_string().contains("10001-10002"), "{error}");
    }

    #[test]
    fn room_is_what_was_configured_and_comes_back() {
        let config = MediaConfig { sessions_max: 1, ..MediaConfig::default() };
        let net = MediaNet::start(config, [1; 32]).expect("starts");
        assert_eq!(net.capacity(), 1);
        let ports = net.reserve(LOOPBACK).expect("room for one");
        assert_eq!((ports.rtp_port() % 2, ports.rtcp_port()), (0, ports.rtp_port() + 1));
        assert!(matches!(net.reserve(LOOPBACK), Err(ReserveError::Capacity { most: 1 })));
        drop(ports);
        assert!(net.reserve(LOOPBACK).is_ok());
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        let net = MediaNet::start(MediaConfig::default(), [2; 32]).expect("starts");
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        assert!(
            matches!(net.reserve(elsewhere), Err(ReserveError::Bind { address, .. }) if address == elsewhere)
        );
    }
}
