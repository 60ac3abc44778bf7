//! Requests that got their 200, so that it can be said again when it was lost (RFC 3261 17.2.2): not the
//! answer, which is made anew from what is bound, but 56 bytes that say of whom and as of when.

use std::time::Duration;

use ringway_model::Moment;

use crate::endpoint::TransactionKey;
use crate::message::{Message, Name};
use crate::transaction::key::{Key, KeyMap};

/// How long a request may be repeated: 64*T1 (RFC 3261 17.1.2.2).
const REPEATED_FOR: Duration = Duration::from_secs(32);

/// An answer that was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// To whom.
    pub(super) aor: Key,
    /// When: times left are told as of then.
    pub(super) answered: Moment,
}

/// Answers of the last 32 to 64 seconds, in two generations.
#[derive(Debug)]
pub(super) struct Answered {
    young: KeyMap<TransactionKey, (u64, Record)>,
    old: KeyMap<TransactionKey, (u64, Record)>,
    born: Moment,
    generation_max: usize,
}

impl Answered {
    pub(super) fn new(generation_max: usize) -> Self {
        Self { young: KeyMap::default(), old: KeyMap::default(), born: Moment::default(), generation_max }
    }

    /// Remembers an answer.
    pub(super) fn add(&mut self, transaction: TransactionKey, request: &Message, record: Record) {
        if record.answered.since(self.born) >= REPEATED_FOR || self.young.len() >= self.generation_max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.born = record.answered;
        }
        self.young.insert(transaction, (fingerprint(request), record));
    }

    /// The answer to this request, when it is a copy of one that got its answer.
    pub(super) fn find(&self, now: Moment, transaction: TransactionKey, request: &Message) -> Option<Record> {
        let (print, record) = self.young.get(&transaction).or_else(|| self.old.get(&transaction))?;
        let is_copy = now.since(record.answered) < REPEATED_FOR && *print == fingerprint(request);
        is_copy.then_some(*record)
    }
}

/// A hash of the credentials. It need not be keyed: who does not know them cannot aim at it.
fn fingerprint(request: &Message) -> u64 {
    let credentials = request.headers(Name::ProxyAuthorization).flat_map(|value| value.as_bytes().chunks(8));
    credentials.fold(0, |hash: u64, chunk| {
        let word = chunk.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        (hash.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}
