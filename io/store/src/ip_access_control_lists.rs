//! IP access control lists: named sets of addresses that may call.

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, IpAccessControlListSid};
use rusqlite::params;

use crate::lists::{self, LIVE, ListTable};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::{
    CreateListError, DeleteListError, ListError, Page, PageQuery, Pending, Store, StoreError, UpdateListError,
};

pub(crate) const TABLE: ListTable =
    ListTable { name: "ip_access_control_lists", count: "ip_access_control_list_count" };

/// An IP access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpAccessControlList {
    /// Its SID.
    pub sid: IpAccessControlListSid,
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
    pub fn create_ip_access_control_list(
        &self,
        account: AccountSid,
        friendly_name: String,
    ) -> Pending<IpAccessControlList, CreateListError> {
        self.write(move |work| {
            let sid = IpAccessControlListSid::from_random(work.random()?);
            let limit = work.settings.limits.ip_access_control_lists_per_account;
            lists::insert(work, TABLE, limit, &account, sid.as_str(), &friendly_name)?;
            let (created, updated) = (work.now, work.now);
            Ok(IpAccessControlList { sid, account_sid: account, friendly_name, created, updated })
        })
    }

    /// A list of the account.
    pub fn ip_access_control_list(
        &self,
        account: &AccountSid,
        sid: &IpAccessControlListSid,
    ) -> Result<Option<IpAccessControlList>, StoreError> {
        let values = [account.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, TABLE.name, LIVE, values))
    }

    /// The account's lists, newest first.
    pub fn ip_access_control_lists(
        &self,
        account: &AccountSid,
        page: &PageQuery,
    ) -> Result<Page<IpAccessControlList>, ListError> {
        self.read(|connection| {
            Listing::of(TABLE.name, "account_sid", account.as_str()).page(connection, page)
        })
    }

    /// Renames a list; `None` when there is none.
    pub fn update_ip_access_control_list(
        &self,
        account: AccountSid,
        sid: IpAccessControlListSid,
        friendly_name: String,
    ) -> Pending<Option<IpAccessControlList>, UpdateListError> {
        self.write(move |work| {
            lists::rename(work, TABLE, &account, sid.as_str(), &friendly_name)?;
            Ok(rows::find(work.connection, TABLE.name, LIVE, [account.as_str(), sid.as_str()])?)
        })
    }

    /// Deletes a list that no domain uses, with its addresses; false when there is none.
    pub fn delete_ip_access_control_list(
        &self,
        account: AccountSid,
        sid: IpAccessControlListSid,
    ) -> Pending<bool, DeleteListError> {
        self.write(move |work| {
            if !lists::delete(work, TABLE, &account, sid.as_str())? {
                return Ok(false);
            }
            let sql = "UPDATE ip_addresses SET deleted_at = ?
                WHERE ip_access_control_list_sid = ? AND deleted_at IS NULL";
            rows::execute(work.connection, sql, params![work.now.as_millis(), sid.as_str()])?;
            Ok(true)
        })
    }
}

impl FromRow for IpAccessControlList {
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
