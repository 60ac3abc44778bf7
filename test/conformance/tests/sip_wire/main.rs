//! SIP over sockets, with every byte made by hand: what Ringway answers to requests that no phone would send,
//! and to those that phones do send and no tool lets one choose.

mod abuse;
mod admission;
mod dialogs;
mod message;
mod offers;
mod peer;
mod registration;
mod requests;
mod torture;
mod transports;
mod world;
