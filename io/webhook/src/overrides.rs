//! Connection overrides in the fragment of a URL: `#ct=2000&rc=2&rp=all` (contract, runtime.md 1.4).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::fault::{Fault, RetryClass};

/// How one request is sent: the defaults, with what its URL's fragment changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overrides {
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) retries: u8,
    pub(crate) policy: RetryPolicy,
    pub(crate) sni: bool,
}

/// What is worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RetryPolicy {
    client_error: bool,
    server_error: bool,
    connect: bool,
    read: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(5000),
            read_timeout: Duration::from_millis(15_000),
            total_timeout: Duration::from_millis(15_000),
            retries: 1,
            policy: RetryPolicy { connect: true, ..RetryPolicy::default() },
            sni: true,
        }
    }
}

impl Overrides {
    /// Reads a fragment. Keys it does not know are left alone, because a fragment may be an ordinary one. A
    /// number beyond its range is brought back into it; what is not a number leaves the default.
    pub(crate) fn parse(fragment: Option<&str>) -> Result<Self, Fault> {
        let mut overrides = Self::default();
        for pair in fragment.unwrap_or_default().split('&') {
            let Some((key, raw)) = pair.split_once('=') else { continue };
            let value = percent_decode_str(raw).decode_utf8_lossy();
            match key {
                "ct" => set_milliseconds(&mut overrides.connect_timeout, &value, 10_000),
                "rt" => set_milliseconds(&mut overrides.read_timeout, &value, 15_000),
                "tt" => set_milliseconds(&mut overrides.total_timeout, &value, 15_000),
                "rc" => {
                    overrides.retries = number(&value, 0, 5).map_or(overrides.retries, |count| count as u8)
                }
                "rp" => overrides.policy = RetryPolicy::parse(&value)?,
                "sni" => overrides.sni = !value.eq_ignore_ascii_case("n"),
                // `r` is the older spelling, of regions.
                "e" | "r" => check_edges(&value)?,
                _ => {}
            }
        }
        Ok(overrides)
    }
}

impl RetryPolicy {
    fn parse(list: &str) -> Result<Self, Fault> {
        let mut policy = Self::default();
        for word in list.split(',') {
            match word.trim().to_ascii_lowercase().as_str() {
                "4xx" => policy.client_error = true,
                "5xx" => policy.server_error = true,
                "ct" => policy.connect = true,
                "rt" => policy.read = true,
                "all" => policy = Self { client_error: true, server_error: true, connect: true, read: true },
                _ => return Err(Fault::RetryPolicy(word.to_owned())),
            }
        }
        Ok(policy)
    }

    /// Whether an answer with this status is worth another attempt.
    pub(crate) const fn covers_status(self, status: u16) -> bool {
        match status {
            400..=499 => self.client_error,
            500..=599 => self.server_error,
            _ => false,
        }
    }

    /// Whether this fault is worth another attempt.
    pub(crate) fn covers(self, fault: &Fault) -> bool {
        match fault.retry_class() {
            Some(RetryClass::Connect) => self.connect,
            Some(RetryClass::Read) => self.read,
            None => false,
        }
    }
}

fn set_milliseconds(field: &mut Duration, value: &str, most: u64) {
    if let Some(milliseconds) = number(value, 100, most) {
        *field = Duration::from_millis(milliseconds);
    }
}

fn number(value: &str, least: u64, most: u64) -> Option<u64> {
    value.trim().parse::<u64>().ok().map(|number| number.clamp(least, most))
}

/// Where requests leave from is the operator's affair here, so the list has no effect; a wrong one is still
/// reported, because it would fail at the hosted service.
fn check_edges(list: &str) -> Result<(), Fault> {
    const EDGES: [&str; 17] = [
        "ashburn",
        "umatilla",
        "dublin",
        "frankfurt",
        "singapore",
        "tokyo",
        "sao-paulo",
        "sydney",
        "roaming",
        "us1",
        "us2",
        "ie1",
        "de1",
        "sg1",
        "jp1",
        "br1",
        "au1",
    ];
    for edge in list.split(',') {
        let edge = edge.trim().to_ascii_lowercase();
        let well_formed =
            !edge.is_empty() && edge.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !well_formed {
            return Err(Fault::EdgeMalformed(list.to_owned()));
        }
        if edge.ends_with("-ix") {
            return Err(Fault::Interconnect(edge));
        }
        if !EDGES.contains(&edge.as_str()) {
            return Err(Fault::EdgeUnknown(edge));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(fragment: &str) -> Overrides {
        Overrides::parse(Some(fragment)).unwrap()
    }

    #[test]
    fn no_fragment_means_two_connection_attempts_of_five_seconds_in_fifteen() {
        let defaults = Overrides::parse(None).unwrap();
        assert_eq!(defaults.connect_timeout.as_millis(), 5000);
        assert_eq!(defaults.read_timeout.as_millis(), 15_000);
        assert_eq!(defaults.total_timeout.as_millis(), 15_000);
        assert_eq!((defaults.retries, defaults.sni), (1, true));
        assert!(defaults.policy.connect && !defaults.policy.read);
        assert!(!defaults.policy.covers_status(500) && !defaults.policy.covers_status(404));
    }

    #[test]
    fn every_key_is_read() {
        let all = parse("ct=1000&rt=2000&tt=3000&rc=4&rp=4xx,rt&sni=n&e=dublin,us1");
        assert_eq!(all.connect_timeout.as_millis(), 1000);
        assert_eq!(all.read_timeout.as_millis(), 2000);
        assert_eq!(all.total_timeout.as_millis(), 3000);
        assert_eq!((all.retries, all.sni), (4, false));
        assert!(all.policy.covers_status(404) && !all.policy.covers_status(503));
        assert!(all.policy.read && !all.policy.connect);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let wide = parse("ct=99999&rt=99999&tt=99999&rc=99");
        assert_eq!(wide.connect_timeout.as_millis(), 10_000);
        assert_eq!(wide.read_timeout.as_millis(), 15_000);
        assert_eq!(wide.total_timeout.as_millis(), 15_000);
        assert_eq!(wide.retries, 5);
        let narrow = parse("ct=1&rt=0&tt=-5&rc=0");
        assert_eq!(narrow.connect_timeout.as_millis(), 100);
        assert_eq!(narrow.read_timeout.as_millis(), 100);
        assert_eq!((narrow.total_timeout.as_millis(), narrow.retries), (15_000, 0));
    }

    #[test]
    fn all_and_encoded_lists_are_understood() {
        let policy = parse("rp=all").policy;
        assert!(policy.covers_status(400) && policy.covers_status(599) && policy.connect && policy.read);
        assert!(parse("rp=5xx%2Cct").policy.covers_status(500));
    }

    #[test]
    fn bad_lists_have_their_own_codes() {
        for (fragment, code) in [
            ("rp=3xx", 11243),
            ("rp=", 11243),
            ("e=", 11240),
            ("e=dub lin", 11240),
            ("e=mars", 11241),
            ("e=ashburn-ix", 11242),
        ] {
            assert_eq!(Overrides::parse(Some(fragment)).unwrap_err().code(), code, "{fragment}");
        }
    }

    #[test]
    fn an_ordinary_fragment_changes_nothing() {
        assert_eq!(parse("section-2&x=1"), Overrides::default());
    }
}
