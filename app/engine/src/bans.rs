//! The addresses that are banned, for whoever lists them and lifts them. The SIP driver's thread decides
//! who is; it tells of each ban as it begins, and hears of lifted ones before it screens the next request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use ringway_call::abuse::Ban;
use ringway_model::UnixTime;

/// What both sides see.
#[derive(Default)]
pub(crate) struct Bans {
    begun: Mutex<BTreeMap<IpNet, Ban>>,
    lifted: Mutex<Vec<IpNet>>,
    any_lifted: AtomicBool,
}

impl Bans {
    /// A ban begins. Those that have ended by themselves leave.
    pub(crate) fn begin(&self, ban: Ban) {
        tracing::warn!(source = %ban.source, until = %ban.until.iso8601(), "banned: {}", ban.evidence);
        metrics::counter!("ringway_bans_total", "reason" => ban.reason.as_str()).increment(1);
        let mut begun = lock(&self.begun);
        begun.retain(|_, other| other.until > ban.since);
        begun.insert(ban.source, ban);
        metrics::gauge!("ringway_bans").set(begun.len() as f64);
    }

    /// Those that hold, by address.
    pub(crate) fn list(&self, now: UnixTime) -> Vec<Ban> {
        lock(&self.begun).values().filter(|ban| ban.until > now).cloned().collect()
    }

    /// Ends a ban; false when there is none of this address.
    pub(crate) fn lift(&self, source: &IpNet, now: UnixTime) -> bool {
        let ban = lock(&self.begun).remove(source);
        if ban.is_none_or(|ban| ban.until <= now) {
            return false;
        }
        tracing::info!(%source, "ban lifted");
        lock(&self.lifted).push(*source);
        self.any_lifted.store(true, Ordering::Release);
        true
    }

    /// The lifted ones that the driver has not heard of. Costs a look at a flag while there are none.
    pub(crate) fn take_lifted(&self) -> Vec<IpNet> {
        if !self.any_lifted.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.any_lifted.store(false, Ordering::Release);
        std::mem::take(&mut lock(&self.lifted))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use ringway_call::abuse::BanReason;

    use super::*;

    fn ban(source: &str, since_s: i64, until_s: i64) -> Ban {
        Ban {
            source: source.parse().unwrap(),
            reason: BanReason::Scanner,
            evidence: String::new(),
            since: UnixTime::from_secs(since_s),
            until: UnixTime::from_secs(until_s),
            offences: 1,
        }
    }

    #[test]
    fn bans_are_listed_until_they_end_or_are_lifted() {
        let bans = Bans::default();
        bans.begin(ban("192.0.2.1/32", 0, 100));
        bans.begin(ban("192.0.2.2/32", 0, 200));
        let listed = |now_s| bans.list(UnixTime::from_secs(now_s)).len();
        assert_eq!([listed(99), listed(100), listed(200)], [2, 1, 0]);
        let second = "192.0.2.2/32".parse().unwrap();
        assert!(bans.take_lifted().is_empty());
        assert!(bans.lift(&second, UnixTime::from_secs(150)));
        assert!(!bans.lift(&second, UnixTime::from_secs(150)), "only once");
        assert_eq!((bans.take_lifted(), bans.take_lifted()), (vec![second], vec![]));
        bans.begin(ban("192.0.2.3/32", 300, 400));
        assert_eq!(lock(&bans.begun).len(), 1, "what ended leaves");
    }
}
