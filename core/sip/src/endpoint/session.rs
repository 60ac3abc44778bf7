//! Keeping a session alive, and ending one that nobody keeps alive (RFC 4028 10).

use ringway_model::Moment;

use super::output::DialogEvent;
use super::{Endpoint, change::Refused};
use crate::dialog::session_timer::{SessionDue, SessionTimer};
use crate::dialog::uac::{Change, ChangeKind};
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Name};

/// A 422 that asks for ever longer intervals is believed so often.
const RAISES_MAX: u8 = 3;

impl<T> Endpoint<T> {
    pub(super) fn session_timeout(&mut self, now: Moment, dialog: &mut Dialog) {
        let due = dialog.session_timer.as_mut().and_then(|timer| timer.take_due(now));
        if !matches!(dialog.phase, Phase::Confirmed) || dialog.hangup.is_some() {
            return;
        }
        match due {
            Some(SessionDue::Refresh) if dialog.change.is_none() => self.refresh(dialog),
            // A change that is on its way refreshes too.
            Some(SessionDue::Refresh) | None => {}
            Some(SessionDue::Expired) => {
                self.event(dialog.id, DialogEvent::SessionExpired);
                let why = "SIP;cause=408;text=\"Session timer expired\"".to_owned();
                self.send_bye(now, dialog, vec![(Name::Reason.as_str().to_owned(), why)]);
            }
        }
    }

    /// By UPDATE where the peer takes it, for that leaves the session alone.
    fn refresh(&mut self, dialog: &mut Dialog) {
        dialog.change = Some(match dialog.peer_updates {
            true => Change::refresh(ChangeKind::Update, None),
            false => Change::refresh(ChangeKind::Reinvite, dialog.description.clone()),
        });
    }

    /// What a 2xx to our INVITE or UPDATE says of the timer.
    pub(super) fn follow_session(&mut self, now: Moment, dialog: &mut Dialog, response: &Message) {
        dialog.session_timer = SessionTimer::of_response(now, response, dialog.session_timer);
    }

    /// A refresh, or another change, that can be repeated at once in a way that the peer takes: with a longer
    /// interval, or by re-INVITE. False when it cannot.
    pub(super) fn amend_change(&mut self, now: Moment, dialog: &mut Dialog, refused: &Refused<'_>) -> bool {
        match (refused.status, refused.response) {
            (422, Some(response)) if refused.attempts < RAISES_MAX => {
                let raised = dialog.session_timer.as_mut().is_some_and(|timer| timer.raise(response));
                if raised {
                    self.send_change(now, dialog, refused.attempts + 1);
                }
                raised
            }
            (405 | 501, Some(_)) => {
                let updates = |change: &mut Change| change.is_refresh && change.kind == ChangeKind::Update;
                if dialog.change.take_if(updates).is_none() {
                    return false;
                }
                dialog.peer_updates = false;
                self.refresh(dialog);
                self.try_change(now, dialog);
                true
            }
            _ => false,
        }
    }
}
