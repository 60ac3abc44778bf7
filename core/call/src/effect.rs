//! What a call tells the world to do.

use bytes::Bytes;
use ringway_model::{CallStatus, UnixTime};
use ringway_twiml::HttpMethod;

use crate::child::{ChildNews, EndReason, NewChild};
use crate::fork::BranchId;

/// Names one effect within its call. Never used twice, so it is the generation too: whatever answers an id
/// that is not the current one is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(pub u64);

/// One thing to do, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send 180 (again, each minute: RFC 3261 13.3.1.1).
    Ring,
    /// Open media and send 200; then [`crate::input::Input::Answered`]. At most once in a call.
    Answer,
    /// Find where the call out goes; then [`crate::input::Input::Routed`].
    Route {
        /// To be repeated in the result.
        id: EffectId,
    },
    /// Send the INVITE of a branch; then [`crate::input::Input::Branch`].
    Invite {
        /// Of the places that were found, this one.
        branch: BranchId,
    },
    /// End a branch, whatever its state: CANCEL once it may be sent, or BYE.
    EndBranch {
        /// Which.
        branch: BranchId,
        /// A Reason header (RFC 3326).
        reason: Option<&'static str>,
    },
    /// This branch is the call: open media with its answer; then [`crate::input::Input::Answered`] or
    /// [`crate::input::Input::AnswerFailed`].
    Accept {
        /// Which.
        branch: BranchId,
    },
    /// Begin a call out whose parent this is; then [`crate::input::Input::Child`] with the same id.
    StartChild {
        /// Names it from now on.
        id: EffectId,
        /// What it is made with.
        child: Box<NewChild>,
    },
    /// Nobody wants this child any more.
    EndChild {
        /// Of the [`Effect::StartChild`].
        id: EffectId,
        /// Why.
        reason: EndReason,
    },
    /// Join the sound of the two, and tell the child. It ends with either of them, or with
    /// [`Effect::Unbridge`].
    Bridge {
        /// The child.
        id: EffectId,
    },
    /// Part the sound of this call from the other's.
    Unbridge,
    /// Tell the parent.
    TellParent(ChildNews),
    /// A callback about a call that goes on, to be stored and delivered.
    Callback(Box<CallbackRequest>),
    /// Send this final response to the INVITE.
    Refuse {
        /// 4xx to 6xx.
        status: u16,
        /// A reason phrase, when it is not the usual one.
        reason: Option<&'static str>,
    },
    /// End the dialog, whatever its state.
    Hangup,
    /// Ask the application.
    Fetch(Fetch),
    /// Nobody waits for this any more.
    CancelFetch {
        /// Of the [`Fetch`].
        id: EffectId,
    },
    /// Play something; at most one thing at a time.
    Play(Play),
    /// Stop it; no result is wanted.
    StopPlay {
        /// Of the [`Play`].
        id: EffectId,
    },
    /// Tell the developer.
    Notify(Box<Notification>),
    /// The call's row has a new state. The row begins in the first state that the machine had; its last state
    /// comes in [`Final`].
    Status(CallStatus),
    /// The call is over. Exactly one, and the last effect.
    Finish(Box<Final>),
}

/// A request to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// To be repeated in [`crate::input::Input::Fetched`].
    pub id: EffectId,
    /// Why it is asked.
    pub purpose: Purpose,
    /// Absolute, with its fragment (the connection overrides).
    pub url: String,
    /// How.
    pub method: HttpMethod,
    /// Sorted by name.
    pub params: Vec<(String, String)>,
}

/// Why the application is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The first document of the call.
    Voice,
    /// Something failed.
    Fallback,
    /// A Redirect verb.
    Redirect,
    /// The action of a Gather.
    GatherAction,
    /// The action of a Dial.
    DialAction,
    /// The REST API asked for it.
    Command,
}

/// Something to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// To be repeated in the result.
    pub id: EffectId,
    /// What.
    pub what: Playable,
    /// How often, 1 to 1000.
    pub loops: u32,
}

/// What can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playable {
    /// A sound file; fetched by GET, without parameters.
    Url(String),
    /// A sound file that came as the answer to a webhook.
    Audio {
        /// Its media type, lower case, without parameters.
        content_type: String,
        /// The file.
        body: Bytes,
    },
    /// A text to be spoken.
    Speech(Speech),
    /// Keys to be sent: `0`-`9` `A`-`D` `#` `*`, `w` (half a second) and `W` (a second).
    Digits(String),
    /// What a caller hears while a phone rings, as in this country (ISO 3166, lower case).
    RingTone(&'static str),
}

/// A text to be spoken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Speech {
    /// The words alone.
    pub text: String,
    /// `<speak>…</speak>`, when there is more to it than words.
    pub ssml: Option<String>,
    /// The voice asked for.
    pub voice: Option<String>,
    /// The language asked for.
    pub language: Option<String>,
}

/// Something that the developer should know (the Notification resource).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The number, of the published list.
    pub code: u32,
    /// How bad.
    pub level: Level,
    /// One or two sentences.
    pub message: String,
    /// The URL that was asked, or empty when none was.
    pub url: String,
    /// How it was asked.
    pub method: Option<HttpMethod>,
    /// The parameters it was asked with.
    pub params: Vec<(String, String)>,
    /// What it answered.
    pub response: Option<ResponseSeen>,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The call could not do what was asked. `Log=0`.
    Error,
    /// The call went on. `Log=1`.
    Warning,
}

impl Level {
    /// Of a number of the published list. Errors are what a call could not survive as it was meant; numbers
    /// that we do not send are warnings.
    pub fn of(code: u32) -> Self {
        match code {
            12200 => Self::Warning,
            11000..=12999
            | 13201
            | 13247
            | 13325
            | 13338
            | 13420
            | 20005
            | 32022
            | 32106
            | 32200..=32210
            | 32218..=32223
            | 32400
            | 86007 => Self::Error,
            _ => Self::Warning,
        }
    }
}

/// As much of an HTTP response as a notification keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResponseSeen {
    /// The HTTP status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, as text, at most [`RESPONSE_BODY_SEEN_BYTES`].
    pub body: String,
}

/// How much of a response's body a notification keeps.
pub const RESPONSE_BODY_SEEN_BYTES: usize = 16 * 1024;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Final {
    /// A final state.
    pub status: CallStatus,
    /// When the 200 was sent.
    pub answered_at: Option<UnixTime>,
    /// When it was over.
    pub ended_at: UnixTime,
    /// From 200 to the end, rounded to whole seconds; zero when it was not answered.
    pub duration_s: u32,
    /// The final response to the INVITE; none of an inbound call that was answered.
    pub sip_response_code: Option<u16>,
    /// To be stored with the final row, then delivered.
    pub callback: Option<CallbackRequest>,
}

/// A status callback to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackRequest {
    /// Absolute, with its fragment.
    pub url: String,
    /// How.
    pub method: HttpMethod,
    /// Sorted by name.
    pub params: Vec<(String, String)>,
}
