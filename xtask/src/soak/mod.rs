//! What takes minutes: `cargo xtask soak [fuzz | kill | mutate | rest | simulation | sipp]`. Each prints a dated line for
//! docs/benchmarks.md.

mod fuzz;
mod kill;
mod ledger;
mod mutate;
mod rest;
mod sipp;

use std::time::Instant;

use crate::bench::machine;
use crate::run;

const USAGE: &str = "\
cargo xtask soak [NAME] [--binary FILE] [--seconds N]

  fuzz         each fuzzer for ten minutes, or for --seconds
  kill         50 times kill -9 under REST and call load: nothing acknowledged is lost, no call is left open
  mutate       a million mutated packets while 100 calls talk: no panic, no call lost, no memory kept
  rest         64 connections write and list for a minute, with five kill -9
  simulation   10,000 seeds of the simulated calls
  sipp         1,000 calls at 50 a second by SIPp

Without a NAME, all of them. --binary FILE: this one instead of a build of profile `ci`.";

/// How many seeds of each simulated scenario.
const SEEDS: &str = "10000";

/// Runs one of them, or all.
pub(crate) fn soak(arguments: &[String]) -> Result<(), String> {
    let (mut names, mut binary, mut seconds) = (Vec::new(), None, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--binary" => binary = Some(rest.next().ok_or(USAGE)?.as_str()),
            "--seconds" => seconds = Some(rest.next().and_then(|text| text.parse().ok()).ok_or(USAGE)?),
            "fuzz" | "kill" | "mutate" | "rest" | "simulation" | "sipp" => names.push(argument.as_str()),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if names.is_empty() {
        names = vec!["simulation", "sipp", "rest", "kill", "mutate", "fuzz"];
    }
    let mut failures = Vec::new();
    for name in names {
        let start = Instant::now();
        let result = match name {
            "fuzz" => fuzz::fuzz(seconds),
            "kill" => kill::kill(binary),
            "mutate" => mutate::mutate(binary),
            "rest" => rest::rest(binary),
            "sipp" => sipp::sipp(binary),
            _ => simulation(),
        };
        let seconds = start.elapsed().as_secs();
        match result {
            Ok(told) => println!("{} soak {name}: {told} ({seconds} s)", machine::today()),
            Err(error) => {
                println!("{} soak {name}: FAILED: {error} ({seconds} s)", machine::today());
                failures.push(name);
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(format!("failed: {}", failures.join(", "))) }
}

/// The simulated calls, with ten times the seeds of the gate. Both crates that have some are run whole: the
/// tests that count seeds read the variable.
fn simulation() -> Result<String, String> {
    let mut command = run::cargo_command(&[
        "test",
        "--profile",
        "ci",
        "--package",
        "ringway-sip",
        "--package",
        "ringway-call",
    ]);
    command.args(["--tests", "--no-fail-fast"]).env("RINGWAY_SEEDS", SEEDS);
    let status = command.status().map_err(|error| format!("cannot run cargo test: {error}"))?;
    if !status.success() {
        return Err("a seed failed; the output above names it".to_owned());
    }
    Ok(format!("{SEEDS} seeds of every scenario, invariants kept"))
}
