//! Files as the Play verb names them, into mono sound at 8 kHz. The content comes from anywhere, so nothing
//! in it may cost more than its length and the configured duration allow.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use ringway_media::{Codec, Prompt, SAMPLE_RATE_HZ};

use crate::container;
use crate::kind::Kind;
use crate::resample::{Inconvertible, ToEight};
use crate::wav::Wav;

/// Sample rates that exist; anything else is a broken or hostile file.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;
pub(crate) const CHANNELS_MAX: usize = 8;
/// Frames of a WAV file converted at once.
const WAV_FRAMES: usize = 8_192;

/// What a file may cost.
#[derive(Debug, Clone, Copy)]
pub struct DecodeLimits {
    /// The longest sound; a longer file is refused.
    pub duration_max: Duration,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { duration_max: Duration::from_secs(40 * 60) }
    }
}

/// A file that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is a kind of sound that is not built, or no sound.
    #[error("not a playable kind of sound: {0}")]
    Unsupported(String),
    /// It says to be sound, and is broken.
    #[error("broken sound file: {0}")]
    Malformed(String),
    /// It lasts longer than allowed.
    #[error("the sound is longer than {} s", .0.as_secs())]
    TooLong(Duration),
    /// There is nothing to hear in it.
    #[error("the file holds no sound")]
    Empty,
}

/// Decodes a file and encodes it for playing.
///
/// # Errors
/// As [`decode`].
pub fn prompt(
    content_type: Option<&str>,
    name: Option<&str>,
    bytes: &[u8],
    limits: DecodeLimits,
) -> Result<Prompt, DecodeError> {
    decode(content_type, name, bytes, limits).map(|samples| Prompt::from_pcm_8k(&samples))
}

/// Decodes WAV, AIFF, MP3, and mu-law or A-law octets with or without a header, to mono at 8 kHz. What the
/// content shows counts for more than `content_type` (a Content-Type value) and the ending of `name` (a file
/// name or URL path).
///
/// # Errors
/// For what is no sound, broken, empty or too long.
pub fn decode(
    content_type: Option<&str>,
    name: Option<&str>,
    bytes: &[u8],
    limits: DecodeLimits,
) -> Result<Vec<i16>, DecodeError> {
    let samples = match Kind::of(content_type, name, bytes) {
        Kind::Container("wav") => decode_wav(bytes, limits)?,
        Kind::Container(extension) => container::decode(extension, bytes, limits)?,
        Kind::Raw(codec) => decode_raw(codec, bytes, limits)?,
        Kind::Unsupported(what) => return Err(DecodeError::Unsupported(what)),
    };
    if samples.is_empty() { Err(DecodeError::Empty) } else { Ok(samples) }
}

fn decode_raw(codec: Codec, bytes: &[u8], limits: DecodeLimits) -> Result<Vec<i16>, DecodeError> {
    let octets = match bytes.get(4..8) {
        Some(offset) if bytes.starts_with(b".snd") => {
            let offset = offset.try_into().map(u32::from_be_bytes).unwrap_or(u32::MAX);
            bytes
                .get(offset as usize..)
                .ok_or_else(|| DecodeError::Malformed("header too long".to_owned()))?
        }
        _ => bytes,
    };
    if octets.len() > samples_max(limits) {
        return Err(DecodeError::TooLong(limits.duration_max));
    }
    Ok(codec.decode_all(octets))
}

fn decode_wav(bytes: &[u8], limits: DecodeLimits) -> Result<Vec<i16>, DecodeError> {
    let wav = Wav::parse(bytes)?;
    let mut sink = Sink::new(limits);
    let mut mono = Vec::with_capacity(WAV_FRAMES);
    for start in (0..wav.frames()).step_by(WAV_FRAMES) {
        mono.clear();
        mono.extend((start..wav.frames().min(start + WAV_FRAMES)).map(|frame| wav.frame(frame)));
        sink.take(wav.rate, &mono)?;
    }
    sink.finish()
}

/// Gathers sound of any rate at 8 kHz, within the limits.
pub(crate) struct Sink {
    limits: DecodeLimits,
    /// The converter, and the rate it converts from.
    converter: Option<(u32, ToEight)>,
    out: Vec<i16>,
}

impl Sink {
    pub(crate) fn new(limits: DecodeLimits) -> Self {
        Self { limits, converter: None, out: Vec::new() }
    }

    pub(crate) fn take(&mut self, rate: u32, mono: &[f32]) -> Result<(), DecodeError> {
        if self.converter.as_ref().is_none_or(|(current, _)| *current != rate) {
            self.finish_rate()?;
            if !RATES_HZ.contains(&rate) {
                return Err(DecodeError::Unsupported(format!("{rate} samples a second")));
            }
            self.converter = Some((rate, ToEight::new(rate)?));
        }
        if let Some((_, converter)) = &mut self.converter {
            converter.push(mono, &mut self.out)?;
        }
        self.check_length()
    }

    pub(crate) fn finish(mut self) -> Result<Vec<i16>, DecodeError> {
        self.finish_rate()?;
        Ok(self.out)
    }

    /// Ends the current rate; a file may go on with another.
    fn finish_rate(&mut self) -> Result<(), DecodeError> {
        if let Some((_, converter)) = self.converter.take() {
            converter.finish(&mut self.out)?;
        }
        self.check_length()
    }

    fn check_length(&self) -> Result<(), DecodeError> {
        let fits = self.out.len() <= samples_max(self.limits);
        if fits { Ok(()) } else { Err(DecodeError::TooLong(self.limits.duration_max)) }
    }
}

fn samples_max(limits: DecodeLimits) -> usize {
    let samples = limits.duration_max.as_millis().saturating_mul(u128::from(SAMPLE_RATE_HZ)) / 1000;
    usize::try_from(samples).unwrap_or(usize::MAX)
}

impl From<Inconvertible> for DecodeError {
    fn from(_: Inconvertible) -> Self {
        Self::Unsupported("this sample rate".to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Half a second of 1 kHz, 22.05 kHz mono, behind an ID3v2 tag.
    const MP3: &[u8] = include_bytes!("../tests/data/tone-1000hz.mp3");

    fn decoded(
        content_type: Option<&str>,
        name: Option<&str>,
        bytes: &[u8],
    ) -> Result<Vec<i16>, DecodeError> {
        decode(content_type, name, bytes, DecodeLimits::default())
    }

    fn tone(rate: u32, samples: usize) -> Vec<i16> {
        let sample = |n: usize| 16_384.0 * (TAU * 1_000.0 * n as f64 / f64::from(rate)).sin();
        (0..samples).map(|n| sample(n).round() as i16).collect()
    }

    /// A WAV file; `tag` 1 is linear, 6 A-law, 7 mu-law.
    fn wav(tag: u16, rate: u32, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
        let align = channels.wrapping_mul(bits / 8);
        let mut file = b"RIFF".to_vec();
        file.extend((36 + data.len() as u32).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0");
        for field in [tag, channels] {
            file.extend(field.to_le_bytes());
        }
        for field in [rate, rate.wrapping_mul(u32::from(align))] {
            file.extend(field.to_le_bytes());
        }
        for field in [align, bits] {
            file.extend(field.to_le_bytes());
        }
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    fn little(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    /// The amplitude of 1 kHz in 8 kHz sound, 1 being full scale.
    fn strength(samples: &[i16]) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = TAU * 1_000.0 * n as f64 / 8_000.0;
            real += f64::from(*sample) / 32_768.0 * angle.cos();
            imaginary += f64::from(*sample) / 32_768.0 * angle.sin();
        }
        2.0 * f64::hypot(real, imaginary) / samples.len() as f64
    }

    fn assert_tone(samples: &[i16]) {
        assert!(samples.len().abs_diff(4_000) < 700, "{} samples", samples.len());
        // The first tenth of a second may hold an encoder's delay.
        let strength = strength(&samples[800..3_600]);
        assert!((strength - 0.5).abs() < 0.02, "{strength}");
    }

    #[test]
    fn wav_at_eight_kilohertz_comes_back_as_it_was() {
        let samples = tone(8_000, 400);
        assert_eq!(decoded(None, None, &wav(1, 8_000, 1, 16, &little(&samples))), Ok(samples));
    }

    #[test]
    fn wav_of_other_rates_channels_and_laws_is_the_same_tone() {
        assert_tone(
            &decoded(None, None, &wav(1, 48_000, 1, 16, &little(&tone(48_000, 24_000)))).expect("decodes"),
        );
        let stereo: Vec<i16> = tone(44_100, 22_050).into_iter().flat_map(|sample| [sample, sample]).collect();
        assert_tone(
            &decoded(Some("audio/x-wav"), None, &wav(1, 44_100, 2, 16, &little(&stereo))).expect("decodes"),
        );
        for (tag, codec) in [(6, Codec::Pcma), (7, Codec::Pcmu)] {
            let octets = codec.encode_all(&tone(8_000, 4_000));
            assert_tone(&decoded(None, None, &wav(tag, 8_000, 1, 8, &octets)).expect("decodes"));
        }
    }

    #[test]
    fn mp3_is_decoded_by_its_content_whatever_it_is_called() {
        for (content_type, name) in [
            (Some("audio/mpeg"), None),
            (None, Some("http://h/a/tone.mp3?x=1")),
            (Some("audio/wav"), None),
            (None, None),
        ] {
            assert_tone(&decoded(content_type, name, MP3).expect("decodes"));
        }
    }

    fn aiff(samples: &[i16]) -> Vec<u8> {
        let mut file = b"FORM".to_vec();
        file.extend((46 + 2 * samples.len() as u32).to_be_bytes());
        file.extend(b"AIFFCOMM\0\0\0\x12\0\x01");
        file.extend((samples.len() as u32).to_be_bytes());
        file.extend(b"\0\x10\x40\x0b\xfa\0\0\0\0\0\0\0SSND");
        file.extend((8 + 2 * samples.len() as u32).to_be_bytes());
        file.extend([0; 8]);
        file.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
        file
    }

    #[test]
    fn aiff_is_decoded() {
        assert_tone(&decoded(Some("audio/aiff"), None, &aiff(&tone(8_000, 4_000))).expect("decodes"));
    }

    #[test]
    fn octets_of_g711_are_known_by_type_name_or_header() {
        let octets = Codec::Pcmu.encode_all(&tone(8_000, 4_000));
        assert_tone(&decoded(Some("Audio/Basic; rate=8000"), None, &octets).expect("decodes"));
        assert_tone(&decoded(None, Some("/hello.ulaw"), &octets).expect("decodes"));
        let mut sun = b".snd\0\0\0\x18\0\0\x0f\xa0\0\0\0\x01\0\0\x1f\x40\0\0\0\x01".to_vec();
        sun.extend(&octets);
        assert_tone(&decoded(None, None, &sun).expect("decodes"));
        let a_law = Codec::Pcma.encode_all(&tone(8_000, 4_000));
        assert_tone(&decoded(Some("audio/x-alaw"), None, &a_law).expect("decodes"));
        let silence = [0xff; 160];
        assert_eq!(decoded(Some("audio/basic"), None, &silence).map(|samples| samples.len()), Ok(160));
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        let unsupported = |content_type, bytes| {
            matches!(decoded(content_type, None, bytes), Err(DecodeError::Unsupported(_)))
        };
        assert!(unsupported(Some("text/html"), b"<html>404</html>"));
        assert!(unsupported(None, b""));
        assert!(unsupported(Some("audio/gsm"), &[0xd0; 66]));
        assert!(unsupported(Some("audio/ogg"), b"OggS\0\x02"));
        assert!(decoded(Some("audio/mpeg"), None, b"<html>404</html>").is_err());
        assert_eq!(decoded(Some("audio/basic"), None, b""), Err(DecodeError::Empty));
        assert!(decoded(None, None, &wav(1, 8_000, 1, 16, b"")).is_err());
    }

    #[test]
    fn absurd_rates_and_channels_are_refused() {
        for rate in [0, 1, 3_999, 192_001, u32::MAX] {
            assert!(decoded(None, None, &wav(1, rate, 1, 16, &[1; 4_000])).is_err(), "{rate}");
        }
        for channels in [0, 9, 0xffff] {
            assert!(decoded(None, None, &wav(1, 8_000, channels, 16, &[1; 400_000])).is_err(), "{channels}");
        }
    }

    #[test]
    fn a_sound_longer_than_allowed_is_refused() {
        let limits = DecodeLimits { duration_max: Duration::from_millis(400) };
        let too_long = Err(DecodeError::TooLong(limits.duration_max));
        assert_eq!(decode(Some("audio/basic"), None, &[0x55; 3_201], limits), too_long);
        assert_eq!(decode(None, None, MP3, limits), too_long);
        assert_eq!(decode(None, None, &wav(1, 8_000, 1, 16, &[1; 6_402]), limits), too_long);
        assert!(decode(None, None, &wav(1, 8_000, 1, 16, &[1; 6_400]), limits).is_ok());
    }

    #[test]
    fn mutilated_files_are_errors_or_sound_and_nothing_else() {
        let mut random = ringway_model::Random::from_number(11);
        let whole = wav(1, 11_025, 2, 16, &little(&tone(11_025, 800)));
        for original in [MP3, &whole, &aiff(&tone(8_000, 800))] {
            for _ in 0..100 {
                let mut file = original.to_vec();
                for _ in 0..=random.below(8) {
                    let reach = file.len().min(200 + random.below(2_000) as usize);
                    let at = random.below(reach as u64) as usize;
                    file[at] = random.u32() as u8;
                }
                file.truncate(1 + random.below(2 * file.len() as u64) as usize);
                let _ = decoded(None, Some("x.mp3"), &file);
            }
        }
    }
}
