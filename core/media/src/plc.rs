//! Packet loss concealment after ITU-T G.711 appendix I: the last pitch cycle is repeated and fades out.
//!
//! Unlike the appendix nothing is delayed: the repeated cycle is smoothed at its own seam, not into what has
//! been played already.

use crate::{FRAME_SAMPLES, Frame};

/// Pitch periods looked for: 200 Hz down to 66 Hz.
const PITCH_MIN: usize = 40;
const PITCH_MAX: usize = 120;
/// How much of the sound is compared when looking for the pitch: 20 ms.
const COMPARED: usize = 160;
/// Three longest cycles are repeated at most, and a quarter of one is needed before them to smooth the seam.
const HISTORY: usize = 3 * PITCH_MAX + PITCH_MAX / 4;
/// At full level for 10 ms, gone after 60 ms.
const FADE_START: usize = 80;
const FADE_END: usize = 480;
/// Cross-fade from the made-up sound back to the real one: 4 ms, and 4 ms more for each 10 ms made up.
const MERGE_MIN: usize = 32;
const MERGE_MAX: usize = 80;

/// Keeps enough of what was heard to go on without news.
#[derive(Debug, Clone)]
pub struct Concealment {
    /// What was heard last, the newest at the end.
    history: [i16; HISTORY],
    /// The cycle that is repeated; the first `period` samples count.
    cycle: [i16; HISTORY],
    period: usize,
    /// Samples made up since the last real one.
    made_up: usize,
}

impl Default for Concealment {
    fn default() -> Self {
        Self { history: [0; HISTORY], cycle: [0; HISTORY], period: PITCH_MAX, made_up: 0 }
    }
}

impl Concealment {
    /// A frame that arrived. After made-up sound its start is cross-faded.
    pub fn accept(&mut self, frame: &mut Frame) {
        if self.made_up > 0 {
            let length = (MERGE_MIN + (self.made_up / 80).saturating_sub(1) * 32).min(MERGE_MAX);
            self.merge(frame, length);
            self.made_up = 0;
        }
        self.remember(frame);
    }

    /// A frame behind a piece that is left out: smooths the jump.
    pub fn accept_after_skip(&mut self, frame: &mut Frame) {
        if self.made_up == 0 {
            self.begin();
        }
        self.merge(frame, MERGE_MIN);
        self.made_up = 0;
        self.remember(frame);
    }

    /// A frame that did not arrive.
    pub fn conceal(&mut self, frame: &mut Frame) {
        if self.made_up == 0 {
            self.begin();
        }
        for sample in frame.iter_mut() {
            *sample = self.next_sample();
        }
        self.remember(frame);
    }

    /// Whether nothing is left of the sound before the loss.
    pub fn is_faded(&self) -> bool {
        self.made_up >= FADE_END
    }

    fn merge(&mut self, frame: &mut Frame, length: usize) {
        for (index, sample) in frame.iter_mut().take(length).enumerate() {
            let made_up = i32::from(self.next_sample()) * (length - index) as i32;
            *sample = ((i32::from(*sample) * index as i32 + made_up) / length as i32) as i16;
        }
    }

    fn next_sample(&mut self) -> i16 {
        let sample = self.cycle[self.made_up % self.period];
        let gain = FADE_END.saturating_sub(self.made_up.max(FADE_START));
        self.made_up += 1;
        (i32::from(sample) * gain as i32 / (FADE_END - FADE_START) as i32) as i16
    }

    /// Finds the cycle and smooths its end, so that its repetitions follow each other without a click.
    fn begin(&mut self) {
        let pitch = self.pitch();
        // Several cycles at once sound less like a machine than one again and again.
        self.period = pitch * (HISTORY - PITCH_MAX / 4).div_euclid(pitch).min(2);
        let start = HISTORY - self.period;
        self.cycle[..self.period].copy_from_slice(&self.history[start..]);
        let overlap = pitch / 4;
        for step in 0..overlap {
            let ending = i32::from(self.history[HISTORY - overlap + step]);
            let leading = i32::from(self.history[start - overlap + step]);
            let weight = (step + 1) as i32;
            let total = overlap as i32 + 1;
            self.cycle[self.period - overlap + step] =
                ((ending * (total - weight) + leading * weight) / total) as i16;
        }
    }

    /// The lag at which the sound is most like itself: normalised cross-correlation, every second sample.
    fn pitch(&self) -> usize {
        let recent = &self.history[HISTORY - COMPARED..];
        let mut best = (f32::MIN, PITCH_MAX);
        for lag in PITCH_MIN..=PITCH_MAX {
            let shifted = &self.history[HISTORY - COMPARED - lag..HISTORY - lag];
            let (mut product, mut energy) = (0.0f32, 1.0f32);
            for (now, then) in recent.iter().zip(shifted).step_by(2) {
                product += f32::from(*now) * f32::from(*then);
                energy += f32::from(*then) * f32::from(*then);
            }
            let likeness = product / energy.sqrt();
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }

    fn remember(&mut self, frame: &Frame) {
        self.history.copy_within(FRAME_SAMPLES.., 0);
        self.history[HISTORY - FRAME_SAMPLES..].copy_from_slice(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{peak_at, sine};

    fn frames(samples: &[i16]) -> Vec<Frame> {
        samples.as_chunks::<FRAME_SAMPLES>().0.to_vec()
    }

    /// Plays a sound with the frames named lost.
    fn played(sound: &[i16], lost: impl Fn(usize) -> bool) -> Vec<i16> {
        let mut concealment = Concealment::default();
        let mut heard = Vec::new();
        for (index, mut frame) in frames(sound).into_iter().enumerate() {
            if lost(index) {
                concealment.conceal(&mut frame)
            } else {
                concealment.accept(&mut frame)
            }
            heard.extend(frame);
        }
        heard
    }

    #[test]
    fn a_tone_goes_on_through_losses() {
        for frequency in [150.0, 440.0, 1000.0] {
            let heard = played(&sine(frequency, 8000.0, 16_000), |frame| frame % 10 == 9);
            let peak = peak_at(&heard, frequency);
            assert!(peak > 7400.0, "{frequency} Hz: {peak}");
        }
    }

    #[test]
    fn no_click_where_made_up_sound_begins_ends_or_repeats() {
        let tone = sine(200.0, 8000.0, 16_000);
        let steepest = tone.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        let heard = played(&tone, |frame| frame % 10 == 9);
        let step = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        assert!(step.unwrap_or_default() <= steepest.unwrap_or_default() * 3 / 2, "{step:?} {steepest:?}");
    }

    #[test]
    fn a_long_loss_fades_to_silence() {
        let heard = played(&sine(440.0, 8000.0, 3200), |frame| frame >= 10);
        assert!(heard[1600..1760].iter().any(|sample| *sample > 6000));
        assert!(heard[1600 + 480..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn silence_stays_silent() {
        assert!(played(&[0; 3200], |frame| frame % 3 == 0).iter().all(|sample| *sample == 0));
    }
}
