//! Reject: the only verb that keeps a call from being answered. In an answered call it ends it.

use ringway_model::CallStatus;
use ringway_twiml::document::{Reject, RejectReason};

/// How an unanswered call is refused, and what it is then (contract, runtime.md 1.1).
pub(crate) fn refusal(reject: Reject) -> (u16, CallStatus) {
    match reject.reason {
        RejectReason::Busy => (486, CallStatus::Busy),
        RejectReason::Rejected => (404, CallStatus::NoAnswer),
    }
}
