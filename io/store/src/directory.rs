//! What every call and every request reads: domains by host, hashes by account and user, accounts. Built from
//! the rows when the store opens, changed by the writer after each commit and in that order, read without locks.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use papaya::Equivalent;
use ringway_call::directory::{ByocTrunk, Directory, DomainGate, VoiceUrls};
use ringway_model::sid::{AccountSid, CredentialListSid, DomainSid};
use ringway_sip::digest::DigestHashes;
use rusqlite::Connection;

use crate::StoreError;
use crate::accounts::{self, Account};
use crate::credentials::open_hashes;
use crate::mappings::MappingKind;
use crate::sqlite::rows::{self, Cells};
use crate::store::Settings;

type UserHashes = Arc<[(CredentialListSid, DigestHashes)]>;

/// Addresses that stand for a domain, by its name; the longest prefix first, and of equal ones the oldest.
type Sources = Vec<(IpNet, String)>;

/// The live directory of a store.
#[derive(Default)]
pub struct StoreDirectory {
    domains: papaya::HashMap<String, Arc<DomainGate>>,
    users: papaya::HashMap<User, UserHashes>,
    accounts: papaya::HashMap<AccountSid, Arc<Account>>,
    sources: ArcSwap<Sources>,
}

impl StoreDirectory {
    /// An account with its tokens, in whatever state.
    pub(crate) fn account(&self, sid: &AccountSid) -> Option<Arc<Account>> {
        self.accounts.pin().get(sid).cloned()
    }
}

impl Directory for StoreDirectory {
    fn domain(&self, host: &str) -> Option<Arc<DomainGate>> {
        self.domains.pin().get(host).cloned()
    }

    fn domain_of_source(&self, source: IpAddr) -> Option<Arc<DomainGate>> {
        let sources = self.sources.load();
        let (_, name) = sources.iter().find(|(network, _)| network.contains(&source))?;
        self.domain(name)
    }

    fn credentials(&self, account: &AccountSid, user: &str) -> Option<UserHashes> {
        self.users.pin().get(&UserRef { account, user }).cloned()
    }
}

impl fmt::Debug for StoreDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreDirectory({} domains, {} users)", self.domains.len(), self.users.len())
    }
}

/// A user name of an account; names are case-sensitive here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    account: AccountSid,
    user: String,
}

/// The same without owning the name, so that a look-up allocates nothing.
struct UserRef<'a> {
    account: &'a AccountSid,
    user: &'a str,
}

impl Hash for User {
    fn hash<H: Hasher>(&self, state: &mut H) {
        UserRef { account: &self.account, user: &self.user }.hash(state);
    }
}

impl Hash for UserRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.account.hash(state);
        self.user.hash(state);
    }
}

impl Equivalent<User> for UserRef<'_> {
    fn equivalent(&self, key: &User) -> bool {
        *self.account == key.account && self.user == key.user
    }
}

/// What a request changed of what the directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    /// A domain: its fields, its mappings, the addresses of a mapped list, the state of its account.
    Domain(DomainSid),
    /// The credentials with this user name in this account.
    User(AccountSid, String),
    /// An account: its name, state and tokens.
    Account(AccountSid),
    /// The source IP mappings, or the name of a domain that one may lead to.
    Sources,
}

/// What a transaction will publish, read before it commits.
#[derive(Default)]
pub(crate) struct Publication {
    gates: Vec<(DomainSid, Option<Arc<DomainGate>>)>,
    users: Vec<(User, Option<UserHashes>)>,
    accounts: Vec<Account>,
    sources: Option<Sources>,
}

impl Publication {
    /// Reads the rows behind `changes`, each once, as the open transaction leaves them.
    pub(crate) fn prepare(
        connection: &Connection,
        settings: &Settings,
        changes: Vec<Change>,
    ) -> Result<Self, StoreError> {
        let mut publication = Self::default();
        for change in changes.into_iter().collect::<HashSet<_>>() {
            match change {
                Change::Domain(sid) => publication.gates.push((sid, read_gate(connection, &sid)?)),
                Change::User(account, user) => {
                    let hashes = read_user(connection, settings, &account, &user)?;
                    publication.users.push((User { account, user }, hashes));
                }
                Change::Account(sid) => {
                    publication.accounts.extend(accounts::by_sid(connection, &settings.sealer, &sid)?);
                }
                Change::Sources => publication.sources = Some(read_sources(connection)?),
            }
        }
        Ok(publication)
    }
}

/// The only one who changes the directory; lives on the writer's thread.
pub(crate) struct Publisher {
    directory: Arc<StoreDirectory>,
    /// Under which name each domain is published, so that a renamed one leaves its old name.
    names: HashMap<DomainSid, String>,
}

impl Publisher {
    /// Builds the directory from all rows.
    pub(crate) fn load(connection: &Connection, settings: &Settings) -> Result<Self, StoreError> {
        let mut changes = vec![Change::Sources];
        let domains = "SELECT sid FROM domains WHERE deleted_at IS NULL";
        changes.extend(rows::all(connection, domains, [], |cells| cells.parse().map(Change::Domain))?);
        let users = "SELECT DISTINCT account_sid, username FROM credentials WHERE deleted_at IS NULL";
        let user = |cells: &mut Cells<'_>| Ok(Change::User(cells.parse()?, cells.take()?));
        changes.extend(rows::all(connection, users, [], user)?);
        let accounts = "SELECT sid FROM accounts";
        changes.extend(rows::all(connection, accounts, [], |cells| cells.parse().map(Change::Account))?);
        let publication = Publication::prepare(connection, settings, changes)?;
        let mut publisher = Self { directory: Arc::default(), names: HashMap::new() };
        publisher.publish(publication);
        Ok(publisher)
    }

    /// The directory itself, for readers.
    pub(crate) fn directory(&self) -> Arc<StoreDirectory> {
        self.directory.clone()
    }

    /// Makes a committed transaction visible. Old names go last and only while they are still the domain's:
    /// another domain may have taken one over in the same transaction.
    pub(crate) fn publish(&mut self, publication: Publication) {
        let users = self.directory.users.pin();
        for (user, hashes) in publication.users {
            match hashes {
                Some(hashes) => users.insert(user, hashes),
                None => users.remove(&user),
            };
        }
        let accounts = self.directory.accounts.pin();
        for account in publication.accounts {
            accounts.insert(account.sid, Arc::new(account));
        }
        let domains = self.directory.domains.pin();
        let mut left = Vec::new();
        for (sid, gate) in publication.gates {
            let old = match &gate {
                Some(gate) => self.names.insert(sid, gate.name.clone()),
                None => self.names.remove(&sid),
            };
            left.extend(
                old.filter(|old| gate.as_ref().is_none_or(|gate| gate.name != *old)).map(|old| (sid, old)),
            );
            if let Some(gate) = gate {
                domains.insert(gate.name.clone(), gate);
            }
        }
        for (sid, name) in left {
            if domains.get(&name).is_some_and(|gate| gate.sid == sid) {
                domains.remove(&name);
            }
        }
        if let Some(sources) = publication.sources {
            self.directory.sources.store(Arc::new(sources));
        }
    }
}

fn read_gate(connection: &Connection, sid: &DomainSid) -> Result<Option<Arc<DomainGate>>, StoreError> {
    let sql = "SELECT d.account_sid, a.status = 'active', d.domain_name, d.secure, d.sip_registration,
            d.emergency_calling_enabled, d.voice_url, d.voice_method, d.voice_fallback_url,
            d.voice_fallback_method, d.voice_status_callback_url, d.voice_status_callback_method
        FROM domains d JOIN accounts a ON a.sid = d.account_sid WHERE d.sid = ? AND d.deleted_at IS NULL";
    let gate = rows::one(connection, sql, [sid.as_str()], |cells| gate_from_cells(*sid, cells))?;
    let Some(mut gate) = gate else { return Ok(None) };
    gate.byoc_trunk = read_trunk(connection, sid)?;
    let acls =
        mapped(connection, sid, MappingKind::CallsIpAccessControlList, |cells| cells.take::<String>())?;
    if !acls.is_empty() {
        gate.acl = Some(read_networks(connection, sid)?);
    }
    gate.call_lists = mapped(connection, sid, MappingKind::CallsCredentialList, |cells| cells.parse())?;
    gate.registration_lists =
        mapped(connection, sid, MappingKind::RegistrationsCredentialList, |cells| cells.parse())?;
    Ok(Some(Arc::new(gate)))
}

fn gate_from_cells(sid: DomainSid, cells: &mut Cells<'_>) -> rusqlite::Result<DomainGate> {
    Ok(DomainGate {
        sid,
        account_sid: cells.parse()?,
        account_active: cells.take()?,
        name: cells.take()?,
        secure: cells.take()?,
        sip_registration: cells.take()?,
        emergency_calling: cells.take()?,
        byoc_trunk: None,
        voice: urls_from_cells(cells)?,
        acl: None,
        call_lists: Vec::new(),
        registration_lists: Vec::new(),
    })
}

fn urls_from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<VoiceUrls> {
    Ok(VoiceUrls {
        url: cells.take()?,
        method: cells.parse()?,
        fallback_url: cells.take()?,
        fallback_method: cells.parse()?,
        status_callback_url: cells.take()?,
        status_callback_method: cells.parse()?,
    })
}

/// The trunk that a domain names. Nothing deletes one under a domain; were its row gone all the same, its URLs
/// would be none, and the calls would reach no application rather than the domain's.
fn read_trunk(connection: &Connection, domain: &DomainSid) -> Result<Option<ByocTrunk>, StoreError> {
    let sql = "SELECT d.byoc_trunk_sid, t.voice_url, coalesce(t.voice_method, 'POST'), t.voice_fallback_url,
            coalesce(t.voice_fallback_method, 'POST'), t.status_callback_url,
            coalesce(t.status_callback_method, 'POST')
        FROM domains d LEFT JOIN byoc_trunks t
            ON t.sid = d.byoc_trunk_sid AND t.account_sid = d.account_sid AND t.deleted_at IS NULL
        WHERE d.sid = ? AND d.byoc_trunk_sid IS NOT NULL";
    rows::one(connection, sql, [domain.as_str()], |cells| {
        Ok(ByocTrunk { sid: cells.parse()?, voice: urls_from_cells(cells)? })
    })
}

fn read_sources(connection: &Connection) -> Result<Sources, StoreError> {
    let sql = "SELECT r.ip_address, r.cidr_prefix_length, d.domain_name
        FROM source_ip_mappings m JOIN ip_records r ON r.sid = m.ip_record_sid
            JOIN domains d ON d.sid = m.sip_domain_sid
        WHERE m.deleted_at IS NULL AND r.deleted_at IS NULL AND d.deleted_at IS NULL
        ORDER BY r.cidr_prefix_length DESC, m.id";
    let mapped = rows::all(connection, sql, [], |cells| {
        Ok((cells.parse::<IpAddr>()?, cells.take::<u8>()?, cells.take::<String>()?))
    })?;
    let compiled = mapped.into_iter().map(|(address, prefix, domain)| {
        IpNet::new(address, prefix).map(|network| (network.trunc(), domain))
    });
    compiled.collect::<Result<_, _>>().map_err(|_| StoreError::Unreadable { column: "cidr_prefix_length" })
}

fn mapped<T>(
    connection: &Connection,
    domain: &DomainSid,
    kind: MappingKind,
    read: impl FnMut(&mut Cells<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let sql =
        "SELECT list_sid FROM mappings WHERE domain_sid = ? AND kind = ? AND deleted_at IS NULL ORDER BY id";
    rows::all(connection, sql, [domain.as_str(), kind.as_str()], read)
}

fn read_networks(connection: &Connection, domain: &DomainSid) -> Result<Vec<IpNet>, StoreError> {
    let sql = "SELECT i.ip_address, i.cidr_prefix_length
        FROM mappings m JOIN ip_addresses i ON i.ip_access_control_list_sid = m.list_sid
        WHERE m.domain_sid = ? AND m.kind = 'calls_ip_access_control_list' AND m.deleted_at IS NULL
            AND i.deleted_at IS NULL";
    let network = |cells: &mut Cells<'_>| Ok((cells.parse::<IpAddr>()?, cells.take::<u8>()?));
    let networks = rows::all(connection, sql, [domain.as_str()], network)?;
    let compiled =
        networks.into_iter().map(|(address, prefix)| IpNet::new(address, prefix).map(|net| net.trunc()));
    compiled.collect::<Result<_, _>>().map_err(|_| StoreError::Unreadable { column: "cidr_prefix_length" })
}

fn read_user(
    connection: &Connection,
    settings: &Settings,
    account: &AccountSid,
    user: &str,
) -> Result<Option<UserHashes>, StoreError> {
    let sql = "SELECT sid, credential_list_sid, hashes FROM credentials
        WHERE account_sid = ? AND username = ? AND deleted_at IS NULL ORDER BY id";
    let sealed = rows::all(connection, sql, [account.as_str(), user], |cells| {
        Ok((cells.take::<String>()?, cells.parse::<CredentialListSid>()?, cells.take::<Vec<u8>>()?))
    })?;
    let opened = sealed
        .into_iter()
        .map(|(sid, list, sealed)| Ok((list, open_hashes(&settings.sealer, &sid, &sealed)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok((!opened.is_empty()).then(|| opened.into()))
}
