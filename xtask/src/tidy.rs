//! What no compiler checks: that arrows between crates point the right way, and that no file holds what
//! a review would send back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run;

/// A file longer than this has more than one subject.
const LINES_MAX: usize = 800;

/// Crates that read clocks, files or sockets, or bring a runtime: none of them in `core`.
const NOT_IN_CORE: [&str; 16] = [
    "tokio",
    "mio",
    "socket2",
    "libc",
    "rustix",
    "hyper",
    "hyper-util",
    "axum",
    "rusqlite",
    "getrandom",
    "hickory-resolver",
    "tokio-rustls",
    "tracing",
    "metrics",
    "reqwest",
    "rand",
];

/// Which workspace crates may depend on which, beyond what [`arrow_is_right`] allows for their layers.
const CORE_ARROWS: [(&str, &[&str]); 5] = [
    ("ringway-model", &[]),
    ("ringway-sip", &["ringway-model"]),
    ("ringway-media", &["ringway-model"]),
    ("ringway-twiml", &["ringway-model"]),
    ("ringway-call", &["ringway-model", "ringway-sip", "ringway-media", "ringway-twiml"]),
];

/// Text that a source file may not hold, and why.
const NOT_IN_SOURCE: [(&str, &str); 5] = [
    (concat!("to", "do!("), "finish it, or refuse what is not built"),
    (concat!("unimpl", "emented!("), "finish it, or refuse what is not built"),
    (concat!("#[ig", "nore"), "a test that does not run is not a test"),
    (concat!("FIX", "ME"), "fix it, or write down why it stays"),
    (concat!("db", "g!("), "use tracing"),
];

/// Runs all checks and reports everything found, not only the first.
pub(crate) fn tidy() -> Result<(), String> {
    let mut findings = arrows()?;
    let files = sources()?;
    for path in &files {
        findings.extend(file(path)?);
    }
    if findings.is_empty() {
        println!("tidy: {} files", files.len());
        return Ok(());
    }
    Err(findings.join("\n"))
}

fn arrows() -> Result<Vec<String>, String> {
    let output = run::cargo_command(&["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let layers: BTreeMap<&str, &str> =
        packages.iter().filter_map(|package| Some((package["name"].as_str()?, layer(package)?))).collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let is_test_only = dependency["kind"] == "dev";
            if !is_test_only && !arrow_is_right(&layers, name, to) {
                findings.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    Ok(findings)
}

fn layer(package: &Value) -> Option<&'static str> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let root = run::root().canonicalize().ok()?;
    let inside = manifest.strip_prefix(root).ok()?;
    ["core", "io", "app", "test", "xtask"].into_iter().find(|layer| inside.starts_with(layer))
}

fn arrow_is_right(layers: &BTreeMap<&str, &str>, from: &str, to: &str) -> bool {
    let (Some(&from_layer), to_layer) = (layers.get(from), layers.get(to).copied()) else { return true };
    match (from_layer, to_layer) {
        ("core", None) => !NOT_IN_CORE.contains(&to),
        ("core", Some("core")) => {
            CORE_ARROWS.iter().any(|(name, allowed)| *name == from && allowed.contains(&to))
        }
        ("core", Some(_)) => false,
        ("io", Some(layer)) => layer == "core",
        ("app", Some(layer)) => matches!(layer, "core" | "io" | "app") && to != "ringway",
        _ => true,
    }
}

fn sources() -> Result<Vec<PathBuf>, String> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(run::root())
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    let listed = String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect::<Vec<_>>();
    Ok(listed.into_iter().filter(|path| run::root().join(path).exists()).collect())
}

fn file(path: &Path) -> Result<Vec<String>, String> {
    let shown = path.display();
    let text = fs::read_to_string(run::root().join(path)).map_err(|error| format!("{shown}: {error}"))?;
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.push(format!("{shown}: {lines} lines; split it by subject (at most {LINES_MAX})"));
    }
    for (number, line) in text.lines().enumerate() {
        for (word, reason) in NOT_IN_SOURCE {
            if line.contains(word) {
                findings.push(format!("{shown}:{}: `{word}`: {reason}", number + 1));
            }
        }
    }
    let is_core_root = path.starts_with("core") && path.ends_with("src/lib.rs");
    if is_core_root && !text.contains("#![forbid(unsafe_code)]") {
        findings.push(format!("{shown}: core crates begin with #![forbid(unsafe_code)]"));
    }
    Ok(findings)
}
