//! Pause: nothing happens for a while. Before the answer it delays the answer.

use ringway_model::Moment;
use ringway_twiml::document::Pause;

use super::{Context, Event, Outcome};

/// Waiting.
#[derive(Debug)]
pub(crate) struct Pausing {
    until: Moment,
}

impl Pausing {
    /// Begins.
    pub(crate) fn start(pause: Pause, context: &Context<'_>) -> Self {
        Self { until: context.now.monotonic + pause.length }
    }

    /// Is done when it is time.
    pub(crate) fn handle(self, event: &Event, context: &Context<'_>) -> Outcome<Self> {
        match event {
            Event::Timeout if context.now.monotonic >= self.until => Outcome::Next,
            _ => Outcome::Performing(self),
        }
    }

    pub(crate) fn next_timeout(&self) -> Moment {
        self.until
    }
}
