//! What must hold after every call, however the network and the moments were.

use ringway_call::effect::Final;
use ringway_model::CallStatus;

use super::runner::Record;
use super::{Side, World};

/// What became of a call, for a scenario that wants to know whether it went as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The final status of the row; none when the server never took the call.
    pub(crate) status: Option<CallStatus>,
    /// The final answer to the INVITE that was taken.
    pub(crate) sip_status: Option<u16>,
    /// Notifications.
    pub(crate) notified: Vec<u32>,
    /// What the phone and the server heard of their dialogs.
    pub(crate) caller_heard: Vec<&'static str>,
    pub(crate) server_heard: Vec<&'static str>,
    /// The keys of each Gather that was answered.
    pub(crate) digits: Vec<String>,
    /// REST commands that the call took.
    pub(crate) rest_taken: usize,
    /// Nothing but lost packets disturbed the call.
    pub(crate) undisturbed: bool,
}

impl World {
    /// Fails when anything is left over, was done twice, or disagrees with what went over the wire.
    pub(crate) fn check(&self) -> Outcome {
        self.nothing_is_left();
        Self::ends_once("phone", &self.caller.heard);
        Self::ends_once("server", &self.server.heard);
        let finals = self.caller.heard.iter().filter(|what| ["Answered", "Rejected"].contains(what)).count();
        assert!(finals <= 1, "the phone hears more than one final answer");
        let sip_status = self.accepted_final();
        if let Some(call) = &self.server.call {
            let end = call.record.end.as_ref().expect("every call finishes");
            Self::did_everything_once(&call.record, end);
            self.agrees_with_the_wire(&call.record, end, sip_status);
        }
        self.outcome(sip_status)
    }

    /// No dialog, no transaction, no timer.
    fn nothing_is_left(&self) {
        let shards = self.server.shards.iter().map(|shard| (Side::Server, shard.endpoint.counters()));
        for (side, left) in shards.chain([(Side::Caller, self.caller.endpoint.counters())]) {
            let counts = (left.server_transactions, left.client_transactions, left.dialogs);
            assert_eq!(counts, (0, 0, 0), "left over at {side:?}");
            assert_eq!(left.malformed, 0, "{side:?} received nonsense");
        }
        for shard in &self.server.shards {
            assert_eq!(shard.endpoint.next_timeout(), None, "a timer is left");
            assert_eq!(shard.door.refused, 0, "a request with the right password was refused");
        }
        assert_eq!(self.caller.endpoint.next_timeout(), None, "a timer of the phone is left");
        let machine = self.server.call.as_ref().and_then(|call| call.machine.next_timeout());
        assert_eq!(machine, None, "a timer of the machine is left");
    }

    fn ends_once(who: &str, heard: &[&str]) {
        let ends = heard.iter().filter(|what| **what == "Terminated").count();
        assert!(heard.is_empty() || ends == 1, "{who}: {heard:?}");
        assert!(heard.is_empty() || heard.last() == Some(&"Terminated"), "{who}: {heard:?}");
    }

    /// The final answer to the INVITE that became the call; challenges and later offers are not of it.
    fn accepted_final(&self) -> Option<u16> {
        self.server.finals.get(self.server.branch.as_ref()?).copied()
    }

    fn did_everything_once(record: &Record, end: &Final) {
        assert_eq!(record.first_fetches, 1, "webhooks for the voice URL");
        assert!(record.answers <= 1 && record.in_progress <= 1, "answered more than once");
        assert!(end.status.is_final());
        let callback = end.callback.as_ref().expect("the domain has a status callback");
        let param =
            |name: &str| callback.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!(param("CallStatus").as_deref(), Some(end.status.as_str()));
        let code = end.sip_response_code.map(|code| code.to_string());
        assert_eq!(param("SipResponseCode"), code);
    }

    /// The row says what the phone saw.
    fn agrees_with_the_wire(&self, record: &Record, end: &Final, sip_status: Option<u16>) {
        let sip_status = sip_status.expect("every INVITE that is taken is answered");
        let unconfirmed = self.server_heard("AcknowledgeTimeout");
        let never_confirmed = unconfirmed && !self.server_heard("Acknowledged");
        let told = record.notified.contains(&32022);
        match (sip_status, record.refusal) {
            (200, refusal) => {
                assert_eq!(refusal, None, "answered, and then refused");
                let failed = never_confirmed || record.notified.contains(&32102);
                let expected = if failed { CallStatus::Failed } else { CallStatus::Completed };
                assert_eq!(end.status, expected);
                assert_eq!(end.sip_response_code, None, "the call was answered");
                assert!(told || !never_confirmed, "32022 tells of an ACK that never came");
                assert!(unconfirmed || !told, "and of nothing else");
            }
            // The caller gave up, and the machine had not decided to refuse before it heard of it.
            (487, None) => {
                assert_eq!((end.status, end.sip_response_code), (CallStatus::NoAnswer, Some(487)));
                assert_eq!((end.answered_at, end.duration_s), (None, 0), "487 was never answered");
            }
            (wire, Some(refusal)) => {
                assert!(wire == refusal || wire == 487, "{wire} was sent, the machine wanted {refusal}");
                assert_eq!(end.sip_response_code, Some(refusal));
                assert_eq!((end.answered_at, end.duration_s), (None, 0), "a refused call was never answered");
            }
            (wire, None) => panic!("{wire} was sent, and the machine wanted no refusal"),
        }
        if self.caller.heard.contains(&"Answered") {
            assert_eq!(sip_status, 200, "the phone believes that it was answered");
        }
    }

    fn outcome(&self, sip_status: Option<u16>) -> Outcome {
        let record = self.server.call.as_ref().map(|call| &call.record);
        let digits = record.into_iter().flat_map(|record| &record.fetches).flat_map(|(_, params)| {
            params.iter().filter(|(name, _)| name == "Digits").map(|(_, value)| value.clone())
        });
        Outcome {
            status: record.and_then(|record| record.end.as_ref()).map(|end| end.status),
            sip_status,
            notified: record.map(|record| record.notified.clone()).unwrap_or_default(),
            caller_heard: self.caller.heard.clone(),
            server_heard: self.server.heard.clone(),
            digits: digits.collect(),
            rest_taken: record.map_or(0, |record| record.rest_taken.len()),
            undisturbed: !self.network.is_fragile(),
        }
    }
}
