//! Opening: one process at a time, the right key, the right realm, and nothing readable at rest.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{REALM, World};
use ringway_model::Secret;
use ringway_store::{
    AccountFilter, AccountStatus, AccountUpdate, EnsureRootAccountError, KeyKind, OpenError, PageQuery,
    RootAccount, Store, StoreOptions, UpdateAccountError, root_account_of,
};

#[test]
fn a_second_process_is_told_who_has_the_directory_and_may_have_it_afterwards() {
    let world = World::new();
    let second = || Store::open(StoreOptions::new(world.directory.path(), REALM));
    let refused = second().unwrap_err();
    assert!(matches!(refused, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()));
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    let World { store, directory, .. } = world;
    drop(store);
    // What a killed process leaves behind: the file, with its number in it.
    assert!(directory.path().join("lock").exists());
    Store::open(StoreOptions::new(directory.path(), REALM)).unwrap();
}

#[test]
fn the_directory_stays_ours_while_any_handle_is_left() {
    let world = World::new();
    let handle = world.store.clone();
    let World { store, directory, .. } = world;
    drop(store);
    assert!(Store::open(StoreOptions::new(directory.path(), REALM)).is_err());
    drop(handle);
    assert!(Store::open(StoreOptions::new(directory.path(), REALM)).is_ok());
}

#[test]
fn what_was_made_with_the_store_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let data_dir = parent.path().join("deep").join("data");
    let _store = Store::open(StoreOptions::new(&data_dir, REALM)).unwrap();
    let mode = |name: &str| fs::metadata(data_dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("secret.key"), 0o600);
    assert_eq!(mode("."), 0o700);
    assert_eq!((mode("ringway.db"), mode("ringway.db-wal")), (0o600, 0o600));
}

#[test]
fn the_key_may_live_elsewhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let key_file = elsewhere.path().join("ringway.key");
    let world = World::with(|options| options.key_file = Some(key_file.clone()));
    assert!(key_file.exists());
    assert!(!world.directory.path().join("secret.key").exists());
    let World { store, directory, .. } = world;
    drop(store);
    let missing = Store::open(StoreOptions::new(directory.path(), REALM)).unwrap_err();
    assert!(matches!(missing, OpenError::KeyFileMissing { .. }), "{missing}");
    assert!(!directory.path().join("secret.key").exists(), "no new key may be made for an old database");
}

#[test]
fn a_key_that_others_can_read_is_refused_with_what_to_do() {
    let world = World::new();
    let key_file = world.directory.path().join("secret.key");
    let World { store, directory, .. } = world;
    drop(store);
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Store::open(StoreOptions::new(directory.path(), REALM)).unwrap_err();
    assert!(matches!(refused, OpenError::KeyFileExposed { mode: 0o640, .. }));
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
}

#[test]
fn another_key_and_a_broken_one_are_told_apart() {
    let world = World::new();
    let key_file = world.directory.path().join("secret.key");
    let World { store, directory, .. } = world;
    drop(store);
    let open = || Store::open(StoreOptions::new(directory.path(), REALM)).unwrap_err();
    fs::write(&key_file, "ab".repeat(32)).unwrap();
    assert!(matches!(open(), OpenError::WrongKey { .. }));
    for broken in ["", "not a key", &"+1".repeat(32)] {
        fs::write(&key_file, broken).unwrap();
        assert!(matches!(open(), OpenError::KeyFileMalformed { .. }), "{broken:?}");
    }
}

#[test]
fn another_realm_is_refused_with_the_number_of_credentials_it_would_cost() {
    let world = World::new();
    let list = world.credential_list("a");
    let (alice, bob) = (world.credential(&list, "alice"), world.credential(&list, "bob"));
    world.store.delete_credential(world.account, list.sid, bob.sid).wait().unwrap();
    let World { store, account, directory } = world;
    drop(store);
    let other = || Store::open(StoreOptions::new(directory.path(), "other.example.com"));
    let refused = other().unwrap_err();
    assert!(
        matches!(&refused, OpenError::RealmChanged { stored, credentials: 1, .. } if stored == REALM),
        "{refused}"
    );
    assert!(refused.to_string().contains("1 stored credential"), "{refused}");

    let store = Store::open(StoreOptions::new(directory.path(), REALM)).unwrap();
    assert!(store.delete_credential(account, list.sid, alice.sid).wait().unwrap());
    drop(store);
    assert_eq!(other().unwrap().realm(), "other.example.com");
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let world = World::new();
    world.sabotage("PRAGMA user_version = 999");
    let World { store, directory, .. } = world;
    drop(store);
    let refused = Store::open(StoreOptions::new(directory.path(), REALM)).unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 999, .. }));
}

#[test]
fn the_root_account_is_made_once_and_takes_the_token_it_is_given() {
    let world = World::new();
    let again = world.store.ensure_root_account(RootAccount::default()).wait().unwrap();
    assert_eq!((again.account.sid, again.created), (world.account, false));
    assert_eq!(world.store.root_account().unwrap(), Some(again.account.clone()));
    assert!(again.account.accepts_token(again.account.auth_token.expose()));
    assert!(!again.account.accepts_token("") && !again.account.accepts_token("x"));

    let token = Secret::new("0123456789abcdef0123456789abcdef");
    let given = RootAccount { auth_token: Some(token.clone()), ..RootAccount::default() };
    world.store.ensure_root_account(given).wait().unwrap();
    let world = world.reopened();
    assert_eq!(world.store.account(&world.account).unwrap().auth_token, token);

    let sid = "AC00000000000000000000000000000001".parse().unwrap();
    let other = RootAccount { sid: Some(sid), ..RootAccount::default() };
    let refused = world.store.ensure_root_account(other).wait();
    assert!(matches!(refused, Err(EnsureRootAccountError::AnotherRoot { sid }) if sid == world.account));
}

#[test]
fn the_root_account_can_be_read_beside_the_process_that_has_the_directory_and_after_it() {
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(root_account_of(empty.path(), None).unwrap(), None);
    let world = World::new();
    let account = world.store.root_account().unwrap();
    assert_eq!(root_account_of(world.directory.path(), None).unwrap(), account);
    let World { store, directory, .. } = world;
    drop(store);
    assert_eq!(root_account_of(directory.path(), None).unwrap(), account);
}

#[test]
fn an_account_lists_itself_and_what_it_owns() {
    let world = World::new();
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    let list = |owner, filter: AccountFilter| {
        let page = world.store.accounts(owner, &filter, &PageQuery::default()).unwrap();
        page.rows.into_iter().map(|account| account.sid).collect::<Vec<_>>()
    };
    assert_eq!(list(&world.account, AccountFilter::default()), [child.sid, world.account]);
    assert_eq!(list(&child.sid, AccountFilter::default()), [child.sid]);
    let named = AccountFilter { friendly_name: Some("child".to_owned()), ..AccountFilter::default() };
    assert_eq!(list(&world.account, named), [child.sid]);
}

#[test]
fn the_root_stays_active_and_a_closed_account_stays_closed() {
    let world = World::new();
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    let set = |sid, status| {
        let update = AccountUpdate { status: Some(status), ..AccountUpdate::default() };
        world.store.update_account(sid, update).wait()
    };
    let root = set(world.account, AccountStatus::Suspended);
    assert!(matches!(root, Err(UpdateAccountError::RootStatus)));
    assert_eq!(set(child.sid, AccountStatus::Closed).unwrap().unwrap().status, AccountStatus::Closed);
    assert!(matches!(set(child.sid, AccountStatus::Active), Err(UpdateAccountError::Closed)));
}

#[test]
fn no_secret_lies_in_the_files_as_it_is() {
    let world = World::new();
    let list = world.credential_list("a");
    world.credential(&list, "alice");
    let key = world.store.create_key(world.account, "k".to_owned(), KeyKind::Standard).wait().unwrap();
    let token = world.store.account(&world.account).unwrap().auth_token.clone();
    let hashes = world.new_credential(&list, "alice").hashes;
    let secrets = [token.expose().as_bytes(), key.secret.expose().as_bytes(), &hashes.md5, &hashes.sha256];
    for name in ["ringway.db", "ringway.db-wal"] {
        let content = fs::read(world.directory.path().join(name)).unwrap();
        for secret in secrets {
            assert!(!content.windows(secret.len()).any(|window| window == secret), "a secret is in {name}");
        }
    }
}

#[test]
fn a_hash_moved_to_another_row_does_not_open() {
    let world = World::new();
    let list = world.credential_list("a");
    world.credential(&list, "alice");
    world.credential(&list, "bob");
    world.sabotage(
        "UPDATE credentials SET hashes = (SELECT hashes FROM credentials WHERE username = 'alice')
         WHERE username = 'bob'",
    );
    let World { store, directory, .. } = world;
    drop(store);
    assert!(Store::open(StoreOptions::new(directory.path(), REALM)).is_err());
}

#[test]
fn a_key_authenticates_until_it_is_revoked() {
    let world = World::new();
    let made = world.store.create_key(world.account, "k".to_owned(), KeyKind::Standard).wait().unwrap();
    let secret = made.secret.expose();
    let authenticate = |secret: &str| world.store.authenticate_key(&made.key.sid, secret).unwrap();
    assert_eq!(authenticate(secret), Some(made.key.clone()));
    assert_eq!(authenticate(""), None);
    assert_eq!(authenticate(&secret[1..]), None);
    let renamed = world.store.update_key(world.account, made.key.sid, "new".to_owned()).wait().unwrap();
    assert_eq!(renamed.unwrap().friendly_name, "new");
    assert!(world.store.delete_key(world.account, made.key.sid).wait().unwrap());
    assert_eq!(authenticate(secret), None);
    assert_eq!(world.store.key(&world.account, &made.key.sid).unwrap(), None);
}
