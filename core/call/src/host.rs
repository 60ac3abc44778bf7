//! Which domain a host name means: letters in either case, a dot at the end, and the label of an edge are all
//! the same domain (contract, runtime.md 4.1). Nothing here allocates.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use crate::directory::{Directory, DomainGate};

/// The labels that may stand between `sip` and `twilio.com`; each also with `-ix`.
const EDGES: &[&str] = &[
    "ashburn",
    "umatilla",
    "dublin",
    "frankfurt",
    "singapore",
    "tokyo",
    "sao-paulo",
    "sydney",
    "us1",
    "us2",
    "ie1",
    "de1",
    "sg1",
    "jp1",
    "br1",
    "au1",
];

/// Longest host name (RFC 1035).
const HOST_BYTES_MAX: usize = 255;

/// The suffixes under which domains are made, each without a dot at either end: `sip.twilio.com`.
#[derive(Debug, Clone)]
pub struct Suffixes(Vec<String>);

impl Suffixes {
    /// Of the configured ones; letters are lowered.
    pub fn new<S: AsRef<str>>(suffixes: impl IntoIterator<Item = S>) -> Self {
        let lowered = |suffix: S| suffix.as_ref().trim_matches('.').to_ascii_lowercase();
        Self(suffixes.into_iter().map(lowered).filter(|suffix| !suffix.is_empty()).collect())
    }

    /// The domain that a host names: first as written, for it may have been created so, then without its
    /// edge.
    pub fn find(&self, host: &str, directory: &dyn Directory) -> Option<Arc<DomainGate>> {
        let host = Name::lowered(host)?;
        directory
            .domain(host.as_str())
            .or_else(|| directory.domain(self.without_edge(host.as_str())?.as_str()))
    }

    /// Whether a host is one that only we may name: a suffix, or anything under it, with an edge or without.
    pub fn covers(&self, host: &str) -> bool {
        let canonical = self.canonical(host);
        self.0.iter().any(|suffix| {
            canonical.strip_suffix(suffix.as_str()).is_some_and(|name| name.is_empty() || name.ends_with('.'))
        })
    }

    /// The edge that a host under a suffix names: `dublin` of `name.sip.dublin.twilio.com`.
    pub fn edge<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = Name::lowered(host)?;
        self.without_edge(name.as_str())?;
        let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
        labels.into_iter().rev().find(|label| {
            let label = label.to_ascii_lowercase();
            EDGES.contains(&label.strip_suffix("-ix").unwrap_or(&label))
        })
    }

    /// The host in lower case and without its edge, when it is under one of the suffixes; else as written.
    pub(crate) fn canonical(&self, host: &str) -> String {
        let Some(lowered) = Name::lowered(host) else { return host.to_owned() };
        let under = |suffix: &String| {
            lowered
                .as_str()
                .strip_suffix(suffix.as_str())
                .is_some_and(|name| name.is_empty() || name.ends_with('.'))
        };
        match self.without_edge(lowered.as_str()) {
            Some(canonical) => canonical.as_str().to_owned(),
            None if self.0.iter().any(under) => lowered.as_str().to_owned(),
            None => host.to_owned(),
        }
    }

    /// `name.sip.twilio.com` of `name.sip.dublin.twilio.com`.
    fn without_edge(&self, host: &str) -> Option<Name> {
        self.0.iter().find_map(|suffix| {
            let (first, rest) = suffix.split_once('.')?;
            let (before, edge) = host.strip_suffix(rest)?.strip_suffix('.')?.rsplit_once('.')?;
            let edge = edge.strip_suffix("-ix").unwrap_or(edge);
            let name = before.strip_suffix(first)?;
            let fits = EDGES.contains(&edge) && (name.is_empty() || name.ends_with('.'));
            fits.then(|| Name::joined(&[name, suffix]))?
        })
    }
}

/// A host name in place.
struct Name {
    bytes: [u8; HOST_BYTES_MAX],
    length: usize,
}

impl Name {
    fn lowered(host: &str) -> Option<Self> {
        let mut name = Self::joined(&[host.strip_suffix('.').unwrap_or(host)])?;
        name.bytes.make_ascii_lowercase();
        Some(name)
    }

    fn joined(parts: &[&str]) -> Option<Self> {
        let mut name = Self { bytes: [0; HOST_BYTES_MAX], length: 0 };
        for part in parts {
            let end = name.length.checked_add(part.len())?;
            name.bytes.get_mut(name.length..end)?.copy_from_slice(part.as_bytes());
            name.length = end;
        }
        Some(name)
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_taken_out_of_names_under_a_suffix() {
        let suffixes = Suffixes::new(["sip.twilio.com", ".SIP.example.org"]);
        for (host, canonical) in [
            ("demo.sip.twilio.com", "demo.sip.twilio.com"),
            ("Demo.SIP.Twilio.com.", "demo.sip.twilio.com"),
            ("demo.sip.dublin.twilio.com", "demo.sip.twilio.com"),
            ("demo.sip.us1.twilio.com", "demo.sip.twilio.com"),
            ("demo.sip.sao-paulo.twilio.com", "demo.sip.twilio.com"),
            ("demo.sip.ashburn-ix.twilio.com", "demo.sip.twilio.com"),
            ("demo.sip.us1-ix.twilio.com", "demo.sip.twilio.com"),
            ("a.b.sip.tokyo.twilio.com", "a.b.sip.twilio.com"),
            ("sip.tokyo.twilio.com", "sip.twilio.com"),
            ("demo.sip.tokyo.example.org", "demo.sip.example.org"),
            ("demo.sip.mars.twilio.com", "demo.sip.mars.twilio.com"),
            ("demo.gossip.tokyo.twilio.com", "demo.gossip.tokyo.twilio.com"),
            ("demo.sip.tokyo.eviltwilio.com", "demo.sip.tokyo.eviltwilio.com"),
            ("PBX.example.com", "PBX.example.com"),
            ("10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(suffixes.canonical(host), canonical, "{host}");
        }
    }
}
