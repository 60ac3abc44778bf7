//! `kill -9` at random moments, under REST and call load.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::ledger::{LISTS, Ledger};
use crate::bench::application::Application;
use crate::bench::phone::Phone;
use crate::bench::server::{self, Scratch, Server};

const ROUNDS: usize = 50;
/// Threads that write through the REST API.
const WRITERS: usize = 4;
/// The server lives between this long and twice this and a bit under load.
const LIFE_MIN_MS: u64 = 200;
const LIFE_SPREAD_MS: u64 = 1800;
const CALL_EVERY: Duration = Duration::from_millis(20);
/// A caller hangs up after this long, or is still talking when the server dies.
const TALK: Duration = Duration::from_millis(400);
/// How long callbacks may take after the last start.
const CALLBACK_LIMIT: Duration = Duration::from_secs(90);
/// What a call may not be after a restart.
const UNFINISHED: [&str; 3] = ["queued", "ringing", "in-progress"];

/// Says what survived.
pub(crate) fn kill(binary: Option<&str>) -> Result<String, String> {
    let binary = server::binary(binary, "ci")?;
    let scratch = Scratch::new("soak-kill")?;
    let application = Application::start()?;
    let unread = UdpSocket::bind("127.0.0.1:0").map_err(|error| format!("a socket: {error}"))?;
    let media = unread.local_addr().map_err(|error| error.to_string())?;
    let mut ledgers: Vec<Ledger> = (0..WRITERS).map(|_| Ledger::default()).collect();
    let mut random = Random(u64::from(std::process::id()) << 20 | 1);
    let seed = random.0;
    start(&binary, scratch.path())?.domain_with_address(
        "pause",
        &application.url("/pause"),
        &application.url("/status"),
    )?;
    for round in 0..ROUNDS {
        let server = start(&binary, scratch.path())?;
        check(&server, &mut ledgers)
            .map_err(|error| format!("seed {seed}, before round {round}: {error}"))?;
        let life = Duration::from_millis(LIFE_MIN_MS + random.next() % LIFE_SPREAD_MS);
        torment(server, &mut ledgers, round, life, media)?;
    }
    let server = start(&binary, scratch.path())?;
    check(&server, &mut ledgers).map_err(|error| format!("seed {seed}, at the end: {error}"))?;
    let calls = settle(&server, &application)?;
    let acknowledged: u64 = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
    let failed = calls.iter().filter(|call| call["status"] == "failed").count();
    Ok(format!(
        "{ROUNDS} times kill -9, {acknowledged} acknowledged requests, none lost; {} calls, {failed} cut off by a \
         kill, every one final and reported",
        calls.len()
    ))
}

fn start(binary: &Path, directory: &Path) -> Result<Server, String> {
    let arguments = ["--credential-lists-max=1000000"];
    Server::start(binary, directory, None, &arguments)
}

/// Writers and callers work until the server is killed under them.
fn torment(
    server: Server,
    ledgers: &mut [Ledger],
    round: usize,
    life: Duration,
    media: SocketAddr,
) -> Result<(), String> {
    let (http, sip) = (server.http, server.sip);
    thread::scope(|scope| {
        for (writer, ledger) in ledgers.iter_mut().enumerate() {
            scope.spawn(move || ledger.write_until_gone(http, writer, round));
        }
        call_for(life, sip, media).and_then(|()| server.kill())
    })
}

fn call_for(life: Duration, sip: SocketAddr, media: SocketAddr) -> Result<(), String> {
    let mut phone = Phone::new(sip, "pause.sip.twilio.com")?;
    let mut talking: Vec<(Instant, u32)> = Vec::new();
    let start = Instant::now();
    let mut next = start;
    while start.elapsed() < life {
        if Instant::now() >= next {
            phone.invite(media);
            next += CALL_EVERY;
        }
        talking.extend(phone.poll().into_iter().map(|answered| (Instant::now(), answered.number)));
        talking.retain(|(since, number)| {
            let over = since.elapsed() > TALK;
            if over {
                phone.bye(*number);
            }
            !over
        });
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Every acknowledged row is there, and no call is open right after a start.
fn check(server: &Server, ledgers: &mut [Ledger]) -> Result<(), String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lists = server.list(LISTS, "credential_lists")?;
    let found: HashMap<String, String> =
        lists.iter().map(|list| (text(&list["sid"]), text(&list["friendly_name"]))).collect();
    for ledger in ledgers {
        ledger.check(&found)?;
    }
    for call in server.list("/Calls.json", "calls")? {
        if UNFINISHED.iter().any(|status| call["status"] == *status) {
            return Err(format!("{} is still {}", call["sid"], call["status"]));
        }
    }
    Ok(())
}

/// Waits until every call was reported as ended.
fn settle(server: &Server, application: &Application) -> Result<Vec<Value>, String> {
    let calls = server.list("/Calls.json", "calls")?;
    let start = Instant::now();
    loop {
        let reported = application.reported();
        let open =
            calls.iter().filter(|call| !call["sid"].as_str().is_some_and(|sid| reported.contains_key(sid)));
        let missing: Vec<&str> = open.filter_map(|call| call["sid"].as_str()).collect();
        if missing.is_empty() {
            drop(reported);
            return Ok(calls);
        }
        if start.elapsed() > CALLBACK_LIMIT {
            return Err(format!(
                "{} of {} calls were not reported, {} first",
                missing.len(),
                calls.len(),
                missing[0]
            ));
        }
        drop(reported);
        thread::sleep(Duration::from_millis(200));
    }
}

/// A small generator (xorshift): its seed is printed when something fails.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
