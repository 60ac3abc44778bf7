//! From bytes to a [`Message`]: one pass over the head that fills the table of offsets and checks everything
//! that typed reading relies on.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use ringway_model::uri::{Scheme, UriRef};

use super::grammar::{is_token, number};
use super::headers::{Head, Headers};
use super::index::{Index, Span, Start};
use super::{Limits, Malformed, MalformedReason, Message};

use MalformedReason as Reason;

impl Message {
    /// Parses one message: a datagram, or what a [`StreamFramer`](crate::framing::StreamFramer) cut out of a
    /// stream. Line ends before it are skipped, what is behind its body is cut off (RFC 3261 7.5, 18.3).
    ///
    /// # Errors
    /// [`Malformed`]: the fault, and what is needed to answer it.
    pub fn parse(mut bytes: Bytes, limits: &Limits) -> Result<Message, Malformed> {
        while bytes.starts_with(b"\r\n") {
            bytes.advance(2);
        }
        if bytes.is_empty() {
            return Err(Malformed::without_reply(Reason::Empty));
        }
        let head_end = head_end(&bytes, limits)?;
        let head = bytes.get(..head_end).unwrap_or_default();
        let Ok(head) = std::str::from_utf8(head) else {
            return Err(Malformed::new(Reason::NotUtf8, &unfolded(&String::from_utf8_lossy(head))));
        };
        match read_head(head, limits) {
            Ok(read) => finish(bytes, head_end, read),
            Err(Fault::Folded) => {
                let unfolded = unfolded(head).into_owned();
                let read = read_head(&unfolded, limits).map_err(|fault| fault.refusal(&unfolded))?;
                let mut whole = unfolded.into_bytes();
                whole.extend_from_slice(bytes.get(head_end..).unwrap_or_default());
                finish(whole.into(), head_end, read)
            }
            Err(fault) => Err(fault.refusal(head)),
        }
    }
}

enum Fault {
    /// A header goes on in the next line; the head must be unfolded first.
    Folded,
    Reason(Reason),
}

impl Fault {
    fn refusal(self, head: &str) -> Malformed {
        match self {
            // Unfolding leaves no fold behind, so this is not met.
            Self::Folded => Malformed::new(Reason::HeaderLine, head),
            Self::Reason(reason) => Malformed::new(reason, head),
        }
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

/// Where the headers end, the CR LF of the last one included.
fn head_end(bytes: &[u8], limits: &Limits) -> Result<usize, Malformed> {
    let most = limits.head_bytes.min(usize::from(u16::MAX));
    let window = bytes.get(..most + 4).unwrap_or(bytes);
    let found = memchr::memmem::find(window, b"\r\n\r\n").map(|position| position + 2);
    let reason = match found {
        Some(_) if bytes.len() > limits.message_bytes => Reason::TooLarge,
        Some(end) if end <= most => return Ok(end),
        Some(_) => Reason::HeadTooLarge,
        None if bytes.len() > most => Reason::HeadTooLarge,
        None => Reason::NoBlankLine,
    };
    Err(Malformed::new(reason, &unfolded(&String::from_utf8_lossy(window))))
}

/// The same text with the line end of each fold made blanks, so that every offset stays what it was.
fn unfolded(head: &str) -> Cow<'_, str> {
    if !head.contains("\r\n ") && !head.contains("\r\n\t") {
        return head.into();
    }
    head.replace("\r\n ", "   ").replace("\r\n\t", "  \t").into()
}

fn finish(mut bytes: Bytes, head_end: usize, head: Head) -> Result<Message, Malformed> {
    let body_start = head_end + 2;
    if let Some(length) = head.content_length {
        let end = body_start.saturating_add(length);
        if bytes.len() < end {
            let text = bytes.get(..head_end).map(String::from_utf8_lossy).unwrap_or_default();
            return Err(Malformed::new(Reason::BodyTruncated, &text));
        }
        bytes.truncate(end);
    }
    Ok(Message { bytes, index: Arc::new(Index { body_start, ..head.index }) })
}

fn read_head(head: &str, limits: &Limits) -> Result<Head, Fault> {
    let (start_line, mut rest) = next_line(head)?;
    let start = read_start(head, start_line)?;
    let mut headers = Headers::new(head, limits);
    while !rest.is_empty() {
        let (line, next) = next_line(rest)?;
        headers.read_line(line)?;
        rest = next;
    }
    Ok(headers.into_head(start)?)
}

/// The first line without its CR LF, and what follows. The line has no control characters but tabs and those
/// that a backslash escapes.
fn next_line(text: &str) -> Result<(&str, &str), Fault> {
    let bytes = text.as_bytes();
    let mut end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    // An escaped CR is as wrong as a bare one: only CR LF ends a line, and a bare LF is found below.
    let line = text.get(..end).unwrap_or_default();
    if bytes.get(end + 1) != Some(&b'\n') || has_control(line.as_bytes()) {
        return Err(Reason::ControlCharacter.into());
    }
    end += 2;
    if matches!(bytes.get(end), Some(b' ' | b'\t')) {
        return Err(Fault::Folded);
    }
    Ok((line, text.get(end..).unwrap_or_default()))
}

fn has_control(line: &[u8]) -> bool {
    let control = |byte: u8| (byte < 0x20 && byte != b'\t') || byte == 0x7f;
    // Without branches first: nearly every line has none.
    if !line.iter().fold(false, |found, byte| found | control(*byte)) {
        return false;
    }
    let mut escaped = false;
    line.iter().any(|&byte| {
        let wrong = control(byte) && (!escaped || byte == b'\n');
        escaped = byte == b'\\' && !escaped;
        wrong
    })
}

fn read_start(head: &str, line: &str) -> Result<Start, Fault> {
    if let Some(rest) = line.strip_prefix("SIP/") {
        return read_status_line(head, rest);
    }
    let (method, rest) = line.split_once(' ').ok_or(Reason::StartLine)?;
    let (uri, version) = rest.split_once(' ').ok_or(Reason::StartLine)?;
    if !is_token(method) {
        return Err(Reason::StartLine.into());
    }
    check_version(version)?;
    let parsed = UriRef::parse(uri).map_err(|_| Reason::RequestUri)?;
    if matches!(parsed.scheme, Scheme::Sip | Scheme::Sips) && parsed.headers().next().is_some() {
        return Err(Reason::RequestUri.into());
    }
    Ok(Start::Request { method: Span::of(head, method), uri: Span::of(head, uri) })
}

fn check_version(version: &str) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let other = version
        .get(4..)
        .filter(|_| version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("SIP/")))
        .and_then(|numbers| numbers.split_once('.'))
        .is_some_and(|(major, minor)| digits(major) && digits(minor));
    Err(if other { Reason::Version } else { Reason::StartLine }.into())
}

fn read_status_line(head: &str, rest: &str) -> Result<Start, Fault> {
    let (version, rest) = rest.split_once(' ').ok_or(Reason::StartLine)?;
    if version != "2.0" {
        return Err(Reason::Version.into());
    }
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, rest.get(rest.len()..).unwrap_or_default()));
    let status = number(code).filter(|status| code.len() == 3 && (100..700).contains(status));
    Ok(Start::Response { status: status.ok_or(Reason::StatusCode)?, reason: Span::of(head, reason) })
}
