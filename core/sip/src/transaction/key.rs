//! Keys of transactions and dialogs: keyed hashes of what the RFC compares, so that they have one size, need
//! no allocation to look up, and nobody outside can make two of them meet.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use blake2::Blake2sMac;
use blake2::digest::{KeyInit, Mac, consts::U16};
use ringway_model::sid::DomainSid;

use crate::message::Message;

/// A keyed hash of identifying values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) u128);

/// A map by [`Key`] or by a number that is already spread.
pub(crate) type KeyMap<K, V> = HashMap<K, V, BuildHasherDefault<SpreadHasher>>;

/// Keys are hashes already: one multiplication spreads also those that are mere counters.
#[derive(Debug, Default)]
pub(crate) struct SpreadHasher(u64);

impl Hasher for SpreadHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
    }
}

/// Makes keys; the secret is drawn once per endpoint.
pub(crate) struct Keyring {
    secret: [u8; 32],
}

/// What a key is for; keys of different kinds never meet.
#[derive(Clone, Copy)]
enum Kind {
    Server = 1,
    Rfc2543,
    Client,
    Merged,
    Dialog,
    HalfDialog,
    Tag,
    AddressOfRecord,
}

impl Keyring {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The key of the server transaction that `request` belongs to (RFC 3261 17.2.3); an ACK and a CANCEL
    /// can ask for the INVITE they mean.
    pub(crate) fn server(&self, request: &Message, method: &str) -> Key {
        let via = request.top_via();
        match via.branch().filter(|_| via.has_rfc3261_branch()) {
            Some(branch) => {
                let port = via.port.unwrap_or(0).to_be_bytes();
                self.key(Kind::Server, &[branch.as_bytes(), via.host.as_bytes(), &port, method.as_bytes()])
            }
            None => self.server_rfc2543(request, method),
        }
    }

    /// Without the magic cookie the branch proves nothing (RFC 2543): the whole of the request does. The To
    /// tag is left out, for an ACK carries one that its INVITE did not.
    fn server_rfc2543(&self, request: &Message, method: &str) -> Key {
        let via = request.top_via();
        self.key(
            Kind::Rfc2543,
            &[
                request.uri().as_bytes(),
                request.from_tag().unwrap_or_default().as_bytes(),
                request.call_id().as_bytes(),
                &request.cseq().number.to_be_bytes(),
                via.as_str().as_bytes(),
                method.as_bytes(),
            ],
        )
    }

    /// The key of our own transaction with this branch (RFC 3261 17.1.3).
    pub(crate) fn client(&self, branch: &str, method: &str) -> Key {
        self.key(Kind::Client, &[branch.as_bytes(), method.as_bytes()])
    }

    /// The same for all copies of a request that reached us by several ways (RFC 3261 8.2.2.2).
    pub(crate) fn merged(&self, request: &Message) -> Key {
        let number = request.cseq().number.to_be_bytes();
        let from_tag = request.from_tag().unwrap_or_default();
        self.key(
            Kind::Merged,
            &[
                request.call_id().as_bytes(),
                from_tag.as_bytes(),
                &number,
                request.method().as_str().as_bytes(),
            ],
        )
    }

    /// The key of a dialog (RFC 3261 12).
    pub(crate) fn dialog(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Key {
        self.key(Kind::Dialog, &[call_id.as_bytes(), local_tag.as_bytes(), remote_tag.as_bytes()])
    }

    /// The key of a call of ours whose peer has no tag yet.
    pub(crate) fn half_dialog(&self, call_id: &str, local_tag: &str) -> Key {
        self.key(Kind::HalfDialog, &[call_id.as_bytes(), local_tag.as_bytes()])
    }

    /// The To tag of an answer without state: the same for every copy of the request (RFC 3261 8.2.7).
    pub(crate) fn stateless_tag(&self, request: &Message) -> u64 {
        let via = request.top_via();
        let from_tag = request.from_tag().unwrap_or_default();
        let key = self.key(
            Kind::Tag,
            &[
                request.call_id().as_bytes(),
                from_tag.as_bytes(),
                via.branch().unwrap_or_default().as_bytes(),
                &request.cseq().number.to_be_bytes(),
            ],
        );
        key.0 as u64
    }

    /// The key of an address-of-record.
    pub(crate) fn address_of_record(&self, domain: &DomainSid, user: &str) -> Key {
        self.key(Kind::AddressOfRecord, &[domain.as_str().as_bytes(), user.as_bytes()])
    }

    fn key(&self, kind: Kind, parts: &[&[u8]]) -> Key {
        let mut mac = Blake2sMac::<U16>::new(&self.secret.into());
        mac.update(&[kind as u8]);
        for part in parts {
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part);
        }
        Key(u128::from_be_bytes(mac.finalize().into_bytes().into()))
    }
}
