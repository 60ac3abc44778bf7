//! Where the phones of a domain are (RFC 3261 10, RFC 3327). [`Registrar`] takes REGISTER requests whose
//! sender is known and answers them; what they bind is kept in [`Bindings`], which any thread may look up.
//!
//! Each shard has a registrar of its own, which remembers what concerns its own packets and connections. All
//! of them share one [`Bindings`]: it is split by a keyed hash of the address-of-record, and the lock of such
//! a part is the owner of what is in it.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod allowance;
mod answered;
mod asked;
mod binding;
mod bindings;
mod flows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ringway_model::sid::{DomainSid, RegistrationSid};
use ringway_model::{Moment, Now, Random};

pub use binding::Binding;
pub use bindings::{AddressOfRecord, Bindings, Listed, Registered};

use crate::endpoint::{FlowId, Reply, Source, TransactionKey};
use crate::message::{Message, Name};
use crate::transaction::key::Key;
use answered::{Answered, Record};
use asked::{Asked, Change};
use binding::Stored;
use bindings::Entry;
use flows::Flows;

/// What the operator allows. Each limit says what a phone gets that meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrarLimits {
    /// Bindings of one address-of-record: 10; beyond it 403 (contract, runtime.md 4.3).
    pub bindings_per_aor: usize,
    /// Bindings in all: a million; beyond it 503.
    pub bindings_max: usize,
    /// REGISTER requests of one address-of-record a second, of those that are new and whose password is right:
    /// 5; beyond it 503 with Retry-After.
    pub requests_per_aor_s: u32,
    /// The shortest time that may be asked for, in seconds: 600; below it 423 with Min-Expires.
    pub expires_min_s: u32,
    /// The longest time that is given, in seconds: 3600; who asks for more gets so much.
    pub expires_max_s: u32,
    /// What is given to those who ask for no time in particular, in seconds: 3600.
    pub expires_default_s: u32,
    /// Answers that are remembered for repetitions over UDP, twice at most; the oldest half is forgotten when
    /// there are more, and their repetitions are challenged again.
    pub answers_max: usize,
}

impl Default for RegistrarLimits {
    fn default() -> Self {
        Self {
            bindings_per_aor: 10,
            bindings_max: 1_000_000,
            requests_per_aor_s: 5,
            expires_min_s: 600,
            expires_max_s: 3600,
            expires_default_s: 3600,
            answers_max: 500_000,
        }
    }
}

/// A REGISTER whose sender has proven who it is.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// The same for all copies of the request.
    pub transaction: TransactionKey,
    /// The domain that the phone belongs to.
    pub domain: &'a DomainSid,
    /// The user of To, escapes resolved; the digest was this user's.
    pub user: &'a str,
    /// The request.
    pub request: &'a Message,
    /// Where it came from: later calls go there.
    pub source: &'a Source,
}

/// Why a REGISTER changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// `Contact: *` without `Expires: 0`, or beside another Contact: 400 (RFC 3261 10.3, step 6).
    Wildcard,
    /// A Contact that is no SIP URI: 400.
    Contact,
    /// More text than is kept of one binding: 400.
    TooLong,
    /// A Path, from a phone that does not say that it knows what that is: 420 (RFC 3327 5.3).
    Path,
    /// A shorter time than is given: 423.
    TooBrief {
        /// The shortest, in seconds, for Min-Expires.
        expires_min_s: u32,
    },
    /// It was sent before one that is known already: 500 (RFC 3261 10.3, step 7).
    OutOfOrder,
    /// More bindings than an address-of-record may have: 403.
    TooMany {
        /// So many it may have.
        bindings_per_aor: usize,
    },
    /// More requests than an address-of-record may make: 503.
    TooOften {
        /// So many in a second.
        requests_per_aor_s: u32,
    },
    /// No room for any more bindings at all: 503.
    Full,
}

/// Answers REGISTER requests. One for each shard; they share their [`Bindings`].
pub struct Registrar {
    limits: RegistrarLimits,
    bindings: Arc<Bindings>,
    random: Random,
    answered: Answered,
    flows: Flows,
    /// Where values are put together before they are compared with what is known.
    scratch: String,
}

impl Registrar {
    /// A registrar over shared bindings; `seed` feeds the SIDs of what it binds.
    pub fn new(limits: RegistrarLimits, bindings: Arc<Bindings>, seed: [u8; 32]) -> Self {
        Self {
            answered: Answered::new(limits.answers_max),
            limits,
            bindings,
            random: Random::from_seed(seed),
            flows: Flows::default(),
            scratch: String::new(),
        }
    }

    /// The answer to a request that was accepted before: a copy that the network made, or a repetition because
    /// our 200 was lost. Ask this before the credentials are looked at: their nonce count is used already.
    ///
    /// The copy must carry the very credentials of the original; nobody else can make the answer come again.
    pub fn repeated(
        &mut self,
        now: Now,
        transaction: TransactionKey,
        request: &Message,
        source: &Source,
    ) -> Option<Reply> {
        if source.transport.is_reliable() {
            return None;
        }
        let record = self.answered.find(now.monotonic, transaction, request)?;
        let mut reply = accepted(request);
        self.bindings.read(record.aor, |entry| list(&mut reply, entry, record.answered));
        Some(reply)
    }

    /// Binds, refreshes, removes or lists, all or nothing (RFC 3261 10.3).
    ///
    /// # Errors
    /// [`Refused`] says what stands against it; then nothing was changed.
    pub fn register(&mut self, now: Now, registration: &Registration<'_>) -> Result<Reply, Refused> {
        let Registration { transaction, domain, user, request, source } = *registration;
        let bindings = Arc::clone(&self.bindings);
        let aor = bindings.key(domain, user);
        let mut reply = accepted(request);
        bindings.write(aor, (domain, user), |entry| {
            if !entry.allowance.take(now.monotonic, self.limits.requests_per_aor_s) {
                return Err(Refused::TooOften { requests_per_aor_s: self.limits.requests_per_aor_s });
            }
            entry.bindings.retain(|binding| binding.expires > now.monotonic);
            let asked = Asked::of(request, &self.limits)?;
            self.check(entry, request, &asked)?;
            self.apply(now, (aor, entry), registration, &asked);
            list(&mut reply, entry, now.monotonic);
            Ok(())
        })?;
        if !source.transport.is_reliable() {
            self.answered.add(transaction, request, Record { aor, answered: now.monotonic });
        }
        Ok(reply)
    }

    /// A connection is no more, and neither is what was registered over it: nobody could be reached by it.
    pub fn flow_closed(&mut self, flow: FlowId) {
        for aor in self.flows.close(flow) {
            self.bindings.unbind_flow(aor, flow);
        }
    }

    /// Whether all of the request can be carried out.
    fn check(&self, entry: &Entry, request: &Message, asked: &Asked<'_>) -> Result<(), Refused> {
        let (call_id, cseq) = (request.call_id(), request.cseq().number);
        let in_order = |binding: &Stored| binding.call_id() != call_id || binding.cseq < cseq;
        let changes = match asked {
            Asked::List => return Ok(()),
            Asked::RemoveAll => {
                return entry.bindings.iter().all(in_order).then_some(()).ok_or(Refused::OutOfOrder);
            }
            Asked::Change(changes) => changes,
        };
        let mut count = entry.bindings.len();
        let mut added = 0;
        for (position, change) in changes.iter().enumerate() {
            let earlier = changes.iter().take(position).any(|earlier| earlier.uri.equivalent(&change.uri));
            match entry.bindings.iter().find(|binding| binding.is_at(&change.uri)) {
                Some(known) if !in_order(known) => return Err(Refused::OutOfOrder),
                Some(_) if change.expires_s == 0 && !earlier => count -= 1,
                None if change.expires_s > 0 && !earlier => added += 1,
                _ => {}
            }
        }
        if count + added > self.limits.bindings_per_aor && added > 0 {
            return Err(Refused::TooMany { bindings_per_aor: self.limits.bindings_per_aor });
        }
        if added > 0 && self.bindings.len() + added > self.limits.bindings_max {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Carries out what was checked.
    fn apply(
        &mut self,
        now: Now,
        (aor, entry): (Key, &mut Entry),
        registration: &Registration<'_>,
        asked: &Asked<'_>,
    ) {
        match asked {
            Asked::List => return,
            Asked::RemoveAll => entry.bindings.clear(),
            Asked::Change(changes) => {
                let path = asked::path(registration.request);
                for change in changes {
                    self.change(now, (aor, entry), registration, change, &path);
                }
            }
        }
        entry.is_changed = true;
    }

    fn change(
        &mut self,
        now: Now,
        (aor, entry): (Key, &mut Entry),
        registration: &Registration<'_>,
        change: &Change<'_>,
        path: &str,
    ) {
        let known = entry.bindings.iter().position(|binding| binding.is_at(&change.uri));
        if change.expires_s == 0 {
            if let Some(position) = known {
                entry.bindings.remove(position);
            }
            return;
        }
        let known = known.and_then(|position| entry.bindings.get_mut(position));
        if let Some(flow) = registration.source.flow
            && known.as_ref().is_none_or(|known| known.target.flow != Some(flow))
        {
            self.flows.add(flow, aor);
        }
        change.write_value(&mut self.scratch);
        match known {
            Some(known) => known.refresh(now, registration, change, &self.scratch, path),
            None => {
                let sid = registration_sid(now, &mut self.random);
                let binding = Stored::new(sid, now, registration, change, &self.scratch, path);
                // Most have one phone: no room for more until there are more.
                entry.bindings.reserve_exact(1);
                entry.bindings.push(binding);
            }
        }
    }
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registrar").field("bindings", &self.bindings.len()).finish_non_exhaustive()
    }
}

/// What every accepted REGISTER is told. Whoever put itself on the path learns that it is on it (RFC 3327 5.3).
fn accepted(request: &Message) -> Reply {
    let paths = request.headers(Name::Path);
    paths.fold(Reply::new(200), |reply, path| reply.with_header(Name::Path.as_str(), path))
}

/// All that is bound, as it was sent, with the time that was left at `moment`.
fn list(reply: &mut Reply, entry: &Entry, moment: Moment) {
    for binding in entry.bindings.iter().filter(|binding| binding.expires > moment) {
        let left_s = binding.expires.since(moment).as_millis().div_ceil(1000);
        reply.add_header(Name::Contact.as_str(), format!("{};expires={left_s}", binding.value()));
    }
}

/// Later SIDs are greater: a list of them has an order that needs no more than the SIDs.
fn registration_sid(now: Now, random: &mut Random) -> RegistrationSid {
    let [_, _, t0, t1, t2, t3, t4, t5] = now.unix.as_millis().to_be_bytes();
    let mut bytes: [u8; 16] = random.bytes();
    for (place, byte) in bytes.iter_mut().zip([t0, t1, t2, t3, t4, t5]) {
        *place = byte;
    }
    RegistrationSid::from_random(bytes)
}
