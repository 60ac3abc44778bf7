//! `ringway call` as a phone.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::Ringway;
use crate::ringway::binary;
use crate::sound::Sound;
use crate::tools::{self, Running, Scratch};

/// Longer than any call of a test.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// A call to be placed.
pub struct Phone {
    arguments: Vec<String>,
    password: Option<String>,
}

impl Phone {
    /// To this address, at this service.
    pub fn to(ringway: &Ringway, uri: &str) -> Self {
        let arguments = ["call", uri, "--via", &ringway.udp.to_string(), "--json"].map(str::to_owned);
        Self { arguments: arguments.to_vec(), password: None }
    }

    /// By way of another address.
    pub fn through(mut self, address: SocketAddr) -> Self {
        let via = self.arguments.iter().position(|argument| argument == "--via").expect("there is one");
        self.arguments[via + 1] = address.to_string();
        self
    }

    /// As this user.
    pub fn user(mut self, user: &str, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.options(&["--user", user])
    }

    /// With further options of `ringway call`.
    pub fn options(mut self, options: &[&str]) -> Self {
        self.arguments.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// Places it and waits for its end.
    pub fn call(self) -> Done {
        self.dial().done()
    }

    /// Places it.
    pub fn dial(self) -> Call {
        let scratch = Scratch::new("phone");
        let heard = scratch.path().join("heard.wav");
        let running = tools::start(binary(), |command| {
            command.args(&self.arguments).arg("--save").arg(&heard);
            match &self.password {
                Some(password) => command.env("RINGWAY_CALL_PASSWORD", password),
                None => command.env_remove("RINGWAY_CALL_PASSWORD"),
            };
        });
        Call { running, scratch }
    }
}

/// A call that was placed. Dropping it ends the phone without a word.
pub struct Call {
    running: Running,
    scratch: Scratch,
}

impl Call {
    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come, or the report is no JSON.
    pub fn done(self) -> Done {
        let output = self.running.finish(CALL_LIMIT);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        let report =
            serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}{errors}"));
        let sound = Sound::read(&self.scratch.path().join("heard.wav"));
        Done { exit: output.status.code(), report, sound }
    }
}

/// A call that is over.
#[derive(Debug)]
pub struct Done {
    /// The exit status of the phone.
    pub exit: Option<i32>,
    /// What it told.
    pub report: Value,
    /// What it heard.
    pub sound: Sound,
}

impl Done {
    /// The final status of the INVITE.
    pub fn status(&self) -> u64 {
        self.report["status"].as_u64().expect("a status")
    }

    /// Every message, as `<- 180 Ringing (INVITE)`.
    pub fn ladder(&self) -> Vec<String> {
        let rungs = self.report["ladder"].as_array().expect("a ladder");
        let text = |rung: &Value, key: &str| rung[key].as_str().unwrap_or_default().to_owned();
        rungs.iter().map(|rung| format!("{} {}", text(rung, "direction"), text(rung, "message"))).collect()
    }

    /// When the first message that begins so was sent or received, in milliseconds from the start.
    pub fn at_ms(&self, start: &str) -> Option<u64> {
        let index = self.ladder().iter().position(|rung| rung.starts_with(start))?;
        self.report["ladder"][index]["at_ms"].as_u64()
    }
}
