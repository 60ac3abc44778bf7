//! Where a call out goes: the phones of a registered user, or a place outside (contract, runtime.md 4.4).

use std::net::SocketAddr;
use std::sync::Arc;

use ringway_call::directory::DomainGate;
use ringway_call::input::Unroutable;
use ringway_call::outgoing::{Destination, Outgoing, SipAddress};
use ringway_model::uri::UriRef;
use ringway_sip::endpoint::{Target, Transport};
use ringway_sip_net::ResolveError;
use ringway_store::PageQuery;

use crate::shared::Shared;

/// One place to send an INVITE to.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The Request-URI.
    pub(crate) uri: String,
    /// Where it is sent.
    pub(crate) target: Target,
    /// Further servers of the same place.
    pub(crate) alternatives: Vec<Target>,
    /// Route values.
    pub(crate) route: Vec<String>,
}

/// Finds them; never none.
pub(crate) async fn find(shared: Arc<Shared>, outgoing: Arc<Outgoing>) -> Result<Vec<Place>, Unroutable> {
    match &outgoing.destination {
        Destination::Sip { address, .. } => sip(&shared, &outgoing, address).await,
        Destination::Client { identity, domain, .. } => {
            let gate = domain_of_client(&shared, &outgoing, domain.as_deref());
            let gate = gate.ok_or_else(|| not_registered(&format!("client:{identity}")))?;
            registered(&shared, &gate, identity)
        }
        Destination::Number { number, .. } => Err(unroutable(
            32400,
            format!("BYOC Trunk routing failure: no trunk is configured that would take {number}"),
        )),
    }
}

async fn sip(shared: &Shared, outgoing: &Outgoing, address: &SipAddress) -> Result<Vec<Place>, Unroutable> {
    if address.secure {
        let message = format!("{} asks for SRTP (secure=true), which is not built yet", address.uri);
        return Err(unroutable(32208, message));
    }
    let suffixes = &shared.config.suffixes;
    match suffixes.find(&address.host, &*shared.store.directory()) {
        Some(gate) => user_of_domain(shared, outgoing, address, &gate),
        None if suffixes.covers(&address.host) => {
            Err(unroutable(32002, format!("SIP domain {} is not found", address.host)))
        }
        None => outside(shared, address).await,
    }
}

/// Only the account's own domains, and those of the account that owns it, are reached; and only users.
fn user_of_domain(
    shared: &Shared,
    outgoing: &Outgoing,
    address: &SipAddress,
    gate: &DomainGate,
) -> Result<Vec<Place>, Unroutable> {
    if !is_own(shared, outgoing, gate) {
        return Err(unroutable(32214, format!("{} is a SIP domain of another account", address.host)));
    }
    let edge = address.edge.as_deref().or_else(|| shared.config.suffixes.edge(&address.host));
    if let Some(edge) = edge.filter(|edge| !matches!(*edge, "us1" | "us1-ix")) {
        let message = format!("{} names an edge ({edge}); a registered user has none", address.uri);
        return Err(unroutable(32220, message));
    }
    match &address.user {
        Some(user) => registered(shared, gate, user),
        None => Err(unroutable(32223, format!("there is no user in {}", address.uri))),
    }
}

fn is_own(shared: &Shared, outgoing: &Outgoing, gate: &DomainGate) -> bool {
    let owner = || shared.store.account(&outgoing.account_sid);
    gate.account_active
        && (gate.account_sid == outgoing.account_sid
            || owner().is_some_and(|account| account.owner_account_sid == gate.account_sid))
}

/// All phones of a user; where the domain demands it, those alone that came by TLS.
fn registered(shared: &Shared, gate: &DomainGate, user: &str) -> Result<Vec<Place>, Unroutable> {
    let bindings = shared.registrations.of(shared.now(), &gate.sid, user);
    if bindings.is_empty() {
        return Err(not_registered(&format!("{user}@{}", gate.name)));
    }
    let is_secure = |transport| matches!(transport, Transport::Tls | Transport::Wss);
    let usable = bindings.into_iter().filter(|binding| !gate.secure || is_secure(binding.target.transport));
    let places: Vec<Place> = usable
        .map(|binding| Place {
            uri: binding.contact,
            target: binding.target,
            alternatives: Vec::new(),
            route: binding.path,
        })
        .collect();
    if places.is_empty() {
        let message = format!("{} demands TLS, and no phone of {user} has registered so", gate.name);
        return Err(unroutable(32209, message));
    }
    Ok(places)
}

/// The domain that was called, else the only one of the account that takes registrations.
fn domain_of_client(shared: &Shared, outgoing: &Outgoing, called: Option<&str>) -> Option<Arc<DomainGate>> {
    use ringway_call::directory::Directory;
    let directory = shared.store.directory();
    let takes = |gate: &Arc<DomainGate>| gate.sip_registration && is_own(shared, outgoing, gate);
    if let Some(gate) = called.and_then(|name| directory.domain(name)).filter(takes) {
        return Some(gate);
    }
    let query = PageQuery { size: 1000, ..PageQuery::default() };
    let domains = shared.store.domains(&outgoing.account_sid, &query).ok()?;
    let mut registering = domains.rows.iter().filter(|domain| domain.sip_registration);
    let (Some(only), None) = (registering.next(), registering.next()) else { return None };
    directory.domain(&only.domain_name.to_ascii_lowercase()).filter(takes)
}

/// A place outside, where the guard of webhooks lets us go.
async fn outside(shared: &Shared, address: &SipAddress) -> Result<Vec<Place>, Unroutable> {
    let uri = UriRef::parse(&address.uri).map_err(|error| unroutable(13243, error.to_string()))?;
    let guard = |address: SocketAddr| shared.config.guard.check(address).is_ok();
    let mut targets = match shared.resolver.resolve(&uri, &guard).await {
        Ok(targets) => targets,
        Err(error) => {
            let code = match error {
                ResolveError::NotSip | ResolveError::Transport(_) => 13243,
                _ => 13254,
            };
            return Err(unroutable(code, format!("{} cannot be called: {error}", address.uri)));
        }
    };
    let target = targets.remove(0);
    Ok(vec![Place { uri: address.uri.clone(), target, alternatives: targets, route: Vec::new() }])
}

fn not_registered(user: &str) -> Unroutable {
    unroutable(32009, format!("{user} is not registered with the SIP domain"))
}

fn unroutable(code: u32, message: impl Into<String>) -> Unroutable {
    Unroutable { code, message: message.into() }
}
