//! Timers: what a transaction waits for, and the one queue of everything that waits.

use std::collections::BTreeMap;
use std::time::Duration;

use ringway_model::Moment;

/// The base values of all timers (RFC 3261 17.1.1.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimerValues {
    pub(crate) t1: Duration,
    pub(crate) t2: Duration,
    pub(crate) t4: Duration,
}

impl TimerValues {
    /// 64*T1: timers B, F, H, J, L and M, and the patience of a dialog.
    pub(crate) fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: at least 32 s over a lossy transport.
    pub(crate) fn response_wait(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.patience().max(Duration::from_secs(32)) }
    }

    /// Timers I and K: as long as a message may stay in a lossy network.
    pub(crate) fn network_wait(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t4 }
    }
}

/// What came due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send it again.
    Repeat,
    /// The wait is over.
    Expired,
}

/// The two things a transaction or an unacknowledged 2xx can wait for: the next repetition and the end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Schedule {
    repeat: Option<Repeat>,
    expiry: Option<Moment>,
}

#[derive(Debug, Clone, Copy)]
struct Repeat {
    at: Moment,
    interval: Duration,
    interval_max: Duration,
}

impl Schedule {
    /// Repeats after `interval`, then at doubled intervals up to `interval_max`.
    pub(crate) fn start_repeating(&mut self, now: Moment, interval: Duration, interval_max: Duration) {
        self.repeat = Some(Repeat { at: now + interval, interval, interval_max });
    }

    /// From the next repetition on, every `interval`.
    pub(crate) fn slow_down(&mut self, interval: Duration) {
        if let Some(repeat) = &mut self.repeat {
            repeat.interval = interval;
            repeat.interval_max = interval;
        }
    }

    /// No more repetitions; the expiry stays.
    pub(crate) fn stop_repeating(&mut self) {
        self.repeat = None;
    }

    pub(crate) fn expire_at(&mut self, at: Moment) {
        self.expiry = Some(at);
    }

    pub(crate) fn stop(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        earliest(self.repeat.map(|repeat| repeat.at), self.expiry)
    }

    /// What is due by `now`; the end goes before a repetition.
    pub(crate) fn take_due(&mut self, now: Moment) -> Option<Due> {
        if self.expiry.is_some_and(|at| at <= now) {
            self.stop();
            return Some(Due::Expired);
        }
        let repeat = self.repeat.as_mut().filter(|repeat| repeat.at <= now)?;
        repeat.interval = (repeat.interval * 2).min(repeat.interval_max);
        repeat.at = now + repeat.interval;
        Some(Due::Repeat)
    }
}

/// The earlier of two moments that may not exist.
pub(crate) fn earliest(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// One entry of the queue, for taking it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId {
    at: Moment,
    number: u64,
}

/// Everything that waits, in order; each entry says for whom.
#[derive(Debug)]
pub(crate) struct TimerQueue<R> {
    entries: BTreeMap<TimerId, R>,
    number: u64,
}

impl<R> TimerQueue<R> {
    pub(crate) fn new() -> Self {
        Self { entries: BTreeMap::new(), number: 0 }
    }

    /// Makes `slot` hold an entry for `at`, or none.
    pub(crate) fn reschedule(&mut self, slot: &mut Option<TimerId>, at: Option<Moment>, reason: R) {
        if slot.map(|id| id.at) == at {
            return;
        }
        if let Some(id) = slot.take() {
            self.entries.remove(&id);
        }
        if let Some(at) = at {
            self.number += 1;
            let id = TimerId { at, number: self.number };
            self.entries.insert(id, reason);
            *slot = Some(id);
        }
    }

    /// Takes an entry back.
    pub(crate) fn cancel(&mut self, slot: Option<TimerId>) {
        if let Some(id) = slot {
            self.entries.remove(&id);
        }
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.entries.first_key_value().map(|(id, _)| id.at)
    }

    /// The first entry that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<(TimerId, R)> {
        let entry = self.entries.first_entry().filter(|entry| entry.key().at <= now)?;
        Some(entry.remove_entry())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_start(Duration::from_millis(milliseconds))
    }

    #[test]
    fn repetitions_double_up_to_their_limit() {
        let mut schedule = Schedule::default();
        schedule.start_repeating(at(0), Duration::from_millis(500), Duration::from_secs(4));
        let mut sent_at = Vec::new();
        while sent_at.len() < 6 {
            let now = schedule.next().unwrap();
            assert_eq!(schedule.take_due(now), Some(Due::Repeat));
            sent_at.push(now.since_start().as_millis());
        }
        assert_eq!(sent_at, [500, 1500, 3500, 7500, 11500, 15500]);
    }

    #[test]
    fn the_queue_wakes_exactly_and_forgets_what_is_taken_back() {
        let mut queue = TimerQueue::new();
        let (mut early, mut late) = (None, None);
        queue.reschedule(&mut early, Some(at(10)), "early");
        queue.reschedule(&mut late, Some(at(20)), "late");
        queue.reschedule(&mut early, None, "early");
        assert_eq!(queue.next(), Some(at(20)));
        assert!(queue.pop_due(at(19)).is_none());
        assert_eq!(queue.pop_due(at(20)).map(|(_, reason)| reason), Some("late"));
        assert_eq!(queue.next(), None);
    }
}
