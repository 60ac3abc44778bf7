//! Everything that leaves: responses by their server transaction, requests by a new client transaction.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use ringway_model::Moment;

use super::counters::method_label;
use super::input::{Body, DialogId, Source, Target, Transport};
use super::output::{Output, Transmit};
use super::table::{ClientMachine, ClientTransaction, Payload, Purpose};
use super::target::next_hop;
use super::{Endpoint, ids};
use crate::dialog::Dialog;
use crate::dialog::credentials::CredentialHeaders;
use crate::dialog::route_set::Plan;
use crate::message::{Message, Method, Name, RequestBuilder, ResponseBuilder};
use crate::transaction::invite_client::InviteClient;
use crate::transaction::key::Key;
use crate::transaction::request_client::RequestClient;

/// The hops that a request within a dialog may take (RFC 3261 8.1.1.6).
pub(super) const MAX_FORWARDS: u8 = 70;

/// What a response says beyond what it copies from its request.
#[derive(Default)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) reason: Option<&'a str>,
    pub(super) to_tag: Option<&'a str>,
    /// Our Contact, in responses that make or refresh a dialog; Record-Route goes with it.
    pub(super) contact: Option<&'a str>,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Option<&'a Body>,
}

/// A request to be printed.
pub(super) struct Draft<'a> {
    pub(super) method: Method<'a>,
    pub(super) plan: &'a Plan<'a>,
    pub(super) target: &'a Target,
    pub(super) branch: &'a str,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) call_id: &'a str,
    pub(super) cseq: u32,
    pub(super) max_forwards: u8,
    pub(super) contact: Option<&'a str>,
    pub(super) credentials: &'a CredentialHeaders,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Option<&'a Body>,
}

/// A client transaction to be started.
pub(super) struct NewClient {
    pub(super) branch: String,
    pub(super) purpose: Purpose,
    pub(super) dialog: Option<DialogId>,
    pub(super) target: Target,
    pub(super) fallback: Option<Target>,
    pub(super) request: Bytes,
    pub(super) cseq: u32,
    pub(super) payload: Payload,
    pub(super) credentials: CredentialHeaders,
    pub(super) attempts: u8,
}

impl<T> Endpoint<T> {
    pub(super) fn print_response(&self, request: &Message, source: SocketAddr, answer: &Answer<'_>) -> Bytes {
        let mut builder = ResponseBuilder::new(request, answer.status).source(source);
        if let Some(reason) = answer.reason {
            builder = builder.reason(reason);
        }
        if let Some(tag) = answer.to_tag {
            builder = builder.to_tag(tag);
        }
        if let Some(contact) = answer.contact {
            builder = builder.record_route().header(Name::Contact, contact);
        }
        if answer.status > 100 {
            builder = builder.header(Name::Server, &self.config.server);
        }
        if answer.contact.is_some() && (200..300).contains(&answer.status) {
            builder = self.abilities(builder);
        }
        for (name, value) in answer.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = answer.body {
            builder = builder.body(&body.content_type, &body.bytes);
        }
        builder.finish()
    }

    /// Allow and Supported, which a 2xx should carry (RFC 3261 13.3.1.4).
    pub(super) fn abilities<'a>(&self, builder: ResponseBuilder<'a>) -> ResponseBuilder<'a> {
        let builder = builder.header(Name::Allow, &self.config.allow);
        match self.config.supported.is_empty() {
            true => builder,
            false => builder.header(Name::Supported, self.config.supported.join(", ")),
        }
    }

    pub(super) fn send_response(&mut self, target: Target, method: &'static str, status: u16, bytes: Bytes) {
        *self.counters.responses_sent.entry((method, status)).or_default() += 1;
        self.transmit(Transmit { target, bytes });
    }

    pub(super) fn send_request(&mut self, method: &'static str, transmit: Transmit) {
        *self.counters.requests_sent.entry(method).or_default() += 1;
        self.transmit(transmit);
    }

    fn transmit(&mut self, transmit: Transmit) {
        self.output.push_back(Output::Transmit(transmit));
    }

    /// Answers through the server transaction; nothing happens when it has its final response already.
    pub(super) fn answer(
        &mut self,
        now: Moment,
        key: Key,
        request: &Message,
        answer: &Answer<'_>,
    ) -> Option<Transmit> {
        let source = self.servers.get(&key)?.source;
        let bytes = self.print_response(request, source.remote, answer);
        let server = self.servers.get_mut(&key)?;
        if !server.machine.respond(now, answer.status, &bytes, &self.values) {
            return None;
        }
        server.last_status = answer.status;
        let method = server.method;
        let transmit = Transmit { target: Target::from(&source), bytes: bytes.clone() };
        self.send_response(transmit.target, method, answer.status, bytes);
        self.reschedule_server(key);
        Some(transmit)
    }

    /// Answers with a bare status through the server transaction.
    pub(super) fn refuse(
        &mut self,
        now: Moment,
        key: Key,
        request: &Message,
        tag: &str,
        status: u16,
        headers: &[(String, String)],
    ) {
        let answer = Answer { status, to_tag: Some(tag), headers, ..Answer::default() };
        let _ = self.answer(now, key, request, &answer);
    }

    pub(super) fn print_request(&mut self, draft: &Draft<'_>) -> Bytes {
        let sent_by = self.own_address(draft.target);
        let mut builder = RequestBuilder::new(draft.method, draft.plan.request_uri)
            .via(draft.target.transport.via_name(), sent_by, draft.branch)
            .max_forwards(draft.max_forwards);
        for route in draft.plan.routes.iter().copied().chain(draft.plan.last_route.as_deref()) {
            builder = builder.route(route);
        }
        builder = builder.from(draft.from).to(draft.to).call_id(draft.call_id).cseq(draft.cseq);
        if let Some(contact) = draft.contact {
            builder = builder.contact(contact);
        }
        for (name, value) in draft.credentials {
            builder = builder.header(*name, value);
        }
        builder = builder.header(Name::UserAgent, &self.config.server);
        if matches!(draft.method, Method::Invite | Method::Update) {
            builder = builder.header(Name::Allow, &self.config.allow);
            if !self.config.supported.is_empty() {
                builder = builder.header(Name::Supported, self.config.supported.join(", "));
            }
        }
        for (name, value) in draft.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = draft.body {
            builder = builder.body(&body.content_type, &body.bytes);
        }
        builder.finish()
    }

    /// The address of ours that the other side of `target` is told.
    pub(super) fn own_address(&self, target: &Target) -> SocketAddr {
        let unspecified = match target.remote.ip() {
            IpAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
            IpAddr::V6(_) => SocketAddr::from(([0u16; 8], 0)),
        };
        self.config.advertise.address(target.local.unwrap_or(unspecified), target.remote, target.transport)
    }

    /// Our Contact value towards `target`.
    pub(super) fn own_contact(&self, target: &Target, user: Option<&str>) -> String {
        let address = self.own_address(target);
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        // In a URI both kinds of WebSocket are `ws` (RFC 7118 5.2).
        let transport = if target.transport == Transport::Wss { Transport::Ws } else { target.transport };
        match transport.uri_parameter() {
            Some(transport) => format!("<sip:{user}{address};transport={transport}>"),
            None => format!("<sip:{user}{address}>"),
        }
    }

    pub(super) fn start_client(&mut self, now: Moment, new: NewClient) -> Key {
        let new = self.by_stream_if_large(new);
        let method = new.purpose.method();
        let machine = self.client_machine(now, new.purpose, &new.target);
        let key = self.keyring.client(&new.branch, method);
        let transmit = Transmit { target: new.target, bytes: new.request.clone() };
        self.clients.insert(
            key,
            ClientTransaction {
                machine,
                purpose: new.purpose,
                dialog: new.dialog,
                target: new.target,
                fallback: new.fallback,
                request: new.request,
                cseq: new.cseq,
                payload: new.payload,
                credentials: new.credentials,
                attempts: new.attempts,
                abandoned_rings: false,
                refusal_ack: None,
                acks: Default::default(),
                timer: None,
            },
        );
        self.reschedule_client(key);
        self.send_request(method, transmit);
        key
    }

    pub(super) fn client_machine(&self, now: Moment, purpose: Purpose, target: &Target) -> ClientMachine {
        let reliable = target.transport.is_reliable();
        match purpose {
            Purpose::Invite | Purpose::Reinvite => {
                ClientMachine::Invite(InviteClient::new(now, reliable, &self.values))
            }
            _ => ClientMachine::Request(RequestClient::new(now, reliable, &self.values)),
        }
    }

    /// Sends a request within a dialog.
    pub(super) fn send_in_dialog(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        purpose: Purpose,
        payload: Payload,
        attempts: u8,
    ) -> Key {
        let cseq = dialog.next_cseq();
        let branch = ids::branch(self.config.shard, &mut self.random);
        let plan = dialog.routes.plan(&dialog.remote_target);
        let target = next_hop(plan.next_hop, &dialog.peer);
        let method = Method::parse(purpose.method());
        let credentials = dialog.authenticator.headers(&mut self.random, purpose.method(), plan.request_uri);
        let with_contact =
            matches!(purpose, Purpose::Reinvite | Purpose::Update | Purpose::Refer | Purpose::Notify);
        let request = self.print_request(&Draft {
            method,
            plan: &plan,
            target: &target,
            branch: &branch,
            from: &dialog.local,
            to: &dialog.remote,
            call_id: &dialog.call_id,
            cseq,
            max_forwards: MAX_FORWARDS,
            contact: with_contact.then_some(dialog.contact.as_str()),
            credentials: &credentials,
            headers: &payload.headers,
            body: payload.body.as_ref(),
        });
        let fallback = (target != dialog.peer).then_some(dialog.peer);
        let dialog = Some(dialog.id);
        self.start_client(
            now,
            NewClient {
                branch,
                purpose,
                dialog,
                target,
                fallback,
                request,
                cseq,
                payload,
                credentials,
                attempts,
            },
        )
    }

    /// Counts a request and says by what name.
    pub(super) fn count_request(&mut self, request: &Message) -> &'static str {
        let label = method_label(&request.method());
        *self.counters.requests_received.entry(label).or_default() += 1;
        label
    }

    /// Where answers to this source go, and later requests follow.
    pub(super) fn follow(dialog: &mut Dialog, source: &Source) {
        dialog.peer = Target::from(source);
    }
}
