//! What an application is told with each request (contract, runtime.md 1.2 and 2.2).

use ringway_model::{CallStatus, Direction, UnixTime};

use crate::leg::CallFacts;

/// The version of the API that inbound calls speak.
pub const API_VERSION: &str = "2010-04-01";

/// The parameters of every request, sorted by name as they go on the wire.
pub fn standard(facts: &CallFacts, status: CallStatus) -> Vec<(String, String)> {
    let leg = &facts.leg;
    let mut params = Params::default();
    params.add("AccountSid", facts.gate.account_sid.as_str());
    params.add("ApiVersion", API_VERSION);
    params.add("CallSid", facts.call_sid.as_str());
    params.add("CallStatus", status.as_str());
    params.add("Called", &leg.to);
    params.add("Caller", &leg.from);
    params.maybe("CallerName", leg.caller_name.as_deref());
    params.add("Direction", Direction::Inbound.as_str());
    params.maybe("ForwardedFrom", leg.forwarded_from.as_deref());
    params.add("From", &leg.from);
    params.add("SipCallId", &leg.sip_call_id);
    params.add("SipDomain", &facts.gate.name);
    params.add("SipDomainSid", facts.gate.sid.as_str());
    for (name, value) in &leg.headers {
        params.add(&format!("SipHeader_{name}"), value);
    }
    params.add("SipSourceIp", &leg.source_ip.to_string());
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

/// The parameters of the `completed` callback, made of the standard ones of any moment of the call. Also for
/// calls that the process did not live to end.
pub fn completed(standard: Vec<(String, String)>, ended: &Ended) -> Vec<(String, String)> {
    let seconds = ended.duration_s.to_string();
    let minutes = ended.duration_s.div_ceil(60).to_string();
    let timestamp = ended.at.rfc2822();
    let sip = ended.sip_response_code.map(|code| code.to_string());
    let mut more = vec![
        ("CallStatus", ended.status.as_str()),
        ("CallDuration", seconds.as_str()),
        ("Duration", minutes.as_str()),
        ("Timestamp", timestamp.as_str()),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", "0"),
    ];
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
    /// The final response to the INVITE, when it was not 200.
    pub sip_response_code: Option<u16>,
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
