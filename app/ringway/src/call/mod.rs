//! `ringway call`: a caller on the same core as the service, to try a domain without a phone.

mod caller;
mod ladder;
mod options;
mod report;
mod route;
mod sound;

use std::process::ExitCode;

pub(crate) use options::CallOptions;

/// Places the call and reports it. The exit status is 0 when the call was answered, 1 when it was not.
pub(crate) fn run(options: &CallOptions) -> Result<ExitCode, String> {
    let report = caller::call(options)?;
    if let Some(path) = &options.save {
        report.heard.save(path)?;
    }
    if options.json {
        println!("{}", report.json(options));
    } else {
        print!("{}", report.summary(options));
    }
    Ok(if report.answered() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
