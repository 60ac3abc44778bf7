//! The calling side: our INVITE until its final answer, and our changes to the session afterwards.

use ringway_model::Moment;
use smallvec::SmallVec;

use crate::endpoint::{Body, NewInvite};
use crate::transaction::key::Key;

/// Our initial INVITE without a final answer.
#[derive(Debug)]
pub(crate) struct OutgoingInvite {
    pub(crate) transaction: Key,
    pub(crate) invite: Box<NewInvite>,
    /// When the place that keeps silent is left for the next one; none once it has said anything, or when it is
    /// the last.
    pub(crate) silent_until: Option<Moment>,
    /// Set when the application gave up: a CANCEL goes out as soon as a 1xx allows it, and a 2xx that comes
    /// nevertheless is acknowledged and ended.
    pub(crate) given_up: bool,
    pub(crate) cancel_sent: bool,
    /// The early dialogs, each with a To tag of its own: a proxy may have sent the INVITE to several phones
    /// (RFC 3261 12.1, 13.2.2.1).
    pub(crate) forks: SmallVec<[Fork; 1]>,
}

/// One early dialog of our INVITE.
#[derive(Debug)]
pub(crate) struct Fork {
    pub(crate) tag: String,
    /// The number of the last request that came in it.
    pub(crate) remote_cseq: Option<u32>,
    /// Its phone said BYE.
    pub(crate) ended: bool,
}

impl OutgoingInvite {
    /// More early dialogs than this are not told apart; who makes more makes them up.
    const FORKS_MAX: usize = 16;

    pub(crate) fn new(invite: Box<NewInvite>) -> Self {
        Self {
            transaction: Key(0),
            invite,
            given_up: false,
            cancel_sent: false,
            silent_until: None,
            forks: SmallVec::new(),
        }
    }

    /// The early dialog of a tag; none when it is a new one beyond the limit.
    pub(crate) fn fork(&mut self, tag: &str) -> Option<&mut Fork> {
        if !self.forks.iter().any(|fork| fork.tag == tag) && self.forks.len() < Self::FORKS_MAX {
            self.forks.push(Fork { tag: tag.to_owned(), remote_cseq: None, ended: false });
        }
        self.forks.iter_mut().find(|fork| fork.tag == tag)
    }

    /// Notes that the phone of this tag left; true when another one may still answer.
    pub(crate) fn lose_fork(&mut self, tag: &str) -> bool {
        if let Some(fork) = self.fork(tag) {
            fork.ended = true;
        }
        self.forks.iter().any(|fork| !fork.ended)
    }

    /// Whether the phone of this tag left.
    pub(crate) fn is_lost(&self, tag: &str) -> bool {
        self.forks.iter().any(|fork| fork.ended && fork.tag == tag)
    }
}

/// Which request changes the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Reinvite,
    Update,
}

/// A re-INVITE or UPDATE of ours.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) body: Option<Body>,
    pub(crate) state: ChangeState,
    /// The session timer wants it, not the application.
    pub(crate) is_refresh: bool,
    /// How often a 491 sent it back; a peer that always says 491 is believed in the end.
    pub(crate) collisions: u8,
}

/// How far our change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeState {
    /// Another one is under way.
    Waiting,
    /// After a 491 (RFC 3261 14.1).
    WaitingUntil(Moment),
    /// Sent.
    Sent(Key),
}

impl Change {
    /// The most 491 that one change survives.
    pub(crate) const COLLISIONS_MAX: u8 = 6;

    pub(crate) fn new(kind: ChangeKind, body: Option<Body>) -> Self {
        Self { kind, body, state: ChangeState::Waiting, is_refresh: false, collisions: 0 }
    }

    /// Changes nothing, and so keeps the session alive (RFC 4028 7.4).
    pub(crate) fn refresh(kind: ChangeKind, body: Option<Body>) -> Self {
        Self { is_refresh: true, ..Self::new(kind, body) }
    }

    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.state, ChangeState::Sent(_))
    }

    /// The wait after a collision is over; the change goes out as soon as nothing else is under way.
    pub(crate) fn stop_waiting(&mut self, now: Moment) {
        if self.next_timeout().is_some_and(|at| at <= now) {
            self.state = ChangeState::Waiting;
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        match self.state {
            ChangeState::WaitingUntil(at) => Some(at),
            ChangeState::Waiting | ChangeState::Sent(_) => None,
        }
    }
}
