//! What a caller hears while the other side rings, as it sounds in each country.
//!
//! Frequencies and cadences are those that administrations told the ITU (E.180, supplement 2), and where they
//! differ from it, of the national standard. The list of countries is that of Dial's `ringTone` (contract,
//! runtime.md 3.2).

use std::f64::consts::TAU;
use std::sync::{Arc, OnceLock};

use crate::{Prompt, SAMPLE_RATE_HZ};

use Tone::{Modulated, Pair, Single};

/// The country whose tone is heard when none is named.
pub const DEFAULT_COUNTRY: &str = "us";

/// Peak of the sound, about -15 dBm0.
const PEAK: f64 = 5000.0;
/// How deep a tone is modulated.
const DEPTH: f64 = 0.9;
/// Each ring begins and ends softly, or it would click.
const EDGE_SAMPLES: usize = 40;

/// One second, then four of silence: most of the world.
const LONG: &[usize] = &[1000, 4000];
/// Twice, as the bells of Britain ring.
const DOUBLE: &[usize] = &[400, 200, 400, 2000];

static COUNTRIES: [(&str, Tone, &[usize]); 40] = [
    ("at", Single(420.0), &[1000, 5000]),
    ("au", Pair(413.0, 438.0), DOUBLE),
    ("be", Single(425.0), &[1000, 3000]),
    ("bg", Single(425.0), LONG),
    ("br", Single(425.0), LONG),
    ("ch", Single(425.0), LONG),
    ("cl", Single(400.0), &[1000, 3000]),
    ("cn", Single(450.0), LONG),
    ("cz", Single(425.0), LONG),
    ("de", Single(425.0), LONG),
    ("dk", Single(425.0), LONG),
    ("ee", Single(425.0), LONG),
    ("es", Single(425.0), &[1500, 3000]),
    ("fi", Single(425.0), LONG),
    ("fr", Single(440.0), &[1500, 3500]),
    ("gr", Single(425.0), LONG),
    ("hu", Single(425.0), &[1250, 3750]),
    ("il", Single(414.0), &[1000, 3000]),
    ("in", Modulated(400.0, 25.0), DOUBLE),
    ("it", Single(425.0), LONG),
    ("jp", Modulated(400.0, 16.0), &[1000, 2000]),
    ("lt", Single(425.0), LONG),
    ("mx", Single(425.0), LONG),
    ("my", Single(425.0), DOUBLE),
    ("nl", Single(425.0), LONG),
    ("no", Single(425.0), LONG),
    ("nz", Pair(400.0, 450.0), DOUBLE),
    ("ph", Pair(425.0, 480.0), LONG),
    ("pl", Single(425.0), LONG),
    ("pt", Single(425.0), &[1000, 5000]),
    ("ru", Single(425.0), LONG),
    ("se", Single(425.0), &[1000, 5000]),
    ("sg", Modulated(425.0, 24.0), DOUBLE),
    ("th", Single(420.0), &[1000, 5000]),
    ("tw", Pair(440.0, 480.0), &[1000, 2000]),
    ("uk", Pair(400.0, 450.0), DOUBLE),
    ("us", Pair(440.0, 480.0), &[2000, 4000]),
    ("us-old", Modulated(420.0, 40.0), &[2000, 4000]),
    ("ve", Single(425.0), LONG),
    ("za", Modulated(400.0, 33.0), DOUBLE),
];

static PROMPTS: [OnceLock<Arc<Prompt>>; COUNTRIES.len()] = [const { OnceLock::new() }; COUNTRIES.len()];

/// What sounds while it rings, in Hz.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tone {
    Single(f64),
    Pair(f64, f64),
    /// The second one makes the first one louder and softer.
    Modulated(f64, f64),
}

/// The ringing tone of a country in `ringTone`'s words, one round of its cadence long: to be played until it is
/// stopped. `None` for a country that is not in the list (13220).
pub fn ringback(country: &str) -> Option<Arc<Prompt>> {
    let place = COUNTRIES.iter().position(|(name, _, _)| *name == country)?;
    let (_, tone, cadence_ms) = COUNTRIES.get(place)?;
    let prompt = PROMPTS.get(place)?.get_or_init(|| Arc::new(Prompt::from_pcm_8k(&round(*tone, cadence_ms))));
    Some(Arc::clone(prompt))
}

/// Sound and silence in turn.
fn round(tone: Tone, cadence_ms: &[usize]) -> Vec<i16> {
    let mut samples = Vec::new();
    for (part, milliseconds) in cadence_ms.iter().enumerate() {
        let length = milliseconds * SAMPLE_RATE_HZ as usize / 1000;
        let sounds = part % 2 == 0;
        samples.extend((0..length).map(|sample| {
            let edge = sample.min(length - sample).min(EDGE_SAMPLES) as f64 / EDGE_SAMPLES as f64;
            if sounds { (tone.at(sample) * edge * PEAK) as i16 } else { 0 }
        }));
    }
    samples
}

impl Tone {
    /// Between -1 and 1.
    fn at(self, sample: usize) -> f64 {
        let wave = |hertz: f64| (TAU * hertz * sample as f64 / f64::from(SAMPLE_RATE_HZ)).sin();
        match self {
            Single(hertz) => wave(hertz),
            Pair(low, high) => (wave(low) + wave(high)) / 2.0,
            Modulated(hertz, by) => wave(hertz) * (1.0 + DEPTH * wave(by)) / (1.0 + DEPTH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::tone::peak_at;

    const LIST: &str = "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no nz ph pl \
                        pt ru se sg th uk us us-old tw ve za";

    fn sound(country: &str) -> Vec<i16> {
        let prompt = ringback(country).unwrap_or_else(|| panic!("{country}"));
        Codec::Pcmu.decode_all(prompt.octets(Codec::Pcmu))
    }

    /// When it sounds, in parts of 20 ms.
    fn cadence_ms(samples: &[i16]) -> Vec<usize> {
        let is_loud = |frame: &[i16]| frame.iter().any(|sample| sample.unsigned_abs() > 1000);
        let frames: Vec<bool> = samples.chunks(160).map(is_loud).collect();
        frames.chunk_by(|one, next| one == next).map(|part| part.len() * 20).collect()
    }

    #[test]
    fn every_country_of_the_list_rings_and_no_other() {
        assert_eq!(
            COUNTRIES.iter().map(|(name, _, _)| *name).collect::<std::collections::BTreeSet<_>>(),
            LIST.split(' ').collect()
        );
        for country in ["xx", "", "US", "gb"] {
            assert!(ringback(country).is_none(), "{country}");
        }
        assert!(ringback(DEFAULT_COUNTRY).is_some());
    }

    #[test]
    fn each_has_its_frequencies_and_its_cadence() {
        for (country, tone, cadence) in COUNTRIES {
            let samples = sound(country);
            let measured = cadence_ms(&samples);
            assert_eq!(measured.len(), cadence.len(), "{country}");
            let is_near = |(one, other): (&usize, &usize)| one.abs_diff(*other) <= 20;
            assert!(measured.iter().zip(cadence).all(is_near), "{country}: {measured:?}");
            let ring = &samples[..cadence[0] * 8];
            let loudest = |hertz| peak_at(ring, hertz);
            let (wanted, least): (Vec<f64>, f64) = match tone {
                Single(hertz) => (vec![hertz], PEAK * 0.95),
                Pair(low, high) => (vec![low, high], PEAK * 0.45),
                Modulated(hertz, by) => (vec![hertz - by, hertz, hertz + by], PEAK * 0.2),
            };
            for hertz in wanted {
                assert!(loudest(hertz) > least, "{country}: {hertz} Hz has {}", loudest(hertz));
            }
            assert!(loudest(600.0) < 150.0 && loudest(350.0) < 150.0, "{country}");
        }
    }

    #[test]
    fn known_examples() {
        assert_eq!(cadence_ms(&sound("us")), [2000, 4000]);
        assert_eq!(cadence_ms(&sound("uk")), [400, 200, 400, 2000]);
        assert!(peak_at(&sound("de")[..8000], 425.0) > 4700.0);
        let us = sound("us");
        assert!(peak_at(&us[..16_000], 440.0) > 2300.0 && peak_at(&us[..16_000], 480.0) > 2300.0);
    }
}
