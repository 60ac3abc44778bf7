//! SIP domains (contract, rest.md 1 and 4).

use ringway_call::HttpMethod;
use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, ByocTrunkSid, DomainSid, PhoneNumberSid};
use rusqlite::{Connection, named_params, params};

use crate::directory::Change;
use crate::domain_names::{NameError, place};
use crate::incoming_phone_numbers;
use crate::lists::{self, Room};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError, byoc_trunks, source_ip_mappings};

const TABLE: &str = "domains";
const COUNT: &str = "domain_count";
const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// What is mapped for calls; `auth_type` is written from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthTypes {
    /// An IP access control list: `IP_ACL`.
    pub ip_access_control_list: bool,
    /// A credential list: `CREDENTIAL_LIST`.
    pub credential_list: bool,
}

/// A SIP domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its SID.
    pub sid: DomainSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// Its name in lower case, unique everywhere.
    pub domain_name: String,
    /// What people call it.
    pub friendly_name: Option<String>,
    /// The application; `None` when unset, never empty.
    pub voice_url: Option<String>,
    /// How it is asked.
    pub voice_method: HttpMethod,
    /// Asked instead when that fails.
    pub voice_fallback_url: Option<String>,
    /// How.
    pub voice_fallback_method: HttpMethod,
    /// Told when a call is over.
    pub voice_status_callback_url: Option<String>,
    /// How.
    pub voice_status_callback_method: HttpMethod,
    /// Phones may register.
    pub sip_registration: bool,
    /// Emergency numbers are emergency numbers here.
    pub emergency_calling_enabled: bool,
    /// TLS and SRTP demanded.
    pub secure: bool,
    /// The trunk it belongs to.
    pub byoc_trunk_sid: Option<ByocTrunkSid>,
    /// The number shown in emergency calls.
    pub emergency_caller_sid: Option<PhoneNumberSid>,
    /// What guards its calls.
    pub auth: AuthTypes,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// A domain to make; the fields are those of [`Domain`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "they are those of Domain")]
pub struct NewDomain {
    pub account_sid: AccountSid,
    pub domain_name: String,
    pub friendly_name: Option<String>,
    pub voice_url: Option<String>,
    pub voice_method: HttpMethod,
    pub voice_fallback_url: Option<String>,
    pub voice_fallback_method: HttpMethod,
    pub voice_status_callback_url: Option<String>,
    pub voice_status_callback_method: HttpMethod,
    pub sip_registration: bool,
    pub emergency_calling_enabled: bool,
    pub secure: bool,
    pub byoc_trunk_sid: Option<ByocTrunkSid>,
    pub emergency_caller_sid: Option<PhoneNumberSid>,
}

impl NewDomain {
    /// A bare domain: no URLs, every method `POST`, every switch off.
    pub fn named(account_sid: AccountSid, domain_name: impl Into<String>) -> Self {
        Self {
            account_sid,
            domain_name: domain_name.into(),
            friendly_name: None,
            voice_url: None,
            voice_method: HttpMethod::Post,
            voice_fallback_url: None,
            voice_fallback_method: HttpMethod::Post,
            voice_status_callback_url: None,
            voice_status_callback_method: HttpMethod::Post,
            sip_registration: false,
            emergency_calling_enabled: false,
            secure: false,
            byoc_trunk_sid: None,
            emergency_caller_sid: None,
        }
    }
}

/// What of a domain to change. `None` leaves a field as it is; `Some(None)` clears one that may be unset.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of Domain")]
pub struct DomainUpdate {
    pub domain_name: Option<String>,
    pub friendly_name: Option<Option<String>>,
    pub voice_url: Option<Option<String>>,
    pub voice_method: Option<HttpMethod>,
    pub voice_fallback_url: Option<Option<String>>,
    pub voice_fallback_method: Option<HttpMethod>,
    pub voice_status_callback_url: Option<Option<String>>,
    pub voice_status_callback_method: Option<HttpMethod>,
    pub sip_registration: Option<bool>,
    pub emergency_calling_enabled: Option<bool>,
    pub secure: Option<bool>,
    pub byoc_trunk_sid: Option<Option<ByocTrunkSid>>,
    pub emergency_caller_sid: Option<Option<PhoneNumberSid>>,
}

/// Why a domain cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateDomainError {
    /// The account has as many domains as it may (21230).
    #[error("the account has {limit} domains, as many as it may")]
    LimitReached {
        /// How many that is.
        limit: u32,
    },
    /// There is no such account.
    #[error("there is no such account")]
    NoSuchAccount,
    /// The account has no such number with an emergency address (22221).
    #[error("the account has no such number with an emergency address")]
    NoEmergencyCaller,
    /// Some account has a domain of this name (21232).
    #[error("the domain name is in use")]
    NameTaken,
    /// It ends in none of the suffixes served here (21232).
    #[error("the domain name ends in none of the suffixes served here")]
    OutsideSuffixes,
    /// A subdomain, below a domain that neither the account nor its owner has (21232).
    #[error("there is no domain {parent} in this account or its owner")]
    NoParentDomain {
        /// What it would be below.
        parent: String,
    },
    /// The account has no such trunk (21300).
    #[error("the account has no such trunk")]
    NoSuchByocTrunk,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a domain cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum UpdateDomainError {
    /// Some account has a domain of this name (21232).
    #[error("the domain name is in use")]
    NameTaken,
    /// It ends in none of the suffixes served here (21232).
    #[error("the domain name ends in none of the suffixes served here")]
    OutsideSuffixes,
    /// A subdomain, below a domain that neither the account nor its owner has (21232).
    #[error("there is no domain {parent} in this account or its owner")]
    NoParentDomain {
        /// What it would be below.
        parent: String,
    },
    /// The account has no such number with an emergency address (22221).
    #[error("the account has no such number with an emergency address")]
    NoEmergencyCaller,
    /// A domain with subdomains keeps its name (21233).
    #[error("the domain has subdomains")]
    HasSubdomains,
    /// The account has no such trunk (21300).
    #[error("the account has no such trunk")]
    NoSuchByocTrunk,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a domain cannot be deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteDomainError {
    /// Its subdomains must go first (21233).
    #[error("the domain has subdomains")]
    HasSubdomains,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a domain.
    pub fn create_domain(&self, new: NewDomain) -> Pending<Domain, CreateDomainError> {
        self.write(move |work| create(work, new))
    }

    /// A domain of the account.
    pub fn domain(&self, account: &AccountSid, sid: &DomainSid) -> Result<Option<Domain>, StoreError> {
        self.read(|connection| find(connection, account, sid))
    }

    /// The account's domains, newest first.
    pub fn domains(&self, account: &AccountSid, page: &PageQuery) -> Result<Page<Domain>, ListError> {
        self.read(|connection| Listing::of(TABLE, "account_sid", account.as_str()).page(connection, page))
    }

    /// Changes a domain; `None` when there is none.
    pub fn update_domain(
        &self,
        account: AccountSid,
        sid: DomainSid,
        update: DomainUpdate,
    ) -> Pending<Option<Domain>, UpdateDomainError> {
        self.write(move |work| match find(work.connection, &account, &sid)? {
            Some(domain) => apply(work, domain, update).map(Some),
            None => Ok(None),
        })
    }

    /// Deletes a domain with its mappings; false when there is none.
    pub fn delete_domain(&self, account: AccountSid, sid: DomainSid) -> Pending<bool, DeleteDomainError> {
        self.write(move |work| delete(work, &account, &sid))
    }
}

/// Whether the account has this domain.
pub(crate) fn is_live(
    connection: &Connection,
    account: &AccountSid,
    sid: &DomainSid,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM domains WHERE {LIVE}");
    lists::exists(connection, &sql, &[account.as_str(), sid.as_str()])
}

fn find(
    connection: &Connection,
    account: &AccountSid,
    sid: &DomainSid,
) -> Result<Option<Domain>, StoreError> {
    rows::find(connection, TABLE, LIVE, [account.as_str(), sid.as_str()])
}

fn create(work: &mut Work<'_>, new: NewDomain) -> Result<Domain, CreateDomainError> {
    let limit = work.settings.limits.domains_per_account;
    match lists::count_in_account(work, &new.account_sid, COUNT, limit)? {
        Room::Counted => {}
        Room::Full => return Err(CreateDomainError::LimitReached { limit }),
        Room::NoOwner => return Err(CreateDomainError::NoSuchAccount),
    }
    if !trunk_fits(work.connection, &new.account_sid, new.byoc_trunk_sid.as_ref())? {
        return Err(CreateDomainError::NoSuchByocTrunk);
    }
    if !caller_fits(work, &new.account_sid, new.emergency_caller_sid)? {
        return Err(CreateDomainError::NoEmergencyCaller);
    }
    let sid = DomainSid::from_random(work.random()?);
    let domain_name = new.domain_name.to_ascii_lowercase();
    let parent = place(work, &new.account_sid, &sid, &domain_name).map_err(|error| match error {
        NameError::Taken => CreateDomainError::NameTaken,
        NameError::OutsideSuffixes => CreateDomainError::OutsideSuffixes,
        NameError::NoParent(parent) => CreateDomainError::NoParentDomain { parent },
        NameError::Store(error) => CreateDomainError::Store(error),
    })?;
    let domain = Domain {
        sid,
        account_sid: new.account_sid,
        domain_name,
        friendly_name: new.friendly_name,
        voice_url: new.voice_url,
        voice_method: new.voice_method,
        voice_fallback_url: new.voice_fallback_url,
        voice_fallback_method: new.voice_fallback_method,
        voice_status_callback_url: new.voice_status_callback_url,
        voice_status_callback_method: new.voice_status_callback_method,
        sip_registration: new.sip_registration,
        emergency_calling_enabled: new.emergency_calling_enabled,
        secure: new.secure,
        byoc_trunk_sid: new.byoc_trunk_sid,
        emergency_caller_sid: new.emergency_caller_sid,
        auth: AuthTypes::default(),
        created: work.now,
        updated: work.now,
    };
    save(work, &domain, parent, INSERT)?;
    Ok(domain)
}

fn apply(work: &mut Work<'_>, mut domain: Domain, update: DomainUpdate) -> Result<Domain, UpdateDomainError> {
    if !trunk_fits(work.connection, &domain.account_sid, update.byoc_trunk_sid.flatten().as_ref())? {
        return Err(UpdateDomainError::NoSuchByocTrunk);
    }
    let name = update.domain_name.map(|name| name.to_ascii_lowercase());
    let parent = match name.filter(|name| *name != domain.domain_name) {
        Some(name) => {
            if has_subdomains(work.connection, &domain.sid)? {
                return Err(UpdateDomainError::HasSubdomains);
            }
            let parent =
                place(work, &domain.account_sid, &domain.sid, &name).map_err(|error| match error {
                    NameError::Taken => UpdateDomainError::NameTaken,
                    NameError::OutsideSuffixes => UpdateDomainError::OutsideSuffixes,
                    NameError::NoParent(parent) => UpdateDomainError::NoParentDomain { parent },
                    NameError::Store(error) => UpdateDomainError::Store(error),
                })?;
            domain.domain_name = name;
            work.changed(Change::Sources);
            parent
        }
        None => rows::one(
            work.connection,
            "SELECT parent_sid FROM domains WHERE sid = ?",
            [domain.sid.as_str()],
            |cells| cells.parse_option(),
        )?
        .flatten(),
    };
    macro_rules! take {
        ($($field:ident)*) => { $(if let Some(value) = update.$field { domain.$field = value; })* };
    }
    take!(friendly_name voice_url voice_method voice_fallback_url voice_fallback_method
        voice_status_callback_url voice_status_callback_method sip_registration emergency_calling_enabled
        secure byoc_trunk_sid emergency_caller_sid);
    if !caller_fits(work, &domain.account_sid, update.emergency_caller_sid.flatten())? {
        return Err(UpdateDomainError::NoEmergencyCaller);
    }
    domain.updated = work.now;
    save(work, &domain, parent, UPDATE)?;
    Ok(domain)
}

/// Whether a domain may call for help as this number: none, or one that help finds its way to.
fn caller_fits(
    work: &Work<'_>,
    account: &AccountSid,
    number: Option<PhoneNumberSid>,
) -> Result<bool, StoreError> {
    number.map_or(Ok(true), |number| incoming_phone_numbers::has_emergency_address(work, account, &number))
}

fn delete(work: &mut Work<'_>, account: &AccountSid, sid: &DomainSid) -> Result<bool, DeleteDomainError> {
    if !is_live(work.connection, account, sid)? {
        return Ok(false);
    }
    if has_subdomains(work.connection, sid)? {
        return Err(DeleteDomainError::HasSubdomains);
    }
    let now = work.now.as_millis();
    let mappings = "UPDATE mappings SET deleted_at = ? WHERE domain_sid = ? AND deleted_at IS NULL";
    rows::execute(work.connection, mappings, params![now, sid.as_str()])?;
    rows::execute(
        work.connection,
        "UPDATE domains SET deleted_at = ? WHERE sid = ?",
        params![now, sid.as_str()],
    )?;
    let trunks = "UPDATE byoc_trunks SET from_domain_sid = NULL WHERE from_domain_sid = ?";
    rows::execute(work.connection, trunks, [sid.as_str()])?;
    source_ip_mappings::delete_of_domain(work, sid)?;
    lists::uncount_in_account(work, account, COUNT)?;
    work.changed(Change::Domain(*sid));
    Ok(true)
}

/// Whether a domain may name this trunk: none, or one of the account.
fn trunk_fits(
    connection: &Connection,
    account: &AccountSid,
    trunk: Option<&ByocTrunkSid>,
) -> Result<bool, StoreError> {
    trunk.map_or(Ok(true), |trunk| byoc_trunks::is_live(connection, account, trunk))
}

fn has_subdomains(connection: &Connection, sid: &DomainSid) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM domains WHERE parent_sid = ? AND deleted_at IS NULL LIMIT 1";
    lists::exists(connection, sql, &[sid.as_str()])
}

const INSERT: &str = "INSERT INTO domains (sid, account_sid, parent_sid, domain_name, friendly_name, voice_url,
        voice_method, voice_fallback_url, voice_fallback_method, voice_status_callback_url,
        voice_status_callback_method, sip_registration, emergency_calling_enabled, secure, byoc_trunk_sid,
        emergency_caller_sid, created_at, updated_at)
    VALUES (:sid, :account, :parent, :name, :friendly_name, :voice_url, :voice_method, :fallback_url,
        :fallback_method, :callback_url, :callback_method, :registration, :emergency, :secure, :trunk, :caller,
        :created, :updated)";

const UPDATE: &str = "UPDATE domains SET parent_sid = :parent, domain_name = :name,
        friendly_name = :friendly_name, voice_url = :voice_url, voice_method = :voice_method,
        voice_fallback_url = :fallback_url, voice_fallback_method = :fallback_method,
        voice_status_callback_url = :callback_url, voice_status_callback_method = :callback_method,
        sip_registration = :registration, emergency_calling_enabled = :emergency, secure = :secure,
        byoc_trunk_sid = :trunk, emergency_caller_sid = :caller, created_at = :created, updated_at = :updated
    WHERE sid = :sid AND account_sid = :account";

fn save(
    work: &mut Work<'_>,
    domain: &Domain,
    parent: Option<DomainSid>,
    sql: &str,
) -> Result<(), StoreError> {
    let values = named_params! {
        ":sid": domain.sid.as_str(),
        ":account": domain.account_sid.as_str(),
        ":parent": parent.as_ref().map(DomainSid::as_str),
        ":name": domain.domain_name,
        ":friendly_name": domain.friendly_name,
        ":voice_url": domain.voice_url,
        ":voice_method": domain.voice_method.as_str(),
        ":fallback_url": domain.voice_fallback_url,
        ":fallback_method": domain.voice_fallback_method.as_str(),
        ":callback_url": domain.voice_status_callback_url,
        ":callback_method": domain.voice_status_callback_method.as_str(),
        ":registration": domain.sip_registration,
        ":emergency": domain.emergency_calling_enabled,
        ":secure": domain.secure,
        ":trunk": domain.byoc_trunk_sid.as_ref().map(ByocTrunkSid::as_str),
        ":caller": domain.emergency_caller_sid.as_ref().map(PhoneNumberSid::as_str),
        ":created": domain.created.as_millis(),
        ":updated": domain.updated.as_millis(),
    };
    rows::execute(work.connection, sql, values)?;
    work.changed(Change::Domain(domain.sid));
    Ok(())
}

impl FromRow for Domain {
    const COLUMNS: &'static str = "sid, account_sid, domain_name, friendly_name, voice_url, voice_method,
        voice_fallback_url, voice_fallback_method, voice_status_callback_url, voice_status_callback_method,
        sip_registration, emergency_calling_enabled, secure, byoc_trunk_sid, emergency_caller_sid,
        EXISTS (SELECT 1 FROM mappings WHERE domain_sid = domains.sid
            AND kind = 'calls_ip_access_control_list' AND deleted_at IS NULL),
        EXISTS (SELECT 1 FROM mappings WHERE domain_sid = domains.sid
            AND kind = 'calls_credential_list' AND deleted_at IS NULL),
        created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            domain_name: cells.take()?,
            friendly_name: cells.take()?,
            voice_url: cells.take()?,
            voice_method: cells.parse()?,
            voice_fallback_url: cells.take()?,
            voice_fallback_method: cells.parse()?,
            voice_status_callback_url: cells.take()?,
            voice_status_callback_method: cells.parse()?,
            sip_registration: cells.take()?,
            emergency_calling_enabled: cells.take()?,
            secure: cells.take()?,
            byoc_trunk_sid: cells.parse_option()?,
            emergency_caller_sid: cells.parse_option()?,
            auth: AuthTypes { ip_access_control_list: cells.take()?, credential_list: cells.take()? },
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
