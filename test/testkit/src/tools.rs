//! The tools of others, and what happens when one is missing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
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

/// Where `make fetch` put the client libraries, each generation in a directory of its own: `python/bin/python`,
/// `node/node_modules` and the like. See [`skip`].
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
    start(program, prepare).finish(limit)
}

/// Starts a program whose output is kept.
///
/// # Panics
/// When it cannot be started.
pub fn start(program: impl AsRef<OsStr>, prepare: impl FnOnce(&mut Command)) -> Running {
    let mut command = Command::new(&program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    prepare(&mut command);
    let shown = program.as_ref().to_string_lossy().into_owned();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    Running { shown, child, stdout: Some(stdout), stderr: Some(stderr) }
}

/// A program that runs. Dropping it ends it.
pub struct Running {
    shown: String,
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes longer than `limit` (it is then ended).
    pub fn finish(mut self, limit: Duration) -> Output {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break Some(status);
            }
            if Instant::now() > deadline {
                self.end();
                break None;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let text = |pipe: Option<JoinHandle<Vec<u8>>>| {
            pipe.expect("taken once").join().expect("its output can be read")
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        let told = || format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let status = status.unwrap_or_else(|| panic!("{} took too long\n{}", self.shown, told()));
        Output { status, stdout, stderr }
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn reader(pipe: Option<impl std::io::Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
