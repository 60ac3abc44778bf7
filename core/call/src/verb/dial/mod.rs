//! Dial: others are called, the first that is ready is bridged, and the action is told how it went. Each of the
//! called is a call of its own; this one only knows what they tell.

mod plan;
mod report;

use std::collections::VecDeque;
use std::time::Duration;

use ringway_model::Moment;
use ringway_twiml::HttpMethod;
use ringway_twiml::document::{Dial, LOOPS_MAX, Noun};

use super::{Context, Event, Failure, Outcome, Transfer};
use crate::child::{ChildEnd, ChildNews, EndReason};
use crate::effect::{Effect, EffectId, Playable, Purpose};
use crate::input::FetchFailure;
use crate::machine::outbox::Outbox;
use plan::Plan;
use report::Report;

/// The number of a Dial within a Dial.
const DIAL_IN_DIAL: u32 = 13201;

/// The country whose ringing is heard when none is named.
const RING_TONE_DEFAULT: &str = "us";

/// Others being called, or talked to.
#[derive(Debug)]
pub(crate) struct Dialing {
    rules: Rules,
    plan: Plan,
    /// Called one after the other.
    waiting: VecDeque<Noun>,
    /// Called now.
    ringing: Vec<EffectId>,
    partner: Option<Partner>,
    ring_tone: Option<EffectId>,
    best: Option<ChildEnd>,
}

/// The attributes that matter after the beginning.
#[derive(Debug)]
struct Rules {
    action: Option<String>,
    method: HttpMethod,
    time_limit: Option<Duration>,
    hangup_on_star: bool,
}

/// Who is talked to.
#[derive(Debug)]
struct Partner {
    id: EffectId,
    /// False while the caller is being answered.
    bridged: bool,
    until: Option<Moment>,
}

impl Dialing {
    /// Calls whom it can. One that cannot be called has failed.
    pub(crate) fn start(dial: Dial, context: &mut Context<'_>) -> Outcome<Self> {
        if context.has_parent {
            return Outcome::Failed(dial_in_dial());
        }
        let plan = Plan::of(&dial, context);
        let rules = Rules {
            action: dial.action,
            method: dial.method,
            time_limit: dial.time_limit,
            hangup_on_star: dial.hangup_on_star,
        };
        let mut dialing = Self {
            rules,
            plan,
            waiting: dial.nouns.into(),
            ringing: Vec::new(),
            partner: None,
            ring_tone: None,
            best: None,
        };
        let at_once = if dial.sequential { 1 } else { dialing.waiting.len() };
        dialing.call_next(at_once, context);
        if dialing.ringing.is_empty() {
            return dialing.report(None, context);
        }
        if context.answered {
            let country = dial.ring_tone.unwrap_or(RING_TONE_DEFAULT);
            dialing.ring_tone = Some(context.play(Playable::RingTone(country), LOOPS_MAX));
        }
        Outcome::Performing(dialing)
    }

    /// Takes what the called tell, the caller's star, and time.
    pub(crate) fn handle(mut self, event: Event, context: &mut Context<'_>) -> Outcome<Self> {
        match event {
            Event::Child(id, ChildNews::Ready) => self.ready(id, context),
            Event::Child(id, ChildNews::Ended(end)) => return self.ended(id, *end, context),
            Event::Child(id, ChildNews::Left(end)) => return self.left(id, *end, context),
            Event::Answered => self.bridge(context),
            Event::Digit('*') if self.rules.hangup_on_star => self.end_partner(context.out),
            Event::Timeout if self.is_too_long(context) => self.end_partner(context.out),
            _ => (),
        }
        Outcome::Performing(self)
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.partner.as_ref()?.until
    }

    pub(crate) fn playing(&self) -> Option<EffectId> {
        self.ring_tone
    }

    /// The call goes on without them.
    pub(crate) fn abandon(self, out: &mut Outbox) {
        if self.partner.as_ref().is_some_and(|partner| partner.bridged) {
            out.push(Effect::Unbridge);
        }
        let partner = self.partner.iter().map(|partner| partner.id);
        let everybody = self.ringing.iter().copied().chain(partner);
        everybody.for_each(|id| out.push(Effect::EndChild { id, reason: EndReason::ParentGone }));
    }

    /// Calls so many of those who wait, those not counted that cannot be called.
    fn call_next(&mut self, count: usize, context: &mut Context<'_>) {
        let mut called = 0;
        while called < count {
            let Some(noun) = self.waiting.pop_front() else { return };
            if let Some(child) = self.plan.child(&noun, context) {
                let id = context.out.id();
                context.out.push(Effect::StartChild { id, child: Box::new(child) });
                self.ringing.push(id);
                called += 1;
            }
        }
    }

    /// One is through with its own document. The first is taken, and the others are not needed any more.
    fn ready(&mut self, id: EffectId, context: &mut Context<'_>) {
        let Some(place) = self.ringing.iter().position(|ringing| *ringing == id) else { return };
        self.ringing.remove(place);
        for id in self.ringing.drain(..) {
            context.out.push(Effect::EndChild { id, reason: EndReason::AnsweredElsewhere });
        }
        self.waiting.clear();
        if let Some(tone) = self.ring_tone.take() {
            context.stop(tone);
        }
        self.partner = Some(Partner { id, bridged: false, until: None });
        if context.answered {
            self.bridge(context);
        } else {
            context.wants_answer = true;
        }
    }

    fn bridge(&mut self, context: &mut Context<'_>) {
        if let Some(partner) = self.partner.as_mut().filter(|partner| !partner.bridged) {
            partner.bridged = true;
            partner.until = self.rules.time_limit.map(|limit| context.now.monotonic + limit);
            context.out.push(Effect::Bridge { id: partner.id });
        }
    }

    fn is_too_long(&self, context: &Context<'_>) -> bool {
        self.next_timeout().is_some_and(|until| context.now.monotonic >= until)
    }

    /// Its end comes back as news, and is the end of the Dial.
    fn end_partner(&mut self, out: &mut Outbox) {
        if let Some(partner) = self.partner.as_mut().filter(|partner| partner.bridged) {
            partner.until = None;
            out.push(Effect::EndChild { id: partner.id, reason: EndReason::ParentGone });
        }
    }

    fn ended(mut self, id: EffectId, end: ChildEnd, context: &mut Context<'_>) -> Outcome<Self> {
        if let Some(partner) = self.partner.take_if(|partner| partner.id == id) {
            let report = Report::of(&end).bridged(partner.bridged);
            return self.report(Some(report), context);
        }
        let Some(place) = self.ringing.iter().position(|ringing| *ringing == id) else {
            return Outcome::Performing(self);
        };
        self.ringing.remove(place);
        if self.best.as_ref().is_none_or(|best| report::rank(end.status) < report::rank(best.status)) {
            self.best = Some(end);
        }
        if self.ringing.is_empty() {
            self.call_next(1, context);
        }
        if !self.ringing.is_empty() {
            return Outcome::Performing(self);
        }
        let report = self.best.as_ref().map(Report::of);
        self.report(report, context)
    }

    /// The called side goes on with another document of its own: the Dial is over, and how long they talked is
    /// not told.
    fn left(mut self, id: EffectId, end: ChildEnd, context: &mut Context<'_>) -> Outcome<Self> {
        match self.partner.take_if(|partner| partner.id == id) {
            Some(partner) => {
                let report = Report::of(&end).bridged(partner.bridged).without_duration();
                self.report(Some(report), context)
            }
            None => self.ended(id, end, context),
        }
    }

    /// The end of it: the action is asked, or the next verb performed. No report is a Dial that called nobody.
    fn report(self, report: Option<Report>, context: &mut Context<'_>) -> Outcome<Self> {
        if let Some(tone) = self.ring_tone {
            context.stop(tone);
        }
        if report.as_ref().is_some_and(Report::was_bridged) {
            context.out.push(Effect::Unbridge);
        }
        let Some(reference) = self.rules.action else { return Outcome::Next };
        Outcome::Transfer(Transfer {
            purpose: Purpose::DialAction,
            reference,
            method: self.rules.method,
            params: report.unwrap_or_else(Report::nobody).params(),
        })
    }
}

fn dial_in_dial() -> Failure {
    let message =
        "Cannot Dial out from a Dial Call Segment: this document is heard by somebody who was dialled";
    let failure = FetchFailure { code: DIAL_IN_DIAL, message: message.to_owned(), url: None, response: None };
    Failure { failure, url: None }
}
