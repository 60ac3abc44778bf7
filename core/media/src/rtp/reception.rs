//! The account of one received source: RFC 3550 appendix A.1 (sequence), A.3 (loss), A.8 (jitter).

use ringway_model::Moment;

use crate::SAMPLE_RATE_HZ;
use crate::rtcp::ReportBlock;

/// A jump ahead of more than this is a restart, not loss (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3000;
/// A packet older than this is a restart, not reordering (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The very next one.
    Next,
    /// New, with a gap before it or out of order.
    Fresh,
    /// Seen before, or too old to tell.
    Duplicate,
    /// A sequence number from nowhere; believed when the next one follows it.
    Suspect,
    /// The second one of a new sequence: everything starts anew with it.
    Restarted,
}

/// One source as it arrives.
#[derive(Debug, Clone)]
pub struct Reception {
    ssrc: u32,
    /// Extended highest sequence number.
    highest: u32,
    base: u32,
    /// Bit n: highest - n has been seen.
    seen: u128,
    received: u32,
    expected_before: u32,
    received_before: u32,
    suspect: Option<u16>,
    transit: Option<u32>,
    /// 16 times the jitter, in samples.
    jitter_scaled: u32,
}

impl Reception {
    /// Starts with the source's first packet, which is counted.
    pub fn new(ssrc: u32, sequence: u16) -> Self {
        let first = u32::from(sequence);
        Self {
            ssrc,
            highest: first,
            base: first,
            seen: 1,
            received: 1,
            expected_before: 0,
            received_before: 0,
            suspect: None,
            transit: None,
            jitter_scaled: 0,
        }
    }

    /// The source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts a packet.
    pub fn record(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = (self.highest as u16).wrapping_sub(sequence);
        if ahead != 0 && ahead < DROPOUT_MAX {
            self.advance(ahead)
        } else if behind < MISORDER_MAX {
            self.fill(behind)
        } else if self.suspect == Some(sequence) {
            *self = Self::new(self.ssrc, sequence);
            Arrival::Restarted
        } else {
            self.suspect = Some(sequence.wrapping_add(1));
            Arrival::Suspect
        }
    }

    /// Feeds the jitter estimate with a packet's arrival and timestamp. Not for key presses: all packets of
    /// one have the same timestamp.
    pub fn record_transit(&mut self, now: Moment, timestamp: u32) {
        let transit = samples_at(now).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A jump of the sender's clock is no jitter.
            if difference < SAMPLE_RATE_HZ * 2 {
                self.jitter_scaled =
                    (self.jitter_scaled + difference).saturating_sub((self.jitter_scaled + 8) >> 4);
            }
        }
    }

    /// Packets that are missing so far; negative when duplicates outnumber them, as RFC 3550 A.3 has it.
    pub fn lost(&self) -> i64 {
        i64::from(self.expected()) - i64::from(self.received)
    }

    /// Interarrival jitter in samples (RFC 3550 A.8).
    pub fn jitter_samples(&self) -> u32 {
        self.jitter_scaled >> 4
    }

    /// The report on this source since the report before (RFC 3550 A.3); the caller adds what it knows of the
    /// source's last sender report.
    pub fn report(&mut self) -> ReportBlock {
        let expected = self.expected();
        let expected_now = expected.wrapping_sub(self.expected_before);
        let received_now = self.received.wrapping_sub(self.received_before);
        self.expected_before = expected;
        self.received_before = self.received;
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction =
            if expected_now == 0 { 0 } else { (u64::from(lost_now) << 8) / u64::from(expected_now) };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            cumulative_lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest,
            jitter: self.jitter_samples(),
            last_sender_report: 0,
            delay_since_last: 0,
        }
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    fn advance(&mut self, ahead: u16) -> Arrival {
        self.highest = self.highest.wrapping_add(u32::from(ahead));
        self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
        self.received = self.received.wrapping_add(1);
        self.suspect = None;
        if ahead == 1 { Arrival::Next } else { Arrival::Fresh }
    }

    fn fill(&mut self, behind: u16) -> Arrival {
        let bit = 1u128 << behind;
        if self.seen & bit != 0 {
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        if u32::from(behind) > self.highest.wrapping_sub(self.base) {
            // Older than the first one that came: it was expected too.
            self.base = self.highest.wrapping_sub(u32::from(behind));
        }
        self.received = self.received.wrapping_add(1);
        Arrival::Fresh
    }
}

/// The moment on a clock of 8,000 a second, modulo 2^32.
fn samples_at(now: Moment) -> u32 {
    (now.since_start().as_micros() * u128::from(SAMPLE_RATE_HZ) / 1_000_000) as u32
}

/// The time from one moment to a later one on a clock of 8,000 a second, modulo 2^32.
pub(crate) fn samples_between(from: Moment, to: Moment) -> u32 {
    samples_at(to).wrapping_sub(samples_at(from))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn loss_is_counted_once_and_late_packets_are_no_loss() {
        let mut reception = Reception::new(1, 65_530);
        let mut sequence = 65_530u16;
        for step in 1..100u16 {
            sequence = sequence.wrapping_add(1);
            if step % 10 != 0 {
                assert_ne!(reception.record(sequence), Arrival::Duplicate);
            }
        }
        assert_eq!(reception.lost(), 9);
        assert_eq!(reception.report().fraction_lost, (9 * 256 / 100) as u8);
        assert_eq!(reception.record(65_530u16.wrapping_add(90)), Arrival::Fresh);
        assert_eq!(reception.record(65_530u16.wrapping_add(90)), Arrival::Duplicate);
        assert_eq!(reception.report().cumulative_lost, 8);
        // The extended number counts the wrap.
        assert_eq!(reception.report().highest_sequence, 65_530 + 99);
    }

    #[test]
    fn a_new_sequence_is_believed_with_its_second_packet() {
        let mut reception = Reception::new(1, 10);
        assert_eq!(reception.record(40_000), Arrival::Suspect);
        assert_eq!(reception.record(11), Arrival::Next);
        assert_eq!(reception.record(40_001), Arrival::Suspect);
        assert_eq!(reception.record(40_002), Arrival::Restarted);
        assert_eq!(reception.record(40_003), Arrival::Next);
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn jitter_is_the_smoothed_difference_of_transit_times() {
        let mut reception = Reception::new(1, 0);
        for packet in 0..1000u64 {
            // Every second packet is 10 ms (80 samples) late: each difference is 80.
            let late_ms = 10 * (packet % 2);
            let now = Moment::from_start(Duration::from_millis(packet * 20 + late_ms));
            reception.record_transit(now, packet as u32 * 160);
        }
        assert!((78..=80).contains(&reception.jitter_samples()), "{}", reception.jitter_samples());
    }

    #[test]
    fn an_older_first_packet_is_expected_too() {
        let mut reception = Reception::new(1, 10);
        assert_eq!(reception.record(9), Arrival::Fresh);
        assert_eq!(reception.record(11), Arrival::Next);
        assert_eq!(reception.lost(), 0);
    }
}
