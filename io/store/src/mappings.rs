//! Which lists guard which domain. The legacy paths and `Auth/Calls` are two doors to one set (contract,
//! rest.md 1).

use std::fmt;
use std::str::FromStr;

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CredentialListSid, DomainSid, IpAccessControlListSid};
use rusqlite::params;

use crate::directory::Change;
use crate::lists::{self, ListTable};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};
use crate::{credential_lists, domains, ip_access_control_lists};

const TABLE: &str = "mappings";
const LIVE: &str = "account_sid = ? AND domain_sid = ? AND kind = ? AND list_sid = ? AND deleted_at IS NULL";

/// What a list guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MappingKind {
    /// From where calls may come.
    CallsIpAccessControlList,
    /// Who may call.
    CallsCredentialList,
    /// Who may register.
    RegistrationsCredentialList,
}

impl MappingKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallsIpAccessControlList => "calls_ip_access_control_list",
            Self::CallsCredentialList => "calls_credential_list",
            Self::RegistrationsCredentialList => "registrations_credential_list",
        }
    }

    fn table(self) -> ListTable {
        match self {
            Self::CallsIpAccessControlList => ip_access_control_lists::TABLE,
            Self::CallsCredentialList | Self::RegistrationsCredentialList => credential_lists::TABLE,
        }
    }
}

/// A list of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListSid {
    /// `AL…`
    IpAccessControl(IpAccessControlListSid),
    /// `CL…`
    Credential(CredentialListSid),
}

impl ListSid {
    /// The 34 characters.
    pub fn as_str(&self) -> &str {
        match self {
            Self::IpAccessControl(sid) => sid.as_str(),
            Self::Credential(sid) => sid.as_str(),
        }
    }

    fn fits(&self, kind: MappingKind) -> bool {
        matches!(self, Self::IpAccessControl(_)) == (kind == MappingKind::CallsIpAccessControlList)
    }
}

impl From<IpAccessControlListSid> for ListSid {
    fn from(sid: IpAccessControlListSid) -> Self {
        Self::IpAccessControl(sid)
    }
}

impl From<CredentialListSid> for ListSid {
    fn from(sid: CredentialListSid) -> Self {
        Self::Credential(sid)
    }
}

impl FromStr for ListSid {
    type Err = ringway_model::sid::InvalidSid;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::IpAccessControl).or_else(|_| text.parse().map(Self::Credential))
    }
}

impl fmt::Display for ListSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// That a list guards a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The list; its SID is the mapping's too.
    pub list_sid: ListSid,
    /// The domain.
    pub domain_sid: DomainSid,
    /// Whose both are.
    pub account_sid: AccountSid,
    /// The list's name.
    pub friendly_name: String,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// Why a list cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub enum CreateMappingError {
    /// The account has no such list, or it is of the other kind (21231).
    #[error("there is no such list")]
    NoSuchList,
    /// It is mapped to the domain for this use already (21231).
    #[error("the list is mapped to this domain already")]
    AlreadyMapped,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Maps a list to a domain; `None` when there is no such domain.
    pub fn create_mapping(
        &self,
        account: AccountSid,
        domain: DomainSid,
        kind: MappingKind,
        list: ListSid,
    ) -> Pending<Option<Mapping>, CreateMappingError> {
        self.write(move |work| create(work, &account, &domain, kind, &list))
    }

    /// A mapping of a domain.
    pub fn mapping(
        &self,
        account: &AccountSid,
        domain: &DomainSid,
        kind: MappingKind,
        list: &ListSid,
    ) -> Result<Option<Mapping>, StoreError> {
        let values = [account.as_str(), domain.as_str(), kind.as_str(), list.as_str()];
        self.read(|connection| rows::find(connection, TABLE, LIVE, values))
    }

    /// The lists mapped to a domain for one use, newest first; `None` when there is no such domain.
    pub fn mappings(
        &self,
        account: &AccountSid,
        domain: &DomainSid,
        kind: MappingKind,
        page: &PageQuery,
    ) -> Result<Option<Page<Mapping>>, ListError> {
        self.read(|connection| {
            if !domains::is_live(connection, account, domain)? {
                return Ok(None);
            }
            let listing = Listing::of(TABLE, "domain_sid", domain.as_str())
                .owned_by("kind", kind.as_str())
                .named_by("list_sid");
            listing.page(connection, page).map(Some)
        })
    }

    /// Unmaps a list; false when it is not mapped so.
    pub fn delete_mapping(
        &self,
        account: AccountSid,
        domain: DomainSid,
        kind: MappingKind,
        list: ListSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = format!("UPDATE mappings SET deleted_at = ? WHERE {LIVE}");
            let now = work.now.as_millis();
            let values = params![now, account.as_str(), domain.as_str(), kind.as_str(), list.as_str()];
            let deleted = rows::execute(work.connection, &sql, values)? == 1;
            if deleted {
                work.changed(Change::Domain(domain));
            }
            Ok(deleted)
        })
    }
}

fn create(
    work: &mut Work<'_>,
    account: &AccountSid,
    domain: &DomainSid,
    kind: MappingKind,
    list: &ListSid,
) -> Result<Option<Mapping>, CreateMappingError> {
    if !domains::is_live(work.connection, account, domain)? {
        return Ok(None);
    }
    if !list.fits(kind) || !lists::is_live(work.connection, kind.table(), account, list.as_str())? {
        return Err(CreateMappingError::NoSuchList);
    }
    let sql = "INSERT INTO mappings (account_sid, domain_sid, kind, list_sid, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5)
        ON CONFLICT (domain_sid, kind, list_sid) DO UPDATE
            SET deleted_at = NULL, created_at = ?5, updated_at = ?5 WHERE deleted_at IS NOT NULL";
    let place = [account.as_str(), domain.as_str(), kind.as_str(), list.as_str()];
    let values = params![place[0], place[1], place[2], place[3], work.now.as_millis()];
    if rows::execute(work.connection, sql, values)? == 0 {
        return Err(CreateMappingError::AlreadyMapped);
    }
    work.changed(Change::Domain(*domain));
    Ok(rows::find(work.connection, TABLE, LIVE, place)?)
}

impl FromRow for Mapping {
    const COLUMNS: &'static str = "list_sid, domain_sid, account_sid,
        coalesce(
            (SELECT friendly_name FROM ip_access_control_lists WHERE sid = mappings.ip_access_control_list_sid),
            (SELECT friendly_name FROM credential_lists WHERE sid = mappings.credential_list_sid)),
        created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            list_sid: cells.parse()?,
            domain_sid: cells.parse()?,
            account_sid: cells.parse()?,
            friendly_name: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
