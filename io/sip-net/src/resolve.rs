//! Where a SIP URI leads (RFC 3263): transport, port and addresses, by SRV, A and AAAA records. NAPTR records are
//! not asked for: the transports are tried in our own order of preference instead (RFC 3263 4.1, last paragraphs).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::SRV;
use ringway_model::Random;
use ringway_model::uri::{Scheme, UriRef};
use ringway_sip::endpoint::{ServerName, Target, Transport};

use crate::listen::ListenSpec;
use crate::names::ServerNames;

/// Most places of one URI.
const TARGETS_MAX: usize = 16;
/// Most servers of one SRV answer that are looked at.
const SERVERS_MAX: usize = 16;
/// How long all look-ups of one URI may take.
const TIME_MAX: Duration = Duration::from_secs(8);

/// Says whether an address may be sent to: URIs are written by strangers.
pub type AddressGuard<'a> = &'a (dyn Fn(SocketAddr) -> bool + Send + Sync);

/// Why a URI leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Neither `sip:` nor `sips:`.
    #[error("only sip: addresses can be called")]
    NotSip,
    /// A transport that we do not open connections with.
    #[error("calls cannot be made over `{0}`")]
    Transport(String),
    /// The host has no address.
    #[error("{0} has no address")]
    NotFound(String),
    /// The name servers did not help.
    #[error("DNS: {0}")]
    Dns(String),
    /// The guard allows none of the addresses; this is one of them.
    #[error("{0} may not be called")]
    Refused(SocketAddr),
    /// No listener of ours can reach any of the addresses.
    #[error("no SIP listener has the transport and address family for it")]
    NoRoute,
}

/// Looks up places. Cheap to clone; answers are kept by the DNS client for as long as they say, within its bound.
#[derive(Clone)]
pub struct Resolver {
    dns: TokioResolver,
    listening: Arc<[ListenSpec]>,
    names: ServerNames,
    /// For the weights of SRV records.
    random: Arc<Mutex<Random>>,
}

impl Resolver {
    /// A resolver that asks `dns` and finds only what `listening` can send to. `names` are those of the driver.
    pub fn new(dns: TokioResolver, listening: &[ListenSpec], names: ServerNames, seed: [u8; 32]) -> Self {
        let random = Arc::new(Mutex::new(Random::from_seed(seed)));
        Self { dns, listening: listening.into(), names, random }
    }

    /// The places of a URI in the order in which they are to be tried: one at least, 16 at most.
    ///
    /// # Errors
    /// [`ResolveError`], within eight seconds.
    pub async fn resolve(
        &self,
        uri: &UriRef<'_>,
        guard: AddressGuard<'_>,
    ) -> Result<Vec<Target>, ResolveError> {
        let wanted = Wanted::of(uri)?;
        let places = tokio::time::timeout(TIME_MAX, self.places(&wanted));
        let places = places.await.map_err(|_| ResolveError::Dns("no answer in time".to_owned()))??;
        let reachable: Vec<Place> = places.into_iter().filter(|place| self.reaches(place)).collect();
        let first = *reachable.first().ok_or(ResolveError::NoRoute)?;
        let allowed = reachable.into_iter().filter(|place| guard(place.1));
        let targets: Vec<Target> =
            allowed.take(TARGETS_MAX).map(|place| self.target(&wanted, place)).collect();
        if targets.is_empty() { Err(ResolveError::Refused(first.1)) } else { Ok(targets) }
    }

    async fn places(&self, wanted: &Wanted<'_>) -> Result<Vec<Place>, ResolveError> {
        if let Some(ip) = wanted.ip {
            return Ok(vec![wanted.place(ip)]);
        }
        if wanted.port.is_none() {
            for transport in wanted.transports() {
                let places = self.served_places(wanted.host, *transport).await?;
                if !places.is_empty() {
                    return Ok(places);
                }
            }
        }
        let addresses = self.addresses(wanted.host).await?;
        if addresses.is_empty() {
            return Err(ResolveError::NotFound(wanted.host.to_owned()));
        }
        Ok(addresses.into_iter().map(|ip| wanted.place(ip)).collect())
    }

    /// The servers of a domain for one transport (RFC 3263 4.2), nearest first.
    async fn served_places(&self, host: &str, transport: Transport) -> Result<Vec<Place>, ResolveError> {
        let servers = self.servers(host, transport).await?;
        let mut places = Vec::new();
        for server in servers.iter().take(SERVERS_MAX) {
            // A server without an address is passed over; the next one may have one.
            let addresses = self.addresses(&server.target.to_ascii()).await.unwrap_or_default();
            places.extend(addresses.into_iter().map(|ip| (transport, SocketAddr::new(ip, server.port))));
            if places.len() >= TARGETS_MAX {
                break;
            }
        }
        Ok(places)
    }

    async fn servers(&self, host: &str, transport: Transport) -> Result<Vec<SRV>, ResolveError> {
        let service = match transport {
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
            _ => "_sip._udp",
        };
        let name = format!("{service}.{}.", host.trim_end_matches('.'));
        let found = known(self.dns.srv_lookup(name).await)?;
        let records =
            found.iter().flat_map(|lookup| lookup.answers()).filter_map(|record| match &record.data {
                // A lone dot says that the service is decidedly not there (RFC 2782).
                RData::SRV(server) if !server.target.is_root() => Some(server.clone()),
                _ => None,
            });
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(in_order(records.collect(), &mut random))
    }

    /// IPv4 first; none when there are none.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let found = known(self.dns.lookup_ip(host).await)?;
        let mut addresses: Vec<IpAddr> = found.iter().flat_map(|lookup| lookup.iter()).collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        Ok(addresses)
    }

    /// Datagrams leave from a listener; connections need none, but an address of ours in the same family.
    fn reaches(&self, (transport, address): &Place) -> bool {
        let family = self.listening.iter().filter(|spec| spec.address.is_ipv4() == address.is_ipv4());
        match transport {
            Transport::Udp => family.into_iter().any(|spec| spec.transport == Transport::Udp),
            _ => family.into_iter().next().is_some(),
        }
    }

    fn target(&self, wanted: &Wanted<'_>, (transport, remote): Place) -> Target {
        // The name is the domain's, not that of a server an SRV record leads to (RFC 5922 4).
        let named = transport == Transport::Tls && wanted.ip.is_none();
        let name: Option<ServerName> = named.then(|| self.names.number(wanted.host));
        Target { transport, remote, local: None, flow: None, name }
    }
}

type Place = (Transport, SocketAddr);

/// What a URI says of its place.
struct Wanted<'a> {
    host: &'a str,
    ip: Option<IpAddr>,
    port: Option<u16>,
    transport: Option<Transport>,
    secure: bool,
}

impl<'a> Wanted<'a> {
    fn of(uri: &UriRef<'a>) -> Result<Self, ResolveError> {
        let secure = match uri.scheme {
            Scheme::Sip => false,
            Scheme::Sips => true,
            _ => return Err(ResolveError::NotSip),
        };
        let maddr = uri.param("maddr").flatten();
        let host = maddr.unwrap_or(uri.host);
        let ip = maddr.map_or_else(|| uri.host_ip(), |maddr| bare(maddr).parse().ok());
        let transport = uri.transport().map(|name| transport(name, secure)).transpose()?;
        Ok(Self { host, ip, port: uri.port, transport, secure })
    }

    /// The transport when nothing in DNS chooses one (RFC 3263 4.1).
    fn transport(&self) -> Transport {
        let default = if self.secure { Transport::Tls } else { Transport::Udp };
        self.transport.unwrap_or(default)
    }

    /// The transports whose servers are asked for, in our order.
    fn transports(&self) -> &[Transport] {
        match (&self.transport, self.secure) {
            (Some(transport), _) => std::slice::from_ref(transport),
            (None, true) => &[Transport::Tls],
            (None, false) => &[Transport::Udp, Transport::Tcp, Transport::Tls],
        }
    }

    fn place(&self, ip: IpAddr) -> Place {
        let transport = self.transport();
        let port = if transport == Transport::Tls { 5061 } else { 5060 };
        (transport, SocketAddr::new(ip, self.port.unwrap_or(port)))
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn transport(name: &str, secure: bool) -> Result<Transport, ResolveError> {
    match Transport::from_uri_parameter(name) {
        Some(Transport::Udp) if !secure => Ok(Transport::Udp),
        Some(Transport::Tcp) if secure => Ok(Transport::Tls),
        Some(transport @ (Transport::Tcp | Transport::Tls)) => Ok(transport),
        _ => Err(ResolveError::Transport(name.to_owned())),
    }
}

/// An answer without records is an answer.
fn known<T>(found: Result<T, NetError>) -> Result<Option<T>, ResolveError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_no_records_found() => Ok(None),
        Err(error) => Err(ResolveError::Dns(error.to_string())),
    }
}

/// By priority, and within one by chance in proportion to the weights (RFC 2782).
fn in_order(mut servers: Vec<SRV>, random: &mut Random) -> Vec<SRV> {
    let mut ordered = Vec::with_capacity(servers.len());
    // Those of weight zero stand first, and so are chosen only now and then.
    servers.sort_by_key(|server| (server.priority, server.weight));
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let equals = || servers.iter().take_while(|server| server.priority == priority);
        let total: u64 = equals().map(|server| u64::from(server.weight)).sum();
        let chosen = random.below(total + 1);
        let mut sum = 0;
        let reached = |server: &SRV| {
            sum += u64::from(server.weight);
            sum >= chosen
        };
        let position = equals().position(reached).unwrap_or(0);
        ordered.push(servers.remove(position));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Name;

    use super::*;

    fn server(priority: u16, weight: u16, port: u16) -> SRV {
        SRV::new(priority, weight, port, Name::root())
    }

    #[test]
    fn rfc2782_the_lowest_priority_comes_first_and_weights_share_it() {
        let servers = vec![server(20, 0, 3), server(10, 10, 1), server(10, 30, 2)];
        let mut random = Random::from_number(1);
        let mut first = [0; 4];
        for _ in 0..4000 {
            let ordered = in_order(servers.clone(), &mut random);
            assert_eq!(ordered[2].port, 3);
            first[usize::from(ordered[0].port)] += 1;
        }
        assert!((2800..3200).contains(&first[2]), "{first:?}");
        assert_eq!(first[1] + first[2], 4000);
    }

    #[test]
    fn rfc3263_4_1_the_transport_of_a_uri() {
        let place = |text: &str| {
            let uri = UriRef::parse(text).expect("a URI");
            let wanted = Wanted::of(&uri)?;
            Ok(wanted.place(wanted.ip.expect("an address")))
        };
        let at = |transport, address: &str| Ok((transport, address.parse().expect("an address")));
        assert_eq!(place("sip:192.0.2.1"), at(Transport::Udp, "192.0.2.1:5060"));
        assert_eq!(place("sip:a@[2001:db8::1]:5070"), at(Transport::Udp, "[2001:db8::1]:5070"));
        assert_eq!(place("sip:192.0.2.1;transport=tcp"), at(Transport::Tcp, "192.0.2.1:5060"));
        assert_eq!(place("sip:192.0.2.1;transport=TLS"), at(Transport::Tls, "192.0.2.1:5061"));
        assert_eq!(place("sips:192.0.2.1;transport=tcp"), at(Transport::Tls, "192.0.2.1:5061"));
        assert_eq!(place("sip:x.example;maddr=192.0.2.9"), at(Transport::Udp, "192.0.2.9:5060"));
        assert_eq!(place("sip:192.0.2.1;transport=ws"), Err(ResolveError::Transport("ws".to_owned())));
        assert_eq!(place("sips:192.0.2.1;transport=udp"), Err(ResolveError::Transport("udp".to_owned())));
        assert_eq!(place("tel:+15551234"), Err(ResolveError::NotSip));
    }
}
