//! The two that relay: our media thread without a server around it, and rtpengine.

use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::super::machine::{SERVER_CORE, pin_child};
use crate::run;

/// Where rtpengine takes orders.
const ORDERS: &str = "127.0.0.1:42223";
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) trait Relay {
    /// Connects two phones on 127.0.0.1, by their ports; returns the ports that serve them, in the same order.
    fn call(&mut self, number: u32, phones: [u16; 2]) -> Result<[u16; 2], String>;

    /// Its process.
    fn process(&self) -> u32;
}

/// The program that [`Ringway`] runs: the named one, or a release build.
pub(super) fn harness(named: Option<&str>) -> Result<PathBuf, String> {
    if let Some(named) = named {
        return Ok(PathBuf::from(named));
    }
    run::cargo(&["build", "--release", "--package", "ringway-rtp-net", "--example", "relay"])?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| run::root().join("target"), PathBuf::from);
    Ok(target.join("release/examples/relay"))
}

/// Ours.
pub(super) struct Ringway {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Ringway {
    pub(super) fn start(binary: &Path) -> Result<Self, String> {
        let mut command = Command::new(binary);
        pin_child(&mut command, SERVER_CORE);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", binary.display()))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the relay has no pipes".to_owned());
        };
        Ok(Self { child, orders, answers: BufReader::new(answers) })
    }
}

impl Relay for Ringway {
    fn call(&mut self, _: u32, [caller, callee]: [u16; 2]) -> Result<[u16; 2], String> {
        let mut line = String::new();
        let asked = writeln!(self.orders, "{caller} {callee}");
        asked
            .and_then(|()| self.orders.flush())
            .and_then(|()| self.answers.read_line(&mut line))
            .map_err(|error| format!("the relay is gone: {error}"))?;
        let ports: Vec<u16> = line.split_whitespace().filter_map(|port| port.parse().ok()).collect();
        ports.try_into().map_err(|_| format!("the relay answered `{line}`"))
    }

    fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Ringway {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// The rival, driven by its own protocol: bencoded dictionaries over UDP, each behind a cookie.
pub(super) struct Rtpengine {
    child: Child,
    socket: UdpSocket,
    orders: u32,
}

impl Rtpengine {
    /// None when it is not installed.
    pub(super) fn start() -> Result<Option<Self>, String> {
        let mut command = Command::new("rtpengine");
        pin_child(&mut command, SERVER_CORE);
        command.args(["--config-file=none", "--table=-1", "--foreground", "--interface=127.0.0.1"]);
        command.arg(format!("--listen-ng={ORDERS}"));
        command.args(["--port-min=33000", "--port-max=39999", "--num-threads=2", "--log-level=3"]);
        command.arg("--log-stderr").stdout(Stdio::null()).stderr(Stdio::null());
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("rtpengine: {error}")),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").and_then(|socket| {
            socket.connect(ORDERS)?;
            socket.set_read_timeout(Some(PATIENCE / 30))?;
            Ok(socket)
        });
        let socket = socket.map_err(|error| format!("a socket for rtpengine: {error}"))?;
        let mut started = Self { child, socket, orders: 0 };
        // It answers as soon as it is there.
        for _ in 0..30 {
            if started.order("d7:command4:pinge").is_ok() {
                let _ = started.socket.set_read_timeout(Some(PATIENCE));
                return Ok(Some(started));
            }
            std::thread::sleep(PATIENCE / 30);
        }
        Err("rtpengine does not answer".to_owned())
    }

    fn order(&mut self, dictionary: &str) -> Result<String, String> {
        self.orders += 1;
        let failed = |error| format!("rtpengine: {error}");
        self.socket.send(format!("{} {dictionary}", self.orders).as_bytes()).map_err(failed)?;
        let mut answer = vec![0; 65_536];
        let length = self.socket.recv(&mut answer).map_err(failed)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    /// An offer or an answer; returns the port that it names.
    fn describe(&mut self, entries: &[(&str, &str)]) -> Result<u16, String> {
        let text = |text: &str| format!("{}:{text}", text.len());
        let entries: String = entries.iter().map(|(name, value)| text(name) + &text(value)).collect();
        let answer = self.order(&format!("d{entries}e"))?;
        let port = answer.split_once("m=audio ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        port.ok_or_else(|| format!("rtpengine answered {answer}"))
    }
}

impl Relay for Rtpengine {
    fn call(&mut self, number: u32, [caller, callee]: [u16; 2]) -> Result<[u16; 2], String> {
        let call_id = format!("bench-{number}");
        let offer = description(caller);
        let for_callee = self.describe(&[
            ("ICE", "remove"),
            ("call-id", &call_id),
            ("command", "offer"),
            ("from-tag", "a"),
            ("sdp", &offer),
        ])?;
        let answer = description(callee);
        let for_caller = self.describe(&[
            ("ICE", "remove"),
            ("call-id", &call_id),
            ("command", "answer"),
            ("from-tag", "a"),
            ("sdp", &answer),
            ("to-tag", "b"),
        ])?;
        Ok([for_caller, for_callee])
    }

    fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Rtpengine {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn description(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
         a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    )
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
