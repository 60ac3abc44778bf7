//! Sound on the network: one thread that gives every media session its 20 ms, the ports that sessions live
//! on, and the decoding of files into prompts. What a packet means is `ringway_media`'s business.
#![deny(unsafe_code)]

mod clock;
mod container;
mod kind;
mod lateness;
mod line;
mod live;
mod net;
mod nofile;
mod ports;
pub mod prompt;
mod reactor;
mod resample;
mod session;
mod sessions;
mod sockets;
mod stats;
mod turns;
mod wav;

pub use lateness::Lateness;
pub use net::{MediaConfig, MediaNet, ReserveError, StartError};
pub use nofile::{descriptors, raise_nofile};
pub use ports::ReservedPorts;
pub use session::{EventSink, Session, SessionHandle, SoundSink, Ways};
pub use stats::MediaSnapshot;
