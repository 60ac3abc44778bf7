//! Whole calls between two endpoints over a bad network. Each scenario runs `RINGWAY_SEEDS` times (1000);
//! a failure prints its seed.

#![allow(unreachable_pub)] // the world is shared by test binaries that each use a part of it

mod world;

use std::time::Duration;

use ringway_sip::endpoint::Command;
use world::{Happening, Sabotage, Script, Side, World, description};

/// Runs a scenario for every seed; the end is checked each time and by `expect`, which says whether the call
/// went as meant. Now and then the network may defeat a call; it may never defeat the invariants.
#[expect(clippy::disallowed_methods, reason = "how many seeds run is the choice of whoever runs the tests")]
fn scenario(script: Script, sabotage: fn() -> Sabotage, expect: fn(&World) -> bool) {
    let seeds = std::env::var("RINGWAY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1000);
    let mut as_meant = 0;
    for seed in 0..seeds {
        let mut world = World::new(seed, script).sabotaged(sabotage());
        world.run();
        world.check();
        as_meant += u64::from(expect(&world));
    }
    assert!(as_meant * 100 >= seeds * 99, "only {as_meant} of {seeds} calls went as meant");
}

fn nothing_more() -> Sabotage {
    Box::new(|_| false)
}

/// Rings, then answers.
fn answer(world: &mut World, happening: &Happening) {
    if (happening.side, happening.what) == (Side::Server, "Incoming") {
        let ring = world.between(1, 100);
        let answer = ring + world.between(0, 1500);
        world.respond_later(ring, happening, 180);
        world.respond_later(answer, happening, 200);
    }
}

/// The called side heard the ACK, however often it had to repeat its 200.
fn was_acknowledged(world: &World) -> bool {
    was_answered(world) && world.count(Side::Server, "AcknowledgeTimeout") == 0
}

fn was_answered(world: &World) -> bool {
    world.count(Side::Server, "Incoming") == 1 && world.count(Side::Caller, "Answered") == 1
}

#[test]
fn the_caller_hangs_up() {
    let script: Script = |world, happening| {
        answer(world, happening);
        if (happening.side, happening.what) == (Side::Caller, "Answered") {
            let talk = world.between(0, 3000);
            world.hang_up_later(talk, happening);
        }
    };
    scenario(script, nothing_more, |world| was_answered(world) && world.count(Side::Server, "Bye") == 1);
}

#[test]
fn the_called_side_hangs_up() {
    let script: Script = |world, happening| {
        answer(world, happening);
        if (happening.side, happening.what) == (Side::Server, "Acknowledged") {
            let talk = world.between(0, 3000);
            world.hang_up_later(talk, happening);
        }
    };
    scenario(script, nothing_more, |world| was_acknowledged(world) && world.count(Side::Caller, "Bye") == 1);
}

#[test]
fn the_called_side_hangs_up_at_once_and_waits_for_the_ack() {
    let script: Script = |world, happening| {
        if (happening.side, happening.what) == (Side::Server, "Incoming") {
            world.respond_later(Duration::from_millis(10), happening, 200);
            world.hang_up_later(Duration::from_millis(10), happening);
        }
    };
    scenario(script, nothing_more, |world| was_acknowledged(world) && world.count(Side::Caller, "Bye") == 1);
}

#[test]
fn both_hang_up_at_once() {
    let script: Script = |world, happening| {
        answer(world, happening);
        let caller = (happening.side, happening.what) == (Side::Caller, "Answered");
        let server = (happening.side, happening.what) == (Side::Server, "Acknowledged");
        if caller || server {
            let talk = if caller { world.between(0, 200) } else { world.between(0, 100) };
            world.hang_up_later(talk, happening);
        }
    };
    scenario(script, nothing_more, was_answered);
}

#[test]
fn a_cancel_meets_the_200() {
    let script: Script = |world, happening| match (happening.side, happening.what) {
        (Side::Server, "Incoming") => {
            let answer = world.between(50, 300);
            world.respond_later(Duration::from_millis(1), happening, 180);
            world.respond_later(answer, happening, 200);
        }
        (Side::Caller, "Provisional") if world.count(Side::Caller, "Provisional") == 1 => {
            let change_of_mind = world.between(0, 300);
            world.hang_up_later(change_of_mind, happening);
        }
        // A call whose every 1xx was lost is answered before anyone gives it up.
        (Side::Caller, "Answered") => world.hang_up_later(Duration::from_millis(500), happening),
        _ => {}
    };
    scenario(script, nothing_more, |world| world.count(Side::Server, "Incoming") == 1);
}

#[test]
fn the_first_answers_to_a_challenged_invite_are_lost() {
    let script: Script = |world, happening| {
        answer(world, happening);
        if (happening.side, happening.what) == (Side::Caller, "Answered") {
            world.hang_up_later(Duration::from_secs(1), happening);
        }
    };
    let lose_first_answers: fn() -> Sabotage = || {
        let mut to_lose = 3;
        Box::new(move |packet| {
            let answer = [&b"SIP/2.0 100"[..], b"SIP/2.0 180", b"SIP/2.0 200"]
                .iter()
                .any(|start| packet.starts_with(start));
            let lost = answer && to_lose > 0;
            to_lose -= i32::from(lost);
            lost
        })
    };
    scenario(script, lose_first_answers, was_answered);
}

#[test]
fn both_offer_a_new_session_at_once() {
    let script: Script = |world, happening| {
        answer(world, happening);
        let (dialog, side) = (happening.dialog, happening.side);
        match (side, happening.what) {
            (Side::Caller, "Answered") | (Side::Server, "Acknowledged")
                if world.count(side, happening.what) == 1 =>
            {
                let delay = world.between(0, 150);
                world.later(delay, side, Command::Reinvite { dialog, body: Some(description()) });
                if side == Side::Caller {
                    world.hang_up_later(Duration::from_secs(60), happening);
                }
            }
            (_, "Offer") => {
                let delay = world.between(0, 100);
                let offer = happening.offer.expect("an offer has an id");
                world.later(
                    delay,
                    side,
                    Command::AnswerOffer { dialog, offer, result: Ok(Some(description())) },
                );
            }
            _ => {}
        }
    };
    scenario(script, nothing_more, |world| {
        was_answered(world)
            && world.count(Side::Caller, "OfferAnswered") == 1
            && world.count(Side::Server, "OfferAnswered") == 1
    });
}

#[test]
fn the_ack_never_comes() {
    let lose_acks: fn() -> Sabotage = || Box::new(|packet| packet.starts_with(b"ACK "));
    scenario(answer, lose_acks, |world| {
        was_answered(world)
            && world.count(Side::Server, "AcknowledgeTimeout") == 1
            && world.count(Side::Caller, "Bye") == 1
    });
}
