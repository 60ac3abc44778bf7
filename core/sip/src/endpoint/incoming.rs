//! The application's answers: to the call that came in, and to the peer's later offers.

use ringway_model::Moment;

use super::input::{Body, OfferId};
use super::output::Transmit;
use super::send::Answer;
use super::{Endpoint, Fate};
use crate::dialog::reliable::{Reliable, Said};
use crate::dialog::session_timer::{SessionTimer, Terms};
use crate::dialog::uas::SentAnswer;
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Method};
use crate::transaction::key::Key;

impl<T> Endpoint<T> {
    /// Answers the initial INVITE, at once or when the PRACK of what was said before allows it.
    pub(super) fn respond(&mut self, now: Moment, dialog: &mut Dialog, said: Said) -> Fate {
        let Phase::Incoming(incoming) = &mut dialog.phase else { return Fate::Continues };
        let said = Said { status: said.status.clamp(100, 699), ..said };
        let said = match &mut incoming.reliable {
            Some(reliable) if said.status > 100 => reliable.take(said),
            _ => Some(said),
        };
        said.map_or(Fate::Continues, |said| self.say(now, dialog, said))
    }

    pub(super) fn say(&mut self, now: Moment, dialog: &mut Dialog, mut said: Said) -> Fate {
        let Phase::Incoming(incoming) = &dialog.phase else { return Fate::Continues };
        let (status, key, request) = (said.status, incoming.transaction, incoming.request.clone());
        let before = said.headers.len();
        match (status, &incoming.reliable) {
            (101..=199, Some(reliable)) => said.headers.extend(reliable.headers()),
            (200..=299, _) => said.headers.extend(self.agree_session(now, dialog, &request)),
            _ => {}
        }
        let answer = Answer {
            status,
            reason: said.reason.as_deref(),
            to_tag: (status > 100).then_some(&dialog.local_tag),
            contact: (101..300).contains(&status).then_some(dialog.contact.as_str()),
            headers: &said.headers,
            body: said.body.as_ref(),
        };
        let sent = self.answer(now, key, &request, &answer);
        said.headers.truncate(before);
        match (status, sent) {
            (..=199, sent) => {
                self.said_provisionally(now, dialog, said, sent);
                Fate::Continues
            }
            (200..=299, Some(transmit)) => {
                self.answered(now, dialog, &request, transmit, said.body);
                Fate::Continues
            }
            _ => Fate::Over,
        }
    }

    fn said_provisionally(&mut self, now: Moment, dialog: &mut Dialog, said: Said, sent: Option<Transmit>) {
        let Phase::Incoming(incoming) = &mut dialog.phase else { return };
        if let (Some(reliable), Some(transmit), 101..) = (&mut incoming.reliable, sent, said.status) {
            reliable.sent(now, said, transmit, &self.values);
        }
    }

    /// The session timer that a 2xx begins or ends, and its headers.
    pub(super) fn agree_session(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        request: &Message,
    ) -> Vec<(String, String)> {
        let terms = Terms::of_request(request).ok().flatten();
        dialog.session_timer = terms.map(|terms| SessionTimer::agreed(now, terms));
        terms.map(Terms::headers).unwrap_or_default()
    }

    /// Answers a re-INVITE or UPDATE; an offer that is not the pending one was superseded.
    pub(super) fn answer_offer(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        offer: OfferId,
        result: Result<Option<Body>, u16>,
    ) -> Fate {
        let Some(pending) = dialog.peer_offer.take_if(|pending| pending.offer == offer) else {
            return Fate::Continues;
        };
        match result {
            Ok(body) => self.accept_offer(now, dialog, pending.transaction, &pending.request, body),
            Err(status) => {
                let status = status.clamp(300, 699);
                // RFC 3261 8.2.3: a body of the wrong kind is told the right one.
                let accept = [("Accept".to_owned(), "application/sdp".to_owned())];
                let headers = if status == 415 { &accept[..] } else { &[] };
                self.refuse(now, pending.transaction, &pending.request, &dialog.local_tag, status, headers);
            }
        }
        self.try_change(now, dialog);
        Fate::Continues
    }

    fn accept_offer(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        request: &Message,
        body: Option<Body>,
    ) {
        dialog.refresh_target(request);
        if request.method() != Method::Invite {
            self.accept_update(now, dialog, key, request, body.as_ref());
            dialog.description = body.or(dialog.description.take());
            return;
        }
        let headers = self.agree_session(now, dialog, request);
        let answer = Answer {
            status: 200,
            to_tag: Some(&dialog.local_tag),
            contact: Some(&dialog.contact),
            headers: &headers,
            body: body.as_ref(),
            ..Answer::default()
        };
        if let Some(transmit) = self.answer(now, key, request, &answer) {
            self.answered(now, dialog, request, transmit, body);
        }
    }

    /// From now on the 2xx is the dialog's to repeat.
    fn answered(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        request: &Message,
        transmit: Transmit,
        body: Option<Body>,
    ) {
        let is_offer = request.body().is_empty() && body.is_some();
        let number = request.cseq().number;
        dialog.answer = Some(SentAnswer::new(now, number, transmit, is_offer, &self.values));
        if let Phase::Incoming(incoming) = &dialog.phase {
            let rseq = incoming.reliable.as_ref().and_then(Reliable::unacknowledged);
            dialog.late_prack = rseq.map(|rseq| (rseq, number));
        }
        dialog.phase = Phase::Confirmed;
        dialog.description = body.or(dialog.description.take());
    }
}
