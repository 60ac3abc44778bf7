//! What answers mean: verbs, and bodies that are no TwiML.

use ringway_testkit::application::Answer;
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::Scratch;

use crate::world::World;

#[test]
fn reject_refuses_the_call_and_gives_it_its_status() {
    let world = World::start();
    for (name, verbs, sip, status) in [
        ("busy", "<Reject reason=\"busy\"/><Say>never</Say>", 486, "busy"),
        ("rejected", "<Reject reason=\"rejected\"/>", 404, "no-answer"),
        ("plain", "<Reject/>", 404, "no-answer"),
    ] {
        let done = world.call(name, verbs, &[]);
        assert_eq!((done.status(), done.exit), (sip, Some(1)), "{name}");
        let ladder = done.ladder();
        assert!(ladder.iter().any(|rung| rung.starts_with("<- 180 ")), "{name}: {ladder:#?}");
        assert_eq!(ladder.last().map(|rung| &rung[..6]), Some("-> ACK"), "{name}: {ladder:#?}");
        let row = world.ended(world.only(&format!("/{name}")).param("CallSid"));
        assert_eq!((&row["status"], &row["duration"]), (&status.into(), &serde_json::Value::Null), "{name}");
    }
}

#[test]
fn hangup_and_an_empty_document_answer_and_hang_up() {
    let world = World::start();
    for (name, verbs) in [("hangup", "<Hangup/><Say>never</Say>"), ("empty", "")] {
        let done = world.call(name, verbs, &[]);
        let ladder = done.ladder();
        assert_eq!(done.status(), 200, "{name}");
        assert!(ladder.iter().any(|rung| rung.starts_with("<- BYE ")), "{name}: {ladder:#?}");
        assert_eq!(done.sound.audible_seconds(), 0.0, "{name}");
        let row = world.ended(world.only(&format!("/{name}")).param("CallSid"));
        assert_eq!(row["status"], "completed", "{name}");
    }
}

#[test]
fn a_pause_and_a_redirect_before_anything_else_leave_the_call_ringing() {
    let world = World::start();
    world.application.answer("/next", Answer::twiml("<Say>Now.</Say>"));
    let verbs = "<Pause length=\"2\"/><Redirect>/next</Redirect><Say>never</Say>";
    let done = world.call("patience", verbs, &[]);

    let (ringing, answered) = (done.at_ms("<- 180 "), done.at_ms("<- 200 OK (INVITE)"));
    let (Some(ringing), Some(answered)) = (ringing, answered) else { panic!("{:#?}", done.ladder()) };
    assert!(answered - ringing >= 1900, "rang for {} ms only", answered - ringing);
    assert_eq!(world.only("/next").param("CallStatus"), "ringing");
    assert!(done.sound.audible_seconds() > 0.1);
}

#[test]
fn relative_urls_start_at_the_document_they_stand_in() {
    let world = World::start();
    world.application.answer("/a/b/start", Answer::twiml("<Redirect>../c/./next?n=1</Redirect>"));
    world.application.answer("/a/c/next", Answer::twiml("<Redirect method=\"GET\">last</Redirect>"));
    let moved = Answer::new(307, "text/html", b"").with_header("Location: /moved/here");
    world.application.answer("/a/c/last", moved);
    world.application.answer("/moved/here", Answer::twiml("<Redirect>end</Redirect>"));
    world.application.answer("/moved/end", Answer::twiml("<Reject/>"));
    world.domain("relative", &[("VoiceUrl", "/a/b/start?x=y")]);

    assert_eq!(world.phone("relative").call().status(), 404);

    let received = world.application.received();
    let asked: Vec<(&str, &str)> = received.iter().map(|r| (&*r.method, &*r.path)).collect();
    let expected = [
        ("POST", "/a/b/start"),
        ("POST", "/a/c/next"),
        ("GET", "/a/c/last"),
        ("GET", "/moved/here"),
        ("POST", "/moved/end"),
    ];
    assert_eq!(asked, expected);
    assert_eq!(received[1].param("n"), "1");
}

#[test]
fn documents_that_lead_in_a_circle_are_ended() {
    let world = World::start();
    let done = world.call("circle", "<Redirect/>", &[]);

    assert_eq!(done.status(), 200);
    assert!(done.sound.audible_seconds() > 1.5, "the caller is told");
    let requests = world.application.received_at("/circle");
    assert!((10..=60).contains(&requests.len()), "{} requests", requests.len());
    world.notification(requests[0].param("CallSid"), 11215);
}

#[test]
fn text_is_spoken_and_sound_is_played() {
    let world = World::start();
    let scratch = Scratch::new("sound");
    let file = scratch.path().join("tone.wav");
    Sound::tone(700.0, 1.5, 8000).write(&file);
    let tone = std::fs::read(&file).expect("it was written");
    world.application.answer("/text", Answer::new(200, "text/plain; charset=utf-8", b"Good day to you."));
    let twiml = b"<Response><Reject reason=\"busy\"/></Response>";
    world.application.answer("/twiml", Answer::new(200, "text/plain", twiml));
    world.application.answer("/sound", Answer::new(200, "audio/x-wav", &tone));
    for name in ["text", "twiml", "sound"] {
        world.plain_domain(name);
    }

    let text = world.phone("text").call();
    assert_eq!((text.status(), &text.report["ended_by"]), (200, &"the other side".into()));
    assert!(text.sound.audible_seconds() > 0.5);
    assert_eq!(world.phone("twiml").call().status(), 486);
    let sound = world.phone("sound").call();
    assert_eq!((sound.status(), &sound.report["ended_by"]), (200, &"the other side".into()));
    let heard = sound.sound.seconds_of(700.0);
    assert!((1.4..=1.6).contains(&heard), "{heard} s of the tone");
}

#[test]
fn what_is_not_built_or_not_known_is_told_and_the_next_verb_is_performed() {
    let world = World::start();
    let verbs =
        "<Enqueue>support</Enqueue><Dance/><Say voice=\"nobody\" volume=\"11\">Hello.</Say><say>no</say>";
    let done = world.call("odd", verbs, &[]);

    assert_eq!(done.status(), 200);
    assert!(done.sound.audible_seconds() > 0.2, "an unknown voice is never silence");
    let call_sid = world.only("/odd").param("CallSid").to_owned();
    world.ended(&call_sid);
    world.notification(&call_sid, 12200);
    let list = world.ringway.fetch(&format!("/Calls/{call_sid}/Notifications.json"));
    let list = list["notifications"].as_array().expect("a list");
    let told = |word: &str| {
        list.iter().any(|one| one["message_text"].as_str().is_some_and(|text| text.contains(word)))
    };
    for word in ["Enqueue", "Dance", "volume", "say", "nobody"] {
        assert!(told(word), "{word} is not in {list:#?}");
    }
    assert!(list.iter().all(|one| one["log"] == "1"), "warnings all: {list:#?}");
}
