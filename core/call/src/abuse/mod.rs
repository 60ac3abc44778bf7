//! Who has abused our patience: guessing passwords, looking for users, sending garbage. What is learnt here is
//! asked before admission, so that a banned address costs a look-up.
//!
//! UDP sources can be forged, so evidence is weighed: a wrong password counts only when its nonce was ours and
//! made for that address, which proves that our challenge arrived there. Someone who was accepted before, from
//! the same address and as the same user, is never banned with the address, or one bad phone would silence an
//! office. All memory is bounded; the least recently seen are forgotten first.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod ban;
mod memory;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use blake2::Blake2sMac;
use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac};
use ipnet::{IpNet, Ipv6Net};
use ringway_model::sid::DomainSid;
use ringway_model::{Moment, Now, UnixTime};
use ringway_sip::digest::Authorization;
use ringway_sip::message::{Message, Method, Name};

use ban::Bans;
pub use ban::{Ban, BanReason};
use memory::{Distinct, Recent, Window};

/// Most distinct users that a sweep can be configured to.
pub const SWEPT_USERS_MAX: u32 = 100;

/// User agents of scanners that introduce themselves; lower case, and any part of the header may match.
const SCANNERS: [&str; 10] = [
    "friendly-scanner",
    "sipvicious",
    "sundayddr",
    "sipcli",
    "sip-scan",
    "vaxsipuseragent",
    "pplsip",
    "iwar",
    "sivus",
    "friendly-request",
];

/// What the operator tolerates.
#[derive(Debug, Clone)]
pub struct AbuseConfig {
    /// Whether anybody is ever banned.
    pub enabled: bool,
    /// In what time evidence adds up.
    pub window: Duration,
    /// Wrong passwords from one address. An address where users were accepted meanwhile may give as many again
    /// for each of them: many phones behind one address are not an attack.
    pub wrong_answers_max: u32,
    /// Wrong passwords for one user from addresses where that user was never accepted. Beyond it, only
    /// addresses where the user was accepted before may try.
    pub user_wrong_answers_max: u32,
    /// Distinct users refused to one address that had none accepted; at most [`SWEPT_USERS_MAX`].
    pub swept_users_max: u32,
    /// Malformed messages from one address.
    pub malformed_max: u32,
    /// The first ban of an address; each further one within a day lasts twice as long.
    pub ban: Duration,
    /// The longest ban.
    pub ban_max: Duration,
    /// Addresses, users and pairs of both that are remembered, each.
    pub remembered_max: usize,
    /// Bans at once; one more ends the one that would end first.
    pub bans_max: usize,
    /// Who is never banned.
    pub never: Vec<IpNet>,
}

impl Default for AbuseConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            window: Duration::from_secs(60),
            wrong_answers_max: 10,
            user_wrong_answers_max: 30,
            swept_users_max: 20,
            malformed_max: 200,
            ban: Duration::from_secs(300),
            ban_max: Duration::from_secs(24 * 3600),
            remembered_max: 262_144,
            bans_max: 16_384,
            never: Vec::new(),
        }
    }
}

/// How long it is remembered that an address was banned before.
const OFFENCES_REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// What is to be thought of a sender.
#[derive(Debug, PartialEq, Eq)]
pub enum Screened {
    /// Nothing, yet.
    Welcome,
    /// It is banned; the ban itself when it begins now.
    Banned(Option<Box<Ban>>),
}

/// What is known of those who knock.
pub struct Abuse {
    config: AbuseConfig,
    /// So that nobody can choose names that collide.
    key: [u8; 32],
    sources: Recent<Source>,
    /// An address and a user that was accepted there, with the wrong passwords given since.
    accepted: Recent<Window>,
    users: Recent<Window>,
    /// How often an address was banned lately.
    offences: Recent<Window>,
    bans: Bans,
}

/// What one address did within the window.
#[derive(Debug, Default, Clone)]
struct Source {
    wrong_answers: Window,
    malformed: Window,
    accepted: Window,
    swept: Window,
    swept_users: Distinct,
}

impl Abuse {
    /// Knows nobody yet. `key` is fresh chance.
    pub fn new(config: AbuseConfig, key: [u8; 32]) -> Self {
        let remembered = config.remembered_max;
        Self {
            key,
            sources: Recent::new(remembered),
            accepted: Recent::new(remembered),
            users: Recent::new(remembered),
            offences: Recent::new(remembered),
            bans: Bans::new(config.bans_max),
            config,
        }
    }

    /// Whether a new request comes from a banned address, and not from a user who was accepted there before.
    /// A scanner that says what it is is banned at once. `domain` is asked for only when it matters.
    pub fn screen<D>(&mut self, now: Now, ip: IpAddr, request: &Message, domain: D) -> Screened
    where
        D: FnOnce() -> Option<DomainSid>,
    {
        if !self.config.enabled {
            return Screened::Welcome;
        }
        let source = network_of(ip);
        if !self.bans.holds(now.monotonic, source) {
            return match scanner(request) {
                Some(name) => {
                    self.ban(now, source, BanReason::Scanner, format!("its User-Agent names {name}"))
                }
                None => Screened::Welcome,
            };
        }
        match domain() {
            Some(domain) if self.is_exempt(now.monotonic, source, domain, request) => Screened::Welcome,
            _ => Screened::Banned(None),
        }
    }

    /// Whether a message that cannot be read may be answered. It counts against its address.
    pub fn malformed(&mut self, now: Now, ip: IpAddr) -> Screened {
        let source = network_of(ip);
        if !self.config.enabled {
            return Screened::Welcome;
        }
        if self.bans.holds(now.monotonic, source) {
            return Screened::Banned(None);
        }
        let (window, limit) = (self.config.window, self.config.malformed_max);
        let key = self.source_key(source);
        let count = self.sources.entry(key).malformed.add(now.monotonic, window);
        if count <= limit {
            return Screened::Welcome;
        }
        let evidence = format!("{count} messages within {} s that cannot be read", window.as_secs());
        self.ban(now, source, BanReason::Malformed, evidence)
    }

    /// Somebody was accepted, and is trusted at this address from now on: by the name that the password
    /// belongs to, and by the name on the request, which the next one may bring without a password.
    pub fn accepted(&mut self, now: Now, ip: IpAddr, domain: DomainSid, request: &Message) {
        if !self.config.enabled {
            return;
        }
        let (source, window) = (network_of(ip), self.config.window);
        let answering = self.pair_key(source, domain, &answering_user(request));
        if self.accepted.insert(answering, Window::default()) {
            let key = self.source_key(source);
            self.sources.entry(key).accepted.add(now.monotonic, window);
        }
        let claimed = self.pair_key(source, domain, claimed_user(request));
        if claimed != answering {
            self.accepted.insert(claimed, Window::default());
        }
    }

    /// A wrong password in answer to a challenge of ours that had reached this address.
    pub fn wrong_answer(&mut self, now: Now, ip: IpAddr, domain: DomainSid, request: &Message) -> Screened {
        if !self.config.enabled {
            return Screened::Welcome;
        }
        let (source, window) = (network_of(ip), self.config.window);
        let user = answering_user(request);
        let pair = self.pair_key(source, domain, &user);
        if let Some(wrong) = self.accepted.find(pair) {
            wrong.add(now.monotonic, window);
            return Screened::Welcome;
        }
        let user_key = self.user_key(domain, &user);
        self.users.entry(user_key).add(now.monotonic, window);
        let key = self.source_key(source);
        let record = self.sources.entry(key);
        let count = record.wrong_answers.add(now.monotonic, window);
        let accepted = record.accepted.count(now.monotonic, window);
        if count <= self.config.wrong_answers_max.saturating_mul(accepted.saturating_add(1)) {
            return self.refused(now, ip, request);
        }
        let evidence = format!("{count} wrong passwords within {} s", window.as_secs());
        self.ban(now, source, BanReason::WrongAnswers, evidence)
    }

    /// A request that was refused whoever sent it: a domain that does not exist, a user who may not.
    pub fn refused(&mut self, now: Now, ip: IpAddr, request: &Message) -> Screened {
        if !self.config.enabled {
            return Screened::Welcome;
        }
        let (source, window) = (network_of(ip), self.config.window);
        let swept = self.hash(&[wanted_user(request).as_bytes()]);
        let key = self.source_key(source);
        let record = self.sources.entry(key);
        if record.swept.add(now.monotonic, window) == 1 {
            record.swept_users = Distinct::default();
        }
        record.swept_users.add(swept);
        let users = record.swept_users.estimate();
        if record.accepted.count(now.monotonic, window) > 0 || users <= self.config.swept_users_max {
            return Screened::Welcome;
        }
        let evidence = format!("about {users} users refused within {} s, none accepted", window.as_secs());
        self.ban(now, source, BanReason::Sweep, evidence)
    }

    /// Whether this user's password is being guessed: then even the right one is refused for a while at
    /// addresses where the user was never accepted.
    pub fn is_throttled(&mut self, now: Now, ip: IpAddr, domain: DomainSid, request: &Message) -> bool {
        if !self.config.enabled || self.users.is_empty() {
            return false;
        }
        let user = answering_user(request);
        let (key, pair) = (self.user_key(domain, &user), self.pair_key(network_of(ip), domain, &user));
        let (window, limit) = (self.config.window, self.config.user_wrong_answers_max);
        let guessed = self.users.find(key).is_some_and(|wrong| wrong.count(now.monotonic, window) >= limit);
        guessed && self.accepted.find(pair).is_none()
    }

    /// Ends a ban, and forgets what led to it.
    pub fn lift(&mut self, source: IpNet) {
        self.bans.remove(source);
        let key = self.source_key(source);
        self.sources.remove(key);
        self.offences.remove(key);
    }

    /// A user with an earlier success here, unless even that one only guesses now.
    fn is_exempt(&mut self, now: Moment, source: IpNet, domain: DomainSid, request: &Message) -> bool {
        let pair = self.pair_key(source, domain, &answering_user(request));
        let (window, limit) = (self.config.window, self.config.wrong_answers_max);
        self.accepted.find(pair).is_some_and(|wrong| wrong.count(now, window) <= limit)
    }

    fn ban(&mut self, now: Now, source: IpNet, reason: BanReason, evidence: String) -> Screened {
        if self.config.never.iter().any(|net| net.contains(&source.addr())) {
            return Screened::Welcome;
        }
        let key = self.source_key(source);
        let offences = self.offences.entry(key).add(now.monotonic, OFFENCES_REMEMBERED);
        let doubled = 2u32.saturating_pow(offences.saturating_sub(1));
        let duration = self.config.ban.saturating_mul(doubled).min(self.config.ban_max);
        self.sources.remove(key);
        self.bans.insert(now.monotonic, now.monotonic + duration, source);
        let until = UnixTime::from_millis(now.unix.as_millis().saturating_add(millis(duration)));
        Screened::Banned(Some(Box::new(Ban { source, reason, evidence, since: now.unix, until, offences })))
    }

    fn source_key(&self, source: IpNet) -> u128 {
        self.hash(&[&octets(source)])
    }

    fn user_key(&self, domain: DomainSid, user: &str) -> u128 {
        self.hash(&[domain.as_str().as_bytes(), user.as_bytes()])
    }

    fn pair_key(&self, source: IpNet, domain: DomainSid, user: &str) -> u128 {
        self.hash(&[&octets(source), domain.as_str().as_bytes(), user.as_bytes()])
    }

    /// Each part with its length, so that no two lists of parts read alike.
    fn hash(&self, parts: &[&[u8]]) -> u128 {
        let mut mac = Blake2sMac::<U16>::new(&self.key.into());
        for part in parts {
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part);
        }
        u128::from_be_bytes(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Abuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abuse").field("bans", &self.bans).finish_non_exhaustive()
    }
}

/// What is banned when this address is: of IPv6 its /64, all of which one host may have.
pub fn network_of(ip: IpAddr) -> IpNet {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpNet::V4(ip.into()),
        IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new_assert(ip, 64).trunc()),
    }
}

fn octets(source: IpNet) -> [u8; 16] {
    match source.addr() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn scanner(request: &Message) -> Option<&'static str> {
    let agent = request.header(Name::UserAgent)?.as_bytes();
    (0..agent.len()).find_map(|start| {
        let rest = agent.get(start..)?;
        SCANNERS.into_iter().find(|scanner| begins_with(rest, scanner.as_bytes()))
    })
}

/// Whatever the case; the first letter decides nearly always.
fn begins_with(text: &[u8], lower_case: &[u8]) -> bool {
    text.first().map(u8::to_ascii_lowercase) == lower_case.first().copied()
        && text.get(..lower_case.len()).is_some_and(|head| head.eq_ignore_ascii_case(lower_case))
}

/// The user whose password is given; without one, who the sender says to be.
fn answering_user(request: &Message) -> Cow<'_, str> {
    let given = request.headers(Name::ProxyAuthorization).find_map(|value| Authorization::parse(value).ok());
    given.map_or(Cow::Borrowed(claimed_user(request)), |authorization| authorization.username)
}

/// Who the sender says to be: of a registration, whose it is.
fn claimed_user(request: &Message) -> &str {
    let claim = if request.method() == Method::Register { request.to() } else { request.from() };
    claim.uri_ref().ok().and_then(|uri| uri.user).unwrap_or_default()
}

/// Who the sender wants to reach, or to be.
fn wanted_user(request: &Message) -> &str {
    request.to().uri_ref().ok().and_then(|uri| uri.user).unwrap_or_default()
}
