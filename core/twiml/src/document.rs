//! The verbs of a document as types. Attributes that were absent or faulty hold their defaults
//! (contract, runtime.md 3.2).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ringway_model::Secret;

/// `loop="0"` means "as long as the call lasts, at most this often".
pub const LOOPS_MAX: u32 = 1000;

/// Most characters that one Say speaks.
pub const SAY_CHARACTERS_MAX: usize = 4096;

/// What an application answered: its verbs, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Executed from first to last; the end is a hang-up.
    pub verbs: Vec<Verb>,
}

/// One step of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Speak a text.
    Say(Say),
    /// Play a file, or send keys.
    Play(Play),
    /// Wait.
    Pause(Pause),
    /// Collect keys, prompting meanwhile.
    Gather(Box<Gather>),
    /// Go on with another document.
    Redirect(Redirect),
    /// Turn the call away unanswered.
    Reject(Reject),
    /// End the call.
    Hangup,
    /// Call somebody else, and talk.
    Dial(Box<Dial>),
    /// A verb of TwiML that this server does not perform yet: notify 12200 and go on.
    NotBuilt {
        /// The element's name, as `Record`.
        name: &'static str,
    },
}

/// `<Say>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// The words alone, white space normalised.
    pub text: String,
    /// `<speak>…</speak>` with the SSML children that we know, safely written again; only when there were any.
    pub ssml: Option<String>,
    /// The voice, when one was named that we can map.
    pub voice: Option<String>,
    /// The language tag, when one was named: `en-GB`.
    pub language: Option<String>,
    /// How often, 1 to 1000.
    pub loops: u32,
}

/// `<Play>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// File or keys.
    pub what: PlayWhat,
    /// How often, 1 to 1000.
    pub loops: u32,
}

/// What a Play plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlayWhat {
    /// A media URL as written, maybe relative to the document.
    Url(String),
    /// `0`-`9` `A`-`D` `#` `*`, `w` (half a second) and `W` (a second).
    Digits(String),
}

/// `<Pause>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// How long.
    pub length: Duration,
}

/// `<Gather>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gather {
    /// Where the keys go, as written; `None` is the URL of this document.
    pub action: Option<String>,
    /// How they go there.
    pub method: HttpMethod,
    /// How long to wait after the prompts, and after each key.
    pub timeout: Duration,
    /// The key that ends the input; `None` when the attribute was empty.
    pub finish_on_key: Option<char>,
    /// The count of keys that ends the input.
    pub num_digits: Option<u32>,
    /// Whether a key stops the prompts.
    pub barge_in: bool,
    /// Whether the action is asked although nothing was pressed.
    pub action_on_empty_result: bool,
    /// What is said and played while waiting.
    pub prompts: Vec<Prompt>,
}

/// A verb inside a Gather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Speak.
    Say(Say),
    /// Play a file; keys are not allowed here.
    Play(Play),
    /// Wait.
    Pause(Pause),
}

/// `<Redirect>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The URL as written; empty is the URL of this document.
    pub url: String,
    /// How it is asked.
    pub method: HttpMethod,
}

/// `<Reject>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// What the caller is told.
    pub reason: RejectReason,
}

/// The two ways to turn a call away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// "Not found"; the default.
    Rejected,
    /// "Busy here".
    Busy,
}

/// Most nouns that one Dial calls.
pub const CALLED_MAX: usize = 10;

/// `<Dial>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Who is told how it went, as written; without it the next verb is performed.
    pub action: Option<String>,
    /// How.
    pub method: HttpMethod,
    /// How long each may take to answer.
    pub timeout: Duration,
    /// How long they may talk.
    pub time_limit: Option<Duration>,
    /// Whether the caller's star ends the other side.
    pub hangup_on_star: bool,
    /// What the called side shows, as written.
    pub caller_id: Option<String>,
    /// Whether the caller is answered only when the other side is.
    pub answer_on_bridge: bool,
    /// The country whose ringing the caller hears.
    pub ring_tone: Option<&'static str>,
    /// Whether the nouns are called one after the other.
    pub sequential: bool,
    /// Why they are called.
    pub call_reason: Option<String>,
    /// Who is called, at most [`CALLED_MAX`].
    pub nouns: Vec<Noun>,
}

/// Somebody to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noun {
    /// What kind of name it is.
    pub kind: NounKind,
    /// The name, as written.
    pub to: String,
    /// The document that the called side executes first, as written.
    pub url: Option<String>,
    /// How it is asked for.
    pub method: HttpMethod,
    /// Who is told of its progress, as written.
    pub status_callback: Option<String>,
    /// How.
    pub status_callback_method: HttpMethod,
    /// Of what: `initiated`, `ringing`, `answered`, `completed`.
    pub status_callback_events: Vec<String>,
}

/// What kind of name a noun is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NounKind {
    /// `<Number>`, or the text of a Dial.
    Number {
        /// Keys to be sent after the answer.
        send_digits: Option<String>,
        /// The trunk to go by.
        byoc: Option<String>,
    },
    /// `<Sip>`.
    Sip {
        /// What a challenge is answered with.
        login: Option<SipLogin>,
    },
    /// `<Client>`.
    Client {
        /// Told to the client.
        parameters: Vec<(String, String)>,
    },
}

/// `username` and `password` of a Sip noun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipLogin {
    /// The user.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// How an application is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpMethod {
    /// Parameters in the query.
    Get,
    /// Parameters in a form; the default everywhere.
    #[default]
    Post,
    /// Parameters in the query; nothing comes back. Not in TwiML, like those below.
    Head,
    /// Parameters in a form.
    Put,
    /// Parameters in a form.
    Patch,
    /// Parameters in the query.
    Delete,
}

impl HttpMethod {
    const ALL: [Self; 6] = [Self::Get, Self::Post, Self::Head, Self::Put, Self::Patch, Self::Delete];

    /// In capitals, as HTTP has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl FromStr for HttpMethod {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|method| text.eq_ignore_ascii_case(method.as_str())).ok_or(())
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
