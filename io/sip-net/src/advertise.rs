//! Which of our addresses a peer is told: the public one, except inside the operator's own networks.
//! The same choice serves Via, Contact, Record-Route and SDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::IpNet;
use ringway_sip::endpoint::{Advertise, Transport};

use crate::listen::{ListenSpec, choose};

/// `--public-address` and `--local-net`.
#[derive(Debug, Clone, Default)]
pub struct AdvertiseRule {
    /// The address the world reaches us at, when it is not the one the sockets have.
    pub public: Option<IpAddr>,
    /// Networks whose hosts are told the local address instead.
    pub local_nets: Vec<IpNet>,
    /// Where we listen, [`crate::Listeners::addresses`]: what is told when nothing says which address of
    /// ours a message concerns.
    pub listening: Vec<ListenSpec>,
}

impl AdvertiseRule {
    /// The address that `remote` is to send to, given the one its packet came to (or that ours leaves
    /// from). The port is always the local one. An unspecified local address is replaced by the one
    /// the kernel would use towards `remote`.
    pub fn advertised(&self, local: SocketAddr, remote: SocketAddr) -> SocketAddr {
        let ip = match self.public {
            Some(public) if public.is_ipv4() == remote.is_ipv4() && !self.is_local(remote.ip()) => public,
            _ if local.ip().is_unspecified() => local_address_towards(remote).unwrap_or(local.ip()),
            _ => local.ip(),
        };
        SocketAddr::new(ip, local.port())
    }

    fn of_family(&self, remote: SocketAddr) -> Option<SocketAddr> {
        let listening = self.listening.iter().map(|spec| spec.address);
        listening.into_iter().find(|address| address.is_ipv4() == remote.is_ipv4())
    }

    fn is_local(&self, remote: IpAddr) -> bool {
        remote.is_loopback() || self.local_nets.iter().any(|net| net.contains(&remote))
    }
}

impl Advertise for AdvertiseRule {
    fn address(&self, local: SocketAddr, remote: SocketAddr, transport: Transport) -> SocketAddr {
        let known = local.port() != 0 || !local.ip().is_unspecified();
        let local = match choose(&self.listening, transport, known.then_some(local), remote) {
            Some(spec) if local.port() == 0 => spec.address,
            // A connection of ours needs no listener; any of the family says where we are.
            None if local.port() == 0 => self.of_family(remote).unwrap_or(local),
            _ => local,
        };
        self.advertised(local, remote)
    }
}

/// The source address the kernel would choose for a packet to `remote`. Nothing is sent.
///
/// # Errors
/// When there is no route, or no socket can be made.
pub fn local_address_towards(remote: SocketAddr) -> io::Result<IpAddr> {
    let any = if remote.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn rule() -> AdvertiseRule {
        AdvertiseRule {
            public: Some(IpAddr::from([203, 0, 113, 9])),
            local_nets: vec!["10.0.0.0/8".parse().expect("a network")],
            listening: ["udp://10.0.0.5:5062", "tcp://10.0.0.5:5063"]
                .map(|spec| spec.parse().expect("a listener"))
                .to_vec(),
        }
    }

    #[test]
    fn the_world_is_told_the_public_address_and_the_local_port() {
        let told = rule().advertised(address("10.0.0.5:5062"), address("198.51.100.7:40000"));
        assert_eq!(told, address("203.0.113.9:5062"));
    }

    #[test]
    fn local_networks_and_loopback_are_told_the_local_address() {
        let local = address("10.0.0.5:5062");
        assert_eq!(rule().advertised(local, address("10.9.9.9:5060")), local);
        let loopback = address("127.0.0.1:5062");
        assert_eq!(rule().advertised(loopback, address("127.0.0.1:9")), loopback);
    }

    #[test]
    fn a_public_address_of_the_other_family_is_not_told() {
        let local = address("[2001:db8::5]:5060");
        assert_eq!(rule().advertised(local, address("[2001:db8::99]:5060")), local);
    }

    #[test]
    fn without_a_local_address_a_listener_of_the_transport_is_told() {
        let told = |transport| rule().address(address("0.0.0.0:0"), address("10.1.1.1:5060"), transport);
        assert_eq!(told(Transport::Udp), address("10.0.0.5:5062"));
        assert_eq!(told(Transport::Tcp), address("10.0.0.5:5063"));
        assert_eq!(told(Transport::Tls), address("10.0.0.5:5062"));
    }

    #[test]
    fn a_wildcard_is_never_told() {
        let told = AdvertiseRule::default().advertised(address("0.0.0.0:5060"), address("127.0.0.1:9"));
        assert_eq!(told, address("127.0.0.1:5060"));
    }
}
