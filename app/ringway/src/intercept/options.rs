//! What the operator says of the interception.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::config::parse_duration;

/// An intercepting proxy for programs that cannot be told another base URL.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Interception")]
pub(crate) struct InterceptOptions {
    /// Answer for api.twilio.com and voice.twilio.com here: to clients of a proxy, and to TLS that a hosts
    /// entry leads here. Other hosts are tunnelled. Clients must trust ca.pem in `trust` of the data directory;
    /// `ringway exec` sees to it all for one program.
    #[arg(long, env = "RINGWAY_INTERCEPT", value_name = "HOST:PORT")]
    pub(crate) intercept: Option<SocketAddr>,
    /// Refuse hosts other than the two, instead of tunnelling to them.
    #[arg(long, env = "RINGWAY_INTERCEPT_ONLY", requires = "intercept")]
    pub(crate) intercept_only: bool,
    /// Intercept for other machines too. For them nothing is tunnelled: that would be an open proxy.
    #[arg(long, env = "RINGWAY_INTERCEPT_INSECURE", requires = "intercept")]
    pub(crate) intercept_insecure: bool,
    /// Most tunnels to other hosts at once; beyond it 503.
    #[arg(long, env = "RINGWAY_INTERCEPT_TUNNELS_MAX", value_name = "N", default_value_t = 256)]
    pub(crate) intercept_tunnels_max: usize,
    /// A tunnel that nothing goes through for so long is closed.
    #[arg(
        long,
        env = "RINGWAY_INTERCEPT_IDLE",
        value_name = "TIME",
        default_value = "10m",
        value_parser = parse_duration
    )]
    pub(crate) intercept_idle: Duration,
}

impl InterceptOptions {
    /// Refuses to pose as the hosted service to other machines, unless somebody said so.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.intercept {
            Some(address) if !self.is_local() && !self.intercept_insecure => Err(format!(
                "--intercept {address} would pose as the hosted service to other machines; use 127.0.0.1 or \
                 [::1], or --intercept-insecure if that is meant"
            )),
            _ => Ok(()),
        }
    }

    /// Whether hosts other than the hosted names are tunnelled to.
    pub(crate) fn tunnels(&self) -> bool {
        !self.intercept_only && self.is_local()
    }

    fn is_local(&self) -> bool {
        self.intercept.is_none_or(|address| address.ip().to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(intercept: &str, insecure: bool) -> InterceptOptions {
        InterceptOptions {
            intercept: Some(intercept.parse().unwrap()),
            intercept_only: false,
            intercept_insecure: insecure,
            intercept_tunnels_max: 1,
            intercept_idle: Duration::ZERO,
        }
    }

    #[test]
    fn other_machines_need_a_word_and_get_no_tunnels() {
        for here in ["127.0.0.1:8888", "127.9.9.9:1", "[::1]:8888", "[::ffff:127.0.0.1]:8888"] {
            assert!(options(here, false).check().is_ok() && options(here, false).tunnels(), "{here}");
        }
        for there in ["0.0.0.0:8888", "[::]:8888", "192.0.2.1:1"] {
            assert!(options(there, false).check().unwrap_err().contains("--intercept-insecure"), "{there}");
            assert!(options(there, true).check().is_ok() && !options(there, true).tunnels(), "{there}");
        }
    }
}
