//! What is performed of a call out: its places are found, its branches called, one of them becomes the call; and
//! what a call and its children do for each other.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use ringway_call::child::{ChildEnd, ChildNews, EndReason, NewChild, ParentNews};
use ringway_call::effect::EffectId;
use ringway_call::fork::{BranchId, Refused, Stages};
use ringway_call::input::{BranchAnswer, BranchNews, Input, Unroutable};
use ringway_call::leg::custom_headers;
use ringway_call::outgoing::{Destination, Outgoing};
use ringway_call::params::API_VERSION;
use ringway_model::CallStatus;
use ringway_model::sid::CallSid;
use ringway_rtp_net::SessionHandle;
use ringway_sip::endpoint::{Command, Credentials, DialogEvent, DialogId, NewInvite, Source, Target};
use ringway_sip::message::Message;
use ringway_sip_net::local_address_towards;

use crate::leg::{Offer, Unacceptable};
use crate::lines;
use crate::mailbox::{FromChild, Mailbox};
use crate::outbound;
use crate::places::{self, Place};
use crate::runner::Runner;

/// The one SIP shard there is.
const SHARD: u8 = 0;

/// What a call out has beside what every call has.
#[derive(Default)]
pub(crate) struct Branches {
    places: Vec<Place>,
    live: HashMap<BranchId, Branch>,
    /// The search that is on its way.
    pub(crate) routing: Option<(EffectId, Routing)>,
}

pub(crate) type Routing = Pin<Box<dyn Future<Output = Result<Vec<Place>, Unroutable>> + Send>>;

struct Branch {
    dialog: DialogId,
    sip_call_id: String,
    source: Source,
    offer: Option<Offer>,
    answer: Option<Message>,
}

/// The parent of a call: where its mailbox is, and what it calls this one.
pub(crate) struct Parent {
    pub(crate) id: EffectId,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Parent {
    pub(crate) fn tell(&self, news: ChildNews, sound: Option<SessionHandle>) {
        let id = self.id;
        self.mailbox.post(|slots| slots.children.push_back(FromChild { id, news, sound }));
    }
}

/// A child of a call. It ends when nobody holds this any more, whatever became of the parent.
pub(crate) struct Child {
    mailbox: Arc<Mailbox>,
    sound: Option<SessionHandle>,
}

impl Child {
    fn end(&self, reason: EndReason) {
        self.mailbox.post(|slots| {
            slots.unwanted.get_or_insert(reason);
        });
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end(EndReason::ParentGone);
    }
}

impl Runner {
    /// Looks for the places.
    pub(crate) fn route(&mut self, id: EffectId) {
        if let Some(outgoing) = self.facts.outgoing() {
            let search = places::find(Arc::clone(&self.shared), Arc::clone(outgoing));
            self.branches.routing = Some((id, Box::pin(search)));
        }
    }

    /// Takes them.
    pub(crate) fn routed(&mut self, id: EffectId, result: Result<Vec<Place>, Unroutable>) {
        let result = result.map(|places| {
            let stages = Stages::parallel(places.len());
            self.branches.places = places;
            stages
        });
        self.input(Input::Routed { id, result });
    }

    /// Calls one place.
    pub(crate) fn invite(&mut self, id: BranchId) {
        let place = self.branches.places.get(usize::from(id.0)).cloned();
        let (Some(place), Some(outgoing)) = (place, self.facts.outgoing().cloned()) else { return };
        let source = source(&place.target, self.now().monotonic);
        let sip_call_id = format!("{:032x}", u128::from_be_bytes(self.random.bytes()));
        let (offer, body) = match Offer::new(&self.shared, source) {
            Ok(offer) => offer,
            Err(unacceptable) => return self.no_ports(id, sip_call_id, &unacceptable),
        };
        let dialog = self.shared.lines.branch(SHARD, &self.mailbox);
        let domain = &self.shared.config.from_domain;
        let invite = NewInvite {
            dialog,
            target: place.target,
            alternatives: place.alternatives,
            max_forwards: outgoing.max_forwards,
            uri: place.uri,
            from: from(&outgoing, domain),
            to: format!("<{}>", to_uri(&self.facts.leg.to, domain)),
            call_id: Some(sip_call_id.clone()),
            contact_user: Some(outgoing.caller_id.clone()),
            headers: headers(&outgoing, self.facts.call_sid),
            body: Some(body),
            credentials: credentials(&outgoing),
            route: place.route,
        };
        self.shared.command(Command::Invite(Box::new(invite)));
        let branch = Branch { dialog, sip_call_id, source, offer: Some(offer), answer: None };
        self.branches.live.insert(id, branch);
    }

    /// Ends one branch, whatever its state.
    pub(crate) fn end_branch(&mut self, id: BranchId, reason: Option<&str>) {
        if let Some(branch) = self.branches.live.remove(&id) {
            let (dialog, reason) = (branch.dialog, reason.map(str::to_owned));
            self.shared.command(Command::Hangup { dialog, reason, headers: Vec::new() });
        }
    }

    /// One branch is the call from now on.
    pub(crate) fn accept(&mut self, id: BranchId) {
        let Some(mut branch) = self.branches.live.remove(&id) else { return };
        self.dialog = Some(branch.dialog);
        let (Some(offer), Some(answer)) = (branch.offer.take(), branch.answer.take()) else { return };
        let accepted = self.leg.accept(&self.shared, offer, &answer);
        self.input(match accepted {
            Ok(()) => Input::Answered,
            Err(Unacceptable { status, code, message }) => Input::AnswerFailed { status, code, message },
        });
    }

    /// Something was heard of a dialog of this call out.
    pub(crate) fn branch_event(&mut self, dialog: DialogId, event: DialogEvent) {
        if self.dialog == Some(dialog) {
            return lines::post(&self.mailbox, event);
        }
        let found = self.branches.live.iter_mut().find(|(_, branch)| branch.dialog == dialog);
        let Some((id, branch)) = found else { return };
        let (id, sip_call_id) = (*id, branch.sip_call_id.clone());
        let news = match event {
            DialogEvent::Provisional { .. } => BranchNews::Ringing,
            DialogEvent::Answered { response } => {
                let headers = custom_headers(&response);
                branch.answer = Some(response);
                BranchNews::Answered(BranchAnswer {
                    sip_call_id,
                    source_ip: branch.source.remote.ip(),
                    headers,
                })
            }
            DialogEvent::Rejected { status, response } => {
                self.branches.live.remove(&id);
                let headers = response.as_ref().map(custom_headers).unwrap_or_default();
                let refused = Refused { status, heard: response.is_some(), headers };
                BranchNews::Refused { sip_call_id, refused }
            }
            _ => return,
        };
        self.input(Input::Branch { branch: id, news });
    }

    /// Begins a call of a Dial.
    pub(crate) fn start_child(&mut self, id: EffectId, child: NewChild) {
        let parent = Parent { id, mailbox: Arc::clone(&self.mailbox) };
        match outbound::child(&self.shared, child, parent) {
            Ok(mailbox) => {
                self.children.insert(id, Child { mailbox, sound: None });
            }
            Err(call_sid) => {
                let parent = Parent { id, mailbox: Arc::clone(&self.mailbox) };
                parent.tell(ChildNews::Ended(Box::new(never_begun(call_sid))), None);
            }
        }
    }

    pub(crate) fn end_child(&mut self, id: EffectId, reason: EndReason) {
        if let Some(child) = self.children.get(&id) {
            child.end(reason);
        }
    }

    /// Takes what a child tells.
    pub(crate) fn child_news(&mut self, FromChild { id, news, sound }: FromChild) {
        match &news {
            ChildNews::Ended(_) | ChildNews::Left(_) => drop(self.children.remove(&id)),
            ChildNews::Ready => {
                if let Some(child) = self.children.get_mut(&id) {
                    child.sound = sound;
                }
            }
            ChildNews::Ringing => {}
        }
        self.input(Input::Child { id, news });
    }

    pub(crate) fn bridge(&mut self, id: EffectId) {
        if let Some(child) = self.children.get(&id) {
            if let Some(sound) = &child.sound {
                self.leg.bridge(sound);
            }
            child.mailbox.post(|slots| slots.bridged = true);
        }
    }

    pub(crate) fn tell_parent(&self, news: ChildNews) {
        if let Some(parent) = &self.parent {
            parent.tell(news, self.leg.handle());
        }
    }

    /// What the parent has told.
    pub(crate) fn parent_news(&mut self, bridged: bool, unwanted: Option<EndReason>) {
        if bridged {
            self.input(Input::Parent(ParentNews::Bridged));
        }
        if let Some(reason) = unwanted {
            self.input(Input::Parent(ParentNews::End(reason)));
        }
    }

    fn no_ports(&mut self, branch: BranchId, sip_call_id: String, why: &Unacceptable) {
        tracing::warn!(code = why.code, "{}", why.message);
        let refused = Refused { status: why.status, heard: false, headers: Vec::new() };
        self.input(Input::Branch { branch, news: BranchNews::Refused { sip_call_id, refused } });
    }
}

/// The end of a child that could not even begin, or whose task was lost.
pub(crate) fn never_begun(call_sid: CallSid) -> ChildEnd {
    ChildEnd {
        call_sid,
        status: CallStatus::Failed,
        duration_s: 0,
        sip_call_id: None,
        sip_response_code: None,
        headers: Vec::new(),
    }
}

/// Where packets of a target will come from, and to which address of ours.
fn source(target: &Target, arrival: ringway_model::Moment) -> Source {
    let local = target.local.unwrap_or_else(|| {
        // Without a way there the INVITE will fail, and say so.
        let ip = local_address_towards(target.remote).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        SocketAddr::new(ip, 0)
    });
    Source { transport: target.transport, remote: target.remote, local, flow: target.flow, arrival }
}

/// `"Name" <sip:caller@domain>` (contract, runtime.md 4.4).
fn from(outgoing: &Outgoing, domain: &str) -> String {
    let uri = format!("<sip:{}@{domain}>", outgoing.caller_id);
    match &outgoing.caller_name {
        Some(name) => {
            let printable: String = name.chars().filter(|letter| !letter.is_control()).collect();
            format!("\"{}\" {uri}", printable.replace('\\', "\\\\").replace('"', "\\\""))
        }
        None => uri,
    }
}

/// The To of the INVITE: the name by which the call was made, as a SIP URI.
fn to_uri(to: &str, domain: &str) -> String {
    match to.strip_prefix("client:") {
        Some(identity) => format!("sip:{identity}@{domain}"),
        None if to.starts_with("sip:") => to.to_owned(),
        None => format!("sip:{to}@{domain}"),
    }
}

fn headers(outgoing: &Outgoing, call_sid: CallSid) -> Vec<(String, String)> {
    let mut headers = vec![
        ("X-Twilio-AccountSid".to_owned(), outgoing.account_sid.to_string()),
        ("X-Twilio-CallSid".to_owned(), call_sid.to_string()),
        ("X-Twilio-ApiVersion".to_owned(), API_VERSION.to_owned()),
    ];
    if let Some(reason) = &outgoing.call_reason {
        headers.push(("X-Branded-CallReason".to_owned(), reason.clone()));
    }
    match &outgoing.destination {
        Destination::Sip { address, .. } => headers.extend(address.headers.iter().cloned()),
        Destination::Client { parameters, .. } => headers.extend(
            parameters
                .iter()
                .filter(|(name, value)| is_header(name, value))
                .map(|(name, value)| (format!("X-{name}"), value.clone())),
        ),
        Destination::Number { .. } => {}
    }
    headers
}

fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(token) && !value.contains(char::is_control)
}

fn credentials(outgoing: &Outgoing) -> Option<Credentials> {
    let Destination::Sip { login: Some(login), .. } = &outgoing.destination else { return None };
    Some(Credentials { username: login.username.clone(), password: login.password.clone() })
}
