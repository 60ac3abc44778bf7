//! Any sample rate to 8 kHz, piece by piece, so that a long file never stands in memory at its own rate.

use ringway_media::SAMPLE_RATE_HZ;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler, WindowFunction};

/// Pieces of a second that are converted at once: the filter is as long as a piece, and a shorter one would
/// take the upper voice away.
const CHUNKS_PER_SECOND: usize = 8;

/// One channel on its way to 8 kHz.
pub(crate) enum ToEight {
    /// It is there already.
    Same,
    /// It has another rate.
    Other(Box<Conversion>),
}

/// The rates cannot be converted.
#[derive(Debug)]
pub(crate) struct Inconvertible;

pub(crate) struct Conversion {
    fft: Fft<f32>,
    waiting: Vec<f32>,
    scratch: Vec<f32>,
    /// Silence that the filter still has to give before the first sound.
    delay_left: usize,
    taken: u64,
    given: u64,
    rate: u32,
}

impl ToEight {
    pub(crate) fn new(rate: u32) -> Result<Self, Inconvertible> {
        if rate == SAMPLE_RATE_HZ {
            return Ok(Self::Same);
        }
        let (input, output) = (rate as usize, SAMPLE_RATE_HZ as usize);
        let window = WindowFunction::BlackmanHarris2;
        let chunk = (input / CHUNKS_PER_SECOND).max(1);
        let fft = Fft::new_custom(input, output, chunk, 1, 1, window, FixedSync::Input)
            .map_err(|_| Inconvertible)?;
        Ok(Self::Other(Box::new(Conversion {
            waiting: Vec::with_capacity(2 * chunk),
            scratch: vec![0.0; fft.output_frames_max()],
            delay_left: fft.output_delay(),
            fft,
            taken: 0,
            given: 0,
            rate,
        })))
    }

    /// Appends what `samples` become to `out`; some of it only with the next ones.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<i16>) -> Result<(), Inconvertible> {
        match self {
            Self::Same => out.extend(samples.iter().copied().map(to_pcm)),
            Self::Other(conversion) => {
                conversion.taken += samples.len() as u64;
                conversion.waiting.extend_from_slice(samples);
                conversion.convert_waiting(out)?;
            }
        }
        Ok(())
    }

    /// Appends the rest, so that the whole is as long as the original.
    pub(crate) fn finish(self, out: &mut Vec<i16>) -> Result<(), Inconvertible> {
        let Self::Other(mut conversion) = self else { return Ok(()) };
        let whole = (conversion.taken * u64::from(SAMPLE_RATE_HZ)).div_ceil(u64::from(conversion.rate));
        let end =
            out.len() + usize::try_from(whole - conversion.given.min(whole)).map_err(|_| Inconvertible)?;
        while out.len() < end {
            let missing = conversion.fft.input_frames_next().saturating_sub(conversion.waiting.len()).max(1);
            conversion.waiting.resize(conversion.waiting.len() + missing, 0.0);
            conversion.convert_waiting(out)?;
        }
        out.truncate(end);
        Ok(())
    }
}

impl Conversion {
    fn convert_waiting(&mut self, out: &mut Vec<i16>) -> Result<(), Inconvertible> {
        let mut start = 0;
        while self.waiting.len() - start >= self.fft.input_frames_next() {
            let wanted = self.fft.input_frames_next();
            let input = self.waiting.get(start..start + wanted).ok_or(Inconvertible)?;
            let input = InterleavedSlice::new(input, 1, wanted).map_err(|_| Inconvertible)?;
            let room = self.scratch.len();
            let mut output =
                InterleavedSlice::new_mut(&mut self.scratch, 1, room).map_err(|_| Inconvertible)?;
            let indexing: Option<&Indexing> = None;
            let (used, made) =
                self.fft.process_into_buffer(&input, &mut output, indexing).map_err(|_| Inconvertible)?;
            start += used.max(1);
            let skipped = self.delay_left.min(made);
            self.delay_left -= skipped;
            let sound = self.scratch.get(skipped..made).unwrap_or_default();
            self.given += sound.len() as u64;
            out.extend(sound.iter().copied().map(to_pcm));
        }
        self.waiting.drain(..start.min(self.waiting.len()));
        Ok(())
    }
}

/// Full scale is 1; a 16-bit sample comes back as it was.
fn to_pcm(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn sine(rate: u32, hertz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| 0.5 * (TAU * hertz * n as f32 / rate as f32).sin()).collect()
    }

    /// The amplitude of one frequency (Goertzel), 1 being full scale.
    fn amplitude(samples: &[i16], hertz: f32) -> f32 {
        let step = TAU * hertz / SAMPLE_RATE_HZ as f32;
        let (mut real, mut imaginary) = (0.0f32, 0.0f32);
        for (n, sample) in samples.iter().enumerate() {
            real += f32::from(*sample) / 32_768.0 * (step * n as f32).cos();
            imaginary += f32::from(*sample) / 32_768.0 * (step * n as f32).sin();
        }
        2.0 * real.hypot(imaginary) / samples.len() as f32
    }

    fn converted(rate: u32, samples: &[f32]) -> Vec<i16> {
        let mut conversion = ToEight::new(rate).expect("a usual rate");
        let mut out = Vec::new();
        for piece in samples.chunks(777) {
            conversion.push(piece, &mut out).expect("converts");
        }
        conversion.finish(&mut out).expect("converts");
        out
    }

    #[test]
    fn a_tone_keeps_its_pitch_strength_and_length_at_every_usual_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 7_919] {
            let out = converted(rate, &sine(rate, 1_000.0, rate as usize / 2));
            assert!(out.len().abs_diff(4_000) <= 1, "{rate}: {}", out.len());
            let strength = amplitude(&out[400..3_600], 1_000.0);
            assert!((strength - 0.5).abs() < 0.02, "{rate}: {strength}");
        }
    }

    #[test]
    fn what_a_telephone_cannot_carry_does_not_fold_back() {
        let out = converted(44_100, &sine(44_100, 6_000.0, 44_100));
        assert!(amplitude(&out[400..7_600], 2_000.0) < 0.003);
    }

    #[test]
    fn a_sound_at_eight_kilohertz_is_not_touched() {
        let samples: Vec<f32> = [-32_768i16, -1, 0, 1, 32_767].map(|s| f32::from(s) / 32_768.0).to_vec();
        assert_eq!(converted(8_000, &samples), [-32_768, -1, 0, 1, 32_767]);
    }

    #[test]
    fn a_sound_shorter_than_a_chunk_is_not_lost() {
        assert_eq!(converted(48_000, &sine(48_000, 400.0, 60)).len(), 10);
        assert!(converted(48_000, &[]).is_empty());
    }
}
