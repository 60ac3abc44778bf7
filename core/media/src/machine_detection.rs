//! Who answered: a person, or a machine that plays its greeting (contract, runtime.md 3.2, `machineDetection`).
//!
//! People say a word or two and wait; machines speak for seconds without a pause, and beep. So the length of the
//! first utterance decides, measured against a threshold. docs/machine-detection.md describes the rules and how
//! often they err.

mod activity;
mod pitch;

use std::time::Duration;

use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};

use activity::Activity;
use pitch::ToneTracker;

const FRAME: Duration = Duration::from_millis(FRAME_SAMPLES as u64 * 1000 / SAMPLE_RATE_HZ as u64);
/// Less sound than this is a click or a breath, and no speech.
const SPEECH_MIN: Duration = Duration::from_millis(100);
/// A beep is a steady tone of such a length: shorter ones occur in speech, longer ones are fax or a line's own.
const BEEP: std::ops::RangeInclusive<Duration> = Duration::from_millis(120)..=Duration::from_millis(2500);
/// A called fax answers with 2100 Hz for seconds (ITU-T T.30, CED; V.8 ANSam).
const FAX_ANSWER_HZ: f64 = 2100.0;
const FAX_ANSWER_MIN: Duration = Duration::from_millis(700);
/// A calling one says 1100 Hz for half a second (ITU-T T.30, CNG).
const FAX_CALL_HZ: f64 = 1100.0;
const FAX_CALL: std::ops::RangeInclusive<Duration> = Duration::from_millis(420)..=Duration::from_millis(580);
const FAX_HZ_MARGIN: f64 = 40.0;

/// When to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As soon as it is known who answered (`Enable`).
    ForAnyone,
    /// For machines, until the greeting is over and a message can be left (`DetectMessageEnd`).
    ForMessageEnd,
}

/// The parameters, with the ranges and defaults of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineDetectionConfig {
    /// When to tell.
    pub wait: Wait,
    /// After so long without a decision the answer is unknown: 3 to 60 s, 30 by default.
    pub timeout: Duration,
    /// An utterance of this length is a machine's: 1000 to 6000 ms, 2400 by default.
    pub speech_threshold: Duration,
    /// An utterance is over after so much silence: 500 to 5000 ms, 1200 by default.
    pub speech_end_threshold: Duration,
    /// So much silence at the start leaves it unknown: 2000 to 10000 ms, 5000 by default.
    pub silence_timeout: Duration,
}

impl MachineDetectionConfig {
    /// The defaults.
    pub const fn new(wait: Wait) -> Self {
        Self {
            wait,
            timeout: Duration::from_secs(30),
            speech_threshold: Duration::from_millis(2400),
            speech_end_threshold: Duration::from_millis(1200),
            silence_timeout: Duration::from_millis(5000),
        }
    }
}

/// Who answered, as `AnsweredBy` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnsweredBy {
    /// A short utterance, then silence.
    Human,
    /// A long one; it may still go on.
    MachineStart,
    /// A machine's greeting ended with a beep.
    MachineEndBeep,
    /// A machine's greeting ended with silence.
    MachineEndSilence,
    /// A machine's greeting had not ended when the time was over.
    MachineEndOther,
    /// The tones of a fax machine.
    Fax,
    /// Nothing was heard, or nothing was decided in time.
    Unknown,
}

impl AnsweredBy {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            AnsweredBy::Human => "human",
            AnsweredBy::MachineStart => "machine_start",
            AnsweredBy::MachineEndBeep => "machine_end_beep",
            AnsweredBy::MachineEndSilence => "machine_end_silence",
            AnsweredBy::MachineEndOther => "machine_end_other",
            AnsweredBy::Fax => "fax",
            AnsweredBy::Unknown => "unknown",
        }
    }
}

/// Listens from the answer on, a frame of 20 ms at a time.
#[derive(Debug)]
pub struct MachineDetection {
    config: MachineDetectionConfig,
    elapsed: Duration,
    activity: Activity,
    tones: ToneTracker,
    utterance: Option<Utterance>,
    is_machine: bool,
    result: Option<AnsweredBy>,
}

/// Speech, its pauses included.
#[derive(Debug, Clone, Copy)]
struct Utterance {
    began: Duration,
    /// The end of the last sound.
    ended: Duration,
    /// How much of it was sound.
    sound: Duration,
}

impl MachineDetection {
    /// At the moment of the answer.
    pub fn new(config: MachineDetectionConfig) -> Self {
        Self {
            config,
            elapsed: Duration::ZERO,
            activity: Activity::default(),
            tones: ToneTracker::default(),
            utterance: None,
            is_machine: false,
            result: None,
        }
    }

    /// The next 20 ms; `None` when nothing arrived in them. Returns who answered once, when it is decided.
    pub fn hear(&mut self, frame: Option<&Frame>) -> Option<AnsweredBy> {
        if self.result.is_some() {
            return None;
        }
        self.elapsed += FRAME;
        let frame = frame.unwrap_or(&[0; FRAME_SAMPLES]);
        let tone = self.tones.hear(frame);
        let is_active = self.activity.hear(frame);
        self.result = self.tone_decides(tone).or_else(|| {
            // What may become a beep is not speech.
            self.follow_speech(is_active && !self.tones.is_steady());
            self.speech_decides().or_else(|| self.time_decides())
        });
        self.result
    }

    /// How long it took, or takes so far (`MachineDetectionDuration`).
    pub fn duration(&self) -> Duration {
        self.elapsed
    }

    fn tone_decides(&mut self, tone: Option<pitch::Tone>) -> Option<AnsweredBy> {
        let is_near = |hertz: f64, wanted: f64| (hertz - wanted).abs() < FAX_HZ_MARGIN;
        if let Some(tone) = self.tones.current()
            && is_near(tone.hertz, FAX_ANSWER_HZ)
            && tone.length >= FAX_ANSWER_MIN
        {
            return Some(AnsweredBy::Fax);
        }
        let ended = tone?;
        if is_near(ended.hertz, FAX_CALL_HZ) && FAX_CALL.contains(&ended.length) && self.utterance.is_none() {
            return Some(AnsweredBy::Fax);
        }
        if !BEEP.contains(&ended.length) {
            return None;
        }
        self.is_machine = true;
        Some(match self.config.wait {
            Wait::ForAnyone => AnsweredBy::MachineStart,
            Wait::ForMessageEnd => AnsweredBy::MachineEndBeep,
        })
    }

    fn follow_speech(&mut self, is_active: bool) {
        if !is_active {
            // A click is forgotten when nothing follows it.
            let is_click = |utterance: &mut Utterance| {
                utterance.sound < SPEECH_MIN && self.elapsed - utterance.ended > SPEECH_MIN * 3
            };
            self.utterance.take_if(is_click);
            return;
        }
        let began = self.elapsed - FRAME;
        let utterance =
            self.utterance.get_or_insert(Utterance { began, ended: began, sound: Duration::ZERO });
        utterance.ended = self.elapsed;
        utterance.sound += FRAME;
        self.is_machine |= utterance.ended - utterance.began >= self.config.speech_threshold;
    }

    fn speech_decides(&self) -> Option<AnsweredBy> {
        let utterance = self.utterance.filter(|utterance| utterance.sound >= SPEECH_MIN)?;
        if self.is_machine && self.config.wait == Wait::ForAnyone {
            return Some(AnsweredBy::MachineStart);
        }
        let is_over = self.elapsed - utterance.ended >= self.config.speech_end_threshold;
        // A tone that still sounds may be the beep.
        if !is_over || self.tones.is_steady() {
            return None;
        }
        Some(if self.is_machine { AnsweredBy::MachineEndSilence } else { AnsweredBy::Human })
    }

    fn time_decides(&self) -> Option<AnsweredBy> {
        let is_quiet = self.utterance.is_none() && self.elapsed >= self.config.silence_timeout;
        match self.elapsed >= self.config.timeout {
            true if self.is_machine => Some(AnsweredBy::MachineEndOther),
            is_late => (is_late || is_quiet).then_some(AnsweredBy::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comfort_noise::{ComfortNoise, Scatter};
    use crate::tone::sine;

    /// Syllables of a voice: harmonics of a wandering pitch under two formants, with short gaps.
    fn speech(milliseconds: usize, seed: u64) -> Vec<i16> {
        let mut scatter = Scatter::new(seed);
        let mut below = |limit: u64| scatter.next_u64() % limit;
        let mut samples = Vec::new();
        let mut phase = 0.0;
        while samples.len() < milliseconds * 8 {
            let (pitch, length) = (90.0 + below(120) as f64, 8 * (120 + below(150) as usize));
            let formants = [300.0 + below(500) as f64, 1000.0 + below(1200) as f64];
            for sample in 0..length {
                let glide = 1.0 + 0.1 * sample as f64 / length as f64;
                phase += std::f64::consts::TAU * pitch * glide / 8000.0;
                let edge = (sample.min(length - sample) as f64 / 160.0).min(1.0);
                let harmonic = |number: i32| {
                    let hertz = pitch * f64::from(number);
                    let near = |formant: f64| 1.0 / (1.0 + ((hertz - formant) / 120.0).powi(2));
                    (near(formants[0]) + 0.5 * near(formants[1])) * (phase * f64::from(number)).sin()
                };
                samples.push((3000.0 * edge * (1..20).map(harmonic).sum::<f64>()) as i16);
            }
            samples.extend(vec![0; 8 * (20 + below(90) as usize)]);
        }
        samples.truncate(milliseconds * 8);
        samples
    }

    fn silence(milliseconds: usize) -> Vec<i16> {
        vec![0; milliseconds * 8]
    }

    fn beep(hertz: f64, milliseconds: usize) -> Vec<i16> {
        sine(hertz, 9000.0, milliseconds * 8)
    }

    /// What is told of a sound on a line with noise, and after how many milliseconds.
    fn told(config: MachineDetectionConfig, parts: &[Vec<i16>]) -> Option<(AnsweredBy, u128)> {
        let mut detection = MachineDetection::new(config);
        let mut noise = ComfortNoise::new(&[62], 5);
        let mut sound = parts.concat();
        sound.extend(silence(12_000));
        sound.as_chunks::<FRAME_SAMPLES>().0.iter().find_map(|frame| {
            let mut heard = [0; FRAME_SAMPLES];
            noise.fill(&mut heard);
            heard.iter_mut().zip(frame).for_each(|(heard, sample)| *heard = heard.saturating_add(*sample));
            // As it arrives over G.711.
            let codec = crate::Codec::Pcmu;
            let heard = heard.map(|sample| codec.decode(codec.encode(sample)));
            let answered_by = detection.hear(Some(&heard))?;
            Some((answered_by, detection.duration().as_millis()))
        })
    }

    fn enable() -> MachineDetectionConfig {
        MachineDetectionConfig::new(Wait::ForAnyone)
    }

    fn message_end() -> MachineDetectionConfig {
        MachineDetectionConfig::new(Wait::ForMessageEnd)
    }

    #[test]
    fn a_short_greeting_is_a_person_after_the_silence_behind_it() {
        for seed in 0..20 {
            let (answered_by, after_ms) = told(enable(), &[silence(700), speech(900, seed)]).unwrap();
            assert_eq!(answered_by, AnsweredBy::Human, "{seed}");
            assert!((2600..=2900).contains(&after_ms), "{seed}: {after_ms} ms");
        }
    }

    #[test]
    fn a_long_one_is_a_machine_as_soon_as_it_is_long() {
        for seed in 0..20 {
            let (answered_by, after_ms) = told(enable(), &[silence(300), speech(9000, seed)]).unwrap();
            assert_eq!(answered_by, AnsweredBy::MachineStart, "{seed}");
            assert!((2600..=3000).contains(&after_ms), "{seed}: {after_ms} ms");
        }
    }

    #[test]
    fn the_end_of_a_message_is_its_beep_or_its_silence() {
        for seed in 0..20 {
            for hertz in [440.0, 850.0, 1000.0, 1400.0, 2000.0] {
                let parts = [speech(5000, seed), silence(400), beep(hertz, 400)];
                let (answered_by, after_ms) = told(message_end(), &parts).unwrap();
                assert_eq!(answered_by, AnsweredBy::MachineEndBeep, "{seed} {hertz}");
                assert!((5800..=5900).contains(&after_ms), "{seed} {hertz}: {after_ms} ms");
            }
            let (answered_by, after_ms) = told(message_end(), &[speech(5000, seed)]).unwrap();
            assert_eq!(answered_by, AnsweredBy::MachineEndSilence, "{seed}");
            assert!((6100..=6300).contains(&after_ms), "{seed}: {after_ms} ms");
            let (answered_by, _) = told(message_end(), &[speech(900, seed)]).unwrap();
            assert_eq!(answered_by, AnsweredBy::Human, "{seed}");
        }
    }

    #[test]
    fn the_time_is_over_at_some_point() {
        assert_eq!(told(enable(), &[]), Some((AnsweredBy::Unknown, 5000)));
        let short = MachineDetectionConfig { timeout: Duration::from_secs(3), ..message_end() };
        assert_eq!(told(short, &[speech(9000, 1)]), Some((AnsweredBy::MachineEndOther, 3000)));
        let patient = MachineDetectionConfig { silence_timeout: Duration::from_secs(10), ..short };
        assert_eq!(told(patient, &[]), Some((AnsweredBy::Unknown, 3000)));
    }

    #[test]
    fn thresholds_are_those_that_were_asked_for() {
        let strict = MachineDetectionConfig { speech_threshold: Duration::from_millis(1000), ..enable() };
        assert_eq!(told(strict, &[speech(1500, 3)]).unwrap().0, AnsweredBy::MachineStart);
        let hasty = MachineDetectionConfig { speech_end_threshold: Duration::from_millis(500), ..enable() };
        let (answered_by, after_ms) = told(hasty, &[speech(900, 3)]).unwrap();
        assert!(answered_by == AnsweredBy::Human && (1300..=1500).contains(&after_ms), "{after_ms} ms");
    }

    #[test]
    fn fax_machines_are_known_by_their_tones() {
        assert_eq!(told(enable(), &[silence(500), beep(2100.0, 3000)]).unwrap().0, AnsweredBy::Fax);
        assert_eq!(
            told(enable(), &[silence(500), beep(1100.0, 500), silence(3000)]).unwrap().0,
            AnsweredBy::Fax
        );
    }

    #[test]
    fn a_click_is_no_greeting() {
        let click = speech(60, 1);
        let parts = [silence(300), click, silence(2000), speech(900, 2)];
        let (answered_by, after_ms) = told(enable(), &parts).unwrap();
        assert!(answered_by == AnsweredBy::Human && after_ms > 4000, "{answered_by:?} {after_ms}");
    }

    #[test]
    fn nothing_that_arrives_is_silence_and_only_one_answer_is_told() {
        let mut detection = MachineDetection::new(enable());
        let told: Vec<_> = (0..1000).filter_map(|_| detection.hear(None)).collect();
        assert_eq!(told, [AnsweredBy::Unknown]);
        assert_eq!(detection.duration(), Duration::from_secs(5));
    }
}
