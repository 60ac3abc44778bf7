//! Finds steady tones: beeps and fax machines.
//!
//! A sine satisfies x(n) + x(n-2) = c x(n-1) with c = 2 cos(w). The c that fits best names the frequency, and
//! the share of the power that a sine of that frequency explains tells whether it is one.

use std::f64::consts::TAU;
use std::time::Duration;

use super::FRAME;
use crate::tone::peak_at;
use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};

/// A window of two frames: lines 25 Hz wide.
const WINDOW: usize = 2 * FRAME_SAMPLES;
/// Share of the power that must lie in the one tone.
const PURITY_MIN: f64 = 0.85;
/// Mean square below which there is nothing to judge, about -44 dB.
const POWER_MIN: f64 = 40_000.0;
/// Where beeps are.
const HERTZ: std::ops::RangeInclusive<f64> = 350.0..=2500.0;
/// A steady tone stays this near to where it began.
const WANDER_MAX: f64 = 0.03;
/// Before so many windows agree it may be a vowel.
const STEADY_MIN: Duration = Duration::from_millis(80);

/// A tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tone {
    pub(super) hertz: f64,
    pub(super) length: Duration,
}

#[derive(Debug)]
pub(super) struct ToneTracker {
    window: [i16; WINDOW],
    current: Option<Tone>,
}

impl Default for ToneTracker {
    fn default() -> Self {
        Self { window: [0; WINDOW], current: None }
    }
}

impl ToneTracker {
    /// The next frame; returns a tone that ended with it.
    pub(super) fn hear(&mut self, frame: &Frame) -> Option<Tone> {
        self.window.copy_within(FRAME_SAMPLES.., 0);
        self.window[WINDOW - FRAME_SAMPLES..].copy_from_slice(frame);
        let found = tone_of(&self.window);
        match (&mut self.current, found) {
            (Some(tone), Some(hertz)) if (hertz / tone.hertz - 1.0).abs() < WANDER_MAX => {
                tone.length += FRAME;
                None
            }
            (current, found) => {
                // The window is longer than a frame by one: so much of the tone came before it was pure.
                let began = found.map(|hertz| Tone { hertz, length: FRAME * 2 });
                std::mem::replace(current, began)
            }
        }
    }

    /// The tone that sounds now.
    pub(super) fn current(&self) -> Option<Tone> {
        self.current
    }

    /// Whether a tone has sounded for longer than speech has any.
    pub(super) fn is_steady(&self) -> bool {
        self.current.is_some_and(|tone| tone.length >= STEADY_MIN)
    }
}

/// The frequency of a sound that is a pure tone.
fn tone_of(samples: &[i16; WINDOW]) -> Option<f64> {
    let power = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / WINDOW as f64;
    if power < POWER_MIN {
        return None;
    }
    let (mut product, mut square) = (0.0, 1.0);
    for three in samples.windows(3) {
        let [before, sample, after] = [three[0], three[1], three[2]].map(f64::from);
        product += (before + after) * sample;
        square += sample * sample;
    }
    let angle = (product / square / 2.0).clamp(-1.0, 1.0).acos();
    let hertz = angle / TAU * f64::from(SAMPLE_RATE_HZ);
    let explained = peak_at(samples, hertz).powi(2) / 2.0;
    (HERTZ.contains(&hertz) && explained / power > PURITY_MIN).then_some(hertz)
}
