//! Sound files: what is played to the other side, and what was heard.

use std::path::Path;

/// Quieter than this (about -50 dB below full scale) counts as silence.
const AUDIBLE_RMS: f64 = 100.0;

/// Everything heard, as 8 kHz samples.
#[derive(Default)]
pub(crate) struct Heard {
    samples: Vec<i16>,
    audible_frames: usize,
}

impl Heard {
    /// One more slot of 20 ms.
    pub(crate) fn push(&mut self, samples: &[i16]) {
        let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        if (energy / samples.len().max(1) as f64).sqrt() >= AUDIBLE_RMS {
            self.audible_frames += 1;
        }
        self.samples.extend_from_slice(samples);
    }

    /// Seconds that were not silent.
    pub(crate) fn audible_s(&self) -> f64 {
        self.audible_frames as f64 * 0.02
    }

    /// Writes a WAV file: 16 bits, one channel, 8 kHz.
    pub(crate) fn save(&self, path: &Path) -> Result<(), String> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: ringway_media::SAMPLE_RATE_HZ,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let failed = |error: hound::Error| format!("cannot save {}: {error}", path.display());
        let mut file = hound::WavWriter::create(path, spec).map_err(failed)?;
        for sample in &self.samples {
            file.write_sample(*sample).map_err(failed)?;
        }
        file.finalize().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use ringway_media::FRAME_SAMPLES;

    use super::*;

    #[test]
    fn silence_is_kept_but_does_not_count_as_sound() {
        let mut heard = Heard::default();
        heard.push(&[0; FRAME_SAMPLES]);
        heard.push(&[8000; FRAME_SAMPLES]);
        assert_eq!(heard.samples.len(), 2 * FRAME_SAMPLES);
        assert!((heard.audible_s() - 0.02).abs() < 1e-9);
    }
}
