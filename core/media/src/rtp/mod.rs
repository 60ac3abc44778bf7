//! RTP packets (RFC 3550 5.1) and the account of those received.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod reception;

pub(crate) use reception::samples_between;
pub use reception::{Arrival, Reception};

const HEADER_BYTES: usize = 12;

/// A received packet, its header read and its padding and extension taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Start of a talkspurt, or of an event.
    pub marker: bool,
    /// What the payload is, by negotiation; below 128.
    pub payload_type: u8,
    /// Grows by one a packet.
    pub sequence: u16,
    /// When the payload's first sample was taken, in samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The encoded sound, or event.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` when it is not RTP version 2, or its parts do not fit in it.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        if flags >> 6 != 2 {
            return None;
        }
        let rest = rest.get(usize::from(flags & 0x0f) * 4..)?;
        let rest = if flags & 0x10 == 0 { rest } else { skip_extension(rest)? };
        let payload = if flags & 0x20 == 0 { rest } else { strip_padding(rest)? };
        Some(Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload,
        })
    }

    /// Appends the packet to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header());
        out.extend_from_slice(self.payload);
    }

    /// The twelve bytes before the payload.
    pub fn header(&self) -> [u8; HEADER_BYTES] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let kind = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        [0x80, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }
}

/// Whether a packet on a port shared with RTCP is RTCP, by its packet type (RFC 5761 4).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

fn skip_extension(bytes: &[u8]) -> Option<&[u8]> {
    let ([_, _, high, low], rest) = bytes.split_first_chunk::<4>()?;
    rest.get(usize::from(u16::from_be_bytes([*high, *low])) * 4..)
}

fn strip_padding(bytes: &[u8]) -> Option<&[u8]> {
    let padding = usize::from(*bytes.last()?);
    if padding == 0 { None } else { bytes.get(..bytes.len().checked_sub(padding)?) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_again() {
        let packet = Packet {
            marker: true,
            payload_type: 101,
            sequence: 0xfffe,
            timestamp: 0xdead_beef,
            ssrc: 7,
            payload: &[1, 2, 3],
        };
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        assert_eq!(Packet::parse(&bytes), Some(packet));
    }

    #[test]
    fn sources_extension_and_padding_are_taken_off() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([9; 4]);
        bytes.extend([0xbe, 0xde, 0, 1, 8, 8, 8, 8]);
        bytes.extend([5, 6, 7, 0, 2]);
        assert_eq!(Packet::parse(&bytes).unwrap().payload, [5, 6, 7]);
        bytes.pop();
        bytes.push(200);
        assert_eq!(Packet::parse(&bytes), None);
    }

    #[test]
    fn rtcp_is_told_apart_on_a_shared_port() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 223]));
        assert!(!is_rtcp(&[0x80, 0x80]) && !is_rtcp(&[0x80, 101 | 0x80]) && !is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Packet::parse(&bytes);
        }
    }
}
