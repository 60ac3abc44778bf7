//! The REST API and live calls.

use super::*;

fn talking() -> World {
    let mut world = World::answered("<Response><Say>a</Say></Response>");
    world.expect(&["status in-progress", "say a x1"]);
    world
}

fn ringing() -> World {
    let mut world = World::new();
    world.expect(&["ring", "fetch POST http://app/voice"]);
    world
}

#[test]
fn completed_ends_a_call_in_any_state() {
    let mut world = talking();
    assert_eq!(world.command(Command::Complete), Ok(()));
    world.expect(&["stop", "hangup", "finish completed 0s"]);
    let mut world = ringing();
    assert_eq!(world.command(Command::Complete), Ok(()));
    world.expect(&["cancel fetch", "refuse 480", "finish completed 0s"]);
}

#[test]
fn canceled_ends_only_what_was_not_answered() {
    let mut world = ringing();
    assert_eq!(world.command(Command::Cancel), Ok(()));
    world.expect(&["cancel fetch", "refuse 480", "finish canceled 0s"]);
    assert_eq!(world.command(Command::Cancel), Err(CommandRefused::Ended));
    let mut world = talking();
    assert_eq!(world.command(Command::Cancel), Err(CommandRefused::Answered));
    world.expect(&[]);
}

#[test]
fn a_redirect_interrupts_at_once_and_the_old_document_is_gone() {
    let mut world = talking();
    let old = world.play.unwrap();
    assert_eq!(world.command(redirect_to("http://b/new#rc=1")), Ok(()));
    world.expect(&["stop", "fetch POST http://b/new#rc=1"]);
    world.input(Input::PlayFinished { id: old });
    world.expect(&[]);
    world.document("<Response><Say>b</Say></Response>");
    world.expect(&["say b x1"]);
}

#[test]
fn a_redirect_supersedes_a_fetch_whose_answer_is_then_late() {
    let mut world = ringing();
    let old = world.fetch.clone().unwrap();
    assert_eq!(world.command(redirect_to("http://b/new")), Ok(()));
    world.expect(&["cancel fetch", "fetch POST http://b/new"]);
    world.input(Input::Fetched { id: old.id, result: Err(failure(11200)) });
    world.expect(&[]);
    world.document("<Response><Reject/></Response>");
    world.expect(&["refuse 404", "finish no-answer 0s"]);
}

#[test]
fn a_redirect_while_the_answer_is_on_its_way_waits_for_both() {
    let mut world = World::of("<Response><Say>a</Say></Response>");
    world.expect(&["answer"]);
    assert_eq!(world.command(redirect_to("http://b/new")), Ok(()));
    world.expect(&["fetch POST http://b/new"]);
    world.document("<Response><Say>b</Say></Response>");
    world.expect(&[]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "say b x1"]);

    let mut world = World::of("<Response><Say>a</Say></Response>");
    world.expect(&["answer"]);
    assert_eq!(world.command(redirect_to("http://b/new")), Ok(()));
    world.input(Input::Answered);
    world.expect(&["fetch POST http://b/new", "status in-progress"]);
    world.document("<Response><Say>b</Say></Response>");
    world.expect(&["say b x1"]);
}

#[test]
fn twiml_of_a_command_is_performed_at_once_and_answers_like_any_other() {
    let mut world = talking();
    assert_eq!(world.command(Command::RunTwiml("<Response><Say>b</Say></Response>".to_owned())), Ok(()));
    world.expect(&["stop", "say b x1"]);
    let mut world = ringing();
    assert_eq!(world.command(Command::RunTwiml("<Response><Say>b</Say></Response>".to_owned())), Ok(()));
    world.expect(&["cancel fetch", "answer"]);
}

#[test]
fn a_call_that_is_being_hung_up_takes_no_commands() {
    let mut world = World::of("<Response><Hangup/></Response>");
    world.expect(&["answer"]);
    world.input(Input::Answered);
    world.expect(&["status in-progress", "hangup"]);
    assert_eq!(world.command(Command::Complete), Err(CommandRefused::Ended));
    assert_eq!(world.command(redirect_to("http://b/")), Err(CommandRefused::Ended));
}

#[test]
fn completed_while_the_answer_is_on_its_way_hangs_up() {
    let mut world = World::of("<Response><Say>a</Say></Response>");
    world.expect(&["answer"]);
    assert_eq!(world.command(Command::Complete), Ok(()));
    world.expect(&["hangup"]);
    world.input(Input::Answered);
    world.input(Input::Acknowledged);
    world.expect(&["finish completed 0s"]);
}
