//! A bad network between a phone and Ringway: a relay that rewrites where media go to, loses and delays RTP,
//! and knows the truth. RTCP passes unharmed, and is read.

use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::rtp::{Block, Report, pair};

/// What the network does to RTP.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// The share of packets that it loses.
    pub loss: f64,
    /// Each packet is delayed between nothing and this.
    pub jitter: Duration,
    /// Decides which.
    pub seed: u64,
}

/// One way through the network, so far.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// Of each packet that came, in order: its number counted from the first, and whether it was lost.
    pub packets: Vec<(i64, bool)>,
    /// What the receiver reported of the stream, newest last, with the number of the newest packet it had.
    pub reports: Vec<(Block, i64)>,
    first: Option<u16>,
}

impl Way {
    /// How many packets up to this number were lost.
    pub fn lost_up_to(&self, number: i64) -> usize {
        self.packets.iter().filter(|(packet, lost)| *lost && *packet <= number).count()
    }

    /// Notes a packet; the number continues where 16 bits wrap around.
    fn record(&mut self, sequence: u16, lost: bool) {
        let first = *self.first.get_or_insert(sequence);
        let newest = self.packets.iter().map(|(number, _)| *number).max().unwrap_or(0);
        self.packets.push((extend(newest, sequence.wrapping_sub(first)), lost));
    }

    fn report(&mut self, block: Block) {
        let newest = self.packets.iter().map(|(number, _)| *number).max().unwrap_or(0);
        let highest = extend(newest, (block.highest as u16).wrapping_sub(self.first.unwrap_or(0)));
        self.reports.push((block, highest));
    }
}

fn extend(newest: i64, number: u16) -> i64 {
    newest + i64::from(number.wrapping_sub(newest as u16) as i16)
}

/// The relay. Its threads end with the test's process.
pub struct Relay {
    /// The outbound proxy of the phone.
    pub address: SocketAddr,
    outward: Arc<Mutex<Way>>,
    inward: Arc<Mutex<Way>>,
}

impl Relay {
    /// Between one phone and this address.
    ///
    /// # Panics
    /// When there are no free ports.
    pub fn start(server: SocketAddr, network: Network) -> Self {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let socket = || Arc::new(UdpSocket::bind((ip, 0)).expect("a free port"));
        let (near, far) = (socket(), socket());
        let address = near.local_addr().expect("an address");
        let (near_media, far_media) = (Arc::new(Side::open(ip)), Arc::new(Side::open(ip)));
        let (outward, inward): (Arc<Mutex<Way>>, Arc<Mutex<Way>>) = Default::default();
        let seeds = [network, Network { seed: !network.seed, ..network }];
        far_media.receive(&near_media, seeds[0], &outward, &inward);
        near_media.receive(&far_media, seeds[1], &inward, &outward);
        let phone = Arc::new(Mutex::new(server));
        carry(&near, &far, &far_media, &near_media, &phone, Some(server));
        carry(&far, &near, &near_media, &far_media, &phone, None);
        Self { address, outward, inward }
    }

    /// What Ringway sends to the phone.
    pub fn outward(&self) -> Way {
        self.outward.lock().expect("no panic while it was held").clone()
    }

    /// What the phone sends to Ringway.
    pub fn inward(&self) -> Way {
        self.inward.lock().expect("no panic while it was held").clone()
    }
}

/// Carries SIP one way. What `from` receives goes out of `to`: to the server, or else to the phone, whose
/// address is learned from what it sends. In SDP `told` takes the place of the sender's media, and `sender`
/// learns where those are.
fn carry(
    from: &Arc<UdpSocket>,
    to: &Arc<UdpSocket>,
    told: &Arc<Side>,
    sender: &Arc<Side>,
    phone: &Arc<Mutex<SocketAddr>>,
    server: Option<SocketAddr>,
) {
    let (from, to, phone) = (Arc::clone(from), Arc::clone(to), Arc::clone(phone));
    let (told, sender) = (Arc::clone(told), Arc::clone(sender));
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok((length, source)) = from.recv_from(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]);
            let text = rewritten(&text, &told, &sender);
            let destination = match server {
                Some(server) => {
                    *phone.lock().expect("no panic while it was held") = source;
                    server
                }
                None => *phone.lock().expect("no panic while it was held"),
            };
            to.send_to(text.as_bytes(), destination).expect("a message is sent");
        }
    });
}

/// The message with another address in its SDP.
fn rewritten(text: &str, told: &Side, sender: &Side) -> String {
    let Some((head, body)) = text.split_once("\r\n\r\n").filter(|(_, body)| !body.is_empty()) else {
        return text.to_owned();
    };
    let line = |line: &str| {
        let (port, rest) = match line.strip_prefix("m=audio ").and_then(|rest| rest.split_once(' ')) {
            Some(found) => found,
            None if line.starts_with("a=rtcp:") => return format!("a=rtcp:{}", told.rtp_port() + 1),
            None => return line.to_owned(),
        };
        sender.learn(port.parse().expect("a port"));
        format!("m=audio {} {rest}", told.rtp_port())
    };
    let body: String = body.lines().map(|text| line(text) + "\r\n").collect();
    let length = format!("Content-Length: {}", body.len());
    let header = |line: &str| {
        if line.to_ascii_lowercase().starts_with("content-length:") {
            length.clone()
        } else {
            line.to_owned()
        }
    };
    let head: String = head.lines().map(|line| header(line) + "\r\n").collect();
    format!("{head}\r\n{body}")
}

/// The two media ports that one of the parties sees.
struct Side {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// The RTP port of that party, on this machine too.
    party: Mutex<Option<u16>>,
}

impl Side {
    fn open(ip: IpAddr) -> Self {
        let (rtp, rtcp) = pair(ip);
        Self { rtp, rtcp, party: Mutex::default() }
    }

    fn rtp_port(&self) -> u16 {
        self.rtp.local_addr().expect("an address").port()
    }

    fn learn(&self, port: u16) {
        *self.party.lock().expect("no panic while it was held") = Some(port);
    }

    /// The party's RTP address, or its RTCP address.
    fn party(&self, offset: u16) -> Option<SocketAddr> {
        let port = *self.party.lock().expect("no panic while it was held");
        Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port? + offset))
    }

    /// Takes what this party sends over to the other one: `way` is of its stream, `back` of the other's.
    fn receive(
        self: &Arc<Self>,
        other: &Arc<Self>,
        network: Network,
        way: &Arc<Mutex<Way>>,
        back: &Arc<Mutex<Way>>,
    ) {
        let delayed = Arc::new(Delayed::default());
        let (side, out, queue) = (Arc::clone(self), Arc::clone(other), Arc::clone(&delayed));
        let (way, reports) = (Arc::clone(way), Arc::clone(back));
        let chance = Mutex::new(Chance(network.seed));
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, _)) = side.rtp.recv_from(&mut buffer) {
                let packet = &buffer[..length];
                if (192..=223).contains(&packet[1]) {
                    note(packet, &reports);
                    out.send(false, packet);
                    continue;
                }
                let mut chance = chance.lock().expect("no panic while it was held");
                // What comes before the first packet is nobody's loss.
                let (draw, delay) = (chance.next(), chance.next());
                let mut way = way.lock().expect("no panic while it was held");
                let lost = draw < network.loss && !way.packets.is_empty();
                way.record(u16::from_be_bytes([packet[2], packet[3]]), lost);
                if !lost {
                    queue.push(Instant::now() + network.jitter.mul_f64(delay), packet.to_vec());
                }
            }
        });
        let out = Arc::clone(other);
        std::thread::spawn(move || {
            loop {
                out.send(false, &delayed.pop());
            }
        });
        let (side, out, back) = (Arc::clone(self), Arc::clone(other), Arc::clone(back));
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, _)) = side.rtcp.recv_from(&mut buffer) {
                note(&buffer[..length], &back);
                out.send(true, &buffer[..length]);
            }
        });
    }

    /// To this party. What it is sent before its address is known is lost, as on any network.
    fn send(&self, rtcp: bool, packet: &[u8]) {
        let socket = if rtcp { &self.rtcp } else { &self.rtp };
        if let Some(to) = self.party(u16::from(rtcp)) {
            // It may have hung up and closed its port.
            let _ = socket.send_to(packet, to);
        }
    }
}

fn note(packet: &[u8], way: &Mutex<Way>) {
    let blocks = Report::read(packet).blocks;
    let mut way = way.lock().expect("no panic while it was held");
    blocks.into_iter().for_each(|block| way.report(block));
}

/// Packets by the time when they are due.
#[derive(Default)]
struct Delayed {
    packets: Mutex<BinaryHeap<(std::cmp::Reverse<Instant>, Vec<u8>)>>,
    news: Condvar,
}

impl Delayed {
    fn push(&self, due: Instant, packet: Vec<u8>) {
        self.packets.lock().expect("no panic while it was held").push((std::cmp::Reverse(due), packet));
        self.news.notify_one();
    }

    /// Waits for the next one.
    fn pop(&self) -> Vec<u8> {
        let mut packets = self.packets.lock().expect("no panic while it was held");
        loop {
            let due = packets.peek().map(|(due, _)| due.0);
            let wait = match due.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return packets.pop().expect("it was there").1,
                Some(wait) => wait,
                None => Duration::from_secs(1),
            };
            packets = self.news.wait_timeout(packets, wait).expect("no panic while it was held").0;
        }
    }
}

/// Numbers from 0 to 1, the same ones for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    }
}
