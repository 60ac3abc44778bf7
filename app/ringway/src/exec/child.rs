//! The program itself: its signals, and its end.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Incoming, SignalKind, signal};
use tokio::sync::mpsc;

use super::environment::Change;

/// Passed on to the program. The terminal sends the first two to it as well.
const PASSED_ON: [Signal; 6] =
    [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];
/// What shells answer for a command that cannot be run, and for one that does not exist.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;
/// Shells add the number of the signal that ended a program.
const SIGNALLED: i32 = 128;

/// Runs it to its end.
pub(super) async fn run(command: &[OsString], changes: Vec<Change>) -> Result<ExitCode, String> {
    let (program, arguments) = command.split_first().ok_or("no program was named")?;
    let mut prepared = Command::new(program);
    prepared.args(arguments);
    for (name, value) in changes {
        match value {
            Some(value) => prepared.env(name, value),
            None => prepared.env_remove(name),
        };
    }
    // Before the program is there to be sent any.
    let mut signals = listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let mut child = match prepared.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("ringway exec: {}: {error}", program.display());
            let missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(ExitCode::from(if missing { NOT_FOUND } else { CANNOT_RUN }));
        }
    };
    loop {
        tokio::select! {
            ended = child.wait() => {
                return ended.map(exit_code).map_err(|error| format!("the program was lost: {error}"));
            }
            Some(signal) = signals.recv() => pass_on(&child, signal),
        }
    }
}

/// The signals to pass on, as they come.
fn listen() -> io::Result<mpsc::Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel(PASSED_ON.len());
    for number in PASSED_ON {
        let mut incoming: Incoming = signal(SignalKind::from_raw(number.as_raw()))?;
        let sender = sender.clone();
        tokio::spawn(
            async move { while incoming.recv().await.is_some() && sender.send(number).await.is_ok() {} },
        );
    }
    Ok(receiver)
}

fn pass_on(child: &Child, signal: Signal) {
    if matches!(signal, Signal::INT | Signal::QUIT) && is_foreground() {
        return;
    }
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::debug!(%error, ?signal, "the program could not be told");
    }
}

/// Whether the keys of a terminal send their signals to our process group, which the program is in.
fn is_foreground() -> bool {
    let terminal = File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let number = status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    number.and_then(|number| u8::try_from(number).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
