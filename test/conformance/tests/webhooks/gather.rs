//! Gather: keys that a phone presses.

use ringway_testkit::application::Answer;
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::Scratch;

use crate::world::{LIMIT, World};

#[test]
fn keys_are_collected_until_the_rules_end_them() {
    let world = World::start();
    world.application.answer("/keys", Answer::twiml("<Hangup/>"));
    for (name, attributes, pressed, digits, finished_on) in [
        ("hash", "", "12#9", "12", "#"),
        ("count", "numDigits=\"3\"", "4567", "456", ""),
        ("star", "finishOnKey=\"*\"", "1#2*", "1#2", "*"),
        ("none", "finishOnKey=\"\" numDigits=\"4\"", "1#*0", "1#*0", ""),
        ("silence", "timeout=\"2\"", "77", "77", ""),
        ("speech", "input=\"dtmf speech\" speechTimeout=\"auto\"", "3#", "3", "#"),
    ] {
        let verbs = format!("<Gather action=\"/keys?of={name}\" {attributes}/><Say>never</Say>");
        let done = world.call(name, &verbs, &["--digits", pressed, "--digits-after", "100ms"]);
        assert_eq!(done.status(), 200, "{name}");
        let requests = world.application.received_at("/keys");
        let asked = requests.iter().find(|request| request.param("of") == name);
        let asked = asked.unwrap_or_else(|| panic!("{name}: the action was not asked"));
        assert_eq!((asked.param("Digits"), asked.param("FinishedOnKey")), (digits, finished_on), "{name}");
        assert_eq!((asked.method.as_str(), asked.param("CallStatus")), ("POST", "in-progress"), "{name}");
    }
    let call_sid = world.only("/speech").param("CallSid").to_owned();
    let warning = world.notification(&call_sid, 12200);
    assert!(warning["message_text"].as_str().is_some_and(|text| text.contains("speech")), "{warning}");
}

#[test]
fn without_keys_the_next_verb_follows_unless_the_action_wants_to_know() {
    let world = World::start();
    world.application.answer("/action", Answer::twiml("<Hangup/>"));
    let gather = "<Gather timeout=\"1\" action=\"/action\"";
    let quiet = world.call("quiet", &format!("{gather}/><Redirect>/after</Redirect>"), &[]);
    assert_eq!(quiet.status(), 200);
    assert!(world.application.received_at("/action").is_empty());
    let hash = ["--digits", "#", "--digits-after", "100ms"];
    world.call("hash", &format!("{gather}/><Redirect>/after</Redirect>"), &hash);
    assert!(world.application.received_at("/action").is_empty(), "only the finishing key is nothing");
    assert_eq!(world.application.received_at("/after").len(), 2);

    let verbs = format!("{gather} actionOnEmptyResult=\"true\" method=\"GET\"/><Redirect>/after</Redirect>");
    world.call("asked", &verbs, &[]);
    let asked = world.only("/action");
    assert_eq!((asked.method.as_str(), asked.param("Digits")), ("GET", ""));
    assert!(asked.params.iter().any(|(name, _)| name == "Digits"), "it is there and empty");
}

#[test]
fn a_key_stops_the_prompt_unless_barge_in_is_off() {
    let world = World::start();
    let scratch = Scratch::new("prompt");
    let file = scratch.path().join("tone.wav");
    Sound::tone(500.0, 4.0, 8000).write(&file);
    let tone = std::fs::read(&file).expect("it was written");
    world.application.answer("/tone.wav", Answer::new(200, "audio/wav", &tone));
    world.application.answer("/action", Answer::twiml("<Hangup/>"));
    for name in ["barge", "wait"] {
        let barge_in = if name == "barge" { "true" } else { "false" };
        let gather = format!("<Gather numDigits=\"2\" bargeIn=\"{barge_in}\" action=\"/action\">");
        let prompts = "<Play>/tone.wav</Play><Say>And more words after it.</Say>";
        let prompts = if name == "barge" { prompts } else { "<Play>/tone.wav</Play>" };
        world.application.answer(&format!("/{name}"), Answer::twiml(&format!("{gather}{prompts}</Gather>")));
        world.plain_domain(name);
    }

    let options = ["--digits", "42", "--digits-after", "1s"];
    let phones = ["barge", "wait"].map(|name| world.phone(name).options(&options).dial());
    let [barge, wait] = phones.map(|phone| phone.done());

    let (stopped, whole) = (barge.sound.seconds_of(500.0), wait.sound.seconds_of(500.0));
    assert!((0.3..3.0).contains(&stopped), "the prompt was stopped: {stopped} s of it");
    assert!(barge.sound.audible_seconds() < 3.0, "and so was the one after it");
    assert!(whole > 3.8, "the prompt was not to be stopped: {whole} s of it");
    for count in 1..=2 {
        assert_eq!(world.application.wait("/action", count, LIMIT).param("Digits"), "42");
    }
}

#[test]
fn without_an_action_the_document_itself_is_asked_again() {
    let world = World::start();
    let gather = "<Gather numDigits=\"1\"><Pause length=\"2\"/></Gather>";
    world.application.answer_first("/self", Answer::twiml(gather));
    world.application.answer("/self", Answer::twiml("<Hangup/>"));
    world.domain("self", &[("VoiceUrl", "/self?page=1")]);

    let done = world.phone("self").options(&["--digits", "8", "--digits-after", "200ms"]).call();

    assert_eq!(done.status(), 200);
    let again = world.application.wait("/self", 2, LIMIT);
    assert_eq!((again.param("page"), again.param("Digits")), ("1", "8"));
}
