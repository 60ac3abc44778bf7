//! Whose packets are believed, and to whom we may send (architecture, Trust).
//!
//! A peer behind a NAT writes an address into its SDP that means nothing here, so the stream follows where
//! packets come from. An attacker wants the same: to take over a stream by sending first, or to have us flood
//! somebody by naming their address. Hence: packets count only from the signalled or the signalling address;
//! once a source is found it stays, until a re-negotiation or its silence; and nobody gets more than some
//! seconds of sound without having sent anything.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ringway_model::Moment;
use smallvec::SmallVec;

use super::Latch;
use crate::sdp::Negotiated;

/// Silence of a source after which its host may go on from another port.
const RELATCH_AFTER: Duration = Duration::from_secs(5);
/// After a re-negotiation a new source may take over for so long.
const RELATCH_WINDOW: Duration = Duration::from_secs(5);
/// After a re-negotiation that moved the stream, packets of the former source are stragglers for so long.
const STRAGGLERS: Duration = Duration::from_secs(1);
/// How long a host is sent to that has not sent anything.
const UNHEARD_MAX: Duration = Duration::from_secs(5);
/// Hosts remembered; a session that has been steered to more of them gets nothing.
const HOSTS_MAX: usize = 8;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Refused,
    Accepted,
    /// Accepted, and from now on the stream goes there.
    Latched,
}

#[derive(Debug)]
pub(super) struct Trust {
    latch: Latch,
    signalled: SocketAddr,
    signalled_rtcp: SocketAddr,
    rtp: Path,
    rtcp: Path,
    rtcp_mux: bool,
    hosts: SmallVec<[Host; 2]>,
}

/// One of the two flows.
#[derive(Debug)]
struct Path {
    destination: SocketAddr,
    /// The source that is believed, and when it last sent.
    source: Option<(SocketAddr, Moment)>,
    window: Option<Window>,
}

/// A re-negotiation lets a new source take over for a while.
#[derive(Debug, Clone, Copy)]
struct Window {
    opened: Moment,
    /// Who was believed before it: its packets may still be on their way.
    former: Option<SocketAddr>,
}

#[derive(Debug)]
struct Host {
    address: IpAddr,
    first_sent: Option<Moment>,
    heard: bool,
}

impl Trust {
    pub(super) fn new(latch: Latch, negotiated: &Negotiated) -> Self {
        Self {
            latch,
            signalled: negotiated.remote,
            signalled_rtcp: negotiated.remote_rtcp,
            rtp: Path::to(negotiated.remote),
            rtcp: Path::to(negotiated.remote_rtcp),
            rtcp_mux: negotiated.rtcp_mux,
            hosts: SmallVec::new(),
        }
    }

    pub(super) fn renegotiate(&mut self, now: Moment, negotiated: &Negotiated) {
        self.rtcp_mux = negotiated.rtcp_mux;
        // An address of zeros is hold: the peer comes back to where it was, or names another place then.
        if negotiated.remote.ip().is_unspecified() {
            return;
        }
        self.rtp.renegotiate(now, self.signalled, negotiated.remote);
        self.rtcp.renegotiate(now, self.signalled_rtcp, negotiated.remote_rtcp);
        self.signalled = negotiated.remote;
        self.signalled_rtcp = negotiated.remote_rtcp;
    }

    /// For a packet with a negotiated payload type.
    pub(super) fn admit_rtp(&mut self, now: Moment, from: SocketAddr) -> Admission {
        let allowed = self.allows(from.ip());
        let admission = self.rtp.admit(now, from, allowed);
        if admission != Admission::Refused {
            self.hear(from.ip());
        }
        admission
    }

    pub(super) fn admit_rtcp(&mut self, now: Moment, from: SocketAddr) -> bool {
        let host = from.ip().to_canonical();
        let of_the_stream = self.rtp.source.is_some_and(|(source, _)| source.ip().to_canonical() == host);
        let allowed = of_the_stream || self.allows(host) || self.signalled_rtcp.ip() == host;
        // On a shared port reports prove that somebody is there, but only sound moves the stream.
        let accepted =
            if self.rtcp_mux { allowed } else { self.rtcp.admit(now, from, allowed) != Admission::Refused };
        if accepted {
            self.hear(host);
        }
        accepted
    }

    pub(super) fn rtp_destination(&self) -> Option<SocketAddr> {
        usable(self.rtp.destination)
    }

    pub(super) fn rtcp_destination(&self) -> Option<SocketAddr> {
        usable(if self.rtcp_mux { self.rtp.destination } else { self.rtcp.destination })
    }

    /// Whether the host has sent something, or we have not sent to it for long.
    pub(super) fn may_send(&mut self, now: Moment, to: SocketAddr) -> bool {
        let Some(host) = self.host(to.ip()) else { return false };
        host.heard || now.since(*host.first_sent.get_or_insert(now)) < UNHEARD_MAX
    }

    fn allows(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        match self.latch {
            Latch::Any => true,
            Latch::Signalled { signalling } => {
                from == self.signalled.ip() || from == signalling.to_canonical()
            }
        }
    }

    fn hear(&mut self, address: IpAddr) {
        if let Some(host) = self.host(address) {
            host.heard = true;
        }
    }

    fn host(&mut self, address: IpAddr) -> Option<&mut Host> {
        let address = address.to_canonical();
        let known = self.hosts.iter().position(|host| host.address == address);
        if known.is_none() && self.hosts.len() < HOSTS_MAX {
            self.hosts.push(Host { address, first_sent: None, heard: false });
            return self.hosts.last_mut();
        }
        self.hosts.get_mut(known?)
    }
}

impl Path {
    fn to(destination: SocketAddr) -> Self {
        Self { destination, source: None, window: None }
    }

    fn admit(&mut self, now: Moment, from: SocketAddr, allowed: bool) -> Admission {
        if let Some((source, last)) = &mut self.source
            && *source == from
        {
            *last = now;
            return Admission::Accepted;
        }
        self.window = self.window.filter(|window| now.since(window.opened) < RELATCH_WINDOW);
        if self.window.is_some_and(|window| window.has_straggler(now, from, self.source.is_some())) {
            return Admission::Accepted;
        }
        if !self.may_take_over(now, from, allowed) {
            return Admission::Refused;
        }
        let moved = self.destination != from || self.source.is_some();
        self.source = Some((from, now));
        self.destination = from;
        self.window = None;
        if moved { Admission::Latched } else { Admission::Accepted }
    }

    fn may_take_over(&self, now: Moment, from: SocketAddr, allowed: bool) -> bool {
        match self.source {
            None => allowed,
            Some(_) if self.window.is_some() => allowed,
            Some((source, last)) => source.ip() == from.ip() && now.since(last) >= RELATCH_AFTER,
        }
    }

    fn renegotiate(&mut self, now: Moment, before: SocketAddr, after: SocketAddr) {
        let former = self.source.map(|(source, _)| source);
        self.window = Some(Window { opened: now, former });
        if before != after {
            self.source = None;
            self.destination = after;
        }
    }
}

impl Window {
    /// Whether this is from the former source and should be heard without moving the stream back to it.
    fn has_straggler(&self, now: Moment, from: SocketAddr, has_moved: bool) -> bool {
        self.former == Some(from) && (has_moved || now.since(self.opened) < STRAGGLERS)
    }
}

fn usable(destination: SocketAddr) -> Option<SocketAddr> {
    Some(destination).filter(|to| !to.ip().is_unspecified() && to.port() != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::sdp::{MediaDirection, PayloadTable};

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    fn negotiated(remote: &str) -> Negotiated {
        let remote = address(remote);
        Negotiated {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: None,
            comfort_noise: None,
            ptime_ms: 20,
            direction: MediaDirection::SendRecv,
            remote,
            remote_rtcp: SocketAddr::new(remote.ip(), remote.port().wrapping_add(1)),
            rtcp_mux: false,
            accept: PayloadTable::default(),
        }
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn trust() -> Trust {
        let latch = Latch::Signalled { signalling: address("198.51.100.7:0").ip() };
        Trust::new(latch, &negotiated("10.0.0.5:4000"))
    }

    #[test]
    fn the_stream_follows_a_nat_and_stays_with_it() {
        let mut trust = trust();
        assert_eq!(trust.admit_rtp(at(0), address("203.0.113.9:4000")), Admission::Refused);
        assert_eq!(trust.admit_rtp(at(0), address("198.51.100.7:61000")), Admission::Latched);
        assert_eq!(trust.rtp_destination(), Some(address("198.51.100.7:61000")));
        assert_eq!(trust.admit_rtp(at(1), address("198.51.100.7:61000")), Admission::Accepted);
        // Neither another port nor the signalled address takes over while the source sends.
        assert_eq!(trust.admit_rtp(at(2), address("198.51.100.7:61002")), Admission::Refused);
        assert_eq!(trust.admit_rtp(at(2), address("10.0.0.5:4000")), Admission::Refused);
    }

    #[test]
    fn after_five_seconds_of_silence_the_same_host_may_go_on_from_another_port() {
        let mut trust = trust();
        trust.admit_rtp(at(0), address("198.51.100.7:61000"));
        assert_eq!(trust.admit_rtp(at(4), address("198.51.100.7:61002")), Admission::Refused);
        assert_eq!(trust.admit_rtp(at(5), address("10.0.0.5:4000")), Admission::Refused);
        assert_eq!(trust.admit_rtp(at(5), address("198.51.100.7:61002")), Admission::Latched);
    }

    #[test]
    fn a_renegotiation_lets_a_new_source_take_over_but_not_the_former_one() {
        let mut trust = trust();
        trust.admit_rtp(at(0), address("10.0.0.5:4000"));
        trust.renegotiate(at(10), &negotiated("10.0.0.5:4002"));
        assert_eq!(trust.rtp_destination(), Some(address("10.0.0.5:4002")));
        // A straggler of the former place is heard but moves nothing.
        assert_eq!(trust.admit_rtp(at(10), address("10.0.0.5:4000")), Admission::Accepted);
        assert_eq!(trust.rtp_destination(), Some(address("10.0.0.5:4002")));
        assert_eq!(trust.admit_rtp(at(10), address("10.0.0.5:4002")), Admission::Accepted);
        assert_eq!(trust.admit_rtp(at(11), address("10.0.0.5:4000")), Admission::Refused);
    }

    #[test]
    fn hold_by_zeros_keeps_the_source() {
        let mut trust = trust();
        trust.admit_rtp(at(0), address("198.51.100.7:61000"));
        trust.renegotiate(at(10), &negotiated("0.0.0.0:4000"));
        trust.renegotiate(at(20), &negotiated("10.0.0.5:4000"));
        assert_eq!(trust.rtp_destination(), Some(address("198.51.100.7:61000")));
        assert_eq!(trust.admit_rtp(at(20), address("198.51.100.7:61000")), Admission::Accepted);
    }

    #[test]
    fn who_has_not_sent_gets_five_seconds_and_no_more_however_often_it_is_named() {
        let mut trust = trust();
        let victim = address("10.0.0.5:4000");
        assert!(trust.may_send(at(0), victim) && trust.may_send(at(4), victim));
        trust.renegotiate(at(4), &negotiated("10.0.0.6:4000"));
        trust.renegotiate(at(4), &negotiated("10.0.0.5:5000"));
        assert!(!trust.may_send(at(5), address("10.0.0.5:5000")));
        // A report from there is as good as sound.
        assert!(trust.admit_rtcp(at(6), address("10.0.0.5:5001")));
        assert!(trust.may_send(at(600), address("10.0.0.5:5000")));
    }

    #[test]
    fn a_session_steered_to_many_hosts_sends_to_none_of_the_later_ones() {
        let mut trust = trust();
        for host in 0..HOSTS_MAX {
            assert!(trust.may_send(at(0), address(&format!("10.0.1.{host}:4000"))));
        }
        assert!(!trust.may_send(at(0), address("10.0.2.1:4000")));
    }

    #[test]
    fn with_any_the_first_one_is_believed() {
        let mut trust = Trust::new(Latch::Any, &negotiated("10.0.0.5:4000"));
        assert_eq!(trust.admit_rtp(at(0), address("203.0.113.9:7000")), Admission::Latched);
        assert_eq!(trust.admit_rtp(at(1), address("10.0.0.5:4000")), Admission::Refused);
    }

    #[test]
    fn an_ipv4_host_on_a_dual_stack_socket_is_the_same_host() {
        let mut trust = trust();
        assert_eq!(trust.admit_rtp(at(0), address("[::ffff:10.0.0.5]:4000")), Admission::Latched);
    }
}
