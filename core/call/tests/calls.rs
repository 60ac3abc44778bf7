//! Whole calls, from the phone's INVITE to the status callback, in a simulated world. Each scenario runs for
//! `RINGWAY_SEEDS` seeds (1000); `RINGWAY_SEED=n` runs that one alone. A failure names its scenario and seed.

mod world;

use std::time::Duration;

use bytes::Bytes;
use ringway_call::HttpMethod;
use ringway_call::effect::Purpose;
use ringway_call::input::Command;
use ringway_model::{CallStatus, Random};
use ringway_sip::message::{Message, Method, RequestBuilder};
use world::{Answer, Memory, News, Outcome, Scenario, Side, Treatment, World, document};

const SEEDS_DEFAULT: u64 = 1000;

const LONG: &str = "<Say loop='3'>a</Say><Gather timeout='3'><Play>b</Play></Gather><Say>c</Say>";
const SHORT: &str = "<Play>a</Play>";

/// Runs a scenario for every seed. The invariants hold each time; `as_meant` says whether the call went as
/// the scenario wants it, which the network may prevent now and then, in at most one call of a hundred.
fn run(scenario: &'static Scenario, as_meant: fn(&Outcome) -> bool) {
    let (seeds, all) = match environment("RINGWAY_SEED") {
        Some(seed) => (seed..seed + 1, false),
        None => (0..environment("RINGWAY_SEEDS").unwrap_or(SEEDS_DEFAULT), true),
    };
    let (mut undisturbed, mut odd) = (0, Vec::new());
    for seed in seeds {
        let mut world = World::new(scenario, seed);
        world.run();
        let outcome = world.check();
        undisturbed += usize::from(outcome.undisturbed);
        if outcome.undisturbed && !as_meant(&outcome) {
            odd.push(seed);
        }
    }
    let few = odd.len() * 100 <= undisturbed;
    assert!(few || !all, "{}: of {undisturbed} calls these did not go as meant: {odd:?}", scenario.name);
}

#[expect(clippy::disallowed_methods, reason = "which seeds run is the choice of whoever runs the tests")]
fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn nothing(_: &mut World, _: &News) {}

fn usual(_: &mut Memory, _: Side, _: &[u8]) -> Treatment {
    Treatment::Usual
}

/// A call of some length that does not end by itself soon.
fn long(random: &mut Random, _: Purpose) -> Answer {
    document(random, LONG)
}

fn short(random: &mut Random, _: Purpose) -> Answer {
    document(random, SHORT)
}

fn is(outcome: &Outcome, status: CallStatus, sip_status: u16) -> bool {
    (outcome.status, outcome.sip_status) == (Some(status), Some(sip_status))
}

fn is_completed(outcome: &Outcome) -> bool {
    is(outcome, CallStatus::Completed, 200)
}

fn heard(list: &[&str], what: &str) -> bool {
    list.contains(&what)
}

#[test]
fn the_document_ends_and_so_does_the_call() {
    static SCENARIO: Scenario = Scenario {
        name: "the_document_ends_and_so_does_the_call",
        application: |random, _| match random.below(8) {
            0 => document(random, "<Pause length='1'/><Say>a</Say>"),
            1 => document(random, "<Hangup/>"),
            2 => document(random, ""),
            3 => document(random, "<Play digits='12w3'/><Redirect>next</Redirect>"),
            4 => Answer { document: None, ..document(random, "") },
            _ => document(random, SHORT),
        },
        react: nothing,
        network: usual,
    };
    run(&SCENARIO, |outcome| {
        let confirmed = is_completed(outcome) && heard(&outcome.caller_heard, "Bye");
        confirmed || heard(&outcome.server_heard, "AcknowledgeTimeout") || outcome.notified.contains(&32102)
    });
}

#[test]
fn the_caller_hangs_up() {
    static SCENARIO: Scenario = Scenario {
        name: "the_caller_hangs_up",
        application: long,
        react: |world, news| {
            if let News::Caller { what: "Answered", .. } = news {
                let talk = world.between(0, 5000);
                world.hang_up_later(talk);
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| {
        is_completed(outcome) && heard(&outcome.server_heard, "Bye") || outcome.notified.contains(&32102)
    });
}

#[test]
fn both_hang_up_at_once() {
    static SCENARIO: Scenario = Scenario {
        name: "both_hang_up_at_once",
        application: short,
        react: |world, news| {
            if let News::Playing { lasts } = news {
                // The phone hangs up about when the document ends.
                let early = world.between(0, 150);
                world.hang_up_later((*lasts + Duration::from_millis(100)).saturating_sub(early));
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| {
        outcome.sip_status.is_some_and(|status| [200, 487].contains(&status)) && outcome.status.is_some()
    });
}

#[test]
fn a_cancel_meets_the_200() {
    static SCENARIO: Scenario = Scenario {
        name: "a_cancel_meets_the_200",
        application: |random, _| match random.below(4) {
            0 => document(random, "<Hangup/>"),
            1 => document(random, "<Reject reason='busy'/>"),
            _ => document(random, LONG),
        },
        react: |world, news| {
            if let News::Asked { purpose: Purpose::Voice, answers_in } = news {
                let around = world.between(0, 300);
                world.hang_up_later((*answers_in + around).saturating_sub(Duration::from_millis(150)));
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| outcome.sip_status.is_some_and(|status| [200, 486, 487].contains(&status)));
}

#[test]
fn the_caller_gives_up_while_it_rings() {
    static SCENARIO: Scenario = Scenario {
        name: "the_caller_gives_up_while_it_rings",
        application: |random, _| document(random, "<Pause length='60'/><Say>a</Say>"),
        react: |world, news| {
            if let News::Incoming = news {
                let patience = world.between(0, 4000);
                world.hang_up_later(patience);
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| is(outcome, CallStatus::NoAnswer, 487));
}

/// Our first answers to the INVITE with credentials are lost; a repetition must neither ask for the password
/// again nor make another call.
#[test]
fn the_first_answers_to_a_challenged_invite_are_lost() {
    static SCENARIO: Scenario = Scenario {
        name: "the_first_answers_to_a_challenged_invite_are_lost",
        application: |random, _| match random.below(3) {
            // At once, so that the 200 is among what is lost.
            0 => Answer { after: Duration::ZERO, ..document(random, LONG) },
            _ => document(random, LONG),
        },
        react: |world, news| {
            if let News::Caller { what: "Answered", .. } = news {
                world.hang_up_later(Duration::from_secs(1));
            }
        },
        network: |memory, side, packet| {
            let answer = ["SIP/2.0 100", "SIP/2.0 180", "SIP/2.0 200"];
            let lost = side == Side::Server
                && memory.lost < 4
                && answer.iter().any(|start| packet.starts_with(start.as_bytes()));
            memory.lost += u32::from(lost);
            if lost { Treatment::Lost } else { Treatment::Usual }
        },
    };
    run(&SCENARIO, |outcome| is_completed(outcome) || outcome.notified.contains(&32102));
}

/// BYE overtakes the ACK, which comes late or never.
#[test]
fn the_caller_hangs_up_before_its_ack_arrives() {
    static SCENARIO: Scenario = Scenario {
        name: "the_caller_hangs_up_before_its_ack_arrives",
        application: |random, _| match random.below(3) {
            0 => document(random, "<Hangup/>"),
            _ => document(random, LONG),
        },
        react: |world, news| {
            if let News::Caller { what: "Answered", .. } = news {
                let at_once = world.between(0, 100);
                world.hang_up_later(at_once);
            }
        },
        network: |memory, _, packet| match packet.starts_with(b"ACK ") {
            true if memory.random.below(2) == 0 => Treatment::Lost,
            true => Treatment::Late(Duration::from_millis(memory.random.below(3000))),
            false => Treatment::Usual,
        },
    };
    run(&SCENARIO, |outcome| is_completed(outcome) || outcome.notified.contains(&32102));
}

/// Offers of the phone meet the end of the call, and the ACK that it may have to wait for.
#[test]
fn the_phone_changes_the_session_while_the_call_ends() {
    static SCENARIO: Scenario = Scenario {
        name: "the_phone_changes_the_session_while_the_call_ends",
        application: |random, _| match random.below(2) {
            0 => document(random, "<Hangup/>"),
            _ => document(random, SHORT),
        },
        react: |world, news| match news {
            News::Caller { what: "Answered", .. } => {
                let at_once = world.between(0, 60);
                world.change_session_later(at_once);
            }
            News::Playing { lasts } => {
                let early = world.between(0, 150);
                world.change_session_later((*lasts + Duration::from_millis(60)).saturating_sub(early));
            }
            _ => {}
        },
        network: |memory, _, packet| match packet.starts_with(b"ACK ") && !is_of_refusal(packet) {
            true if memory.random.below(2) == 0 => Treatment::Lost,
            true => Treatment::Late(Duration::from_millis(memory.random.below(1000))),
            false => Treatment::Usual,
        },
    };
    run(&SCENARIO, |outcome| outcome.sip_status == Some(200));
}

/// RFC 3261 15 lets a caller end an early dialog by BYE as well; some phones do.
#[test]
fn the_caller_ends_an_early_dialog_by_bye() {
    static SCENARIO: Scenario = Scenario {
        name: "the_caller_ends_an_early_dialog_by_bye",
        application: long,
        react: |world, news| {
            if let News::Caller { what: "Provisional", response: Some(response) } = news
                && world.is_udp()
            {
                let bye = bye_of(response);
                let first = world.between(0, 500);
                let again = first + Duration::from_millis(500);
                world.inject(&bye, &[first, again]);
            }
            if let News::Caller { what: "Answered", .. } = news {
                world.hang_up_later(Duration::from_secs(3));
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| {
        let ended = is(outcome, CallStatus::NoAnswer, 487) || is_completed(outcome);
        ended || outcome.notified.contains(&32102)
    });
}

/// The BYE that an early dialog allows, as a phone would make it.
fn bye_of(response: &Message) -> Bytes {
    RequestBuilder::new(Method::Bye, "sip:198.51.100.1:5060")
        .via("UDP", "192.0.2.1:5060", "z9hG4bK-early-bye")
        .max_forwards(70)
        .from(response.from().as_str())
        .to(response.to().as_str())
        .call_id(response.call_id())
        .cseq(response.cseq().number + 1)
        .finish()
}

#[test]
fn the_ack_never_comes() {
    static SCENARIO: Scenario = Scenario {
        name: "the_ack_never_comes",
        application: |random, _| match random.below(3) {
            0 => document(random, SHORT),
            _ => document(random, "<Play loop='2'>a</Play><Pause length='50'/><Say>b</Say>"),
        },
        react: nothing,
        network: |_, _, packet| match packet.starts_with(b"ACK ") && !is_of_refusal(packet) {
            true => Treatment::Lost,
            false => Treatment::Usual,
        },
    };
    run(&SCENARIO, |outcome| {
        is(outcome, CallStatus::Failed, 200)
            && outcome.notified == [32022]
            && heard(&outcome.caller_heard, "Bye")
    });
}

/// The ACK of a challenge is not the one of the 200.
fn is_of_refusal(packet: &[u8]) -> bool {
    packet.windows(7).any(|text| text == b"CSeq: 1")
}

fn redirect() -> Command {
    Command::Redirect { url: "http://app/other".to_owned(), method: HttpMethod::Post }
}

fn any_command(world: &mut World) -> Command {
    match world.random.below(4) {
        0 => Command::Complete,
        1 => Command::Cancel,
        2 => Command::RunTwiml("<Response><Say>inline</Say></Response>".to_owned()),
        _ => redirect(),
    }
}

#[test]
fn rest_commands_meet_the_webhooks_answer() {
    static SCENARIO: Scenario = Scenario {
        name: "rest_commands_meet_the_webhooks_answer",
        application: |random, purpose| match (purpose, random.below(4)) {
            (Purpose::Command, _) => document(random, SHORT),
            (_, 0) => document(random, "<Pause/><Redirect>next</Redirect>"),
            (_, 1) => document(random, "<Reject/>"),
            _ => document(random, LONG),
        },
        react: |world, news| {
            if let News::Asked { answers_in, .. } = news {
                let around = world.between(0, 200);
                let command = any_command(world);
                world.rest_later((*answers_in + around).saturating_sub(Duration::from_millis(100)), command);
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| outcome.status.is_some());
}

#[test]
fn rest_commands_meet_the_callers_bye() {
    static SCENARIO: Scenario = Scenario {
        name: "rest_commands_meet_the_callers_bye",
        application: long,
        react: |world, news| {
            if let News::Caller { what: "Answered", .. } = news {
                let talk = world.between(0, 2000);
                let around = world.between(0, 200);
                let command = any_command(world);
                world.hang_up_later(talk);
                world.rest_later((talk + around).saturating_sub(Duration::from_millis(60)), command);
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| is_completed(outcome) || outcome.notified.contains(&32102));
}

#[test]
fn rest_commands_meet_the_callers_cancel() {
    static SCENARIO: Scenario = Scenario {
        name: "rest_commands_meet_the_callers_cancel",
        application: |random, _| document(random, "<Pause length='30'/><Say>a</Say>"),
        react: |world, news| {
            if let News::Caller { what: "Provisional", .. } = news {
                let patience = world.between(100, 1500);
                let around = world.between(0, 200);
                let command = any_command(world);
                world.hang_up_later(patience);
                world.rest_later((patience + around).saturating_sub(Duration::from_millis(60)), command);
            }
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| outcome.status.is_some());
}

#[test]
fn keys_meet_the_timeout_of_gather() {
    static SCENARIO: Scenario = Scenario {
        name: "keys_meet_the_timeout_of_gather",
        application: |random, purpose| match purpose {
            Purpose::GatherAction => document(random, "<Say>thanks</Say>"),
            _ => document(
                random,
                "<Gather timeout='1' numDigits='3' action='done'><Say>a</Say></Gather>\
                 <Say>nothing</Say><Redirect>late</Redirect>",
            ),
        },
        react: |world, news| match news {
            // Around the end of the prompt, the time-out, and one another.
            News::Playing { lasts } => {
                let mut delay = lasts.saturating_sub(Duration::from_millis(300));
                let timeout = u64::from(world.chance(2)) * 1000;
                delay += Duration::from_millis(timeout) + world.between(0, 400);
                for key in "12#3".chars() {
                    world.press_later(delay, key);
                    delay += if world.chance(3) { world.between(950, 1050) } else { world.between(20, 300) };
                }
            }
            News::Asked { purpose: Purpose::Redirect, .. } => world.hang_up_later(Duration::from_secs(1)),
            _ => {}
        },
        network: usual,
    };
    run(&SCENARIO, |outcome| {
        let submitted = |keys: &String| !keys.is_empty() && keys.len() <= 3 && !keys.contains('#');
        let right = outcome.digits.iter().all(submitted);
        right && is_completed(outcome) || outcome.notified.contains(&32102)
    });
}
