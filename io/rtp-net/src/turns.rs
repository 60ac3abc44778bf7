//! Who interrupts whom on a core. The media clock wakes a thousand times a second and then has the longest
//! piece of work of all threads: many system calls in a row. Where it drops what others have begun, and drops its
//! own work for whomever its packets wake, a call costs a fifth more. So it waits until the running thread has
//! done what it has (Linux's batch policy): a millisecond or two, where the buffers of phones hold twenty and
//! more.
#![allow(unsafe_code)] // sched_setscheduler has no safe wrapper.

use std::io;

/// Makes this thread wait for its turn when it wakes.
///
/// # Errors
/// When the system refuses; everything works then, at more changes of threads.
pub(crate) fn wait_for_turns() -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameter is plain data that the kernel reads during the call; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameter) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_its_place_without_any_right() {
        let policy = std::thread::spawn(|| {
            wait_for_turns().expect("nobody needs a right for this");
            // SAFETY: it only asks, about the calling thread.
            unsafe { libc::sched_getscheduler(0) }
        });
        assert_eq!(policy.join().expect("it ends"), libc::SCHED_BATCH);
    }
}
