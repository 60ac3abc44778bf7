//! What is acknowledged is kept, what is owed is delivered, and the end of the process is an orderly one.
#![allow(clippy::print_stdout)]

use std::thread;
use std::time::{Duration, Instant};

use ringway_testkit::application::Answer;
use ringway_testkit::caller::Caller;
use ringway_testkit::http::Login;
use ringway_testkit::phone::Call;
use ringway_testkit::rest_load::{self, RestLoad};
use ringway_testkit::ringway::{ACCOUNT, TOKEN, binary, sid};
use ringway_testkit::tools::{self, Scratch, have};
use ringway_testkit::{Application, Phone, Ringway, Setup, wait_for};

/// Longer than anything that is waited for.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn nothing_is_acknowledged_before_it_is_on_the_disk() {
    if !have("strace") {
        return;
    }
    let scratch = Scratch::new("trace");
    let trace = scratch.path().join("trace");
    // With -D the tracer is a grandchild, and ringway itself the child.
    let wrapper = ["strace", "-D", "-f", "-qq", "-s", "40", "-o", trace.to_str().expect("a name")];
    let calls = "trace=read,recvfrom,write,writev,sendto,fsync,fdatasync";
    let ringway = Setup::default().under(&[&wrapper[..], &["-e", calls]].concat()).start();
    for name in ["one", "two", "three"] {
        ringway.create("/SIP/Domains.json", &[("DomainName", &format!("{name}.sip.twilio.com"))]);
    }

    let traced = wait_for("three answers in the trace", LIMIT, || {
        let trace = std::fs::read_to_string(&trace).ok()?;
        (trace.matches("\"HTTP/1.1 201").count() == 3).then_some(trace)
    });
    let mut synced = None;
    let mut answers = 0;
    for line in traced.lines() {
        if line.contains("\"POST /2010-04-01") {
            synced = Some(false);
        } else if is_done_sync(line) && synced.is_some() {
            synced = Some(true);
        } else if line.contains("\"HTTP/1.1 201") {
            assert_eq!(synced.take(), Some(true), "answer {answers} came before the sync:\n{traced}");
            answers += 1;
        }
    }
    assert_eq!(answers, 3);
}

#[test]
fn what_64_connections_write_and_list_survives_a_crash() {
    let scratch = Scratch::new("rest");
    let login = Login { user: ACCOUNT.to_owned(), password: TOKEN.to_owned() };
    let load = RestLoad::new(login);
    let start = || Setup::default().data_dir(scratch.path()).argument(rest_load::ARGUMENT).start();
    let life = Duration::from_secs(5);

    let mut first = start();
    let http = first.http;
    thread::scope(|scope| {
        scope.spawn(|| load.work(http));
        thread::sleep(life);
        first.kill();
    });
    let second = start();
    load.check(second.http).expect("what was acknowledged is there");
    thread::scope(|scope| {
        scope.spawn(|| load.work(second.http));
        thread::sleep(life);
        load.stop();
    });
    load.check(second.http).expect("what was acknowledged is there");
    println!("{}", load.told());
    assert!(load.walks() > 10, "they did list: {}", load.told());
}

#[test]
fn a_call_that_a_crash_cut_off_is_failed_and_its_application_told_once() {
    let (application, scratch) = (Application::start(), Scratch::new("crash"));
    application.answer("/voice", Answer::twiml("<Gather timeout=\"50\"/>"));
    application.answer("/short", Answer::twiml("<Reject/>"));
    let mut first = start_on(&scratch);
    let domain = domain(&first, &application, "crash", "/voice");
    let (call_sid, phone) = live_call(&first, &application, "crash");
    assert!(application.received_at("/status").is_empty());

    first.kill();
    drop(phone);
    let mut second = start_on(&scratch);

    let callback = application.wait("/status", 1, LIMIT);
    let told = (callback.param("CallSid"), callback.param("CallStatus"), callback.param("CallDuration"));
    assert_eq!(told, (call_sid.as_str(), "failed", "0"));
    assert_eq!(callback.param("SipDomainSid"), sid(&domain), "with the parameters of its call");
    let row = second.fetch(&format!("/Calls/{call_sid}.json"));
    assert!(row["status"] == "failed" && !row["end_time"].is_null(), "{row}");
    let notes = second.fetch(&format!("/Calls/{call_sid}/Notifications.json"));
    assert_eq!(notes["notifications"][0]["error_code"], "12400", "{notes}");
    assert_eq!(second.fetch("/SIP/Domains.json")["domains"][0]["sid"], domain["sid"]);

    // Orderly, so that the delivery is put down: a callback is told at least once.
    second.terminate();
    assert_eq!(second.wait(LIMIT), Some(0));
    let third = start_on(&scratch);
    let address = ("VoiceUrl", &*application.url("/short"));
    let path = format!("/SIP/Domains/{}.json", sid(&domain));
    assert_eq!(third.api("POST", &path, &[address]).status, 200);
    assert_eq!(Phone::to(&third, "sip:x@crash.sip.twilio.com").call().status(), 404);
    let next = application.wait("/status", 2, LIMIT);
    assert_eq!(next.param("CallStatus"), "no-answer", "the crash is told once: this is the next call");
}

#[test]
fn a_callback_that_is_owed_survives_a_crash() {
    let (application, scratch) = (Application::start(), Scratch::new("owed"));
    application.answer("/voice", Answer::twiml("<Reject reason=\"busy\"/>"));
    application.answer_first("/status", Answer::new(503, "text/plain", b"not now"));
    let mut first = start_on(&scratch);
    domain(&first, &application, "owed", "/voice");
    assert_eq!(Phone::to(&first, "sip:x@owed.sip.twilio.com").call().status(), 486);
    let refused = application.wait("/status", 1, LIMIT);
    // Told when the next attempt is put down; by then the process is not there any more.
    let path = format!("/Calls/{}/Notifications.json", refused.param("CallSid"));
    wait_for("the warning", LIMIT, || {
        first.fetch(&path)["notifications"].as_array().filter(|list| !list.is_empty()).map(|_| ())
    });
    first.kill();
    let second = start_on(&scratch);

    // Its lease may have to run out first.
    let taken = application.wait("/status", 2, Duration::from_secs(90));
    let token = "i-twilio-idempotency-token";
    assert_eq!((taken.header(token), &taken.form), (refused.header(token), &refused.form));
    drop(second);
}

#[test]
fn a_data_directory_serves_one_process_and_one_realm() {
    let scratch = Scratch::new("one");
    let mut first = start_on(&scratch);
    let (status, told) = refused_start(&scratch, &[]);
    assert_eq!(status, Some(1), "{told}");
    let expected = format!("in use by another process (process {})", first.pid());
    assert!(told.starts_with("ringway: ") && told.contains(&expected), "{told}");
    assert_eq!(told.trim().lines().count(), 1, "one line that says it: {told}");
    first.domain_with_user("bound", &[], "alice", "Correct1Horse");
    first.kill();
    let (status, told) = refused_start(&scratch, &["--realm=other.example"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("\"other.example\"") && told.contains("\"sip.twilio.com\""), "{told}");
    assert!(told.contains("1 stored credential"), "what would stop working: {told}");
    let mut again = start_on(&scratch);
    again.terminate();
    assert_eq!(again.wait(LIMIT), Some(0));
}

#[test]
fn a_signal_lets_live_calls_end_and_takes_no_new_ones() {
    let application = Application::start();
    application.answer("/voice", Answer::twiml("<Gather timeout=\"50\"/>"));
    let mut ringway = Ringway::start();
    domain(&ringway, &application, "drain", "/voice");
    let (call_sid, phone) = live_call(&ringway, &application, "drain");

    terminate_and_wait(&ringway);

    let mut caller = Caller::new(ringway.udp, "sip:new@drain.sip.twilio.com");
    caller.invite(SDP);
    let refusal = caller.answered();
    assert_eq!(refusal.status(), Some(503), "{}", refusal.text);
    let retry_after: u32 = refusal.header("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    assert_eq!(ringway.fetch(&format!("/Calls/{call_sid}.json"))["status"], "in-progress");
    let ended = ringway.api("POST", &format!("/Calls/{call_sid}.json"), &[("Status", "completed")]);
    assert_eq!(ended.status, 200, "the live one is in reach: {}", ended.body);
    assert_eq!(ringway.wait(LIMIT), Some(0));
    assert_eq!(phone.done().report["ended_by"], "the other side");
    let told = application.received_at("/status");
    let told: Vec<(&str, &str)> = told.iter().map(|r| (r.param("CallSid"), r.param("CallStatus"))).collect();
    assert!(told.contains(&(&*call_sid, "completed")), "told before the end: {told:?}");
}

#[test]
fn a_second_signal_ends_what_is_left_at_once() {
    let application = Application::start();
    application.answer("/voice", Answer::twiml("<Gather timeout=\"50\"/>"));
    let scratch = Scratch::new("hurry");
    let mut ringway = Setup::default().data_dir(scratch.path()).argument("--drain=10m").start();
    domain(&ringway, &application, "hurry", "/voice");
    let (call_sid, phone) = live_call(&ringway, &application, "hurry");

    terminate_and_wait(&ringway);
    ringway.terminate();

    let begun = Instant::now();
    assert_eq!(ringway.wait(LIMIT), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(phone.done().report["ended_by"], "the other side", "it is hung up, not dropped");
    let callback = application.wait("/status", 1, LIMIT);
    assert_eq!((callback.param("CallSid"), callback.param("CallStatus")), (&*call_sid, "completed"));
    let row = start_on(&scratch).fetch(&format!("/Calls/{call_sid}.json"));
    assert_eq!(row["status"], "completed", "its end was written before the process ended");
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

fn start_on(scratch: &Scratch) -> Ringway {
    Setup::default().data_dir(scratch.path()).start()
}

/// What a start says that does not succeed.
fn refused_start(scratch: &Scratch, more: &[&str]) -> (Option<i32>, String) {
    let output = tools::run(binary(), LIMIT, |command| {
        command.args(["serve", "--http=127.0.0.1:0", "--admin=127.0.0.1:0", "--sip=udp://127.0.0.1:0"]);
        command.arg("--data-dir").arg(scratch.path()).args(more);
        command.env("RINGWAY_ACCOUNT_SID", ACCOUNT);
    });
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn domain(ringway: &Ringway, application: &Application, name: &str, path: &str) -> serde_json::Value {
    let (voice, status) = (application.url(path), application.url("/status"));
    let urls = [("VoiceUrl", voice.as_str()), ("VoiceStatusCallbackUrl", &status)];
    ringway.domain_with_address(name, &urls, "127.0.0.1")
}

/// A call whose row says that it is in progress.
fn live_call(ringway: &Ringway, application: &Application, name: &str) -> (String, Call) {
    let phone = Phone::to(ringway, &format!("sip:x@{name}.sip.twilio.com")).dial();
    let call_sid = application.wait("/voice", 1, LIMIT).param("CallSid").to_owned();
    wait_for("a call in progress", LIMIT, || {
        let call = ringway.api("GET", &format!("/Calls/{call_sid}.json"), &[]);
        (call.status == 200 && call.json()["status"] == "in-progress").then_some(())
    });
    (call_sid, phone)
}

/// Sends a signal while a call lives, and waits until it was understood.
fn terminate_and_wait(ringway: &Ringway) {
    ringway.terminate();
    wait_for("the drain", LIMIT, || ringway.log().contains("waiting for the live ones").then_some(()));
}

/// A sync that has succeeded, in one line or in the second of two.
fn is_done_sync(line: &str) -> bool {
    (line.contains("fdatasync") || line.contains("fsync")) && line.trim_end().ends_with("= 0")
}
