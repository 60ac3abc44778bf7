//! A store in a directory of its own, with its root account.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::PathBuf;

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CallSid};
use ringway_model::{CallStatus, Direction};
use ringway_store::{
    CallbackRequest, Credential, CredentialList, DigestHashes, Domain, HttpMethod, NewCall, NewCredential,
    NewDomain, RootAccount, Store, StoreOptions,
};

pub const REALM: &str = "sip.example.com";

pub struct World {
    pub store: Store,
    pub account: AccountSid,
    pub directory: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(adjust: impl FnOnce(&mut StoreOptions)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::new(directory.path(), REALM);
        adjust(&mut options);
        let store = Store::open(options).unwrap();
        let account = store.ensure_root_account(RootAccount::default()).wait().unwrap().account.sid;
        Self { store, account, directory }
    }

    /// Closes the store and opens its directory again.
    pub fn reopened(self) -> Self {
        let Self { store, account, directory } = self;
        drop(store);
        let store = Store::open(StoreOptions::new(directory.path(), REALM)).unwrap();
        Self { store, account, directory }
    }

    pub fn database(&self) -> PathBuf {
        self.directory.path().join("ringway.db")
    }

    /// Changes the schema behind the store's back, to make it fail.
    pub fn sabotage(&self, sql: &str) {
        rusqlite::Connection::open(self.database()).unwrap().execute_batch(sql).unwrap();
    }

    pub fn domain(&self, label: &str) -> Domain {
        let name = format!("{label}.sip.twilio.com");
        self.store.create_domain(NewDomain::named(self.account, name)).wait().unwrap()
    }

    pub fn credential_list(&self, name: &str) -> CredentialList {
        self.store.create_credential_list(self.account, name.to_owned()).wait().unwrap()
    }

    pub fn credential(&self, list: &CredentialList, user: &str) -> Credential {
        self.store.create_credential(self.new_credential(list, user)).wait().unwrap().unwrap()
    }

    pub fn new_credential(&self, list: &CredentialList, user: &str) -> NewCredential {
        NewCredential {
            account_sid: self.account,
            credential_list_sid: list.sid,
            username: user.to_owned(),
            hashes: DigestHashes::compute(user, REALM, "Secret-Password-1"),
        }
    }

    pub fn new_call(&self, number: u8) -> NewCall {
        NewCall {
            sid: call_sid(number),
            account_sid: self.account,
            parent_call_sid: None,
            direction: Direction::Inbound,
            status: CallStatus::Ringing,
            from: "sip:alice@example.com".to_owned(),
            to: "sip:bob@a.sip.twilio.com".to_owned(),
            caller_name: None,
            forwarded_from: None,
            phone_number_sid: None,
            domain_sid: None,
            node: "one".to_owned(),
            now: time(1000),
            start_time: Some(time(1000)),
            callback: Some(callback()),
        }
    }
}

pub fn call_sid(number: u8) -> CallSid {
    CallSid::from_random([number; 16])
}

pub fn time(seconds: i64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

pub fn callback() -> CallbackRequest {
    CallbackRequest {
        url: "http://127.0.0.1/over?a=1".to_owned(),
        method: HttpMethod::Post,
        params: vec![("CallSid".to_owned(), "CA1".to_owned()), ("From".to_owned(), "\"é\"".to_owned())],
    }
}
