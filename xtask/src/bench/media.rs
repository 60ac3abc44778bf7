//! How many calls with RTP both ways one core carries before the media clock is late.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::application::Application;
use super::machine::{self, FOREIGN_CORES_MAX, LOAD_CORE, Meter, SERVER_CORE};
use super::phone::Phone;
use super::rtp::{self, Socket, Stream};
use super::server::{self, Scratch, Server};
use super::{Options, median};

const STEPS: [u32; 9] = [200, 500, 1000, 1250, 1500, 1750, 2000, 2500, 3000];
const SECONDS: u32 = 10;
/// Later than this is too late.
const LATE_MS: f64 = 5.0;
/// Calls that begin in one slot of a millisecond: 250 a second.
const SLOTS_PER_CALL: u64 = 4;
/// A step that has not all its calls by then has failed.
const RAMP_LIMIT: Duration = Duration::from_secs(60);
const SOCKETS: usize = 4;
const PHASES: usize = 20;
const SLOT: Duration = Duration::from_millis(1);

/// One step.
struct Run {
    cpu_s: f64,
    wall_s: f64,
    foreign_cores: f64,
    sent: u64,
    received: u64,
    silent: usize,
    heard_p99_ms: f64,
    own_p99_ms: f64,
    /// Slots in which the generator itself was later than a slot.
    generator_late: u64,
}

pub(crate) fn media(options: &Options) -> Result<(), String> {
    let binary = server::binary(options.binary.as_deref(), "release")?;
    machine::pin_self(LOAD_CORE)?;
    let application = Application::start()?;
    let seconds = options.seconds.unwrap_or(SECONDS);
    println!("bench media, {}: {}", machine::today(), machine::description());
    let mut most = 0;
    for calls in options.steps.clone().unwrap_or(STEPS.to_vec()) {
        let mut runs = Vec::new();
        for _ in 0..options.runs.unwrap_or(1) {
            runs.push(once(&binary, &application, calls, seconds)?);
        }
        let of = |pick: fn(&Run) -> f64| median(runs.iter().map(pick).collect());
        let lateness_ms = of(|run| run.own_p99_ms);
        let expected = f64::from(calls) * 50.0;
        println!(
            "{calls} calls: {:.3} % of a core a call, {:.2} us a packet, lateness p99 <= {lateness_ms} ms (heard \
             {:.1} ms), received {:.2} % of due, silent {}, sent {:.2} %, generator late in {} slots, foreign \
             {:.2} cores{}",
            of(|run| run.cpu_s / run.wall_s) * 100.0 / f64::from(calls),
            of(|run| run.cpu_s * 1e6 / (run.sent + run.received).max(1) as f64),
            of(|run| run.heard_p99_ms),
            of(|run| run.received as f64 / run.wall_s) * 100.0 / expected,
            runs.iter().map(|run| run.silent).max().unwrap_or(0),
            of(|run| run.sent as f64 / run.wall_s) * 100.0 / expected,
            of(|run| run.generator_late as f64),
            of(|run| run.foreign_cores),
            if of(|run| run.foreign_cores) > FOREIGN_CORES_MAX { " (NOISY)" } else { "" },
        );
        if lateness_ms > LATE_MS {
            break;
        }
        most = calls;
    }
    println!("most calls with p99 lateness within {LATE_MS} ms: {most}");
    Ok(())
}

/// A fresh server each time: its lateness is counted since its start.
fn once(binary: &Path, application: &Application, calls: u32, seconds: u32) -> Result<Run, String> {
    let scratch = Scratch::new(&format!("bench-media-{calls}"))?;
    let server = Server::start(binary, scratch.path(), Some(SERVER_CORE), &[])?;
    server.domain_with_address("hold", &application.url("/hold"), "")?;
    let mut load = MediaLoad::new(&server)?;
    load.ramp(calls)?;
    let meter = Meter::start(server.process());
    load.forget();
    let end = Instant::now() + Duration::from_secs(u64::from(seconds));
    while Instant::now() < end {
        load.slot();
    }
    let usage = meter.read();
    let metrics = server.metrics()?;
    let own_p99_s = metrics.value("ringway_rtp_lateness_seconds{quantile=\"0.99\"}");
    load.late_us.sort_unstable();
    let place = load.late_us.len() * 99 / 100;
    Ok(Run {
        cpu_s: usage.server_s,
        wall_s: usage.wall_s,
        foreign_cores: usage.foreign_cores,
        sent: load.sent,
        received: load.streams().map(|stream| stream.received).sum(),
        silent: load.streams().filter(|stream| stream.received == 0).count(),
        heard_p99_ms: load.late_us.get(place).map_or(f64::NAN, |late_us| f64::from(*late_us) / 1000.0),
        own_p99_ms: own_p99_s.ok_or("no ringway_rtp_lateness_seconds in /metrics")? * 1000.0,
        generator_late: load.late_slots,
    })
}

/// The callers, all on this thread: a millisecond of work at a time.
struct MediaLoad {
    phone: Phone,
    sockets: Vec<Socket>,
    /// The socket of each call that is not answered yet.
    pending: HashMap<u32, usize>,
    /// By socket and phase.
    groups: Vec<[Vec<(u32, Stream)>; PHASES]>,
    /// Socket, phase and index of a stream, by the server's port.
    places: HashMap<u16, (usize, usize)>,
    answered: usize,
    slot: u64,
    due: Instant,
    sent: u64,
    late_us: Vec<u32>,
    late_slots: u64,
}

impl MediaLoad {
    fn new(server: &Server) -> Result<Self, String> {
        let sockets = (0..SOCKETS).map(|_| Socket::bind()).collect::<std::io::Result<Vec<_>>>();
        Ok(Self {
            phone: Phone::new(server.sip, "hold.sip.twilio.com")?,
            sockets: sockets.map_err(|error| format!("a socket for RTP: {error}"))?,
            pending: HashMap::new(),
            groups: (0..SOCKETS).map(|_| std::array::from_fn(|_| Vec::new())).collect(),
            places: HashMap::new(),
            answered: 0,
            slot: 0,
            due: Instant::now(),
            sent: 0,
            late_us: Vec::new(),
            late_slots: 0,
        })
    }

    fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.groups.iter().flatten().flatten().map(|(_, stream)| stream)
    }

    /// Places all calls, at a steady rate, RTP flowing meanwhile; then a second more, for peace to come.
    fn ramp(&mut self, calls: u32) -> Result<(), String> {
        let start = Instant::now();
        let mut placed = 0;
        while self.answered < calls as usize {
            if placed < calls && self.slot.is_multiple_of(SLOTS_PER_CALL) {
                let socket = placed as usize % SOCKETS;
                let number = self.phone.invite(self.sockets[socket].address);
                self.pending.insert(number, socket);
                placed += 1;
            }
            self.slot();
            if self.phone.failed > 0 || start.elapsed() > RAMP_LIMIT {
                let (answered, failed) = (self.answered, self.phone.failed);
                return Err(format!("of {calls} calls {answered} were answered and {failed} failed"));
            }
        }
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            self.slot();
        }
        Ok(())
    }

    /// The measurement begins.
    fn forget(&mut self) {
        self.groups.iter_mut().flatten().flatten().for_each(|(_, stream)| stream.forget());
        (self.sent, self.late_slots) = (0, 0);
        self.late_us.clear();
    }

    fn slot(&mut self) {
        for answered in self.phone.poll() {
            self.add(&answered);
        }
        let phase = (self.slot % PHASES as u64) as usize;
        for (socket, phases) in self.sockets.iter().zip(&mut self.groups) {
            self.sent += socket.send(phases[phase].iter_mut().map(|(number, stream)| (*number, stream)));
        }
        self.receive();
        self.slot += 1;
        self.due += SLOT;
        let now = Instant::now();
        if self.due > now {
            std::thread::sleep(self.due - now);
        } else {
            self.late_slots += u64::from(now - self.due > SLOT);
        }
    }

    fn add(&mut self, answered: &super::phone::Answered) {
        let (Some(socket), Some(stream)) = (self.pending.remove(&answered.number), Stream::new(answered))
        else {
            return;
        };
        let phases = &mut self.groups[socket];
        let phase = (0..PHASES).min_by_key(|phase| phases[*phase].len()).unwrap_or(0);
        self.places.insert(stream.port(), (phase, phases[phase].len()));
        phases[phase].push((answered.number, stream));
        self.answered += 1;
    }

    fn receive(&mut self) {
        for (socket, phases) in self.sockets.iter().zip(&mut self.groups) {
            socket.receive(|port, sequence, arrival_us, _| {
                let place = self.places.get(&port);
                if let Some((_, stream)) = place.and_then(|(phase, index)| phases[*phase].get_mut(*index)) {
                    let late_us = rtp::note(stream, sequence, arrival_us);
                    self.late_us.push(u32::try_from(late_us).unwrap_or(0));
                }
            });
        }
    }
}
