//! Host names to addresses, without ever blocking a thread.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use url::Host;

/// No more addresses of a name than this are tried.
const ADDRESSES_MAX: usize = 8;

/// Who is asked for the addresses of a name; answers are kept for as long as they say.
#[derive(Clone)]
pub struct Names(TokioResolver);

impl Names {
    /// The servers of `/etc/resolv.conf`, after `/etc/hosts`.
    pub fn system() -> Result<Self, String> {
        let mut builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
        tune(builder.options_mut());
        builder.options_mut().use_hosts_file = ResolveHosts::Always;
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    /// These servers and nothing else.
    pub fn servers(servers: &[SocketAddr]) -> Result<Self, String> {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        tune(builder.options_mut());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    /// The client itself, for those who ask for more than addresses: they share its cache.
    pub fn client(&self) -> TokioResolver {
        self.0.clone()
    }

    /// The addresses of a host, IPv4 first; an address is its own. `localhost` is never asked about (RFC 6761
    /// 6.3).
    pub(crate) async fn addresses(&self, host: &Host<&str>) -> Result<Vec<IpAddr>, String> {
        match host {
            Host::Ipv4(ip) => Ok(vec![IpAddr::V4(*ip)]),
            Host::Ipv6(ip) => Ok(vec![IpAddr::V6(*ip)]),
            Host::Domain(name) if is_localhost(name) => {
                Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
            }
            Host::Domain(name) => self.look_up(name).await.map_err(|error| error.to_string()),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let mut addresses: Vec<IpAddr> = self.0.lookup_ip(name).await?.iter().collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses)
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn tune(options: &mut ResolverOpts) {
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = Duration::from_secs(2);
    options.attempts = 2;
    options.cache_size = 4096;
    options.negative_max_ttl = Some(Duration::from_secs(30));
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}
