//! Sessions that talk to each other over the loopback network.
#![allow(dead_code, unreachable_pub)] // Each test file uses some of it.

use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ringway_media::{
    Latch, LocalMedia, Negotiated, Negotiation, Prompt, SessionConfig, SessionDescription, SessionEvent,
    SessionStats,
};
use ringway_model::UnixTime;
use ringway_rtp_net::{MediaConfig, MediaNet, ReservedPorts, Session};

/// Long enough for a machine under load; nothing waits this long unless something is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct Side {
    pub session: Session,
    pub events: Receiver<SessionEvent>,
    pub sound: Receiver<Vec<i16>>,
}

pub fn media() -> MediaNet {
    MediaNet::start(MediaConfig::default(), [3; 32]).expect("a thread")
}

/// What both agree on, the caller's view first.
pub fn agree(caller: &ReservedPorts, callee: &ReservedPorts) -> (Negotiated, Negotiated) {
    let local =
        |ports: &ReservedPorts| LocalMedia::new(ports.local(), ports.rtp_port(), ports.rtcp_port(), 1);
    let mut offerer = Negotiation::new(local(caller));
    let mut answerer = Negotiation::new(local(callee));
    let offer = SessionDescription::parse(&offerer.offer()).expect("our own offer");
    let answer = answerer.answer(&offer).expect("our own offer");
    let parsed = SessionDescription::parse(&answer.sdp).expect("our own answer");
    (offerer.apply_answer(&parsed).expect("our own answer"), answer.negotiated)
}

pub fn config(negotiated: Negotiated, number: u32) -> SessionConfig {
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

pub fn open(media: &MediaNet, ports: ReservedPorts, negotiated: Negotiated, number: u32) -> Side {
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

pub fn call(media: &MediaNet) -> (Side, Side) {
    let (caller, callee) = (media.reserve(LOOPBACK).expect("ports"), media.reserve(LOOPBACK).expect("ports"));
    let (callers, callees) = agree(&caller, &callee);
    (open(media, caller, callers, 1), open(media, callee, callees, 2))
}

pub fn tone(hertz: f64, milliseconds: usize) -> Arc<Prompt> {
    let sample = |n: usize| (8_000.0 * (TAU * hertz * n as f64 / 8_000.0).sin()) as i16;
    Arc::new(Prompt::from_pcm_8k(&(0..8 * milliseconds).map(sample).collect::<Vec<_>>()))
}

/// The amplitude of one frequency, in sample units.
pub fn amplitude(samples: &[i16], hertz: f64) -> f64 {
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
    pub fn hears(&self, hertz: f64) {
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

    pub fn waits_for(&self, wanted: SessionEvent) {
        while self.events.recv_timeout(PATIENCE).expect("an event") != wanted {}
    }

    pub fn close(self) -> SessionStats {
        let (sender, stats) = mpsc::channel();
        self.session.close(move |last| {
            let _ = sender.send(last);
        });
        stats.recv_timeout(PATIENCE).expect("the last figures")
    }
}
