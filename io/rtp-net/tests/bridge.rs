//! Two calls joined to a bridge, over the loopback network: caller, its leg, the callee's leg, callee.

mod common;

use std::net::{SocketAddr, UdpSocket};

use common::{LOOPBACK, PATIENCE, Side, amplitude, call, config, media, tone};
use ringway_media::rtp::Packet;
use ringway_media::sdp::{LocalMedia, Negotiation, SessionDescription};
use ringway_media::{Negotiated, PlayId, SessionEvent};
use ringway_rtp_net::{MediaNet, ReservedPorts, Session, Ways};

struct Bridged {
    caller: Side,
    caller_leg: Side,
    callee_leg: Side,
    callee: Side,
}

fn bridged(media: &MediaNet, ways: Ways) -> Bridged {
    let ((caller, caller_leg), (callee_leg, callee)) = (call(media), call(media));
    caller_leg.session.bridge(&callee_leg.session.handle(), ways);
    caller.session.play(PlayId(1), tone(440.0, 200), 0);
    callee.session.play(PlayId(2), tone(1_000.0, 200), 0);
    Bridged { caller, caller_leg, callee_leg, callee }
}

#[test]
fn each_hears_the_other_until_the_bridge_is_taken_apart() {
    let media = media();
    let call = bridged(&media, Ways::Both);
    call.callee.hears(440.0);
    call.caller.hears(1_000.0);
    call.callee_leg.session.unbridge();
    call.callee_leg.session.play(PlayId(3), tone(600.0, 200), 0);
    call.caller_leg.session.play(PlayId(4), tone(700.0, 200), 0);
    call.callee.hears(600.0);
    call.caller.hears(700.0);
}

#[test]
fn early_media_go_one_way_until_the_answer() {
    let media = media();
    let call = bridged(&media, Ways::ToFirst);
    call.caller.hears(1_000.0);
    let before_the_answer: Vec<i16> = call.callee.sound.try_iter().flatten().collect();
    assert!(amplitude(&before_the_answer, 440.0) < 100.0);
    call.caller_leg.session.bridge(&call.callee_leg.session.handle(), Ways::Both);
    call.callee.hears(440.0);
    call.caller_leg.session.bridge(&call.callee_leg.session.handle(), Ways::ToSecond);
    call.caller_leg.session.play(PlayId(3), tone(600.0, 200), 0);
    call.caller.hears(600.0);
    call.callee.hears(440.0);
}

#[test]
fn a_leg_that_closes_leaves_the_other_one_to_its_own_sounds() {
    let media = media();
    let call = bridged(&media, Ways::Both);
    call.callee.hears(440.0);
    let stats = call.caller_leg.close();
    assert!(stats.packets_received > 0 && stats.refused == 0, "{stats:?}");
    call.callee_leg.session.play(PlayId(3), tone(600.0, 200), 0);
    call.callee.hears(600.0);
    drop(call.callee_leg);
    drop(call.callee);
    call.caller.close();
    assert_eq!(media.snapshot().sessions, 0);
}

#[test]
fn keys_are_told_on_the_leg_and_heard_at_the_other_end() {
    let media = media();
    let call = bridged(&media, Ways::Both);
    call.caller.session.send_digits(PlayId(5), "4*".to_owned());
    for key in "4*".chars() {
        call.caller_leg.waits_for(SessionEvent::Digit(key));
        call.callee.waits_for(SessionEvent::Digit(key));
    }
}

#[test]
fn packets_keep_their_payload_and_get_numbers_of_the_leg() {
    let media = media();
    let (caller, caller_leg) = phone_and_leg(&media, 1);
    let (callee, callee_leg) = phone_and_leg(&media, 2);
    caller_leg.0.bridge(&callee_leg.0.handle(), Ways::Both);
    let mut payload = [0; 160];
    let mut buffer = [0; 2_048];
    let mut numbers = Vec::new();
    for number in 0..20u8 {
        payload.fill(number);
        let mut bytes = Vec::new();
        let timestamp = u32::from(number) * 160;
        let sequence = u16::from(number);
        Packet { marker: false, payload_type: 0, sequence, timestamp, ssrc: 0x5eed, payload: &payload }
            .write(&mut bytes);
        caller.send_to(&bytes, caller_leg.1).expect("loopback takes it");
        // Silence of the leg's own may come before the first one.
        loop {
            let length = callee.recv(&mut buffer).expect("the packet goes on");
            let Some(packet) = Packet::parse(&buffer[..length]).filter(|packet| packet.ssrc == 2) else {
                continue;
            };
            numbers.push((packet.sequence, packet.timestamp));
            if packet.payload == payload {
                break;
            }
        }
    }
    assert!(numbers.windows(2).all(|pair| pair[1].0 == pair[0].0.wrapping_add(1)), "{numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[1].1.wrapping_sub(pair[0].1) < 8_000), "{numbers:?}");
}

/// A socket for a phone, a session for its leg, and where that takes RTP.
fn phone_and_leg(media: &MediaNet, number: u32) -> (UdpSocket, (Session, SocketAddr)) {
    let phone = UdpSocket::bind((LOOPBACK, 0)).expect("a port");
    phone.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let ports = media.reserve(LOOPBACK).expect("ports");
    let leg = SocketAddr::new(LOOPBACK, ports.rtp_port());
    let negotiated = negotiated(&ports, phone.local_addr().expect("bound").port());
    let mut config = config(negotiated, number);
    config.listen = false;
    (phone, (media.open(ports, config, Box::new(|_| ())), leg))
}

fn negotiated(ports: &ReservedPorts, phone_port: u16) -> Negotiated {
    let local = LocalMedia::new(ports.local(), ports.rtp_port(), ports.rtcp_port(), 1);
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {phone_port} RTP/AVP 0\r\n"
    );
    let offer = SessionDescription::parse(offer.as_bytes()).expect("an offer");
    Negotiation::new(local).answer(&offer).expect("mu-law is known").negotiated
}
