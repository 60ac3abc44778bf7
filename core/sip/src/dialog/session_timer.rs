//! Session timers (RFC 4028), as the peer asks for them; we never ask first. One side refreshes the session by
//! UPDATE or re-INVITE, and when it does not, the other one ends the call.

use std::time::Duration;

use ringway_model::Moment;

use crate::message::{Message, Name, Params};
use crate::transaction::timers::earliest;

/// The shortest interval that is taken (RFC 4028 4), in seconds.
pub(crate) const INTERVAL_MIN_S: u32 = 90;

/// Longer intervals than a week are as good as a week.
const INTERVAL_MAX_S: u32 = 7 * 24 * 3600;

/// A session timer that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    interval_s: u32,
    /// The longest Min-SE that was heard of.
    least_s: u32,
    refresher: Refresher,
    refresh_at: Option<Moment>,
    expires_at: Option<Moment>,
}

/// Who refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresher {
    Us,
    Peer,
}

/// What is to be done about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionDue {
    /// It is our turn to refresh it.
    Refresh,
    /// Nobody refreshed it.
    Expired,
}

/// The interval that the peer asks for is below [`INTERVAL_MIN_S`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooSmall;

/// What a request of the peer asks for, and a 2xx to it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    interval_s: u32,
    refresher: Refresher,
}

impl Terms {
    /// Reads an INVITE or UPDATE. None when no timer is asked for. Who refreshes is for the peer to say; one
    /// that says nothing does it itself, and for one that cannot (a proxy asked) we do (RFC 4028 9).
    pub(crate) fn of_request(request: &Message) -> Result<Option<Self>, TooSmall> {
        let Some((interval_s, refresher)) = session_expires(request) else { return Ok(None) };
        let supported = request
            .headers(Name::Supported)
            .chain(request.headers(Name::Require))
            .any(|tag| tag.eq_ignore_ascii_case("timer"));
        if supported && interval_s < INTERVAL_MIN_S {
            return Err(TooSmall);
        }
        let by_us = !supported || refresher.is_some_and(|name| name.eq_ignore_ascii_case("uas"));
        let refresher = if by_us { Refresher::Us } else { Refresher::Peer };
        Ok(Some(Self { interval_s: interval_s.max(INTERVAL_MIN_S), refresher }))
    }

    /// Session-Expires of the 2xx, and Require when the peer must do something for it.
    pub(crate) fn headers(self) -> Vec<(String, String)> {
        let name = Name::SessionExpires.as_str().to_owned();
        match self.refresher {
            Refresher::Us => vec![(name, format!("{};refresher=uas", self.interval_s))],
            Refresher::Peer => vec![
                (Name::Require.as_str().to_owned(), "timer".to_owned()),
                (name, format!("{};refresher=uac", self.interval_s)),
            ],
        }
    }
}

impl SessionTimer {
    /// Begins with our 2xx.
    pub(crate) fn agreed(now: Moment, terms: Terms) -> Self {
        Self::new(now, terms.interval_s, INTERVAL_MIN_S, terms.refresher)
    }

    /// What a 2xx to our request makes of the timer; without Session-Expires there is none any more.
    pub(crate) fn of_response(now: Moment, response: &Message, before: Option<Self>) -> Option<Self> {
        let (interval_s, refresher) = session_expires(response)?;
        let by_us = refresher.is_some_and(|name| name.eq_ignore_ascii_case("uac"));
        let refresher = if by_us { Refresher::Us } else { Refresher::Peer };
        let least_s = before.map_or(INTERVAL_MIN_S, |before| before.least_s);
        Some(Self::new(now, interval_s.max(INTERVAL_MIN_S), least_s, refresher))
    }

    /// We refresh when half of the interval is over; the peer's refresh is awaited until shortly before its end
    /// (RFC 4028 10).
    fn new(now: Moment, interval_s: u32, least_s: u32, refresher: Refresher) -> Self {
        let interval = Duration::from_secs(interval_s.into());
        let margin = Duration::from_secs(32).min(interval / 3);
        let refresh_at = (refresher == Refresher::Us).then(|| now + interval / 2);
        Self { interval_s, least_s, refresher, refresh_at, expires_at: Some(now + (interval - margin)) }
    }

    /// What each INVITE and UPDATE of ours says, so that the timer runs on with the same roles.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let refresher = match self.refresher {
            Refresher::Us => "uac",
            Refresher::Peer => "uas",
        };
        let header = |name: Name, value: String| (name.as_str().to_owned(), value);
        let mut headers = vec![
            header(Name::Supported, "timer".to_owned()),
            header(Name::SessionExpires, format!("{};refresher={refresher}", self.interval_s)),
        ];
        if self.least_s > INTERVAL_MIN_S {
            headers.push(header(Name::MinSe, self.least_s.to_string()));
        }
        headers
    }

    /// A 422 asks for a longer interval (RFC 4028 7.3). False when it does not say a longer one.
    pub(crate) fn raise(&mut self, response: &Message) -> bool {
        let least_s = response.header(Name::MinSe).and_then(seconds).unwrap_or(0);
        let longer = least_s > self.interval_s;
        if longer {
            (self.interval_s, self.least_s) = (least_s, least_s);
        }
        longer
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        earliest(self.refresh_at, self.expires_at)
    }

    /// What is due, told once.
    pub(crate) fn take_due(&mut self, now: Moment) -> Option<SessionDue> {
        if self.expires_at.take_if(|at| *at <= now).is_some() {
            self.refresh_at = None;
            return Some(SessionDue::Expired);
        }
        self.refresh_at.take_if(|at| *at <= now).map(|_| SessionDue::Refresh)
    }
}

/// The interval and the refresher of a Session-Expires header.
fn session_expires(message: &Message) -> Option<(u32, Option<&str>)> {
    let value = message.header(Name::SessionExpires)?;
    let end = value.find(';').unwrap_or(value.len());
    let (interval, params) = value.split_at_checked(end)?;
    Some((seconds(interval.trim())?, Params(params).value("refresher")))
}

/// Seconds at the beginning of a value, parameters behind them ignored.
fn seconds(text: &str) -> Option<u32> {
    let digits = text.split(';').next()?.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(INTERVAL_MAX_S).min(INTERVAL_MAX_S))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::message::Limits;

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn message(first: &str, more: &str) -> Message {
        let text = format!(
            "{first}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n{more}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into(), &Limits::default()).expect("a message")
    }

    fn asked(more: &str) -> Result<Option<Vec<(String, String)>>, TooSmall> {
        let terms = Terms::of_request(&message("INVITE sip:c@d SIP/2.0", more))?;
        Ok(terms.map(Terms::headers))
    }

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn rfc4028_9_the_refresher_is_as_the_peer_says_itself_or_us() {
        let by_peer = |seconds: &str| {
            Ok(Some(headers(&[
                ("Require", "timer"),
                ("Session-Expires", &format!("{seconds};refresher=uac")),
            ])))
        };
        let by_us = Ok(Some(headers(&[("Session-Expires", "1800;refresher=uas")])));
        assert_eq!(asked(""), Ok(None));
        assert_eq!(asked("Supported: timer\r\n"), Ok(None), "we do not ask first");
        assert_eq!(asked("Supported: timer\r\nSession-Expires: 1800\r\n"), by_peer("1800"));
        assert_eq!(asked("k: x, timer\r\nx: 90;refresher=uac\r\n"), by_peer("90"));
        assert_eq!(asked("Require: timer\r\nSession-Expires: 1800;refresher=uas\r\n"), by_us);
        assert_eq!(
            asked("Session-Expires: 1800;refresher=uac\r\n"),
            by_us,
            "a proxy asked; the phone cannot"
        );
        assert_eq!(asked("Supported: timer\r\nSession-Expires: 89\r\n"), Err(TooSmall));
        assert_eq!(asked("Supported: timer\r\nSession-Expires: soon\r\n"), Ok(None));
        assert_eq!(asked("Supported: timer\r\nSession-Expires: 99999999999999\r\n"), by_peer("604800"));
    }

    #[test]
    fn rfc4028_10_we_refresh_at_half_of_the_interval_and_wait_until_shortly_before_its_end() {
        let response = message("SIP/2.0 200 OK", "Session-Expires: 120;refresher=uac\r\n");
        let mut ours = SessionTimer::of_response(at(0), &response, None).unwrap();
        assert_eq!(ours.next_timeout(), Some(at(60)));
        assert_eq!(ours.take_due(at(60)), Some(SessionDue::Refresh));
        assert_eq!(ours.next_timeout(), Some(at(88)));
        assert_eq!(ours.take_due(at(88)), Some(SessionDue::Expired));
        assert_eq!((ours.next_timeout(), ours.take_due(at(88))), (None, None));
        let response = message("SIP/2.0 200 OK", "Session-Expires: 90;refresher=uas\r\n");
        let mut theirs = SessionTimer::of_response(at(0), &response, None).unwrap();
        assert_eq!(theirs.next_timeout(), Some(at(60)));
        assert_eq!(theirs.take_due(at(60)), Some(SessionDue::Expired));
        assert_eq!(SessionTimer::of_response(at(0), &message("SIP/2.0 200 OK", ""), Some(theirs)), None);
    }

    #[test]
    fn rfc4028_7_3_a_422_raises_the_interval() {
        let response = message("SIP/2.0 200 OK", "Session-Expires: 120;refresher=uac\r\n");
        let mut timer = SessionTimer::of_response(at(0), &response, None).unwrap();
        assert!(!timer.raise(&message("SIP/2.0 422 Too Small", "Min-SE: 90\r\n")));
        assert!(timer.raise(&message("SIP/2.0 422 Too Small", "Min-SE: 600;x=y\r\n")));
        let expected = [("Supported", "timer"), ("Session-Expires", "600;refresher=uac"), ("Min-SE", "600")];
        assert_eq!(timer.headers(), headers(&expected));
    }
}
