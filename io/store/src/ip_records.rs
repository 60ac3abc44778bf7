//! IP records: addresses of a carrier's equipment, for source IP mappings to name.

use std::net::Ipv4Addr;

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, IpRecordSid};
use rusqlite::{Connection, params};

use crate::connection_policies::DeleteUsedError;
use crate::lists;
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "ip_records";
const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// An IP record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRecord {
    /// Its SID.
    pub sid: IpRecordSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// What people call it.
    pub friendly_name: Option<String>,
    /// The address.
    pub ip_address: Ipv4Addr,
    /// How many leading bits must agree; 32 for one address.
    pub cidr_prefix_length: u8,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

impl Store {
    /// Makes a record. `cidr_prefix_length` is 1 to 32.
    pub fn create_ip_record(
        &self,
        account_sid: AccountSid,
        friendly_name: Option<String>,
        ip_address: Ipv4Addr,
        cidr_prefix_length: u8,
    ) -> Pending<IpRecord, StoreError> {
        self.write(move |work| {
            let sid = IpRecordSid::from_random(work.random()?);
            let sql =
                "INSERT INTO ip_records (sid, account_sid, friendly_name, ip_address, cidr_prefix_length,
                    created_at, updated_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
            let address = ip_address.to_string();
            let now = work.now.as_millis();
            let values =
                params![sid.as_str(), account_sid.as_str(), friendly_name, address, cidr_prefix_length, now];
            rows::execute(work.connection, sql, values)?;
            let (created, updated) = (work.now, work.now);
            Ok(IpRecord { sid, account_sid, friendly_name, ip_address, cidr_prefix_length, created, updated })
        })
    }

    /// A record of the account.
    pub fn ip_record(&self, account: &AccountSid, sid: &IpRecordSid) -> Result<Option<IpRecord>, StoreError> {
        let values = [account.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, TABLE, LIVE, values))
    }

    /// The account's records, newest first.
    pub fn ip_records(&self, account: &AccountSid, page: &PageQuery) -> Result<Page<IpRecord>, ListError> {
        self.read(|connection| Listing::of(TABLE, "account_sid", account.as_str()).page(connection, page))
    }

    /// Renames a record, when a name is given; `None` when there is no such record.
    pub fn update_ip_record(
        &self,
        account: AccountSid,
        sid: IpRecordSid,
        friendly_name: Option<String>,
    ) -> Pending<Option<IpRecord>, StoreError> {
        self.write(move |work| {
            let sql = format!(
                "UPDATE {TABLE} SET friendly_name = coalesce(?, friendly_name), updated_at = ? WHERE {LIVE}"
            );
            let values = params![friendly_name, work.now.as_millis(), account.as_str(), sid.as_str()];
            rows::execute(work.connection, &sql, values)?;
            rows::find(work.connection, TABLE, LIVE, [account.as_str(), sid.as_str()])
        })
    }

    /// Deletes a record that no mapping names; false when there is none.
    pub fn delete_ip_record(&self, account: AccountSid, sid: IpRecordSid) -> Pending<bool, DeleteUsedError> {
        self.write(move |work| {
            let named = "SELECT sid FROM source_ip_mappings WHERE ip_record_sid = ? AND account_sid = ?
                AND deleted_at IS NULL LIMIT 1";
            let values = [sid.as_str(), account.as_str()];
            if let Some(by) = rows::one(work.connection, named, values, |cells| cells.take())? {
                return Err(DeleteUsedError::InUse { by });
            }
            let sql = format!("UPDATE {TABLE} SET deleted_at = ? WHERE {LIVE}");
            let values = params![work.now.as_millis(), account.as_str(), sid.as_str()];
            Ok(rows::execute(work.connection, &sql, values)? == 1)
        })
    }
}

/// Whether the account has this record.
pub(crate) fn is_live(
    connection: &Connection,
    account: &AccountSid,
    sid: &IpRecordSid,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM {TABLE} WHERE {LIVE}");
    lists::exists(connection, &sql, &[account.as_str(), sid.as_str()])
}

impl FromRow for IpRecord {
    const COLUMNS: &'static str =
        "sid, account_sid, friendly_name, ip_address, cidr_prefix_length, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            friendly_name: cells.take()?,
            ip_address: cells.parse()?,
            cidr_prefix_length: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
