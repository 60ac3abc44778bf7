//! The INVITE server transaction (RFC 3261 17.2.1, RFC 6026 7.1).

use std::time::Duration;

use bytes::Bytes;
use ringway_model::Moment;

use super::Fired;
use super::timers::{Due, Schedule, TimerValues};

const MINUTE: Duration = Duration::from_secs(60);

/// Answers repeated INVITEs, repeats a refusal until its ACK. A 2xx it only lets pass: the dialog repeats it.
#[derive(Debug)]
pub(crate) struct InviteServer {
    state: State,
    reliable: bool,
    reminds: bool,
    last_response: Option<Bytes>,
    schedule: Schedule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
}

impl InviteServer {
    pub(crate) fn new(reliable: bool) -> Self {
        Self {
            state: State::Proceeding,
            reliable,
            reminds: true,
            last_response: None,
            schedule: Schedule::default(),
        }
    }

    /// Provisional responses are not repeated here: the dialog sends new ones, each with a number of its own
    /// (RFC 3262 3).
    pub(crate) fn leave_reminders(&mut self) {
        self.reminds = false;
    }

    /// True until the final response is sent.
    pub(crate) fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// Notes a response that is being sent; false when it must not be, a final one went before.
    pub(crate) fn respond(&mut self, now: Moment, status: u16, bytes: &Bytes, values: &TimerValues) -> bool {
        if !self.is_proceeding() {
            return false;
        }
        match status {
            100..=199 => self.proceed(now, status, bytes),
            200..=299 => self.accept(now, values),
            _ => self.complete(now, bytes, values),
        }
        true
    }

    /// A provisional response other than 100 is repeated every minute, or proxies give the call up (RFC 3261
    /// 13.3.1.1).
    fn proceed(&mut self, now: Moment, status: u16, bytes: &Bytes) {
        self.last_response = Some(bytes.clone());
        if status > 100 && self.reminds {
            self.schedule.start_repeating(now, MINUTE, MINUTE);
        }
    }

    /// Timer L: repeated INVITEs and their 2xx may still be under way (RFC 6026 7.1).
    fn accept(&mut self, now: Moment, values: &TimerValues) {
        self.state = State::Accepted;
        self.last_response = None;
        self.schedule.stop();
        self.schedule.expire_at(now + values.patience());
    }

    /// Timer G repeats the refusal over a lossy transport, timer H gives up on its ACK.
    fn complete(&mut self, now: Moment, bytes: &Bytes, values: &TimerValues) {
        self.state = State::Completed;
        self.last_response = Some(bytes.clone());
        self.schedule.stop();
        if !self.reliable {
            self.schedule.start_repeating(now, values.t1, values.t2);
        }
        self.schedule.expire_at(now + values.patience());
    }

    /// What a repeated INVITE gets: the last response, unless it is the dialog's to repeat.
    pub(crate) fn repeated(&self) -> Option<Bytes> {
        match self.state {
            State::Proceeding | State::Completed => self.last_response.clone(),
            State::Accepted | State::Confirmed => None,
        }
    }

    /// What was sent last, unless it is the dialog's.
    pub(crate) fn last_response(&self) -> Option<Bytes> {
        self.last_response.clone()
    }

    /// An ACK with the branch of the INVITE. True when it is for this transaction; after a 2xx it is for the
    /// dialog, whatever its branch.
    pub(crate) fn acknowledged(&mut self, now: Moment, values: &TimerValues) -> bool {
        if self.state == State::Completed {
            self.state = State::Confirmed;
            self.schedule.stop();
            self.schedule.expire_at(now + values.network_wait(self.reliable));
        }
        self.state == State::Confirmed
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    pub(crate) fn timeout(&mut self, now: Moment) -> Fired {
        match self.schedule.take_due(now) {
            Some(Due::Repeat) => Fired::Repeat,
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

    fn at(milliseconds: u64) -> Moment {
        Moment::from_start(Duration::from_millis(milliseconds))
    }

    fn refused(reliable: bool) -> InviteServer {
        let mut transaction = InviteServer::new(reliable);
        assert!(transaction.respond(at(0), 486, &Bytes::from_static(b"486"), &values()));
        transaction
    }

    #[test]
    fn rfc3261_17_2_1_timer_g_repeats_and_timer_h_gives_up() {
        let mut transaction = refused(false);
        let mut repeats = Vec::new();
        loop {
            let now = transaction.next_timeout().unwrap();
            match transaction.timeout(now) {
                Fired::Repeat => repeats.push(now.since_start().as_millis()),
                Fired::Ended => break assert_eq!(now, at(32_000)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(repeats, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    }

    #[test]
    fn rfc3261_17_2_1_over_a_stream_nothing_repeats_and_timer_i_is_zero() {
        let mut transaction = refused(true);
        assert_eq!(transaction.next_timeout(), Some(at(32_000)));
        assert!(transaction.acknowledged(at(40), &values()));
        assert_eq!(transaction.next_timeout(), Some(at(40)));
    }

    #[test]
    fn rfc3261_17_2_1_timer_i_absorbs_further_acks() {
        let mut transaction = refused(false);
        assert_eq!(transaction.repeated().as_deref(), Some(&b"486"[..]));
        assert!(transaction.acknowledged(at(40), &values()));
        assert!(transaction.acknowledged(at(50), &values()));
        assert_eq!(transaction.repeated(), None);
        assert_eq!(transaction.next_timeout(), Some(at(5_040)));
        assert_eq!(transaction.timeout(at(5_040)), Fired::Ended);
    }

    #[test]
    fn rfc3261_13_3_1_1_ringing_is_repeated_every_minute_until_the_final_response() {
        let mut transaction = InviteServer::new(false);
        assert!(transaction.respond(at(0), 180, &Bytes::from_static(b"180"), &values()));
        assert_eq!(transaction.next_timeout(), Some(at(60_000)));
        assert_eq!(transaction.timeout(at(60_000)), Fired::Repeat);
        assert_eq!(transaction.next_timeout(), Some(at(120_000)));
        assert!(transaction.respond(at(70_000), 200, &Bytes::from_static(b"200"), &values()));
        assert_eq!(transaction.next_timeout(), Some(at(102_000)));
    }

    #[test]
    fn rfc6026_7_1_timer_l_absorbs_invites_and_leaves_acks_to_the_dialog() {
        let mut transaction = InviteServer::new(false);
        let trying = Bytes::from_static(b"100");
        assert!(transaction.respond(at(0), 100, &trying, &values()));
        assert_eq!(transaction.repeated(), Some(trying));
        assert!(transaction.respond(at(10), 200, &Bytes::from_static(b"200"), &values()));
        assert_eq!(transaction.repeated(), None);
        assert!(!transaction.acknowledged(at(20), &values()));
        assert!(!transaction.respond(at(30), 486, &Bytes::from_static(b"486"), &values()));
        assert_eq!(transaction.next_timeout(), Some(at(32_010)));
        assert_eq!(transaction.timeout(at(32_010)), Fired::Ended);
    }
}
