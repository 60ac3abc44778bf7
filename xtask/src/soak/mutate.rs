//! A million mutated packets while 100 calls talk: no panic, no call lost, no memory kept.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::application::Application;
use crate::bench::machine;
use crate::bench::phone::Phone;
use crate::bench::server::{self, Scratch, Server};
use crate::run;

const PACKETS: usize = 1_000_000;
const CALLS: usize = 100;
/// So many at once, then a rest: what the socket's buffer cannot hold would mutate nothing but the kernel's counters.
const BURST: usize = 50;
const REST: Duration = Duration::from_millis(2);
/// Addresses that may not call; each sends its share.
const SENDERS: [&str; 4] = ["127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0", "127.0.0.5:0"];
/// What the process may have grown by, beyond the memory it had when all calls were up.
const GROWTH_KB_MAX: u64 = 16 * 1024;
const SETTLE: Duration = Duration::from_secs(40);

/// Says what was survived.
pub(crate) fn mutate(binary: Option<&str>) -> Result<String, String> {
    let binary = server::binary(binary, "ci")?;
    let scratch = Scratch::new("soak-mutate")?;
    let application = Application::start()?;
    let arguments = ["--never-ban=127.0.0.0/8", "--rtp-timeout=24h", "--overload-age=10s"];
    let server = Server::start(&binary, scratch.path(), None, &arguments)?;
    server.domain_with_address("hold", &application.url("/hold"), &application.url("/status"))?;
    let unread = UdpSocket::bind("127.0.0.1:0").map_err(|error| format!("a socket: {error}"))?;
    let media = unread.local_addr().map_err(|error| error.to_string())?;
    let mut phone = Phone::new(server.sip, "hold.sip.twilio.com")?;
    let numbers = talk(&mut phone, media)?;
    let seed = u64::from(std::process::id()) << 20 | 1;
    // What the first packets make it allocate once is not growth.
    torment(&server, &mut phone, Random(seed), PACKETS / 10)?;
    let before_kb = machine::pss_kb(server.process());
    torment(&server, &mut phone, Random(seed ^ 0x5eed), PACKETS)?;
    let read = messages_read(&server)?;
    poll_for(&mut phone, SETTLE);
    let after_kb = machine::pss_kb(server.process());
    if after_kb > before_kb + GROWTH_KB_MAX {
        return Err(format!("seed {seed}: memory grew from {before_kb} to {after_kb} kB"));
    }
    let lost =
        server.list("/Calls.json", "calls")?.iter().filter(|call| call["status"] != "in-progress").count();
    if lost > 0 {
        return Err(format!("seed {seed}: {lost} of {CALLS} calls were lost"));
    }
    for number in numbers {
        phone.bye(number);
    }
    poll_for(&mut phone, Duration::from_secs(5));
    let calls = server.list("/Calls.json", "calls")?;
    let completed = calls.iter().filter(|call| call["status"] == "completed").count();
    if completed != CALLS {
        return Err(format!("seed {seed}: {completed} of {CALLS} calls were completed"));
    }
    Ok(format!(
        "{PACKETS} mutated packets, {read:.0} of them read, while {CALLS} calls talked: none was lost; {before_kb} kB \
         before, {after_kb} kB after"
    ))
}

fn talk(phone: &mut Phone, media: SocketAddr) -> Result<Vec<u32>, String> {
    let start = Instant::now();
    for _ in 0..CALLS {
        phone.invite(media);
    }
    let mut answered = Vec::new();
    while answered.len() < CALLS {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(format!("only {} of {CALLS} calls were answered", answered.len()));
        }
        answered.extend(phone.poll().into_iter().map(|answered| answered.number));
        thread::sleep(Duration::from_millis(2));
    }
    Ok(answered)
}

fn torment(server: &Server, phone: &mut Phone, mut random: Random, packets: usize) -> Result<(), String> {
    let seeds = seeds()?;
    let mut sockets = Vec::new();
    for address in SENDERS {
        sockets.push(UdpSocket::bind(address).map_err(|error| format!("{address}: {error}"))?);
    }
    for number in 0..packets {
        let packet = random.mutated(&seeds);
        // A packet that the kernel refuses is one fewer.
        let _ = sockets[number % sockets.len()].send_to(&packet, server.sip);
        if number.is_multiple_of(BURST) {
            phone.poll();
            thread::sleep(REST);
        }
    }
    Ok(())
}

/// What the fuzzers start from.
fn seeds() -> Result<Vec<Vec<u8>>, String> {
    let folder = run::root().join("fuzz/corpus/message");
    let mut seeds = Vec::new();
    for entry in folder.read_dir().map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        seeds.push(fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    Ok(seeds)
}

fn messages_read(server: &Server) -> Result<f64, String> {
    let metrics = server.metrics()?;
    let series = ["ringway_sip_malformed_total", "ringway_sip_stray_responses_total"];
    Ok(series.iter().filter_map(|name| metrics.value(name)).sum())
}

fn poll_for(phone: &mut Phone, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        phone.poll();
        thread::sleep(Duration::from_millis(5));
    }
}

/// A small generator (xorshift): its seed is printed when something fails.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// One of the seeds with up to eight faults in it.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut packet = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(8) {
            let place = self.below(packet.len());
            match self.below(6) {
                0 if !packet.is_empty() => packet[place] = self.next() as u8,
                1 if !packet.is_empty() => packet[place] ^= 1 << self.below(8),
                2 => packet.insert(place, self.next() as u8),
                3 if !packet.is_empty() => drop(packet.remove(place)),
                4 => packet.truncate(packet.len() - self.below(packet.len() / 4 + 1)),
                _ => {
                    let length = self.below(64).min(packet.len() - place);
                    let piece = packet[place..place + length].to_vec();
                    let target = self.below(packet.len());
                    packet.splice(target..target, piece);
                }
            }
        }
        packet
    }
}
