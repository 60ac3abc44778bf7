//! How often answering machine detection errs, on greetings spoken by espeak-ng in several voices, over lines
//! with more and less noise. docs/machine-detection.md keeps the rates.
#![allow(clippy::print_stdout)] // the table, and why a test was skipped

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use ringway_media::comfort_noise::ComfortNoise;
use ringway_media::machine_detection::{AnsweredBy, MachineDetection, MachineDetectionConfig, Wait};
use ringway_media::{Codec, FRAME_SAMPLES};
use ringway_speech::{EspeakNg, EspeakNgConfig, Speech, Synthesizer};

const PEOPLE: [&str; 12] = [
    "Hello?",
    "Yes?",
    "Hi there.",
    "Speaking.",
    "Miller.",
    "Yeah, hello.",
    "Hello? Who is this?",
    "Hello, this is John.",
    "Good morning, Smith residence.",
    "John Smith, good afternoon.",
    "Acme support, how can I help?",
    // Longer than the threshold: a person taken for a machine.
    "Thank you for calling Acme, this is Mary speaking, how may I help you today?",
];

const MACHINES: [&str; 10] = [
    "Hi, you have reached John. I cannot take your call right now, please leave a message after the beep.",
    "The person you are calling is not available. Please leave a message after the tone.",
    "Your call has been forwarded to an automated voice messaging system. At the tone, please record your message.",
    "Hello, this is the mailbox of Mary Smith. Leave your name and number and I will call you back.",
    "We are closed for today. Our office hours are nine to five, Monday to Friday. Please leave a message.",
    "Sorry I missed you. You know what to do, so please do it after the tone.",
    "You have reached five five five, one two three four. Nobody is home.",
    "This is Bob. I am either away from my desk or on the other line. Leave a message and have a great day.",
    "The number you have dialled is currently switched off. Please try again later or leave a message.",
    // Shorter than the threshold: a machine taken for a person.
    "Leave a message.",
];

const VOICES: [(&str, &str); 6] = [
    ("man", "en-US"),
    ("woman", "en-US"),
    ("man", "en-GB"),
    ("woman", "en-GB"),
    ("man", "de-DE"),
    ("woman", "fr-FR"),
];

/// The noise of the line, in dB below overload: none that is heard, usual, bad.
const NOISE_DB: [u8; 3] = [80, 62, 48];
const BEEPS_HZ: [f64; 5] = [425.0, 800.0, 1000.0, 1400.0, 2000.0];

/// What is told of a sound, and when, in milliseconds from its start.
fn told(wait: Wait, sound: &[i16], noise_db: u8) -> (AnsweredBy, u128) {
    let mut detection = MachineDetection::new(MachineDetectionConfig::new(wait));
    let mut noise = ComfortNoise::new(&[noise_db], 7);
    let mut frames = sound.chunks(FRAME_SAMPLES);
    loop {
        let mut frame = [0; FRAME_SAMPLES];
        noise.fill(&mut frame);
        for (sample, spoken) in frame.iter_mut().zip(frames.next().unwrap_or_default()) {
            *sample = sample.saturating_add(*spoken);
        }
        let heard = frame.map(|sample| Codec::Pcmu.decode(Codec::Pcmu.encode(sample)));
        if let Some(answered_by) = detection.hear(Some(&heard)) {
            return (answered_by, detection.duration().as_millis());
        }
    }
}

fn silence(milliseconds: usize) -> Vec<i16> {
    vec![0; milliseconds * 8]
}

fn beep(hertz: f64) -> Vec<i16> {
    (0..3200).map(|n| (9000.0 * (TAU * hertz * f64::from(n) / 8000.0).sin()) as i16).collect()
}

/// Everything spoken in every voice; none without the engine.
async fn spoken(texts: &[&str]) -> Option<Vec<Vec<i16>>> {
    let engine = match EspeakNg::find(EspeakNgConfig::default()).await {
        Ok(engine) => engine,
        Err(error) if std::env::var("RINGWAY_REQUIRE").as_deref() == Ok("all") => panic!("{error}"),
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let mut sounds = Vec::new();
    for (voice, language) in VOICES {
        for text in texts {
            let speech = Speech {
                text: (*text).to_owned(),
                voice: Some(voice.to_owned()),
                language: Some(language.to_owned()),
                ..Speech::default()
            };
            sounds.push(engine.synthesize(&speech).await.unwrap().pcm.to_vec());
        }
    }
    Some(sounds)
}

/// The share of each result, in percent.
fn shares(results: &[AnsweredBy]) -> BTreeMap<&'static str, f64> {
    let mut shares = BTreeMap::new();
    for result in results {
        *shares.entry(result.as_str()).or_default() += 100.0 / results.len() as f64;
    }
    shares
}

#[tokio::test]
async fn people_are_mostly_taken_for_people() {
    let Some(greetings) = spoken(&PEOPLE).await else { return };
    let mut results = Vec::new();
    for greeting in &greetings {
        let sound = [silence(500), greeting.clone()].concat();
        results.extend(NOISE_DB.map(|noise_db| told(Wait::ForAnyone, &sound, noise_db).0));
    }
    println!("people, {} greetings: {:?}", results.len(), shares(&results));
    assert!(shares(&results)["human"] >= 85.0, "{:?}", shares(&results));
}

#[tokio::test]
async fn machines_are_mostly_taken_for_machines_and_their_beeps_found() {
    let Some(greetings) = spoken(&MACHINES).await else { return };
    let (mut at_once, mut at_end, mut late_ms, mut quiet) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, greeting) in greetings.iter().enumerate() {
        let plain = [silence(500), greeting.clone()].concat();
        let beeping = [plain.clone(), silence(600), beep(BEEPS_HZ[number % BEEPS_HZ.len()])].concat();
        for noise_db in NOISE_DB {
            at_once.push(told(Wait::ForAnyone, &beeping, noise_db).0);
            quiet.push(told(Wait::ForMessageEnd, &plain, noise_db).0);
            let (result, after_ms) = told(Wait::ForMessageEnd, &beeping, noise_db);
            if result == AnsweredBy::MachineEndBeep {
                late_ms.push(after_ms as i128 - (beeping.len() / 8) as i128);
            }
            at_end.push(result);
        }
    }
    println!("machines, {} greetings, Enable: {:?}", at_once.len(), shares(&at_once));
    println!("the same with a beep, DetectMessageEnd: {:?}", shares(&at_end));
    println!("the same without: {:?}", shares(&quiet));
    println!("told after the beep's end: {:?} to {:?} ms", late_ms.iter().min(), late_ms.iter().max());
    assert!(shares(&at_once)["machine_start"] >= 85.0);
    assert!(shares(&at_end)["machine_end_beep"] >= 85.0);
    assert!(shares(&quiet)["machine_end_silence"] >= 85.0);
    assert!(late_ms.iter().all(|late_ms| (-40..=100).contains(late_ms)), "{late_ms:?}");
}
