//! The official client libraries, unmodified, against the REST API. What they do and expect is in
//! `../clients/`; only the address of the API is theirs to be told.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use ringway_testkit::application::{Answer, Application};
use ringway_testkit::phone::Call;
use ringway_testkit::ringway::{ACCOUNT, TOKEN};
use ringway_testkit::tools::{self, client_tools, workspace};
use ringway_testkit::{Phone, Ringway};

/// Longer than any script takes.
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn the_python_client_manages_everything_there_is() {
    let Some(tools) = client_tools() else { return };
    run(&tools, "manage.py", &Ringway::start(), &[]);
}

#[test]
fn the_node_client_manages_everything_there_is() {
    let Some(tools) = client_tools() else { return };
    run(&tools, "manage.mjs", &Ringway::start(), &[]);
}

#[test]
fn the_python_client_watches_and_steers_live_calls() {
    let Some(tools) = client_tools() else { return };
    steers_live_calls(&tools, "calls.py");
}

#[test]
fn the_node_client_watches_and_steers_live_calls() {
    let Some(tools) = client_tools() else { return };
    steers_live_calls(&tools, "calls.mjs");
}

/// Three calls that wait: one to be ended, one to be sent elsewhere, one to be given a document.
fn steers_live_calls(tools: &Path, script: &str) {
    let (ringway, application) = (Ringway::start(), Application::start());
    application.answer("/voice", Answer::twiml("<Gather timeout=\"50\"/>"));
    application.answer("/elsewhere", Answer::twiml("<Dance/><Hangup/>"));
    ringway.domain_with_address("calls", &[("VoiceUrl", &application.url("/voice"))], "127.0.0.1");
    let phones: Vec<(String, Call)> = (1..=3)
        .map(|count| {
            let phone = Phone::to(&ringway, "sip:live@calls.sip.twilio.com").dial();
            (application.wait("/voice", count, LIMIT).param("CallSid").to_owned(), phone)
        })
        .collect();
    let sids: Vec<&str> = phones.iter().map(|(sid, _)| sid.as_str()).collect();

    run(tools, script, &ringway, &[sids[0], sids[1], sids[2], &application.url("/elsewhere?a=b")]);

    let redirected = application.wait("/elsewhere", 1, LIMIT);
    assert_eq!((redirected.method.as_str(), redirected.param("a")), ("GET", "b"));
    let told = (redirected.param("CallSid"), redirected.param("CallStatus"));
    assert_eq!(told, (sids[1], "in-progress"));
    let keys: Vec<String> = phones
        .into_iter()
        .map(|(_, phone)| {
            let done = phone.done();
            assert_eq!((done.status(), &done.report["ended_by"]), (200, &"the other side".into()));
            done.report["keys"].as_str().expect("keys").to_owned()
        })
        .collect();
    assert_eq!(keys, ["", "", "7*"], "only the one that was told to hears keys");
}

fn run(tools: &Path, script: &str, ringway: &Ringway, arguments: &[&str]) {
    let path = workspace().join("test/conformance/clients").join(script);
    let python = script.ends_with(".py");
    let program = if python { tools.join("python/bin/python") } else { "node".into() };
    let output = tools::run(program, LIMIT, |command| {
        command.arg(path).args(arguments);
        command.env("API", format!("http://{}", ringway.http)).env("ACCOUNT", ACCOUNT).env("TOKEN", TOKEN);
        command.env("LIBRARIES", tools.join("node")).env("PYTHONDONTWRITEBYTECODE", "1");
    });
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.trim().ends_with("done"),
        "{script}: {told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
