//! The sockets of a phone, and a call that it has.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use ringway_testkit::wait_for;

use crate::message::{Message, Request, unique};

/// How long an answer may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// One socket, and what came through it.
pub(crate) struct Peer {
    wire: Wire,
    pub(crate) local: SocketAddr,
    server: SocketAddr,
    /// What came and was not asked for yet.
    inbox: RefCell<Vec<Message>>,
}

enum Wire {
    Udp(UdpSocket),
    Tcp(RefCell<(TcpStream, Vec<u8>)>),
}

impl Peer {
    pub(crate) fn udp(server: SocketAddr) -> Self {
        Self::udp_from("127.0.0.1", server)
    }

    pub(crate) fn udp_from(ip: &str, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("a free port");
        // Answers from elsewhere would be lost, as they are behind a NAT.
        socket.connect(server).expect("it can be reached");
        let local = socket.local_addr().expect("an address");
        Self { wire: Wire::Udp(socket), local, server, inbox: RefCell::default() }
    }

    pub(crate) fn tcp(server: SocketAddr) -> Self {
        Self::of_stream(TcpStream::connect(server).expect("it can be reached"))
    }

    /// The phone that Ringway connects to.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).expect("an option");
        let (stream, _) = wait_for("a connection", LIMIT, || listener.accept().ok());
        stream.set_nonblocking(false).expect("an option");
        Self::of_stream(stream)
    }

    fn of_stream(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an option");
        let local = stream.local_addr().expect("an address");
        let server = stream.peer_addr().expect("an address");
        Self { wire: Wire::Tcp(RefCell::new((stream, Vec::new()))), local, server, inbox: RefCell::default() }
    }

    pub(crate) fn transport(&self) -> &'static str {
        match self.wire {
            Wire::Udp(_) => "UDP",
            Wire::Tcp(_) => "TCP",
        }
    }

    /// A Contact where it can be reached.
    pub(crate) fn contact(&self) -> String {
        match self.wire {
            Wire::Udp(_) => format!("<sip:alice@{}>", self.local),
            Wire::Tcp(_) => format!("<sip:alice@{};transport=tcp>", self.local),
        }
    }

    pub(crate) fn send(&self, request: &Request) {
        self.send_bytes(&request.bytes());
    }

    /// One datagram, or one write.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        match &self.wire {
            Wire::Udp(socket) => {
                socket.send(bytes).expect("it is sent");
            }
            Wire::Tcp(stream) => stream.borrow_mut().0.write_all(bytes).expect("it is sent"),
        }
    }

    /// Sends a request and waits for its final answer.
    pub(crate) fn ask(&self, request: &Request) -> Message {
        self.send(request);
        self.answer_to(request)
    }

    /// The final answer to a request; what else comes is kept.
    pub(crate) fn answer_to(&self, request: &Request) -> Message {
        self.response_to(request, |status| status >= 200)
    }

    /// The next answer to a request with such a status.
    pub(crate) fn response_to(&self, request: &Request, status: impl Fn(u16) -> bool) -> Message {
        let (call_id, cseq) = (request.value("Call-ID").to_owned(), request.value("CSeq").to_owned());
        self.take(&format!("an answer to {}", request.method), |message| {
            message.status() != 0
                && message.header("Call-ID") == call_id
                && message.header("CSeq") == cseq
                && status(message.status())
        })
    }

    /// The next request of this method.
    pub(crate) fn request(&self, method: &str) -> Message {
        self.take(method, |message| message.method() == method)
    }

    /// Answers a request of Ringway.
    pub(crate) fn reply(&self, request: &Message, status: &str) {
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
        let headers = request.headers.iter().filter(|(name, _)| copied.contains(&name.as_str()));
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.send_bytes(format!("SIP/2.0 {status}\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes());
    }

    /// The first message that fits, waiting for it; others are kept.
    pub(crate) fn take(&self, what: &str, fits: impl Fn(&Message) -> bool) -> Message {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = self.inbox.borrow().iter().position(&fits);
            if let Some(index) = found {
                return self.inbox.borrow_mut().remove(index);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let next = (!left.is_zero()).then(|| self.receive(left)).flatten();
            let Some(message) = next else { panic!("{what} did not come; only {:#?}", self.inbox.borrow()) };
            self.inbox.borrow_mut().push(message);
        }
    }

    /// Everything that came up to now. An OPTIONS that is answered proves that what was sent before it was
    /// looked at.
    pub(crate) fn everything(&self) -> Vec<Message> {
        let options = Request::new("OPTIONS", "sip:anybody.test", self);
        assert_eq!(self.ask(&options).status(), 200);
        self.inbox.take()
    }

    /// Whether nothing has come and nothing waits.
    pub(crate) fn is_silent(&self) -> bool {
        self.inbox.borrow().is_empty() && self.receive(Duration::from_millis(1)).is_none()
    }

    /// The next message; none when none came, or the connection is closed.
    fn receive(&self, limit: Duration) -> Option<Message> {
        match &self.wire {
            Wire::Udp(socket) => {
                socket.set_read_timeout(Some(limit)).expect("a timeout");
                let mut buffer = vec![0; 65536];
                let length = socket.recv(&mut buffer).ok()?;
                Some(Message::parse(&buffer[..length]))
            }
            Wire::Tcp(stream) => {
                let (stream, buffer) = &mut *stream.borrow_mut();
                stream.set_read_timeout(Some(limit)).expect("a timeout");
                loop {
                    if let Some(length) = whole(buffer) {
                        let message: Vec<u8> = buffer.drain(..length).collect();
                        return Some(Message::parse(&message));
                    }
                    let mut bytes = [0; 65536];
                    let length = stream.read(&mut bytes).ok().filter(|length| *length > 0)?;
                    buffer.extend_from_slice(&bytes[..length]);
                }
            }
        }
    }

    /// Bytes that are no message, such as the answer to a keep-alive.
    pub(crate) fn raw(&self, length: usize) -> Vec<u8> {
        let Wire::Tcp(stream) = &self.wire else { panic!("only streams have bytes between messages") };
        let mut bytes = vec![0; length];
        let stream = &mut stream.borrow_mut().0;
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.read_exact(&mut bytes).expect("bytes");
        bytes
    }

    /// Waits until the other side closes the connection; nothing may come before that.
    pub(crate) fn closed(&self) -> bool {
        let Wire::Tcp(stream) = &self.wire else { panic!("only streams are closed") };
        let stream = &mut stream.borrow_mut().0;
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        match stream.read(&mut [0; 1]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// The service that it talks to.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }
}

/// The length of the message at the head of a stream, once it is complete.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let total = head + length.parse::<usize>().expect("a number");
    (buffer.len() >= total).then_some(total)
}

/// A call that was answered.
pub(crate) struct Call<'a> {
    peer: &'a Peer,
    pub(crate) invite: Request,
    /// The 200.
    pub(crate) answer: Message,
    number: u32,
}

impl<'a> Call<'a> {
    /// Calls, waits for the 200, and acknowledges it.
    pub(crate) fn answered(peer: &'a Peer, uri: &str, sdp: &str) -> Self {
        Self::of(peer, Request::invite(uri, peer, sdp))
    }

    pub(crate) fn of(peer: &'a Peer, invite: Request) -> Self {
        peer.send(&invite);
        Self::of_sent(peer, invite)
    }

    /// The same, of an INVITE that is under way.
    pub(crate) fn of_sent(peer: &'a Peer, invite: Request) -> Self {
        let answer = peer.answer_to(&invite);
        assert_eq!(answer.status(), 200, "{answer:?}");
        let call = Self { peer, number: invite.number(), invite, answer };
        peer.send(&call.ack());
        call
    }

    /// The ACK of an answer that nobody else has seen yet.
    pub(crate) fn ack_for(peer: &'a Peer, invite: &Request, answer: &Message) -> Request {
        Self { peer, number: invite.number(), invite: invite.clone(), answer: answer.clone() }.ack()
    }

    /// The ACK of the newest INVITE.
    pub(crate) fn ack(&self) -> Request {
        self.within("ACK", self.number)
    }

    /// The next request within the dialog.
    pub(crate) fn next(&mut self, method: &str) -> Request {
        self.number += 1;
        self.within(method, self.number)
    }

    /// Offers anew, and acknowledges what is answered.
    pub(crate) fn reinvite(&mut self, sdp: &str) -> Message {
        let invite = self.next("INVITE").body("application/sdp", sdp);
        let answer = self.peer.ask(&invite);
        match answer.status() {
            200 => self.peer.send(&self.ack()),
            _ => self.peer.send(&invite.ack_of(&answer)),
        }
        answer
    }

    /// Hangs up.
    pub(crate) fn bye(&mut self) {
        let bye = self.next("BYE");
        assert_eq!(self.peer.ask(&bye).status(), 200);
    }

    fn within(&self, method: &str, number: u32) -> Request {
        let mut request = Request::new(method, self.answer.contact_uri(), self.peer);
        request = request
            .set("From", self.invite.value("From"))
            .set("To", self.answer.header("To"))
            .set("Call-ID", self.invite.value("Call-ID"))
            .set("CSeq", &format!("{number} {method}"));
        for route in self.answer.all("Record-Route").into_iter().rev() {
            request = request.header("Route", route);
        }
        if matches!(method, "INVITE" | "UPDATE") { request } else { request.without("Contact") }
    }
}

/// A socket for RTP, which counts what comes.
pub(crate) struct Rtp {
    socket: UdpSocket,
    pub(crate) port: u16,
}

impl Rtp {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        Self { socket, port }
    }

    /// The next packet.
    pub(crate) fn receive(&self) -> Vec<u8> {
        self.socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
        let mut buffer = [0; 2048];
        let length = self.socket.recv(&mut buffer).expect("RTP");
        buffer[..length].to_vec()
    }

    /// Waits until none comes any more.
    pub(crate) fn wait_for_silence(&self) {
        self.socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        wait_for("the end of RTP", LIMIT, || self.socket.recv(&mut [0; 2048]).is_err().then_some(()));
    }
}

/// Where the RTP of an answer goes.
pub(crate) fn rtp_address(answer: &Message) -> SocketAddr {
    let connection = answer.sdp('c');
    let ip = connection.first().and_then(|line| line.rsplit(' ').next()).expect("an address");
    let media = answer.sdp('m');
    let port =
        media.iter().find_map(|line| line.strip_prefix("audio ")).and_then(|line| line.split(' ').next());
    format!("{ip}:{}", port.expect("an audio stream")).parse().expect("an address")
}

/// A tag that Ringway never made.
pub(crate) fn foreign_tag() -> String {
    format!("foreign{}", unique())
}
