//! What a call costs: authenticated INVITE, webhook, `<Play>` of one second that is cached, BYE.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use super::application::Application;
use super::generator::{Generator, Load, Seen};
use super::machine::{self, FOREIGN_CORES_MAX, LOAD_CORE, Meter, SERVER_CORE, Usage};
use super::server::{self, Scratch, Server};
use super::{Options, median};

const STEPS: [u32; 6] = [250, 500, 750, 1000, 1500, 2000];
const RUNS: usize = 5;
const SECONDS: u32 = 5;
/// A little longer than the sound: it is the server that hangs up, when the document ends.
const HOLD_S: f64 = 1.5;
/// How often a run is repeated for the sake of a quiet machine, for each that counts.
const ATTEMPTS: usize = 2;
/// Where the generator tells the server to send RTP when it does not read any.
const UNREAD_RTP: &str = "127.0.0.1:40000";
/// The server's own account of the time from INVITE to 200, the webhook's taken out.
const OWN_TIME: &str = "ringway_invite_to_answer_without_webhook_seconds";
/// Calls that are open while memory is measured, a second's worth of them and how long they come.
const MEMORY_CALLS_PER_S: u32 = 200;
const MEMORY_SECONDS: u32 = 5;

/// One run.
struct Run {
    seen: Seen,
    usage: Usage,
    own_p99_ms: f64,
}

pub(crate) fn call(options: &Options) -> Result<(), String> {
    let scratch = Scratch::new("bench-call")?;
    let Some(generator) = Generator::compile(scratch.path())? else {
        println!("skipped: ../shared/perf/loadgen/siplg.c is not here");
        return Ok(());
    };
    let binary = server::binary(options.binary.as_deref(), "release")?;
    machine::pin_self(LOAD_CORE)?;
    let application = Application::start()?;
    // Bound and never read: what the server sends is dropped, as a network card would take it away.
    let _unread = UdpSocket::bind(UNREAD_RTP).map_err(|error| format!("{UNREAD_RTP}: {error}"))?;
    let server = Server::start(&binary, scratch.path(), Some(SERVER_CORE), &[])?;
    let status = application.url("/status");
    server.domain_with_users("play", &application.url("/play"), &status)?;
    server.domain_with_users("pause", &application.url("/pause"), &status)?;
    println!("bench call, {}: {}", machine::today(), machine::description());
    let bench = Bench { generator, server, options };
    bench.once(STEPS[0], 1)?; // connections are opened, the sound is fetched
    bench.memory()?; // first: later, what earlier calls gave back would be used again
    let mut clean = 0;
    for calls_per_s in options.steps.clone().unwrap_or(STEPS.to_vec()) {
        if !bench.step(calls_per_s)? {
            break;
        }
        clean = calls_per_s;
    }
    println!("highest clean rate: {clean} calls/s");
    Ok(())
}

struct Bench<'a> {
    generator: Generator,
    server: Server,
    options: &'a Options,
}

impl Bench<'_> {
    /// Runs one rate and prints its line. Whether no call of any counted run failed.
    fn step(&self, calls_per_s: u32) -> Result<bool, String> {
        let wanted = self.options.runs.unwrap_or(RUNS);
        let seconds = self.options.seconds.unwrap_or(SECONDS);
        let (mut runs, mut noisy) = (Vec::new(), Vec::new());
        for _ in 0..wanted * ATTEMPTS {
            let run = self.once(calls_per_s, seconds)?;
            if run.usage.foreign_cores > FOREIGN_CORES_MAX {
                noisy.push(run)
            } else {
                runs.push(run)
            }
            if runs.len() == wanted {
                break;
            }
        }
        let thrown_away = noisy.len();
        noisy.sort_by(|a, b| a.usage.foreign_cores.total_cmp(&b.usage.foreign_cores));
        let taken_back = wanted.saturating_sub(runs.len());
        runs.extend(noisy.into_iter().take(taken_back));
        let of = |pick: fn(&Run) -> f64| median(runs.iter().map(pick).collect());
        let total = |pick: fn(&Run) -> f64| runs.iter().map(pick).sum::<f64>();
        let failed = total(|run| run.seen.failed);
        println!(
            "{calls_per_s} calls/s: {:.3} ms CPU a call, server {:.2} cores, failed {failed}, repeated {}, INVITE \
             to 200 p99 {:.1} ms, less the webhook <= {:.1} ms, generator {:.2} cores, {} runs, {thrown_away} \
             thrown away{}",
            of(|run| run.usage.server_s * 1000.0 / run.seen.ok.max(1.0)),
            of(|run| run.usage.server_s / run.usage.wall_s),
            total(|run| run.seen.repeated),
            of(|run| run.seen.invite_to_200_p99_ms),
            of(|run| run.own_p99_ms),
            of(|run| run.seen.own_cores),
            runs.len(),
            if taken_back > 0 { format!(" (NOISY: {taken_back} of them taken back)") } else { String::new() },
        );
        Ok(failed == 0.0)
    }

    fn once(&self, calls_per_s: u32, seconds: u32) -> Result<Run, String> {
        let before = self.server.metrics()?.buckets(OWN_TIME);
        let meter = Meter::start(self.server.process());
        let seen = self.generator.run(&Load {
            server: self.server.sip,
            domain: "play.sip.twilio.com",
            calls_per_s,
            seconds,
            hold_s: HOLD_S,
            rtp: self.options.rtp,
        })?;
        // Final rows and callbacks belong to the calls.
        thread::sleep(Duration::from_millis(500));
        let usage = meter.read();
        let after = self.server.metrics()?.buckets(OWN_TIME);
        let own_p99_ms = server::p99_bound_s(&before, &after).unwrap_or(f64::NAN) * 1000.0;
        Ok(Run { seen, usage, own_p99_ms })
    }

    /// Memory of a call that is open and silent.
    fn memory(&self) -> Result<(), String> {
        let process = self.server.process();
        let before_kb = machine::pss_kb(process);
        let hold_s = f64::from(MEMORY_SECONDS) + 4.0;
        let (sip, generator) = (self.server.sip, &self.generator);
        thread::scope(|scope| {
            let load = scope.spawn(move || {
                generator.run(&Load {
                    server: sip,
                    domain: "pause.sip.twilio.com",
                    calls_per_s: MEMORY_CALLS_PER_S,
                    seconds: MEMORY_SECONDS,
                    hold_s,
                    rtp: false,
                })
            });
            thread::sleep(Duration::from_secs(u64::from(MEMORY_SECONDS) + 2));
            let live =
                self.server.metrics()?.value("ringway_calls_live{state=\"in-progress\"}").unwrap_or(0.0);
            let added_kb = machine::pss_kb(process).saturating_sub(before_kb);
            println!(
                "memory: {:.1} kB a call ({live} open calls, {before_kb} kB before them)",
                added_kb as f64 / live.max(1.0)
            );
            load.join().map_err(|_| "the generator's thread panicked".to_owned())?.map(drop)
        })
    }
}
