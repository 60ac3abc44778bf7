//! The words of the field as types: identifiers, addresses, call states, time. Nothing here decides
//! anything, and nothing here reads the world.
#![forbid(unsafe_code)]

pub mod call_status;
pub mod phone;
pub mod random;
pub mod redact;
pub mod sid;
pub mod time;
pub mod uri;

pub use call_status::{CallStatus, Direction};
pub use random::Random;
pub use redact::{Redacted, Secret};
pub use time::{Moment, Now, UnixTime};
