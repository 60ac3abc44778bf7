//! The Ringway binary: `serve`, `call`, `exec`, `trust`, `demo`, `token`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is the program that talks to people

mod abuse;
mod admin;
mod call;
mod calls_out;
mod config;
mod demo;
mod exec;
mod intercept;
mod registrations;
mod rest_security;
mod retention;
mod serve;
mod shutdown;
mod sip_network;
mod startup;
mod telemetry;
mod token;
mod trust;
mod wiring;

use std::process::ExitCode;

use crate::config::{Command, TokenAction};

fn main() -> ExitCode {
    let cli = config::read(std::env::args_os().collect());
    let result = match cli.command {
        Command::Serve(options) => serve::run(*options),
        Command::Call(options) => call::run(&options),
        Command::Exec(options) => exec::run(&options),
        Command::Trust { action } => trust::run(&action),
        Command::Demo(options) => demo::run(&options),
        Command::Token { action: TokenAction::Show { data_dir, key_file } } => {
            token::show(data_dir, key_file)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("ringway: {error}");
        ExitCode::FAILURE
    })
}
