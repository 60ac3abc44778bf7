//! The network, the clock and three shards; the phones are in `phone`, what lets them in is in `door`.

mod door;
mod phone;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, Now, Random, UnixTime};
use ringway_sip::endpoint::{Endpoint, EndpointConfig, FlowId, Input, Output, Source, Transport, shard_of};
use ringway_sip::message::{Limits, Message};
use ringway_sip::registrar::Bindings;

use door::Door;
use phone::Phone;

const SHARDS: u8 = 3;
const PHONES: usize = 4;
/// Beyond it nothing can be left.
const END: Duration = Duration::from_secs(6 * 3600);

/// Something that will happen.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    ToServer { phone: usize, flow: Option<u64>, bytes: Bytes },
    ToPhone { phone: usize, flow: Option<u64>, bytes: Bytes },
    Wake { phone: usize },
    LoseFlow { phone: usize },
}

pub(crate) struct World {
    seed: u64,
    now: Now,
    random: Random,
    events: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    scheduled: u64,
    endpoints: Vec<(Endpoint<()>, Door)>,
    bindings: Arc<Bindings>,
    phones: Vec<Phone>,
    flows: u64,
    flows_lost: u64,
    /// Each 200 by the branch of its request: a repetition must be the same.
    answers: HashMap<String, Bytes>,
    repeated: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let bindings = Arc::new(Bindings::new([seed as u8; 32]));
        let advertise = |local: SocketAddr, _: SocketAddr, _: Transport| local;
        let shard = |shard| {
            let endpoint = Endpoint::new(EndpointConfig::new(shard, Box::new(advertise)), [shard; 32]);
            (endpoint, Door::new(shard, Arc::clone(&bindings)))
        };
        let endpoints = (0..SHARDS).map(shard).collect();
        let start = Moment::from_start(Duration::from_secs(1_000_000));
        let mut world = Self {
            seed,
            now: Now { monotonic: start, unix: UnixTime::from_secs(1_700_000_000) },
            random: Random::from_number(seed),
            events: BinaryHeap::new(),
            scheduled: 0,
            endpoints,
            bindings,
            phones: Vec::new(),
            flows: 0,
            flows_lost: 0,
            answers: HashMap::new(),
            repeated: 0,
        };
        for number in 0..PHONES {
            // The last two share a user; every other one speaks over a connection.
            let transport = if number % 2 == 0 { Transport::Udp } else { Transport::Tcp };
            let phone = Phone::new(number, transport, world.new_flow(transport), world.random.u64());
            world.phones.push(phone);
            let delay = world.between(0, 2000);
            world.schedule(delay, Event::Wake { phone: number });
            if transport == Transport::Tcp {
                let lost = world.between(1000, 4_000_000);
                world.schedule(lost, Event::LoseFlow { phone: number });
            }
        }
        world
    }

    pub(crate) fn run(&mut self) {
        let start = self.now;
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            let passed = at.since(start.monotonic);
            assert!(passed < END, "seed {}: something never ends: {event:?}", self.seed);
            self.now = Now { monotonic: at, unix: start.unix + passed };
            match event {
                Event::ToServer { phone, flow, bytes } => self.serve(phone, flow, bytes),
                Event::ToPhone { phone, flow, bytes } => self.hear(phone, flow, bytes),
                Event::Wake { phone } => self.wake(phone),
                Event::LoseFlow { phone } => self.lose_flow(phone),
            }
        }
    }

    /// What must hold once nothing happens any more.
    pub(crate) fn check(&mut self) {
        let seed = self.seed;
        for phone in &self.phones {
            assert!(phone.is_done(), "seed {seed}: {phone:?}");
            let left = self.bindings.of(self.now, &door::domain(), phone.user());
            assert_eq!(left, [], "seed {seed}: everybody left");
        }
        assert_eq!(self.bindings.len(), 0, "seed {seed}");
        for (endpoint, door) in &self.endpoints {
            assert_eq!(door.refused, Vec::<String>::new(), "seed {seed}");
            assert_eq!(endpoint.counters().server_transactions, 0, "seed {seed}");
            assert_eq!(endpoint.next_timeout(), None, "seed {seed}");
        }
    }

    pub(crate) fn repeated_answers(&self) -> u64 {
        self.repeated
    }

    pub(crate) fn flows_lost(&self) -> u64 {
        self.flows_lost
    }

    fn serve(&mut self, phone: usize, flow: Option<u64>, bytes: Bytes) {
        // What comes over a connection that is gone comes nowhere.
        if flow.is_some() && self.phones[phone].flow != flow {
            return;
        }
        let message = Message::parse(bytes.clone(), &Limits::default()).expect("phones speak SIP");
        let shard = usize::from(shard_of(message.call_id(), SHARDS));
        let source = Source {
            transport: self.phones[phone].transport,
            remote: self.phones[phone].address,
            local: "192.0.2.1:5060".parse().expect("an address"),
            flow: flow.map(FlowId),
            arrival: self.now.monotonic,
        };
        let (endpoint, door) = &mut self.endpoints[shard];
        endpoint.handle_input(self.now, Input::Received { source, bytes }, door);
        let mut sent = Vec::new();
        while let Some(output) = endpoint.poll_output() {
            let Output::Transmit(transmit) = output else { panic!("seed {}: {output:?}", self.seed) };
            assert_eq!((transmit.target.remote, transmit.target.flow), (source.remote, source.flow));
            sent.push(transmit.bytes);
        }
        assert_eq!(sent.len(), 1, "seed {}: each request has one answer", self.seed);
        for bytes in sent {
            self.check_repetition(phone, &bytes);
            self.carry(phone, flow, |phone, flow| Event::ToPhone { phone, flow, bytes: bytes.clone() });
        }
    }

    /// A REGISTER that was accepted gets the same 200 however often it comes.
    fn check_repetition(&mut self, phone: usize, bytes: &Bytes) {
        let answer = Message::parse(bytes.clone(), &Limits::default()).expect("we speak SIP");
        if answer.status() != Some(200) {
            return;
        }
        let branch = answer.top_via().branch().expect("a branch").to_owned();
        if let Some(first) = self.answers.get(&branch) {
            self.repeated += 1;
            // Another phone of the same user may have come or gone meanwhile; else it is the same to the letter.
            if !self.phones[phone].shares_user() {
                assert_eq!(first, bytes, "seed {}", self.seed);
            }
        }
        self.answers.insert(branch, bytes.clone());
    }

    fn hear(&mut self, phone: usize, flow: Option<u64>, bytes: Bytes) {
        if flow.is_some() && self.phones[phone].flow != flow {
            return;
        }
        let answer = Message::parse(bytes, &Limits::default()).expect("we speak SIP");
        let heard = self.phones[phone].hear(self.now, &answer);
        if heard.is_registered {
            self.check_binding(phone);
        }
        self.act(phone, heard.next);
    }

    /// A phone that was just told so is bound once, where it is.
    fn check_binding(&self, phone: usize) {
        let phone = &self.phones[phone];
        let bound = self.bindings.of(self.now, &door::domain(), phone.user());
        let own: Vec<_> = bound.iter().filter(|binding| binding.contact == phone.contact()).collect();
        assert_eq!(own.len(), 1, "seed {}: {bound:?}", self.seed);
        assert_eq!(own[0].target.remote, phone.address, "seed {}", self.seed);
        assert_eq!(own[0].target.flow.map(|flow| flow.0), phone.flow, "seed {}", self.seed);
    }

    fn wake(&mut self, phone: usize) {
        let next = self.phones[phone].wake(self.now);
        self.act(phone, next);
    }

    /// Sends what a phone wants sent, and wakes it when it wants to.
    fn act(&mut self, phone: usize, next: phone::Next) {
        if let Some(bytes) = next.send {
            let flow = self.phones[phone].flow;
            self.carry(phone, flow, |phone, flow| Event::ToServer { phone, flow, bytes: bytes.clone() });
        }
        if let Some(delay) = next.wake {
            self.schedule(delay, Event::Wake { phone });
        }
    }

    fn lose_flow(&mut self, phone: usize) {
        let Some(lost) = self.phones[phone].flow else { return };
        if self.phones[phone].is_done() {
            return;
        }
        self.flows_lost += 1;
        for (endpoint, door) in &mut self.endpoints {
            endpoint.handle_input(self.now, Input::FlowClosed(FlowId(lost)), door);
        }
        let (user, contact) = (self.phones[phone].user(), self.phones[phone].contact());
        let bound = self.bindings.of(self.now, &door::domain(), user);
        assert!(bound.iter().all(|binding| binding.contact != contact), "seed {}: unreachable", self.seed);
        let flow = self.new_flow(Transport::Tcp);
        self.phones[phone].reconnected(self.now, flow);
        self.schedule(Duration::ZERO, Event::Wake { phone });
    }

    /// Over UDP a fifth is lost, some come twice, and each takes its own time; a connection only takes time.
    fn carry(&mut self, phone: usize, flow: Option<u64>, event: impl Fn(usize, Option<u64>) -> Event) {
        if flow.is_some() {
            // In order: never faster than what was sent before.
            return self.schedule(Duration::from_millis(40), event(phone, flow));
        }
        let copies = match self.random.below(10) {
            0 | 1 => 0,
            2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay =
                if self.random.below(20) == 0 { self.between(500, 3000) } else { self.between(5, 200) };
            self.schedule(delay, event(phone, flow));
        }
    }

    fn new_flow(&mut self, transport: Transport) -> Option<u64> {
        transport.is_reliable().then(|| {
            self.flows += 1;
            self.flows
        })
    }

    fn schedule(&mut self, delay: Duration, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((self.now.monotonic + delay, self.scheduled, event)));
    }

    fn between(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.random.below(most - least))
    }
}
