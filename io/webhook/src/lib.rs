//! The webhook client: asks a developer's web application what to do, fetches media, delivers status
//! callbacks. Timeouts, retries, redirects, cookies, logins and signatures are those of the contract
//! (runtime.md 1.2 to 1.8); every connection goes through one [`Guard`].
#![forbid(unsafe_code)]

mod activity;
mod cache;
mod client;
mod connect;
mod cookies;
mod exchange;
mod fault;
mod guard;
mod idle;
mod login;
mod overrides;
mod redirect;
mod resolve;
mod run;
mod session;
mod signature;
mod target;
mod tls;
mod types;

pub use client::{Client, ClientConfig, SetupError, USER_AGENT};
pub use guard::{Guard, Refusal};
pub use resolve::Names;
pub use session::CallSession;
pub use signature::sign;
pub use tls::Roots;
pub use types::{Attempt, Failure, Media, MediaRequest, Method, Purpose, Reply, Request, Response};
