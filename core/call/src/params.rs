//! What an application is told with each request (contract, runtime.md 1.2 and 2.2).

use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, UnixTime};

use crate::leg::CallFacts;

/// The version of the API that inbound calls speak.
pub const API_VERSION: &str = "2010-04-01";

/// The parameters of every request, sorted by name as they go on the wire.
pub fn standard(facts: &CallFacts, status: CallStatus) -> Vec<(String, String)> {
    let leg = &facts.leg;
    let mut params = Params::default();
    params.add("AccountSid", facts.account_sid().as_str());
    params.add("ApiVersion", API_VERSION);
    params.add("CallSid", facts.call_sid.as_str());
    params.add("CallStatus", status.as_str());
    params.add("Called", &leg.to);
    params.add("Caller", &leg.from);
    params.maybe("CallerName", leg.caller_name.as_deref());
    params.add("Direction", facts.direction().as_str());
    params.maybe("ForwardedFrom", leg.forwarded_from.as_deref());
    params.add("From", &leg.from);
    params.maybe("ParentCallSid", facts.parent_call_sid().as_ref().map(CallSid::as_str));
    params.maybe("SipCallId", leg.sip_call_id.as_deref());
    if let Some(gate) = facts.domain() {
        params.add("SipDomain", &gate.name);
        params.add("SipDomainSid", gate.sid.as_str());
    }
    for (name, value) in &leg.headers {
        params.add(&format!("SipHeader_{name}"), value);
    }
    params.maybe("SipSourceIp", leg.source_ip.map(|ip| ip.to_string()).as_deref());
    params.maybe("SipUsername", leg.username.as_deref());
    params.add("To", &leg.to);
    params.sorted()
}

/// [`standard`] with more beside it; of two of the same name the added one stays.
pub(crate) fn with(mut params: Vec<(String, String)>, more: &[(&str, &str)]) -> Vec<(String, String)> {
    params.retain(|(name, _)| more.iter().all(|(added, _)| added != name));
    params.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    params.sort();
    params
}

/// The parameters of a callback about a call that goes on; `sequence` counts those sent before it.
pub(crate) fn progress(
    standard: Vec<(String, String)>,
    at: UnixTime,
    sequence: u32,
) -> Vec<(String, String)> {
    let (timestamp, sequence) = (at.rfc2822(), sequence.to_string());
    let more = [
        ("Timestamp", timestamp.as_str()),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", sequence.as_str()),
    ];
    with(standard, &more)
}

/// The parameters of the `completed` callback, made of the standard ones of any moment of the call. Also for
/// calls that the process did not live to end.
pub fn completed(standard: Vec<(String, String)>, ended: &Ended) -> Vec<(String, String)> {
    let seconds = ended.duration_s.to_string();
    let minutes = ended.duration_s.div_ceil(60).to_string();
    let sip = ended.sip_response_code.map(|code| code.to_string());
    let mut more = vec![
        ("CallStatus", ended.status.as_str()),
        ("CallDuration", seconds.as_str()),
        ("Duration", minutes.as_str()),
    ];
    let standard = progress(standard, ended.at, ended.sequence);
    more.extend(sip.as_deref().map(|code| ("SipResponseCode", code)));
    with(standard, &more)
}

/// The end of a call, as its callback tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// A final state.
    pub status: CallStatus,
    /// Whole seconds from answer to end.
    pub duration_s: u32,
    /// When.
    pub at: UnixTime,
    /// The final response to the INVITE; none of an inbound call that was answered.
    pub sip_response_code: Option<u16>,
    /// `SequenceNumber`: how many callbacks of the call went before.
    pub sequence: u32,
}

#[derive(Default)]
struct Params(Vec<(String, String)>);

impl Params {
    fn add(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn sorted(mut self) -> Vec<(String, String)> {
        self.0.sort();
        self.0
    }
}
