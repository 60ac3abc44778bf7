//! What relaying a packet costs, beside rtpengine without its kernel module: calls of two phones each, 50 packets
//! a second both ways, the relay on one core and the phones on the other.

mod peers;

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::machine::{self, FOREIGN_CORES_MAX, LOAD_CORE, Meter};
use super::rtp::{Socket, Stream, now_us, stamp};
use super::{Options, median};

use peers::{Relay, Ringway, Rtpengine};

const STEPS: [u32; 2] = [200, 500];
const SECONDS: u32 = 10;
const RUNS: usize = 3;
/// Callers and callees share so many sockets each.
const SOCKETS: usize = 2;
const PHASES: usize = 20;
const SLOT: Duration = Duration::from_millis(1);
/// Media flow for so long before anything is counted.
const WARM_UP: Duration = Duration::from_secs(3);
/// Packets on their way when the last one was sent.
const DRAIN: Duration = Duration::from_millis(300);

/// One run.
struct Run {
    cpu_s: f64,
    wall_s: f64,
    foreign_cores: f64,
    counts: Counts,
}

/// What came of the packets.
#[derive(Default)]
struct Counts {
    sent: u64,
    received: u64,
    lost: u64,
    out_of_order: u64,
    delays_us: Vec<u32>,
}

pub(crate) fn relay(options: &Options) -> Result<(), String> {
    machine::pin_self(LOAD_CORE)?;
    println!("bench relay, {}: {}", machine::today(), machine::description());
    let seconds = Duration::from_secs(u64::from(options.seconds.unwrap_or(SECONDS)));
    let binary = peers::harness(options.binary.as_deref())?;
    for calls in options.steps.clone().unwrap_or(STEPS.to_vec()) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // In turn, so that what else the machine does hits both alike.
        for _ in 0..options.runs.unwrap_or(RUNS) {
            ours.push(once(&mut Ringway::start(&binary)?, calls, seconds)?);
            match Rtpengine::start()? {
                Some(mut rival) => theirs.push(once(&mut rival, calls, seconds)?),
                None => println!("skipped: no rtpengine (scripts/packages rtpengine=rtpengine-daemon)"),
            }
        }
        let own_us = tell("ringway", calls, &ours);
        if !theirs.is_empty() {
            let rival_us = tell("rtpengine", calls, &theirs);
            println!("{calls} calls: {:.2} of rtpengine's CPU a packet", own_us / rival_us);
        }
    }
    Ok(())
}

/// Prints the medians; returns the CPU of a packet, in microseconds.
fn tell(name: &str, calls: u32, runs: &[Run]) -> f64 {
    let of = |pick: fn(&Run) -> f64| median(runs.iter().map(pick).collect());
    let cpu_us = of(|run| run.cpu_s * 1e6 / run.counts.received.max(1) as f64);
    println!(
        "{name}, {calls} calls, {} runs: {cpu_us:.2} us a packet, {:.3} % of a core a call, delay p50 {:.2} ms \
         p99 {:.2} ms, lost {}, out of order {}, of {} packets, foreign {:.2} cores{}",
        runs.len(),
        of(|run| run.cpu_s / run.wall_s) * 100.0 / f64::from(calls),
        of(|run| run.counts.delay_ms(50)),
        of(|run| run.counts.delay_ms(99)),
        runs.iter().map(|run| run.counts.lost).max().unwrap_or(0),
        runs.iter().map(|run| run.counts.out_of_order).max().unwrap_or(0),
        of(|run| run.counts.sent as f64),
        of(|run| run.foreign_cores),
        if of(|run| run.foreign_cores) > FOREIGN_CORES_MAX { " (NOISY)" } else { "" },
    );
    cpu_us
}

fn once(relay: &mut impl Relay, calls: u32, length: Duration) -> Result<Run, String> {
    let mut load = Load::new(relay, calls)?;
    load.run(WARM_UP);
    load.counts = Counts::default();
    let meter = Meter::start(relay.process());
    load.run(length);
    let usage = meter.read();
    load.receive_for(DRAIN);
    let Load { mut counts, .. } = load;
    counts.delays_us.sort_unstable();
    Ok(Run { cpu_s: usage.server_s, wall_s: usage.wall_s, foreign_cores: usage.foreign_cores, counts })
}

/// All phones.
struct Load {
    sockets: Vec<Socket>,
    /// By socket and phase.
    streams: Vec<[Vec<(u32, Stream)>; PHASES]>,
    /// The last number that came from each port of the relay, by the socket it came to.
    numbers: Vec<HashMap<u16, u16>>,
    counts: Counts,
    slot: u64,
    due: Instant,
}

impl Load {
    fn new(relay: &mut impl Relay, calls: u32) -> Result<Self, String> {
        let sockets = (0..2 * SOCKETS).map(|_| Socket::bind()).collect::<std::io::Result<Vec<_>>>();
        let sockets = sockets.map_err(|error| format!("a socket for RTP: {error}"))?;
        let mut streams: Vec<[Vec<(u32, Stream)>; PHASES]> =
            sockets.iter().map(|_| std::array::from_fn(|_| Vec::new())).collect();
        for call in 0..calls {
            let caller = call as usize % SOCKETS * 2;
            let ends = [caller, caller + 1];
            let legs = relay.call(call, ends.map(|end| sockets[end].address.port()))?;
            for (end, leg) in ends.into_iter().zip(legs) {
                let stream = Stream::to(SocketAddrV4::new([127, 0, 0, 1].into(), leg));
                let phase = (call as usize / SOCKETS * 7 + end) % PHASES;
                streams[end][phase].push((call * 2 + end as u32 % 2, stream));
            }
        }
        let numbers = sockets.iter().map(|_| HashMap::new()).collect();
        Ok(Self { sockets, streams, numbers, counts: Counts::default(), slot: 0, due: Instant::now() })
    }

    fn run(&mut self, length: Duration) {
        self.due = Instant::now();
        let end = self.due + length;
        while self.due < end {
            let phase = (self.slot % PHASES as u64) as usize;
            for (socket, phases) in self.sockets.iter().zip(&mut self.streams) {
                let streams = phases[phase].iter_mut().map(|(number, stream)| (*number, stream));
                self.counts.sent += socket.send_stamped(streams);
            }
            self.receive();
            self.slot += 1;
            self.due += SLOT;
            std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
        }
    }

    fn receive_for(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.receive();
            std::thread::sleep(SLOT);
        }
    }

    fn receive(&mut self) {
        for (socket, numbers) in self.sockets.iter().zip(&mut self.numbers) {
            socket.receive(|port, sequence, arrival_us, packet| {
                // Reports share the port, and silence of the relay's own has no stamp.
                let Some(sent_us) = stamp(packet) else { return };
                self.counts.note(numbers, port, sequence);
                let delay_us = arrival_us.min(now_us()) - sent_us;
                self.counts.delays_us.push(u32::try_from(delay_us).unwrap_or(0));
            });
        }
    }
}

impl Counts {
    fn note(&mut self, numbers: &mut HashMap<u16, u16>, port: u16, sequence: u16) {
        self.received += 1;
        let expected = numbers.get(&port).map_or(sequence, |last| last.wrapping_add(1));
        let ahead = sequence.wrapping_sub(expected);
        if ahead < 0x8000 {
            self.lost += u64::from(ahead);
            numbers.insert(port, sequence);
        } else {
            // It was counted as lost when the one after it came.
            self.lost = self.lost.saturating_sub(1);
            self.out_of_order += 1;
        }
    }

    fn delay_ms(&self, percent: usize) -> f64 {
        let place = self.delays_us.len().saturating_sub(1) * percent / 100;
        self.delays_us.get(place).map_or(f64::NAN, |delay_us| f64::from(*delay_us) / 1000.0)
    }
}
