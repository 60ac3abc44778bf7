//! The task of one call: news become inputs of its machine, and the machine's effects are performed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ringway_call::admit::Admitted;
use ringway_call::effect::{EffectId, Level, Notification};
use ringway_call::input::{FetchFailure, Fetched, Input};
use ringway_call::leg::CallFacts;
use ringway_call::machine::CallMachine;
use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, Moment, Now};
use ringway_model::{Random, Secret};
use ringway_sip::endpoint::{Body, Command, DialogId, Source};
use ringway_sip::message::Message;
use ringway_webhook::CallSession;
use tracing::Instrument;

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
    pub(crate) dialog: DialogId,
    pub(crate) machine: CallMachine,
    pub(crate) leg: Leg,
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
        let mut random = shared.random();
        let call_sid = CallSid::from_random(random.bytes());
        let facts =
            CallFacts { call_sid, gate: admitted.gate, leg: admitted.leg, limits: shared.config.call_limits };
        let machine = CallMachine::new(facts.clone(), now);
        let leg = Leg::new(request, source, Arc::clone(&mailbox));
        shared.calls.insert(call_sid, Arc::clone(&mailbox));
        Self {
            shared,
            mailbox,
            facts: Arc::new(facts),
            dialog,
            machine,
            leg,
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
            finished: false,
        }
    }

    /// Runs the call to its end.
    pub(crate) async fn run(self) {
        let span = tracing::info_span!("call", call_sid = %self.facts.call_sid);
        self.live().instrument(span).await;
    }

    async fn live(mut self) {
        let _guard =
            Ended { shared: Arc::clone(&self.shared), facts: Arc::clone(&self.facts), dialog: self.dialog };
        tracing::info!(domain = %self.facts.gate.name, source = %self.leg.source.remote, "incoming call");
        match self.leg.read_offer(&self.shared) {
            Ok(()) => self.begin(),
            Err(unacceptable) => self.refuse(&unacceptable),
        }
        while !self.finished {
            let wake = self.machine.next_timeout().map(|at| at.since(self.now().monotonic));
            tokio::select! {
                biased;
                news = self.mailbox.take() => self.news(news),
                (id, result) = result_of(&mut self.fetching) => self.fetched(id, result),
                (id, result) = result_of(&mut self.preparing) => self.prepared(id, result),
                () = sleep(wake) => self.input(Input::Timeout),
            }
        }
    }

    fn begin(&mut self) {
        self.count_as(Some(CallStatus::Ringing));
        self.insert_row();
        self.perform();
    }

    /// An INVITE that cannot become a call leaves a notification and a reason among the refusals, and no call.
    fn refuse(&mut self, unacceptable: &Unacceptable) {
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
        let row = notifications::of_call(facts.gate.account_sid, None, &notification, now);
        drop(self.shared.store.insert_notification(row));
        self.shared.refusals.add(RefusalRecord {
            time: now,
            source: self.leg.source.remote,
            method: "INVITE",
            status: *status,
            code: *code,
            reason: message.clone(),
            domain_sid: Some(facts.gate.sid),
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
            self.shared.command(Command::AnswerOffer { dialog: self.dialog, offer, result });
        }
        if let Some((command, taken)) = news.command {
            let now = self.now();
            let result = self.machine.command(now, command).map_err(Into::into);
            // Whoever asked may have given up waiting.
            let _ = taken.send(result);
            self.perform();
        }
        let endings = [
            (news.cancelled, Input::Cancelled),
            (news.bye, Input::Bye),
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
        let (account, call) = (facts.gate.account_sid, Some(facts.call_sid));
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
    dialog: DialogId,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.command(Command::Hangup { dialog: self.dialog, reason: None, headers: Vec::new() });
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
