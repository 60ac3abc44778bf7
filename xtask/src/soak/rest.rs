//! 64 connections that write and list while the server is killed under them, again and again.

use std::path::Path;
use std::thread;
use std::time::Duration;

use ringway_testkit::rest_load::{self, RestLoad};

use crate::bench::server::{self, Scratch, Server};

const KILLS: usize = 5;
/// Five lives that end by `kill -9` and one that does not: a minute.
const LIFE: Duration = Duration::from_secs(10);

/// Says what survived.
pub(crate) fn rest(binary: Option<&str>) -> Result<String, String> {
    let binary = server::binary(binary, "ci")?;
    let scratch = Scratch::new("soak-rest")?;
    let load = RestLoad::new(server::login());
    for life in 1..=KILLS {
        let server = start(&binary, scratch.path())?;
        load.check(server.http).map_err(|error| format!("before life {life}: {error}"))?;
        let http = server.http;
        thread::scope(|scope| {
            scope.spawn(|| load.work(http));
            thread::sleep(LIFE);
            server.kill()
        })?;
    }
    let server = start(&binary, scratch.path())?;
    load.check(server.http).map_err(|error| format!("after the last kill: {error}"))?;
    thread::scope(|scope| {
        scope.spawn(|| load.work(server.http));
        thread::sleep(LIFE);
        load.stop();
    });
    load.check(server.http)?;
    Ok(format!("64 connections, {KILLS} times kill -9: {}", load.told()))
}

fn start(binary: &Path, directory: &Path) -> Result<Server, String> {
    Server::start(binary, directory, None, &[rest_load::ARGUMENT])
}
