//! Who interrupts whom on a core. Every message wakes one or two other threads of this process; a core that
//! drops its work for each of them changes threads a dozen times a call and works with cold caches. So a
//! thread that is woken waits until the running one has done what it has (Linux's batch policy). The media
//! clock waits too: by a millisecond or two, where the buffers of phones hold twenty and more.
#![allow(unsafe_code)] // sched_setscheduler has no safe wrapper.

use std::io;

/// Makes this thread, and all that it starts from now on, wait for their turn.
///
/// # Errors
/// When the system refuses; everything works then, at more changes of threads.
pub fn wait_for_turns() -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameter is plain data that the kernel reads during the call; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameter) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_inherit_their_place() {
        let inherited = thread::spawn(|| {
            wait_for_turns().expect("nobody needs a right for this");
            // SAFETY: it only asks, about the calling thread.
            thread::spawn(|| unsafe { libc::sched_getscheduler(0) }).join()
        });
        let policy = inherited.join().expect("it ends").expect("it ends");
        assert_eq!(policy, libc::SCHED_BATCH);
    }
}
