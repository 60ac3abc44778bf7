//! The clocks of this process: what `Now` and `Moment` mean wherever packets come in.

use std::time::Duration;

use ringway_model::{Moment, Now, UnixTime};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Both clocks at this instant.
pub fn now() -> Now {
    Now { monotonic: monotonic(), unix: wall() }
}

/// CLOCK_MONOTONIC. Its start is the machine's, so every part of the process means the same by a moment.
pub fn monotonic() -> Moment {
    Moment::from_start(span(clock_gettime(ClockId::Monotonic)))
}

/// CLOCK_REALTIME.
pub fn wall() -> UnixTime {
    let milliseconds = span(clock_gettime(ClockId::Realtime)).as_millis();
    UnixTime::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// CLOCK_REALTIME as the kernel stamps packets with it.
pub(crate) fn wall_span() -> Duration {
    span(clock_gettime(ClockId::Realtime))
}

fn span(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_never_goes_back() {
        let first = monotonic();
        assert!(monotonic() >= first);
        assert!(wall() > UnixTime::from_secs(1_600_000_000));
    }
}
