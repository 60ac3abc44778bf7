//! What IP access control lists and credential lists have in common: a name that is unique in the account, a
//! limit, entries, and that they cannot go while a domain uses them.

use ringway_model::sid::{AccountSid, DomainSid};
use rusqlite::{Connection, params};

use crate::StoreError;
use crate::sqlite::rows;
use crate::writer::Work;

/// Why a list cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateListError {
    /// The account has as many lists of this kind as it may (21255, 21239).
    #[error("the account has {limit} lists of this kind, as many as it may")]
    LimitReached {
        /// How many that is.
        limit: u32,
    },
    /// There is no such account.
    #[error("there is no such account")]
    NoSuchAccount,
    /// A list of this kind has this name, in whatever case (21235, 21240).
    #[error("a list of this kind has this friendly name already")]
    FriendlyNameTaken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a list cannot be renamed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateListError {
    /// A list of this kind has this name, in whatever case (21235, 21240).
    #[error("a list of this kind has this friendly name already")]
    FriendlyNameTaken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a list cannot be deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteListError {
    /// A domain uses it (21236, 21241).
    #[error("the list is mapped to a domain")]
    Mapped,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table of one kind of list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListTable {
    /// Its name.
    pub(crate) name: &'static str,
    /// The column of `accounts` that counts its live rows.
    pub(crate) count: &'static str,
}

/// A live row of a list table.
pub(crate) const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// Whether one more fits.
pub(crate) enum Room {
    /// It does, and was counted.
    Counted,
    /// As many as there may be.
    Full,
    /// What it would belong to does not exist.
    NoOwner,
}

/// Counts one more row of the account, if the limit allows.
pub(crate) fn count_in_account(
    work: &Work<'_>,
    account: &AccountSid,
    count: &str,
    limit: u32,
) -> Result<Room, StoreError> {
    let sql = format!("UPDATE accounts SET {count} = {count} + 1 WHERE sid = ? AND {count} < ?");
    if rows::execute(work.connection, &sql, params![account.as_str(), limit])? == 1 {
        return Ok(Room::Counted);
    }
    let exists = exists(work.connection, "SELECT 1 FROM accounts WHERE sid = ?", &[account.as_str()])?;
    Ok(if exists { Room::Full } else { Room::NoOwner })
}

/// One row of the account fewer.
pub(crate) fn uncount_in_account(
    work: &Work<'_>,
    account: &AccountSid,
    count: &str,
) -> Result<(), StoreError> {
    let sql = format!("UPDATE accounts SET {count} = {count} - 1 WHERE sid = ?");
    rows::execute(work.connection, &sql, [account.as_str()]).map(drop)
}

/// Counts one more entry of a live list, if the limit allows.
pub(crate) fn count_entry(
    work: &Work<'_>,
    table: ListTable,
    account: &AccountSid,
    list: &str,
    limit: u32,
) -> Result<Room, StoreError> {
    let name = table.name;
    let sql = format!("UPDATE {name} SET entry_count = entry_count + 1 WHERE {LIVE} AND entry_count < ?");
    if rows::execute(work.connection, &sql, params![account.as_str(), list, limit])? == 1 {
        return Ok(Room::Counted);
    }
    Ok(if is_live(work.connection, table, account, list)? { Room::Full } else { Room::NoOwner })
}

/// One entry fewer.
pub(crate) fn uncount_entry(work: &Work<'_>, table: ListTable, list: &str) -> Result<(), StoreError> {
    let sql = format!("UPDATE {} SET entry_count = entry_count - 1 WHERE sid = ?", table.name);
    rows::execute(work.connection, &sql, [list]).map(drop)
}

/// Whether the account has this list.
pub(crate) fn is_live(
    connection: &Connection,
    table: ListTable,
    account: &AccountSid,
    list: &str,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM {} WHERE {LIVE}", table.name);
    exists(connection, &sql, &[account.as_str(), list])
}

/// Whether the statement yields a row.
pub(crate) fn exists(connection: &Connection, sql: &str, values: &[&str]) -> Result<bool, StoreError> {
    let values = rusqlite::params_from_iter(values);
    Ok(rows::one(connection, sql, values, |cells| cells.take::<i64>())?.is_some())
}

/// The form of a name by which it is unique.
pub(crate) fn key_of(name: &str) -> String {
    name.to_lowercase()
}

pub(crate) fn insert(
    work: &Work<'_>,
    table: ListTable,
    limit: u32,
    account: &AccountSid,
    sid: &str,
    friendly_name: &str,
) -> Result<(), CreateListError> {
    match count_in_account(work, account, table.count, limit)? {
        Room::Counted => {}
        Room::Full => return Err(CreateListError::LimitReached { limit }),
        Room::NoOwner => return Err(CreateListError::NoSuchAccount),
    }
    let sql = format!(
        "INSERT INTO {} (sid, account_sid, friendly_name, friendly_name_key, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        table.name
    );
    let now = work.now.as_millis();
    let values = params![sid, account.as_str(), friendly_name, key_of(friendly_name), now, now];
    match rows::execute(work.connection, &sql, values)? {
        0 => Err(CreateListError::FriendlyNameTaken),
        _ => Ok(()),
    }
}

/// False when there is no such list.
pub(crate) fn rename(
    work: &Work<'_>,
    table: ListTable,
    account: &AccountSid,
    sid: &str,
    friendly_name: &str,
) -> Result<bool, UpdateListError> {
    let key = key_of(friendly_name);
    let taken = format!(
        "SELECT 1 FROM {} WHERE account_sid = ? AND friendly_name_key = ? AND sid <> ? AND deleted_at IS NULL",
        table.name
    );
    if !is_live(work.connection, table, account, sid)? {
        return Ok(false);
    }
    if exists(work.connection, &taken, &[account.as_str(), &key, sid])? {
        return Err(UpdateListError::FriendlyNameTaken);
    }
    let sql = format!(
        "UPDATE {} SET friendly_name = ?, friendly_name_key = ?, updated_at = ? WHERE {LIVE}",
        table.name
    );
    let values = params![friendly_name, key, work.now.as_millis(), account.as_str(), sid];
    Ok(rows::execute(work.connection, &sql, values)? == 1)
}

/// False when there is no such list. Its entries are the caller's to delete.
pub(crate) fn delete(
    work: &Work<'_>,
    table: ListTable,
    account: &AccountSid,
    sid: &str,
) -> Result<bool, DeleteListError> {
    if !is_live(work.connection, table, account, sid)? {
        return Ok(false);
    }
    let mapped = "SELECT 1 FROM mappings WHERE list_sid = ? AND deleted_at IS NULL LIMIT 1";
    if exists(work.connection, mapped, &[sid])? {
        return Err(DeleteListError::Mapped);
    }
    let sql = format!("UPDATE {} SET deleted_at = ?, entry_count = 0 WHERE {LIVE}", table.name);
    rows::execute(work.connection, &sql, params![work.now.as_millis(), account.as_str(), sid])?;
    uncount_in_account(work, account, table.count)?;
    Ok(true)
}

/// The domains that use a list, in whatever way.
pub(crate) fn domains_using(connection: &Connection, list: &str) -> Result<Vec<DomainSid>, StoreError> {
    let sql = "SELECT DISTINCT domain_sid FROM mappings WHERE list_sid = ? AND deleted_at IS NULL";
    rows::all(connection, sql, [list], |cells| cells.parse())
}
