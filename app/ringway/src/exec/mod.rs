//! `ringway exec`: an untouched program, led to a running Ringway by its environment alone.

mod child;
mod environment;
mod options;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::config::LogFormat;
use crate::intercept::{Intercept, Others};
use crate::trust::{self, Authority, Identity, TrustError};
use crate::{serve, telemetry};

pub(crate) use options::ExecOptions;
use server::Server;

/// What `env` and its like end with when they fail themselves.
const FAILED: u8 = 125;

/// Runs the program to its end, which becomes ours. What goes wrong before it starts ends with 125.
pub(crate) fn run(options: &ExecOptions) -> Result<ExitCode, String> {
    let outcome = telemetry::log(LogFormat::Human, &options.log)
        .and_then(|()| serve::runtime())
        .and_then(|runtime| runtime.block_on(execute(options)));
    Ok(outcome.unwrap_or_else(|error| {
        eprintln!("ringway exec: {error}");
        ExitCode::from(FAILED)
    }))
}

async fn execute(options: &ExecOptions) -> Result<ExitCode, String> {
    let server = Server::new(options)?;
    server.check().await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("no port for the interception: {error}"))?;
    let proxy = listener.local_addr().map_err(|error| error.to_string())?;
    let directory = trust::directory(&options.data_dir);
    let (authority, bundle) = trusted(&directory).map_err(|error| error.to_string())?;
    let tls = Identity::new(authority).and_then(Identity::server_config);
    let others = Others::new(!options.only, options.tunnels_max, options.idle);
    let intercept = Intercept::new(tls.map_err(|error| error.to_string())?, server.router(), others);
    // It ends with the process.
    tokio::spawn(intercept.serve(listener, std::future::pending()));
    child::run(&options.command, environment::of_program(proxy, &bundle)).await
}

/// The authority, and the file that the program is told of.
fn trusted(directory: &Path) -> Result<(Authority, std::path::PathBuf), TrustError> {
    let authority = Authority::open(directory)?;
    let bundle = trust::write_bundle(&authority, directory, environment::trusted_before())?;
    Ok((authority, bundle))
}
