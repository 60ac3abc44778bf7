//! Turns telephone-event packets into one key press each.

use super::Event;

/// A segment this long, in samples, is followed by another one of the same press (RFC 4733 2.5.1.3): the
/// duration field has 16 bits, and senders stop short of its end by up to a packet.
const LONG_SEGMENT: u32 = 0xf000;

/// Reports each press once, at the first packet of it that arrives, whichever that is: a press is named by
/// its timestamp, so repeats, lost starts, lost ends and reordering change nothing.
#[derive(Debug, Clone, Default)]
pub struct EventReceiver {
    last: Option<Press>,
}

#[derive(Debug, Clone, Copy)]
struct Press {
    code: u8,
    timestamp: u32,
    duration: u16,
    end: bool,
}

impl EventReceiver {
    /// A packet of an event; returns the key when this is news.
    pub fn receive(&mut self, timestamp: u32, marker: bool, event: Event) -> Option<char> {
        if let Some(last) = &mut self.last {
            let age = timestamp.wrapping_sub(last.timestamp);
            if age == 0 {
                last.duration = last.duration.max(event.duration);
                last.end |= event.end;
                return None;
            }
            if age > u32::MAX / 2 {
                // Of a press before the last one, arriving late.
                return None;
            }
        }
        let continued = self.last.is_some_and(|last| last.continues_with(timestamp, marker, event));
        let press = Press { code: event.code, timestamp, duration: event.duration, end: event.end };
        self.last = Some(press);
        if continued { None } else { event.key() }
    }

    /// Forgets everything: the sender has a new clock.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

impl Press {
    /// Whether this is the next segment of a press too long for one.
    fn continues_with(&self, timestamp: u32, marker: bool, event: Event) -> bool {
        let age = timestamp.wrapping_sub(self.timestamp);
        event.code == self.code
            && !marker
            && !self.end
            && u32::from(self.duration) >= LONG_SEGMENT
            && (LONG_SEGMENT..=0x1_0000).contains(&age)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(code: u8, duration: u16, end: bool) -> Event {
        Event { code, end, volume: 10, duration }
    }

    /// All packets of a press of 100 ms: timestamp, marker, event.
    fn press(code: u8, timestamp: u32) -> Vec<(u32, bool, Event)> {
        let mut packets: Vec<_> =
            (1..5).map(|step| (timestamp, step == 1, event(code, step * 160, false))).collect();
        packets.extend([(timestamp, false, event(code, 800, true)); 3]);
        packets
    }

    fn keys(packets: &[(u32, bool, Event)]) -> String {
        let mut receiver = EventReceiver::default();
        packets
            .iter()
            .filter_map(|(timestamp, marker, event)| receiver.receive(*timestamp, *marker, *event))
            .collect()
    }

    #[test]
    fn a_press_is_told_once_and_at_its_start() {
        let mut receiver = EventReceiver::default();
        assert_eq!(receiver.receive(1000, true, event(1, 160, false)), Some('1'));
        assert_eq!(receiver.receive(1000, false, event(1, 320, false)), None);
        assert_eq!(keys(&[press(1, 1000), press(1, 3000), press(11, 5000)].concat()), "11#");
    }

    #[test]
    fn any_one_packet_of_a_press_is_enough() {
        for survivor in 0..7 {
            let packets = [vec![press(5, 1000)[survivor]], press(6, 3000)].concat();
            assert_eq!(keys(&packets), "56", "packet {survivor}");
        }
    }

    #[test]
    fn lost_ends_do_not_join_two_presses() {
        let packets = [press(5, 1000)[..4].to_vec(), press(5, 3000)].concat();
        assert_eq!(keys(&packets), "55");
    }

    #[test]
    fn late_packets_of_a_press_do_not_repeat_it() {
        let (first, second) = (press(5, u32::MAX - 100), press(6, 2000));
        let packets = [&first[..5], &second[..2], &first[5..], &second[2..]].concat();
        assert_eq!(keys(&packets), "56");
    }

    #[test]
    fn a_press_of_twenty_seconds_is_one() {
        let mut receiver = EventReceiver::default();
        let mut told = 0;
        for packet in 0..1000u32 {
            let samples = packet * 160;
            let segment = samples / 65_440;
            let duration = (samples - segment * 65_440 + 160) as u16;
            told += usize::from(
                receiver.receive(segment * 65_440, packet == 0, event(3, duration, false)).is_some(),
            );
        }
        assert_eq!(told, 1);
    }

    #[test]
    fn flash_and_tones_are_no_keys() {
        assert_eq!(keys(&[press(16, 1000), press(36, 3000)].concat()), "");
    }

    proptest! {
        #[test]
        fn reordering_within_and_loss_never_double_a_digit(
            order in Just((0..7usize).collect::<Vec<_>>()).prop_shuffle(),
            kept in 1..8usize,
        ) {
            let all = press(7, 1000);
            let packets: Vec<_> = order.iter().take(kept).map(|index| all[*index]).collect();
            prop_assert_eq!(keys(&packets), "7");
        }

        #[test]
        fn random_payloads_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..8), timestamp: u32) {
            if let Some(event) = Event::parse(&bytes) {
                let mut receiver = EventReceiver::default();
                receiver.receive(timestamp, false, event);
                receiver.receive(timestamp.wrapping_add(1), true, event);
            }
        }
    }
}
