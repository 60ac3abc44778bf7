//! The verbs, one file and one state type each. A verb is started, told what happens, and answers each time
//! how it stands.

pub(crate) mod dial;
pub(crate) mod gather;
pub(crate) mod hangup;
pub(crate) mod pause;
pub(crate) mod play;
pub(crate) mod redirect;
pub(crate) mod reject;
pub(crate) mod say;

use ringway_model::{Moment, Now};
use ringway_twiml::HttpMethod;

use crate::child::ChildNews;
use crate::effect::{Effect, EffectId, Play, Playable, Purpose};
use crate::input::FetchFailure;
use crate::leg::CallFacts;
use crate::machine::outbox::Outbox;
use crate::machine::program::Program;

use dial::Dialing;
use gather::Gathering;
use pause::Pausing;
use play::Playing;
use say::Saying;

/// A verb that takes time.
#[derive(Debug)]
pub(crate) enum Performing {
    Say(Saying),
    Play(Playing),
    Pause(Pausing),
    Gather(Box<Gathering>),
    Dial(Box<Dialing>),
}

/// How a verb stands.
#[derive(Debug)]
pub(crate) enum Outcome<S> {
    /// It goes on.
    Performing(S),
    /// It is done: the next one.
    Next,
    /// It is done, and so is its document: go on with another.
    Transfer(Transfer),
    /// The document cannot be executed.
    Failed(Failure),
}

/// A request for another document.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) purpose: Purpose,
    /// As written in the document; empty is the document itself.
    pub(crate) reference: String,
    pub(crate) method: HttpMethod,
    /// Beside the standard parameters.
    pub(crate) params: Vec<(String, String)>,
}

/// Why a document cannot be executed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) failure: FetchFailure,
    /// What was asked for, when it was not the document itself.
    pub(crate) url: Option<String>,
}

/// What a verb is told.
#[derive(Debug)]
pub(crate) enum Event {
    PlayFinished(EffectId),
    PlayFailed(EffectId, FetchFailure),
    Digit(char),
    /// A call that this one began has something to tell.
    Child(EffectId, ChildNews),
    /// The caller is answered, as [`Context::wants_answer`] asked.
    Answered,
    /// Some time has passed; maybe enough.
    Timeout,
}

/// What a verb may use.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) out: &'a mut Outbox,
    pub(crate) program: &'a Program,
    pub(crate) facts: &'a CallFacts,
    /// Whether the call is answered.
    pub(crate) answered: bool,
    /// Whether a Dial of another call waits for this one.
    pub(crate) has_parent: bool,
    /// Set by a verb that was begun while the call rings, and needs it answered now.
    pub(crate) wants_answer: bool,
}

impl Context<'_> {
    /// Begins to play.
    pub(crate) fn play(&mut self, what: Playable, loops: u32) -> EffectId {
        let id = self.out.id();
        self.out.push(Effect::Play(Play { id, what, loops }));
        id
    }

    /// Stops it.
    pub(crate) fn stop(&mut self, id: EffectId) {
        self.out.push(Effect::StopPlay { id });
    }

    /// Tells the developer about the document that is executed.
    pub(crate) fn notify(&mut self, code: u32, message: &str) {
        let notification = self.program.notification(code, message.to_owned());
        self.out.notify(notification);
    }
}

impl<S> Outcome<S> {
    /// The same with another state.
    pub(crate) fn map<T>(self, state: impl FnOnce(S) -> T) -> Outcome<T> {
        match self {
            Self::Performing(performing) => Outcome::Performing(state(performing)),
            Self::Next => Outcome::Next,
            Self::Transfer(transfer) => Outcome::Transfer(transfer),
            Self::Failed(failure) => Outcome::Failed(failure),
        }
    }
}

impl Performing {
    /// Tells it what happened.
    pub(crate) fn handle(self, event: Event, context: &mut Context<'_>) -> Outcome<Self> {
        match self {
            Self::Say(say) => say.handle(event, context).map(Self::Say),
            Self::Play(play) => play.handle(event).map(Self::Play),
            Self::Pause(pause) => pause.handle(&event, context).map(Self::Pause),
            Self::Gather(gather) => {
                gather.handle(event, context).map(|gather| Self::Gather(Box::new(gather)))
            }
            Self::Dial(dial) => dial.handle(event, context).map(|dial| Self::Dial(Box::new(dial))),
        }
    }

    /// When it wants to be told that time has passed.
    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        match self {
            Self::Say(_) | Self::Play(_) => None,
            Self::Pause(pause) => Some(pause.next_timeout()),
            Self::Gather(gather) => gather.next_timeout(),
            Self::Dial(dial) => dial.next_timeout(),
        }
    }

    /// What it plays.
    pub(crate) fn playing(&self) -> Option<EffectId> {
        match self {
            Self::Say(say) => Some(say.id()),
            Self::Play(play) => Some(play.id()),
            Self::Pause(_) => None,
            Self::Gather(gather) => gather.playing(),
            Self::Dial(dial) => dial.playing(),
        }
    }

    /// It is not performed any more; what it plays was stopped already.
    pub(crate) fn abandon(self, out: &mut Outbox) {
        match self {
            Self::Dial(dial) => dial.abandon(out),
            Self::Say(_) | Self::Play(_) | Self::Pause(_) | Self::Gather(_) => (),
        }
    }
}
