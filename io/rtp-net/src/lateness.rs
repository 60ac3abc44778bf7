//! How late the media clock runs: a histogram that costs one addition a tick.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in microseconds; one more bucket holds the rest.
const BOUNDS_US: [u64; 15] =
    [50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 20_000, 50_000];

/// Counts of ticks by how late they ended after their slot began.
#[derive(Debug, Default)]
pub(crate) struct LatenessMeter {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
}

impl LatenessMeter {
    pub(crate) fn record(&self, late: Duration) {
        let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < late_us);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> Lateness {
        Lateness { buckets: std::array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed)) }
    }
}

/// How late ticks of sessions ended, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lateness {
    buckets: [u64; BOUNDS_US.len() + 1],
}

impl Lateness {
    /// The lateness that `percent` of all ticks did not exceed, rounded up to the bound of its bucket; zero
    /// without ticks.
    pub fn percentile(&self, percent: f64) -> Duration {
        let wanted = (self.ticks() as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        for (count, bound_us) in self.buckets.iter().zip(BOUNDS_US.iter().chain([&u64::MAX])) {
            seen += count;
            if seen >= wanted && seen > 0 {
                return Duration::from_micros(*bound_us);
            }
        }
        Duration::ZERO
    }

    /// How many ticks there were.
    pub fn ticks(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What was added since `earlier`.
    pub fn since(&self, earlier: &Lateness) -> Lateness {
        let added = |index: usize| self.buckets[index].saturating_sub(earlier.buckets[index]);
        Lateness { buckets: std::array::from_fn(added) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_bounds_of_buckets() {
        let meter = LatenessMeter::default();
        for _ in 0..99 {
            meter.record(Duration::from_micros(40));
        }
        meter.record(Duration::from_millis(4));
        let lateness = meter.snapshot();
        assert_eq!(lateness.percentile(99.0), Duration::from_micros(50));
        assert_eq!(lateness.percentile(99.9), Duration::from_micros(5000));
        assert_eq!(lateness.since(&lateness).ticks(), 0);
        assert_eq!(Lateness::default().percentile(99.0), Duration::ZERO);
    }
}
