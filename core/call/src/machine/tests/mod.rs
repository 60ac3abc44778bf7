//! Scripted conversations: what happens on the left, what the machine wants done on the right.
#![allow(clippy::unwrap_used, clippy::panic)]

mod answering;
mod commands;
mod dial;
mod dialing;
mod endings;
mod errors;
mod gather;
mod interleavings;
mod playing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::sid::{AccountSid, CallSid, DomainSid};
use ringway_model::{Moment, Now, UnixTime};
use ringway_twiml::HttpMethod;

use super::CallMachine;
use crate::child::{ChildNews, NewChild};
use crate::directory::{DomainGate, VoiceUrls};
use crate::effect::{CallbackRequest, Effect, EffectId, Fetch, Final, Notification, Play, Playable};
use crate::input::{Command, CommandRefused, FetchFailure, Fetched, Input};
use crate::leg::{CallFacts, CallLimits, CallOrigin, LegFacts};

/// A call and the world around it; time passes only when told.
struct World {
    machine: CallMachine,
    now: Now,
    /// Ids that wait for a result.
    fetch: Option<Fetch>,
    play: Option<EffectId>,
    notifications: Vec<Notification>,
    /// Callbacks about the call as it went on.
    callbacks: Vec<CallbackRequest>,
    /// Calls that a Dial began.
    children: Vec<(EffectId, NewChild)>,
    route: Option<EffectId>,
    finished: Option<Final>,
}

fn gate() -> DomainGate {
    DomainGate {
        sid: DomainSid::from_random([1; 16]),
        account_sid: AccountSid::from_random([2; 16]),
        account_active: true,
        name: "demo.sip.twilio.com".to_owned(),
        secure: false,
        sip_registration: false,
        emergency_calling: false,
        byoc_trunk: None,
        acl: None,
        call_lists: Vec::new(),
        registration_lists: Vec::new(),
        voice: VoiceUrls {
            url: Some("http://app/voice".to_owned()),
            status_callback_url: Some("http://app/status".to_owned()),
            ..VoiceUrls::default()
        },
    }
}

fn facts(gate: DomainGate) -> CallFacts {
    CallFacts {
        call_sid: CallSid::from_random([3; 16]),
        origin: CallOrigin::Domain(Arc::new(gate)),
        leg: LegFacts {
            from: "sip:alice@10.0.0.1".to_owned(),
            to: "sip:100@demo.sip.twilio.com".to_owned(),
            caller_name: None,
            forwarded_from: None,
            sip_call_id: Some("call-id-1".to_owned()),
            source_ip: Some([10, 0, 0, 1].into()),
            username: Some("alice".to_owned()),
            headers: Vec::new(),
        },
        limits: CallLimits { documents_without_media_max: 5, ..CallLimits::default() },
    }
}

impl World {
    fn new() -> Self {
        Self::with(gate())
    }

    fn with_fallback() -> Self {
        let mut gate = gate();
        gate.voice.fallback_url = Some("http://app/fallback".to_owned());
        gate.voice.fallback_method = HttpMethod::Get;
        Self::with(gate)
    }

    fn with(gate: DomainGate) -> Self {
        let now = Now {
            monotonic: Moment::from_start(Duration::from_secs(1000)),
            unix: UnixTime::from_secs(1_437_413_230),
        };
        Self::around(CallMachine::new(facts(gate), now), now)
    }

    fn around(machine: CallMachine, now: Now) -> Self {
        Self {
            machine,
            now,
            fetch: None,
            play: None,
            notifications: Vec::new(),
            callbacks: Vec::new(),
            children: Vec::new(),
            route: None,
            finished: None,
        }
    }

    /// A call whose first document is this; the first effects were seen.
    fn of(document: &str) -> Self {
        let mut world = Self::new();
        world.expect(&["ring", "fetch POST http://app/voice"]);
        world.document(document);
        world
    }

    /// The same, answered and acknowledged.
    fn answered(document: &str) -> Self {
        let mut world = Self::of(document);
        world.expect(&["answer"]);
        world.input(Input::Answered);
        world.input(Input::Acknowledged);
        world
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
    }

    fn command(&mut self, command: Command) -> Result<(), CommandRefused> {
        self.machine.command(self.now, command)
    }

    fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.input(Input::Digit(key)));
    }

    fn document(&mut self, document: &str) {
        self.body("text/xml", document);
    }

    fn body(&mut self, content_type: &str, body: &str) {
        let fetch = self.fetch.take().unwrap();
        let fetched = Fetched {
            url: crate::url::without_fragment(&fetch.url).to_owned(),
            status: 200,
            content_type: Some(content_type.to_owned()),
            headers: vec![("Server".to_owned(), "test".to_owned())],
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.input(Input::Fetched { id: fetch.id, result: Ok(fetched) });
    }

    fn fetch_fails(&mut self, code: u32) {
        let id = self.fetch.take().unwrap().id;
        self.input(Input::Fetched { id, result: Err(failure(code)) });
    }

    /// The sound that is played lasted so long and is over.
    fn played(&mut self, seconds: u64) {
        let id = self.play.take().unwrap();
        self.pass(seconds * 1000);
        self.input(Input::PlayFinished { id });
    }

    fn play_fails(&mut self, code: u32) {
        let id = self.play.take().unwrap();
        self.input(Input::PlayFailed { id, failure: failure(code) });
    }

    /// Time passes, and the machine is woken whenever it asked to be.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.now.monotonic + Duration::from_millis(milliseconds);
        while let Some(due) = self.machine.next_timeout().filter(|due| *due <= end) {
            self.set_time(due.max(self.now.monotonic));
            self.input(Input::Timeout);
        }
        self.set_time(end);
    }

    fn set_time(&mut self, moment: Moment) {
        let passed = moment.since(self.now.monotonic);
        self.now = Now { monotonic: moment, unix: self.now.unix + passed };
    }

    #[track_caller]
    fn expect(&mut self, expected: &[&str]) {
        let mut got = Vec::new();
        while let Some(effect) = self.machine.poll_effect() {
            got.push(self.take(effect));
        }
        assert_eq!(got, expected);
    }

    /// How it ended; what happened on the way does not matter.
    fn finish(&mut self) -> Final {
        while let Some(effect) = self.machine.poll_effect() {
            self.take(effect);
        }
        self.finished.clone().unwrap()
    }

    fn take(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Ring => "ring".to_owned(),
            Effect::Answer => "answer".to_owned(),
            Effect::Refuse { status, .. } => format!("refuse {status}"),
            Effect::Hangup => "hangup".to_owned(),
            Effect::Fetch(fetch) => {
                let text = format!("fetch {} {}", fetch.method, fetch.url);
                self.fetch = Some(fetch);
                text
            }
            Effect::CancelFetch { .. } => "cancel fetch".to_owned(),
            Effect::Play(play) => {
                self.play = Some(play.id);
                shown(&play)
            }
            Effect::StopPlay { id } => {
                assert_eq!(self.play.take(), Some(id));
                "stop".to_owned()
            }
            Effect::Notify(notification) => {
                let text = format!("notify {}", notification.code);
                self.notifications.push(*notification);
                text
            }
            Effect::Status(status) => format!("status {status}"),
            Effect::Route { id } => {
                self.route = Some(id);
                "route".to_owned()
            }
            Effect::Invite { branch } => format!("invite {}", branch.0),
            Effect::EndBranch { branch, reason } => {
                format!("end branch {}{}", branch.0, if reason.is_some() { " with a reason" } else { "" })
            }
            Effect::Accept { branch } => format!("accept {}", branch.0),
            Effect::StartChild { id, child } => {
                let text = format!("start child {}", child.to);
                self.children.push((id, *child));
                text
            }
            Effect::EndChild { id, reason } => format!("end child {} {reason:?}", self.child(id).to),
            Effect::Bridge { id } => format!("bridge {}", self.child(id).to),
            Effect::Unbridge => "unbridge".to_owned(),
            Effect::TellParent(ChildNews::Ringing) => "tell ringing".to_owned(),
            Effect::TellParent(ChildNews::Ready) => "tell ready".to_owned(),
            Effect::TellParent(ChildNews::Ended(end)) => format!("tell ended {}", end.status),
            Effect::TellParent(ChildNews::Left(_)) => "tell left".to_owned(),
            Effect::Callback(callback) => {
                let param = |name: &str| &callback.params.iter().find(|(key, _)| key == name).unwrap().1;
                let text = format!("callback {} {}", param("SequenceNumber"), param("CallStatus"));
                self.callbacks.push(*callback);
                text
            }
            Effect::Finish(end) => {
                let text = format!("finish {} {}s", end.status, end.duration_s);
                assert!(self.finished.replace(*end).is_none());
                text
            }
        }
    }

    fn child(&self, id: EffectId) -> &NewChild {
        &self.children.iter().find(|(known, _)| *known == id).unwrap().1
    }

    /// A parameter of the fetch that waits.
    fn param(&self, name: &str) -> Option<&str> {
        let params = &self.fetch.as_ref().unwrap().params;
        params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn callback_param(&self, name: &str) -> Option<&str> {
        let callback = self.finished.as_ref().unwrap().callback.as_ref().unwrap();
        callback.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn shown(play: &Play) -> String {
    let what = match &play.what {
        Playable::Url(url) => format!("url {url}"),
        Playable::Audio { content_type, .. } => format!("audio {content_type}"),
        Playable::Speech(speech) => format!("say {}", speech.text),
        Playable::Digits(digits) => format!("digits {digits}"),
        Playable::RingTone(country) => format!("ring tone {country}"),
    };
    format!("{what} x{}", play.loops)
}

fn failure(code: u32) -> FetchFailure {
    FetchFailure { code, message: format!("failure {code}"), url: None, response: None }
}

fn redirect_to(url: &str) -> Command {
    Command::Redirect { url: url.to_owned(), method: HttpMethod::Post }
}
