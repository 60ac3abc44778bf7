//! A caller, the calls that its Dial begins, and their phones, in a simulated world: everything that they tell each
//! other takes its time and crosses with everything else, phones answer, refuse or keep silent as chance has it, and
//! somebody at the REST API interferes. `RINGWAY_SEEDS` worlds (1000); `RINGWAY_SEED=n` is that one alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringway_call::CallMachine;
use ringway_call::child::{ChildNews, EndReason, NewChild, ParentNews};
use ringway_call::directory::{DomainGate, VoiceUrls};
use ringway_call::effect::{CallbackRequest, Effect, EffectId, Final};
use ringway_call::fork::{BranchId, Refused, Stages};
use ringway_call::input::{BranchAnswer, BranchNews, Command, Fetched, Input, Unroutable};
use ringway_call::leg::{CallFacts, CallLimits, CallOrigin, LegFacts};
use ringway_model::sid::{AccountSid, CallSid, DomainSid};
use ringway_model::{Moment, Now, Random, UnixTime};

const SEEDS_DEFAULT: u64 = 1000;
/// The longest that any message takes, and any phone.
const DELAY_MS: u64 = 300;
const PHONE_MS: u64 = 9000;

/// Which call: the caller's is 0.
type Leg = usize;

enum Happening {
    Tell(Leg, Box<Input>),
    Rest(Leg, Command),
    Timeout,
}

struct Call {
    machine: CallMachine,
    /// What the parent calls it.
    id: Option<EffectId>,
    /// Branches that were begun and not refused, ended or hung up.
    open: HashSet<BranchId>,
    accepted: Option<BranchId>,
    told: Vec<&'static str>,
    callbacks: Vec<CallbackRequest>,
    end: Option<(Moment, Final)>,
}

struct World {
    random: Random,
    now: Moment,
    queue: BTreeMap<(Moment, u64), Happening>,
    queued: u64,
    calls: Vec<Call>,
    children: HashMap<EffectId, Leg>,
    /// When the news of each pair arrives at the earliest: mailboxes keep their order.
    newest: HashMap<(Leg, Leg), Moment>,
    bridged: Vec<Leg>,
}

impl World {
    fn new(seed: u64) -> Self {
        let random = Random::from_number(seed);
        let now = Moment::from_start(Duration::from_secs(1));
        let mut world = Self {
            random,
            now,
            queue: BTreeMap::new(),
            queued: 0,
            calls: Vec::new(),
            children: HashMap::new(),
            newest: HashMap::new(),
            bridged: Vec::new(),
        };
        let machine = CallMachine::new(caller(), world.time());
        world.add(machine, None);
        world
    }

    fn run(&mut self) {
        self.interfere(0);
        self.take_effects(0);
        for _ in 0..20_000 {
            let timers = self.calls.iter().filter_map(|call| call.machine.next_timeout()).min();
            let queued = self.queue.keys().next().map(|(at, _)| *at);
            let Some(next) = timers.into_iter().chain(queued).min() else { return };
            self.now = self.now.max(next);
            let happening = match queued {
                Some(at) if timers.is_none_or(|timer| at <= timer) => self.queue.pop_first().unwrap().1,
                _ => Happening::Timeout,
            };
            self.happen(happening);
        }
        panic!("it never ends");
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.time();
        match happening {
            Happening::Tell(leg, input) => {
                if let Input::Branch { branch, news: BranchNews::Refused { .. } } = &*input {
                    self.calls[leg].open.remove(branch);
                }
                self.calls[leg].machine.handle(now, *input);
                self.take_effects(leg);
            }
            Happening::Rest(leg, command) => {
                // It may come too late, or too early.
                let _ = self.calls[leg].machine.command(now, command);
                self.take_effects(leg);
            }
            Happening::Timeout => {
                for leg in 0..self.calls.len() {
                    if self.calls[leg].machine.next_timeout().is_some_and(|due| due <= self.now) {
                        self.calls[leg].machine.handle(now, Input::Timeout);
                        self.take_effects(leg);
                    }
                }
            }
        }
    }

    fn take_effects(&mut self, leg: Leg) {
        while let Some(effect) = self.calls[leg].machine.poll_effect() {
            assert!(self.calls[leg].end.is_none(), "leg {leg} goes on after its end: {effect:?}");
            self.perform(leg, effect);
        }
    }

    fn perform(&mut self, leg: Leg, effect: Effect) {
        match effect {
            Effect::Answer => self.tell_now(leg, Input::Answered),
            Effect::Accept { branch } => {
                assert!(self.calls[leg].open.remove(&branch), "a branch that nobody knows is accepted");
                assert_eq!(self.calls[leg].accepted.replace(branch), None, "two branches are the call");
                self.tell_now(leg, Input::Answered);
                let talk = self.below(PHONE_MS);
                self.later(leg, talk, Input::Bye(Vec::new()));
            }
            Effect::Route { id } => self.route(leg, id),
            Effect::Invite { branch } => self.ring(leg, branch),
            Effect::EndBranch { branch, .. } => {
                self.calls[leg].open.remove(&branch);
            }
            Effect::Hangup => self.calls[leg].accepted = None,
            Effect::Fetch(fetch) => self.fetch(leg, fetch.id),
            Effect::Play(play) => {
                let lasts = self.below(PHONE_MS);
                self.later(leg, lasts, Input::PlayFinished { id: play.id });
            }
            Effect::StartChild { id, child } => self.start_child(id, *child),
            Effect::EndChild { id, reason } => self.tell_child(id, ParentNews::End(reason)),
            Effect::Bridge { id } => {
                // It may have ended meanwhile.
                self.bridged.extend(self.children.get(&id));
                self.tell_child(id, ParentNews::Bridged);
            }
            Effect::TellParent(news) => self.tell_parent(leg, news),
            Effect::Callback(callback) => self.calls[leg].callbacks.push(*callback),
            Effect::Finish(end) => {
                self.calls[leg].callbacks.extend(end.callback.clone());
                self.calls[leg].accepted = None;
                self.calls[leg].end = Some((self.now, *end));
                if leg == 0 {
                    // The engine drops the handles of the children.
                    let ids: Vec<EffectId> = self.children.keys().copied().collect();
                    ids.into_iter()
                        .for_each(|id| self.tell_child(id, ParentNews::End(EndReason::ParentGone)));
                }
            }
            _ => (),
        }
    }

    fn route(&mut self, leg: Leg, id: EffectId) {
        let places = self.below(4) as usize;
        let result = match (places, self.below(2)) {
            (0, _) => Err(Unroutable { code: 32009, message: "nobody".to_owned() }),
            (places, 0) => Ok(Stages::failover(places)),
            (places, _) => Ok(Stages::parallel(places)),
        };
        let delay = self.below(DELAY_MS);
        self.later(leg, delay, Input::Routed { id, result });
    }

    /// A phone rings or not, and is then taken up, refuses, or is never heard of.
    fn ring(&mut self, leg: Leg, branch: BranchId) {
        assert!(self.calls[leg].open.insert(branch), "a branch is called twice");
        let (rings, decides) = (self.below(5000), 5000 + self.below(PHONE_MS));
        if self.below(4) > 0 {
            self.later(leg, rings, Input::Branch { branch, news: BranchNews::Ringing });
        }
        let status = [486, 503, 404, 603, 408][self.below(5) as usize];
        let news = match self.below(5) {
            0 | 1 => BranchNews::Answered(BranchAnswer {
                sip_call_id: format!("{leg}-{}", branch.0),
                source_ip: [10, 0, 0, 1].into(),
                headers: Vec::new(),
            }),
            2 | 3 => BranchNews::Refused {
                sip_call_id: format!("{leg}-{}", branch.0),
                refused: Refused { status, heard: true, headers: Vec::new() },
            },
            _ => return,
        };
        self.later(leg, decides, Input::Branch { branch, news });
    }

    fn fetch(&mut self, leg: Leg, id: EffectId) {
        let document = match leg {
            0 if self.calls[0].told.is_empty() => self.dial(),
            0 => "<Response><Hangup/></Response>".to_owned(),
            _ => ["<Response><Say>hello</Say></Response>", "<Response><Hangup/></Response>", "<Response/>"]
                [self.below(3) as usize]
                .to_owned(),
        };
        self.calls[leg].told.push("asked");
        let fetched = Fetched {
            url: "http://app/voice".to_owned(),
            status: 200,
            content_type: Some("text/xml".to_owned()),
            headers: Vec::new(),
            body: Bytes::from(document),
        };
        let delay = self.below(DELAY_MS);
        self.later(leg, delay, Input::Fetched { id, result: Ok(fetched) });
    }

    fn dial(&mut self) -> String {
        let flag = |world: &mut Self, name: &str| match world.below(2) {
            0 => String::new(),
            _ => format!(" {name}='true'"),
        };
        let mut attributes = String::new();
        for name in ["sequential", "answerOnBridge", "hangupOnStar"] {
            attributes.push_str(&flag(self, name));
        }
        if self.below(2) == 0 {
            attributes.push_str(" action='/done'");
        }
        if self.below(3) == 0 {
            attributes.push_str(" timeLimit='3'");
        }
        let screening = if self.below(3) == 0 { " url='/screen'" } else { "" };
        let events = "statusCallback='/s' statusCallbackEvent='initiated ringing answered completed'";
        let noun = format!("<Sip{screening} {events}>sip:bob@b.example</Sip>");
        let nouns = noun.repeat(1 + self.below(4) as usize);
        format!("<Response><Dial timeout='10'{attributes}>{nouns}</Dial><Say>bye</Say></Response>")
    }

    fn start_child(&mut self, id: EffectId, child: NewChild) {
        let leg =
            LegFacts { from: child.from, to: child.to, sip_call_id: None, source_ip: None, ..caller().leg };
        let facts = CallFacts {
            call_sid: CallSid::from_random(self.random.bytes()),
            origin: CallOrigin::Outgoing(child.outgoing),
            leg,
            limits: CallLimits::default(),
        };
        let machine = CallMachine::outgoing(facts, self.time(), self.now);
        let leg = self.add(machine, Some(id));
        self.children.insert(id, leg);
        self.interfere(leg);
        self.take_effects(leg);
    }

    /// Somebody hangs up, presses keys or uses the REST API in the middle of it.
    fn interfere(&mut self, leg: Leg) {
        let at = self.below(3 * PHONE_MS);
        let redirect =
            || Command::Redirect { url: "http://app/other".to_owned(), method: Default::default() };
        match self.below(if leg == 0 { 6 } else { 12 }) {
            0 => self.enqueue(at, Happening::Rest(leg, redirect())),
            1 => self.enqueue(at, Happening::Rest(leg, Command::Complete)),
            2 => self.enqueue(at, Happening::Rest(leg, Command::Cancel)),
            3 if leg == 0 => self.later(leg, at, Input::Digit('*')),
            _ => (),
        }
        if leg == 0 {
            let patience = 1000 + self.below(6 * PHONE_MS);
            self.later(leg, DELAY_MS, Input::Acknowledged);
            self.later(leg, patience, Input::Bye(Vec::new()));
        }
    }

    fn tell_parent(&mut self, leg: Leg, news: ChildNews) {
        let what = match news {
            ChildNews::Ringing => "ringing",
            ChildNews::Ready => "ready",
            ChildNews::Ended(_) => "ended",
            ChildNews::Left(_) => "left",
        };
        self.calls[leg].told.push(what);
        let id = self.calls[leg].id.unwrap();
        if matches!(news, ChildNews::Ended(_) | ChildNews::Left(_)) {
            self.children.remove(&id);
        }
        self.in_order(leg, 0, Input::Child { id, news });
    }

    fn tell_child(&mut self, id: EffectId, news: ParentNews) {
        if let Some(leg) = self.children.get(&id).copied() {
            self.in_order(0, leg, Input::Parent(news));
        }
    }

    fn in_order(&mut self, from: Leg, to: Leg, input: Input) {
        let delay = self.below(DELAY_MS);
        let before = self.newest.get(&(from, to)).copied().unwrap_or(self.now);
        let at = before.max(self.now + Duration::from_millis(delay));
        self.newest.insert((from, to), at);
        self.queued += 1;
        self.queue.insert((at, self.queued), Happening::Tell(to, Box::new(input)));
    }

    fn tell_now(&mut self, leg: Leg, input: Input) {
        let now = self.time();
        self.calls[leg].machine.handle(now, input);
    }

    fn later(&mut self, leg: Leg, delay_ms: u64, input: Input) {
        self.enqueue(delay_ms, Happening::Tell(leg, Box::new(input)));
    }

    fn enqueue(&mut self, delay_ms: u64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.now + Duration::from_millis(delay_ms), self.queued), happening);
    }

    fn add(&mut self, machine: CallMachine, id: Option<EffectId>) -> Leg {
        self.calls.push(Call {
            machine,
            id,
            open: HashSet::new(),
            accepted: None,
            told: Vec::new(),
            callbacks: Vec::new(),
            end: None,
        });
        self.calls.len() - 1
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn time(&self) -> Now {
        Now { monotonic: self.now, unix: UnixTime::from_secs(1_800_000_000) + self.now.since_start() }
    }

    /// What must hold, however everything crossed.
    fn check(&self) {
        let (caller_ended, _) = self.calls[0].end.as_ref().expect("the caller's call ends");
        assert!(self.bridged.len() <= 1, "bridged with {:?}", self.bridged);
        for (leg, call) in self.calls.iter().enumerate() {
            let (ended, end) = call.end.as_ref().expect("every call ends");
            assert!(end.status.is_final());
            assert!(call.open.is_empty(), "leg {leg} is over and leaves branches: {:?}", call.open);
            assert_eq!(call.accepted, None, "leg {leg} is over and its dialog is not");
            assert_eq!(call.machine.next_timeout(), None);
            if leg > 0 {
                check_child(leg, call);
                let alone = call.told.contains(&"left");
                let late = ended.since(*caller_ended);
                assert!(
                    alone || late <= Duration::from_millis(DELAY_MS),
                    "leg {leg} outlives its parent by {late:?}"
                );
            }
        }
    }
}

/// Its parent heard of its end once, and last; its callbacks are numbered without a gap, in the order of states.
fn check_child(leg: Leg, call: &Call) {
    let news: Vec<&str> = call.told.iter().copied().filter(|what| *what != "asked").collect();
    let ends = news.iter().filter(|what| matches!(**what, "ended" | "left")).count();
    assert_eq!(ends, 1, "leg {leg} told {news:?}");
    assert!(matches!(news.last(), Some(&"ended" | &"left")), "leg {leg} told {news:?}");
    let distinct: HashSet<&&str> = news.iter().collect();
    assert_eq!(distinct.len(), news.len(), "leg {leg} told {news:?}");
    let param = |callback: &CallbackRequest, name: &str| {
        callback.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
    };
    let order = ["initiated", "ringing", "in-progress"];
    let mut last_state = 0;
    for (number, callback) in call.callbacks.iter().enumerate() {
        assert_eq!(param(callback, "SequenceNumber"), number.to_string(), "leg {leg}");
        let status = param(callback, "CallStatus");
        let state = order.iter().position(|known| *known == status).map_or(order.len(), |state| state);
        assert!(number == 0 || state > last_state, "leg {leg}: {status} comes late");
        last_state = state;
    }
    let end = &call.end.as_ref().unwrap().1;
    let told = call.callbacks.last().map(|callback| param(callback, "CallStatus"));
    assert_eq!(told.as_deref(), Some(end.status.as_str()), "leg {leg}: the last callback is the end");
    assert!(end.answered_at.is_some() || end.duration_s == 0, "leg {leg} lasted without an answer");
}

fn caller() -> CallFacts {
    let gate = DomainGate {
        sid: DomainSid::from_random([1; 16]),
        account_sid: AccountSid::from_random([2; 16]),
        account_active: true,
        name: "demo.sip.twilio.com".to_owned(),
        secure: false,
        sip_registration: true,
        emergency_calling: false,
        byoc_trunk: None,
        acl: None,
        call_lists: Vec::new(),
        registration_lists: Vec::new(),
        voice: VoiceUrls { url: Some("http://app/voice".to_owned()), ..VoiceUrls::default() },
    };
    CallFacts {
        call_sid: CallSid::from_random([3; 16]),
        origin: CallOrigin::Domain(Arc::new(gate)),
        leg: LegFacts {
            from: "sip:alice@demo.sip.twilio.com".to_owned(),
            to: "sip:100@demo.sip.twilio.com".to_owned(),
            caller_name: None,
            forwarded_from: None,
            sip_call_id: Some("in-1".to_owned()),
            source_ip: Some([10, 0, 0, 9].into()),
            username: None,
            headers: Vec::new(),
        },
        limits: CallLimits::default(),
    }
}

#[expect(clippy::disallowed_methods, reason = "which seeds run is the choice of whoever runs the tests")]
fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "a failure names its seed")]
fn no_leg_outlives_its_call_and_every_end_is_told_once() {
    let seeds = match environment("RINGWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..environment("RINGWAY_SEEDS").unwrap_or(SEEDS_DEFAULT),
    };
    let mut bridged = 0;
    for seed in seeds.clone() {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run();
            world.check();
            world.bridged.len()
        });
        match outcome {
            Ok(count) => bridged += count,
            Err(panic) => {
                eprintln!("fails with RINGWAY_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(seeds.end - seeds.start == 1 || bridged > 100, "too few of the calls were bridged: {bridged}");
}
