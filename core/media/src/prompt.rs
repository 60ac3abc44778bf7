//! Sound to be played, kept encoded in both laws so that sending a packet is a copy.

use bytes::Bytes;

use crate::FRAME_SAMPLES;
use crate::codec::Codec;

/// A sound ready to be sent: each law's octets, a whole number of 20 ms frames long. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pcmu: Bytes,
    pcma: Bytes,
}

impl Prompt {
    /// Encodes linear 8 kHz sound; the last frame is filled with silence.
    pub fn from_pcm_8k(samples: &[i16]) -> Self {
        Self { pcmu: whole_frames(Codec::Pcmu, samples), pcma: whole_frames(Codec::Pcma, samples) }
    }

    /// From octets that are mu-law already, such as an `audio/basic` file without its header.
    pub fn from_mu_law(octets: &[u8]) -> Self {
        Self::from_pcm_8k(&Codec::Pcmu.decode_all(octets))
    }

    /// From octets that are A-law already.
    pub fn from_a_law(octets: &[u8]) -> Self {
        Self::from_pcm_8k(&Codec::Pcma.decode_all(octets))
    }

    /// The octets in this law.
    pub fn octets(&self, codec: Codec) -> &Bytes {
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
        }
    }

    /// How long it sounds, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.pcmu.len() as u64 / 8
    }

    /// Whether there is nothing to hear.
    pub fn is_empty(&self) -> bool {
        self.pcmu.is_empty()
    }

    /// Bytes of memory it holds, both laws counted.
    pub fn memory_bytes(&self) -> usize {
        self.pcmu.len() + self.pcma.len()
    }
}

fn whole_frames(codec: Codec, samples: &[i16]) -> Bytes {
    let mut octets = codec.encode_all(samples);
    octets.resize(samples.len().div_ceil(FRAME_SAMPLES) * FRAME_SAMPLES, codec.silence());
    Bytes::from(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_is_filled_with_silence() {
        let prompt = Prompt::from_pcm_8k(&[1000; 161]);
        assert_eq!(prompt.octets(Codec::Pcmu).len(), 320);
        assert_eq!(prompt.octets(Codec::Pcma).len(), 320);
        assert_eq!(prompt.octets(Codec::Pcmu)[161], 0xff);
        assert_eq!(prompt.octets(Codec::Pcma)[319], 0xd5);
        assert_eq!(prompt.duration_ms(), 40);
        assert_eq!(prompt.memory_bytes(), 640);
    }

    #[test]
    fn octets_of_a_law_keep_their_values_in_it() {
        let octets: Vec<u8> = (0..160).collect();
        assert_eq!(Prompt::from_mu_law(&octets).octets(Codec::Pcmu)[..127], octets[..127]);
        assert_eq!(Prompt::from_a_law(&octets).octets(Codec::Pcma)[..], octets[..]);
        assert!(Prompt::from_a_law(&[]).is_empty());
    }
}
