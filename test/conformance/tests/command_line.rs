//! What people and their supervisors see of the binary: its options, its screen, its logs, its metrics, and the
//! phone in it.
#![allow(clippy::print_stdout)]

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ringway_testkit::application::Answer;
use ringway_testkit::ringway::{ACCOUNT, TOKEN, binary};
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::{self, Scratch};
use ringway_testkit::{Application, Phone, Ringway, Setup, http, wait_for};

/// Longer than anything that is waited for.
const LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Correct1HorseBattery";

#[test]
fn help_names_everything_and_fits_the_screen() {
    let help = told(&run(&["--help"], |_| ()));
    for command in ["serve", "call", "exec", "trust", "demo", "token"] {
        assert!(help.contains(&format!("  {command} ")), "{command}: {help}");
    }
    let help = told(&run(&["serve", "--help"], |_| ()));
    for option in [
        "--data-dir",
        "--http",
        "--admin",
        "--sip",
        "--rtp-ports",
        "--public-address",
        "--local-net",
        "--domain-suffix",
        "--realm",
        "--default-domain",
        "--webhook-allow",
        "--intercept",
        "--drain",
        "--log-format",
    ] {
        let variable = option.trim_start_matches('-').replace('-', "_").to_uppercase();
        assert!(help.contains(option), "{option}: {help}");
        assert!(help.contains(&format!("RINGWAY_{variable}")), "{option} has a variable: {help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    let none = run(&[], |_| ());
    assert_eq!(none.status.code(), Some(2), "no command is an error");
}

#[test]
fn a_misspelt_key_of_the_file_is_an_error_that_names_the_nearest() {
    let scratch = Scratch::new("file");
    std::fs::write(scratch.path().join("ringway.toml"), "http = \"127.0.0.1:0\"\ndomain-sufix = \"x\"\n")
        .expect("it can be written");
    let output = run(&["serve"], |command| {
        command.current_dir(scratch.path());
    });
    assert_ne!(output.status.code(), Some(0));
    let errors = String::from_utf8_lossy(&output.stderr);
    let expected = "ringway.toml: unknown key `domain-sufix`; did you mean `domain-suffix`?";
    assert!(errors.contains(expected), "{errors}");
    assert!(!scratch.path().join("ringway-data").exists(), "nothing was begun");
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_file() {
    let scratch = Scratch::new("order");
    let file = scratch.path().join("some.toml");
    std::fs::write(&file, "domain-suffix = [\"file.test\", \"file.example\"]\nrtp-ports = \"20000-20999\"\n")
        .expect("it can be written");
    let config = format!("--config={}", file.display());
    let from_file = Setup::default().argument(&config).start();
    assert_eq!(line(&from_file, "domains"), "*.file.test, *.file.example");
    let from_environment =
        Setup::default().argument(&config).variable("RINGWAY_DOMAIN_SUFFIX", "variable.test").start();
    assert_eq!(line(&from_environment, "domains"), "*.variable.test");
    assert_eq!(line(&from_environment, "RTP"), "UDP ports 20000-20999", "the file still says the rest");
    let from_flag = Setup::default()
        .variable("RINGWAY_CONFIG", &file.display().to_string())
        .variable("RINGWAY_DOMAIN_SUFFIX", "variable.test")
        .variable("RINGWAY_DOMAIN_SUFIX", "misspelt.test")
        .argument("--domain-suffix=flag.test")
        .start();
    assert_eq!(line(&from_flag, "domains"), "*.flag.test");
    let log = from_flag.log();
    assert!(log.contains("RINGWAY_DOMAIN_SUFIX") && log.contains("RINGWAY_DOMAIN_SUFFIX"), "{log}");
}

#[test]
fn a_taken_port_is_said_with_its_option() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    for (options, named) in [
        ([format!("--http={address}"), "--sip=udp://127.0.0.1:0".to_owned()], "--http"),
        (["--http=127.0.0.1:0".to_owned(), format!("--sip=tcp://{address}")], "tcp://"),
    ] {
        let scratch = Scratch::new("taken");
        let output = run(&["serve", "--admin=127.0.0.1:0", &options[0], &options[1]], |command| {
            command.arg("--data-dir").arg(scratch.path().join("data"));
        });
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.starts_with("ringway: ") && errors.contains(named), "{errors}");
        assert!(
            errors.contains(&address.to_string()) && errors.contains("is Ringway running already?"),
            "{errors}"
        );
        assert_eq!(errors.trim().lines().count(), 1, "{errors}");
    }
}

#[test]
fn a_start_says_where_everything_is_and_the_token_only_when_it_was_made() {
    let scratch = Scratch::new("screen");
    let mut first = Setup::default().own_account().data_dir(scratch.path()).start();
    assert_eq!(line(&first, "REST API"), format!("http://{}", first.http));
    assert_eq!(line(&first, "metrics"), format!("http://{}/metrics", first.admin));
    assert_eq!(line(&first, "domains"), "*.sip.twilio.com");
    assert_eq!(line(&first, "data"), scratch.path().display().to_string());
    assert_eq!(line(&first, "RTP"), "UDP ports 10000-32767");
    let calls = line(&first, "calls");
    assert!(calls.starts_with("at most ") && calls.ends_with(" at once"), "{calls}");
    assert!(!first.screen.iter().any(|line| line.contains("advertised")), "{:#?}", first.screen);
    let account = line(&first, "account");
    let token = wait_for("the token", LIMIT, || {
        first.printed().lines().find_map(|line| line.trim().strip_prefix("auth token ").map(str::to_owned))
    });
    let token = token.split_whitespace().next().expect("a token").to_owned();
    assert!(account.starts_with("AC") && token.len() == 32, "{account} {token}");
    let path = format!("/2010-04-01/Accounts/{account}/SIP/Domains.json");
    let login = http::Login { user: account.clone(), password: token.clone() };
    let reply = http::request(first.http, "GET", &path, Some(&login), &[]);
    assert_eq!(reply.status, 200, "{}", reply.body);

    let shown = told(&run(&["token", "show", "--data-dir", &scratch.path().display().to_string()], |_| ()));
    assert!(shown.contains(&account) && shown.contains(&token), "while it runs: {shown}");
    first.terminate();
    assert_eq!(first.wait(LIMIT), Some(0));
    let mut second = Setup::default().own_account().data_dir(scratch.path()).start();
    assert_eq!(line(&second, "account"), account);
    second.terminate();
    assert_eq!(second.wait(LIMIT), Some(0));
    assert!(!second.printed().contains("auth token"), "{}", second.printed());
    assert!(!second.printed().contains(&token), "{}", second.printed());
}

#[test]
fn a_wildcard_says_what_peers_are_told() {
    let chosen = Setup::default().argument("--sip=udp://0.0.0.0:0").start();
    let advertised = line(&chosen, "advertised");
    assert!(advertised.contains("chosen") && advertised.contains("--public-address"), "{advertised}");
    let told =
        Setup::default().argument("--sip=udp://0.0.0.0:0").argument("--public-address=203.0.113.9").start();
    assert_eq!(line(&told, "advertised"), "203.0.113.9");
}

#[test]
fn health_and_metrics_tell_of_a_call() {
    let (ringway, application) = (Ringway::start(), Application::start());
    application.answer("/voice", Answer::twiml("<Pause length=\"1\"/><Say>Hello.</Say>"));
    ringway.domain_with_user("m", &[("VoiceUrl", &application.url("/voice"))], "alice", PASSWORD);
    for address in [ringway.http, ringway.admin] {
        let reply = http::request(address, "GET", "/healthz", None, &[]);
        assert_eq!((reply.status, reply.body.trim()), (200, "ok"), "{address}");
    }
    let call = |user, password| Phone::to(&ringway, "sip:x@m.sip.twilio.com").user(user, password).call();
    assert_eq!(call("alice", PASSWORD).status(), 200);
    assert_eq!(call("alice", "Wrong1Password").status(), 403);

    let wanted = [
        "ringway_calls_live{state=\"in-progress\"} 0",
        "ringway_calls_started_total 1",
        "ringway_calls_ended_total{status=\"completed\"} 1",
        "ringway_invite_to_answer_seconds_count 1",
        "ringway_invite_to_answer_without_webhook_seconds_count 1",
        "ringway_sip_messages_total{direction=\"in\",method=\"INVITE\",code=\"\"} 4",
        "ringway_sip_messages_total{direction=\"out\",method=\"INVITE\",code=\"200\"} 1",
        "ringway_sip_messages_total{direction=\"out\",method=\"INVITE\",code=\"407\"} 2",
        "ringway_sip_messages_total{direction=\"out\",method=\"INVITE\",code=\"403\"} 1",
        "ringway_refusals_total{status=\"403\",code=\"32202\"} 1",
        "ringway_webhook_attempts_total{outcome=\"2xx\"} 1",
        "ringway_sip_receive_drops_total 0",
        "ringway_rtp_sessions 0",
        "ringway_rtp_lost_total 0",
    ];
    let begun = Instant::now();
    let (metrics, missing) = wait_for("the metrics", LIMIT, || {
        let metrics = http::request(ringway.admin, "GET", "/metrics", None, &[]).body;
        let is_missing = |wanted: &&&str| !metrics.lines().any(|line| line == **wanted);
        let missing: Vec<&str> = wanted.iter().filter(is_missing).copied().collect();
        (missing.is_empty() || begun.elapsed() > LIMIT / 4).then_some((metrics, missing))
    });
    assert!(missing.is_empty(), "{missing:#?} are not in\n{metrics}");
    for name in
        ["ringway_rtp_packets_total{direction=\"in\"}", "ringway_rtp_packets_total{direction=\"out\"}"]
    {
        let count =
            metrics.lines().find_map(|line| line.strip_prefix(name)).and_then(|n| n.trim().parse().ok());
        assert!(count.is_some_and(|count: u64| count > 25), "{name}: {metrics}");
    }
    assert!(metrics.contains("ringway_rtp_jitter_seconds"), "{metrics}");
    let first =
        |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let whole = first("ringway_invite_to_answer_seconds_sum").expect("a sum");
    let own = first("ringway_invite_to_answer_without_webhook_seconds_sum").expect("a sum");
    assert!(own <= whole, "{own} {whole}");
}

#[test]
fn refusals_are_kept_with_their_reasons() {
    let ringway = Ringway::start();
    ringway.domain_with_user("why", &[], "alice", PASSWORD);
    let done = Phone::to(&ringway, "sip:x@unknown.sip.twilio.com").call();
    assert_eq!(done.status(), 403);
    let done = Phone::to(&ringway, "sip:x@why.sip.twilio.com").user("mallory", "Some1Password").call();
    assert_eq!(done.status(), 403);

    let list = http::request(ringway.admin, "GET", "/refusals", None, &[]).json();
    let codes: Vec<u64> =
        list["refusals"].as_array().expect("a list").iter().filter_map(|one| one["code"].as_u64()).collect();
    assert_eq!(codes, [32202, 32002], "newest first: {list}");
    assert!(list["refusals"][1]["reason"].as_str().is_some_and(|reason| reason.contains("domain")), "{list}");
}

#[test]
fn logs_carry_the_call_and_no_secrets() {
    let application = Application::start();
    application.answer("/voice", Answer::twiml("<Gather numDigits=\"6\" action=\"/keys\"/>"));
    application.answer("/keys", Answer::new(500, "text/plain", b"broken"));
    let credentials = format!("http://webuser:hunter2secret@{}/voice?pin=8675309", application.address);
    for format in ["json", "human"] {
        let mut ringway = Setup::default().argument(&format!("--log-format={format}")).start();
        let urls = [("VoiceUrl", credentials.as_str()), ("VoiceStatusCallbackUrl", &credentials)];
        let name = format!("logs-{format}");
        ringway.domain_with_user(&name, &urls, "alice-at-phone", PASSWORD);
        let uri = format!("sip:bob-the-callee@{name}.sip.twilio.com");
        let phone = |password| Phone::to(&ringway, &uri).user("alice-at-phone", password);
        let keys = ["--digits", "739158", "--digits-after", "200ms"];
        assert_eq!(phone(PASSWORD).options(&keys).call().status(), 200);
        assert_eq!(phone("Wrong1Password").call().status(), 403);
        ringway.terminate();
        assert_eq!(ringway.wait(LIMIT), Some(0));

        let log = wait_for("the log", LIMIT, || Some(ringway.log()).filter(|log| log.contains("call ended")));
        let secrets = [
            TOKEN,
            PASSWORD,
            "Wrong1Password",
            "hunter2secret",
            "8675309",
            "739158",
            "alice-at-phone",
            "bob-the-callee",
        ];
        for secret in secrets {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
        let keys = application.received_at("/keys");
        let call_sid = keys.last().expect("the keys came").param("CallSid");
        if format == "json" {
            let lines: Vec<serde_json::Value> = log
                .lines()
                .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
                .collect();
            let of_call = lines.iter().filter(|line| line["span"]["call_sid"] == call_sid);
            let levels: Vec<&str> = of_call.filter_map(|line| line["level"].as_str()).collect();
            assert!(levels.contains(&"INFO") && levels.contains(&"WARN"), "{log}");
        } else {
            let of_call = log.lines().filter(|line| line.contains(call_sid)).count();
            assert!(of_call >= 3, "beginning, error and end of the call: {log}");
        }
    }
}

#[test]
fn the_demo_calls_itself_and_saves_what_it_heard() {
    let scratch = Scratch::new("demo");
    let output = run(&["demo", "--once"], |command| {
        command.current_dir(scratch.path());
    });
    let printed = told(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for step in ["->  INVITE sip:hello@demo.ringway.test", "<-  407 ", "<-  200 OK (INVITE)", "<-  BYE "] {
        assert!(printed.contains(step), "{step}: {printed}");
    }
    let summary = printed.lines().find(|line| line.ends_with(" s of sound, saved heard.wav"));
    let seconds: f64 = summary
        .and_then(|line| line.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no summary: {printed}"));
    let heard = Sound::read(&scratch.path().join("heard.wav"));
    assert!(seconds > 1.0 && (heard.audible_seconds() - seconds).abs() < 0.5, "{seconds} s: {printed}");
    let again = run(&["demo", "--once"], |command| {
        command.current_dir(scratch.path());
    });
    assert_eq!(again.status.code(), Some(0), "a second time on the same data: {}", told(&again));
}

#[test]
fn the_phone_tells_by_its_exit_status_and_in_words_how_a_call_went() {
    let (ringway, application) = (Ringway::start(), Application::start());
    application.answer("/voice", Answer::twiml("<Say>Hello.</Say>"));
    ringway.domain_with_user("p", &[("VoiceUrl", &application.url("/voice"))], "alice", PASSWORD);
    ringway.domain_with_user("busy", &[("VoiceUrl", &application.url("/busy"))], "alice", PASSWORD);
    application.answer("/busy", Answer::twiml("<Reject reason=\"busy\"/>"));
    let scratch = Scratch::new("words");
    let password_file = scratch.path().join("password");
    std::fs::write(&password_file, format!("{PASSWORD}\n")).expect("it can be written");
    let password_file = password_file.display().to_string();
    let call = |uri: &str, via: SocketAddr, more: &[&str]| {
        let (uri, via) = (format!("sip:x@{uri}.sip.twilio.com"), via.to_string());
        let arguments = [&["call", &uri, "--via", &via, "--user", "alice"], more].concat();
        let output = run(&arguments, |command| {
            command.env_remove("RINGWAY_CALL_PASSWORD");
        });
        (output.status.code(), told(&output))
    };

    let (exit, printed) = call("p", ringway.udp, &["--password-file", &password_file]);
    assert_eq!(exit, Some(0), "{printed}");
    for words in ["<-  200 OK (INVITE)", "post-dial delay", "ended by the other side", "s of sound", "0 lost"]
    {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let (exit, printed) = call("p", ringway.tcp, &["--password-file", &password_file, "--tcp"]);
    assert_eq!(exit, Some(0), "over TCP: {printed}");
    let (exit, printed) = call("busy", ringway.udp, &["--password-file", &password_file]);
    assert_eq!(exit, Some(1), "{printed}");
    assert!(printed.contains("\n486 Busy Here"), "{printed}");
    std::fs::write(&password_file, "Wrong1Password").expect("it can be written");
    let (exit, printed) = call("p", ringway.udp, &["--password-file", &password_file]);
    assert_eq!(exit, Some(1), "{printed}");
    assert!(printed.contains("\n403 Forbidden"), "{printed}");
    let (exit, printed) = call("p", ringway.udp, &[]);
    assert_eq!(exit, Some(1), "no password: {printed}");
    assert!(printed.contains("\n407 "), "{printed}");
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let (exit, printed) = call("p", closed, &["--tcp"]);
    assert_eq!(exit, Some(1), "{printed}");
    assert!(printed.contains("the network refused"), "{printed}");
    let (exit, printed) = call("p", ringway.udp, &["--digits", "12x"]);
    assert_eq!(exit, Some(2), "{printed}");
    let (exit, printed) = call("p", ringway.udp, &["--play", "/no/such/file.wav"]);
    assert_eq!(exit, Some(1), "{printed}");
    assert!(printed.contains("ringway: cannot read /no/such/file.wav"), "{printed}");
}

/// One line of the first screen, without its label.
fn line(ringway: &Ringway, label: &str) -> String {
    let found = ringway.screen.iter().find_map(|line| line.trim().strip_prefix(label));
    found.unwrap_or_else(|| panic!("no {label} in {:#?}", ringway.screen)).trim().to_owned()
}

fn run(arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Output {
    tools::run(binary(), LIMIT, |command| {
        command.args(arguments).env("RINGWAY_ACCOUNT_SID", ACCOUNT);
        prepare(command);
    })
}

/// Everything it wrote.
fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
