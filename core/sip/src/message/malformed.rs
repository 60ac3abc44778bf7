//! What is wrong with a message that was refused, and how to say so to its sender.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::grammar::{Elements, trim};
use super::print::{put, put_via, start_response};
use super::{Limits, Method, Name, NameAddr, Via};

/// Why a message was refused. `Display` is the reason phrase of the 400 (RFC 3261 21.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedReason {
    /// Nothing but line ends: a keep-alive, if anything.
    Empty,
    /// Longer than [`Limits::message_bytes`].
    TooLarge,
    /// No blank line behind the headers.
    NoBlankLine,
    /// The head is longer than [`Limits::head_bytes`].
    HeadTooLarge,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// A version of SIP other than 2.0.
    Version,
    /// The Request-URI is not a URI, or has headers (RFC 3261 19.1.1).
    RequestUri,
    /// The status code is not a number from 100 to 699.
    StatusCode,
    /// A header line has no colon, or its name is not a token.
    HeaderLine,
    /// A header is longer than [`Limits::header_bytes`].
    HeaderTooLarge,
    /// More lines than [`Limits::headers`].
    TooManyHeaders,
    /// More values of this header than [`Limits::vias`] or [`Limits::values`] allow.
    TooManyValues(Name),
    /// The head is not UTF-8.
    NotUtf8,
    /// A control character outside an escape, or a line end that is not CR LF.
    ControlCharacter,
    /// A mandatory header is missing.
    Missing(Name),
    /// A header that may be there once is there again.
    Repeated(Name),
    /// A header breaks its grammar.
    Invalid(Name),
    /// The method of CSeq is not that of the request.
    MethodMismatch,
    /// Two different Content-Length values.
    ContentLengthConflict,
    /// The body is shorter than Content-Length says.
    BodyTruncated,
}

impl fmt::Display for MalformedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty message",
            Self::TooLarge => "Message Too Large",
            Self::NoBlankLine => "Missing blank line after headers",
            Self::HeadTooLarge => "Headers Too Large",
            Self::StartLine => "Malformed start line",
            Self::Version => "Version Not Supported",
            Self::RequestUri => "Malformed Request-URI",
            Self::StatusCode => "Malformed status code",
            Self::HeaderLine => "Malformed header line",
            Self::HeaderTooLarge => "Header Too Large",
            Self::TooManyHeaders => "Too many headers",
            Self::TooManyValues(name) => return write!(f, "Too many {name} values"),
            Self::NotUtf8 => "Headers are not UTF-8",
            Self::ControlCharacter => "Control character in headers",
            Self::Missing(name) => return write!(f, "Missing {name} header"),
            Self::Repeated(name) => return write!(f, "Repeated {name} header"),
            Self::Invalid(name) => return write!(f, "Malformed {name} header"),
            Self::MethodMismatch => "CSeq method does not match",
            Self::ContentLengthConflict => "Conflicting Content-Length headers",
            Self::BodyTruncated => "Body shorter than Content-Length",
        })
    }
}

impl MalformedReason {
    /// The status to refuse it with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Version => 505,
            Self::TooLarge | Self::HeadTooLarge | Self::HeaderTooLarge => 513,
            _ => 400,
        }
    }
}

/// A message that was refused.
#[derive(Debug, Clone)]
pub struct Malformed {
    /// What is wrong.
    pub reason: MalformedReason,
    /// What an answer needs. `None` where none may be sent: to a response, to an ACK, to what is no SIP, and
    /// where no Via tells a transaction.
    pub reply: Option<Box<ReplyParts>>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Malformed {}

impl Malformed {
    pub(super) fn new(reason: MalformedReason, head: &str) -> Self {
        Self { reason, reply: ReplyParts::collect(head).map(Box::new) }
    }

    pub(super) fn without_reply(reason: MalformedReason) -> Self {
        Self { reason, reply: None }
    }

    /// The stateless 400 (or 505, 513) that names the fault. `to_tag` is written when To is sound and has none; `server`
    /// is the Server header, if any.
    pub fn response(&self, source: SocketAddr, to_tag: &str, server: Option<&str>) -> Option<Bytes> {
        let reply = self.reply.as_deref()?;
        let mut buffer = start_response(self.reason.status(), Some(&self.reason.to_string()), 512);
        for (position, via) in reply.vias.iter().enumerate() {
            let parsed = Via::parse(via);
            match parsed {
                Some(via) if position == 0 => put_via(&mut buffer, &via, Some(source)),
                _ => put(&mut buffer, Name::Via.as_str(), via),
            }
        }
        for (name, value) in &reply.headers {
            let untagged = || NameAddr::parse(value).is_some_and(|to| to.tag().is_none());
            match *name == Name::To && untagged() {
                true => put(&mut buffer, name.as_str(), format_args!("{value};tag={to_tag}")),
                false => put(&mut buffer, name.as_str(), value),
            }
        }
        if let Some(server) = server {
            put(&mut buffer, Name::Server.as_str(), server);
        }
        put(&mut buffer, Name::ContentLength.as_str(), 0);
        buffer.extend_from_slice(b"\r\n");
        Some(buffer.into())
    }
}

/// The headers of a refused request that its answer repeats, as far as it had them.
#[derive(Debug, Clone)]
pub struct ReplyParts {
    vias: Vec<String>,
    headers: Vec<(Name, String)>,
}

impl ReplyParts {
    /// The first Via: where the request says it comes from.
    pub fn top_via(&self) -> Option<Via<'_>> {
        self.vias.first().and_then(|via| Via::parse(via))
    }

    /// Collects what it can from a head that broke the rules somewhere.
    fn collect(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let (method, rest) = lines.next()?.split_once(' ')?;
        let request = super::is_token(method) && rest.contains("SIP/");
        if !request || Method::parse(method) == Method::Ack {
            return None;
        }
        let limits = Limits::default();
        let mut parts = Self { vias: Vec::new(), headers: Vec::new() };
        for (name, value) in lines.take(limits.headers).filter_map(|line| line.split_once(':')) {
            let value = trim(value);
            match Name::parse(trim(name)) {
                _ if value.len() > limits.header_bytes => {}
                Some(Name::Via) => {
                    let room = limits.vias.saturating_sub(parts.vias.len());
                    parts.vias.extend(Elements(value).take(room).map(str::to_owned));
                }
                Some(name @ (Name::From | Name::To | Name::CallId | Name::CSeq))
                    if parts.headers.iter().all(|(known, _)| *known != name) =>
                {
                    parts.headers.push((name, value.to_owned()));
                }
                _ => {}
            }
        }
        parts.top_via().is_some().then_some(parts)
    }
}
