//! What lies between the bytes of a connection and SIP messages: TLS or nothing, then a stream or a WebSocket.

use std::io;

use bytes::Bytes;
use ringway_sip::framing::{Framed, StreamFramer};
use ringway_sip::message::Limits;

use crate::tls::Tls;
use crate::ws::WebSocket;

const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// The layers of one connection.
pub(crate) struct Channel {
    tls: Option<Box<Tls>>,
    framing: Framing,
}

enum Framing {
    Stream(StreamFramer),
    WebSocket(WebSocket),
}

/// What came out of one read.
#[derive(Default)]
pub(crate) struct Arrived {
    pub(crate) messages: Vec<Bytes>,
    /// Something whole came, a keep-alive at least.
    pub(crate) alive: bool,
    pub(crate) ended: Option<Ended>,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer has nothing more to say.
    Finished,
    /// The network broke it, or the peer did.
    Broken,
    /// What came cannot be understood, or not be trusted.
    Unintelligible,
    /// The peer does not read what we write.
    QueueFull,
}

impl Channel {
    /// Messages cut by their Content-Length, within TLS if there is one.
    pub(crate) fn stream(tls: Option<Tls>, limits: &Limits) -> Self {
        Self { tls: tls.map(Box::new), framing: Framing::Stream(StreamFramer::new(limits.clone())) }
    }

    /// A WebSocket that awaits its upgrade, within TLS if there is one.
    pub(crate) fn web_socket(tls: Option<Tls>, limits: &Limits) -> Self {
        let socket = WebSocket::new(limits.message_bytes);
        Self { tls: tls.map(Box::new), framing: Framing::WebSocket(socket) }
    }

    /// Whether handshake and upgrade are done, so that messages may go.
    pub(crate) fn is_open(&self) -> bool {
        let upgraded = match &self.framing {
            Framing::Stream(_) => true,
            Framing::WebSocket(socket) => socket.is_open(),
        };
        upgraded && !self.is_handshaking()
    }

    /// Whether the rest of a message is awaited.
    pub(crate) fn is_partial(&self) -> bool {
        match &self.framing {
            Framing::Stream(framer) => framer.buffered() > 0,
            Framing::WebSocket(socket) => socket.is_partial(),
        }
    }

    /// The first bytes of a connection of ours.
    pub(crate) fn greeting(&mut self) -> Vec<u8> {
        let mut greeting = Vec::new();
        if let Some(tls) = &mut self.tls {
            tls.write_pending(&mut greeting);
        }
        greeting
    }

    /// Takes what came from the socket; appends to `reply` what the layers answer by themselves: handshakes,
    /// keep-alives (RFC 5626 3.5.1), pongs.
    pub(crate) fn receive(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Arrived {
        let Some(tls) = &mut self.tls else { return self.framing.receive(bytes, reply) };
        let mut plain = Vec::new();
        let opened = tls.open(bytes, &mut plain);
        tls.write_pending(reply);
        let mut answer = Vec::new();
        let mut arrived = match plain.is_empty() {
            true => Arrived::default(),
            false => self.framing.receive(&plain, &mut answer),
        };
        // It fails only where nothing can be sealed any more.
        let _ = tls.seal(&answer, reply);
        match opened {
            Ok(false) => {}
            Ok(true) => arrived.ended = arrived.ended.or(Some(Ended::Finished)),
            Err(error) => {
                tracing::debug!(%error, "TLS failed");
                arrived.ended = Some(Ended::Unintelligible);
            }
        }
        arrived
    }

    /// What is written to the socket for a message; the channel must be open.
    pub(crate) fn seal(&mut self, message: Bytes) -> io::Result<Bytes> {
        let framed = match &mut self.framing {
            Framing::Stream(_) => message,
            Framing::WebSocket(socket) => {
                let mut framed = Vec::with_capacity(message.len() + 16);
                socket.frame(message, &mut framed)?;
                Bytes::from(framed)
            }
        };
        self.encrypt(framed)
    }

    /// What keeps a WebSocket alive; nothing where the transport's own probes do.
    pub(crate) fn ping(&mut self) -> Option<Bytes> {
        let Framing::WebSocket(socket) = &mut self.framing else { return None };
        let mut framed = Vec::new();
        socket.ping(&mut framed).ok()?;
        self.encrypt(Bytes::from(framed)).ok()
    }

    /// The last bytes of a connection.
    pub(crate) fn farewell(&mut self) -> Vec<u8> {
        let mut last = Vec::new();
        if let Framing::WebSocket(socket) = &mut self.framing {
            // After the peer's own close there is nothing left to say.
            let _ = socket.close(&mut last);
        }
        let Some(tls) = &mut self.tls else { return last };
        let mut sealed = Vec::new();
        // Before the end of the handshake nothing can be sealed, and there is nothing to seal.
        let _ = tls.seal(&last, &mut sealed);
        tls.close(&mut sealed);
        sealed
    }

    fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    fn encrypt(&mut self, plain: Bytes) -> io::Result<Bytes> {
        let Some(tls) = &mut self.tls else { return Ok(plain) };
        let mut sealed = Vec::with_capacity(plain.len() + 64);
        tls.seal(&plain, &mut sealed)?;
        Ok(Bytes::from(sealed))
    }
}

impl Framing {
    fn receive(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Arrived {
        match self {
            Framing::Stream(framer) => cut(framer, bytes, reply),
            Framing::WebSocket(socket) => unwrap(socket, bytes, reply),
        }
    }
}

fn cut(framer: &mut StreamFramer, bytes: &[u8], reply: &mut Vec<u8>) -> Arrived {
    let mut arrived = Arrived::default();
    framer.push(bytes);
    loop {
        match framer.next() {
            Ok(None) => return arrived,
            Ok(Some(Framed::Message(bytes))) => arrived.messages.push(bytes),
            Ok(Some(Framed::KeepAlivePong)) => {}
            Ok(Some(Framed::KeepAlivePing)) => reply.extend_from_slice(PONG),
            Err(error) => {
                tracing::debug!(%error, "stream is not SIP");
                arrived.ended = Some(Ended::Unintelligible);
                return arrived;
            }
        }
        arrived.alive = true;
    }
}

fn unwrap(socket: &mut WebSocket, bytes: &[u8], reply: &mut Vec<u8>) -> Arrived {
    let unframed = socket.receive(bytes, reply);
    let ended = unframed.ended.then_some(Ended::Unintelligible);
    let mut arrived = Arrived { alive: unframed.alive, ended, ..Arrived::default() };
    for message in unframed.messages {
        if message == PING {
            // Clients that cannot send WebSocket pings use those of RFC 5626.
            let _ = socket.frame(Bytes::from_static(PONG), reply);
        } else if !message.trim_ascii().is_empty() {
            arrived.messages.push(message);
        }
    }
    arrived
}
