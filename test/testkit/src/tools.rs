//! The tools of others, and what happens when one is missing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Says that a test cannot run here, or fails it when `RINGWAY_REQUIRE=all`. Returns false, for the caller to
/// return.
pub fn skip(reason: &str) -> bool {
    assert!(std::env::var_os("RINGWAY_REQUIRE").is_none_or(|value| value != "all"), "{reason}");
    println!("skipped: {reason}");
    false
}

/// Whether a program is there; see [`skip`].
pub fn have(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(program).exists());
    found || skip(&format!("{program} is not installed"))
}

/// Where `make fetch` put the client libraries: `python/bin/python`, `node/node_modules`. See [`skip`].
pub fn client_tools() -> Option<PathBuf> {
    let tools = workspace().join("target/test-tools");
    (tools.join("installed").exists() || skip("the client libraries are not installed (make fetch)"))
        .then_some(tools)
}

/// Documents that live beside the project, not in it. See [`skip`].
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = workspace().join("../shared").join(path);
    (found.exists() || skip(&format!("../shared/{path} is not here"))).then_some(found)
}

/// The root of the project.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A new empty directory that is removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Below the system's directory for such things.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in a directory for temporary things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started, or takes longer than `limit` (it is then ended).
pub fn run(program: impl AsRef<OsStr>, limit: Duration, prepare: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(&program);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    prepare(&mut command);
    let shown = program.as_ref().to_string_lossy().into_owned();
    let child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let watched = Watched::new(child, limit);
    watched.output(&shown)
}

/// A child that is ended when it takes too long.
struct Watched {
    child: Child,
    deadline: Instant,
}

impl Watched {
    fn new(child: Child, limit: Duration) -> Self {
        Self { child, deadline: Instant::now() + limit }
    }

    fn output(mut self, shown: &str) -> Output {
        let stdout = reader(self.child.stdout.take());
        let stderr = reader(self.child.stderr.take());
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break Some(status);
            }
            if Instant::now() > self.deadline {
                self.child.kill().expect("the child can be ended");
                self.child.wait().expect("the child ends");
                break None;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let (stdout, stderr) = (stdout.join().expect("its output"), stderr.join().expect("its output"));
        let told = || format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let status = status.unwrap_or_else(|| panic!("{shown} took too long\n{}", told()));
        Output { status, stdout, stderr }
    }
}

fn reader(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
