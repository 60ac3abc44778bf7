//! The noise that stands for a line on which nobody speaks (RFC 3389).

/// A small generator: noise needs no secrecy, and sessions are many.
#[derive(Debug, Clone)]
pub(crate) struct Scatter(u64);

impl Scatter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, all 64 bits of it evenly spread (splitmix64).
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// White noise at a level.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    scatter: Scatter,
    /// Largest sample.
    peak: i32,
}

impl ComfortNoise {
    /// From the first byte of a payload: the level below overload in dB (RFC 3389 3.1). What follows it, the
    /// spectrum, is not used. An empty payload means a quiet line.
    pub fn new(payload: &[u8], seed: u64) -> Self {
        let level_db = payload.first().map_or(60, |level| level & 0x7f);
        let rms = 32_768.0 * 10f64.powf(-f64::from(level_db) / 20.0);
        // Evenly spread samples have an RMS of their peak over the root of three.
        Self { scatter: Scatter::new(seed), peak: (rms * 3f64.sqrt()).min(32_767.0) as i32 }
    }

    /// Fills a frame, or a part of one.
    pub fn fill(&mut self, frame: &mut [i16]) {
        let width = 2 * i64::from(self.peak) + 1;
        for sample in frame {
            let high = (self.scatter.next_u64() >> 33) as i64;
            *sample = (((high * width) >> 31) - i64::from(self.peak)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms(payload: &[u8]) -> f64 {
        let mut noise = ComfortNoise::new(payload, 1);
        let mut frame = [0; 160];
        let mut sum = 0.0;
        for _ in 0..100 {
            noise.fill(&mut frame);
            sum += frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        }
        (sum / 16_000.0).sqrt()
    }

    #[test]
    fn the_level_is_the_one_asked_for() {
        assert!((rms(&[40]) / 327.68 - 1.0).abs() < 0.05);
        assert!((rms(&[60, 1, 2]) / 32.768 - 1.0).abs() < 0.1);
        assert!(rms(&[127]) < 1.0);
        assert!((rms(&[]) / 32.768 - 1.0).abs() < 0.1);
    }
}
