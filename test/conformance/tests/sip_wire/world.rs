//! A running Ringway, an application that plays a tone for ever, and a domain that takes calls from here.

use std::time::Duration;

use ringway_testkit::application::Answer;
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::Scratch;
use ringway_testkit::{Application, Ringway, Setup, wait_for};
use serde_json::Value;

use crate::message::Request;
use crate::peer::{LIMIT, Peer};

/// Someone to call.
pub(crate) const URI: &str = "sip:100@wire.sip.twilio.com";

pub(crate) struct World {
    pub(crate) ringway: Ringway,
    pub(crate) application: Application,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        // On a machine that is busy with other tests nobody is to be turned away.
        let setup = setup.argument("--overload-age=5s");
        let world = Self { ringway: setup.start(), application: Application::start() };
        world.application.answer("/tone.wav", Answer::new(200, "audio/wav", &tone()));
        world.says(r#"<Play loop="0">/tone.wav</Play>"#);
        let (voice, ended) = (world.application.url("/voice"), world.application.url("/ended"));
        let form = [("VoiceUrl", voice.as_str()), ("VoiceStatusCallbackUrl", &ended)];
        world.ringway.domain_with_address("wire", &form, "127.0.0.1");
        world
    }

    /// What callers hear from now on.
    pub(crate) fn says(&self, verbs: &str) {
        self.application.answer("/voice", Answer::twiml(verbs));
    }

    pub(crate) fn udp(&self) -> Peer {
        Peer::udp(self.ringway.udp)
    }

    pub(crate) fn tcp(&self) -> Peer {
        Peer::tcp(self.ringway.tcp)
    }

    /// Waits for a notification of this number and returns its text.
    pub(crate) fn notified(&self, code: u32) -> String {
        let code = code.to_string();
        wait_for(&format!("notification {code}"), LIMIT, || {
            let rows = self.notifications();
            let row = rows.iter().find(|row| row["error_code"] == code.as_str())?;
            Some(row["message_text"].as_str().expect("a text").to_owned())
        })
    }

    pub(crate) fn notifications(&self) -> Vec<Value> {
        self.list("/Notifications.json?PageSize=1000", "notifications")
    }

    pub(crate) fn calls(&self) -> Vec<Value> {
        self.list("/Calls.json?PageSize=1000", "calls")
    }

    /// Waits for the row of a call, which is written beside the webhook; its path.
    pub(crate) fn row(&self, invite: &Request) -> String {
        let call_id = invite.value("Call-ID");
        wait_for("the row of a call", LIMIT, || {
            let webhooks = self.application.received_at("/voice");
            let webhook = webhooks.into_iter().find(|webhook| webhook.param("SipCallId") == call_id)?;
            let path = format!("/Calls/{}.json", webhook.param("CallSid"));
            (self.ringway.api("GET", &path, &[]).status == 200).then_some(path)
        })
    }

    /// Ends a call from this side.
    pub(crate) fn complete(&self, invite: &Request) {
        let reply = self.ringway.api("POST", &self.row(invite), &[("Status", "completed")]);
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Waits until there are so many calls and all are over; their status, newest first.
    pub(crate) fn ended_calls(&self, count: usize) -> Vec<String> {
        wait_for(&format!("the end of {count} calls"), LIMIT, || {
            let calls = self.calls();
            let status = |call: &Value| call["status"].as_str().expect("a status").to_owned();
            let over = calls.len() == count && calls.iter().all(|call| !call["end_time"].is_null());
            over.then(|| calls.iter().map(status).collect())
        })
    }

    fn list(&self, path: &str, key: &str) -> Vec<Value> {
        self.ringway.fetch(path)[key].as_array().expect("a list").clone()
    }

    /// How many requests the application got for what callers hear.
    pub(crate) fn webhooks(&self) -> usize {
        self.application.received_at("/voice").len()
    }

    /// Waits for the callback of an ended call and returns its status.
    pub(crate) fn callback(&self, count: usize) -> String {
        let limit = Duration::from_secs(20);
        self.application.wait("/ended", count, limit).param("CallStatus").to_owned()
    }
}

/// Five seconds, as a WAV file.
fn tone() -> Vec<u8> {
    let scratch = Scratch::new("tone");
    let path = scratch.path().join("tone.wav");
    Sound::tone(440.0, 5.0, 8000).write(&path);
    std::fs::read(path).expect("it was just written")
}

/// An offer of both laws and keys at this port.
pub(crate) fn offer(port: u16) -> String {
    sdp(port, "RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n")
}

/// An offer whose audio has these formats and attributes.
pub(crate) fn sdp(port: u16, formats: &str, attributes: &str) -> String {
    format!(
        "v=0\r\no=alice 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} {formats}\r\n{attributes}"
    )
}
