//! Stream listeners and connections: who may connect, which connection a message takes, when one ends.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use ringway_model::Moment;
use ringway_sip::endpoint::{FlowId, Input, Source, Transmit, Transport};
use ringway_sip::message::Limits;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use crate::flow::{Ended, Flow};
use crate::poller::{Poller, Token};

const BACKLOG: i32 = 1024;
const ACCEPTS_PER_TURN: usize = 64;
const READ_BYTES: usize = 64 * 1024;
/// What the kernel keeps for a peer that does not read. Left alone it would grow to megabytes, and our own
/// limit would mean nothing.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

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
    /// How long an accepted connection may take until its first message.
    pub first_message: Duration,
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
            first_message: Duration::from_secs(15),
            connect: Duration::from_secs(10),
            queue_bytes_max: 64 * 1024,
        }
    }
}

/// A listening socket.
pub(crate) struct TcpListener {
    socket: Socket,
    local: SocketAddr,
    /// Taken off the poller while no descriptor is free, or it would report itself ready for ever.
    paused: bool,
}

impl TcpListener {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
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
        Ok(Self { socket, local, paused: false })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// All stream connections.
pub(crate) struct Tcp {
    limits: TcpLimits,
    message_limits: Limits,
    listeners: Vec<TcpListener>,
    flows: HashMap<FlowId, Flow>,
    /// Which connection leads to an address, so that a message takes it instead of opening another.
    by_remote: HashMap<SocketAddr, FlowId>,
    accepted_by_address: HashMap<IpAddr, usize>,
    last_flow: u64,
    buffer: Vec<u8>,
}

impl Tcp {
    pub(crate) fn new(listeners: Vec<TcpListener>, limits: TcpLimits, message_limits: Limits) -> Self {
        Self {
            limits,
            message_limits,
            listeners,
            flows: HashMap::new(),
            by_remote: HashMap::new(),
            accepted_by_address: HashMap::new(),
            last_flow: 0,
            buffer: vec![0; READ_BYTES],
        }
    }

    pub(crate) fn register(&self, poller: &Poller) -> io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            poller.add(listener, Token::Listener(index), false)?;
        }
        Ok(())
    }

    /// Connections now.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether [`Tcp::sweep`] has anything to look at.
    pub(crate) fn needs_sweep(&self) -> bool {
        !self.flows.is_empty() || self.listeners.iter().any(|listener| listener.paused)
    }

    /// Accepts who is waiting at a listener.
    pub(crate) fn accept(&mut self, index: usize, poller: &Poller, now: Moment) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            match listener.socket.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
                Ok((socket, remote)) => self.admit(socket, &remote, poller, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    tracing::warn!(%error, "no descriptor left for a new connection");
                    listener.paused = poller.remove(&listener.socket).is_ok();
                    return;
                }
                // The peer was gone before we came.
                Err(_) => {}
            }
        }
    }

    fn admit(&mut self, socket: Socket, remote: &SockAddr, poller: &Poller, now: Moment) {
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        let (Some(local), Some(remote)) = (local, remote.as_socket()) else { return };
        let address = limited_address(remote.ip());
        let held = self.accepted_by_address.get(&address).copied().unwrap_or(0);
        let refusal = if self.flows.len() >= self.limits.connections_max {
            "total"
        } else if held >= self.limits.connections_per_address_max {
            "per_address"
        } else {
            self.keep(socket, (local, remote), true, poller, now + self.limits.first_message);
            self.accepted_by_address.insert(address, held + 1);
            return;
        };
        metrics::counter!("ringway_sip_flows_refused_total", "limit" => refusal).increment(1);
        tracing::debug!(%remote, limit = refusal, "connection refused");
    }

    fn keep(
        &mut self,
        socket: Socket,
        addresses: (SocketAddr, SocketAddr),
        accepted: bool,
        poller: &Poller,
        deadline: Moment,
    ) -> FlowId {
        tune(&socket);
        self.last_flow += 1;
        let id = FlowId(self.last_flow);
        let mut flow = Flow::new(id, socket, addresses, &self.message_limits);
        flow.accepted = accepted;
        flow.open = accepted;
        flow.awaits_room = !accepted;
        flow.deadline = deadline;
        if let Err(error) = poller.add(&flow, Token::Flow(id), flow.awaits_room) {
            tracing::warn!(%error, "a connection cannot be polled");
        }
        self.by_remote.insert(addresses.1, id);
        self.flows.insert(id, flow);
        id
    }

    /// Does what a connection is ready for.
    pub(crate) fn ready(
        &mut self,
        id: FlowId,
        writable: bool,
        poller: &Poller,
        now: Moment,
        inputs: &mut VecDeque<Input>,
    ) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if !flow.open {
            if !writable {
                return;
            }
            if flow.finish_connect().is_err() {
                return self.close(id, Ended::ByPeer, inputs);
            }
            flow.deadline = now + self.limits.idle;
        }
        if writable && let Err(ended) = flow.flush() {
            return self.close(id, ended, inputs);
        }
        let arrived = flow.read(&mut self.buffer, self.limits.queue_bytes_max);
        flow.greeted |= !flow.accepted || !arrived.messages.is_empty();
        if arrived.alive && flow.greeted {
            flow.deadline = now + self.limits.idle;
        }
        let source = Source {
            transport: Transport::Tcp,
            remote: flow.remote,
            local: flow.local,
            flow: Some(id),
            arrival: now,
        };
        inputs.extend(arrived.messages.into_iter().map(|bytes| Input::Received { source, bytes }));
        match arrived.ended {
            Some(ended) => self.close(id, ended, inputs),
            None => watch(flow, poller),
        }
    }

    /// Sends on the target's connection, another one to the same address, or a new one.
    pub(crate) fn send(
        &mut self,
        transmit: Transmit,
        poller: &Poller,
        now: Moment,
        inputs: &mut VecDeque<Input>,
    ) {
        let Transmit { target, bytes } = transmit;
        let standing = target.flow.filter(|id| self.flows.contains_key(id));
        let id = match standing.or_else(|| self.by_remote.get(&target.remote).copied()) {
            Some(id) => id,
            None => match self.connect(target.local, target.remote, poller, now) {
                Ok(id) => id,
                Err(error) => {
                    tracing::debug!(remote = %target.remote, %error, "no connection");
                    inputs.push_back(Input::SendFailed { target });
                    return;
                }
            },
        };
        let Some(flow) = self.flows.get_mut(&id) else { return };
        match flow.write(bytes, Some(target), self.limits.queue_bytes_max) {
            Ok(()) => {
                if flow.open {
                    flow.deadline = flow.deadline.max(now + self.limits.idle);
                }
                watch(flow, poller);
            }
            Err(ended) => {
                inputs.push_back(Input::SendFailed { target });
                self.close(id, ended, inputs);
            }
        }
    }

    fn connect(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        poller: &Poller,
        now: Moment,
    ) -> io::Result<FlowId> {
        if self.flows.len() >= self.limits.connections_max {
            return Err(io::Error::other("the limit of connections is reached"));
        }
        let socket = Socket::new(
            Domain::for_address(remote),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        if let Some(local) = local.filter(|local| !local.ip().is_unspecified()) {
            socket.bind(&SocketAddr::new(local.ip(), 0).into())?;
        }
        match socket.connect(&remote.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(self.keep(socket, (local, remote), false, poller, now + self.limits.connect))
    }

    /// Closes a connection at our wish.
    pub(crate) fn hang_up(&mut self, id: FlowId, inputs: &mut VecDeque<Input>) {
        self.close(id, Ended::ByUs, inputs);
    }

    /// Reads a connection no more: its peer waits until the connection counts as idle.
    pub(crate) fn stall(&self, id: FlowId, poller: &Poller) {
        if let Some(flow) = self.flows.get(&id) {
            // Fails only when the poller knows the connection no more.
            let _ = poller.remove(flow);
        }
    }

    /// Closes what has been silent for too long, and lets a paused listener try again. Call it every second
    /// or so.
    pub(crate) fn sweep(&mut self, poller: &Poller, now: Moment, inputs: &mut VecDeque<Input>) {
        let silent: Vec<FlowId> =
            self.flows.values().filter(|flow| flow.deadline <= now).map(|flow| flow.id).collect();
        for id in silent {
            self.close(id, Ended::ByPeer, inputs);
        }
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            if listener.paused && poller.add(&listener.socket, Token::Listener(index), false).is_ok() {
                listener.paused = false;
            }
        }
    }

    fn close(&mut self, id: FlowId, ended: Ended, inputs: &mut VecDeque<Input>) {
        let Some(flow) = self.flows.remove(&id) else { return };
        if ended == Ended::QueueFull {
            tracing::debug!(remote = %flow.remote, "peer does not read; closed");
        }
        if self.by_remote.get(&flow.remote) == Some(&id) {
            self.by_remote.remove(&flow.remote);
        }
        if flow.accepted {
            self.forget_accepted(limited_address(flow.remote.ip()));
        }
        if flow.open {
            inputs.push_back(Input::FlowClosed(id));
        }
        inputs.extend(flow.unsent().map(|target| Input::SendFailed { target }));
    }

    fn forget_accepted(&mut self, address: IpAddr) {
        if let Some(held) = self.accepted_by_address.get_mut(&address) {
            *held -= 1;
            if *held == 0 {
                self.accepted_by_address.remove(&address);
            }
        }
    }
}

/// Asks the poller for room to write exactly while something waits for it.
fn watch(flow: &mut Flow, poller: &Poller) {
    let awaits_room = flow.is_waiting() || !flow.open;
    if awaits_room != flow.awaits_room && poller.modify(&*flow, Token::Flow(flow.id), awaits_room).is_ok() {
        flow.awaits_room = awaits_room;
    }
}

/// One subscriber commonly holds a whole /64.
fn limited_address(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Small messages leave at once, and a dead peer is noticed within minutes. All of it is a nicety.
fn tune(socket: &Socket) {
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20))
        .with_retries(3);
    let _ = socket.set_tcp_keepalive(&probes);
    let _ = socket.set_tcp_user_timeout(Some(Duration::from_secs(60)));
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
