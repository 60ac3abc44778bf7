//! What callers hear: files by their frequency, keys by RFC 4733.

use std::path::Path;
use std::time::Duration;

use ringway_testkit::application::Answer;
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::{self, Scratch, have, workspace};

use crate::world::World;

#[test]
fn files_of_every_kind_are_heard_in_both_codecs() {
    if !have("sox") {
        return;
    }
    let world = World::start();
    let scratch = Scratch::new("files");
    let wide = scratch.path().join("wide.wav");
    Sound::tone(600.0, 1.0, 44_100).write(&wide);
    let narrow = scratch.path().join("narrow.wav");
    Sound::tone(900.0, 1.0, 8000).write(&narrow);
    let raw = scratch.path().join("raw.ul");
    sox(&[narrow.as_os_str().to_str().expect("a name"), "-t", "ul", raw.to_str().expect("a name")]);
    let stereo = scratch.path().join("stereo.wav");
    sox(&[
        wide.to_str().expect("a name"),
        "-r",
        "48000",
        "-c",
        "2",
        "-b",
        "24",
        stereo.to_str().expect("a name"),
    ]);
    let mp3 = workspace().join("io/rtp-net/tests/data/tone-1000hz.mp3");
    for (path, content_type, file) in [
        ("/wide.wav", "audio/wav", &wide),
        ("/stereo.wav", "audio/x-wav", &stereo),
        ("/raw.ulaw", "audio/basic", &raw),
        ("/tone.mp3", "audio/mpeg", &mp3),
    ] {
        world.application.answer(path, Answer::new(200, content_type, &read(file)));
    }
    let verbs = "<Play>/wide.wav</Play><Play loop=\"2\">/raw.ulaw</Play><Play>stereo.wav</Play>\
                 <Play>/tone.mp3</Play>";
    world.application.answer("/all", Answer::twiml(verbs));
    world.plain_domain("all");

    let phones =
        ["pcmu", "pcma"].map(|codec| (codec, world.phone("all").options(&["--codec", codec]).dial()));
    for (codec, phone) in phones {
        let done = phone.done();
        assert_eq!(done.status(), 200, "{codec}");
        let heard = [600.0, 900.0, 1000.0].map(|frequency_hz| done.sound.seconds_of(frequency_hz));
        assert!((1.8..=2.1).contains(&heard[0]), "{codec}: both WAV files: {heard:?}");
        assert!((1.8..=2.1).contains(&heard[1]), "{codec}: twice the raw file: {heard:?}");
        assert!(heard[2] > 0.3, "{codec}: the MP3 file: {heard:?}");
        assert_eq!(done.report["packets_lost"], 0, "{codec}");
    }
}

#[test]
fn played_digits_are_pressed_keys_at_the_other_side() {
    let world = World::start();
    let done = world.call("keys", "<Play digits=\"1w2#A\"/><Pause/><Play digits=\"9*\"/>", &[]);
    assert_eq!((done.status(), &done.report["keys"]), (200, &"12#A9*".into()));
}

#[test]
fn a_say_is_spoken_as_long_as_its_text_and_as_often_as_asked() {
    let world = World::start();
    let once = world.call("once", "<Say>One two three four five.</Say>", &[]);
    let thrice = world.call("thrice", "<Say loop=\"3\" voice=\"woman\">One two three four five.</Say>", &[]);
    let (once, thrice) = (once.sound.audible_seconds(), thrice.sound.audible_seconds());
    assert!(once > 0.8, "{once} s");
    assert!((2.4..=3.6).contains(&(thrice / once)), "{thrice} s against {once} s");
}

fn sox(arguments: &[&str]) {
    let output = tools::run("sox", Duration::from_secs(20), |command| {
        command.args(arguments);
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
