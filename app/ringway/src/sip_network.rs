//! How the SIP side meets others: certificates, connections, name servers.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};
use ringway_identity::{Identity, authorities_of, system_authorities};
use ringway_sip::endpoint::Transport;
use ringway_sip_net::{ListenSpec, TcpLimits, TlsConfig, TlsSetup};
use ringway_webhook::Names;
use rustls::RootCertStore;

use crate::config::{ServeOptions, parse_duration};

/// Where a certificate that was made here can be read.
const DEVELOPMENT_FILE: &str = "development-sip-certificate.pem";
/// How often files are looked at for a renewed certificate.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(1);

/// Options of `serve` about SIP and its network.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "SIP network")]
pub(crate) struct SipNetwork {
    /// The certificate chain of tls:// and wss:// listeners, in PEM; a renewed file is taken without a restart
    /// (default: --cert, else one is made for development).
    #[arg(long, env = "RINGWAY_SIP_CERT", value_name = "FILE", requires = "sip_key")]
    pub(crate) sip_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    #[arg(long, env = "RINGWAY_SIP_KEY", value_name = "FILE", requires = "sip_cert")]
    pub(crate) sip_key: Option<PathBuf>,
    /// Only clients with a certificate of these authorities (PEM) may connect to tls:// and wss:// listeners.
    #[arg(long, env = "RINGWAY_SIP_CLIENT_CA", value_name = "FILE")]
    pub(crate) sip_client_ca: Option<PathBuf>,
    /// Authorities (PEM) to trust on TLS connections that we open for SIP, besides the system's.
    #[arg(long, env = "RINGWAY_SIP_CA", value_name = "FILE")]
    pub(crate) sip_ca: Option<PathBuf>,
    /// How long a TLS handshake and a WebSocket upgrade may take together.
    #[arg(long, env = "RINGWAY_SIP_HANDSHAKE_TIME", value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub(crate) sip_handshake_time: Duration,
    /// Most handshakes and upgrades under way at once.
    #[arg(long, env = "RINGWAY_SIP_HANDSHAKES", value_name = "N", default_value_t = 512)]
    pub(crate) sip_handshakes: usize,
    /// Most TLS handshakes begun in a second; further connections wait.
    #[arg(long, env = "RINGWAY_SIP_HANDSHAKES_PER_SECOND", value_name = "N", default_value_t = 200)]
    pub(crate) sip_handshakes_per_second: u32,
    /// How long a message may take to arrive whole on a connection, the first one included.
    #[arg(long, env = "RINGWAY_SIP_MESSAGE_TIME", value_name = "TIME", default_value = "15s", value_parser = parse_duration)]
    pub(crate) sip_message_time: Duration,
    /// Most stream connections at once.
    #[arg(long, env = "RINGWAY_SIP_CONNECTIONS", value_name = "N", default_value_t = 10_000)]
    pub(crate) sip_connections: usize,
    /// Let IP access control lists hold IPv6 addresses, which the hosted service does not have.
    #[arg(long, env = "RINGWAY_IPV6_ACL")]
    pub(crate) ipv6_acl: bool,
    /// A name server for SIP and webhooks (default: those of /etc/resolv.conf); may be repeated.
    #[arg(
        long,
        env = "RINGWAY_DNS",
        value_name = "IP[:PORT]",
        action = ArgAction::Append,
        value_delimiter = ',',
        value_parser = parse_name_server
    )]
    pub(crate) dns: Vec<SocketAddr>,
}

impl SipNetwork {
    /// The limits on stream connections.
    pub(crate) fn limits(&self, connections_per_address_max: usize) -> TcpLimits {
        TcpLimits {
            connections_max: self.sip_connections,
            connections_per_address_max,
            message: self.sip_message_time,
            handshake: self.sip_handshake_time,
            handshakes_max: self.sip_handshakes,
            handshakes_per_second_max: self.sip_handshakes_per_second,
            ..TcpLimits::default()
        }
    }
}

/// What SIP over TLS works with.
pub(crate) struct SipTls {
    pub(crate) config: TlsConfig,
    /// The certificate, when there is one.
    pub(crate) identity: Option<Identity>,
    /// The file of the certificate, when it was made here.
    pub(crate) made: Option<PathBuf>,
}

/// Sets up TLS for these listeners, and for connections of ours.
pub(crate) fn tls(options: &ServeOptions, sip: &[ListenSpec]) -> Result<SipTls, String> {
    let network = &options.sip_network;
    let wanted = sip.iter().any(|spec| matches!(spec.transport, Transport::Tls | Transport::Wss));
    let given = match (&network.sip_cert, &network.sip_key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        _ => options.http_security.cert.as_ref().zip(options.http_security.key.as_ref()),
    };
    let given = given.map(|(cert, key)| Identity::from_files(cert.clone(), key.clone())).transpose();
    let given = given.map_err(|error| format!("the certificate of SIP: {error}"))?;
    let trusted = match &network.sip_ca {
        Some(file) => authorities_of(file, system_authorities()),
        None => Ok(system_authorities()),
    };
    let trusted = trusted.map_err(|error| format!("--sip-ca: {error}"))?;
    let shown = given.as_ref().map(Identity::for_clients);
    let config = TlsConfig::default().with_connections(trusted, shown)?;
    if !wanted {
        return Ok(SipTls { config, identity: given, made: None });
    }
    let (identity, made) = match given {
        Some(identity) => (identity, None),
        None => development(options, sip).map(|(identity, file)| (identity, Some(file)))?,
    };
    let certificate = identity.for_servers();
    let client_authorities = network.sip_client_ca.as_deref().map(client_authorities).transpose()?;
    let config = config.with_listeners(TlsSetup { certificate, client_authorities })?;
    Ok(SipTls { config, identity: Some(identity), made })
}

fn client_authorities(file: &Path) -> Result<RootCertStore, String> {
    authorities_of(file, RootCertStore::empty()).map_err(|error| format!("--sip-client-ca: {error}"))
}

/// A certificate for this machine and for every domain.
fn development(options: &ServeOptions, sip: &[ListenSpec]) -> Result<(Identity, PathBuf), String> {
    let file = options.data_dir.join(DEVELOPMENT_FILE);
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let specific = sip.iter().map(|spec| spec.address.ip()).filter(|ip| !ip.is_unspecified());
    names.extend(specific.chain(options.public_address).map(|ip| ip.to_string()));
    names.extend(options.domain_suffix.iter().map(|suffix| format!("*.{suffix}")));
    let identity = Identity::for_development(names, &file);
    identity.map(|identity| (identity, file)).map_err(|error| format!("SIP over TLS: {error}"))
}

/// Takes renewed certificates for as long as the service runs.
pub(crate) async fn keep_fresh(identity: Identity) {
    let mut interval = tokio::time::interval(CERTIFICATE_CHECK);
    loop {
        interval.tick().await;
        let identity = identity.clone();
        match tokio::task::spawn_blocking(move || identity.reload_if_changed()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("the certificate of SIP was renewed"),
            Ok(Err(error)) => tracing::warn!(%error, "the certificate of SIP stays the one before"),
            Err(error) => tracing::error!(%error, "the certificate of SIP could not be looked at"),
        }
    }
}

/// The DNS client of these servers, or of the system's when there are none.
pub(crate) fn names(servers: &[SocketAddr]) -> Result<Names, String> {
    let names = if servers.is_empty() { Names::system() } else { Names::servers(servers) };
    names.map_err(|error| format!("cannot set up DNS: {error}"))
}

/// `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`.
pub(crate) fn parse_name_server(text: &str) -> Result<SocketAddr, String> {
    let at_default_port = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse()
        .or(at_default_port)
        .map_err(|_| "expected an address such as 192.0.2.53 or [::1]:5353".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_may_leave_out_its_port() {
        for (text, address) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(parse_name_server(text), Ok(address.parse().unwrap()), "{text}");
        }
        assert!(parse_name_server("dns.example.com").is_err());
    }
}
