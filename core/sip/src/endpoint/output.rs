//! What comes out of the endpoint: packets to send and things that happened.

use bytes::Bytes;

use super::input::{Body, DialogId, FlowId, OfferId, ReferId, Source, Target};
use crate::message::Message;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub target: Target,
    /// The whole message.
    pub bytes: Bytes,
}

/// What `poll_output` hands out; `T` is the ticket of the policy.
#[derive(Debug)]
pub enum Output<T> {
    /// Send this.
    Transmit(Transmit),
    /// Do this with a connection.
    Flow(FlowId, FlowOrder),
    /// This happened.
    Event(Event<T>),
}

/// What becomes of a connection whose peer is not welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowOrder {
    /// Close it.
    Close,
    /// Leave it open, and never read from it again.
    Stall,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<T> {
    /// A call came in and the policy accepted it; the 100 is sent already.
    Incoming {
        /// Its dialog from now on.
        dialog: DialogId,
        /// The INVITE.
        request: Message,
        /// Where it came from.
        source: Source,
        /// What the policy gave with its verdict.
        ticket: T,
    },
    /// Something happened in a dialog.
    Dialog {
        /// The dialog.
        dialog: DialogId,
        /// What happened.
        event: DialogEvent,
    },
}

/// Something that happened in a dialog. After [`DialogEvent::Terminated`] nothing comes.
#[derive(Debug)]
pub enum DialogEvent {
    /// The caller gave up before an answer, by a CANCEL or by a BYE in the early dialog; the 487 is sent
    /// already.
    Cancelled {
        /// The Reason header of the CANCEL or BYE.
        reason: Option<String>,
    },
    /// Our 2xx to an INVITE or re-INVITE was acknowledged.
    Acknowledged {
        /// The body of the ACK: the answer when our 2xx held the offer.
        body: Option<Body>,
    },
    /// Our 2xx was never acknowledged (32022); a BYE is sent already.
    AcknowledgeTimeout,
    /// The peer hung up an answered call; the 200 is sent already.
    Bye {
        /// The BYE.
        request: Message,
    },
    /// A re-INVITE or UPDATE awaits `Command::AnswerOffer`. A re-INVITE without a description wants us to
    /// offer; an UPDATE always holds one.
    Offer {
        /// Names it in the answer.
        offer: OfferId,
        /// The request.
        request: Message,
    },
    /// The offer is void: the peer cancelled its re-INVITE. The session stays as it was.
    OfferWithdrawn {
        /// The offer.
        offer: OfferId,
    },
    /// An INFO came; the 200 is sent already.
    Info {
        /// The request.
        request: Message,
    },
    /// Call out: a 1xx other than 100.
    Provisional {
        /// The response.
        response: Message,
    },
    /// Call out: a 2xx; the ACK is sent already, losing forks are acknowledged and ended.
    Answered {
        /// The response.
        response: Message,
    },
    /// Call out: it failed.
    Rejected {
        /// The status; 408 for silence, 503 for a network failure.
        status: u16,
        /// The response, when there was one.
        response: Option<Message>,
    },
    /// Our re-INVITE or UPDATE was accepted; the ACK is sent already. Comes unasked too, when the session timer
    /// made us repeat our description: the peer may have changed its own.
    OfferAnswered {
        /// The response.
        response: Message,
    },
    /// Our re-INVITE or UPDATE was refused; the session stays as it was.
    OfferRefused {
        /// The status; 408 for silence, 503 for a network failure, 491 when one was waiting already.
        status: u16,
    },
    /// Nobody refreshed the session in time (RFC 4028 10); a BYE is sent already.
    SessionExpired,
    /// The peer asks us to call somebody else; awaits `Command::AnswerRefer`. Its Refer-To can be parsed.
    Refer {
        /// Names it in the answer and in reports.
        refer: ReferId,
        /// The request.
        request: Message,
    },
    /// Our REFER was accepted or refused.
    ReferAnswered {
        /// The status; 408 for silence, 503 for a network failure, 481 when the dialog is not up.
        status: u16,
        /// The response, when there was one.
        response: Option<Message>,
    },
    /// A report of our REFER, see [`crate::message::sipfrag_status`]; the 200 is sent already. May overtake
    /// `ReferAnswered`.
    Notify {
        /// The request.
        request: Message,
    },
    /// A command came for a dialog that is ending.
    Gone,
    /// Always last: nothing more of this dialog will ever come.
    Terminated,
}
