//! The requests themselves.

use std::path::Path;

use ringway_testkit::application::{Answer, Application};
use ringway_testkit::caller::Caller;
use ringway_testkit::ringway::{ACCOUNT, TOKEN, sid};
use ringway_testkit::tools::{self, Scratch, client_tools, workspace};
use ringway_testkit::{Phone, Received};

use crate::world::{LIMIT, World};

#[test]
fn an_application_is_asked_with_exactly_the_documented_parameters_in_their_order() {
    let world = World::start();
    world.application.answer("/voice", Answer::twiml("<Reject reason=\"busy\"/>"));
    let urls = [("VoiceUrl", world.application.url("/voice?tenant=7#rc=2"))];
    let urls = urls.each_ref().map(|(name, value)| (*name, value.as_str()));
    let domain = world.ringway.domain_with_user("shop", &urls, "alice", "Correct1Horse");

    let done = Phone::to(&world.ringway, "sip:+15550100;ext=7@shop.sip.dublin.twilio.com;transport=udp")
        .user("alice", "Correct1Horse")
        .options(&["--header", "X-Order: 17 & more", "--header", "x-lower: a", "--header", "x-lower: b"])
        .options(&["--header", "User-to-User: 00abcd;encoding=hex", "--header", "Subject: not told"])
        .call();

    assert_eq!(done.status(), 486);
    let request = world.only("/voice");
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/voice?tenant=7"));
    let (to, from) =
        ("sip:+15550100;ext=7@shop.sip.twilio.com;transport=udp", "sip:alice@shop.sip.twilio.com");
    let expected = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", request.param("CallSid")),
        ("CallStatus", "ringing"),
        ("Called", to),
        ("Caller", from),
        ("Direction", "inbound"),
        ("From", from),
        ("SipCallId", request.param("SipCallId")),
        ("SipDomain", "shop.sip.twilio.com"),
        ("SipDomainSid", sid(&domain)),
        ("SipHeader_User-to-User", "00abcd;encoding=hex"),
        ("SipHeader_X-Order", "17 & more"),
        ("SipHeader_x-lower", "a, b"),
        ("SipSourceIp", "127.0.0.1"),
        ("SipUsername", "alice"),
        ("To", to),
    ];
    let got: Vec<(&str, &str)> = request.form.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(got, expected);
    let call_sid = request.param("CallSid");
    assert!(call_sid.len() == 34 && call_sid.starts_with("CA"), "{call_sid}");
    assert!(!request.param("SipCallId").is_empty());
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded; charset=utf-8");
    assert_eq!(request.header("accept"), "text/xml, application/xml, text/html");
    assert!(request.header("user-agent").starts_with("TwilioProxy/1.1"));
    assert_eq!(request.header("host"), world.application.address.to_string());
    assert_eq!(request.header("authorization"), "", "nobody asked for one");
}

#[test]
fn the_display_name_is_the_caller_name_and_the_diversion_the_forwarder() {
    let world = World::start();
    world.application.answer("/desk", Answer::twiml("<Reject/>"));
    world.plain_domain("desk");

    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let mut caller = Caller::new(world.ringway.udp, "sip:hello@desk.sip.twilio.com")
        .with_from("\"Anna \\\"Ann\\\" Kr\u{fc}ger\" <sip:anna@10.0.0.1:5070;transport=udp>")
        .with_header("Diversion: <sip:+15550111@carrier.example>;reason=unconditional");
    caller.invite(sdp);
    let status = caller.answered().status();

    assert_eq!(status, Some(404));
    let request = world.only("/desk");
    assert_eq!(request.param("CallerName"), "Anna \"Ann\" Kr\u{fc}ger");
    assert_eq!(request.param("From"), "sip:anna@10.0.0.1;transport=udp");
    assert_eq!(request.param("ForwardedFrom"), "+15550111");
    assert_eq!(request.param("SipUsername"), "", "nobody authenticated");
}

#[test]
fn the_official_validator_takes_every_signature() {
    let Some(tools_dir) = client_tools() else { return };
    let world = World::start();
    let answers = [
        ("/get", "<Redirect>/post?b=2&amp;a=%C3%BC%20+1</Redirect>"),
        ("/post", "<Play>/tone.wav</Play>"),
        ("/tone.wav", "not sound, so the fallback is asked"),
        ("/fallback", "<Gather numDigits=\"1\" method=\"GET\" action=\"/keys?x=y\" timeout=\"9\"/>"),
        ("/keys", "<Reject/>"),
    ];
    for (path, verbs) in answers {
        world.application.answer(path, Answer::twiml(verbs));
    }
    world.domain(
        "signed",
        &[
            ("VoiceUrl", "/get?z=1&a=b#ct=4000"),
            ("VoiceMethod", "GET"),
            ("VoiceFallbackUrl", "/fallback"),
            ("VoiceStatusCallbackUrl", "/status?s=1"),
        ],
    );

    let done = world
        .phone("signed")
        .options(&["--digits", "5", "--digits-after", "300ms", "--header", "X-Umlaut: gr\u{fc}n+1 %41"])
        .call();

    assert_eq!(done.status(), 200);
    world.application.wait("/status", 1, LIMIT);
    let requests = world.application.received();
    let asked: Vec<&str> = requests.iter().map(|request| &*request.path).collect();
    assert_eq!(asked, ["/get", "/post", "/tone.wav", "/fallback", "/keys", "/status"]);
    let methods: Vec<&str> = requests.iter().map(|request| &*request.method).collect();
    assert_eq!(methods, ["GET", "POST", "GET", "POST", "GET", "POST"]);
    assert!(requests[0].target.starts_with("/get?z=1&a=b&AccountSid=AC"), "{}", requests[0].target);
    assert_eq!(requests[2].target, "/tone.wav", "media are fetched without parameters");
    assert_eq!(requests[4].param("Digits"), "5");
    let verdicts = verdicts(&tools_dir, &world.application, &requests, TOKEN);
    assert_eq!(verdicts, ["valid"; 6]);
    let others = verdicts_with_another_token(&tools_dir, &world.application, &requests);
    assert_eq!(others, ["invalid"; 6]);
}

#[test]
fn a_repeated_attempt_has_the_same_idempotency_token_and_another_request_another() {
    let world = World::start();
    world.application.answer_first("/voice", Answer::new(500, "text/plain", b"not now"));
    world.application.answer_first("/voice", Answer::new(503, "text/plain", b"nor now"));
    world.application.answer("/voice", Answer::twiml("<Redirect>/next</Redirect>"));
    world.application.answer("/next", Answer::twiml("<Reject/>"));
    world.domain("again", &[("VoiceUrl", "/voice#rc=2&rp=5xx")]);

    assert_eq!(world.phone("again").call().status(), 404);

    let tokens: Vec<String> = world
        .application
        .received()
        .iter()
        .map(|request| request.header("i-twilio-idempotency-token").to_owned())
        .collect();
    let [first, second, third, next] = &tokens[..] else { panic!("{tokens:?}") };
    assert!(first == second && second == third && third != next, "{tokens:?}");
    assert!(first.len() == 36 && first.matches('-').count() == 4, "{first} is no UUID");
}

#[test]
fn cookies_last_for_the_call_and_no_longer() {
    let world = World::start();
    let found = Answer::new(302, "text/html", b"")
        .with_header("Location: /second")
        .with_header("Set-Cookie: session=abc; Path=/")
        .with_header("Set-Cookie: elsewhere=1; Path=/other");
    world.application.answer("/voice", found);
    let second = Answer::twiml("<Gather numDigits=\"1\" action=\"/third\" timeout=\"9\"/>");
    world.application.answer("/second", second.with_header("Set-Cookie: step=2"));
    world.application.answer("/third", Answer::twiml("<Hangup/>"));
    world.domain("cookies", &[("VoiceUrl", "/voice")]);

    let options = ["--digits", "1", "--digits-after", "200ms"];
    assert_eq!(world.phone("cookies").options(&options).call().status(), 200);
    assert_eq!(world.phone("cookies").options(&options).call().status(), 200);

    let cookies = |path: &str| -> Vec<String> {
        let requests = world.application.received_at(path);
        requests.iter().map(|request| request.header("cookie").to_owned()).collect()
    };
    assert_eq!(cookies("/voice"), ["", ""]);
    assert_eq!(cookies("/second"), ["session=abc", "session=abc"]);
    assert_eq!(cookies("/third"), ["session=abc; step=2", "session=abc; step=2"]);
}

#[test]
fn the_login_of_a_url_is_given_when_asked_for_and_then_for_the_rest_of_the_call() {
    let world = World::start();
    let challenge = Answer::new(401, "text/plain", b"who is it?");
    let challenge = challenge.with_header("WWW-Authenticate: Basic realm=\"application\"");
    world.application.answer_first("/voice", challenge);
    world.application.answer("/voice", Answer::twiml("<Redirect>/next</Redirect>"));
    world.application.answer("/next", Answer::twiml("<Reject/>"));
    let url = format!("http://web:s3cret@{}/voice", world.application.address);
    world.domain("login", &[("VoiceUrl", &url)]);

    assert_eq!(world.phone("login").call().status(), 404);

    let received = world.application.received();
    let logins: Vec<(&str, &str)> = received.iter().map(|r| (&*r.path, r.header("authorization"))).collect();
    let login = "Basic d2ViOnMzY3JldA==";
    assert_eq!(logins, [("/voice", ""), ("/voice", login), ("/next", login)]);
}

#[test]
fn a_302_is_followed_with_get_and_a_307_with_the_same_form() {
    let world = World::start();
    for (status, name) in [(302, "found"), (307, "kept")] {
        let next = format!("/{name}/next?q=1");
        let answer = Answer::new(status, "text/html", b"").with_header(&format!("Location: {next}"));
        world.application.answer(&format!("/{name}"), answer);
        world.application.answer(&format!("/{name}/next"), Answer::twiml("<Reject reason=\"busy\"/>"));
        world.plain_domain(name);
        assert_eq!(world.phone(name).call().status(), 486, "{status}");
    }

    let found = world.only("/found/next");
    assert_eq!((found.method.as_str(), found.form.len()), ("GET", 0));
    let kept = world.only("/kept/next");
    assert_eq!((kept.method.as_str(), kept.param("q")), ("POST", "1"));
    assert_eq!(kept.form, world.only("/kept").form);
}

fn verdicts_with_another_token(
    tools_dir: &Path,
    application: &Application,
    requests: &[Received],
) -> Vec<String> {
    verdicts(tools_dir, application, requests, "00000000000000000000000000000000")
}

/// What the official validator says of each request.
fn verdicts(tools_dir: &Path, application: &Application, requests: &[Received], token: &str) -> Vec<String> {
    let scratch = Scratch::new("signatures");
    let file = scratch.path().join("requests");
    let line = |request: &Received| {
        let (url, signature) = (application.url(&request.target), request.header("x-twilio-signature"));
        serde_json::json!({ "url": url, "params": request.form, "signature": signature }).to_string() + "\n"
    };
    std::fs::write(&file, requests.iter().map(line).collect::<String>()).expect("it can be written");
    let script = workspace().join("test/conformance/clients/validate.py");
    let output = tools::run(tools_dir.join("python/bin/python"), LIMIT, |command| {
        command.arg(script).arg(token).arg(&file);
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
