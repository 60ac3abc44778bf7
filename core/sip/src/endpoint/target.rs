//! Where a request within a dialog is sent.

use std::net::{IpAddr, SocketAddr};

use ringway_model::uri::{Scheme, UriRef};

use super::input::{Target, Transport};

/// The place of the next hop. When the URI names a place we can reach, that; when it does not (a domain name,
/// an address behind a NAT, of the other family or unspecified), the place where the peer's packets come from.
pub(super) fn next_hop(uri: &str, peer: &Target) -> Target {
    let Some((address, transport)) = named_place(uri, peer) else { return *peer };
    if is_web_socket(transport) || !is_reachable(address.ip(), peer.remote.ip()) {
        return *peer;
    }
    let same_transport = transport == peer.transport;
    Target {
        transport,
        remote: address,
        local: peer.local.filter(|_| same_transport),
        flow: peer.flow.filter(|_| same_transport),
        name: None,
    }
}

/// Nobody can be connected to by WebSocket: the client opens it (RFC 7118 5).
fn is_web_socket(transport: Transport) -> bool {
    matches!(transport, Transport::Ws | Transport::Wss)
}

fn named_place(uri: &str, peer: &Target) -> Option<(SocketAddr, Transport)> {
    let uri = UriRef::parse(uri).ok()?;
    let secure = match uri.scheme {
        Scheme::Sip => false,
        Scheme::Sips => true,
        _ => return None,
    };
    let transport = match uri.transport() {
        Some(name) => Transport::from_uri_parameter(name)?,
        None if peer.transport.is_reliable() => peer.transport,
        None if secure => Transport::Tls,
        None => Transport::Udp,
    };
    let port_default = if matches!(transport, Transport::Tls | Transport::Wss) { 5061 } else { 5060 };
    Some((SocketAddr::new(uri.host_ip()?, uri.port.unwrap_or(port_default)), transport))
}

/// An address is reachable when packets come from it, or when it is a public one of the same family.
fn is_reachable(address: IpAddr, source: IpAddr) -> bool {
    address == source || (address.is_ipv4() == source.is_ipv4() && !is_private(address))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || shared
        }
        IpAddr::V6(address) => {
            address.is_unique_local()
                || address.is_loopback()
                || address.is_unicast_link_local()
                || address.is_unspecified()
                || address.is_multicast()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::input::FlowId;
    use super::*;

    fn peer(transport: Transport) -> Target {
        Target {
            transport,
            remote: "203.0.113.9:40000".parse().unwrap(),
            local: Some("198.51.100.1:5060".parse().unwrap()),
            flow: transport.is_reliable().then_some(FlowId(7)),
            name: None,
        }
    }

    #[test]
    fn requests_follow_the_source_when_the_contact_cannot_be_reached() {
        let peer = peer(Transport::Udp);
        for uri in [
            "sip:alice@phone.example.com",
            "sip:alice@192.168.1.20:5060",
            "sip:alice@100.64.3.2",
            "sip:alice@127.0.0.1",
            "sip:alice@0.0.0.0",
            "sip:alice@[2001:db8::1]",
            "tel:+15551234",
            "nonsense",
        ] {
            assert_eq!(next_hop(uri, &peer), peer, "{uri}");
        }
    }

    #[test]
    fn a_reachable_contact_is_taken_at_its_word() {
        let peer = peer(Transport::Udp);
        assert_eq!(next_hop("sip:alice@203.0.113.9", &peer).remote, "203.0.113.9:5060".parse().unwrap());
        assert_eq!(next_hop("sip:a@192.0.2.7:5070", &peer).remote, "192.0.2.7:5070".parse().unwrap());
        let by_tcp = next_hop("sip:a@192.0.2.7;transport=TCP", &peer);
        assert_eq!((by_tcp.transport, by_tcp.local), (Transport::Tcp, None));
        assert_eq!(next_hop("sips:a@192.0.2.7", &peer).remote.port(), 5061);
    }

    #[test]
    fn rfc7118_5_a_web_socket_is_followed_whatever_the_contact_says() {
        for (transport, uri) in [
            (Transport::Ws, "sip:a@198.51.100.9;transport=ws"),
            (Transport::Wss, "sip:a@198.51.100.9:443;transport=ws"),
            (Transport::Wss, "sip:a@df7jal23ls0d.invalid;transport=wss"),
            (Transport::Wss, "sips:a@203.0.113.9"),
        ] {
            assert_eq!(next_hop(uri, &peer(transport)), peer(transport), "{uri}");
        }
    }

    #[test]
    fn a_stream_keeps_its_flow() {
        let peer = peer(Transport::Tcp);
        let target = next_hop("sip:alice@203.0.113.9:5070", &peer);
        assert_eq!((target.transport, target.flow), (Transport::Tcp, Some(FlowId(7))));
        assert_eq!(target.remote, "203.0.113.9:5070".parse().unwrap());
    }
}
