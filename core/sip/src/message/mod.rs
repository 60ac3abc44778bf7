//! SIP messages (RFC 3261 7): parsed in place over [`Bytes`] with a table of offsets, and printed into one
//! buffer. What [`Message::parse`] accepts has its mandatory headers, each well formed, so that reading them
//! cannot fail.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod grammar;
mod headers;
mod index;
mod malformed;
mod method;
mod name;
mod name_addr;
mod parse;
mod print;
mod refer;
mod status;
#[cfg(test)]
mod tests;
mod via;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use self::grammar::{Elements, delta_seconds};
use self::index::{Index, Span, Start};

pub use self::grammar::{Params, is_token, unquoted};
pub use self::malformed::{Malformed, MalformedReason, ReplyParts};
pub use self::method::Method;
pub use self::name::Name;
pub use self::name_addr::NameAddr;
pub use self::print::{HeaderName, RequestBuilder, ResponseBuilder};
pub use self::refer::{ReferTo, Replaces, sipfrag_status};
pub use self::status::default_reason;
pub use self::via::{MAGIC_COOKIE, Via};

/// How much of a message is taken before it is refused. Every cap keeps the cost of a hostile message in
/// proportion to its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole message.
    pub message_bytes: usize,
    /// Bytes before the body; at most 65,535 whatever is set here.
    pub head_bytes: usize,
    /// Bytes of one header, unfolded.
    pub header_bytes: usize,
    /// Header lines.
    pub headers: usize,
    /// Via values.
    pub vias: usize,
    /// Values of each of Contact, Route and Record-Route.
    pub values: usize,
    /// Parameters of one value.
    pub parameters: usize,
}

impl Limits {
    const PARAMETERS: usize = 64;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 65_536,
            head_bytes: 32_768,
            header_bytes: 8192,
            headers: 128,
            vias: 64,
            values: 64,
            parameters: Self::PARAMETERS,
        }
    }
}

/// The number and method of a CSeq header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31 (RFC 3261 8.1.1.5).
    pub number: u32,
    /// In a request the method of the request itself.
    pub method: Method<'a>,
}

/// A request or a response. Cloning copies two pointers.
#[derive(Clone)]
pub struct Message {
    bytes: Bytes,
    index: Arc<Index>,
}

impl Message {
    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.index.start, Start::Request { .. })
    }

    /// The method of a request; of a response that of its CSeq.
    pub fn method(&self) -> Method<'_> {
        Method::parse(self.text(match &self.index.start {
            Start::Request { method, .. } => *method,
            Start::Response { .. } => self.index.cseq_method,
        }))
    }

    /// The Request-URI as written; empty for a response.
    pub fn uri(&self) -> &str {
        match &self.index.start {
            Start::Request { uri, .. } => self.text(*uri),
            Start::Response { .. } => "",
        }
    }

    /// The status of a response, 100 to 699.
    pub fn status(&self) -> Option<u16> {
        match &self.index.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(*status),
        }
    }

    /// The reason phrase of a response, perhaps empty; empty for a request.
    pub fn reason(&self) -> &str {
        match &self.index.start {
            Start::Request { .. } => "",
            Start::Response { reason, .. } => self.text(*reason),
        }
    }

    /// The first value of a header.
    pub fn header(&self, name: Name) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every value of a header in order, folded lines made one. Where the header is a list
    /// ([`Name::is_list`]) each line may hold several values, and empty ones are left out.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &str> {
        let list = name.is_list();
        self.index.entries.iter().filter(move |entry| entry.name == Some(name)).flat_map(move |entry| {
            let line = self.text(entry.value);
            Elements(if list { line } else { "" }).chain((!list).then_some(line))
        })
    }

    /// Every header line in order, name and value as received but for folds.
    pub fn all_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.index.entries.iter().map(|entry| (self.text(entry.name_span), self.text(entry.value)))
    }

    /// The first header line of a name that [`Name`] may not know, without regard to case.
    pub fn header_named(&self, name: &str) -> Option<&str> {
        match Name::parse(name) {
            Some(known) => self.line(known),
            None => {
                self.all_headers().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            }
        }
    }

    /// Call-ID.
    pub fn call_id(&self) -> &str {
        self.text(self.index.call_id)
    }

    /// CSeq.
    pub fn cseq(&self) -> CSeq<'_> {
        CSeq { number: self.index.cseq_number, method: Method::parse(self.text(self.index.cseq_method)) }
    }

    /// From.
    pub fn from(&self) -> NameAddr<'_> {
        self.index.from.of(self)
    }

    /// To.
    pub fn to(&self) -> NameAddr<'_> {
        self.index.to.of(self)
    }

    /// The tag of From; only RFC 2543 phones leave it out.
    #[allow(clippy::wrong_self_convention)] // named after the header
    pub fn from_tag(&self) -> Option<&str> {
        self.from().tag()
    }

    /// The tag of To.
    pub fn to_tag(&self) -> Option<&str> {
        self.to().tag()
    }

    /// The first Via: the hop the message comes from, or for a response ourselves.
    pub fn top_via(&self) -> Via<'_> {
        self.index.via.of(self)
    }

    /// Every Via in order.
    pub fn vias(&self) -> impl Iterator<Item = Via<'_>> {
        self.headers(Name::Via).filter_map(Via::parse)
    }

    /// The first Contact address; `None` when there is none, or `*`.
    pub fn contact(&self) -> Option<NameAddr<'_>> {
        self.contacts().next()
    }

    /// Every Contact address in order; `*` is not one.
    pub fn contacts(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.addresses(Name::Contact)
    }

    /// Whether there is a `Contact: *`, which a REGISTER with `Expires: 0` removes all bindings with.
    pub fn has_contact_wildcard(&self) -> bool {
        self.headers(Name::Contact).any(|value| value == "*")
    }

    /// Every Record-Route in order.
    pub fn record_routes(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.addresses(Name::RecordRoute)
    }

    /// Every Route in order.
    pub fn routes(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.addresses(Name::Route)
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Option<u8> {
        self.index.max_forwards
    }

    /// Expires in seconds; `None` also when it is malformed, which RFC 3261 20.19 treats as absent.
    pub fn expires(&self) -> Option<u32> {
        self.header(Name::Expires).and_then(delta_seconds)
    }

    /// Content-Type.
    pub fn content_type(&self) -> Option<&str> {
        self.header(Name::ContentType)
    }

    /// The body: as long as Content-Length says, or all the rest of a datagram that has none.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.index.body_start..).unwrap_or_default()
    }

    /// The body, sharing the message's buffer.
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice(self.index.body_start.min(self.bytes.len())..)
    }

    /// The message as received, but for folds (their line ends are blanks here) and for what was before or
    /// behind it in its datagram.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The first line of a header, lists not taken apart.
    fn line(&self, name: Name) -> Option<&str> {
        self.index.entries.iter().find(|entry| entry.name == Some(name)).map(|entry| self.text(entry.value))
    }

    fn addresses(&self, name: Name) -> impl Iterator<Item = NameAddr<'_>> {
        self.headers(name).filter_map(NameAddr::parse)
    }

    /// The parser checked that the head is UTF-8 and that spans end on letters.
    fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes.get(span.range()).unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Debug for Message {
    /// Shows what kind of message it is, and nothing of its people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, method) = (self.index.cseq_number, self.method());
        match self.status() {
            Some(status) => write!(f, "Message({status} to {number} {method})"),
            None => write!(f, "Message({number} {method})"),
        }
    }
}
