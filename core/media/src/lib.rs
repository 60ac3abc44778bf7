//! Media of a call without sockets or clocks: SDP, RTP, RTCP, G.711, and the session that binds them.
//!
//! * [`sdp`]: parse, print, and the offer/answer model as [`sdp::Negotiation`].
//! * [`session`]: [`MediaSession`], one leg's RTP and RTCP. Packets and times go in; packets, events and
//!   decoded sound come out.
//! * [`ringback`]: what is heard while it rings. [`machine_detection`]: who answered.
//! * [`codec`], [`rtp`], [`rtcp`], [`jitter`], [`plc`], [`dtmf`], [`tone`], [`comfort_noise`]: the parts.
#![forbid(unsafe_code)]

pub mod codec;
pub mod comfort_noise;
pub mod dtmf;
pub mod jitter;
pub mod machine_detection;
pub mod plc;
pub mod prompt;
pub mod ringback;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod session;
pub mod tone;

pub use codec::Codec;
pub use prompt::Prompt;
pub use sdp::{Answer, LocalMedia, MediaDirection, Negotiated, Negotiation, SdpError, SessionDescription};
pub use session::{
    Latch, MediaSession, Outgoing, PlayId, Relayed, RemoteReport, SessionConfig, SessionEvent, SessionStats,
};

/// Samples a second of everything here: G.711 and its companions run at 8 kHz.
pub const SAMPLE_RATE_HZ: u32 = 8000;

/// Samples in one 20 ms slot of the media clock.
pub const FRAME_SAMPLES: usize = 160;

/// One 20 ms slot of linear 16-bit sound.
pub type Frame = [i16; FRAME_SAMPLES];
