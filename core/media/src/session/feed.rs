//! What the other leg of a bridge brings, and its place in this leg's stream.
//!
//! As long as packets come one after the other they keep their distances: sequence numbers and timestamps are
//! shifted by what was found at the first one, so loss and reordering show at the far end as they were, and
//! its jitter buffer does its work with the sender's own clock. After a gap, or our own sound in between, the
//! shift is found anew.

use std::time::Duration;

use ringway_model::Moment;

use super::Relayed;
use super::stream::{Head, Stream};
use crate::Frame;
use crate::codec::Codec;

/// After so long without a packet we are silent in the other leg's place. Less is jitter.
const QUIET_AFTER: Duration = Duration::from_millis(200);
/// A packet that stands further than this from the present, in samples, has another clock than those before.
const CLOCK_JUMP_SAMPLES: u32 = 16_000;
/// So many packets of another length than the peer asked for, one after the other, are no exception.
const MISFITS_MAX: u8 = 3;
/// Packets of the other leg take up so much each of the time that passes: 200 a second,
const PACKET_COST: Duration = Duration::from_millis(5);
/// and so much may be taken in advance, for bursts: 64 packets.
const ADVANCE_MAX: Duration = Duration::from_millis(320);
/// For so long after a packet of a key press no sound goes out beside it.
const EVENT_HOLD: Duration = Duration::from_millis(60);

#[derive(Default)]
pub(super) struct Feed {
    span: Option<Span>,
    /// When the last packet or frame came.
    last: Option<Moment>,
    /// Until when packets have taken up the time.
    paid_until: Option<Moment>,
    misfits: u8,
    wants_frames: bool,
    /// Octets of frames that fill no packet yet.
    pending: Vec<u8>,
    event: Option<EventPlace>,
    unrelayed: u64,
}

/// Packets whose numbers are shifted by the same.
struct Span {
    source: u32,
    sequence_shift: u16,
    timestamp_shift: u32,
    /// The newest sequence number of the source, and how many there were since the first one.
    newest: u16,
    length: u16,
}

/// Where a key press that accompanies frames has its place.
struct EventPlace {
    source_timestamp: u32,
    timestamp: u32,
    last: Moment,
}

/// Where a packet goes in the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// It follows nothing: a talkspurt begins.
    pub(super) is_first: bool,
}

impl Feed {
    /// Whether the other leg is speaking.
    pub(super) fn is_flowing(&self, now: Moment) -> bool {
        self.last.is_some_and(|last| !Self::is_gap(now.since(last)))
    }

    /// Our own sound follows; says for how long nothing came, when anything did since the last time.
    pub(super) fn interrupt(&mut self, now: Moment) -> Option<Duration> {
        self.span = None;
        self.event = None;
        self.drop_frames();
        self.last.take().map(|last| now.since(last))
    }

    /// Whether this is more than jitter.
    pub(super) fn is_gap(quiet_for: Duration) -> bool {
        quiet_for >= QUIET_AFTER
    }

    pub(super) fn renegotiate(&mut self) {
        self.misfits = 0;
        self.wants_frames = false;
        self.drop_frames();
    }

    /// Looks at a packet's length, in samples; true when frames are to be waited for instead.
    pub(super) fn observe(&mut self, length: usize, wanted: usize) -> bool {
        self.misfits = if length == wanted { 0 } else { self.misfits.saturating_add(1) };
        self.wants_frames |= self.misfits >= MISFITS_MAX;
        self.wants_frames
    }

    pub(super) fn wants_frames(&self) -> bool {
        self.wants_frames
    }

    pub(super) fn unrelayed(&self) -> u64 {
        self.unrelayed
    }

    /// The place of a packet of sound; none when it is of the time before, or one too many.
    pub(super) fn place(&mut self, now: Moment, relayed: &Relayed<'_>, stream: &mut Stream) -> Option<Place> {
        let place = self.take_credit(now).then(|| self.shifted(now, relayed, stream, true)).flatten();
        self.unrelayed += u64::from(place.is_none());
        place
    }

    /// The place of a packet of a key press: among the sound when that goes on as it comes; beside frames it
    /// starts where they are.
    pub(super) fn place_event(
        &mut self,
        now: Moment,
        relayed: &Relayed<'_>,
        stream: &mut Stream,
    ) -> Option<Place> {
        if !self.take_credit(now) {
            self.unrelayed += 1;
            return None;
        }
        if !self.wants_frames {
            return self.shifted(now, relayed, stream, false);
        }
        let source_timestamp = relayed.packet.timestamp;
        let known = self.event.as_ref().filter(|event| event.source_timestamp == source_timestamp);
        if known.is_none() && !self.is_flowing(now) {
            stream.catch_up(now);
        }
        let timestamp = known.map_or(stream.timestamp(), |event| event.timestamp);
        self.event = Some(EventPlace { source_timestamp, timestamp, last: now });
        self.last = Some(now);
        Some(Place { sequence: stream.sequence(), timestamp, is_first: false })
    }

    /// Whether a key press takes the place of sound.
    pub(super) fn has_event(&self, now: Moment) -> bool {
        self.event.as_ref().is_some_and(|event| now.since(event.last) < EVENT_HOLD)
    }

    pub(super) fn add_frame(&mut self, now: Moment, frame: &Frame, codec: Codec) {
        self.last = Some(now);
        self.span = None;
        self.pending.extend(frame.iter().map(|sample| codec.encode(*sample)));
    }

    /// Whether frames fill a packet of this length.
    pub(super) fn has_packet(&self, samples: usize) -> bool {
        self.pending.len() >= samples
    }

    /// The octets of a packet.
    pub(super) fn take_packet(&mut self, samples: usize) -> impl Iterator<Item = u8> + '_ {
        self.pending.drain(..samples.min(self.pending.len()))
    }

    pub(super) fn drop_frames(&mut self) {
        self.pending.clear();
    }

    fn take_credit(&mut self, now: Moment) -> bool {
        let paid_until = self.paid_until.map_or(now, |until| until.max(now));
        let may_pass = paid_until.since(now) <= ADVANCE_MAX;
        if may_pass {
            self.paid_until = Some(paid_until + PACKET_COST);
        }
        may_pass
    }

    fn shifted(
        &mut self,
        now: Moment,
        relayed: &Relayed<'_>,
        stream: &mut Stream,
        is_sound: bool,
    ) -> Option<Place> {
        let packet = &relayed.packet;
        self.last = Some(now);
        let known = self.span.take().filter(|span| !relayed.is_new_source && span.source == packet.ssrc);
        let present = stream.clock_at(now);
        let known = known.filter(|span| !is_sound || span.is_near(packet.timestamp, present));
        if let Some(mut span) = known {
            let may_pass = span.advance(packet.sequence);
            let place = span.place(packet.sequence, packet.timestamp, false);
            self.span = Some(span);
            return may_pass.then_some(place);
        }
        stream.catch_up(now);
        let span = self.span.insert(Span {
            source: packet.ssrc,
            sequence_shift: stream.sequence().wrapping_sub(packet.sequence),
            timestamp_shift: stream.timestamp().wrapping_sub(packet.timestamp),
            newest: packet.sequence,
            length: 0,
        });
        Some(span.place(packet.sequence, packet.timestamp, true))
    }
}

impl Place {
    pub(super) fn head(&self, payload_type: u8, marker: bool) -> Head {
        Head { marker, payload_type, sequence: self.sequence, timestamp: self.timestamp }
    }
}

impl Span {
    fn is_near(&self, timestamp: u32, present: u32) -> bool {
        let shifted = timestamp.wrapping_add(self.timestamp_shift);
        (shifted.wrapping_sub(present) as i32).unsigned_abs() < CLOCK_JUMP_SAMPLES
    }

    /// Counts a packet; false when it is older than the first one, whose number was somebody else's before.
    fn advance(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.newest);
        if ahead < 0x8000 {
            self.newest = sequence;
            self.length = self.length.saturating_add(ahead);
            return true;
        }
        ahead.wrapping_neg() <= self.length
    }

    fn place(&self, sequence: u16, timestamp: u32, is_first: bool) -> Place {
        Place {
            sequence: sequence.wrapping_add(self.sequence_shift),
            timestamp: timestamp.wrapping_add(self.timestamp_shift),
            is_first,
        }
    }
}
