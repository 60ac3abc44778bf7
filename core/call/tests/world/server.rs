//! The server: three shards, each with its endpoint and its admission. Any of them may read a packet; the
//! Call-ID says which one owns it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ringway_call::admit::{Admission, AdmissionConfig, Admitted, Decision};
use ringway_call::directory::{Directory, DomainGate, VoiceUrls};
use ringway_call::host::Suffixes;
use ringway_model::sid::{AccountSid, CredentialListSid, DomainSid};
use ringway_model::{Now, Random};
use ringway_sip::digest::{DigestHashes, Offered};
use ringway_sip::endpoint::{
    DialogEvent, Endpoint, EndpointConfig, Event, Input, Output, Policy, Source, Transmit, Transport,
    Verdict, shard_of,
};
use ringway_sip::message::{Limits, Message};
use ringway_sip::nonce::Nonces;

use super::caller::name;
use super::network::{address, first_line, other, source_address};
use super::runner::Call;
use super::{News, Occurrence, Packet, Side, World};

const SHARDS: u8 = 3;
const REALM: &str = "sip.twilio.com";
pub(super) const USER: &str = "alice";
pub(super) const PASSWORD: &str = "Secret-password1";

pub(super) struct Server {
    pub(super) shards: Vec<Shard>,
    pub(super) call: Option<Call>,
    /// Final answers to each INVITE transaction as they were sent, by branch.
    pub(super) finals: BTreeMap<String, u16>,
    /// The branch of the INVITE that became the call.
    pub(super) branch: Option<String>,
    /// What was heard of the call's dialog, in order.
    pub(super) heard: Vec<&'static str>,
}

pub(super) struct Shard {
    pub(super) endpoint: Endpoint<Box<Admitted>>,
    pub(super) door: Door,
}

/// Admission as the engine asks it.
pub(super) struct Door {
    admission: Admission,
    directory: Rows,
    /// Requests that came in and were refused for their credentials: none does, whatever the network does.
    pub(super) refused: u32,
}

struct Rows {
    gate: Arc<DomainGate>,
    hashes: Arc<[(CredentialListSid, DigestHashes)]>,
}

impl Directory for Rows {
    fn domain(&self, host: &str) -> Option<Arc<DomainGate>> {
        (host == self.gate.name).then(|| Arc::clone(&self.gate))
    }

    fn credentials(&self, _: &AccountSid, user: &str) -> Option<Arc<[(CredentialListSid, DigestHashes)]>> {
        (user == USER).then(|| Arc::clone(&self.hashes))
    }

    fn domain_of_source(&self, _source: IpAddr) -> Option<Arc<DomainGate>> {
        None
    }
}

impl Policy for Door {
    type Ticket = Box<Admitted>;

    fn admit(&mut self, now: Now, request: &Message, source: &Source) -> Verdict<Self::Ticket> {
        match self.admission.admit(now, &self.directory, request, source) {
            Decision::Accept(admitted) => Verdict::Accept(admitted),
            Decision::Challenge(reply) => Verdict::Reply(reply),
            Decision::Refuse { reply, .. } => {
                self.refused += 1;
                Verdict::Reply(reply)
            }
            Decision::Abilities | Decision::Register(_) => Verdict::Drop,
        }
    }
}

impl Server {
    pub(super) fn new(random: &mut Random) -> Self {
        let list = CredentialListSid::from_random([7; 16]);
        let hashes = Arc::new([(list, DigestHashes::compute(USER, REALM, PASSWORD))]);
        let gate = Arc::new(gate(list));
        let shards = (0..SHARDS)
            .map(|shard| Shard::new(shard, random, Rows { gate: Arc::clone(&gate), hashes: hashes.clone() }))
            .collect();
        Self { shards, call: None, finals: BTreeMap::new(), branch: None, heard: Vec::new() }
    }
}

impl Shard {
    fn new(shard: u8, random: &mut Random, directory: Rows) -> Self {
        let advertise = |_: SocketAddr, _: SocketAddr, _: Transport| address(Side::Server);
        let config = EndpointConfig::new(shard, Box::new(advertise));
        let admission = AdmissionConfig {
            realm: REALM.to_owned(),
            algorithms: Offered::default(),
            suffixes: Suffixes::new([REALM]),
            default_domain: None,
        };
        let admission = Admission::new(admission, Nonces::new(random.bytes(), shard), random.bytes());
        let door = Door { admission, directory, refused: 0 };
        Self { endpoint: Endpoint::new(config, random.bytes()), door }
    }
}

impl World {
    /// A packet has come to one of the sockets.
    pub(super) fn arrive(&mut self, packet: Packet) {
        if packet.to == Side::Caller {
            return self.deliver(0, packet);
        }
        let message =
            Message::parse(packet.bytes.clone(), &Limits::default()).expect("we print what we can parse");
        let owner = usize::from(shard_of(message.call_id(), SHARDS));
        let reader = self.random.below(u64::from(SHARDS)) as usize;
        match reader == owner {
            true => self.deliver(owner, packet),
            false => {
                let delay = self.between(0, 3);
                self.enqueue(delay, Occurrence::HandedOver(owner, packet));
            }
        }
    }

    pub(super) fn deliver(&mut self, shard: usize, packet: Packet) {
        let Packet { to, transport, flow, bytes } = packet;
        self.note(format!("{to:?} receives: {}", first_line(&bytes)));
        let source = Source {
            transport,
            remote: source_address(other(to), flow),
            local: source_address(to, flow),
            flow,
            arrival: self.now,
        };
        let input = Input::Received { source, bytes };
        match to {
            Side::Caller => self.caller_input(input),
            Side::Server => self.shard_input(shard, input),
        }
    }

    pub(super) fn shard_input(&mut self, shard: usize, input: Input) {
        if let Input::FlowClosed(flow) = &input {
            self.connection_lost(*flow);
        }
        if let Input::Command(command) = &input {
            self.note(format!("server: {}", super::command_name(command)));
        }
        let now = self.now();
        let Shard { endpoint, door } = &mut self.server.shards[shard];
        endpoint.handle_input(now, input, door);
        while let Some(output) = self.server.shards[shard].endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    self.watch(&transmit);
                    self.carry(Side::Server, Some(shard), transmit);
                }
                Output::Event(event) => self.server_event(event),
                Output::Flow(..) => panic!("everybody is welcome"),
            }
        }
    }

    /// An INVITE has one final answer: another, or a provisional one after it, never leaves.
    fn watch(&mut self, transmit: &Transmit) {
        let message =
            Message::parse(transmit.bytes.clone(), &Limits::default()).expect("we print what we can parse");
        let Some(status) = message.status().filter(|_| message.cseq().method.as_str() == "INVITE") else {
            return;
        };
        let branch = message.top_via().branch().unwrap_or_default().to_owned();
        let sent = self.server.finals.get(&branch).copied();
        assert!(sent.is_none_or(|sent| sent == status), "{status} is sent after {sent:?}");
        if status >= 200 {
            self.server.finals.insert(branch, status);
        }
    }

    fn server_event(&mut self, event: Event<Box<Admitted>>) {
        match event {
            Event::Incoming { dialog, ticket, request, .. } => {
                assert!(self.server.call.is_none(), "a second call for one INVITE");
                self.note("server hears: Incoming");
                self.server.heard.push("Incoming");
                self.server.branch = request.top_via().branch().map(str::to_owned);
                self.begin_call(dialog, *ticket);
                self.tell(News::Incoming);
            }
            Event::Dialog { event, .. } => {
                let what = name(&event);
                self.note(format!("server hears: {what}"));
                self.server.heard.push(what);
                self.post(event);
            }
        }
    }

    /// Whether the call's dialog told this.
    pub(super) fn server_heard(&self, what: &str) -> bool {
        self.server.heard.contains(&what)
    }
}

/// Whether the engine tells its call, on this event, that the dialog is over.
pub(super) fn is_last(event: &DialogEvent) -> bool {
    matches!(event, DialogEvent::Terminated | DialogEvent::Gone)
}

fn gate(list: CredentialListSid) -> DomainGate {
    DomainGate {
        sid: DomainSid::from_random([1; 16]),
        account_sid: AccountSid::from_random([2; 16]),
        account_active: true,
        name: "demo.sip.twilio.com".to_owned(),
        secure: false,
        sip_registration: false,
        emergency_calling: false,
        byoc_trunk: None,
        acl: Some(vec!["192.0.2.0/24".parse().expect("a network")]),
        call_lists: vec![list],
        registration_lists: Vec::new(),
        voice: VoiceUrls {
            url: Some("http://app/voice".to_owned()),
            status_callback_url: Some("http://app/status".to_owned()),
            ..VoiceUrls::default()
        },
    }
}
