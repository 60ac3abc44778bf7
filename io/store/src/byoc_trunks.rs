//! Trunks of other carriers. A domain that names one uses the trunk's URLs and not its own
//! (contract, runtime.md 5), so every change of a trunk is a change of its domains for the SIP path.

use ringway_call::HttpMethod;
use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, ByocTrunkSid, ConnectionPolicySid, DomainSid};
use rusqlite::{Connection, named_params, params};

use crate::connection_policies::{DeleteUsedError, TABLE as POLICIES};
use crate::directory::Change;
use crate::domains;
use crate::lists;
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "byoc_trunks";
const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// A trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByocTrunk {
    /// Its SID.
    pub sid: ByocTrunkSid,
    /// Whose it is.
    pub account_sid: AccountSid,
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
    pub status_callback_url: Option<String>,
    /// How.
    pub status_callback_method: HttpMethod,
    /// Whether the caller's name is to be looked up.
    pub cnam_lookup_enabled: bool,
    /// Where calls that leave through it go.
    pub connection_policy_sid: Option<ConnectionPolicySid>,
    /// The domain that such calls say they are from.
    pub from_domain_sid: Option<DomainSid>,
    /// When it was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// What to set of a trunk, new or old. `None` leaves a field as it is, and in a new one as the default: no
/// URLs, every method `POST`. `Some(None)` clears.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of ByocTrunk")]
pub struct ByocTrunkUpdate {
    pub friendly_name: Option<String>,
    pub voice_url: Option<Option<String>>,
    pub voice_method: Option<HttpMethod>,
    pub voice_fallback_url: Option<Option<String>>,
    pub voice_fallback_method: Option<HttpMethod>,
    pub status_callback_url: Option<Option<String>>,
    pub status_callback_method: Option<HttpMethod>,
    pub cnam_lookup_enabled: Option<bool>,
    pub connection_policy_sid: Option<Option<ConnectionPolicySid>>,
    pub from_domain_sid: Option<Option<DomainSid>>,
}

/// Why a trunk cannot be made or changed so.
#[derive(Debug, thiserror::Error)]
pub enum SaveByocTrunkError {
    /// The account has no such connection policy.
    #[error("the account has no such connection policy")]
    NoSuchConnectionPolicy,
    /// The account has no such domain.
    #[error("the account has no such domain")]
    NoSuchDomain,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a trunk.
    pub fn create_byoc_trunk(
        &self,
        account: AccountSid,
        fields: ByocTrunkUpdate,
    ) -> Pending<ByocTrunk, SaveByocTrunkError> {
        self.write(move |work| {
            let trunk = ByocTrunk::bare(ByocTrunkSid::from_random(work.random()?), account, work.now);
            apply(work, trunk, fields, INSERT)
        })
    }

    /// A trunk of the account.
    pub fn byoc_trunk(
        &self,
        account: &AccountSid,
        sid: &ByocTrunkSid,
    ) -> Result<Option<ByocTrunk>, StoreError> {
        self.read(|connection| find(connection, account, sid))
    }

    /// The account's trunks, newest first.
    pub fn byoc_trunks(&self, account: &AccountSid, page: &PageQuery) -> Result<Page<ByocTrunk>, ListError> {
        self.read(|connection| Listing::of(TABLE, "account_sid", account.as_str()).page(connection, page))
    }

    /// Changes a trunk, and with it the domains that name it; `None` when there is none.
    pub fn update_byoc_trunk(
        &self,
        account: AccountSid,
        sid: ByocTrunkSid,
        update: ByocTrunkUpdate,
    ) -> Pending<Option<ByocTrunk>, SaveByocTrunkError> {
        self.write(move |work| {
            let Some(trunk) = find(work.connection, &account, &sid)? else { return Ok(None) };
            let trunk = apply(work, trunk, update, UPDATE)?;
            let named = "SELECT sid FROM domains WHERE byoc_trunk_sid = ? AND deleted_at IS NULL";
            let domains: Vec<DomainSid> =
                rows::all(work.connection, named, [sid.as_str()], |cells| cells.parse())?;
            domains.into_iter().for_each(|domain| work.changed(Change::Domain(domain)));
            Ok(Some(trunk))
        })
    }

    /// Deletes a trunk that no domain names; false when there is none. Taking it away under a domain would
    /// hand the trunk's calls to the domain's own application.
    pub fn delete_byoc_trunk(
        &self,
        account: AccountSid,
        sid: ByocTrunkSid,
    ) -> Pending<bool, DeleteUsedError> {
        self.write(move |work| {
            let named = "SELECT sid FROM domains WHERE byoc_trunk_sid = ? AND account_sid = ?
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

/// Whether the account has this trunk.
pub(crate) fn is_live(
    connection: &Connection,
    account: &AccountSid,
    sid: &ByocTrunkSid,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM {TABLE} WHERE {LIVE}");
    lists::exists(connection, &sql, &[account.as_str(), sid.as_str()])
}

fn find(
    connection: &Connection,
    account: &AccountSid,
    sid: &ByocTrunkSid,
) -> Result<Option<ByocTrunk>, StoreError> {
    rows::find(connection, TABLE, LIVE, [account.as_str(), sid.as_str()])
}

fn apply(
    work: &mut Work<'_>,
    mut trunk: ByocTrunk,
    update: ByocTrunkUpdate,
    sql: &str,
) -> Result<ByocTrunk, SaveByocTrunkError> {
    macro_rules! take {
        ($($field:ident)*) => { $(if let Some(value) = update.$field { trunk.$field = value; })* };
    }
    if let Some(Some(policy)) = &update.connection_policy_sid
        && !lists::is_live(work.connection, POLICIES, &trunk.account_sid, policy.as_str())?
    {
        return Err(SaveByocTrunkError::NoSuchConnectionPolicy);
    }
    if let Some(Some(domain)) = &update.from_domain_sid
        && !domains::is_live(work.connection, &trunk.account_sid, domain)?
    {
        return Err(SaveByocTrunkError::NoSuchDomain);
    }
    if let Some(name) = update.friendly_name {
        trunk.friendly_name = Some(name);
    }
    take!(voice_url voice_method voice_fallback_url voice_fallback_method status_callback_url
        status_callback_method cnam_lookup_enabled connection_policy_sid from_domain_sid);
    trunk.updated = work.now;
    save(work, &trunk, sql)?;
    Ok(trunk)
}

const INSERT: &str = "INSERT INTO byoc_trunks (sid, account_sid, friendly_name, voice_url, voice_method,
        voice_fallback_url, voice_fallback_method, status_callback_url, status_callback_method,
        cnam_lookup_enabled, connection_policy_sid, from_domain_sid, created_at, updated_at)
    VALUES (:sid, :account, :friendly_name, :voice_url, :voice_method, :fallback_url, :fallback_method,
        :callback_url, :callback_method, :cnam, :policy, :from_domain, :created, :updated)";

const UPDATE: &str = "UPDATE byoc_trunks SET friendly_name = :friendly_name, voice_url = :voice_url,
        voice_method = :voice_method, voice_fallback_url = :fallback_url,
        voice_fallback_method = :fallback_method, status_callback_url = :callback_url,
        status_callback_method = :callback_method, cnam_lookup_enabled = :cnam,
        connection_policy_sid = :policy, from_domain_sid = :from_domain, created_at = :created,
        updated_at = :updated
    WHERE sid = :sid AND account_sid = :account";

fn save(work: &Work<'_>, trunk: &ByocTrunk, sql: &str) -> Result<(), StoreError> {
    let values = named_params! {
        ":sid": trunk.sid.as_str(),
        ":account": trunk.account_sid.as_str(),
        ":friendly_name": trunk.friendly_name,
        ":voice_url": trunk.voice_url,
        ":voice_method": trunk.voice_method.as_str(),
        ":fallback_url": trunk.voice_fallback_url,
        ":fallback_method": trunk.voice_fallback_method.as_str(),
        ":callback_url": trunk.status_callback_url,
        ":callback_method": trunk.status_callback_method.as_str(),
        ":cnam": trunk.cnam_lookup_enabled,
        ":policy": trunk.connection_policy_sid.as_ref().map(ConnectionPolicySid::as_str),
        ":from_domain": trunk.from_domain_sid.as_ref().map(DomainSid::as_str),
        ":created": trunk.created.as_millis(),
        ":updated": trunk.updated.as_millis(),
    };
    rows::execute(work.connection, sql, values).map(drop)
}

impl ByocTrunk {
    fn bare(sid: ByocTrunkSid, account_sid: AccountSid, now: UnixTime) -> Self {
        Self {
            sid,
            account_sid,
            friendly_name: None,
            voice_url: None,
            voice_method: HttpMethod::Post,
            voice_fallback_url: None,
            voice_fallback_method: HttpMethod::Post,
            status_callback_url: None,
            status_callback_method: HttpMethod::Post,
            cnam_lookup_enabled: false,
            connection_policy_sid: None,
            from_domain_sid: None,
            created: now,
            updated: now,
        }
    }
}

impl FromRow for ByocTrunk {
    const COLUMNS: &'static str =
        "sid, account_sid, friendly_name, voice_url, voice_method, voice_fallback_url,
        voice_fallback_method, status_callback_url, status_callback_method, cnam_lookup_enabled,
        connection_policy_sid, from_domain_sid, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            friendly_name: cells.take()?,
            voice_url: cells.take()?,
            voice_method: cells.parse()?,
            voice_fallback_url: cells.take()?,
            voice_fallback_method: cells.parse()?,
            status_callback_url: cells.take()?,
            status_callback_method: cells.parse()?,
            cnam_lookup_enabled: cells.take()?,
            connection_policy_sid: cells.parse_option()?,
            from_domain_sid: cells.parse_option()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
