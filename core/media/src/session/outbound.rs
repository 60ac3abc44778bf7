//! The stream that we send: whatever plays, keys, and silence in between, without a gap in its clock.

use std::net::SocketAddr;
use std::sync::Arc;

use super::queue::{Events, Queue};
use super::{PlayId, SessionConfig, SessionEvent, SessionStats};
use crate::codec::Codec;
use crate::dtmf::{DigitPacket, DigitSender};
use crate::rtcp::SenderInfo;
use crate::rtp::Packet;
use crate::sdp::Negotiated;
use crate::{FRAME_SAMPLES, Prompt};

/// The longest packet, 60 ms.
const PACKET_SAMPLES_MAX: usize = 480;
const SAMPLES_PER_MS: usize = 8;
const RTP_HEADER_BYTES: usize = 12;

pub(super) struct Outbound {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    codec: Codec,
    payload_type: u8,
    telephone_event: Option<u8>,
    packet_samples: usize,
    /// Samples of this and earlier slots that no packet carries yet.
    due_samples: usize,
    /// The last packet time passed without a packet, or none was sent yet: the next one begins a talkspurt.
    was_silent: bool,
    playing: Option<Playing>,
    digits: Option<(PlayId, DigitSender)>,
    packets: u64,
    octets: u64,
}

struct Playing {
    id: PlayId,
    prompt: Arc<Prompt>,
    position: usize,
    /// `None`: until stopped.
    loops_left: Option<u32>,
}

impl Outbound {
    pub(super) fn new(config: &SessionConfig) -> Self {
        let negotiated = &config.negotiated;
        Self {
            ssrc: config.ssrc,
            sequence: config.first_sequence,
            timestamp: config.first_timestamp,
            codec: negotiated.codec,
            payload_type: negotiated.payload_type,
            telephone_event: negotiated.telephone_event,
            packet_samples: packet_samples(negotiated),
            due_samples: 0,
            was_silent: true,
            playing: None,
            digits: None,
            packets: 0,
            octets: 0,
        }
    }

    pub(super) fn renegotiate(&mut self, negotiated: &Negotiated) {
        self.codec = negotiated.codec;
        self.payload_type = negotiated.payload_type;
        self.telephone_event = negotiated.telephone_event;
        self.packet_samples = packet_samples(negotiated);
    }

    pub(super) fn play(&mut self, id: PlayId, prompt: Arc<Prompt>, loops: u32) {
        // Nothing, played for ever, would be nothing that never ends.
        let loops_left = if prompt.is_empty() { Some(0) } else { Some(loops).filter(|loops| *loops != 0) };
        self.playing = Some(Playing { id, prompt, position: 0, loops_left });
    }

    pub(super) fn send_digits(&mut self, id: PlayId, digits: &str) {
        self.digits = Some((id, DigitSender::new(digits)));
    }

    pub(super) fn stop(&mut self) {
        self.playing = None;
        self.digits = None;
    }

    /// The packets of one slot. Without a destination time passes and sound is played to nobody: sequence
    /// numbers count packets that were sent (RFC 3550 5.1), so they stand still, and the marker tells of the
    /// gap (RFC 3551 4.1).
    pub(super) fn slot(&mut self, to: Option<SocketAddr>, queue: &mut Queue, events: &mut Events) {
        self.due_samples += FRAME_SAMPLES;
        while self.due_samples >= self.packet_samples {
            self.due_samples -= self.packet_samples;
            self.packet(to, queue, events);
        }
    }

    pub(super) fn sender_info(&self) -> SenderInfo {
        // The slot that has just been filled began one frame ago on the clock of the stream.
        let slot = (self.due_samples as u32).wrapping_sub(FRAME_SAMPLES as u32);
        let rtp = self.timestamp.wrapping_add(slot);
        SenderInfo { ntp: 0, rtp, packets: self.packets as u32, octets: self.octets as u32 }
    }

    pub(super) fn fill_stats(&self, stats: &mut SessionStats) {
        stats.packets_sent = self.packets;
        stats.octets_sent = self.octets;
    }

    fn packet(&mut self, to: Option<SocketAddr>, queue: &mut Queue, events: &mut Events) {
        let length = queue.push(false, to, |out| {
            let start = out.len();
            out.extend_from_slice(&[0; RTP_HEADER_BYTES]);
            let header = self.fill(out, events);
            out[start..start + RTP_HEADER_BYTES].copy_from_slice(&header);
        });
        self.timestamp = self.timestamp.wrapping_add(self.packet_samples as u32);
        self.was_silent = to.is_none();
        if to.is_some() {
            self.sequence = self.sequence.wrapping_add(1);
            self.packets += 1;
            self.octets += length.saturating_sub(RTP_HEADER_BYTES) as u64;
        }
    }

    /// Appends the payload of the next packet and returns its header.
    fn fill(&mut self, out: &mut Vec<u8>, events: &mut Events) -> [u8; RTP_HEADER_BYTES] {
        let mut packet = Packet {
            marker: self.was_silent,
            payload_type: self.payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload: &[],
        };
        if self.digits.is_some() {
            self.fill_digits(out, events, &mut packet);
        } else if self.playing.is_some() {
            self.fill_prompt(out, events);
        } else {
            out.resize(out.len() + self.packet_samples, self.codec.silence());
        }
        packet.header()
    }

    fn fill_digits(&mut self, out: &mut Vec<u8>, events: &mut Events, packet: &mut Packet<'_>) {
        let Some((id, sender)) = &mut self.digits else { return };
        let mut scratch = [0; PACKET_SAMPLES_MAX];
        let samples = &mut scratch[..self.packet_samples];
        match (sender.next(self.timestamp, self.telephone_event.is_some(), samples), self.telephone_event) {
            (DigitPacket::Event { timestamp, marker, event }, Some(payload_type)) => {
                packet.payload_type = payload_type;
                packet.timestamp = timestamp;
                packet.marker = marker;
                out.extend_from_slice(&event.to_bytes());
            }
            // Silence too when a re-negotiation took the events away in the middle of a key.
            _ => out.extend(samples.iter().map(|sample| self.codec.encode(*sample))),
        }
        if sender.is_done() {
            events.push(SessionEvent::DigitsSent(*id));
            self.digits = None;
        }
    }

    fn fill_prompt(&mut self, out: &mut Vec<u8>, events: &mut Events) {
        let end = out.len() + self.packet_samples;
        while let Some(playing) = &mut self.playing {
            playing.append(out, end, self.codec);
            if !playing.is_over() {
                break;
            }
            events.push(SessionEvent::PlayFinished(playing.id));
            self.playing = None;
        }
        out.resize(end, self.codec.silence());
    }
}

impl Playing {
    /// Appends up to `end`, from the start again where loops are left.
    fn append(&mut self, out: &mut Vec<u8>, end: usize, codec: Codec) {
        let octets = self.prompt.octets(codec);
        while out.len() < end && !self.is_over() {
            let length = (end - out.len()).min(octets.len() - self.position);
            out.extend_from_slice(&octets[self.position..self.position + length]);
            self.position += length;
            if self.position == octets.len() {
                self.position = 0;
                self.loops_left = self.loops_left.map(|loops| loops.saturating_sub(1));
            }
        }
    }

    fn is_over(&self) -> bool {
        self.loops_left == Some(0)
    }
}

fn packet_samples(negotiated: &Negotiated) -> usize {
    (usize::from(negotiated.ptime_ms) * SAMPLES_PER_MS).clamp(FRAME_SAMPLES / 2, PACKET_SAMPLES_MAX)
}
