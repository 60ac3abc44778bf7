//! Accounts: one root, and subaccounts below it (contract, rest.md 2 and 3).

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use ringway_model::sid::{AccountSid, DomainSid};
use ringway_model::{Secret, UnixTime};
use rusqlite::{Connection, params};
use subtle::ConstantTimeEq;

use crate::directory::Change;
use crate::page::Listing;
use crate::seal::Sealer;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::store::{DATABASE_FILE, KEY_FILE};
use crate::writer::Work;
use crate::{ListError, OpenError, Page, PageQuery, Pending, Store, StoreError, random, sqlite};

/// What a sealed primary token is bound to.
pub(crate) const TOKEN_PURPOSE: &str = "auth token";
/// What a sealed secondary token is bound to.
pub(crate) const SECONDARY_TOKEN_PURPOSE: &str = "secondary auth token";

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStatus {
    /// It may.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Closed,
}

impl AccountStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

impl FromStr for AccountStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Active, Self::Suspended, Self::Closed];
        all.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

/// An account or subaccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its SID, the user name of Basic authentication.
    pub sid: AccountSid,
    /// The root account, which owns itself.
    pub owner_account_sid: AccountSid,
    /// What people call it.
    pub friendly_name: String,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// The primary token: password of the API, key of webhook signatures.
    pub auth_token: Secret,
    /// A second token while the first is being replaced.
    pub secondary_auth_token: Option<Secret>,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

impl Account {
    /// Whether this is the account that owns the others.
    pub fn is_root(&self) -> bool {
        self.sid == self.owner_account_sid
    }

    /// Whether `token` is one of its tokens, in time that does not depend on where they differ.
    pub fn accepts_token(&self, token: &str) -> bool {
        let same = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(token.as_bytes()));
        let primary = same(&self.auth_token);
        let secondary = self.secondary_auth_token.as_ref().is_some_and(same);
        primary | secondary
    }
}

/// The root account as the operator wants it.
#[derive(Debug, Clone, Default)]
pub struct RootAccount {
    /// Its SID; made up when `None` and there is no root yet.
    pub sid: Option<AccountSid>,
    /// Its token; made up when `None` and there is no root yet, else what it has to be from now on.
    pub auth_token: Option<Secret>,
    /// Its name when it is made.
    pub friendly_name: String,
}

/// The root account, there now.
#[derive(Debug, Clone)]
pub struct EnsuredAccount {
    /// The account.
    pub account: Account,
    /// Whether it was made just now, so that its token should be shown.
    pub created: bool,
}

/// Why the root account cannot be as asked.
#[derive(Debug, thiserror::Error)]
pub enum EnsureRootAccountError {
    /// The data directory belongs to another root account.
    #[error("the data directory belongs to account {sid}")]
    AnotherRoot {
        /// That account.
        sid: AccountSid,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What of an account to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountUpdate {
    /// `FriendlyName`.
    pub friendly_name: Option<String>,
    /// `Status`.
    pub status: Option<AccountStatus>,
}

/// Why an account cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum UpdateAccountError {
    /// The root account cannot be suspended or closed: nobody could undo it.
    #[error("the root account stays active")]
    RootStatus,
    /// A closed account stays closed.
    #[error("the account is closed")]
    Closed,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which accounts of a list.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// With exactly this name.
    pub friendly_name: Option<String>,
    /// In this state.
    pub status: Option<AccountStatus>,
}

/// The root account of a data directory, whether or not a process has it open.
pub fn root_account_of(data_dir: &Path, key_file: Option<&Path>) -> Result<Option<Account>, OpenError> {
    let database = data_dir.join(DATABASE_FILE);
    if !database.exists() {
        return Ok(None);
    }
    let key_file = key_file.map_or_else(|| data_dir.join(KEY_FILE), Path::to_owned);
    let sealer = Sealer::from_file(&key_file, false)?;
    let connection = sqlite::open_reader(&database)?;
    Ok(find(&connection, &sealer, "sid = owner_account_sid", [])?)
}

impl Store {
    /// Makes the root account unless there is one; a token that is given replaces the stored one.
    pub fn ensure_root_account(&self, root: RootAccount) -> Pending<EnsuredAccount, EnsureRootAccountError> {
        self.write(move |work| ensure_root(work, root))
    }

    /// The root account, once it was made.
    pub fn root_account(&self) -> Result<Option<Account>, StoreError> {
        self.read(|connection| find(connection, &self.settings().sealer, "sid = owner_account_sid", []))
    }

    /// An account by its SID, in whatever state. Every request and every webhook needs one, so it comes out of
    /// memory.
    pub fn account(&self, sid: &AccountSid) -> Option<Arc<Account>> {
        self.directory().account(sid)
    }

    /// `owner` and its subaccounts, newest first; a subaccount has only itself.
    pub fn accounts(
        &self,
        owner: &AccountSid,
        filter: &AccountFilter,
        page: &PageQuery,
    ) -> Result<Page<Account>, ListError> {
        let theirs = "? IN (owner_account_sid, sid)".to_owned();
        let listing = Listing::matching("accounts", theirs, owner.as_str())
            .narrowed("friendly_name = ?", filter.friendly_name.clone())
            .narrowed("status = ?", filter.status.map(|status| status.as_str().to_owned()));
        let sealed: Page<SealedAccount> = self.read(|connection| listing.page(connection, page))?;
        let sealer = &self.settings().sealer;
        let rows = sealed.rows.into_iter().map(|account| account.open(sealer)).collect::<Result<_, _>>()?;
        Ok(Page { rows, page: sealed.page, size: sealed.size, has_next: sealed.has_next })
    }

    /// Makes a subaccount; `None` when there is no such owner.
    pub fn create_subaccount(
        &self,
        owner: AccountSid,
        friendly_name: String,
    ) -> Pending<Option<Account>, StoreError> {
        self.write(move |work| {
            if by_sid(work.connection, &work.settings.sealer, &owner)?.is_none() {
                return Ok(None);
            }
            let sid = AccountSid::from_random(work.random()?);
            insert(work, sid, owner, friendly_name, new_token()?).map(Some)
        })
    }

    /// Renames an account, suspends, revives or closes a subaccount; `None` when there is none.
    pub fn update_account(
        &self,
        sid: AccountSid,
        update: AccountUpdate,
    ) -> Pending<Option<Account>, UpdateAccountError> {
        self.write(move |work| update_in(work, &sid, update))
    }
}

fn ensure_root(work: &mut Work<'_>, root: RootAccount) -> Result<EnsuredAccount, EnsureRootAccountError> {
    let sealer = &work.settings.sealer;
    let Some(mut account) = find(work.connection, sealer, "sid = owner_account_sid", [])? else {
        let sid = root.sid.map_or_else(|| work.random().map(AccountSid::from_random), Ok)?;
        let token = root.auth_token.map_or_else(new_token, Ok)?;
        let account = insert(work, sid, sid, root.friendly_name, token)?;
        return Ok(EnsuredAccount { account, created: true });
    };
    if root.sid.is_some_and(|sid| sid != account.sid) {
        return Err(EnsureRootAccountError::AnotherRoot { sid: account.sid });
    }
    if let Some(token) = root.auth_token.filter(|token| *token != account.auth_token) {
        let sealed = sealer.seal(TOKEN_PURPOSE, account.sid.as_str(), token.expose().as_bytes())?;
        let sql = "UPDATE accounts SET auth_token = ?, updated_at = ? WHERE sid = ?";
        rows::execute(work.connection, sql, params![sealed, work.now.as_millis(), account.sid.as_str()])?;
        work.changed(Change::Account(account.sid));
        account.auth_token = token;
        account.updated = work.now;
    }
    Ok(EnsuredAccount { account, created: false })
}

fn insert(
    work: &mut Work<'_>,
    sid: AccountSid,
    owner: AccountSid,
    friendly_name: String,
    auth_token: Secret,
) -> Result<Account, StoreError> {
    let sealed = work.settings.sealer.seal(TOKEN_PURPOSE, sid.as_str(), auth_token.expose().as_bytes())?;
    let sql = "INSERT INTO accounts
        (sid, owner_account_sid, friendly_name, status, auth_token, created_at, updated_at)
        VALUES (?, ?, ?, 'active', ?, ?, ?)";
    let now = work.now.as_millis();
    let values = params![sid.as_str(), owner.as_str(), friendly_name, sealed, now, now];
    rows::execute(work.connection, sql, values)?;
    work.changed(Change::Account(sid));
    Ok(Account {
        sid,
        owner_account_sid: owner,
        friendly_name,
        status: AccountStatus::Active,
        auth_token,
        secondary_auth_token: None,
        created: work.now,
        updated: work.now,
    })
}

fn update_in(
    work: &mut Work<'_>,
    sid: &AccountSid,
    update: AccountUpdate,
) -> Result<Option<Account>, UpdateAccountError> {
    let Some(mut account) = by_sid(work.connection, &work.settings.sealer, sid)? else { return Ok(None) };
    let status = update.status.unwrap_or(account.status);
    if status != account.status {
        if account.is_root() {
            return Err(UpdateAccountError::RootStatus);
        }
        if account.status == AccountStatus::Closed {
            return Err(UpdateAccountError::Closed);
        }
        for domain in domains_of(work.connection, sid)? {
            work.changed(Change::Domain(domain));
        }
    }
    account.status = status;
    account.friendly_name = update.friendly_name.unwrap_or(account.friendly_name);
    account.updated = work.now;
    let sql = "UPDATE accounts SET friendly_name = ?, status = ?, updated_at = ? WHERE sid = ?";
    let values = params![account.friendly_name, status.as_str(), work.now.as_millis(), sid.as_str()];
    rows::execute(work.connection, sql, values)?;
    work.changed(Change::Account(*sid));
    Ok(Some(account))
}

fn domains_of(connection: &Connection, account: &AccountSid) -> Result<Vec<DomainSid>, StoreError> {
    let sql = "SELECT sid FROM domains WHERE account_sid = ? AND deleted_at IS NULL";
    rows::all(connection, sql, [account.as_str()], |cells| cells.parse())
}

/// A token as accounts have them: 32 hexadecimal digits.
pub(crate) fn new_token() -> Result<Secret, StoreError> {
    Ok(Secret::new(random::hex(&random::bytes::<16>()?)))
}

/// An account by its SID, in whatever state.
pub(crate) fn by_sid(
    connection: &Connection,
    sealer: &Sealer,
    sid: &AccountSid,
) -> Result<Option<Account>, StoreError> {
    find(connection, sealer, "sid = ?", [sid.as_str()])
}

fn find(
    connection: &Connection,
    sealer: &Sealer,
    condition: &str,
    params: impl rusqlite::Params,
) -> Result<Option<Account>, StoreError> {
    let sealed: Option<SealedAccount> = rows::find(connection, "accounts", condition, params)?;
    sealed.map(|account| account.open(sealer)).transpose()
}

/// A row as it lies in the database.
struct SealedAccount {
    sid: AccountSid,
    owner_account_sid: AccountSid,
    friendly_name: String,
    status: AccountStatus,
    auth_token: Vec<u8>,
    secondary_auth_token: Option<Vec<u8>>,
    created: UnixTime,
    updated: UnixTime,
}

impl FromRow for SealedAccount {
    const COLUMNS: &'static str = "sid, owner_account_sid, friendly_name, status, auth_token,
        secondary_auth_token, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            owner_account_sid: cells.parse()?,
            friendly_name: cells.take()?,
            status: cells.parse()?,
            auth_token: cells.take()?,
            secondary_auth_token: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}

impl SealedAccount {
    fn open(self, sealer: &Sealer) -> Result<Account, StoreError> {
        let sid = self.sid;
        let open = |purpose, sealed: &[u8]| {
            let plain = sealer.open(purpose, sid.as_str(), sealed)?;
            let text =
                std::str::from_utf8(&plain).map_err(|_| StoreError::Unreadable { column: "auth_token" })?;
            Ok::<_, StoreError>(Secret::new(text))
        };
        Ok(Account {
            sid,
            owner_account_sid: self.owner_account_sid,
            friendly_name: self.friendly_name,
            status: self.status,
            auth_token: open(TOKEN_PURPOSE, &self.auth_token)?,
            secondary_auth_token: self
                .secondary_auth_token
                .map(|sealed| open(SECONDARY_TOKEN_PURPOSE, &sealed))
                .transpose()?,
            created: self.created,
            updated: self.updated,
        })
    }
}
