//! A call from ringing to its end: documents are fetched and executed, one verb after the other.
//!
//! Nothing is answered before a verb needs it: Pause and Redirect leave a call ringing, Reject refuses it,
//! anything else answers first (contract, runtime.md 1.1). The machine is over once it has said
//! [`Effect::Finish`], which it does exactly once; what comes later changes nothing.
//!
//! A call out is queued and dialled first (`dialing`), and from its answer on is like any other; the child of
//! a Dial waits for its parent (`kinship`) where another call would end.

mod dialing;
mod documents;
mod ending;
mod kinship;
pub(crate) mod outbox;
pub(crate) mod program;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ringway_model::{CallStatus, Moment, Now};

use crate::effect::{Effect, EffectId};
use crate::input::{Command, CommandRefused, Input};
use crate::leg::CallFacts;
use crate::verb::{Event, Performing};
use dialing::{Dialing, FirstDocument};
use outbox::Outbox;
use program::{Asked, Program};

/// How often 180 is repeated while a call rings (RFC 3261 13.3.1.1).
const RING_INTERVAL: Duration = Duration::from_secs(60);

/// How long we wait for the last word of a dialog that we have ended: a little more than 64*T1, after which
/// the endpoint would have told us that no ACK came.
const CLOSING_TIME: Duration = Duration::from_secs(40);

/// A verb that took less than this let nobody hear or press anything.
const NOTICEABLE: Duration = Duration::from_millis(200);

/// One call.
#[derive(Debug)]
pub struct CallMachine {
    facts: CallFacts,
    out: Outbox,
    phase: Phase,
    answered_at: Option<Now>,
    acknowledged: bool,
    program: Program,
    activity: Activity,
    /// Documents in a row that let nobody hear or press anything.
    documents_without_media: u32,
    /// When the call has lasted too long.
    too_long: Moment,
    /// How many callbacks were sent.
    callbacks_sent: u32,
    /// The final answer to the INVITE of a call out.
    sip_response_code: Option<u16>,
    /// `X-` headers of the refusal or the BYE.
    last_headers: Vec<(String, String)>,
    /// Whether a Dial waits for this call.
    has_parent: bool,
    /// Of a call out.
    first_document: FirstDocument,
}

/// Where the dialog is, as far as we are concerned.
#[derive(Debug)]
enum Phase {
    /// A call out that waits for its turn.
    Queued {
        until: Moment,
    },
    /// A call out that nobody has answered.
    Dialing(Box<Dialing>),
    Ringing {
        ring_again: Moment,
    },
    Answering,
    InProgress,
    /// We have hung up a dialog that had no ACK yet; BYE waits for it (RFC 3261 15.1.1).
    Closing {
        status: CallStatus,
        ended_at: Now,
        until: Moment,
    },
    Over {
        status: CallStatus,
    },
}

/// What is going on; never more than one thing.
#[derive(Debug)]
enum Activity {
    /// The next step waits for the answer, or for its turn.
    Idle,
    Fetching {
        id: EffectId,
        asked: Asked,
    },
    Performing {
        verb: Performing,
        since: Moment,
    },
    /// A child has done what it had to do by itself: its parent bridges it, or has done so.
    WithParent,
}

impl CallMachine {
    /// A call that was admitted. Its first effects are ready: ring, and ask the application.
    pub fn new(facts: CallFacts, now: Now) -> Self {
        let phase = Phase::Ringing { ring_again: now.monotonic + RING_INTERVAL };
        let mut machine = Self::in_phase(phase, facts, now);
        machine.ask_first(now);
        machine
    }

    fn in_phase(phase: Phase, facts: CallFacts, now: Now) -> Self {
        let too_long = now.monotonic + facts.limits.duration_max;
        let has_parent = facts.parent_call_sid().is_some();
        let first_document = FirstDocument::of(&facts);
        Self {
            facts,
            out: Outbox::default(),
            phase,
            answered_at: None,
            acknowledged: false,
            program: Program::nothing(),
            activity: Activity::Idle,
            documents_without_media: 0,
            too_long,
            callbacks_sent: 0,
            sip_response_code: None,
            last_headers: Vec::new(),
            has_parent,
            first_document,
        }
    }

    /// Takes one thing that happened.
    pub fn handle(&mut self, now: Now, input: Input) {
        if self.is_over() {
            return;
        }
        match input {
            Input::Fetched { id, result } => self.fetched(now, id, result),
            Input::Routed { id, result } => self.routed(now, id, result),
            Input::Branch { branch, news } => self.branch(now, branch, news),
            Input::Child { id, news } => self.verb_event(now, Event::Child(id, news)),
            Input::Parent(news) => self.parent(now, news),
            Input::Answered => self.answered(now),
            Input::AnswerFailed { status, code, message } => self.answer_failed(now, status, code, message),
            Input::Acknowledged => self.acknowledged(now),
            Input::AcknowledgeTimeout => self.acknowledge_timeout(now),
            Input::Bye(headers) => self.bye(now, headers),
            Input::Cancelled | Input::DialogGone => self.dialog_over(now, &input),
            Input::Digit(key) if is_key(key) => self.verb_event(now, Event::Digit(key)),
            Input::Digit(_) => (),
            Input::PlayFinished { id } => self.verb_event(now, Event::PlayFinished(id)),
            Input::PlayFailed { id, failure } => self.verb_event(now, Event::PlayFailed(id, failure)),
            Input::PlayWarning { id, code, message } => self.play_warning(id, code, message),
            Input::MediaInactive => self.media_inactive(now),
            Input::Timeout => self.timeout(now),
            Input::Shutdown => self.shut_down(now),
        }
    }

    /// Takes a command of the REST API, or says why not. Whatever was going on is dropped at once.
    pub fn command(&mut self, now: Now, command: Command) -> Result<(), CommandRefused> {
        match (&self.phase, &command) {
            (Phase::Closing { .. } | Phase::Over { .. }, _) => return Err(CommandRefused::Ended),
            (Phase::Answering | Phase::InProgress, Command::Cancel) => return Err(CommandRefused::Answered),
            (Phase::Dialing(_), Command::Redirect { .. } | Command::RunTwiml(_)) if self.has_parent => {
                return Err(CommandRefused::NotAnswered);
            }
            _ => (),
        }
        match command {
            Command::Complete => self.end(now, CallStatus::Completed, (480, CallStatus::Completed)),
            Command::Cancel => self.end(now, CallStatus::Canceled, (480, CallStatus::Canceled)),
            Command::Redirect { url, method } => self.go_to(now, url, method),
            Command::RunTwiml(text) => self.run_other(now, text),
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop()
    }

    /// When [`Input::Timeout`] is due.
    pub fn next_timeout(&self) -> Option<Moment> {
        let dialog = match &self.phase {
            Phase::Queued { until } => *until,
            Phase::Dialing(dialing) => dialing.next_timeout(),
            Phase::Ringing { ring_again } => (*ring_again).min(self.too_long),
            Phase::Answering | Phase::InProgress => self.too_long,
            Phase::Closing { until, .. } => return Some(*until),
            Phase::Over { .. } => return None,
        };
        let verb = match &self.activity {
            Activity::Performing { verb, .. } => verb.next_timeout(),
            Activity::Idle | Activity::Fetching { .. } | Activity::WithParent => None,
        };
        Some(verb.map_or(dialog, |verb| verb.min(dialog)))
    }

    /// What the application and the REST API are told that this call is.
    pub fn status(&self) -> CallStatus {
        match &self.phase {
            Phase::Queued { .. } => CallStatus::Queued,
            Phase::Dialing(dialing) => dialing.status(),
            Phase::Ringing { .. } | Phase::Answering => CallStatus::Ringing,
            Phase::InProgress => CallStatus::InProgress,
            Phase::Closing { status, .. } | Phase::Over { status } => *status,
        }
    }

    /// Whether [`Effect::Finish`] was said.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// What it was made with.
    pub fn facts(&self) -> &CallFacts {
        &self.facts
    }

    fn answered(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Answering) {
            return;
        }
        self.answered_at = Some(now);
        self.phase = Phase::InProgress;
        self.too_long = now.monotonic + self.facts.limits.duration_max;
        self.out.push(Effect::Status(CallStatus::InProgress));
        if self.facts.outgoing().is_some() {
            return self.connected(now);
        }
        match self.activity {
            Activity::Idle => self.advance(now),
            _ => self.verb_event(now, Event::Answered),
        }
    }

    fn play_warning(&mut self, id: EffectId, code: u32, message: String) {
        if self.playing() == Some(id) {
            self.out.notify(self.program.notification(code, message));
        }
    }

    fn playing(&self) -> Option<EffectId> {
        match &self.activity {
            Activity::Performing { verb, .. } => verb.playing(),
            Activity::Idle | Activity::Fetching { .. } | Activity::WithParent => None,
        }
    }

    fn timeout(&mut self, now: Now) {
        match &mut self.phase {
            Phase::Closing { until, status, .. } if now.monotonic >= *until => {
                let status = *status;
                self.finish(now, status, None);
            }
            Phase::Closing { .. } | Phase::Over { .. } => (),
            Phase::Queued { .. } | Phase::Dialing(_) => self.dialing_timeout(now),
            _ if now.monotonic >= self.too_long => self.lasted_too_long(now),
            Phase::Ringing { ring_again } if now.monotonic >= *ring_again => {
                *ring_again = now.monotonic + RING_INTERVAL;
                self.out.push(Effect::Ring);
                self.verb_event(now, Event::Timeout);
            }
            _ => self.verb_event(now, Event::Timeout),
        }
    }
}

fn is_key(key: char) -> bool {
    matches!(key, '0'..='9' | 'A'..='D' | '*' | '#')
}
