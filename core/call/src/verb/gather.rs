//! Gather: keys are collected while prompts are played. Only keys pressed since it began count.

use std::collections::VecDeque;
use std::time::Duration;

use ringway_model::Moment;
use ringway_twiml::HttpMethod;
use ringway_twiml::document::{Gather, Prompt};

use super::{Context, Event, Failure, Outcome, Transfer};
use super::{Pausing, Playing, Saying};
use crate::effect::{EffectId, Purpose};

/// Most keys that one Gather takes: then they are submitted, whatever its rules are.
const KEYS_MAX: usize = 256;

/// A file of Play that is no sound, and the same in a Gather.
const INVALID_SOUND: u32 = 13420;
const INVALID_SOUND_IN_GATHER: u32 = 13325;

/// Keys being collected.
#[derive(Debug)]
pub(crate) struct Gathering {
    rules: Rules,
    phase: Phase,
    keys: String,
}

/// The attributes.
#[derive(Debug)]
struct Rules {
    action: Option<String>,
    method: HttpMethod,
    timeout: Duration,
    finish_on_key: Option<char>,
    num_digits: Option<usize>,
    barge_in: bool,
    action_on_empty_result: bool,
}

#[derive(Debug)]
enum Phase {
    /// `early` are the keys that wait for the end of prompts that they may not stop.
    Prompting {
        current: Prompting,
        left: VecDeque<Prompt>,
        early: String,
    },
    Waiting {
        until: Moment,
    },
}

#[derive(Debug)]
enum Prompting {
    Say(Saying),
    Play(Playing),
    Pause(Pausing),
}

impl Gathering {
    /// Begins with the first prompt.
    pub(crate) fn start(gather: Gather, context: &mut Context<'_>) -> Outcome<Self> {
        let rules = Rules {
            action: gather.action,
            method: gather.method,
            timeout: gather.timeout,
            finish_on_key: gather.finish_on_key,
            num_digits: gather.num_digits.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            barge_in: gather.barge_in,
            action_on_empty_result: gather.action_on_empty_result,
        };
        let phase = next_prompt(gather.prompts.into(), String::new(), &rules, context);
        phase.map(|phase| Self { rules, phase, keys: String::new() })
    }

    /// Takes keys, ends of prompts and time.
    pub(crate) fn handle(self, event: Event, context: &mut Context<'_>) -> Outcome<Self> {
        match event {
            Event::Digit(key) => self.key(key, context),
            Event::Timeout if self.is_over(context) => self.submit(""),
            event => self.prompt_event(event, context),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Prompting { current: Prompting::Pause(pause), .. } => Some(pause.next_timeout()),
            Phase::Prompting { .. } => None,
        }
    }

    pub(crate) fn playing(&self) -> Option<EffectId> {
        match &self.phase {
            Phase::Prompting { current: Prompting::Say(say), .. } => Some(say.id()),
            Phase::Prompting { current: Prompting::Play(play), .. } => Some(play.id()),
            _ => None,
        }
    }

    fn is_over(&self, context: &Context<'_>) -> bool {
        matches!(self.phase, Phase::Waiting { until } if context.now.monotonic >= until)
    }

    fn key(mut self, key: char, context: &mut Context<'_>) -> Outcome<Self> {
        if let Phase::Prompting { early, .. } = &mut self.phase {
            if !self.rules.barge_in {
                if early.len() < KEYS_MAX {
                    early.push(key);
                }
                return Outcome::Performing(self);
            }
            if let Some(id) = self.playing() {
                context.stop(id);
            }
            self.phase = Phase::Waiting { until: context.now.monotonic + self.rules.timeout };
        }
        self.collect(key, context)
    }

    /// A key that counts: it may end the input, and else begins the time-out anew.
    fn collect(mut self, key: char, context: &mut Context<'_>) -> Outcome<Self> {
        if self.rules.finish_on_key == Some(key) {
            return self.submit(&key.to_string());
        }
        self.keys.push(key);
        if self.keys.len() >= self.rules.num_digits.unwrap_or(KEYS_MAX).min(KEYS_MAX) {
            return self.submit("");
        }
        self.phase = Phase::Waiting { until: context.now.monotonic + self.rules.timeout };
        Outcome::Performing(self)
    }

    /// The end of the input. Nothing pressed falls through to the next verb, unless asked otherwise.
    fn submit(self, finished_on: &str) -> Outcome<Self> {
        if self.keys.is_empty() && !self.rules.action_on_empty_result {
            return Outcome::Next;
        }
        Outcome::Transfer(Transfer {
            purpose: Purpose::GatherAction,
            reference: self.rules.action.unwrap_or_default(),
            method: self.rules.method,
            params: vec![
                ("Digits".to_owned(), self.keys),
                ("FinishedOnKey".to_owned(), finished_on.to_owned()),
            ],
        })
    }

    fn prompt_event(self, event: Event, context: &mut Context<'_>) -> Outcome<Self> {
        let Self { rules, phase, keys } = self;
        let (current, left, early) = match phase {
            Phase::Prompting { current, left, early } => (current, left, early),
            waiting @ Phase::Waiting { .. } => {
                return Outcome::Performing(Self { rules, phase: waiting, keys });
            }
        };
        let phase = match current.handle(event, context) {
            Outcome::Performing(current) => Outcome::Performing(Phase::Prompting { current, left, early }),
            Outcome::Next if left.is_empty() => return Self::waiting(rules, keys, &early, context),
            Outcome::Next => next_prompt(left, early, &rules, context),
            Outcome::Transfer(transfer) => Outcome::Transfer(transfer),
            Outcome::Failed(failure) => Outcome::Failed(renumbered(failure)),
        };
        phase.map(|phase| Self { rules, phase, keys })
    }

    /// The prompts are over: the keys that had to wait are taken now, then the time-out runs.
    fn waiting(rules: Rules, keys: String, early: &str, context: &mut Context<'_>) -> Outcome<Self> {
        let phase = Phase::Waiting { until: context.now.monotonic + rules.timeout };
        let mut gathering = Self { rules, phase, keys };
        for key in early.chars() {
            match gathering.collect(key, context) {
                Outcome::Performing(still) => gathering = still,
                done => return done,
            }
        }
        Outcome::Performing(gathering)
    }
}

/// A file that is no sound has a number of its own inside a Gather (contract, runtime.md 1.8).
fn renumbered(mut failure: Failure) -> Failure {
    if failure.failure.code == INVALID_SOUND {
        failure.failure.code = INVALID_SOUND_IN_GATHER;
    }
    failure
}

/// Begins the next prompt that takes time; without one, the time-out runs.
fn next_prompt(
    mut left: VecDeque<Prompt>,
    early: String,
    rules: &Rules,
    context: &mut Context<'_>,
) -> Outcome<Phase> {
    while let Some(prompt) = left.pop_front() {
        match Prompting::start(prompt, context) {
            Outcome::Next => (),
            started => return started.map(|current| Phase::Prompting { current, left, early }),
        }
    }
    Outcome::Performing(Phase::Waiting { until: context.now.monotonic + rules.timeout })
}

impl Prompting {
    fn start(prompt: Prompt, context: &mut Context<'_>) -> Outcome<Self> {
        match prompt {
            Prompt::Say(say) => Saying::start(say, context).map(Self::Say),
            Prompt::Play(play) => Playing::start(play, context).map(Self::Play),
            Prompt::Pause(pause) => Outcome::Performing(Self::Pause(Pausing::start(pause, context))),
        }
    }

    fn handle(self, event: Event, context: &mut Context<'_>) -> Outcome<Self> {
        match self {
            Self::Say(say) => say.handle(event, context).map(Self::Say),
            Self::Play(play) => play.handle(event).map(Self::Play),
            Self::Pause(pause) => pause.handle(&event, context).map(Self::Pause),
        }
    }
}
