//! Responses to our requests.

use bytes::Bytes;
use ringway_model::Moment;

use super::change::Refused;
use super::counters::method_label;
use super::hangup::like_invite;
use super::input::{Source, Target};
use super::output::{DialogEvent, Transmit};
use super::table::{ClientMachine, ClientTransaction, Purpose};
use super::{Endpoint, Fate, ids};
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Method};
use crate::transaction::invite_client::InviteResponse;
use crate::transaction::key::Key;

/// The most answers of one forked INVITE that are acknowledged and ended; who sends more makes them up.
const FORKS_MAX: usize = 16;

impl<T> Endpoint<T> {
    pub(super) fn receive_response(&mut self, now: Moment, source: Source, response: Message) {
        let Some(status) = response.status() else { return };
        let method = response.cseq().method;
        *self.counters.responses_received.entry((method_label(&method), status)).or_default() += 1;
        let branch = response.top_via().branch().unwrap_or_default();
        let key = self.keyring.client(branch, method.as_str());
        let Some(client) = self.clients.get_mut(&key) else {
            self.counters.stray_responses += 1;
            return;
        };
        match &mut client.machine {
            ClientMachine::Invite(machine) => {
                let meaning = machine.response(now, status, &self.values);
                self.reschedule_client(key);
                self.invite_response(now, key, &source, response, meaning);
            }
            ClientMachine::Request(machine) => {
                let is_final = machine.response(now, status, &self.values);
                self.reschedule_client(key);
                if is_final {
                    self.request_response(now, key, &source, status, response);
                }
            }
        }
    }

    fn invite_response(
        &mut self,
        now: Moment,
        key: Key,
        source: &Source,
        response: Message,
        meaning: InviteResponse,
    ) {
        match meaning {
            InviteResponse::Provisional => self.provisional(now, key, source, response),
            InviteResponse::Success => self.success(now, key, source, response),
            InviteResponse::Refused => {
                self.acknowledge_refusal(key, &response);
                let status = response.status().unwrap_or(500);
                self.invite_refused(now, key, status, Some(response));
            }
            InviteResponse::RefusedAgain => {
                let ack = self.clients.get(&key).and_then(|client| client.refusal_ack.clone());
                if let Some(ack) = ack {
                    self.send_request("ACK", ack);
                }
            }
            InviteResponse::Ignored => {}
        }
    }

    /// The ACK of a refusal belongs to the transaction: same branch, same place (RFC 3261 17.1.1.3).
    fn acknowledge_refusal(&mut self, key: Key, response: &Message) {
        let Some(client) = self.clients.get(&key) else { return };
        let target = client.target;
        let Ok(request) = Message::parse(client.request.clone(), &self.config.limits) else { return };
        let via = request.top_via();
        let bytes = like_invite(Method::Ack, &request, via.as_str(), response.to().as_str()).finish();
        let ack = Transmit { target, bytes };
        if let Some(client) = self.clients.get_mut(&key) {
            client.refusal_ack = Some(ack.clone());
        }
        self.send_request("ACK", ack);
    }

    /// A 2xx: each copy gets its ACK again, a new To tag is a new answer (RFC 3261 13.2.2.4).
    fn success(&mut self, now: Moment, key: Key, source: &Source, response: Message) {
        let Some(client) = self.clients.get(&key) else { return };
        let tag = response.to_tag().unwrap_or_default();
        if let Some((_, ack)) = client.acks.iter().find(|(known, _)| known == tag) {
            let ack = ack.clone();
            return self.send_request("ACK", ack);
        }
        if client.acks.len() >= FORKS_MAX {
            self.counters.stray_responses += 1;
            return;
        }
        let (purpose, owner) = (client.purpose, client.dialog);
        let mut taken = false;
        if let Some(id) = owner {
            self.with_dialog(now, id, |endpoint, dialog| {
                taken = endpoint.take_success(now, dialog, key, source, &response);
                Fate::Continues
            });
        }
        match (taken, purpose) {
            (true, _) => {}
            (false, Purpose::Reinvite) => self.acknowledge_for_nobody(key, &response),
            (false, _) => self.end_losing_fork(now, key, source, &response),
        }
    }

    fn take_success(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        source: &Source,
        response: &Message,
    ) -> bool {
        if dialog.open_invite() != Some(key) {
            return false;
        }
        self.refuse_lost_fork(dialog, response);
        Self::follow(dialog, source);
        match dialog.phase {
            Phase::Outgoing(_) => self.call_answered(now, dialog, key, response),
            _ => {
                dialog.refresh_target(response);
                self.acknowledge(dialog, key, response);
                self.change_accepted(now, dialog, response.clone());
            }
        }
        true
    }

    /// A phone that said BYE before its 2xx came has left, and the proxies have given up the others for it: the
    /// answer is acknowledged and ended, and the call failed.
    fn refuse_lost_fork(&mut self, dialog: &mut Dialog, response: &Message) {
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return };
        if !outgoing.given_up && outgoing.is_lost(response.to_tag().unwrap_or_default()) {
            outgoing.given_up = true;
            dialog.hangup = Some(Vec::new());
            self.event(dialog.id, DialogEvent::Rejected { status: 487, response: None });
        }
    }

    /// A re-INVITE was accepted after its dialog ended: the peer still wants its ACK.
    fn acknowledge_for_nobody(&mut self, key: Key, response: &Message) {
        let Some(client) = self.clients.get(&key) else { return };
        let target = client.target;
        let Ok(request) = Message::parse(client.request.clone(), &self.config.limits) else { return };
        let branch = ids::branch(self.config.shard, &mut self.random);
        let (transport, sent_by) = (target.transport.via_name(), self.own_address(&target));
        let via = format!("SIP/2.0/{transport} {sent_by};branch={branch};rport");
        let bytes = like_invite(Method::Ack, &request, &via, response.to().as_str()).finish();
        self.keep_ack(key, response, target, bytes);
    }

    /// Sends the ACK of a 2xx and keeps it for the copies.
    pub(super) fn keep_ack(&mut self, key: Key, response: &Message, target: Target, bytes: Bytes) {
        let ack = Transmit { target, bytes };
        let tag = response.to_tag().unwrap_or_default().to_owned();
        if let Some(client) = self.clients.get_mut(&key) {
            client.acks.push((tag, ack.clone()));
        }
        self.send_request("ACK", ack);
    }

    fn invite_refused(&mut self, now: Moment, key: Key, status: u16, response: Option<Message>) {
        let Some(client) = self.clients.get(&key) else { return };
        let Some(id) = client.dialog else { return };
        match client.purpose {
            Purpose::Invite => {
                let attempts = client.attempts;
                self.with_dialog(now, id, |endpoint, dialog| {
                    endpoint.call_refused(now, dialog, key, attempts, status, response)
                });
            }
            _ => self.change_refused(now, key, status, response.as_ref()),
        }
    }

    fn request_response(&mut self, now: Moment, key: Key, source: &Source, status: u16, response: Message) {
        let Some(client) = self.clients.get(&key) else { return };
        let Some(id) = client.dialog else { return };
        match (client.purpose, status) {
            (Purpose::Update, 200..=299) => {
                self.with_dialog(now, id, |endpoint, dialog| {
                    Self::follow(dialog, source);
                    if dialog.open_invite() == Some(key) {
                        endpoint.change_accepted(now, dialog, response);
                    }
                    Fate::Continues
                });
            }
            (Purpose::Bye, _) => self.bye_answered(now, key, status, Some(&response)),
            (Purpose::Info | Purpose::Notify, 200..=299) => {}
            (Purpose::Refer, 200..=299) => {
                self.with_dialog(now, id, |endpoint, dialog| {
                    endpoint.refer_accepted(dialog, response);
                    Fate::Continues
                });
            }
            _ => self.change_refused(now, key, status, Some(&response)),
        }
    }

    /// A request within a dialog failed: the dialog decides what follows.
    fn change_refused(&mut self, now: Moment, key: Key, status: u16, response: Option<&Message>) {
        let Some(client) = self.clients.get(&key) else { return };
        let Some(id) = client.dialog else { return };
        let refused = refused(client, status, response);
        self.with_dialog(now, id, |endpoint, dialog| {
            let changes = matches!(refused.purpose, Purpose::Reinvite | Purpose::Update);
            let is_current = !changes || dialog.open_invite() == Some(key);
            match is_current && matches!(dialog.phase, Phase::Confirmed) {
                true => endpoint.request_refused(now, dialog, refused),
                false => Fate::Continues,
            }
        });
    }

    /// Our BYE was answered, or never will be: either way the dialog is over, unless credentials help.
    fn bye_answered(&mut self, now: Moment, key: Key, status: u16, response: Option<&Message>) {
        let Some(client) = self.clients.get(&key) else { return };
        let Some(id) = client.dialog else { return };
        let refused = refused(client, status, response);
        self.with_dialog(now, id, |endpoint, dialog| {
            let challenged = matches!(status, 401 | 407);
            match response.filter(|_| challenged) {
                Some(response) if dialog.authenticator.challenged(response, refused.attempts) => {
                    let attempts = refused.attempts + 1;
                    endpoint.send_in_dialog(now, dialog, Purpose::Bye, refused.payload, attempts);
                    Fate::Continues
                }
                _ => Fate::Over,
            }
        });
    }

    /// No final response will come.
    pub(super) fn client_failed(&mut self, now: Moment, key: Key, status: u16) {
        let Some(client) = self.clients.get(&key) else { return };
        match client.purpose {
            Purpose::Invite | Purpose::Reinvite => self.invite_refused(now, key, status, None),
            Purpose::Bye => self.bye_answered(now, key, status, None),
            Purpose::Update | Purpose::Info | Purpose::Refer | Purpose::Notify => {
                self.change_refused(now, key, status, None);
            }
            Purpose::Cancel => {}
        }
        if let Some(client) = self.clients.remove(&key) {
            self.timers.cancel(client.timer);
        }
    }
}

fn refused<'a>(client: &ClientTransaction, status: u16, response: Option<&'a Message>) -> Refused<'a> {
    Refused {
        purpose: client.purpose,
        cseq: client.cseq,
        payload: client.payload.clone(),
        attempts: client.attempts,
        status,
        response,
    }
}
