//! The targets of a connection policy: SIP URIs of a carrier, tried by priority and weight.

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, ConnectionPolicySid, ConnectionPolicyTargetSid};
use rusqlite::{Connection, params};

use crate::connection_policies::TABLE as POLICIES;
use crate::lists::{self, Room};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "connection_policy_targets";
const LIVE: &str = "account_sid = ? AND connection_policy_sid = ? AND sid = ? AND deleted_at IS NULL";

/// A target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionPolicyTarget {
    /// Its SID.
    pub sid: ConnectionPolicyTargetSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The policy it belongs to.
    pub connection_policy_sid: ConnectionPolicySid,
    /// What people call it.
    pub friendly_name: Option<String>,
    /// A `sip:` URI.
    pub target: String,
    /// Lower is tried first.
    pub priority: u16,
    /// Its share among those of equal priority, 1 or more.
    pub weight: u16,
    /// Whether it is tried at all.
    pub enabled: bool,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// A target to add; the fields are those of [`ConnectionPolicyTarget`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "they are those of ConnectionPolicyTarget")]
pub struct NewConnectionPolicyTarget {
    pub account_sid: AccountSid,
    pub connection_policy_sid: ConnectionPolicySid,
    pub friendly_name: Option<String>,
    pub target: String,
    pub priority: u16,
    pub weight: u16,
    pub enabled: bool,
}

/// What of a target to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of ConnectionPolicyTarget")]
pub struct ConnectionPolicyTargetUpdate {
    pub friendly_name: Option<String>,
    pub target: Option<String>,
    pub priority: Option<u16>,
    pub weight: Option<u16>,
    pub enabled: Option<bool>,
}

/// Why a target cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum CreateTargetError {
    /// The policy is full (21254).
    #[error("the policy has {limit} targets, as many as it may")]
    LimitReached {
        /// How many that is.
        limit: u32,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Adds a target; `None` when there is no such policy.
    pub fn create_connection_policy_target(
        &self,
        new: NewConnectionPolicyTarget,
    ) -> Pending<Option<ConnectionPolicyTarget>, CreateTargetError> {
        self.write(move |work| create(work, new))
    }

    /// A target of a policy of the account.
    pub fn connection_policy_target(
        &self,
        account: &AccountSid,
        policy: &ConnectionPolicySid,
        sid: &ConnectionPolicyTargetSid,
    ) -> Result<Option<ConnectionPolicyTarget>, StoreError> {
        self.read(|connection| find(connection, account, policy, sid))
    }

    /// A policy's targets, newest first; `None` when there is no such policy.
    pub fn connection_policy_targets(
        &self,
        account: &AccountSid,
        policy: &ConnectionPolicySid,
        page: &PageQuery,
    ) -> Result<Option<Page<ConnectionPolicyTarget>>, ListError> {
        self.read(|connection| {
            if !lists::is_live(connection, POLICIES, account, policy.as_str())? {
                return Ok(None);
            }
            let listing = Listing::of(TABLE, "connection_policy_sid", policy.as_str());
            listing.page(connection, page).map(Some)
        })
    }

    /// Changes a target; `None` when there is none.
    pub fn update_connection_policy_target(
        &self,
        account: AccountSid,
        policy: ConnectionPolicySid,
        sid: ConnectionPolicyTargetSid,
        update: ConnectionPolicyTargetUpdate,
    ) -> Pending<Option<ConnectionPolicyTarget>, StoreError> {
        self.write(move |work| {
            let sql = format!(
                "UPDATE {TABLE} SET friendly_name = coalesce(?, friendly_name), target = coalesce(?, target),
                    priority = coalesce(?, priority), weight = coalesce(?, weight),
                    enabled = coalesce(?, enabled), updated_at = ?
                 WHERE {LIVE}"
            );
            let values = params![
                update.friendly_name,
                update.target,
                update.priority,
                update.weight,
                update.enabled,
                work.now.as_millis(),
                account.as_str(),
                policy.as_str(),
                sid.as_str()
            ];
            rows::execute(work.connection, &sql, values)?;
            find(work.connection, &account, &policy, &sid)
        })
    }

    /// Deletes a target; false when there is none.
    pub fn delete_connection_policy_target(
        &self,
        account: AccountSid,
        policy: ConnectionPolicySid,
        sid: ConnectionPolicyTargetSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = format!("UPDATE {TABLE} SET deleted_at = ? WHERE {LIVE}");
            let values = params![work.now.as_millis(), account.as_str(), policy.as_str(), sid.as_str()];
            let deleted = rows::execute(work.connection, &sql, values)? == 1;
            if deleted {
                lists::uncount_entry(work, POLICIES, policy.as_str())?;
            }
            Ok(deleted)
        })
    }
}

fn find(
    connection: &Connection,
    account: &AccountSid,
    policy: &ConnectionPolicySid,
    sid: &ConnectionPolicyTargetSid,
) -> Result<Option<ConnectionPolicyTarget>, StoreError> {
    rows::find(connection, TABLE, LIVE, [account.as_str(), policy.as_str(), sid.as_str()])
}

fn create(
    work: &mut Work<'_>,
    new: NewConnectionPolicyTarget,
) -> Result<Option<ConnectionPolicyTarget>, CreateTargetError> {
    let limit = work.settings.limits.targets_per_connection_policy;
    match lists::count_entry(work, POLICIES, &new.account_sid, new.connection_policy_sid.as_str(), limit)? {
        Room::Counted => {}
        Room::Full => return Err(CreateTargetError::LimitReached { limit }),
        Room::NoOwner => return Ok(None),
    }
    let sid = ConnectionPolicyTargetSid::from_random(work.random()?);
    let sql = "INSERT INTO connection_policy_targets (sid, account_sid, connection_policy_sid, friendly_name,
            target, priority, weight, enabled, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)";
    let values = params![
        sid.as_str(),
        new.account_sid.as_str(),
        new.connection_policy_sid.as_str(),
        new.friendly_name,
        new.target,
        new.priority,
        new.weight,
        new.enabled,
        work.now.as_millis()
    ];
    rows::execute(work.connection, sql, values)?;
    Ok(find(work.connection, &new.account_sid, &new.connection_policy_sid, &sid)?)
}

impl FromRow for ConnectionPolicyTarget {
    const COLUMNS: &'static str = "sid, account_sid, connection_policy_sid, friendly_name, target, priority,
        weight, enabled, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            connection_policy_sid: cells.parse()?,
            friendly_name: cells.take()?,
            target: cells.take()?,
            priority: cells.take()?,
            weight: cells.take()?,
            enabled: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
