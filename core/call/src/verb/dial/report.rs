//! What the action of a Dial is told (contract, runtime.md 3.2).

use ringway_model::CallStatus;

use crate::child::ChildEnd;

/// How a Dial went.
#[derive(Debug)]
pub(super) struct Report {
    status: CallStatus,
    end: Option<ChildEnd>,
    duration_is_known: bool,
    bridged: bool,
}

impl Report {
    /// Nobody could even be called.
    pub(super) fn nobody() -> Self {
        Self { status: CallStatus::Failed, end: None, duration_is_known: false, bridged: false }
    }

    /// Of the one that matters.
    pub(super) fn of(end: &ChildEnd) -> Self {
        Self { status: end.status, end: Some(end.clone()), duration_is_known: true, bridged: false }
    }

    /// The same, of one that was talked to or not.
    pub(super) fn bridged(self, bridged: bool) -> Self {
        Self { bridged, ..self }
    }

    /// The same, when nobody knows yet how long it will last.
    pub(super) fn without_duration(self) -> Self {
        Self { duration_is_known: false, ..self }
    }

    /// Whether somebody was talked to.
    pub(super) fn was_bridged(&self) -> bool {
        self.bridged
    }

    /// `Dial…`, beside the standard parameters.
    pub(super) fn params(self) -> Vec<(String, String)> {
        let mut params: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
        add("DialCallStatus", self.status.to_string());
        add("DialBridged", self.bridged.to_string());
        let Some(end) = self.end else { return params };
        add("DialCallSid", end.call_sid.to_string());
        if self.duration_is_known {
            add("DialCallDuration", end.duration_s.to_string());
        }
        if let Some(sip_call_id) = end.sip_call_id {
            add("DialSipCallId", sip_call_id);
        }
        if let Some(code) = end.sip_response_code {
            add("DialSipResponseCode", code.to_string());
        }
        for (name, value) in end.headers {
            add(&format!("DialSipHeader_{name}"), value);
        }
        params
    }
}

/// Of several that failed, the one that tells most is reported: the smallest.
pub(super) fn rank(status: CallStatus) -> u8 {
    match status {
        CallStatus::Completed => 0,
        CallStatus::Busy => 1,
        CallStatus::NoAnswer => 2,
        CallStatus::Canceled => 3,
        _ => 4,
    }
}
