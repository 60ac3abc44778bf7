//! CLOCK_MONOTONIC as `Moment`: the same moments as everywhere else in the process.

use std::time::Duration;

use ringway_model::Moment;
use rustix::time::{ClockId, Timespec, clock_gettime};

pub(crate) fn monotonic() -> Moment {
    Moment::from_start(span(clock_gettime(ClockId::Monotonic)))
}

/// Turns the kernel's packet stamps, which follow the wall clock, into moments. Read it anew every slot: the
/// wall clock may be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StampClock {
    monotonic: Moment,
    wall: Duration,
}

/// A packet never looks older or younger than this: the wall clock was set, rather.
const SKEW_MAX: Duration = Duration::from_secs(5);

impl StampClock {
    pub(crate) fn read() -> Self {
        Self { monotonic: monotonic(), wall: span(clock_gettime(ClockId::Realtime)) }
    }

    /// When it was read.
    pub(crate) fn monotonic(&self) -> Moment {
        self.monotonic
    }

    pub(crate) fn moment(&self, stamp: Option<Duration>) -> Moment {
        let stamp = stamp.filter(|stamp| stamp.abs_diff(self.wall) < SKEW_MAX).unwrap_or(self.wall);
        match self.wall.checked_sub(stamp) {
            Some(age) => self.monotonic - age,
            None => self.monotonic + (stamp - self.wall),
        }
    }
}

fn span(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_moments_on_either_side_of_now() {
        let monotonic = Moment::from_start(Duration::from_secs(100));
        let clock = StampClock { monotonic, wall: Duration::from_secs(1_000_000) };
        let at = |milliseconds| clock.moment(Some(Duration::from_millis(milliseconds)));
        assert_eq!(at(999_999_980), monotonic - Duration::from_millis(20));
        assert_eq!(at(1_000_000_003), monotonic + Duration::from_millis(3));
        assert_eq!(at(5), monotonic, "the wall clock was set");
        assert_eq!(clock.moment(None), monotonic);
    }
}
