//! TwiML: the little language in which an application says what is to happen in a call. This crate reads a
//! document into typed verbs, with every default filled in and every fault numbered; it does nothing with
//! them.
#![forbid(unsafe_code)]

mod attributes;
mod dial;
pub mod document;
mod parse;
pub mod problem;
mod ssml;
mod verbs;
mod xml;

pub use document::{Document, HttpMethod, Verb};
pub use parse::{DOCUMENT_BYTES_MAX, ELEMENTS_DEPTH_MAX, parse};
pub use problem::{Fatal, Problem};
