//! Provisional responses that the caller insists on hearing (RFC 3262): each is repeated until its PRACK, and
//! the next one waits for that.

use std::time::Duration;

use ringway_model::Moment;

use crate::endpoint::{Body, Transmit};
use crate::message::{Message, Name};
use crate::transaction::timers::{Due, Schedule, TimerValues, earliest};

/// A provisional response is repeated so often while a call rings, or proxies give it up (RFC 3261 13.3.1.1).
const REMINDER_INTERVAL: Duration = Duration::from_secs(60);

/// The provisional responses of one INVITE with `Require: 100rel`.
#[derive(Debug)]
pub(crate) struct Reliable {
    next_rseq: u32,
    unacknowledged: Option<Sent>,
    /// What the application said meanwhile; the newest counts.
    waiting: Option<Said>,
    /// What rings, to be said again.
    ringing: Option<Said>,
    remind_at: Option<Moment>,
}

/// A response as the application wants it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Body>,
}

#[derive(Debug)]
struct Sent {
    rseq: u32,
    transmit: Transmit,
    has_description: bool,
    schedule: Schedule,
}

/// What is to be done about a provisional response.
#[derive(Debug)]
pub(crate) enum ReliableDue {
    /// Send these bytes again.
    Repeat(Transmit),
    /// Say this again, as a new response.
    Remind(Said),
    /// Its PRACK never came.
    GiveUp,
}

impl Reliable {
    /// For an INVITE that requires it; `first_rseq` is by chance (RFC 3262 3).
    pub(crate) fn of_request(request: &Message, first_rseq: u32) -> Option<Self> {
        let required = request.headers(Name::Require).any(|tag| tag.eq_ignore_ascii_case("100rel"));
        required.then(|| Self {
            next_rseq: first_rseq.clamp(1, 1 << 30),
            unacknowledged: None,
            waiting: None,
            ringing: None,
            remind_at: None,
        })
    }

    /// Takes a response of the application, and gives it back when it may be sent now. A refusal always may; a
    /// 2xx unless the description of a provisional one is not known to have arrived.
    pub(crate) fn take(&mut self, said: Said) -> Option<Said> {
        let must_wait = match said.status {
            ..=199 => self.unacknowledged.is_some(),
            200..=299 => self.unacknowledged.as_ref().is_some_and(|sent| sent.has_description),
            _ => false,
        };
        if must_wait {
            self.waiting = Some(said);
            return None;
        }
        Some(said)
    }

    /// The headers of the next provisional response.
    pub(crate) fn headers(&self) -> [(String, String); 2] {
        let rseq = self.next_rseq.to_string();
        [(Name::Require.as_str().to_owned(), "100rel".to_owned()), (Name::RSeq.as_str().to_owned(), rseq)]
    }

    /// Notes that it was sent: repeated after T1, 2*T1, 4*T1, for 64*T1 in all.
    pub(crate) fn sent(&mut self, now: Moment, said: Said, transmit: Transmit, values: &TimerValues) {
        let mut schedule = Schedule::default();
        schedule.start_repeating(now, values.t1, values.patience());
        schedule.expire_at(now + values.patience());
        let has_description = said.body.is_some();
        self.unacknowledged = Some(Sent { rseq: self.next_rseq, transmit, has_description, schedule });
        self.next_rseq += 1;
        self.ringing = Some(said);
        self.remind_at = Some(now + REMINDER_INTERVAL);
    }

    /// Takes a PRACK. None when it is for nothing that waits for one; otherwise what may be sent now.
    pub(crate) fn acknowledged(&mut self, prack: &Message, invite_cseq: u32) -> Option<Option<Said>> {
        let rseq = self.unacknowledged.as_ref()?.rseq;
        if !acknowledges(prack, rseq, invite_cseq) {
            return None;
        }
        self.unacknowledged = None;
        Some(self.waiting.take())
    }

    /// The number whose PRACK may still come after a final response.
    pub(crate) fn unacknowledged(&self) -> Option<u32> {
        self.unacknowledged.as_ref().map(|sent| sent.rseq)
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        let repeat = self.unacknowledged.as_ref().and_then(|sent| sent.schedule.next());
        earliest(repeat, self.remind_at)
    }

    pub(crate) fn take_due(&mut self, now: Moment) -> Option<ReliableDue> {
        if let Some(sent) = &mut self.unacknowledged
            && let Some(due) = sent.schedule.take_due(now)
        {
            return Some(match due {
                Due::Repeat => ReliableDue::Repeat(sent.transmit.clone()),
                Due::Expired => ReliableDue::GiveUp,
            });
        }
        self.remind_at.take_if(|at| *at <= now)?;
        // What waits is newer than what rings, and brings the next reminder.
        self.ringing.clone().filter(|_| self.waiting.is_none()).map(ReliableDue::Remind)
    }
}

/// Whether the RAck of a PRACK names this response (RFC 3262 7.2).
pub(crate) fn acknowledges(prack: &Message, rseq: u32, invite_cseq: u32) -> bool {
    let mut words = prack.header(Name::RAck).unwrap_or_default().split_ascii_whitespace();
    let mut number = || words.next().and_then(|word| word.parse().ok());
    number() == Some(rseq) && number() == Some(invite_cseq) && words.next() == Some("INVITE")
}
