//! A phone: registers, refreshes twice, leaves; repeats what gets no answer (RFC 3261 17.1.2), and begins anew
//! over a new connection when it loses one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, Now, Secret};
use ringway_sip::digest::{self, Challenge, Credentials};
use ringway_sip::endpoint::Transport;
use ringway_sip::message::{Message, Name};

use super::door::PASSWORD;

const URI: &str = "sip:phones.sip.twilio.com";
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// How long a request may stay without an answer: 64*T1.
const GIVES_UP_AFTER: Duration = Duration::from_secs(32);
/// Registers, refreshes twice, leaves.
const ROUNDS: u32 = 4;

/// What a phone wants.
#[derive(Default)]
pub(super) struct Next {
    pub(super) send: Option<Bytes>,
    pub(super) wake: Option<Duration>,
}

/// What came of an answer.
#[derive(Default)]
pub(super) struct Heard {
    /// The phone was told just now that it is bound.
    pub(super) is_registered: bool,
    pub(super) next: Next,
}

#[derive(Debug)]
pub(super) struct Phone {
    number: usize,
    pub(super) transport: Transport,
    pub(super) flow: Option<u64>,
    pub(super) address: SocketAddr,
    call_id: String,
    cseq: u32,
    branches: u64,
    challenge: Option<Challenge>,
    nonce_count: u32,
    round: u32,
    open: Option<Open>,
    /// When it wants to be woken; earlier wake-ups are of the past.
    due: Moment,
}

/// A request without a final answer.
#[derive(Debug)]
struct Open {
    bytes: Bytes,
    branch: String,
    interval: Duration,
    until: Moment,
}

impl Phone {
    pub(super) fn new(number: usize, transport: Transport, flow: Option<u64>, random: u64) -> Self {
        Self {
            number,
            transport,
            flow,
            address: SocketAddr::from(([203, 0, 113, 7], 40_000 + number as u16)),
            call_id: format!("{random:x}@phone{number}"),
            cseq: 0,
            branches: random,
            challenge: None,
            nonce_count: 0,
            round: 0,
            open: None,
            due: Moment::default(),
        }
    }

    /// The last two are one user's.
    pub(super) fn user(&self) -> &'static str {
        ["alice", "bob", "carol", "carol"][self.number]
    }

    pub(super) fn shares_user(&self) -> bool {
        self.user() == "carol"
    }

    pub(super) fn contact(&self) -> String {
        format!("sip:{}@192.168.0.{}:5060", self.user(), self.number)
    }

    pub(super) fn is_done(&self) -> bool {
        self.round == ROUNDS && self.open.is_none()
    }

    /// Its time has come: to repeat, to give up and begin anew, or to refresh.
    pub(super) fn wake(&mut self, now: Now) -> Next {
        if now.monotonic < self.due || self.is_done() {
            return Next::default();
        }
        let is_reliable = self.transport.is_reliable();
        match &mut self.open {
            Some(open) if now.monotonic < open.until => {
                open.interval = (open.interval * 2).min(T2);
                let next =
                    Next { send: (!is_reliable).then(|| open.bytes.clone()), wake: Some(open.interval) };
                self.due = now.monotonic + open.interval;
                next
            }
            _ => self.send(now),
        }
    }

    pub(super) fn hear(&mut self, now: Now, answer: &Message) -> Heard {
        let branch = answer.top_via().branch().unwrap_or_default();
        let Some(open) = self.open.take_if(|open| open.branch == branch) else { return Heard::default() };
        match answer.status() {
            Some(407) => {
                let challenge = answer.header(Name::ProxyAuthenticate).and_then(Challenge::parse);
                assert!(challenge.is_some(), "{open:?}");
                (self.challenge, self.nonce_count) = (challenge, 0);
                Heard { next: self.send(now), is_registered: false }
            }
            Some(200) => self.registered(now, answer),
            other => panic!("{other:?} to {open:?}"),
        }
    }

    /// A new connection: what was asked over the old one will never be answered.
    pub(super) fn reconnected(&mut self, now: Now, flow: Option<u64>) {
        self.flow = flow;
        self.open = None;
        self.due = now.monotonic;
    }

    fn registered(&mut self, now: Now, answer: &Message) -> Heard {
        self.round += 1;
        if self.round == ROUNDS {
            return Heard::default();
        }
        let own = self.contact();
        let binding = answer.contacts().find(|contact| contact.uri == own);
        let expires_s = binding.and_then(|contact| contact.expires()).unwrap_or_else(|| panic!("{answer:?}"));
        assert!((590..=600).contains(&expires_s), "{expires_s}");
        let refresh = Duration::from_secs(u64::from(expires_s) / 2);
        self.due = now.monotonic + refresh;
        Heard { is_registered: true, next: Next { send: None, wake: Some(refresh) } }
    }

    fn send(&mut self, now: Now) -> Next {
        self.cseq += 1;
        self.branches = self.branches.wrapping_add(1);
        let branch = format!("z9hG4bK{:x}p{}", self.branches, self.number);
        let bytes = self.request(&branch);
        self.open =
            Some(Open { bytes: bytes.clone(), branch, interval: T1, until: now.monotonic + GIVES_UP_AFTER });
        self.due = now.monotonic + T1;
        Next { send: Some(bytes), wake: Some(T1) }
    }

    fn request(&mut self, branch: &str) -> Bytes {
        let (user, contact, call_id, cseq) = (self.user(), self.contact(), &self.call_id, self.cseq);
        let via = self.transport.via_name();
        let expires = if self.round + 1 == ROUNDS { 0 } else { 600 };
        let credentials = Credentials { username: user.to_owned(), password: Secret::new(PASSWORD) };
        let authorization = self.challenge.as_ref().map(|challenge| {
            self.nonce_count += 1;
            let answer =
                digest::answer(challenge, &credentials, "REGISTER", URI, self.nonce_count, "0a4f113b");
            format!("Proxy-Authorization: {answer}\r\n")
        });
        Bytes::from(format!(
            "REGISTER {URI} SIP/2.0\r\nVia: SIP/2.0/{via} 192.168.0.{};branch={branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@phones.sip.twilio.com>;tag=1\r\n\
             To: <sip:{user}@phones.sip.twilio.com>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <{contact}>\r\nExpires: {expires}\r\n{}Content-Length: 0\r\n\r\n",
            self.number,
            authorization.unwrap_or_default()
        ))
    }
}
