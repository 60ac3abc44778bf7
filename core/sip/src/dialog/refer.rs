//! Transfers within a dialog (RFC 3515): what became of our REFERs, and what we report of the peer's. Each is
//! a subscription that the REFER itself makes and the last NOTIFY ends; the end of the dialog ends them too.

use smallvec::SmallVec;

use crate::endpoint::ReferId;
use crate::message::Message;
use crate::transaction::key::Key;

/// The transfers of one dialog.
#[derive(Debug, Default)]
pub(crate) struct Referrals {
    /// The CSeq numbers of our REFERs that the peer may report of.
    sent: SmallVec<[u32; 1]>,
    /// A REFER of the peer that the application has not answered yet.
    pub(crate) waiting: Option<PeerRefer>,
    /// Those that it accepted, and that the peer wants to hear of.
    accepted: SmallVec<[Accepted; 1]>,
    received: u32,
}

/// A REFER of the peer that awaits its answer.
#[derive(Debug)]
pub(crate) struct PeerRefer {
    pub(crate) refer: ReferId,
    pub(crate) transaction: Key,
    pub(crate) request: Message,
}

#[derive(Debug, Clone, Copy)]
struct Accepted {
    refer: ReferId,
    /// Further REFERs of one dialog are told apart by their number (RFC 3515 2.4.6).
    is_first: bool,
}

impl Referrals {
    /// More at once are not kept; the oldest goes.
    const MAX: usize = 8;

    /// Our REFER with this number is on its way; NOTIFY may overtake its answer.
    pub(crate) fn sent(&mut self, number: u32) {
        if self.sent.len() >= Self::MAX {
            self.sent.remove(0);
        }
        self.sent.push(number);
    }

    /// Nothing more is reported of our REFER.
    pub(crate) fn forget_sent(&mut self, number: u32) {
        self.sent.retain(|known| *known != number);
    }

    /// Our REFER that a NOTIFY is about; one without an id is about the oldest.
    pub(crate) fn reported(&self, id: Option<u32>) -> Option<u32> {
        self.sent.iter().copied().find(|number| id.is_none_or(|id| id == *number))
    }

    /// Whether one more REFER of the peer can be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.is_none() && self.accepted.len() < Self::MAX
    }

    /// Notes that the application took a REFER of the peer.
    pub(crate) fn accept(&mut self, refer: ReferId) {
        self.accepted.push(Accepted { refer, is_first: self.received == 0 });
        self.received += 1;
    }

    /// The Event value of reports about a REFER; none when it is over.
    pub(crate) fn event(&self, refer: ReferId) -> Option<String> {
        let accepted = self.accepted.iter().find(|accepted| accepted.refer == refer)?;
        Some(if accepted.is_first { "refer".to_owned() } else { format!("refer;id={}", refer.0) })
    }

    /// The REFER that reports with this Event value are about.
    pub(crate) fn by_event(&self, event: &str) -> Option<ReferId> {
        let refers = self.accepted.iter().map(|accepted| accepted.refer);
        refers.into_iter().find(|refer| self.event(*refer).as_deref() == Some(event))
    }

    /// The last report is sent, or nobody wants it.
    pub(crate) fn forget_accepted(&mut self, refer: ReferId) {
        self.accepted.retain(|accepted| accepted.refer != refer);
    }
}
