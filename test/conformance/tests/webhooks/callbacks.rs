//! The status callback.

use ringway_testkit::application::Answer;
use ringway_testkit::ringway::{ACCOUNT, sid};

use crate::world::{LIMIT, World};

#[test]
fn the_end_of_a_call_is_told_with_every_documented_parameter() {
    let world = World::start();
    world.application.answer("/voice", Answer::twiml("<Pause length=\"1\"/><Gather timeout=\"2\"/>"));
    let urls = [("VoiceUrl", "/voice"), ("VoiceStatusCallbackUrl", "/status?app=1#rc=1")];
    let domain = world.domain("told", &urls);

    let done = world.phone("told").options(&["--user", "bob", "--header", "X-Id: 9"]).call();

    assert_eq!(done.status(), 200);
    let first = world.only("/voice");
    let status = world.only("/status");
    assert_eq!((status.method.as_str(), status.target.as_str()), ("POST", "/status?app=1"));
    let to = "sip:hello@told.sip.twilio.com";
    let from = "sip:bob@told.sip.twilio.com";
    let expected = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("CallDuration", status.param("CallDuration")),
        ("CallSid", first.param("CallSid")),
        ("CallStatus", "completed"),
        ("CallbackSource", "call-progress-events"),
        ("Called", to),
        ("Caller", from),
        ("Direction", "inbound"),
        ("Duration", "1"),
        ("From", from),
        ("SequenceNumber", "0"),
        ("SipCallId", first.param("SipCallId")),
        ("SipDomain", "told.sip.twilio.com"),
        ("SipDomainSid", sid(&domain)),
        ("SipHeader_X-Id", "9"),
        ("SipSourceIp", "127.0.0.1"),
        ("Timestamp", status.param("Timestamp")),
        ("To", to),
    ];
    let got: Vec<(&str, &str)> = status.form.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(got, expected);
    let timestamp = status.param("Timestamp");
    assert!(timestamp.len() == 31 && timestamp.ends_with(" +0000"), "{timestamp} is not RFC 2822");
    let duration_s: u32 = status.param("CallDuration").parse().expect("seconds");
    assert!((2..10).contains(&duration_s), "two seconds of waiting, and none of ringing: {duration_s}");
    let row = world.ended(first.param("CallSid"));
    assert_eq!(
        (&row["status"], &row["duration"]),
        (&"completed".into(), &status.param("CallDuration").into())
    );
    assert_eq!(row["end_time"], timestamp);
}

#[test]
fn a_callback_that_is_refused_comes_again_with_the_same_token() {
    let world = World::start();
    world.application.answer("/voice", Answer::twiml("<Reject reason=\"busy\"/>"));
    world.application.answer_first("/status", Answer::new(500, "text/plain", b"not now"));
    world.domain("again", &[("VoiceUrl", "/voice"), ("VoiceStatusCallbackUrl", "/status")]);

    assert_eq!(world.phone("again").call().status(), 486);

    let first = world.application.wait("/status", 1, LIMIT);
    let second = world.application.wait("/status", 2, LIMIT);
    let token = |request: &ringway_testkit::Received| request.header("i-twilio-idempotency-token").to_owned();
    assert_eq!(token(&first), token(&second));
    assert_eq!(first.form, second.form);
    assert!((second.at - first.at).as_millis() >= 900, "not at once");
    assert_eq!((first.param("CallStatus"), first.param("SipResponseCode")), ("busy", "486"));
    let warning = world.notification(first.param("CallSid"), 15003);
    assert_eq!(warning["log"], "1");
}
