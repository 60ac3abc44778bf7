//! Ending well: the first signal lets calls end, the second does not.

use std::time::Duration;

use ringway_engine::Engine;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Completes at the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Takes no new calls, waits until those that live have ended, at most `drain` or until another signal,
/// then ends what is left and waits until everything owed is stored.
pub(crate) async fn drain(engine: &Engine, signals: &mut Signals, drain: Duration) {
    engine.refuse_new_calls();
    let live = engine.live_calls();
    if live > 0 {
        tracing::info!(live, seconds = drain.as_secs(), "no new calls; waiting for the live ones to end");
        tokio::select! {
            () = engine.all_calls_ended() => {}
            () = tokio::time::sleep(drain) => tracing::info!(live = engine.live_calls(), "time is up"),
            () = signals.next() => tracing::info!(live = engine.live_calls(), "second signal"),
        }
    }
    engine.end_calls().await;
}
