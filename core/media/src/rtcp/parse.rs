//! Reads the packets of a compound, or of a reduced-size one (RFC 5506).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{GOODBYE, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SenderInfo};

const BLOCK_BYTES: usize = 24;

/// One packet of a compound.
#[derive(Debug, Clone, Copy)]
pub enum RtcpPacket<'a> {
    /// From a side that sends.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// Of itself.
        info: SenderInfo,
        /// Of others.
        blocks: Blocks<'a>,
    },
    /// From a side that only receives.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// Of others.
        blocks: Blocks<'a>,
    },
    /// A source leaves.
    Goodbye {
        /// The first one named.
        ssrc: Option<u32>,
    },
    /// Anything else, by its packet type.
    Other(u8),
}

/// The report blocks of a report.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
    left: u8,
}

/// The packets of a datagram. Ends at the first that is not RTCP version 2 or does not fit.
pub fn packets(datagram: &[u8]) -> impl Iterator<Item = RtcpPacket<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let ([flags, kind, high, low], _) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([*high, *low])) * 4 + 4;
        let packet = rest.get(4..length).filter(|_| flags >> 6 == 2)?;
        let parsed = parse(flags & 0x1f, *kind, packet);
        rest = rest.get(length..).unwrap_or_default();
        parsed
    })
}

fn parse(count: u8, kind: u8, body: &[u8]) -> Option<RtcpPacket<'_>> {
    match kind {
        SENDER_REPORT => {
            let (ssrc, rest) = word(body)?;
            let (info, rest) = sender_info(rest)?;
            Some(RtcpPacket::SenderReport { ssrc, info, blocks: Blocks { bytes: rest, left: count } })
        }
        RECEIVER_REPORT => {
            let (ssrc, rest) = word(body)?;
            Some(RtcpPacket::ReceiverReport { ssrc, blocks: Blocks { bytes: rest, left: count } })
        }
        GOODBYE => Some(RtcpPacket::Goodbye { ssrc: word(body).filter(|_| count > 0).map(|(ssrc, _)| ssrc) }),
        other => Some(RtcpPacket::Other(other)),
    }
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*word), rest))
}

fn sender_info(bytes: &[u8]) -> Option<(SenderInfo, &[u8])> {
    let (ntp, rest) = bytes.split_first_chunk::<8>()?;
    let (rtp, rest) = word(rest)?;
    let (packets, rest) = word(rest)?;
    let (octets, rest) = word(rest)?;
    Some((SenderInfo { ntp: u64::from_be_bytes(*ntp), rtp, packets, octets }, rest))
}

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        self.left = self.left.checked_sub(1)?;
        let (block, rest) = self.bytes.split_first_chunk::<BLOCK_BYTES>()?;
        self.bytes = rest;
        report_block(block)
    }
}

fn report_block(bytes: &[u8; BLOCK_BYTES]) -> Option<ReportBlock> {
    let (ssrc, rest) = word(bytes)?;
    let (loss, rest) = word(rest)?;
    let (highest_sequence, rest) = word(rest)?;
    let (jitter, rest) = word(rest)?;
    let (last_sender_report, rest) = word(rest)?;
    let (delay_since_last, _) = word(rest)?;
    Some(ReportBlock {
        ssrc,
        fraction_lost: (loss >> 24) as u8,
        // Up and down again keeps the sign of 24 bits.
        cumulative_lost: ((loss << 8) as i32) >> 8,
        highest_sequence,
        jitter,
        last_sender_report,
        delay_since_last,
    })
}
