//! One leg's RTP and RTCP, without sockets or clocks.

mod feed;
mod inbound;
mod outbound;
mod queue;
mod reports;
mod stream;
mod trust;
mod types;
mod voice;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringway_model::Moment;

use crate::rtcp::{self, RtcpPacket};
use crate::rtp::{self, Packet};
use crate::sdp::Negotiated;
use crate::{Frame, Prompt};

use inbound::Inbound;
use outbound::Outbound;
use queue::{Events, Queue};
use reports::Reports;
use trust::{Admission, Trust};

pub use types::{Latch, Outgoing, PlayId, Relayed, RemoteReport, SessionConfig, SessionEvent, SessionStats};

/// One leg's RTP and RTCP.
///
/// Its owner feeds it what arrives, calls [`MediaSession::tick`] once in every 20 ms, and after each call
/// polls until [`MediaSession::poll_transmit`] and [`MediaSession::poll_event`] are empty. While the direction
/// allows it, a packet goes out each packet time from the first tick to [`MediaSession::close`]: silence when
/// nothing plays, one SSRC, sequence numbers without a gap, timestamps on the clock.
///
/// Two sessions make a bridge when their owner hands what [`MediaSession::handle_rtp`] returns on one of them to
/// [`MediaSession::relay`] on the other, at once. The sound goes on as it is, its numbers fitted into the other
/// leg's stream; nothing is decoded, and no jitter buffer delays it. Only where the other leg asks for another
/// packet time does it say [`MediaSession::wants_frames`]: then it gets each tick's frame by
/// [`MediaSession::relay_frame`].
pub struct MediaSession {
    negotiated: Negotiated,
    trust: Trust,
    inbound: Inbound,
    outbound: Outbound,
    reports: Reports,
    queue: Queue,
    events: Events,
    inactivity: Duration,
    last_activity: Moment,
    is_inactive: bool,
    is_closed: bool,
    refused: u64,
    now: Moment,
}

impl MediaSession {
    /// Opens the session; the stream begins with the first tick.
    pub fn new(config: SessionConfig, now: Moment) -> Self {
        Self {
            trust: Trust::new(config.latch, &config.negotiated),
            inbound: Inbound::new(config.listen, config.seed),
            outbound: Outbound::new(&config),
            reports: Reports::new(&config, now),
            negotiated: config.negotiated,
            queue: Queue::default(),
            events: Events::default(),
            inactivity: config.inactivity,
            last_activity: now,
            is_inactive: false,
            is_closed: false,
            refused: 0,
            now,
        }
    }

    /// A packet on the RTP port. With rtcp-mux it may be RTCP (RFC 5761 4). Returns what is for the other leg of
    /// a bridge.
    pub fn handle_rtp<'a>(&mut self, now: Moment, from: SocketAddr, packet: &'a [u8]) -> Option<Relayed<'a>> {
        if self.negotiated.rtcp_mux && rtp::is_rtcp(packet) {
            self.handle_rtcp(now, from, packet);
            return None;
        }
        let parsed = Packet::parse(packet)
            .and_then(|packet| Some((self.negotiated.accept.payload(packet.payload_type)?, packet)));
        let Some((payload, packet)) = parsed.filter(|_| !self.is_closed) else {
            self.refused += 1;
            return None;
        };
        match self.trust.admit_rtp(now, from) {
            Admission::Refused => {
                self.refused += 1;
                return None;
            }
            Admission::Latched => self.events.push(SessionEvent::Latched(from)),
            Admission::Accepted => {}
        }
        self.note_activity(now);
        let received = self.inbound.receive(now, packet, payload)?;
        if let Some(key) = received.key {
            self.events.push(SessionEvent::Digit(key));
        }
        self.negotiated.direction.receives().then_some(received)
    }

    /// A packet on the RTCP port.
    pub fn handle_rtcp(&mut self, now: Moment, from: SocketAddr, packet: &[u8]) {
        if self.is_closed || !self.trust.admit_rtcp(now, from) {
            self.refused += 1;
            return;
        }
        for packet in rtcp::packets(packet) {
            self.note_activity(now);
            match packet {
                RtcpPacket::SenderReport { ssrc, info, blocks } => {
                    self.reports.hear_sender(now, ssrc, info);
                    self.reports.hear_blocks(now, blocks);
                }
                RtcpPacket::ReceiverReport { blocks, .. } => self.reports.hear_blocks(now, blocks),
                // The end of the call is told by signalling, and of a source by its silence.
                RtcpPacket::Goodbye { .. } | RtcpPacket::Other(_) => {}
            }
        }
    }

    /// One 20 ms slot: the stream goes on, a report when it is due, the next frame to be heard.
    pub fn tick(&mut self, now: Moment) {
        if self.is_closed {
            return;
        }
        self.now = now;
        self.queue.begin_slot();
        let to = self.destination(now);
        self.outbound.slot(now, to, &mut self.queue, &mut self.events);
        if self.reports.is_due(now) {
            self.report(now, false);
        }
        self.inbound.play(now);
        self.watch_activity(now);
    }

    /// What arrived on the other leg of a bridge goes on to this one's peer, unless something plays here. After
    /// 200 ms without any, silence fills in.
    pub fn relay(&mut self, now: Moment, relayed: &Relayed<'_>) {
        if !self.is_closed {
            self.queue.begin_slot();
            let to = self.destination(now);
            self.outbound.relay(now, to, relayed, &mut self.queue);
        }
    }

    /// Whether the other leg has brought something of late. When not, the next tick is silence: an owner that
    /// may have fallen behind looks for packets of the other leg first.
    pub fn hears_other(&self, now: Moment) -> bool {
        self.outbound.hears_other(now)
    }

    /// Whether [`MediaSession::relay_frame`] is waited for. The other leg must listen then.
    pub fn wants_frames(&self) -> bool {
        self.outbound.wants_frames()
    }

    /// A frame that was heard on the other leg, each 20 ms.
    pub fn relay_frame(&mut self, now: Moment, frame: &Frame) {
        if !self.is_closed {
            self.queue.begin_slot();
            let to = self.destination(now);
            self.outbound.relay_frame(now, to, frame, &mut self.queue);
        }
    }

    /// The bridge is taken apart: the stream goes on with silence.
    pub fn end_relay(&mut self, now: Moment) {
        self.outbound.end_relay(now);
    }

    /// The next packet to be sent; `None` when all are.
    pub fn poll_transmit(&mut self) -> Option<Outgoing<'_>> {
        self.queue.pop()
    }

    /// The next event; `None` when all are told.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop()
    }

    /// Plays a sound `loops` times, or until it is stopped when `loops` is 0. Whatever played before stops,
    /// without an event; digits that are being sent come first.
    pub fn play(&mut self, id: PlayId, prompt: Arc<Prompt>, loops: u32) {
        self.outbound.play(id, prompt, loops);
    }

    /// Sends keys `0`-`9`, `*`, `#`, `A`-`D`; `w` is a pause of half a second, `W` of a whole one, and anything
    /// else is skipped. As telephone-events where the peer takes them, else as tones in the sound.
    pub fn send_digits(&mut self, id: PlayId, digits: &str) {
        self.outbound.send_digits(id, digits);
    }

    /// Stops sound and digits; no event tells of their end.
    pub fn stop_play(&mut self) {
        self.outbound.stop();
    }

    /// Goes on by what a later offer and answer agreed on. The stream keeps its SSRC, numbers and clock.
    pub fn renegotiate(&mut self, now: Moment, negotiated: Negotiated) {
        self.trust.renegotiate(now, &negotiated);
        self.outbound.renegotiate(&negotiated);
        self.last_activity = now;
        self.negotiated = negotiated;
    }

    /// Starts or stops decoding what arrives.
    pub fn set_listening(&mut self, listen: bool) {
        self.inbound.set_listening(listen);
    }

    /// The frame of the last tick, once; `None` while nothing has arrived, or when nobody listens.
    pub fn take_heard(&mut self) -> Option<&Frame> {
        self.inbound.take_heard()
    }

    /// How it fares, as of the last tick.
    pub fn stats(&self) -> SessionStats {
        let mut stats = SessionStats { refused: self.refused, ..SessionStats::default() };
        self.inbound.fill_stats(self.now, &mut stats);
        self.outbound.fill_stats(&mut stats);
        self.reports.fill_stats(&mut stats);
        stats
    }

    /// Queues a last report with a goodbye (RFC 3550 6.6). Nothing is sent or taken in after it.
    pub fn close(&mut self, now: Moment) {
        if !self.is_closed {
            self.queue.begin_slot();
            self.report(now, true);
            self.is_closed = true;
        }
    }

    fn report(&mut self, now: Moment, goodbye: bool) {
        self.reports.schedule(now);
        let to = self.trust.rtcp_destination().filter(|to| self.trust.may_send(now, *to));
        if to.is_none() {
            return;
        }
        let sent = self.outbound.sender_info(now);
        let block = self.inbound.report();
        let reports = &mut self.reports;
        self.queue.push(!self.negotiated.rtcp_mux, to, |out| reports.write(out, now, sent, block, goodbye));
    }

    /// Where sound goes now; nowhere while the peer does not listen, or must not be flooded.
    fn destination(&mut self, now: Moment) -> Option<SocketAddr> {
        let to = self.trust.rtp_destination()?;
        (self.negotiated.direction.sends() && self.trust.may_send(now, to)).then_some(to)
    }

    fn note_activity(&mut self, now: Moment) {
        self.last_activity = now;
        self.is_inactive = false;
    }

    fn watch_activity(&mut self, now: Moment) {
        if !self.negotiated.direction.receives() {
            self.last_activity = now;
        } else if !self.is_inactive && now.since(self.last_activity) >= self.inactivity {
            self.is_inactive = true;
            self.events.push(SessionEvent::Inactive);
        }
    }
}
