//! Bans: who, why and how long.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;
use ringway_model::{Moment, UnixTime};

/// An address that is not served for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// The address; of IPv6 its /64.
    pub source: IpNet,
    /// Why, as a word.
    pub reason: BanReason,
    /// Why, as a sentence without its full stop.
    pub evidence: String,
    /// When it began.
    pub since: UnixTime,
    /// When it ends by itself.
    pub until: UnixTime,
    /// How often the address was banned within a day, this time included.
    pub offences: u32,
}

/// Why an address is banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BanReason {
    /// It gave wrong passwords.
    WrongAnswers,
    /// It tried one user after another.
    Sweep,
    /// It names a known scanner.
    Scanner,
    /// It sent what cannot be read.
    Malformed,
}

impl BanReason {
    /// The word for it, on the wire and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongAnswers => "wrong-answers",
            Self::Sweep => "sweep",
            Self::Scanner => "scanner",
            Self::Malformed => "malformed",
        }
    }
}

/// Who is banned until when; whatever is beyond the bound, those that end first leave.
pub(super) struct Bans {
    until: BTreeMap<IpNet, Moment>,
    endings: BTreeSet<(Moment, IpNet)>,
    bans_max: usize,
}

impl Bans {
    pub(super) fn new(bans_max: usize) -> Self {
        Self { until: BTreeMap::new(), endings: BTreeSet::new(), bans_max: bans_max.max(1) }
    }

    /// Costs nothing while nobody is banned.
    pub(super) fn holds(&self, now: Moment, source: IpNet) -> bool {
        !self.until.is_empty() && self.until.get(&source).is_some_and(|until| now < *until)
    }

    pub(super) fn insert(&mut self, now: Moment, until: Moment, source: IpNet) {
        self.remove(source);
        while let Some((ending, first)) = self.endings.first().copied()
            && (ending <= now || self.until.len() >= self.bans_max)
        {
            self.remove(first);
        }
        self.until.insert(source, until);
        self.endings.insert((until, source));
    }

    pub(super) fn remove(&mut self, source: IpNet) {
        if let Some(until) = self.until.remove(&source) {
            self.endings.remove(&(until, source));
        }
    }
}

impl fmt::Debug for Bans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bans({})", self.until.len())
    }
}
