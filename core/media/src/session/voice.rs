//! What we say ourselves: keys, whatever plays, the noise of a quiet line, silence.

use std::sync::Arc;

use super::queue::Events;
use super::stream::Head;
use super::{PlayId, SessionEvent};
use crate::codec::Codec;
use crate::comfort_noise::ComfortNoise;
use crate::dtmf::{DigitPacket, DigitSender};
use crate::sdp::Negotiated;
use crate::{FRAME_SAMPLES, Prompt};

/// The longest packet, 60 ms.
const PACKET_SAMPLES_MAX: usize = 480;
const SAMPLES_PER_MS: usize = 8;

/// How sound goes to the peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) codec: Codec,
    pub(super) payload_type: u8,
    pub(super) telephone_event: Option<u8>,
    pub(super) packet_samples: usize,
}

impl Format {
    pub(super) fn of(negotiated: &Negotiated) -> Self {
        let samples = usize::from(negotiated.ptime_ms) * SAMPLES_PER_MS;
        Self {
            codec: negotiated.codec,
            payload_type: negotiated.payload_type,
            telephone_event: negotiated.telephone_event,
            packet_samples: samples.clamp(FRAME_SAMPLES / 2, PACKET_SAMPLES_MAX),
        }
    }
}

#[derive(Default)]
pub(super) struct Voice {
    playing: Option<Playing>,
    digits: Option<Digits>,
    noise: Option<ComfortNoise>,
}

struct Playing {
    id: PlayId,
    prompt: Arc<Prompt>,
    position: usize,
    /// `None`: until stopped.
    loops_left: Option<u32>,
}

struct Digits {
    /// `None`: keys of the other leg, whose end nobody waits for.
    id: Option<PlayId>,
    sender: DigitSender,
}

impl Voice {
    pub(super) fn play(&mut self, id: PlayId, prompt: Arc<Prompt>, loops: u32) {
        // Nothing, played for ever, would be nothing that never ends.
        let loops_left = if prompt.is_empty() { Some(0) } else { Some(loops).filter(|loops| *loops != 0) };
        self.playing = Some(Playing { id, prompt, position: 0, loops_left });
    }

    pub(super) fn send_digits(&mut self, id: PlayId, digits: &str) {
        self.digits = Some(Digits { id: Some(id), sender: DigitSender::new(digits) });
    }

    /// A key of the other leg, for a peer that takes no events: its tones, after those before it.
    pub(super) fn press(&mut self, key: char) {
        let new = || Digits { id: None, sender: DigitSender::new("") };
        self.digits.get_or_insert_with(new).sender.push(key);
    }

    pub(super) fn stop(&mut self) {
        self.playing = None;
        self.digits = None;
    }

    /// The noise to be made in place of silence.
    pub(super) fn set_noise(&mut self, noise: Option<ComfortNoise>) {
        self.noise = noise;
    }

    /// Whether something is said that the other leg of a bridge does not interrupt.
    pub(super) fn is_busy(&self) -> bool {
        self.playing.is_some() || self.digits.is_some()
    }

    /// Whether there is noise to be made while the other leg is quiet.
    pub(super) fn has_noise(&self) -> bool {
        self.noise.is_some()
    }

    /// Appends the payload of the next packet, and changes its head where it is no sound.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, events: &mut Events, format: &Format, head: &mut Head) {
        if self.digits.is_some() {
            self.fill_digits(out, events, format, head);
        } else if self.playing.is_some() {
            self.fill_prompt(out, events, format);
        } else if let Some(noise) = &mut self.noise {
            let mut samples = [0; PACKET_SAMPLES_MAX];
            let samples = &mut samples[..format.packet_samples];
            noise.fill(samples);
            out.extend(samples.iter().map(|sample| format.codec.encode(*sample)));
        } else {
            out.resize(out.len() + format.packet_samples, format.codec.silence());
        }
    }

    fn fill_digits(&mut self, out: &mut Vec<u8>, events: &mut Events, format: &Format, head: &mut Head) {
        let Some(Digits { id, sender }) = &mut self.digits else { return };
        let mut scratch = [0; PACKET_SAMPLES_MAX];
        let samples = &mut scratch[..format.packet_samples];
        match (sender.next(head.timestamp, format.telephone_event.is_some(), samples), format.telephone_event)
        {
            (DigitPacket::Event { timestamp, marker, event }, Some(payload_type)) => {
                *head = Head { marker, payload_type, timestamp, ..*head };
                out.extend_from_slice(&event.to_bytes());
            }
            // Silence too when a re-negotiation took the events away in the middle of a key.
            _ => out.extend(samples.iter().map(|sample| format.codec.encode(*sample))),
        }
        if sender.is_done() {
            if let Some(id) = id {
                events.push(SessionEvent::DigitsSent(*id));
            }
            self.digits = None;
        }
    }

    fn fill_prompt(&mut self, out: &mut Vec<u8>, events: &mut Events, format: &Format) {
        let end = out.len() + format.packet_samples;
        while let Some(playing) = &mut self.playing {
            playing.append(out, end, format.codec);
            if !playing.is_over() {
                break;
            }
            events.push(SessionEvent::PlayFinished(playing.id));
            self.playing = None;
        }
        out.resize(end, format.codec.silence());
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
