//! Anything at any time: whatever the order of inputs, the machine holds its promises.

use super::*;
use ringway_model::Random;

const DOCUMENTS: &[&str] = &[
    "<Response><Say>a</Say><Play>b</Play><Redirect/></Response>",
    "<Response><Pause/><Say>a</Say><Pause/><Say loop='2'>b</Say><Redirect>c</Redirect></Response>",
    "<Response><Gather><Say>a</Say></Gather><Gather timeout='0'/><Redirect method='GET'/></Response>",
    "<Response><Gather numDigits='2' timeout='1'><Say>a</Say><Pause/><Play>b</Play></Gather><Redirect/></Response>",
    "<Response><Gather bargeIn='false' finishOnKey='1'><Say>a</Say></Gather><Redirect/></Response>",
    "<Response><Pause/><Redirect/></Response>",
    "<Response/>",
    "<Response><Play digits='12'/><Dial>x</Dial><Hangup/></Response>",
    "<Response><Reject reason='busy'/></Response>",
    "<Response><Redirect>ftp://nowhere/</Redirect></Response>",
    "<Response><Say>",
    "",
];

/// What is outstanding, as the world sees it.
#[derive(Default)]
struct Watch {
    fetch: Option<EffectId>,
    play: Option<EffectId>,
    ids: u64,
    answers: u32,
    answering: bool,
    refused: bool,
    hung_up: bool,
    finished: bool,
}

impl Watch {
    fn take(&mut self, effect: &Effect) {
        assert!(!self.finished, "nothing follows Finish: {effect:?}");
        match effect {
            Effect::Fetch(Fetch { id, .. }) => {
                self.fresh(*id);
                assert!(self.fetch.replace(*id).is_none(), "two fetches");
            }
            Effect::CancelFetch { id } => assert_eq!(self.fetch.take(), Some(*id)),
            Effect::Play(Play { id, .. }) => {
                self.fresh(*id);
                assert!(self.answers == 1 && !self.answering, "nothing is played before the answer");
                assert!(self.play.replace(*id).is_none(), "two sounds");
            }
            Effect::StopPlay { id } => assert_eq!(self.play.take(), Some(*id)),
            Effect::Answer => {
                self.answers += 1;
                self.answering = true;
                assert!(self.answers == 1 && !self.refused && !self.hung_up);
            }
            Effect::Refuse { .. } => {
                assert!(!self.refused && !self.hung_up);
                self.refused = true;
            }
            Effect::Hangup => {
                assert!(!self.refused && !self.hung_up && self.answers == 1);
                self.hung_up = true;
            }
            Effect::Finish(_) => {
                assert!(self.fetch.is_none() && self.play.is_none(), "something is left behind");
                self.finished = true;
            }
            Effect::Ring => assert!(self.answers == 0 && !self.refused),
            Effect::Notify(_) | Effect::Status(_) => (),
            other => panic!("an effect of calls out: {other:?}"),
        }
    }

    fn fresh(&mut self, id: EffectId) {
        assert!(id.0 > self.ids, "an id is used once");
        self.ids = id.0;
    }
}

fn fetched(random: &mut Random, url: &str) -> Result<Fetched, FetchFailure> {
    // Mostly those that lead on, which stand at the beginning.
    let choice = if random.below(5) == 0 { DOCUMENTS.len() as u64 } else { 6 };
    let body = DOCUMENTS[random.below(choice) as usize];
    let content_type = match random.below(24) {
        0 => return Err(failure(11200)),
        1 => "text/plain",
        2 => "audio/wav",
        3 => "image/png",
        _ => "text/xml",
    };
    Ok(Fetched {
        url: url.to_owned(),
        status: if random.below(20) == 0 { 500 } else { 200 },
        content_type: Some(content_type.to_owned()),
        headers: Vec::new(),
        body: Bytes::from_static(body.as_bytes()),
    })
}

/// A result for what is outstanding, or (now and then) for something that is not.
fn result_id(random: &mut Random, outstanding: &mut Option<EffectId>) -> EffectId {
    if random.below(4) == 0 {
        return EffectId(random.below(20));
    }
    outstanding.take().unwrap_or(EffectId(0))
}

fn step(random: &mut Random, watch: &mut Watch, world: &mut World) {
    let input = match random.below(22) {
        0..=4 => {
            let id = result_id(random, &mut watch.fetch);
            watch.fetch = watch.fetch.filter(|outstanding| *outstanding != id);
            Input::Fetched { id, result: fetched(random, "http://app/x") }
        }
        5..=7 => {
            let id = result_id(random, &mut watch.play);
            watch.play = watch.play.filter(|outstanding| *outstanding != id);
            match random.below(4) {
                0 => Input::PlayFailed { id, failure: failure(11200) },
                _ => Input::PlayFinished { id },
            }
        }
        8..=10 => Input::Digit(char::from(b"0123456789*#Ax"[random.below(14) as usize])),
        11 if watch.answering => {
            watch.answering = false;
            Input::Answered
        }
        12 if watch.answering && random.below(4) == 0 => {
            Input::AnswerFailed { status: 488, code: 32102, message: String::new() }
        }
        13 if watch.answers > 0 && !watch.answering => Input::Acknowledged,
        14 => {
            // Redirects and documents mostly: the other two end the call too soon to see much.
            let twiml = Command::RunTwiml(DOCUMENTS[3].to_owned());
            let commands = [redirect_to("http://r/"), twiml, Command::Cancel, Command::Complete];
            let rare = if random.below(20) == 0 { 4 } else { 2 };
            let which = random.below(rare) as usize;
            let _ = world.machine.command(world.now, commands[which].clone());
            return;
        }
        15..=18 => {
            world.set_time(world.now.monotonic + Duration::from_millis(random.below(4000)));
            Input::Timeout
        }
        19 if random.below(30) == 0 => Input::MediaInactive,
        20 if random.below(20) == 0 => Input::Shutdown,
        21 if random.below(20) == 0 => [Input::Bye(Vec::new()), Input::Cancelled, Input::AcknowledgeTimeout]
            [random.below(3) as usize]
            .clone(),
        _ => return,
    };
    world.input(input);
}

#[test]
fn no_order_of_events_breaks_a_promise() {
    for seed in 0..3000 {
        let mut random = Random::from_number(seed);
        let mut world = World::with_fallback();
        let mut watch = Watch::default();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..random.below(300) {
                while let Some(effect) = world.machine.poll_effect() {
                    watch.take(&effect);
                }
                step(&mut random, &mut watch, &mut world);
            }
            world.input(Input::DialogGone);
            while let Some(effect) = world.machine.poll_effect() {
                watch.take(&effect);
            }
            assert!(watch.finished && world.machine.is_over());
            assert_eq!(world.machine.next_timeout(), None);
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
}
