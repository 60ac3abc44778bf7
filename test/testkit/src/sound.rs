//! Ears: what is in a WAV file.

use std::path::Path;

/// 16-bit mono sound.
#[derive(Debug, Clone)]
pub struct Sound {
    /// Samples a second.
    pub rate_hz: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

impl Sound {
    /// Reads a WAV file of 16-bit samples, the first channel of it.
    ///
    /// # Panics
    /// When it is not one.
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(bytes.len() >= 44 && bytes.starts_with(b"RIFF"), "{} is not a WAV file", path.display());
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let channels = usize::from(word(22));
        let rate_hz = u32::from(word(24)) | u32::from(word(26)) << 16;
        assert_eq!(word(34), 16, "{} has not 16 bits a sample", path.display());
        let data = bytes.windows(4).position(|name| name == b"data").expect("a data chunk") + 8;
        let samples =
            bytes[data..].chunks_exact(2 * channels).map(|frame| i16::from_le_bytes([frame[0], frame[1]]));
        Self { rate_hz, samples: samples.collect() }
    }

    /// A tone.
    pub fn tone(frequency_hz: f64, seconds: f64, rate_hz: u32) -> Self {
        let count = (seconds * f64::from(rate_hz)) as usize;
        let angle = |index: usize| index as f64 * frequency_hz / f64::from(rate_hz) * std::f64::consts::TAU;
        Self { rate_hz, samples: (0..count).map(|index| (12_000.0 * angle(index).sin()) as i16).collect() }
    }

    /// Writes a WAV file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.wav()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// A WAV file of it.
    pub fn wav(&self) -> Vec<u8> {
        let length = (self.samples.len() * 2) as u32;
        let mut bytes = Vec::with_capacity(44 + self.samples.len() * 2);
        bytes.extend_from_slice(b"RIFF");
        bytes.extend_from_slice(&(36 + length).to_le_bytes());
        bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        bytes.extend_from_slice(&self.rate_hz.to_le_bytes());
        bytes.extend_from_slice(&(self.rate_hz * 2).to_le_bytes());
        bytes.extend_from_slice(&[2, 0, 16, 0]);
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        bytes
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate_hz)
    }

    /// How long it is not silent, in slots of 20 ms.
    pub fn audible_seconds(&self) -> f64 {
        let slot = (self.rate_hz / 50) as usize;
        let loud = |samples: &&[i16]| {
            samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / slot as f64 > 10_000.0
        };
        self.samples.chunks_exact(slot).filter(loud).count() as f64 / 50.0
    }

    /// How long this frequency is what is heard, in slots of 20 ms: it holds most of the slot's energy.
    pub fn seconds_of(&self, frequency_hz: f64) -> f64 {
        let slot = (self.rate_hz / 50) as usize;
        let heard = |samples: &&[i16]| {
            let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            energy / slot as f64 > 10_000.0 && self.power(samples, frequency_hz) > 0.6 * energy
        };
        self.samples.chunks_exact(slot).filter(heard).count() as f64 / 50.0
    }

    /// The energy at a frequency (Goertzel), on the scale of the sum of squares.
    fn power(&self, samples: &[i16], frequency_hz: f64) -> f64 {
        let step = frequency_hz / f64::from(self.rate_hz) * std::f64::consts::TAU;
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (index, sample) in samples.iter().enumerate() {
            real += f64::from(*sample) * (step * index as f64).cos();
            imaginary += f64::from(*sample) * (step * index as f64).sin();
        }
        2.0 * (real * real + imaginary * imaginary) / samples.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_told_from_another() {
        let tone = Sound::tone(440.0, 1.0, 8000);
        assert!(tone.seconds_of(440.0) > 0.95);
        assert!(tone.seconds_of(1000.0) < 0.05);
        assert!((tone.seconds() - 1.0).abs() < 1e-9);
    }
}
