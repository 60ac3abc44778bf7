//! One endpoint against a peer that says what the test says, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, Now, UnixTime};
use ringway_sip::endpoint::{
    Body, Command, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, FlowId, FlowOrder, Input, OfferId,
    Output, Policy, Screening, Source, Target, Transport, Verdict,
};
use ringway_sip::message::Message;

/// Where the endpoint is, as others see it.
pub const LOCAL: &str = "198.51.100.1:5060";
/// Where the peer is.
pub const REMOTE: &str = "192.0.2.1:5060";

pub struct Bench {
    pub endpoint: Endpoint<()>,
    pub verdict: fn(&Message) -> Verdict<()>,
    /// What is done with every sender.
    pub screening: Screening,
    pub transport: Transport,
    pub remote: SocketAddr,
    pub now: Moment,
    /// Messages sent since they were last taken.
    pub sent: Vec<(Target, String)>,
    /// Events since they were last taken.
    pub events: Vec<Event<()>>,
    /// What is to be done with connections, since it was last taken.
    pub orders: Vec<(FlowId, FlowOrder)>,
}

struct Admit(fn(&Message) -> Verdict<()>, Screening);

impl Policy for Admit {
    type Ticket = ();

    fn screen(&mut self, _now: Now, _request: &Message, _source: &Source) -> Screening {
        self.1
    }

    fn screen_malformed(&mut self, _now: Now, _source: &Source) -> Screening {
        self.1
    }

    fn admit(&mut self, _now: Now, request: &Message, _source: &Source) -> Verdict<()> {
        (self.0)(request)
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(adjust: impl FnOnce(&mut EndpointConfig)) -> Self {
        let local = |_: SocketAddr, _: SocketAddr, _: Transport| LOCAL.parse().expect("an address");
        let mut config = EndpointConfig::new(0, Box::new(local));
        adjust(&mut config);
        Self {
            endpoint: Endpoint::new(config, [7; 32]),
            verdict: |_| Verdict::Accept(()),
            screening: Screening::Welcome,
            transport: Transport::Udp,
            remote: REMOTE.parse().expect("an address"),
            now: Moment::from_start(Duration::from_secs(10)),
            sent: Vec::new(),
            events: Vec::new(),
            orders: Vec::new(),
        }
    }

    /// The peer sends this; lines end as in the source text, CSeq and all.
    pub fn receive(&mut self, text: &str) {
        self.receive_late(text, Duration::ZERO);
    }

    /// The same, after it waited for us.
    pub fn receive_late(&mut self, text: &str, waited: Duration) {
        let flow = self.transport.is_reliable().then_some(FlowId(1));
        let local = LOCAL.parse().expect("an address");
        let arrival = self.now - waited;
        let source = Source { transport: self.transport, remote: self.remote, local, flow, arrival };
        let bytes = Bytes::from(text.replace("\r\n", "\n").replace('\n', "\r\n"));
        self.input(Input::Received { source, bytes });
    }

    pub fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    pub fn input(&mut self, input: Input) {
        let now = Now { monotonic: self.now, unix: UnixTime::from_secs(1_800_000_000) };
        self.endpoint.handle_input(now, input, &mut Admit(self.verdict, self.screening));
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    let text = String::from_utf8(transmit.bytes.to_vec()).expect("text");
                    self.sent.push((transmit.target, text));
                }
                Output::Event(event) => self.events.push(event),
                Output::Flow(flow, order) => self.orders.push((flow, order)),
            }
        }
    }

    /// Lets time pass, timers firing as they come due. Says when each message went out, in ms from now.
    pub fn pass(&mut self, milliseconds: u64) -> Vec<u128> {
        let start = self.now;
        let end = start + Duration::from_millis(milliseconds);
        let mut times = Vec::new();
        while let Some(at) = self.endpoint.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            let before = self.sent.len();
            self.input(Input::Timeout);
            times.extend((before..self.sent.len()).map(|_| at.since(start).as_millis()));
        }
        self.now = end;
        times
    }

    /// The first lines of what was sent since this was last asked.
    pub fn take_lines(&mut self) -> Vec<String> {
        let first = |text: &String| text.lines().next().unwrap_or_default().to_owned();
        self.sent.drain(..).map(|(_, text)| first(&text)).collect()
    }

    /// The only message sent since this was last asked.
    pub fn take_sent(&mut self) -> String {
        assert_eq!(self.sent.len(), 1, "{:#?}", self.sent);
        self.sent.remove(0).1
    }

    /// The names of the events since this was last asked.
    pub fn take_events(&mut self) -> Vec<&'static str> {
        self.events.drain(..).map(|event| name(&event)).collect()
    }

    /// Takes an incoming call, and its 100 off the record.
    pub fn incoming(&mut self, invite: &str) -> DialogId {
        self.receive(invite);
        assert_eq!(self.take_lines(), ["SIP/2.0 100 Trying"]);
        match self.events.pop() {
            Some(Event::Incoming { dialog, .. }) => dialog,
            other => panic!("no call but {other:?}"),
        }
    }

    pub fn respond(&mut self, dialog: DialogId, status: u16) {
        let body = (status == 200).then(description);
        self.command(Command::Respond { dialog, status, reason: None, headers: Vec::new(), body });
    }

    pub fn hang_up(&mut self, dialog: DialogId) {
        self.command(Command::Hangup { dialog, reason: None, headers: Vec::new() });
    }

    /// The offer of the newest event.
    pub fn take_offer(&mut self) -> OfferId {
        match self.events.pop() {
            Some(Event::Dialog { event: DialogEvent::Offer { offer, .. }, .. }) => offer,
            other => panic!("no offer but {other:?}"),
        }
    }

    /// Transactions and dialogs alive.
    pub fn alive(&self) -> (usize, usize, usize) {
        let counters = self.endpoint.counters();
        (counters.server_transactions, counters.client_transactions, counters.dialogs)
    }
}

pub fn description() -> Body {
    Body { content_type: "application/sdp".to_owned(), bytes: Bytes::from_static(b"v=0\r\n") }
}

/// The value of a header in a printed message.
pub fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// The tag of a printed header.
pub fn tag<'a>(text: &'a str, name: &str) -> &'a str {
    header(text, name).split(";tag=").nth(1).unwrap_or_else(|| panic!("no tag in {name} of {text}"))
}

fn name(event: &Event<()>) -> &'static str {
    let Event::Dialog { event, .. } = event else { return "Incoming" };
    match event {
        DialogEvent::Cancelled { .. } => "Cancelled",
        DialogEvent::Acknowledged { body: Some(_) } => "Acknowledged with a body",
        DialogEvent::Acknowledged { body: None } => "Acknowledged",
        DialogEvent::AcknowledgeTimeout => "AcknowledgeTimeout",
        DialogEvent::Bye { .. } => "Bye",
        DialogEvent::Offer { .. } => "Offer",
        DialogEvent::OfferWithdrawn { .. } => "OfferWithdrawn",
        DialogEvent::Info { .. } => "Info",
        DialogEvent::Provisional { .. } => "Provisional",
        DialogEvent::Answered { .. } => "Answered",
        DialogEvent::Rejected { .. } => "Rejected",
        DialogEvent::OfferAnswered { .. } => "OfferAnswered",
        DialogEvent::OfferRefused { .. } => "OfferRefused",
        DialogEvent::SessionExpired => "SessionExpired",
        DialogEvent::Refer { .. } => "Refer",
        DialogEvent::ReferAnswered { .. } => "ReferAnswered",
        DialogEvent::Notify { .. } => "Notify",
        DialogEvent::Gone => "Gone",
        DialogEvent::Terminated => "Terminated",
    }
}
