//! Stream connections: who may connect, which connection a message takes, when one ends.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ringway_model::Moment;
use ringway_sip::endpoint::{FlowId, Input, Source, Target, Transmit, Transport};
use ringway_sip::message::Limits;
use rustls::pki_types::ServerName;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use crate::channel::{Arrived, Channel, Ended};
use crate::flow::{Flow, Peer};
use crate::names::ServerNames;
use crate::poller::{Interest, Poller, Token};
use crate::stream_listener::{StreamListener, TcpLimits, limited_address};
use crate::tls::{Tls, TlsConfig};

const ACCEPTS_PER_TURN: usize = 64;
const READ_BYTES: usize = 64 * 1024;
/// What the kernel keeps for a peer that does not read. Left alone it would grow to megabytes, and our own
/// limit would mean nothing.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// How long a connection that ends may take to hear our last words.
const PARTING_TIME: Duration = Duration::from_secs(2);
/// Proxies commonly forget a WebSocket that is silent for a minute.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// The span of [`TcpLimits::handshakes_per_second_max`].
const SECOND: Duration = Duration::from_secs(1);

/// What all connections are told.
pub(crate) struct StreamConfig {
    pub(crate) limits: TcpLimits,
    pub(crate) message: Limits,
    pub(crate) tls: TlsConfig,
    pub(crate) names: ServerNames,
}

/// All stream connections.
pub(crate) struct Streams {
    config: StreamConfig,
    listeners: Vec<StreamListener>,
    flows: HashMap<FlowId, Flow>,
    /// Which connection leads to a peer, so that a message takes it instead of opening another.
    by_peer: HashMap<Peer, FlowId>,
    accepted_by_address: HashMap<IpAddr, usize>,
    /// Connections whose handshake is under way.
    handshaking: usize,
    /// Handshakes begun since the moment beside.
    begun: (Moment, u32),
    last_flow: u64,
    buffer: Vec<u8>,
}

impl Streams {
    pub(crate) fn new(listeners: Vec<StreamListener>, config: StreamConfig) -> Self {
        Self {
            config,
            listeners,
            flows: HashMap::new(),
            by_peer: HashMap::new(),
            accepted_by_address: HashMap::new(),
            handshaking: 0,
            begun: (Moment::default(), 0),
            last_flow: 0,
            buffer: vec![0; READ_BYTES],
        }
    }

    pub(crate) fn register(&self, poller: &Poller) -> io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            poller.add(listener, Token::Listener(index), Interest::READ)?;
        }
        Ok(())
    }

    /// Connections now.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether [`Streams::sweep`] has anything to look at.
    pub(crate) fn needs_sweep(&self) -> bool {
        !self.flows.is_empty() || self.listeners.iter().any(StreamListener::is_paused)
    }

    /// Accepts who is waiting at a listener.
    pub(crate) fn accept(&mut self, index: usize, poller: &Poller, now: Moment) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get(index) else { return };
            let transport = listener.transport();
            if transport != Transport::Tcp && !self.may_handshake(transport, now) {
                return self.pause(index, poller);
            }
            let Some(listener) = self.listeners.get(index) else { return };
            match listener.accept() {
                Ok((socket, remote)) => self.admit(transport, socket, &remote, poller, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    tracing::warn!(%error, "no descriptor left for a new connection");
                    return self.pause(index, poller);
                }
                // The peer was gone before we came.
                Err(_) => {}
            }
        }
    }

    fn pause(&mut self, index: usize, poller: &Poller) {
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.pause(poller);
        }
    }

    /// Whether another handshake may begin now; those who may not wait at the listener.
    fn may_handshake(&mut self, transport: Transport, now: Moment) -> bool {
        if now >= self.begun.0 + SECOND {
            self.begun = (now, 0);
        }
        let limits = &self.config.limits;
        let costly = matches!(transport, Transport::Tls | Transport::Wss);
        self.handshaking < limits.handshakes_max
            && !(costly && self.begun.1 >= limits.handshakes_per_second_max)
    }

    fn admit(
        &mut self,
        transport: Transport,
        socket: Socket,
        remote: &SockAddr,
        poller: &Poller,
        now: Moment,
    ) {
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        let (Some(local), Some(remote)) = (local, remote.as_socket()) else { return };
        let address = limited_address(remote.ip());
        let held = self.accepted_by_address.get(&address).copied().unwrap_or(0);
        let limits = &self.config.limits;
        let refusal = if self.flows.len() >= limits.connections_max {
            "total"
        } else if held >= limits.connections_per_address_max {
            "per_address"
        } else {
            self.accepted_by_address.insert(address, held + 1);
            return self.welcome(transport, socket, (local, remote), poller, now);
        };
        metrics::counter!("ringway_sip_flows_refused_total", "limit" => refusal).increment(1);
        tracing::debug!(%remote, limit = refusal, "connection refused");
    }

    fn welcome(
        &mut self,
        transport: Transport,
        socket: Socket,
        (local, remote): (SocketAddr, SocketAddr),
        poller: &Poller,
        now: Moment,
    ) {
        let Some(channel) = self.accepting_channel(transport) else {
            return self.forget_accepted(limited_address(remote.ip()));
        };
        tune(&socket);
        self.last_flow += 1;
        let peer = Peer { transport, remote, name: None };
        let mut flow = Flow::new(FlowId(self.last_flow), socket, peer, local, channel);
        flow.handshaking = !flow.is_open();
        self.handshaking += usize::from(flow.handshaking);
        self.begun.1 += u32::from(flow.handshaking);
        let limits = &self.config.limits;
        let deadline = now + if flow.handshaking { limits.handshake } else { limits.message };
        self.keep(flow, poller, deadline, now);
    }

    fn accepting_channel(&self, transport: Transport) -> Option<Channel> {
        let limits = &self.config.message;
        let tls = || Tls::server(self.config.tls.server.clone()?).ok();
        Some(match transport {
            Transport::Tls => Channel::stream(Some(tls()?), limits),
            Transport::Ws => Channel::web_socket(None, limits),
            Transport::Wss => Channel::web_socket(Some(tls()?), limits),
            Transport::Tcp | Transport::Udp => Channel::stream(None, limits),
        })
    }

    fn keep(&mut self, mut flow: Flow, poller: &Poller, deadline: Moment, now: Moment) -> FlowId {
        flow.deadline = deadline;
        flow.ping_at = now + PING_INTERVAL;
        let id = flow.id;
        if let Err(error) = poller.add(&flow, Token::Flow(id), flow.interest) {
            tracing::warn!(%error, "a connection cannot be polled");
        }
        // Who connected to us over TLS has proved no name: only answers, and what names the flow, go there.
        if !flow.accepted || flow.peer.transport == Transport::Tcp {
            self.by_peer.insert(flow.peer, id);
        }
        self.flows.insert(id, flow);
        id
    }

    /// Does what a connection is ready for. Call [`Streams::settle`] once the answers to what came are sent.
    pub(crate) fn ready(
        &mut self,
        id: FlowId,
        writable: bool,
        poller: &Poller,
        now: Moment,
        inputs: &mut VecDeque<Input>,
    ) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.is_connecting() {
            if !writable {
                return;
            }
            if flow.finish_connect().is_err() {
                return self.close(id, inputs);
            }
        }
        if flow.is_talking() {
            self.read(id, now, inputs);
        } else if flow.discard(&mut self.buffer) {
            return self.close(id, inputs);
        }
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.flush().is_err() || flow.is_overfull(self.config.limits.queue_bytes_max) {
            return self.close(id, inputs);
        }
        watch(flow, poller);
    }

    fn read(&mut self, id: FlowId, now: Moment, inputs: &mut VecDeque<Input>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let arrived = flow.read(&mut self.buffer);
        let limits = &self.config.limits;
        if flow.is_open() && std::mem::take(&mut flow.handshaking) {
            self.handshaking -= 1;
            flow.deadline = now + limits.message;
        }
        flow.greeted |= !flow.accepted || !arrived.messages.is_empty();
        if arrived.alive && flow.greeted {
            flow.deadline = now + limits.idle;
        }
        let since = flow.partial_since.filter(|_| !arrived.alive).unwrap_or(now);
        flow.partial_since = flow.is_partial().then_some(since);
        let source = Source {
            transport: flow.peer.transport,
            remote: flow.peer.remote,
            local: flow.local,
            flow: Some(id),
            arrival: now,
        };
        let Arrived { messages, ended, .. } = arrived;
        inputs.extend(messages.into_iter().map(|bytes| Input::Received { source, bytes }));
        match ended {
            None => {}
            Some(Ended::Broken | Ended::QueueFull) => self.close(id, inputs),
            Some(ended) => self.begin_end(id, ended, now, inputs),
        }
    }

    /// The connection ends as soon as what was asked on it is answered.
    fn begin_end(&mut self, id: FlowId, ended: Ended, now: Moment, inputs: &mut VecDeque<Input>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        flow.stop_reading(ended);
        flow.deadline = now + PARTING_TIME;
        inputs.extend(flow.take_riders().into_iter().map(|target| Input::SendFailed { target }));
        if self.by_peer.get(&flow.peer) == Some(&id) {
            self.by_peer.remove(&flow.peer);
        }
    }

    /// Takes the end of a connection further, now that what came on it is answered as far as it is at once.
    pub(crate) fn settle(&mut self, id: FlowId, poller: &Poller, inputs: &mut VecDeque<Input>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.is_talking() {
            return;
        }
        if flow.takes_messages() {
            flow.say_farewell();
        }
        if flow.flush().is_err() || flow.is_over() {
            return self.close(id, inputs);
        }
        watch(flow, poller);
    }

    /// Sends on the target's connection, another one to the same peer, or a new one.
    pub(crate) fn send(
        &mut self,
        transmit: Transmit,
        poller: &Poller,
        now: Moment,
        inputs: &mut VecDeque<Input>,
    ) {
        let Transmit { target, bytes } = transmit;
        let id = match self.standing(&target) {
            Some(id) => id,
            None => match self.connect(&target, poller, now) {
                Ok(id) => id,
                Err(error) => {
                    tracing::debug!(remote = %target.remote, %error, "no connection");
                    inputs.push_back(Input::SendFailed { target });
                    return;
                }
            },
        };
        let Some(flow) = self.flows.get_mut(&id) else { return };
        match flow.write(bytes, target, self.config.limits.queue_bytes_max) {
            Ok(()) => {
                if flow.is_open() && flow.is_talking() {
                    flow.deadline = flow.deadline.max(now + self.config.limits.idle);
                }
                watch(flow, poller);
            }
            Err(ended) => {
                tracing::debug!(remote = %target.remote, ?ended, "a message finds no room; closed");
                inputs.push_back(Input::SendFailed { target });
                self.close(id, inputs);
            }
        }
    }

    fn standing(&self, target: &Target) -> Option<FlowId> {
        let peer = Peer { transport: target.transport, remote: target.remote, name: target.name };
        let takes = |id: &FlowId| self.flows.get(id).is_some_and(Flow::takes_messages);
        target.flow.filter(takes).or_else(|| self.by_peer.get(&peer).copied().filter(takes))
    }

    fn connect(&mut self, target: &Target, poller: &Poller, now: Moment) -> io::Result<FlowId> {
        if self.flows.len() >= self.config.limits.connections_max {
            return Err(io::Error::other("the limit of connections is reached"));
        }
        let channel = self.connecting_channel(target)?;
        let socket = connecting_socket(target)?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let peer = Peer { transport: target.transport, remote: target.remote, name: target.name };
        self.last_flow += 1;
        let flow = Flow::new(FlowId(self.last_flow), socket, peer, local, channel).connecting();
        Ok(self.keep(flow, poller, now + self.config.limits.connect, now))
    }

    /// WebSockets are the client's to open, and so is the TLS connection of somebody who connected to us.
    fn connecting_channel(&self, target: &Target) -> io::Result<Channel> {
        let limits = &self.config.message;
        match target.transport {
            Transport::Tcp => Ok(Channel::stream(None, limits)),
            Transport::Tls if target.flow.is_none() || target.name.is_some() => {
                let config = self.config.tls.client.clone();
                let config = config.ok_or_else(|| io::Error::other("no TLS connections are set up"))?;
                let tls = Tls::client(config, self.server_name(target)?).map_err(io::Error::other)?;
                Ok(Channel::stream(Some(tls), limits))
            }
            _ => Err(io::Error::other("its connection is gone")),
        }
    }

    /// Who must answer: the name that led there, else the owner of the address.
    fn server_name(&self, target: &Target) -> io::Result<ServerName<'static>> {
        let Some(number) = target.name else { return Ok(ServerName::from(target.remote.ip())) };
        let name = self.config.names.text(number);
        let name = name.ok_or_else(|| io::Error::other("the name of the server is forgotten"))?;
        ServerName::try_from(name.to_string()).map_err(io::Error::other)
    }

    /// Closes a connection at our wish.
    pub(crate) fn hang_up(&mut self, id: FlowId, inputs: &mut VecDeque<Input>) {
        self.close(id, inputs);
    }

    /// Reads a connection no more: its peer waits until the connection counts as idle.
    pub(crate) fn stall(&mut self, id: FlowId, poller: &Poller) {
        if let Some(flow) = self.flows.get_mut(&id) {
            // What is half said does not end the wait.
            flow.partial_since = None;
            // Fails only when the poller knows the connection no more.
            let _ = poller.remove(&*flow);
        }
    }

    /// Closes what has been silent or unfinished for too long, and lets paused listeners try again. Call it
    /// every second or so.
    pub(crate) fn sweep(&mut self, poller: &Poller, now: Moment, inputs: &mut VecDeque<Input>) {
        let message = self.config.limits.message;
        let late = |flow: &&mut Flow| {
            flow.deadline <= now || flow.partial_since.is_some_and(|since| since + message <= now)
        };
        let over: Vec<FlowId> = self.flows.values_mut().filter(late).map(|flow| flow.id).collect();
        for id in over {
            self.close(id, inputs);
        }
        for flow in self.flows.values_mut().filter(|flow| flow.ping_at <= now) {
            flow.ping_at = now + PING_INTERVAL;
            flow.ping();
            watch(flow, poller);
        }
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            listener.resume(index, poller);
        }
    }

    fn close(&mut self, id: FlowId, inputs: &mut VecDeque<Input>) {
        let Some(mut flow) = self.flows.remove(&id) else { return };
        if self.by_peer.get(&flow.peer) == Some(&id) {
            self.by_peer.remove(&flow.peer);
        }
        if flow.accepted {
            self.forget_accepted(limited_address(flow.peer.remote.ip()));
        }
        self.handshaking -= usize::from(flow.handshaking);
        if flow.is_open() && flow.takes_messages() {
            flow.say_farewell();
            // A peer that does not take it does without.
            let _ = flow.flush();
        }
        if !flow.is_connecting() {
            inputs.push_back(Input::FlowClosed(id));
        }
        let riders = flow.take_riders();
        inputs.extend(flow.unsent().chain(riders).map(|target| Input::SendFailed { target }));
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

fn connecting_socket(target: &Target) -> io::Result<Socket> {
    let family = Domain::for_address(target.remote);
    let socket = Socket::new(family, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    if let Some(local) = target.local.filter(|local| !local.ip().is_unspecified()) {
        socket.bind(&SocketAddr::new(local.ip(), 0).into())?;
    }
    match socket.connect(&target.remote.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => {
            tune(&socket);
            Ok(socket)
        }
    }
}

/// Asks the poller for exactly what the connection waits for.
fn watch(flow: &mut Flow, poller: &Poller) {
    let interest = flow.wanted_interest();
    if interest != flow.interest && poller.modify(&*flow, Token::Flow(flow.id), interest).is_ok() {
        flow.interest = interest;
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
