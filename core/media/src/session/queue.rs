//! What waits to be polled: packets, in one buffer that is used again and again, and events.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::{Outgoing, SessionEvent};

/// An owner that does not poll loses packets rather than memory.
const PACKETS_MAX: usize = 32;
/// Events that wait to be polled; more are dropped (64 digits are more than any caller has typed ahead).
const EVENTS_MAX: usize = 64;

/// Events that wait to be polled.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<SessionEvent>);

impl Events {
    pub(super) fn push(&mut self, event: SessionEvent) {
        if self.0.len() < EVENTS_MAX {
            self.0.push_back(event);
        }
    }

    pub(super) fn pop(&mut self) -> Option<SessionEvent> {
        self.0.pop_front()
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    packets: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    rtcp: bool,
    to: SocketAddr,
    range: Range<usize>,
}

impl Queue {
    /// Before packets are added: takes the room of those that were sent.
    pub(super) fn begin_slot(&mut self) {
        if self.packets.len() >= PACKETS_MAX {
            self.packets.clear();
        }
        if self.packets.is_empty() {
            self.bytes.clear();
        }
    }

    /// Adds a packet that `write` appends to the buffer, and returns its length. Without a destination it is
    /// written and forgotten.
    pub(super) fn push(
        &mut self,
        rtcp: bool,
        to: Option<SocketAddr>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let range = start..self.bytes.len();
        match to {
            Some(to) => self.packets.push_back(Waiting { rtcp, to, range: range.clone() }),
            None => self.bytes.truncate(start),
        }
        range.len()
    }

    pub(super) fn pop(&mut self) -> Option<Outgoing<'_>> {
        let Waiting { rtcp, to, range } = self.packets.pop_front()?;
        Some(Outgoing { rtcp, to, bytes: &self.bytes[range] })
    }
}
