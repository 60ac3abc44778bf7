//! Gather, attribute by attribute.

use super::*;

fn gathering(attributes: &str, inside: &str) -> World {
    let document = format!("<Response><Gather {attributes}>{inside}</Gather><Say>nothing</Say></Response>");
    let mut world = World::answered(&document);
    let first =
        if inside.is_empty() { vec!["status in-progress"] } else { vec!["status in-progress", "say pin x1"] };
    world.expect(&first);
    world
}

#[test]
fn the_finish_key_submits_and_is_not_a_digit() {
    let mut world = gathering("action='/pin'", "");
    world.keys("12#");
    world.expect(&["fetch POST http://app/pin"]);
    assert_eq!((world.param("Digits"), world.param("FinishedOnKey")), (Some("12"), Some("#")));
    assert_eq!(world.param("CallStatus"), Some("in-progress"));
}

#[test]
fn another_finish_key_makes_the_hash_a_digit_and_no_finish_key_makes_all_digits() {
    let mut world = gathering("finishOnKey='*'", "");
    world.keys("1#*");
    assert_eq!((world.machine.poll_effect().is_some(), &world.fetch), (true, &None));

    let mut world = gathering("finishOnKey='' numDigits='3' method='GET'", "");
    world.keys("*#0");
    world.expect(&["fetch GET http://app/voice"]);
    assert_eq!((world.param("Digits"), world.param("FinishedOnKey")), (Some("*#0"), Some("")));
}

#[test]
fn the_count_of_digits_submits_at_once() {
    let mut world = gathering("numDigits='2'", "");
    world.keys("1");
    world.expect(&[]);
    world.keys("2");
    world.expect(&["fetch POST http://app/voice"]);
    assert_eq!(world.param("Digits"), Some("12"));
}

#[test]
fn the_time_out_begins_after_the_prompts_and_anew_with_each_key() {
    let mut world = gathering("timeout='3'", "<Say>pin</Say>");
    world.pass(20_000);
    world.expect(&[]);
    world.played(1);
    world.pass(2_999);
    world.keys("1");
    world.pass(2_999);
    world.keys("2");
    world.pass(2_999);
    world.expect(&[]);
    world.pass(1);
    world.expect(&["fetch POST http://app/voice"]);
    assert_eq!((world.param("Digits"), world.param("FinishedOnKey")), (Some("12"), Some("")));
}

#[test]
fn nothing_pressed_falls_through() {
    let mut world = gathering("timeout='3'", "<Say>pin</Say>");
    world.played(1);
    world.pass(3_000);
    world.expect(&["say nothing x1"]);
    let mut world = gathering("", "");
    world.keys("#");
    world.expect(&["say nothing x1"]);
}

#[test]
fn nothing_pressed_is_submitted_when_asked() {
    let mut world = gathering("timeout='0' actionOnEmptyResult='true' action='http://b/c'", "");
    world.pass(0);
    world.expect(&["fetch POST http://b/c"]);
    assert_eq!(world.param("Digits"), Some(""));
}

#[test]
fn a_key_stops_the_prompts() {
    let mut world = gathering("numDigits='2'", "<Say>pin</Say><Say>again</Say>");
    world.keys("1");
    world.expect(&["stop"]);
    world.keys("2");
    world.expect(&["fetch POST http://app/voice"]);
}

#[test]
fn the_finish_key_stops_the_prompts_once() {
    let mut world = gathering("", "<Say>pin</Say>");
    world.keys("#");
    world.expect(&["stop", "say nothing x1"]);
}

#[test]
fn prompts_that_may_not_be_stopped_are_heard_out_and_the_keys_count_then() {
    let mut world = gathering("bargeIn='false' numDigits='2'", "<Say>pin</Say><Pause/><Say>again</Say>");
    world.keys("12");
    world.expect(&[]);
    world.played(1);
    world.pass(1_000);
    world.expect(&["say again x1"]);
    world.played(1);
    world.expect(&["fetch POST http://app/voice"]);
    assert_eq!(world.param("Digits"), Some("12"));
}

#[test]
fn a_pause_among_the_prompts_is_stopped_by_a_key_too() {
    let mut world = gathering("timeout='2'", "<Say>pin</Say><Pause length='60'/><Say>again</Say>");
    world.played(1);
    world.pass(1_000);
    world.keys("5");
    world.pass(2_000);
    world.expect(&["fetch POST http://app/voice"]);
}

#[test]
fn speech_is_warned_of_and_keys_are_collected() {
    let mut world = World::of("<Response><Gather input='speech' numDigits='1'/></Response>");
    world.expect(&["notify 12200", "answer"]);
    world.input(Input::Answered);
    world.keys("7");
    world.expect(&["status in-progress", "fetch POST http://app/voice"]);
}

#[test]
fn after_the_action_the_verbs_that_followed_are_gone() {
    let mut world = gathering("numDigits='1'", "");
    world.keys("1");
    world.expect(&["fetch POST http://app/voice"]);
    world.document("<Response><Say>bye</Say></Response>");
    world.expect(&["say bye x1"]);
    world.played(1);
    world.expect(&["hangup", "finish completed 1s"]);
}

#[test]
fn the_default_action_keeps_the_overrides_of_its_document() {
    let mut gate = gate();
    gate.voice.url = Some("http://app/voice?x=1#rc=3".to_owned());
    let mut world = World::with(gate);
    world.expect(&["ring", "fetch POST http://app/voice?x=1#rc=3"]);
    world.document("<Response><Gather numDigits='1'/></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.keys("1");
    world.expect(&["status in-progress", "fetch POST http://app/voice?x=1#rc=3"]);
}

#[test]
fn nobody_can_fill_the_memory_with_keys() {
    let mut world = gathering("", "");
    world.keys(&"1".repeat(300));
    world.expect(&["fetch POST http://app/voice"]);
    assert_eq!(world.param("Digits").map(str::len), Some(256));
}
