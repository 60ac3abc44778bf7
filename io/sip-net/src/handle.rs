//! What other threads hold of the driver.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ringway_sip::endpoint::{Command, Counters};

use crate::waker::Waker;

/// The driver's thread is gone, so nothing can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SIP driver has stopped")]
pub struct DriverStopped;

/// What the driver knew a moment ago (a quarter of a second at most while it is busy).
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What the endpoint counted.
    pub endpoint: Counters,
    /// Stream connections now.
    pub flows: usize,
    /// Datagrams that the kernel dropped because our buffer was full, since the start.
    pub receive_drops: u64,
    /// Messages that could not be sent, since the start.
    pub send_failures: u64,
}

/// Gives commands to the driver, from any thread, without waiting.
#[derive(Clone)]
pub struct DriverHandle {
    pub(crate) commands: Sender<Command>,
    pub(crate) shared: Arc<Shared>,
}

impl DriverHandle {
    /// Hands a command to the endpoint. The queue has no length of its own: whoever sends holds each dialog
    /// to a few commands at a time.
    ///
    /// # Errors
    /// When the driver has been shut down.
    pub fn send(&self, command: Command) -> Result<(), DriverStopped> {
        self.commands.send(command).map_err(|_| DriverStopped)?;
        self.shared.waker.wake();
        Ok(())
    }

    /// The counters.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The running driver. Dropping it shuts it down.
pub struct Driver {
    pub(crate) handle: DriverHandle,
    pub(crate) thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Something to send commands with.
    pub fn handle(&self) -> DriverHandle {
        self.handle.clone()
    }

    /// Carries out the commands given so far, sends what they cause, closes the sockets and ends the thread.
    /// Calls that are still up are not hung up: that is for whoever has the calls, beforehand.
    pub fn shutdown(self) {}
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.handle.shared.stop.store(true, Ordering::SeqCst);
        self.handle.shared.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has ended the process already.
            let _ = thread.join();
        }
    }
}

/// What the driver and its handles share.
pub(crate) struct Shared {
    pub(crate) waker: Waker,
    pub(crate) stop: AtomicBool,
    pub(crate) snapshot: Mutex<Snapshot>,
}
