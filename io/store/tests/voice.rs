//! Trunks, policies and source mappings, and what the SIP path sees of them.

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::World;
use ringway_call::HttpMethod;
use ringway_call::directory::Directory;
use ringway_model::sid::ByocTrunkSid;
use ringway_store::{
    ByocTrunkUpdate, CreateConnectionPolicyError, CreateDomainError, CreateTargetError, DeleteUsedError,
    DialingPermission, DomainUpdate, IpRecord, NewConnectionPolicyTarget, NewDomain, PageQuery, Retention,
    SaveByocTrunkError, SaveSourceIpMappingError, UpdateDomainError,
};

impl World {
    fn trunk(&self, url: &str) -> ringway_store::ByocTrunk {
        let fields = ByocTrunkUpdate { voice_url: Some(Some(url.to_owned())), ..Default::default() };
        self.store.create_byoc_trunk(self.account, fields).wait().unwrap()
    }

    fn record(&self, address: &str, prefix: u8) -> IpRecord {
        self.store.create_ip_record(self.account, None, address.parse().unwrap(), prefix).wait().unwrap()
    }

    fn domain_from(&self, address: &str) -> Option<String> {
        let address: IpAddr = address.parse().unwrap();
        self.store.directory().domain_of_source(address).map(|gate| gate.name.clone())
    }
}

#[test]
fn a_gate_carries_the_urls_of_its_trunk_as_they_change() {
    let world = World::new();
    let trunk = world.trunk("http://one.example/");
    let mut new = NewDomain::named(world.account, "a.sip.twilio.com");
    new.voice_url = Some("http://own.example/".to_owned());
    new.byoc_trunk_sid = Some(trunk.sid);
    let domain = world.store.create_domain(new).wait().unwrap();
    let gate = || world.store.directory().domain("a.sip.twilio.com").unwrap();
    assert_eq!(gate().urls().url.as_deref(), Some("http://one.example/"));

    let update = ByocTrunkUpdate {
        voice_url: Some(Some("http://two.example/".to_owned())),
        voice_method: Some(HttpMethod::Get),
        status_callback_url: Some(Some("http://status.example/".to_owned())),
        ..Default::default()
    };
    world.store.update_byoc_trunk(world.account, trunk.sid, update).wait().unwrap().unwrap();
    assert_eq!(gate().urls().url.as_deref(), Some("http://two.example/"));
    assert_eq!(gate().urls().method, HttpMethod::Get);
    assert_eq!(gate().urls().status_callback_url.as_deref(), Some("http://status.example/"));

    let refused = world.store.delete_byoc_trunk(world.account, trunk.sid).wait();
    assert!(matches!(refused, Err(DeleteUsedError::InUse { by }) if by == domain.sid.as_str()));
    let none = DomainUpdate { byoc_trunk_sid: Some(None), ..Default::default() };
    world.store.update_domain(world.account, domain.sid, none).wait().unwrap().unwrap();
    assert_eq!(gate().urls().url.as_deref(), Some("http://own.example/"));
    assert!(world.store.delete_byoc_trunk(world.account, trunk.sid).wait().unwrap());
    assert!(!world.store.delete_byoc_trunk(world.account, trunk.sid).wait().unwrap());
}

#[test]
fn a_domain_names_only_trunks_of_its_account() {
    let world = World::new();
    let other = world.store.create_subaccount(world.account, "other".to_owned()).wait().unwrap().unwrap();
    let trunk = world.store.create_byoc_trunk(other.sid, ByocTrunkUpdate::default()).wait().unwrap();
    for sid in [trunk.sid, ByocTrunkSid::from_random([9; 16])] {
        let mut new = NewDomain::named(world.account, "a.sip.twilio.com");
        new.byoc_trunk_sid = Some(sid);
        let refused = world.store.create_domain(new).wait();
        assert!(matches!(refused, Err(CreateDomainError::NoSuchByocTrunk)));
        let domain = world.domain("b");
        let update = DomainUpdate { byoc_trunk_sid: Some(Some(sid)), ..Default::default() };
        let refused = world.store.update_domain(world.account, domain.sid, update).wait();
        assert!(matches!(refused, Err(UpdateDomainError::NoSuchByocTrunk)));
        assert!(world.store.delete_domain(world.account, domain.sid).wait().unwrap());
    }
}

#[test]
fn the_most_specific_source_wins_and_follows_its_domain() {
    let world = World::new();
    let (a, b) = (world.domain("a"), world.domain("b"));
    let (wide, narrow) = (world.record("192.0.2.77", 24), world.record("192.0.2.7", 32));
    let map = |record: &IpRecord, domain: &ringway_store::Domain| {
        world.store.create_source_ip_mapping(world.account, record.sid, domain.sid).wait()
    };
    let first = map(&wide, &a).unwrap();
    map(&narrow, &b).unwrap();
    assert_eq!(world.domain_from("192.0.2.9").as_deref(), Some("a.sip.twilio.com"));
    assert_eq!(world.domain_from("192.0.2.7").as_deref(), Some("b.sip.twilio.com"));
    assert_eq!(world.domain_from("198.51.100.1"), None);
    assert!(matches!(map(&wide, &b), Err(SaveSourceIpMappingError::AlreadyMapped)));
    let refused = world.store.delete_ip_record(world.account, wide.sid).wait();
    assert!(matches!(refused, Err(DeleteUsedError::InUse { .. })));

    let renamed = DomainUpdate { domain_name: Some("c.sip.twilio.com".to_owned()), ..Default::default() };
    world.store.update_domain(world.account, a.sid, renamed).wait().unwrap().unwrap();
    assert_eq!(world.domain_from("192.0.2.9").as_deref(), Some("c.sip.twilio.com"));
    assert!(world.store.delete_domain(world.account, b.sid).wait().unwrap());
    assert_eq!(world.domain_from("192.0.2.7").as_deref(), Some("c.sip.twilio.com"));
    let world = world.reopened();
    assert_eq!(world.domain_from("192.0.2.7").as_deref(), Some("c.sip.twilio.com"));
    assert!(world.store.delete_source_ip_mapping(world.account, first.sid).wait().unwrap());
    assert_eq!(world.domain_from("192.0.2.9"), None);
    assert!(world.store.delete_ip_record(world.account, wide.sid).wait().unwrap());
}

#[test]
fn policies_and_targets_have_limits_and_go_together() {
    let world = World::with(|options| {
        options.limits.connection_policies_per_account = 1;
        options.limits.targets_per_connection_policy = 1;
    });
    let policy = world.store.create_connection_policy(world.account, None).wait().unwrap();
    let second = world.store.create_connection_policy(world.account, None).wait();
    assert!(matches!(second, Err(CreateConnectionPolicyError::LimitReached { limit: 1 })));
    let new = NewConnectionPolicyTarget {
        account_sid: world.account,
        connection_policy_sid: policy.sid,
        friendly_name: None,
        target: "sip:carrier.example".to_owned(),
        priority: 65535,
        weight: 1,
        enabled: true,
    };
    let add = || world.store.create_connection_policy_target(new.clone()).wait();
    let target = add().unwrap().unwrap();
    assert!(matches!(add(), Err(CreateTargetError::LimitReached { limit: 1 })));
    assert!(
        world.store.delete_connection_policy_target(world.account, policy.sid, target.sid).wait().unwrap()
    );
    let target = add().unwrap().unwrap();

    let fields = ByocTrunkUpdate { connection_policy_sid: Some(Some(policy.sid)), ..Default::default() };
    let trunk = world.store.create_byoc_trunk(world.account, fields).wait().unwrap();
    let refused = world.store.delete_connection_policy(world.account, policy.sid).wait();
    assert!(matches!(refused, Err(DeleteUsedError::InUse { by }) if by == trunk.sid.as_str()));
    assert!(world.store.delete_byoc_trunk(world.account, trunk.sid).wait().unwrap());
    assert!(world.store.delete_connection_policy(world.account, policy.sid).wait().unwrap());
    let gone = world.store.connection_policy_target(&world.account, &policy.sid, &target.sid);
    assert_eq!(gone.unwrap(), None);
    let page = PageQuery::default();
    let targets = world.store.connection_policy_targets(&world.account, &policy.sid, &page);
    assert_eq!(targets.unwrap(), None);
    assert!(add().unwrap().is_none());
    assert!(world.store.create_connection_policy(world.account, None).wait().is_ok());
}

#[test]
fn a_trunk_loses_the_domain_it_calls_from_when_that_goes() {
    let world = World::new();
    let domain = world.domain("a");
    let fields = ByocTrunkUpdate { from_domain_sid: Some(Some(domain.sid)), ..Default::default() };
    let trunk = world.store.create_byoc_trunk(world.account, fields.clone()).wait().unwrap();
    assert_eq!(trunk.from_domain_sid, Some(domain.sid));
    assert!(world.store.delete_domain(world.account, domain.sid).wait().unwrap());
    let trunk = world.store.byoc_trunk(&world.account, &trunk.sid).unwrap().unwrap();
    assert_eq!(trunk.from_domain_sid, None);
    let refused = world.store.create_byoc_trunk(world.account, fields).wait();
    assert!(matches!(refused, Err(SaveByocTrunkError::NoSuchDomain)));
}

#[test]
fn deleted_rows_are_purged_after_what_names_them() {
    let world = World::new();
    let (domain, record) = (world.domain("a"), world.record("192.0.2.7", 32));
    world.store.create_source_ip_mapping(world.account, record.sid, domain.sid).wait().unwrap();
    let policy = world.store.create_connection_policy(world.account, None).wait().unwrap();
    let fields = ByocTrunkUpdate { connection_policy_sid: Some(Some(policy.sid)), ..Default::default() };
    let trunk = world.store.create_byoc_trunk(world.account, fields).wait().unwrap();
    assert!(world.store.delete_domain(world.account, domain.sid).wait().unwrap());
    assert!(world.store.delete_ip_record(world.account, record.sid).wait().unwrap());
    assert!(world.store.delete_byoc_trunk(world.account, trunk.sid).wait().unwrap());
    assert!(world.store.delete_connection_policy(world.account, policy.sid).wait().unwrap());
    let day = Some(Duration::from_secs(86_400));
    let purge = || {
        let retention = Retention { deleted: day, notifications: None, calls: None };
        world.store.purge(retention).wait().unwrap()
    };
    world.sabotage("UPDATE domains SET deleted_at = 1; UPDATE connection_policies SET deleted_at = 1;");
    world.sabotage("UPDATE ip_records SET deleted_at = 1;");
    assert_eq!(purge(), 0, "all three are named by rows that are kept a while longer");
    world.sabotage("UPDATE byoc_trunks SET deleted_at = 1; UPDATE source_ip_mappings SET deleted_at = 1;");
    assert_eq!(purge(), 5);
}

#[test]
fn settings_are_kept_per_account() {
    let world = World::new();
    assert!(world.store.dialing_permissions_inheritance(&world.account).unwrap());
    world.store.set_dialing_permissions_inheritance(world.account, false).wait().unwrap();
    assert!(!world.store.dialing_permissions_inheritance(&world.account).unwrap());
    let mut permission = DialingPermission {
        iso_code: "LV".to_owned(),
        low_risk_numbers_enabled: true,
        high_risk_special_numbers_enabled: false,
        high_risk_tollfraud_numbers_enabled: false,
    };
    for enabled in [true, false] {
        permission.low_risk_numbers_enabled = enabled;
        let all = vec![permission.clone()];
        world.store.set_dialing_permissions(world.account, all.clone()).wait().unwrap();
        assert_eq!(world.store.dialing_permissions(&world.account).unwrap(), all);
    }
}
