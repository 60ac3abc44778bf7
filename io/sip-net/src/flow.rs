//! One stream connection: its bytes in, framed; its messages out, queued within a limit.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use bytes::Bytes;
use ringway_model::Moment;
use ringway_sip::endpoint::{FlowId, Target};
use ringway_sip::framing::{Framed, StreamFramer};
use ringway_sip::message::Limits;
use socket2::Socket;

use crate::udp::would_block;

/// Reads of one turn, so that one busy peer does not starve the others.
const READS_PER_TURN: usize = 4;

/// A connection and what waits on it.
pub(crate) struct Flow {
    pub(crate) id: FlowId,
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Whether the peer opened it.
    pub(crate) accepted: bool,
    /// Whether the connection stands.
    pub(crate) open: bool,
    /// Whether a message has come: keep-alives alone do not keep a connection.
    pub(crate) greeted: bool,
    /// When it is closed unless something complete comes or goes before.
    pub(crate) deadline: Moment,
    /// Whether the poller has been asked to tell when we may write.
    pub(crate) awaits_room: bool,
    socket: Socket,
    framer: StreamFramer,
    queue: VecDeque<Queued>,
    queued_bytes: usize,
}

struct Queued {
    bytes: Bytes,
    /// Whose message it is; none for an answer to a keep-alive.
    target: Option<Target>,
}

/// Why a flow ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer closed it, or the network did.
    ByPeer,
    /// We did: the peer is not welcome.
    ByUs,
    /// What came is not SIP.
    NotSip,
    /// The peer does not read what we write.
    QueueFull,
}

/// What came out of one read.
#[derive(Default)]
pub(crate) struct Arrived {
    pub(crate) messages: Vec<Bytes>,
    /// Something complete came, a keep-alive at least.
    pub(crate) alive: bool,
    pub(crate) ended: Option<Ended>,
}

impl Flow {
    pub(crate) fn new(
        id: FlowId,
        socket: Socket,
        addresses: (SocketAddr, SocketAddr),
        limits: &Limits,
    ) -> Self {
        let (local, remote) = addresses;
        Self {
            id,
            remote,
            local,
            accepted: true,
            open: true,
            greeted: false,
            deadline: Moment::default(),
            awaits_room: false,
            socket,
            framer: StreamFramer::new(limits.clone()),
            queue: VecDeque::new(),
            queued_bytes: 0,
        }
    }

    /// The connection that was being made stands, or did not come to be.
    pub(crate) fn finish_connect(&mut self) -> io::Result<()> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        self.local = self.socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        self.open = true;
        Ok(())
    }

    /// Reads what there is; answers keep-alives (RFC 5626 3.5.1) into the queue.
    pub(crate) fn read(&mut self, buffer: &mut [u8], queue_bytes_max: usize) -> Arrived {
        let mut read = Arrived::default();
        for _ in 0..READS_PER_TURN {
            match (&self.socket).read(buffer) {
                Ok(0) => read.ended = Some(Ended::ByPeer),
                Ok(count) => {
                    self.framer.push(buffer.get(..count).unwrap_or_default());
                    self.take_frames(&mut read, queue_bytes_max);
                    if count == buffer.len() && read.ended.is_none() {
                        continue;
                    }
                }
                Err(error) if would_block(&error) => {}
                Err(_) => read.ended = Some(Ended::ByPeer),
            }
            break;
        }
        read
    }

    fn take_frames(&mut self, read: &mut Arrived, queue_bytes_max: usize) {
        loop {
            match self.framer.next() {
                Ok(None) => return,
                Ok(Some(frame)) => {
                    read.alive = true;
                    match frame {
                        Framed::Message(bytes) => read.messages.push(bytes),
                        Framed::KeepAlivePong => {}
                        Framed::KeepAlivePing => {
                            let pong = Bytes::from_static(b"\r\n");
                            if let Err(ended) = self.write(pong, None, queue_bytes_max) {
                                read.ended = Some(ended);
                                return;
                            }
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(remote = %self.remote, %error, "stream is not SIP; closed");
                    read.ended = Some(Ended::NotSip);
                    return;
                }
            }
        }
    }

    /// Queues a message and writes as much as the peer takes.
    pub(crate) fn write(
        &mut self,
        bytes: Bytes,
        target: Option<Target>,
        queue_bytes_max: usize,
    ) -> Result<(), Ended> {
        if !self.queue.is_empty() && self.queued_bytes + bytes.len() > queue_bytes_max {
            return Err(Ended::QueueFull);
        }
        self.queued_bytes += bytes.len();
        self.queue.push_back(Queued { bytes, target });
        if self.open { self.flush() } else { Ok(()) }
    }

    /// Writes as much of the queue as the peer takes.
    pub(crate) fn flush(&mut self) -> Result<(), Ended> {
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
                Err(_) => return Err(Ended::ByPeer),
            }
        }
        Ok(())
    }

    /// Whether something waits for the peer to take it.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The targets of the messages that never went out whole.
    pub(crate) fn unsent(self) -> impl Iterator<Item = Target> {
        self.queue.into_iter().filter_map(|queued| queued.target)
    }
}

impl AsFd for Flow {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
