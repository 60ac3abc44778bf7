//! The user names of a credential list. Passwords never come this far: only their digest hashes do, and those
//! are sealed.

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CredentialListSid, CredentialSid};
use ringway_sip::digest::DigestHashes;
use rusqlite::params;
use zeroize::Zeroizing;

use crate::credential_lists::TABLE as LISTS;
use crate::directory::Change;
use crate::lists::{self, Room, key_of};
use crate::page::Listing;
use crate::seal::Sealer;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "credentials";
const LIVE: &str = "account_sid = ? AND credential_list_sid = ? AND sid = ? AND deleted_at IS NULL";
const PURPOSE: &str = "digest hashes";

/// A user name with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its SID.
    pub sid: CredentialSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The list it is in.
    pub credential_list_sid: CredentialListSid,
    /// The user name, unique in the list without regard to case; phones must write it as it is here.
    pub username: String,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// A credential to add.
#[derive(Clone)]
pub struct NewCredential {
    /// Whose list.
    pub account_sid: AccountSid,
    /// The list.
    pub credential_list_sid: CredentialListSid,
    /// `Username`.
    pub username: String,
    /// Of the user name, [`Store::realm`] and the password.
    pub hashes: DigestHashes,
}

impl std::fmt::Debug for NewCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewCredential({} in {})", self.username, self.credential_list_sid)
    }
}

/// Why a credential cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum CreateCredentialError {
    /// The list is full (21242).
    #[error("the list has {limit} credentials, as many as it may")]
    LimitReached {
        /// How many that is.
        limit: u32,
    },
    /// The list has this user name, in whatever case (21243).
    #[error("the list has this user name already")]
    UsernameTaken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Adds a credential; `None` when there is no such list.
    pub fn create_credential(
        &self,
        new: NewCredential,
    ) -> Pending<Option<Credential>, CreateCredentialError> {
        self.write(move |work| create(work, new))
    }

    /// A credential of a list.
    pub fn credential(
        &self,
        account: &AccountSid,
        list: &CredentialListSid,
        sid: &CredentialSid,
    ) -> Result<Option<Credential>, StoreError> {
        let values = [account.as_str(), list.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, TABLE, LIVE, values))
    }

    /// The credentials of a list, newest first; `None` when there is no such list.
    pub fn credentials(
        &self,
        account: &AccountSid,
        list: &CredentialListSid,
        page: &PageQuery,
    ) -> Result<Option<Page<Credential>>, ListError> {
        self.read(|connection| {
            if !lists::is_live(connection, LISTS, account, list.as_str())? {
                return Ok(None);
            }
            Listing::of(TABLE, "credential_list_sid", list.as_str()).page(connection, page).map(Some)
        })
    }

    /// Replaces the password; `None` when there is no such credential.
    pub fn update_credential(
        &self,
        account: AccountSid,
        list: CredentialListSid,
        sid: CredentialSid,
        hashes: DigestHashes,
    ) -> Pending<Option<Credential>, StoreError> {
        self.write(move |work| {
            let sealed = seal_hashes(&work.settings.sealer, sid.as_str(), &hashes)?;
            let sql = format!("UPDATE credentials SET hashes = ?, realm = ?, updated_at = ? WHERE {LIVE}");
            let (now, realm) = (work.now.as_millis(), &work.settings.realm);
            let place = [account.as_str(), list.as_str(), sid.as_str()];
            rows::execute(work.connection, &sql, params![sealed, realm, now, place[0], place[1], place[2]])?;
            let credential: Option<Credential> = rows::find(work.connection, TABLE, LIVE, place)?;
            if let Some(credential) = &credential {
                work.changed(Change::User(account, credential.username.clone()));
            }
            Ok(credential)
        })
    }

    /// Revokes a credential; false when there is none.
    pub fn delete_credential(
        &self,
        account: AccountSid,
        list: CredentialListSid,
        sid: CredentialSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = format!(
                "UPDATE credentials SET deleted_at = ?, hashes = NULL WHERE {LIVE} RETURNING username"
            );
            let values = params![work.now.as_millis(), account.as_str(), list.as_str(), sid.as_str()];
            let Some(user) = rows::one(work.connection, &sql, values, |cells| cells.take())? else {
                return Ok(false);
            };
            lists::uncount_entry(work, LISTS, list.as_str())?;
            work.changed(Change::User(account, user));
            Ok(true)
        })
    }
}

fn create(work: &mut Work<'_>, new: NewCredential) -> Result<Option<Credential>, CreateCredentialError> {
    let NewCredential { account_sid, credential_list_sid: list, username, hashes } = new;
    let limit = work.settings.limits.credentials_per_list;
    match lists::count_entry(work, LISTS, &account_sid, list.as_str(), limit)? {
        Room::Counted => {}
        Room::Full => return Err(CreateCredentialError::LimitReached { limit }),
        Room::NoOwner => return Ok(None),
    }
    let sid = CredentialSid::from_random(work.random()?);
    let sealed = seal_hashes(&work.settings.sealer, sid.as_str(), &hashes)?;
    let sql = "INSERT INTO credentials (sid, account_sid, credential_list_sid, username, username_key, realm,
            hashes, created_at, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let now = work.now.as_millis();
    let values = params![
        sid.as_str(),
        account_sid.as_str(),
        list.as_str(),
        username,
        key_of(&username),
        work.settings.realm,
        sealed,
        now,
        now,
    ];
    if rows::execute(work.connection, sql, values)? == 0 {
        return Err(CreateCredentialError::UsernameTaken);
    }
    work.changed(Change::User(account_sid, username.clone()));
    let (created, updated) = (work.now, work.now);
    Ok(Some(Credential { sid, account_sid, credential_list_sid: list, username, created, updated }))
}

fn seal_hashes(sealer: &Sealer, sid: &str, hashes: &DigestHashes) -> Result<Vec<u8>, StoreError> {
    let plain = Zeroizing::new([&hashes.md5[..], &hashes.sha256, &hashes.sha512_256].concat());
    sealer.seal(PURPOSE, sid, &plain)
}

/// The hashes of a credential again.
pub(crate) fn open_hashes(sealer: &Sealer, sid: &str, sealed: &[u8]) -> Result<DigestHashes, StoreError> {
    let plain = sealer.open(PURPOSE, sid, sealed)?;
    let split = plain.split_first_chunk().and_then(|(md5, rest)| {
        let (sha256, rest) = rest.split_first_chunk()?;
        let sha512_256 = rest.try_into().ok()?;
        Some(DigestHashes { md5: *md5, sha256: *sha256, sha512_256 })
    });
    split.ok_or(StoreError::Unreadable { column: "hashes" })
}

impl FromRow for Credential {
    const COLUMNS: &'static str = "sid, account_sid, credential_list_sid, username, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            credential_list_sid: cells.parse()?,
            username: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
