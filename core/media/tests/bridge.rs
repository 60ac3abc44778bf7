//! Two legs joined to a bridge, a phone at each end, in virtual time.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::{Way, address, agreed, at_ms, config};
use ringway_media::rtp::Packet;
use ringway_media::tone::{peak_at, sine};
use ringway_media::{Codec, MediaSession, PlayId, Prompt, SessionEvent, rtcp};
use ringway_model::Random;

const CALLER: &str = "192.0.2.10:4000";
const CALLER_LEG: &str = "198.51.100.1:10000";
const CALLEE_LEG: &str = "198.51.100.1:10002";
const CALLEE: &str = "192.0.2.20:5000";

/// A packet on its way: the session it goes to, and from where.
type Flying = (End, &'static str, Vec<u8>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Caller,
    CallerLeg,
    CalleeLeg,
    Callee,
}

/// The bridge, its phones and what happened.
struct Call {
    caller: MediaSession,
    caller_leg: MediaSession,
    callee_leg: MediaSession,
    callee: MediaSession,
    is_bridged: bool,
    now_ms: u64,
    /// How much the caller's clock is slow, in millionths.
    caller_slow_ppm: i64,
    caller_ticks: u64,
    from_caller: Way,
    random: Random,
    flying: BTreeMap<(u64, u64), Flying>,
    packets: u64,
    heard_by_caller: Vec<i16>,
    heard_by_callee: Vec<i16>,
    /// RTP to the callee and when it went.
    to_callee: Vec<(u64, Vec<u8>)>,
    reports_to_callee: Vec<Vec<u8>>,
    events_of_caller_leg: Vec<SessionEvent>,
    events_of_callee: Vec<SessionEvent>,
    deepest_ms: u32,
}

impl Call {
    /// Formats and further lines of each phone's description.
    fn new(caller: (&str, &str), callee: (&str, &str)) -> Self {
        let session = |local, remote, (formats, extra), ssrc| {
            MediaSession::new(config(agreed(local, remote, formats, extra), ssrc), at_ms(0))
        };
        let mut call = Self {
            caller: session(CALLER, CALLER_LEG, caller, 0xca11),
            caller_leg: session(CALLER_LEG, CALLER, caller, 0xaaaa),
            callee_leg: session(CALLEE_LEG, CALLEE, callee, 0xbbbb),
            callee: session(CALLEE, CALLEE_LEG, callee, 0xca1e),
            is_bridged: true,
            now_ms: 0,
            caller_slow_ppm: 0,
            caller_ticks: 0,
            from_caller: Way::default(),
            random: Random::from_number(1),
            flying: BTreeMap::new(),
            packets: 0,
            heard_by_caller: Vec::new(),
            heard_by_callee: Vec::new(),
            to_callee: Vec::new(),
            reports_to_callee: Vec::new(),
            events_of_caller_leg: Vec::new(),
            events_of_callee: Vec::new(),
            deepest_ms: 0,
        };
        call.caller_leg.set_listening(false);
        call.callee_leg.set_listening(false);
        call
    }

    fn alike() -> Self {
        Self::new(("0 101", ""), ("0 101", ""))
    }

    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.deliver();
            self.tick_phones();
            self.tick_legs();
            self.now_ms += 1;
        }
    }

    fn tick_phones(&mut self) {
        let now = at_ms(self.now_ms);
        let due_us = self.caller_ticks as i64 * (20_000 + self.caller_slow_ppm / 50);
        if self.now_ms as i64 * 1000 >= due_us {
            self.caller_ticks += 1;
            self.caller.tick(now);
            self.heard_by_caller.extend(self.caller.take_heard().into_iter().flatten());
        }
        if self.now_ms % 20 == 13 {
            self.callee.tick(now);
            self.heard_by_callee.extend(self.callee.take_heard().into_iter().flatten());
        }
        self.collect();
    }

    /// As a media clock does it: each leg in a slot of its own.
    fn tick_legs(&mut self) {
        let now = at_ms(self.now_ms);
        let (leg, other) = match self.now_ms % 20 {
            4 => (&mut self.caller_leg, &mut self.callee_leg),
            11 => (&mut self.callee_leg, &mut self.caller_leg),
            _ => return,
        };
        leg.tick(now);
        if self.is_bridged {
            leg.set_listening(other.wants_frames());
            if let Some(heard) = leg.take_heard() {
                other.relay_frame(now, heard);
            }
            self.deepest_ms = self.deepest_ms.max(leg.stats().depth_ms);
        }
        self.collect();
    }

    fn collect(&mut self) {
        for (from, to, ip) in [
            (End::Caller, End::CallerLeg, CALLER),
            (End::CallerLeg, End::Caller, CALLER_LEG),
            (End::CalleeLeg, End::Callee, CALLEE_LEG),
            (End::Callee, End::CalleeLeg, CALLEE),
        ] {
            let mut sent = Vec::new();
            while let Some(packet) = self.end(from).poll_transmit() {
                sent.push((packet.rtcp, packet.bytes.to_vec()));
            }
            for (is_report, bytes) in sent {
                match (from, is_report) {
                    (End::CalleeLeg, true) => self.reports_to_callee.push(bytes),
                    (_, true) => {}
                    (_, false) => self.send(from, to, ip, bytes),
                }
            }
        }
        self.events_of_caller_leg.extend(std::iter::from_fn(|| self.caller_leg.poll_event()));
        self.events_of_callee.extend(std::iter::from_fn(|| self.callee.poll_event()));
        while self.callee_leg.poll_event().is_some() {}
    }

    fn send(&mut self, from: End, to: End, ip: &'static str, bytes: Vec<u8>) {
        if from == End::CalleeLeg {
            self.to_callee.push((self.now_ms, bytes.clone()));
        }
        let way = if from == End::Caller { self.from_caller } else { Way::default() };
        if self.random.below(100) < way.loss_percent {
            return;
        }
        let copies = 1 + u64::from(self.random.below(100) < way.duplicate_percent);
        for _ in 0..copies {
            let at = self.now_ms + way.delay_ms + self.random.below(way.jitter_ms + 1);
            self.packets += 1;
            self.flying.insert((at, self.packets), (to, ip, bytes.clone()));
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry()
            && entry.key().0 <= self.now_ms
        {
            let (to, from, bytes) = entry.remove();
            self.arrive(to, from, &bytes);
        }
    }

    fn arrive(&mut self, to: End, from: &str, bytes: &[u8]) {
        let now = at_ms(self.now_ms);
        let is_bridged = self.is_bridged;
        let relayed = self.end(to).handle_rtp(now, address(from), bytes).filter(|_| is_bridged);
        match (to, relayed) {
            (End::CallerLeg, Some(relayed)) => self.callee_leg.relay(now, &relayed),
            (End::CalleeLeg, Some(relayed)) => self.caller_leg.relay(now, &relayed),
            _ => {}
        }
        self.collect();
    }

    fn end(&mut self, end: End) -> &mut MediaSession {
        match end {
            End::Caller => &mut self.caller,
            End::CallerLeg => &mut self.caller_leg,
            End::CalleeLeg => &mut self.callee_leg,
            End::Callee => &mut self.callee,
        }
    }

    /// What the callee hears in so many milliseconds from now.
    fn callee_hears(&mut self, milliseconds: u64) -> Vec<i16> {
        let before = self.heard_by_callee.len();
        self.run(milliseconds);
        self.heard_by_callee[before..].to_vec()
    }

    fn caller_says(&mut self, frequency_hz: f64) {
        self.caller.play(PlayId(1), tone(frequency_hz), 0);
    }

    fn unbridge(&mut self) {
        self.is_bridged = false;
        let now = at_ms(self.now_ms);
        self.caller_leg.end_relay(now);
        self.callee_leg.end_relay(now);
    }

    fn sound_to_callee(&self) -> Vec<(u64, Packet<'_>)> {
        let sent = self.to_callee.iter().map(|(at, bytes)| (*at, Packet::parse(bytes).unwrap()));
        sent.filter(|(_, packet)| matches!(packet.payload_type, 0 | 8)).collect()
    }

    fn keys_of(events: &[SessionEvent]) -> String {
        let key = |event: &SessionEvent| match event {
            SessionEvent::Digit(key) => Some(*key),
            _ => None,
        };
        events.iter().filter_map(key).collect()
    }

    /// One source, numbers without a gap, and time that never goes back and keeps pace with the clock.
    fn assert_one_stream(&self) {
        let (start_ms, first) = (self.to_callee[0].0, Packet::parse(&self.to_callee[0].1).unwrap());
        for (index, (_, bytes)) in self.to_callee.iter().enumerate() {
            let packet = Packet::parse(bytes).unwrap();
            assert_eq!(packet.ssrc, 0xbbbb);
            assert_eq!(packet.sequence, first.sequence.wrapping_add(index as u16), "packet {index}");
        }
        let mut before = None;
        for (at_ms, packet) in self.sound_to_callee() {
            let elapsed = packet.timestamp.wrapping_sub(first.timestamp);
            assert!(before.is_none_or(|before| elapsed > before), "{at_ms} ms: {before:?} then {elapsed}");
            let behind_ms = (at_ms - start_ms) as i64 - i64::from(elapsed / 8);
            assert!(behind_ms.abs() <= 60, "{at_ms} ms: {behind_ms} ms behind");
            before = Some(elapsed);
        }
    }
}

fn tone(frequency_hz: f64) -> Arc<Prompt> {
    // A whole number of cycles at any multiple of 10 Hz, so that the loop has no seam.
    Arc::new(Prompt::from_pcm_8k(&sine(frequency_hz, 8000.0, 800)))
}

fn has_tone(heard: &[i16], frequency_hz: f64) -> bool {
    (peak_at(heard, frequency_hz) - 8000.0).abs() < 400.0
}

#[test]
fn each_hears_the_other_in_any_mix_of_laws_and_packet_times() {
    let phones = [("0 101", ""), ("8 101", ""), ("0 101", "a=ptime:30\r\n"), ("8", "a=ptime:10\r\n")];
    for caller in phones {
        for callee in phones {
            let mut call = Call::new(caller, callee);
            call.caller_says(440.0);
            call.callee.play(PlayId(2), tone(1000.0), 0);
            call.run(2000);
            let (by_caller, by_callee) = (call.heard_by_caller.len(), call.heard_by_callee.len());
            call.run(2000);
            let heard = &call.heard_by_callee[by_callee..];
            assert!(has_tone(heard, 440.0), "{caller:?} {callee:?} {}", peak_at(heard, 440.0));
            assert!(has_tone(&call.heard_by_caller[by_caller..], 1000.0), "{caller:?} {callee:?}");
            call.assert_one_stream();
        }
    }
}

#[test]
fn packets_of_the_same_codec_go_on_unchanged_and_at_once() {
    let mut call = Call::alike();
    call.run(500);
    let before = call.to_callee.len();
    let mut packet = Packet {
        marker: false,
        payload_type: 0,
        sequence: 7,
        timestamp: 99,
        ssrc: 0x5eed,
        payload: &[0x55; 160],
    };
    // Two packets: a new source is believed with its second one.
    for _ in 0..2 {
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        call.arrive(End::CallerLeg, CALLER, &bytes);
        packet.sequence += 1;
        packet.timestamp += 160;
    }
    let sent = Packet::parse(&call.to_callee.last().unwrap().1).unwrap();
    assert_eq!(call.to_callee.len(), before + 1);
    assert_eq!(sent.payload, packet.payload);
    call.assert_one_stream();
}

#[test]
fn the_stream_is_one_through_prompts_the_bridge_and_what_follows() {
    for callee in [("0 101", ""), ("0 101", "a=ptime:30\r\n")] {
        let mut call = Call::new(("0 101", ""), callee);
        call.is_bridged = false;
        call.callee_leg.play(PlayId(9), tone(700.0), 0);
        call.run(1013);
        call.callee_leg.stop_play();
        call.is_bridged = true;
        call.caller_says(440.0);
        call.run(1007);
        call.callee_leg.play(PlayId(10), tone(600.0), 5);
        let heard = call.callee_hears(400);
        assert!(has_tone(&heard[1600..], 600.0), "the prompt takes the other leg's place");
        call.run(600);
        let heard = call.callee_hears(505);
        assert!(has_tone(&heard, 440.0), "and gives it back");
        call.unbridge();
        call.run(500);
        let heard = call.callee_hears(500);
        assert!(peak_at(&heard, 440.0) < 10.0);
        call.is_bridged = true;
        call.run(1000);
        call.assert_one_stream();
    }
}

#[test]
fn keys_are_told_and_go_on_with_the_number_the_other_phone_wants() {
    let other = ("0 96", "a=rtpmap:96 telephone-event/8000\r\n");
    for callee in [("0 101", ""), other, ("0 96", "a=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\n")] {
        let mut call = Call::new(("0 101", ""), callee);
        call.caller_says(440.0);
        call.run(500);
        call.caller.send_digits(PlayId(3), "1*#");
        call.run(1500);
        assert_eq!(Call::keys_of(&call.events_of_caller_leg), "1*#", "{callee:?}");
        assert_eq!(Call::keys_of(&call.events_of_callee), "1*#", "{callee:?}");
        call.run(500);
        call.assert_one_stream();
    }
}

#[test]
fn a_phone_without_events_hears_the_tones_of_a_key() {
    let mut call = Call::new(("0 101", ""), ("0", ""));
    call.run(500);
    call.caller.send_digits(PlayId(3), "5");
    let heard = call.callee_hears(400);
    let loudest = |hertz| heard.chunks_exact(400).map(|part| peak_at(part, hertz) as u32).max().unwrap();
    assert!(loudest(770.0) > 6000 && loudest(1336.0) > 7500);
    assert!(loudest(697.0) < 1500 && loudest(1633.0) < 1500);
}

#[test]
fn loss_and_disorder_show_in_the_numbers_and_duplicates_stay_behind() {
    let mut call = Call::alike();
    call.from_caller = Way { loss_percent: 10, delay_ms: 30, jitter_ms: 30, duplicate_percent: 10 };
    call.caller_says(440.0);
    call.run(20_000);
    let lost = call.caller_leg.stats().packets_lost;
    let sent = call.sound_to_callee();
    let numbers: BTreeSet<u16> = sent.iter().map(|(_, packet)| packet.sequence.wrapping_add(100)).collect();
    assert_eq!(numbers.len(), sent.len(), "no number twice");
    let span = usize::from(numbers.last().unwrap() - numbers.first().unwrap()) + 1;
    let missing = (span - numbers.len()) as u64;
    assert!(lost > 50 && missing.abs_diff(lost) <= 2, "{missing} missing of {lost}");
    assert!(sent.windows(2).any(|pair| pair[1].1.sequence < pair[0].1.sequence), "disorder is passed on");
    // Each number has its own time.
    for (_, packet) in &sent[20..] {
        let first = &sent[20].1;
        let steps = packet.sequence.wrapping_sub(first.sequence) as i16;
        let time = packet.timestamp.wrapping_sub(first.timestamp) as i32;
        assert_eq!(time, i32::from(steps) * 160);
    }
}

#[test]
fn a_leg_on_hold_gets_nothing_and_the_other_one_silence() {
    let mut call = Call::alike();
    call.caller_says(440.0);
    call.callee.play(PlayId(2), tone(1000.0), 0);
    call.run(1000);
    let hold = |call: &mut Call, line: &str| {
        let now = at_ms(call.now_ms);
        call.caller_leg.renegotiate(now, agreed(CALLER_LEG, CALLER, "0 101", line));
    };
    hold(&mut call, "a=inactive\r\n");
    call.caller.stop_play();
    call.run(300);
    let (by_caller, packets) = (call.heard_by_caller.len(), call.to_callee.len());
    let heard = call.callee_hears(2000);
    assert!(peak_at(&heard, 440.0) < 10.0);
    assert!((99..=101).contains(&(call.to_callee.len() - packets)), "silence goes on");
    assert!(peak_at(&call.heard_by_caller[by_caller..], 1000.0) < 10.0);
    // Music that the caller's side plays while it holds.
    hold(&mut call, "a=sendonly\r\n");
    call.caller_says(300.0);
    call.run(400);
    let heard = call.callee_hears(1000);
    assert!(has_tone(&heard, 300.0));
    hold(&mut call, "");
    call.run(400);
    let by_caller = call.heard_by_caller.len();
    call.run(1000);
    assert!(has_tone(&call.heard_by_caller[by_caller..], 1000.0));
    call.assert_one_stream();
}

#[test]
fn a_side_that_falls_silent_is_silence_and_begins_a_talkspurt_when_it_is_back() {
    let mut call = Call::alike();
    call.caller_says(440.0);
    call.run(1000);
    call.from_caller.loss_percent = 100;
    call.run(3000);
    call.from_caller.loss_percent = 0;
    let silent = call.to_callee.len();
    call.run(1000);
    call.assert_one_stream();
    let back: Vec<_> = call.to_callee[silent..].iter().map(|(_, b)| Packet::parse(b).unwrap()).collect();
    assert_eq!(back.iter().filter(|packet| packet.marker).count(), 1);
    assert!((195..=260).contains(&call.to_callee.len()), "{}", call.to_callee.len());
}

#[test]
fn a_sender_that_starts_anew_does_not_break_the_stream() {
    let mut call = Call::alike();
    call.run(1000);
    let mut other = config(agreed(CALLER, CALLER_LEG, "0 101", ""), 0x07e5);
    other.first_sequence = 3;
    other.first_timestamp = 5;
    call.caller = MediaSession::new(other, at_ms(call.now_ms));
    call.caller_says(500.0);
    call.run(500);
    let heard = call.callee_hears(1000);
    assert!(has_tone(&heard, 500.0));
    call.assert_one_stream();
}

#[test]
fn the_noise_of_a_quiet_line_is_made_for_a_phone_that_knows_none() {
    let mut call = Call::new(("0 13 101", ""), ("0 101", ""));
    call.caller_says(440.0);
    call.run(1000);
    let caller = call.caller.stats().packets_sent as u16;
    call.from_caller.loss_percent = 100;
    call.run(20);
    let mut bytes = Vec::new();
    let sequence = 65_500u16.wrapping_add(caller + 1);
    let timestamp = (u32::MAX - 10_000).wrapping_add((u32::from(caller) + 1) * 160);
    let noise = Packet { marker: false, payload_type: 13, sequence, timestamp, ssrc: 0xca11, payload: &[40] };
    noise.write(&mut bytes);
    call.arrive(End::CallerLeg, CALLER, &bytes);
    call.run(500);
    let before = call.to_callee.len();
    let heard = call.callee_hears(2000);
    let power: f64 = heard.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let level = (power / heard.len() as f64).sqrt();
    assert!((level - 327.0).abs() < 40.0, "{level}");
    assert_eq!(call.to_callee.len() - before, 100);
    call.from_caller.loss_percent = 0;
    call.run(500);
    let heard = call.callee_hears(500);
    assert!(has_tone(&heard, 440.0));
    call.assert_one_stream();
}

#[test]
fn a_flood_from_one_side_does_not_become_one_for_the_other() {
    let mut call = Call::alike();
    let codec = Codec::Pcmu;
    for number in 0..20_000u32 {
        let packet = Packet {
            marker: false,
            payload_type: 0,
            sequence: number as u16,
            timestamp: number * 160,
            ssrc: 0xf100d,
            payload: &[codec.silence(); 160],
        };
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        call.arrive(End::CallerLeg, CALLER, &bytes);
        if number % 10 == 0 {
            call.run(1);
        }
    }
    // Two seconds.
    assert!(call.to_callee.len() <= 64 + 2 * 200 + 10, "{}", call.to_callee.len());
    assert!(call.callee_leg.stats().unrelayed > 10_000);
}

#[test]
fn who_has_not_sent_gets_five_seconds_of_the_other_leg() {
    let mut call = Call::alike();
    call.callee = MediaSession::new(config(agreed(CALLEE, CALLEE_LEG, "0", "a=inactive\r\n"), 1), at_ms(0));
    call.run(10_000);
    assert!((249..=252).contains(&call.to_callee.len()), "{}", call.to_callee.len());
}

#[test]
fn reports_are_of_the_leg_itself() {
    let mut call = Call::alike();
    call.from_caller = Way { loss_percent: 10, ..Way::default() };
    call.run(30_000);
    assert!(call.reports_to_callee.len() >= 3);
    for report in &call.reports_to_callee {
        let Some(rtcp::RtcpPacket::SenderReport { ssrc, mut blocks, .. }) = rtcp::packets(report).next()
        else {
            panic!("no sender report");
        };
        let block = blocks.next().unwrap();
        assert_eq!((ssrc, block.ssrc), (0xbbbb, 0xca1e));
        // The caller's loss is the caller's.
        assert_eq!(block.cumulative_lost, 0);
    }
    assert_eq!(call.callee_leg.stats().packets_sent, call.to_callee.len() as u64);
    assert!(call.caller_leg.stats().packets_lost > 50);
}

#[test]
fn half_an_hour_of_drifting_clocks_keeps_the_delay_bounded() {
    for slow_ppm in [-200, 200] {
        let mut call = Call::new(("0 101", ""), ("0 101", "a=ptime:30\r\n"));
        call.caller_slow_ppm = slow_ppm;
        call.caller_says(440.0);
        call.run(60_000);
        call.deepest_ms = 0;
        let (concealed, skipped) =
            (call.caller_leg.stats().concealed_frames, call.caller_leg.stats().skipped_frames);
        call.run(1_800_000 - 60_000);
        let stats = call.caller_leg.stats();
        let slips = stats.concealed_frames - concealed + stats.skipped_frames - skipped;
        assert!(slips <= 29, "{slow_ppm} ppm: {slips} slips");
        assert!(slips >= 10, "{slow_ppm} ppm: {slips} slips make up for the drift");
        assert!(call.deepest_ms <= 300, "{slow_ppm} ppm: {} ms deep", call.deepest_ms);
        // Relayed as it comes there is no depth at all, and the stream keeps the sender's time.
        let mut relayed = Call::alike();
        relayed.caller_slow_ppm = slow_ppm;
        relayed.caller_says(440.0);
        relayed.run(1_800_000);
        let sound = relayed.sound_to_callee();
        let steps =
            sound.windows(2).filter(|pair| pair[1].1.timestamp.wrapping_sub(pair[0].1.timestamp) != 160);
        assert_eq!(steps.count(), 0);
    }
}
