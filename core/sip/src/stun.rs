//! STUN binding requests on SIP's own port (RFC 5626 3.5.2, RFC 5389): what a phone behind a NAT asks to stay
//! reachable, and to learn from where it is seen.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::{IpAddr, SocketAddr};

/// The magic cookie (RFC 5389 6).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const BINDING_ERROR: [u8; 2] = [0x01, 0x11];
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes from here on may be ignored (RFC 5389 15).
const OPTIONAL: u16 = 0x8000;
/// Attributes of who asks; there is nothing to ask them for.
const CREDENTIALS: [u16; 4] = [0x0006, 0x0008, 0x0014, 0x0015];
/// Attributes of one request that are named as unknown, so that no answer is longer than what it answers.
const UNKNOWN_MAX: usize = 4;

/// Whether a datagram is STUN: SIP begins with a letter, or with the CR LF of a keep-alive.
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram, [0..=3, _, _, _, cookie @ ..] if cookie.starts_with(&COOKIE))
}

/// The answer to a binding request that came from `source`; none to anything else.
pub fn answer(request: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = request.split_at_checked(HEADER_BYTES)?;
    let length = usize::from(u16::from_be_bytes([*header.get(2)?, *header.get(3)?]));
    if !header.starts_with(&BINDING_REQUEST) || !is_stun(request) || length != attributes.len() {
        return None;
    }
    let unknown = unknown_attributes(attributes)?;
    let transaction = header.get(8..)?;
    Some(match unknown.is_empty() {
        true => {
            let mapped = xor_mapped(source, transaction);
            message(BINDING_SUCCESS, transaction, &[(XOR_MAPPED_ADDRESS, mapped)])
        }
        false => {
            let code = vec![0, 0, 4, 20];
            let names = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            message(BINDING_ERROR, transaction, &[(ERROR_CODE, code), (UNKNOWN_ATTRIBUTES, names)])
        }
    })
}

/// The attributes that we had to understand and do not (RFC 5389 7.3.1); none when they do not fit the request.
fn unknown_attributes(mut rest: &[u8]) -> Option<Vec<u16>> {
    let mut unknown = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk::<4>()?;
        let [kind_high, kind_low, length_high, length_low] = *head;
        let kind = u16::from_be_bytes([kind_high, kind_low]);
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if kind < OPTIONAL && !CREDENTIALS.contains(&kind) && unknown.len() < UNKNOWN_MAX {
            unknown.push(kind);
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    Some(unknown)
}

/// The address, disguised from NATs that rewrite addresses wherever they see them (RFC 5389 15.2).
fn xor_mapped(source: SocketAddr, transaction: &[u8]) -> Vec<u8> {
    let port = source.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mask = COOKIE.iter().chain(transaction);
    let masked = address.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
    [0, family].into_iter().chain(port.to_be_bytes()).chain(masked).collect()
}

fn message(kind: [u8; 2], transaction: &[u8], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let length = (body.len() as u16).to_be_bytes();
    [&kind[..], &length, &COOKIE, transaction, &body].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// The transaction id of RFC 5769.
    const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let attributes: Vec<_> = attributes.iter().map(|(kind, value)| (*kind, value.to_vec())).collect();
        message(BINDING_REQUEST, &TRANSACTION, &attributes)
    }

    #[test]
    fn rfc5769_2_2_and_2_3_the_mapped_address_is_masked() {
        let mapped = |source: &str| answer(&request(&[]), source.parse().unwrap()).unwrap();
        let v4 = mapped("192.0.2.1:32853");
        assert_eq!(v4[..4], [0x01, 0x01, 0x00, 0x0c]);
        assert_eq!(v4[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let v6 = mapped("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
        assert_eq!(v6[20..28], [0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47]);
        assert_eq!(v6[28..36], [0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79]);
        assert_eq!(v6[8..20], TRANSACTION);
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_named() {
        let source = "192.0.2.1:1".parse().unwrap();
        let change_request = (0x0003, &[0, 0, 0, 6][..]);
        let refused = answer(&request(&[change_request, (0x8022, b"software")]), source).unwrap();
        assert_eq!(refused[..2], BINDING_ERROR);
        assert_eq!(refused[20..28], [0x00, 0x09, 0x00, 0x04, 0, 0, 4, 20]);
        assert_eq!(refused[28..], [0x00, 0x0a, 0x00, 0x02, 0x00, 0x03, 0, 0]);
        let named = answer(&request(&[(0x0006, b"user"), (0x8028, &[1, 2, 3, 4])]), source).unwrap();
        assert_eq!(named[..2], BINDING_SUCCESS);
    }

    #[test]
    fn anything_else_gets_no_answer() {
        let source = "192.0.2.1:1".parse().unwrap();
        let whole = request(&[(0x8022, b"software")]);
        for cut in 0..whole.len() {
            assert_eq!(answer(&whole[..cut], source), None, "{cut} bytes");
        }
        assert_eq!(answer(&[&whole[..], &[0]].concat(), source), None);
        let success = message(BINDING_SUCCESS, &TRANSACTION, &[]);
        assert_eq!(answer(&success, source), None, "answers are never answered");
        assert!(!is_stun(b"OPTIONS sip:a SIP/2.0\r\n") && !is_stun(b"\r\n\r\n") && is_stun(&whole));
    }

    #[test]
    fn no_answer_is_much_longer_than_its_request() {
        let source = "[2001:db8::1]:1".parse().unwrap();
        let many: Vec<(u16, &[u8])> = (1..200).map(|kind| (kind, &[][..])).collect();
        for attributes in [&many[..0], &many[1..2], &many[..]] {
            let request = request(attributes);
            assert!(answer(&request, source).unwrap().len() <= request.len() + 24);
        }
    }
}
