//! A call: who may place one, and what happens in it. Everything here is decided and nothing is done: what
//! the world says comes in as [`input::Input`], what the world should do goes out as [`effect::Effect`].
#![forbid(unsafe_code)]

pub mod abuse;
pub mod admit;
pub mod child;
pub mod directory;
pub mod effect;
pub mod fork;
pub mod host;
pub mod input;
pub mod leg;
pub mod machine;
pub mod outgoing;
pub mod pace;
pub mod params;
pub mod status;
pub mod url;
mod verb;

pub use machine::CallMachine;
pub use ringway_twiml::HttpMethod;
