//! The WebSocket as a SIP transport (RFC 7118): the HTTP upgrade, then one SIP message in each WebSocket message.
//! The framing is tungstenite's (RFC 6455); it is given bytes, and no socket.

use std::io::{self, Read, Write};

use bytes::Bytes;
use tungstenite::Message;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::HeaderValue;
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

/// What an upgrade request may weigh; browsers send cookies with it.
const UPGRADE_BYTES_MAX: usize = 16 * 1024;
/// What a connection keeps for reading, besides an unfinished message.
const BUFFER_BYTES: usize = 4 * 1024;
/// The sub-protocol (RFC 7118 4.1).
const SUB_PROTOCOL: &str = "sip";

/// What came out of a read.
#[derive(Default)]
pub(crate) struct Unframed {
    /// SIP messages, and keep-alives of CR LF as they came.
    pub(crate) messages: Vec<Bytes>,
    /// Something whole came: a message, a ping or a pong.
    pub(crate) alive: bool,
    /// Nothing more will come, or nothing more can be understood.
    pub(crate) ended: bool,
}

/// One connection's WebSocket, the server's side.
pub(crate) struct WebSocket {
    state: State,
    message_bytes_max: usize,
}

enum State {
    /// The request so far.
    Upgrading(Vec<u8>),
    Open(Box<WebSocketContext>),
    Refused,
}

impl WebSocket {
    pub(crate) fn new(message_bytes_max: usize) -> Self {
        Self { state: State::Upgrading(Vec::new()), message_bytes_max }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether the rest of something is awaited.
    pub(crate) fn is_partial(&self) -> bool {
        matches!(&self.state, State::Upgrading(request) if !request.is_empty())
    }

    /// Takes what came; appends what the protocol answers by itself to `reply`.
    pub(crate) fn receive(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Unframed {
        match &mut self.state {
            State::Upgrading(request) => {
                request.extend_from_slice(bytes);
                self.upgrade(reply)
            }
            State::Open(context) => unframe(context, bytes, reply),
            State::Refused => Unframed { ended: true, ..Unframed::default() },
        }
    }

    /// Frames a message: as text where it is text, since that is what most clients take (RFC 7118 5).
    pub(crate) fn frame(&mut self, message: Bytes, framed: &mut Vec<u8>) -> io::Result<()> {
        let message = match String::from_utf8(message.to_vec()) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(message),
        };
        self.send(message, framed)
    }

    /// Asks whether the peer is there, and keeps whatever lies between from forgetting the connection.
    pub(crate) fn ping(&mut self, framed: &mut Vec<u8>) -> io::Result<()> {
        self.send(Message::Ping(Bytes::new()), framed)
    }

    /// Says that the connection ends.
    pub(crate) fn close(&mut self, framed: &mut Vec<u8>) -> io::Result<()> {
        if self.is_open() { self.send(Message::Close(None), framed) } else { Ok(()) }
    }

    fn send(&mut self, message: Message, framed: &mut Vec<u8>) -> io::Result<()> {
        let State::Open(context) = &mut self.state else { return Err(io::ErrorKind::NotConnected.into()) };
        let mut pipe = Pipe { input: &[], output: framed };
        let written = context.write(&mut pipe, message).and_then(|()| context.flush(&mut pipe));
        written.map_err(io::Error::other)
    }

    fn upgrade(&mut self, reply: &mut Vec<u8>) -> Unframed {
        let State::Upgrading(request) = &mut self.state else { return Unframed::default() };
        let answer = match Request::try_parse(request) {
            Ok(None) if request.len() <= UPGRADE_BYTES_MAX => return Unframed::default(),
            Ok(None) => Err("431 Request Header Fields Too Large"),
            Ok(Some((length, _))) if length > UPGRADE_BYTES_MAX => Err("431 Request Header Fields Too Large"),
            Ok(Some((length, parsed))) => accept(&parsed, reply).map(|()| request.split_off(length)),
            Err(_) => Err("400 Bad Request"),
        };
        match answer {
            Ok(rest) => {
                let mut context = Box::new(WebSocketContext::new(Role::Server, Some(self.config())));
                let unframed = unframe(&mut context, &rest, reply);
                self.state = State::Open(context);
                unframed
            }
            Err(status) => {
                refuse(status, reply);
                self.state = State::Refused;
                Unframed { ended: true, ..Unframed::default() }
            }
        }
    }

    fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(self.message_bytes_max))
            .max_frame_size(Some(self.message_bytes_max))
    }
}

fn accept(request: &Request, reply: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut response = create_response(request).map_err(|_| "426 Upgrade Required")?;
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if !offered.any(|name| name.trim().eq_ignore_ascii_case(SUB_PROTOCOL)) {
        return Err("400 Sub-protocol sip is required");
    }
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUB_PROTOCOL));
    write_response(reply, &response).map_err(|_| "500 Internal Server Error")
}

fn refuse(status: &str, reply: &mut Vec<u8>) {
    let upgrade =
        if status.starts_with("426") { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" };
    let text = format!("HTTP/1.1 {status}\r\n{upgrade}Connection: close\r\nContent-Length: 0\r\n\r\n");
    reply.extend_from_slice(text.as_bytes());
}

fn unframe(context: &mut WebSocketContext, bytes: &[u8], reply: &mut Vec<u8>) -> Unframed {
    let mut pipe = Pipe { input: bytes, output: reply };
    let mut unframed = Unframed::default();
    loop {
        match context.read(&mut pipe) {
            Ok(Message::Text(text)) => unframed.messages.push(Bytes::from(text)),
            Ok(Message::Binary(bytes)) => unframed.messages.push(bytes),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => {
                tracing::debug!(%error, "WebSocket ended");
                unframed.ended = true;
                break;
            }
        }
        unframed.alive = true;
    }
    // A pong, or the echo of a close; what cannot be written any more need not be.
    let _ = context.flush(&mut pipe);
    unframed
}

/// A stream in memory: reads what came, writes what is to go.
struct Pipe<'a> {
    input: &'a [u8],
    output: &'a mut Vec<u8>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.input.read(buffer),
        }
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "GET /sip HTTP/1.1\r\nHost: sip.example.com\r\nConnection: keep-alive, Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn reply_to(request: &str) -> (WebSocket, String, Unframed) {
        let mut socket = WebSocket::new(1000);
        let mut reply = Vec::new();
        let unframed = socket.receive(request.as_bytes(), &mut reply);
        (socket, String::from_utf8(reply).expect("text"), unframed)
    }

    /// A masked frame (RFC 6455 5.2) with a mask of zeros.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ ..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        frame
    }

    fn open() -> WebSocket {
        reply_to(&format!("{UPGRADE}Sec-WebSocket-Protocol: chat, sip\r\n\r\n")).0
    }

    #[test]
    fn rfc7118_4_1_the_upgrade_agrees_on_sip() {
        let (socket, reply, unframed) =
            reply_to(&format!("{UPGRADE}Sec-WebSocket-Protocol: chat, sip\r\n\r\n"));
        assert!(reply.starts_with("HTTP/1.1 101 "), "{reply}");
        assert!(reply.to_lowercase().contains("sec-websocket-protocol: sip\r\n"), "{reply}");
        assert!(reply.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{reply}");
        assert!(socket.is_open() && !unframed.ended);
    }

    #[test]
    fn what_is_no_upgrade_to_sip_is_refused_in_http() {
        for (request, status) in [
            (format!("{UPGRADE}\r\n"), "400"),
            (format!("{UPGRADE}Sec-WebSocket-Protocol: chat\r\n\r\n"), "400"),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "426"),
            ("POST / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
            ("REGISTER sip:a SIP/2.0\r\n\r\n".to_owned(), "400"),
            (format!("{UPGRADE}X: {}", "x".repeat(20_000)), "431"),
        ] {
            let (socket, reply, unframed) = reply_to(&request);
            assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {reply}");
            assert!(unframed.ended && !socket.is_open());
        }
    }

    #[test]
    fn messages_come_as_text_or_binary_whole_or_in_fragments() {
        let mut socket = open();
        let mut stream = frame(0x81, b"OPTIONS 1");
        stream.extend(frame(0x82, b"OPTIONS 2"));
        stream.extend(frame(0x01, b"OPT"));
        stream.extend(frame(0x89, b"there?"));
        stream.extend(frame(0x80, b"IONS 3"));
        let (mut messages, mut reply) = (Vec::new(), Vec::new());
        for byte in stream {
            messages.extend(socket.receive(&[byte], &mut reply).messages);
        }
        assert_eq!(messages, [&b"OPTIONS 1"[..], b"OPTIONS 2", b"OPTIONS 3"]);
        assert_eq!(reply, b"\x8a\x06there?", "the ping is answered between the fragments");
    }

    #[test]
    fn a_message_beyond_the_limit_ends_the_connection() {
        for stream in [
            frame(0x81, &[b'x'; 1001]),
            [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 600])].concat(),
            b"\x81\x05hello".to_vec(),
        ] {
            assert!(open().receive(&stream, &mut Vec::new()).ended, "{:?}", &stream[..4]);
        }
    }

    #[test]
    fn what_is_text_goes_as_text() {
        let (mut socket, mut framed) = (open(), Vec::new());
        socket.frame(Bytes::from_static(b"SIP/2.0 200 OK"), &mut framed).expect("framed");
        assert_eq!(framed, b"\x81\x0eSIP/2.0 200 OK");
        framed.clear();
        socket.frame(Bytes::from_static(b"\xff"), &mut framed).expect("framed");
        assert_eq!(framed, b"\x82\x01\xff");
        framed.clear();
        socket.close(&mut framed).expect("closed");
        assert_eq!(framed, b"\x88\x00");
    }
}
