//! What a web application is asked and told, and what its answers do. The phone is `ringway call`; signatures
//! are checked by the official library.
#![allow(clippy::print_stdout)]

mod callbacks;
mod documents;
mod failures;
mod gather;
mod requests;
mod sounds;
mod world;
