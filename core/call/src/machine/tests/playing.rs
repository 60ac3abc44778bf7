//! Verbs in order, loops, pauses, what a body may be.

use super::*;

#[test]
fn verbs_are_performed_one_after_the_other_and_the_end_hangs_up() {
    let mut world = World::answered(
        "<Response><Say loop='2'>a</Say><Pause length='2'/><Play loop='0'>/b.mp3</Play><Play digits='1w'/></Response>",
    );
    world.expect(&["status in-progress", "say a x2"]);
    world.played(1);
    world.expect(&[]);
    world.pass(2_000);
    world.expect(&["url http://app/b.mp3 x1000"]);
    world.played(1);
    world.expect(&["digits 1w x1"]);
    world.played(1);
    world.expect(&["hangup", "finish completed 5s"]);
}

#[test]
fn keys_outside_of_a_gather_are_nothing_and_are_not_kept() {
    let mut world = World::answered("<Response><Say>a</Say><Gather numDigits='1'/></Response>");
    world.expect(&["status in-progress", "say a x1"]);
    world.keys("123");
    world.expect(&[]);
    world.played(1);
    world.expect(&[]);
    world.keys("9");
    world.expect(&["fetch POST http://app/voice"]);
    assert_eq!(world.param("Digits"), Some("9"));
}

#[test]
fn sound_and_text_as_answers_are_heard_then_the_call_ends() {
    for (content_type, body, heard) in
        [("audio/mpeg", "ID3", "audio/mpeg"), ("text/plain; charset=utf-8", "Good day", "say Good day")]
    {
        let mut world = World::new();
        world.expect(&["ring", "fetch POST http://app/voice"]);
        world.body(content_type, body);
        world.expect(&["answer"]);
        world.input(Input::Answered);
        world.input(Input::Acknowledged);
        let heard =
            if heard.starts_with("say") { format!("{heard} x1") } else { format!("audio {heard} x1") };
        world.expect(&["status in-progress", heard.as_str()]);
        world.played(1);
        world.expect(&["hangup", "finish completed 1s"]);
    }
}

#[test]
fn speech_that_fails_is_told_and_the_call_goes_on() {
    let mut world = World::answered("<Response><Say>a</Say><Say>b</Say></Response>");
    world.expect(&["status in-progress", "say a x1"]);
    world.play_fails(12400);
    world.expect(&["notify 12400", "say b x1"]);
    let id = world.play.unwrap();
    world.input(Input::PlayWarning { id, code: 13512, message: "no such voice".to_owned() });
    world.input(Input::PlayWarning { id: EffectId(0), code: 13512, message: "late".to_owned() });
    world.expect(&["notify 13512"]);
}

#[test]
fn warnings_of_the_document_are_told_before_it_is_performed() {
    let mut world = World::of("<Response><Say voice='robot'>a</Say></Response>");
    world.expect(&["notify 13511", "answer"]);
    let notification = &world.notifications[0];
    assert!(notification.message.contains("robot"), "{}", notification.message);
    assert_eq!(
        (notification.url.as_str(), notification.method),
        ("http://app/voice", Some(HttpMethod::Post))
    );
    assert!(notification.response.as_ref().unwrap().body.contains("<Response>"));
    assert!(notification.params.iter().any(|(name, _)| name == "CallSid"));
}

#[test]
fn results_of_something_else_are_late() {
    let mut world = World::answered("<Response><Say>a</Say></Response>");
    world.expect(&["status in-progress", "say a x1"]);
    let id = EffectId(world.play.unwrap().0 - 1);
    world.input(Input::PlayFinished { id });
    world.input(Input::PlayFailed { id, failure: failure(11200) });
    world.input(Input::Fetched { id, result: Err(failure(11200)) });
    world.expect(&[]);
}
