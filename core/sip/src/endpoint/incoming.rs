//! The application's answers: to the call that came in, and to the peer's later offers.

use ringway_model::Moment;

use super::input::{Body, OfferId};
use super::output::Transmit;
use super::send::Answer;
use super::{Endpoint, Fate};
use crate::dialog::uas::SentAnswer;
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Method};
use crate::transaction::key::Key;

impl<T> Endpoint<T> {
    /// Answers the initial INVITE.
    pub(super) fn respond(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        status: u16,
        reason: Option<&str>,
        headers: &[(String, String)],
        body: Option<Body>,
    ) -> Fate {
        let Phase::Incoming(incoming) = &dialog.phase else { return Fate::Continues };
        let status = status.clamp(100, 699);
        let (key, request) = (incoming.transaction, incoming.request.clone());
        let answer = Answer {
            status,
            reason,
            to_tag: (status > 100).then_some(&dialog.local_tag),
            contact: (101..300).contains(&status).then_some(dialog.contact.as_str()),
            headers,
            body: body.as_ref(),
        };
        let sent = self.answer(now, key, &request, &answer);
        match (status, sent) {
            (..=199, _) => Fate::Continues,
            (200..=299, Some(transmit)) => {
                self.answered(now, dialog, &request, transmit, body);
                Fate::Continues
            }
            _ => Fate::Over,
        }
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
        let answer = Answer {
            status: 200,
            to_tag: Some(&dialog.local_tag),
            contact: Some(&dialog.contact),
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
        dialog.phase = Phase::Confirmed;
        dialog.description = body.or(dialog.description.take());
    }
}
