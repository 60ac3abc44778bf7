//! The numbers of the one stream that leaves a leg, whoever makes its packets: its source, its sequence, its
//! clock.

use std::net::SocketAddr;

use ringway_model::Moment;

use super::queue::Queue;
use super::{SessionConfig, SessionStats};
use crate::rtcp::SenderInfo;
use crate::rtp::{Packet, samples_between};

const RTP_HEADER_BYTES: usize = 12;

pub(super) struct Stream {
    ssrc: u32,
    /// Of the next packet, when nothing is lost before it.
    sequence: u16,
    /// Of the next packet of sound, when it follows at once.
    timestamp: u32,
    /// When the newest packet of sound was due, and its timestamp.
    newest: Option<(Moment, u32)>,
    /// The last packet time passed without a packet, or none was sent yet: the next one begins a talkspurt.
    was_silent: bool,
    packets: u64,
    octets: u64,
}

/// What of a packet's header the stream does not know itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) marker: bool,
    pub(super) payload_type: u8,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
}

impl Stream {
    pub(super) fn new(config: &SessionConfig) -> Self {
        Self {
            ssrc: config.ssrc,
            sequence: config.first_sequence,
            timestamp: config.first_timestamp,
            newest: None,
            was_silent: true,
            packets: 0,
            octets: 0,
        }
    }

    /// The sequence number of the next packet.
    pub(super) fn sequence(&self) -> u16 {
        self.sequence
    }

    /// The timestamp of the next packet of sound.
    pub(super) fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// What the stream's clock shows.
    pub(super) fn clock_at(&self, now: Moment) -> u32 {
        self.newest
            .map_or(self.timestamp, |(due, timestamp)| timestamp.wrapping_add(samples_between(due, now)))
    }

    /// Lets the next packet be of the present, and never of what was sent already.
    pub(super) fn catch_up(&mut self, now: Moment) {
        let clock = self.clock_at(now);
        if is_after(clock, self.timestamp) {
            self.timestamp = clock;
        }
    }

    /// The next packet as it follows those before it.
    pub(super) fn next_head(&self, payload_type: u8) -> Head {
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        Head { marker: self.was_silent, payload_type, sequence, timestamp }
    }

    /// Adds a packet whose payload `fill` appends. Without a destination it is written and forgotten: sequence
    /// numbers count packets that were sent (RFC 3550 5.1), so they stand still, and the marker of the next
    /// one tells of the gap (RFC 3551 4.1).
    pub(super) fn push(
        &mut self,
        to: Option<SocketAddr>,
        queue: &mut Queue,
        fill: impl FnOnce(&mut Vec<u8>) -> Head,
    ) {
        let ssrc = self.ssrc;
        let mut sequence = self.sequence;
        let length = queue.push(false, to, |out| {
            let start = out.len();
            out.extend_from_slice(&[0; RTP_HEADER_BYTES]);
            let head = fill(out);
            sequence = head.sequence;
            out[start..start + RTP_HEADER_BYTES].copy_from_slice(&head.bytes(ssrc));
        });
        self.was_silent = to.is_none();
        if to.is_some() {
            let after = sequence.wrapping_add(1);
            if after.wrapping_sub(self.sequence) < 0x8000 {
                self.sequence = after;
            }
            self.packets += 1;
            self.octets += length.saturating_sub(RTP_HEADER_BYTES) as u64;
        }
    }

    /// Sound of this length, due at `now`, had this timestamp; it was sent, or its time has passed.
    pub(super) fn pass(&mut self, now: Moment, timestamp: u32, samples: usize) {
        let end = timestamp.wrapping_add(samples as u32);
        if is_after(end, self.timestamp) {
            self.timestamp = end;
        }
        if self.newest.is_none_or(|(_, newest)| is_after(timestamp, newest)) {
            self.newest = Some((now, timestamp));
        }
    }

    /// The next packet begins a talkspurt.
    pub(super) fn break_off(&mut self) {
        self.was_silent = true;
    }

    pub(super) fn sender_info(&self, now: Moment) -> SenderInfo {
        let (packets, octets) = (self.packets as u32, self.octets as u32);
        SenderInfo { ntp: 0, rtp: self.clock_at(now), packets, octets }
    }

    pub(super) fn fill_stats(&self, stats: &mut SessionStats) {
        stats.packets_sent = self.packets;
        stats.octets_sent = self.octets;
    }
}

impl Head {
    fn bytes(self, ssrc: u32) -> [u8; RTP_HEADER_BYTES] {
        let Head { marker, payload_type, sequence, timestamp } = self;
        Packet { marker, payload_type, sequence, timestamp, ssrc, payload: &[] }.header()
    }
}

/// Whether one timestamp is later than another, on a clock that wraps.
fn is_after(timestamp: u32, other: u32) -> bool {
    (timestamp.wrapping_sub(other) as i32) > 0
}
