//! Representations that were written since the last change: a program that asks again is told the same again,
//! without reading and writing it anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ringway_model::sid::AccountSid;

/// What all of them together may take; beyond it nothing more is kept until the next change.
const BYTES_MAX: usize = 8 << 20;

/// Bodies of one version of the store, by who asked for which path.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Bodies>);

#[derive(Debug, Default)]
struct Bodies {
    version: u64,
    of: HashMap<AccountSid, HashMap<String, Bytes>>,
    bytes: usize,
}

impl Kept {
    /// What this account was told about this path, if it is still so.
    pub(crate) fn find(&self, version: u64, account: &AccountSid, path: &str) -> Option<Bytes> {
        let bodies = self.bodies();
        if bodies.version != version {
            return None;
        }
        bodies.of.get(account)?.get(path).cloned()
    }

    /// Keeps what was read when the store had this version, unless something newer is kept already.
    pub(crate) fn keep(&self, version: u64, account: AccountSid, path: &str, body: &Bytes) {
        let mut bodies = self.bodies();
        if bodies.version < version {
            *bodies = Bodies { version, ..Bodies::default() };
        }
        let bytes = bodies.bytes + path.len() + body.len();
        if bodies.version == version && bytes <= BYTES_MAX {
            bodies.bytes = bytes;
            bodies.of.entry(account).or_default().insert(path.to_owned(), body.clone());
        }
    }

    fn bodies(&self) -> MutexGuard<'_, Bodies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/2010-04-01/Accounts/AC1/SIP/Domains/SD1.json";

    fn account(number: u8) -> AccountSid {
        AccountSid::from_random([number; 16])
    }

    #[test]
    fn what_was_told_is_told_again_until_something_changes_and_to_nobody_else() {
        let kept = Kept::default();
        let body = Bytes::from_static(b"{}");
        kept.keep(3, account(1), PATH, &body);
        assert_eq!(kept.find(3, &account(1), PATH), Some(body.clone()));
        assert_eq!(kept.find(3, &account(2), PATH), None);
        assert_eq!(kept.find(4, &account(1), PATH), None);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let kept = Kept::default();
        kept.keep(4, account(1), "/new", &Bytes::from_static(b"new"));
        kept.keep(3, account(1), PATH, &Bytes::from_static(b"old"));
        assert_eq!(kept.find(4, &account(1), PATH), None);
        assert!(kept.find(4, &account(1), "/new").is_some());
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let kept = Kept::default();
        let body = Bytes::from(vec![b'x'; BYTES_MAX / 2]);
        for path in ["/1", "/2", "/3"] {
            kept.keep(1, account(1), path, &body);
        }
        let found = ["/1", "/2", "/3"].map(|path| kept.find(1, &account(1), path).is_some());
        assert_eq!(found, [true, false, false]);
        kept.keep(2, account(1), "/2", &body);
        assert!(kept.find(2, &account(1), "/2").is_some(), "a change makes room");
    }
}
