//! Time as an argument. Core code never reads a clock: whoever calls it says what time it is.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use ::time::OffsetDateTime;
use ::time::format_description::BorrowedFormatItem;
use ::time::macros::format_description;

/// What the clocks say at one instant: the monotonic one for timers, the wall clock for dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Never goes back; timers count on it.
    pub monotonic: Moment,
    /// May jump; dates, nonces and expiry times of rows use it.
    pub unix: UnixTime,
}

/// A point on the monotonic clock, as time since an arbitrary start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The point `since_start` after the arbitrary start.
    pub const fn from_start(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after the arbitrary start this is.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, rhs: Duration) -> Moment {
        Moment(self.0.saturating_add(rhs))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, rhs: Duration) -> Moment {
        Moment(self.0.saturating_sub(rhs))
    }
}

/// A wall-clock time in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(i64);

const RFC_2822: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] +0000"
);
const ISO_8601: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const SIP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

impl UnixTime {
    /// From milliseconds since 1970.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// From whole seconds since 1970.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `Mon, 20 Jul 2015 17:27:10 +0000`: dates of the 2010 API and of callbacks.
    pub fn rfc2822(self) -> String {
        self.format(RFC_2822)
    }

    /// `2020-03-18T23:31:36Z`: dates of voice/v1.
    pub fn iso8601(self) -> String {
        self.format(ISO_8601)
    }

    /// `Mon, 20 Jul 2015 17:27:10 GMT`: the Date header of SIP (RFC 3261 20.17) and HTTP.
    pub fn sip_date(self) -> String {
        self.format(SIP_DATE)
    }

    fn format(self, description: &[BorrowedFormatItem<'_>]) -> String {
        let time = OffsetDateTime::from_unix_timestamp(self.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        time.format(description).unwrap_or_default()
    }
}

impl Add<Duration> for UnixTime {
    type Output = UnixTime;
    fn add(self, rhs: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_interfaces_expect() {
        let time = UnixTime::from_secs(1_437_413_230);
        assert_eq!(time.rfc2822(), "Mon, 20 Jul 2015 17:27:10 +0000");
        assert_eq!(time.iso8601(), "2015-07-20T17:27:10Z");
        assert_eq!(time.sip_date(), "Mon, 20 Jul 2015 17:27:10 GMT");
    }

    #[test]
    fn a_moment_never_goes_below_the_start() {
        assert_eq!(Moment::default() - Duration::from_secs(1), Moment::default());
        assert_eq!(Moment::default().since(Moment::from_start(Duration::from_secs(1))), Duration::ZERO);
    }
}
