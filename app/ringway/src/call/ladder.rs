//! The SIP ladder: every message of a call, as it happens.

use std::time::Duration;

use bytes::Bytes;
use ringway_sip::message::{Limits, Message};
use ringway_sip_net::Observed;

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Rung {
    /// Since the call began.
    pub(crate) at: Duration,
    /// Which way.
    pub(crate) direction: Observed,
    /// `INVITE sip:…`, `180 Ringing`.
    pub(crate) text: String,
}

impl Rung {
    /// Of a message on the wire; one that cannot be read shows as such.
    pub(crate) fn new(at: Duration, direction: Observed, message: &[u8]) -> Self {
        let text = match Message::parse(Bytes::copy_from_slice(message), &Limits::default()) {
            Ok(message) if message.is_request() => format!("{} {}", message.method().as_str(), message.uri()),
            Ok(message) => {
                let status = message.status().unwrap_or(0);
                format!("{status} {} ({})", message.reason(), message.cseq().method.as_str())
            }
            Err(_) => "(not a SIP message)".to_owned(),
        };
        Self { at, direction, text }
    }

    /// `<-` or `->`, seen from the caller.
    pub(crate) fn arrow(&self) -> &'static str {
        match self.direction {
            Observed::Sent => "->",
            Observed::Received => "<-",
        }
    }

    /// The line for people.
    pub(crate) fn line(&self) -> String {
        format!("  {:>7.3}  {}  {}", self.at.as_secs_f64(), self.arrow(), self.text)
    }
}
