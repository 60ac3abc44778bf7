//! Requests that find no way: the other transport, the other place, the next server of a name (RFC 3261 18.1.1,
//! RFC 3263 4.3).

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use ringway_model::Moment;

use super::Endpoint;
use super::input::{Target, Transport};
use super::output::Transmit;
use super::send::NewClient;
use super::table::ClientMachine;
use crate::dialog::{Dialog, Phase};
use crate::message::Message;
use crate::transaction::key::Key;

/// A larger request may not fit into one packet of its path (RFC 3261 18.1.1).
const DATAGRAM_REQUEST_BYTES_MAX: usize = 1300;
const BRANCH: &[u8] = b";branch=";

/// Whether a call that ended so is tried at the next place: nothing came, or that place is not serving.
pub(super) fn is_failover(status: u16, response: Option<&Message>) -> bool {
    response.is_none() || status == 503
}

/// The method and the branch of a request of ours, of which only the beginning may be there.
fn quoted(datagram: &[u8]) -> Option<(&str, &str)> {
    let method = datagram.get(..memchr::memchr(b' ', datagram)?)?;
    let start = memchr::memmem::find(datagram, BRANCH)? + BRANCH.len();
    let rest = datagram.get(start..)?;
    let branch = rest.get(..memchr::memchr3(b';', b'\r', b',', rest)?)?;
    Some((std::str::from_utf8(method).ok()?, std::str::from_utf8(branch).ok()?))
}

impl<T> Endpoint<T> {
    /// Requests that could not be sent try their other place, or fail at once. Responses need nothing: who
    /// asked will ask again.
    pub(super) fn fail_sends(&mut self, now: Moment, hit: impl Fn(&Target) -> bool) {
        let failed: Vec<Key> = self
            .clients
            .iter()
            .filter(|(_, client)| client.machine.is_open() && hit(&client.target))
            .map(|(key, _)| *key)
            .collect();
        for key in failed {
            self.fail_send(now, key, &hit);
        }
    }

    fn fail_send(&mut self, now: Moment, key: Key, hit: impl Fn(&Target) -> bool) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        let (purpose, request) = (client.purpose, client.request.clone());
        let Some(target) = client.fallback.take().filter(|other| !hit(other)) else {
            return self.client_failed(now, key, 503);
        };
        let request = self.readdressed(&request, &target);
        let machine = self.client_machine(now, purpose, &target);
        let Some(client) = self.clients.get_mut(&key) else { return };
        (client.target, client.machine, client.request) = (target, machine, request.clone());
        self.reschedule_client(key);
        self.send_request(purpose.method(), Transmit { target, bytes: request });
    }

    /// A request of ours came back: nobody is there. Only who saw it can quote its branch.
    pub(super) fn returned(&mut self, now: Moment, remote: SocketAddr, datagram: &[u8]) {
        let Some((method, branch)) = quoted(datagram) else { return };
        let key = self.keyring.client(branch, method);
        let hit = |target: &Target| target.transport == Transport::Udp && target.remote == remote;
        if self.clients.get(&key).is_some_and(|client| client.machine.is_open() && hit(&client.target)) {
            self.fail_send(now, key, hit);
        }
    }

    /// A large request for a place that was looked up goes over TCP, and falls back to UDP when that is refused.
    /// Where packets of the peer come from stays as it is: nobody listens for TCP behind a NAT.
    pub(super) fn by_stream_if_large(&self, new: NewClient) -> NewClient {
        let looked_up = new.target.transport == Transport::Udp && new.target.local.is_none();
        if !looked_up || new.request.len() <= DATAGRAM_REQUEST_BYTES_MAX {
            return new;
        }
        let target = Target { transport: Transport::Tcp, ..new.target };
        let request = self.readdressed(&new.request, &target);
        NewClient { target, request, fallback: Some(new.target), ..new }
    }

    /// A request of ours with the Via of another transport; the branch stays.
    fn readdressed(&self, request: &Bytes, target: &Target) -> Bytes {
        const VIA: &[u8] = b"\r\nVia: ";
        let Some(start) = memchr::memmem::find(request, VIA).map(|found| found + VIA.len()) else {
            return request.clone();
        };
        let parameters = memchr::memchr(b';', request.get(start..).unwrap_or_default());
        let end = start + parameters.unwrap_or_default();
        let via = format!("SIP/2.0/{} {}", target.transport.via_name(), self.own_address(target));
        let mut changed = BytesMut::with_capacity(request.len() + via.len());
        changed.put_slice(request.get(..start).unwrap_or_default());
        changed.put_slice(via.as_bytes());
        changed.put_slice(request.get(end..).unwrap_or_default());
        changed.freeze()
    }

    /// Calls at the next place, when there is one: the same request, a new branch (RFC 3263 4.3).
    pub(super) fn try_next_place(&mut self, now: Moment, dialog: &mut Dialog) -> bool {
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return false };
        let invite = &mut outgoing.invite;
        if invite.alternatives.is_empty() {
            return false;
        }
        invite.target = invite.alternatives.remove(0);
        dialog.peer = invite.target;
        dialog.contact = self.own_contact(&invite.target, invite.contact_user.as_deref());
        self.send_invite(now, dialog, 0);
        true
    }

    /// Until when the place of a new INVITE may keep silent.
    pub(super) fn silent_until(&self, now: Moment, dialog: &Dialog) -> Option<Moment> {
        match &dialog.phase {
            Phase::Outgoing(outgoing) if !outgoing.invite.alternatives.is_empty() => {
                Some(now + self.config.failover_after)
            }
            _ => None,
        }
    }

    /// Leaves a place that said nothing for the next one, when it is time to.
    pub(super) fn leave_silent_place(&mut self, now: Moment, dialog: &mut Dialog) {
        let Phase::Outgoing(outgoing) = &mut dialog.phase else { return };
        if outgoing.silent_until.take_if(|until| *until <= now).is_some() && !outgoing.given_up {
            let abandoned = outgoing.transaction;
            self.abandon(now, abandoned);
            self.try_next_place(now, dialog);
        }
    }

    /// A place that was left does alert somebody after all: it is told to stop, once, and may not ring for ever.
    pub(super) fn cancel_abandoned(&mut self, now: Moment, key: Key) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        let ClientMachine::Invite(machine) = &mut client.machine else { return };
        if machine.is_proceeding() && !std::mem::replace(&mut client.abandoned_rings, true) {
            machine.limit(now, &self.values);
            self.reschedule_client(key);
            self.send_cancel(now, key, Vec::new());
        }
    }
}
