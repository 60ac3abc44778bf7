//! RTCP packets (RFC 3550 6): reports, names, goodbyes.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod parse;
mod print;

pub use parse::{RtcpPacket, packets};
pub use print::{write_goodbye, write_name, write_report};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// What one side says of one source that it receives (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source it is about.
    pub ssrc: u32,
    /// Lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Lost in all, 24 bits on the wire; negative when duplicates arrived.
    pub cumulative_lost: i32,
    /// Highest sequence number, with the count of wraps above it.
    pub highest_sequence: u32,
    /// Interarrival jitter in samples.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report; 0 when none came.
    pub last_sender_report: u32,
    /// Since that report came, in 1/65536 s.
    pub delay_since_last: u32,
}

/// What a sender says of itself (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// Wall-clock time in NTP's format: seconds since 1900 in the upper half.
    pub ntp: u64,
    /// The same time on the clock of its RTP timestamps.
    pub rtp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 0xaabb_ccdd,
        fraction_lost: 12,
        cumulative_lost: -5,
        highest_sequence: 0x0001_0002,
        jitter: 44,
        last_sender_report: 0x1234_5678,
        delay_since_last: 65_536,
    };

    #[test]
    fn what_is_written_is_read_again() {
        let info = SenderInfo { ntp: 0xe000_0000_8000_0000, rtp: 1600, packets: 10, octets: 1600 };
        let mut bytes = Vec::new();
        write_report(&mut bytes, 7, Some(info), Some(BLOCK));
        write_name(&mut bytes, 7, "name");
        write_goodbye(&mut bytes, 7);
        assert_eq!(bytes.len() % 4, 0);
        let read: Vec<_> = packets(&bytes).collect();
        let RtcpPacket::SenderReport { ssrc: 7, info: found, blocks } = read[0] else { panic!("{read:?}") };
        assert_eq!(found, info);
        assert_eq!(blocks.collect::<Vec<_>>(), [BLOCK]);
        assert!(matches!(read[1], RtcpPacket::Other(SOURCE_DESCRIPTION)));
        assert!(matches!(read[2], RtcpPacket::Goodbye { ssrc: Some(7) }));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn a_receiver_report_and_one_without_blocks() {
        let mut bytes = Vec::new();
        write_report(&mut bytes, 7, None, Some(BLOCK));
        write_report(&mut bytes, 8, None, None);
        let read: Vec<_> = packets(&bytes).collect();
        assert!(matches!(read[0], RtcpPacket::ReceiverReport { ssrc: 7, blocks } if blocks.count() == 1));
        assert!(matches!(read[1], RtcpPacket::ReceiverReport { ssrc: 8, blocks } if blocks.count() == 0));
    }

    #[test]
    fn a_source_description_ends_on_a_word_with_a_zero() {
        for length in 0..8 {
            let mut bytes = Vec::new();
            write_name(&mut bytes, 1, &"x".repeat(length));
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(usize::from(u16::from_be_bytes([bytes[2], bytes[3]])) * 4 + 4, bytes.len());
            assert_eq!(bytes.last(), Some(&0));
        }
    }

    #[test]
    fn reading_ends_where_a_length_lies() {
        let mut bytes = Vec::new();
        write_report(&mut bytes, 7, None, Some(BLOCK));
        bytes[3] = 200;
        assert_eq!(packets(&bytes).count(), 0);
        // A block count beyond the packet gives the blocks that are there.
        bytes[3] = 7;
        bytes[0] = 0x80 | 31;
        let read: Vec<_> = packets(&bytes).collect();
        assert!(matches!(read[0], RtcpPacket::ReceiverReport { blocks, .. } if blocks.count() == 1));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            for packet in packets(&bytes) {
                if let RtcpPacket::SenderReport { blocks, .. } = packet {
                    let _ = blocks.count();
                }
            }
        }
    }
}
