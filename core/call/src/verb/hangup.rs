//! Hangup: the end of the call; so is the end of a document. Both answer a call that still rings, since only
//! Reject keeps it from being answered (contract, runtime.md 1.1).

use ringway_model::CallStatus;

/// What a call is that was ended so.
pub(crate) const STATUS: CallStatus = CallStatus::Completed;
