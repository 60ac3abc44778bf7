//! What the black-box tests share: the binary as a child process, a web application that it calls, the REST
//! API, the tools of others, and ears.
//!
//! Everything panics with a sentence when it fails: a test has no better use for an error. What a test starts
//! ends with the value that stands for it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod application;
pub mod baresip;
pub mod caller;
pub mod connection;
pub mod http;
pub mod phone;
pub mod relay;
pub mod rest_load;
pub mod ringway;
pub mod rtp;
pub mod sound;
pub mod tools;

pub use application::{Application, Received};
pub use phone::Phone;
pub use ringway::{Ringway, Setup};

use std::time::{Duration, Instant};

/// Waits until `condition` gives something, asking every 20 ms.
///
/// # Panics
/// When it gives nothing for `limit`; `what` says what was waited for.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
