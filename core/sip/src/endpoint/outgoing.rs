//! Calls out, from the INVITE to its answer.

use ringway_model::Moment;

use super::failover::is_failover;
use super::input::{NewInvite, Source, Target};
use super::output::DialogEvent;
use super::send::{Draft, MAX_FORWARDS, NewClient};
use super::table::{Payload, Purpose};
use super::target::next_hop;
use super::{Endpoint, Fate, ids};
use crate::dialog::credentials::Authenticator;
use crate::dialog::refer::Referrals;
use crate::dialog::route_set::RouteSet;
use crate::dialog::uac::OutgoingInvite;
use crate::dialog::{Dialog, Phase, allows_update};
use crate::message::{Message, Method};
use crate::transaction::key::Key;

impl<T> Endpoint<T> {
    /// Starts a call.
    pub(super) fn invite(&mut self, now: Moment, invite: Box<NewInvite>) {
        let id = invite.dialog;
        let full = self.dialogs.len() >= self.config.dialogs_max
            || self.servers.len() + self.clients.len() >= self.config.transactions_max;
        if full {
            self.counters.overload_count += 1;
            self.event(id, DialogEvent::Rejected { status: 503, response: None });
            return self.event(id, DialogEvent::Terminated);
        }
        if self.dialogs.contains_key(&id) {
            return;
        }
        let mut dialog = Box::new(self.outgoing_dialog(invite));
        dialog.next_cseq();
        self.send_invite(now, &mut dialog, 0);
        self.dialog_keys.insert(dialog.key, id);
        self.keep(dialog);
    }

    fn outgoing_dialog(&mut self, invite: Box<NewInvite>) -> Dialog {
        let shard = self.config.shard;
        let local_tag = ids::tag(shard, self.random.u64());
        let call_id = invite.call_id.clone().unwrap_or_else(|| ids::call_id(shard, &mut self.random));
        Dialog {
            id: invite.dialog,
            key: self.keyring.half_dialog(&call_id, &local_tag),
            owns_call_id: true,
            call_id,
            local: format!("{};tag={local_tag}", invite.from),
            remote: invite.to.clone(),
            local_tag,
            local_cseq: 0,
            remote_cseq: None,
            routes: RouteSet::preloaded(invite.route.clone()),
            remote_target: invite.uri.clone(),
            contact: self.own_contact(&invite.target, invite.contact_user.as_deref()),
            peer: invite.target,
            answer: None,
            peer_offer: None,
            change: None,
            session_timer: None,
            peer_updates: false,
            late_prack: None,
            referrals: Referrals::default(),
            authenticator: Authenticator::new(invite.credentials.clone()),
            hangup: None,
            description: invite.body.clone(),
            timer: None,
            phase: Phase::Outgoing(Box::new(OutgoingInvite::new(invite))),
        }
    }

    /// Sends the INVITE with the dialog's number: for the first time, to the next place, or with the
    /// credentials that were asked for.
    pub(super) fn send_invite(&mut self, now: Moment, dialog: &mut Dialog, attempts: u8) {
        let cseq = dialog.local_cseq;
        let silent_until = self.silent_until(now, dialog);
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return };
        let invite = &outgoing.invite;
        let branch = ids::branch(self.config.shard, &mut self.random);
        let plan = dialog.routes.plan(&invite.uri);
        let credentials = dialog.authenticator.headers(&mut self.random, "INVITE", plan.request_uri);
        let request = self.print_request(&Draft {
            method: Method::Invite,
            plan: &plan,
            target: &invite.target,
            branch: &branch,
            from: &dialog.local,
            to: &invite.to,
            call_id: &dialog.call_id,
            cseq,
            max_forwards: invite.max_forwards,
            contact: Some(&dialog.contact),
            credentials: &credentials,
            headers: &invite.headers,
            body: invite.body.as_ref(),
        });
        let new = NewClient {
            branch,
            purpose: Purpose::Invite,
            dialog: Some(dialog.id),
            target: invite.target,
            fallback: None,
            request,
            cseq,
            payload: Payload::default(),
            credentials,
            attempts,
        };
        outgoing.silent_until = silent_until;
        outgoing.transaction = self.start_client(now, new);
    }

    pub(super) fn provisional(&mut self, now: Moment, key: Key, source: &Source, response: Message) {
        let Some(client) = self.clients.get(&key) else { return };
        let (owner, Purpose::Invite) = (client.dialog, client.purpose) else { return };
        let Some(id) = owner else { return self.cancel_abandoned(now, key) };
        self.with_dialog(now, id, |endpoint, dialog| {
            if dialog.open_invite() == Some(key) {
                Self::follow(dialog, source);
                dialog.place_answers();
                endpoint.take_provisional(now, dialog, response);
            }
            Fate::Continues
        });
    }

    fn take_provisional(&mut self, now: Moment, dialog: &mut Dialog, response: Message) {
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return };
        if let Some(tag) = response.to_tag() {
            outgoing.fork(tag);
        }
        self.try_cancel(now, dialog);
        if response.status() != Some(100) {
            self.event(dialog.id, DialogEvent::Provisional { response });
        }
    }

    /// The first 2xx makes the dialog. When the application gave up meanwhile, the CANCEL came too late and
    /// the call is ended by a BYE (RFC 3261 9.1, 15).
    pub(super) fn call_answered(&mut self, now: Moment, dialog: &mut Dialog, key: Key, response: &Message) {
        dialog.remote = response.to().as_str().to_owned();
        dialog.routes = RouteSet::of_response(response);
        dialog.refresh_target(response);
        dialog.peer_updates = allows_update(response);
        self.follow_session(now, dialog, response);
        self.dialog_keys.remove(&dialog.key);
        let remote_tag = response.to_tag().unwrap_or_default();
        if let Phase::Outgoing(outgoing) = &mut dialog.phase {
            dialog.remote_cseq = outgoing.fork(remote_tag).and_then(|fork| fork.remote_cseq);
        }
        dialog.key = self.keyring.dialog(&dialog.call_id, &dialog.local_tag, remote_tag);
        self.dialog_keys.insert(dialog.key, dialog.id);
        self.acknowledge(dialog, key, response);
        dialog.phase = Phase::Confirmed;
        match dialog.hangup.take() {
            Some(headers) => self.send_bye(now, dialog, headers),
            None => {
                self.event(dialog.id, DialogEvent::Answered { response: response.clone() });
                self.try_change(now, dialog);
            }
        }
    }

    /// The ACK of a 2xx: a request of its own, with the number and the credentials of the INVITE
    /// (RFC 3261 13.2.2.4).
    pub(super) fn acknowledge(&mut self, dialog: &Dialog, key: Key, response: &Message) {
        let Some(client) = self.clients.get(&key) else { return };
        let credentials = client.credentials.clone();
        let branch = ids::branch(self.config.shard, &mut self.random);
        let plan = dialog.routes.plan(&dialog.remote_target);
        let target = next_hop(plan.next_hop, &dialog.peer);
        let bytes = self.print_request(&Draft {
            method: Method::Ack,
            plan: &plan,
            target: &target,
            branch: &branch,
            from: &dialog.local,
            to: response.to().as_str(),
            call_id: &dialog.call_id,
            cseq: response.cseq().number,
            max_forwards: MAX_FORWARDS,
            contact: None,
            credentials: &credentials,
            headers: &[],
            body: None,
        });
        self.keep_ack(key, response, target, bytes);
    }

    /// Another 2xx of a forked INVITE, or one that nobody wants any more: acknowledged, and ended at once
    /// (RFC 3261 13.2.2.4).
    pub(super) fn end_losing_fork(&mut self, now: Moment, key: Key, source: &Source, response: &Message) {
        let peer = Target::from(source);
        let routes = RouteSet::of_response(response);
        let remote_target = response.contact().map_or(response.to().uri, |contact| contact.uri);
        let plan = routes.plan(remote_target);
        let target = next_hop(plan.next_hop, &peer);
        let credentials = self.clients.get(&key).map(|client| client.credentials.clone()).unwrap_or_default();
        let number = response.cseq().number;
        let draft = |method, branch, cseq, credentials| Draft {
            method,
            plan: &plan,
            target: &target,
            branch,
            from: response.from().as_str(),
            to: response.to().as_str(),
            call_id: response.call_id(),
            cseq,
            max_forwards: MAX_FORWARDS,
            contact: None,
            credentials,
            headers: &[],
            body: None,
        };
        let branch = ids::branch(self.config.shard, &mut self.random);
        let ack = self.print_request(&draft(Method::Ack, &branch, number, &credentials));
        self.keep_ack(key, response, target, ack);
        let branch = ids::branch(self.config.shard, &mut self.random);
        let request = self.print_request(&draft(Method::Bye, &branch, number + 1, &Default::default()));
        self.start_client(
            now,
            NewClient {
                branch,
                purpose: Purpose::Bye,
                dialog: None,
                target,
                fallback: (target != peer).then_some(peer),
                request,
                cseq: number + 1,
                payload: Payload::default(),
                credentials: Default::default(),
                attempts: 0,
            },
        );
    }

    /// The call failed, or wants credentials.
    pub(super) fn call_refused(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        attempts: u8,
        status: u16,
        response: Option<Message>,
    ) -> Fate {
        let Phase::Outgoing(outgoing) = &dialog.phase else { return Fate::Continues };
        if outgoing.transaction != key {
            return Fate::Continues;
        }
        let given_up = outgoing.given_up;
        let challenge = response.as_ref().filter(|_| matches!(status, 401 | 407) && !given_up);
        if challenge.is_some_and(|response| dialog.authenticator.challenged(response, attempts)) {
            dialog.next_cseq();
            self.send_invite(now, dialog, attempts + 1);
            return Fate::Continues;
        }
        if !given_up && is_failover(status, response.as_ref()) && self.try_next_place(now, dialog) {
            return Fate::Continues;
        }
        self.event(dialog.id, DialogEvent::Rejected { status, response });
        Fate::Over
    }
}
