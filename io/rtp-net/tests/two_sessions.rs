//! Two sessions that talk to each other over the loopback network.

use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ringway_media::{
    Latch, LocalMedia, Negotiated, Negotiation, PlayId, Prompt, SessionConfig, SessionDescription,
    SessionEvent, SessionStats,
};
use ringway_model::UnixTime;
use ringway_rtp_net::{MediaConfig, MediaNet, ReservedPorts, Session};

/// Long enough for a machine under load; nothing waits this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Side {
    session: Session,
    events: Receiver<SessionEvent>,
    sound: Receiver<Vec<i16>>,
}

fn media() -> MediaNet {
    MediaNet::start(MediaConfig::default(), [3; 32]).expect("a thread")
}

/// What both agree on, the caller's view first.
fn agree(caller: &ReservedPorts, callee: &ReservedPorts) -> (Negotiated, Negotiated) {
    let local =
        |ports: &ReservedPorts| LocalMedia::new(ports.local(), ports.rtp_port(), ports.rtcp_port(), 1);
    let mut offerer = Negotiation::new(local(caller));
    let mut answerer = Negotiation::new(local(callee));
    let offer = SessionDescription::parse(&offerer.offer()).expect("our own offer");
    let answer = answerer.answer(&offer).expect("our own offer");
    let parsed = SessionDescription::parse(&answer.sdp).expect("our own answer");
    (offerer.apply_answer(&parsed).expect("our own answer"), answer.negotiated)
}

fn config(negotiated: Negotiated, number: u32) -> SessionConfig {
    SessionConfig {
        negotiated,
        ssrc: number,
        first_sequence: 65_530,
        first_timestamp: u32::MAX - 100,
        cname: format!("side-{number}"),
        latch: Latch::Signalled { signalling: LOOPBACK },
        inactivity: Duration::from_secs(60),
        listen: true,
        opened_at: UnixTime::from_secs(1_800_000_000),
        seed: u64::from(number),
    }
}

fn open(media: &MediaNet, ports: ReservedPorts, negotiated: Negotiated, number: u32) -> Side {
    let (event_sender, events) = mpsc::channel();
    let (sound_sender, sound) = mpsc::channel();
    // The receivers may be gone when the test has ended.
    let tell = Box::new(move |event| {
        let _ = event_sender.send(event);
    });
    let session = media.open(ports, config(negotiated, number), tell);
    session.listen(Box::new(move |frame| {
        let _ = sound_sender.send(frame.to_vec());
    }));
    Side { session, events, sound }
}

fn call(media: &MediaNet) -> (Side, Side) {
    let (caller, callee) = (media.reserve(LOOPBACK).expect("ports"), media.reserve(LOOPBACK).expect("ports"));
    let (callers, callees) = agree(&caller, &callee);
    (open(media, caller, callers, 1), open(media, callee, callees, 2))
}

fn tone(hertz: f64, milliseconds: usize) -> Arc<Prompt> {
    let sample = |n: usize| (8_000.0 * (TAU * hertz * n as f64 / 8_000.0).sin()) as i16;
    Arc::new(Prompt::from_pcm_8k(&(0..8 * milliseconds).map(sample).collect::<Vec<_>>()))
}

/// The amplitude of one frequency, in sample units.
fn amplitude(samples: &[i16], hertz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = TAU * hertz * n as f64 / 8_000.0;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    2.0 * f64::hypot(real, imaginary) / samples.len() as f64
}

impl Side {
    /// Listens until a fifth of a second holds little but this tone.
    fn hears(&self, hertz: f64) {
        let mut recent = Vec::new();
        loop {
            recent.extend(self.sound.recv_timeout(PATIENCE).expect("sound goes on"));
            let start = recent.len().saturating_sub(1_600);
            recent.drain(..start);
            if recent.len() == 1_600 && (amplitude(&recent, hertz) - 8_000.0).abs() < 800.0 {
                assert!(amplitude(&recent, hertz * 1.37) < 400.0);
                return;
            }
        }
    }

    fn waits_for(&self, wanted: SessionEvent) {
        while self.events.recv_timeout(PATIENCE).expect("an event") != wanted {}
    }

    fn close(self) -> SessionStats {
        let (sender, stats) = mpsc::channel();
        self.session.close(move |last| {
            let _ = sender.send(last);
        });
        stats.recv_timeout(PATIENCE).expect("the last figures")
    }
}

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
