//! Dialogs (RFC 3261 12): what both sides remember of a call. The endpoint owns them; these types hold their
//! state and the rules that need nothing else.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub(crate) mod credentials;
pub(crate) mod refer;
pub(crate) mod reliable;
pub(crate) mod route_set;
pub(crate) mod session_timer;
pub(crate) mod uac;
pub(crate) mod uas;

use ringway_model::Moment;

use crate::endpoint::{Body, DialogId, Target};
use crate::message::{Message, Name};
use crate::transaction::key::Key;
use crate::transaction::timers::{TimerId, earliest};
use credentials::Authenticator;
use refer::Referrals;
use reliable::Reliable;
use route_set::RouteSet;
use session_timer::SessionTimer;
use uac::{Change, ChangeState, OutgoingInvite};
use uas::{IncomingInvite, PeerOffer, SentAnswer};

/// One dialog, from its first INVITE to its last BYE.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) id: DialogId,
    /// Under which requests of the peer find it.
    pub(crate) key: Key,
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    /// Our From value, tag included.
    pub(crate) local: String,
    /// Our To value; with the peer's tag as soon as there is one.
    pub(crate) remote: String,
    pub(crate) local_cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
    pub(crate) routes: RouteSet,
    pub(crate) remote_target: String,
    /// Our Contact value.
    pub(crate) contact: String,
    /// Where the newest packet of the peer came from.
    pub(crate) peer: Target,
    pub(crate) phase: Phase,
    /// We made the Call-ID, which decides who waits longer after a collision (RFC 3261 14.1).
    pub(crate) owns_call_id: bool,
    pub(crate) answer: Option<SentAnswer>,
    pub(crate) peer_offer: Option<PeerOffer>,
    pub(crate) change: Option<Change>,
    pub(crate) session_timer: Option<SessionTimer>,
    /// The peer can be asked by UPDATE.
    pub(crate) peer_updates: bool,
    /// The RSeq of a provisional response whose PRACK our 2xx has overtaken, and the CSeq of its INVITE.
    pub(crate) late_prack: Option<(u32, u32)>,
    pub(crate) referrals: Referrals,
    pub(crate) authenticator: Authenticator,
    /// What the application wanted when it hung up, until the BYE is sent.
    pub(crate) hangup: Option<Vec<(String, String)>>,
    /// The last description that we sent.
    pub(crate) description: Option<Body>,
    pub(crate) timer: Option<TimerId>,
}

/// How far a dialog has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Called, and not answered.
    Incoming(Box<IncomingInvite>),
    /// Calling, and not answered.
    Outgoing(Box<OutgoingInvite>),
    /// Answered; `Dialog::answer` says whether an ACK is still due.
    Confirmed,
    /// Our BYE is under way.
    Ending,
}

impl Dialog {
    /// The number of our next request.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// Whether a request of the peer comes in order (RFC 3261 12.2.2); notes its number if so. Early dialogs of
    /// one INVITE count each for itself.
    pub(crate) fn accepts_cseq(&mut self, remote_tag: &str, number: u32) -> bool {
        let last = match &mut self.phase {
            Phase::Outgoing(outgoing) => match outgoing.fork(remote_tag) {
                Some(fork) => &mut fork.remote_cseq,
                None => return false,
            },
            _ => &mut self.remote_cseq,
        };
        let in_order = last.is_none_or(|last| number >= last);
        if in_order {
            *last = Some(number);
        }
        in_order
    }

    /// A target refresh (RFC 3261 12.2): requests go to the newest Contact.
    pub(crate) fn refresh_target(&mut self, message: &Message) {
        if let Some(contact) = message.contact() {
            self.remote_target = contact.uri.to_owned();
        }
    }

    /// Whether the application has hung up.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self.phase, Phase::Ending) || self.hangup.is_some()
    }

    /// Our INVITE or re-INVITE that has no final answer yet.
    pub(crate) fn open_invite(&self) -> Option<Key> {
        match (&self.phase, self.change.as_ref().map(|change| change.state)) {
            (Phase::Outgoing(outgoing), _) => Some(outgoing.transaction),
            (_, Some(ChangeState::Sent(key))) => Some(key),
            _ => None,
        }
    }

    /// The place that our INVITE went to has said something: it is not left for another one in silence.
    pub(crate) fn place_answers(&mut self) {
        if let Phase::Outgoing(outgoing) = &mut self.phase {
            outgoing.silent_until = None;
        }
    }

    /// When something in the dialog itself is due.
    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Outgoing(outgoing) => outgoing.silent_until,
            Phase::Incoming(incoming) => incoming.reliable.as_ref().and_then(Reliable::next_timeout),
            Phase::Confirmed | Phase::Ending => {
                let answer = self.answer.as_ref().and_then(SentAnswer::next_timeout);
                let change = self.change.as_ref().and_then(Change::next_timeout);
                let session = self.session_timer.as_ref().and_then(SessionTimer::next_timeout);
                earliest(earliest(answer, change), session)
            }
        }
    }
}

/// Whether Allow names UPDATE.
pub(crate) fn allows_update(message: &Message) -> bool {
    message.headers(Name::Allow).any(|method| method == "UPDATE")
}
