//! The stream that we send: the other leg of a bridge, what we say ourselves, and silence in between, without
//! a gap in its clock.
//!
//! Our own sound keeps the time of the slots. Sound of the other leg keeps the time of its sender: it goes on
//! as it arrives, with the numbers of this stream. Where one takes over from the other, numbers and clock go
//! on from what was sent last.

use std::net::SocketAddr;
use std::sync::Arc;

use ringway_model::Moment;

use super::feed::Feed;
use super::queue::{Events, Queue};
use super::stream::Stream;
use super::voice::{Format, Voice};
use super::{PlayId, Relayed, SessionConfig, SessionStats};
use crate::codec::Codec;
use crate::comfort_noise::ComfortNoise;
use crate::rtcp::SenderInfo;
use crate::sdp::{Negotiated, Payload};
use crate::{FRAME_SAMPLES, Frame, Prompt};

pub(super) struct Outbound {
    stream: Stream,
    format: Format,
    voice: Voice,
    feed: Feed,
    /// Samples of this and earlier slots that no packet carries yet.
    due_samples: usize,
    noise_seed: u64,
}

impl Outbound {
    pub(super) fn new(config: &SessionConfig) -> Self {
        Self {
            stream: Stream::new(config),
            format: Format::of(&config.negotiated),
            voice: Voice::default(),
            feed: Feed::default(),
            due_samples: 0,
            noise_seed: config.seed,
        }
    }

    pub(super) fn renegotiate(&mut self, negotiated: &Negotiated) {
        self.format = Format::of(negotiated);
        self.feed.renegotiate();
    }

    pub(super) fn play(&mut self, id: PlayId, prompt: Arc<Prompt>, loops: u32) {
        self.voice.play(id, prompt, loops);
    }

    pub(super) fn send_digits(&mut self, id: PlayId, digits: &str) {
        self.voice.send_digits(id, digits);
    }

    pub(super) fn stop(&mut self) {
        self.voice.stop();
    }

    /// The packets of one slot, unless the other leg speaks. Without a destination time passes and sound is
    /// played to nobody.
    pub(super) fn slot(
        &mut self,
        now: Moment,
        to: Option<SocketAddr>,
        queue: &mut Queue,
        events: &mut Events,
    ) {
        if !self.voice.is_busy() && !self.voice.has_noise() && self.feed.is_flowing(now) {
            return;
        }
        if let Some(quiet_for) = self.feed.interrupt(now) {
            self.stream.catch_up(now);
            self.due_samples = self.format.packet_samples.saturating_sub(FRAME_SAMPLES);
            if Feed::is_gap(quiet_for) {
                self.stream.break_off();
            }
        }
        self.due_samples += FRAME_SAMPLES;
        while self.due_samples >= self.format.packet_samples {
            self.due_samples -= self.format.packet_samples;
            self.own_packet(now, to, queue, events);
        }
    }

    /// What arrived on the other leg.
    pub(super) fn relay(
        &mut self,
        now: Moment,
        to: Option<SocketAddr>,
        relayed: &Relayed<'_>,
        queue: &mut Queue,
    ) {
        match relayed.payload {
            Payload::Audio(codec) => self.relay_sound(now, to, relayed, codec, queue),
            Payload::ComfortNoise if self.feed.wants_frames() => {}
            Payload::ComfortNoise => {
                self.noise_seed = self.noise_seed.wrapping_add(1);
                let noise = ComfortNoise::new(relayed.packet.payload, self.noise_seed);
                self.voice.set_noise(Some(noise));
            }
            Payload::TelephoneEvent => match (self.format.telephone_event, relayed.key) {
                (Some(payload_type), _) => self.relay_event(now, to, relayed, payload_type, queue),
                (None, Some(key)) if to.is_some() => self.voice.press(key),
                (None, _) => {}
            },
        }
    }

    /// A frame out of the other leg's jitter buffer.
    pub(super) fn relay_frame(
        &mut self,
        now: Moment,
        to: Option<SocketAddr>,
        frame: &Frame,
        queue: &mut Queue,
    ) {
        if !self.feed.wants_frames() {
            return;
        }
        if self.voice.is_busy() || to.is_none() {
            return self.feed.drop_frames();
        }
        self.voice.set_noise(None);
        if !self.feed.is_flowing(now) {
            self.stream.catch_up(now);
        }
        let format = self.format;
        self.feed.add_frame(now, frame, format.codec);
        while self.feed.has_packet(format.packet_samples) {
            let head = self.stream.next_head(format.payload_type);
            let has_event = self.feed.has_event(now);
            let octets = self.feed.take_packet(format.packet_samples);
            if has_event {
                drop(octets);
            } else {
                self.stream.push(to, queue, |out| {
                    out.extend(octets);
                    head
                });
            }
            self.stream.pass(now, head.timestamp, format.packet_samples);
        }
    }

    /// Whether the other leg's sound does not fit as it comes, so that its jitter buffer is to hand it over
    /// frame by frame.
    pub(super) fn wants_frames(&self) -> bool {
        self.feed.wants_frames()
    }

    pub(super) fn hears_other(&self, now: Moment) -> bool {
        self.feed.is_flowing(now)
    }

    /// The bridge is taken apart: silence follows at once.
    pub(super) fn end_relay(&mut self, now: Moment) {
        self.stream.catch_up(now);
        self.voice.set_noise(None);
        self.feed = Feed::default();
    }

    pub(super) fn sender_info(&self, now: Moment) -> SenderInfo {
        self.stream.sender_info(now)
    }

    pub(super) fn fill_stats(&self, stats: &mut SessionStats) {
        self.stream.fill_stats(stats);
        stats.unrelayed = self.feed.unrelayed();
    }

    fn own_packet(&mut self, now: Moment, to: Option<SocketAddr>, queue: &mut Queue, events: &mut Events) {
        let mut head = self.stream.next_head(self.format.payload_type);
        let timestamp = head.timestamp;
        let (voice, format) = (&mut self.voice, &self.format);
        self.stream.push(to, queue, |out| {
            voice.fill(out, events, format, &mut head);
            head
        });
        self.stream.pass(now, timestamp, self.format.packet_samples);
    }

    fn relay_sound(
        &mut self,
        now: Moment,
        to: Option<SocketAddr>,
        relayed: &Relayed<'_>,
        codec: Codec,
        queue: &mut Queue,
    ) {
        let octets = relayed.packet.payload;
        if self.feed.observe(octets.len(), self.format.packet_samples) || octets.is_empty() {
            return;
        }
        self.voice.set_noise(None);
        if self.voice.is_busy() || to.is_none() {
            return;
        }
        let Some(place) = self.feed.place(now, relayed, &mut self.stream) else { return };
        let format = self.format;
        let head = place.head(format.payload_type, relayed.packet.marker || place.is_first);
        self.stream.push(to, queue, |out| {
            match codec == format.codec {
                true => out.extend_from_slice(octets),
                false => out.extend(octets.iter().map(|octet| format.codec.encode(codec.decode(*octet)))),
            }
            head
        });
        self.stream.pass(now, place.timestamp, octets.len());
    }

    fn relay_event(
        &mut self,
        now: Moment,
        to: Option<SocketAddr>,
        relayed: &Relayed<'_>,
        payload_type: u8,
        queue: &mut Queue,
    ) {
        if self.voice.is_busy() || to.is_none() {
            return;
        }
        self.voice.set_noise(None);
        let Some(place) = self.feed.place_event(now, relayed, &mut self.stream) else { return };
        let head = place.head(payload_type, relayed.packet.marker);
        self.stream.push(to, queue, |out| {
            out.extend_from_slice(relayed.packet.payload);
            head
        });
    }
}
