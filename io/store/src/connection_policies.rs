//! Connection policies: where calls that leave through a trunk may go.

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, ConnectionPolicySid};
use rusqlite::params;

use crate::lists::{self, LIVE, ListTable, Room};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

pub(crate) const TABLE: ListTable =
    ListTable { name: "connection_policies", count: "connection_policy_count" };

/// A connection policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionPolicy {
    /// Its SID.
    pub sid: ConnectionPolicySid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// What people call it; need not be unique.
    pub friendly_name: Option<String>,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// Why a policy cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateConnectionPolicyError {
    /// The account has as many as it may (21253).
    #[error("the account has {limit} connection policies, as many as it may")]
    LimitReached {
        /// How many that is.
        limit: u32,
    },
    /// There is no such account.
    #[error("there is no such account")]
    NoSuchAccount,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a row that others name cannot be deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteUsedError {
    /// Something still names it.
    #[error("it is in use by {by}")]
    InUse {
        /// The SID of one that names it.
        by: String,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a policy without targets.
    pub fn create_connection_policy(
        &self,
        account: AccountSid,
        friendly_name: Option<String>,
    ) -> Pending<ConnectionPolicy, CreateConnectionPolicyError> {
        self.write(move |work| create(work, account, friendly_name))
    }

    /// A policy of the account.
    pub fn connection_policy(
        &self,
        account: &AccountSid,
        sid: &ConnectionPolicySid,
    ) -> Result<Option<ConnectionPolicy>, StoreError> {
        let values = [account.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, TABLE.name, LIVE, values))
    }

    /// The account's policies, newest first.
    pub fn connection_policies(
        &self,
        account: &AccountSid,
        page: &PageQuery,
    ) -> Result<Page<ConnectionPolicy>, ListError> {
        self.read(|connection| {
            Listing::of(TABLE.name, "account_sid", account.as_str()).page(connection, page)
        })
    }

    /// Renames a policy, when a name is given; `None` when there is no such policy.
    pub fn update_connection_policy(
        &self,
        account: AccountSid,
        sid: ConnectionPolicySid,
        friendly_name: Option<String>,
    ) -> Pending<Option<ConnectionPolicy>, StoreError> {
        self.write(move |work| {
            let sql = format!(
                "UPDATE connection_policies SET friendly_name = coalesce(?, friendly_name), updated_at = ?
                 WHERE {LIVE}"
            );
            let values = params![friendly_name, work.now.as_millis(), account.as_str(), sid.as_str()];
            rows::execute(work.connection, &sql, values)?;
            rows::find(work.connection, TABLE.name, LIVE, [account.as_str(), sid.as_str()])
        })
    }

    /// Deletes a policy that no trunk uses, with its targets; false when there is none.
    pub fn delete_connection_policy(
        &self,
        account: AccountSid,
        sid: ConnectionPolicySid,
    ) -> Pending<bool, DeleteUsedError> {
        self.write(move |work| delete(work, &account, &sid))
    }
}

fn create(
    work: &mut Work<'_>,
    account_sid: AccountSid,
    friendly_name: Option<String>,
) -> Result<ConnectionPolicy, CreateConnectionPolicyError> {
    let limit = work.settings.limits.connection_policies_per_account;
    match lists::count_in_account(work, &account_sid, TABLE.count, limit)? {
        Room::Counted => {}
        Room::Full => return Err(CreateConnectionPolicyError::LimitReached { limit }),
        Room::NoOwner => return Err(CreateConnectionPolicyError::NoSuchAccount),
    }
    let sid = ConnectionPolicySid::from_random(work.random()?);
    let sql = "INSERT INTO connection_policies (sid, account_sid, friendly_name, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?4)";
    let values = params![sid.as_str(), account_sid.as_str(), friendly_name, work.now.as_millis()];
    rows::execute(work.connection, sql, values)?;
    Ok(ConnectionPolicy { sid, account_sid, friendly_name, created: work.now, updated: work.now })
}

fn delete(
    work: &mut Work<'_>,
    account: &AccountSid,
    sid: &ConnectionPolicySid,
) -> Result<bool, DeleteUsedError> {
    if !lists::is_live(work.connection, TABLE, account, sid.as_str())? {
        return Ok(false);
    }
    let users = "SELECT sid FROM byoc_trunks WHERE connection_policy_sid = ? AND deleted_at IS NULL LIMIT 1";
    if let Some(by) = rows::one(work.connection, users, [sid.as_str()], |cells| cells.take())? {
        return Err(DeleteUsedError::InUse { by });
    }
    let now = work.now.as_millis();
    let targets = "UPDATE connection_policy_targets SET deleted_at = ?
        WHERE connection_policy_sid = ? AND deleted_at IS NULL";
    rows::execute(work.connection, targets, params![now, sid.as_str()])?;
    let policy = "UPDATE connection_policies SET deleted_at = ?, entry_count = 0 WHERE sid = ?";
    rows::execute(work.connection, policy, params![now, sid.as_str()])?;
    lists::uncount_in_account(work, account, TABLE.count)?;
    Ok(true)
}

impl FromRow for ConnectionPolicy {
    const COLUMNS: &'static str = "sid, account_sid, friendly_name, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            friendly_name: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
