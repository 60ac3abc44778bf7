//! Runs the tests and counts what passed, failed and was skipped.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::run;

/// A test that cannot run prints a line that begins so; with `RINGWAY_REQUIRE=all` it fails instead.
const SKIPPED: &str = "skipped: ";

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Builds the binary that the black-box tests drive, runs every test, and prints one line of totals.
pub(crate) fn test(arguments: &[String]) -> Result<(), String> {
    run::cargo(&["build", "--profile", "ci", "--package", "ringway"])?;
    let mut command = run::cargo_command(&["test", "--workspace", "--profile", "ci", "--no-fail-fast"]);
    command.args(arguments);
    if !arguments.iter().any(|argument| argument == "--") {
        command.arg("--");
    }
    command.arg("--show-output").stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot run cargo test: {error}"))?;
    let output = child.stdout.take().ok_or("cargo test has no output")?;
    let mut count = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|error| format!("cannot read the output of cargo test: {error}"))?;
        count.line(&line);
        writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let passed = count.passed - count.skipped.min(count.passed);
    println!("{passed} passed, {} failed, {} skipped", count.failed, count.skipped);
    status.success().then_some(()).ok_or_else(|| "tests failed".to_owned())
}

impl Count {
    fn line(&mut self, line: &str) {
        if line.starts_with(SKIPPED) {
            self.skipped += 1;
        }
        let Some(totals) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = totals.split_whitespace().collect();
        for pair in words.windows(2) {
            if let [number, label] = pair {
                let number = number.parse().unwrap_or(0);
                match label.trim_end_matches(';') {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    _ => {}
                }
            }
        }
    }
}
