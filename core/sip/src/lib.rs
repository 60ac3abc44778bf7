//! SIP without sockets and clocks (RFC 3261): messages, digest authentication, stream framing, transactions
//! and dialogs. Bytes, time and chance come in as arguments; what to send comes out as values.
#![forbid(unsafe_code)]

mod dialog;
pub mod digest;
pub mod endpoint;
pub mod framing;
pub mod message;
pub mod nonce;
pub mod registrar;
pub mod stun;
mod transaction;
