//! Messages on their way out: builders that write straight into one buffer. A CR, LF or NUL in a value never
//! reaches the wire, so no value can forge a header.

use std::fmt::{self, Display, Write as _};
use std::net::SocketAddr;

use bytes::Bytes;

use super::{Message, Method, Name, Via, default_reason, is_token};

/// What can name a header: a [`Name`] or a text.
pub trait HeaderName {
    /// The name to write.
    fn text(&self) -> &str;
    /// Which known header it is.
    fn known(&self) -> Option<Name>;
}

impl HeaderName for Name {
    fn text(&self) -> &str {
        self.as_str()
    }
    fn known(&self) -> Option<Name> {
        Some(*self)
    }
}

impl HeaderName for &str {
    fn text(&self) -> &str {
        self
    }
    fn known(&self) -> Option<Name> {
        Name::parse(self)
    }
}

impl HeaderName for &String {
    fn text(&self) -> &str {
        self
    }
    fn known(&self) -> Option<Name> {
        Name::parse(self)
    }
}

/// Builds the response to a request (RFC 3261 8.2.6): Via, From, To, Call-ID and CSeq come from the request.
pub struct ResponseBuilder<'a> {
    request: &'a Message,
    status: u16,
    reason: Option<&'a str>,
    to_tag: Option<&'a str>,
    source: Option<SocketAddr>,
    record_route: bool,
    extra: Vec<u8>,
    body: Option<(&'a str, &'a [u8])>,
}

impl<'a> ResponseBuilder<'a> {
    /// A response of this status, with the reason phrase of the RFCs.
    pub fn new(request: &'a Message, status: u16) -> Self {
        Self {
            request,
            status,
            reason: None,
            to_tag: None,
            source: None,
            record_route: false,
            extra: Vec::new(),
            body: None,
        }
    }

    /// Another reason phrase.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The tag to write into To, unless the request's To has one.
    pub fn to_tag(mut self, tag: &'a str) -> Self {
        self.to_tag = Some(tag);
        self
    }

    /// Where the request came from: written into the top Via as `received`, and as `rport` when it was asked
    /// for; what the request itself claimed there is dropped (RFC 3261 18.2.1, RFC 3581 4).
    pub fn source(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Repeats Record-Route: in answers that make a dialog (RFC 3261 12.1.1).
    pub fn record_route(mut self) -> Self {
        self.record_route = true;
        self
    }

    /// One more header. A name that is no token, or that the builder writes itself, is left out; control
    /// characters in the value become blanks.
    pub fn header(mut self, name: impl HeaderName, value: impl Display) -> Self {
        put_extra(&mut self.extra, &name, value);
        self
    }

    /// The body and its Content-Type.
    pub fn body(mut self, content_type: &'a str, body: &'a [u8]) -> Self {
        self.body = Some((content_type, body));
        self
    }

    /// The response, Content-Length included.
    pub fn finish(self) -> Bytes {
        let body_bytes = self.body.map_or(0, |(_, body)| body.len());
        let mut buffer = start_response(self.status, self.reason, 384 + self.extra.len() + body_bytes);
        for (position, via) in self.request.headers(Name::Via).enumerate() {
            match position {
                0 => put_via(&mut buffer, &self.request.top_via(), self.source),
                _ => copy(&mut buffer, Name::Via, via),
            }
        }
        if self.record_route {
            for route in self.request.headers(Name::RecordRoute) {
                copy(&mut buffer, Name::RecordRoute, route);
            }
        }
        copy(&mut buffer, Name::From, self.request.from().as_str());
        copy(&mut buffer, Name::To, self.request.to().as_str());
        if let Some(tag) = self.to_tag.filter(|_| self.request.to_tag().is_none()) {
            buffer.truncate(buffer.len() - 2);
            buffer.extend_from_slice(b";tag=");
            let _ = Clean(&mut buffer).write_str(tag);
            buffer.extend_from_slice(b"\r\n");
        }
        copy(&mut buffer, Name::CallId, self.request.call_id());
        let cseq = self.request.cseq();
        put(&mut buffer, Name::CSeq.as_str(), format_args!("{} {}", cseq.number, cseq.method));
        buffer.extend_from_slice(&self.extra);
        put_body(&mut buffer, self.body);
        buffer.into()
    }
}

/// Builds a request. Headers are written in the order of the calls.
pub struct RequestBuilder<'a> {
    method: Method<'a>,
    buffer: Vec<u8>,
    body: Option<(&'a str, &'a [u8])>,
}

impl<'a> RequestBuilder<'a> {
    /// A request for this URI; white space in the URI is left out.
    pub fn new(method: Method<'a>, uri: &str) -> Self {
        let mut buffer = Vec::with_capacity(768);
        let plain = |byte: &u8| *byte > b' ' && *byte != 0x7f;
        buffer.extend(method.as_str().bytes().filter(plain));
        buffer.push(b' ');
        buffer.extend(uri.bytes().filter(plain));
        buffer.extend_from_slice(b" SIP/2.0\r\n");
        Self { method, buffer, body: None }
    }

    /// One Via: `SIP/2.0/{transport} {sent_by};branch={branch};rport`.
    pub fn via(mut self, transport: &str, sent_by: impl Display, branch: &str) -> Self {
        let via = format_args!("SIP/2.0/{transport} {sent_by};branch={branch};rport");
        put(&mut self.buffer, Name::Via.as_str(), via);
        self
    }

    /// A Via as another message had it: for the CANCEL or the ACK of a request (RFC 3261 9.1, 17.1.1.3).
    pub fn via_value(mut self, via: impl Display) -> Self {
        put(&mut self.buffer, Name::Via.as_str(), via);
        self
    }

    /// From, its tag included.
    pub fn from(mut self, from: impl Display) -> Self {
        put(&mut self.buffer, Name::From.as_str(), from);
        self
    }

    /// To, its tag included if there is one.
    pub fn to(mut self, to: impl Display) -> Self {
        put(&mut self.buffer, Name::To.as_str(), to);
        self
    }

    /// Call-ID.
    pub fn call_id(mut self, call_id: impl Display) -> Self {
        put(&mut self.buffer, Name::CallId.as_str(), call_id);
        self
    }

    /// CSeq, with the method of the request.
    pub fn cseq(mut self, number: u32) -> Self {
        put(&mut self.buffer, Name::CSeq.as_str(), format_args!("{number} {}", self.method));
        self
    }

    /// Max-Forwards.
    pub fn max_forwards(mut self, hops: u8) -> Self {
        put(&mut self.buffer, Name::MaxForwards.as_str(), hops);
        self
    }

    /// One Route, angle brackets included.
    pub fn route(mut self, route: impl Display) -> Self {
        put(&mut self.buffer, Name::Route.as_str(), route);
        self
    }

    /// Contact, angle brackets included.
    pub fn contact(mut self, contact: impl Display) -> Self {
        put(&mut self.buffer, Name::Contact.as_str(), contact);
        self
    }

    /// One more header. A name that is no token, or that the builder writes by another call, is left out;
    /// control characters in the value become blanks.
    pub fn header(mut self, name: impl HeaderName, value: impl Display) -> Self {
        put_extra(&mut self.buffer, &name, value);
        self
    }

    /// The body and its Content-Type.
    pub fn body(mut self, content_type: &'a str, body: &'a [u8]) -> Self {
        self.body = Some((content_type, body));
        self
    }

    /// The request, Content-Length included.
    pub fn finish(mut self) -> Bytes {
        put_body(&mut self.buffer, self.body);
        self.buffer.into()
    }
}

/// A buffer that begins with a status line.
pub(super) fn start_response(status: u16, reason: Option<&str>, capacity: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(capacity);
    let _ = write!(Clean(&mut buffer), "SIP/2.0 {status} {}", reason.unwrap_or(default_reason(status)));
    buffer.extend_from_slice(b"\r\n");
    buffer
}

/// One header line; control characters in the value become blanks.
pub(super) fn put(buffer: &mut Vec<u8>, name: &str, value: impl Display) {
    buffer.extend_from_slice(name.as_bytes());
    buffer.extend_from_slice(b": ");
    let _ = write!(Clean(buffer), "{value}");
    buffer.extend_from_slice(b"\r\n");
}

/// The top Via with what is known of its sender.
pub(super) fn put_via(buffer: &mut Vec<u8>, via: &Via<'_>, source: Option<SocketAddr>) {
    let Some(source) = source else {
        return copy(buffer, Name::Via, via.as_str());
    };
    let address = source.ip().to_canonical();
    let mut line = Clean(buffer);
    let _ = write!(line, "Via: SIP/2.0/{} {}", via.transport, via.sent_by());
    for (name, value) in via.params() {
        let _ = match value {
            _ if name.eq_ignore_ascii_case("received") => Ok(()),
            _ if name.eq_ignore_ascii_case("rport") => write!(line, ";rport={}", source.port()),
            Some(value) => write!(line, ";{name}={value}"),
            None => write!(line, ";{name}"),
        };
    }
    let _ = write!(line, ";received={address}");
    buffer.extend_from_slice(b"\r\n");
}

fn put_extra(buffer: &mut Vec<u8>, name: &impl HeaderName, value: impl Display) {
    let written_elsewhere = matches!(
        name.known(),
        Some(
            Name::Via
                | Name::From
                | Name::To
                | Name::CallId
                | Name::CSeq
                | Name::ContentLength
                | Name::ContentType
        )
    );
    if is_token(name.text()) && !written_elsewhere {
        put(buffer, name.text(), value);
    }
}

fn put_body(buffer: &mut Vec<u8>, body: Option<(&str, &[u8])>) {
    let (content_type, body) = body.unwrap_or_default();
    if !content_type.is_empty() {
        put(buffer, Name::ContentType.as_str(), content_type);
    }
    put(buffer, Name::ContentLength.as_str(), body.len());
    buffer.extend_from_slice(b"\r\n");
    buffer.extend_from_slice(body);
}

/// A header line as another message had it, escaped control characters included; only NUL becomes a blank,
/// and line ends cannot be in it.
fn copy(buffer: &mut Vec<u8>, name: Name, value: &str) {
    buffer.extend_from_slice(name.as_str().as_bytes());
    buffer.extend_from_slice(b": ");
    let start = buffer.len();
    buffer.extend_from_slice(value.as_bytes());
    for byte in buffer.iter_mut().skip(start).filter(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        *byte = b' ';
    }
    buffer.extend_from_slice(b"\r\n");
}

/// Writes texts without their control characters.
struct Clean<'a>(&'a mut Vec<u8>);

impl fmt::Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
        let start = self.0.len();
        self.0.extend_from_slice(text.as_bytes());
        if text.bytes().fold(false, |found, byte| found | control(byte)) {
            for byte in self.0.iter_mut().skip(start).filter(|byte| control(**byte)) {
                *byte = b' ';
            }
        }
        Ok(())
    }
}
