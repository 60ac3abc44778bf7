//! The engine as a process: a script that plays its part, and espeak-ng itself where it is installed.
#![allow(clippy::print_stdout)] // says why a test was skipped

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringway_speech::{EspeakNg, EspeakNgConfig, SAMPLE_RATE_HZ, Speech, SpeechError, Synthesizer};

const VOICES: &str =
    "if [ \"$1\" = --voices ]; then printf 'Pty Language\\n 5 en-us x\\n 5 de x\\n'; exit 0; fi\n";
/// 22,050 Hz, sizes unknown, then the rest is data.
const HEADER: &str = "printf 'RIFF\\377\\377\\377\\177WAVEfmt \\020\\0\\0\\0\\001\\0\\001\\0\\042\\126\\0\\0\\104\\254\\0\\0\\002\\0\\020\\0data\\0\\360\\377\\177'\n";

/// A program that lists two voices and otherwise does what `body` says.
struct Script {
    directory: PathBuf,
}

impl Script {
    fn new(name: &str, body: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("ringway-speech-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let program = directory.join("engine");
        fs::write(&program, format!("#!/bin/sh\ncd '{}'\n{VOICES}{body}", directory.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory }
    }

    fn config(&self) -> EspeakNgConfig {
        EspeakNgConfig { program: self.directory.join("engine"), workers: 1, ..EspeakNgConfig::default() }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).unwrap_or_default()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn speech(text: &str) -> Speech {
    Speech { text: text.to_owned(), ..Speech::default() }
}

/// Writes down its arguments and input, and answers with a second of something.
fn recorder() -> String {
    format!("echo \"$*\" >> arguments\ncat >> input\n{HEADER}head -c 44100 /dev/zero | tr '\\0' '\\020'\n")
}

#[tokio::test]
async fn text_is_never_an_argument_and_sound_comes_back_at_8_khz() {
    let script = Script::new("arguments", &recorder());
    let engine = EspeakNg::find(script.config()).await.unwrap();
    let evil = "--path=/etc -f /etc/passwd; $(touch pwned)";
    let spoken = engine.synthesize(&speech(evil)).await.unwrap();
    assert_eq!(spoken.pcm.len(), SAMPLE_RATE_HZ as usize);
    assert_eq!(spoken.warning, None);
    assert_eq!(script.read("arguments"), "--stdin --stdout -b 1 -v en-us\n");
    assert_eq!(script.read("input"), evil);
}

#[tokio::test]
async fn ssml_is_announced_as_such() {
    let script = Script::new("ssml", &recorder());
    let engine = EspeakNg::find(script.config()).await.unwrap();
    let ssml = Some("<speak>one<break time=\"1s\"/>two</speak>".to_owned());
    let said =
        Speech { text: "one two".into(), ssml, voice: Some("woman".into()), language: Some("de-DE".into()) };
    engine.synthesize(&said).await.unwrap();
    assert_eq!(script.read("arguments"), "--stdin --stdout -b 1 -v de+f3 -m\n");
}

#[tokio::test]
async fn the_same_words_are_spoken_once_for_each_voice() {
    let script = Script::new("cache", &recorder());
    let engine = EspeakNg::find(script.config()).await.unwrap();
    let first = engine.synthesize(&speech("hello")).await.unwrap();
    let again = engine.synthesize(&speech("hello")).await.unwrap();
    assert!(Arc::ptr_eq(&first.pcm, &again.pcm));
    engine.synthesize(&Speech { voice: Some("woman".into()), ..speech("hello") }).await.unwrap();
    assert_eq!(script.read("arguments").lines().count(), 2);
}

#[tokio::test]
async fn two_callers_of_the_same_words_start_one_process() {
    let script = Script::new("herd", &recorder());
    let engine = EspeakNg::find(script.config()).await.unwrap();
    let words = speech("hello");
    let (one, two) = tokio::join!(engine.synthesize(&words), engine.synthesize(&words));
    assert!(Arc::ptr_eq(&one.unwrap().pcm, &two.unwrap().pcm));
    assert_eq!(script.read("arguments").lines().count(), 1);
}

#[tokio::test]
async fn nothing_to_say_is_no_process_and_no_error() {
    let script = Script::new("nothing", &recorder());
    let engine = EspeakNg::find(script.config()).await.unwrap();
    assert!(engine.synthesize(&speech(" \n")).await.unwrap().pcm.is_empty());
    assert_eq!(script.read("arguments"), "");
}

#[tokio::test]
async fn an_unknown_voice_is_spoken_with_a_warning() {
    let script = Script::new("warning", &recorder());
    let engine = EspeakNg::find(script.config()).await.unwrap();
    let spoken =
        engine.synthesize(&Speech { voice: Some("Polly.Nobody".into()), ..speech("hi") }).await.unwrap();
    assert!(spoken.warning.unwrap().contains("Polly.Nobody"));
    assert!(!spoken.pcm.is_empty());
}

#[tokio::test]
async fn an_absent_engine_is_told_apart_from_a_broken_one() {
    let absent = EspeakNgConfig { program: "/nonexistent/espeak-ng".into(), ..EspeakNgConfig::default() };
    assert!(matches!(EspeakNg::find(absent).await, Err(SpeechError::Absent { .. })));
    let script = Script::new("broken", "exit 3\n");
    let engine = EspeakNg::find(script.config()).await.unwrap();
    assert!(matches!(engine.synthesize(&speech("hi")).await, Err(SpeechError::Failed(_))));
    let script = Script::new("garbage", "echo not a wav file, but surely long enough to be taken for one\n");
    let engine = EspeakNg::find(script.config()).await.unwrap();
    assert!(matches!(engine.synthesize(&speech("hi")).await, Err(SpeechError::Failed(_))));
}

#[tokio::test]
async fn a_hanging_engine_is_stopped() {
    let script = Script::new("hang", "echo $$ > pid\nexec sleep 1000\n");
    let config = EspeakNgConfig { timeout: Duration::from_millis(200), ..script.config() };
    let engine = EspeakNg::find(config).await.unwrap();
    assert_eq!(engine.synthesize(&speech("hi")).await.unwrap_err(), SpeechError::Timeout { limit_ms: 200 });
    let pid = script.read("pid");
    let process = PathBuf::from(format!("/proc/{}/cmdline", pid.trim()));
    while fs::read_to_string(&process).is_ok_and(|command| command.contains("sleep")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_growing() {
    let script = Script::new("queue", "mkfifo gate 2>/dev/null; echo x >> started; read go < gate; exit 1\n");
    let config = EspeakNgConfig { queue_max: 1, ..script.config() };
    let engine = Arc::new(EspeakNg::find(config).await.unwrap());
    let working = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.synthesize(&speech("one")).await.map(|_| ()) }
    });
    while script.read("started").is_empty() {
        tokio::task::yield_now().await;
    }
    let (waits, refused) = (speech("two"), speech("three"));
    tokio::select! {
        biased;
        done = engine.synthesize(&waits) => panic!("the second did not wait: {done:?}"),
        done = engine.synthesize(&refused) => assert_eq!(done.unwrap_err(), SpeechError::Busy { limit: 1 }),
    }
    working.abort();
}

#[tokio::test]
async fn espeak_ng_itself_speaks_every_kind_of_voice() {
    let engine = match EspeakNg::find(EspeakNgConfig::default()).await {
        Ok(engine) => engine,
        Err(error) if std::env::var("RINGWAY_REQUIRE").is_ok_and(|value| value == "all") => panic!("{error}"),
        Err(error) => return println!("skipped: {error}"),
    };
    let ssml = Some(
        "<speak>one <break time=\"500ms\"/> two <say-as interpret-as=\"digits\">12</say-as></speak>".into(),
    );
    let cases = [
        Speech { text: "Hello, this is a test.".into(), ..Speech::default() },
        Speech {
            text: "Guten Tag, wie geht es?".into(),
            language: Some("de-DE".into()),
            ..Speech::default()
        },
        Speech { text: "Bonjour".into(), voice: Some("Polly.Lea".into()), ..Speech::default() },
        Speech {
            text: "one two 12".into(),
            ssml,
            voice: Some("Google.en-GB-Wavenet-A".into()),
            language: None,
        },
    ];
    for case in cases {
        let spoken = engine.synthesize(&case).await.unwrap();
        assert_eq!(spoken.warning, None, "{case:?}");
        let seconds = spoken.pcm.len() as f64 / f64::from(SAMPLE_RATE_HZ);
        assert!((0.3..10.0).contains(&seconds), "{seconds} s of {case:?}");
        let energy: f64 = spoken.pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let rms = (energy / spoken.pcm.len() as f64).sqrt();
        assert!((1000.0..6000.0).contains(&rms), "RMS {rms} of {case:?}");
    }
}
