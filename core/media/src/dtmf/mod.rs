//! Key presses as telephone-event packets (RFC 4733).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod receive;
mod send;

pub use receive::EventReceiver;
pub(crate) use send::{DigitPacket, DigitSender};

const EVENT_BYTES: usize = 4;
const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// The payload of a telephone-event packet (RFC 4733 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// 0 to 15 are keys, 16 is flash, the rest are other tones.
    pub code: u8,
    /// The key is up again.
    pub end: bool,
    /// Level in dBm0, its sign dropped: larger is quieter.
    pub volume: u8,
    /// Since the packet's timestamp, in samples.
    pub duration: u16,
}

impl Event {
    /// Reads a payload; `None` when it is too short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let ([code, flags, high, low], _) = payload.split_first_chunk::<EVENT_BYTES>()?;
        Some(Self {
            code: *code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([*high, *low]),
        })
    }

    /// The payload.
    pub fn to_bytes(self) -> [u8; EVENT_BYTES] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }

    /// The key, when it is one.
    pub fn key(self) -> Option<char> {
        KEYS.get(usize::from(self.code)).copied()
    }
}

/// The event code of a key: `0`-`9`, `*`, `#`, `A`-`D` in either case.
pub fn key_code(key: char) -> Option<u8> {
    let position = KEYS.iter().position(|known| known.eq_ignore_ascii_case(&key))?;
    u8::try_from(position).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let event = Event { code: 11, end: true, volume: 10, duration: 800 };
        assert_eq!(event.to_bytes(), [11, 0x8a, 3, 0x20]);
        assert_eq!(Event::parse(&event.to_bytes()), Some(event));
        assert_eq!(event.key(), Some('#'));
        assert_eq!(Event::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn every_key_has_its_code() {
        for (code, key) in "0123456789*#ABCD".chars().enumerate() {
            assert_eq!(key_code(key), u8::try_from(code).ok());
        }
        assert_eq!(key_code('d'), Some(15));
        assert_eq!(key_code('w'), None);
    }
}
