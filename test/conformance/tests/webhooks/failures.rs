//! Applications that fail.

use std::net::TcpListener;
use std::time::Duration;

use ringway_testkit::application::Answer;

use crate::world::{LIMIT, World};

#[test]
fn the_fallback_is_asked_with_the_number_and_the_url_of_the_error() {
    let world = World::start();
    let refusing = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let refusing = format!("http://{refusing}/voice");
    let slow = Answer::twiml("<Hangup/>").after(Duration::from_secs(3));
    let dtd = b"<!DOCTYPE Response [<!ENTITY a \"b\">]><Response><Say>&a;</Say></Response>";
    let moved = Answer::new(302, "text/html", b"").with_header("Location: /loop");
    world.application.answer("/error", Answer::new(500, "text/xml", b"<Response><Hangup/></Response>"));
    world.application.answer("/missing", Answer::new(404, "text/html", b"nothing here"));
    world.application.answer("/slow", slow.clone());
    world.application.answer("/late", slow);
    world.application.answer("/broken", Answer::new(200, "text/xml", b"<Response><Hangup></Response>"));
    world.application.answer("/dtd", Answer::new(200, "application/xml", dtd));
    world.application.answer("/root", Answer::new(200, "text/xml", b"<response><Hangup/></response>"));
    world.application.answer("/json", Answer::new(200, "application/json", b"{}"));
    world.application.answer("/empty", Answer::new(200, "text/xml", b""));
    world.application.answer("/large", Answer::new(200, "text/xml", &[b' '; 65_537]));
    world.application.answer("/loop", moved);
    world.application.answer("/fallback", Answer::twiml("<Reject reason=\"busy\"/>"));
    let cases: [(&str, &str, &str); 12] = [
        ("/error", "11200", "/error"),
        ("/missing?a=b", "11200", "/missing?a=b"),
        ("/slow#rt=200", "11205", "/slow"),
        ("/late#tt=200", "11203", "/late"),
        ("/broken", "12100", "/broken"),
        ("/dtd", "12100", "/dtd"),
        ("/root", "12102", "/root"),
        ("/json", "12300", "/json"),
        ("/empty", "11770", "/empty"),
        ("/large", "11750", "/large"),
        ("/loop", "11215", "/loop"),
        (&refusing, "11202", &refusing),
    ];
    for (index, (voice_url, code, error_url)) in cases.into_iter().enumerate() {
        let name = format!("case{index}");
        let fallback = format!("/fallback?case={index}");
        world.domain(&name, &[("VoiceUrl", voice_url), ("VoiceFallbackUrl", &fallback)]);

        let done = world.phone(&name).call();

        assert_eq!(done.status(), 486, "{voice_url}: the fallback's document is executed");
        let asked = world.application.wait("/fallback", index + 1, LIMIT);
        let error_url =
            if error_url.starts_with('/') { world.application.url(error_url) } else { error_url.to_owned() };
        let told = (asked.param("case"), asked.param("ErrorCode"), asked.param("ErrorUrl"));
        assert_eq!(told, (&*index.to_string(), code, &*error_url), "{voice_url}");
        assert_eq!((asked.method.as_str(), asked.param("CallStatus")), ("POST", "ringing"), "{voice_url}");
        let notification = world.notification(asked.param("CallSid"), code.parse().expect("a number"));
        assert_eq!(notification["log"], "0", "{voice_url}: it is an error");
    }
}

#[test]
fn an_error_in_any_document_of_the_call_leads_to_the_fallback() {
    let world = World::start();
    world
        .application
        .answer("/voice", Answer::twiml("<Pause/><Redirect method=\"GET\">/second?n=2</Redirect>"));
    world.application.answer("/second", Answer::twiml("<Play>/no-such-file.wav</Play>"));
    world.application.answer("/no-such-file.wav", Answer::new(404, "text/plain", b"no"));
    world.application.answer("/fallback", Answer::twiml("<Redirect>/rescue</Redirect>"));
    world.application.answer("/rescue", Answer::twiml("<Hangup/>"));
    let urls = [("VoiceUrl", "/voice"), ("VoiceFallbackUrl", "/fallback"), ("VoiceFallbackMethod", "GET")];
    world.domain("deep", &urls);

    let done = world.phone("deep").call();

    assert_eq!((done.status(), &done.report["ended_by"]), (200, &"the other side".into()));
    let asked = world.only("/fallback");
    assert_eq!((asked.method.as_str(), asked.param("CallStatus")), ("GET", "in-progress"));
    let told = (asked.param("ErrorCode"), asked.param("ErrorUrl"));
    assert_eq!(told, ("11200", &*world.application.url("/no-such-file.wav")));
    assert_eq!(world.only("/rescue").param("CallStatus"), "in-progress");
}

#[test]
fn where_nothing_is_left_to_ask_the_caller_hears_that_an_error_has_occurred() {
    let world = World::start();
    for path in ["/alone", "/both", "/fallback"] {
        world.application.answer(path, Answer::new(500, "text/plain", b"broken"));
    }
    world.plain_domain("alone");
    world.domain("both", &[("VoiceUrl", "/both"), ("VoiceFallbackUrl", "/fallback")]);

    let phones = ["alone", "both"].map(|name| world.phone(name).dial());
    for phone in phones {
        let done = phone.done();
        assert_eq!((done.status(), &done.report["ended_by"]), (200, &"the other side".into()));
        assert!(done.sound.audible_seconds() > 1.5, "{} s were heard", done.sound.audible_seconds());
    }

    let row = world.ended(world.only("/alone").param("CallSid"));
    assert_eq!(row["status"], "completed");
    let call_sid = world.only("/fallback").param("CallSid").to_owned();
    world.notification(&call_sid, 11200);
}

#[test]
fn a_domain_without_a_voice_url_answers_480_and_says_why() {
    let world = World::start();
    world.domain("mute", &[("VoiceStatusCallbackUrl", "/status")]);

    let done = world.phone("mute").call();

    assert_eq!((done.status(), done.exit), (480, Some(1)));
    let callback = world.application.wait("/status", 1, LIMIT);
    assert_eq!(callback.param("SipResponseCode"), "480");
    let notification = world.notification(callback.param("CallSid"), 11100);
    assert_eq!(notification["log"], "0");
}
