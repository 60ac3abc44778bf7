//! SIP on the network: sockets, stream connections and the thread that owns the endpoint. It moves bytes and
//! decides nothing; what a message means is `ringway_sip`'s business.
#![deny(unsafe_code)]

mod advertise;
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
mod tcp;
mod udp;
mod waker;

pub use advertise::{AdvertiseRule, local_address_towards};
pub use driver::{EventSink, Observed};
pub use handle::{Driver, DriverHandle, DriverStopped, Snapshot};
pub use listen::{InvalidListenSpec, ListenSpec};
pub use listeners::{BindError, BindFailure, Listeners, NetConfig};
pub use names::ServerNames;
pub use resolve::{AddressGuard, ResolveError, Resolver};
pub use tcp::TcpLimits;
