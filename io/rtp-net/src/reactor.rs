//! The media clock: one thread, slots of one millisecond, each session in one of twenty phases. In its slot a
//! session reads what came since its last tick, moves on by 20 ms and sends. Nothing is read in between:
//! sound that arrives waits for the next tick anyway, and the kernel's stamps keep its arrival times true.
//! Orders wait for the next slot too: a thread that is woken a thousand times a second needs no other waking.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use ringway_media::{MediaSession, Negotiated};
use ringway_model::Moment;

use crate::clock::{self, StampClock};
use crate::line::{Line, Watch};
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
/// After so many ticks without a packet (half a second) the other side counts as silent.
const RTP_PATIENCE_TICKS: u32 = 25;
/// Reports come every few seconds, so after one the next is far.
const RTCP_PATIENCE_TICKS: u32 = 0;
/// Slots between two tellings of the counters.
const PUBLISH_SLOTS: u64 = 500;

/// Starts the thread; it ends when every sender of orders is gone.
pub(crate) fn start(orders: Receiver<Command>, stats: Arc<Stats>) -> io::Result<()> {
    let watch = Watch::new()?;
    let builder = thread::Builder::new().name("ringway-rtp".to_owned());
    builder.spawn(move || {
        let _guard = AbortOnPanic;
        Reactor::new(orders, watch, stats).run();
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
    watch: Watch,
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
    rtp: Line,
    /// None while RTCP shares the RTP port.
    rtcp: Option<Line>,
    local: std::net::IpAddr,
    lease: Lease,
    events: EventSink,
    sound: Option<SoundSink>,
}

impl Reactor {
    fn new(orders: Receiver<Command>, watch: Watch, stats: Arc<Stats>) -> Self {
        Self {
            orders,
            watch,
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

    /// Waits for the next slot, without sessions for the next order, and carries out the orders that came.
    /// False when nobody can give any more.
    fn take_orders(&mut self) -> bool {
        if self.places.is_empty() {
            match self.orders.recv() {
                Ok(command) => self.carry_out(command),
                Err(_) => return false,
            }
        } else {
            thread::sleep(self.next_slot.since(clock::monotonic()));
        }
        for _ in 0..ORDERS_PER_SLOT {
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
        let Some(live) = find(&self.places, &mut self.phases, session) else { return };
        match order {
            Order::Renegotiate(negotiated) => live.renegotiate(*negotiated, clock::monotonic(), &self.watch),
            order => live.carry_out(order),
        }
    }

    fn open(&mut self, id: u64, opening: Opening) {
        let now = clock::monotonic();
        if self.places.is_empty() {
            self.next_slot = now;
        }
        let fewest = (0..PHASES).min_by_key(|phase| self.phases[*phase].len()).unwrap_or(0);
        self.phases[fewest].push(Live::new(id, opening, now, &self.watch));
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
        self.wake();
        let stamps = StampClock::read();
        let mut now = stamps.monotonic();
        for live in &mut self.phases[(self.slot % PHASES as u64) as usize] {
            live.tick(now, &stamps, &self.watch, &mut self.arena, &self.stats);
            now = clock::monotonic();
            self.stats.lateness.record(now.since(due));
        }
        self.slot += 1;
        self.next_slot = due + SLOT;
        if self.slot.is_multiple_of(PUBLISH_SLOTS) {
            self.stats.publish();
        }
    }

    /// Sockets that were silent and have packets now are read from the next tick of their session on.
    fn wake(&mut self) {
        let (places, phases) = (&self.places, &mut self.phases);
        self.watch.woken(|name| {
            if let Some(live) = find(places, phases, session_of(name)) {
                live.wake(name);
            }
        });
    }
}

fn find<'a>(
    places: &HashMap<u64, usize>,
    phases: &'a mut [Vec<Live>; PHASES],
    session: u64,
) -> Option<&'a mut Live> {
    let phase = phases.get_mut(*places.get(&session)?)?;
    phase.iter_mut().find(|live| live.id == session)
}

/// What the sockets of a session are called.
fn rtp_name(session: u64) -> u64 {
    session << 1
}

fn rtcp_name(session: u64) -> u64 {
    session << 1 | 1
}

fn session_of(name: u64) -> u64 {
    name >> 1
}

impl Live {
    fn new(id: u64, opening: Opening, now: Moment, watch: &Watch) -> Self {
        let Opening { ports, config, events } = opening;
        let rtcp_mux = config.negotiated.rtcp_mux;
        Self {
            id,
            media: MediaSession::new(config, now),
            rtp: Line::new(ports.rtp, rtp_name(id), RTP_PATIENCE_TICKS, watch),
            rtcp: (!rtcp_mux).then(|| Line::new(ports.rtcp, rtcp_name(id), RTCP_PATIENCE_TICKS, watch)),
            local: ports.local,
            lease: ports.lease,
            events,
            sound: None,
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Play { id, prompt, loops } => self.media.play(id, prompt, loops),
            Order::StopPlay => self.media.stop_play(),
            Order::SendDigits { id, digits } => self.media.send_digits(id, &digits),
            Order::Listen(sink) => {
                self.media.set_listening(true);
                self.sound = Some(sink);
            }
            Order::Statistics(reply) => reply(self.media.stats()),
            Order::Open(_) | Order::Renegotiate(_) | Order::Close(_) => {}
        }
    }

    fn renegotiate(&mut self, negotiated: Negotiated, now: Moment, watch: &Watch) {
        if negotiated.rtcp_mux {
            self.rtcp = None;
        } else if self.rtcp.is_none() {
            // The port is still leased to us; without its socket the call goes on, only unreported.
            let address = std::net::SocketAddr::new(self.local, self.lease.port + 1);
            let socket = PacketSocket::bind(address).ok();
            let name = rtcp_name(self.id);
            self.rtcp = socket.map(|socket| Line::new(socket, name, RTCP_PATIENCE_TICKS, watch));
        }
        self.media.renegotiate(now, negotiated);
    }

    fn wake(&mut self, name: u64) {
        let lines = [Some(&mut self.rtp), self.rtcp.as_mut()];
        if let Some(line) = lines.into_iter().flatten().find(|line| line.name() == name) {
            line.wake();
        }
    }

    fn tick(&mut self, now: Moment, stamps: &StampClock, watch: &Watch, arena: &mut Arena, stats: &Stats) {
        self.receive(stamps, watch, arena, stats);
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
    }

    fn receive(&mut self, stamps: &StampClock, watch: &Watch, arena: &mut Arena, stats: &Stats) {
        let media = &mut self.media;
        let mut count = self.rtp.receive(watch, arena, |from, stamp, bytes| {
            media.handle_rtp(stamps.moment(stamp), from, bytes);
        });
        if let Some(rtcp) = &mut self.rtcp {
            count += rtcp.receive(watch, arena, |from, stamp, bytes| {
                media.handle_rtcp(stamps.moment(stamp), from, bytes);
            });
        }
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
}
