//! SIP on the network: sockets, connections with TLS and WebSockets, name look-ups, and the thread that owns the endpoint. It moves bytes and
//! decides nothing; what a message means is `ringway_sip`'s business.
#![deny(unsafe_code)]

mod advertise;
mod channel;
pub mod clock;
mod driver;
mod flow;
mod handle;
mod listen;
mod listeners;
mod meters;
mod names;
mod poller;
mod resolve;
mod stream_listener;
mod streams;
mod stun_limit;
mod tls;
mod udp;
mod udp_errors;
mod waker;
mod ws;

pub use advertise::{AdvertiseRule, local_address_towards};
pub use driver::{EventSink, Observed};
pub use handle::{Driver, DriverHandle, DriverStopped, Snapshot};
pub use listen::{InvalidListenSpec, ListenSpec};
pub use listeners::{BindError, BindFailure, Listeners, NetConfig};
pub use names::ServerNames;
pub use resolve::{AddressGuard, ResolveError, Resolver};
pub use stream_listener::TcpLimits;
pub use tls::{TlsConfig, TlsSetup};
