//! The media clock: one thread, slots of one millisecond, each session in one of twenty phases. In its slot a
//! session reads what came since its last tick, moves on by 20 ms and sends. Nothing is read in between:
//! sound that arrives waits for the next tick anyway, and the kernel's stamps keep its arrival times true.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use ringway_media::{MediaSession, Negotiated};
use ringway_model::Moment;

use crate::clock::{self, StampClock};
use crate::ports::Lease;
use crate::session::{Command, EventSink, Opening, Order, SoundSink};
use crate::sockets::{Arena, PacketSocket};
use crate::stats::{Stats, publish_session};

const SLOT: Duration = Duration::from_millis(1);
/// Slots between two ticks of a session.
const PHASES: usize = 20;
/// What the clock catches up with after the machine stood still; what is more is given up.
const CATCH_UP_SLOTS: u32 = 200;
/// Orders carried out between two slots.
const ORDERS_PER_SLOT: usize = 256;
/// Ticks between two looks at the RTCP socket: reports come every few seconds.
const RTCP_TICKS: u32 = 10;
/// After so many ticks without a packet (half a second) the other side counts as silent,
const SILENT_TICKS: u32 = 25;
/// and its sockets are read once in so many; a divisor of [`RTCP_TICKS`].
const SILENT_READ_TICKS: u32 = 5;
/// Slots between two tellings of the counters.
const PUBLISH_SLOTS: u64 = 500;

/// Starts the thread; it ends when every sender of orders is gone.
pub(crate) fn start(orders: Receiver<Command>, stats: Arc<Stats>) -> io::Result<()> {
    let builder = thread::Builder::new().name("ringway-rtp".to_owned());
    builder.spawn(move || {
        let _guard = AbortOnPanic;
        Reactor::new(orders, stats).run();
    })?;
    Ok(())
}

/// Every call would go silent without this thread, and no one could see why: the process ends at once.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the media thread panicked; the process ends");
            std::process::abort();
        }
    }
}

struct Reactor {
    orders: Receiver<Command>,
    stats: Arc<Stats>,
    arena: Arena,
    /// The sessions by the slot in which they tick.
    phases: [Vec<Live>; PHASES],
    /// The phase of each session.
    places: HashMap<u64, usize>,
    /// When the next slot begins.
    next_slot: Moment,
    /// Its number.
    slot: u64,
}

/// A session and its sockets.
struct Live {
    id: u64,
    media: MediaSession,
    rtp: PacketSocket,
    /// None while RTCP shares the RTP port.
    rtcp: Option<PacketSocket>,
    local: std::net::IpAddr,
    lease: Lease,
    ticks: u32,
    /// The tick in which the last packet came; the first one while none has.
    last_heard: u32,
    events: EventSink,
    sound: Option<SoundSink>,
}

impl Reactor {
    fn new(orders: Receiver<Command>, stats: Arc<Stats>) -> Self {
        Self {
            orders,
            stats,
            arena: Arena::new(),
            phases: std::array::from_fn(|_| Vec::new()),
            places: HashMap::new(),
            next_slot: Moment::default(),
            slot: 0,
        }
    }

    fn run(mut self) {
        while self.take_orders() {
            self.run_slots();
        }
    }

    /// Waits for the next slot and carries out the orders that come before it. False when nobody can give any
    /// more.
    fn take_orders(&mut self) -> bool {
        let first = if self.places.is_empty() {
            match self.orders.recv() {
                Ok(command) => Some(command),
                Err(_) => return false,
            }
        } else {
            match self.orders.recv_timeout(self.next_slot.since(clock::monotonic())) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        };
        let Some(first) = first else { return true };
        self.carry_out(first);
        for _ in 1..ORDERS_PER_SLOT {
            match self.orders.try_recv() {
                Ok(command) => self.carry_out(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    fn carry_out(&mut self, Command { session, order }: Command) {
        if let Order::Open(opening) = order {
            return self.open(session, *opening);
        }
        if let Order::Close(reply) = order {
            let stats = self.close(session);
            if let (Some(stats), Some(reply)) = (stats, reply) {
                reply(stats);
            }
            return;
        }
        let Some(phase) = self.places.get(&session).and_then(|phase| self.phases.get_mut(*phase)) else {
            return;
        };
        if let Some(live) = phase.iter_mut().find(|live| live.id == session) {
            live.carry_out(order);
        }
    }

    fn open(&mut self, id: u64, opening: Opening) {
        let now = clock::monotonic();
        if self.places.is_empty() {
            self.next_slot = now;
        }
        let fewest = (0..PHASES).min_by_key(|phase| self.phases[*phase].len()).unwrap_or(0);
        self.phases[fewest].push(Live::new(id, opening, now));
        self.places.insert(id, fewest);
        self.stats.sessions.store(self.places.len() as u64, Ordering::Relaxed);
        if self.places.len() == 1 {
            // The first tick of the only session is due at once.
            self.slot = fewest as u64;
        }
    }

    fn close(&mut self, id: u64) -> Option<ringway_media::SessionStats> {
        let phase = self.phases.get_mut(self.places.remove(&id)?)?;
        let position = phase.iter().position(|live| live.id == id)?;
        let mut live = phase.swap_remove(position);
        live.media.close(clock::monotonic());
        live.send(&self.stats);
        self.stats.sessions.store(self.places.len() as u64, Ordering::Relaxed);
        let stats = live.media.stats();
        publish_session(&stats);
        if self.places.is_empty() {
            self.stats.publish();
        }
        Some(stats)
    }

    /// Runs every slot that is due.
    fn run_slots(&mut self) {
        let behind = clock::monotonic().since(self.next_slot).as_millis();
        if behind > u128::from(CATCH_UP_SLOTS) {
            let skipped = u64::try_from(behind).unwrap_or(u64::MAX) - u64::from(CATCH_UP_SLOTS);
            tracing::warn!(skipped_ms = skipped, "the media clock stood still");
            self.stats.slots_skipped.fetch_add(skipped, Ordering::Relaxed);
            self.next_slot = self.next_slot + Duration::from_millis(skipped);
        }
        while !self.places.is_empty() && self.next_slot <= clock::monotonic() {
            self.run_slot();
        }
    }

    fn run_slot(&mut self) {
        let due = self.next_slot;
        let stamps = StampClock::read();
        let phase = &mut self.phases[(self.slot % PHASES as u64) as usize];
        for live in phase {
            live.tick(clock::monotonic(), &stamps, &mut self.arena, &self.stats);
            self.stats.lateness.record(clock::monotonic().since(due));
        }
        self.slot += 1;
        self.next_slot = due + SLOT;
        if self.slot.is_multiple_of(PUBLISH_SLOTS) {
            self.stats.publish();
        }
    }
}

impl Live {
    fn new(id: u64, opening: Opening, now: Moment) -> Self {
        let Opening { ports, config, events } = opening;
        let rtcp_mux = config.negotiated.rtcp_mux;
        Self {
            id,
            media: MediaSession::new(config, now),
            rtp: ports.rtp,
            rtcp: (!rtcp_mux).then_some(ports.rtcp),
            local: ports.local,
            lease: ports.lease,
            ticks: 0,
            last_heard: 0,
            events,
            sound: None,
        }
    }

    fn carry_out(&mut self, order: Order) {
        let now = clock::monotonic();
        match order {
            Order::Play { id, prompt, loops } => self.media.play(id, prompt, loops),
            Order::StopPlay => self.media.stop_play(),
            Order::SendDigits { id, digits } => self.media.send_digits(id, &digits),
            Order::Renegotiate(negotiated) => self.renegotiate(*negotiated, now),
            Order::Listen(sink) => {
                self.media.set_listening(true);
                self.sound = Some(sink);
            }
            Order::Statistics(reply) => reply(self.media.stats()),
            Order::Open(_) | Order::Close(_) => {}
        }
    }

    fn renegotiate(&mut self, negotiated: Negotiated, now: Moment) {
        if negotiated.rtcp_mux {
            self.rtcp = None;
        } else if self.rtcp.is_none() {
            // The port is still leased to us; without its socket the call goes on, only unreported.
            let address = std::net::SocketAddr::new(self.local, self.lease.port + 1);
            self.rtcp = PacketSocket::bind(address).ok();
        }
        self.media.renegotiate(now, negotiated);
    }

    fn tick(&mut self, now: Moment, stamps: &StampClock, arena: &mut Arena, stats: &Stats) {
        self.receive(stamps, arena, stats);
        self.media.tick(now);
        self.send(stats);
        if let Some(sink) = &mut self.sound
            && let Some(heard) = self.media.take_heard()
        {
            sink(heard);
        }
        while let Some(event) = self.media.poll_event() {
            (self.events)(event);
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    fn receive(&mut self, stamps: &StampClock, arena: &mut Arena, stats: &Stats) {
        if !self.is_due() {
            return;
        }
        let media = &mut self.media;
        let mut count = self.rtp.receive(arena, |from, stamp, bytes| {
            media.handle_rtp(stamps.moment(stamp), from, bytes);
        });
        if self.ticks.is_multiple_of(RTCP_TICKS)
            && let Some(rtcp) = &self.rtcp
        {
            count += rtcp.receive(arena, |from, stamp, bytes| {
                media.handle_rtcp(stamps.moment(stamp), from, bytes);
            });
        }
        if count > 0 {
            self.last_heard = self.ticks;
            stats.packets_in.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Whether the sockets are read in this tick: always while packets come or somebody listens, less often
    /// once the other side has fallen silent. The kernel keeps the packets, and when they came.
    fn is_due(&self) -> bool {
        let is_silent = self.ticks.wrapping_sub(self.last_heard) > SILENT_TICKS;
        !is_silent || self.sound.is_some() || self.ticks.is_multiple_of(SILENT_READ_TICKS)
    }

    fn send(&mut self, stats: &Stats) {
        while let Some(outgoing) = self.media.poll_transmit() {
            let socket = match &self.rtcp {
                Some(rtcp) if outgoing.rtcp => rtcp,
                _ => &self.rtp,
            };
            let count = match socket.send(outgoing.to, outgoing.bytes) {
                Ok(()) => &stats.packets_out,
                Err(_) => &stats.packets_unsent,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
