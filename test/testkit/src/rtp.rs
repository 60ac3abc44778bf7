//! Hand-made RTP and RTCP, so that tests see every packet and can send any.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The payload type of mu-law.
pub const PCMU: u8 = 0;
/// The payload type of comfort noise.
pub const COMFORT_NOISE: u8 = 13;
/// Silence in mu-law.
pub const SILENCE: u8 = 0xff;

/// A packet that arrived.
#[derive(Debug, Clone)]
pub struct Packet {
    /// When.
    pub at: Instant,
    /// From where.
    pub from: SocketAddr,
    /// The marker bit.
    pub marker: bool,
    /// The payload type.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Reads one; `None` for what is not plain RTP: version 2, no padding, sources or extension.
    pub fn read(bytes: &[u8], from: SocketAddr) -> Option<Self> {
        (bytes.len() >= 12 && bytes[0] == 0x80).then(|| Self {
            at: Instant::now(),
            from,
            marker: bytes[1] & 0x80 != 0,
            payload_type: bytes[1] & 0x7f,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: word(bytes, 4),
            ssrc: word(bytes, 8),
            payload: bytes[12..].to_vec(),
        })
    }
}

/// What a report says of one source (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Which source.
    pub ssrc: u32,
    /// Lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Lost in all.
    pub lost: i32,
    /// The highest sequence number, with its cycles.
    pub highest: u32,
    /// Jitter, in timestamp units.
    pub jitter: u32,
    /// The middle of the NTP time of the source's last report.
    pub last_sender_report: u32,
    /// How long ago that was, in 1/65536 s.
    pub delay: u32,
}

/// One compound of RTCP.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// Packets and octets that it says it sent; `None` in a receiver's report.
    pub sent: Option<(u32, u32)>,
    /// The timestamp that belongs to the report's NTP time.
    pub timestamp: u32,
    /// Of what it receives.
    pub blocks: Vec<Block>,
    /// Whether it brings the canonical name.
    pub has_name: bool,
    /// Whether it says goodbye.
    pub goodbye: bool,
}

impl Report {
    /// Reads a compound.
    ///
    /// # Panics
    /// When it is not one.
    pub fn read(bytes: &[u8]) -> Self {
        let (mut report, mut rest) = (Self::default(), bytes);
        while !rest.is_empty() {
            assert_eq!(rest[0] >> 6, 2, "the version of RTCP in {bytes:x?}");
            let length = 4 + 4 * usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            let (packet, after) = rest.split_at(length);
            let count = usize::from(packet[0] & 0x1f);
            match packet[1] {
                200 => {
                    report.ssrc = word(packet, 4);
                    report.timestamp = word(packet, 16);
                    report.sent = Some((word(packet, 20), word(packet, 24)));
                    report.blocks = blocks(&packet[28..], count);
                }
                201 => {
                    report.ssrc = word(packet, 4);
                    report.blocks = blocks(&packet[8..], count);
                }
                202 => report.has_name = packet[8] == 1 && packet[9] > 0,
                203 => report.goodbye = true,
                _ => {}
            }
            rest = after;
        }
        report
    }

    /// A sender's report of ours, without blocks, and our name (RFC 3550 6.1: every compound has it).
    pub fn of_sender(ssrc: u32, ntp_middle: u32, timestamp: u32, packets: u32, octets: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, 200, 0, 6];
        let words = [ssrc, ntp_middle >> 16, ntp_middle << 16, timestamp, packets, octets, 0x81ca_0003, ssrc];
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend([1, 4, b't', b'e', b's', b't', 0, 0]);
        bytes
    }

    /// A receiver's report on a source that lost this much.
    pub fn of_receiver(ssrc: u32, about: u32, lost: u32, highest: u32) -> Vec<u8> {
        let mut bytes = vec![0x81, 201, 0, 7];
        let words = [ssrc, about, 0x2000_0000 | lost, highest, 80, 0, 0, 0x81ca_0003, ssrc];
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend([1, 4, b't', b'e', b's', b't', 0, 0]);
        bytes
    }
}

fn blocks(bytes: &[u8], count: usize) -> Vec<Block> {
    let block = |bytes: &[u8]| Block {
        ssrc: word(bytes, 0),
        fraction_lost: bytes[4],
        // 24 bits with a sign.
        lost: (word(bytes, 4) << 8) as i32 >> 8,
        highest: word(bytes, 8),
        jitter: word(bytes, 12),
        last_sender_report: word(bytes, 16),
        delay: word(bytes, 20),
    };
    bytes.chunks_exact(24).take(count).map(block).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Two neighbouring ports that remember what comes. Its threads end with it.
pub struct Media {
    rtp: Arc<UdpSocket>,
    rtcp: Arc<UdpSocket>,
    packets: Arc<Mutex<Vec<Packet>>>,
    reports: Arc<Mutex<Vec<(Instant, Report)>>>,
    is_over: Arc<AtomicBool>,
}

impl Media {
    /// On an even port and the one above it.
    ///
    /// # Panics
    /// When there are none.
    pub fn open(ip: IpAddr) -> Self {
        let (rtp, rtcp) = pair(ip);
        let (rtp, rtcp) = (Arc::new(rtp), Arc::new(rtcp));
        let (packets, reports): (Arc<Mutex<Vec<_>>>, Arc<Mutex<Vec<_>>>) = Default::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let kept = Arc::clone(&packets);
        receive(&rtp, &is_over, move |bytes, from| {
            let packet = Packet::read(bytes, from).unwrap_or_else(|| panic!("not RTP: {bytes:x?}"));
            kept.lock().expect("no panic while it was held").push(packet);
        });
        let kept = Arc::clone(&reports);
        receive(&rtcp, &is_over, move |bytes, _| {
            let report = (Instant::now(), Report::read(bytes));
            kept.lock().expect("no panic while it was held").push(report);
        });
        Self { rtp, rtcp, packets, reports, is_over }
    }

    /// Where RTP comes to.
    pub fn address(&self) -> SocketAddr {
        self.rtp.local_addr().expect("an address")
    }

    /// An offer of mu-law, comfort noise and telephone-events; further lines may follow.
    pub fn offer(&self, telephone_event: u8, lines: &str) -> String {
        let address = self.address();
        let (ip, port) = (address.ip(), address.port());
        format!(
            "v=0\r\no=test 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 13 {telephone_event}\r\n\
             a=rtpmap:{telephone_event} telephone-event/8000\r\n{lines}"
        )
    }

    /// Sends on the RTP port.
    pub fn send(&self, to: SocketAddr, packet: &[u8]) {
        self.rtp.send_to(packet, to).expect("a packet is sent");
    }

    /// Sends on the RTCP port, to the port above this one.
    pub fn send_report(&self, to: SocketAddr, report: &[u8]) {
        let to = SocketAddr::new(to.ip(), to.port() + 1);
        self.rtcp.send_to(report, to).expect("a report is sent");
    }

    /// All RTP so far.
    pub fn packets(&self) -> Vec<Packet> {
        self.packets.lock().expect("no panic while it was held").clone()
    }

    /// All RTCP so far.
    pub fn reports(&self) -> Vec<(Instant, Report)> {
        self.reports.lock().expect("no panic while it was held").clone()
    }

    /// Speaks: sends what `stream` gives, a packet every 20 ms by the clock, until the result is dropped.
    pub fn speak(
        &self,
        to: SocketAddr,
        mut next: impl FnMut(u32) -> Option<Vec<u8>> + Send + 'static,
    ) -> Speech {
        let (socket, is_over, sent) = (Arc::clone(&self.rtp), Arc::<AtomicBool>::default(), Arc::default());
        let (stop, count): (_, Arc<AtomicU32>) = (Arc::clone(&is_over), Arc::clone(&sent));
        let thread = std::thread::spawn(move || {
            let start = Instant::now();
            for number in 0.. {
                let due = start + Duration::from_millis(20) * number;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(packet) = next(number) {
                    socket.send_to(&packet, to).expect("a packet is sent");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Speech { is_over, sent, thread: Some(thread) }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// A stream that is being sent. Dropping it ends it.
pub struct Speech {
    is_over: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Speech {
    /// Ends it and returns how many packets were sent.
    pub fn stop(mut self) -> u32 {
        self.end();
        self.sent.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it sent what it was told to");
        }
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// The numbers of a stream of ours.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its source.
    pub ssrc: u32,
    /// Of the next packet.
    pub sequence: u16,
    /// Of the next packet.
    pub timestamp: u32,
}

impl Stream {
    /// A stream that begins close to where its numbers wrap around.
    pub fn new(ssrc: u32) -> Self {
        Self { ssrc, sequence: u16::MAX - 20, timestamp: u32::MAX - 4000 }
    }

    /// 20 ms of sound.
    pub fn sound(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let packet = self.packet(false, payload_type, self.timestamp, payload);
        self.timestamp = self.timestamp.wrapping_add(160);
        packet
    }

    /// All packets of a key that is pressed for 100 ms: five while it is down, the end three times (RFC 4733
    /// 2.5.1.4). `code` is 10 for the star, 11 for the hash.
    pub fn press(&mut self, payload_type: u8, code: u8) -> Vec<Vec<u8>> {
        let start = self.timestamp;
        let mut packets = Vec::new();
        for step in 1..=7u16 {
            let (duration, end) = (160 * step.min(5), if step >= 5 { 0x80 } else { 0 });
            let [high, low] = duration.to_be_bytes();
            packets.push(self.packet(step == 1, payload_type, start, &[code, end | 10, high, low]));
        }
        self.timestamp = start.wrapping_add(160 * 10);
        packets
    }

    fn packet(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        bytes
    }
}

/// The first of two neighbouring ports that are free at this moment, an even one.
pub fn free_port(ip: IpAddr) -> u16 {
    pair(ip).0.local_addr().expect("an address").port()
}

/// Two sockets on neighbouring ports, the first one even.
pub(crate) fn pair(ip: IpAddr) -> (UdpSocket, UdpSocket) {
    for _ in 0..1000 {
        let first = UdpSocket::bind((ip, 0)).expect("a free port");
        let port = first.local_addr().expect("an address").port();
        if port.is_multiple_of(2)
            && let Ok(second) = UdpSocket::bind((ip, port + 1))
        {
            return (first, second);
        }
    }
    panic!("no neighbouring ports on {ip}");
}

/// Hands over what arrives, on a thread of its own.
fn receive(
    socket: &Arc<UdpSocket>,
    is_over: &Arc<AtomicBool>,
    mut each: impl FnMut(&[u8], SocketAddr) + Send + 'static,
) {
    let (socket, is_over) = (Arc::clone(socket), Arc::clone(is_over));
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while !is_over.load(Ordering::Relaxed) {
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                each(&buffer[..length], from);
            }
        }
    });
}
