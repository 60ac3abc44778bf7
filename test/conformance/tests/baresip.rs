//! baresip, a phone, calls domains: what its user hears, says and presses arrives.

use std::time::{Duration, Instant};

use ringway_testkit::application::Answer;
use ringway_testkit::baresip::{Account, Baresip};
use ringway_testkit::relay::{Network, Relay};
use ringway_testkit::ringway::sid;
use ringway_testkit::sound::Sound;
use ringway_testkit::{Application, Ringway, Setup, tools, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);
const USER: &str = "alice";
const PASSWORD: &str = "Wonderland2026";
const NAME: &str = "phone";
const DOMAIN: &str = "phone.sip.twilio.com";

/// What the phone says: never what the application plays.
fn hum() -> Sound {
    Sound::tone(1000.0, 60.0, 8000)
}

/// A service with one domain, and the application behind it.
struct World {
    ringway: Ringway,
    application: Application,
}

impl World {
    fn new(verbs: &str) -> Self {
        // The machine may be busy with other tests.
        let setup = Setup::default().argument("--overload-age=20s").argument("--sip=tls://127.0.0.1:0");
        let ringway = setup.start();
        let application = Application::start();
        application.answer("/voice", Answer::twiml(verbs));
        let tone = Sound::tone(440.0, 3.0, 8000).wav();
        application.answer("/tone.wav", Answer::new(200, "audio/wav", &tone));
        let urls =
            [("VoiceUrl", application.url("/voice")), ("VoiceStatusCallbackUrl", application.url("/status"))];
        let form = [("VoiceUrl", urls[0].1.as_str()), ("VoiceStatusCallbackUrl", urls[1].1.as_str())];
        ringway.domain_with_user(NAME, &form, USER, PASSWORD);
        Self { ringway, application }
    }

    fn phone(&self, transport: &str, codec: &str) -> Baresip {
        let server = self.ringway.listener(&format!("{transport}://"));
        let certificate = self.ringway.data_dir.join("development-sip-certificate.pem");
        let account = Account {
            user: USER,
            password: PASSWORD,
            domain: DOMAIN,
            server,
            transport,
            authority: (transport == "tls").then_some(certificate.as_path()),
            codec,
            register_for_s: 0,
        };
        Baresip::start(&account, &hum())
    }

    /// The one call's row, once it is over.
    fn ended_call(&self) -> Value {
        wait_for("the end of the call in its row", LIMIT, || {
            let call = self.call()?;
            (!call["end_time"].is_null()).then_some(call)
        })
    }

    /// A count that is made when the one call is over.
    fn metric_of_the_call(&self, name: &str) -> f64 {
        wait_for(name, LIMIT, || {
            self.ringway.metric("ringway_rtp_received_total").filter(|packets| *packets > 0.0)?;
            self.ringway.metric(name)
        })
    }

    fn call(&self) -> Option<Value> {
        let calls = self.ringway.fetch("/Calls.json");
        calls["calls"].as_array().expect("a list of calls").first().cloned()
    }
}

/// Whether this happened: some test machine may be short of breath, but never by so much.
fn assert_seconds(what: &str, seconds: f64, expected: f64, trace: &str) {
    assert!((seconds - expected).abs() <= 0.1, "{what}: {seconds} s, not {expected} s\n{trace}");
}

/// Calls, hears a tone of three seconds, and is hung up on.
fn hears_a_tone(transport: &str, codec: &str, payload_type: u8) {
    // What is in the phone's jitter buffer when the call ends is never heard; the pause is for that.
    let world = World::new("<Play>/tone.wav</Play><Pause/>");
    let mut phone = world.phone(transport, codec);
    phone.dial("welcome");
    phone.wait("CALL_CLOSED");
    let call = world.ended_call();

    let asked = world.application.wait("/voice", 1, LIMIT);
    assert_eq!(asked.param("SipUsername"), USER);
    assert_eq!(asked.param("To"), format!("sip:welcome@{DOMAIN}"));
    let told = world.application.wait("/status", 1, LIMIT);
    assert_eq!((told.param("CallStatus"), told.param("CallSid")), ("completed", sid(&call)));
    assert_eq!(call["status"], "completed");
    let duration: u32 = call["duration"].as_str().expect("a duration").parse().expect("a number");
    assert!((4..=7).contains(&duration), "{call}");

    let trace = phone.trace();
    let via = format!("Via: SIP/2.0/{}", transport.to_uppercase());
    assert!(trace.contains(&via), "{trace}");
    let answer = trace.split("SIP/2.0 200 OK").nth(1).expect("an answer");
    assert!(answer.contains(&format!(" RTP/AVP {payload_type} 101\n")), "{answer}");
    let heard = phone.heard();
    assert_seconds("440 Hz", heard.seconds_of(440.0), 3.0, &trace);
    assert_seconds("any sound", heard.audible_seconds(), 3.0, &trace);
}

#[test]
fn a_phone_hears_a_tone_in_mu_law_over_udp() {
    if tools::have("baresip") {
        hears_a_tone("udp", "PCMU", 0);
    }
}

#[test]
fn a_phone_hears_a_tone_in_a_law_over_tcp() {
    if tools::have("baresip") {
        hears_a_tone("tcp", "PCMA", 8);
    }
}

#[test]
fn a_phone_hears_a_tone_over_tls() {
    if tools::have("baresip") {
        hears_a_tone("tls", "PCMU", 0);
    }
}

#[test]
fn a_phone_hears_speech_presses_keys_and_hangs_up() {
    if !tools::have("baresip") || !tools::have("espeak-ng") {
        return;
    }
    let gather = "<Gather numDigits=\"5\" action=\"/pressed\"><Say>Please enter your number.</Say></Gather>";
    let world = World::new(gather);
    let answer = Answer::twiml("<Say>Thank you.</Say><Pause length=\"60\"/>");
    world.application.answer("/pressed", answer);
    let mut phone = world.phone("udp", "PCMU");
    phone.call("menu");
    // The prompt is heard to its end, or the first key would stop it.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(world.call().expect("a call")["status"], "in-progress");
    for key in "1907#".chars() {
        phone.press(key);
        // Its keypad holds a key for a moment.
        std::thread::sleep(Duration::from_millis(400));
    }
    let pressed = world.application.wait("/pressed", 1, LIMIT);
    assert_eq!((pressed.param("Digits"), pressed.param("CallStatus")), ("1907", "in-progress"));
    std::thread::sleep(Duration::from_secs(1));
    phone.command("hangup", "");
    let call = world.ended_call();
    assert_eq!(call["status"], "completed");
    assert_eq!(world.application.wait("/status", 1, LIMIT).param("CallStatus"), "completed");
    assert_eq!(world.application.received_at("/pressed").len(), 1);
    let (trace, heard) = (phone.trace(), phone.heard());
    let spoken = heard.audible_seconds();
    assert!((1.0..6.0).contains(&spoken), "{spoken} s of speech\n{trace}");
}

#[test]
fn what_a_phone_says_arrives_and_the_reports_say_so() {
    if !tools::have("baresip") {
        return;
    }
    let world = World::new("<Pause length=\"60\"/>");
    world.application.answer("/voice", Answer::twiml("<Play loop=\"0\">/tone.wav</Play>"));
    let mut phone = world.phone("udp", "PCMU");
    let start = Instant::now();
    phone.call("listen");
    // Its statistics come with each report that it gets.
    let reported = wait_for("a report with a round trip", LIMIT, || {
        phone.events("CALL_RTCP").into_iter().find(|event| event["rtcp_stats"]["rtt"].as_u64() > Some(0))
    });
    let talked = start.elapsed().as_secs_f64();
    phone.command("hangup", "");
    world.ended_call();
    let statistics = &reported["rtcp_stats"];
    assert_eq!((&statistics["tx"]["lost"], &statistics["rx"]["lost"]), (&0.into(), &0.into()), "{reported}");
    let came = world.metric_of_the_call("ringway_rtp_received_total");
    assert!(came >= 0.9 * 50.0 * (talked - 1.0), "{came} packets in {talked} s");
    assert_eq!(world.metric_of_the_call("ringway_rtp_lost_total"), 0.0);
    assert_eq!(world.metric_of_the_call("ringway_rtp_refused_total"), 0.0);
}

#[test]
fn a_call_on_hold_is_silent_and_goes_on_when_it_is_resumed() {
    if !tools::have("baresip") {
        return;
    }
    let world = World::new("<Play loop=\"0\">/tone.wav</Play>");
    let mut phone = world.phone("udp", "PCMU");
    phone.call("music");
    wait_for("a second of sound", LIMIT, || (phone.received().0 >= 50).then_some(()));
    phone.command("hold", "");
    wait_for("the answer to hold", LIMIT, || phone.trace().contains("a=recvonly").then_some(()));
    assert!(phone.trace().contains("a=sendonly"));
    let before = phone.received().0;
    std::thread::sleep(Duration::from_secs(2));
    let held = phone.received().0 - before;
    // What was on its way when the answer was read.
    assert!(held <= 3, "{held} packets on hold");
    phone.command("resume", "");
    wait_for("two seconds of sound", LIMIT, || (phone.received().0 >= before + 100).then_some(()));
    assert_eq!(phone.received().1, 0, "packets lost");
    let call = world.call().expect("a call");
    assert_eq!(call["status"], "in-progress");
    // REST hangs up.
    let path = format!("/Calls/{}.json", sid(&call));
    assert_eq!(world.ringway.api("POST", &path, &[("Status", "completed")]).status, 200);
    phone.wait("CALL_CLOSED");
    assert_eq!(world.ended_call()["status"], "completed");
}

#[test]
fn a_refused_phone_is_told_why() {
    if !tools::have("baresip") {
        return;
    }
    let world = World::new("<Reject reason=\"busy\"/>");
    let closed = |user: &'static str, password: &'static str| {
        let account = Account {
            user,
            password,
            domain: DOMAIN,
            server: world.ringway.udp,
            transport: "udp",
            authority: None,
            codec: "PCMU",
            register_for_s: 0,
        };
        let mut phone = Baresip::start(&account, &hum());
        phone.dial("anyone");
        phone.wait("CALL_CLOSED")["param"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(closed(USER, PASSWORD), "486 Busy Here");
    assert_eq!(world.ended_call()["status"], "busy");
    assert!(closed(USER, "Looking4Glass").starts_with("403 "));
    assert!(closed("mallory", PASSWORD).starts_with("403 "));
    assert_eq!(world.application.received_at("/voice").len(), 1, "only the first was asked about");
}

#[test]
fn through_a_bad_network_the_reports_tell_the_phone_its_loss() {
    if !tools::have("baresip") {
        return;
    }
    let world = World::new("<Play loop=\"0\">/tone.wav</Play>");
    let network = Network { loss: 0.05, jitter: Duration::from_millis(60), seed: 20 };
    let relay = Relay::start(world.ringway.udp, network);
    let account = Account {
        user: USER,
        password: PASSWORD,
        domain: DOMAIN,
        server: relay.address,
        transport: "udp",
        authority: None,
        codec: "PCMA",
        register_for_s: 0,
    };
    let mut phone = Baresip::start(&account, &hum());
    phone.call("far");
    wait_for("a report of 25 packets lost", LIMIT, || {
        relay.inward().reports.last().filter(|(block, _)| block.highest > 0 && block.lost >= 25).map(|_| ())
    });
    phone.command("hangup", "");
    world.ended_call();
    let way = relay.inward();
    let (block, highest) = way.reports.last().expect("reports");
    let truth = way.lost_up_to(*highest) as f64;
    let told = f64::from(block.lost);
    assert!((told - truth).abs() <= 0.1 * truth, "{told} reported, {truth} lost of {highest}");
    let jitter_ms = block.jitter / 8;
    assert!((15..45).contains(&jitter_ms), "jitter of 0 to 60 ms was measured as {jitter_ms} ms");
    let counted = world.metric_of_the_call("ringway_rtp_lost_total");
    let truth = way.lost_up_to(i64::MAX) as f64;
    assert!((counted - truth).abs() <= 0.1 * truth, "{counted} in the metrics, {truth} lost");
}
