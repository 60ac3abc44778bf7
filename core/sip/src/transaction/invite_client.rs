//! The INVITE client transaction (RFC 3261 17.1.1, RFC 6026 7.2). Timer C is a proxy's and not here.

use ringway_model::Moment;

use super::Fired;
use super::timers::{Due, Schedule, TimerValues};

/// Repeats an INVITE until something answers, and acknowledges refusals.
#[derive(Debug)]
pub(crate) struct InviteClient {
    state: State,
    reliable: bool,
    schedule: Schedule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

/// What a response means to the INVITE client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InviteResponse {
    /// A 1xx for the user.
    Provisional,
    /// A 2xx, the first or a further one: the user acknowledges each.
    Success,
    /// The first refusal: acknowledge, and it is for the user.
    Refused,
    /// A repeated refusal: acknowledge again.
    RefusedAgain,
    /// Of no use any more.
    Ignored,
}

impl InviteClient {
    /// Timer A repeats over a lossy transport, timer B gives up.
    pub(crate) fn new(now: Moment, reliable: bool, values: &TimerValues) -> Self {
        let mut schedule = Schedule::default();
        if !reliable {
            schedule.start_repeating(now, values.t1, values.patience());
        }
        schedule.expire_at(now + values.patience());
        Self { state: State::Calling, reliable, schedule }
    }

    /// True once a 1xx came and until the final response: only then may a CANCEL go out (RFC 3261 9.1).
    pub(crate) fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// True until the final response.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    pub(crate) fn response(&mut self, now: Moment, status: u16, values: &TimerValues) -> InviteResponse {
        match (self.state, status) {
            (State::Calling | State::Proceeding, 100..=199) => {
                if self.state == State::Calling {
                    self.state = State::Proceeding;
                    self.schedule.stop();
                }
                InviteResponse::Provisional
            }
            (State::Calling | State::Proceeding, 200..=299) => {
                self.enter(State::Accepted, now + values.patience());
                InviteResponse::Success
            }
            (State::Calling | State::Proceeding, _) => {
                self.enter(State::Completed, now + values.response_wait(self.reliable));
                InviteResponse::Refused
            }
            (State::Completed, 300..) => InviteResponse::RefusedAgain,
            (State::Accepted, 200..=299) => InviteResponse::Success,
            _ => InviteResponse::Ignored,
        }
    }

    /// Gives up 64*T1 from now: the answer to a CANCEL may never come (RFC 3261 9.1), nor that of a request
    /// whose dialog is gone.
    pub(crate) fn limit(&mut self, now: Moment, values: &TimerValues) {
        if self.is_open() {
            self.schedule.expire_at(now + values.patience());
        }
    }

    /// Nobody wants an answer any more, so nobody asks again.
    pub(crate) fn fall_silent(&mut self) {
        self.schedule.stop_repeating();
    }

    fn enter(&mut self, state: State, until: Moment) {
        self.state = state;
        self.schedule.stop();
        self.schedule.expire_at(until);
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    pub(crate) fn timeout(&mut self, now: Moment) -> Fired {
        let open = self.is_open();
        match self.schedule.take_due(now) {
            Some(Due::Repeat) => Fired::Repeat,
            Some(Due::Expired) if open => Fired::TimedOut,
            Some(Due::Expired) => Fired::Ended,
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

    #[test]
    fn rfc3261_17_1_1_2_timer_a_doubles_without_limit_and_timer_b_gives_up() {
        let mut transaction = InviteClient::new(at(0), false, &values());
        let mut repeats = Vec::new();
        loop {
            let now = transaction.next_timeout().unwrap();
            match transaction.timeout(now) {
                Fired::Repeat => repeats.push(now.since_start().as_millis()),
                Fired::TimedOut => break assert_eq!(now, at(32_000)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(repeats, [500, 1500, 3500, 7500, 15500, 31500]);
    }

    #[test]
    fn rfc3261_17_1_1_2_a_provisional_stops_the_repetitions() {
        let mut transaction = InviteClient::new(at(0), false, &values());
        assert!(!transaction.is_proceeding());
        assert_eq!(transaction.response(at(20), 180, &values()), InviteResponse::Provisional);
        assert!(transaction.is_proceeding());
        assert_eq!(transaction.next_timeout(), None);
    }

    #[test]
    fn rfc3261_17_1_1_2_timer_d_absorbs_repeated_refusals() {
        for (reliable, end) in [(false, at(32_010)), (true, at(10))] {
            let mut transaction = InviteClient::new(at(0), reliable, &values());
            assert_eq!(transaction.response(at(10), 486, &values()), InviteResponse::Refused);
            assert_eq!(transaction.response(at(10), 486, &values()), InviteResponse::RefusedAgain);
            assert_eq!(transaction.response(at(10), 200, &values()), InviteResponse::Ignored);
            assert_eq!(transaction.next_timeout(), Some(end));
            assert_eq!(transaction.timeout(end), Fired::Ended);
        }
    }

    #[test]
    fn rfc6026_7_2_timer_m_hands_every_2xx_to_the_user() {
        let mut transaction = InviteClient::new(at(0), true, &values());
        assert_eq!(transaction.response(at(10), 200, &values()), InviteResponse::Success);
        assert_eq!(transaction.response(at(500), 200, &values()), InviteResponse::Success);
        assert_eq!(transaction.response(at(600), 180, &values()), InviteResponse::Ignored);
        assert_eq!(transaction.next_timeout(), Some(at(32_010)));
        assert_eq!(transaction.timeout(at(32_010)), Fired::Ended);
    }
}
