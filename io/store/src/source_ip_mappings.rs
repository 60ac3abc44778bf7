//! Source IP mappings: which domain a call is for that comes from an IP record's address and names an address
//! instead of a domain.

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, DomainSid, IpRecordSid, SourceIpMappingSid};
use rusqlite::{Connection, params};

use crate::directory::Change;
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError, domains, ip_records};

const TABLE: &str = "source_ip_mappings";
const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// A source IP mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceIpMapping {
    /// Its SID.
    pub sid: SourceIpMappingSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The addresses.
    pub ip_record_sid: IpRecordSid,
    /// The domain.
    pub sip_domain_sid: DomainSid,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// Why a mapping cannot be made or changed so.
#[derive(Debug, thiserror::Error)]
pub enum SaveSourceIpMappingError {
    /// The account has no such IP record.
    #[error("the account has no such IP record")]
    NoSuchIpRecord,
    /// The account has no such domain.
    #[error("the account has no such domain")]
    NoSuchDomain,
    /// A record leads to one domain.
    #[error("the IP record is mapped already")]
    AlreadyMapped,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a mapping.
    pub fn create_source_ip_mapping(
        &self,
        account: AccountSid,
        ip_record: IpRecordSid,
        domain: DomainSid,
    ) -> Pending<SourceIpMapping, SaveSourceIpMappingError> {
        self.write(move |work| create(work, account, ip_record, domain))
    }

    /// A mapping of the account.
    pub fn source_ip_mapping(
        &self,
        account: &AccountSid,
        sid: &SourceIpMappingSid,
    ) -> Result<Option<SourceIpMapping>, StoreError> {
        self.read(|connection| find(connection, account, sid))
    }

    /// The account's mappings, newest first.
    pub fn source_ip_mappings(
        &self,
        account: &AccountSid,
        page: &PageQuery,
    ) -> Result<Page<SourceIpMapping>, ListError> {
        self.read(|connection| Listing::of(TABLE, "account_sid", account.as_str()).page(connection, page))
    }

    /// Leads a mapping to another domain; `None` when there is no such mapping.
    pub fn update_source_ip_mapping(
        &self,
        account: AccountSid,
        sid: SourceIpMappingSid,
        domain: DomainSid,
    ) -> Pending<Option<SourceIpMapping>, SaveSourceIpMappingError> {
        self.write(move |work| {
            if find(work.connection, &account, &sid)?.is_none() {
                return Ok(None);
            }
            if !domains::is_live(work.connection, &account, &domain)? {
                return Err(SaveSourceIpMappingError::NoSuchDomain);
            }
            let sql = "UPDATE source_ip_mappings SET sip_domain_sid = ?, updated_at = ? WHERE sid = ?";
            let values = params![domain.as_str(), work.now.as_millis(), sid.as_str()];
            rows::execute(work.connection, sql, values)?;
            work.changed(Change::Sources);
            Ok(find(work.connection, &account, &sid)?)
        })
    }

    /// Deletes a mapping; false when there is none.
    pub fn delete_source_ip_mapping(
        &self,
        account: AccountSid,
        sid: SourceIpMappingSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = format!("UPDATE {TABLE} SET deleted_at = ? WHERE {LIVE}");
            let values = params![work.now.as_millis(), account.as_str(), sid.as_str()];
            let deleted = rows::execute(work.connection, &sql, values)? == 1;
            if deleted {
                work.changed(Change::Sources);
            }
            Ok(deleted)
        })
    }
}

/// Deletes the mappings that lead to a domain, because it goes.
pub(crate) fn delete_of_domain(work: &mut Work<'_>, domain: &DomainSid) -> Result<(), StoreError> {
    let sql = "UPDATE source_ip_mappings SET deleted_at = ? WHERE sip_domain_sid = ? AND deleted_at IS NULL";
    if rows::execute(work.connection, sql, params![work.now.as_millis(), domain.as_str()])? > 0 {
        work.changed(Change::Sources);
    }
    Ok(())
}

fn create(
    work: &mut Work<'_>,
    account: AccountSid,
    ip_record: IpRecordSid,
    domain: DomainSid,
) -> Result<SourceIpMapping, SaveSourceIpMappingError> {
    if !ip_records::is_live(work.connection, &account, &ip_record)? {
        return Err(SaveSourceIpMappingError::NoSuchIpRecord);
    }
    if !domains::is_live(work.connection, &account, &domain)? {
        return Err(SaveSourceIpMappingError::NoSuchDomain);
    }
    let sid = SourceIpMappingSid::from_random(work.random()?);
    let sql = "INSERT INTO source_ip_mappings (sid, account_sid, ip_record_sid, sip_domain_sid, created_at,
            updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT DO NOTHING";
    let now = work.now.as_millis();
    let values = params![sid.as_str(), account.as_str(), ip_record.as_str(), domain.as_str(), now];
    if rows::execute(work.connection, sql, values)? == 0 {
        return Err(SaveSourceIpMappingError::AlreadyMapped);
    }
    work.changed(Change::Sources);
    Ok(SourceIpMapping {
        sid,
        account_sid: account,
        ip_record_sid: ip_record,
        sip_domain_sid: domain,
        created: work.now,
        updated: work.now,
    })
}

fn find(
    connection: &Connection,
    account: &AccountSid,
    sid: &SourceIpMappingSid,
) -> Result<Option<SourceIpMapping>, StoreError> {
    rows::find(connection, TABLE, LIVE, [account.as_str(), sid.as_str()])
}

impl FromRow for SourceIpMapping {
    const COLUMNS: &'static str = "sid, account_sid, ip_record_sid, sip_domain_sid, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            ip_record_sid: cells.parse()?,
            sip_domain_sid: cells.parse()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
