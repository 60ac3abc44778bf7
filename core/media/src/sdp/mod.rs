//! SDP (RFC 8866) and the offer/answer model (RFC 3264) for one audio stream of G.711.
//!
//! [`SessionDescription::parse`] reads what a peer sent; [`Negotiation`] answers it, or makes an offer of
//! our own and reads the answer, and keeps what later exchanges of the same dialog need.

mod body;
mod error;
mod negotiate;
mod offer;
mod parse;
mod print;

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use crate::codec::Codec;

pub use body::{BodyError, sdp_from_body};
pub use error::SdpError;
pub use negotiate::Negotiation;
pub use parse::SessionDescription;

/// The payload type of our own offers for telephone-event (contract, runtime.md 4.5).
const TELEPHONE_EVENT_PAYLOAD_TYPE: u8 = 101;

/// The static payload type of comfort noise (RFC 3389 4).
const COMFORT_NOISE_PAYLOAD_TYPE: u8 = 13;

/// Which way sound goes, seen from whoever states it (RFC 8866 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MediaDirection {
    /// Both ways.
    #[default]
    SendRecv,
    /// The one who states it only sends.
    SendOnly,
    /// The one who states it only receives.
    RecvOnly,
    /// Nothing flows.
    Inactive,
}

impl MediaDirection {
    /// The attribute's name: `sendrecv`, `sendonly`, `recvonly`, `inactive`.
    pub const fn as_str(self) -> &'static str {
        match self {
            MediaDirection::SendRecv => "sendrecv",
            MediaDirection::SendOnly => "sendonly",
            MediaDirection::RecvOnly => "recvonly",
            MediaDirection::Inactive => "inactive",
        }
    }

    /// Whether the one who states it sends.
    pub const fn sends(self) -> bool {
        matches!(self, MediaDirection::SendRecv | MediaDirection::SendOnly)
    }

    /// Whether the one who states it listens.
    pub const fn receives(self) -> bool {
        matches!(self, MediaDirection::SendRecv | MediaDirection::RecvOnly)
    }

    const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => MediaDirection::SendRecv,
            (true, false) => MediaDirection::SendOnly,
            (false, true) => MediaDirection::RecvOnly,
            (false, false) => MediaDirection::Inactive,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [
            MediaDirection::SendRecv,
            MediaDirection::SendOnly,
            MediaDirection::RecvOnly,
            MediaDirection::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.as_str() == name)
    }
}

/// Our side of the media: what every description that we print says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalMedia {
    /// The address to be reached at; the public one when there is one.
    pub address: IpAddr,
    /// Where we receive RTP.
    pub rtp_port: u16,
    /// Where we receive RTCP when it is not multiplexed; usually the next port.
    pub rtcp_port: u16,
    /// The `o=` session id: any number that this host does not use twice.
    pub session_id: u64,
    /// The `o=` version of the first description; it grows by one with each description that differs.
    pub version: u64,
    /// What we would like: an answer never goes beyond what the offer allows.
    pub direction: MediaDirection,
    /// The codecs we take. Answers follow the offerer's order, our own offers this one.
    pub codecs: Vec<Codec>,
    /// Packet time where the offer names none, in milliseconds; 20 by contract, runtime.md 4.5.
    pub ptime_ms: u8,
}

impl LocalMedia {
    /// Both laws, 20 ms, both ways.
    pub fn new(address: IpAddr, rtp_port: u16, rtcp_port: u16, session_id: u64) -> Self {
        Self {
            address,
            rtp_port,
            rtcp_port,
            session_id,
            version: 1,
            direction: MediaDirection::SendRecv,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            ptime_ms: 20,
        }
    }

    /// For an offer to one who is to be bridged with a leg that exists: its codec first and its packet time, so
    /// that packets can go on as they are.
    #[must_use]
    pub fn to_match(mut self, leg: &Negotiated) -> Self {
        self.codecs.sort_by_key(|codec| *codec != leg.codec);
        self.ptime_ms = leg.ptime_ms;
        self
    }
}

/// What a payload type carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Sound in this codec.
    Audio(Codec),
    /// Key presses (RFC 4733).
    TelephoneEvent,
    /// The level of the noise to make while nobody speaks (RFC 3389).
    ComfortNoise,
}

/// The payload types that may arrive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PayloadTable(SmallVec<[(u8, Payload); 6]>);

impl PayloadTable {
    /// What this payload type carries; `None` when it was not negotiated.
    pub fn payload(&self, payload_type: u8) -> Option<Payload> {
        self.0.iter().find(|(number, _)| *number == payload_type).map(|(_, payload)| *payload)
    }

    /// The first one added for a number wins.
    fn insert(&mut self, payload_type: u8, payload: Payload) {
        if self.payload(payload_type).is_none() {
            self.0.push((payload_type, payload));
        }
    }
}

/// What both sides agreed on: all that a media session needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The codec that we send.
    pub codec: Codec,
    /// Its payload type towards the peer.
    pub payload_type: u8,
    /// The peer's payload type for key presses; `None` when it takes none.
    pub telephone_event: Option<u8>,
    /// The payload type of comfort noise when the peer may send it.
    pub comfort_noise: Option<u8>,
    /// Milliseconds of sound in each packet that we send: 10 to 60.
    pub ptime_ms: u8,
    /// Our direction.
    pub direction: MediaDirection,
    /// Where to send RTP. The unspecified address when the peer named none that can be used: then nothing is
    /// sent until its packets show where it is.
    pub remote: SocketAddr,
    /// Where to send RTCP.
    pub remote_rtcp: SocketAddr,
    /// RTP and RTCP share one port (RFC 5761).
    pub rtcp_mux: bool,
    /// The payload types that we may receive.
    pub accept: PayloadTable,
}

/// An answer to be sent, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The body, `application/sdp`.
    pub sdp: Vec<u8>,
    /// What both sides have agreed on with it.
    pub negotiated: Negotiated,
}
