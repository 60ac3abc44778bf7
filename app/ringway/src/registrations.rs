//! What the operator says about registrations.

use clap::Args;
use ringway_sip::registrar::RegistrarLimits;

use crate::config::parse_duration;

/// How phones may register (contract, runtime.md 4.3), each the operator's to change.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registration")]
pub(crate) struct RegistrationOptions {
    /// Registrations of one user of a domain; beyond it 403.
    #[arg(long, env = "RINGWAY_REGISTRATIONS_PER_AOR", value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub(crate) registrations_per_aor: usize,
    /// Registrations in all; beyond it 503.
    #[arg(long, env = "RINGWAY_REGISTRATIONS_MAX", value_name = "N", default_value_t = 1_000_000)]
    pub(crate) registrations_max: usize,
    /// REGISTER requests of one user a second; beyond it 503.
    #[arg(long, env = "RINGWAY_REGISTER_RATE_PER_AOR", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) register_rate_per_aor: u32,
    /// The shortest time a phone may register for; below it 423.
    #[arg(long, env = "RINGWAY_REGISTER_EXPIRES_MIN", value_name = "TIME", default_value = "600s", value_parser = parse_seconds)]
    pub(crate) register_expires_min: u32,
    /// The longest time a phone may register for; who asks for more gets so much.
    #[arg(long, env = "RINGWAY_REGISTER_EXPIRES_MAX", value_name = "TIME", default_value = "3600s", value_parser = parse_seconds)]
    pub(crate) register_expires_max: u32,
    /// The time of phones that do not ask for one.
    #[arg(long, env = "RINGWAY_REGISTER_EXPIRES_DEFAULT", value_name = "TIME", default_value = "3600s", value_parser = parse_seconds)]
    pub(crate) register_expires_default: u32,
}

impl RegistrationOptions {
    /// What the registrar goes by.
    ///
    /// # Errors
    /// When the times are not in order.
    pub(crate) fn limits(&self) -> Result<RegistrarLimits, String> {
        let (min, max) = (self.register_expires_min, self.register_expires_max);
        if !(min..=max).contains(&self.register_expires_default) {
            return Err(format!(
                "--register-expires-default ({} s) must be between --register-expires-min ({min} s) and \
                 --register-expires-max ({max} s)",
                self.register_expires_default
            ));
        }
        Ok(RegistrarLimits {
            bindings_per_aor: self.registrations_per_aor,
            bindings_max: self.registrations_max,
            requests_per_aor_s: self.register_rate_per_aor,
            expires_min_s: min,
            expires_max_s: max,
            expires_default_s: self.register_expires_default,
            ..RegistrarLimits::default()
        })
    }
}

/// A time in whole seconds, of which there is at least one.
fn parse_seconds(text: &str) -> Result<u32, String> {
    let seconds =
        u32::try_from(parse_duration(text)?.as_secs()).map_err(|_| "that is too long".to_owned())?;
    if seconds == 0 { Err("must be at least a second".to_owned()) } else { Ok(seconds) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: RegistrationOptions,
    }

    fn limits(argument: &str) -> Result<RegistrarLimits, String> {
        let line = Line::try_parse_from(["line", argument]).map_err(|error| error.to_string())?;
        line.options.limits()
    }

    #[test]
    fn the_limits_are_the_documented_ones_unless_said_otherwise() {
        assert_eq!(limits("--registrations-per-aor=10"), Ok(RegistrarLimits::default()));
        assert_eq!(limits("--register-expires-min=2s").map(|limits| limits.expires_min_s), Ok(2));
    }

    #[test]
    fn a_limit_that_makes_no_sense_is_refused() {
        for (argument, word) in [
            ("--register-expires-min=2h", "must be between"),
            ("--register-expires-max=10m", "must be between"),
            ("--register-expires-default=1s", "must be between"),
            ("--register-expires-min=0", "at least a second"),
            ("--register-expires-min=500ms", "at least a second"),
            ("--register-rate-per-aor=0", "0 is not in"),
            ("--registrations-per-aor=0", "from 1"),
        ] {
            let error = limits(argument).unwrap_err();
            assert!(error.contains(word), "{argument}: {error}");
        }
    }
}
