//! What goes into the endpoint: packets, commands, the passing of time.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use ringway_model::{Moment, Secret};

/// How a SIP message travels (RFC 3261 18, RFC 7118).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams; the only transport that loses messages.
    Udp,
    /// A plain stream.
    Tcp,
    /// A TLS stream.
    Tls,
    /// A WebSocket.
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

impl Transport {
    /// True when the transport itself repeats what was lost, so that transactions need not.
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// The name in a Via header (RFC 3261 20.42).
    pub fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The value of the `transport` URI parameter; none for UDP, which is the default.
    pub fn uri_parameter(self) -> Option<&'static str> {
        match self {
            Transport::Udp => None,
            Transport::Tcp => Some("tcp"),
            Transport::Tls => Some("tls"),
            Transport::Ws => Some("ws"),
            Transport::Wss => Some("wss"),
        }
    }

    /// The transport of a `transport` URI parameter, in any case of letters.
    pub fn from_uri_parameter(name: &str) -> Option<Self> {
        [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss]
            .into_iter()
            .find(|transport| transport.via_name().eq_ignore_ascii_case(name))
    }
}

/// A stream connection; the network layer mints these and never uses one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// The name that a TLS server must prove before it is told anything (RFC 5922 4); the network layer mints these
/// and knows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName(pub u32);

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// How it travelled.
    pub transport: Transport,
    /// The address it was sent from.
    pub remote: SocketAddr,
    /// The address of ours that it was sent to; answers leave from there.
    pub local: SocketAddr,
    /// The connection it came on; none for datagrams.
    pub flow: Option<FlowId>,
    /// When it reached the machine, not when it was read: their difference is the overload signal.
    pub arrival: Moment,
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// How it travels.
    pub transport: Transport,
    /// The address it goes to.
    pub remote: SocketAddr,
    /// The address of ours it leaves from, because packets of the peer come to it; none for a place that was
    /// only looked up, which is reached from any address.
    pub local: Option<SocketAddr>,
    /// The connection to use while it lives; otherwise one to `remote` is found or opened.
    pub flow: Option<FlowId>,
    /// Who must be at the other end of a TLS connection of ours; without a name, the owner of the address.
    pub name: Option<ServerName>,
}

impl From<&Source> for Target {
    fn from(source: &Source) -> Self {
        Target {
            transport: source.transport,
            remote: source.remote,
            local: Some(source.local),
            flow: source.flow,
            name: None,
        }
    }
}

/// A dialog of this endpoint: the top byte is its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogId(u64);

impl DialogId {
    const CHOSEN: u64 = 1 << 55;
    const NUMBER: u64 = Self::CHOSEN - 1;

    /// An id that the caller of [`Command::Invite`] chooses itself, without asking the endpoint. Numbers
    /// (below 2^55) must not be used twice with one shard; they never meet the endpoint's own ids.
    pub fn chosen(shard: u8, number: u64) -> Self {
        Self((u64::from(shard) << 56) | Self::CHOSEN | (number & Self::NUMBER))
    }

    pub(crate) fn minted(shard: u8, number: u64) -> Self {
        Self((u64::from(shard) << 56) | (number & Self::NUMBER))
    }

    /// The shard that owns the dialog: commands for it go there.
    pub fn shard(self) -> u8 {
        (self.0 >> 56) as u8
    }
}

impl fmt::Display for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names one offer of the peer that awaits [`Command::AnswerOffer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfferId(pub(crate) u64);

/// Names one REFER of the peer: its CSeq number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReferId(pub(crate) u32);

/// A message body with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The Content-Type value.
    pub content_type: String,
    /// The content.
    pub bytes: Bytes,
}

/// What a call out answers a digest challenge with (RFC 3261 22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user of the credentials.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// What the endpoint is given, one thing at a time.
#[derive(Debug)]
pub enum Input {
    /// A datagram, or one framed message of a stream.
    Received {
        /// Where it came from.
        source: Source,
        /// The message as received.
        bytes: Bytes,
    },
    /// A connection is no more.
    FlowClosed(FlowId),
    /// A message could not be sent: no connection, or the network said unreachable.
    SendFailed {
        /// The target of the message, as it was in the `Transmit`.
        target: Target,
    },
    /// The network returned a datagram of ours: nobody takes it there. Anybody can claim that, so it counts only
    /// for the request whose branch is in what came back.
    Returned {
        /// Where it was sent.
        remote: SocketAddr,
        /// Its first bytes, as many as came back.
        datagram: Bytes,
    },
    /// The application wants something.
    Command(Command),
    /// The moment of `next_timeout` has come.
    Timeout,
}

/// What the application can want.
#[derive(Debug)]
pub enum Command {
    /// Answers the initial INVITE: 1xx, or one final answer. A 2xx is repeated until its ACK.
    Respond {
        /// The dialog of `Event::Incoming`.
        dialog: DialogId,
        /// 100 to 699.
        status: u16,
        /// The reason phrase; the standard one when none.
        reason: Option<String>,
        /// Further headers, name and value.
        headers: Vec<(String, String)>,
        /// The session description.
        body: Option<Body>,
    },
    /// Answers `DialogEvent::Offer`: 200 with this body, or a refusal with this status. A refusal leaves the
    /// session as it was.
    AnswerOffer {
        /// The dialog.
        dialog: DialogId,
        /// The offer of the event; another one is ignored, it was superseded.
        offer: OfferId,
        /// The body of the 200, or the status of the refusal.
        result: Result<Option<Body>, u16>,
    },
    /// Ends the dialog in whatever way its state asks for. `DialogEvent::Terminated` follows.
    Hangup {
        /// The dialog.
        dialog: DialogId,
        /// A Reason header value (RFC 3326), such as `Q.850;cause=16`.
        reason: Option<String>,
        /// Further headers of the BYE, the CANCEL or the refusal.
        headers: Vec<(String, String)>,
    },
    /// Calls out.
    Invite(Box<NewInvite>),
    /// Offers a new session with a re-INVITE. Waits for one that is under way, and after a 491 as RFC 3261
    /// 14.1 says. Answered by `OfferAnswered` or `OfferRefused`.
    Reinvite {
        /// The dialog.
        dialog: DialogId,
        /// The offer; none repeats the last description that we sent.
        body: Option<Body>,
    },
    /// The same with UPDATE (RFC 3311), where a missing body only refreshes the dialog.
    Update {
        /// The dialog.
        dialog: DialogId,
        /// The offer.
        body: Option<Body>,
    },
    /// Sends an INFO (RFC 6086) in an answered dialog; its answer is not reported.
    Info {
        /// The dialog.
        dialog: DialogId,
        /// What to say.
        body: Body,
    },
    /// Asks the peer of an answered dialog to call somebody else (RFC 3515). Answered by `ReferAnswered`, and
    /// if it accepts, reported by `Notify`.
    Refer {
        /// The dialog.
        dialog: DialogId,
        /// The Refer-To value, such as `<sip:b@example.com>`.
        refer_to: String,
        /// Further headers, such as Referred-By.
        headers: Vec<(String, String)>,
    },
    /// Answers `DialogEvent::Refer`. A 2xx accepts it (202), and the first report, 100, goes out by itself.
    AnswerRefer {
        /// The dialog.
        dialog: DialogId,
        /// The REFER of the event.
        refer: ReferId,
        /// 202, or the status of the refusal.
        status: u16,
    },
    /// Reports how an accepted REFER of the peer goes; ignored once a final status was reported.
    Notify {
        /// The dialog.
        dialog: DialogId,
        /// The REFER.
        refer: ReferId,
        /// The status of the call that the peer asked for; 200 and above is the last report.
        status: u16,
        /// Its reason phrase; the standard one when none.
        reason: Option<String>,
    },
}

impl Command {
    /// The dialog it is for; [`DialogId::shard`] says which endpoint takes it.
    pub fn dialog(&self) -> DialogId {
        match self {
            Command::Respond { dialog, .. }
            | Command::AnswerOffer { dialog, .. }
            | Command::Hangup { dialog, .. }
            | Command::Reinvite { dialog, .. }
            | Command::Update { dialog, .. }
            | Command::Info { dialog, .. }
            | Command::Refer { dialog, .. }
            | Command::AnswerRefer { dialog, .. }
            | Command::Notify { dialog, .. } => *dialog,
            Command::Invite(invite) => invite.dialog,
        }
    }
}

/// A call out. Made with [`NewInvite::new`]; the rest is set afterwards.
#[derive(Debug, Clone)]
pub struct NewInvite {
    /// From [`crate::endpoint::Endpoint::reserve_dialog`] or [`DialogId::chosen`].
    pub dialog: DialogId,
    /// Where the request goes.
    pub target: Target,
    /// Where it goes next, in this order, when there is no way to `target`, no answer from there, or a 503
    /// (RFC 3263 4.3).
    pub alternatives: Vec<Target>,
    /// Max-Forwards: one less than that of the call that this one follows from, so that loops end.
    pub max_forwards: u8,
    /// The Request-URI.
    pub uri: String,
    /// The From value without a tag, such as `"A" <sip:a@example.com>`.
    pub from: String,
    /// The To value, such as `<sip:b@example.com>`.
    pub to: String,
    /// The Call-ID; a minted one, which carries the shard, when none.
    pub call_id: Option<String>,
    /// The user part of our Contact.
    pub contact_user: Option<String>,
    /// Further headers, name and value.
    pub headers: Vec<(String, String)>,
    /// The offer.
    pub body: Option<Body>,
    /// Answers 401 and 407, here and later in the dialog.
    pub credentials: Option<Credentials>,
    /// A preloaded route set, Route values in order.
    pub route: Vec<String>,
}

impl NewInvite {
    /// A call to `uri` at `target`, without an offer, credentials, routes or further headers.
    pub fn new(
        dialog: DialogId,
        target: Target,
        uri: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
    ) -> Self {
        Self {
            dialog,
            target,
            alternatives: Vec::new(),
            max_forwards: 70,
            uri: uri.into(),
            from: from.into(),
            to: to.into(),
            call_id: None,
            contact_user: None,
            headers: Vec::new(),
            body: None,
            credentials: None,
            route: Vec::new(),
        }
    }
}
