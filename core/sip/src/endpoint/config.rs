//! What an endpoint is told once, and whom it asks.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ringway_model::Now;
use smallvec::SmallVec;

use super::input::{FlowId, Source, Transport};
use crate::message::{Limits, Message};

/// Timers, names and limits of an endpoint.
pub struct EndpointConfig {
    /// The round-trip estimate (RFC 3261 17.1.1.1); 500 ms.
    pub t1: Duration,
    /// The longest pause between repetitions; 4 s.
    pub t2: Duration,
    /// How long a message may stay in the network; 5 s.
    pub t4: Duration,
    /// How long a place may keep silent on a new call while another one is left to try (RFC 3263 4.3); 4 s.
    pub failover_after: Duration,
    /// Which shard this is; every id minted here carries it.
    pub shard: u8,
    /// The Server and User-Agent value.
    pub server: String,
    /// The Allow value.
    pub allow: String,
    /// Option tags that we understand (RFC 3261 20.32, 20.37).
    pub supported: Vec<String>,
    /// When new calls are refused.
    pub overload: Overload,
    /// Which of our addresses others are told.
    pub advertise: Box<dyn Advertise + Send>,
    /// What a message may weigh.
    pub limits: Limits,
    /// Most transactions at once; a new call beyond gets 503.
    pub transactions_max: usize,
    /// Most dialogs at once; a new call beyond gets 503.
    pub dialogs_max: usize,
}

impl EndpointConfig {
    /// The RFC's timers, no extensions, generous limits.
    pub fn new(shard: u8, advertise: Box<dyn Advertise + Send>) -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            failover_after: Duration::from_secs(4),
            shard,
            server: "Ringway".to_owned(),
            allow: "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY".to_owned(),
            supported: Vec::new(),
            overload: Overload::default(),
            advertise,
            limits: Limits::default(),
            transactions_max: 400_000,
            dialogs_max: 100_000,
        }
    }
}

impl fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointConfig").field("shard", &self.shard).finish_non_exhaustive()
    }
}

/// When new calls are refused: the age of what is read from the sockets says how far behind we are.
#[derive(Debug, Clone, Copy)]
pub struct Overload {
    /// A new INVITE that waited longer than this for us gets 503; one retransmission later it is still young.
    pub age_max: Duration,
}

impl Default for Overload {
    fn default() -> Self {
        Self { age_max: Duration::from_millis(400) }
    }
}

/// Chooses the address that others are told.
pub trait Advertise {
    /// The address for Via, Contact and session descriptions towards `remote`. `local` is the address of
    /// ours in use; unspecified (`0.0.0.0:0`, `[::]:0`) when any may be used.
    fn address(&self, local: SocketAddr, remote: SocketAddr, transport: Transport) -> SocketAddr;
}

impl<F: Fn(SocketAddr, SocketAddr, Transport) -> SocketAddr> Advertise for F {
    fn address(&self, local: SocketAddr, remote: SocketAddr, transport: Transport) -> SocketAddr {
        self(local, remote, transport)
    }
}

/// The same for all copies of one request (RFC 3261 17.2.3), and for no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionKey(pub(crate) u128);

impl TransactionKey {
    /// A key for tests of policies.
    pub const fn from_number(number: u128) -> Self {
        Self(number)
    }
}

/// Decides who may come in.
pub trait Policy {
    /// What an accepted call carries from the decision to the application.
    type Ticket;

    /// Asked first of every new request outside a dialog, before anything of it is answered: what is to be
    /// done with whoever sent it.
    fn screen(&mut self, _now: Now, _request: &Message, _source: &Source) -> Screening {
        Screening::Welcome
    }

    /// Asked of every message that cannot be read.
    fn screen_malformed(&mut self, _now: Now, _source: &Source) -> Screening {
        Screening::Welcome
    }

    /// Asked once for every new request outside a dialog whose method we serve (INVITE, OPTIONS);
    /// never for retransmissions, ACK or CANCEL.
    fn admit(&mut self, now: Now, request: &Message, source: &Source) -> Verdict<Self::Ticket>;

    /// Asked for every REGISTER, copies and repetitions included: no transaction here remembers them, so that
    /// one costs no memory but what the policy keeps. `transaction` is the same for all copies of a request.
    fn register(
        &mut self,
        now: Now,
        _transaction: TransactionKey,
        request: &Message,
        source: &Source,
    ) -> Verdict<Self::Ticket> {
        self.admit(now, request, source)
    }

    /// A connection is no more; nothing can be sent over it.
    fn flow_closed(&mut self, _flow: FlowId) {}

    /// Told of a new INVITE or REGISTER that the endpoint refused by itself, without asking: 400, 420, 482, 483
    /// or 503. Whoever keeps reasons keeps this one too.
    fn refused(&mut self, _now: Now, _request: &Message, _source: &Source, _status: u16) {}
}

/// What is done with a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screening {
    /// Answered like anybody.
    Welcome,
    /// Answered 403 to everything that can be answered.
    Refuse,
    /// Not answered; a connection is closed.
    Drop,
    /// Not answered; a connection is kept, and never read again.
    Tarpit,
}

/// A decision of the policy.
#[derive(Debug)]
pub enum Verdict<T> {
    /// Serve it: an INVITE becomes `Event::Incoming`, an OPTIONS gets 200 with our abilities, anything else
    /// 501, since nobody here could.
    Accept(T),
    /// Answer this and keep no state.
    Reply(Reply),
    /// Say nothing.
    Drop,
}

/// An answer without state behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 699.
    pub status: u16,
    /// The reason phrase; the standard one when none.
    pub reason: Option<Cow<'static, str>>,
    /// Further headers, name and value.
    pub headers: SmallVec<[(Cow<'static, str>, String); 2]>,
}

impl Reply {
    /// An answer with the standard reason phrase and no headers.
    pub fn new(status: u16) -> Self {
        Self { status, reason: None, headers: SmallVec::new() }
    }

    /// With this reason phrase.
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// With one more header.
    pub fn with_header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.add_header(name, value);
        self
    }

    /// Adds one more header.
    pub fn add_header(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.headers.push((name.into(), value.into()));
    }
}
