//! WAV files, read in place. Our own: of the crates, one refuses G.711 with the short header that recorders
//! write, and both trust header fields that a hostile file may choose. Lengths that lie, as those of a program
//! that writes to a pipe, are cut to what is there.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ringway_media::Codec;

use crate::prompt::{CHANNELS_MAX, DecodeError};

/// How the `fmt ` chunk names encodings.
const LINEAR: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// The sound of a WAV file.
pub(crate) struct Wav<'a> {
    pub(crate) rate: u32,
    channels: usize,
    sample: Sample,
    data: &'a [u8],
}

#[derive(Clone, Copy)]
enum Sample {
    /// Unsigned, as only this width is.
    Linear8,
    /// Signed little-endian, of 2 to 4 octets.
    Linear(usize),
    Float32,
    Law(Codec),
}

impl<'a> Wav<'a> {
    /// Finds format and data.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if !bytes.starts_with(b"RIFF") {
            return Err(DecodeError::Malformed("not a RIFF file".to_owned()));
        }
        let mut format = None;
        let mut rest = bytes.get(12..).unwrap_or_default();
        while let Some((id, size)) = rest.get(..4).zip(u32_at(rest, 4)) {
            let body = rest.get(8..).unwrap_or_default();
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            match id {
                b"fmt " => format = body.get(..size),
                b"data" => {
                    let format = format.ok_or_else(|| DecodeError::Malformed("no format".to_owned()))?;
                    return Self::with_format(format, body.get(..size).unwrap_or(body));
                }
                _ => {}
            }
            // Chunks begin at even offsets.
            rest = size.checked_add(size % 2).and_then(|size| body.get(size..)).unwrap_or_default();
        }
        Err(DecodeError::Malformed("no sound data".to_owned()))
    }

    fn with_format(format: &[u8], data: &'a [u8]) -> Result<Self, DecodeError> {
        let fields = (u16_at(format, 0), u16_at(format, 2), u32_at(format, 4), u16_at(format, 14));
        let (Some(tag), Some(channels), Some(rate), Some(bits)) = fields else {
            return Err(DecodeError::Malformed("format too short".to_owned()));
        };
        // The extensible form names the encoding at the start of its identifier.
        let tag = if tag == EXTENSIBLE { u16_at(format, 24).unwrap_or(tag) } else { tag };
        let sample = match (tag, bits) {
            (LINEAR, 8) => Sample::Linear8,
            (LINEAR, 16 | 24 | 32) => Sample::Linear(usize::from(bits / 8)),
            (FLOAT, 32) => Sample::Float32,
            (A_LAW, 8) => Sample::Law(Codec::Pcma),
            (MU_LAW, 8) => Sample::Law(Codec::Pcmu),
            _ => return Err(DecodeError::Unsupported(format!("WAV encoding {tag} with {bits} bits"))),
        };
        let channels = usize::from(channels);
        if !(1..=CHANNELS_MAX).contains(&channels) {
            return Err(DecodeError::Unsupported(format!("{channels} channels")));
        }
        Ok(Self { rate, channels, sample, data })
    }

    /// How many frames there are, one sample of each channel in each.
    pub(crate) fn frames(&self) -> usize {
        self.data.len() / (self.sample.bytes() * self.channels)
    }

    /// The mean of all channels in a frame, full scale being 1; silence beyond the end.
    pub(crate) fn frame(&self, index: usize) -> f32 {
        let (sample, frame) = (self.sample.bytes(), self.sample.bytes() * self.channels);
        let octets = self.data.get(index * frame..(index + 1) * frame).unwrap_or_default();
        octets.chunks_exact(sample).map(|octets| self.sample.decode(octets)).sum::<f32>()
            / self.channels as f32
    }
}

impl Sample {
    fn bytes(self) -> usize {
        match self {
            Self::Linear8 | Self::Law(_) => 1,
            Self::Linear(bytes) => bytes,
            Self::Float32 => 4,
        }
    }

    fn decode(self, octets: &[u8]) -> f32 {
        match (self, octets) {
            (Self::Linear8, [octet]) => (f32::from(*octet) - 128.0) / 128.0,
            (Self::Law(codec), [octet]) => f32::from(codec.decode(*octet)) / 32_768.0,
            (Self::Linear(_), [low, high]) => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
            // Two octets more than a telephone can carry; the lowest ones are left out.
            (Self::Linear(_), [.., low, high]) => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
            (Self::Float32, [a, b, c, d]) => {
                let value = f32::from_le_bytes([*a, *b, *c, *d]);
                if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 }
            }
            _ => 0.0,
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn file(format: &[u8], chunks: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        file.extend((format.len() as u32).to_le_bytes());
        file.extend(format);
        file.extend(chunks);
        file
    }

    fn format(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
        let mut format = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        format.extend([0x40, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0]);
        format.extend(bits.to_le_bytes());
        format
    }

    fn heard(format: &[u8], chunks: &[u8]) -> Vec<f32> {
        let file = file(format, chunks);
        let wav = Wav::parse(&file).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(wav.rate, 8_000);
        (0..wav.frames()).map(|frame| wav.frame(frame)).collect()
    }

    #[test]
    fn every_width_is_read() {
        assert_eq!(heard(&format(LINEAR, 1, 8), b"data\x03\0\0\0\x80\x00\xc0"), [0.0, -1.0, 0.5]);
        assert_eq!(heard(&format(LINEAR, 1, 16), b"data\x04\0\0\0\x00\x40\x00\x80"), [0.5, -1.0]);
        assert_eq!(heard(&format(LINEAR, 1, 24), b"data\x03\0\0\0\xff\x00\x40"), [0.5]);
        assert_eq!(heard(&format(LINEAR, 1, 32), b"data\x04\0\0\0\xff\xff\x00\xc0"), [-0.5]);
        assert_eq!(heard(&format(FLOAT, 1, 32), b"data\x08\0\0\0\0\0\0\x3f\0\0\xc0\x7f"), [0.5, 0.0]);
        assert_eq!(heard(&format(LINEAR, 2, 16), b"data\x04\0\0\0\x00\x40\x00\x20"), [0.375]);
    }

    #[test]
    fn the_extensible_form_is_read() {
        let mut extensible = format(EXTENSIBLE, 1, 16);
        extensible.extend(b"\x16\0\x10\0\x04\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        assert_eq!(heard(&extensible, b"data\x02\0\0\0\x00\x40"), [0.5]);
    }

    #[test]
    fn other_chunks_are_passed_over_and_lengths_that_lie_are_cut() {
        let chunks = b"LIST\x03\0\0\0abc\0data\xff\xff\xff\x7f\x00\x40\x00\x40\x00";
        assert_eq!(heard(&format(LINEAR, 1, 16), chunks), [0.5, 0.5]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |bytes: &[u8]| Wav::parse(bytes).map(|_| ()).unwrap_err().to_string();
        assert!(error(b"RIFF").contains("no sound data"));
        assert!(error(b"RIFF\0\0\0\0WAVEdata\0\0\0\0").contains("no format"));
        assert!(error(&file(&[1, 0], b"data\0\0\0\0")).contains("too short"));
        assert!(error(&file(&format(0x11, 1, 4), b"data\0\0\0\0")).contains("encoding 17 with 4 bits"));
        assert!(error(&file(&format(LINEAR, 9, 16), b"data\0\0\0\0")).contains("9 channels"));
        assert!(error(&file(&format(LINEAR, 1, 16), b"LIST\xff\xff\xff\xff")).contains("no sound data"));
    }
}
