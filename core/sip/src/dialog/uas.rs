//! The called side of an INVITE: the call that came in, and our 2xx until it is acknowledged.

use ringway_model::Moment;

use super::reliable::Reliable;
use crate::endpoint::{OfferId, Transmit};
use crate::message::Message;
use crate::transaction::key::Key;
use crate::transaction::timers::{Due, Schedule, TimerValues};

/// An initial INVITE without a final answer.
#[derive(Debug)]
pub(crate) struct IncomingInvite {
    pub(crate) transaction: Key,
    pub(crate) request: Message,
    /// Set when the caller insists on hearing provisional responses.
    pub(crate) reliable: Option<Reliable>,
}

/// A 2xx of ours to an INVITE or re-INVITE that awaits its ACK. The transaction has let it pass, so it is
/// repeated here, over every transport (RFC 3261 13.3.1.4).
#[derive(Debug)]
pub(crate) struct SentAnswer {
    /// The CSeq number of the INVITE, and so of its ACK.
    pub(crate) cseq: u32,
    pub(crate) transmit: Transmit,
    /// The 2xx holds the offer, the ACK will hold the answer.
    pub(crate) is_offer: bool,
    schedule: Schedule,
}

impl SentAnswer {
    pub(crate) fn new(
        now: Moment,
        cseq: u32,
        transmit: Transmit,
        is_offer: bool,
        values: &TimerValues,
    ) -> Self {
        let mut schedule = Schedule::default();
        schedule.start_repeating(now, values.t1, values.t2);
        schedule.expire_at(now + values.patience());
        Self { cseq, transmit, is_offer, schedule }
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    pub(crate) fn take_due(&mut self, now: Moment) -> Option<Due> {
        self.schedule.take_due(now)
    }
}

/// A re-INVITE or UPDATE of the peer that the application has not answered yet.
#[derive(Debug)]
pub(crate) struct PeerOffer {
    pub(crate) offer: OfferId,
    pub(crate) transaction: Key,
    pub(crate) request: Message,
}
