//! The codecs of a call: G.711 in its two laws.

mod g711;

use crate::Frame;

/// An audio codec that a session sends or understands (contract, runtime.md 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law, static payload type 0 (RFC 3551 4.5.14).
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551 4.5.14).
    Pcma,
}

impl Codec {
    /// The payload type that RFC 3551 fixes for it.
    pub const fn static_payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// The octet that stands for silence: 0xFF in mu-law, 0xD5 in A-law.
    pub const fn silence(self) -> u8 {
        match self {
            Codec::Pcmu => 0xff,
            Codec::Pcma => 0xd5,
        }
    }

    /// One sample as an octet.
    #[inline]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcmu => g711::encode_mu_law(sample),
            Codec::Pcma => g711::encode_a_law(sample),
        }
    }

    /// One octet as a sample.
    #[inline]
    pub fn decode(self, octet: u8) -> i16 {
        match self {
            Codec::Pcmu => g711::decode_mu_law(octet),
            Codec::Pcma => g711::decode_a_law(octet),
        }
    }

    /// Encodes as many samples as both slices hold.
    pub fn encode_into(self, samples: &[i16], octets: &mut [u8]) {
        for (octet, sample) in octets.iter_mut().zip(samples) {
            *octet = self.encode(*sample);
        }
    }

    /// Decodes as many octets as both slices hold.
    pub fn decode_into(self, octets: &[u8], samples: &mut [i16]) {
        for (sample, octet) in samples.iter_mut().zip(octets) {
            *sample = self.decode(*octet);
        }
    }

    /// All of `samples`, encoded.
    pub fn encode_all(self, samples: &[i16]) -> Vec<u8> {
        samples.iter().map(|sample| self.encode(*sample)).collect()
    }

    /// All of `octets`, decoded.
    pub fn decode_all(self, octets: &[u8]) -> Vec<i16> {
        octets.iter().map(|octet| self.decode(*octet)).collect()
    }

    /// One slot of linear sound, encoded.
    pub fn encode_frame(self, frame: &Frame) -> [u8; crate::FRAME_SAMPLES] {
        let mut octets = [0; crate::FRAME_SAMPLES];
        self.encode_into(frame, &mut octets);
        octets
    }
}
