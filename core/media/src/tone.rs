//! Tones: the two of each key for peers that take no telephone-events, single ones, and measuring them.

use std::f64::consts::TAU;

use crate::SAMPLE_RATE_HZ;

/// Rows and columns of the keypad, in Hz (ITU-T Q.23).
const ROW_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMN_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// Row and column by event code: 0-9, *, #, A-D.
const PLACES: [(usize, usize); 16] = [
    (3, 1),
    (0, 0),
    (0, 1),
    (0, 2),
    (1, 0),
    (1, 1),
    (1, 2),
    (2, 0),
    (2, 1),
    (2, 2),
    (3, 0),
    (3, 2),
    (0, 3),
    (1, 3),
    (2, 3),
    (3, 3),
];
/// Peak of each tone, about -10 dBm0; the higher one is 2 dB louder, as lines lose more of it.
const ROW_PEAK: f64 = 7000.0;
const COLUMN_PEAK: f64 = 8800.0;

/// A sine by recurrence: two multiplications a sample.
#[derive(Debug, Clone)]
pub struct Oscillator {
    coefficient: f64,
    previous: f64,
    current: f64,
}

impl Oscillator {
    /// A tone of this frequency and peak, starting at zero.
    pub fn new(frequency_hz: f64, peak: f64) -> Self {
        let step = TAU * frequency_hz / f64::from(SAMPLE_RATE_HZ);
        Self { coefficient: 2.0 * step.cos(), previous: -peak * step.sin(), current: 0.0 }
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> f64 {
        let sample = self.current;
        self.current = self.coefficient * sample - self.previous;
        self.previous = sample;
        sample
    }
}

/// The two tones of a key.
#[derive(Debug, Clone)]
pub struct DtmfTone {
    row: Oscillator,
    column: Oscillator,
}

impl DtmfTone {
    /// The tones of an event code (RFC 4733 3.2); codes above 15 are taken modulo 16.
    pub fn new(code: u8) -> Self {
        let (row, column) = PLACES[usize::from(code & 15)];
        Self {
            row: Oscillator::new(ROW_HZ[row], ROW_PEAK),
            column: Oscillator::new(COLUMN_HZ[column], COLUMN_PEAK),
        }
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> i16 {
        (self.row.next_sample() + self.column.next_sample()) as i16
    }
}

/// A tone of this length.
pub fn sine(frequency_hz: f64, peak: f64, samples: usize) -> Vec<i16> {
    let mut oscillator = Oscillator::new(frequency_hz, peak);
    (0..samples).map(|_| oscillator.next_sample() as i16).collect()
}

/// The peak of one frequency within a sound (Goertzel): what a sine of that frequency alone would have.
pub fn peak_at(samples: &[i16], frequency_hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * frequency_hz / f64::from(SAMPLE_RATE_HZ)).cos();
    let (previous, last) = samples.iter().fold((0.0, 0.0), |(before, last): (f64, f64), sample| {
        (last, f64::from(*sample) + coefficient * last - before)
    });
    let power = previous * previous + last * last - coefficient * previous * last;
    if samples.is_empty() { 0.0 } else { 2.0 * power.max(0.0).sqrt() / samples.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_at_its_frequency_and_nowhere_else() {
        let tone = sine(440.0, 8000.0, 8000);
        assert!((peak_at(&tone, 440.0) - 8000.0).abs() < 50.0);
        assert!(peak_at(&tone, 500.0) < 50.0);
        assert_eq!(peak_at(&[], 440.0), 0.0);
    }

    #[test]
    fn each_key_has_the_two_tones_of_the_recommendation() {
        for (key, row, column) in
            [(5u8, 770.0, 1336.0), (11, 941.0, 1477.0), (0, 941.0, 1336.0), (15, 941.0, 1633.0)]
        {
            let mut tone = DtmfTone::new(key);
            let samples: Vec<i16> = (0..4000).map(|_| tone.next_sample()).collect();
            assert!(peak_at(&samples, row) > 6500.0 && peak_at(&samples, column) > 8000.0, "{key}");
            assert!(peak_at(&samples, 697.0) < 500.0 && peak_at(&samples, 1209.0) < 500.0, "{key}");
        }
    }

    #[test]
    fn a_long_tone_keeps_its_level() {
        let tone = sine(1000.0, 10_000.0, 80_000);
        assert!((peak_at(&tone[72_000..], 1000.0) - 10_000.0).abs() < 20.0);
    }
}
