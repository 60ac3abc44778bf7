//! Lists, what is in them, and what they are mapped to.

mod common;

use std::net::IpAddr;

use common::World;
use ringway_model::sid::CredentialListSid;
use ringway_store::{
    CreateCredentialError, CreateIpAddressError, CreateListError, CreateMappingError, DeleteListError,
    DigestHashes, IpAccessControlList, IpAddress, IpAddressUpdate, ListSid, MappingKind, NewIpAddress,
    PageQuery, UpdateIpAddressError, UpdateListError,
};

impl World {
    fn acl(&self, name: &str) -> IpAccessControlList {
        self.store.create_ip_access_control_list(self.account, name.to_owned()).wait().unwrap()
    }

    fn address(
        &self,
        list: &IpAccessControlList,
        name: &str,
        address: &str,
        prefix: u8,
    ) -> Result<Option<IpAddress>, CreateIpAddressError> {
        let new = NewIpAddress {
            account_sid: self.account,
            ip_access_control_list_sid: list.sid,
            friendly_name: name.to_owned(),
            ip_address: address.parse::<IpAddr>().unwrap(),
            cidr_prefix_length: prefix,
        };
        self.store.create_ip_address(new).wait()
    }
}

#[test]
fn a_friendly_name_is_unique_in_the_account_without_regard_to_case() {
    let world = World::new();
    let (staff, other) = (world.credential_list("Büro"), world.credential_list("other"));
    let made = world.store.create_credential_list(world.account, "BÜRO".to_owned()).wait();
    assert!(matches!(made, Err(CreateListError::FriendlyNameTaken)));
    let renamed = world.store.update_credential_list(world.account, other.sid, "bÜro".to_owned()).wait();
    assert!(matches!(renamed, Err(UpdateListError::FriendlyNameTaken)));
    let same = world.store.update_credential_list(world.account, staff.sid, "BÜRO".to_owned()).wait();
    assert_eq!(same.unwrap().unwrap().friendly_name, "BÜRO");
    // The two kinds of list do not share names, nor do accounts.
    world.acl("Büro");
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    assert!(world.store.create_credential_list(child.sid, "Büro".to_owned()).wait().is_ok());
}

#[test]
fn each_limit_holds() {
    let world = World::with(|options| {
        options.limits.ip_access_control_lists_per_account = 1;
        options.limits.addresses_per_list = 1;
        options.limits.credential_lists_per_account = 1;
        options.limits.credentials_per_list = 1;
    });
    let (acl, list) = (world.acl("a"), world.credential_list("a"));
    let more = world.store.create_ip_access_control_list(world.account, "b".to_owned()).wait();
    assert!(matches!(more, Err(CreateListError::LimitReached { limit: 1 })));
    let more = world.store.create_credential_list(world.account, "b".to_owned()).wait();
    assert!(matches!(more, Err(CreateListError::LimitReached { limit: 1 })));
    let address = world.address(&acl, "a", "192.0.2.1", 32).unwrap().unwrap();
    let more = world.address(&acl, "b", "192.0.2.2", 32);
    assert!(matches!(more, Err(CreateIpAddressError::LimitReached { limit: 1 })));
    let user = world.credential(&list, "alice");
    let more = world.store.create_credential(world.new_credential(&list, "bob")).wait();
    assert!(matches!(more, Err(CreateCredentialError::LimitReached { limit: 1 })));

    assert!(world.store.delete_ip_address(world.account, acl.sid, address.sid).wait().unwrap());
    assert!(world.address(&acl, "b", "192.0.2.2", 32).is_ok());
    assert!(world.store.delete_credential(world.account, list.sid, user.sid).wait().unwrap());
    world.credential(&list, "bob");
}

#[test]
fn an_address_and_its_name_are_unique_in_their_list() {
    let world = World::new();
    let (acl, other) = (world.acl("a"), world.acl("b"));
    let first = world.address(&acl, "Office", "192.0.2.1", 32).unwrap().unwrap();
    let second = world.address(&acl, "home", "192.0.2.2", 32).unwrap().unwrap();
    let named = world.address(&acl, "OFFICE", "192.0.2.3", 32);
    assert!(matches!(named, Err(CreateIpAddressError::FriendlyNameTaken)));
    let there = world.address(&acl, "x", "192.0.2.1", 24);
    assert!(matches!(there, Err(CreateIpAddressError::AddressTaken)));
    assert!(world.address(&other, "Office", "192.0.2.1", 32).is_ok());

    let change = |update| world.store.update_ip_address(world.account, acl.sid, second.sid, update).wait();
    let name = IpAddressUpdate { friendly_name: Some("office".to_owned()), ..Default::default() };
    assert!(matches!(change(name), Err(UpdateIpAddressError::FriendlyNameTaken)));
    let address = IpAddressUpdate { ip_address: Some(first.ip_address), ..Default::default() };
    assert!(matches!(change(address), Err(UpdateIpAddressError::AddressTaken)));
    let prefix = IpAddressUpdate { cidr_prefix_length: Some(33), ..Default::default() };
    assert!(matches!(change(prefix), Err(UpdateIpAddressError::InvalidPrefix)));
    let prefix = IpAddressUpdate { cidr_prefix_length: Some(24), ..Default::default() };
    let changed = change(prefix).unwrap().unwrap();
    assert_eq!((changed.cidr_prefix_length, changed.ip_address), (24, second.ip_address));
    assert_eq!(world.store.ip_address(&world.account, &acl.sid, &second.sid).unwrap(), Some(changed));
}

#[test]
fn a_user_name_is_unique_in_its_list_and_keeps_its_case() {
    let world = World::new();
    let (list, other) = (world.credential_list("a"), world.credential_list("b"));
    let alice = world.credential(&list, "Alice");
    let again = world.store.create_credential(world.new_credential(&list, "aLICE")).wait();
    assert!(matches!(again, Err(CreateCredentialError::UsernameTaken)));
    world.credential(&other, "alice");
    let read = world.store.credential(&world.account, &list.sid, &alice.sid).unwrap().unwrap();
    assert_eq!(read.username, "Alice");
    assert_eq!(world.store.credential(&world.account, &other.sid, &alice.sid).unwrap(), None);
}

#[test]
fn what_belongs_to_a_list_that_is_not_there_is_not_there_either() {
    let world = World::new();
    let list = world.credential_list("a");
    let alice = world.credential(&list, "alice");
    assert!(world.store.delete_credential_list(world.account, list.sid).wait().unwrap());
    assert!(!world.store.delete_credential_list(world.account, list.sid).wait().unwrap());
    assert!(world.store.credentials(&world.account, &list.sid, &PageQuery::default()).unwrap().is_none());
    assert_eq!(world.store.credential(&world.account, &list.sid, &alice.sid).unwrap(), None);
    let more = world.store.create_credential(world.new_credential(&list, "bob")).wait();
    assert!(matches!(more, Ok(None)));
    let hashes = DigestHashes::compute("alice", common::REALM, "Another-Password-1");
    let update = world.store.update_credential(world.account, list.sid, alice.sid, hashes).wait();
    assert!(matches!(update, Ok(None)));
}

#[test]
fn a_mapped_list_stays_until_it_is_unmapped() {
    let world = World::new();
    let (domain, acl) = (world.domain("a"), world.acl("a"));
    let kind = MappingKind::CallsIpAccessControlList;
    let sid = ListSid::from(acl.sid);
    let mapping = world.store.create_mapping(world.account, domain.sid, kind, sid).wait().unwrap().unwrap();
    assert_eq!((mapping.list_sid, mapping.friendly_name.as_str()), (sid, "a"));
    let deleted = world.store.delete_ip_access_control_list(world.account, acl.sid).wait();
    assert!(matches!(deleted, Err(DeleteListError::Mapped)));
    assert!(world.store.delete_mapping(world.account, domain.sid, kind, sid).wait().unwrap());
    assert!(!world.store.delete_mapping(world.account, domain.sid, kind, sid).wait().unwrap());
    assert!(world.store.delete_ip_access_control_list(world.account, acl.sid).wait().unwrap());
}

#[test]
fn a_mapping_is_made_once_for_each_use_and_can_be_made_again() {
    let world = World::new();
    let (domain, list) = (world.domain("a"), world.credential_list("staff"));
    let sid = ListSid::from(list.sid);
    let map = |kind| world.store.create_mapping(world.account, domain.sid, kind, sid).wait();
    let (calls, registrations) = (MappingKind::CallsCredentialList, MappingKind::RegistrationsCredentialList);
    map(calls).unwrap().unwrap();
    assert!(matches!(map(calls), Err(CreateMappingError::AlreadyMapped)));
    assert_eq!(world.store.mapping(&world.account, &domain.sid, registrations, &sid).unwrap(), None);
    map(registrations).unwrap().unwrap();
    assert!(world.store.delete_mapping(world.account, domain.sid, calls, sid).wait().unwrap());
    map(calls).unwrap().unwrap();
    let page = world.store.mappings(&world.account, &domain.sid, calls, &PageQuery::default());
    assert_eq!(page.unwrap().unwrap().rows.len(), 1);
}

#[test]
fn only_a_list_of_the_account_and_of_the_right_kind_can_be_mapped() {
    let world = World::new();
    let (domain, acl) = (world.domain("a"), world.acl("a"));
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    let foreign = world.store.create_credential_list(child.sid, "x".to_owned()).wait().unwrap();
    let unknown = CredentialListSid::from_random([7; 16]);
    for (kind, sid) in [
        (MappingKind::CallsCredentialList, ListSid::from(acl.sid)),
        (MappingKind::CallsIpAccessControlList, ListSid::from(foreign.sid)),
        (MappingKind::CallsCredentialList, ListSid::from(foreign.sid)),
        (MappingKind::RegistrationsCredentialList, ListSid::from(unknown)),
    ] {
        let mapped = world.store.create_mapping(world.account, domain.sid, kind, sid).wait();
        assert!(matches!(mapped, Err(CreateMappingError::NoSuchList)), "{kind:?} {sid}");
    }
    let kind = MappingKind::CallsIpAccessControlList;
    let elsewhere = world.store.create_mapping(child.sid, domain.sid, kind, acl.sid.into()).wait();
    assert!(matches!(elsewhere, Ok(None)));
}
