//! Domains: names, limits, subdomains, and what goes with a domain.

mod common;

use common::World;
use ringway_model::sid::AccountSid;
use ringway_store::{
    CreateDomainError, DeleteDomainError, DomainUpdate, HttpMethod, ListSid, MappingKind, NewDomain,
    PageQuery, UpdateDomainError,
};

fn rename(name: &str) -> DomainUpdate {
    DomainUpdate { domain_name: Some(name.to_owned()), ..DomainUpdate::default() }
}

#[test]
fn a_domain_comes_back_as_it_was_made_and_changed() {
    let world = World::new();
    let mut new = NewDomain::named(world.account, "Shop.SIP.twilio.com");
    new.voice_url = Some("http://example.com/voice".to_owned());
    new.voice_method = HttpMethod::Get;
    new.sip_registration = true;
    let made = world.store.create_domain(new).wait().unwrap();
    assert_eq!(made.domain_name, "shop.sip.twilio.com");
    assert_eq!(world.store.domain(&world.account, &made.sid).unwrap(), Some(made.clone()));

    let update = DomainUpdate {
        voice_url: Some(None),
        friendly_name: Some(Some("The shop".to_owned())),
        secure: Some(true),
        ..DomainUpdate::default()
    };
    let changed = world.store.update_domain(world.account, made.sid, update).wait().unwrap().unwrap();
    assert_eq!(changed.voice_url, None);
    assert_eq!(changed.friendly_name.as_deref(), Some("The shop"));
    assert_eq!(
        (changed.secure, changed.sip_registration, changed.voice_method),
        (true, true, HttpMethod::Get)
    );
    let world = world.reopened();
    assert_eq!(world.store.domain(&world.account, &made.sid).unwrap(), Some(changed));
}

#[test]
fn another_account_sees_no_domain_of_this_one() {
    let world = World::new();
    let domain = world.domain("a");
    let other = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    assert_eq!(world.store.domain(&other.sid, &domain.sid).unwrap(), None);
    assert!(world.store.domains(&other.sid, &PageQuery::default()).unwrap().rows.is_empty());
    assert!(!world.store.delete_domain(other.sid, domain.sid).wait().unwrap());
    let update = world.store.update_domain(other.sid, domain.sid, DomainUpdate::default()).wait();
    assert!(matches!(update, Ok(None)));
}

#[test]
fn a_name_is_unique_everywhere_without_regard_to_case_until_it_is_given_up() {
    let world = World::new();
    let first = world.domain("a");
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    let again = || world.store.create_domain(NewDomain::named(child.sid, "A.sip.TWILIO.com")).wait();
    assert!(matches!(again(), Err(CreateDomainError::NameTaken)));
    assert!(world.store.delete_domain(world.account, first.sid).wait().unwrap());
    assert!(again().is_ok());
}

#[test]
fn a_name_outside_the_suffixes_is_refused() {
    let world = World::with(|options| options.domain_suffixes.push("Ringway.test".to_owned()));
    let make = |name: &str| world.store.create_domain(NewDomain::named(world.account, name)).wait();
    assert!(make("demo.ringway.test").is_ok());
    for name in ["demo.example.com", "sip.twilio.com", "xsip.twilio.com"] {
        assert!(matches!(make(name), Err(CreateDomainError::OutsideSuffixes)), "{name}");
    }
}

#[test]
fn the_limit_counts_live_domains_and_can_be_raised() {
    let world = World::with(|options| options.limits.domains_per_account = 2);
    let first = world.domain("a");
    world.domain("b");
    let make = || world.store.create_domain(NewDomain::named(world.account, "c.sip.twilio.com")).wait();
    assert!(matches!(make(), Err(CreateDomainError::LimitReached { limit: 2 })));
    world.store.delete_domain(world.account, first.sid).wait().unwrap();
    assert!(make().is_ok());
    let world = world.reopened();
    assert!(world.store.create_domain(NewDomain::named(world.account, "d.sip.twilio.com")).wait().is_ok());
}

#[test]
fn a_refused_request_does_not_use_up_the_limit() {
    let world = World::with(|options| options.limits.domains_per_account = 2);
    world.domain("a");
    for _ in 0..3 {
        let taken = world.store.create_domain(NewDomain::named(world.account, "a.sip.twilio.com")).wait();
        assert!(matches!(taken, Err(CreateDomainError::NameTaken)));
    }
    world.domain("b");
}

#[test]
fn an_unknown_account_has_no_domains() {
    let world = World::new();
    let stranger = AccountSid::from_random([9; 16]);
    let made = world.store.create_domain(NewDomain::named(stranger, "a.sip.twilio.com")).wait();
    assert!(matches!(made, Err(CreateDomainError::NoSuchAccount)));
}

#[test]
fn a_subdomain_needs_its_parent_in_the_account_or_its_owner() {
    let world = World::new();
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    let make = |account, name: &str| world.store.create_domain(NewDomain::named(account, name)).wait();
    let missing = make(world.account, "a.b.sip.twilio.com");
    assert!(
        matches!(missing, Err(CreateDomainError::NoParentDomain { parent }) if parent == "b.sip.twilio.com")
    );
    world.domain("b");
    make(child.sid, "a.b.sip.twilio.com").unwrap();
    make(child.sid, "c.sip.twilio.com").unwrap();
    let upwards = make(world.account, "a.c.sip.twilio.com");
    assert!(matches!(upwards, Err(CreateDomainError::NoParentDomain { .. })));
}

#[test]
fn a_domain_with_subdomains_keeps_its_name_and_stays() {
    let world = World::new();
    let parent = world.domain("b");
    let child = world.domain("a.b");
    let renamed = world.store.update_domain(world.account, parent.sid, rename("z.sip.twilio.com")).wait();
    assert!(matches!(renamed, Err(UpdateDomainError::HasSubdomains)));
    let deleted = world.store.delete_domain(world.account, parent.sid).wait();
    assert!(matches!(deleted, Err(DeleteDomainError::HasSubdomains)));
    assert!(world.store.delete_domain(world.account, child.sid).wait().unwrap());
    assert!(world.store.delete_domain(world.account, parent.sid).wait().unwrap());
}

#[test]
fn a_new_name_follows_the_rules_of_a_first_one() {
    let world = World::new();
    let domain = world.domain("a");
    world.domain("b");
    let to = |name: &str| world.store.update_domain(world.account, domain.sid, rename(name)).wait();
    assert!(matches!(to("B.sip.twilio.com"), Err(UpdateDomainError::NameTaken)));
    assert!(matches!(to("a.example.com"), Err(UpdateDomainError::OutsideSuffixes)));
    assert!(matches!(to("x.a.sip.twilio.com"), Err(UpdateDomainError::NoParentDomain { .. })));
    assert_eq!(to("A.SIP.twilio.com").unwrap().unwrap().domain_name, "a.sip.twilio.com");
    assert_eq!(to("a.b.sip.twilio.com").unwrap().unwrap().domain_name, "a.b.sip.twilio.com");
}

#[test]
fn deleting_a_domain_drops_its_mappings_and_frees_the_list() {
    let world = World::new();
    let (domain, list) = (world.domain("a"), world.credential_list("staff"));
    let kind = MappingKind::CallsCredentialList;
    let sid = ListSid::from(list.sid);
    world.store.create_mapping(world.account, domain.sid, kind, sid).wait().unwrap().unwrap();
    assert!(world.store.domain(&world.account, &domain.sid).unwrap().unwrap().auth.credential_list);
    assert!(world.store.delete_credential_list(world.account, list.sid).wait().is_err());
    assert!(world.store.delete_domain(world.account, domain.sid).wait().unwrap());
    assert_eq!(world.store.mapping(&world.account, &domain.sid, kind, &sid).unwrap(), None);
    assert!(world.store.delete_credential_list(world.account, list.sid).wait().unwrap());
}

#[test]
fn the_schema_itself_refuses_what_the_code_should_have() {
    let world = World::new();
    let domain = world.domain("b");
    world.domain("a.b");
    let connection = rusqlite::Connection::open(world.database()).unwrap();
    let refused = |sql: &str| connection.execute(sql, []).is_err();
    assert!(refused(&format!("UPDATE domains SET deleted_at = 1 WHERE sid = '{}'", domain.sid)));
    assert!(refused("UPDATE domains SET domain_name = 'a.b.sip.twilio.com'"));
    assert!(refused("UPDATE accounts SET domain_count = -1"));
    assert!(refused("UPDATE domains SET secure = 2"));
}
