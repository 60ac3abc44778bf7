//! A simulated world: a caller and a server of three shards, each endpoint with its own digest policy, joined
//! by a network that loses, doubles, delays and reorders by a seeded generator. Time is virtual.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, Now, Random, Secret, UnixTime};
use ringway_sip::digest::{Authorization, DigestHashes, ServerChallenge, verify};
use ringway_sip::endpoint::{
    Body, Command, Credentials, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, Input, NewInvite,
    OfferId, Output, Policy, Reply, Source, Target, Transport, Verdict, shard_of,
};
use ringway_sip::message::{Limits, Message, Name};
use ringway_sip::nonce::{NonceState, Nonces};

const SHARDS: u8 = 3;
const REALM: &str = "sip.example.com";
/// Virtual time after which a world that is still busy is broken.
const PATIENCE: Duration = Duration::from_secs(1200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Caller,
    Server,
}

/// One event of a dialog, as the invariants need it.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Printed with the log of a seed that fails.
    #[allow(dead_code)]
    pub at: Moment,
    pub side: Side,
    pub dialog: DialogId,
    pub what: &'static str,
    pub offer: Option<OfferId>,
}

/// What an application does when something happens.
pub type Script = fn(&mut World, &Happening);

/// Packets that the network loses on purpose: true to lose.
pub type Sabotage = Box<dyn FnMut(&[u8]) -> bool>;

enum Occurrence {
    Packet { to: Side, bytes: Bytes },
    Act(Side, Command),
}

pub struct World {
    pub seed: u64,
    pub random: Random,
    pub log: Vec<Happening>,
    now: Moment,
    nodes: Vec<Node>,
    queue: BTreeMap<(Moment, u64), Occurrence>,
    queued: u64,
    sabotage: Sabotage,
    script: Script,
}

struct Node {
    side: Side,
    endpoint: Endpoint<()>,
    policy: DigestPolicy,
}

impl World {
    pub fn new(seed: u64, script: Script) -> Self {
        let mut random = Random::from_number(seed);
        let mut nodes = vec![Node::new(Side::Caller, 0, &mut random)];
        nodes.extend((0..SHARDS).map(|shard| Node::new(Side::Server, shard, &mut random)));
        Self {
            seed,
            random,
            log: Vec::new(),
            now: Moment::from_start(Duration::from_secs(1)),
            nodes,
            queue: BTreeMap::new(),
            queued: 0,
            sabotage: Box::new(|_| false),
            script,
        }
    }

    pub fn sabotaged(mut self, sabotage: Sabotage) -> Self {
        self.sabotage = sabotage;
        self
    }

    /// Places one call and lets time pass until nothing is left to happen.
    pub fn run(&mut self) {
        let invite = self.new_call();
        self.later(Duration::ZERO, Side::Caller, Command::Invite(Box::new(invite)));
        for step in 0.. {
            let Some((at, timer)) = self.next_occurrence() else { break };
            assert!(step < 20_000, "seed {}: time stands still at {at:?}: {:#?}", self.seed, self.log);
            let now = Now { monotonic: at, unix: UnixTime::from_secs(1_800_000_000) + at.since_start() };
            self.now = at;
            assert!(at.since_start() < PATIENCE, "seed {}: still busy: {:#?}", self.seed, self.log);
            match timer {
                Some(node) => self.input(node, now, Input::Timeout),
                None => self.occur(now),
            }
        }
    }

    /// A time between the two, by chance.
    pub fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.random.below(most_ms - least_ms + 1))
    }

    pub fn later(&mut self, delay: Duration, side: Side, command: Command) {
        self.enqueue(delay, Occurrence::Act(side, command));
    }

    pub fn hang_up_later(&mut self, delay: Duration, happening: &Happening) {
        let hangup = Command::Hangup { dialog: happening.dialog, reason: None, headers: Vec::new() };
        self.later(delay, happening.side, hangup);
    }

    pub fn respond_later(&mut self, delay: Duration, happening: &Happening, status: u16) {
        let body = (status == 200).then(description);
        let dialog = happening.dialog;
        let respond = Command::Respond { dialog, status, reason: None, headers: Vec::new(), body };
        self.later(delay, happening.side, respond);
    }

    pub fn count(&self, side: Side, what: &str) -> usize {
        self.log.iter().filter(|happening| happening.side == side && happening.what == what).count()
    }

    /// What must hold after every call, however the network was.
    pub fn check(&self) {
        let seed = self.seed;
        let log = &self.log;
        assert!(self.count(Side::Server, "Incoming") <= 1, "seed {seed}: more than one call: {log:#?}");
        let finals = self.count(Side::Caller, "Answered") + self.count(Side::Caller, "Rejected");
        assert!(finals <= 1, "seed {seed}: more than one final status: {log:#?}");
        for first in log {
            let of_dialog: Vec<_> = log
                .iter()
                .filter(|other| other.dialog == first.dialog && other.side == first.side)
                .map(|happening| happening.what)
                .collect();
            let ends = of_dialog.iter().filter(|what| **what == "Terminated").count();
            assert_eq!(ends, 1, "seed {seed}: {:?} {of_dialog:?}", first.side);
            assert_eq!(of_dialog.last(), Some(&"Terminated"), "seed {seed}: {of_dialog:?}");
        }
        for node in &self.nodes {
            let left = node.endpoint.counters();
            let (side, shard) = (node.side, node.policy.shard);
            let counts = (left.server_transactions, left.client_transactions, left.dialogs);
            assert_eq!(counts, (0, 0, 0), "seed {seed}: left over at {side:?} {shard}");
            assert_eq!(node.policy.replays, 0, "seed {seed}: a repeated request reached the digest check");
        }
    }

    fn new_call(&mut self) -> NewInvite {
        let dialog = DialogId::chosen(0, self.seed);
        let call_id = format!("{:x}@caller.example.com", self.random.u64());
        let target = Target {
            transport: Transport::Udp,
            remote: address(Side::Server),
            local: None,
            flow: None,
            name: None,
        };
        let (uri, alice) = ("sip:service@sip.example.com", "<sip:alice@sip.example.com>");
        NewInvite {
            call_id: Some(call_id),
            contact_user: Some("alice".to_owned()),
            body: Some(description()),
            credentials: Some(Credentials {
                username: "alice".to_owned(),
                password: Secret::new("Wonderland1"),
            }),
            ..NewInvite::new(dialog, target, uri, alice, format!("<{uri}>"))
        }
    }

    /// When the next thing happens, and the node whose timer it is.
    fn next_occurrence(&self) -> Option<(Moment, Option<usize>)> {
        let timers = self.nodes.iter().enumerate();
        let timer = timers.filter_map(|(node, it)| Some((it.endpoint.next_timeout()?, Some(node)))).min();
        let queued = self.queue.keys().next().map(|(at, _)| (*at, None));
        match (timer, queued) {
            (Some(timer), Some(queued)) if timer.0 < queued.0 => Some(timer),
            (timer, queued) => queued.or(timer),
        }
    }

    fn occur(&mut self, now: Now) {
        let Some((_, occurrence)) = self.queue.pop_first() else { return };
        match occurrence {
            Occurrence::Packet { to, bytes } => {
                let from = if to == Side::Server { Side::Caller } else { Side::Server };
                let node = self.node_of_packet(to, &bytes);
                let source = Source {
                    transport: Transport::Udp,
                    remote: address(from),
                    local: address(to),
                    flow: None,
                    arrival: now.monotonic,
                };
                self.input(node, now, Input::Received { source, bytes });
            }
            Occurrence::Act(side, command) => {
                let node = if side == Side::Caller { 0 } else { 1 + usize::from(command.dialog().shard()) };
                self.input(node, now, Input::Command(command));
            }
        }
    }

    /// Any socket may read a packet; the Call-ID says which shard owns it.
    fn node_of_packet(&self, to: Side, bytes: &Bytes) -> usize {
        if to == Side::Caller {
            return 0;
        }
        let message = Message::parse(bytes.clone(), &Limits::default()).expect("we print what we can parse");
        1 + usize::from(shard_of(message.call_id(), SHARDS))
    }

    fn input(&mut self, node: usize, now: Now, input: Input) {
        let Node { side, endpoint, policy } = &mut self.nodes[node];
        let side = *side;
        endpoint.handle_input(now, input, policy);
        let outputs: Vec<_> = std::iter::from_fn(|| endpoint.poll_output()).collect();
        for output in outputs {
            match output {
                Output::Transmit(transmit) => self.carry(side, transmit.bytes),
                Output::Event(event) => self.happen(side, event),
                Output::Flow(..) => panic!("everybody is welcome"),
            }
        }
    }

    fn happen(&mut self, side: Side, event: Event<()>) {
        let (dialog, what, offer) = match &event {
            Event::Incoming { dialog, .. } => (*dialog, "Incoming", None),
            Event::Dialog { dialog, event } => (*dialog, name(event), offer_of(event)),
        };
        let happening = Happening { at: self.now, side, dialog, what, offer };
        self.log.push(happening.clone());
        (self.script)(self, &happening);
    }

    /// One packet in five is lost, one in ten arrives twice, each takes its own time.
    fn carry(&mut self, from: Side, bytes: Bytes) {
        let to = if from == Side::Server { Side::Caller } else { Side::Server };
        let copies = if self.random.below(10) == 0 { 2 } else { 1 };
        if (self.sabotage)(&bytes) {
            return;
        }
        for _ in 0..copies {
            if self.random.below(5) == 0 {
                continue;
            }
            let slow = self.random.below(8) == 0;
            let delay = self.between(5, if slow { 900 } else { 60 });
            self.enqueue(delay, Occurrence::Packet { to, bytes: bytes.clone() });
        }
    }

    fn enqueue(&mut self, delay: Duration, occurrence: Occurrence) {
        self.queued += 1;
        self.queue.insert((self.now + delay, self.queued), occurrence);
    }
}

impl Node {
    fn new(side: Side, shard: u8, random: &mut Random) -> Self {
        let advertise = move |_: SocketAddr, _: SocketAddr, _: Transport| address(side);
        let config = EndpointConfig::new(shard, Box::new(advertise));
        let policy = DigestPolicy {
            shard,
            nonces: Nonces::new(random.bytes(), shard),
            hashes: DigestHashes::compute("alice", REALM, "Wonderland1"),
            replays: 0,
        };
        Self { side, endpoint: Endpoint::new(config, random.bytes()), policy }
    }
}

/// Challenges everyone, and counts what a retransmission must never cause: a second use of a nonce count.
struct DigestPolicy {
    shard: u8,
    nonces: Nonces,
    hashes: DigestHashes,
    replays: u32,
}

impl Policy for DigestPolicy {
    type Ticket = ();

    fn admit(&mut self, now: Now, request: &Message, source: &Source) -> Verdict<()> {
        let Some(value) = request.header(Name::ProxyAuthorization) else {
            let nonce = self.nonces.mint(now.monotonic, source.remote.ip());
            let challenge = ServerChallenge {
                realm: REALM,
                nonce: nonce.as_str(),
                opaque: "0",
                algorithm: None,
                stale: false,
            };
            return Verdict::Reply(Reply::new(407).with_header("Proxy-Authenticate", challenge.to_string()));
        };
        let Ok(authorization) = Authorization::parse(value) else { return Verdict::Reply(Reply::new(400)) };
        let fresh =
            self.nonces.check(now.monotonic, source.remote.ip(), &authorization.nonce) == NonceState::Fresh;
        if !fresh || !verify(&authorization, &self.hashes, request.method().as_str(), request.body()) {
            return Verdict::Reply(Reply::new(403));
        }
        if !self.nonces.accept_nc(&authorization.nonce, authorization.nc.unwrap_or(0)) {
            self.replays += 1;
            return Verdict::Reply(Reply::new(403));
        }
        Verdict::Accept(())
    }
}

pub fn description() -> Body {
    Body { content_type: "application/sdp".to_owned(), bytes: Bytes::from_static(b"v=0\r\n") }
}

fn address(side: Side) -> SocketAddr {
    match side {
        Side::Caller => SocketAddr::from(([192, 0, 2, 1], 5060)),
        Side::Server => SocketAddr::from(([198, 51, 100, 1], 5060)),
    }
}

fn offer_of(event: &DialogEvent) -> Option<OfferId> {
    match event {
        DialogEvent::Offer { offer, .. } => Some(*offer),
        _ => None,
    }
}

/// The name of an event.
pub fn name(event: &DialogEvent) -> &'static str {
    match event {
        DialogEvent::Cancelled { .. } => "Cancelled",
        DialogEvent::Acknowledged { .. } => "Acknowledged",
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
