//! What would be heard at the other end.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Way, World};
use ringway_media::tone::{peak_at, sine};
use ringway_media::{PlayId, Prompt, SessionEvent};

fn tone(frequency_hz: f64, seconds: usize) -> Arc<Prompt> {
    Arc::new(Prompt::from_pcm_8k(&sine(frequency_hz, 8000.0, seconds * 8000)))
}

/// The part of what was heard that is not silent.
fn sounding(heard: &[i16]) -> &[i16] {
    let is_loud = |sample: &i16| sample.unsigned_abs() > 500;
    let (Some(first), Some(last)) = (heard.iter().position(is_loud), heard.iter().rposition(is_loud)) else {
        return &[];
    };
    &heard[first..=last]
}

#[test]
fn a_prompt_is_heard_whole_in_both_laws() {
    for formats in ["0 101", "8 101"] {
        let mut world = World::new(formats, "", 1);
        world.run(200);
        world.a.play(PlayId(1), tone(440.0, 1), 1);
        world.run(2000);
        let heard = sounding(&world.heard_b);
        assert!((7900..=8040).contains(&heard.len()), "{} samples", heard.len());
        assert!((peak_at(heard, 440.0) - 8000.0).abs() < 200.0);
        assert_eq!(world.events_a, [SessionEvent::PlayFinished(PlayId(1))]);
        assert_eq!(world.b.stats().concealed_frames, 0);
    }
}

#[test]
fn loops_follow_each_other_without_a_gap_and_stop_is_heard() {
    let mut world = World::new("0 101", "", 1);
    world.a.play(PlayId(1), tone(500.0, 1), 3);
    world.run(4000);
    let length = sounding(&world.heard_b).len();
    assert!((23_900..=24_040).contains(&length), "{length} {:?}", world.b.stats());
    assert_eq!(world.events_a, [SessionEvent::PlayFinished(PlayId(1))]);
    world.a.play(PlayId(2), tone(500.0, 1), 0);
    world.run(10_000);
    world.a.stop_play();
    world.run(500);
    let before = world.heard_b.len();
    world.run(1000);
    assert!(sounding(&world.heard_b[before..]).is_empty());
    assert_eq!(world.events_a.len(), 1);
}

#[test]
fn an_empty_prompt_is_over_at_once() {
    let mut world = World::new("0 101", "", 1);
    world.a.play(PlayId(1), Arc::new(Prompt::from_pcm_8k(&[])), 0);
    world.run(40);
    assert_eq!(world.events_a, [SessionEvent::PlayFinished(PlayId(1))]);
}

#[test]
fn every_packet_time_is_heard_alike() {
    for ptime in [10, 20, 30, 40, 60] {
        let mut world = World::new("0 101", &format!("a=ptime:{ptime}\r\n"), 1);
        world.a.play(PlayId(1), tone(440.0, 2), 1);
        world.run(3000);
        let heard = sounding(&world.heard_b);
        assert!((15_900..=16_040).contains(&heard.len()), "{ptime} ms: {} samples", heard.len());
        assert!((peak_at(heard, 440.0) - 8000.0).abs() < 200.0, "{ptime} ms: {}", peak_at(heard, 440.0));
        assert_eq!(world.b.stats().concealed_frames, 0, "{ptime} ms");
    }
}

#[test]
fn through_loss_and_jitter_the_tone_goes_on_and_the_figures_are_true() {
    for seed in 1..=5 {
        let mut world = World::new("0 101", "", seed);
        world.to_b = Way { loss_percent: 5, delay_ms: 30, jitter_ms: 60, duplicate_percent: 1 };
        world.to_a = Way { delay_ms: 30, ..Way::default() };
        world.a.play(PlayId(1), tone(440.0, 60), 1);
        world.run(60_000);
        let stats = world.b.stats();

        // A frame in every slot since the first packet, and the tone in every second of them.
        assert!(world.heard_b.len() >= 8000 * 59, "seed {seed}");
        for (second, heard) in world.heard_b.chunks_exact(8000).enumerate().skip(5).take(50) {
            let peak = peak_at(heard, 440.0);
            assert!(peak > 6800.0, "seed {seed}, second {second}: {peak}");
        }
        // Concealed is what was lost, what came too late, and a few frames while the depth was found.
        let missing = world.rtp_lost_to_b + stats.late;
        assert!(
            stats.concealed_frames >= missing * 9 / 10 && stats.concealed_frames <= missing * 11 / 10 + 20,
            "seed {seed}: concealed {} of {missing}, {} late",
            stats.concealed_frames,
            stats.late,
        );
        assert!(stats.late < world.rtp_to_b * 3 / 100, "seed {seed}: {} late", stats.late);
        assert!((45..=100).contains(&stats.depth_ms), "seed {seed}: {stats:?}");

        let lost = stats.packets_lost;
        assert!(lost.abs_diff(world.rtp_lost_to_b) <= 3, "seed {seed}: {lost} of {}", world.rtp_lost_to_b);
        // Uniform over 60 ms: differences of two such are 20 ms on average.
        assert!((14.0..=26.0).contains(&stats.jitter_ms), "seed {seed}: {}", stats.jitter_ms);

        // The next report tells all of it.
        world.to_b.loss_percent = 0;
        world.run(8000);
        let reported = world.a.stats().remote.unwrap();
        let truth = world.rtp_lost_to_b as f64;
        assert!(
            (f64::from(reported.cumulative_lost) - truth).abs() <= truth / 50.0,
            "seed {seed}: {reported:?} of {truth}"
        );
        let round_trip = world.a.stats().round_trip.unwrap().as_millis();
        assert!((60..=140).contains(&round_trip), "seed {seed}: {round_trip} ms");
    }
}

#[test]
fn the_depth_grows_with_jitter_and_shrinks_in_silence() {
    let mut world = World::new("0 101", "", 3);
    world.run(10_000);
    assert!(world.b.stats().depth_ms <= 50, "{:?}", world.b.stats());
    world.to_b.jitter_ms = 100;
    world.run(20_000);
    let deep = world.b.stats();
    assert!((80..=140).contains(&deep.depth_ms), "{deep:?}");
    world.to_b.jitter_ms = 0;
    world.run(60_000);
    let shallow = world.b.stats();
    assert!(shallow.depth_ms <= 60, "{shallow:?}");
}

#[test]
fn clocks_that_drift_apart_cost_neither_depth_nor_sound() {
    // B's clock is one in a thousand slow: it plays 20 ms less in each 20 s.
    let mut world = World::new("0 101", "", 4);
    world.a.play(PlayId(1), tone(440.0, 1), 0);
    for _ in 0..60 {
        world.run(1000);
        world.b.tick(common::at_ms(world.now_ms));
        world.heard_b.extend(world.b.take_heard().into_iter().flatten());
        world.collect();
    }
    // A slot more each second empties the buffer: what is missing is made up, and nothing breaks.
    let last = &world.heard_b[world.heard_b.len() - 8000..];
    assert!(peak_at(last, 440.0) > 7000.0, "{}", peak_at(last, 440.0));
    assert!(world.b.stats().depth_ms <= 200);
}

#[test]
fn digits_arrive_once_each_whatever_the_network_does() {
    for seed in 1..=20 {
        let mut world = World::new("0 101", "", seed);
        world.to_b = Way { loss_percent: 10, delay_ms: 20, jitter_ms: 60, duplicate_percent: 10 };
        world.a.send_digits(PlayId(9), "0123456789*#ABCDw5555");
        world.run(6000);
        assert_eq!(world.digits_b(), "0123456789*#ABCD5555", "seed {seed}");
        assert!(world.events_a.contains(&SessionEvent::DigitsSent(PlayId(9))));
    }
}

#[test]
fn where_no_events_are_taken_the_tones_are_heard() {
    let mut world = World::new("0", "", 1);
    world.a.send_digits(PlayId(1), "5w#");
    world.run(2000);
    assert_eq!(world.digits_b(), "");
    let heard = sounding(&world.heard_b);
    assert!(peak_at(&heard[..750], 770.0) > 6000.0 && peak_at(&heard[..750], 1336.0) > 7000.0);
    let last = &heard[heard.len() - 750..];
    assert!(peak_at(last, 941.0) > 6000.0 && peak_at(last, 1477.0) > 7000.0);
    // 100 ms, a gap of as much, half a second, 100 ms.
    assert!((6300..=6420).contains(&heard.len()), "{}", heard.len());
}

#[test]
fn digits_interrupt_a_prompt_which_then_goes_on() {
    let mut world = World::new("0 101", "", 1);
    world.a.play(PlayId(1), tone(440.0, 2), 1);
    world.run(500);
    world.a.send_digits(PlayId(2), "1");
    world.run(3000);
    assert_eq!(world.digits_b(), "1");
    assert_eq!(world.events_a, [SessionEvent::DigitsSent(PlayId(2)), SessionEvent::PlayFinished(PlayId(1))]);
    let heard = sounding(&world.heard_b);
    assert!((17_400..=17_700).contains(&heard.len()), "{}", heard.len());
    assert_eq!(world.b.stats().concealed_frames, 0);
}
