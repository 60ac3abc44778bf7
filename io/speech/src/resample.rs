//! From the engine's sample rate to ours: a windowed-sinc low-pass, one set of taps for each phase.

use std::f64::consts::PI;

/// Half of the filter's length, in periods of the lower rate.
const LOBES: f64 = 24.0;
/// Where the pass band ends, as a part of half the lower rate. What is left of the way to the edge is the
/// slope.
const PASS: f64 = 0.92;
/// Kaiser's window: about 80 dB in the stop band.
const BETA: f64 = 8.0;

/// Resamples by the exact ratio of the two rates.
pub(crate) fn resample(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    if from_hz == to_hz || samples.is_empty() || from_hz == 0 || to_hz == 0 {
        return samples.to_vec();
    }
    let common = gcd(from_hz, to_hz);
    let (step, phases) = (u64::from(from_hz / common), u64::from(to_hz / common));
    let filter = Filter::new(from_hz, to_hz, phases);
    let count = samples.len() as u64 * phases / step;
    (0..count).map(|n| filter.sample(samples, n * step / phases, n * step % phases)).collect()
}

struct Filter {
    half: usize,
    taps: Vec<Vec<f32>>,
}

impl Filter {
    fn new(from_hz: u32, to_hz: u32, phases: u64) -> Self {
        // Cycles for each input sample at which the low-pass has half its height.
        let cutoff = (f64::from(to_hz) / f64::from(from_hz)).min(1.0) * PASS / 2.0;
        let half = (LOBES / (2.0 * cutoff)).ceil();
        let taps = (0..phases).map(|phase| {
            let offset = phase as f64 / phases as f64;
            let places = (0..2 * half as usize).map(|tap| tap as f64 - half + 1.0 - offset);
            let raw: Vec<f64> = places.map(|x| sinc(2.0 * cutoff * x) * kaiser(x / half)).collect();
            // Every phase passes a constant unchanged, so that silence and level stay what they are.
            let sum: f64 = raw.iter().sum();
            raw.iter().map(|tap| (tap / sum) as f32).collect()
        });
        Self { half: half as usize, taps: taps.collect() }
    }

    /// The output between input samples `at` and `at + 1`.
    fn sample(&self, samples: &[i16], at: u64, phase: u64) -> i16 {
        let taps = &self.taps[phase as usize];
        let first = at as i64 + 1 - self.half as i64;
        let skip = usize::try_from(-first).unwrap_or(0).min(taps.len());
        let start = usize::try_from(first).unwrap_or(0).min(samples.len());
        let sum: f32 =
            taps[skip..].iter().zip(&samples[start..]).map(|(tap, sample)| tap * f32::from(*sample)).sum();
        // `as` saturates, which is what a peak between samples needs.
        sum.round() as i16
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn kaiser(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { bessel(BETA * (1.0 - x * x).sqrt()) / bessel(BETA) }
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-12 {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate_hz: u32, seconds: f64) -> Vec<i16> {
        let count = (f64::from(rate_hz) * seconds) as u32;
        (0..count)
            .map(|n| (10_000.0 * (2.0 * PI * hz * f64::from(n) / f64::from(rate_hz)).sin()) as i16)
            .collect()
    }

    /// Root mean square of the middle, where the filter is fully inside.
    fn level(samples: &[i16]) -> f64 {
        let middle = &samples[400..samples.len() - 400];
        (middle.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / middle.len() as f64).sqrt()
    }

    #[test]
    fn speech_frequencies_keep_their_level_and_length() {
        for hz in [100.0, 1000.0, 3000.0, 3400.0] {
            let out = resample(&tone(hz, 22_050, 1.0), 22_050, 8000);
            assert_eq!(out.len(), 8000);
            let ratio = level(&out) / (10_000.0 / 2f64.sqrt());
            assert!((0.97..1.03).contains(&ratio), "{hz} Hz: {ratio}");
        }
    }

    #[test]
    fn what_8_khz_cannot_carry_is_gone_instead_of_folded_back() {
        for hz in [4300.0, 5000.0, 7000.0, 10_000.0] {
            let out = resample(&tone(hz, 22_050, 1.0), 22_050, 8000);
            assert!(level(&out) < 10.0, "{hz} Hz: {}", level(&out));
        }
    }

    #[test]
    fn a_constant_stays_constant_and_a_full_scale_square_does_not_wrap() {
        let out = resample(&[1000; 4000], 22_050, 8000);
        assert!(out[200..1000].iter().all(|sample| (999..=1001).contains(sample)));
        let square: Vec<i16> = (0..8000).map(|n| if n / 50 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let out = resample(&square, 16_000, 8000);
        assert!(out[1000..1020].iter().all(|sample| *sample != 0));
        assert!(out.windows(2).all(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() < 60_000));
    }

    #[test]
    fn upwards_equal_and_empty_work_too() {
        assert_eq!(resample(&[1, 2, 3], 8000, 8000), [1, 2, 3]);
        assert!(resample(&[], 22_050, 8000).is_empty());
        assert_eq!(resample(&tone(500.0, 4000, 0.5), 4000, 8000).len(), 4000);
    }
}
