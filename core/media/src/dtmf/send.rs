//! Sends a string of keys, one packet at a time.

use super::{Event, key_code};
use crate::SAMPLE_RATE_HZ;
use crate::tone::DtmfTone;

/// How long a key sounds; RFC 4733 3.2 and ITU-T Q.24 ask for 40 ms at least, and some gateways for 80.
const KEY_SAMPLES: u32 = SAMPLE_RATE_HZ / 10;
/// From the end of a key to the next one.
const GAP_SAMPLES: u32 = SAMPLE_RATE_HZ / 10;
/// The last packet of an event is sent three times (RFC 4733 2.5.1.4).
const END_PACKETS: u8 = 3;
const VOLUME: u8 = 10;
/// More than this many keys and pauses are cut off.
const STEPS_MAX: usize = 1000;

/// A string of keys on its way.
#[derive(Debug)]
pub(crate) struct DigitSender {
    /// What is left, the next one last.
    steps: Vec<Step>,
    current: Current,
}

/// What the next packet is.
#[derive(Debug, PartialEq)]
pub(crate) enum DigitPacket {
    /// A telephone-event with its own timestamp and marker.
    Event { timestamp: u32, marker: bool, event: Event },
    /// Sound: the key's two tones where the peer takes no events, and silence between keys.
    Sound,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Key { code: u8 },
    Pause { samples: u32 },
}

#[derive(Debug)]
enum Current {
    Event { code: u8, timestamp: u32, elapsed: u32, ends_sent: u8 },
    Tone { tone: DtmfTone, left: u32 },
    Silence { left: u32 },
}

impl DigitSender {
    /// Keys `0`-`9`, `*`, `#`, `A`-`D`; `w` is a pause of half a second, `W` of one second
    /// (contract, runtime.md, Play). Anything else is skipped.
    pub(crate) fn new(digits: &str) -> Self {
        let mut steps: Vec<Step> = digits.chars().filter_map(step).take(STEPS_MAX).collect();
        steps.reverse();
        Self { steps, current: Current::Silence { left: 0 } }
    }

    /// Adds a key behind those that wait; too many are cut off.
    pub(crate) fn push(&mut self, key: char) {
        if let Some(step) = step(key).filter(|_| self.steps.len() < STEPS_MAX) {
            self.steps.insert(0, step);
        }
    }

    /// Whether the last key and its pause are over.
    pub(crate) fn is_done(&self) -> bool {
        self.steps.is_empty() && matches!(self.current, Current::Silence { left: 0 })
    }

    /// The next packet, which stands for `samples` (its length) from `timestamp` on. For sound, `samples` are
    /// filled.
    pub(crate) fn next(&mut self, timestamp: u32, events: bool, samples: &mut [i16]) -> DigitPacket {
        if matches!(self.current, Current::Silence { left: 0 }) {
            self.begin(timestamp, events);
        }
        let length = samples.len() as u32;
        samples.fill(0);
        let (packet, next) = match &mut self.current {
            Current::Event { code, timestamp, elapsed, ends_sent } => {
                event_packet(*code, *timestamp, elapsed, ends_sent, length)
            }
            Current::Tone { tone, left } => {
                let sounding = samples.len().min(*left as usize);
                samples.iter_mut().take(sounding).for_each(|sample| *sample = tone.next_sample());
                *left = left.saturating_sub(length);
                (DigitPacket::Sound, (*left == 0).then_some(GAP_SAMPLES))
            }
            Current::Silence { left } => {
                *left = left.saturating_sub(length);
                (DigitPacket::Sound, None)
            }
        };
        if let Some(left) = next {
            self.current = Current::Silence { left };
        }
        packet
    }

    fn begin(&mut self, timestamp: u32, events: bool) {
        self.current = match self.steps.pop() {
            Some(Step::Key { code }) if events => {
                Current::Event { code, timestamp, elapsed: 0, ends_sent: 0 }
            }
            Some(Step::Key { code }) => Current::Tone { tone: DtmfTone::new(code), left: KEY_SAMPLES },
            Some(Step::Pause { samples }) => Current::Silence { left: samples },
            None => Current::Silence { left: 0 },
        };
    }
}

fn step(character: char) -> Option<Step> {
    match character {
        'w' => Some(Step::Pause { samples: SAMPLE_RATE_HZ / 2 }),
        'W' => Some(Step::Pause { samples: SAMPLE_RATE_HZ }),
        key => key_code(key).map(|code| Step::Key { code }),
    }
}

/// One packet of an event, and, when it was the last, the samples of the gap that are left: the repeated ends
/// have used some.
fn event_packet(
    code: u8,
    timestamp: u32,
    elapsed: &mut u32,
    ends_sent: &mut u8,
    length: u32,
) -> (DigitPacket, Option<u32>) {
    let marker = *elapsed == 0;
    if *ends_sent == 0 {
        *elapsed += length;
    }
    let end = *elapsed >= KEY_SAMPLES;
    *ends_sent += u8::from(end);
    let duration = u16::try_from(*elapsed).unwrap_or(u16::MAX);
    let packet =
        DigitPacket::Event { timestamp, marker, event: Event { code, end, volume: VOLUME, duration } };
    let repeats = length * u32::from(END_PACKETS - 1);
    // At least one packet of silence, so that receivers which listen for it hear a gap.
    let gap = GAP_SAMPLES.saturating_sub(repeats).max(length);
    (packet, (*ends_sent == END_PACKETS).then_some(gap))
}

#[cfg(test)]
#[allow(clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn packets(digits: &str, samples: usize) -> Vec<DigitPacket> {
        let mut sender = DigitSender::new(digits);
        let mut buffer = vec![0; samples];
        let mut timestamp = 0;
        let mut packets = Vec::new();
        while !sender.is_done() {
            packets.push(sender.next(timestamp, true, &mut buffer));
            timestamp += samples as u32;
        }
        packets
    }

    #[test]
    fn a_key_grows_and_ends_three_times() {
        let packets = packets("5", 160);
        let events: Vec<_> = packets
            .iter()
            .filter_map(|packet| match packet {
                DigitPacket::Event { timestamp: 0, marker, event } => {
                    Some((*marker, event.duration, event.end))
                }
                _ => None,
            })
            .collect();
        let expected = [
            (true, 160, false),
            (false, 320, false),
            (false, 480, false),
            (false, 640, false),
            (false, 800, true),
            (false, 800, true),
            (false, 800, true),
        ];
        assert_eq!(events, expected);
        // 100 ms of key and 100 ms of gap, two packets of which were the repeated ends.
        assert_eq!(packets.len(), 10);
    }

    #[test]
    fn pauses_count_and_what_is_no_key_does_not() {
        assert_eq!(packets("w", 160).len(), 25);
        assert_eq!(packets("W x-", 160).len(), 50);
        assert_eq!(packets("", 160).len(), 0);
        assert_eq!(packets("1w2", 160).len(), 10 + 25 + 10);
    }

    #[test]
    fn other_packet_times_work_too() {
        for samples in [80, 240, 480] {
            let packets = packets("12", samples);
            let ends = packets
                .iter()
                .filter(|packet| matches!(packet, DigitPacket::Event { event, .. } if event.end));
            assert_eq!(ends.count(), 6, "{samples}");
        }
    }
}
