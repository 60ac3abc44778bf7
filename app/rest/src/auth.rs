//! Who makes a request: HTTP Basic with an account and its token, or an API key and its secret
//! (contract, rest.md 3). Tokens and secrets are compared by the store, in constant time.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ringway_model::Secret;
use ringway_model::sid::{AccountSid, KeySid};
use ringway_store::{Account, AccountStatus, KeyKind, Store};

use crate::error::{Code, Fault};

/// Longer than any token or secret that is made here.
const HEADER_LENGTH_MAX: usize = 1024;

/// Who makes a request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The account whose token or key it is.
    pub(crate) account: Arc<Account>,
    /// The kind of the key, when a key was used.
    pub(crate) key: Option<KeyKind>,
}

impl Caller {
    /// Finds out who the headers say it is, and whether they prove it.
    pub(crate) fn authenticate(store: &Store, headers: &HeaderMap) -> Result<Self, Fault> {
        let (user, secret) = credentials(headers).ok_or_else(refused)?;
        let caller = if let Ok(sid) = user.parse::<AccountSid>() {
            by_token(store, &sid, &secret)?
        } else if let Ok(sid) = user.parse::<KeySid>() {
            by_key(store, &sid, &secret)?
        } else {
            return Err(unknown_user());
        };
        match (caller.account.status, caller.key) {
            (AccountStatus::Suspended | AccountStatus::Closed, _) => Err(refused()),
            // Such a key may do what it was given, and there is no way to give it anything yet.
            (AccountStatus::Active, Some(KeyKind::Restricted)) => Err(denied()),
            (AccountStatus::Active, _) => Ok(caller),
        }
    }

    /// The account that a path names, when the caller may act on it: its own, or one that it owns.
    /// A subaccount that reaches for its owner is refused, a stranger's account does not exist.
    pub(crate) fn reach(&self, store: &Store, sid: &AccountSid) -> Result<Arc<Account>, Fault> {
        if *sid == self.account.sid {
            return Ok(Arc::clone(&self.account));
        }
        if *sid == self.account.owner_account_sid {
            return Err(refused());
        }
        let child = store.account(sid).filter(|child| child.owner_account_sid == self.account.sid);
        child.ok_or_else(Fault::not_found)
    }

    /// Refuses keys of the kinds that must not touch accounts and keys (contract, rest.md 3).
    pub(crate) fn may_administer(&self) -> Result<(), Fault> {
        match self.key {
            None | Some(KeyKind::Main) => Ok(()),
            Some(KeyKind::Standard | KeyKind::Restricted) => Err(denied()),
        }
    }
}

/// 401 with the texts of the contract.
fn refused() -> Fault {
    let detail = Some("Your AccountSid or AuthToken was incorrect.");
    Fault { detail, ..Fault::of(Code::Unauthenticated) }
}

fn denied() -> Fault {
    Fault::because(Code::PermissionDenied, "this API key cannot be used for this resource")
}

fn unknown_user() -> Fault {
    Fault::because(Code::Unauthenticated, "Authentication Error - invalid username")
}

fn by_token(store: &Store, sid: &AccountSid, token: &Secret) -> Result<Caller, Fault> {
    let account = store.account(sid).ok_or_else(unknown_user)?;
    if !account.accepts_token(token.expose()) {
        return Err(refused());
    }
    Ok(Caller { account, key: None })
}

fn by_key(store: &Store, sid: &KeySid, secret: &Secret) -> Result<Caller, Fault> {
    let key = store.authenticate_key(sid, secret.expose())?.ok_or_else(refused)?;
    let account = store.account(&key.account_sid).ok_or_else(refused)?;
    Ok(Caller { account, key: Some(key.kind) })
}

/// The user and password of a Basic header (RFC 7617 2).
fn credentials(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > HEADER_LENGTH_MAX {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, Secret)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        credentials(&headers)
    }

    #[test]
    fn reads_a_basic_header_whose_password_may_have_colons() {
        let (user, password) = read("basic QUM6YTpi").unwrap();
        assert_eq!((user.as_str(), password.expose()), ("AC", "a:b"));
    }

    #[test]
    fn refuses_other_schemes_and_broken_ones() {
        for value in ["Bearer QUM6YTpi", "Basic", "Basic !!!", "Basic QUM=", "Basic /////w==", ""] {
            assert!(read(value).is_none(), "{value}");
        }
        assert!(read(&format!("Basic {}", "QUFB".repeat(1000))).is_none());
    }
}
