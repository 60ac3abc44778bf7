//! Hanging up, in whatever state a dialog is.

use ringway_model::Moment;

use super::output::DialogEvent;
use super::send::NewClient;
use super::table::{ClientMachine, Payload, Purpose};
use super::{Endpoint, Fate};
use crate::dialog::reliable::Said;
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Method, Name, RequestBuilder};
use crate::transaction::key::Key;

impl<T> Endpoint<T> {
    pub(super) fn hang_up(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        reason: Option<String>,
        mut headers: Vec<(String, String)>,
    ) -> Fate {
        headers.extend(reason.map(|reason| (Name::Reason.as_str().to_owned(), reason)));
        match &dialog.phase {
            Phase::Incoming(_) => {
                self.respond(now, dialog, Said { status: 480, reason: None, headers, body: None })
            }
            Phase::Outgoing(_) => self.give_up(now, dialog, headers),
            // RFC 3261 15.1.1: not before the ACK of our 2xx, or the end of the wait for it.
            Phase::Confirmed if dialog.answer.is_some() => {
                self.refuse_offer(now, dialog);
                dialog.hangup = Some(headers);
                Fate::Continues
            }
            Phase::Confirmed => {
                self.send_bye(now, dialog, headers);
                Fate::Continues
            }
            Phase::Ending => Fate::Continues,
        }
    }

    /// Sends our BYE; the dialog is over when it is answered, or never is.
    pub(super) fn send_bye(&mut self, now: Moment, dialog: &mut Dialog, headers: Vec<(String, String)>) {
        self.refuse_offer(now, dialog);
        self.refuse_refer(now, dialog);
        if let Some(key) = dialog.open_invite() {
            self.abandon(now, key);
        }
        dialog.change = None;
        dialog.session_timer = None;
        dialog.answer = None;
        dialog.hangup = None;
        dialog.phase = Phase::Ending;
        self.send_in_dialog(now, dialog, Purpose::Bye, Payload { headers, body: None }, 0);
    }

    /// The peer's offer that nobody will answer any more.
    pub(super) fn refuse_offer(&mut self, now: Moment, dialog: &mut Dialog) {
        if let Some(offer) = dialog.peer_offer.take() {
            self.refuse(now, offer.transaction, &offer.request, &dialog.local_tag, 487, &[]);
        }
    }

    /// Gives up a call that is not answered: a CANCEL as soon as a 1xx allows it (RFC 3261 9.1).
    pub(super) fn give_up(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        headers: Vec<(String, String)>,
    ) -> Fate {
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return Fate::Continues };
        outgoing.given_up = true;
        dialog.hangup = Some(headers);
        self.try_cancel(now, dialog);
        Fate::Continues
    }

    /// Sends the CANCEL that is due, if it may go already.
    pub(super) fn try_cancel(&mut self, now: Moment, dialog: &mut Dialog) {
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return };
        let key = outgoing.transaction;
        let Some(client) = self.clients.get_mut(&key) else { return };
        let ClientMachine::Invite(machine) = &mut client.machine else { return };
        if !outgoing.given_up || outgoing.cancel_sent || !machine.is_proceeding() {
            return;
        }
        machine.limit(now, &self.values);
        outgoing.cancel_sent = true;
        let headers = dialog.hangup.clone().unwrap_or_default();
        self.reschedule_client(key);
        self.send_cancel(now, key, headers);
    }

    /// The CANCEL of an INVITE: its Request-URI, its only Via, its Route, its number (RFC 3261 9.1).
    pub(super) fn send_cancel(&mut self, now: Moment, invite: Key, headers: Vec<(String, String)>) {
        let Some(client) = self.clients.get(&invite) else { return };
        let Ok(request) = Message::parse(client.request.clone(), &self.config.limits) else { return };
        let target = client.target;
        let via = request.top_via();
        let mut builder = like_invite(Method::Cancel, &request, via.as_str(), request.to().as_str());
        builder = builder.header(Name::UserAgent, &self.config.server);
        for (name, value) in &headers {
            builder = builder.header(name, value);
        }
        let branch = via.branch().unwrap_or_default().to_owned();
        let cseq = request.cseq().number;
        self.start_client(
            now,
            NewClient {
                branch,
                purpose: Purpose::Cancel,
                dialog: None,
                target,
                fallback: None,
                request: builder.finish(),
                cseq,
                payload: Payload::default(),
                credentials: Default::default(),
                attempts: 0,
            },
        );
    }

    /// Nobody waits for this INVITE any more; it may not wait for ever either.
    pub(super) fn abandon(&mut self, now: Moment, key: Key) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        client.dialog = None;
        if let ClientMachine::Invite(machine) = &mut client.machine {
            machine.limit(now, &self.values);
            machine.fall_silent();
        }
        self.reschedule_client(key);
    }

    /// Our 2xx stayed without an ACK.
    pub(super) fn acknowledge_timeout(&mut self, now: Moment, dialog: &mut Dialog) {
        self.event(dialog.id, DialogEvent::AcknowledgeTimeout);
        let headers = dialog.hangup.take().unwrap_or_default();
        self.send_bye(now, dialog, headers);
    }
}

/// What a CANCEL, and the ACK of a refusal, share with their INVITE.
pub(super) fn like_invite<'a>(
    method: Method<'a>,
    invite: &'a Message,
    via: &str,
    to: &str,
) -> RequestBuilder<'a> {
    let mut builder = RequestBuilder::new(method, invite.uri())
        .via_value(via)
        .max_forwards(70)
        .from(invite.from().as_str())
        .to(to)
        .call_id(invite.call_id())
        .cseq(invite.cseq().number);
    for route in invite.headers(Name::Route) {
        builder = builder.route(route);
    }
    builder
}
