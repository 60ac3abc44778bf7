//! The call generator that lives beside the project, in C.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::machine;
use super::server::PASSWORD;
use crate::run;

const SOURCE: &str = "../shared/perf/loadgen/siplg.c";

/// The compiled generator.
pub(crate) struct Generator {
    program: PathBuf,
}

/// What it is to do.
pub(crate) struct Load<'a> {
    pub(crate) server: SocketAddr,
    /// Host part of the called address.
    pub(crate) domain: &'a str,
    pub(crate) calls_per_s: u32,
    pub(crate) seconds: u32,
    /// How long the caller talks before it hangs up.
    pub(crate) hold_s: f64,
    /// Whether the caller sends and reads RTP.
    pub(crate) rtp: bool,
}

/// Phones that register, or ask what we can do.
pub(crate) struct Registering<'a> {
    /// `register`, `rereg` (its nonce is known) or `options`.
    pub(crate) mode: &'a str,
    pub(crate) server: SocketAddr,
    pub(crate) domain: &'a str,
    pub(crate) users: u32,
    pub(crate) flows_per_s: u32,
    pub(crate) seconds: u32,
}

/// What it saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Calls that went well.
    pub(crate) ok: f64,
    /// Calls that failed, timed out, or were never begun because too many were open.
    pub(crate) failed: f64,
    /// Requests sent again.
    pub(crate) repeated: f64,
    /// From the INVITE with credentials to its 200, 99th percentile.
    pub(crate) invite_to_200_p99_ms: f64,
    /// From the first request of a flow to its last answer, 99th percentile.
    pub(crate) flow_p99_ms: f64,
    /// How much of its core the generator used.
    pub(crate) own_cores: f64,
}

impl Generator {
    /// Compiles it; `None` where its source is not at hand.
    pub(crate) fn compile(scratch: &Path) -> Result<Option<Self>, String> {
        let source = run::root().join(SOURCE);
        if !source.exists() {
            return Ok(None);
        }
        let program = scratch.join("siplg");
        let status = Command::new("cc").args(["-O2", "-w", "-o"]).args([&program, &source]).status();
        let status = status.map_err(|error| format!("cannot run cc: {error}"))?;
        status
            .success()
            .then_some(Some(Self { program }))
            .ok_or_else(|| "siplg.c does not compile".to_owned())
    }

    /// Runs it to its end, on the core of the load.
    pub(crate) fn run(&self, load: &Load<'_>) -> Result<Seen, String> {
        let window = f64::from(load.calls_per_s) * (load.hold_s + 8.0) + 1000.0;
        let mut command = Command::new(&self.program);
        command
            .args(["-m", "invite", "-u", "100", "-P", "u", "-p", PASSWORD, "-o", "bench", "-s", "16"])
            .args(["-t", &load.server.to_string(), "-d", load.domain])
            .args(["-r", &load.calls_per_s.to_string(), "-D", &load.seconds.to_string()])
            .args(["-h", &load.hold_s.to_string(), "-w", &format!("{window:.0}")]);
        if load.rtp {
            command.args(["--rtp", "--rtpsocks", "16"]);
        }
        finish(command)
    }

    /// Registers, with the password of all.
    pub(crate) fn register(&self, load: &Registering<'_>) -> Result<Seen, String> {
        let mut command = Command::new(&self.program);
        command
            .args(["-m", load.mode, "-u", &load.users.to_string(), "-P", "u", "-p", PASSWORD, "-s", "16"])
            .args(["-t", &load.server.to_string(), "-d", load.domain, "-w", "20000", "-e", "3600"])
            .args(["-r", &load.flows_per_s.to_string(), "-D", &load.seconds.to_string()]);
        finish(command)
    }
}

/// Runs it on the core of the load, and reads what it says.
fn finish(mut command: Command) -> Result<Seen, String> {
    machine::pin_child(&mut command, machine::LOAD_CORE);
    let output = command.output().map_err(|error| format!("siplg: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let value: Value = serde_json::from_str(line).map_err(|error| {
        format!("siplg: {}: {error}: {line}{}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(Seen::read(&value))
}

impl Seen {
    fn read(value: &Value) -> Self {
        let number = |name: &str| value[name].as_f64().unwrap_or(0.0);
        let broken = ["fail", "timeouts", "undelivered_starts", "unfinished"];
        Self {
            ok: number("ok"),
            failed: broken.iter().map(|name| number(name)).sum(),
            repeated: number("retrans"),
            invite_to_200_p99_ms: value["tx2"]["p99_us"].as_f64().unwrap_or(0.0) / 1000.0,
            flow_p99_ms: value["flow"]["p99_us"].as_f64().unwrap_or(0.0) / 1000.0,
            own_cores: number("gen_cpu_frac"),
        }
    }
}
