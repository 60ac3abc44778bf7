//! `ringway serve`.

use std::process::ExitCode;

use crate::config::{self, ServeOptions};
use crate::shutdown::{self, Signals};
use crate::telemetry;
use crate::wiring::Service;

/// Runs the service until a signal ends it.
pub(crate) fn run(options: ServeOptions) -> Result<ExitCode, String> {
    telemetry::log(options.log_format, &options.log)?;
    for (name, nearest) in config::unknown_variables() {
        tracing::warn!("the variable {name} is not read by anything; is {nearest} meant?");
    }
    let metrics = telemetry::metrics()?;
    runtime()?.block_on(async {
        let mut signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let drain = options.drain;
        let service = Service::start(options, metrics).await?;
        print!("{}", service.startup);
        signals.next().await;
        shutdown::drain(&service.engine, &mut signals, drain).await;
        service.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// The runtime that calls, webhooks and the REST API share.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("ringway-work").build();
    runtime.map_err(|error| format!("cannot start the runtime: {error}"))
}
