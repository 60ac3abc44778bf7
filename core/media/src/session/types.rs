//! What goes into a session and what comes out of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ringway_model::UnixTime;

use crate::rtp::Packet;
use crate::sdp::{Negotiated, Payload};

/// Names a sound that is being played, in the caller's own numbering; it comes back with the event of its
/// end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlayId(pub u64);

/// From where media are accepted (architecture: media latch only to the signalled or signalling address).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latch {
    /// From the address in the SDP, or the one the signalling comes from.
    Signalled {
        /// Where the SIP messages come from.
        signalling: IpAddr,
    },
    /// From anywhere: whoever sends a negotiated payload type first.
    Any,
}

/// What a session is made of.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// What SDP agreed on.
    pub negotiated: Negotiated,
    /// Our synchronisation source: random.
    pub ssrc: u32,
    /// The first sequence number: random.
    pub first_sequence: u16,
    /// The first RTP timestamp: random.
    pub first_timestamp: u32,
    /// Our canonical name in RTCP (RFC 7022: random, no user or host name); cut at 255 bytes.
    pub cname: String,
    /// Who may send to us.
    pub latch: Latch,
    /// How long without RTP until [`SessionEvent::Inactive`]; 60 s by contract, runtime.md 4.5.
    pub inactivity: Duration,
    /// Whether received sound is decoded for [`super::MediaSession::take_heard`].
    pub listen: bool,
    /// What the wall clock shows at the `now` of [`super::MediaSession::new`], for the reports' NTP times.
    pub opened_at: UnixTime,
    /// Chance for report intervals and comfort noise: random.
    pub seed: u64,
}

/// What the owner of a session should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEvent {
    /// A key went down (RFC 4733): `0`-`9`, `*`, `#`, `A`-`D`. Once for each press.
    Digit(char),
    /// The last packet of all loops is on its way. Not said of what was stopped or replaced.
    PlayFinished(PlayId),
    /// The last digit and the pause behind it are on their way. Not said of what was stopped or replaced.
    DigitsSent(PlayId),
    /// Sound goes to and is accepted from this address now, seen from its packets.
    Latched(SocketAddr),
    /// Nothing arrived for the configured time although the direction expects something (86007). Said again
    /// only when something came in between.
    Inactive,
}

/// A packet to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// From the RTCP socket; with rtcp-mux this is false, as there is one socket.
    pub rtcp: bool,
    /// Where to.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: &'a [u8],
}

/// What arrived on one leg of a bridge, on its way to the other one.
#[derive(Debug, Clone, Copy)]
pub struct Relayed<'a> {
    pub(super) packet: Packet<'a>,
    pub(super) payload: Payload,
    /// The key that went down with it.
    pub(super) key: Option<char>,
    /// Its numbers have nothing to do with those before it.
    pub(super) is_new_source: bool,
}

/// What the peer last said of our stream (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteReport {
    /// Lost since its report before, in 1/256.
    pub fraction_lost: u8,
    /// Lost in all; negative when duplicates arrived.
    pub cumulative_lost: i32,
    /// Interarrival jitter, in milliseconds.
    pub jitter_ms: u32,
}

/// How a session fares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SessionStats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Payload bytes sent.
    pub octets_sent: u64,
    /// RTP packets accepted, duplicates not counted.
    pub packets_received: u64,
    /// Payload bytes accepted.
    pub octets_received: u64,
    /// Packets that never came, by their sequence numbers.
    pub packets_lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after their place had been played; only counted while listening.
    pub late: u64,
    /// Packets refused: wrong source, payload type or form.
    pub refused: u64,
    /// Packets of the other leg of a bridge that were not passed on to this one: too many at once, or of the time
    /// before what was sent already.
    pub unrelayed: u64,
    /// Interarrival jitter (RFC 3550 A.8), in milliseconds.
    pub jitter_ms: f32,
    /// Played frames of which some part was made up because nothing had arrived.
    pub concealed_frames: u64,
    /// Frames left out because more had gathered than the delay needs.
    pub skipped_frames: u64,
    /// Frames given out to be heard.
    pub heard_frames: u64,
    /// What the jitter buffer delays by now, in milliseconds.
    pub depth_ms: u32,
    /// What the jitter buffer aims at, in milliseconds.
    pub target_depth_ms: u32,
    /// Round-trip time by the peer's last report.
    pub round_trip: Option<Duration>,
    /// The peer's last report.
    pub remote: Option<RemoteReport>,
}
