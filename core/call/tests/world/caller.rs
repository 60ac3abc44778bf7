//! The phone: an endpoint with a password.

use std::net::SocketAddr;

use bytes::Bytes;
use ringway_model::{Now, Random, Secret};
use ringway_sip::endpoint::{
    Body, Command, Credentials, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, Input, NewInvite,
    Output, Policy, Source, Target, Transport, Verdict,
};
use ringway_sip::message::Message;

use super::network::address;
use super::server::{PASSWORD, USER};
use super::{News, Occurrence, Side, World};

pub(super) struct Caller {
    pub(super) endpoint: Endpoint<()>,
    /// The names of what was heard of the dialog, in order.
    pub(super) heard: Vec<&'static str>,
}

/// Nobody may call the phone.
struct Closed;

impl Policy for Closed {
    type Ticket = ();

    fn admit(&mut self, _: Now, _: &Message, _: &Source) -> Verdict<()> {
        Verdict::Drop
    }
}

impl Caller {
    pub(super) fn new(random: &mut Random) -> Self {
        let advertise = |_: SocketAddr, _: SocketAddr, _: Transport| address(Side::Caller);
        let config = EndpointConfig::new(0, Box::new(advertise));
        Self { endpoint: Endpoint::new(config, random.bytes()), heard: Vec::new() }
    }

    pub(super) fn dialog(&self) -> DialogId {
        DialogId::chosen(0, 1)
    }

    pub(super) fn invite(&self, random: &mut Random, transport: Transport) -> NewInvite {
        let target = Target { transport, remote: address(Side::Server), local: None, flow: None, name: None };
        let uri = "sip:100@demo.sip.twilio.com";
        let from = format!("<sip:{USER}@demo.sip.twilio.com>");
        NewInvite {
            call_id: Some(format!("{:x}@phone.example.com", random.u64())),
            contact_user: Some(USER.to_owned()),
            body: Some(description()),
            credentials: Some(Credentials { username: USER.to_owned(), password: Secret::new(PASSWORD) }),
            ..NewInvite::new(self.dialog(), target, uri, from, format!("<{uri}>"))
        }
    }
}

impl World {
    pub(super) fn caller_input(&mut self, input: Input) {
        if let Input::FlowClosed(flow) = &input {
            self.connection_lost(*flow);
        }
        let now = self.now();
        self.caller.endpoint.handle_input(now, input, &mut Closed);
        while let Some(output) = self.caller.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => self.carry(Side::Caller, None, transmit),
                Output::Event(Event::Incoming { .. }) => panic!("the phone is called"),
                Output::Event(Event::Dialog { event, .. }) => self.caller_event(event),
                Output::Flow(..) => panic!("everybody is welcome"),
            }
        }
    }

    fn caller_event(&mut self, event: DialogEvent) {
        let what = name(&event);
        self.note(format!("phone hears: {what}"));
        self.caller.heard.push(what);
        let response = match event {
            DialogEvent::Offer { offer, .. } => {
                let dialog = self.caller.dialog();
                let answer = Command::AnswerOffer { dialog, offer, result: Ok(Some(description())) };
                let delay = self.between(0, 50);
                self.enqueue(delay, Occurrence::CallerCommand(answer));
                None
            }
            DialogEvent::Provisional { response } => Some(response),
            _ => None,
        };
        self.tell(News::Caller { what, response });
    }
}

pub(super) fn description() -> Body {
    Body { content_type: "application/sdp".to_owned(), bytes: Bytes::from_static(b"v=0\r\n") }
}

/// The name of an event.
pub(super) fn name(event: &DialogEvent) -> &'static str {
    match event {
        DialogEvent::Cancelled { .. } => "Cancelled",
        DialogEvent::Acknowledged { .. } => "Acknowledged",
        DialogEvent::AcknowledgeTimeout => "AcknowledgeTimeout",
        DialogEvent::Bye { .. } => "Bye",
        DialogEvent::Offer { .. } => "Offer",
        DialogEvent::OfferWithdrawn { .. } => "OfferWithdrawn",
        DialogEvent::Info { .. } => "Info",
        DialogEvent::Provisional { .. } => "Provisional",
        DialogEvent::Answered { .. } => "Answered",
        DialogEvent::Rejected { .. } => "Rejected",
        DialogEvent::OfferAnswered { .. } => "OfferAnswered",
        DialogEvent::OfferRefused { .. } => "OfferRefused",
        DialogEvent::SessionExpired => "SessionExpired",
        DialogEvent::Refer { .. } => "Refer",
        DialogEvent::ReferAnswered { .. } => "ReferAnswered",
        DialogEvent::Notify { .. } => "Notify",
        DialogEvent::Gone => "Gone",
        DialogEvent::Terminated => "Terminated",
    }
}
