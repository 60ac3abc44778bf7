//! What `ringway exec` is told.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::parse_duration;

/// Runs a program that was written for the hosted service against a running Ringway.
///
/// The program is led here by proxy and CA variables: its requests to api.twilio.com and voice.twilio.com are
/// answered by Ringway, and those to other hosts go where they should. Its exit status becomes that of
/// `ringway exec`; 125 says that the program was not started, 126 that it cannot be run, 127 that it was not
/// found.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ExecOptions {
    /// Where Ringway's REST API is.
    #[arg(long, env = "RINGWAY_SERVER", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// A certificate that an https:// server may have, in PEM (default: the development certificate in the data
    /// directory, if there is one). The system's roots count too.
    #[arg(long, env = "RINGWAY_SERVER_CA", value_name = "FILE")]
    pub(crate) server_ca: Option<PathBuf>,
    /// Where the certificate authority is kept, in `trust`; made when missing.
    #[arg(long, env = "RINGWAY_DATA_DIR", value_name = "DIR", default_value = "ringway-data")]
    pub(crate) data_dir: PathBuf,
    /// Refuse hosts other than the two, instead of connecting the program to them.
    #[arg(long, env = "RINGWAY_INTERCEPT_ONLY")]
    pub(crate) only: bool,
    /// Most connections to other hosts at once.
    #[arg(long, env = "RINGWAY_INTERCEPT_TUNNELS_MAX", value_name = "N", default_value_t = 256)]
    pub(crate) tunnels_max: usize,
    /// A connection to another host that nothing goes through for so long is closed.
    #[arg(
        long,
        env = "RINGWAY_INTERCEPT_IDLE",
        value_name = "TIME",
        default_value = "10m",
        value_parser = parse_duration
    )]
    pub(crate) idle: Duration,
    /// What is logged of the interception; info names the hosts that are not intercepted.
    #[arg(long, env = "RINGWAY_LOG", value_name = "FILTER", default_value = "warn")]
    pub(crate) log: String,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}
