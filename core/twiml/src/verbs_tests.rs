//! Tables: a document, what comes of it, and the numbers of its warnings.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::parse;

/// The only verb of `<Response>{inner}</Response>`, and the numbers of the problems.
fn one(inner: &str) -> (Option<Verb>, Vec<u32>) {
    let (mut document, problems) = parse(format!("<Response>{inner}</Response>").as_bytes()).unwrap();
    assert!(document.verbs.len() <= 1, "{inner}");
    (document.verbs.pop(), problems.iter().map(|problem| problem.code).collect())
}

fn say_of(inner: &str) -> (Say, Vec<u32>) {
    match one(inner) {
        (Some(Verb::Say(say)), problems) => (say, problems),
        other => panic!("{inner}: {other:?}"),
    }
}

fn gather_of(inner: &str) -> (Gather, Vec<u32>) {
    match one(inner) {
        (Some(Verb::Gather(gather)), problems) => (*gather, problems),
        other => panic!("{inner}: {other:?}"),
    }
}

#[test]
fn say_defaults_and_attributes() {
    let plain = Say { text: "Hello there".to_owned(), ssml: None, voice: None, language: None, loops: 1 };
    assert_eq!(say_of("<Say>\n  Hello\n\tthere </Say>"), (plain, vec![]));
    let (say, problems) = say_of("<Say voice='Polly.Joanna-Neural' language='en-GB' loop='3'>x</Say>");
    assert_eq!(
        (say.voice.as_deref(), say.language.as_deref(), say.loops),
        (Some("Polly.Joanna-Neural"), Some("en-GB"), 3)
    );
    assert_eq!(problems, []);
}

#[test]
fn faulty_say_attributes_fall_back_with_their_numbers() {
    for (attributes, code) in [
        ("voice='robot'", 13511),
        ("voice='Polly.'", 13511),
        ("voice=\"Polly.a'b\"", 13511),
        ("language='english'", 13512),
        ("language='../etc'", 13512),
        ("loop='-1'", 13510),
        ("loop='two'", 13510),
        ("rate='fast'", 12200),
    ] {
        let (say, problems) = say_of(&format!("<Say {attributes}>x</Say>"));
        assert_eq!(problems, [code], "{attributes}");
        assert_eq!((say.voice, say.language, say.loops), (None, None, 1), "{attributes}");
    }
}

#[test]
fn loop_zero_is_a_thousand_and_more_than_that_is_too() {
    for (text, loops) in [("0", 1000), ("1000", 1000), ("1001", 1000), ("99999999999", 1000), ("7", 7)] {
        assert_eq!(say_of(&format!("<Say loop='{text}'>x</Say>")).0.loops, loops);
    }
}

#[test]
fn ssml_is_written_again_safely_and_flattened() {
    let (say, problems) = say_of(
        "<Say>Call <sub alias=\"World &quot;Wide&quot; Web\">WWW</sub><break time='1s'/>now &amp; <emphasis level='strong'>then</emphasis></Say>",
    );
    assert_eq!(say.text, "Call World \"Wide\" Web now & then");
    assert_eq!(
        say.ssml.as_deref(),
        Some(
            "<speak>Call <sub alias=\"World &quot;Wide&quot; Web\">WWW</sub><break time=\"1s\"></break>now &amp; <emphasis level=\"strong\">then</emphasis></speak>"
        )
    );
    assert_eq!(problems, []);
}

#[test]
fn unknown_ssml_keeps_its_words_and_loses_its_tags() {
    let (say, problems) =
        say_of("<Say>a <audio src='file:///etc/passwd'>b</audio> <p onload='x'>c</p></Say>");
    assert_eq!((say.text.as_str(), problems), ("a b c", vec![12200, 12200]));
    assert_eq!(say.ssml.as_deref(), Some("<speak>a b <p>c</p></speak>"));
}

#[test]
fn an_empty_and_an_endless_say_are_warned_of() {
    assert_eq!(say_of("<Say/>").1, [13520]);
    let (say, problems) = say_of(&format!("<Say>{}</Say>", "\u{e9}".repeat(SAY_CHARACTERS_MAX + 5)));
    assert_eq!((say.text.chars().count(), problems), (SAY_CHARACTERS_MAX, vec![13521]));
}

#[test]
fn play_takes_a_url_or_digits() {
    let url = |text: &str| PlayWhat::Url(text.to_owned());
    let digits = |text: &str| PlayWhat::Digits(text.to_owned());
    for (text, expected, codes) in [
        ("<Play> /a.wav </Play>", Some((url("/a.wav"), 1)), vec![]),
        ("<Play loop='0'>a.mp3?x=1&amp;y=2</Play>", Some((url("a.mp3?x=1&y=2"), 1000)), vec![]),
        ("<Play loop='x'>a</Play>", Some((url("a"), 1)), vec![13410]),
        ("<Play digits='12#wW*A'/>", Some((digits("12#wW*A"), 1)), vec![]),
        ("<Play digits='12x'/>", None, vec![13430]),
        ("<Play digits='12x'>a</Play>", Some((url("a"), 1)), vec![13430]),
        ("<Play/>", None, vec![12200]),
        ("<Play><b/>a</Play>", Some((url("a"), 1)), vec![12200]),
    ] {
        let expected = expected.map(|(what, loops)| Verb::Play(Play { what, loops }));
        assert_eq!(one(text), (expected, codes), "{text}");
    }
}

#[test]
fn pause_lasts_whole_seconds() {
    for (text, seconds, codes) in [
        ("<Pause/>", 1, vec![]),
        ("<Pause length='10'/>", 10, vec![]),
        ("<Pause length='0'/>", 1, vec![13910]),
        ("<Pause length='1.5'/>", 1, vec![13910]),
    ] {
        let expected = Verb::Pause(Pause { length: Duration::from_secs(seconds) });
        assert_eq!(one(text), (Some(expected), codes), "{text}");
    }
}

#[test]
fn gather_defaults() {
    let (gather, problems) = gather_of("<Gather/>");
    let expected = Gather {
        action: None,
        method: HttpMethod::Post,
        timeout: Duration::from_secs(5),
        finish_on_key: Some('#'),
        num_digits: None,
        barge_in: true,
        action_on_empty_result: false,
        prompts: Vec::new(),
    };
    assert_eq!((gather, problems), (expected, vec![]));
}

#[test]
fn gather_attributes_and_prompts() {
    let (gather, problems) = gather_of(
        "<Gather action='/k?a=1#rc=2' method='get' timeout='0' finishOnKey='' numDigits='4' actionOnEmptyResult='true' bargeIn='false'>\
         <Say>a</Say><Pause/><Play>b</Play></Gather>",
    );
    assert_eq!(gather.action.as_deref(), Some("/k?a=1#rc=2"));
    assert_eq!(
        (gather.method, gather.timeout, gather.finish_on_key),
        (HttpMethod::Get, Duration::ZERO, None)
    );
    assert_eq!((gather.num_digits, gather.action_on_empty_result, gather.barge_in), (Some(4), true, false));
    assert!(matches!(gather.prompts.as_slice(), [Prompt::Say(_), Prompt::Pause(_), Prompt::Play(_)]));
    assert_eq!(problems, []);
}

#[test]
fn faulty_gather_attributes_fall_back_with_their_numbers() {
    for (text, codes) in [
        ("<Gather finishOnKey='12'/>", vec![13310]),
        ("<Gather finishOnKey='A'/>", vec![13310]),
        ("<Gather method='PUT'/>", vec![13312]),
        ("<Gather timeout='soon'/>", vec![13313]),
        ("<Gather numDigits='0'/>", vec![13314]),
        ("<Gather actionOnEmptyResult='1'/>", vec![13338]),
        ("<Gather input='voice'/>", vec![13326]),
        ("<Gather input='speech' hints='a' speechTimeout='auto'/>", vec![12200]),
        ("<Gather input='dtmf speech'/>", vec![12200]),
        ("<Gather input='dtmf'/>", vec![]),
        ("<Gather><Dial/></Gather>", vec![13320]),
        ("<Gather><Play digits='1'/></Gather>", vec![13430]),
        ("<Gather><Say voice='x' loop='y'>a</Say></Gather>", vec![13321, 13322]),
        ("<Gather color='red'/>", vec![12200]),
    ] {
        let (gather, problems) = gather_of(text);
        assert_eq!(problems, codes, "{text}");
        let defaults = (Some('#'), HttpMethod::Post, Duration::from_secs(5), None, false);
        let got = (
            gather.finish_on_key,
            gather.method,
            gather.timeout,
            gather.num_digits,
            gather.action_on_empty_result,
        );
        assert_eq!(got, defaults, "{text}");
    }
}

#[test]
fn redirect_reject_and_hangup() {
    let redirect = |url: &str, method| Verb::Redirect(Redirect { url: url.to_owned(), method });
    let reject = |reason| Verb::Reject(Reject { reason });
    for (text, expected, codes) in [
        ("<Redirect method='GET'> ../next </Redirect>", redirect("../next", HttpMethod::Get), vec![]),
        ("<Redirect/>", redirect("", HttpMethod::Post), vec![]),
        ("<Redirect method='FETCH'>x</Redirect>", redirect("x", HttpMethod::Post), vec![13710]),
        ("<Reject/>", reject(RejectReason::Rejected), vec![]),
        ("<Reject reason='busy'/>", reject(RejectReason::Busy), vec![]),
        (
            "<Reject reason='tired'><Parameter name='a'/></Reject>",
            reject(RejectReason::Rejected),
            vec![13810],
        ),
        ("<Hangup><Parameter name='a'/></Hangup>", Verb::Hangup, vec![]),
        ("<Hangup now='1'/>", Verb::Hangup, vec![12200]),
        ("<Record maxLength='4'/>", Verb::NotBuilt { name: "Record" }, vec![]),
    ] {
        assert_eq!(one(text), (Some(expected), codes), "{text}");
    }
}

#[test]
fn what_is_no_verb_is_left_out_with_a_warning() {
    for text in ["<say>x</say>", "<Speak/>", "stray text"] {
        assert_eq!(one(text), (None, vec![12200]), "{text}");
    }
    let (_, problems) = parse(b"<Response><hangup/></Response>").unwrap();
    assert!(problems[0].message.contains("Hangup"), "{}", problems[0]);
}

#[test]
fn the_count_of_problems_is_bounded() {
    let (_, problems) = parse(format!("<Response>{}</Response>", "<x/>".repeat(500)).as_bytes()).unwrap();
    assert_eq!(problems.len(), crate::problem::PROBLEMS_MAX);
}
