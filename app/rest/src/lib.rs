//! The REST API: what a client library of the hosted service finds at `/2010-04-01`.
//!
//! [`Api`] is the front door. It reads the body, finds out who asks (`auth`), and hands the path to
//! `v2010` (or to a product API), whose modules are laid out as the paths are, one file an operation. A handler returns a
//! `Reply` or a `Fault`; the extension of the path decides how either is written (`representation`).
//! Live calls are reached through the engine's `CallControl` and nothing else.
#![forbid(unsafe_code)]

mod accounts_v1;
mod api;
mod auth;
mod body;
mod closing;
mod error;
mod form;
mod headers;
mod kept;
mod meters;
mod openapi;
mod origin;
mod page;
mod pages;
mod parameters;
mod reply;
mod representation;
mod request;
mod rules;
mod server;
mod site;
mod throttle;
mod tls;
mod tree;
mod v2010;
mod voice_v1;

pub use api::{Api, Settings};
pub use body::BodyLimits;
pub use closing::{Closer, Closing};
pub use origin::{Connection, ErrorPages, HOSTED, HOSTED_ERROR_PAGES};
pub use server::{ServeOptions, converse, serve, serve_tls};
pub use throttle::RequestLimits;
pub use tls::{Tls, TlsError};
