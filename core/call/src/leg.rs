//! The facts of a call that never change while it lasts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ringway_model::sid::{AccountSid, CallSid};
use ringway_model::uri::{Scheme, UriRef};
use ringway_model::{Direction, phone};
use ringway_sip::message::{Message, Name, NameAddr};

use crate::directory::{DomainGate, VoiceUrls};
use crate::host::Suffixes;
use crate::outgoing::{Events, Outgoing};

/// What a machine is made with.
#[derive(Debug, Clone)]
pub struct CallFacts {
    /// The call.
    pub call_sid: CallSid,
    /// Who began it.
    pub origin: CallOrigin,
    /// Who calls whom.
    pub leg: LegFacts,
    /// Limits that the operator may change.
    pub limits: CallLimits,
}

/// Who began a call.
#[derive(Debug, Clone)]
pub enum CallOrigin {
    /// A phone called this domain, which is kept as it was then.
    Domain(Arc<DomainGate>),
    /// The REST API, or the Dial of another call.
    Outgoing(Arc<Outgoing>),
}

impl CallFacts {
    /// Whose it is.
    pub fn account_sid(&self) -> AccountSid {
        match &self.origin {
            CallOrigin::Domain(gate) => gate.account_sid,
            CallOrigin::Outgoing(outgoing) => outgoing.account_sid,
        }
    }

    /// Where its application is.
    pub fn urls(&self) -> &VoiceUrls {
        match &self.origin {
            CallOrigin::Domain(gate) => gate.urls(),
            CallOrigin::Outgoing(outgoing) => &outgoing.urls,
        }
    }

    /// The domain it came into; none of a call out.
    pub fn domain(&self) -> Option<&DomainGate> {
        match &self.origin {
            CallOrigin::Domain(gate) => Some(gate),
            CallOrigin::Outgoing(_) => None,
        }
    }

    /// What a call out was made with.
    pub fn outgoing(&self) -> Option<&Arc<Outgoing>> {
        match &self.origin {
            CallOrigin::Domain(_) => None,
            CallOrigin::Outgoing(outgoing) => Some(outgoing),
        }
    }

    /// The call that dialled it.
    pub fn parent_call_sid(&self) -> Option<CallSid> {
        self.outgoing()?.parent_call_sid
    }

    /// As webhooks and the resource say it.
    pub fn direction(&self) -> Direction {
        match &self.origin {
            CallOrigin::Domain(_) => Direction::Inbound,
            CallOrigin::Outgoing(outgoing) if outgoing.parent_call_sid.is_some() => Direction::OutboundDial,
            CallOrigin::Outgoing(_) => Direction::OutboundApi,
        }
    }

    /// What its status callback is told of: of an inbound call, its end alone (contract, runtime.md 2.1).
    pub fn events(&self) -> Events {
        self.outgoing().map_or(Events::default(), |outgoing| outgoing.events)
    }
}

/// What the INVITE said, in the form that applications see (contract, runtime.md 1.2 and 1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegFacts {
    /// `From`: a SIP URI, or an E.164 number on a trunk.
    pub from: String,
    /// `To`: the Request-URI, its host made canonical; or an E.164 number on a trunk.
    pub to: String,
    /// `CallerName`: the display name.
    pub caller_name: Option<String>,
    /// `ForwardedFrom`: who forwarded the call here.
    pub forwarded_from: Option<String>,
    /// `SipCallId`; none of a call out until it is answered.
    pub sip_call_id: Option<String>,
    /// `SipSourceIp`; none of a call out until it is answered.
    pub source_ip: Option<IpAddr>,
    /// `SipUsername`: who authenticated.
    pub username: Option<String>,
    /// `SipHeader_…`: name as received, and value; of a call out those of its 200. Empty on a trunk.
    pub headers: Vec<(String, String)>,
}

impl LegFacts {
    /// Of an INVITE that was admitted.
    pub(crate) fn of(
        request: &Message,
        source_ip: IpAddr,
        gate: &DomainGate,
        suffixes: &Suffixes,
        username: Option<String>,
    ) -> Self {
        let trunk = gate.byoc_trunk.is_some();
        Self {
            from: address(request.from().uri, trunk, |host| suffixes.canonical(host)),
            to: address(request.uri(), trunk, |_| gate.name.clone()),
            caller_name: request
                .from()
                .display_unquoted()
                .map(|name| name.trim().to_owned())
                .filter(|n| !n.is_empty()),
            forwarded_from: request.headers(Name::Diversion).next().and_then(forwarded_from),
            sip_call_id: Some(request.call_id().to_owned()),
            source_ip: Some(source_ip),
            username,
            headers: if trunk { Vec::new() } else { custom_headers(request) },
        }
    }
}

/// A SIP URI without port and headers, its parameters kept; on a trunk the number, where the user is one.
fn address(uri: &str, trunk: bool, canonical: impl Fn(&str) -> String) -> String {
    let Ok(parsed) = UriRef::parse(uri) else { return uri.to_owned() };
    let user = parsed.user_decoded();
    if let Some(number) = user.as_deref().filter(|_| trunk).and_then(phone::e164) {
        return number.to_owned();
    }
    if !matches!(parsed.scheme, Scheme::Sip | Scheme::Sips) {
        return uri.to_owned();
    }
    let scheme = if parsed.scheme == Scheme::Sips { "sips" } else { "sip" };
    let user = parsed.user.map(|user| format!("{user}@")).unwrap_or_default();
    let mut address = format!("{scheme}:{user}{}", canonical(parsed.host));
    for (name, value) in parsed.params() {
        address.push(';');
        address.push_str(name);
        if let Some(value) = value {
            address.push('=');
            address.push_str(value);
        }
    }
    address
}

/// The newest Diversion (RFC 5806): its number, or its URI when it is none.
fn forwarded_from(diversion: &str) -> Option<String> {
    let diversion = NameAddr::parse(diversion)?;
    Some(address(diversion.uri, true, str::to_owned))
}

/// `X-…` and `User-to-User`, by their names as received; one that is repeated becomes one, with commas.
pub fn custom_headers(message: &Message) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in message.all_headers() {
        if !is_extension(name) && !name.eq_ignore_ascii_case("User-to-User") {
            continue;
        }
        match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            None => headers.push((name.to_owned(), value.to_owned())),
        }
    }
    headers
}

/// Whether a header is one of those that applications make up: `X-…`, in any case of letters.
pub fn is_extension(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

/// Limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Most documents in a row that let the caller hear nothing and press nothing: the end of redirect loops.
    pub documents_without_media_max: u32,
    /// The longest call, counted from its answer (32015).
    pub duration_max: Duration,
    /// How often the INVITE of this call may be passed on; a call that it leads to gets one less, so that calls
    /// in a circle come to an end.
    pub max_forwards: u8,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            documents_without_media_max: 50,
            duration_max: Duration::from_secs(4 * 60 * 60),
            max_forwards: 70,
        }
    }
}
