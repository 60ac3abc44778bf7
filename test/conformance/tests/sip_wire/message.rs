//! SIP as text: requests made by hand, and messages taken apart with as little as that needs.

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::peer::Peer;

/// A value that no other request of this run has.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{:x}x{:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A request that is about to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Outside any dialog, with all that RFC 3261 8.1.1 demands, and a Contact.
    pub(crate) fn new(method: &str, uri: &str, peer: &Peer) -> Self {
        let local = peer.local;
        let headers = [
            ("Via", format!("SIP/2.0/{} {local};branch=z9hG4bK{};rport", peer.transport(), unique())),
            ("Max-Forwards", "70".to_owned()),
            ("From", format!("\"A Phone\" <sip:alice@phone.test>;tag={}", unique())),
            ("To", format!("<{uri}>")),
            ("Call-ID", format!("{}@phone.test", unique())),
            ("CSeq", format!("1 {method}")),
            ("Contact", peer.contact()),
        ];
        Self {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body: Vec::new(),
        }
    }

    /// An INVITE with this offer.
    pub(crate) fn invite(uri: &str, peer: &Peer, sdp: &str) -> Self {
        Self::new("INVITE", uri, peer).body("application/sdp", sdp)
    }

    /// With one more header, after the others.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another value of a header that is there.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let header = self.headers.iter_mut().find(|(key, _)| key == name);
        value.clone_into(&mut header.unwrap_or_else(|| panic!("no {name}")).1);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("Content-Type", content_type)
    }

    /// As the next attempt of the same request: another transaction, the next number.
    pub(crate) fn again(self, peer: &Peer) -> Self {
        let number = self.number() + 1;
        let (method, local, transport) = (self.method.clone(), peer.local, peer.transport());
        let via = format!("SIP/2.0/{transport} {local};branch=z9hG4bK{};rport", unique());
        self.set("CSeq", &format!("{number} {method}")).set("Via", &via)
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(key, _)| key == name);
        header.map_or_else(|| panic!("no {name}"), |(_, value)| value)
    }

    /// The number of its CSeq.
    pub(crate) fn number(&self) -> u32 {
        self.value("CSeq").split(' ').next().and_then(|number| number.parse().ok()).expect("a CSeq")
    }

    /// The CANCEL of this INVITE.
    pub(crate) fn cancel(&self) -> Self {
        let mut cancel = self.clone().without("Contact").without("Content-Type");
        cancel.method = "CANCEL".to_owned();
        cancel.body.clear();
        let cseq = format!("{} CANCEL", self.number());
        cancel.set("CSeq", &cseq)
    }

    /// The ACK of a refusal of this INVITE.
    pub(crate) fn ack_of(&self, refusal: &Message) -> Self {
        let mut ack = self.cancel();
        ack.method = "ACK".to_owned();
        let cseq = format!("{} ACK", self.number());
        ack.set("CSeq", &cseq).set("To", refusal.header("To"))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} SIP/2.0\r\n", self.method, self.uri);
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").expect("memory");
        }
        write!(text, "Content-Length: {}\r\n\r\n", self.body.len()).expect("memory");
        [text.as_bytes(), &self.body].concat()
    }
}

/// A message that came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// As it was on the wire.
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no blank line: {text:?}"));
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_owned(), value.to_owned())
        };
        let message = Self {
            start,
            headers: lines.map(header).collect(),
            body: body.to_owned(),
            bytes: bytes.to_vec(),
        };
        assert_eq!(message.header("Content-Length"), body.len().to_string(), "{message:?}");
        message
    }

    /// The status of a response, 0 of a request.
    pub(crate) fn status(&self) -> u16 {
        let code = self.start.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
        code.map_or(0, |code| code.parse().expect("a status"))
    }

    /// The method of a request, empty for a response.
    pub(crate) fn method(&self) -> &str {
        if self.status() == 0 { self.start.split(' ').next().unwrap_or_default() } else { "" }
    }

    /// The Request-URI of a request.
    pub(crate) fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The first header of this name, empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The URI in its Contact.
    pub(crate) fn contact_uri(&self) -> &str {
        let contact = self.header("Contact");
        let uri = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        uri.unwrap_or_else(|| panic!("no Contact: {self:?}")).0
    }

    /// The lines of its session description of one type, such as `m`.
    pub(crate) fn sdp(&self, letter: char) -> Vec<&str> {
        let value = |line: &'_ str| line.strip_prefix(letter).is_some_and(|rest| rest.starts_with('='));
        self.body.lines().filter(|line| value(line)).map(|line| &line[2..]).collect()
    }

    /// Id and version of the `o=` line.
    pub(crate) fn session(&self) -> (String, u64) {
        let origin = self.sdp('o');
        let words: Vec<&str> =
            origin.first().unwrap_or_else(|| panic!("no o=: {self:?}")).split(' ').collect();
        (words[1].to_owned(), words[2].parse().expect("a version"))
    }

    /// `sendrecv`, `recvonly` and so on.
    pub(crate) fn direction(&self) -> &str {
        let attributes = self.sdp('a');
        let directions = ["sendrecv", "sendonly", "recvonly", "inactive"];
        attributes.into_iter().find(|name| directions.contains(name)).unwrap_or("none")
    }
}
