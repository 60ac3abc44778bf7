//! The client transaction of all other requests (RFC 3261 17.1.2).

use ringway_model::Moment;

use super::Fired;
use super::timers::{Due, Schedule, TimerValues};

/// Repeats a request until its final response.
#[derive(Debug)]
pub(crate) struct RequestClient {
    completed: bool,
    reliable: bool,
    schedule: Schedule,
}

impl RequestClient {
    /// Timer E repeats over a lossy transport, timer F gives up.
    pub(crate) fn new(now: Moment, reliable: bool, values: &TimerValues) -> Self {
        let mut schedule = Schedule::default();
        if !reliable {
            schedule.start_repeating(now, values.t1, values.t2);
        }
        schedule.expire_at(now + values.patience());
        Self { completed: false, reliable, schedule }
    }

    /// True until the final response.
    pub(crate) fn is_open(&self) -> bool {
        !self.completed
    }

    /// Takes a response; true when it is the final one, seen for the first time.
    pub(crate) fn response(&mut self, now: Moment, status: u16, values: &TimerValues) -> bool {
        if self.completed {
            return false;
        }
        if status < 200 {
            self.schedule.slow_down(values.t2);
            return false;
        }
        self.completed = true;
        self.schedule.stop();
        self.schedule.expire_at(now + values.network_wait(self.reliable));
        true
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    pub(crate) fn timeout(&mut self, now: Moment) -> Fired {
        match self.schedule.take_due(now) {
            Some(Due::Repeat) => Fired::Repeat,
            Some(Due::Expired) if self.completed => Fired::Ended,
            Some(Due::Expired) => Fired::TimedOut,
            None => Fired::Nothing,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::test_values as values;
    use super::*;
    use std::time::Duration;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_start(Duration::from_millis(milliseconds))
    }

    fn repeats_until_timeout(transaction: &mut RequestClient) -> Vec<u128> {
        let mut repeats = Vec::new();
        loop {
            let now = transaction.next_timeout().unwrap();
            match transaction.timeout(now) {
                Fired::Repeat => repeats.push(now.since_start().as_millis()),
                Fired::TimedOut => {
                    assert_eq!(now, at(32_000));
                    return repeats;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn rfc3261_17_1_2_2_timer_e_doubles_up_to_t2_and_timer_f_gives_up() {
        let mut transaction = RequestClient::new(at(0), false, &values());
        let repeats = repeats_until_timeout(&mut transaction);
        assert_eq!(repeats, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    }

    #[test]
    fn rfc3261_17_1_2_2_after_a_provisional_it_repeats_every_t2() {
        let mut transaction = RequestClient::new(at(0), false, &values());
        assert!(!transaction.response(at(100), 100, &values()));
        assert_eq!(repeats_until_timeout(&mut transaction)[..3], [500, 4500, 8500]);
    }

    #[test]
    fn rfc3261_17_1_2_2_timer_k_absorbs_repeated_answers() {
        for (reliable, end) in [(false, at(5_010)), (true, at(10))] {
            let mut transaction = RequestClient::new(at(0), reliable, &values());
            assert!(transaction.response(at(10), 200, &values()));
            assert!(!transaction.response(at(10), 200, &values()));
            assert_eq!(transaction.timeout(end), Fired::Ended);
        }
    }
}
