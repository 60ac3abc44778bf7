//! A service, an application, and domains between them.

use std::time::Duration;

use ringway_testkit::phone::Done;
use ringway_testkit::{Application, Phone, Received, Ringway, wait_for};
use serde_json::Value;

/// Longer than anything that is waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) application: Application,
    pub(crate) ringway: Ringway,
}

impl World {
    pub(crate) fn start() -> Self {
        Self { application: Application::start(), ringway: Ringway::start() }
    }

    /// A domain that takes calls from this machine; paths that begin with `/` become URLs of the application.
    pub(crate) fn domain(&self, name: &str, form: &[(&str, &str)]) -> Value {
        let whole: Vec<(&str, String)> = form.iter().map(|(key, value)| (*key, self.url(value))).collect();
        let form: Vec<(&str, &str)> = whole.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.ringway.domain_with_address(name, &form, "127.0.0.1")
    }

    /// A domain whose voice URL is the path of its own name.
    pub(crate) fn plain_domain(&self, name: &str) -> Value {
        self.domain(name, &[("VoiceUrl", &format!("/{name}"))])
    }

    /// A phone that calls somebody at a domain.
    pub(crate) fn phone(&self, name: &str) -> Phone {
        Phone::to(&self.ringway, &format!("sip:hello@{name}.sip.twilio.com"))
    }

    /// A domain whose voice URL answers with these verbs, and a whole call to it.
    pub(crate) fn call(&self, name: &str, verbs: &str, options: &[&str]) -> Done {
        self.application.answer(&format!("/{name}"), ringway_testkit::application::Answer::twiml(verbs));
        self.plain_domain(name);
        self.phone(name).options(options).call()
    }

    /// The only request to a path.
    pub(crate) fn only(&self, path: &str) -> Received {
        let request = self.application.wait(path, 1, LIMIT);
        assert_eq!(self.application.received_at(path).len(), 1, "requests to {path}");
        request
    }

    /// The notifications of a call, once there is one with this number; newest first.
    pub(crate) fn notification(&self, call_sid: &str, code: u32) -> Value {
        let path = format!("/Calls/{call_sid}/Notifications.json");
        let number = code.to_string();
        wait_for(&format!("notification {code} of {call_sid}"), LIMIT, || {
            let list = self.ringway.fetch(&path);
            let list = list["notifications"].as_array().expect("a list").clone();
            list.into_iter().find(|one| one["error_code"] == number.as_str())
        })
    }

    /// The row of a call once it is over.
    pub(crate) fn ended(&self, call_sid: &str) -> Value {
        wait_for(&format!("the end of {call_sid}"), LIMIT, || {
            let call = self.ringway.fetch(&format!("/Calls/{call_sid}.json"));
            (!call["end_time"].is_null()).then_some(call)
        })
    }

    fn url(&self, value: &str) -> String {
        if value.starts_with('/') { self.application.url(value) } else { value.to_owned() }
    }
}
