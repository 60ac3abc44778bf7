//! Who may come in: the domain, the address, the password, in this order (contract, runtime.md 4.1, 4.2). It
//! is asked for each new request before there is any state, so a challenge costs a look-up and its own text.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod digest;
mod registration;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use ringway_model::sid::{AccountSid, DomainSid};
use ringway_model::uri::{Scheme, UriRef};
use ringway_model::{Now, phone};
use ringway_sip::digest::Offered;
use ringway_sip::endpoint::{Reply, Source, Transport};
use ringway_sip::message::{Message, Method};
use ringway_sip::nonce::Nonces;

use crate::directory::{Directory, DomainGate};
use crate::effect::Level;
use crate::host::Suffixes;
use crate::leg::LegFacts;
use digest::{Purpose, Verified};
pub use registration::{refused_registration, registered_user};

/// Most characters of a user or host that a refusal keeps.
const SHOWN_CHARACTERS_MAX: usize = 128;

/// What the operator configured.
#[derive(Debug, Clone)]
pub struct AdmissionConfig {
    /// The realm of challenges; the stored hashes are made for it. `sip.twilio.com` unless changed.
    pub realm: String,
    /// How passwords may be proven; MD5 unless changed.
    pub algorithms: Offered,
    /// The suffixes of domains, for their edge labels.
    pub suffixes: Suffixes,
    /// The domain of requests that name an address instead of a domain; without one these get 403.
    pub default_domain: Option<String>,
}

/// Decides who may come in. Knows nothing but its nonces.
#[derive(Debug)]
pub struct Admission {
    config: AdmissionConfig,
    nonces: Nonces,
    /// 32 hexadecimal digits that clients send back.
    opaque: String,
}

/// A decision.
#[derive(Debug)]
pub enum Decision {
    /// An INVITE that may come in.
    Accept(Box<Admitted>),
    /// A REGISTER of the user that it is for ([`registered_user`]), in this domain.
    Register(Arc<DomainGate>),
    /// OPTIONS: 200 with our abilities, to anybody.
    Abilities,
    /// Who are you? Without state and without a trace.
    Challenge(Reply),
    /// No, and why.
    Refuse {
        /// What the phone is told.
        reply: Reply,
        /// What the developer and the operator are told.
        refusal: Box<Refusal>,
    },
}

/// A call that may come in.
#[derive(Debug)]
pub struct Admitted {
    /// Its domain, as it is now.
    pub gate: Arc<DomainGate>,
    /// Who calls whom, as applications see it.
    pub leg: LegFacts,
}

/// Why a request was refused: for the log of refusals and, when the domain is known, a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the notification.
    pub code: u32,
    /// How bad.
    pub level: Level,
    /// One sentence that answers "why".
    pub reason: String,
    /// What the phone was told.
    pub status: u16,
    /// `INVITE`, `REGISTER` or `OPTIONS`.
    pub method: &'static str,
    /// The domain, when there is one of this name, and its owner.
    pub domain: Option<(DomainSid, AccountSid)>,
    /// The host that was asked for.
    pub host: String,
    /// Where it came from.
    pub source: SocketAddr,
    /// The user of From. Personal: not for logs above debug.
    pub from_user: String,
    /// The user that was asked for. Personal too.
    pub to_user: String,
    /// Whether it speaks against its sender.
    pub suspicion: Suspicion,
}

/// What a refusal says about its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// Nothing: whoever is at this address may not, today.
    None,
    /// It asked for what is not there, or answered a challenge that was never sent to it. Its address may be
    /// forged.
    Stranger,
    /// It gave a wrong password to a challenge that had reached it.
    WrongAnswer,
}

/// What is wrong, before it is told.
struct Wrong {
    status: u16,
    code: u32,
    reason: String,
    /// A text that the phone may know, for a Warning header.
    warning: Option<&'static str>,
    /// Somebody should look at it, whatever its number.
    is_urgent: bool,
    suspicion: Suspicion,
}

impl Wrong {
    fn new(status: u16, code: u32, reason: impl Into<String>) -> Self {
        Self {
            status,
            code,
            reason: reason.into(),
            warning: None,
            is_urgent: false,
            suspicion: Suspicion::None,
        }
    }

    fn warning(self, warning: &'static str) -> Self {
        Self { warning: Some(warning), ..self }
    }

    fn urgent(self) -> Self {
        Self { is_urgent: true, ..self }
    }

    fn suspicious(self, suspicion: Suspicion) -> Self {
        Self { suspicion, ..self }
    }
}

impl Admission {
    /// With nonces of one shard.
    pub fn new(config: AdmissionConfig, nonces: Nonces, opaque: [u8; 16]) -> Self {
        let opaque = opaque.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { config, nonces, opaque }
    }

    /// Decides about a new request outside of a dialog. Retransmissions never come here, or their nonce count
    /// would be a replay.
    pub fn admit(
        &mut self,
        now: Now,
        directory: &dyn Directory,
        request: &Message,
        source: &Source,
    ) -> Decision {
        if request.method() == Method::Options {
            return match abilities(request) {
                Ok(()) => Decision::Abilities,
                Err(wrong) => refuse(wrong, request, source, None),
            };
        }
        let gate = match self.gate(directory, request, source) {
            Ok(gate) => gate,
            Err(wrong) => return refuse(wrong, request, source, None),
        };
        match self.enter(now, directory, request, source, &gate) {
            Ok(Verified::Challenge(reply)) => Decision::Challenge(reply),
            Ok(Verified::Known(_)) if request.method() == Method::Register => Decision::Register(gate),
            Ok(Verified::Known(username)) => {
                let username = username.map(Cow::into_owned);
                let ip = source.remote.ip().to_canonical();
                let leg = LegFacts::of(request, ip, &gate, &self.config.suffixes, username);
                Decision::Accept(Box::new(Admitted { gate, leg }))
            }
            Err(wrong) => refuse(wrong, request, source, Some(&gate)),
        }
    }

    /// Which domain a request is for, when there is one.
    pub fn domain(
        &self,
        directory: &dyn Directory,
        request: &Message,
        source: &Source,
    ) -> Option<Arc<DomainGate>> {
        self.gate(directory, request, source).ok()
    }

    /// The domain of the Request-URI; when that has an address, the domain that the source is mapped to.
    fn gate(
        &self,
        directory: &dyn Directory,
        request: &Message,
        source: &Source,
    ) -> Result<Arc<DomainGate>, Wrong> {
        let uri = UriRef::parse(request.uri())
            .map_err(|why| Wrong::new(400, 32110, format!("The Request-URI is malformed: {why}")))?;
        if uri.scheme != Scheme::Sip {
            return Err(Wrong::new(
                416,
                32110,
                "The Request-URI is not a sip: URI, and no other kind is served",
            ));
        }
        if uri.host_ip().is_none() {
            return self.config.suffixes.find(uri.host, directory).ok_or_else(|| {
                Wrong::new(
                    403,
                    32002,
                    "There is no SIP domain of this name; the host of the Request-URI names it",
                )
                .suspicious(Suspicion::Stranger)
            });
        }
        if let Some(gate) = directory.domain_of_source(source.remote.ip().to_canonical()) {
            return Ok(gate);
        }
        let Some(domain) = &self.config.default_domain else {
            let reason = "The Request-URI has an IP address where the name of the SIP domain belongs: set the domain in \
                          the phone and this server as its outbound proxy, map the source address to a domain, or \
                          configure a default domain";
            return Err(Wrong::new(403, 32002, reason).suspicious(Suspicion::Stranger));
        };
        self.config.suffixes.find(domain, directory).ok_or_else(|| {
            Wrong::new(403, 32002, "The Request-URI has an IP address, and the default domain does not exist")
        })
    }

    /// Everything that a domain demands.
    fn enter<'r>(
        &mut self,
        now: Now,
        directory: &dyn Directory,
        request: &'r Message,
        source: &Source,
        gate: &DomainGate,
    ) -> Result<Verified<'r>, Wrong> {
        if !gate.account_active {
            return Err(Wrong::new(403, 20005, "The account of this domain is not active"));
        }
        if gate.secure {
            return Err(not_secure(source.transport));
        }
        match request.method() {
            Method::Invite => self.enter_call(now, directory, request, source, gate),
            Method::Register => self.enter_registration(now, directory, request, source, gate),
            other => Err(Wrong::new(403, 32200, format!("{} is not served here", other.as_str()))),
        }
    }

    fn enter_call<'r>(
        &mut self,
        now: Now,
        directory: &dyn Directory,
        request: &'r Message,
        source: &Source,
        gate: &DomainGate,
    ) -> Result<Verified<'r>, Wrong> {
        if gate.acl.is_none() && gate.call_lists.is_empty() {
            let reason = "Neither an IP access control list nor a credential list is mapped to this domain for calls, and \
                          so nobody may call it";
            return Err(Wrong::new(403, 32200, reason));
        }
        check_address(gate, source)?;
        let verified = match gate.call_lists.as_slice() {
            [] => Verified::Known(None),
            lists => {
                self.verify(now, directory, request, source, (&gate.account_sid, lists, Purpose::Calls))?
            }
        };
        match verified {
            Verified::Known(_) if gate.emergency_calling && calls_for_help(request) => {
                Err(no_emergency_route())
            }
            verified => Ok(verified),
        }
    }
}

/// OPTIONS may name any host, but not a kind of URI that we would not understand (RFC 3261 8.2.2.1).
fn abilities(request: &Message) -> Result<(), Wrong> {
    match UriRef::parse(request.uri()) {
        Ok(uri) if matches!(uri.scheme, Scheme::Sip | Scheme::Sips) => Ok(()),
        _ => Err(Wrong::new(416, 32110, "The Request-URI is not a sip: URI, and no other kind is served")),
    }
}

fn check_address(gate: &DomainGate, source: &Source) -> Result<(), Wrong> {
    let ip = source.remote.ip().to_canonical();
    match &gate.acl {
        Some(acl) if !acl.iter().any(|net| net.contains(&ip)) => {
            let reason =
                format!("Source IP address not in ACL: {ip} is in no list that is mapped to this domain");
            Err(Wrong::new(403, 32201, reason))
        }
        _ => Ok(()),
    }
}

/// Secure domains are refused whole until TLS and SRTP are built: a switch that is stored is not ignored.
fn not_secure(transport: Transport) -> Wrong {
    match transport {
        Transport::Tls | Transport::Wss => {
            let reason = "Secure media required: this domain demands SRTP, which is not built yet";
            Wrong::new(488, 32208, reason).warning("Secure media required")
        }
        Transport::Udp | Transport::Tcp | Transport::Ws => {
            let reason = "Secure transport required: this domain demands TLS";
            Wrong::new(403, 32209, reason).warning("Secure transport required")
        }
    }
}

/// Written however: with separators, or with parameters of the number (RFC 3966 5.1.1).
fn calls_for_help(request: &Message) -> bool {
    let uri = UriRef::parse(request.uri()).ok();
    uri.and_then(|uri| uri.user_decoded()).is_some_and(|user| {
        let number = user.split(';').next().unwrap_or_default();
        let number: String = number.chars().filter(|letter| !"-.() ".contains(*letter)).collect();
        phone::is_emergency(&number)
    })
}

/// Never the webhook (contract, runtime.md 5), and there is no route to anybody who could help.
fn no_emergency_route() -> Wrong {
    let reason = "An emergency number was dialled on a domain that has emergency calling enabled, and no emergency \
                  route is configured: the caller got no help from here";
    Wrong::new(503, 13224, reason).warning("No emergency route").urgent()
}

fn refuse(wrong: Wrong, request: &Message, source: &Source, gate: Option<&DomainGate>) -> Decision {
    let (reply, refusal) = refusal(wrong, request, source, gate);
    Decision::Refuse { reply, refusal: Box::new(refusal) }
}

fn refusal(wrong: Wrong, request: &Message, source: &Source, gate: Option<&DomainGate>) -> (Reply, Refusal) {
    let uri = UriRef::parse(request.uri()).ok();
    let from = request.from().uri_ref().ok();
    let user = |uri: Option<UriRef<'_>>| uri.and_then(|uri| uri.user).map(shown).unwrap_or_default();
    let refusal = Refusal {
        code: wrong.code,
        level: if wrong.is_urgent { Level::Error } else { Level::of(wrong.code) },
        reason: wrong.reason,
        status: wrong.status,
        method: match request.method() {
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            _ => "INVITE",
        },
        domain: gate.map(|gate| (gate.sid, gate.account_sid)),
        host: uri.map(|uri| shown(uri.host)).unwrap_or_default(),
        source: source.remote,
        from_user: user(from),
        to_user: user(uri),
        suspicion: wrong.suspicion,
    };
    let mut reply = Reply::new(wrong.status);
    if let Some(warning) = wrong.warning {
        reply = reply.with_header("Warning", format!("399 ringway \"{warning}\""));
    }
    (reply, refusal)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}
