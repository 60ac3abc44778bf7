//! What the world tells a call.

use std::net::IpAddr;

use bytes::Bytes;
use ringway_twiml::HttpMethod;

use crate::child::{ChildNews, ParentNews};
use crate::effect::{EffectId, ResponseSeen};
use crate::fork::{BranchId, Refused, Stages};

/// One thing that happened. Results carry the id of the effect they answer; those of an effect that was
/// superseded meanwhile change nothing.
#[derive(Debug, Clone)]
pub enum Input {
    /// A document was fetched, or could not be.
    Fetched {
        /// Of the [`crate::effect::Fetch`].
        id: EffectId,
        /// What came back.
        result: Result<Fetched, FetchFailure>,
    },
    /// Where a call out goes, or why it goes nowhere.
    Routed {
        /// Of the [`crate::effect::Effect::Route`].
        id: EffectId,
        /// The places, by their number.
        result: Result<Stages, Unroutable>,
    },
    /// Something was heard of a branch of a call out.
    Branch {
        /// Which.
        branch: BranchId,
        /// What.
        news: BranchNews,
    },
    /// A child has something to tell.
    Child {
        /// Of the [`crate::effect::Effect::StartChild`].
        id: EffectId,
        /// What.
        news: ChildNews,
    },
    /// The parent has something to tell.
    Parent(ParentNews),
    /// The 200 was sent (or, of a call out, received) and media flow: verbs may begin.
    Answered,
    /// Media could not be opened. The INVITE still waits, and is refused with `status`; unless
    /// [`Input::Acknowledged`] came before, when the 200 was sent without an answer of ours: then the call is
    /// hung up.
    AnswerFailed {
        /// The final response to send, 488 or 503.
        status: u16,
        /// The number of the notification.
        code: u32,
        /// Its text.
        message: String,
    },
    /// The caller's ACK arrived.
    Acknowledged,
    /// No ACK came for 64*T1; the endpoint has sent BYE (32022).
    AcknowledgeTimeout,
    /// The caller gave up before our answer left; 487 was sent. May come after [`Input::Answered`], when the
    /// two met.
    Cancelled,
    /// The other side hung up; 200 was sent. With the `X-` headers of its BYE.
    Bye(Vec<(String, String)>),
    /// A key was pressed: `0`-`9`, `*`, `#`, `A`-`D`. Others are ignored.
    Digit(char),
    /// All loops were played, or all keys sent.
    PlayFinished {
        /// Of the [`crate::effect::Play`].
        id: EffectId,
    },
    /// It could not be played (any more).
    PlayFailed {
        /// Of the [`crate::effect::Play`].
        id: EffectId,
        /// Why.
        failure: FetchFailure,
    },
    /// It is played, though not quite as asked: a language without a voice, say. A notification, no more.
    PlayWarning {
        /// Of the [`crate::effect::Play`].
        id: EffectId,
        /// The number of the notification.
        code: u32,
        /// Its text.
        message: String,
    },
    /// Nothing was heard of the caller's side for as long as media may be silent (86007).
    MediaInactive,
    /// The moment that [`crate::machine::CallMachine::next_timeout`] named has come. Harmless when early.
    Timeout,
    /// The process ends: hang up.
    Shutdown,
    /// The dialog is over for any other reason; nothing more can be done in it.
    DialogGone,
}

/// Something that was heard of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchNews {
    /// A 1xx other than 100.
    Ringing,
    /// A 2xx; its ACK is sent.
    Answered(BranchAnswer),
    /// A refusal, silence, or a network that could not carry it.
    Refused {
        /// The Call-ID of the branch.
        sip_call_id: String,
        /// The refusal.
        refused: Refused,
    },
}

/// What a 2xx tells of who answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchAnswer {
    /// The Call-ID of the branch.
    pub sip_call_id: String,
    /// Where it came from.
    pub source_ip: IpAddr,
    /// `X-…` and `User-to-User`.
    pub headers: Vec<(String, String)>,
}

/// Why a call out goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unroutable {
    /// The number of the notification.
    pub code: u32,
    /// Its text.
    pub message: String,
}

/// A response with a 2xx status, after redirects.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The URL that answered at last: as it was configured or a redirect had it, without the parameters of the
    /// request and without a fragment. Relative URLs resolve against it. User and password are not in it:
    /// whoever fetches keeps them for their origin, for the life of the call.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type as received.
    pub content_type: Option<String>,
    /// The headers as received, for notifications.
    pub headers: Vec<(String, String)>,
    /// The body, decoded. Reading may stop once it is longer than 64 kB, unless it is audio.
    pub body: Bytes,
}

/// Why there is no document, or no sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    /// An 11xxx number, or 12300/13420 for sound of an unknown kind, or 12400.
    pub code: u32,
    /// One sentence.
    pub message: String,
    /// The URL that failed, when it is not the one that was asked for (a redirect); without the parameters of
    /// the request.
    pub url: Option<String>,
    /// The last response, when there was one.
    pub response: Option<ResponseSeen>,
}

/// What the REST API asks of a live call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `Status=completed`: end it, answered or not.
    Complete,
    /// `Status=canceled`: end it unless it was answered.
    Cancel,
    /// `Url` and `Method`: drop what is going on and execute this document.
    Redirect {
        /// Absolute.
        url: String,
        /// How it is asked.
        method: HttpMethod,
    },
    /// `Twiml`: drop what is going on and execute this document.
    RunTwiml(String),
}

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandRefused {
    /// The call is over, or being hung up (21220).
    Ended,
    /// The call was answered already, so it cannot be canceled any more (21220).
    Answered,
    /// Whom a Dial calls can be sent elsewhere only once it was answered (21220).
    NotAnswered,
}
