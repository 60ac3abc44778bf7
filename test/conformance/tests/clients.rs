//! The official client libraries, unmodified, against the REST API. What they do and expect is in
//! `../clients/`. Some are told the address of the API; those under `ringway exec` are told nothing.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ringway_testkit::application::{Answer, Application};
use ringway_testkit::phone::Call;
use ringway_testkit::ringway::{ACCOUNT, TOKEN, binary};
use ringway_testkit::tools::{self, client_tools, shared, workspace};
use ringway_testkit::{Phone, Ringway, Setup};

/// Longer than any script takes.
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn python_9_13_0_manages_everything_there_is() {
    manages("manage.py", "python");
}

#[test]
fn python_6_63_2_manages_everything_there_is() {
    manages("manage.py", "python-6");
}

#[test]
fn python_5_7_0_manages_domains_lists_and_users() {
    manages("first.py", "python-5");
}

#[test]
fn node_6_2_0_manages_everything_there_is() {
    manages("manage.mjs", "node");
}

#[test]
fn node_5_13_1_manages_everything_there_is() {
    manages("manage.mjs", "node-5");
}

#[test]
fn node_3_84_1_manages_everything_there_is() {
    manages("manage.mjs", "node-3");
}

#[test]
fn node_2_11_1_manages_domains_lists_and_users_over_https() {
    let Some(tools) = client_tools() else { return };
    let ringway = Setup::default().https().start();
    run(&tools, "first.mjs", "node-2", |command| {
        command.env("API", format!("https://localhost:{}", ringway.http.port()));
        command.env("NODE_EXTRA_CA_CERTS", ringway.data_dir.join("development-certificate.pem"));
    });
}

#[test]
fn the_programs_that_a_document_prints_for_python_run_as_printed() {
    let (Some(tools), Some(document)) = (client_tools(), shared("seeds/000_3f527e93c5e57127.txt")) else {
        return;
    };
    let ringway = Ringway::start();
    let table = serde_json::json!({
        "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX": "account",
        "your_auth_token": "token",
        "SD32a3c49700934481addd5ce1659f04d2": "domain",
        "AL95a47094615fe05b7c17e62a7877836c": "acl",
        "CL32a3c49700934481addd5ce1659f04d2": "users",
    });
    run(&tools, "seeds.py", "python-5", |command| {
        command.arg(document).arg(table.to_string()).env("API", format!("http://{}", ringway.http));
    });
}

#[test]
fn an_untouched_python_program_is_led_here() {
    led_here("manage.py", "python");
}

#[test]
fn an_untouched_node_program_is_led_here() {
    led_here("manage.mjs", "node");
}

#[test]
fn the_command_line_client_is_led_here() {
    let Some(tools) = client_tools() else { return };
    let (ringway, home) = (Ringway::start(), tools::Scratch::new("home"));
    let script = workspace().join("test/conformance/clients/cli.sh");
    let output = tools::run(binary(), 4 * LIMIT, |command| {
        exec(command, &ringway).arg(script).arg(tools.join("cli/node_modules/.bin/twilio"));
        command.env("HOME", home.path()).env("TWILIO_ACCOUNT_SID", ACCOUNT).env("TWILIO_AUTH_TOKEN", TOKEN);
    });
    done("cli.sh", &output);
}

fn manages(script: &str, library: &str) {
    let Some(tools) = client_tools() else { return };
    let ringway = Ringway::start();
    run(&tools, script, library, |command| {
        command.env("API", format!("http://{}", ringway.http));
    });
}

/// Told nothing but what the environment of `ringway exec` says.
fn led_here(script: &str, library: &str) {
    let Some(tools) = client_tools() else { return };
    let ringway = Ringway::start();
    let output = tools::run(binary(), LIMIT, |command| {
        exec(command, &ringway).args(program(&tools, script, library));
        settings(command, &tools, library);
    });
    done(script, &output);
}

fn exec<'c>(command: &'c mut Command, ringway: &Ringway) -> &'c mut Command {
    command.args(["exec", "--server", &format!("http://{}", ringway.http), "--data-dir"]);
    command.arg(&ringway.data_dir).arg("--")
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

    let library = if script.ends_with(".py") { "python" } else { "node" };
    run(tools, script, library, |command| {
        command.args([sids[0], sids[1], sids[2], &application.url("/elsewhere?a=b")]);
        command.env("API", format!("http://{}", ringway.http));
    });

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

fn run(tools: &Path, script: &str, library: &str, prepare: impl FnOnce(&mut Command)) {
    let [interpreter, path] = program(tools, script, library);
    let output = tools::run(interpreter, LIMIT, |command| {
        command.arg(path);
        settings(command, tools, library);
        prepare(command);
    });
    done(script, &output);
}

fn program(tools: &Path, script: &str, library: &str) -> [String; 2] {
    let path = workspace().join("test/conformance/clients").join(script);
    let python = tools.join(library).join("bin/python").display().to_string();
    let interpreter = if script.ends_with(".py") { python } else { "node".to_owned() };
    [interpreter, path.display().to_string()]
}

fn settings(command: &mut Command, tools: &Path, library: &str) {
    command.env("ACCOUNT", ACCOUNT).env("TOKEN", TOKEN).env_remove("API");
    command.env("LIBRARIES", tools.join(library)).env("PYTHONDONTWRITEBYTECODE", "1");
}

fn done(script: &str, output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.trim().ends_with("done"),
        "{script}: {told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
