//! A whole endpoint under a peer and an application that do anything at any time. Whatever happens, each dialog
//! ends once, and nothing is left after the last timer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, Now, UnixTime};
use ringway_sip::endpoint::{
    Body, Command, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, FlowId, Input, NewInvite, OfferId,
    Output, Policy, ReferId, Source, Target, Transport, Verdict,
};
use ringway_sip::message::Message;

/// Longer than any timer that a peer can ask for, a session timer of a week included.
const FOR_GOOD: Duration = Duration::from_secs(9 * 24 * 3600);

/// Most steps of one run.
const STEPS_MAX: usize = 200;

/// Each line of the data is a step.
pub(crate) fn endpoint(data: &[u8]) {
    let mut world = World::new();
    for line in data.split(|byte| *byte == b'\n').take(STEPS_MAX) {
        world.step(line);
    }
    world.finish();
}

struct World {
    endpoint: Endpoint<()>,
    now: Moment,
    /// What the endpoint said last, for peers that answer.
    heard: Vec<String>,
    /// Every dialog, and whether it is over.
    dialogs: BTreeMap<DialogId, bool>,
    offers: Vec<(DialogId, OfferId)>,
    refers: Vec<(DialogId, ReferId)>,
    calls: u64,
}

struct Anybody;

impl Policy for Anybody {
    type Ticket = ();

    fn admit(&mut self, _now: Now, _request: &Message, _source: &Source) -> Verdict<()> {
        Verdict::Accept(())
    }
}

impl World {
    fn new() -> Self {
        let local = |_: SocketAddr, _: SocketAddr, _: Transport| SocketAddr::from(([198, 51, 100, 1], 5060));
        Self {
            endpoint: Endpoint::new(EndpointConfig::new(0, Box::new(local)), [7; 32]),
            now: Moment::from_start(Duration::from_secs(1)),
            heard: Vec::new(),
            dialogs: BTreeMap::new(),
            offers: Vec::new(),
            refers: Vec::new(),
            calls: 0,
        }
    }

    /// The first byte says what happens, the others how.
    fn step(&mut self, line: &[u8]) {
        let Some((kind, rest)) = line.split_first() else { return };
        let number = rest.first().copied().unwrap_or(0);
        match kind {
            b't' => self.pass(Duration::from_millis(u64::from(number) * 40)),
            b'T' => self.pass(Duration::from_secs(u64::from(number))),
            b'i' => self.receive(request("INVITE", number, "", rest)),
            b'r' => self.receive(rest.to_vec()),
            b'd' => self.request_within(rest),
            b'a' => self.answer(rest),
            b'c' => self.call(number),
            b'f' => self.input(Input::FlowClosed(FlowId(1))),
            b's' => self.input(Input::SendFailed { target: target(Transport::Udp) }),
            _ => self.command(number),
        }
    }

    /// A request of the peer in the dialog that we spoke of last, either way round.
    fn request_within(&mut self, rest: &[u8]) {
        const METHODS: [&str; 10] =
            ["ACK", "BYE", "INVITE", "UPDATE", "PRACK", "INFO", "CANCEL", "REFER", "NOTIFY", "OPTIONS"];
        let (method, number) =
            (METHODS[usize::from(rest.first().copied().unwrap_or(0)) % METHODS.len()], rest.get(1));
        let Some(last) = self.heard.last() else { return };
        let is_response = last.starts_with("SIP/2.0");
        let (from, to) = if is_response { ("From", "To") } else { ("To", "From") };
        let head = format!(
            "{method} sip:x@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}{:?}\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContact: <sip:a@192.0.2.1>\r\n",
            number,
            header(last, from),
            header(last, to),
            header(last, "Call-ID"),
            number.copied().unwrap_or(1),
        );
        self.receive(with_rest(head, rest.get(2..).unwrap_or_default()));
    }

    /// The peer answers what we asked last.
    fn answer(&mut self, rest: &[u8]) {
        let status = 100 + u16::from(rest.first().copied().unwrap_or(0)) * 5 % 600;
        let Some(asked) = self.heard.iter().rev().find(|text| !text.starts_with("SIP/2.0")) else { return };
        let tag = if header(asked, "To").contains("tag=") { "" } else { ";tag=b" };
        let fork = rest.get(1).copied().unwrap_or(0) % 3;
        let head = format!(
            "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}{}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:b@192.0.2.1>\r\n",
            header(asked, "Via"),
            header(asked, "From"),
            header(asked, "To"),
            if tag.is_empty() { String::new() } else { fork.to_string() },
            header(asked, "Call-ID"),
            header(asked, "CSeq"),
        );
        self.receive(with_rest(head, rest.get(2..).unwrap_or_default()));
    }

    fn call(&mut self, number: u8) {
        self.calls += 1;
        let dialog = DialogId::chosen(0, self.calls);
        self.dialogs.insert(dialog, false);
        let transport = if number.is_multiple_of(2) { Transport::Udp } else { Transport::Tcp };
        let (us, them) = ("<sip:us@example.com>", "<sip:them@example.com>");
        let mut invite = NewInvite::new(dialog, target(transport), "sip:them@example.com", us, them);
        invite.body = Some(description());
        invite.alternatives = vec![target(Transport::Udp); usize::from(number % 3)];
        self.input(Input::Command(Command::Invite(Box::new(invite))));
    }

    /// The application does something with the newest dialog, or one that is over.
    fn command(&mut self, number: u8) {
        let Some(dialog) = self.dialogs.keys().nth_back(usize::from(number / 16)).copied() else { return };
        let body = number.is_multiple_of(2).then(description);
        let (headers, reason) = (Vec::new(), None);
        let command = match number % 16 {
            0..=2 => Command::Respond { dialog, status: 180, reason, headers, body },
            3..=5 => Command::Respond { dialog, status: 200, reason, headers, body },
            6 => Command::Respond { dialog, status: 486, reason, headers, body: None },
            7 => Command::Reinvite { dialog, body },
            8 => Command::Update { dialog, body },
            9 => Command::Info { dialog, body: description() },
            10 => Command::Refer { dialog, refer_to: "<sip:c@example.com>".to_owned(), headers },
            11 => match self.offers.pop() {
                Some((dialog, offer)) => Command::AnswerOffer { dialog, offer, result: Ok(body) },
                None => return,
            },
            12 => match self.offers.pop() {
                Some((dialog, offer)) => Command::AnswerOffer { dialog, offer, result: Err(488) },
                None => return,
            },
            13 => match self.refers.last() {
                Some((dialog, refer)) => Command::AnswerRefer { dialog: *dialog, refer: *refer, status: 202 },
                None => return,
            },
            14 => match self.refers.pop() {
                Some((dialog, refer)) => Command::Notify { dialog, refer, status: 200, reason },
                None => return,
            },
            _ => Command::Hangup { dialog, reason, headers },
        };
        self.input(Input::Command(command));
    }

    fn receive(&mut self, bytes: Vec<u8>) {
        let source = Source {
            transport: Transport::Udp,
            remote: SocketAddr::from(([192, 0, 2, 1], 5060)),
            local: SocketAddr::from(([198, 51, 100, 1], 5060)),
            flow: None,
            arrival: self.now,
        };
        self.input(Input::Received { source, bytes: Bytes::from(bytes) });
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for fired in 0.. {
            let Some(at) = self.endpoint.next_timeout().filter(|at| *at <= end) else { break };
            assert!(fired < 1_000_000, "time stands still at {at:?}");
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    fn input(&mut self, input: Input) {
        let now = Now { monotonic: self.now, unix: UnixTime::from_secs(1_800_000_000) };
        self.endpoint.handle_input(now, input, &mut Anybody);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => self.hear(&transmit.bytes),
                Output::Flow(..) => {}
                Output::Event(event) => self.happen(event),
            }
        }
    }

    fn hear(&mut self, bytes: &Bytes) {
        let limits = ringway_sip::message::Limits::default();
        assert!(Message::parse(bytes.clone(), &limits).is_ok(), "we cannot read ourselves: {bytes:?}");
        if self.heard.len() >= 8 {
            self.heard.remove(0);
        }
        self.heard.push(String::from_utf8_lossy(bytes).into_owned());
    }

    fn happen(&mut self, event: Event<()>) {
        match event {
            Event::Incoming { dialog, .. } => {
                assert!(self.dialogs.insert(dialog, false).is_none(), "{dialog} comes twice");
            }
            Event::Dialog { dialog, event } => {
                let over = self.dialogs.get_mut(&dialog).expect("a dialog that we know");
                assert!(!*over, "{dialog} goes on after its end: {event:?}");
                match event {
                    DialogEvent::Offer { offer, .. } => self.offers.push((dialog, offer)),
                    DialogEvent::Refer { refer, .. } => self.refers.push((dialog, refer)),
                    DialogEvent::Terminated => *over = true,
                    _ => {}
                }
            }
        }
    }

    fn finish(&mut self) {
        for _ in 0..2 {
            for dialog in self.dialogs.keys().copied().collect::<Vec<_>>() {
                self.input(Input::Command(Command::Hangup { dialog, reason: None, headers: Vec::new() }));
            }
            self.pass(FOR_GOOD);
        }
        let left = self.endpoint.counters();
        let counts = (left.server_transactions, left.client_transactions, left.dialogs);
        assert_eq!(counts, (0, 0, 0), "left over");
        assert!(self.dialogs.values().all(|over| *over), "{:?}", self.dialogs);
    }
}

fn request(method: &str, number: u8, to_tag: &str, rest: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} sip:x@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{number}\r\n\
         From: <sip:a@b>;tag=a\r\nTo: <sip:x@198.51.100.1>{to_tag}\r\nCall-ID: {}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@192.0.2.1>\r\n",
        number % 8
    );
    with_rest(head, rest.get(1..).unwrap_or_default())
}

/// Further header lines, cut at each `|`.
fn with_rest(head: String, rest: &[u8]) -> Vec<u8> {
    let mut bytes = head.into_bytes();
    for line in rest.split(|byte| *byte == b'|').filter(|line| !line.is_empty()) {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

fn target(transport: Transport) -> Target {
    let flow = transport.is_reliable().then_some(FlowId(1));
    Target { transport, remote: SocketAddr::from(([192, 0, 2, 1], 5060)), local: None, flow, name: None }
}

fn description() -> Body {
    Body { content_type: "application/sdp".to_owned(), bytes: Bytes::from_static(b"v=0\r\n") }
}
