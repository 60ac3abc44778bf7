//! The REST API against a real store in a temporary directory and calls that are only pretended: what a
//! client of each endpoint sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod addresses;
mod applications;
mod auth;
mod calls;
mod calls_out;
mod credential_lists;
mod document;
mod domains;
mod incoming_phone_numbers;
mod ip_access_control_lists;
mod keys;
mod mappings;
mod notifications;
mod outgoing_caller_ids;
mod paging;
mod protocol;
mod registrations;
mod representations;
mod server;
mod tls;
mod usage;
mod voice_v1;
mod world;
