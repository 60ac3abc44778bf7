//! What the SIP path sees is what was committed last.

mod common;

use std::net::IpAddr;

use common::{REALM, World};
use ringway_call::directory::Directory;
use ringway_store::{
    AccountStatus, AccountUpdate, ByocTrunkUpdate, DigestHashes, Domain, DomainUpdate, IpAddressUpdate,
    ListSid, MappingKind, NewDomain, NewIpAddress,
};

impl World {
    fn map(&self, domain: &Domain, kind: MappingKind, list: impl Into<ListSid>) {
        self.store.create_mapping(self.account, domain.sid, kind, list.into()).wait().unwrap().unwrap();
    }
}

#[test]
fn a_gate_has_what_guards_the_domain_and_survives_a_restart() {
    let world = World::new();
    let mut new = NewDomain::named(world.account, "a.sip.twilio.com");
    new.voice_url = Some("http://example.com/".to_owned());
    new.byoc_trunk_sid = None;
    let domain = world.store.create_domain(new).wait().unwrap();
    let (calls, registrations) = (world.credential_list("calls"), world.credential_list("registrations"));
    world.map(&domain, MappingKind::CallsCredentialList, calls.sid);
    world.map(&domain, MappingKind::RegistrationsCredentialList, registrations.sid);
    world.credential(&calls, "Alice");
    let check = |world: &World| {
        let directory = world.store.directory();
        let gate = directory.domain("a.sip.twilio.com").unwrap();
        assert_eq!((gate.sid, gate.account_sid, gate.account_active), (domain.sid, world.account, true));
        assert_eq!(gate.voice.url.as_deref(), Some("http://example.com/"));
        assert_eq!(gate.acl, None);
        assert_eq!(gate.call_lists, [calls.sid]);
        assert_eq!(gate.registration_lists, [registrations.sid]);
        let hashes = directory.credentials(&world.account, "Alice").unwrap();
        let expected = DigestHashes::compute("Alice", REALM, "Secret-Password-1");
        assert!(hashes[..] == [(calls.sid, expected)]);
        assert!(directory.credentials(&world.account, "alice").is_none());
        assert!(directory.domain("b.sip.twilio.com").is_none());
    };
    check(&world);
    check(&world.reopened());
}

#[test]
fn an_access_control_list_lets_in_nobody_until_it_has_addresses() {
    let world = World::new();
    let domain = world.domain("a");
    let acl = world.store.create_ip_access_control_list(world.account, "a".to_owned()).wait().unwrap();
    let networks = || world.store.directory().domain("a.sip.twilio.com").unwrap().acl.clone();
    assert_eq!(networks(), None);
    world.map(&domain, MappingKind::CallsIpAccessControlList, acl.sid);
    assert_eq!(networks(), Some(vec![]));
    let new = NewIpAddress {
        account_sid: world.account,
        ip_access_control_list_sid: acl.sid,
        friendly_name: "a".to_owned(),
        ip_address: IpAddr::from([192, 0, 2, 77]),
        cidr_prefix_length: 24,
    };
    let address = world.store.create_ip_address(new).wait().unwrap().unwrap();
    assert_eq!(networks(), Some(vec!["192.0.2.0/24".parse().unwrap()]));
    let update = IpAddressUpdate { cidr_prefix_length: Some(32), ..Default::default() };
    world.store.update_ip_address(world.account, acl.sid, address.sid, update).wait().unwrap();
    assert_eq!(networks(), Some(vec!["192.0.2.77/32".parse().unwrap()]));
    world.store.delete_ip_address(world.account, acl.sid, address.sid).wait().unwrap();
    assert_eq!(networks(), Some(vec![]));
    let kind = MappingKind::CallsIpAccessControlList;
    world.store.delete_mapping(world.account, domain.sid, kind, acl.sid.into()).wait().unwrap();
    assert_eq!(networks(), None);
}

#[test]
fn a_renamed_domain_leaves_its_old_name_and_a_deleted_one_is_gone() {
    let world = World::new();
    let domain = world.domain("a");
    let directory = world.store.directory();
    let update = DomainUpdate { domain_name: Some("b.sip.twilio.com".to_owned()), ..Default::default() };
    world.store.update_domain(world.account, domain.sid, update).wait().unwrap();
    assert!(directory.domain("a.sip.twilio.com").is_none());
    assert_eq!(directory.domain("b.sip.twilio.com").unwrap().sid, domain.sid);
    world.store.delete_domain(world.account, domain.sid).wait().unwrap();
    assert!(directory.domain("b.sip.twilio.com").is_none());
}

#[test]
fn a_name_taken_over_in_the_same_transaction_is_the_new_owners() {
    let world = World::new();
    for round in 0..20 {
        let old = world.domain("a");
        // Queued together, so that they are likely to share a transaction.
        let deleted = world.store.delete_domain(world.account, old.sid);
        let made = world.store.create_domain(NewDomain::named(world.account, "a.sip.twilio.com"));
        assert!(deleted.wait().unwrap());
        let made = made.wait().unwrap();
        let gate = world.store.directory().domain("a.sip.twilio.com").map(|gate| gate.sid);
        assert_eq!(gate, Some(made.sid), "round {round}");
        world.store.delete_domain(world.account, made.sid).wait().unwrap();
    }
}

#[test]
fn a_suspended_account_closes_its_gates_until_it_is_active_again() {
    let world = World::new();
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    world.store.create_domain(NewDomain::named(child.sid, "a.sip.twilio.com")).wait().unwrap();
    let active = || world.store.directory().domain("a.sip.twilio.com").unwrap().account_active;
    for (status, expected) in [(AccountStatus::Suspended, false), (AccountStatus::Active, true)] {
        let update = AccountUpdate { status: Some(status), ..Default::default() };
        world.store.update_account(child.sid, update).wait().unwrap().unwrap();
        assert_eq!(active(), expected, "{status:?}");
    }
}

#[test]
fn a_domain_of_a_trunk_reaches_no_application_of_its_own() {
    let world = World::new();
    let mut new = NewDomain::named(world.account, "a.sip.twilio.com");
    new.voice_url = Some("http://example.com/".to_owned());
    let trunk = world.store.create_byoc_trunk(world.account, ByocTrunkUpdate::default()).wait().unwrap();
    new.byoc_trunk_sid = Some(trunk.sid);
    world.store.create_domain(new).wait().unwrap();
    let gate = world.store.directory().domain("a.sip.twilio.com").unwrap();
    assert_eq!(gate.urls().url, None);
}

#[test]
fn a_user_has_the_hashes_of_every_list_and_loses_those_of_a_deleted_one() {
    let world = World::new();
    let (first, second) = (world.credential_list("1"), world.credential_list("2"));
    world.credential(&first, "alice");
    world.credential(&second, "alice");
    let lists = || {
        let hashes = world.store.directory().credentials(&world.account, "alice");
        hashes.map(|hashes| hashes.iter().map(|(list, _)| *list).collect::<Vec<_>>())
    };
    assert_eq!(lists(), Some(vec![first.sid, second.sid]));
    world.store.delete_credential_list(world.account, first.sid).wait().unwrap();
    assert_eq!(lists(), Some(vec![second.sid]));
    world.store.delete_credential_list(world.account, second.sid).wait().unwrap();
    assert_eq!(lists(), None);
}

#[test]
fn a_changed_password_replaces_the_old_one_at_once() {
    let world = World::new();
    let list = world.credential_list("a");
    let alice = world.credential(&list, "alice");
    let hashes = DigestHashes::compute("alice", REALM, "Another-Password-1");
    world
        .store
        .update_credential(world.account, list.sid, alice.sid, hashes.clone())
        .wait()
        .unwrap()
        .unwrap();
    let published = world.store.directory().credentials(&world.account, "alice").unwrap();
    assert!(published[..] == [(list.sid, hashes)]);
}

/// Two writers: one makes and revokes a credential over and over, the other keeps changing the same user in
/// another list. Whoever reads after a revocation was answered must never see the credential again.
#[test]
fn a_revoked_credential_stays_revoked_whatever_another_writer_does() {
    let world = World::new();
    let (revoked, other) = (world.credential_list("revoked"), world.credential_list("other"));
    let kept = world.credential(&other, "alice");
    let directory = world.store.directory();
    std::thread::scope(|scope| {
        let changing = scope.spawn(|| {
            for number in 0..300 {
                let hashes = DigestHashes::compute("alice", REALM, &number.to_string());
                world.store.update_credential(world.account, other.sid, kept.sid, hashes).wait().unwrap();
            }
        });
        let mut rounds = 0;
        while rounds < 100 || !changing.is_finished() {
            let alice = world.credential(&revoked, "alice");
            let lists = |directory: &dyn Directory| {
                let hashes = directory.credentials(&world.account, "alice").unwrap();
                hashes.iter().map(|(list, _)| *list).collect::<Vec<_>>()
            };
            assert!(lists(&*directory).contains(&revoked.sid), "round {rounds}");
            assert!(world.store.delete_credential(world.account, revoked.sid, alice.sid).wait().unwrap());
            assert_eq!(lists(&*directory), [other.sid], "round {rounds}");
            rounds += 1;
        }
    });
}
