//! Dial, as the call that performs it sees it.

use ringway_model::CallStatus;

use super::*;
use crate::child::ChildEnd;
use crate::outgoing::Destination;

fn ended(status: CallStatus, duration_s: u32) -> ChildNews {
    ChildNews::Ended(Box::new(end(status, duration_s)))
}

fn end(status: CallStatus, duration_s: u32) -> ChildEnd {
    ChildEnd {
        call_sid: CallSid::from_random([4; 16]),
        status,
        duration_s,
        sip_call_id: Some("out-1".to_owned()),
        sip_response_code: Some(if duration_s > 0 { 200 } else { 486 }),
        headers: vec![("X-Why".to_owned(), "lunch".to_owned())],
    }
}

impl World {
    /// The nth child of the call has something to tell.
    fn tells(&mut self, child: usize, news: ChildNews) {
        let id = self.children[child].0;
        self.input(Input::Child { id, news });
    }
}

const BOB: &str = "sip:bob@b.example";

fn dialling(attributes: &str, nouns: &str) -> World {
    let document = format!("<Response><Dial {attributes}>{nouns}</Dial><Say>after</Say></Response>");
    let mut world = World::answered(&document);
    world.expect(&["status in-progress", &format!("start child {BOB}"), "ring tone us x1000"]);
    world
}

fn one(attributes: &str) -> World {
    dialling(attributes, &format!("<Sip>{BOB}</Sip>"))
}

#[test]
fn two_talk_until_the_other_hangs_up_and_the_action_is_told() {
    let mut world = one("action='/done'");
    world.tells(0, ChildNews::Ringing);
    world.expect(&[]);
    world.tells(0, ChildNews::Ready);
    world.expect(&["stop", &format!("bridge {BOB}")]);
    world.pass(60_000);
    world.tells(0, ended(CallStatus::Completed, 60));
    world.expect(&["unbridge", "fetch POST http://app/done"]);
    for (name, value) in [
        ("DialCallStatus", "completed"),
        ("DialBridged", "true"),
        ("DialCallDuration", "60"),
        ("DialSipCallId", "out-1"),
        ("DialSipResponseCode", "200"),
        ("DialSipHeader_X-Why", "lunch"),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
    ] {
        assert_eq!(world.param(name), Some(value), "{name}");
    }
    assert!(world.param("DialCallSid").unwrap().starts_with("CA0404"));
}

#[test]
fn without_an_action_the_next_verb_is_performed() {
    let mut world = one("");
    world.tells(0, ended(CallStatus::Busy, 0));
    world.expect(&["stop", "say after x1"]);
}

#[test]
fn the_child_is_made_of_noun_and_caller() {
    let world = one("callerId='+15550001111' timeout='7' callReason='tea'");
    let child = &world.children[0].1;
    assert_eq!((child.from.as_str(), child.to.as_str()), ("+15550001111", BOB));
    let outgoing = &child.outgoing;
    assert_eq!(outgoing.parent_call_sid, Some(CallSid::from_random([3; 16])));
    assert_eq!((outgoing.caller_id.as_str(), outgoing.timeout.as_secs()), ("+15550001111", 7));
    assert_eq!((outgoing.call_reason.as_deref(), outgoing.max_forwards), (Some("tea"), 69));
    let plain = one("");
    assert_eq!(plain.children[0].1.from, "sip:alice@10.0.0.1");
    assert_eq!(plain.children[0].1.outgoing.caller_id, "alice");
}

#[test]
fn a_client_is_looked_for_in_the_domain_that_was_called() {
    let mut world = World::answered("<Response><Dial><Client>carol</Client></Dial></Response>");
    world.expect(&["status in-progress", "start child client:carol", "ring tone us x1000"]);
    let Destination::Client { identity, domain, .. } = &world.children[0].1.outgoing.destination else {
        panic!("not a client")
    };
    assert_eq!((identity.as_str(), domain.as_deref()), ("carol", Some("demo.sip.twilio.com")));
}

#[test]
fn the_first_that_is_ready_ends_the_others() {
    let carol = "sip:carol@b.example";
    let nouns = format!("<Sip>{BOB}</Sip><Sip>{carol}</Sip><Sip>sip:dave@b.example</Sip>");
    let mut world = World::answered(&format!("<Response><Dial ringTone='uk'>{nouns}</Dial></Response>"));
    world.expect(&[
        "status in-progress",
        &format!("start child {BOB}"),
        &format!("start child {carol}"),
        "start child sip:dave@b.example",
        "ring tone uk x1000",
    ]);
    world.tells(2, ended(CallStatus::Busy, 0));
    world.tells(1, ChildNews::Ready);
    world.expect(&[&format!("end child {BOB} AnsweredElsewhere"), "stop", &format!("bridge {carol}")]);
    world.tells(0, ChildNews::Ready);
    world.tells(0, ended(CallStatus::Completed, 0));
    world.expect(&[]);
    world.tells(1, ended(CallStatus::Completed, 5));
    world.expect(&["unbridge", "hangup", "finish completed 0s"]);
}

#[test]
fn of_several_that_fail_the_best_is_told() {
    let nouns = format!("<Sip>{BOB}</Sip><Sip>{BOB}</Sip>");
    let mut world = World::answered(&format!("<Response><Dial action='/done'>{nouns}</Dial></Response>"));
    let start = format!("start child {BOB}");
    world.expect(&["status in-progress", &start, &start, "ring tone us x1000"]);
    world.tells(1, ended(CallStatus::Busy, 0));
    world.expect(&[]);
    world.tells(0, ended(CallStatus::Failed, 0));
    world.expect(&["stop", "fetch POST http://app/done"]);
    assert_eq!(world.param("DialCallStatus"), Some("busy"));
    assert_eq!(world.param("DialBridged"), Some("false"));
}

#[test]
fn in_order_the_next_is_called_when_the_one_before_failed() {
    let carol = "sip:carol@b.example";
    let mut world = dialling("sequential='true'", &format!("<Sip>{BOB}</Sip><Sip>{carol}</Sip>"));
    world.tells(0, ended(CallStatus::NoAnswer, 0));
    world.expect(&[&format!("start child {carol}")]);
    world.tells(1, ChildNews::Ready);
    world.expect(&["stop", &format!("bridge {carol}")]);
}

#[test]
fn answered_when_the_other_side_is() {
    let document = format!("<Response><Dial answerOnBridge='true'><Sip>{BOB}</Sip></Dial></Response>");
    let mut world = World::of(&document);
    world.expect(&[&format!("start child {BOB}")]);
    world.tells(0, ChildNews::Ready);
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", &format!("bridge {BOB}")]);
    world.input(Input::Acknowledged);
    world.pass(9000);
    world.tells(0, ended(CallStatus::Completed, 9));
    world.expect(&["unbridge", "hangup", "finish completed 9s"]);
}

#[test]
fn nobody_answers_and_the_caller_was_not_answered_either() {
    let document =
        format!("<Response><Dial answerOnBridge='true'><Sip>{BOB}</Sip></Dial><Reject/></Response>");
    let mut world = World::of(&document);
    world.expect(&[&format!("start child {BOB}")]);
    world.tells(0, ended(CallStatus::NoAnswer, 0));
    world.expect(&["refuse 404", "finish no-answer 0s"]);
}

#[test]
fn the_caller_gives_up_or_hangs_up_and_nobody_is_left() {
    let document = format!("<Response><Dial answerOnBridge='true'><Sip>{BOB}</Sip></Dial></Response>");
    let mut gives_up = World::of(&document);
    gives_up.input(Input::Cancelled);
    let end = format!("end child {BOB} ParentGone");
    gives_up.expect(&[&format!("start child {BOB}"), &end, "finish no-answer 0s"]);
    let mut hangs_up = one("");
    hangs_up.input(Input::Bye(Vec::new()));
    hangs_up.expect(&["stop", &end, "finish completed 0s"]);
    let mut talks = one("action='/done'");
    talks.tells(0, ChildNews::Ready);
    talks.input(Input::Bye(Vec::new()));
    talks.expect(&["stop", &format!("bridge {BOB}"), "unbridge", &end, "finish completed 0s"]);
}

#[test]
fn the_star_and_the_time_limit_end_the_other_side_alone() {
    for attributes in ["hangupOnStar='true'", "timeLimit='10'"] {
        let mut world = one(attributes);
        world.keys("*");
        world.tells(0, ChildNews::Ready);
        world.expect(&["stop", &format!("bridge {BOB}")]);
        world.keys("1#");
        world.expect(&[]);
        if attributes.starts_with("hangup") {
            world.keys("*")
        } else {
            world.pass(10_000)
        }
        world.expect(&[&format!("end child {BOB} ParentGone")]);
        world.tells(0, ended(CallStatus::Completed, 10));
        world.expect(&["unbridge", "say after x1"]);
    }
}

#[test]
fn a_rest_redirect_ends_the_others_and_a_redirect_of_the_other_goes_on_here() {
    let mut redirected = one("");
    redirected.tells(0, ChildNews::Ready);
    redirected.expect(&["stop", &format!("bridge {BOB}")]);
    assert_eq!(redirected.command(redirect_to("http://app/other")), Ok(()));
    redirected.expect(&["unbridge", &format!("end child {BOB} ParentGone"), "fetch POST http://app/other"]);
    redirected.tells(0, ended(CallStatus::Completed, 1));
    redirected.expect(&[]);
    let mut left = one("action='/done'");
    left.tells(0, ChildNews::Ready);
    left.tells(0, ChildNews::Left(Box::new(end(CallStatus::Completed, 7))));
    left.expect(&["stop", &format!("bridge {BOB}"), "unbridge", "fetch POST http://app/done"]);
    assert_eq!(left.param("DialCallStatus"), Some("completed"));
    assert_eq!(left.param("DialCallDuration"), None);
}

#[test]
fn what_cannot_be_called_is_told_and_has_failed() {
    for (noun, code) in [
        ("<Sip>bob</Sip>", 13243),
        ("<Sip>sip:b@b.example?Via=x</Sip>", 13252),
        ("<Number>12</Number>", 13223),
        ("<Number>+15551234567</Number>", 13247),
        ("<Client></Client>", 13215),
    ] {
        let document = format!("<Response><Dial action='/done'>{noun}</Dial></Response>");
        let mut world = World::answered(&document);
        world.expect(&["status in-progress", &format!("notify {code}"), "fetch POST http://app/done"]);
        assert_eq!(world.param("DialCallStatus"), Some("failed"), "{noun}");
        assert_eq!(world.param("DialCallSid"), None);
    }
}

#[test]
fn a_caller_id_that_cannot_be_is_told_and_the_callers_own_is_used() {
    let long = "1".repeat(80);
    for (caller_id, code) in [("a b", 13214), (long.as_str(), 13248)] {
        let document = format!("<Response><Dial callerId='{caller_id}'><Sip>{BOB}</Sip></Dial></Response>");
        let mut world = World::answered(&document);
        let start = format!("start child {BOB}");
        world.expect(&["status in-progress", &format!("notify {code}"), &start, "ring tone us x1000"]);
        assert_eq!(world.children[0].1.outgoing.caller_id, "alice");
    }
}
