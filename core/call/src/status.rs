//! What becomes of a call out, by the final answer to its INVITE: the one table (contract, runtime.md 2.4).

use ringway_model::CallStatus;

/// Of a final answer that is no 2xx. `rang` says whether the far end was alerted before: silence after that is a
/// phone that nobody took up.
pub fn of_refusal(sip_status: u16, rang: bool) -> CallStatus {
    match sip_status {
        486 | 600 => CallStatus::Busy,
        408 if rang => CallStatus::NoAnswer,
        487 | 603 => CallStatus::NoAnswer,
        _ => CallStatus::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_word() {
        for (status, expected) in [
            (486, CallStatus::Busy),
            (600, CallStatus::Busy),
            (487, CallStatus::NoAnswer),
            (603, CallStatus::NoAnswer),
            (480, CallStatus::Failed),
            (404, CallStatus::Failed),
            (484, CallStatus::Failed),
            (488, CallStatus::Failed),
            (401, CallStatus::Failed),
            (407, CallStatus::Failed),
            (302, CallStatus::Failed),
            (500, CallStatus::Failed),
            (503, CallStatus::Failed),
        ] {
            assert_eq!(of_refusal(status, false), expected, "{status}");
            assert_eq!(of_refusal(status, true), expected, "{status} after ringing");
        }
        assert_eq!(of_refusal(408, true), CallStatus::NoAnswer);
        assert_eq!(of_refusal(408, false), CallStatus::Failed);
    }
}
