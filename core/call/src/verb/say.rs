//! Say: a text is spoken. A text that cannot be spoken is a notification, and the call goes on.

use ringway_twiml::document::Say;

use super::{Context, Event, Outcome};
use crate::effect::{EffectId, Playable, Speech};

/// A text being spoken.
#[derive(Debug)]
pub(crate) struct Saying {
    id: EffectId,
}

impl Saying {
    /// Begins; a Say without words is done already.
    pub(crate) fn start(say: Say, context: &mut Context<'_>) -> Outcome<Self> {
        if say.text.is_empty() {
            return Outcome::Next;
        }
        let speech = Speech { text: say.text, ssml: say.ssml, voice: say.voice, language: say.language };
        Outcome::Performing(Self { id: context.play(Playable::Speech(speech), say.loops) })
    }

    /// Takes the result; keys mean nothing here.
    pub(crate) fn handle(self, event: Event, context: &mut Context<'_>) -> Outcome<Self> {
        match event {
            Event::PlayFinished(id) if id == self.id => Outcome::Next,
            Event::PlayFailed(id, failure) if id == self.id => {
                context.notify(failure.code, &failure.message);
                Outcome::Next
            }
            _ => Outcome::Performing(self),
        }
    }

    pub(crate) fn id(&self) -> EffectId {
        self.id
    }
}
