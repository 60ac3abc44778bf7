//! Two sessions that talk to each other over the loopback network.

mod common;

use std::net::UdpSocket;
use std::sync::mpsc;

use common::{LOOPBACK, PATIENCE, agree, call, media, open, tone};
use ringway_media::{PlayId, SessionEvent};
use ringway_rtp_net::{MediaConfig, MediaNet, ReservedPorts};

#[test]
fn each_hears_what_the_other_plays() {
    let media = media();
    let (caller, callee) = call(&media);
    caller.session.play(PlayId(1), tone(440.0, 400), 0);
    callee.session.play(PlayId(2), tone(1_000.0, 600), 1);
    caller.hears(1_000.0);
    callee.hears(440.0);
    callee.waits_for(SessionEvent::PlayFinished(PlayId(2)));
    caller.session.stop_play();
    let heard = caller.close();
    assert!(heard.packets_received > 20 && heard.packets_lost == 0, "{heard:?}");
    assert_eq!(heard.refused, 0, "{heard:?}");
}

#[test]
fn keys_arrive_in_order_and_once() {
    let media = media();
    let (caller, callee) = call(&media);
    caller.session.send_digits(PlayId(7), "12#".to_owned());
    for key in "12#".chars() {
        callee.waits_for(SessionEvent::Digit(key));
    }
    caller.waits_for(SessionEvent::DigitsSent(PlayId(7)));
    let others = callee.events.try_iter().filter(|event| matches!(event, SessionEvent::Digit(_))).count();
    assert_eq!(others, 0);
}

#[test]
fn sessions_are_counted_and_their_ports_rest_when_they_close() {
    let media = media();
    let (caller, callee) = call(&media);
    callee.session.play(PlayId(1), tone(1_000.0, 200), 0);
    caller.hears(1_000.0);
    let (sender, asked) = mpsc::channel();
    caller.session.statistics(move |stats| {
        let _ = sender.send(stats);
    });
    asked.recv_timeout(PATIENCE).expect("figures");
    assert_eq!(media.snapshot().sessions, 2);
    drop(callee);
    caller.close();
    assert_eq!(media.snapshot().sessions, 0, "both orders were carried out, one after the other");
    assert!(media.snapshot().lateness.ticks() > 0);
}

#[test]
fn closed_sessions_free_their_sockets_but_not_yet_their_ports() {
    let (media, ports) = single_pair();
    let port = ports.rtp_port();
    let peer = agree(&ports, &ports).0;
    open(&media, ports, peer, 1).close();
    assert!(UdpSocket::bind((LOOPBACK, port)).is_ok(), "the socket is closed");
    assert!(media.reserve(LOOPBACK).is_err(), "the port rests");
}

/// A media side with one pair of ports that no other program has, and that pair.
fn single_pair() -> (MediaNet, ReservedPorts) {
    let candidate = || {
        let free = UdpSocket::bind((LOOPBACK, 0)).and_then(|socket| socket.local_addr()).ok()?.port();
        let start = free & !1;
        let config = MediaConfig { ports: start..=start + 1, ..MediaConfig::default() };
        let media = MediaNet::start(config, [4; 32]).ok()?;
        let ports = media.reserve(LOOPBACK).ok()?;
        Some((media, ports))
    };
    (0..100).find_map(|_| candidate()).expect("a free pair of ports")
}
