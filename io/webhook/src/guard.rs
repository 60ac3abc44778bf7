//! Where this service may connect: webhooks, media and callbacks alike.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Decides about every address before it is connected to, at the first request and at each redirect. URLs are
/// written by developers and answers by strangers; neither may turn this service against its own network.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Private and reserved ranges that the operator opened. Opens nothing of what is never allowed:
    /// link-local, unspecified, multicast and metadata addresses, v4 addresses in v6 clothes.
    pub allow: Vec<IpNet>,
    /// Whether 127.0.0.0/8 and ::1 may be connected to.
    pub loopback: bool,
    /// Every address this service itself listens on, wildcards included. Never connected to.
    pub own_listeners: Vec<SocketAddr>,
}

/// Why an address may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// One of this service's own listeners.
    OwnListener,
    /// 0.0.0.0/8 or ::.
    Unspecified,
    /// 169.254.0.0/16 or fe80::/10.
    LinkLocal,
    /// 224.0.0.0/4 or ff00::/8.
    Multicast,
    /// 255.255.255.255 and the rest of 240.0.0.0/4.
    Broadcast,
    /// Where clouds keep the metadata and credentials of a machine.
    Metadata,
    /// A v4 address written as a v6 one.
    Disguised,
    /// 127.0.0.0/8 or ::1, with no leave to go there.
    Loopback,
    /// A private or reserved range that the operator did not open.
    Private,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnListener => "it is a listener of this service itself",
            Self::Unspecified => "it is an unspecified address",
            Self::LinkLocal => "it is a link-local address",
            Self::Multicast => "it is a multicast address",
            Self::Broadcast => "it is a broadcast or reserved address",
            Self::Metadata => "it is a cloud's metadata address",
            Self::Disguised => "it is an IPv4 address written as IPv6",
            Self::Loopback => "it is a loopback address",
            Self::Private => "it is in a private range that the operator has not allowed",
        })
    }
}

impl Guard {
    /// Whether `address` may be connected to.
    pub fn check(&self, address: SocketAddr) -> Result<(), Refusal> {
        let ip = address.ip();
        if let Some(refusal) = never(ip) {
            return Err(refusal);
        }
        if self.own_listeners.iter().any(|listener| listens_at(*listener, address)) {
            return Err(Refusal::OwnListener);
        }
        if ip.is_loopback() {
            return if self.loopback { Ok(()) } else { Err(Refusal::Loopback) };
        }
        if is_private(ip) && !self.allow.iter().any(|range| range.contains(&ip)) {
            return Err(Refusal::Private);
        }
        Ok(())
    }
}

fn never(ip: IpAddr) -> Option<Refusal> {
    if METADATA.contains(&ip) {
        return Some(Refusal::Metadata);
    }
    match ip {
        IpAddr::V4(ip) => never_v4(ip),
        IpAddr::V6(ip) => never_v6(ip),
    }
}

fn never_v4(ip: Ipv4Addr) -> Option<Refusal> {
    let first = ip.octets()[0];
    if first == 0 {
        Some(Refusal::Unspecified)
    } else if ip.is_link_local() {
        Some(Refusal::LinkLocal)
    } else if ip.is_multicast() {
        Some(Refusal::Multicast)
    } else if first >= 240 {
        Some(Refusal::Broadcast)
    } else {
        None
    }
}

fn never_v6(ip: Ipv6Addr) -> Option<Refusal> {
    let first = ip.segments()[0];
    if ip.is_unspecified() {
        Some(Refusal::Unspecified)
    } else if first & 0xffc0 == 0xfe80 {
        Some(Refusal::LinkLocal)
    } else if ip.is_multicast() {
        Some(Refusal::Multicast)
    } else if !ip.is_loopback() && DISGUISES.iter().any(|range| range.contains(&ip)) {
        Some(Refusal::Disguised)
    } else {
        None
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => PRIVATE_V4.iter().any(|range| range.contains(&ip)),
        IpAddr::V6(ip) => PRIVATE_V6.iter().any(|range| range.contains(&ip)),
    }
}

/// A wildcard listener is at every address of this machine, and binding to an address tells whether it is
/// one.
fn listens_at(listener: SocketAddr, address: SocketAddr) -> bool {
    listener.port() == address.port()
        && (listener.ip() == address.ip()
            || (listener.ip().is_unspecified()
                && (address.ip().is_loopback() || UdpSocket::bind((address.ip(), 0)).is_ok())))
}

const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// v4-compatible, v4-mapped, translated (RFC 6052, 8215), 6to4 and Teredo.
const DISGUISES: [Ipv6Net; 6] = [
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32),
];

/// Private (RFC 1918), shared (RFC 6598), protocol, documentation and benchmark ranges.
const PRIVATE_V4: [Ipv4Net; 10] = [
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
];

/// Unique local (RFC 4193), site-local, documentation and discard ranges.
const PRIVATE_V6: [Ipv6Net; 5] = [
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, address: &str) -> Result<(), Refusal> {
        guard.check(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_allowed() {
        let guard = Guard::default();
        for address in ["93.184.216.34:80", "8.8.8.8:443", "[2606:2800:220:1::1]:443", "172.32.0.1:80"] {
            assert_eq!(check(&guard, address), Ok(()), "{address}");
        }
    }

    #[test]
    fn some_are_never_allowed_whatever_the_operator_opened() {
        let all = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        let guard = Guard { allow: all, loopback: true, own_listeners: Vec::new() };
        for (address, refusal) in [
            ("0.0.0.0:80", Refusal::Unspecified),
            ("0.1.2.3:80", Refusal::Unspecified),
            ("[::]:80", Refusal::Unspecified),
            ("169.254.169.254:80", Refusal::LinkLocal),
            ("[fe80::1]:80", Refusal::LinkLocal),
            ("224.0.0.1:80", Refusal::Multicast),
            ("[ff02::1]:80", Refusal::Multicast),
            ("255.255.255.255:80", Refusal::Broadcast),
            ("240.0.0.1:80", Refusal::Broadcast),
            ("100.100.100.200:80", Refusal::Metadata),
            ("[fd00:ec2::254]:80", Refusal::Metadata),
            ("[::ffff:127.0.0.1]:80", Refusal::Disguised),
            ("[::ffff:8.8.8.8]:80", Refusal::Disguised),
            ("[::7f00:1]:80", Refusal::Disguised),
            ("[64:ff9b::a00:1]:80", Refusal::Disguised),
            ("[2002:a00:1::]:80", Refusal::Disguised),
        ] {
            assert_eq!(check(&guard, address), Err(refusal), "{address}");
        }
    }

    #[test]
    fn private_ranges_need_leave_and_only_the_opened_ones_have_it() {
        let guard = Guard { allow: vec!["10.1.0.0/16".parse().unwrap()], ..Guard::default() };
        assert_eq!(check(&guard, "10.1.2.3:80"), Ok(()));
        for address in [
            "10.2.0.1:80",
            "192.168.1.1:80",
            "172.16.0.1:80",
            "100.64.0.1:80",
            "[fd12::1]:80",
            "198.51.100.7:80",
        ] {
            assert_eq!(check(&guard, address), Err(Refusal::Private), "{address}");
        }
    }

    #[test]
    fn loopback_has_a_switch_of_its_own() {
        let closed = Guard { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Guard::default() };
        assert_eq!(check(&closed, "127.0.0.1:80"), Err(Refusal::Loopback));
        let open = Guard { loopback: true, ..Guard::default() };
        assert_eq!(check(&open, "127.8.8.8:80"), Ok(()));
        assert_eq!(check(&open, "[::1]:80"), Ok(()));
    }

    #[test]
    fn own_listeners_are_refused_also_behind_a_wildcard() {
        let own_listeners = vec!["127.0.0.1:5060".parse().unwrap(), "0.0.0.0:8080".parse().unwrap()];
        let guard = Guard { allow: Vec::new(), loopback: true, own_listeners };
        assert_eq!(check(&guard, "127.0.0.1:5060"), Err(Refusal::OwnListener));
        assert_eq!(check(&guard, "127.0.0.2:5060"), Ok(()));
        assert_eq!(check(&guard, "127.0.0.1:8080"), Err(Refusal::OwnListener));
        assert_eq!(check(&guard, "127.0.0.1:8081"), Ok(()));
        assert_eq!(check(&guard, "93.184.216.34:8080"), Ok(()));
    }
}
