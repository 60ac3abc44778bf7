//! What the operator writes to say where to listen: `udp://127.0.0.1:5060`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use ringway_sip::endpoint::Transport;

/// One listener: a transport and the address it is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenSpec {
    /// Any of the five.
    pub transport: Transport,
    /// Where; port 0 lets the kernel choose, an unspecified address means all of that family.
    pub address: SocketAddr,
}

/// Why a text is not a listener.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListenSpec {
    /// No `scheme://` in front.
    #[error("`{text}`: write a transport in front, as in udp://127.0.0.1:5060 or tcp://[::1]:5060")]
    NoTransport {
        /// What was written.
        text: String,
    },
    /// A transport nobody knows.
    #[error("`{text}`: unknown transport `{transport}`; udp, tcp, tls, ws and wss are known")]
    UnknownTransport {
        /// What was written.
        text: String,
        /// What stands before `://`.
        transport: String,
    },
    /// What follows is not an address with an optional port.
    #[error("`{text}`: `{address}` is not an IP address and port (an IPv6 address stands in brackets)")]
    BadAddress {
        /// What was written.
        text: String,
        /// What stands after `://`.
        address: String,
    },
}

impl FromStr for ListenSpec {
    type Err = InvalidListenSpec;

    fn from_str(text: &str) -> Result<Self, InvalidListenSpec> {
        let owned = || text.to_owned();
        let (scheme, address) =
            text.split_once("://").ok_or_else(|| InvalidListenSpec::NoTransport { text: owned() })?;
        let transport = Transport::from_uri_parameter(scheme).ok_or_else(|| {
            InvalidListenSpec::UnknownTransport { text: owned(), transport: scheme.to_owned() }
        })?;
        match parse_address(address, default_port(transport)) {
            Some(address) => Ok(Self { transport, address }),
            None => Err(InvalidListenSpec::BadAddress { text: owned(), address: address.to_owned() }),
        }
    }
}

impl fmt::Display for ListenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport.uri_parameter().unwrap_or("udp"), self.address)
    }
}

/// The listener whose socket a message to `remote` leaves from: the one that has the wanted local address,
/// else one that can reach `remote`.
pub(crate) fn choose(
    listening: &[ListenSpec],
    transport: Transport,
    local: Option<SocketAddr>,
    remote: SocketAddr,
) -> Option<&ListenSpec> {
    let fitting = || {
        let family = remote.is_ipv4();
        listening.iter().filter(move |spec| spec.transport == transport && spec.address.is_ipv4() == family)
    };
    let loopback = remote.ip().is_loopback();
    let reaches = |spec: &&ListenSpec| {
        spec.address.ip().is_unspecified() || spec.address.ip().is_loopback() == loopback
    };
    local
        .and_then(|local| {
            let covers = |spec: &&ListenSpec| {
                spec.address.ip().is_unspecified() && [0, spec.address.port()].contains(&local.port())
            };
            fitting()
                .find(|spec| spec.address == local)
                .or_else(|| fitting().find(covers))
                .or_else(|| fitting().find(|spec| spec.address.ip() == local.ip()))
        })
        .or_else(|| fitting().find(reaches))
        .or_else(|| fitting().next())
}

/// The port when none is written (RFC 3261 19.1.2, RFC 6455 3).
fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
        Transport::Ws => 80,
        Transport::Wss => 443,
    }
}

fn parse_address(text: &str, default_port: u16) -> Option<SocketAddr> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.contains(':') => (host, port.parse().ok()?),
        _ => (text, default_port),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let ip = if host.eq_ignore_ascii_case("localhost") {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        host.parse().ok()?
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_back() {
        for (text, printed) in [
            ("udp://127.0.0.1:5070", "udp://127.0.0.1:5070"),
            ("TCP://[::1]:5060", "tcp://[::1]:5060"),
            ("udp://0.0.0.0", "udp://0.0.0.0:5060"),
            ("tcp://[::]", "tcp://[::]:5060"),
            ("udp://localhost:0/", "udp://127.0.0.1:0"),
            ("tls://[::1]", "tls://[::1]:5061"),
            ("ws://127.0.0.1", "ws://127.0.0.1:80"),
            ("WSS://127.0.0.1", "wss://127.0.0.1:443"),
        ] {
            let spec: ListenSpec = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(spec.to_string(), printed);
        }
    }

    #[test]
    fn a_message_leaves_from_the_socket_that_was_asked_or_that_reaches() {
        let specs =
            ["udp://127.0.0.1:5060", "tcp://127.0.0.1:5060", "udp://10.0.0.5:5060", "udp://[::]:5070"]
                .map(|text| text.parse::<ListenSpec>().expect("a listener"));
        let chosen = |local: Option<&str>, remote: &str| {
            let local = local.map(|local| local.parse().expect("an address"));
            choose(&specs, Transport::Udp, local, remote.parse().expect("an address"))
                .map(ToString::to_string)
        };
        assert_eq!(chosen(Some("10.0.0.5:5060"), "192.0.2.1:5060").as_deref(), Some("udp://10.0.0.5:5060"));
        assert_eq!(chosen(None, "192.0.2.1:5060").as_deref(), Some("udp://10.0.0.5:5060"));
        assert_eq!(chosen(None, "127.0.0.9:5060").as_deref(), Some("udp://127.0.0.1:5060"));
        assert_eq!(chosen(Some("[2001:db8::1]:5070"), "[2001:db8::2]:1").as_deref(), Some("udp://[::]:5070"));
        assert_eq!(choose(&specs[..1], Transport::Tcp, None, specs[0].address), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, hint) in [
            ("127.0.0.1:5060", "write a transport in front"),
            ("sctp://127.0.0.1:5060", "unknown transport `sctp`"),
            ("udp://sip.example.com:5060", "`sip.example.com:5060` is not an IP address"),
            ("udp://127.0.0.1:99999", "is not an IP address and port"),
            ("udp://", "is not an IP address and port"),
        ] {
            let message = text.parse::<ListenSpec>().map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }
}
