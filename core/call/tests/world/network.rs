//! The way between phone and server: datagrams that are lost, doubled and overtaken, or a connection that
//! loses nothing and may break.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, Random};
use ringway_sip::endpoint::{FlowId, Target, Transmit, Transport};

use super::{Memory, Occurrence, Packet, Side, World};

const SIP_PORT: u16 = 5060;

/// What a scenario does to one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// The network decides.
    Usual,
    Lost,
    /// It takes this much longer.
    Late(Duration),
}

pub(super) struct Network {
    pub(super) transport: Transport,
    memory: Memory,
    connection: Option<Connection>,
    connections: u64,
    /// When the first connection breaks, after it was made.
    breaks_after: Option<Duration>,
}

struct Connection {
    id: FlowId,
    /// What was sent arrives in order: the newest arrival of each direction.
    to_caller: Moment,
    to_server: Moment,
}

impl Network {
    /// One call in four is over TCP; one in three of these loses its connection.
    pub(super) fn new(random: &mut Random) -> Self {
        let transport = if random.below(4) == 0 { Transport::Tcp } else { Transport::Udp };
        let breaks = transport == Transport::Tcp && random.below(3) == 0;
        let breaks_after = breaks.then(|| Duration::from_millis(random.below(6000)));
        let memory = Memory { random: Random::from_seed(random.bytes()), lost: 0 };
        Self { transport, memory, connection: None, connections: 0, breaks_after }
    }

    /// Whether the call has a connection that may break.
    pub(super) fn is_fragile(&self) -> bool {
        self.breaks_after.is_some() || self.connections > 1
    }

    fn delay(&mut self) -> Duration {
        let slow = self.memory.random.below(8) == 0;
        Duration::from_millis(5 + self.memory.random.below(if slow { 900 } else { 60 }))
    }
}

impl World {
    /// Carries what `from` sends; `shard` is the sender on the server's side.
    pub(super) fn carry(&mut self, from: Side, shard: Option<usize>, transmit: Transmit) {
        let treatment = (self.scenario.network)(&mut self.network.memory, from, &transmit.bytes);
        let extra = match treatment {
            Treatment::Lost => {
                return self.note(format!("   lost on purpose: {}", first_line(&transmit.bytes)));
            }
            Treatment::Usual => Duration::ZERO,
            Treatment::Late(extra) => extra,
        };
        match transmit.target.transport {
            Transport::Udp => self.carry_datagram(from, transmit.bytes, extra),
            _ => self.carry_in_stream(from, shard, transmit.target, transmit.bytes, extra),
        }
    }

    /// One packet in five is lost, one in ten arrives twice, each takes its own time.
    fn carry_datagram(&mut self, from: Side, bytes: Bytes, extra: Duration) {
        let copies = if self.network.memory.random.below(10) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            if self.network.memory.random.below(5) == 0 {
                self.note(format!("   lost: {}", first_line(&bytes)));
                continue;
            }
            let delay = self.network.delay() + extra;
            let packet =
                Packet { to: other(from), transport: Transport::Udp, flow: None, bytes: bytes.clone() };
            self.enqueue(delay, Occurrence::Packet(packet));
        }
    }

    fn carry_in_stream(
        &mut self,
        from: Side,
        shard: Option<usize>,
        target: Target,
        bytes: Bytes,
        extra: Duration,
    ) {
        if self.network.connection.is_none() && target.remote.port() != SIP_PORT {
            self.note(format!("   nowhere to send: {}", first_line(&bytes)));
            return self.enqueue(Duration::from_millis(20), Occurrence::SendFailed(from, target, shard));
        }
        let sent = self.now + self.network.delay().min(Duration::from_millis(60)) + extra;
        let connection = self.connection();
        let newest = match from {
            Side::Caller => &mut connection.to_server,
            Side::Server => &mut connection.to_caller,
        };
        *newest = sent.max(*newest);
        let (at, flow) = (*newest, Some(connection.id));
        let packet = Packet { to: other(from), transport: Transport::Tcp, flow, bytes };
        self.enqueue_at(at, Occurrence::Packet(packet));
    }

    /// The connection that lives, or a new one.
    fn connection(&mut self) -> &mut Connection {
        let (network, now) = (&mut self.network, self.now);
        if network.connection.is_none() {
            network.connections += 1;
            let id = FlowId(network.connections);
            if let Some(delay) = network.breaks_after.filter(|_| network.connections == 1) {
                for side in [Side::Caller, Side::Server] {
                    self.queued += 1;
                    self.queue.insert((now + delay, self.queued), Occurrence::ConnectionLost(side, id));
                }
            }
        }
        let id = FlowId(network.connections);
        network.connection.get_or_insert(Connection { id, to_caller: now, to_server: now })
    }

    /// Bytes on the way are gone with their connection.
    pub(super) fn connection_lost(&mut self, flow: FlowId) {
        self.network.connection.take_if(|connection| connection.id == flow);
        self.queue.retain(
            |_, occurrence| !matches!(occurrence, Occurrence::Packet(packet) if packet.flow == Some(flow)),
        );
    }
}

pub(super) fn other(side: Side) -> Side {
    match side {
        Side::Caller => Side::Server,
        Side::Server => Side::Caller,
    }
}

/// Where a side listens.
pub(super) fn address(side: Side) -> SocketAddr {
    match side {
        Side::Caller => SocketAddr::from(([192, 0, 2, 1], SIP_PORT)),
        Side::Server => SocketAddr::from(([198, 51, 100, 1], SIP_PORT)),
    }
}

/// Where packets of a side come from; a phone's connections come from passing ports.
pub(super) fn source_address(side: Side, flow: Option<FlowId>) -> SocketAddr {
    let mut address = address(side);
    if let (Side::Caller, Some(FlowId(number))) = (side, flow) {
        address.set_port(40_000 + number as u16);
    }
    address
}

pub(super) fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}
