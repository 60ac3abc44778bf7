//! The calling side: our INVITE until its final answer, and our changes to the session afterwards.

use ringway_model::Moment;

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
        Self { kind, body, state: ChangeState::Waiting, collisions: 0 }
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
