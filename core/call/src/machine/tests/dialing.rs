//! Calls out, from their turn to their end.

use ringway_model::CallStatus;

use super::*;
use crate::child::{EndReason, ParentNews};
use crate::fork::{BranchId, Refused, Stages};
use crate::input::{BranchAnswer, BranchNews, Unroutable};
use crate::outgoing::{Destination, Events, Outgoing, SipAddress};

fn outgoing() -> Outgoing {
    Outgoing {
        account_sid: AccountSid::from_random([2; 16]),
        parent_call_sid: None,
        destination: Destination::Sip {
            address: SipAddress::parse("sip:bob@b.example").unwrap(),
            login: None,
        },
        urls: VoiceUrls {
            url: Some("http://app/voice".to_owned()),
            status_callback_url: Some("http://app/status".to_owned()),
            ..VoiceUrls::default()
        },
        twiml: None,
        events: Events { initiated: true, ringing: true, answered: true, completed: true },
        timeout: Duration::from_secs(60),
        send_digits: None,
        caller_id: "alice".to_owned(),
        caller_name: None,
        call_reason: None,
        max_forwards: 70,
    }
}

fn child() -> Outgoing {
    let parent_call_sid = Some(CallSid::from_random([9; 16]));
    let urls = VoiceUrls { url: None, ..outgoing().urls };
    Outgoing { parent_call_sid, urls, ..outgoing() }
}

fn world(outgoing: Outgoing, queued_ms: u64) -> World {
    let inbound = World::new();
    let leg = LegFacts {
        from: "alice".to_owned(),
        to: "sip:bob@b.example".to_owned(),
        sip_call_id: None,
        source_ip: None,
        username: None,
        ..facts(gate()).leg
    };
    let facts = CallFacts { origin: CallOrigin::Outgoing(Arc::new(outgoing)), leg, ..facts(gate()) };
    let dial_at = inbound.now.monotonic + Duration::from_millis(queued_ms);
    World::around(CallMachine::outgoing(facts, inbound.now, dial_at), inbound.now)
}

impl World {
    fn routed(&mut self, stages: Stages) {
        let id = self.route.take().unwrap();
        self.input(Input::Routed { id, result: Ok(stages) });
    }

    fn hears(&mut self, branch: u16, news: BranchNews) {
        self.input(Input::Branch { branch: BranchId(branch), news });
    }

    fn refuses(&mut self, branch: u16, status: u16) {
        let headers =
            vec![("X-Why".to_owned(), "asleep".to_owned()), ("User-to-User".to_owned(), "1".to_owned())];
        let refused = Refused { status, heard: true, headers };
        self.hears(branch, BranchNews::Refused { sip_call_id: "out-1".to_owned(), refused });
    }

    fn answers(&mut self, branch: u16) {
        self.hears(branch, answer());
    }
}

fn answer() -> BranchNews {
    BranchNews::Answered(BranchAnswer {
        sip_call_id: "out-1".to_owned(),
        source_ip: [10, 0, 0, 2].into(),
        headers: vec![("X-Desk".to_owned(), "7".to_owned())],
    })
}

/// A call that rings at one place.
fn ringing(outgoing: Outgoing) -> World {
    let mut world = world(outgoing, 0);
    world.expect(&["status initiated", "callback 0 initiated", "route"]);
    world.routed(Stages::parallel(1));
    world.expect(&["invite 0"]);
    world.hears(0, BranchNews::Ringing);
    world
}

#[test]
fn it_is_dialled_rings_is_answered_and_executes_its_document() {
    let mut world = ringing(outgoing());
    world.expect(&["status ringing", "callback 1 ringing"]);
    world.hears(0, BranchNews::Ringing);
    world.expect(&[]);
    world.answers(0);
    world.expect(&["accept 0"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "callback 2 in-progress", "fetch POST http://app/voice"]);
    for (name, value) in [
        ("CallStatus", Some("in-progress")),
        ("Direction", Some("outbound-api")),
        ("From", Some("alice")),
        ("To", Some("sip:bob@b.example")),
        ("SipCallId", Some("out-1")),
        ("SipSourceIp", Some("10.0.0.2")),
        ("SipHeader_X-Desk", Some("7")),
        ("SipDomain", None),
        ("ParentCallSid", None),
    ] {
        assert_eq!(world.param(name), value, "{name}");
    }
    world.document("<Response><Play>a</Play></Response>");
    world.expect(&["url http://app/a x1"]);
    world.played(3);
    world.expect(&["hangup", "finish completed 3s"]);
    assert_eq!(world.callback_param("SequenceNumber"), Some("3"));
    assert_eq!(world.callback_param("SipResponseCode"), Some("200"));
}

#[test]
fn it_waits_for_its_turn_and_whoever_cancels_it_there_hears_nothing_more() {
    let mut waits = world(outgoing(), 1500);
    assert_eq!(waits.machine.status(), CallStatus::Queued);
    waits.expect(&[]);
    waits.pass(1499);
    waits.expect(&[]);
    waits.pass(1);
    waits.expect(&["status initiated", "callback 0 initiated", "route"]);
    let mut cancelled = world(outgoing(), 1500);
    assert_eq!(cancelled.command(Command::Cancel), Ok(()));
    cancelled.expect(&["finish canceled 0s"]);
    assert_eq!(cancelled.finish().callback, None);
}

#[test]
fn each_refusal_has_its_status() {
    for (status, expected, notified) in [
        (486, CallStatus::Busy, None),
        (603, CallStatus::NoAnswer, None),
        (480, CallStatus::Failed, None),
        (404, CallStatus::Failed, None),
        (302, CallStatus::Failed, Some(32219)),
        (407, CallStatus::Failed, Some(13244)),
    ] {
        let mut world = ringing(outgoing());
        world.refuses(0, status);
        let end = world.finish();
        assert_eq!((end.status, end.sip_response_code), (expected, Some(status)), "{status}");
        let code = status.to_string();
        assert_eq!(world.callback_param("SipResponseCode"), Some(code.as_str()));
        assert_eq!(world.notifications.first().map(|notification| notification.code), notified, "{status}");
    }
}

#[test]
fn nobody_takes_it_up() {
    let mut world = ringing(outgoing());
    world.expect(&["status ringing", "callback 1 ringing"]);
    world.pass(59_999);
    world.expect(&[]);
    world.pass(1);
    world.expect(&["end branch 0", "finish no-answer 0s"]);
    assert_eq!(world.finish().sip_response_code, Some(487));
    world.answers(0);
    world.expect(&[]);
}

#[test]
fn it_goes_nowhere() {
    let mut world = world(outgoing(), 0);
    world.expect(&["status initiated", "callback 0 initiated", "route"]);
    let id = world.route.take().unwrap();
    let nobody = Unroutable { code: 32009, message: "not registered".to_owned() };
    world.input(Input::Routed { id, result: Err(nobody) });
    world.expect(&["notify 32009", "finish failed 0s"]);
    assert_eq!(world.finish().sip_response_code, None);
}

#[test]
fn one_of_three_phones_is_taken_up() {
    let mut world = world(outgoing(), 0);
    world.expect(&["status initiated", "callback 0 initiated", "route"]);
    world.routed(Stages::parallel(3));
    world.expect(&["invite 0", "invite 1", "invite 2"]);
    world.refuses(1, 486);
    world.answers(2);
    world.expect(&["end branch 0 with a reason", "accept 2"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "callback 1 in-progress", "fetch POST http://app/voice"]);
    world.answers(0);
    world.expect(&["end branch 0 with a reason"]);
}

#[test]
fn keys_are_pressed_before_the_document() {
    let twiml = "<Response><Say>a</Say></Response>".to_owned();
    let urls = VoiceUrls { url: None, ..outgoing().urls };
    let digits = Some("12w#".to_owned());
    let mut world = ringing(Outgoing { twiml: Some(twiml), urls, send_digits: digits, ..outgoing() });
    world.expect(&["status ringing", "callback 1 ringing"]);
    world.answers(0);
    world.input(Input::Answered);
    world.expect(&["accept 0", "status in-progress", "callback 2 in-progress", "digits 12w# x1"]);
    world.played(1);
    world.expect(&["say a x1"]);
}

#[test]
fn rest_commands_in_each_state() {
    let redirect = || redirect_to("http://app/other");
    for (command, expected) in [(Command::Complete, "completed"), (Command::Cancel, "canceled")] {
        let mut world = ringing(outgoing());
        assert_eq!(world.command(command), Ok(()));
        let finish = format!("finish {expected} 0s");
        world.expect(&["status ringing", "callback 1 ringing", "end branch 0", &finish]);
    }
    let mut world = ringing(outgoing());
    assert_eq!(world.command(redirect()), Ok(()));
    world.answers(0);
    world.input(Input::Answered);
    assert_eq!(world.command(Command::Cancel), Err(CommandRefused::Answered));
    world.expect(&[
        "status ringing",
        "callback 1 ringing",
        "accept 0",
        "status in-progress",
        "callback 2 in-progress",
        "fetch POST http://app/other",
    ]);
    assert_eq!(world.command(Command::Complete), Ok(()));
    world.expect(&["cancel fetch", "hangup", "finish completed 0s"]);
    assert_eq!(world.command(redirect()), Err(CommandRefused::Ended));
}

#[test]
fn media_that_cannot_be_agreed_on_end_it() {
    let mut world = ringing(outgoing());
    world.answers(0);
    let message = "no codec".to_owned();
    world.input(Input::AnswerFailed { status: 488, code: 32102, message });
    let ends = ["accept 0", "notify 32102", "hangup", "finish failed 0s"];
    world.expect(&[&["status ringing", "callback 1 ringing"][..], &ends[..]].concat());
}

#[test]
fn a_child_tells_its_parent_and_waits_to_be_bridged() {
    let mut world = ringing(child());
    world.expect(&["status ringing", "callback 1 ringing", "tell ringing"]);
    world.answers(0);
    world.input(Input::Answered);
    world.expect(&["accept 0", "status in-progress", "callback 2 in-progress", "tell ready"]);
    world.input(Input::Parent(ParentNews::Bridged));
    world.pass(5000);
    world.expect(&[]);
    world.input(Input::Bye(vec![("X-Bye".to_owned(), "1".to_owned())]));
    world.expect(&["unbridge", "tell ended completed", "finish completed 5s"]);
}

#[test]
fn a_child_ends_when_its_parent_says_so_in_each_state() {
    let end = || Input::Parent(ParentNews::End(EndReason::AnsweredElsewhere));
    let mut rings = ringing(child());
    rings.input(end());
    rings.expect(&[
        "status ringing",
        "callback 1 ringing",
        "tell ringing",
        "end branch 0 with a reason",
        "tell ended no-answer",
        "finish no-answer 0s",
    ]);
    let mut talks = ringing(child());
    talks.answers(0);
    talks.input(Input::Answered);
    talks.expect(&[
        "status ringing",
        "callback 1 ringing",
        "tell ringing",
        "accept 0",
        "status in-progress",
        "callback 2 in-progress",
        "tell ready",
    ]);
    talks.input(end());
    talks.expect(&["unbridge", "hangup", "tell ended completed", "finish completed 0s"]);
}

#[test]
fn a_child_that_gets_another_document_is_nobodys_child_any_more() {
    let mut world = ringing(child());
    assert_eq!(world.command(redirect_to("http://app/x")), Err(CommandRefused::NotAnswered));
    world.answers(0);
    world.input(Input::Answered);
    assert_eq!(world.command(redirect_to("http://app/x")), Ok(()));
    world.expect(&[
        "status ringing",
        "callback 1 ringing",
        "tell ringing",
        "accept 0",
        "status in-progress",
        "callback 2 in-progress",
        "tell ready",
        "unbridge",
        "tell left",
        "fetch POST http://app/x",
    ]);
    world.input(Input::Parent(ParentNews::End(EndReason::ParentGone)));
    world.document("<Response><Hangup/></Response>");
    world.expect(&["hangup", "finish completed 0s"]);
}

#[test]
fn a_child_cannot_dial_from_its_screening_document() {
    let urls = VoiceUrls { url: Some("http://app/screen".to_owned()), ..child().urls };
    let mut world = ringing(Outgoing { urls, ..child() });
    world.answers(0);
    world.input(Input::Answered);
    let rings = ["status ringing", "callback 1 ringing", "tell ringing", "accept 0"];
    let answered = ["status in-progress", "callback 2 in-progress", "fetch POST http://app/screen"];
    world.expect(&[&rings[..], &answered[..]].concat());
    world.document("<Response><Dial>+15551234567</Dial></Response>");
    world.expect(&["notify 13201", "say We are sorry. An application error has occurred. Goodbye. x1"]);
    world.played(2);
    world.expect(&["hangup", "tell ended completed", "finish completed 2s"]);
}

#[test]
fn a_child_is_ready_when_its_screening_document_is_through() {
    let urls = VoiceUrls { url: Some("http://app/screen".to_owned()), ..child().urls };
    let mut world = ringing(Outgoing { urls, ..child() });
    world.answers(0);
    world.input(Input::Answered);
    let rings = ["status ringing", "callback 1 ringing", "tell ringing", "accept 0"];
    let answered = ["status in-progress", "callback 2 in-progress", "fetch POST http://app/screen"];
    world.expect(&[&rings[..], &answered[..]].concat());
    world.document("<Response><Say>a call for you</Say></Response>");
    world.expect(&["say a call for you x1"]);
    world.played(2);
    world.expect(&["tell ready"]);
}
