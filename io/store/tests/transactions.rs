//! Group commit: what fails alone fails alone, and what was not committed was never seen.

mod common;

use common::World;
use ringway_call::directory::Directory;
use ringway_store::{CreateDomainError, CreateListError, NewDomain, PageQuery, StoreError};

/// Makes COMMIT itself fail whenever a domain was inserted.
const FAILING_COMMIT: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE orphans (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER orphan AFTER INSERT ON domains BEGIN INSERT INTO orphans VALUES (1); END";

#[test]
fn a_refused_request_does_not_disturb_those_it_shares_a_transaction_with() {
    let world = World::new();
    let create = |name: &str| world.store.create_credential_list(world.account, name.to_owned());
    let pending: Vec<_> = ["a", "A", "b", "a", "c"].map(create).into_iter().collect();
    let outcomes: Vec<_> = pending.into_iter().map(|pending| pending.wait()).collect();
    for (number, outcome) in outcomes.iter().enumerate() {
        match number {
            1 | 3 => assert!(matches!(outcome, Err(CreateListError::FriendlyNameTaken)), "{number}"),
            _ => assert!(outcome.is_ok(), "{number}: {outcome:?}"),
        }
    }
    let world = world.reopened();
    let lists = world.store.credential_lists(&world.account, &PageQuery::default()).unwrap();
    let names: Vec<_> = lists.rows.iter().map(|list| list.friendly_name.as_str()).collect();
    assert_eq!(names, ["c", "b", "a"]);
}

#[test]
fn a_failed_commit_fails_its_requests_and_publishes_nothing() {
    let world = World::new();
    world.sabotage(FAILING_COMMIT);
    let made = world.store.create_domain(NewDomain::named(world.account, "a.sip.twilio.com")).wait();
    assert!(matches!(made, Err(CreateDomainError::Store(StoreError::NotCommitted(_)))), "{made:?}");
    assert!(world.store.directory().domain("a.sip.twilio.com").is_none());
    assert!(world.store.domains(&world.account, &PageQuery::default()).unwrap().rows.is_empty());

    world.sabotage("DROP TRIGGER orphan");
    world.domain("a");
    assert!(world.store.directory().domain("a.sip.twilio.com").is_some());
}

#[test]
fn the_directory_version_moves_with_the_directory_and_with_nothing_else() {
    let world = World::new();
    let connection = rusqlite::Connection::open(world.database()).unwrap();
    let version = || -> i64 {
        connection.query_row("SELECT version FROM directory_version", [], |row| row.get(0)).unwrap()
    };
    let before = version();
    let list = world.credential_list("a");
    assert_eq!(version(), before, "an empty list guards nothing");
    world.credential(&list, "alice");
    assert_eq!(version(), before + 1);
    world.domain("a");
    assert_eq!(version(), before + 2);
    drop(world.store.create_domain(NewDomain::named(world.account, "a.sip.twilio.com")).wait());
    assert_eq!(version(), before + 2, "a refused request changes nothing");
}

#[test]
fn a_write_can_be_awaited_or_waited_for() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let made = runtime.block_on(async {
        let (first, second) = (world.credential_list_later("a"), world.credential_list_later("b"));
        (first.await.unwrap(), second.await.unwrap())
    });
    assert_eq!(world.store.credential_list(&world.account, &made.0.sid).unwrap(), Some(made.0));
    assert!(world.store.probe().is_ok());
}

impl World {
    fn credential_list_later(
        &self,
        name: &str,
    ) -> ringway_store::Pending<ringway_store::CredentialList, CreateListError> {
        self.store.create_credential_list(self.account, name.to_owned())
    }
}
