//! The stream that we receive.

use ringway_model::Moment;

use super::{Relayed, SessionStats};
use crate::comfort_noise::Scatter;
use crate::dtmf::{Event, EventReceiver};
use crate::jitter::JitterBuffer;
use crate::rtcp::ReportBlock;
use crate::rtp::{Arrival, Packet, Reception};
use crate::sdp::Payload;
use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};

pub(super) struct Inbound {
    reception: Option<Reception>,
    /// Another source and the sequence number it must go on with to be believed: one stray packet must not
    /// end a stream.
    rival: Option<(u32, u16)>,
    keys: EventReceiver,
    listening: Option<Box<Listening>>,
    scatter: Scatter,
    packets: u64,
    octets: u64,
    duplicates: u64,
    /// Lost from sources that are gone.
    lost_before: u64,
}

/// What only exists while somebody listens.
#[derive(Default)]
struct Listening {
    buffer: JitterBuffer,
    frame: Heard,
}

struct Heard {
    samples: Frame,
    is_new: bool,
}

impl Default for Heard {
    fn default() -> Self {
        Self { samples: [0; FRAME_SAMPLES], is_new: false }
    }
}

impl Inbound {
    pub(super) fn new(listen: bool, seed: u64) -> Self {
        Self {
            reception: None,
            rival: None,
            keys: EventReceiver::default(),
            listening: listen.then(Box::default),
            scatter: Scatter::new(seed),
            packets: 0,
            octets: 0,
            duplicates: 0,
            lost_before: 0,
        }
    }

    /// Takes in a packet; none when it came before, or from a source that is not believed yet.
    pub(super) fn receive<'a>(
        &mut self,
        now: Moment,
        packet: Packet<'a>,
        payload: Payload,
    ) -> Option<Relayed<'a>> {
        let arrival = self.record(&packet);
        match arrival {
            Arrival::Next | Arrival::Fresh => {}
            Arrival::Restarted => self.forget_clock(),
            Arrival::Duplicate => {
                self.duplicates += 1;
                return None;
            }
            Arrival::Suspect => return None,
        }
        self.packets += 1;
        self.octets += packet.payload.len() as u64;
        let mut key = None;
        match payload {
            Payload::TelephoneEvent => key = self.receive_key(&packet),
            Payload::ComfortNoise => self.receive_noise(&packet),
            Payload::Audio(codec) => {
                self.record_transit(now, &packet);
                if let Some(listening) = &mut self.listening {
                    let follows = arrival == Arrival::Next;
                    listening.buffer.insert(now, packet.timestamp, codec, packet.payload, follows);
                }
            }
        }
        Some(Relayed { packet, payload, key, is_new_source: arrival == Arrival::Restarted })
    }

    pub(super) fn play(&mut self, now: Moment) {
        if let Some(listening) = &mut self.listening {
            let heard = &mut listening.frame;
            heard.is_new = listening.buffer.play(now, &mut heard.samples);
        }
    }

    pub(super) fn take_heard(&mut self) -> Option<&Frame> {
        let heard = &mut self.listening.as_mut()?.frame;
        std::mem::take(&mut heard.is_new).then_some(&heard.samples)
    }

    pub(super) fn set_listening(&mut self, listen: bool) {
        if listen != self.listening.is_some() {
            self.listening = listen.then(Box::default);
        }
    }

    /// What is to be said of the source; `None` while there is none.
    pub(super) fn report(&mut self) -> Option<ReportBlock> {
        self.reception.as_mut().map(Reception::report)
    }

    pub(super) fn fill_stats(&self, now: Moment, stats: &mut SessionStats) {
        let lost = self.reception.as_ref().map_or(0, Reception::lost);
        let jitter = self.reception.as_ref().map_or(0, Reception::jitter_samples);
        stats.packets_received = self.packets;
        stats.octets_received = self.octets;
        stats.duplicates = self.duplicates;
        stats.packets_lost = self.lost_before + u64::try_from(lost).unwrap_or(0);
        stats.jitter_ms = jitter as f32 * 1000.0 / SAMPLE_RATE_HZ as f32;
        if let Some(listening) = &self.listening {
            let counters = listening.buffer.counters();
            stats.late = counters.late;
            stats.concealed_frames = counters.concealed;
            stats.skipped_frames = counters.skipped;
            stats.heard_frames = counters.frames;
            stats.depth_ms = listening.buffer.depth_ms(now);
            stats.target_depth_ms = listening.buffer.target_ms();
        }
    }

    fn record(&mut self, packet: &Packet<'_>) -> Arrival {
        match &mut self.reception {
            Some(reception) if reception.ssrc() == packet.ssrc => {
                self.rival = None;
                let lost = reception.lost();
                let arrival = reception.record(packet.sequence);
                if arrival == Arrival::Restarted {
                    self.lost_before += u64::try_from(lost).unwrap_or(0);
                }
                arrival
            }
            None => self.begin(packet, Arrival::Fresh),
            Some(_) if self.rival == Some((packet.ssrc, packet.sequence)) => {
                self.begin(packet, Arrival::Restarted)
            }
            Some(_) => {
                self.rival = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
                Arrival::Suspect
            }
        }
    }

    fn begin(&mut self, packet: &Packet<'_>, arrival: Arrival) -> Arrival {
        let lost = self.reception.as_ref().map_or(0, Reception::lost);
        self.lost_before += u64::try_from(lost).unwrap_or(0);
        self.rival = None;
        self.reception = Some(Reception::new(packet.ssrc, packet.sequence));
        arrival
    }

    fn forget_clock(&mut self) {
        self.keys.reset();
        if let Some(listening) = &mut self.listening {
            listening.buffer.restart();
        }
    }

    fn record_transit(&mut self, now: Moment, packet: &Packet<'_>) {
        if let Some(reception) = &mut self.reception {
            reception.record_transit(now, packet.timestamp);
        }
    }

    fn receive_key(&mut self, packet: &Packet<'_>) -> Option<char> {
        let event = Event::parse(packet.payload)?;
        if let Some(listening) = &mut self.listening {
            listening.buffer.mute(packet.timestamp, event.duration);
        }
        self.keys.receive(packet.timestamp, packet.marker, event)
    }

    fn receive_noise(&mut self, packet: &Packet<'_>) {
        let seed = self.scatter.next_u64();
        if let Some(listening) = &mut self.listening {
            listening.buffer.comfort_noise(packet.payload, seed);
        }
    }
}
