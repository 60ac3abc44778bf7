//! What an endpoint counts; the io layer turns it into metrics.

use std::collections::BTreeMap;

use crate::message::Method;

/// Counts since the start, and what lives now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Server transactions alive.
    pub server_transactions: usize,
    /// Client transactions alive.
    pub client_transactions: usize,
    /// Dialogs alive.
    pub dialogs: usize,
    /// Requests received, by method; unknown methods as `other`.
    pub requests_received: BTreeMap<&'static str, u64>,
    /// Requests sent, repetitions included.
    pub requests_sent: BTreeMap<&'static str, u64>,
    /// Responses received, by method and status.
    pub responses_received: BTreeMap<(&'static str, u16), u64>,
    /// Responses sent, by method and status, repetitions included.
    pub responses_sent: BTreeMap<(&'static str, u16), u64>,
    /// Requests recognised as repeated.
    pub retransmissions: u64,
    /// Messages that could not be understood.
    pub malformed: u64,
    /// Responses that belong to nothing here.
    pub stray_responses: u64,
    /// ACKs that belong to nothing here, those of stateless refusals included.
    pub stray_acks: u64,
    /// New calls refused because they had waited too long.
    pub overload_age: u64,
    /// New calls refused because a limit was reached.
    pub overload_count: u64,
    /// Requests that the policy wanted ignored.
    pub dropped: u64,
    /// Messages of senders that the policy wanted turned away.
    pub turned_away: u64,
    /// Commands for dialogs that had terminated.
    pub late_commands: u64,
}

/// A name for counting that no sender can multiply.
pub(crate) fn method_label(method: &Method<'_>) -> &'static str {
    match method {
        Method::Invite => "INVITE",
        Method::Ack => "ACK",
        Method::Bye => "BYE",
        Method::Cancel => "CANCEL",
        Method::Register => "REGISTER",
        Method::Options => "OPTIONS",
        Method::Info => "INFO",
        Method::Update => "UPDATE",
        Method::Prack => "PRACK",
        Method::Subscribe => "SUBSCRIBE",
        Method::Notify => "NOTIFY",
        Method::Refer => "REFER",
        Method::Message => "MESSAGE",
        Method::Publish => "PUBLISH",
        Method::Other(_) => "other",
    }
}
