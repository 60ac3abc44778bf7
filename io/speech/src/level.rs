//! One loudness for all voices and languages.

/// The mean level aimed at: -19 dB below full scale, usual for prompts on a telephone line.
const TARGET_RMS: f64 = 3676.0;
/// Peaks stay this far below clipping.
const PEAK_MAX: f64 = 30_000.0;
/// Samples weaker than this are pauses and do not count.
const PAUSE: i16 = 200;

/// Brings speech to the usual level, unless its peaks would clip.
pub(crate) fn normalise(samples: &mut [i16]) {
    let (mut energy, mut count, mut peak) = (0.0, 0.0, 0.0f64);
    for sample in samples.iter().filter(|sample| sample.unsigned_abs() >= PAUSE.unsigned_abs()) {
        energy += f64::from(*sample).powi(2);
        count += 1.0;
        peak = peak.max(f64::from(sample.unsigned_abs()));
    }
    if count == 0.0 {
        return;
    }
    let gain = (TARGET_RMS / f64::sqrt(energy / count)).min(PEAK_MAX / peak);
    for sample in samples {
        *sample = (f64::from(*sample) * gain).round() as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms(samples: &[i16]) -> f64 {
        (samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn loud_and_soft_come_out_alike() {
        for level in [500, 2000, 16_000] {
            let mut samples: Vec<i16> = (0..1000).map(|n| if n % 2 == 0 { level } else { -level }).collect();
            normalise(&mut samples);
            assert!((3600.0..3750.0).contains(&rms(&samples)), "{level}");
        }
    }

    #[test]
    fn peaks_are_not_clipped_and_silence_stays_silent() {
        let mut spiky = vec![300; 1000];
        spiky[10] = i16::MIN;
        normalise(&mut spiky);
        assert_eq!(spiky[10], -30_000);
        let mut silence = vec![3; 100];
        normalise(&mut silence);
        assert_eq!(silence, vec![3; 100]);
    }
}
