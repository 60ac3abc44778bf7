//! A session and its sockets, as the media clock drives them.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

use ringway_media::{Frame, MediaSession, Negotiated, SessionStats};
use ringway_model::Moment;

use crate::clock::{self, StampClock};
use crate::line::{Line, Watch};
use crate::ports::Lease;
use crate::session::{EventSink, Opening, Order, SoundSink};
use crate::sockets::{Arena, PacketSocket};
use crate::stats::Stats;

/// After so many ticks without a packet (half a second) the other side counts as silent.
const RTP_PATIENCE_TICKS: u32 = 25;
/// Reports come every few seconds, so after one the next is far.
const RTCP_PATIENCE_TICKS: u32 = 0;
/// Most packets that are read for a bridge between two ticks; what is more stays in the kernel.
const RELAY_BUDGET: usize = 32;

pub(crate) struct Live {
    pub(crate) id: u64,
    /// The slot in which it ticks.
    pub(crate) phase: usize,
    /// The other leg of its bridge.
    pub(crate) bridge: Option<Bridge>,
    media: MediaSession,
    rtp: Line,
    /// None while RTCP shares the RTP port.
    rtcp: Option<Line>,
    local: IpAddr,
    lease: Lease,
    relay_budget: usize,
    events: EventSink,
    sound: Option<SoundSink>,
}

/// One leg's view of a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bridge {
    /// Where the other leg is among the sessions.
    pub(crate) other: usize,
    /// Whether the other leg hears this one.
    pub(crate) gives: bool,
}

impl Live {
    pub(crate) fn new(id: u64, phase: usize, opening: Opening, now: Moment, watch: &Watch) -> Self {
        let Opening { ports, config, events } = opening;
        let rtcp_mux = config.negotiated.rtcp_mux;
        Self {
            id,
            phase,
            bridge: None,
            media: MediaSession::new(config, now),
            rtp: Line::new(ports.rtp, rtp_name(id), RTP_PATIENCE_TICKS, watch),
            rtcp: (!rtcp_mux).then(|| Line::new(ports.rtcp, rtcp_name(id), RTCP_PATIENCE_TICKS, watch)),
            local: ports.local,
            lease: ports.lease,
            relay_budget: RELAY_BUDGET,
            events,
            sound: None,
        }
    }

    pub(crate) fn carry_out(&mut self, order: Order, watch: &Watch) {
        match order {
            Order::Play { id, prompt, loops } => self.media.play(id, prompt, loops),
            Order::StopPlay => self.media.stop_play(),
            Order::SendDigits { id, digits } => self.media.send_digits(id, &digits),
            Order::Renegotiate(negotiated) => self.renegotiate(*negotiated, clock::monotonic(), watch),
            Order::Listen(sink) => {
                self.media.set_listening(true);
                self.sound = Some(sink);
            }
            Order::Statistics(reply) => reply(self.media.stats()),
            Order::Open(_) | Order::Bridge { .. } | Order::Unbridge | Order::Close(_) => {}
        }
    }

    /// The tick of a session that has no other leg, or whose other leg is `other`.
    pub(crate) fn tick(
        &mut self,
        other: Option<&mut Live>,
        now: Moment,
        stamps: &StampClock,
        watch: &Watch,
        arena: &mut Arena,
        stats: &Stats,
    ) {
        match other {
            Some(other) => {
                self.relay_budget = RELAY_BUDGET;
                if !self.rtp.is_watched() {
                    self.relay(other, stamps, arena, stats);
                }
                // After a stall of the machine its packets may wait unread: that is no silence.
                if !self.media.hears_other(now) {
                    other.relay(self, stamps, arena, stats);
                }
                self.receive_reports(stamps, watch, arena, stats);
                self.media.tick(now);
                self.hand_over_frame(now, other, stats);
            }
            None => {
                self.receive(stamps, watch, arena, stats);
                self.receive_reports(stamps, watch, arena, stats);
                self.media.tick(now);
                if let Some(heard) = self.media.take_heard() {
                    hear(&mut self.sound, heard);
                }
            }
        }
        self.send(stats);
        self.tell();
    }

    /// One of its sockets, that was watched, has packets.
    pub(crate) fn wake(
        &mut self,
        name: u64,
        other: Option<&mut Live>,
        stamps: &StampClock,
        arena: &mut Arena,
        stats: &Stats,
    ) {
        match (name == rtp_name(self.id), other) {
            (true, Some(other)) => self.relay(other, stamps, arena, stats),
            (true, None) => self.rtp.wake(),
            (false, _) => {
                if let Some(rtcp) = &mut self.rtcp {
                    rtcp.wake();
                }
            }
        }
    }

    pub(crate) fn begin_relay(&mut self, bridge: Bridge, watch: &Watch) {
        self.bridge = Some(bridge);
        self.rtp.begin_relay(watch);
    }

    /// The bridge is gone.
    pub(crate) fn end_relay(&mut self, watch: &Watch) {
        self.bridge = None;
        self.rtp.end_relay(watch);
        self.media.end_relay(clock::monotonic());
        self.media.set_listening(self.sound.is_some());
    }

    /// This leg does not hear the other one any more, while the bridge stays.
    pub(crate) fn fall_silent(&mut self) {
        self.media.end_relay(clock::monotonic());
    }

    /// The last packets, and the last figures.
    pub(crate) fn close(&mut self, stats: &Stats) -> SessionStats {
        self.media.close(clock::monotonic());
        self.send(stats);
        self.media.stats()
    }

    /// Passes on what came since the last look.
    fn relay(&mut self, other: &mut Live, stamps: &StampClock, arena: &mut Arena, stats: &Stats) {
        if self.relay_budget == 0 {
            return;
        }
        let gives = self.bridge.is_some_and(|bridge| bridge.gives);
        let now = stamps.monotonic();
        let media = &mut self.media;
        let count = self.rtp.receive_at_once(arena, |from, stamp, bytes| {
            let relayed = media.handle_rtp(stamps.moment(stamp), from, bytes);
            if let Some(relayed) = relayed.filter(|_| gives) {
                other.media.relay(now, &relayed);
            }
        });
        stats.packets_in.fetch_add(count as u64, Ordering::Relaxed);
        self.relay_budget = self.relay_budget.saturating_sub(count);
        other.send(stats);
        self.tell();
    }

    fn renegotiate(&mut self, negotiated: Negotiated, now: Moment, watch: &Watch) {
        if negotiated.rtcp_mux {
            self.rtcp = None;
        } else if self.rtcp.is_none() {
            // The port is still leased to us; without its socket the call goes on, only unreported.
            let address = SocketAddr::new(self.local, self.lease.port + 1);
            let socket = PacketSocket::bind(address).ok();
            let name = rtcp_name(self.id);
            self.rtcp = socket.map(|socket| Line::new(socket, name, RTCP_PATIENCE_TICKS, watch));
        }
        self.media.renegotiate(now, negotiated);
    }

    /// Where packets do not fit as they come, the other leg gets them out of the jitter buffer.
    fn hand_over_frame(&mut self, now: Moment, other: &mut Live, stats: &Stats) {
        let wanted = self.bridge.is_some_and(|bridge| bridge.gives) && other.media.wants_frames();
        if let Some(heard) = self.media.take_heard() {
            if wanted {
                other.media.relay_frame(now, heard);
                other.send(stats);
            }
            hear(&mut self.sound, heard);
        }
        self.media.set_listening(wanted || self.sound.is_some());
    }

    fn receive(&mut self, stamps: &StampClock, watch: &Watch, arena: &mut Arena, stats: &Stats) {
        let media = &mut self.media;
        let count = self.rtp.receive(watch, arena, |from, stamp, bytes| {
            media.handle_rtp(stamps.moment(stamp), from, bytes);
        });
        if count > 0 {
            stats.packets_in.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    fn receive_reports(&mut self, stamps: &StampClock, watch: &Watch, arena: &mut Arena, stats: &Stats) {
        let Some(rtcp) = &mut self.rtcp else { return };
        let media = &mut self.media;
        let count = rtcp.receive(watch, arena, |from, stamp, bytes| {
            media.handle_rtcp(stamps.moment(stamp), from, bytes);
        });
        if count > 0 {
            stats.packets_in.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    fn send(&mut self, stats: &Stats) {
        while let Some(outgoing) = self.media.poll_transmit() {
            let line = match &self.rtcp {
                Some(rtcp) if outgoing.rtcp => rtcp,
                _ => &self.rtp,
            };
            let count = match line.socket.send(outgoing.to, outgoing.bytes) {
                Ok(()) => &stats.packets_out,
                Err(_) => &stats.packets_unsent,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tell(&mut self) {
        while let Some(event) = self.media.poll_event() {
            (self.events)(event);
        }
    }
}

/// What the sockets of a session are called.
fn rtp_name(session: u64) -> u64 {
    session << 1
}

fn rtcp_name(session: u64) -> u64 {
    session << 1 | 1
}

/// The session of a socket.
pub(crate) fn session_of(name: u64) -> u64 {
    name >> 1
}

fn hear(sink: &mut Option<SoundSink>, frame: &Frame) {
    if let Some(sink) = sink {
        sink(frame);
    }
}
