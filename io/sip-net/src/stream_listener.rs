//! Listening sockets of streams, and the operator's limits on what comes in through them.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use ringway_sip::endpoint::Transport;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::poller::{Interest, Poller, Token};

const BACKLOG: i32 = 1024;

/// The operator's limits on stream connections.
#[derive(Debug, Clone)]
pub struct TcpLimits {
    /// Most connections at once, ours included.
    pub connections_max: usize,
    /// Most connections that one address (an IPv6 /64) may hold open to us.
    pub connections_per_address_max: usize,
    /// A connection on which nothing complete came or went for this long is closed. Dead peers are found
    /// sooner, by TCP keep-alive; this must outlast a quiet call.
    pub idle: Duration,
    /// How long an accepted connection may take until its first message, and any message until it is whole.
    pub message: Duration,
    /// How long a TLS handshake and the upgrade to a WebSocket may take together.
    pub handshake: Duration,
    /// Most handshakes under way at once.
    pub handshakes_max: usize,
    /// Most handshakes begun in a second, since each costs the SIP thread a signature; further connections wait
    /// for the next second.
    pub handshakes_per_second_max: u32,
    /// How long a connection of ours may take to be made.
    pub connect: Duration,
    /// What may wait for a peer that does not read; beyond it the connection is closed.
    pub queue_bytes_max: usize,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 256,
            idle: Duration::from_secs(4 * 3600 + 600),
            message: Duration::from_secs(15),
            handshake: Duration::from_secs(5),
            handshakes_max: 512,
            handshakes_per_second_max: 200,
            connect: Duration::from_secs(10),
            queue_bytes_max: 64 * 1024,
        }
    }
}

/// A listening socket.
pub(crate) struct StreamListener {
    socket: Socket,
    transport: Transport,
    local: SocketAddr,
    /// Taken off the poller while nobody can be let in, or it would report itself ready for ever.
    is_paused: bool,
}

impl StreamListener {
    pub(crate) fn bind(transport: Transport, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Connections of the last run that linger in TIME_WAIT must not keep us from the port.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { socket, transport, local, is_paused: false })
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    pub(crate) fn accept(&self) -> io::Result<(Socket, SockAddr)> {
        self.socket.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
    }

    /// Lets nobody in for a while; they wait in the kernel.
    pub(crate) fn pause(&mut self, poller: &Poller) {
        self.is_paused = poller.remove(&self.socket).is_ok();
    }

    pub(crate) fn resume(&mut self, index: usize, poller: &Poller) {
        if self.is_paused && poller.add(&self.socket, Token::Listener(index), Interest::READ).is_ok() {
            self.is_paused = false;
        }
    }
}

impl AsFd for StreamListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What one subscriber counts as: commonly a whole /64 of IPv6.
pub(crate) fn limited_address(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_is_one_address() {
        let limited = |text: &str| limited_address(text.parse().expect("an address"));
        assert_eq!(limited("2001:db8:1:2:3::4"), limited("2001:db8:1:2:9::9"));
        assert_ne!(limited("2001:db8:1:2::4"), limited("2001:db8:1:3::4"));
        assert_eq!(limited("192.0.2.7"), IpAddr::from([192, 0, 2, 7]));
    }
}
