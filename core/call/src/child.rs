//! What a call and the calls that its Dial began tell each other. Either side is a machine with a task of its
//! own, so everything here may cross with anything.

use std::sync::Arc;

use ringway_model::CallStatus;
use ringway_model::sid::CallSid;

use crate::outgoing::Outgoing;

/// A call that a Dial wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChild {
    /// What it is made with.
    pub outgoing: Arc<Outgoing>,
    /// `From` of its webhooks.
    pub from: String,
    /// `To` of its webhooks.
    pub to: String,
}

/// What a child tells its parent, each at most once, the end last and always, unless it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildNews {
    /// Its phone rings.
    Ringing,
    /// It was answered and has executed its own document: it waits to be bridged.
    Ready,
    /// It is over.
    Ended(Box<ChildEnd>),
    /// It goes on by itself, with another document, and is nobody's child any more.
    Left(Box<ChildEnd>),
}

/// How a child ended, as the Dial's action is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildEnd {
    /// Which it was.
    pub call_sid: CallSid,
    /// What became of it.
    pub status: CallStatus,
    /// Whole seconds from answer to end.
    pub duration_s: u32,
    /// Its Call-ID, when it was answered or refused by somebody.
    pub sip_call_id: Option<String>,
    /// The final answer to its INVITE.
    pub sip_response_code: Option<u16>,
    /// `X-` headers of the refusal or of the BYE.
    pub headers: Vec<(String, String)>,
}

/// What a parent tells its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentNews {
    /// It is bridged with its parent.
    Bridged,
    /// It is not wanted (any more).
    End(EndReason),
}

/// Why a child is not wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Another child of the same Dial was taken.
    AnsweredElsewhere,
    /// The caller has hung up, or pressed the star, or the time is over, or another document is executed.
    ParentGone,
}

impl EndReason {
    /// The Reason header (RFC 3326) of the CANCEL or BYE.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::AnsweredElsewhere => Some("SIP;cause=200;text=\"Call completed elsewhere\""),
            Self::ParentGone => None,
        }
    }
}
