//! The addresses of an IP access control list, each with a prefix length.

use std::net::IpAddr;

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, IpAccessControlListSid, IpAddressSid};
use rusqlite::params;

use crate::directory::Change;
use crate::ip_access_control_lists::TABLE as LISTS;
use crate::lists::{self, Room, key_of};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "ip_addresses";
const LIVE: &str = "account_sid = ? AND ip_access_control_list_sid = ? AND sid = ? AND deleted_at IS NULL";

/// An address range that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpAddress {
    /// Its SID.
    pub sid: IpAddressSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The list it is in.
    pub ip_access_control_list_sid: IpAccessControlListSid,
    /// Its name, unique in the list without regard to case.
    pub friendly_name: String,
    /// The address, unique in the list.
    pub ip_address: IpAddr,
    /// How many leading bits must agree; 32 for one address.
    pub cidr_prefix_length: u8,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// An address to add.
#[derive(Debug, Clone)]
pub struct NewIpAddress {
    /// Whose list.
    pub account_sid: AccountSid,
    /// The list.
    pub ip_access_control_list_sid: IpAccessControlListSid,
    /// `FriendlyName`.
    pub friendly_name: String,
    /// `IpAddress`.
    pub ip_address: IpAddr,
    /// `CidrPrefixLength`.
    pub cidr_prefix_length: u8,
}

/// What of an address to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct IpAddressUpdate {
    /// `FriendlyName`.
    pub friendly_name: Option<String>,
    /// `IpAddress`.
    pub ip_address: Option<IpAddr>,
    /// `CidrPrefixLength`.
    pub cidr_prefix_length: Option<u8>,
}

/// Why an address cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum CreateIpAddressError {
    /// The list is full (21237).
    #[error("the list has {limit} addresses, as many as it may")]
    LimitReached {
        /// How many that is.
        limit: u32,
    },
    /// An address of the list has this name, in whatever case (21235).
    #[error("an address of the list has this friendly name already")]
    FriendlyNameTaken,
    /// The list has this address (21235).
    #[error("the list has this address already")]
    AddressTaken,
    /// The prefix is longer than the address (21238).
    #[error("the prefix is longer than the address")]
    InvalidPrefix,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an address cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum UpdateIpAddressError {
    /// An address of the list has this name, in whatever case (21235).
    #[error("an address of the list has this friendly name already")]
    FriendlyNameTaken,
    /// The list has this address (21235).
    #[error("the list has this address already")]
    AddressTaken,
    /// The prefix is longer than the address (21238).
    #[error("the prefix is longer than the address")]
    InvalidPrefix,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Adds an address; `None` when there is no such list.
    pub fn create_ip_address(&self, new: NewIpAddress) -> Pending<Option<IpAddress>, CreateIpAddressError> {
        self.write(move |work| create(work, new))
    }

    /// An address of a list.
    pub fn ip_address(
        &self,
        account: &AccountSid,
        list: &IpAccessControlListSid,
        sid: &IpAddressSid,
    ) -> Result<Option<IpAddress>, StoreError> {
        let values = [account.as_str(), list.as_str(), sid.as_str()];
        self.read(|connection| rows::find(connection, TABLE, LIVE, values))
    }

    /// The addresses of a list, newest first; `None` when there is no such list.
    pub fn ip_addresses(
        &self,
        account: &AccountSid,
        list: &IpAccessControlListSid,
        page: &PageQuery,
    ) -> Result<Option<Page<IpAddress>>, ListError> {
        self.read(|connection| {
            if !lists::is_live(connection, LISTS, account, list.as_str())? {
                return Ok(None);
            }
            let listing = Listing::of(TABLE, "ip_access_control_list_sid", list.as_str());
            listing.page(connection, page).map(Some)
        })
    }

    /// Changes an address; `None` when there is none.
    pub fn update_ip_address(
        &self,
        account: AccountSid,
        list: IpAccessControlListSid,
        sid: IpAddressSid,
        update: IpAddressUpdate,
    ) -> Pending<Option<IpAddress>, UpdateIpAddressError> {
        self.write(move |work| {
            let values = [account.as_str(), list.as_str(), sid.as_str()];
            let Some(address) = rows::find(work.connection, TABLE, LIVE, values)? else { return Ok(None) };
            apply(work, address, update).map(Some)
        })
    }

    /// Removes an address; false when there is none.
    pub fn delete_ip_address(
        &self,
        account: AccountSid,
        list: IpAccessControlListSid,
        sid: IpAddressSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = format!("UPDATE ip_addresses SET deleted_at = ? WHERE {LIVE}");
            let values = params![work.now.as_millis(), account.as_str(), list.as_str(), sid.as_str()];
            if rows::execute(work.connection, &sql, values)? == 0 {
                return Ok(false);
            }
            lists::uncount_entry(work, LISTS, list.as_str())?;
            change_gates(work, &list)?;
            Ok(true)
        })
    }
}

fn create(work: &mut Work<'_>, new: NewIpAddress) -> Result<Option<IpAddress>, CreateIpAddressError> {
    let NewIpAddress { account_sid, ip_access_control_list_sid: list, .. } = new;
    let limit = work.settings.limits.addresses_per_list;
    match lists::count_entry(work, LISTS, &account_sid, list.as_str(), limit)? {
        Room::Counted => {}
        Room::Full => return Err(CreateIpAddressError::LimitReached { limit }),
        Room::NoOwner => return Ok(None),
    }
    let address = IpAddress {
        sid: IpAddressSid::from_random(work.random()?),
        account_sid,
        ip_access_control_list_sid: list,
        friendly_name: new.friendly_name,
        ip_address: new.ip_address,
        cidr_prefix_length: new.cidr_prefix_length,
        created: work.now,
        updated: work.now,
    };
    check(work, &address).map_err(|error| match error {
        UpdateIpAddressError::FriendlyNameTaken => CreateIpAddressError::FriendlyNameTaken,
        UpdateIpAddressError::AddressTaken => CreateIpAddressError::AddressTaken,
        UpdateIpAddressError::InvalidPrefix => CreateIpAddressError::InvalidPrefix,
        UpdateIpAddressError::Store(error) => CreateIpAddressError::Store(error),
    })?;
    let sql = "INSERT INTO ip_addresses (sid, account_sid, ip_access_control_list_sid, friendly_name,
            friendly_name_key, ip_address, cidr_prefix_length, created_at, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let now = work.now.as_millis();
    let values = params![
        address.sid.as_str(),
        account_sid.as_str(),
        list.as_str(),
        address.friendly_name,
        key_of(&address.friendly_name),
        address.ip_address.to_string(),
        address.cidr_prefix_length,
        now,
        now,
    ];
    rows::execute(work.connection, sql, values)?;
    change_gates(work, &list)?;
    Ok(Some(address))
}

fn apply(
    work: &mut Work<'_>,
    mut address: IpAddress,
    update: IpAddressUpdate,
) -> Result<IpAddress, UpdateIpAddressError> {
    address.friendly_name = update.friendly_name.unwrap_or(address.friendly_name);
    address.ip_address = update.ip_address.unwrap_or(address.ip_address);
    address.cidr_prefix_length = update.cidr_prefix_length.unwrap_or(address.cidr_prefix_length);
    address.updated = work.now;
    check(work, &address)?;
    let sql = "UPDATE ip_addresses SET friendly_name = ?, friendly_name_key = ?, ip_address = ?,
        cidr_prefix_length = ?, updated_at = ? WHERE sid = ?";
    let values = params![
        address.friendly_name,
        key_of(&address.friendly_name),
        address.ip_address.to_string(),
        address.cidr_prefix_length,
        work.now.as_millis(),
        address.sid.as_str(),
    ];
    rows::execute(work.connection, sql, values)?;
    change_gates(work, &address.ip_access_control_list_sid)?;
    Ok(address)
}

/// Whether the list may hold this row beside its others.
fn check(work: &Work<'_>, address: &IpAddress) -> Result<(), UpdateIpAddressError> {
    if ipnet::IpNet::new(address.ip_address, address.cidr_prefix_length).is_err() {
        return Err(UpdateIpAddressError::InvalidPrefix);
    }
    let (list, sid) = (address.ip_access_control_list_sid.as_str(), address.sid.as_str());
    let another = |column: &str, value: &str| {
        let sql = format!(
            "SELECT 1 FROM ip_addresses
             WHERE ip_access_control_list_sid = ? AND {column} = ? AND sid <> ? AND deleted_at IS NULL"
        );
        lists::exists(work.connection, &sql, &[list, value, sid])
    };
    if another("friendly_name_key", &key_of(&address.friendly_name))? {
        return Err(UpdateIpAddressError::FriendlyNameTaken);
    }
    if another("ip_address", &address.ip_address.to_string())? {
        return Err(UpdateIpAddressError::AddressTaken);
    }
    Ok(())
}

fn change_gates(work: &mut Work<'_>, list: &IpAccessControlListSid) -> Result<(), StoreError> {
    for domain in lists::domains_using(work.connection, list.as_str())? {
        work.changed(Change::Domain(domain));
    }
    Ok(())
}

impl FromRow for IpAddress {
    const COLUMNS: &'static str = "sid, account_sid, ip_access_control_list_sid, friendly_name, ip_address,
        cidr_prefix_length, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            ip_access_control_list_sid: cells.parse()?,
            friendly_name: cells.take()?,
            ip_address: cells.parse()?,
            cidr_prefix_length: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
