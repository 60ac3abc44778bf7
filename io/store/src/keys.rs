//! API keys (contract, rest.md 3). The secret is made here, shown once, and kept only as its SHA-256: it is
//! random enough that nobody can guess what hashes to it.

use std::str::FromStr;

use ringway_model::sid::{AccountSid, KeySid};
use ringway_model::{Secret, UnixTime};
use rusqlite::params;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError, random};

const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Everything the account may.
    Main,
    /// Everything but accounts and keys.
    Standard,
    /// What it was given.
    Restricted,
}

impl KeyKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Standard => "standard",
            Self::Restricted => "restricted",
        }
    }
}

impl FromStr for KeyKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Main, Self::Standard, Self::Restricted];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its SID, the user name of Basic authentication.
    pub sid: KeySid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// What people call it.
    pub friendly_name: String,
    /// What it may do.
    pub kind: KeyKind,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// A key just made, with the only sight of its secret.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key.
    pub key: Key,
    /// Its secret, the password of Basic authentication.
    pub secret: Secret,
}

impl Store {
    /// Makes a key.
    pub fn create_key(
        &self,
        account: AccountSid,
        friendly_name: String,
        kind: KeyKind,
    ) -> Pending<NewKey, StoreError> {
        self.write(move |work| {
            let secret = random::secret_text()?;
            let sid = KeySid::from_random(work.random()?);
            let now = work.now.as_millis();
            let sql = "INSERT INTO api_keys
                (sid, account_sid, friendly_name, kind, secret_sha256, created_at, updated_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)";
            let hash = hash(&secret);
            let values =
                params![sid.as_str(), account.as_str(), friendly_name, kind.as_str(), hash, now, now];
            rows::execute(work.connection, sql, values)?;
            let (created, updated) = (work.now, work.now);
            let key = Key { sid, account_sid: account, friendly_name, kind, created, updated };
            Ok(NewKey { key, secret: Secret::new(secret) })
        })
    }

    /// A key of the account.
    pub fn key(&self, account: &AccountSid, sid: &KeySid) -> Result<Option<Key>, StoreError> {
        let values = [account.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, "api_keys", LIVE, values))
    }

    /// The account's keys, newest first.
    pub fn keys(&self, account: &AccountSid, page: &PageQuery) -> Result<Page<Key>, ListError> {
        self.read(|connection| {
            Listing::of("api_keys", "account_sid", account.as_str()).page(connection, page)
        })
    }

    /// Renames a key; `None` when there is none.
    pub fn update_key(
        &self,
        account: AccountSid,
        sid: KeySid,
        friendly_name: String,
    ) -> Pending<Option<Key>, StoreError> {
        self.write(move |work| {
            let sql = format!("UPDATE api_keys SET friendly_name = ?, updated_at = ? WHERE {LIVE}");
            let now = work.now.as_millis();
            let values = params![friendly_name, now, account.as_str(), sid.as_str()];
            rows::execute(work.connection, &sql, values)?;
            rows::find(work.connection, "api_keys", LIVE, [account.as_str(), sid.as_str()])
        })
    }

    /// Revokes a key; false when there is none.
    pub fn delete_key(&self, account: AccountSid, sid: KeySid) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = format!("UPDATE api_keys SET deleted_at = ?, secret_sha256 = x'' WHERE {LIVE}");
            let values = params![work.now.as_millis(), account.as_str(), sid.as_str()];
            Ok(rows::execute(work.connection, &sql, values)? == 1)
        })
    }

    /// The key, when `secret` is its secret.
    pub fn authenticate_key(&self, sid: &KeySid, secret: &str) -> Result<Option<Key>, StoreError> {
        let sql = format!(
            "SELECT {}, secret_sha256 FROM api_keys WHERE sid = ? AND deleted_at IS NULL",
            Key::COLUMNS
        );
        let found = self.read(|connection| {
            rows::one(connection, &sql, [sid.as_str()], |cells| {
                Ok((Key::from_cells(cells)?, cells.take::<Vec<u8>>()?))
            })
        })?;
        let right = |stored: &[u8]| bool::from(stored.ct_eq(&hash(secret)));
        Ok(found.filter(|(_, stored)| right(stored)).map(|(key, _)| key))
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl FromRow for Key {
    const COLUMNS: &'static str = "sid, account_sid, friendly_name, kind, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            friendly_name: cells.take()?,
            kind: cells.parse()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
