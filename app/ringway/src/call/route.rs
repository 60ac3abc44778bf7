//! Where a call goes: to the place that was named, or to those that DNS has for the domain.

use std::net::SocketAddr;

use ringway_identity::{authorities_of, system_authorities};
use ringway_model::random::Random;
use ringway_model::uri::{SipUri, UriRef};
use ringway_sip::endpoint::{Target, Transport};
use ringway_sip_net::{ListenSpec, Resolver, ServerNames, TlsConfig};

use super::CallOptions;
use crate::sip_network;

/// The places of a call, all reached from one address of ours.
pub(super) struct Route {
    pub(super) first: Target,
    pub(super) rest: Vec<Target>,
    /// The names in the targets.
    pub(super) names: ServerNames,
}

impl Route {
    /// Looks the way up.
    pub(super) fn of(options: &CallOptions, random: &mut Random) -> Result<Self, String> {
        let names = ServerNames::default();
        if let Some(via) = options.via {
            return Ok(Self { first: named(options, via, &names), rest: Vec::new(), names });
        }
        let mut places = look_up(options, &names, random)?;
        let first = places.remove(0);
        // One socket leads to one family only.
        places.retain(|place| place.remote.is_ipv4() == first.remote.is_ipv4());
        Ok(Self { first, rest: places, names })
    }
}

/// Whom we trust over TLS.
pub(super) fn tls(options: &CallOptions) -> Result<TlsConfig, String> {
    let trusted = match &options.ca {
        Some(file) => authorities_of(file, system_authorities()).map_err(|error| format!("--ca: {error}"))?,
        None => system_authorities(),
    };
    TlsConfig::default().with_connections(trusted, None)
}

fn named(options: &CallOptions, remote: SocketAddr, names: &ServerNames) -> Target {
    let (transport, uri) = (options.transport(), options.uri.as_ref());
    let name = (transport == Transport::Tls && uri.host_ip().is_none()).then(|| names.number(uri.host));
    Target { transport, remote, local: None, flow: None, name }
}

fn look_up(options: &CallOptions, names: &ServerNames, random: &mut Random) -> Result<Vec<Target>, String> {
    let any = [SocketAddr::from(([0, 0, 0, 0], 0)), SocketAddr::from(([0u16; 8], 0))];
    let any = any.map(|address| ListenSpec { transport: Transport::Udp, address });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot look up names: {error}"))?;
    let uri = with_transport(options);
    let found = runtime.block_on(async {
        let client = sip_network::names(&options.dns)?.client();
        let resolver = Resolver::new(client, &any, names.clone(), random.bytes());
        // Whoever calls from a command line may call anybody.
        let found = resolver.resolve(&uri_ref(&uri)?, &|_| true).await;
        found.map_err(|error| error.to_string())
    });
    found.map_err(|error| format!("{error}; --via HOST:PORT says where to send the call"))
}

fn uri_ref(uri: &str) -> Result<UriRef<'_>, String> {
    UriRef::parse(uri).map_err(|_| "the address cannot be looked up".to_owned())
}

/// The address, with the transport that the options ask for.
fn with_transport(options: &CallOptions) -> String {
    let uri: &SipUri = &options.uri;
    let transport = options.transport().uri_parameter().filter(|_| uri.as_ref().transport().is_none());
    let text = uri.as_ref().without_headers();
    transport.map_or(text.clone(), |transport| format!("{text};transport={transport}"))
}
