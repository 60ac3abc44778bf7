//! How calls end, and what the status callback says.

use super::*;
use ringway_model::CallStatus;

fn talking(seconds: u64) -> World {
    let mut world = World::answered("<Response><Play loop='0'>a</Play></Response>");
    world.expect(&["status in-progress", "url http://app/a x1000"]);
    world.pass(seconds * 1000);
    world
}

#[test]
fn the_caller_hangs_up() {
    let mut world = talking(61);
    world.input(Input::Bye(Vec::new()));
    world.expect(&["stop", "finish completed 61s"]);
    let end = world.finished.clone().unwrap();
    assert_eq!((end.status, end.sip_response_code), (CallStatus::Completed, None));
    assert_eq!(end.answered_at, Some(UnixTime::from_secs(1_437_413_230)));
    for (name, value) in [
        ("CallStatus", "completed"),
        ("CallDuration", "61"),
        ("Duration", "2"),
        ("Timestamp", "Mon, 20 Jul 2015 17:28:11 +0000"),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", "0"),
        ("SipDomain", "demo.sip.twilio.com"),
    ] {
        assert_eq!(world.callback_param(name), Some(value), "{name}");
    }
    assert_eq!(world.callback_param("SipResponseCode"), None);
    let callback = end.callback.unwrap();
    assert_eq!((callback.url.as_str(), callback.method), ("http://app/status", HttpMethod::Post));
    assert!(callback.params.is_sorted());
}

#[test]
fn the_caller_gives_up_first() {
    let mut world = World::new();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    let late = world.fetch.clone().unwrap();
    world.input(Input::Cancelled);
    world.expect(&["cancel fetch", "finish no-answer 0s"]);
    assert_eq!(world.callback_param("CallDuration"), Some("0"));
    world.input(Input::Fetched { id: late.id, result: Err(failure(11200)) });
    world.input(Input::DialogGone);
    world.input(Input::Bye(Vec::new()));
    world.expect(&[]);
    assert_eq!(world.machine.next_timeout(), None);
}

#[test]
fn a_cancel_that_met_our_answer_was_never_answered() {
    for document in ["<Response><Play>a</Play></Response>", "<Response><Hangup/></Response>"] {
        let mut world = World::of(document);
        world.input(Input::Answered);
        world.pass(700);
        world.input(Input::Cancelled);
        let end = world.finish();
        assert_eq!((end.status, end.sip_response_code), (CallStatus::NoAnswer, Some(487)), "{document}");
        assert_eq!((end.answered_at, end.duration_s), (None, 0), "{document}");
    }
}

#[test]
fn no_ack_is_told_and_the_call_failed() {
    let mut world = World::of("<Response><Play loop='0'>a</Play></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "url http://app/a x1000"]);
    world.pass(32_000);
    world.input(Input::AcknowledgeTimeout);
    world.expect(&["notify 32022", "stop", "finish failed 32s"]);
}

#[test]
fn a_change_of_the_session_without_an_ack_ends_a_call_that_was_one() {
    let mut world = talking(70);
    world.input(Input::AcknowledgeTimeout);
    world.expect(&["notify 32022", "stop", "finish completed 70s"]);
}

#[test]
fn a_hang_up_before_the_ack_waits_for_it_and_the_call_ended_then() {
    let mut world = World::of("<Response><Hangup/></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "hangup"]);
    world.pass(5_000);
    world.expect(&[]);
    world.input(Input::Acknowledged);
    world.expect(&["finish completed 0s"]);

    let mut world = World::of("<Response><Hangup/></Response>");
    world.input(Input::Answered);
    world.expect(&["answer", "status in-progress", "hangup"]);
    world.input(Input::AcknowledgeTimeout);
    world.expect(&["notify 32022", "finish failed 0s"]);
}

#[test]
fn a_dialog_that_never_says_its_last_word_is_not_waited_for_for_ever() {
    let mut world = World::of("<Response><Hangup/></Response>");
    world.input(Input::Answered);
    world.expect(&["answer", "status in-progress", "hangup"]);
    world.pass(39_999);
    world.expect(&[]);
    world.pass(1);
    world.expect(&["finish completed 0s"]);
}

#[test]
fn silence_ends_a_call() {
    let mut world = talking(60);
    world.input(Input::MediaInactive);
    world.expect(&["notify 86007", "stop", "hangup", "finish completed 60s"]);
}

#[test]
fn media_that_cannot_be_opened_refuse_the_call() {
    let mut world = World::of("<Response><Say>a</Say></Response>");
    world.expect(&["answer"]);
    world.input(Input::AnswerFailed { status: 488, code: 32102, message: "Bad SDP".to_owned() });
    world.expect(&["notify 32102", "refuse 488", "finish failed 0s"]);
}

#[test]
fn media_of_an_ack_that_cannot_be_used_end_the_answered_call() {
    let mut world = World::of("<Response><Say>a</Say></Response>");
    world.expect(&["answer"]);
    world.input(Input::Acknowledged);
    world.input(Input::AnswerFailed { status: 488, code: 32102, message: "Bad SDP".to_owned() });
    world.expect(&["notify 32102", "hangup", "finish failed 0s"]);
}

#[test]
fn the_longest_call_is_four_hours() {
    let mut world = talking(4 * 3600 - 1);
    world.expect(&[]);
    world.pass(1000);
    world.expect(&["notify 32015", "stop", "hangup", "finish completed 14400s"]);
}

#[test]
fn the_end_of_the_process_ends_calls() {
    let mut world = talking(1);
    world.input(Input::Shutdown);
    world.expect(&["stop", "hangup", "finish completed 1s"]);
    let mut world = World::new();
    world.input(Input::Shutdown);
    world.expect(&["ring", "fetch POST http://app/voice", "cancel fetch", "refuse 503", "finish failed 0s"]);
}

#[test]
fn a_lost_dialog_is_completed_when_it_was_answered_and_failed_when_not() {
    let mut world = talking(2);
    world.input(Input::DialogGone);
    world.expect(&["stop", "finish completed 2s"]);
    let mut world = World::of("<Response><Say>a</Say></Response>");
    world.input(Input::DialogGone);
    world.expect(&["answer", "finish failed 0s"]);
}
