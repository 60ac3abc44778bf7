//! How the SIP side reaches others: name servers.

use std::net::{IpAddr, SocketAddr};

use clap::{ArgAction, Args};
use ringway_webhook::Names;

/// Options of `serve` about SIP and its network.
#[derive(Debug, Clone, Args)]
pub(crate) struct SipNetwork {
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
