//! A whole call in a simulated world: a phone, a bad network, a server of three shards with admission and a
//! machine for each call, an application that takes its time, and somebody at the REST API. Time is virtual
//! and everything is decided by a seed.

mod application;
mod caller;
mod check;
mod network;
mod runner;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ringway_call::effect::{EffectId, Purpose};
use ringway_call::input::{Command as RestCommand, FetchFailure, Fetched};
use ringway_model::{Moment, Now, Random, UnixTime};
use ringway_sip::endpoint::{Command, FlowId, Input, Target, Transport};
use ringway_sip::message::Message;

pub(crate) use application::{Answer, document};
use caller::Caller;
pub(crate) use check::Outcome;
use network::Network;
pub(crate) use network::Treatment;
use server::Server;

/// Virtual time after which a world that is still busy is broken.
const PATIENCE: Duration = Duration::from_secs(900);
/// The phone gives up a call that goes nowhere.
const RING_PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Server,
}

/// What a scenario may react to.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// The phone's dialog; a 1xx comes with its message.
    Caller { what: &'static str, response: Option<Message> },
    /// The server takes the call.
    Incoming,
    /// The application is asked and will answer after `answers_in`.
    Asked { purpose: Purpose, answers_in: Duration },
    /// A sound begins; it will last so long.
    Playing { lasts: Duration },
    /// The machine said Finish.
    Finished,
}

/// One scenario: what the application answers, what people and the network do.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) application: fn(&mut Random, Purpose) -> Answer,
    pub(crate) react: fn(&mut World, &News),
    pub(crate) network: fn(&mut Memory, Side, &[u8]) -> Treatment,
}

/// What a scenario's network remembers, and its own chance.
pub(crate) struct Memory {
    pub(crate) random: Random,
    pub(crate) lost: u32,
}

enum Occurrence {
    Packet(Packet),
    /// A packet that the wrong shard read reaches the one that owns it.
    HandedOver(usize, Packet),
    ConnectionLost(Side, FlowId),
    SendFailed(Side, Target, Option<usize>),
    CallerCommand(Command),
    ServerCommand(Command),
    RunnerWakes,
    Answered(EffectId, Box<Result<Fetched, FetchFailure>>),
    Played(EffectId),
    Key(char),
    Rest(RestCommand),
}

struct Packet {
    to: Side,
    transport: Transport,
    flow: Option<FlowId>,
    bytes: Bytes,
}

pub(crate) struct World {
    pub(crate) random: Random,
    scenario: &'static Scenario,
    seed: u64,
    now: Moment,
    queue: BTreeMap<(Moment, u64), Occurrence>,
    queued: u64,
    caller: Caller,
    server: Server,
    network: Network,
    /// Told, in order; printed when a seed fails.
    log: Vec<(Moment, String)>,
}

impl World {
    pub(crate) fn new(scenario: &'static Scenario, seed: u64) -> Self {
        let mut random = Random::from_number(seed);
        Self {
            scenario,
            seed,
            now: Moment::from_start(Duration::from_secs(1)),
            queue: BTreeMap::new(),
            queued: 0,
            caller: Caller::new(&mut random),
            server: Server::new(&mut random),
            network: Network::new(&mut random),
            log: Vec::new(),
            random,
        }
    }

    /// Places one call and lets time pass until nothing is left to happen.
    pub(crate) fn run(&mut self) {
        let invite = self.caller.invite(&mut self.random, self.network.transport);
        self.enqueue(Duration::ZERO, Occurrence::CallerCommand(Command::Invite(Box::new(invite))));
        self.hang_up_later(RING_PATIENCE);
        for step in 0.. {
            let Some((at, due)) = self.next_due() else { break };
            assert!(step < 50_000, "time stands still");
            assert!(at.since_start() < PATIENCE, "still busy");
            self.now = at;
            match due {
                Due::Queue => self.occur(),
                Due::Caller => self.caller_input(Input::Timeout),
                Due::Shard(shard) => self.shard_input(shard, Input::Timeout),
                Due::Machine => self.machine_input(ringway_call::input::Input::Timeout),
            }
        }
    }

    /// A time between the two, by chance.
    pub(crate) fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.random.below(most_ms - least_ms + 1))
    }

    /// One chance in `of`.
    pub(crate) fn chance(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// The phone hangs up, whatever its state.
    pub(crate) fn hang_up_later(&mut self, delay: Duration) {
        let dialog = self.caller.dialog();
        let hangup = Command::Hangup { dialog, reason: None, headers: Vec::new() };
        self.enqueue(delay, Occurrence::CallerCommand(hangup));
    }

    /// The phone offers a new session, by UPDATE or re-INVITE.
    pub(crate) fn change_session_later(&mut self, delay: Duration) {
        let (dialog, body) = (self.caller.dialog(), Some(caller::description()));
        let change = match self.chance(2) {
            true => Command::Update { dialog, body },
            false => Command::Reinvite { dialog, body },
        };
        self.enqueue(delay, Occurrence::CallerCommand(change));
    }

    /// Somebody uses the REST API.
    pub(crate) fn rest_later(&mut self, delay: Duration, command: RestCommand) {
        self.enqueue(delay, Occurrence::Rest(command));
    }

    /// The phone presses a key; it is heard when media flow.
    pub(crate) fn press_later(&mut self, delay: Duration, key: char) {
        self.enqueue(delay, Occurrence::Key(key));
    }

    /// The phone sends this of its own making, in these moments.
    pub(crate) fn inject(&mut self, bytes: &Bytes, delays: &[Duration]) {
        for delay in delays {
            let packet =
                Packet { to: Side::Server, transport: Transport::Udp, flow: None, bytes: bytes.clone() };
            self.enqueue(*delay, Occurrence::Packet(packet));
        }
    }

    pub(crate) fn is_udp(&self) -> bool {
        self.network.transport == Transport::Udp
    }

    fn now(&self) -> Now {
        Now { monotonic: self.now, unix: UnixTime::from_secs(1_800_000_000) + self.now.since_start() }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.log.push((self.now, text.into()));
    }

    fn tell(&mut self, news: News) {
        (self.scenario.react)(self, &news);
    }

    fn enqueue(&mut self, delay: Duration, occurrence: Occurrence) {
        self.enqueue_at(self.now + delay, occurrence);
    }

    fn enqueue_at(&mut self, at: Moment, occurrence: Occurrence) {
        self.queued += 1;
        self.queue.insert((at, self.queued), occurrence);
    }

    /// What is due first; packets before timers of the same moment.
    fn next_due(&self) -> Option<(Moment, Due)> {
        let queue = self.queue.keys().next().map(|(at, _)| (*at, Due::Queue));
        let caller = self.caller.endpoint.next_timeout().map(|at| (at, Due::Caller));
        let shards = self.server.shards.iter().enumerate();
        let shards = shards.filter_map(|(shard, it)| Some((it.endpoint.next_timeout()?, Due::Shard(shard))));
        let machine = self.server.call.as_ref().and_then(|call| call.machine.next_timeout());
        let machine = machine.map(|at| (at.max(self.now), Due::Machine));
        queue.into_iter().chain(caller).chain(shards).chain(machine).min_by_key(|(at, _)| *at)
    }

    fn occur(&mut self) {
        let Some((_, occurrence)) = self.queue.pop_first() else { return };
        match occurrence {
            Occurrence::Packet(packet) => self.arrive(packet),
            Occurrence::HandedOver(shard, packet) => self.deliver(shard, packet),
            Occurrence::ConnectionLost(Side::Caller, flow) => self.caller_input(Input::FlowClosed(flow)),
            Occurrence::ConnectionLost(Side::Server, flow) => {
                (0..self.server.shards.len())
                    .for_each(|shard| self.shard_input(shard, Input::FlowClosed(flow)));
            }
            Occurrence::SendFailed(Side::Server, target, Some(shard)) => {
                self.shard_input(shard, Input::SendFailed { target });
            }
            Occurrence::SendFailed(_, target, _) => self.caller_input(Input::SendFailed { target }),
            Occurrence::CallerCommand(command) => {
                self.note(format!("phone: {}", command_name(&command)));
                self.caller_input(Input::Command(command));
            }
            Occurrence::ServerCommand(command) => {
                self.shard_input(usize::from(command.dialog().shard()), Input::Command(command));
            }
            Occurrence::RunnerWakes => self.read_mailbox(),
            Occurrence::Answered(id, result) => self.application_answered(id, *result),
            Occurrence::Played(id) => self.played(id),
            Occurrence::Key(key) => self.key(key),
            Occurrence::Rest(command) => self.rest(command),
        }
    }
}

enum Due {
    Queue,
    Caller,
    Shard(usize),
    Machine,
}

/// A world that fails says how to see it again, and what happened in it.
impl Drop for World {
    #[expect(clippy::print_stderr, reason = "a failure names its seed, wherever in the core it panicked")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (at, text) in &self.log {
                eprintln!("{:>8} ms  {text}", at.since_start().as_millis());
            }
            let (name, seed) = (self.scenario.name, self.seed);
            eprintln!("{name} fails with RINGWAY_SEED={seed}");
        }
    }
}

fn command_name(command: &Command) -> String {
    match command {
        Command::Respond { status, .. } => format!("respond {status}"),
        Command::AnswerOffer { .. } => "answer offer".to_owned(),
        Command::Hangup { .. } => "hang up".to_owned(),
        Command::Invite(_) => "invite".to_owned(),
        Command::Reinvite { .. } => "re-invite".to_owned(),
        Command::Update { .. } => "update".to_owned(),
        Command::Info { .. } => "info".to_owned(),
        Command::Refer { .. } => "refer".to_owned(),
        Command::AnswerRefer { .. } => "answer refer".to_owned(),
        Command::Notify { .. } => "notify".to_owned(),
    }
}
