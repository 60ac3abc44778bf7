//! The media clock: one thread, slots of one millisecond, each session in one of twenty phases. In its slot a
//! session reads what came since its last tick, moves on by 20 ms and sends. Nothing is read in between:
//! sound that arrives waits for the next tick anyway, and the kernel's stamps keep its arrival times true.
//!
//! Only the legs of a bridge are read in every slot: what arrives on one goes out on the other at once.
//! Orders wait for the next slot too: a thread that is woken a thousand times a second needs no other waking.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use ringway_media::SessionStats;
use ringway_model::Moment;

use crate::clock::{self, StampClock};
use crate::line::Watch;
use crate::live::{Bridge, Live, session_of};
use crate::session::{Command, Opening, Order, Ways};
use crate::sessions::Sessions;
use crate::sockets::Arena;
use crate::stats::{Stats, publish_session};
use crate::turns;

const SLOT: Duration = Duration::from_millis(1);
/// Slots between two ticks of a session.
const PHASES: usize = 20;
/// What the clock catches up with after the machine stood still; what is more is given up.
const CATCH_UP_SLOTS: u32 = 200;
/// Orders carried out between two slots.
const ORDERS_PER_SLOT: usize = 256;
/// Slots between two tellings of the counters.
const PUBLISH_SLOTS: u64 = 500;

/// Starts the thread; it ends when every sender of orders is gone.
pub(crate) fn start(orders: Receiver<Command>, stats: Arc<Stats>) -> io::Result<()> {
    let watch = Watch::new()?;
    let builder = thread::Builder::new().name("ringway-rtp".to_owned());
    builder.spawn(move || {
        let _guard = AbortOnPanic;
        if let Err(error) = turns::wait_for_turns() {
            tracing::debug!(%error, "the media thread and others interrupt each other");
        }
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
    sessions: Sessions,
    /// Where the sessions are, by the slot in which they tick.
    phases: [Vec<usize>; PHASES],
    /// When the next slot begins.
    next_slot: Moment,
    /// Its number.
    slot: u64,
}

impl Reactor {
    fn new(orders: Receiver<Command>, watch: Watch, stats: Arc<Stats>) -> Self {
        Self {
            orders,
            watch,
            stats,
            arena: Arena::new(),
            sessions: Sessions::default(),
            phases: std::array::from_fn(|_| Vec::new()),
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
        if self.sessions.is_empty() {
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
        match order {
            Order::Open(opening) => self.open(session, *opening),
            Order::Close(reply) => {
                let stats = self.close(session);
                if let (Some(stats), Some(reply)) = (stats, reply) {
                    reply(stats);
                }
            }
            Order::Bridge { other, ways } => self.bridge(session, other, ways),
            Order::Unbridge => {
                if let Some(place) = self.sessions.place(session) {
                    self.unbridge(place);
                }
            }
            order => {
                if let Some(live) = self.sessions.place(session).and_then(|place| self.sessions.at(place)) {
                    live.carry_out(order, &self.watch);
                }
            }
        }
    }

    fn open(&mut self, id: u64, opening: Opening) {
        let now = clock::monotonic();
        if self.sessions.is_empty() {
            self.next_slot = now;
        }
        let fewest = (0..PHASES).min_by_key(|phase| self.phases[*phase].len()).unwrap_or(0);
        let place = self.sessions.add(Live::new(id, fewest, opening, now, &self.watch));
        self.phases[fewest].push(place);
        self.stats.sessions.store(self.sessions.len() as u64, Ordering::Relaxed);
        if self.sessions.len() == 1 {
            // The first tick of the only session is due at once.
            self.slot = fewest as u64;
        }
    }

    fn close(&mut self, id: u64) -> Option<SessionStats> {
        let place = self.sessions.place(id)?;
        self.unbridge(place);
        let mut live = self.sessions.remove(place)?;
        self.phases[live.phase].retain(|other| *other != place);
        let stats = live.close(&self.stats);
        self.stats.sessions.store(self.sessions.len() as u64, Ordering::Relaxed);
        publish_session(&stats);
        if self.sessions.is_empty() {
            self.stats.publish();
        }
        Some(stats)
    }

    fn bridge(&mut self, first: u64, second: u64, ways: Ways) {
        let places = (self.sessions.place(first), self.sessions.place(second));
        let (Some(first), Some(second)) = places else { return };
        let gives = (ways != Ways::ToFirst, ways != Ways::ToSecond);
        if first == second {
            return;
        }
        for (place, hears) in [(first, gives.1), (second, gives.0)] {
            if let Some(live) = self.sessions.at(place).filter(|_| hears) {
                live.carry_out(Order::StopPlay, &self.watch);
            }
        }
        if self.change_ways(first, second, gives) {
            return;
        }
        for place in [first, second] {
            self.unbridge(place);
        }
        for (place, other, gives) in [(first, second, gives.0), (second, first, gives.1)] {
            if let Some(live) = self.sessions.at(place) {
                live.begin_relay(Bridge { other, gives }, &self.watch);
            }
        }
    }

    /// Changes who hears whom in a bridge that is there already; false when there is none.
    fn change_ways(&mut self, first: usize, second: usize, gives: (bool, bool)) -> bool {
        let Some((first_leg, Some(second_leg))) = self.sessions.with_other(first) else { return false };
        let (Some(one), Some(other)) = (&mut first_leg.bridge, &mut second_leg.bridge) else { return false };
        if one.other != second {
            return false;
        }
        let before = (one.gives, other.gives);
        (one.gives, other.gives) = gives;
        if before.0 && !gives.0 {
            second_leg.fall_silent();
        }
        if before.1 && !gives.1 {
            first_leg.fall_silent();
        }
        true
    }

    /// Takes the bridge of the session there apart, if it has one.
    fn unbridge(&mut self, place: usize) {
        if let Some((live, Some(other))) = self.sessions.with_other(place) {
            for leg in [live, other] {
                leg.end_relay(&self.watch);
            }
        }
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
        while !self.sessions.is_empty() && self.next_slot <= clock::monotonic() {
            self.run_slot();
        }
    }

    fn run_slot(&mut self) {
        let due = self.next_slot;
        let stamps = StampClock::read();
        self.wake(&stamps);
        let mut now = stamps.monotonic();
        for place in &self.phases[(self.slot % PHASES as u64) as usize] {
            if let Some((live, other)) = self.sessions.with_other(*place) {
                live.tick(other, now, &stamps, &self.watch, &mut self.arena, &self.stats);
                now = clock::monotonic();
                self.stats.lateness.record(now.since(due));
            }
        }
        self.slot += 1;
        self.next_slot = due + SLOT;
        if self.slot.is_multiple_of(PUBLISH_SLOTS) {
            self.stats.publish();
        }
    }

    /// Passes on what came for bridges. Other sockets that were silent and have packets now are read from the next
    /// tick of their session on.
    fn wake(&mut self, stamps: &StampClock) {
        let (sessions, arena, stats) = (&mut self.sessions, &mut self.arena, &self.stats);
        self.watch.woken(|name| {
            let place = sessions.place(session_of(name));
            if let Some((live, other)) = place.and_then(|place| sessions.with_other(place)) {
                live.wake(name, other, stamps, arena, stats);
            }
        });
    }
}
