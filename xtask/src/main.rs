//! The project's own chores: `cargo xtask tidy | check | test | ready | bench | soak`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod run;
mod soak;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask CHORE

  tidy    the layers hold, and no file has what a review would send back
  check   formatting and lints
  test    every test that needs no more than a minute (arguments go to cargo test)
  ready   tidy, check and test: what a change must pass
  bench   what calls, their media and requests cost: bench call, media, relay, rest (docs/benchmarks.md)
  soak    what takes minutes: soak [fuzz|kill|mutate|rest|simulation|sipp]";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match chore.as_str() {
        "tidy" => tidy::tidy(),
        "check" => check(),
        "test" => test::test(&rest),
        "ready" => tidy::tidy().and_then(|()| check()).and_then(|()| test::test(&rest)),
        "bench" => bench::bench(&rest),
        "soak" => soak::soak(&rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<(), String> {
    run::cargo(&["fmt", "--all", "--check"])?;
    run::cargo(&["clippy", "--workspace", "--all-targets", "--profile", "ci", "--", "--deny", "warnings"])
}
