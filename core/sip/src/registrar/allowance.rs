//! How often one address-of-record may register.

use std::time::Duration;

use ringway_model::Moment;

/// So many requests in a row, and after them one each time that one has been earned again: a bucket that is
/// kept as the moment at which it will be full (RFC 3261 knows no such limit; contract, runtime.md 4.3).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Allowance {
    full: Moment,
}

impl Allowance {
    /// Takes one of `per_second`; false when there is none left.
    pub(super) fn take(&mut self, now: Moment, per_second: u32) -> bool {
        let price = Duration::from_secs(1) / per_second.max(1);
        let full = self.full.max(now) + price;
        let is_left = full <= now + price * per_second.max(1);
        if is_left {
            self.full = full;
        }
        is_left
    }

    /// Whether nothing was taken lately.
    pub(super) fn is_full(&self, now: Moment) -> bool {
        self.full <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_start(Duration::from_millis(10_000 + milliseconds))
    }

    #[test]
    fn five_at_once_and_then_one_each_fifth_of_a_second() {
        let mut allowance = Allowance::default();
        assert!((0..5).all(|_| allowance.take(at(0), 5)));
        assert!(!allowance.take(at(0), 5) && !allowance.take(at(199), 5));
        assert!(allowance.take(at(200), 5) && !allowance.take(at(200), 5));
        assert!(!allowance.is_full(at(1199)) && allowance.is_full(at(1200)));
        assert!((0..5).all(|_| allowance.take(at(1200), 5)) && !allowance.take(at(1200), 5));
    }

    #[test]
    fn any_rate_leaves_at_least_one() {
        for per_second in [0, 1, 3, 7, 1_000_000] {
            assert!(Allowance::default().take(at(0), per_second), "{per_second}");
        }
    }
}
