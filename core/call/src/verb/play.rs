//! Play: a file is played, or keys are sent. A file that cannot be had is an error of execution, as one that
//! cannot be decoded is (13420 is an error in the published list); so the fallback is asked.

use bytes::Bytes;
use ringway_twiml::document::{Play, PlayWhat};

use super::{Context, Event, Failure, Outcome};
use crate::effect::{EffectId, Playable};
use crate::input::FetchFailure;
use crate::url;

/// A file or keys being played.
#[derive(Debug)]
pub(crate) struct Playing {
    id: EffectId,
    /// The file; none when it came with the document, or for keys.
    url: Option<String>,
}

impl Playing {
    /// Begins, unless the URL is none.
    pub(crate) fn start(play: Play, context: &mut Context<'_>) -> Outcome<Self> {
        match play.what {
            PlayWhat::Digits(digits) => {
                let id = context.play(Playable::Digits(digits), play.loops);
                Outcome::Performing(Self { id, url: None })
            }
            PlayWhat::Url(reference) => match url::resolve(context.program.url(), &reference) {
                Some(url) => {
                    let id = context.play(Playable::Url(url.clone()), play.loops);
                    Outcome::Performing(Self { id, url: Some(url) })
                }
                None => Outcome::Failed(invalid_url(&reference)),
            },
        }
    }

    /// Begins with a file that came as the document.
    pub(crate) fn start_audio(content_type: String, body: Bytes, context: &mut Context<'_>) -> Outcome<Self> {
        let id = context.play(Playable::Audio { content_type, body }, 1);
        Outcome::Performing(Self { id, url: None })
    }

    /// Takes the result; keys mean nothing here.
    pub(crate) fn handle(self, event: Event) -> Outcome<Self> {
        match event {
            Event::PlayFinished(id) if id == self.id => Outcome::Next,
            Event::PlayFailed(id, failure) if id == self.id => {
                Outcome::Failed(Failure { failure, url: self.url })
            }
            _ => Outcome::Performing(self),
        }
    }

    pub(crate) fn id(&self) -> EffectId {
        self.id
    }
}

/// 11100 for a reference that leads nowhere.
pub(crate) fn invalid_url(reference: &str) -> Failure {
    let shown = url::presentable(reference);
    let message = format!("Invalid URL format: {shown:?} does not resolve to an http or https URL");
    let failure = FetchFailure { code: 11100, message, url: None, response: None };
    Failure { failure, url: Some(reference.to_owned()) }
}
