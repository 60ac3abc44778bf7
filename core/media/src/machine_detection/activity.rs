//! Whether somebody speaks: louder than the line itself.

use crate::Frame;

/// Mean magnitudes. Quieter than this is silence on any line, about -46 dB below overload;
const THRESHOLD_MIN: f64 = 160.0;
/// louder than this is speech even on a noisy one.
const THRESHOLD_MAX: f64 = 1200.0;
/// Speech is so much louder than the noise of the line: 10 dB.
const ABOVE_NOISE: f64 = 3.2;
/// The noise is believed to grow by so much a frame at most, twofold in a second and a half.
const NOISE_GROWTH: f64 = 1.01;

#[derive(Debug)]
pub(super) struct Activity {
    /// The quietest that was heard of late.
    noise: f64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { noise: THRESHOLD_MIN / ABOVE_NOISE }
    }
}

impl Activity {
    pub(super) fn hear(&mut self, frame: &Frame) -> bool {
        let level =
            frame.iter().map(|sample| f64::from(sample.unsigned_abs())).sum::<f64>() / frame.len() as f64;
        let threshold = (self.noise * ABOVE_NOISE).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
        // A line that is switched off between words is no measure of its noise.
        if level > 1.0 {
            self.noise = level.min(self.noise * NOISE_GROWTH).max(1.0);
        }
        level > threshold
    }
}
