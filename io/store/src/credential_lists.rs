//! Credential lists: named sets of user names and passwords.

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CredentialListSid};
use rusqlite::params;

use crate::directory::Change;
use crate::lists::{self, LIVE, ListTable};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{
    CreateListError, DeleteListError, ListError, Page, PageQuery, Pending, Store, StoreError, UpdateListError,
};

pub(crate) const TABLE: ListTable = ListTable { name: "credential_lists", count: "credential_list_count" };

/// A credential list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialList {
    /// Its SID.
    pub sid: CredentialListSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// Its name, unique in the account without regard to case.
    pub friendly_name: String,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

impl Store {
    /// Makes an empty list.
    pub fn create_credential_list(
        &self,
        account: AccountSid,
        friendly_name: String,
    ) -> Pending<CredentialList, CreateListError> {
        self.write(move |work| {
            let sid = CredentialListSid::from_random(work.random()?);
            let limit = work.settings.limits.credential_lists_per_account;
            lists::insert(work, TABLE, limit, &account, sid.as_str(), &friendly_name)?;
            let (created, updated) = (work.now, work.now);
            Ok(CredentialList { sid, account_sid: account, friendly_name, created, updated })
        })
    }

    /// A list of the account.
    pub fn credential_list(
        &self,
        account: &AccountSid,
        sid: &CredentialListSid,
    ) -> Result<Option<CredentialList>, StoreError> {
        let values = [account.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, TABLE.name, LIVE, values))
    }

    /// The account's lists, newest first.
    pub fn credential_lists(
        &self,
        account: &AccountSid,
        page: &PageQuery,
    ) -> Result<Page<CredentialList>, ListError> {
        self.read(|connection| {
            Listing::of(TABLE.name, "account_sid", account.as_str()).page(connection, page)
        })
    }

    /// Renames a list; `None` when there is none.
    pub fn update_credential_list(
        &self,
        account: AccountSid,
        sid: CredentialListSid,
        friendly_name: String,
    ) -> Pending<Option<CredentialList>, UpdateListError> {
        self.write(move |work| {
            lists::rename(work, TABLE, &account, sid.as_str(), &friendly_name)?;
            Ok(rows::find(work.connection, TABLE.name, LIVE, [account.as_str(), sid.as_str()])?)
        })
    }

    /// Deletes a list that no domain uses, with its credentials; false when there is none.
    pub fn delete_credential_list(
        &self,
        account: AccountSid,
        sid: CredentialListSid,
    ) -> Pending<bool, DeleteListError> {
        self.write(move |work| {
            if !lists::delete(work, TABLE, &account, sid.as_str())? {
                return Ok(false);
            }
            delete_credentials(work, &account, &sid)?;
            Ok(true)
        })
    }
}

fn delete_credentials(
    work: &mut Work<'_>,
    account: &AccountSid,
    list: &CredentialListSid,
) -> Result<(), StoreError> {
    let users = "SELECT username FROM credentials WHERE credential_list_sid = ? AND deleted_at IS NULL";
    for user in rows::all(work.connection, users, [list.as_str()], |cells| cells.take())? {
        work.changed(Change::User(*account, user));
    }
    let sql = "UPDATE credentials SET deleted_at = ?, hashes = NULL
        WHERE credential_list_sid = ? AND deleted_at IS NULL";
    rows::execute(work.connection, sql, params![work.now.as_millis(), list.as_str()]).map(drop)
}

impl FromRow for CredentialList {
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
