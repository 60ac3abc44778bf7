//! Two sessions and a network between them, in virtual time.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ringway_media::sdp::Negotiation;
use ringway_media::{
    Codec, Latch, LocalMedia, MediaSession, Negotiated, SessionConfig, SessionDescription, SessionEvent,
};
use ringway_model::{Moment, Random, UnixTime};

pub const A: &str = "192.0.2.1:4000";
pub const B: &str = "192.0.2.2:5000";

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn at_ms(milliseconds: u64) -> Moment {
    Moment::from_start(Duration::from_millis(1_000_000 + milliseconds))
}

/// What a session at `local` agrees on with one at `remote`; `extra` are lines of the remote's offer.
pub fn agreed(local: &str, remote: &str, formats: &str, extra: &str) -> Negotiated {
    let (local, remote) = (address(local), address(remote));
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n\
         a=rtpmap:101 telephone-event/8000\r\n{extra}",
        ip = remote.ip(),
        port = remote.port(),
    );
    let media = LocalMedia::new(local.ip(), local.port(), local.port() + 1, 1);
    let offer = SessionDescription::parse(offer.as_bytes()).unwrap();
    Negotiation::new(media).answer(&offer).unwrap().negotiated
}

pub fn config(negotiated: Negotiated, ssrc: u32) -> SessionConfig {
    let signalling = negotiated.remote.ip();
    SessionConfig {
        negotiated,
        ssrc,
        first_sequence: 65_500,
        first_timestamp: u32::MAX - 10_000,
        cname: format!("name-{ssrc}"),
        latch: Latch::Signalled { signalling },
        inactivity: Duration::from_secs(60),
        listen: true,
        opened_at: UnixTime::from_secs(1_700_000_000),
        seed: u64::from(ssrc),
    }
}

/// One way of the network.
#[derive(Clone, Copy, Default)]
pub struct Way {
    pub loss_percent: u64,
    pub delay_ms: u64,
    /// Added to the delay, evenly spread.
    pub jitter_ms: u64,
    pub duplicate_percent: u64,
}

struct InFlight {
    to: SocketAddr,
    from: SocketAddr,
    bytes: Vec<u8>,
}

/// Both sessions, what each heard and was told, and what was lost on the way from A to B.
pub struct World {
    pub a: MediaSession,
    pub b: MediaSession,
    pub now_ms: u64,
    pub to_b: Way,
    pub to_a: Way,
    pub heard_a: Vec<i16>,
    pub heard_b: Vec<i16>,
    pub events_a: Vec<SessionEvent>,
    pub events_b: Vec<SessionEvent>,
    pub rtp_to_b: u64,
    pub rtp_lost_to_b: u64,
    /// What A sent by RTP.
    pub sent_by_a: Vec<Vec<u8>>,
    random: Random,
    flying: BTreeMap<(u64, u64), InFlight>,
    packets: u64,
}

impl World {
    pub fn new(formats: &str, extra: &str, seed: u64) -> Self {
        let a = MediaSession::new(config(agreed(A, B, formats, extra), 0xaaaa), at_ms(0));
        let b = MediaSession::new(config(agreed(B, A, formats, extra), 0xbbbb), at_ms(0));
        Self {
            a,
            b,
            now_ms: 0,
            to_b: Way { delay_ms: 10, ..Way::default() },
            to_a: Way { delay_ms: 10, ..Way::default() },
            heard_a: Vec::new(),
            heard_b: Vec::new(),
            events_a: Vec::new(),
            events_b: Vec::new(),
            rtp_to_b: 0,
            rtp_lost_to_b: 0,
            sent_by_a: Vec::new(),
            random: Random::from_number(seed),
            flying: BTreeMap::new(),
            packets: 0,
        }
    }

    /// Lets time pass; A has its slot at each 20 ms, B eight milliseconds later.
    pub fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            let now = at_ms(self.now_ms);
            self.deliver(now);
            if self.now_ms.is_multiple_of(20) {
                self.a.tick(now);
                self.heard_a.extend(self.a.take_heard().into_iter().flatten());
            }
            if self.now_ms % 20 == 8 {
                self.b.tick(now);
                self.heard_b.extend(self.b.take_heard().into_iter().flatten());
            }
            self.collect();
            self.now_ms += 1;
        }
    }

    /// Takes what both have to send and to tell.
    pub fn collect(&mut self) {
        let mut out = Vec::new();
        while let Some(packet) = self.a.poll_transmit() {
            if !packet.rtcp {
                self.sent_by_a.push(packet.bytes.to_vec());
            }
            out.push((true, packet.rtcp, packet.to, packet.bytes.to_vec()));
        }
        while let Some(packet) = self.b.poll_transmit() {
            out.push((false, packet.rtcp, packet.to, packet.bytes.to_vec()));
        }
        for (from_a, rtcp, to, bytes) in out {
            self.send(from_a, rtcp, to, bytes);
        }
        self.events_a.extend(std::iter::from_fn(|| self.a.poll_event()));
        self.events_b.extend(std::iter::from_fn(|| self.b.poll_event()));
    }

    pub fn digits_b(&self) -> String {
        self.events_b
            .iter()
            .filter_map(|event| match event {
                SessionEvent::Digit(digit) => Some(*digit),
                _ => None,
            })
            .collect()
    }

    fn send(&mut self, from_a: bool, rtcp: bool, to: SocketAddr, bytes: Vec<u8>) {
        let way = if from_a { self.to_b } else { self.to_a };
        let mut from = address(if from_a { A } else { B });
        from.set_port(from.port() + u16::from(rtcp));
        let is_lost = self.random.below(100) < way.loss_percent;
        if from_a && !rtcp {
            self.rtp_to_b += 1;
            self.rtp_lost_to_b += u64::from(is_lost);
        }
        let copies = 1 + u64::from(self.random.below(100) < way.duplicate_percent);
        for _ in 0..if is_lost { 0 } else { copies } {
            let at = self.now_ms + way.delay_ms + self.random.below(way.jitter_ms + 1);
            self.packets += 1;
            self.flying.insert((at, self.packets), InFlight { to, from, bytes: bytes.clone() });
        }
    }

    fn deliver(&mut self, now: Moment) {
        while let Some(entry) = self.flying.first_entry()
            && entry.key().0 <= self.now_ms
        {
            let InFlight { to, from, bytes } = entry.remove();
            if to == address(A) {
                self.a.handle_rtp(now, from, &bytes);
            } else if to == address(B) {
                self.b.handle_rtp(now, from, &bytes);
            } else if to.ip() == address(A).ip() {
                self.a.handle_rtcp(now, from, &bytes);
            } else {
                self.b.handle_rtcp(now, from, &bytes);
            }
        }
    }
}

/// Octets of silence.
pub fn is_silence(codec: Codec, octets: &[u8]) -> bool {
    octets.iter().all(|octet| *octet == codec.silence())
}
