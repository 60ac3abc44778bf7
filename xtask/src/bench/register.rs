//! What a registration costs beside Kamailio, both on one core: a digest REGISTER with its challenge, one with a
//! nonce that is known, and OPTIONS. Kamailio keeps all in memory; we keep registrations on disk besides.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::generator::{Generator, Registering, Seen};
use super::machine::{self, FOREIGN_CORES_MAX, LOAD_CORE, Meter, SERVER_CORE, Usage};
use super::server::{self, PASSWORD, Scratch, Server};
use super::{Options, median};
use crate::run;

const USERS: u32 = 100_000;
/// Flows a second.
const STEPS: [u32; 1] = [4000];
const RUNS: usize = 5;
const SECONDS: u32 = 5;
const ATTEMPTS: usize = 2;
/// Threads that make the users.
const MAKERS: u32 = 16;
const PERF: &str = "../shared/perf";

/// What is asked, how siplg calls it, and how much of Kamailio's CPU it may take.
const WORK: [(&str, &str, f64); 3] = [
    ("digest REGISTER", "register", 1.0 / 3.0),
    ("REGISTER with a known nonce", "rereg", 1.0 / 2.0),
    ("OPTIONS", "options", 2.0 / 3.0),
];

/// One run.
struct Run {
    seen: Seen,
    usage: Usage,
}

impl Run {
    fn cpu_us(&self) -> f64 {
        self.usage.server_s * 1e6 / self.seen.ok.max(1.0)
    }
}

/// A server that phones register with.
struct Target {
    name: &'static str,
    process: u32,
    sip: SocketAddr,
    domain: &'static str,
}

pub(crate) fn register(options: &Options) -> Result<(), String> {
    let scratch = Scratch::new("bench-register")?;
    let Some(generator) = Generator::compile(scratch.path())? else {
        println!("skipped: {PERF}/loadgen/siplg.c is not here");
        return Ok(());
    };
    if !Path::new("/usr/sbin/kamailio").exists() {
        println!("skipped: kamailio is not installed (Debian packages kamailio, kamailio-sqlite-modules)");
        return Ok(());
    }
    let binary = server::binary(options.binary.as_deref(), "release")?;
    machine::pin_self(LOAD_CORE)?;
    let users = options.users.unwrap_or(USERS);
    let kamailio = Kamailio::start(scratch.path(), users)?;
    let limits = ["--credentials-max=10000000", "--register-rate-per-aor=1000000", "--abusers=serve"];
    let server = Server::start(&binary, scratch.path(), Some(SERVER_CORE), &limits)?;
    println!("bench register, {}: {}, {users} users", machine::today(), machine::description());
    make_users(&server, users)?;
    let ours = Target {
        name: "ringway",
        process: server.process(),
        sip: server.sip,
        domain: "bench.sip.twilio.com",
    };
    let bench = Bench { generator, users, ours, theirs: kamailio.target(), options };
    bench.memory()?;
    for flows_per_s in options.steps.clone().unwrap_or(STEPS.to_vec()) {
        for (name, mode, share) in WORK {
            bench.compare(name, mode, share, flows_per_s)?;
        }
    }
    Ok(())
}

struct Bench<'a> {
    generator: Generator,
    users: u32,
    ours: Target,
    theirs: Target,
    options: &'a Options,
}

impl Bench<'_> {
    /// Every user registers once: what does that take in memory?
    fn memory(&self) -> Result<(), String> {
        for target in [&self.ours, &self.theirs] {
            let before_kb = machine::pss_kb(target.process);
            let seen = self.run(target, "register", STEPS[0], self.users / STEPS[0] + 2)?.seen;
            let added_kb = machine::pss_kb(target.process).saturating_sub(before_kb);
            println!(
                "{}: {:.0} bytes a binding, all in ({} registered, {} failed)",
                target.name,
                added_kb as f64 * 1024.0 / seen.ok.clamp(1.0, f64::from(self.users)),
                seen.ok,
                seen.failed
            );
        }
        Ok(())
    }

    fn compare(&self, name: &str, mode: &str, share: f64, flows_per_s: u32) -> Result<(), String> {
        let wanted = self.options.runs.unwrap_or(RUNS);
        let seconds = self.options.seconds.unwrap_or(SECONDS);
        let (mut quiet, mut noisy) = (Vec::new(), Vec::new());
        while quiet.len() < wanted && quiet.len() + noisy.len() < wanted * ATTEMPTS {
            let pair = [
                self.run(&self.theirs, mode, flows_per_s, seconds)?,
                self.run(&self.ours, mode, flows_per_s, seconds)?,
            ];
            let foreign = pair.iter().map(|run| run.usage.foreign_cores).fold(0.0, f64::max);
            if foreign > FOREIGN_CORES_MAX { noisy.push((foreign, pair)) } else { quiet.push(pair) }
        }
        noisy.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let taken_back = wanted.saturating_sub(quiet.len());
        quiet.extend(noisy.into_iter().take(taken_back).map(|(_, pair)| pair));
        let of =
            |side: usize, pick: fn(&Run) -> f64| median(quiet.iter().map(|pair| pick(&pair[side])).collect());
        let ratio = median(quiet.iter().map(|[theirs, ours]| ours.cpu_us() / theirs.cpu_us()).collect());
        let verdict = if ratio <= share { "held" } else { "MISSED" };
        let failed: f64 = quiet.iter().flatten().map(|run| run.seen.failed).sum();
        println!(
            "{name}, {flows_per_s}/s: {:.1} us CPU a flow, Kamailio {:.1} us: {ratio:.2} of it, {share:.2} wanted: \
             {verdict}; p99 {:.2} ms, Kamailio {:.2} ms; failed {failed}{}",
            of(1, Run::cpu_us),
            of(0, Run::cpu_us),
            of(1, |run| run.seen.flow_p99_ms),
            of(0, |run| run.seen.flow_p99_ms),
            if taken_back > 0 { format!(" (NOISY: {taken_back} runs taken back)") } else { String::new() },
        );
        Ok(())
    }

    fn run(&self, target: &Target, mode: &str, flows_per_s: u32, seconds: u32) -> Result<Run, String> {
        let meter = Meter::start(target.process);
        let seen = self.generator.register(&Registering {
            mode,
            server: target.sip,
            domain: target.domain,
            users: self.users,
            flows_per_s,
            seconds,
        })?;
        Ok(Run { seen, usage: meter.read() })
    }
}

/// A domain where all of them may register.
fn make_users(server: &Server, users: u32) -> Result<(), String> {
    let form = [("DomainName", "bench.sip.twilio.com"), ("SipRegistration", "true")];
    let domain = server.create("/SIP/Domains.json", &form)?;
    let list = server.create("/SIP/CredentialLists.json", &[("FriendlyName", "bench")])?;
    let path = format!("/SIP/Domains/{domain}/Auth/Registrations/CredentialListMappings.json");
    server.create(&path, &[("CredentialListSid", &list)])?;
    let path = format!("/SIP/CredentialLists/{list}/Credentials.json");
    let make = |first: u32| -> Result<(), String> {
        for number in (first..users).step_by(MAKERS as usize) {
            let user = format!("u{number:06}");
            server.create(&path, &[("Username", &user), ("Password", PASSWORD)])?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS).map(|first| scope.spawn(move || make(first))).collect();
        makers.into_iter().try_for_each(|maker| maker.join().unwrap_or(Err("a maker panicked".to_owned())))
    })
}

/// Kamailio as the scripts beside the project start it. Dropping it ends it.
struct Kamailio {
    process: u32,
    script: PathBuf,
    scratch: PathBuf,
}

impl Kamailio {
    fn start(scratch: &Path, users: u32) -> Result<Self, String> {
        let peers = run::root().join(PERF).join("peers");
        let told = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).env("SCRATCH", scratch).output();
            let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success().then_some(said.clone()).ok_or(format!("{}: {said}", program.display()))
        };
        let number = users.to_string();
        told(&peers.join("setup_db.py"), &[&number, "bench.test", PASSWORD])?;
        let script = peers.join("kamailio.sh");
        let core = SERVER_CORE.to_string();
        let said = told(&script, &["start", "mem", "1", &core])?;
        let process = said.lines().last().unwrap_or_default().parse();
        let process = process.map_err(|_| format!("Kamailio did not start: {said}"))?;
        Ok(Self { process, script, scratch: scratch.to_owned() })
    }

    fn target(&self) -> Target {
        let sip = SocketAddr::from(([127, 0, 0, 1], 5060));
        Target { name: "kamailio", process: self.process, sip, domain: "bench.test" }
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // What does not stop now goes with the machine's next start; the figures are told already.
        let _ = Command::new(&self.script).arg("stop").env("SCRATCH", &self.scratch).status();
    }
}
