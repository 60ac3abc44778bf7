//! The transactions and dialogs of an endpoint, and the timers that belong to them.

use bytes::Bytes;
use ringway_model::Moment;
use smallvec::SmallVec;

use super::input::{Body, DialogId, Source, Target};
use super::output::Transmit;
use crate::dialog::credentials::CredentialHeaders;
use crate::transaction::Fired;
use crate::transaction::invite_client::InviteClient;
use crate::transaction::invite_server::InviteServer;
use crate::transaction::key::Key;
use crate::transaction::request_client::RequestClient;
use crate::transaction::request_server::RequestServer;
use crate::transaction::timers::{TimerId, TimerValues};

/// Whose timer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    Server(Key),
    Client(Key),
    Dialog(DialogId),
}

/// A server transaction with its surroundings.
#[derive(Debug)]
pub(super) struct ServerTransaction {
    pub(super) machine: ServerMachine,
    pub(super) source: Source,
    /// The dialog that must answer it.
    pub(super) dialog: Option<DialogId>,
    /// Under which copies of the request that came another way find it.
    pub(super) merged: Option<Key>,
    pub(super) method: &'static str,
    pub(super) last_status: u16,
    pub(super) timer: Option<TimerId>,
}

#[derive(Debug)]
pub(super) enum ServerMachine {
    Invite(InviteServer),
    Request(RequestServer),
}

impl ServerMachine {
    pub(super) fn respond(&mut self, now: Moment, status: u16, bytes: &Bytes, values: &TimerValues) -> bool {
        match self {
            ServerMachine::Invite(machine) => machine.respond(now, status, bytes, values),
            ServerMachine::Request(machine) => machine.respond(now, bytes, values),
        }
    }

    pub(super) fn is_proceeding(&self) -> bool {
        match self {
            ServerMachine::Invite(machine) => machine.is_proceeding(),
            ServerMachine::Request(machine) => machine.is_proceeding(),
        }
    }

    pub(super) fn repeated(&self) -> Option<Bytes> {
        match self {
            ServerMachine::Invite(machine) => machine.repeated(),
            ServerMachine::Request(machine) => machine.repeated(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Moment> {
        match self {
            ServerMachine::Invite(machine) => machine.next_timeout(),
            ServerMachine::Request(machine) => machine.next_timeout(),
        }
    }

    pub(super) fn timeout(&mut self, now: Moment) -> Fired {
        match self {
            ServerMachine::Invite(machine) => machine.timeout(now),
            ServerMachine::Request(machine) => machine.timeout(now),
        }
    }
}

/// Why we sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Invite,
    Reinvite,
    Update,
    Info,
    Refer,
    Notify,
    Bye,
    Cancel,
}

impl Purpose {
    pub(super) fn method(self) -> &'static str {
        match self {
            Purpose::Invite | Purpose::Reinvite => "INVITE",
            Purpose::Update => "UPDATE",
            Purpose::Info => "INFO",
            Purpose::Refer => "REFER",
            Purpose::Notify => "NOTIFY",
            Purpose::Bye => "BYE",
            Purpose::Cancel => "CANCEL",
        }
    }
}

/// What a request carries beyond its dialog, kept for sending it again with credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Payload {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Body>,
}

/// A client transaction with its surroundings.
#[derive(Debug)]
pub(super) struct ClientTransaction {
    pub(super) machine: ClientMachine,
    pub(super) purpose: Purpose,
    /// The dialog that hears of its end; none when that is gone.
    pub(super) dialog: Option<DialogId>,
    pub(super) target: Target,
    /// Another place to try when the first cannot be reached.
    pub(super) fallback: Option<Target>,
    pub(super) request: Bytes,
    /// Its CSeq number.
    pub(super) cseq: u32,
    pub(super) payload: Payload,
    pub(super) credentials: CredentialHeaders,
    /// How many challenges the request has answered.
    pub(super) attempts: u8,
    /// Nobody waits for it any more, and its CANCEL is sent.
    pub(super) abandoned_rings: bool,
    /// The ACK of a refusal.
    pub(super) refusal_ack: Option<Transmit>,
    /// The ACK of each 2xx, by its To tag: a fork may bring several, and each may be repeated.
    pub(super) acks: SmallVec<[(String, Transmit); 1]>,
    pub(super) timer: Option<TimerId>,
}

#[derive(Debug)]
pub(super) enum ClientMachine {
    Invite(InviteClient),
    Request(RequestClient),
}

impl ClientMachine {
    pub(super) fn is_open(&self) -> bool {
        match self {
            ClientMachine::Invite(machine) => machine.is_open(),
            ClientMachine::Request(machine) => machine.is_open(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Moment> {
        match self {
            ClientMachine::Invite(machine) => machine.next_timeout(),
            ClientMachine::Request(machine) => machine.next_timeout(),
        }
    }

    pub(super) fn timeout(&mut self, now: Moment) -> Fired {
        match self {
            ClientMachine::Invite(machine) => machine.timeout(now),
            ClientMachine::Request(machine) => machine.timeout(now),
        }
    }
}
