//! Fetching documents, executing them, and what is left when either fails (contract, runtime.md 1.5, 1.7).

use ringway_model::{CallStatus, Now};
use ringway_twiml::{HttpMethod, Problem, Verb};

use super::dialing::FirstDocument;
use super::program::{Asked, Origin, Program, Step};
use super::{Activity, CallMachine, NOTICEABLE, Phase};
use crate::effect::{Effect, EffectId, Fetch, Purpose};
use crate::input::{FetchFailure, Fetched};
use crate::verb::dial::Dialing;
use crate::verb::gather::Gathering;
use crate::verb::pause::Pausing;
use crate::verb::play::{Playing, invalid_url};
use crate::verb::say::Saying;
use crate::verb::{Context, Event, Failure, Outcome, Performing, Transfer, hangup, redirect, reject};
use crate::{params, url};

impl CallMachine {
    /// Rings, and asks for the first document. A domain without a URL has nobody to ask.
    pub(super) fn ask_first(&mut self, now: Now) {
        let urls = self.facts.urls();
        let Some(voice_url) = urls.url.clone() else {
            let name = self.facts.domain().map_or("the domain", |gate| &gate.name);
            let message = format!("Invalid URL format: {name} has no VoiceUrl");
            self.out.notify(self.program.notification(11100, message));
            return self.refuse(now, 480, CallStatus::Failed);
        };
        let method = urls.method;
        self.out.push(Effect::Ring);
        self.ask(now, Purpose::Voice, &voice_url, method, Vec::new());
    }

    /// A REST command: another document, now.
    pub(super) fn go_to(&mut self, now: Now, url: String, method: HttpMethod) {
        if self.is_unanswered_out() {
            self.first_document = FirstDocument::Url(url, method);
            return;
        }
        self.drop_activity();
        self.leave_parent(now);
        self.documents_without_media = 0;
        self.program = Program::nothing();
        self.ask(now, Purpose::Command, &url, method, Vec::new());
    }

    /// A REST command: this document, now.
    pub(super) fn run_other(&mut self, now: Now, text: String) {
        if self.is_unanswered_out() {
            self.first_document = FirstDocument::Twiml(text);
            return;
        }
        self.drop_activity();
        self.leave_parent(now);
        self.run_inline(now, &text);
    }

    fn is_unanswered_out(&self) -> bool {
        matches!(self.phase, Phase::Queued { .. } | Phase::Dialing(_))
    }

    /// A document that came without a URL, from its first verb.
    pub(super) fn run_inline(&mut self, now: Now, text: &str) {
        self.documents_without_media = 0;
        self.program = Program::nothing();
        match Program::inline(text) {
            Ok((program, problems)) => self.run(now, program, problems),
            Err(failure) => self.fail(now, Failure { failure, url: None }),
        }
    }

    /// Takes the answer of the application; one that is no longer waited for is late.
    pub(super) fn fetched(&mut self, now: Now, id: EffectId, result: Result<Fetched, FetchFailure>) {
        let asked = match std::mem::replace(&mut self.activity, Activity::Idle) {
            Activity::Fetching { id: expected, asked } if expected == id => asked,
            other => {
                self.activity = other;
                return;
            }
        };
        match result.and_then(|fetched| Program::fetched(asked.clone(), fetched)) {
            Ok((program, problems)) => self.run(now, program, problems),
            Err(failure) => self.fail_request(now, &asked, failure),
        }
    }

    /// Tells the verb that is performed, and does what follows.
    pub(super) fn verb_event(&mut self, now: Now, event: Event) {
        match std::mem::replace(&mut self.activity, Activity::Idle) {
            Activity::Performing { verb, since } => {
                let mut context = self.context(now);
                let outcome = verb.handle(event, &mut context);
                let wants_answer = context.wants_answer;
                if wants_answer {
                    self.answer();
                }
                if !matches!(outcome, Outcome::Performing(_)) && now.monotonic.since(since) >= NOTICEABLE {
                    self.documents_without_media = 0;
                }
                if self.follow(now, outcome, since) {
                    self.advance(now);
                }
            }
            other => self.activity = other,
        }
    }

    /// Performs steps until one takes time, or waits for the answer.
    pub(super) fn advance(&mut self, now: Now) {
        loop {
            if self.waits_for_answer() {
                return self.answer();
            }
            let outcome = match self.program.steps.pop_front() {
                None if self.has_parent && !self.program.is_announcement() => return self.wait_for_parent(),
                None => return self.hang_up(now, hangup::STATUS),
                Some(Step::First) => return self.first_document(now),
                Some(Step::Verb(Verb::Hangup)) => return self.hang_up(now, hangup::STATUS),
                Some(Step::Verb(Verb::Reject(verb))) => {
                    return self.end(now, CallStatus::Completed, reject::refusal(verb));
                }
                Some(step) => self.perform(now, step),
            };
            if !self.follow(now, outcome, now.monotonic) {
                return;
            }
        }
    }

    /// Whether the next step needs an answered call that we do not have: all do but those that are done
    /// while it rings. The end of a document is a hang-up, which answers too.
    fn waits_for_answer(&self) -> bool {
        let while_ringing = matches!(
            self.program.steps.front(),
            Some(Step::Verb(Verb::Pause(_) | Verb::Redirect(_) | Verb::Reject(_) | Verb::NotBuilt { .. }))
        ) || matches!(
            self.program.steps.front(),
            Some(Step::Verb(Verb::Dial(dial))) if dial.answer_on_bridge
        );
        match self.phase {
            Phase::Ringing { .. } => !while_ringing,
            Phase::Answering => true,
            Phase::Queued { .. } | Phase::Dialing(_) => true,
            Phase::InProgress | Phase::Closing { .. } | Phase::Over { .. } => false,
        }
    }

    fn perform(&mut self, now: Now, step: Step) -> Outcome<Performing> {
        let context = &mut self.context(now);
        match step {
            Step::Audio { content_type, body } => {
                Playing::start_audio(content_type, body, context).map(Performing::Play)
            }
            Step::Verb(Verb::Say(say)) => Saying::start(say, context).map(Performing::Say),
            Step::Verb(Verb::Play(play)) => Playing::start(play, context).map(Performing::Play),
            Step::Verb(Verb::Pause(pause)) => {
                Outcome::Performing(Performing::Pause(Pausing::start(pause, context)))
            }
            Step::Verb(Verb::Gather(gather)) => {
                Gathering::start(*gather, context).map(|gathering| Performing::Gather(Box::new(gathering)))
            }
            Step::Verb(Verb::Dial(dial)) => {
                Dialing::start(*dial, context).map(|dialing| Performing::Dial(Box::new(dialing)))
            }
            Step::Verb(Verb::Redirect(verb)) => Outcome::Transfer(redirect::transfer(verb)),
            Step::Verb(Verb::NotBuilt { name }) => {
                let message = format!("Schema validation warning: {name} is not built yet, and is left out");
                context.notify(12200, &message);
                Outcome::Next
            }
            Step::Verb(Verb::Reject(_) | Verb::Hangup) | Step::First => Outcome::Next,
        }
    }

    /// What a verb may use.
    fn context(&mut self, now: Now) -> Context<'_> {
        Context {
            now,
            out: &mut self.out,
            program: &self.program,
            facts: &self.facts,
            answered: matches!(self.phase, Phase::InProgress),
            has_parent: self.has_parent,
            wants_answer: false,
        }
    }

    /// Answers a call that rings.
    fn answer(&mut self) {
        if matches!(self.phase, Phase::Ringing { .. }) {
            self.phase = Phase::Answering;
            self.out.push(Effect::Answer);
        }
    }

    /// Does what an outcome says; true when the next step is due.
    fn follow(&mut self, now: Now, outcome: Outcome<Performing>, since: ringway_model::Moment) -> bool {
        match outcome {
            Outcome::Performing(verb) => self.activity = Activity::Performing { verb, since },
            Outcome::Next => return true,
            Outcome::Transfer(transfer) => self.transfer(now, transfer),
            Outcome::Failed(failure) => self.fail(now, failure),
        }
        false
    }

    fn transfer(&mut self, now: Now, transfer: Transfer) {
        let Some(url) = url::resolve(self.program.url(), &transfer.reference) else {
            return self.fail(now, invalid_url(&transfer.reference));
        };
        self.ask(now, transfer.purpose, &url, transfer.method, transfer.params);
    }

    /// Executes a document from its first verb. Problems are told first: they were found before.
    fn run(&mut self, now: Now, program: Program, problems: Vec<Problem>) {
        self.program = program;
        for Problem { code, message, element } in problems {
            self.out.notify(self.program.notification(code, format!("{element}: {message}")));
        }
        self.advance(now);
    }

    pub(super) fn ask(
        &mut self,
        now: Now,
        purpose: Purpose,
        url: &str,
        method: HttpMethod,
        more: Vec<(String, String)>,
    ) {
        let origin = if purpose == Purpose::Fallback { Origin::Fallback } else { Origin::Application };
        let status = self.status();
        let more: Vec<(&str, &str)> =
            more.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let params = params::with(params::standard(&self.facts, status), &more);
        let asked = Asked { url: Some(url.to_owned()), method: Some(method), params: params.clone(), origin };
        if !url::is_http(url) {
            let Failure { failure, .. } = invalid_url(url);
            return self.fail_request(now, &asked, failure);
        }
        if self.documents_without_media >= self.facts.limits.documents_without_media_max {
            return self.loops(now, &asked);
        }
        self.documents_without_media += 1;
        let id = self.out.id();
        self.out.push(Effect::Fetch(Fetch { id, purpose, url: url.to_owned(), method, params }));
        self.activity = Activity::Fetching { id, asked };
    }

    /// A document that could not be executed.
    fn fail(&mut self, now: Now, Failure { failure, url }: Failure) {
        let asked = self.program.asked().clone();
        let notification = match failure.response {
            Some(response) => asked.notification(failure.code, failure.message, Some(response)),
            None => self.program.notification(failure.code, failure.message),
        };
        self.out.notify(notification);
        let error_url = failure.url.or(url).or_else(|| asked.url.clone());
        self.after_failure(now, asked.origin, failure.code, error_url);
    }

    /// A document that could not be had.
    fn fail_request(&mut self, now: Now, asked: &Asked, failure: FetchFailure) {
        let error_url = failure.url.clone().or_else(|| asked.url.clone());
        self.out.notify(asked.notification(failure.code, failure.message, failure.response));
        self.after_failure(now, asked.origin, failure.code, error_url);
    }

    /// The fallback is asked, unless it was the fallback that failed.
    fn after_failure(&mut self, now: Now, origin: Origin, code: u32, error_url: Option<String>) {
        let urls = self.facts.urls();
        match (origin, urls.fallback_url.clone()) {
            (Origin::Application, Some(fallback_url)) => {
                let method = urls.fallback_method;
                let error_url = error_url.as_deref().map(url::presentable).unwrap_or_default();
                let more =
                    vec![("ErrorCode".to_owned(), code.to_string()), ("ErrorUrl".to_owned(), error_url)];
                self.ask(now, Purpose::Fallback, &fallback_url, method, more);
            }
            (Origin::Announcement, _) => self.hang_up(now, hangup::STATUS),
            _ => self.announce(now),
        }
    }

    /// Documents lead to documents and nobody hears anything: no fallback, which might be part of it.
    fn loops(&mut self, now: Now, asked: &Asked) {
        let message = format!(
            "{} documents in a row let the caller hear nothing and press nothing; the limit ends such loops",
            self.documents_without_media
        );
        self.out.notify(asked.notification(11215, message, None));
        self.announce(now);
    }

    /// The last words. They answer a call that still rings.
    fn announce(&mut self, now: Now) {
        self.program = Program::announcement();
        self.advance(now);
    }
}
