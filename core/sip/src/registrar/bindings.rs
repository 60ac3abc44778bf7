//! What is bound, for every thread to see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ringway_model::Now;
use ringway_model::sid::{DomainSid, RegistrationSid};

use super::allowance::Allowance;
use super::binding::{Binding, Stored};
use crate::endpoint::FlowId;
use crate::transaction::key::{Key, KeyMap, Keyring};

/// So many parts, each with a lock: two threads seldom want the same one.
pub(super) const PARTS: usize = 64;

/// Addresses-of-record that are copied at one go, for the lock is held meanwhile.
const COPIED_AT_ONCE: usize = 32;

/// Who somebody is: a user of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressOfRecord {
    /// The domain.
    pub domain: DomainSid,
    /// The user, escapes resolved; upper and lower case are different users.
    pub user: String,
}

/// An address-of-record and all that is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Who.
    pub aor: AddressOfRecord,
    /// Where; empty when nothing is bound any more.
    pub bindings: Vec<Binding>,
}

/// A binding in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its SID; later ones are greater.
    pub sid: RegistrationSid,
    aor: Key,
}

/// All bindings of a node. Shared by registrars, by calls that look up whom to ring, by the REST API and by
/// whoever keeps them on disk.
pub struct Bindings {
    keyring: Keyring,
    parts: [RwLock<Part>; PARTS],
    count: AtomicUsize,
}

#[derive(Default)]
struct Part {
    entries: KeyMap<Key, Entry>,
    /// Whose bindings changed since they were last taken to disk.
    changed: Vec<Key>,
}

/// What is known of an address-of-record.
pub(super) struct Entry {
    domain: DomainSid,
    user: Box<str>,
    pub(super) bindings: Vec<Stored>,
    pub(super) allowance: Allowance,
    /// Set by whoever changes the bindings.
    pub(super) is_changed: bool,
    is_noted: bool,
}

impl Bindings {
    /// None yet; `secret` keys the hash that spreads them.
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            keyring: Keyring::new(secret),
            parts: std::array::from_fn(|_| RwLock::default()),
            count: AtomicUsize::new(0),
        }
    }

    /// Where a user of a domain can be reached now, whom it prefers first, and of equals who registered last.
    pub fn of(&self, now: Now, domain: &DomainSid, user: &str) -> Vec<Binding> {
        let mut found = Vec::new();
        self.read(self.key(domain, user), |entry| {
            found.extend(entry.bindings.iter().filter(|binding| binding.expires > now.monotonic).cloned());
        });
        found.sort_by_key(|binding| std::cmp::Reverse(binding.rank()));
        found.into_iter().map(|binding| binding.shown(now)).collect()
    }

    /// How many bindings there are, some of which may just have ended.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which bindings a domain has, those that were bound last first.
    pub fn of_domain(&self, now: Now, domain: &DomainSid) -> Vec<Listed> {
        let mut listed = Vec::new();
        for part in &self.parts {
            let part = read(part);
            for (aor, entry) in part.entries.iter().filter(|(_, entry)| entry.domain == *domain) {
                let live = entry.bindings.iter().filter(|binding| binding.expires > now.monotonic);
                listed.extend(live.map(|binding| Listed { sid: binding.sid, aor: *aor }));
            }
        }
        listed.sort_unstable_by_key(|listed| std::cmp::Reverse(listed.sid));
        listed
    }

    /// A binding with its user; none when it ended meanwhile.
    pub fn get(&self, now: Now, listed: &Listed) -> Option<(String, Binding)> {
        let mut found = None;
        self.read(listed.aor, |entry| {
            let live = |binding: &&Stored| binding.sid == listed.sid && binding.expires > now.monotonic;
            let binding = entry.bindings.iter().find(live);
            found = binding.map(|binding| (entry.user.to_string(), binding.shown(now)));
        });
        found
    }

    /// A binding of a domain by its SID, with its user.
    pub fn find(&self, now: Now, domain: &DomainSid, sid: &RegistrationSid) -> Option<(String, Binding)> {
        self.listed(now, domain, sid).and_then(|listed| self.get(now, &listed))
    }

    /// Ends a binding of a domain; false when there is none of this SID. The phone may register again.
    pub fn remove(&self, now: Now, domain: &DomainSid, sid: &RegistrationSid) -> bool {
        let Some(listed) = self.listed(now, domain, sid) else { return false };
        let removed = self.change(listed.aor, |entry| {
            let before = entry.bindings.len();
            entry.bindings.retain(|binding| binding.sid != *sid);
            entry.is_changed |= entry.bindings.len() < before;
            entry.bindings.len() < before
        });
        removed.unwrap_or(false)
    }

    /// Takes back what an earlier process had bound, less what ended meanwhile and what was bound to one of its
    /// connections. What was known of this address-of-record gives way.
    pub fn restore(&self, now: Now, registered: Registered) {
        let AddressOfRecord { domain, user } = registered.aor;
        let key = self.key(&domain, &user);
        let live = registered.bindings.into_iter().filter(|binding| binding.target.flow.is_none());
        let live: Vec<Stored> = live.filter_map(|binding| Stored::restored(now, binding)).collect();
        let after = live.len();
        let mut part = self.part_mut(key);
        let known = match live.is_empty() {
            true => part.entries.remove(&key),
            false => part.entries.insert(key, Entry { bindings: live, ..Entry::new(&domain, &user) }),
        };
        self.count(known.map_or(0, |known| known.bindings.len()), after);
    }

    /// Hands out each address-of-record whose bindings changed since the last time, as it is now.
    pub fn changed(&self, now: Now, mut each: impl FnMut(Registered)) {
        for part in &self.parts {
            let mut copies = Vec::new();
            loop {
                {
                    let mut part = write(part);
                    let left = part.changed.len().saturating_sub(COPIED_AT_ONCE);
                    let keys: Vec<Key> = part.changed.drain(left..).collect();
                    for key in keys {
                        if let Some(entry) = part.entries.get_mut(&key) {
                            entry.is_noted = false;
                            copies.push(entry.registered(now));
                        }
                    }
                }
                if copies.is_empty() {
                    break;
                }
                copies.drain(..).for_each(&mut each);
            }
        }
    }

    /// Hands out each address-of-record that has bindings.
    pub fn all(&self, now: Now, mut each: impl FnMut(Registered)) {
        for part in &self.parts {
            let keys: Vec<Key> = read(part).entries.keys().copied().collect();
            for keys in keys.chunks(COPIED_AT_ONCE) {
                let copies: Vec<Registered> = {
                    let part = read(part);
                    let entries = keys.iter().filter_map(|key| part.entries.get(key));
                    entries.map(|entry| entry.registered(now)).collect()
                };
                copies.into_iter().filter(|copy| !copy.bindings.is_empty()).for_each(&mut each);
            }
        }
    }

    /// Gives back the memory of what has ended, in one part after the other: `turn` says which. Nothing else
    /// depends on it, for what has ended is never told or counted in an address-of-record's limit.
    pub fn sweep(&self, now: Now, turn: usize) {
        let Some(part) = self.parts.get(turn % PARTS) else { return };
        let mut part = write(part);
        let mut ended = 0;
        part.entries.retain(|_, entry| {
            let before = entry.bindings.len();
            entry.bindings.retain(|binding| binding.expires > now.monotonic);
            ended += before - entry.bindings.len();
            !entry.bindings.is_empty() || entry.is_noted || !entry.allowance.is_full(now.monotonic)
        });
        self.count(ended, 0);
    }

    pub(super) fn key(&self, domain: &DomainSid, user: &str) -> Key {
        self.keyring.address_of_record(domain, user)
    }

    pub(super) fn read(&self, key: Key, look: impl FnOnce(&Entry)) {
        if let Some(part) = self.parts.get(place(key))
            && let Some(entry) = read(part).entries.get(&key)
        {
            look(entry);
        }
    }

    /// Lends out what is known of somebody, known before or not.
    pub(super) fn write<T>(
        &self,
        key: Key,
        (domain, user): (&DomainSid, &str),
        act: impl FnOnce(&mut Entry) -> T,
    ) -> T {
        let mut part = self.part_mut(key);
        let Part { entries, changed } = &mut *part;
        let entry = entries.entry(key).or_insert_with(|| Entry::new(domain, user));
        self.settle(key, entry, changed, act)
    }

    /// Ends what is bound to a connection.
    pub(super) fn unbind_flow(&self, key: Key, flow: FlowId) {
        self.change(key, |entry| {
            let before = entry.bindings.len();
            entry.bindings.retain(|binding| binding.target.flow != Some(flow));
            entry.is_changed |= entry.bindings.len() < before;
        });
    }

    fn change<T>(&self, key: Key, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut part = self.part_mut(key);
        let Part { entries, changed } = &mut *part;
        let entry = entries.get_mut(&key)?;
        Some(self.settle(key, entry, changed, act))
    }

    /// Lets somebody act, and notes what came of it.
    fn settle<T>(
        &self,
        key: Key,
        entry: &mut Entry,
        changed: &mut Vec<Key>,
        act: impl FnOnce(&mut Entry) -> T,
    ) -> T {
        let before = entry.bindings.len();
        let outcome = act(entry);
        self.count(before, entry.bindings.len());
        if std::mem::take(&mut entry.is_changed) && !std::mem::replace(&mut entry.is_noted, true) {
            changed.push(key);
        }
        outcome
    }

    fn listed(&self, now: Now, domain: &DomainSid, sid: &RegistrationSid) -> Option<Listed> {
        let listed = self.of_domain(now, domain);
        let place = listed.binary_search_by(|listed| sid.cmp(&listed.sid)).ok()?;
        listed.get(place).copied()
    }

    fn part_mut(&self, key: Key) -> RwLockWriteGuard<'_, Part> {
        let [first, ..] = &self.parts;
        write(self.parts.get(place(key)).unwrap_or(first))
    }

    fn count(&self, before: usize, after: usize) {
        if after >= before {
            self.count.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.count.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Bindings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bindings({})", self.len())
    }
}

impl Entry {
    fn new(domain: &DomainSid, user: &str) -> Self {
        Self {
            domain: *domain,
            user: user.into(),
            bindings: Vec::new(),
            allowance: Allowance::default(),
            is_changed: false,
            is_noted: false,
        }
    }

    fn registered(&self, now: Now) -> Registered {
        let live = self.bindings.iter().filter(|binding| binding.expires > now.monotonic);
        Registered {
            aor: AddressOfRecord { domain: self.domain, user: self.user.to_string() },
            bindings: live.map(|binding| binding.shown(now)).collect(),
        }
    }
}

/// The upper bits: the lower ones spread the entries within a part.
fn place(key: Key) -> usize {
    (key.0 >> 96) as usize % PARTS
}

fn read(part: &RwLock<Part>) -> RwLockReadGuard<'_, Part> {
    part.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(part: &RwLock<Part>) -> RwLockWriteGuard<'_, Part> {
    part.write().unwrap_or_else(PoisonError::into_inner)
}
