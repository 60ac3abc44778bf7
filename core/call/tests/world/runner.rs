//! One call as the engine runs it: news wait in slots until its turn comes, its commands reach the endpoint a
//! little later, and what it asked for may come after it was given up.

use std::collections::VecDeque;
use std::time::Duration;

use ringway_call::CallMachine;
use ringway_call::admit::Admitted;
use ringway_call::effect::{Effect, EffectId, Fetch, Final, Play, Playable, Purpose};
use ringway_call::input::{Command as RestCommand, FetchFailure, Fetched, Input};
use ringway_call::leg::{CallFacts, CallLimits, CallOrigin};
use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, Moment};
use ringway_sip::endpoint::{Command, DialogEvent, DialogId, OfferId};

use super::caller::description;
use super::{News, Occurrence, World};

pub(super) struct Call {
    pub(super) machine: CallMachine,
    dialog: DialogId,
    slots: Slots,
    /// A turn is due already.
    waking: bool,
    /// Commands reach the endpoint in the order in which they were given.
    newest_command: Moment,
    /// Our 200 makes the offer, so media begin with the ACK.
    late_offer: bool,
    awaits_answer: bool,
    media: bool,
    pub(super) record: Record,
}

/// What the machine wanted, for the invariants.
#[derive(Default)]
pub(super) struct Record {
    pub(super) first_fetches: u32,
    pub(super) answers: u32,
    pub(super) refusal: Option<u16>,
    pub(super) notified: Vec<u32>,
    pub(super) in_progress: u32,
    pub(super) fetches: Vec<(Purpose, Vec<(String, String)>)>,
    pub(super) end: Option<Final>,
    pub(super) rest_taken: Vec<RestCommand>,
}

/// What waits, one slot for each kind of news.
#[derive(Default)]
struct Slots {
    acknowledged: bool,
    acknowledge_timeout: bool,
    cancelled: bool,
    bye: bool,
    dialog_over: bool,
    offer: Option<OfferId>,
    digits: VecDeque<char>,
    played: Option<EffectId>,
    command: Option<RestCommand>,
}

impl World {
    pub(super) fn begin_call(&mut self, dialog: DialogId, admitted: Admitted) {
        let call_sid = CallSid::from_random(self.random.bytes());
        let limits = CallLimits::default();
        let Admitted { gate, leg } = admitted;
        assert_eq!(leg.username.as_deref(), Some(super::server::USER));
        let facts = CallFacts { call_sid, origin: CallOrigin::Domain(gate), leg, limits };
        let machine = CallMachine::new(facts, self.now());
        let late_offer = self.chance(8);
        self.server.call = Some(Call {
            machine,
            dialog,
            slots: Slots::default(),
            waking: false,
            newest_command: self.now,
            late_offer,
            awaits_answer: false,
            media: false,
            record: Record::default(),
        });
        self.wake();
    }

    /// What the endpoint tells, into its slot.
    pub(super) fn post(&mut self, event: DialogEvent) {
        let Some(call) = &mut self.server.call else { return };
        let slots = &mut call.slots;
        match event {
            DialogEvent::Acknowledged { .. } => slots.acknowledged = true,
            DialogEvent::AcknowledgeTimeout => slots.acknowledge_timeout = true,
            DialogEvent::Cancelled { .. } => slots.cancelled = true,
            DialogEvent::Bye { .. } => slots.bye = true,
            DialogEvent::Offer { offer, .. } => slots.offer = Some(offer),
            DialogEvent::OfferWithdrawn { offer } => {
                slots.offer.take_if(|waiting| *waiting == offer);
            }
            event if super::server::is_last(&event) => slots.dialog_over = true,
            _ => return,
        }
        self.wake();
    }

    pub(super) fn key(&mut self, key: char) {
        let Some(call) = self.server.call.as_mut().filter(|call| call.media) else { return };
        call.slots.digits.push_back(key);
        self.wake();
    }

    pub(super) fn played(&mut self, id: EffectId) {
        let Some(call) = self.server.call.as_mut().filter(|call| call.media) else { return };
        call.slots.played = Some(id);
        self.wake();
    }

    pub(super) fn rest(&mut self, command: RestCommand) {
        let Some(call) = &mut self.server.call else { return };
        call.slots.command.get_or_insert(command);
        self.wake();
    }

    /// The task gets its turn: mostly at once, now and then when the machine is busy elsewhere.
    fn wake(&mut self) {
        let delay = if self.chance(4) { self.between(0, 60) } else { self.between(0, 2) };
        let Some(call) = &mut self.server.call else { return };
        if !std::mem::replace(&mut call.waking, true) {
            self.enqueue(delay, Occurrence::RunnerWakes);
        }
    }

    /// The news, in the order in which they must have happened.
    pub(super) fn read_mailbox(&mut self) {
        let Some(call) = &mut self.server.call else { return };
        call.waking = false;
        let news = std::mem::take(&mut call.slots);
        self.perform();
        if news.acknowledged {
            self.machine_input(Input::Acknowledged);
            self.late_answer();
        }
        for digit in news.digits {
            self.machine_input(Input::Digit(digit));
        }
        if let Some(id) = news.played {
            self.machine_input(Input::PlayFinished { id });
        }
        if let Some(offer) = news.offer {
            self.command(|dialog| Command::AnswerOffer { dialog, offer, result: Ok(Some(description())) });
        }
        if let Some(command) = news.command {
            self.take_command(command);
        }
        let endings = [
            (news.cancelled, Input::Cancelled),
            (news.bye, Input::Bye(Vec::new())),
            (news.acknowledge_timeout, Input::AcknowledgeTimeout),
            (news.dialog_over, Input::DialogGone),
        ];
        for (_, ending) in endings.into_iter().filter(|(happened, _)| *happened) {
            self.machine_input(ending);
        }
    }

    /// The ACK answers the offer of our 200; now and then with media that cannot be used.
    fn late_answer(&mut self) {
        let usable = !self.chance(8);
        let Some(call) = &mut self.server.call else { return };
        if !std::mem::take(&mut call.awaits_answer) {
            return;
        }
        call.media = usable;
        self.machine_input(match usable {
            true => Input::Answered,
            false => {
                Input::AnswerFailed { status: 488, code: 32102, message: "No codec in common".to_owned() }
            }
        });
    }

    fn take_command(&mut self, command: RestCommand) {
        let now = self.now();
        let Some(call) = &mut self.server.call else { return };
        let taken = call.machine.command(now, command.clone());
        if taken.is_ok() {
            call.record.rest_taken.push(command.clone());
        }
        self.note(format!("REST: {command:?}: {taken:?}"));
        self.perform();
    }

    pub(super) fn application_answered(&mut self, id: EffectId, result: Result<Fetched, FetchFailure>) {
        self.note("application answers");
        self.machine_input(Input::Fetched { id, result });
    }

    /// Also after the end, when it must change nothing.
    pub(super) fn machine_input(&mut self, input: Input) {
        let now = self.now();
        let Some(call) = &mut self.server.call else { return };
        call.machine.handle(now, input);
        self.perform();
    }

    fn perform(&mut self) {
        while let Some(effect) = self.server.call.as_mut().and_then(|call| call.machine.poll_effect()) {
            let Some(call) = &mut self.server.call else { return };
            assert!(call.record.end.is_none(), "after Finish the machine wants {effect:?}");
            self.perform_one(effect);
        }
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Ring => self.respond(180),
            Effect::Answer => self.answer(),
            Effect::Refuse { status, .. } => {
                self.record(|record| assert_eq!(record.refusal.replace(status), None));
                self.respond(status);
            }
            Effect::Hangup => {
                self.command(|dialog| Command::Hangup { dialog, reason: None, headers: Vec::new() });
                self.close_media();
            }
            Effect::Fetch(fetch) => self.fetch(fetch),
            // Its answer comes nevertheless, late.
            Effect::CancelFetch { .. } | Effect::StopPlay { .. } => {}
            Effect::Play(play) => self.play(&play),
            Effect::Notify(notification) => {
                self.note(format!("notification {}", notification.code));
                self.record(|record| record.notified.push(notification.code));
            }
            Effect::Status(status) => {
                assert_eq!(status, CallStatus::InProgress);
                self.record(|record| record.in_progress += 1);
            }
            Effect::Finish(end) => {
                self.note(format!("finish: {}", end.status));
                self.record(|record| record.end = Some(*end));
                self.close_media();
                self.tell(News::Finished);
            }
            other => panic!("an effect of calls out: {other:?}"),
        }
    }

    fn answer(&mut self) {
        self.record(|record| record.answers += 1);
        self.respond(200);
        let Some(call) = &mut self.server.call else { return };
        if call.late_offer {
            call.awaits_answer = true;
        } else {
            call.media = true;
            self.machine_input(Input::Answered);
        }
    }

    fn fetch(&mut self, fetch: Fetch) {
        let Fetch { id, purpose, url, params, .. } = fetch;
        let answer = (self.scenario.application)(&mut self.random, purpose);
        self.note(format!("application is asked: {url} ({purpose:?})"));
        self.record(|record| {
            record.first_fetches += u32::from(purpose == Purpose::Voice);
            record.fetches.push((purpose, params));
        });
        let answers_in = answer.after;
        self.enqueue(answers_in, Occurrence::Answered(id, Box::new(answer.result(url))));
        self.tell(News::Asked { purpose, answers_in });
    }

    /// A sound is prepared for a while and then lasts; keys take a fifth of a second each.
    fn play(&mut self, play: &Play) {
        let once = match &play.what {
            Playable::Digits(keys) => Duration::from_millis(200 * keys.len() as u64),
            _ => self.between(200, 2500),
        };
        let lasts = self.between(0, 120) + once * play.loops.min(3);
        self.enqueue(lasts, Occurrence::Played(play.id));
        self.tell(News::Playing { lasts });
    }

    fn respond(&mut self, status: u16) {
        let body = (status == 200).then(description);
        self.command(|dialog| Command::Respond { dialog, status, reason: None, headers: Vec::new(), body });
    }

    /// Leaves a command in the queue of the endpoint's thread.
    fn command(&mut self, command: impl FnOnce(DialogId) -> Command) {
        let delay = if self.chance(4) { self.between(0, 40) } else { self.between(0, 2) };
        let Some(call) = &mut self.server.call else { return };
        call.newest_command = call.newest_command.max(self.now + delay);
        let (at, command) = (call.newest_command, command(call.dialog));
        self.enqueue_at(at, Occurrence::ServerCommand(command));
    }

    fn close_media(&mut self) {
        if let Some(call) = &mut self.server.call {
            call.media = false;
            call.awaits_answer = false;
        }
    }

    fn record(&mut self, note: impl FnOnce(&mut Record)) {
        if let Some(call) = &mut self.server.call {
            note(&mut call.record);
        }
    }
}
