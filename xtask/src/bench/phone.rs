//! Many callers on one socket: just enough SIP to call a domain that asks for no password, to answer what the
//! server sends, and to hang up.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Requests are repeated after this long.
const REPEAT_AFTER: Duration = Duration::from_millis(500);
/// And given up after so many repetitions.
const REPEATS: u32 = 7;

/// The callers.
pub(crate) struct Phone {
    socket: UdpSocket,
    local: SocketAddr,
    server: SocketAddr,
    domain: &'static str,
    calls: HashMap<u32, Call>,
    next: u32,
    /// Calls that were refused, or never answered.
    pub(crate) failed: u32,
}

struct Call {
    state: State,
    request: String,
    sent: Instant,
    repeats: u32,
    to_tag: String,
    target: String,
}

#[derive(PartialEq)]
enum State {
    Inviting,
    Ringing,
    Talking,
    HangingUp,
}

/// A call that was answered.
pub(crate) struct Answered {
    pub(crate) number: u32,
    /// Where the server wants RTP.
    pub(crate) media: SocketAddr,
}

impl Phone {
    pub(crate) fn new(server: SocketAddr, domain: &'static str) -> Result<Self, String> {
        let bind = || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>((socket.local_addr()?, socket))
        };
        let (local, socket) = bind().map_err(|error| format!("a socket for SIP: {error}"))?;
        Ok(Self { socket, local, server, domain, calls: HashMap::new(), next: 1, failed: 0 })
    }

    /// Calls; RTP is wanted at `media`.
    pub(crate) fn invite(&mut self, media: SocketAddr) -> u32 {
        let number = self.next;
        self.next += 1;
        let sdp = format!(
            "v=0\r\no=- {number} 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n",
            ip = media.ip(),
            port = media.port()
        );
        let uri = format!("sip:bench@{}", self.domain);
        let request = format!(
            "{}Contact: <sip:load@{}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            self.head(("INVITE", "invite"), &uri, number, 1, ""),
            self.local,
            sdp.len()
        );
        self.send(&request);
        let call = Call {
            state: State::Inviting,
            request,
            sent: Instant::now(),
            repeats: 0,
            to_tag: String::new(),
            target: uri,
        };
        self.calls.insert(number, call);
        number
    }

    /// Hangs up a call that was answered.
    pub(crate) fn bye(&mut self, number: u32) {
        let Some(call) = self.calls.get(&number).filter(|call| call.state == State::Talking) else { return };
        let head = self.head(("BYE", "bye"), &call.target, number, 2, &call.to_tag);
        let request = format!("{head}Content-Length: 0\r\n\r\n");
        self.send(&request);
        if let Some(call) = self.calls.get_mut(&number) {
            (call.state, call.request, call.sent, call.repeats) =
                (State::HangingUp, request, Instant::now(), 0);
        }
    }

    /// Reads what came, repeats what was not answered, and tells which calls were answered.
    pub(crate) fn poll(&mut self) -> Vec<Answered> {
        let mut answered = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            answered.extend(self.take(&text));
        }
        self.repeat();
        answered
    }

    fn take(&mut self, text: &str) -> Option<Answered> {
        let number: u32 = header(text, "Call-ID")?.split('-').next()?.parse().ok()?;
        let Some(status) = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok())
        else {
            return self.take_request(text, number);
        };
        let to = header(text, "To")?;
        let is_invite = header(text, "CSeq")?.ends_with("INVITE");
        let call = self.calls.get_mut(&number)?;
        if !is_invite {
            self.calls.remove(&number);
            return None;
        }
        match status {
            100..200 => {
                if call.state == State::Inviting {
                    call.state = State::Ringing;
                }
                None
            }
            200 => {
                let first = matches!(call.state, State::Inviting | State::Ringing);
                if first {
                    call.state = State::Talking;
                    call.to_tag =
                        to.split_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).unwrap_or_default();
                    let contact = header(text, "Contact").unwrap_or_default();
                    call.target = contact.trim_matches(['<', '>']).to_owned();
                }
                let (target, to_tag) = (call.target.clone(), call.to_tag.clone());
                let ack = self.head(("ACK", "ack"), &target, number, 1, &to_tag);
                self.send(&format!("{ack}Content-Length: 0\r\n\r\n"));
                let port = text.split_once("m=audio ")?.1.split(' ').next()?.parse().ok()?;
                first.then_some(Answered { number, media: SocketAddr::new(self.server.ip(), port) })
            }
            _ => {
                let uri = format!("sip:bench@{}", self.domain);
                let tag = to.split_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).unwrap_or_default();
                let ack = self.head(("ACK", "invite"), &uri, number, 1, &tag);
                self.send(&format!("{ack}Content-Length: 0\r\n\r\n"));
                self.calls.remove(&number);
                self.failed += 1;
                None
            }
        }
    }

    /// A BYE of the server ends the call.
    fn take_request(&mut self, text: &str, number: u32) -> Option<Answered> {
        if text.starts_with("ACK ") {
            return None;
        }
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
        let lines: Vec<String> =
            copied.iter().filter_map(|name| Some(format!("{name}: {}\r\n", header(text, name)?))).collect();
        self.send(&format!("SIP/2.0 200 OK\r\n{}Content-Length: 0\r\n\r\n", lines.concat()));
        self.calls.remove(&number);
        None
    }

    fn repeat(&mut self) {
        let (socket, server, failed) = (&self.socket, self.server, &mut self.failed);
        self.calls.retain(|_, call| {
            let waiting = matches!(call.state, State::Inviting | State::HangingUp);
            if !waiting || call.sent.elapsed() < REPEAT_AFTER * (1 << call.repeats.min(3)) {
                return true;
            }
            call.repeats += 1;
            call.sent = Instant::now();
            // A lost repetition is followed by another.
            let _ = socket.send_to(call.request.as_bytes(), server);
            let given_up = call.repeats > REPEATS;
            *failed += u32::from(given_up);
            !given_up
        });
    }

    fn head(
        &self,
        (method, branch): (&str, &str),
        uri: &str,
        number: u32,
        cseq: u32,
        to_tag: &str,
    ) -> String {
        let (local, domain) = (self.local, self.domain);
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{port}.{number}.{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:load@{domain}>;tag={number}\r\nTo: <sip:bench@{domain}>{to_tag}\r\n\
             Call-ID: {number}-{port}@bench\r\nCSeq: {cseq} {method}\r\n",
            port = local.port()
        )
    }

    fn send(&self, text: &str) {
        // What the kernel does not take is repeated like a lost packet.
        let _ = self.socket.send_to(text.as_bytes(), self.server);
    }
}

fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::trim_end))
}
