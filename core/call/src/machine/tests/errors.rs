//! What is left when a document cannot be had or executed (contract, runtime.md 1.7).

use super::*;

const SORRY: &str = "say We are sorry. An application error has occurred. Goodbye. x1";

#[test]
fn the_fallback_is_told_what_failed_and_its_document_continues_the_call() {
    let mut world = World::with_fallback();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.fetch_fails(11205);
    world.expect(&["notify 11205", "fetch GET http://app/fallback"]);
    assert_eq!(
        (world.param("ErrorCode"), world.param("ErrorUrl")),
        (Some("11205"), Some("http://app/voice"))
    );
    assert_eq!(world.param("CallStatus"), Some("ringing"));
    world.document("<Response><Say>back</Say></Response>");
    world.expect(&["answer"]);
}

#[test]
fn a_document_that_cannot_be_executed_asks_the_fallback_too() {
    for (content_type, body, code) in [
        ("text/xml", "<Response><Say>", "12100"),
        ("text/xml", "<html/>", "12102"),
        ("text/xml", "", "11770"),
        ("application/json", "{}", "12300"),
        ("text/xml", "<Response><Redirect>ftp://x/</Redirect></Response>", "11100"),
    ] {
        let mut world = World::with_fallback();
        world.expect(&["ring", "fetch POST http://app/voice"]);
        world.body(content_type, body);
        let notify = format!("notify {code}");
        world.expect(&[notify.as_str(), "fetch GET http://app/fallback"]);
        assert_eq!(world.param("ErrorCode"), Some(code));
        let seen = world.notifications[0].response.as_ref().unwrap();
        assert_eq!((seen.status, seen.body.as_str(), seen.headers.len()), (200, body, 1));
    }
}

#[test]
fn later_documents_ask_the_fallback_as_well() {
    let mut world = World::with_fallback();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.document("<Response><Gather numDigits='1' action='http://u:secret@app/next#rc=1'/></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.keys("1");
    world.expect(&["status in-progress", "fetch POST http://u:secret@app/next#rc=1"]);
    world.fetch_fails(11200);
    world.expect(&["notify 11200", "fetch GET http://app/fallback"]);
    assert_eq!(world.param("ErrorUrl"), Some("http://app/next"));
    assert_eq!(world.notifications[0].url, "http://app/next");
}

#[test]
fn a_login_is_told_to_nobody() {
    let mut world = World::with_fallback();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.document("<Response><Redirect>ftp://u:secret@x/#f</Redirect></Response>");
    world.expect(&["notify 11100", "fetch GET http://app/fallback"]);
    assert_eq!(world.param("ErrorUrl"), Some("ftp://x/"));
    let message = &world.notifications[0].message;
    assert!(message.contains("ftp://x/") && !message.contains("secret"), "{message}");
}

#[test]
fn the_error_url_is_the_one_of_the_document_or_where_redirects_led() {
    for (url, expected) in [(None, "http://app/voice"), (Some("http://app/lost?x=1"), "http://app/lost?x=1")]
    {
        let mut world = World::with_fallback();
        world.expect(&["ring", "fetch POST http://app/voice"]);
        let id = world.fetch.take().unwrap().id;
        let failure = FetchFailure { url: url.map(str::to_owned), ..failure(11200) };
        world.input(Input::Fetched { id, result: Err(failure) });
        world.expect(&["notify 11200", "fetch GET http://app/fallback"]);
        assert_eq!(world.param("ErrorUrl"), Some(expected));
    }
}

#[test]
fn a_file_that_cannot_be_played_asks_the_fallback() {
    let mut world = World::with_fallback();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.document("<Response><Play>a.wav</Play></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "url http://app/a.wav x1"]);
    world.play_fails(13420);
    world.expect(&["notify 13420", "fetch GET http://app/fallback"]);
    assert_eq!(world.param("ErrorUrl"), Some("http://app/a.wav"));
}

#[test]
fn a_file_that_is_no_sound_has_another_number_in_a_gather() {
    let mut world = World::with_fallback();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.document("<Response><Gather><Play>a.wav</Play></Gather></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "url http://app/a.wav x1"]);
    world.play_fails(13420);
    world.expect(&["notify 13325", "fetch GET http://app/fallback"]);
}

#[test]
fn without_a_fallback_the_caller_hears_so_and_the_call_ends() {
    let mut world = World::new();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.fetch_fails(11200);
    world.expect(&["notify 11200", "answer"]);
    world.input(Input::Answered);
    world.input(Input::Acknowledged);
    world.expect(&["status in-progress", SORRY]);
    world.played(4);
    world.expect(&["hangup", "finish completed 4s"]);
}

#[test]
fn a_fallback_that_fails_is_the_end_of_it() {
    for body in [None, Some("<Response><Redirect>ftp://x/</Redirect></Response>"), Some("<html/>")] {
        let mut world = World::with_fallback();
        world.expect(&["ring", "fetch POST http://app/voice"]);
        world.fetch_fails(11200);
        world.expect(&["notify 11200", "fetch GET http://app/fallback"]);
        let notify = match body {
            None => {
                world.fetch_fails(11205);
                "notify 11205"
            }
            Some(body) => {
                world.document(body);
                if body.contains("ftp") { "notify 11100" } else { "notify 12102" }
            }
        };
        world.expect(&[notify, "answer"]);
        world.input(Input::Answered);
        world.expect(&["status in-progress", SORRY]);
    }
}

#[test]
fn when_not_even_that_can_be_said_the_call_ends() {
    let mut world = World::new();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world.fetch_fails(11200);
    world.input(Input::Answered);
    world.input(Input::Acknowledged);
    world.expect(&["notify 11200", "answer", "status in-progress", SORRY]);
    world.play_fails(12400);
    world.expect(&["notify 12400", "hangup", "finish completed 0s"]);
}

#[test]
fn a_loop_of_documents_is_ended() {
    let mut world = World::with_fallback();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    for _ in 0..4 {
        world.document("<Response><Redirect/></Response>");
        world.expect(&["fetch POST http://app/voice"]);
    }
    world.document("<Response><Redirect/></Response>");
    world.expect(&["notify 11215", "answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", SORRY]);
}

#[test]
fn a_menu_that_is_heard_may_go_round_for_ever() {
    let mut world = World::answered("<Response><Say>menu</Say><Redirect/></Response>");
    world.expect(&["status in-progress", "say menu x1"]);
    for _ in 0..20 {
        world.played(1);
        world.expect(&["fetch POST http://app/voice"]);
        world.document("<Response><Say>menu</Say><Redirect/></Response>");
        world.expect(&["say menu x1"]);
    }
}

#[test]
fn an_inline_document_has_no_url_to_come_back_to() {
    let mut world = World::answered("<Response><Say>a</Say></Response>");
    world.expect(&["status in-progress", "say a x1"]);
    let twiml = "<Response><Gather numDigits='1'/></Response>".to_owned();
    assert_eq!(world.command(Command::RunTwiml(twiml)), Ok(()));
    world.keys("1");
    world.expect(&["stop", "notify 11100", SORRY]);
}

#[test]
fn a_trunk_uses_its_own_urls() {
    let mut gate = gate();
    let voice = VoiceUrls { url: Some("http://trunk/voice".to_owned()), ..VoiceUrls::default() };
    let sid = ringway_model::sid::ByocTrunkSid::from_random([9; 16]);
    gate.byoc_trunk = Some(crate::directory::ByocTrunk { sid, voice });
    let mut world = World::with(gate);
    world.expect(&["ring", "fetch POST http://trunk/voice"]);
    world.input(Input::Cancelled);
    world.expect(&["cancel fetch", "finish no-answer 0s"]);
    assert_eq!(world.finished.unwrap().callback, None);
}
