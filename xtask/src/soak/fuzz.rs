//! The coverage-guided fuzzers of `fuzz/`, each for ten minutes. They are built by the stable compiler: what
//! libFuzzer needs of the code is a pass of LLVM, which can be asked for by flags.

use std::path::PathBuf;
use std::process::Command;

use crate::run;

const SECONDS_EACH: u32 = 600;
const TARGET: &str = "x86_64-unknown-linux-gnu";
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs every target, or says which one found something.
pub(crate) fn fuzz(seconds: Option<u32>) -> Result<String, String> {
    let seconds = seconds.unwrap_or(SECONDS_EACH);
    let folder = run::root().join("fuzz");
    let programs = build(&folder)?;
    let targets = targets(&folder)?;
    for target in &targets {
        let grown = folder.join("grown").join(target);
        std::fs::create_dir_all(&grown).map_err(|error| format!("{}: {error}", grown.display()))?;
        // The first folder takes what is new; the second is what is committed.
        let status = Command::new("nice")
            .args(["-n", "19"])
            .arg(programs.join(target))
            .args([&grown, &folder.join("corpus").join(target)])
            .args([
                format!("-max_total_time={seconds}"),
                "-rss_limit_mb=2048".to_owned(),
                "-timeout=10".to_owned(),
            ])
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}/{target}-", folder.join("grown").display()))
            .status()
            .map_err(|error| format!("cannot run {target}: {error}"))?;
        if !status.success() {
            return Err(format!("{target} found something; see above, and fuzz/grown/{target}-*"));
        }
    }
    Ok(format!("{} targets for {seconds} s each, no finding", targets.len()))
}

fn build(folder: &std::path::Path) -> Result<PathBuf, String> {
    let built = folder.join("target");
    let mut command = run::cargo_command(&["build", "--release", "--target", TARGET]);
    command.current_dir(folder).env("RUSTFLAGS", RUSTFLAGS).env("CARGO_TARGET_DIR", &built);
    let status = command.status().map_err(|error| format!("cannot run cargo build: {error}"))?;
    status
        .success()
        .then(|| built.join(TARGET).join("release"))
        .ok_or_else(|| "the fuzzers do not build".to_owned())
}

/// One program a file.
fn targets(folder: &std::path::Path) -> Result<Vec<String>, String> {
    let folder = folder.join("fuzz_targets");
    let entries = folder.read_dir().map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}
