//! AIFF and MP3, by way of a library.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use crate::prompt::{CHANNELS_MAX, DecodeError, DecodeLimits, Sink};

/// Decodes a file that is probably of the kind with this name ending.
///
/// A panic becomes an error: the decoders of others are not ours to vouch for, and their food comes from
/// anywhere. One of them multiplies header fields without looking.
pub(crate) fn decode(extension: &str, bytes: &[u8], limits: DecodeLimits) -> Result<Vec<i16>, DecodeError> {
    panic::catch_unwind(AssertUnwindSafe(|| decode_uncontained(extension, bytes, limits)))
        .unwrap_or_else(|_| Err(DecodeError::Malformed("the decoder gave up".to_owned())))
}

fn decode_uncontained(extension: &str, bytes: &[u8], limits: DecodeLimits) -> Result<Vec<i16>, DecodeError> {
    let source = Box::new(Cursor::new(bytes));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension(extension);
    let mut format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| refused(&error))?;
    let track = format.default_track(TrackType::Audio).ok_or(DecodeError::Empty)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| DecodeError::Unsupported("unknown codec".to_owned()))?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| refused(&error))?;
    let track = track.id;
    // Every packet takes some bytes, so that a reader that stood still would be a fault of its own.
    let packets_max = bytes.len() + 1;
    Decoding { decoder, track, packets_max, broken: None, sink: Sink::new(limits) }.run(format.as_mut())
}

/// A file being decoded.
struct Decoding {
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    packets_max: usize,
    /// The first packet that could not be decoded; tolerated when others can.
    broken: Option<DecodeError>,
    sink: Sink,
}

impl Decoding {
    fn run(mut self, format: &mut dyn FormatReader) -> Result<Vec<i16>, DecodeError> {
        let mut mono = Vec::new();
        for _ in 0..self.packets_max {
            // A file that ends in the middle is played as far as it goes.
            let Ok(Some(packet)) = format.next_packet() else { break };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(sound) => {
                    mix(&sound, &mut mono)?;
                    self.sink.take(sound.spec().rate(), &mono)?;
                }
                Err(Error::ResetRequired) => break,
                Err(error) => {
                    self.broken.get_or_insert_with(|| refused(&error));
                }
            }
        }
        let samples = self.sink.finish()?;
        match self.broken {
            Some(error) if samples.is_empty() => Err(error),
            _ => Ok(samples),
        }
    }
}

/// The mean of all channels.
fn mix(sound: &GenericAudioBufferRef<'_>, mono: &mut Vec<f32>) -> Result<(), DecodeError> {
    let channels = sound.num_planes();
    if channels == 0 || channels > CHANNELS_MAX {
        return Err(DecodeError::Unsupported(format!("{channels} channels")));
    }
    sound.copy_to_vec_interleaved(mono);
    if channels > 1 {
        let share = 1.0 / channels as f32;
        let frames = mono.len() / channels;
        for frame in 0..frames {
            let sum: f32 =
                mono.get(frame * channels..(frame + 1) * channels).unwrap_or_default().iter().sum();
            if let Some(sample) = mono.get_mut(frame) {
                *sample = sum * share;
            }
        }
        mono.truncate(frames);
    }
    Ok(())
}

fn refused(error: &Error) -> DecodeError {
    match error {
        Error::Unsupported(what) => DecodeError::Unsupported((*what).to_owned()),
        error => DecodeError::Malformed(error.to_string()),
    }
}
