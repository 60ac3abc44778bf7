//! A hand-made SIP caller over UDP, for tests that want to say every byte. It has no password: domains let it
//! in by its address.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a response may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Message {
    /// The whole text.
    pub text: String,
}

impl Message {
    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&str> {
        let method = self.text.split(' ').next()?;
        (method != "SIP/2.0").then_some(method)
    }

    /// The first header of this name, empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers(name).into_iter().next().unwrap_or_default()
    }

    /// What follows the headers.
    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// Where the first stream of its SDP goes to.
    ///
    /// # Panics
    /// When there is none.
    pub fn media(&self) -> SocketAddr {
        let line = |start: &str| self.body().lines().find_map(|line| line.strip_prefix(start));
        let ip = line("c=IN IP4 ").and_then(|ip| ip.parse().ok());
        let port = line("m=audio ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        match (ip, port) {
            (Some(ip), Some(port)) => SocketAddr::new(IpAddr::V4(ip), port),
            _ => panic!("no audio in {}", self.text),
        }
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }
}

/// One call.
pub struct Caller {
    socket: UdpSocket,
    server: SocketAddr,
    call_id: String,
    from: String,
    /// Further lines of every INVITE.
    headers: String,
    to: String,
    target: String,
    cseq: u32,
}

impl Caller {
    /// Of a call that is still to be made, to this address.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn new(server: SocketAddr, uri: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let call_id = format!("{}-{number}", std::process::id());
        let from = "<sip:caller@caller.test>".to_owned();
        let (to, target) = (format!("<{uri}>"), uri.to_owned());
        Self { socket, server, call_id, from, headers: String::new(), to, target, cseq: 0 }
    }

    /// From this address, as the From header has it but for its tag.
    pub fn with_from(mut self, from: &str) -> Self {
        from.clone_into(&mut self.from);
        self
    }

    /// With one more header line in its INVITE.
    pub fn with_header(mut self, line: &str) -> Self {
        self.headers += &format!("{line}\r\n");
        self
    }

    /// Sends the INVITE.
    pub fn invite(&mut self, sdp: &str) {
        self.cseq += 1;
        self.request("INVITE", "INVITE", sdp);
    }

    /// Calls, and acknowledges the answer.
    ///
    /// # Panics
    /// When the call is not answered.
    pub fn call(&mut self, sdp: &str) -> Message {
        self.invite(sdp);
        let answer = self.answered();
        assert_eq!(answer.status(), Some(200), "{}", answer.text);
        answer
    }

    /// Waits for the final response to an INVITE and acknowledges it.
    pub fn answered(&mut self) -> Message {
        let answer = self.response("INVITE");
        answer.header("To").clone_into(&mut self.to);
        if answer.status() == Some(200) {
            let contact = answer.header("Contact");
            let uri = contact.split_once('<').and_then(|(_, rest)| rest.split('>').next());
            uri.unwrap_or(contact).clone_into(&mut self.target);
            self.request("ACK", "ACK", "");
        } else {
            // It belongs to the INVITE's transaction then (RFC 3261 17.1.1.3).
            self.request("ACK", "INVITE", "");
        }
        answer
    }

    /// Offers anew within the call, and acknowledges the answer.
    pub fn reinvite(&mut self, sdp: &str) -> Message {
        self.invite(sdp);
        self.answered()
    }

    /// Hangs up.
    pub fn hang_up(&mut self) -> Message {
        self.cseq += 1;
        self.request("BYE", "BYE", "");
        self.response("BYE")
    }

    /// Waits until the other side hangs up, and agrees.
    pub fn wait_for_bye(&mut self) -> Message {
        let bye = self.wait("BYE", |message| message.method() == Some("BYE"));
        let mut response = "SIP/2.0 200 OK\r\n".to_owned();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            bye.headers(name).iter().for_each(|value| response += &format!("{name}: {value}\r\n"));
        }
        response += "Content-Length: 0\r\n\r\n";
        self.send(&response);
        bye
    }

    fn request(&self, method: &str, branch: &str, sdp: &str) {
        let (local, cseq) = (self.socket.local_addr().expect("an address"), self.cseq);
        let content_type = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK{branch}{cseq}{call_id}\r\n\
             Max-Forwards: 70\r\n\
             From: {from};tag=caller\r\n\
             To: {to}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:caller@{local}>\r\n\
             {headers}{content_type}Content-Length: {length}\r\n\r\n{sdp}",
            uri = self.target,
            from = self.from,
            headers = if method == "INVITE" { &self.headers } else { "" },
            to = self.to,
            call_id = self.call_id,
            length = sdp.len()
        );
        self.send(&text);
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).expect("a message is sent");
    }

    fn response(&self, method: &str) -> Message {
        let cseq = format!("{} {method}", self.cseq);
        let is_final = |message: &Message| message.status().is_some_and(|status| status >= 200);
        let what = format!("a final response to {method}");
        self.wait(&what, |message| is_final(message) && message.header("CSeq") == cseq)
    }

    /// Waits for a message; others are passed over.
    fn wait(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        let deadline = Instant::now() + LIMIT;
        let mut buffer = [0; 65536];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {LIMIT:?}");
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                let message = Message { text: String::from_utf8_lossy(&buffer[..length]).into_owned() };
                if wanted(&message) {
                    return message;
                }
            }
        }
    }
}
