//! The REST API: what a client library of the hosted service finds at `/2010-04-01`.
//!
//! [`Api`] is the front door. It reads the body, finds out who asks (`auth`), and finds the operation in the
//! `tree`, to which `v2010` and the product APIs add what they serve, laid out as the paths are. The arguments of
//! a handler say what it takes (`parameters`, with the `rules` of their values), its result says what it answers
//! (`reply`, with the tables of `representation`). Requests are served and the OpenAPI document is made (`openapi`)
//! from the same types. Live calls are reached through the engine's `CallControl` and nothing else.
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
