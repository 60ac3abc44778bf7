//! Our own requests within a dialog: re-INVITE, UPDATE, INFO, and what their answers mean.

use std::time::Duration;

use ringway_model::Moment;

use super::input::Body;
use super::output::DialogEvent;
use super::table::{Payload, Purpose};
use super::{Endpoint, Fate};
use crate::dialog::session_timer::SessionTimer;
use crate::dialog::uac::{Change, ChangeKind, ChangeState};
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Name};

impl<T> Endpoint<T> {
    pub(super) fn reinvite(&mut self, now: Moment, dialog: &mut Dialog, body: Option<Body>) -> Fate {
        let body = body.or_else(|| dialog.description.clone());
        self.begin_change(now, dialog, Change::new(ChangeKind::Reinvite, body))
    }

    pub(super) fn update(&mut self, now: Moment, dialog: &mut Dialog, body: Option<Body>) -> Fate {
        self.begin_change(now, dialog, Change::new(ChangeKind::Update, body))
    }

    pub(super) fn info(&mut self, now: Moment, dialog: &mut Dialog, body: Body) -> Fate {
        if matches!(dialog.phase, Phase::Confirmed) {
            let payload = Payload { headers: Vec::new(), body: Some(body) };
            self.send_in_dialog(now, dialog, Purpose::Info, payload, 0);
        }
        Fate::Continues
    }

    fn begin_change(&mut self, now: Moment, dialog: &mut Dialog, change: Change) -> Fate {
        if dialog.change.is_some() {
            self.event(dialog.id, DialogEvent::OfferRefused { status: 491 });
        } else {
            dialog.change = Some(change);
            self.try_change(now, dialog);
        }
        Fate::Continues
    }

    /// Sends the change that waits, unless another INVITE or offer is under way (RFC 3261 14.1).
    pub(super) fn try_change(&mut self, now: Moment, dialog: &mut Dialog) {
        let quiet = dialog.answer.is_none() && dialog.peer_offer.is_none() && dialog.hangup.is_none();
        if !quiet || !matches!(dialog.phase, Phase::Confirmed) {
            return;
        }
        let Some(change) = dialog.change.as_ref() else { return };
        if change.state == ChangeState::Waiting {
            self.send_change(now, dialog, 0);
        }
    }

    pub(super) fn send_change(&mut self, now: Moment, dialog: &mut Dialog, attempts: u8) {
        let Some(change) = dialog.change.as_ref() else { return };
        let purpose = match change.kind {
            ChangeKind::Reinvite => Purpose::Reinvite,
            ChangeKind::Update => Purpose::Update,
        };
        let headers = dialog.session_timer.as_ref().map(SessionTimer::headers).unwrap_or_default();
        let payload = Payload { headers, body: change.body.clone() };
        let key = self.send_in_dialog(now, dialog, purpose, payload, attempts);
        if let Some(change) = dialog.change.as_mut() {
            change.state = ChangeState::Sent(key);
        }
    }

    /// Our change was accepted; a re-INVITE is acknowledged already.
    pub(super) fn change_accepted(&mut self, now: Moment, dialog: &mut Dialog, response: Message) {
        dialog.refresh_target(&response);
        self.follow_session(now, dialog, &response);
        let change = dialog.change.take();
        let silent = change.as_ref().is_some_and(|change| change.is_refresh && change.body.is_none());
        if let Some(change) = change {
            dialog.description = change.body.or(dialog.description.take());
        }
        if !silent {
            self.event(dialog.id, DialogEvent::OfferAnswered { response });
        }
        self.try_change(now, dialog);
    }

    /// Our change, or INFO, was refused or went unanswered; `response` is none for the latter.
    pub(super) fn request_refused(&mut self, now: Moment, dialog: &mut Dialog, refused: Refused<'_>) -> Fate {
        let changes = matches!(refused.purpose, Purpose::Reinvite | Purpose::Update);
        let challenged = matches!(refused.status, 401 | 407);
        if let Some(response) = refused.response.filter(|_| challenged)
            && dialog.authenticator.challenged(response, refused.attempts)
        {
            self.repeat_with_credentials(now, dialog, refused);
            return Fate::Continues;
        }
        let goes_on = |endpoint: &mut Self, dialog: &mut Dialog| {
            endpoint.amend_change(now, dialog, &refused)
                || endpoint.wait_after_collision(now, dialog, &refused)
        };
        if changes && goes_on(self, dialog) {
            return Fate::Continues;
        }
        match refused.purpose {
            Purpose::Reinvite | Purpose::Update => {
                let change = dialog.change.take();
                if !change.is_some_and(|change| change.is_refresh) {
                    self.event(dialog.id, DialogEvent::OfferRefused { status: refused.status });
                }
            }
            Purpose::Refer => self.refer_refused(dialog, &refused),
            Purpose::Notify => self.notify_refused(dialog, &refused),
            Purpose::Invite | Purpose::Info | Purpose::Bye | Purpose::Cancel => {}
        }
        // RFC 3261 12.2.1.2: the peer knows no such dialog, or is not there. To a NOTIFY it says no more than
        // that it has no such subscription (RFC 5057 5.1).
        if matches!(refused.status, 408 | 481) && refused.purpose != Purpose::Notify {
            self.send_bye(now, dialog, Vec::new());
        }
        Fate::Continues
    }

    fn repeat_with_credentials(&mut self, now: Moment, dialog: &mut Dialog, refused: Refused<'_>) {
        let attempts = refused.attempts + 1;
        match refused.purpose {
            Purpose::Reinvite | Purpose::Update => self.send_change(now, dialog, attempts),
            Purpose::Refer => {
                dialog.referrals.forget_sent(refused.cseq);
                self.send_refer(now, dialog, refused.payload, attempts);
            }
            purpose => {
                self.send_in_dialog(now, dialog, purpose, refused.payload, attempts);
            }
        }
    }

    /// After 491 the owner of the Call-ID waits 2.1 to 4 s, the other at most 2 s, so that they do not meet
    /// again (RFC 3261 14.1); after 500 as long as the peer says (14.2).
    fn wait_after_collision(&mut self, now: Moment, dialog: &mut Dialog, refused: &Refused<'_>) -> bool {
        let wait = match refused.status {
            491 if dialog.owns_call_id => Duration::from_millis(2100 + 10 * self.random.below(191)),
            491 => Duration::from_millis(10 * self.random.below(201)),
            500 => match refused.response.and_then(retry_after_s) {
                Some(wait_s) => Duration::from_secs(wait_s),
                None => return false,
            },
            _ => return false,
        };
        let Some(change) = dialog.change.as_mut() else { return false };
        change.collisions += 1;
        if change.collisions > Change::COLLISIONS_MAX {
            return false;
        }
        change.state = ChangeState::WaitingUntil(now + wait);
        true
    }
}

/// A request of ours within a dialog that did not succeed.
pub(super) struct Refused<'a> {
    pub(super) purpose: Purpose,
    pub(super) cseq: u32,
    pub(super) payload: Payload,
    pub(super) attempts: u8,
    pub(super) status: u16,
    pub(super) response: Option<&'a Message>,
}

/// The Retry-After of a collision; RFC 3261 14.2 allows up to 10 s.
fn retry_after_s(response: &Message) -> Option<u64> {
    let value = response.header(Name::RetryAfter)?;
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|wait_s| *wait_s <= 10)
}
