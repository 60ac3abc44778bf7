//! What answers a call and what does not (contract, runtime.md 1.1), and what the application is told.

use super::*;

#[test]
fn a_verb_that_can_be_heard_answers_first_and_waits_for_the_answer() {
    for (document, heard) in [
        ("<Response><Say>hi</Say></Response>", "say hi x1"),
        ("<Response><Play>a.wav</Play></Response>", "url http://app/a.wav x1"),
        ("<Response><Play digits='1'/></Response>", "digits 1 x1"),
        ("<Response><Gather><Say>hi</Say></Gather></Response>", "say hi x1"),
    ] {
        let mut world = World::of(document);
        world.expect(&["answer"]);
        world.pass(5_000);
        world.expect(&[]);
        world.input(Input::Answered);
        world.expect(&["status in-progress", heard]);
    }
}

#[test]
fn pause_first_delays_the_answer() {
    let mut world = World::of("<Response><Pause length='3'/><Say>hi</Say></Response>");
    world.expect(&[]);
    world.pass(2_999);
    world.expect(&[]);
    world.pass(1);
    world.expect(&["answer"]);
}

#[test]
fn redirect_first_stays_ringing() {
    let mut world = World::of("<Response><Redirect method='GET'>../other?a=1#rc=2</Redirect></Response>");
    world.expect(&["fetch GET http://app/other?a=1#rc=2"]);
    assert_eq!(world.param("CallStatus"), Some("ringing"));
    world.document("<Response><Reject reason='busy'/></Response>");
    world.expect(&["refuse 486", "finish busy 0s"]);
}

#[test]
fn reject_first_refuses() {
    for (reason, effects, code) in [
        ("busy", ["refuse 486", "finish busy 0s"], "486"),
        ("rejected", ["refuse 404", "finish no-answer 0s"], "404"),
    ] {
        let mut world = World::of(&format!("<Response><Reject reason='{reason}'/></Response>"));
        world.expect(&effects);
        assert_eq!(world.callback_param("SipResponseCode"), Some(code));
        assert_eq!(world.callback_param("CallDuration"), Some("0"));
    }
}

#[test]
fn reject_after_a_pause_still_refuses_and_in_an_answered_call_it_hangs_up() {
    let mut world = World::of("<Response><Pause/><Reject/></Response>");
    world.pass(1000);
    world.expect(&["refuse 404", "finish no-answer 0s"]);

    let mut world = World::answered("<Response><Say>a</Say><Reject/></Response>");
    world.expect(&["status in-progress", "say a x1"]);
    world.played(2);
    world.expect(&["hangup", "finish completed 2s"]);
}

#[test]
fn hangup_and_the_end_of_a_document_answer_then_hang_up() {
    for document in ["<Response><Hangup/></Response>", "<Response/>", "<Response><Pause/></Response>"] {
        let mut world = World::of(document);
        world.pass(1000);
        world.expect(&["answer"]);
        world.input(Input::Answered);
        world.expect(&["status in-progress", "hangup"]);
        world.input(Input::Acknowledged);
        world.expect(&["finish completed 0s"]);
    }
}

#[test]
fn a_verb_that_is_not_built_is_told_and_passed_over() {
    let mut world = World::of("<Response><Enqueue>support</Enqueue><Reject/></Response>");
    world.expect(&["notify 12200", "refuse 404", "finish no-answer 0s"]);
    assert!(world.notifications.iter().all(|notification| notification.message.contains("Enqueue")));
}

#[test]
fn a_domain_without_a_url_has_nobody_to_ask() {
    let mut gate = gate();
    gate.voice.url = None;
    gate.voice.fallback_url = Some("http://app/fallback".to_owned());
    let mut world = World::with(gate);
    world.expect(&["notify 11100", "refuse 480", "finish failed 0s"]);
}

#[test]
fn ringing_is_repeated_each_minute() {
    let mut world = World::new();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.pass(60_000);
    world.expect(&["ring"]);
    world.pass(60_000);
    world.expect(&["ring"]);
}

#[test]
fn the_first_request_carries_exactly_the_documented_parameters() {
    let mut gate = gate();
    gate.voice.url = Some("http://app/voice#ct=500".to_owned());
    let mut facts = facts(gate);
    facts.leg.caller_name = Some("Alice".to_owned());
    facts.leg.headers =
        vec![("x-a".to_owned(), "1, 2".to_owned()), ("User-to-User".to_owned(), "z".to_owned())];
    let mut world = World::new();
    world.machine = CallMachine::new(facts, world.now);
    world.expect(&["ring", "fetch POST http://app/voice#ct=500"]);
    let (account, call, domain) = (
        format!("AC{}", "02".repeat(16)),
        format!("CA{}", "03".repeat(16)),
        format!("SD{}", "01".repeat(16)),
    );
    let expected = [
        ("AccountSid", account.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", &call),
        ("CallStatus", "ringing"),
        ("Called", "sip:100@demo.sip.twilio.com"),
        ("Caller", "sip:alice@10.0.0.1"),
        ("CallerName", "Alice"),
        ("Direction", "inbound"),
        ("From", "sip:alice@10.0.0.1"),
        ("SipCallId", "call-id-1"),
        ("SipDomain", "demo.sip.twilio.com"),
        ("SipDomainSid", &domain),
        ("SipHeader_User-to-User", "z"),
        ("SipHeader_x-a", "1, 2"),
        ("SipSourceIp", "10.0.0.1"),
        ("SipUsername", "alice"),
        ("To", "sip:100@demo.sip.twilio.com"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(world.fetch.unwrap().params, expected);
}
