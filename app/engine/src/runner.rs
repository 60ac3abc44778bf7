//! The task of one call: news become inputs of its machine, and the machine's effects are performed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ringway_call::admit::Admitted;
use ringway_call::child::ChildNews;
use ringway_call::effect::{EffectId, Level, Notification};
use ringway_call::input::{FetchFailure, Fetched, Input};
use ringway_call::leg::{CallFacts, CallOrigin};
use ringway_call::machine::CallMachine;
use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, Moment, Now};
use ringway_model::{Random, Secret};
use ringway_sip::endpoint::{Body, Command, DialogId, Source};
use ringway_sip::message::Message;
use ringway_webhook::CallSession;
use tracing::Instrument;

use crate::branches::{Branches, Child, Parent, never_begun};
use crate::effects::lost;
use crate::leg::{Leg, Unacceptable};
use crate::mailbox::{Mailbox, Slots};
use crate::notifications;
use crate::prompts::Prepared;
use crate::refusals::{self, RefusalRecord};
use crate::shared::Shared;

/// A result that is still on its way, with the effect it answers.
pub(crate) type Pending<T> = Option<(EffectId, Pin<Box<dyn Future<Output = T> + Send>>)>;

/// One call.
pub(crate) struct Runner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) facts: Arc<CallFacts>,
    /// None of a call out until it is answered.
    pub(crate) dialog: Option<DialogId>,
    pub(crate) machine: CallMachine,
    pub(crate) leg: Leg,
    /// Of a call out.
    pub(crate) branches: Branches,
    /// Of a call that a Dial began.
    pub(crate) parent: Option<Parent>,
    /// The calls that this one's Dial began.
    pub(crate) children: HashMap<EffectId, Child>,
    /// Cookies, logins and cached documents of this call.
    pub(crate) session: CallSession,
    pub(crate) fetching: Pending<Result<Fetched, FetchFailure>>,
    pub(crate) preparing: Pending<Result<Prepared, FetchFailure>>,
    /// The state in which the call counts as live.
    counted: Option<CallStatus>,
    pub(crate) random: Random,
    /// The token that signs requests, once it was read.
    pub(crate) signing_token: Option<Option<Secret>>,
    /// How often what is being prepared is to be played.
    pub(crate) loops: u32,
    pub(crate) started: Now,
    /// How many documents it has asked for.
    pub(crate) fetches: u32,
    /// When the webhook that is on its way was asked, and how long all of them together took.
    pub(crate) fetch_started: Moment,
    pub(crate) webhook_time: Duration,
    /// Whether callbacks went before the last one.
    pub(crate) told_of_progress: bool,
    pub(crate) finished: bool,
}

impl Runner {
    /// A call that was just admitted. Its 100 is sent.
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox>,
        dialog: DialogId,
        request: Message,
        source: Source,
        admitted: Admitted,
    ) -> Self {
        let now = shared.now();
        let call_sid = CallSid::from_random(shared.random().bytes());
        let mut limits = shared.config.call_limits;
        limits.max_forwards = request.max_forwards().unwrap_or(limits.max_forwards);
        let origin = CallOrigin::Domain(admitted.gate);
        let machine = CallMachine::new(CallFacts { call_sid, origin, leg: admitted.leg, limits }, now);
        let leg = Leg::new(request, source, Arc::clone(&mailbox));
        Self { dialog: Some(dialog), ..Self::of(shared, mailbox, machine, leg) }
    }

    /// A call out, which nobody was asked to take yet.
    pub(crate) fn call_out(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox>,
        machine: CallMachine,
        parent: Option<Parent>,
    ) -> Self {
        let leg = Leg::of_call_out(Arc::clone(&mailbox));
        Self { parent, ..Self::of(shared, mailbox, machine, leg) }
    }

    fn of(shared: Arc<Shared>, mailbox: Arc<Mailbox>, machine: CallMachine, leg: Leg) -> Self {
        let (now, random) = (shared.now(), shared.random());
        let facts = Arc::new(machine.facts().clone());
        shared.calls.insert(facts.call_sid, Arc::clone(&mailbox));
        Self {
            shared,
            mailbox,
            facts,
            dialog: None,
            machine,
            leg,
            branches: Branches::default(),
            parent: None,
            children: HashMap::new(),
            session: CallSession::default(),
            fetching: None,
            preparing: None,
            counted: None,
            random,
            signing_token: None,
            loops: 1,
            started: now,
            fetches: 0,
            fetch_started: now.monotonic,
            webhook_time: Duration::ZERO,
            told_of_progress: false,
            finished: false,
        }
    }

    /// Runs the call to its end.
    pub(crate) async fn run(self) {
        let span = tracing::info_span!("call", call_sid = %self.facts.call_sid);
        self.live().instrument(span).await;
    }

    async fn live(mut self) {
        let _guard = Ended {
            shared: Arc::clone(&self.shared),
            facts: Arc::clone(&self.facts),
            mailbox: Arc::clone(&self.mailbox),
            parent: self.parent.as_ref().map(|parent| (parent.id, Arc::clone(&parent.mailbox))),
        };
        match self.leg.source {
            Some(source) => self.begin_incoming(&source),
            None => self.begin_call_out(),
        }
        while !self.finished {
            let wake = self.machine.next_timeout().map(|at| at.since(self.now().monotonic));
            tokio::select! {
                biased;
                news = self.mailbox.take() => self.news(news),
                (id, result) = result_of(&mut self.fetching) => self.fetched(id, result),
                (id, result) = result_of(&mut self.preparing) => self.prepared(id, result),
                (id, result) = result_of(&mut self.branches.routing) => self.routed(id, result),
                () = sleep(wake) => self.input(Input::Timeout),
            }
        }
    }

    fn begin_incoming(&mut self, source: &Source) {
        let domain = self.facts.domain().map_or("", |gate| &gate.name);
        tracing::info!(domain, source = %source.remote, "incoming call");
        match self.leg.read_offer(&self.shared) {
            Ok(()) => {
                self.count_as(Some(CallStatus::Ringing));
                // Written beside the webhook; nothing waits for it.
                drop(self.insert_row());
                self.perform();
            }
            Err(unacceptable) => self.refuse(&unacceptable, source),
        }
    }

    fn begin_call_out(&mut self) {
        tracing::info!(direction = %self.facts.direction(), "call out");
        self.count_as(Some(self.machine.status()));
        self.perform();
    }

    /// An INVITE that cannot become a call leaves a notification and a reason among the refusals, and no call.
    fn refuse(&mut self, unacceptable: &Unacceptable, source: &Source) {
        let Unacceptable { status, code, message } = unacceptable;
        let (facts, now) = (&self.facts, self.now().unix);
        let notification = Notification {
            code: *code,
            level: Level::of(*code),
            message: message.clone(),
            url: String::new(),
            method: None,
            params: Vec::new(),
            response: None,
        };
        let row = notifications::of_call(facts.account_sid(), None, &notification, now);
        drop(self.shared.store.insert_notification(row));
        self.shared.refusals.add(RefusalRecord {
            time: now,
            source: source.remote,
            method: "INVITE",
            status: *status,
            code: *code,
            reason: message.clone(),
            domain_sid: facts.domain().map(|gate| gate.sid),
            from: refusals::short(&facts.leg.from),
            to: refusals::short(&facts.leg.to),
        });
        let accept = (*status == 415).then(|| ("Accept".to_owned(), "application/sdp".to_owned()));
        self.respond(*status, None, accept.into_iter().collect());
        self.finished = true;
    }

    /// The answer to the offer in our 200: media begin, or the call cannot go on.
    fn late_answer(&mut self, answer: Option<&Body>) {
        match self.leg.late_answer(&self.shared, answer) {
            Ok(()) => self.input(Input::Answered),
            Err(error) => {
                let status = 488;
                let message = format!("The media of the ACK cannot be used: {error}.");
                self.input(Input::AnswerFailed { status, code: error.code(), message });
            }
        }
    }

    /// Moves the call to another state in the count of live calls; none when it is over.
    pub(crate) fn count_as(&mut self, state: Option<CallStatus>) {
        let live = |state: CallStatus| metrics::gauge!("ringway_calls_live", "state" => state.as_str());
        if let Some(left) = std::mem::replace(&mut self.counted, state) {
            live(left).decrement(1.0);
        }
        if let Some(entered) = state {
            live(entered).increment(1.0);
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.shared.now()
    }

    /// Hands one input to the machine and performs what follows.
    pub(crate) fn input(&mut self, input: Input) {
        let now = self.now();
        self.machine.handle(now, input);
        self.perform();
    }

    /// Performs effects until there are none; performing one may give the machine the next input.
    fn perform(&mut self) {
        while let Some(effect) = self.machine.poll_effect() {
            self.perform_one(effect);
        }
    }

    fn fetched(&mut self, id: EffectId, result: Result<Fetched, FetchFailure>) {
        self.webhook_time += self.now().monotonic.since(self.fetch_started);
        self.input(Input::Fetched { id, result });
    }

    fn prepared(&mut self, id: EffectId, result: Result<Prepared, FetchFailure>) {
        match result {
            Ok(prepared) => {
                if let Some(message) = prepared.warning {
                    self.input(Input::PlayWarning { id, code: VOICE_REPLACED, message });
                }
                self.leg.play(id, prepared.prompt, self.loops);
            }
            Err(failure) => self.input(Input::PlayFailed { id, failure }),
        }
    }

    /// In the order in which they must have happened.
    fn news(&mut self, news: Slots) {
        for (dialog, event) in news.branches {
            self.branch_event(dialog, event);
        }
        for child in news.children {
            self.child_news(child);
        }
        if news.acknowledged {
            self.input(Input::Acknowledged);
            if self.leg.awaits_answer() {
                self.late_answer(news.acknowledged_body.as_ref());
            }
        }
        for digit in news.digits {
            tracing::debug!(%digit, "key");
            self.input(Input::Digit(digit));
        }
        if let Some(id) = news.played {
            self.input(Input::PlayFinished { id: EffectId(id) });
        }
        if let Some((offer, request)) = news.offer {
            let result = self.leg.answer_offer(&request);
            if let Some(dialog) = self.dialog {
                self.shared.command(Command::AnswerOffer { dialog, offer, result });
            }
        }
        if let (Some(refer), Some(dialog)) = (news.refer, self.dialog) {
            // Only a Dial with a referUrl takes transfers (contract, runtime.md 3.2).
            self.shared.command(Command::AnswerRefer { dialog, refer, status: 603 });
        }
        if let Some((command, taken)) = news.command {
            let now = self.now();
            let result = self.machine.command(now, command).map_err(Into::into);
            // Whoever asked may have given up waiting.
            let _ = taken.send(result);
            self.perform();
        }
        self.parent_news(news.bridged, news.unwanted);
        if let Some(headers) = news.bye {
            self.input(Input::Bye(headers));
        }
        let endings = [
            (news.cancelled, Input::Cancelled),
            (news.acknowledge_timeout, Input::AcknowledgeTimeout),
            (news.media_inactive, Input::MediaInactive),
            (news.shutdown, Input::Shutdown),
            (news.dialog_over, Input::DialogGone),
        ];
        for (_, ending) in endings.into_iter().filter(|(happened, _)| *happened) {
            self.input(ending);
        }
    }

    /// Stores something that the developer should know.
    pub(crate) fn notify(&self, notification: &Notification) {
        let facts = &self.facts;
        tracing::warn!(code = notification.code, "{}", notification.message);
        let (account, call) = (facts.account_sid(), Some(facts.call_sid));
        let row = notifications::of_call(account, call, notification, self.now().unix);
        drop(self.shared.store.insert_notification(row));
    }
}

/// The warning that a voice or language was replaced by the nearest one there is.
const VOICE_REPLACED: u32 = 13512;

/// Removes the call from the live ones however its task ends. A panic ends this call only: it is hung up
/// and its row becomes `failed`, with the callback that is owed.
struct Ended {
    shared: Arc<Shared>,
    facts: Arc<CallFacts>,
    mailbox: Arc<Mailbox>,
    parent: Option<(EffectId, Arc<Mailbox>)>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for dialog in self.shared.lines.of(&self.mailbox) {
                self.shared.command(Command::Hangup { dialog, reason: None, headers: Vec::new() });
            }
            if let Some((id, mailbox)) = self.parent.take() {
                let news = ChildNews::Ended(Box::new(never_begun(self.facts.call_sid)));
                Parent { id, mailbox }.tell(news, None);
            }
            drop(self.shared.store.finish_call(lost(&self.facts, self.shared.now().unix)));
        }
        self.shared.calls.remove(&self.facts.call_sid);
        self.shared.call_ended.notify_waiters();
    }
}

/// The result that is on its way; never, while there is none.
async fn result_of<T>(pending: &mut Pending<T>) -> (EffectId, T) {
    match pending {
        Some((id, future)) => {
            let result = (*id, future.as_mut().await);
            *pending = None;
            result
        }
        None => std::future::pending().await,
    }
}

async fn sleep(wake: Option<Duration>) {
    match wake {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
