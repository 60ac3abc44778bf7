//! The server transaction of all other requests (RFC 3261 17.2.2).

use std::time::Duration;

use bytes::Bytes;
use ringway_model::Moment;

use super::Fired;
use super::timers::{Due, Schedule, TimerValues};

/// Repeats its final response to every repeated request until timer J.
#[derive(Debug, Default)]
pub(crate) struct RequestServer {
    reliable: bool,
    response: Option<Bytes>,
    schedule: Schedule,
}

impl RequestServer {
    pub(crate) fn new(reliable: bool) -> Self {
        Self { reliable, response: None, schedule: Schedule::default() }
    }

    /// True until the final response is sent.
    pub(crate) fn is_proceeding(&self) -> bool {
        self.response.is_none()
    }

    /// Notes the final response that is being sent; false when one went before.
    pub(crate) fn respond(&mut self, now: Moment, bytes: &Bytes, values: &TimerValues) -> bool {
        if !self.is_proceeding() {
            return false;
        }
        self.response = Some(bytes.clone());
        let wait = if self.reliable { Duration::ZERO } else { values.patience() };
        self.schedule.expire_at(now + wait);
        true
    }

    /// What a repeated request gets.
    pub(crate) fn repeated(&self) -> Option<Bytes> {
        self.response.clone()
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    pub(crate) fn timeout(&mut self, now: Moment) -> Fired {
        match self.schedule.take_due(now) {
            Some(Due::Expired) => Fired::Ended,
            Some(Due::Repeat) | None => Fired::Nothing,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::test_values as values;
    use super::*;

    #[test]
    fn rfc3261_17_2_2_timer_j_is_64_t1_over_udp_and_zero_over_a_stream() {
        for (reliable, wait) in [(false, Duration::from_secs(32)), (true, Duration::ZERO)] {
            let mut transaction = RequestServer::new(reliable);
            assert_eq!(transaction.repeated(), None);
            let now = Moment::from_start(Duration::from_secs(1));
            assert!(transaction.respond(now, &Bytes::from_static(b"200"), &values()));
            assert!(!transaction.respond(now, &Bytes::from_static(b"500"), &values()));
            assert_eq!(transaction.repeated().as_deref(), Some(&b"200"[..]));
            assert_eq!(transaction.next_timeout(), Some(now + wait));
            assert_eq!(transaction.timeout(now + wait), Fired::Ended);
        }
    }
}
