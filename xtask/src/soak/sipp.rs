//! A thousand calls by SIPp, fifty a second.

use std::fs;
use std::process::Command;

use crate::bench::application::Application;
use crate::bench::server::{self, PASSWORD, Scratch, Server};

const CALLS: u32 = 1000;
const CALLS_PER_S: u32 = 50;
const SCENARIO: &str = include_str!("invite.xml");

/// Says what happened; a machine without SIPp skips it.
pub(crate) fn sipp(binary: Option<&str>) -> Result<String, String> {
    if Command::new("sipp").arg("-v").output().is_err() {
        return Ok("skipped: sipp is not installed".to_owned());
    }
    let binary = server::binary(binary, "ci")?;
    let scratch = Scratch::new("soak-sipp")?;
    let application = Application::start()?;
    let server = Server::start(&binary, scratch.path(), None, &[])?;
    server.domain_with_users("play", &application.url("/play"), &application.url("/status"))?;
    let scenario = scratch.path().join("invite.xml");
    fs::write(&scenario, SCENARIO.replace("PASSWORD", PASSWORD)).map_err(|error| error.to_string())?;
    let output = Command::new("sipp")
        .current_dir(scratch.path())
        .args(["-sf", "invite.xml", "-s", "bench", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin"])
        .args(["-r", &CALLS_PER_S.to_string(), "-m", &CALLS.to_string(), "-l", &CALLS.to_string()])
        .args(["-auth_uri", "bench@play.sip.twilio.com"])
        .args(["-recv_timeout", "8000", "-timeout", "90", "-timeout_error", "-trace_err"])
        .arg(server.sip.to_string())
        .output()
        .map_err(|error| format!("sipp: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let end: Vec<&str> = text.lines().rev().take(40).collect();
        return Err(format!(
            "sipp ended with {}\n{}",
            output.status,
            end.into_iter().rev().collect::<Vec<_>>().join("\n")
        ));
    }
    let calls = server.list("/Calls.json", "calls")?;
    let completed = calls.iter().filter(|call| call["status"] == "completed").count();
    if completed != CALLS as usize {
        return Err(format!("{completed} of {} calls have the status completed", calls.len()));
    }
    Ok(format!("{CALLS} calls with digest at {CALLS_PER_S} a second, none failed, all rows completed"))
}
