//! Packets: what they are, and who gets them. A repeated request is recognised before anything else.

use bytes::Bytes;
use ringway_model::{Moment, Now};

use super::config::{Policy, Screening};
use super::counters::method_label;
use super::input::{Body, Source, Target};
use super::output::DialogEvent;
use super::send::Answer;
use super::table::ServerMachine;
use super::{Endpoint, Fate, ids};
use crate::dialog::{Dialog, Phase};
use crate::message::{Malformed, Message, Method, Name};
use crate::transaction::key::Key;

impl<T> Endpoint<T> {
    pub(super) fn receive<P>(&mut self, now: Now, source: Source, bytes: Bytes, policy: &mut P)
    where
        P: Policy<Ticket = T> + ?Sized,
    {
        let message = match Message::parse(bytes, &self.config.limits) {
            Ok(message) => message,
            Err(malformed) => {
                let screening = policy.screen_malformed(now, &source);
                return self.receive_malformed(&source, &malformed, screening);
            }
        };
        if message.is_request() {
            self.receive_request(now, source, message, policy);
        } else {
            self.receive_response(now.monotonic, source, message);
        }
    }

    fn receive_malformed(&mut self, source: &Source, malformed: &Malformed, screening: Screening) {
        self.counters.malformed += 1;
        if matches!(screening, Screening::Drop | Screening::Tarpit) {
            return self.turn_away(source, screening);
        }
        let tag = ids::tag(self.config.shard, self.random.u64());
        if let Some(bytes) = malformed.response(source.remote, &tag, Some(&self.config.server)) {
            self.send_response(Target::from(source), "other", malformed.reason.status(), bytes);
        }
    }

    fn receive_request<P>(&mut self, now: Now, source: Source, request: Message, policy: &mut P)
    where
        P: Policy<Ticket = T> + ?Sized,
    {
        self.count_request(&request);
        let method = request.method();
        match method {
            Method::Ack => return self.receive_ack(now.monotonic, &source, &request),
            Method::Cancel => return self.receive_cancel(now.monotonic, &source, &request),
            _ => {}
        }
        let key = self.keyring.server(&request, method.as_str());
        if self.is_repeated(key) {
            return;
        }
        if request.to_tag().is_some() {
            self.receive_in_dialog(now.monotonic, key, source, request);
        } else {
            self.receive_new(now, key, source, request, policy);
        }
    }

    /// Whether the request is known; it gets the answer that it got before.
    fn is_repeated(&mut self, key: Key) -> bool {
        let Some(server) = self.servers.get(&key) else { return false };
        let (target, method, status) = (Target::from(&server.source), server.method, server.last_status);
        let response = server.machine.repeated();
        self.counters.retransmissions += 1;
        if let Some(bytes) = response {
            self.send_response(target, method, status, bytes);
        }
        true
    }

    /// An ACK of a refusal is for its transaction, one of a 2xx for its dialog (RFC 3261 17.1.1.3, 13.2.2.4).
    fn receive_ack(&mut self, now: Moment, source: &Source, request: &Message) {
        let key = self.keyring.server(request, "INVITE");
        if let Some(server) = self.servers.get_mut(&key)
            && let ServerMachine::Invite(machine) = &mut server.machine
            && machine.acknowledged(now, &self.values)
        {
            return self.reschedule_server(key);
        }
        let dialog = self.dialog_of(request);
        let Some(id) = dialog else {
            self.counters.stray_acks += 1;
            return;
        };
        self.with_dialog(now, id, |endpoint, dialog| endpoint.acknowledged(now, dialog, source, request));
    }

    fn acknowledged(&mut self, now: Moment, dialog: &mut Dialog, source: &Source, request: &Message) -> Fate {
        let number = request.cseq().number;
        if dialog.answer.take_if(|answer| answer.cseq == number).is_none() {
            return Fate::Continues;
        }
        Self::follow(dialog, source);
        self.event(dialog.id, DialogEvent::Acknowledged { body: body_of(request) });
        match dialog.hangup.take() {
            Some(headers) => self.send_bye(now, dialog, headers),
            None => self.try_change(now, dialog),
        }
        Fate::Continues
    }

    /// A CANCEL is answered without state: its copies find the same transaction and get the same answer, whose
    /// tag is the one of the INVITE's answers (RFC 3261 9.2).
    fn receive_cancel(&mut self, now: Moment, source: &Source, request: &Message) {
        let key = self.keyring.server(request, "INVITE");
        let Some(server) = self.servers.get(&key) else {
            return self.reply(source, request, 481);
        };
        let open = server.machine.is_proceeding();
        let owner = server.dialog;
        let sent = match &server.machine {
            ServerMachine::Invite(machine) => machine.last_response(),
            ServerMachine::Request(_) => None,
        };
        let tag = owner.and_then(|id| self.dialogs.get(&id)).map(|dialog| dialog.local_tag.clone());
        match tag.or_else(|| self.tag_of(sent?)) {
            Some(tag) => self.reply_with_tag(source, request, 200, &tag),
            None => self.reply(source, request, 200),
        }
        if let Some(id) = owner.filter(|_| open) {
            self.with_dialog(now, id, |endpoint, dialog| endpoint.cancelled(now, dialog, key, request));
        }
    }

    /// Our tag in a response that we sent.
    fn tag_of(&self, response: Bytes) -> Option<String> {
        Message::parse(response, &self.config.limits).ok()?.to_tag().map(str::to_owned)
    }

    fn cancelled(&mut self, now: Moment, dialog: &mut Dialog, key: Key, cancel: &Message) -> Fate {
        if let Some(offer) = dialog.peer_offer.take_if(|offer| offer.transaction == key) {
            self.refuse(now, key, &offer.request, &dialog.local_tag, 487, &[]);
            self.event(dialog.id, DialogEvent::OfferWithdrawn { offer: offer.offer });
            self.try_change(now, dialog);
            return Fate::Continues;
        }
        let Phase::Incoming(incoming) = &dialog.phase else { return Fate::Continues };
        if incoming.transaction != key {
            return Fate::Continues;
        }
        self.refuse(now, key, &incoming.request, &dialog.local_tag, 487, &[]);
        let reason = cancel.header(Name::Reason).map(str::to_owned);
        self.event(dialog.id, DialogEvent::Cancelled { reason });
        Fate::Over
    }

    /// Answers and keeps no state; the To tag is computed, so that every copy gets the same.
    pub(super) fn reply(&mut self, source: &Source, request: &Message, status: u16) {
        let tag = ids::tag(self.config.shard, self.keyring.stateless_tag(request));
        self.reply_with_tag(source, request, status, &tag);
    }

    fn reply_with_tag(&mut self, source: &Source, request: &Message, status: u16, tag: &str) {
        let answer = Answer { status, to_tag: Some(tag), ..Answer::default() };
        let bytes = self.print_response(request, source.remote, &answer);
        self.send_response(Target::from(source), method_label(&request.method()), status, bytes);
    }
}

/// The body of a message, when it has one.
pub(super) fn body_of(message: &Message) -> Option<Body> {
    let content_type = message.content_type()?;
    let bytes = message.body_bytes();
    (!bytes.is_empty()).then(|| Body { content_type: content_type.to_owned(), bytes })
}
