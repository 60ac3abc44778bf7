//! How late packets are, and how much delay is needed to have nearly all of them in time.

use std::time::Duration;

use ringway_model::Moment;

use super::{FRAME, SAMPLES_PER_MS};

/// The lateness is counted in steps of 5 ms; the last one holds everything beyond.
const STEP: i64 = 5 * SAMPLES_PER_MS;
const STEPS: usize = 48;
/// Packets beyond this share of all may be late.
const IN_TIME: f32 = 0.985;
/// A packet's weight once many have come: the memory is some ten seconds.
const WEIGHT_MIN: f32 = 1.0 / 512.0;
const TARGET_MIN: i64 = 20 * SAMPLES_PER_MS;
const TARGET_MAX: i64 = 200 * SAMPLES_PER_MS;
const TARGET_FIRST: i64 = 40 * SAMPLES_PER_MS;
/// The target is looked at once in so many packets.
const REVIEW_PACKETS: u32 = 8;
/// The fastest way seen is remembered for one to two of these, so that clocks may drift.
const BASE_PERIOD: Duration = Duration::from_secs(5);

/// Learns from arrivals.
#[derive(Debug)]
pub(super) struct DelayEstimate {
    /// Smallest arrival less timestamp in this period and in the one before.
    base: i64,
    base_before: i64,
    base_until: Moment,
    /// Share of packets by lateness.
    shares: [f32; STEPS],
    packets: u32,
    target: i64,
}

impl DelayEstimate {
    pub(super) fn new(now: Moment, start: i64) -> Self {
        let transit = samples_since_start(now) - start;
        Self {
            base: transit,
            base_before: transit,
            base_until: now + BASE_PERIOD,
            shares: [0.0; STEPS],
            packets: 0,
            target: TARGET_FIRST,
        }
    }

    /// What the sender's clock shows now, if the fastest packets needed no time.
    pub(super) fn since_base(&self, now: Moment) -> i64 {
        samples_since_start(now) - self.base.min(self.base_before)
    }

    /// The delay that keeps nearly all packets in time, in samples.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// Whether the target comes from packets seen.
    pub(super) fn is_learned(&self) -> bool {
        self.packets >= REVIEW_PACKETS
    }

    /// A packet that starts at `start`; frames begin at `grid` and whole frames from it. A packet is needed
    /// when the frame with its first sample is played, and that may begin before it.
    pub(super) fn record(&mut self, now: Moment, start: i64, grid: i64) {
        let transit = samples_since_start(now) - start;
        if now >= self.base_until {
            self.base_before = self.base;
            self.base = transit;
            self.base_until = now + BASE_PERIOD;
        }
        self.base = self.base.min(transit);
        let lateness = self.since_base(now) - start + (start - grid).rem_euclid(FRAME);
        self.learn(lateness);
    }

    fn learn(&mut self, lateness: i64) {
        // At 50 a second the count lasts for years.
        self.packets = self.packets.saturating_add(1);
        let weight = (1.0 / self.packets as f32).max(WEIGHT_MIN);
        let step = usize::try_from(lateness / STEP).unwrap_or(0).min(STEPS - 1);
        for share in &mut self.shares {
            *share *= 1.0 - weight;
        }
        self.shares[step] += weight;
        if self.packets.is_multiple_of(REVIEW_PACKETS) {
            self.target = self.enough();
        }
    }

    fn enough(&self) -> i64 {
        let mut sum = 0.0;
        let step = self.shares.iter().position(|share| {
            sum += share;
            sum >= IN_TIME
        });
        let steps = step.unwrap_or(STEPS - 1) as i64 + 1;
        (steps * STEP).clamp(TARGET_MIN, TARGET_MAX)
    }
}

fn samples_since_start(now: Moment) -> i64 {
    let microseconds = now.since_start().as_micros() as i64;
    microseconds.saturating_mul(SAMPLES_PER_MS) / 1000
}
