//! Requests of the peer within a dialog. The policy is not asked about them, and overload does not touch them.

use ringway_model::Moment;

use super::input::{OfferId, Source};
use super::output::DialogEvent;
use super::receive::body_of;
use super::send::Answer;
use super::table::{ServerMachine, ServerTransaction};
use super::{DialogId, Endpoint, Fate};
use crate::dialog::session_timer::{INTERVAL_MIN_S, Terms};
use crate::dialog::uas::PeerOffer;
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Method, Name};
use crate::transaction::invite_server::InviteServer;
use crate::transaction::key::Key;
use crate::transaction::request_server::RequestServer;

/// The bodies of an INFO that hold keys.
const INFO_TYPES: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];

impl<T> Endpoint<T> {
    pub(super) fn receive_in_dialog(&mut self, now: Moment, key: Key, source: Source, request: Message) {
        let Some(id) = self.dialog_of(&request) else {
            return self.reply(&source, &request, 481);
        };
        if self.servers.len() >= self.config.transactions_max.saturating_mul(2) {
            return self.reply(&source, &request, 503);
        }
        self.start_server(key, source, &request, id);
        self.with_dialog(now, id, |endpoint, dialog| {
            Self::follow(dialog, &source);
            endpoint.serve(now, dialog, key, request)
        });
    }

    /// The dialog of a request, or our call whose peer we do not know yet.
    pub(super) fn dialog_of(&self, request: &Message) -> Option<DialogId> {
        let local_tag = request.to_tag()?;
        let remote_tag = request.from_tag().unwrap_or_default();
        let key = self.keyring.dialog(request.call_id(), local_tag, remote_tag);
        let half = || self.keyring.half_dialog(request.call_id(), local_tag);
        self.dialog_keys.get(&key).or_else(|| self.dialog_keys.get(&half())).copied()
    }

    fn start_server(&mut self, key: Key, source: Source, request: &Message, dialog: DialogId) {
        let reliable = source.transport.is_reliable();
        let machine = match request.method() {
            Method::Invite => ServerMachine::Invite(InviteServer::new(reliable)),
            _ => ServerMachine::Request(RequestServer::new(reliable)),
        };
        let server = ServerTransaction {
            machine,
            source,
            dialog: Some(dialog),
            merged: None,
            method: super::counters::method_label(&request.method()),
            last_status: 0,
            timer: None,
        };
        self.servers.insert(key, server);
    }

    fn serve(&mut self, now: Moment, dialog: &mut Dialog, key: Key, request: Message) -> Fate {
        let remote_tag = request.from_tag().unwrap_or_default();
        if !dialog.accepts_cseq(remote_tag, request.cseq().number) {
            return self.deny(now, dialog, key, &request, 500, &[]);
        }
        if let Some(unknown) = self.unsupported(&request) {
            return self.deny(now, dialog, key, &request, 420, &[("Unsupported".to_owned(), unknown)]);
        }
        let method = request.method();
        if matches!(method, Method::Invite | Method::Update) && Terms::of_request(&request).is_err() {
            let least = [(Name::MinSe.as_str().to_owned(), INTERVAL_MIN_S.to_string())];
            return self.deny(now, dialog, key, &request, 422, &least);
        }
        if matches!(dialog.phase, Phase::Ending) && method != Method::Bye {
            return self.deny(now, dialog, key, &request, 481, &[]);
        }
        match method {
            Method::Bye => self.serve_bye(now, dialog, key, request),
            Method::Invite => self.serve_reinvite(now, dialog, key, request),
            Method::Update => self.serve_update(now, dialog, key, request),
            Method::Info => self.serve_info(now, dialog, key, request),
            Method::Prack => self.serve_prack(now, dialog, key, request),
            Method::Refer => self.serve_refer(now, dialog, key, request),
            Method::Notify => self.serve_notify(now, dialog, key, request),
            Method::Options => {
                self.accept(now, dialog, key, &request);
                Fate::Continues
            }
            _ => {
                let allow = ("Allow".to_owned(), self.config.allow.clone());
                self.deny(now, dialog, key, &request, 405, &[allow])
            }
        }
    }

    pub(super) fn deny(
        &mut self,
        now: Moment,
        dialog: &Dialog,
        key: Key,
        request: &Message,
        status: u16,
        headers: &[(String, String)],
    ) -> Fate {
        self.refuse(now, key, request, &dialog.local_tag, status, headers);
        Fate::Continues
    }

    /// A 2xx that tells our Contact.
    pub(super) fn accept_with_contact(
        &mut self,
        now: Moment,
        dialog: &Dialog,
        key: Key,
        request: &Message,
        status: u16,
    ) {
        let answer = Answer {
            status,
            to_tag: Some(&dialog.local_tag),
            contact: Some(&dialog.contact),
            ..Answer::default()
        };
        let _ = self.answer(now, key, request, &answer);
    }

    fn accept(&mut self, now: Moment, dialog: &Dialog, key: Key, request: &Message) {
        let header = |name: Name, value: &str| (name.as_str().to_owned(), value.to_owned());
        let abilities = [header(Name::Accept, "application/sdp"), header(Name::Allow, &self.config.allow)];
        let headers = if request.method() == Method::Options { &abilities[..] } else { &[] };
        self.refuse(now, key, request, &dialog.local_tag, 200, headers);
    }

    /// Keys come by INFO as well, from phones that are set so. Of anything else in an INFO we would not know what
    /// to do, and say so (RFC 6086 4.2.2).
    fn serve_info(&mut self, now: Moment, dialog: &mut Dialog, key: Key, request: Message) -> Fate {
        if request.header_named("Info-Package").is_some() {
            let none = [("Recv-Info".to_owned(), String::new())];
            return self.deny(now, dialog, key, &request, 469, &none);
        }
        let content_type = request.content_type().unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        let known = INFO_TYPES.iter().any(|known| known.eq_ignore_ascii_case(content_type));
        if !known && !request.body().is_empty() {
            let accept = [(Name::Accept.as_str().to_owned(), INFO_TYPES.join(", "))];
            return self.deny(now, dialog, key, &request, 415, &accept);
        }
        self.accept(now, dialog, key, &request);
        if known {
            self.event(dialog.id, DialogEvent::Info { request });
        }
        Fate::Continues
    }

    /// A BYE in an early dialog (RFC 3261 15) gives up the call as a CANCEL does, and is told as one: whoever
    /// hears of it must know that no answer left.
    fn serve_bye(&mut self, now: Moment, dialog: &mut Dialog, key: Key, request: Message) -> Fate {
        self.accept(now, dialog, key, &request);
        match &mut dialog.phase {
            Phase::Incoming(incoming) => {
                let (invite, key) = (incoming.request.clone(), incoming.transaction);
                self.refuse(now, key, &invite, &dialog.local_tag, 487, &[]);
                let reason = request.header(Name::Reason).map(str::to_owned);
                self.event(dialog.id, DialogEvent::Cancelled { reason });
                return Fate::Over;
            }
            Phase::Outgoing(outgoing) => {
                if outgoing.lose_fork(request.from_tag().unwrap_or_default()) {
                    return Fate::Continues;
                }
                // The 2xx that made this dialog is still under way: it is acknowledged and ended when it comes.
                self.event(dialog.id, DialogEvent::Bye { request });
                return self.give_up(now, dialog, Vec::new());
            }
            Phase::Ending => return Fate::Over,
            Phase::Confirmed => {}
        }
        self.event(dialog.id, DialogEvent::Bye { request });
        Fate::Over
    }

    /// Collisions as RFC 3261 14.2 has them: with ours 491, with another of theirs 500 and a while.
    fn serve_reinvite(&mut self, now: Moment, dialog: &mut Dialog, key: Key, request: Message) -> Fate {
        let ours = dialog.change.as_ref().is_some_and(|change| change.is_sent());
        match dialog.phase {
            Phase::Outgoing(_) => return self.deny(now, dialog, key, &request, 491, &[]),
            Phase::Confirmed if ours => return self.deny(now, dialog, key, &request, 491, &[]),
            Phase::Confirmed if dialog.answer.is_none() && dialog.peer_offer.is_none() => {}
            Phase::Confirmed | Phase::Incoming(_) | Phase::Ending => {
                return self.deny_for_now(now, dialog, key, &request);
            }
        }
        let trying = Answer { status: 100, ..Answer::default() };
        let _ = self.answer(now, key, &request, &trying);
        self.offer(dialog, key, request);
        Fate::Continues
    }

    /// An UPDATE without a description refreshes the dialog and no more; one with an offer must not meet
    /// another offer (RFC 3311 5.2).
    fn serve_update(&mut self, now: Moment, dialog: &mut Dialog, key: Key, request: Message) -> Fate {
        if body_of(&request).is_none() {
            dialog.refresh_target(&request);
            self.accept_update(now, dialog, key, &request, None);
            return Fate::Continues;
        }
        let ours_open = dialog.change.as_ref().is_some_and(|change| change.is_sent())
            || dialog.answer.as_ref().is_some_and(|answer| answer.is_offer)
            || matches!(dialog.phase, Phase::Outgoing(_));
        if ours_open {
            return self.deny(now, dialog, key, &request, 491, &[]);
        }
        let busy = dialog.peer_offer.is_some() || matches!(dialog.phase, Phase::Incoming(_));
        if busy || dialog.is_given_up() {
            return self.deny_for_now(now, dialog, key, &request);
        }
        self.offer(dialog, key, request);
        Fate::Continues
    }

    pub(super) fn accept_update(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        request: &Message,
        body: Option<&super::Body>,
    ) {
        let confirmed = matches!(dialog.phase, Phase::Confirmed);
        let headers = if confirmed { self.agree_session(now, dialog, request) } else { Vec::new() };
        let contact = Some(dialog.contact.as_str());
        let answer = Answer { status: 200, contact, headers: &headers, body, ..Answer::default() };
        let _ = self.answer(now, key, request, &answer);
    }

    pub(super) fn deny_for_now(&mut self, now: Moment, dialog: &Dialog, key: Key, request: &Message) -> Fate {
        let wait = retry_after(self.random.below(11));
        self.deny(now, dialog, key, request, 500, &[wait])
    }

    fn offer(&mut self, dialog: &mut Dialog, key: Key, request: Message) {
        self.last_offer += 1;
        let offer = OfferId(self.last_offer);
        dialog.peer_offer = Some(PeerOffer { offer, transaction: key, request: request.clone() });
        self.event(dialog.id, DialogEvent::Offer { offer, request });
    }
}

fn retry_after(wait_s: u64) -> (String, String) {
    ("Retry-After".to_owned(), wait_s.to_string())
}
