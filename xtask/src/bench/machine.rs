//! What "on one core" needs of the machine: pinning, and an account of who used the processors.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

/// The core of the server that is measured.
pub(crate) const SERVER_CORE: usize = 0;
/// The core of everything else: load and web application.
pub(crate) const LOAD_CORE: usize = 1;
/// A run beside which others used more of the machine than this many cores is thrown away.
pub(crate) const FOREIGN_CORES_MAX: f64 = 0.1;

/// Keeps this thread, and all that it starts later, on one core.
pub(crate) fn pin_self(core: usize) -> Result<(), String> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 && core > 0 {
        return Err("a measurement needs two cores: one for the server, one for the load".to_owned());
    }
    own_scheduler_group();
    pin(core).map_err(|error| format!("cannot stay on core {core}: {error}"))
}

/// Makes the command run on one core and in a scheduler group of its own, so that a busy terminal session
/// does not share its turns.
pub(crate) fn pin_child(command: &mut Command, core: usize) {
    // SAFETY: between fork and exec only system calls are made; they touch no lock and no heap of ours.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            own_scheduler_group();
            pin(core)
        });
    }
}

fn pin(core: usize) -> io::Result<()> {
    // SAFETY: the set is plain data, and the kernel reads no more than its size.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lifts the scheduler group. Without the right to, or without groups, the machine decides as it likes.
fn own_scheduler_group() {
    // SAFETY: the path ends in a null byte, and the buffer outlives the call.
    unsafe {
        let file = libc::open(c"/proc/self/autogroup".as_ptr(), libc::O_WRONLY);
        if file >= 0 {
            libc::write(file, c"-19".as_ptr().cast(), 3);
            libc::close(file);
        }
    }
}

/// Adds up processor time from its making until [`Meter::read`].
pub(crate) struct Meter {
    server: u32,
    start: Instant,
    busy_s: f64,
    server_s: f64,
    own_s: f64,
}

/// What was used meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Wall time.
    pub(crate) wall_s: f64,
    /// The server and its children.
    pub(crate) server_s: f64,
    /// All that is neither the server, nor this process, nor a child that it waited for; in cores.
    pub(crate) foreign_cores: f64,
}

impl Meter {
    pub(crate) fn start(server: u32) -> Self {
        Self { server, start: Instant::now(), busy_s: busy_s(), server_s: tree_s(server), own_s: own_s() }
    }

    pub(crate) fn read(&self) -> Usage {
        let wall_s = self.start.elapsed().as_secs_f64();
        let server_s = tree_s(self.server) - self.server_s;
        let others_s = busy_s() - self.busy_s - server_s - (own_s() - self.own_s);
        Usage { wall_s, server_s, foreign_cores: (others_s / wall_s).max(0.0) }
    }
}

/// Memory of a process in kB, shared pages counted in proportion.
pub(crate) fn pss_kb(process: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What the machine is, for the record.
pub(crate) fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} cores, {}, Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}

/// Today in UTC, as `2026-01-31`.
pub(crate) fn today() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn ticks_s(ticks: u64) -> f64 {
    // SAFETY: asks for a constant of the system.
    let a_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    ticks as f64 / a_second.max(1) as f64
}

/// Time in which any core was busy.
fn busy_s() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|number| number.parse().ok())
        .collect();
    // The fourth and fifth are idle and waiting for a disk.
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    ticks_s(numbers.iter().sum::<u64>() - idle)
}

/// Time of a process, its living and its finished descendants.
fn tree_s(root: u32) -> f64 {
    let mut members = BTreeSet::from([root]);
    let processes: Vec<(u32, Vec<u64>)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|process| Some((process, stat_numbers(process)?)))
        .collect();
    // Children have been started after their parents, but numbers may wrap: look until nothing is new.
    loop {
        let before = members.len();
        let children = processes.iter().filter(|(_, stat)| {
            stat.first().is_some_and(|parent| members.contains(&u32::try_from(*parent).unwrap_or(0)))
        });
        members.extend(children.map(|(process, _)| *process).collect::<Vec<_>>());
        if members.len() == before {
            break;
        }
    }
    let of_tree = processes.iter().filter(|(process, _)| members.contains(process));
    // utime, stime, cutime, cstime; the parent's number is the first.
    ticks_s(of_tree.map(|(_, stat)| stat.iter().skip(10).take(4).sum::<u64>()).sum())
}

/// The numbers of `/proc/PROCESS/stat` from the parent's on.
fn stat_numbers(process: u32) -> Option<Vec<u64>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    Some(after_name.split_whitespace().skip(1).map(|number| number.parse().unwrap_or(0)).collect())
}

/// Time of this process and of the children that it waited for.
fn own_s() -> f64 {
    let used = |who| {
        // SAFETY: the kernel fills the structure that it is given.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}
