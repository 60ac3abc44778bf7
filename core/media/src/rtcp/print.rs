//! Writes the packets of a compound.

use super::{GOODBYE, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo};

/// Item type of the canonical name (RFC 3550 6.5.1).
const CNAME: u8 = 1;

/// Appends a report: a sender's with `info`, else a receiver's.
pub fn write_report(out: &mut Vec<u8>, ssrc: u32, info: Option<SenderInfo>, block: Option<ReportBlock>) {
    let kind = if info.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    let words = 1 + if info.is_some() { 5 } else { 0 } + if block.is_some() { 6 } else { 0 };
    header(out, u8::from(block.is_some()), kind, words);
    word(out, ssrc);
    if let Some(info) = info {
        out.extend_from_slice(&info.ntp.to_be_bytes());
        word(out, info.rtp);
        word(out, info.packets);
        word(out, info.octets);
    }
    if let Some(block) = block {
        write_block(out, &block);
    }
}

/// Appends a source description with the canonical name; at most 255 bytes of it.
pub fn write_name(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let mut end = cname.len().min(255);
    while !cname.is_char_boundary(end) {
        end -= 1;
    }
    let name = cname.as_bytes().get(..end).unwrap_or_default();
    // The list of items ends with at least one zero byte and is filled up to a word.
    let item_words = (2 + name.len()) / 4 + 1;
    header(out, 1, SOURCE_DESCRIPTION, 1 + item_words as u16);
    word(out, ssrc);
    out.extend_from_slice(&[CNAME, name.len() as u8]);
    out.extend_from_slice(name);
    out.resize(out.len() + item_words * 4 - 2 - name.len(), 0);
}

/// Appends a goodbye.
pub fn write_goodbye(out: &mut Vec<u8>, ssrc: u32) {
    header(out, 1, GOODBYE, 1);
    word(out, ssrc);
}

fn header(out: &mut Vec<u8>, count: u8, kind: u8, words: u16) {
    let [high, low] = words.to_be_bytes();
    out.extend_from_slice(&[0x80 | count, kind, high, low]);
}

fn word(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_be_bytes());
}

fn write_block(out: &mut Vec<u8>, block: &ReportBlock) {
    word(out, block.ssrc);
    word(out, u32::from(block.fraction_lost) << 24 | block.cumulative_lost as u32 & 0x00ff_ffff);
    word(out, block.highest_sequence);
    word(out, block.jitter);
    word(out, block.last_sender_report);
    word(out, block.delay_since_last);
}
