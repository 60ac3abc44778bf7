//! Wakes the driver thread from another one, with one system call for a burst of commands.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// An eventfd and a flag that says whether the thread is going to look anyway.
pub(crate) struct Waker {
    fd: OwnedFd,
    /// Set when the thread is awake, or has been told to wake.
    awake: AtomicBool,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { fd, awake: AtomicBool::new(true) })
    }

    /// Makes the thread look at its queue. Call it after the command is in the queue.
    pub(crate) fn wake(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            // It fails only when the counter is full, and then the thread wakes anyway.
            let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
    }

    /// The thread is about to sleep. It must look at its queue once more after this and before sleeping.
    pub(crate) fn rest(&self) {
        self.awake.store(false, Ordering::SeqCst);
    }

    /// The thread has woken, for whatever reason.
    pub(crate) fn rise(&self) {
        self.awake.store(true, Ordering::SeqCst);
    }

    /// Takes the mark of [`Waker::wake`] off the eventfd.
    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
