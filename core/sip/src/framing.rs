//! Messages out of a stream (RFC 3261 18.3): cut by Content-Length, with the keep-alives of RFC 5626 between
//! them.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::message::{Limits, Name, is_token};

/// What a stream brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// One whole message, not parsed yet.
    Message(Bytes),
    /// CR LF CR LF: the peer wants to know that we live; answer CR LF (RFC 5626 3.5.1).
    KeepAlivePing,
    /// CR LF: the answer to our own ping, or the first half of a ping that comes in pieces.
    KeepAlivePong,
}

/// Why a stream cannot be cut any further; the connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingError {
    /// The bytes between messages are no SIP.
    NotSip,
    /// The head is longer than [`Limits::head_bytes`].
    HeadTooLarge,
    /// The message is longer than [`Limits::message_bytes`].
    MessageTooLarge,
    /// No Content-Length, which a stream must have.
    MissingContentLength,
    /// A Content-Length that is no number, or two that differ.
    BadContentLength,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSip => "not SIP",
            Self::HeadTooLarge => "headers too large",
            Self::MessageTooLarge => "message too large",
            Self::MissingContentLength => "no Content-Length in a stream",
            Self::BadContentLength => "bad Content-Length",
        })
    }
}

impl std::error::Error for FramingError {}

/// Cuts one connection's bytes into messages.
#[derive(Debug)]
pub struct StreamFramer {
    limits: Limits,
    buffer: BytesMut,
    /// How far the end of the head was looked for in vain.
    searched: usize,
    /// The whole length of the message at the front, once its head is there.
    message_length: Option<usize>,
    /// A lone CR LF was taken for a pong; one more makes it a ping.
    half_ping: bool,
    failed: Option<FramingError>,
}

impl StreamFramer {
    /// A framer for a new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: BytesMut::new(),
            searched: 0,
            message_length: None,
            half_ping: false,
            failed: None,
        }
    }

    /// Takes what was read. Call [`StreamFramer::next`] until it has nothing before reading more, so that
    /// at most one message is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes wait for the rest of their message.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next thing in the stream; `None` until more bytes come.
    ///
    /// # Errors
    /// [`FramingError`], and the same again ever after: where the next message begins is lost.
    #[allow(clippy::should_implement_trait)] // an iterator's end is final; this one goes on after a push
    pub fn next(&mut self) -> Result<Option<Framed>, FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let framed = self.advance();
        self.failed = framed.as_ref().err().copied();
        framed
    }

    fn advance(&mut self) -> Result<Option<Framed>, FramingError> {
        if self.message_length.is_none()
            && self.searched == 0
            && let Some(keep_alive) = self.between_messages()?
        {
            return Ok(Some(keep_alive));
        }
        let length = match self.message_length {
            Some(length) => length,
            None => match self.read_head()? {
                Some(length) => length,
                None => return Ok(None),
            },
        };
        self.message_length = Some(length);
        if self.buffer.len() < length {
            return Ok(None);
        }
        self.message_length = None;
        self.searched = 0;
        Ok(Some(Framed::Message(self.buffer.split_to(length).freeze())))
    }

    /// Takes line ends; what is left then is the start of a message, or nothing.
    fn between_messages(&mut self) -> Result<Option<Framed>, FramingError> {
        loop {
            let rest = match self.buffer.get(..4.min(self.buffer.len())).unwrap_or_default() {
                b"\r\n\r\n" if !self.half_ping => {
                    self.buffer.advance(4);
                    return Ok(Some(Framed::KeepAlivePing));
                }
                [b'\r', b'\n', rest @ ..] => rest.len(),
                [] | b"\r" => return Ok(None),
                [first, ..] => {
                    self.half_ping = false;
                    return if is_start(*first) { Ok(None) } else { Err(FramingError::NotSip) };
                }
            };
            self.buffer.advance(2);
            if std::mem::take(&mut self.half_ping) {
                return Ok(Some(Framed::KeepAlivePing));
            }
            if rest == 0 {
                self.half_ping = true;
                return Ok(Some(Framed::KeepAlivePong));
            }
        }
    }

    /// The length of the message at the front, or `None` while its head is not whole.
    fn read_head(&mut self) -> Result<Option<usize>, FramingError> {
        let most = self.limits.head_bytes.saturating_add(4);
        // The blank line may have begun in bytes that were searched before.
        let from = self.searched.saturating_sub(3);
        let window = self.buffer.get(from..self.buffer.len().min(most)).unwrap_or_default();
        let Some(found) = memchr::memmem::find(window, b"\r\n\r\n") else {
            self.searched = self.buffer.len();
            return if self.buffer.len() >= most { Err(FramingError::HeadTooLarge) } else { Ok(None) };
        };
        let head_end = from + found + 2;
        let body_length = content_length(self.buffer.get(..head_end).unwrap_or_default())?;
        let length = body_length.saturating_add(head_end + 2);
        if length > self.limits.message_bytes {
            return Err(FramingError::MessageTooLarge);
        }
        Ok(Some(length))
    }
}

fn is_start(byte: u8) -> bool {
    std::str::from_utf8(&[byte]).is_ok_and(is_token)
}

/// The one Content-Length of a head whose lines all end in CR LF.
fn content_length(head: &[u8]) -> Result<usize, FramingError> {
    let mut found = None;
    let mut position = 0;
    while let Some(end) = memchr::memchr(b'\n', head.get(position..).unwrap_or_default()) {
        let line = head.get(position..position + end).unwrap_or_default();
        let next = position + end + 1;
        if let Some(colon) = line.iter().take(32).position(|byte| *byte == b':')
            && is_content_length(line.get(..colon).unwrap_or_default())
        {
            let value = unfolded_value(head.get(position + colon + 1..).unwrap_or_default());
            let length = parse_length(value).ok_or(FramingError::BadContentLength)?;
            if found.is_some_and(|known| known != length) {
                return Err(FramingError::BadContentLength);
            }
            found = Some(length);
        }
        position = next;
    }
    found.ok_or(FramingError::MissingContentLength)
}

fn is_content_length(name: &[u8]) -> bool {
    let name = name.trim_ascii_end();
    std::str::from_utf8(name).is_ok_and(|name| Name::parse(name) == Some(Name::ContentLength))
}

/// What stands behind the colon, up to the line end that no white space follows.
fn unfolded_value(rest: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Some(found) = memchr::memchr(b'\n', rest.get(end..).unwrap_or_default()) {
        end += found + 1;
        if !matches!(rest.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    rest.get(..end).unwrap_or_default().trim_ascii()
}

fn parse_length(value: &[u8]) -> Option<usize> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits
        .then(|| std::str::from_utf8(value).ok()?.parse::<u32>().ok())
        .flatten()
        .map(|length| length as usize)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const FIRST: &str = "OPTIONS sip:a SIP/2.0\r\nCall-ID: x\r\nl : 5\r\n\r\nhello";
    const SECOND: &str = "OPTIONS sip:b SIP/2.0\r\nContent-Length:\r\n 0\r\n\r\n";

    fn framer() -> StreamFramer {
        StreamFramer::new(Limits::default())
    }

    fn drain(framer: &mut StreamFramer) -> Vec<Framed> {
        std::iter::from_fn(|| framer.next().unwrap()).collect()
    }

    fn message(text: &str) -> Framed {
        Framed::Message(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn messages_are_cut_wherever_the_stream_was_broken() {
        let stream = format!("{FIRST}{SECOND}{FIRST}");
        for size in 1..stream.len() {
            let mut framer = framer();
            let mut framed = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                framer.push(piece);
                framed.extend(drain(&mut framer));
            }
            assert_eq!(framed, [message(FIRST), message(SECOND), message(FIRST)], "pieces of {size}");
            assert_eq!(framer.buffered(), 0);
        }
    }

    #[test]
    fn keep_alives_are_told_apart() {
        let mut framer = framer();
        framer.push(b"\r\n\r\n");
        assert_eq!(drain(&mut framer), [Framed::KeepAlivePing]);
        framer.push(b"\r\n");
        assert_eq!(drain(&mut framer), [Framed::KeepAlivePong]);
        framer.push(b"\r\n");
        assert_eq!(drain(&mut framer), [Framed::KeepAlivePing], "a ping that came in two pieces");
        framer.push(format!("\r\n{SECOND}\r\n\r\n").as_bytes());
        assert_eq!(drain(&mut framer), [message(SECOND), Framed::KeepAlivePing]);
        framer.push(b"\r");
        assert_eq!(drain(&mut framer), []);
    }

    #[test]
    fn a_stream_that_cannot_be_cut_stays_failed() {
        let cases = [
            ("\u{16}\u{3}\u{1}", FramingError::NotSip),
            ("OPTIONS sip:a SIP/2.0\r\nX: y\r\n\r\n", FramingError::MissingContentLength),
            ("OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n", FramingError::BadContentLength),
            ("OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n", FramingError::BadContentLength),
            ("OPTIONS sip:a SIP/2.0\r\nl: 70000\r\n\r\n", FramingError::MessageTooLarge),
            (&"x".repeat(40_000), FramingError::HeadTooLarge),
        ];
        for (text, error) in cases {
            let mut framer = framer();
            framer.push(text.as_bytes());
            assert_eq!(framer.next(), Err(error), "{error}");
            framer.push(FIRST.as_bytes());
            assert_eq!(framer.next(), Err(error));
        }
    }
}
