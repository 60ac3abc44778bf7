//! What the operator says about calls out.

use clap::Args;

/// How many, and how fast.
#[derive(Debug, Clone, Args)]
pub(crate) struct CallsOut {
    /// Calls that each account may begin in a second through the REST API; more are queued.
    #[arg(long, env = "RINGWAY_CALLS_PER_SECOND", value_name = "N", default_value_t = 1)]
    pub(crate) calls_per_second: u32,

    /// Calls of an account that may be queued; 429 beyond.
    #[arg(long, env = "RINGWAY_QUEUED_CALLS_MAX", value_name = "N", default_value_t = 1000)]
    pub(crate) queued_calls_max: u32,
}
