//! One stream connection: its bytes in, its messages out, queued within a limit, and its end.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use bytes::Bytes;
use ringway_model::Moment;
use ringway_sip::endpoint::{FlowId, ServerName, Target, Transport};
use socket2::Socket;

use crate::channel::{Arrived, Channel, Ended};
use crate::poller::Interest;
use crate::udp::would_block;

/// Reads of one turn, so that one busy peer does not starve the others.
const READS_PER_TURN: usize = 4;
/// What a peer may still send to a connection that we have ended; more, and it is cut off.
const DISCARDED_BYTES_MAX: usize = 1 << 20;
/// Targets that are told when the connection ends, of those who found it by its address.
const RIDERS_MAX: usize = 16;

/// Whose connection it is: what another message must want to travel on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    /// The name that the peer has proved, or is about to.
    pub(crate) name: Option<ServerName>,
}

/// A connection and what waits on it.
pub(crate) struct Flow {
    pub(crate) id: FlowId,
    pub(crate) peer: Peer,
    pub(crate) local: SocketAddr,
    /// Whether the peer opened it.
    pub(crate) accepted: bool,
    /// Whether a message has come: keep-alives alone do not keep a connection.
    pub(crate) greeted: bool,
    /// When it is closed unless something complete comes or goes before.
    pub(crate) deadline: Moment,
    /// Since when the rest of a message is awaited.
    pub(crate) partial_since: Option<Moment>,
    /// Whether it counts among the handshakes that are under way.
    pub(crate) handshaking: bool,
    /// When a WebSocket is pinged next.
    pub(crate) ping_at: Moment,
    /// What the poller has been asked to tell.
    pub(crate) interest: Interest,
    stage: Stage,
    socket: Socket,
    channel: Channel,
    /// Messages that wait for the channel to open.
    waiting: VecDeque<Queued>,
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    riders: Vec<Target>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// TCP is being connected.
    Connecting,
    /// Messages come and go, or will after the handshake.
    Talking,
    /// Nothing more is read; what was asked is still answered. Why it ends.
    Answering(Ended),
    /// Our last word is on its way.
    Draining(Ended),
    /// Nothing more is written; what comes is thrown away until the peer has seen our last word, for a connection
    /// that is closed with bytes unread is reset, and takes our last answers with it.
    Parting { discarded: usize },
}

struct Queued {
    bytes: Bytes,
    /// Whose message it is; none for what the channel says by itself.
    target: Option<Target>,
}

impl Flow {
    pub(crate) fn new(id: FlowId, socket: Socket, peer: Peer, local: SocketAddr, channel: Channel) -> Self {
        Self {
            id,
            peer,
            local,
            accepted: true,
            greeted: false,
            deadline: Moment::default(),
            partial_since: None,
            handshaking: false,
            ping_at: Moment::default(),
            interest: Interest::READ,
            stage: Stage::Talking,
            socket,
            channel,
            waiting: VecDeque::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            riders: Vec::new(),
        }
    }

    /// One of ours, which is being connected.
    pub(crate) fn connecting(mut self) -> Self {
        self.accepted = false;
        self.stage = Stage::Connecting;
        self.interest = self.wanted_interest();
        self
    }

    pub(crate) fn is_connecting(&self) -> bool {
        self.stage == Stage::Connecting
    }

    /// Whether messages can go, at once.
    pub(crate) fn is_open(&self) -> bool {
        self.stage != Stage::Connecting && self.channel.is_open()
    }

    /// Whether messages may be given to it.
    pub(crate) fn takes_messages(&self) -> bool {
        !matches!(self.stage, Stage::Draining(_) | Stage::Parting { .. })
    }

    /// Whether what comes is still read for messages.
    pub(crate) fn is_talking(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Talking)
    }

    /// The connection that was being made stands, or did not come to be.
    pub(crate) fn finish_connect(&mut self) -> io::Result<()> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        self.local = self.socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        self.stage = Stage::Talking;
        let greeting = self.channel.greeting();
        self.enqueue(Bytes::from(greeting), None);
        self.open_if_ready();
        Ok(())
    }

    /// Reads what there is; the channel's own answers are queued.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Arrived {
        let mut all = Arrived::default();
        for _ in 0..READS_PER_TURN {
            match (&self.socket).read(buffer) {
                Ok(0) => all.ended = Some(Ended::Finished),
                Ok(count) => {
                    self.take(buffer.get(..count).unwrap_or_default(), &mut all);
                    if count == buffer.len() && all.ended.is_none() {
                        continue;
                    }
                }
                Err(error) if would_block(&error) => {}
                Err(_) => all.ended = Some(Ended::Broken),
            }
            break;
        }
        all
    }

    fn take(&mut self, bytes: &[u8], all: &mut Arrived) {
        let mut reply = Vec::new();
        let arrived = self.channel.receive(bytes, &mut reply);
        all.messages.extend(arrived.messages);
        all.alive |= arrived.alive;
        all.ended = arrived.ended;
        self.enqueue(Bytes::from(reply), None);
        self.open_if_ready();
    }

    /// Once the channel is open, what waited for it goes.
    fn open_if_ready(&mut self) {
        if !self.channel.is_open() {
            return;
        }
        for Queued { bytes, target } in std::mem::take(&mut self.waiting) {
            self.queued_bytes -= bytes.len();
            if let Ok(sealed) = self.channel.seal(bytes) {
                self.enqueue(sealed, target);
            }
        }
    }

    /// Queues a message and writes as much as the peer takes.
    pub(crate) fn write(
        &mut self,
        bytes: Bytes,
        target: Target,
        queue_bytes_max: usize,
    ) -> Result<(), Ended> {
        if self.queued_bytes > 0 && self.queued_bytes + bytes.len() > queue_bytes_max {
            return Err(Ended::QueueFull);
        }
        if target.flow.is_none() && !self.riders.contains(&target) && self.riders.len() < RIDERS_MAX {
            self.riders.push(target);
        }
        if !self.is_open() {
            self.queued_bytes += bytes.len();
            self.waiting.push_back(Queued { bytes, target: Some(target) });
            return Ok(());
        }
        let sealed = self.channel.seal(bytes).map_err(|_| Ended::Broken)?;
        self.enqueue(sealed, Some(target));
        self.flush()
    }

    /// Asks a WebSocket whether its peer is there.
    pub(crate) fn ping(&mut self) {
        if let Some(ping) = self.is_open().then(|| self.channel.ping()).flatten() {
            self.enqueue(ping, None);
            // Whether it can be written is found out by the next one who writes or reads.
            let _ = self.flush();
        }
    }

    fn enqueue(&mut self, bytes: Bytes, target: Option<Target>) {
        if !bytes.is_empty() {
            self.queued_bytes += bytes.len();
            self.queue.push_back(Queued { bytes, target });
        }
    }

    /// Writes as much of the queue as the peer takes.
    pub(crate) fn flush(&mut self) -> Result<(), Ended> {
        if self.is_connecting() {
            return Ok(());
        }
        while let Some(first) = self.queue.front_mut() {
            match (&self.socket).write(&first.bytes) {
                Ok(count) => {
                    self.queued_bytes -= count;
                    let _ = first.bytes.split_to(count);
                    if first.bytes.is_empty() {
                        self.queue.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Ended::Broken),
            }
        }
        Ok(())
    }

    /// Whether more waits for the peer than it may.
    pub(crate) fn is_overfull(&self, queue_bytes_max: usize) -> bool {
        self.queue.len() > 1 && self.queued_bytes > queue_bytes_max
    }

    /// From now on nothing is read; what came before is still answered.
    pub(crate) fn stop_reading(&mut self, ended: Ended) {
        self.stage = Stage::Answering(ended);
    }

    /// Says goodbye, after the answers.
    pub(crate) fn say_farewell(&mut self) {
        let farewell = self.channel.farewell();
        self.enqueue(Bytes::from(farewell), None);
        if let Stage::Answering(ended) = self.stage {
            self.stage = Stage::Draining(ended);
        }
    }

    /// Takes the next step of an end that has begun; true when the connection is to be closed.
    pub(crate) fn is_over(&mut self) -> bool {
        match self.stage {
            Stage::Draining(_) if !self.queue.is_empty() => false,
            // A peer that had nothing more to say is waiting for our end only.
            Stage::Draining(Ended::Finished) => true,
            Stage::Draining(_) => {
                self.stage = Stage::Parting { discarded: 0 };
                self.socket.shutdown(Shutdown::Write).is_err()
            }
            Stage::Connecting | Stage::Talking | Stage::Answering(_) | Stage::Parting { .. } => false,
        }
    }

    /// Throws away what an ended peer still sends; true when it has ended too, or has sent enough.
    pub(crate) fn discard(&mut self, buffer: &mut [u8]) -> bool {
        let Stage::Parting { discarded } = &mut self.stage else { return false };
        loop {
            match (&self.socket).read(buffer) {
                Ok(0) => return true,
                Ok(count) => *discarded += count,
                Err(error) => return !would_block(&error),
            }
            if *discarded > DISCARDED_BYTES_MAX {
                return true;
            }
        }
    }

    /// Whether the rest of a message is awaited.
    pub(crate) fn is_partial(&self) -> bool {
        self.channel.is_partial()
    }

    /// What the poller should tell.
    pub(crate) fn wanted_interest(&self) -> Interest {
        let write = self.is_connecting() || !self.queue.is_empty();
        match self.stage {
            Stage::Answering(_) | Stage::Draining(_) => Interest { read: false, write },
            _ => Interest { read: true, write },
        }
    }

    /// The targets whose requests will hear nothing on this connection any more.
    pub(crate) fn take_riders(&mut self) -> Vec<Target> {
        std::mem::take(&mut self.riders)
    }

    /// The targets of the messages that never went out whole.
    pub(crate) fn unsent(self) -> impl Iterator<Item = Target> {
        self.waiting.into_iter().chain(self.queue).filter_map(|queued| queued.target)
    }
}

impl AsFd for Flow {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
