//! The packets themselves: one stream without a gap, reports, trust, inactivity.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{A, B, World, address, agreed, at_ms, config, is_silence};
use proptest::prelude::*;
use ringway_media::rtcp::{RtcpPacket, packets};
use ringway_media::rtp::Packet;
use ringway_media::tone::sine;
use ringway_media::{Codec, MediaSession, PlayId, Prompt, SessionEvent};

fn session(formats: &str, extra: &str) -> MediaSession {
    MediaSession::new(config(agreed(A, B, formats, extra), 0xaaaa), at_ms(0))
}

/// Packets (is it RTCP, bytes) of slots from `from_ms` up to `to_ms`.
fn slots(session: &mut MediaSession, from_ms: u64, to_ms: u64) -> Vec<(bool, Vec<u8>)> {
    let mut sent = Vec::new();
    for now_ms in (from_ms..to_ms).step_by(20) {
        session.tick(at_ms(now_ms));
        while let Some(packet) = session.poll_transmit() {
            sent.push((packet.rtcp, packet.bytes.to_vec()));
        }
    }
    sent
}

fn rtp_only(sent: Vec<(bool, Vec<u8>)>) -> Vec<Vec<u8>> {
    sent.into_iter().filter(|(rtcp, _)| !rtcp).map(|(_, bytes)| bytes).collect()
}

fn packet(sequence: u16, timestamp: u32, ssrc: u32, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet { marker: false, payload_type, sequence, timestamp, ssrc, payload }.write(&mut bytes);
    bytes
}

#[test]
fn one_stream_from_the_first_tick_on() {
    for (formats, codec) in [("0 101", Codec::Pcmu), ("8 101", Codec::Pcma)] {
        for (ptime, expected) in [(10, 400), (20, 200), (30, 133), (60, 66)] {
            let mut session = session(formats, &format!("a=ptime:{ptime}\r\n"));
            let sent = rtp_only(slots(&mut session, 0, 4000));
            assert_eq!(sent.len(), expected, "{ptime} ms");
            for (index, bytes) in sent.iter().enumerate() {
                let packet = Packet::parse(bytes).unwrap();
                assert_eq!(packet.ssrc, 0xaaaa);
                assert_eq!(packet.marker, index == 0);
                assert_eq!(packet.sequence, 65_500u16.wrapping_add(index as u16));
                assert_eq!(packet.timestamp, (u32::MAX - 10_000).wrapping_add(index as u32 * ptime * 8));
                assert_eq!(packet.payload.len(), ptime as usize * 8);
                assert!(is_silence(codec, packet.payload));
            }
        }
    }
}

#[test]
fn a_prompt_goes_out_octet_by_octet() {
    let mut session = session("8 101", "");
    let prompt = Prompt::from_pcm_8k(&sine(440.0, 8000.0, 800));
    session.play(PlayId(1), Arc::new(prompt.clone()), 1);
    let sent = rtp_only(slots(&mut session, 0, 200));
    let octets: Vec<u8> =
        sent.iter().flat_map(|bytes| Packet::parse(bytes).unwrap().payload.to_vec()).collect();
    assert_eq!(octets[..800], prompt.octets(Codec::Pcma)[..]);
    assert!(is_silence(Codec::Pcma, &octets[800..]));
}

#[test]
fn keys_do_not_disturb_the_clock_of_the_sound() {
    let mut session = session("0 101", "");
    slots(&mut session, 0, 100);
    session.send_digits(PlayId(1), "7");
    let sent = rtp_only(slots(&mut session, 100, 500));
    let first = Packet::parse(&sent[0]).unwrap();
    assert!(first.marker && first.payload_type == 101);
    for (index, bytes) in sent.iter().enumerate() {
        let packet = Packet::parse(bytes).unwrap();
        assert_eq!(packet.sequence, first.sequence.wrapping_add(index as u16));
        if packet.payload_type == 101 {
            assert_eq!(packet.timestamp, first.timestamp);
        } else {
            assert_eq!(packet.timestamp, first.timestamp.wrapping_add(index as u32 * 160));
            assert!(!packet.marker);
        }
    }
    assert_eq!(sent.iter().filter(|bytes| bytes[1] & 0x7f == 101).count(), 7);
}

#[test]
fn who_never_sends_gets_five_seconds_then_the_stream_goes_on_from_its_first_packet() {
    let mut session = session("0 101", "");
    let before = rtp_only(slots(&mut session, 0, 20_000));
    assert_eq!(before.len(), 250);
    assert!(slots(&mut session, 20_000, 21_000).is_empty());
    session.handle_rtp(at_ms(21_000), address(B), &packet(1, 0, 7, 0, &[0xff; 160]));
    let after = rtp_only(slots(&mut session, 21_000, 22_000));
    assert_eq!(after.len(), 50);
    let (last, next) = (Packet::parse(&before[249]).unwrap(), Packet::parse(&after[0]).unwrap());
    assert_eq!(next.sequence, last.sequence.wrapping_add(1));
    assert_eq!(next.timestamp, last.timestamp.wrapping_add((21_000 - 4980) * 8));
    assert!(next.marker);
}

#[test]
fn a_report_counts_as_having_sent() {
    let mut session = session("0 101", "a=recvonly\r\n");
    let mut report = Vec::new();
    ringway_media::rtcp::write_report(&mut report, 7, None, None);
    session.handle_rtcp(at_ms(0), address("192.0.2.2:5001"), &report);
    assert_eq!(rtp_only(slots(&mut session, 0, 20_000)).len(), 1000);
}

#[test]
fn on_hold_nothing_is_sent_but_reports() {
    let mut session = session("0 101", "");
    session.handle_rtp(at_ms(0), address(B), &packet(1, 0, 7, 0, &[0xff; 160]));
    slots(&mut session, 0, 1000);
    session.renegotiate(at_ms(1000), agreed(A, B, "0 101", "a=sendonly\r\n"));
    let sent = slots(&mut session, 1000, 21_000);
    assert!(sent.iter().all(|(rtcp, _)| *rtcp) && sent.len() >= 2);
    session.renegotiate(at_ms(21_000), agreed(A, B, "8 101", "a=ptime:30\r\n"));
    let resumed = rtp_only(slots(&mut session, 21_000, 22_000));
    let first = Packet::parse(&resumed[0]).unwrap();
    assert_eq!((first.payload_type, first.payload.len(), first.ssrc), (8, 240, 0xaaaa));
    assert!(first.marker);
}

#[test]
fn silence_of_a_minute_is_told_once_and_reports_break_it() {
    let inactive = |session: &mut MediaSession| {
        std::iter::from_fn(|| session.poll_event()).filter(|event| *event == SessionEvent::Inactive).count()
    };
    let mut session = session("0 101", "");
    slots(&mut session, 0, 60_000);
    assert_eq!(inactive(&mut session), 0);
    slots(&mut session, 60_000, 200_000);
    assert_eq!(inactive(&mut session), 1);

    let mut reported = self::session("0 101", "");
    let mut report = Vec::new();
    ringway_media::rtcp::write_report(&mut report, 7, None, None);
    for start in (0..200_000).step_by(10_000) {
        reported.handle_rtcp(at_ms(start), address("192.0.2.2:5001"), &report);
        slots(&mut reported, start, start + 10_000);
    }
    assert_eq!(inactive(&mut reported), 0);

    // Nothing is expected from a peer that only receives.
    let mut one_way = self::session("0 101", "a=recvonly\r\n");
    slots(&mut one_way, 0, 200_000);
    assert_eq!(inactive(&mut one_way), 0);
}

#[test]
fn reports_come_every_few_seconds_and_the_last_one_says_goodbye() {
    let mut session = session("0 101", "");
    session.handle_rtp(at_ms(0), address(B), &packet(1, 0, 7, 0, &[0xff; 160]));
    let reports: Vec<Vec<u8>> = slots(&mut session, 0, 60_000)
        .into_iter()
        .filter(|(rtcp, _)| *rtcp)
        .map(|(_, bytes)| bytes)
        .collect();
    assert!((8..=20).contains(&reports.len()), "{}", reports.len());
    for report in &reports {
        let kinds: Vec<_> = packets(report).collect();
        assert!(
            matches!(kinds[0], RtcpPacket::SenderReport { ssrc: 0xaaaa, blocks, .. } if blocks.count() == 1)
        );
        assert!(matches!(kinds[1], RtcpPacket::Other(202)));
        assert!(report.windows(10).any(|window| window == b"name-43690"));
    }
    session.close(at_ms(60_000));
    let last = session.poll_transmit().unwrap();
    assert!(last.rtcp && last.to == address("192.0.2.2:5001"));
    assert!(packets(last.bytes).any(|packet| matches!(packet, RtcpPacket::Goodbye { ssrc: Some(0xaaaa) })));
    assert!(slots(&mut session, 60_000, 61_000).is_empty());
}

#[test]
fn who_sent_something_is_a_sender_for_two_more_reports() {
    let mut session = session("0 101", "");
    session.handle_rtp(at_ms(0), address(B), &packet(1, 0, 7, 0, &[0xff; 160]));
    slots(&mut session, 0, 1000);
    session.renegotiate(at_ms(1000), agreed(A, B, "0 101", "a=inactive\r\n"));
    let sent = slots(&mut session, 1000, 40_000);
    let is_sender: Vec<bool> = sent
        .iter()
        .map(|(_, bytes)| matches!(packets(bytes).next(), Some(RtcpPacket::SenderReport { .. })))
        .collect();
    assert_eq!(is_sender[..3], [true, true, false]);

    // So the goodbye tells how much was sent even when it follows another report at once.
    let mut session = self::session("0 101", "");
    session.handle_rtp(at_ms(0), address(B), &packet(1, 0, 7, 0, &[0xff; 160]));
    let reported = (0..).map(|slot| slot * 20).find(|now_ms| {
        let sent = slots(&mut session, *now_ms, *now_ms + 20);
        sent.iter().any(|(rtcp, _)| *rtcp)
    });
    session.close(at_ms(reported.unwrap()));
    let last = session.poll_transmit().unwrap();
    assert!(matches!(packets(last.bytes).next(), Some(RtcpPacket::SenderReport { .. })));
}

#[test]
fn a_sender_report_tells_time_and_counts() {
    let mut session = session("0 101", "");
    session.handle_rtp(at_ms(0), address(B), &packet(1, 0, 7, 0, &[0xff; 160]));
    let sent = slots(&mut session, 0, 30_000);
    let (mut sent_packets, mut checked) = (0, 0);
    for (rtcp, bytes) in &sent {
        if !rtcp {
            sent_packets += 1;
        } else if let Some(RtcpPacket::SenderReport { info, .. }) = packets(bytes).next() {
            assert_eq!((info.packets, info.octets), (sent_packets, sent_packets * 160));
            // The wall clock and the sample clock advance together.
            let elapsed = info.ntp as f64 / 2f64.powi(32) - (1_700_000_000.0 + 2_208_988_800.0);
            let samples = info.rtp.wrapping_sub(u32::MAX - 10_000);
            assert!((elapsed * 8000.0 - f64::from(samples)).abs() < 2.0, "{elapsed} s, {samples}");
            checked += 1;
        }
    }
    assert!(checked >= 3);
}

#[test]
fn one_port_for_both() {
    let mut world = World::new("0 101", "a=rtcp-mux\r\n", 1);
    world.run(20_000);
    assert!(world.sent_by_a.iter().any(|bytes| ringway_media::rtp::is_rtcp(bytes)));
    assert_eq!(world.a.stats().remote.unwrap().cumulative_lost, 0);
    assert!(world.a.stats().round_trip.unwrap() < Duration::from_millis(80));
    assert_eq!(world.a.stats().refused, 0);
}

#[test]
fn strangers_and_unknown_payload_types_are_refused() {
    let mut session = session("0 101", "");
    session.handle_rtp(at_ms(0), address("203.0.113.1:5000"), &packet(1, 0, 7, 0, &[0; 160]));
    session.handle_rtp(at_ms(0), address(B), &packet(1, 0, 7, 96, &[0; 160]));
    session.handle_rtp(at_ms(0), address(B), &[0; 40]);
    session.handle_rtcp(at_ms(0), address("203.0.113.1:5001"), &[0x80, 201, 0, 1, 0, 0, 0, 1]);
    session.tick(at_ms(20));
    assert_eq!(session.stats().refused, 4);
    assert_eq!(session.stats().packets_received, 0);
    assert!(session.take_heard().is_none());
    assert_eq!(session.poll_event(), None);
}

/// Feeds one packet a slot, made from its index, and returns what was heard.
fn hear(
    session: &mut MediaSession,
    slots: std::ops::Range<u64>,
    make: impl Fn(u64) -> Option<Vec<u8>>,
) -> Vec<i16> {
    let mut heard = Vec::new();
    for slot in slots {
        if let Some(bytes) = make(slot) {
            session.handle_rtp(at_ms(slot * 20), address(B), &bytes);
        }
        session.tick(at_ms(slot * 20 + 5));
        heard.extend(session.take_heard().into_iter().flatten());
        while session.poll_transmit().is_some() {}
    }
    heard
}

#[test]
fn another_source_or_another_count_goes_on_sounding() {
    let loud = Codec::Pcmu.encode_all(&[8000; 160]);
    let steady = |heard: &[i16]| heard.iter().filter(|sample| **sample > 7000).count();
    let mut session = session("0 101", "");
    let make = |slot: u64, ssrc, sequence: u16, timestamp: u32| {
        Some(packet(
            sequence.wrapping_add(slot as u16),
            timestamp.wrapping_add(slot as u32 * 160),
            ssrc,
            0,
            &loud,
        ))
    };
    hear(&mut session, 0..100, |slot| make(slot, 1, 0, 0));
    let other_source = hear(&mut session, 100..200, |slot| make(slot, 2, 40_000, 3_000_000_000));
    assert!(steady(&other_source[1600..]) > 13_000, "{}", steady(&other_source[1600..]));
    let other_count = hear(&mut session, 200..300, |slot| make(slot, 2, 9_000, 5));
    assert!(steady(&other_count[1600..]) > 13_000, "{}", steady(&other_count[1600..]));
    let other_time = hear(&mut session, 300..400, |slot| make(slot, 2, 9_000, 2_000_000_000));
    assert!(steady(&other_time[1600..]) > 12_500, "{}", steady(&other_time[1600..]));
    assert_eq!(session.stats().packets_lost, 0);
    // One stray packet of another source is not heard and changes nothing.
    session.handle_rtp(at_ms(8000), address(B), &packet(1, 1, 99, 0, &loud));
    let on = hear(&mut session, 400..450, |slot| make(slot, 2, 9_000, 2_000_000_000));
    assert!(steady(&on) >= 7900, "{}", steady(&on));
}

#[test]
fn a_pause_of_the_sender_is_noise_at_its_level_and_no_loss() {
    let mut session = session("0 13 101", "");
    let loud = Codec::Pcmu.encode_all(&sine(440.0, 8000.0, 160));
    let make = |slot: u64| match slot {
        0..50 | 300.. => {
            // While nobody speaks no numbers are used up.
            let sequence = if slot < 50 { slot } else { slot - 249 };
            Some(packet(sequence as u16, slot as u32 * 160, 7, 0, &loud))
        }
        50 => Some(packet(50, 50 * 160, 7, 13, &[50])),
        _ => None,
    };
    let heard = hear(&mut session, 0..350, make);
    let pause = &heard[100 * 160..250 * 160];
    let rms =
        (pause.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / pause.len() as f64).sqrt();
    // -50 dB of overload is 104.
    assert!((90.0..=115.0).contains(&rms), "{rms}");
    assert_eq!((session.stats().concealed_frames, session.stats().packets_lost), (0, 0));
    assert!(heard[heard.len() - 4800..].iter().any(|sample| *sample > 7000));
}

#[test]
fn nobody_listening_costs_no_decoding_but_all_counts() {
    let mut session = MediaSession::new(
        ringway_media::SessionConfig { listen: false, ..config(agreed(A, B, "0 101", ""), 1) },
        at_ms(0),
    );
    let heard =
        hear(&mut session, 0..100, |slot| Some(packet(slot as u16, slot as u32 * 160, 7, 0, &[0; 160])));
    assert!(heard.is_empty());
    assert_eq!(session.stats().packets_received, 100);
    session.set_listening(true);
    let heard =
        hear(&mut session, 100..200, |slot| Some(packet(slot as u16, slot as u32 * 160, 7, 0, &[0; 160])));
    assert_eq!(heard.len(), 16_000);
}

proptest! {
    #[test]
    fn random_packets_never_panic(
        datagrams in proptest::collection::vec(
            (any::<bool>(), any::<[u8; 12]>(), proptest::collection::vec(any::<u8>(), 0..200)), 1..60),
    ) {
        let mut session = session("0 8 13 101", "");
        for (slot, (rtcp, mut header, rest)) in datagrams.into_iter().enumerate() {
            header[0] = header[0] & 0x3f | 0x80;
            if header[1] & 1 == 0 {
                header[1] = [0, 101, 13, 0][usize::from(header[1] >> 1) % 4];
                header[8..12].copy_from_slice(&[0, 0, 0, 1]);
            }
            let bytes = [&header[..], &rest].concat();
            let now = at_ms(slot as u64 * 20);
            if rtcp {
                session.handle_rtcp(now, address(B), &bytes);
            } else {
                session.handle_rtp(now, address(B), &bytes);
            }
            session.tick(now);
            session.take_heard();
        }
    }
}
