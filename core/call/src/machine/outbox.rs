//! What is to be done, in order, and the ids of it.

use std::collections::VecDeque;

use crate::effect::{Effect, EffectId, Notification};

/// Effects that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    effects: VecDeque<Effect>,
    ids: u64,
}

impl Outbox {
    /// A new id.
    pub(crate) fn id(&mut self) -> EffectId {
        self.ids += 1;
        EffectId(self.ids)
    }

    /// Adds an effect.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// Adds a notification.
    pub(crate) fn notify(&mut self, notification: Notification) {
        self.push(Effect::Notify(Box::new(notification)));
    }

    /// Takes the oldest effect.
    pub(crate) fn pop(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }
}
