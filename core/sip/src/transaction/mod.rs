//! The four transactions of RFC 3261 17 with the corrections of RFC 6026, each a value of its own that
//! knows its state and its timers and nothing else. The endpoint owns them by key and does what they say.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub(crate) mod invite_client;
pub(crate) mod invite_server;
pub(crate) mod key;
pub(crate) mod request_client;
pub(crate) mod request_server;
pub(crate) mod timers;

/// What the timer of a transaction asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fired {
    /// Nothing is due.
    Nothing,
    /// Send the request or the last response again.
    Repeat,
    /// No final response came: tell the user, the transaction is over.
    TimedOut,
    /// The transaction is over.
    Ended,
}

#[cfg(test)]
pub(crate) fn test_values() -> timers::TimerValues {
    use std::time::Duration;
    timers::TimerValues {
        t1: Duration::from_millis(500),
        t2: Duration::from_secs(4),
        t4: Duration::from_secs(5),
    }
}
