//! Calls by SIPp. The scenarios are in `../sipp`; each says what must come, and SIPp fails on anything else.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use ringway_testkit::application::Answer;
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::{Scratch, have, run};
use ringway_testkit::{Application, Ringway, Setup, wait_for};
use serde_json::Value;

const PASSWORD: &str = "Sipp-Password-1";
const LIMIT: Duration = Duration::from_secs(30);

/// One run of SIPp.
struct Sipp {
    scenario: &'static str,
    domain: &'static str,
    server: SocketAddr,
    transport: &'static str,
    ip: &'static str,
    rtp_port: u16,
    options: Vec<String>,
    limit: Duration,
}

impl Sipp {
    fn udp(ringway: &Ringway, scenario: &'static str, domain: &'static str) -> Self {
        let (server, transport) = (ringway.udp, "u1");
        let limit = Duration::from_secs(60);
        Self { scenario, domain, server, transport, ip: "127.0.0.1", rtp_port: 9, options: Vec::new(), limit }
    }

    fn tcp(ringway: &Ringway, scenario: &'static str, domain: &'static str) -> Self {
        Self { server: ringway.tcp, transport: "t1", ..Self::udp(ringway, scenario, domain) }
    }

    fn over_ipv6(ringway: &Ringway, transport: &'static str, scenario: &'static str) -> Self {
        let server = ringway.listener(if transport == "u1" { "udp://[" } else { "tcp://[" });
        Self { server, transport, ip: "::1", ..Self::udp(ringway, scenario, "six") }
    }

    fn from(self, ip: &'static str) -> Self {
        Self { ip, ..self }
    }

    fn options(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// Runs it and returns every message that was sent or received.
    fn run(self) -> String {
        let scratch = Scratch::new("sipp");
        let file = |name: &str| scratch.path().join(name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp");
        let output = run("sipp", self.limit, |command| {
            command.current_dir(scratch.path()).arg(self.server.to_string());
            command.arg("-sf").arg(folder.join(format!("{}.xml", self.scenario)));
            command.args(["-t", self.transport, "-i", self.ip, "-p", &free_port(self.ip).to_string()]);
            command.args(["-mp", &free_port(self.ip).to_string(), "-s", "100", "-m", "1"]);
            command.args(["-key", "domain", &format!("{}.sip.twilio.com", self.domain)]);
            command.args(["-key", "rtp_port", &self.rtp_port.to_string()]);
            command.args(["-au", "alice", "-ap", PASSWORD]);
            command.args(["-auth_uri", &format!("100@{}.sip.twilio.com", self.domain)]);
            command
                .args(["-nostdin", "-recv_timeout", "20000", "-trace_err", "-error_file"])
                .arg(file("errors"));
            command.args(["-trace_msg", "-message_file"]).arg(file("messages"));
            command.args(&self.options);
        });
        let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
        let end: String = String::from_utf8_lossy(&output.stdout).chars().rev().take(3000).collect();
        let end: String = end.chars().rev().collect();
        let told = format!("{}\n{}", read("errors"), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {:?}\n{told}\n{end}", self.scenario, output.status);
        read("messages")
    }
}

fn free_port(ip: &str) -> u16 {
    let socket = UdpSocket::bind((ip, 0)).expect("a free port");
    let port = socket.local_addr().expect("an address").port();
    // Free for TCP as well, or another is tried.
    if TcpListener::bind((ip, port)).is_ok() { port } else { free_port(ip) }
}

/// A service, an application, and its domains: `open` takes calls from 127.0.0.1, `second` from 127.0.0.2,
/// `locked` those of alice.
struct World {
    ringway: Ringway,
    application: Application,
}

impl World {
    /// None where SIPp is not installed. On a machine that is busy with other tests nobody is turned away.
    fn start(verbs: &str) -> Option<Self> {
        Self::with(Setup::default().argument("--overload-age=5s"), verbs)
    }

    fn with(setup: Setup, verbs: &str) -> Option<Self> {
        if !have("sipp") {
            return None;
        }
        let world = Self { ringway: setup.start(), application: Application::start() };
        world.application.answer("/voice", Answer::twiml(verbs));
        world.application.answer("/tone.wav", Answer::new(200, "audio/wav", &tone(0.5)));
        world.application.answer("/long.wav", Answer::new(200, "audio/wav", &tone(5.0)));
        let (voice, ended) = (world.application.url("/voice"), world.application.url("/ended"));
        let form = [("VoiceUrl", voice.as_str()), ("VoiceStatusCallbackUrl", &ended)];
        world.ringway.domain_with_address("open", &form, "127.0.0.1");
        world.ringway.domain_with_address("second", &form, "127.0.0.2");
        world.ringway.domain_with_user("locked", &form, "alice", PASSWORD);
        Some(world)
    }

    /// The calls, once there are so many and all are over.
    fn ended(&self, count: usize, limit: Duration) -> Vec<Value> {
        wait_for(&format!("{count} ended calls"), limit, || {
            let calls = self.list("/Calls.json?PageSize=1000", "calls");
            (calls.len() == count && calls.iter().all(|call| !call["end_time"].is_null())).then_some(calls)
        })
    }

    /// That there was this one call, and everything that follows from it once.
    fn one_call(&self, status: &str) {
        let call = self.ended(1, LIMIT).remove(0);
        assert_eq!(call["status"], status);
        let callback = self.application.wait("/ended", 1, LIMIT);
        assert_eq!(callback.param("CallStatus"), status);
        assert_eq!(callback.param("CallSid"), call["sid"]);
        assert_eq!(self.application.received_at("/voice").len(), 1);
        assert_eq!(self.application.received_at("/ended").len(), 1);
    }

    fn notified(&self, code: u32) -> Value {
        let code = code.to_string();
        wait_for(&format!("notification {code}"), LIMIT, || {
            let rows = self.list("/Notifications.json", "notifications");
            rows.into_iter().find(|row| row["error_code"] == code.as_str())
        })
    }

    fn list(&self, path: &str, key: &str) -> Vec<Value> {
        self.ringway.fetch(path)[key].as_array().expect("a list").clone()
    }
}

fn tone(seconds: f64) -> Vec<u8> {
    let scratch = Scratch::new("tone");
    let path = scratch.path().join("tone.wav");
    Sound::tone(440.0, seconds, 8000).write(&path);
    std::fs::read(path).expect("it was just written")
}

const LONG: &str = r#"<Play loop="0">/long.wav</Play>"#;

#[test]
fn a_caller_with_a_password_is_challenged_and_let_in() {
    let Some(world) = World::start(LONG) else { return };
    for (count, sipp) in (1..).zip([Sipp::udp, Sipp::tcp]) {
        let messages = sipp(&world.ringway, "digest", "locked").run();
        assert!(messages.contains("SIP/2.0 407 Proxy Authentication Required"), "{messages}");
        let webhook = world.application.wait("/voice", count, LIMIT);
        assert_eq!(
            (webhook.param("SipUsername"), webhook.param("To")),
            ("alice", "sip:100@locked.sip.twilio.com")
        );
        assert!(world.ended(count, LIMIT).iter().all(|call| call["status"] == "completed"));
        assert_eq!(world.application.wait("/ended", count, LIMIT).param("CallStatus"), "completed");
    }
    assert_eq!(world.application.received_at("/voice").len(), 2);
}

#[test]
fn a_wrong_password_and_an_unknown_domain_are_refused() {
    let Some(world) = World::start(LONG) else { return };
    Sipp::udp(&world.ringway, "wrong_password", "locked").options(&["-ap", "Wrong-Password-1"]).run();
    Sipp::udp(&world.ringway, "wrong_password", "locked").options(&["-au", "mallory"]).run();
    Sipp::udp(&world.ringway, "refused", "unknown").run();
    let told = world.notified(32202);
    assert!(told["message_text"].as_str().expect("a text").contains("Bad user credentials"), "{told}");
    assert!(world.application.received().is_empty());
}

#[test]
fn calls_come_over_ipv6_from_a_listed_address() {
    let setup = Setup::default().argument("--overload-age=5s").argument("--ipv6-acl");
    let setup = setup.argument("--sip=udp://[::1]:0").argument("--sip=tcp://[::1]:0");
    let Some(world) = World::with(setup, LONG) else { return };
    let voice = world.application.url("/voice");
    world.ringway.domain_with_address("six", &[("VoiceUrl", voice.as_str())], "::1");
    for (count, transport) in (1..).zip(["u1", "t1"]) {
        Sipp::over_ipv6(&world.ringway, transport, "call").run();
        assert_eq!(world.application.wait("/voice", count, LIMIT).param("SipSourceIp"), "::1");
        assert!(world.ended(count, LIMIT).iter().all(|call| call["status"] == "completed"));
    }
    // An address of the other family is in no list of this domain.
    Sipp::udp(&world.ringway, "refused", "six").run();
}

#[test]
fn only_listed_addresses_may_call_a_domain_with_a_list() {
    let Some(world) = World::start(LONG) else { return };
    Sipp::udp(&world.ringway, "refused", "second").from("127.0.0.3").run();
    let told = world.notified(32201);
    assert!(told["message_text"].as_str().expect("a text").contains("127.0.0.3"), "{told}");
    assert!(world.application.received().is_empty());
    Sipp::udp(&world.ringway, "call", "second").from("127.0.0.2").run();
    world.one_call("completed");
    assert_eq!(world.application.received_at("/voice")[0].param("SipSourceIp"), "127.0.0.2");
    Sipp::tcp(&world.ringway, "refused", "second").from("127.0.0.3").run();
    Sipp::tcp(&world.ringway, "call", "second").from("127.0.0.2").run();
    world.ended(2, LIMIT);
}

#[test]
fn a_caller_who_gives_up_while_the_application_thinks_gets_487() {
    let Some(world) = World::start(LONG) else { return };
    let slow = Answer::twiml(LONG).after(Duration::from_secs(5));
    world.application.answer("/voice", slow);
    Sipp::udp(&world.ringway, "cancel", "open").run();
    world.one_call("no-answer");
    assert_eq!(world.application.received_at("/ended")[0].param("CallDuration"), "0");
}

#[test]
fn a_call_is_ended_by_either_side() {
    let Some(world) = World::start(LONG) else { return };
    Sipp::udp(&world.ringway, "call", "open").run();
    world.one_call("completed");
    world
        .application
        .answer("/voice", Answer::twiml("<Play>/tone.wav</Play><Hangup/><Play>/long.wav</Play>"));
    Sipp::udp(&world.ringway, "ended_by_ringway", "open").run();
    world.application.answer("/voice", Answer::twiml("<Play>/tone.wav</Play><Redirect>/next</Redirect>"));
    world.application.answer("/next", Answer::twiml("<Play>/tone.wav</Play>"));
    Sipp::tcp(&world.ringway, "ended_by_ringway", "open").run();
    assert!(world.ended(3, LIMIT).iter().all(|call| call["status"] == "completed"));
    assert_eq!(world.application.wait("/next", 1, LIMIT).param("CallStatus"), "in-progress");
    // Answered and ended at once.
    world.application.answer("/voice", Answer::twiml("<Hangup/>"));
    Sipp::udp(&world.ringway, "ended_by_ringway", "open").run();
    assert_eq!(world.ended(4, LIMIT)[0]["status"], "completed");
}

#[test]
fn a_repeated_invite_is_one_call_and_one_webhook() {
    let Some(world) = World::start(LONG) else { return };
    world.application.answer("/voice", Answer::twiml(LONG).after(Duration::from_secs(2)));
    let messages = Sipp::udp(&world.ringway, "repeated_invite", "open").options(&["-pause_msg_ign"]).run();
    let ringing: Vec<&str> = messages.split("SIP/2.0 180 Ringing").skip(1).collect();
    let text = |rest: &'_ str| rest.split("\n\n").next().unwrap_or_default().to_owned();
    assert_eq!(ringing.len(), 2, "{messages}");
    assert_eq!(text(ringing[0]), text(ringing[1]));
    world.one_call("completed");
}

#[test]
fn a_bye_may_come_before_the_ack() {
    let Some(world) = World::start(LONG) else { return };
    Sipp::udp(&world.ringway, "bye_before_ack", "open").run();
    world.one_call("completed");
}

#[test]
fn an_answer_is_repeated_until_nobody_can_be_expected_to_acknowledge_it() {
    let Some(world) = World::start(LONG) else { return };
    let started = Instant::now();
    let sipp = Sipp::udp(&world.ringway, "lost_ack", "open").options(&["-recv_timeout", "50000"]);
    let messages = Sipp { limit: Duration::from_secs(90), ..sipp }.run();
    // RFC 3261 13.3.1.4: for 32 s, after 0.5, 1, 2 and then every 4 s.
    let answers = messages.matches("SIP/2.0 200 OK").count();
    assert!((9..=12).contains(&answers), "{answers} answers and one to the BYE\n{messages}");
    assert!(started.elapsed() > Duration::from_secs(31), "{:?}", started.elapsed());
    let told = world.notified(32022);
    let call = world.ended(1, LIMIT).remove(0);
    assert_eq!(told["call_sid"], call["sid"]);
    assert_eq!(world.application.wait("/ended", 1, LIMIT).param("CallStatus"), call["status"]);
}

#[test]
fn a_held_call_is_silent_and_resumes() {
    let Some(world) = World::start(LONG) else { return };
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let rtp_port = socket.local_addr().expect("an address").port();
    let listener = std::thread::spawn(move || {
        let (mut arrivals, mut buffer) = (Vec::new(), [0; 2048]);
        while socket.recv(&mut buffer).is_ok() {
            if buffer[1] & 0x7f == 0 {
                arrivals.push(Instant::now());
            }
            socket.set_read_timeout(Some(Duration::from_secs(4))).expect("a timeout");
        }
        arrivals
    });
    Sipp { rtp_port, ..Sipp::udp(&world.ringway, "hold", "open") }.run();
    world.one_call("completed");
    let arrivals = listener.join().expect("what it heard");
    let gap = |pair: &[Instant]| pair[1] - pair[0];
    let longest = arrivals.windows(2).map(gap).max().expect("sound");
    assert!(longest > Duration::from_millis(1200), "held for 1.5 s, but the longest gap was {longest:?}");
    let held = arrivals.windows(2).position(|pair| gap(pair) == longest).expect("it is there");
    // A second before and a second after, at 50 a second; a busy machine may take a part of them.
    assert!(held > 25 && arrivals.len() - held > 25, "{held} of {} packets before", arrivals.len());
}

#[test]
fn a_thousand_calls_at_fifty_a_second_all_succeed() {
    let Some(world) = World::with(Setup::default(), "<Play>/tone.wav</Play>") else { return };
    let sipp = Sipp::udp(&world.ringway, "digest_ended_by_ringway", "locked");
    let sipp = sipp.options(&["-m", "1000", "-r", "50", "-l", "500", "-trace_err"]);
    Sipp { limit: Duration::from_secs(120), ..sipp }.run();
    let calls = world.ended(1000, Duration::from_secs(60));
    assert!(calls.iter().all(|call| call["status"] == "completed" && call["direction"] == "inbound"));
    world.application.wait("/ended", 1000, Duration::from_secs(60));
    for path in ["/voice", "/ended"] {
        let received = world.application.received_at(path);
        let mut sids: Vec<&str> = received.iter().map(|request| request.param("CallSid")).collect();
        sids.sort_unstable();
        sids.dedup();
        assert_eq!((received.len(), sids.len()), (1000, 1000), "{path}");
    }
    assert!(world.list("/Notifications.json", "notifications").is_empty());
    let health = ringway_testkit::http::request(world.ringway.http, "GET", "/healthz", None, &[]);
    assert_eq!(health.status, 200);
}

/// Rings for a second, so that what comes before the answer comes in order.
const RINGING: &str = r#"<Pause length="1"/><Play>/long.wav</Play>"#;

#[test]
fn a_session_is_changed_by_update_and_by_an_offer_of_ours() {
    let Some(world) = World::start(LONG) else { return };
    for scenario in ["update", "offerless"] {
        Sipp::udp(&world.ringway, scenario, "open").run();
        Sipp::tcp(&world.ringway, scenario, "open").run();
    }
    assert!(world.ended(4, LIMIT).iter().all(|call| call["status"] == "completed"));
}

#[test]
fn keys_that_come_by_info_are_those_of_a_gather() {
    let Some(world) = World::start(r#"<Gather numDigits="1" action="/pressed"/>"#) else { return };
    world.application.answer("/pressed", Answer::twiml("<Hangup/>"));
    Sipp::udp(&world.ringway, "info", "open").run();
    assert_eq!(world.application.wait("/pressed", 1, LIMIT).param("Digits"), "5");
    Sipp::tcp(&world.ringway, "info", "open").run();
    assert_eq!(world.application.wait("/pressed", 2, LIMIT).param("Digits"), "5");
}

#[test]
fn rfc3262_a_caller_who_must_hear_that_it_rings_acknowledges_it() {
    let Some(world) = World::start(RINGING) else { return };
    Sipp::udp(&world.ringway, "reliable", "open").run();
    Sipp::tcp(&world.ringway, "reliable", "open").run();
    assert!(world.ended(2, LIMIT).iter().all(|call| call["status"] == "completed"));
}

#[test]
fn rfc3261_8_2_2_2_a_call_that_comes_by_two_ways_is_one_call() {
    let Some(world) = World::start(RINGING) else { return };
    Sipp::udp(&world.ringway, "merged", "open").run();
    world.one_call("completed");
}

#[test]
fn rfc3261_12_2_1_1_a_strict_router_gets_the_request_uri() {
    let Some(world) = World::start("<Play>/tone.wav</Play>") else { return };
    Sipp::udp(&world.ringway, "strict_route", "open").run();
    Sipp::tcp(&world.ringway, "strict_route", "open").run();
    assert!(world.ended(2, LIMIT).iter().all(|call| call["status"] == "completed"));
}

/// Half of the shortest interval passes in each: the two run side by side.
#[test]
fn rfc4028_a_session_is_refreshed_by_us_where_the_caller_wants_it_and_collisions_are_survived() {
    let Some(world) = World::start(r#"<Play loop="0">/tone.wav</Play>"#) else { return };
    let limit = Duration::from_secs(120);
    std::thread::scope(|scope| {
        let ringway = &world.ringway;
        scope.spawn(|| Sipp { limit, ..Sipp::udp(ringway, "session_timer", "open") }.run());
        scope.spawn(|| Sipp { limit, ..Sipp::tcp(ringway, "session_timer", "open") }.run());
        scope.spawn(|| Sipp { limit, ..Sipp::udp(ringway, "glare", "open") }.run());
    });
    assert!(world.ended(3, LIMIT).iter().all(|call| call["status"] == "completed"));
}
