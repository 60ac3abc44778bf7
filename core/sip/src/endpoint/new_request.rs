//! Requests outside a dialog. What is refused here leaves nothing behind.

use ringway_model::{Moment, Now};

use super::config::{Policy, Reply, Screening, TransactionKey, Verdict};
use super::counters::method_label;
use super::input::{Source, Target};
use super::output::{Event, FlowOrder, Output};
use super::send::Answer;
use super::table::{ServerMachine, ServerTransaction};
use super::{Endpoint, ids};
use crate::dialog::credentials::Authenticator;
use crate::dialog::refer::Referrals;
use crate::dialog::reliable::Reliable;
use crate::dialog::route_set::RouteSet;
use crate::dialog::session_timer::{INTERVAL_MIN_S, Terms};
use crate::dialog::uas::IncomingInvite;
use crate::dialog::{Dialog, Phase, allows_update};
use crate::message::{Message, Method, Name, ResponseBuilder};
use crate::transaction::invite_server::InviteServer;
use crate::transaction::key::Key;

/// Extensions that a peer may insist on though we do not announce them: reliable provisional responses
/// (RFC 3262) and session timers (RFC 4028).
const UNDERSTOOD: [&str; 2] = ["100rel", "timer"];

impl<T> Endpoint<T> {
    pub(super) fn receive_new<P>(
        &mut self,
        now: Now,
        key: Key,
        source: Source,
        request: Message,
        policy: &mut P,
    ) where
        P: Policy<Ticket = T> + ?Sized,
    {
        match policy.screen(now, &request, &source) {
            Screening::Welcome => {}
            Screening::Refuse => return self.reply(&source, &request, 403),
            turned_away => return self.turn_away(&source, turned_away),
        }
        if let Some(reply) = self.objection(now.monotonic, &source, &request) {
            if matches!(request.method(), Method::Invite | Method::Register) {
                policy.refused(now, &request, &source, reply.status);
            }
            return self.reply_as_told(&source, &request, &reply);
        }
        let verdict = match request.method() {
            Method::Register => policy.register(now, TransactionKey(key.0), &request, &source),
            _ => policy.admit(now, &request, &source),
        };
        match verdict {
            Verdict::Accept(ticket) => match request.method() {
                Method::Invite => self.accept_invite(now.monotonic, key, source, request, ticket),
                Method::Options => self.answer_options(&source, &request),
                _ => self.reply(&source, &request, 501),
            },
            Verdict::Reply(reply) => self.reply_as_told(&source, &request, &reply),
            Verdict::Drop => self.counters.dropped += 1,
        }
    }

    /// Says nothing to a sender that is not welcome; a connection is closed, or left to wait.
    pub(super) fn turn_away(&mut self, source: &Source, screening: Screening) {
        self.counters.turned_away += 1;
        let order = if screening == Screening::Tarpit { FlowOrder::Stall } else { FlowOrder::Close };
        if let Some(flow) = source.flow {
            self.output.push_back(Output::Flow(flow, order));
        }
    }

    /// What speaks against a request whoever sent it (RFC 3261 8.2), in the RFC's order.
    fn objection(&mut self, now: Moment, source: &Source, request: &Message) -> Option<Reply> {
        let method = request.method();
        match method {
            Method::Invite | Method::Options | Method::Register => {}
            Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Notify => {
                return Some(Reply::new(481));
            }
            Method::Refer => return Some(Reply::new(403).with_reason("REFER Only Within A Call")),
            _ => return Some(Reply::new(405)),
        }
        if request.max_forwards() == Some(0) && method != Method::Options {
            return Some(Reply::new(483));
        }
        if let Some(unknown) = self.unsupported(request) {
            return Some(Reply::new(420).with_header("Unsupported", unknown));
        }
        if method != Method::Invite {
            return None;
        }
        if self.merged.contains_key(&self.keyring.merged(request)) || self.is_own(request) {
            return Some(Reply::new(482));
        }
        if request.contact().is_none() {
            return Some(Reply::new(400).with_reason("Missing Contact header"));
        }
        if Terms::of_request(request).is_err() {
            return Some(Reply::new(422).with_header("Min-SE", INTERVAL_MIN_S.to_string()));
        }
        self.overloaded(now, source)
    }

    /// Whether this is a call of ours that somebody sent back to us.
    fn is_own(&self, request: &Message) -> bool {
        let tag = request.from_tag().unwrap_or_default();
        self.dialog_keys.contains_key(&self.keyring.half_dialog(request.call_id(), tag))
    }

    /// The extensions that the sender insists on and we do not have (RFC 3261 8.2.2.3).
    pub(super) fn unsupported(&self, request: &Message) -> Option<String> {
        // Path is for registrars (RFC 3327).
        let path = (request.method() == Method::Register).then_some("path");
        let announced = self.config.supported.iter().map(String::as_str);
        let is_known = |tag: &str| {
            let mut known = UNDERSTOOD.into_iter().chain(announced.clone()).chain(path);
            known.any(|known| known.eq_ignore_ascii_case(tag))
        };
        let unknown: Vec<&str> = request.headers(Name::Require).filter(|tag| !is_known(tag)).collect();
        (!unknown.is_empty()).then(|| unknown.join(", "))
    }

    /// New calls alone are refused when we are behind or full; what is up already goes on.
    fn overloaded(&mut self, now: Moment, source: &Source) -> Option<Reply> {
        let late = now.since(source.arrival) > self.config.overload.age_max;
        let full = self.servers.len() + self.clients.len() >= self.config.transactions_max
            || self.dialogs.len() >= self.config.dialogs_max;
        self.counters.overload_age += u64::from(late);
        self.counters.overload_count += u64::from(full && !late);
        (late || full).then(|| {
            let wait_s = 1 + self.random.below(5);
            Reply::new(503).with_header("Retry-After", wait_s.to_string())
        })
    }

    fn reply_as_told(&mut self, source: &Source, request: &Message, reply: &Reply) {
        let tag = ids::tag(self.config.shard, self.keyring.stateless_tag(request));
        let mut builder = ResponseBuilder::new(request, reply.status).source(source.remote).to_tag(&tag);
        if let Some(reason) = &reply.reason {
            builder = builder.reason(reason);
        }
        builder = builder.header(Name::Server, &self.config.server);
        if reply.status == 405 {
            builder = builder.header(Name::Allow, &self.config.allow);
        }
        for (name, value) in &reply.headers {
            builder = builder.header(name.as_ref(), value);
        }
        let bytes = builder.finish();
        let method = method_label(&request.method());
        self.send_response(Target::from(source), method, reply.status, bytes);
    }

    /// What we can do (RFC 3261 11.2).
    fn answer_options(&mut self, source: &Source, request: &Message) {
        let tag = ids::tag(self.config.shard, self.keyring.stateless_tag(request));
        let builder = ResponseBuilder::new(request, 200)
            .source(source.remote)
            .to_tag(&tag)
            .header(Name::Server, &self.config.server)
            .header(Name::Accept, "application/sdp");
        let bytes = self.abilities(builder).finish();
        self.send_response(Target::from(source), "OPTIONS", 200, bytes);
    }

    fn accept_invite(&mut self, now: Moment, key: Key, source: Source, request: Message, ticket: T) {
        let id = self.reserve_dialog();
        let merged = self.keyring.merged(&request);
        self.merged.insert(merged, key);
        let dialog = self.incoming_dialog(id, key, &source, &request);
        let mut machine = InviteServer::new(source.transport.is_reliable());
        if matches!(&dialog.phase, Phase::Incoming(incoming) if incoming.reliable.is_some()) {
            machine.leave_reminders();
        }
        self.servers.insert(
            key,
            ServerTransaction {
                machine: ServerMachine::Invite(machine),
                source,
                dialog: Some(id),
                merged: Some(merged),
                method: "INVITE",
                last_status: 0,
                timer: None,
            },
        );
        self.dialog_keys.insert(dialog.key, id);
        self.dialogs.insert(id, Box::new(dialog));
        let trying = Answer { status: 100, ..Answer::default() };
        let _ = self.answer(now, key, &request, &trying);
        self.output.push_back(Output::Event(Event::Incoming { dialog: id, request, source, ticket }));
    }

    fn incoming_dialog(
        &mut self,
        id: super::DialogId,
        key: Key,
        source: &Source,
        request: &Message,
    ) -> Dialog {
        let local_tag = ids::tag(self.config.shard, self.random.u64());
        let peer = Target::from(source);
        let remote_tag = request.from_tag().unwrap_or_default();
        let remote_target = request.contact().map_or(request.from().uri, |contact| contact.uri);
        Dialog {
            id,
            key: self.keyring.dialog(request.call_id(), &local_tag, remote_tag),
            call_id: request.call_id().to_owned(),
            local: format!("{};tag={local_tag}", request.to().as_str()),
            remote: request.from().as_str().to_owned(),
            local_tag,
            local_cseq: (self.random.u32() & 0xffff) + 1,
            remote_cseq: Some(request.cseq().number),
            routes: RouteSet::of_request(request),
            remote_target: remote_target.to_owned(),
            contact: self.own_contact(&peer, None),
            peer,
            phase: Phase::Incoming(Box::new(IncomingInvite {
                transaction: key,
                request: request.clone(),
                reliable: Reliable::of_request(request, self.random.u32() & 0xffff),
            })),
            owns_call_id: false,
            answer: None,
            peer_offer: None,
            change: None,
            session_timer: None,
            peer_updates: allows_update(request),
            late_prack: None,
            referrals: Referrals::default(),
            authenticator: Authenticator::default(),
            hangup: None,
            description: None,
            timer: None,
        }
    }
}
