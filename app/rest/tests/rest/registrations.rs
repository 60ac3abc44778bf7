//! The phones that are registered now: listed, fetched, removed.

use std::time::Duration;

use http::StatusCode;
use ringway_model::sid::{DomainSid, RegistrationSid};
use ringway_sip::endpoint::{Target, Transport};
use ringway_sip::registrar::{AddressOfRecord, Binding, Registered};

use crate::world::World;

async fn domain(world: &World) -> DomainSid {
    world.made("/SIP/Domains.json", "DomainName=phones.sip.twilio.com").await.parse().unwrap()
}

/// Registers a user; `number` is the order in which they come.
fn register(world: &World, domain: DomainSid, user: &str, number: u8) -> RegistrationSid {
    let now = ringway_sip_net::clock::now();
    let mut random = [number; 16];
    random[0] = 0;
    let sid = RegistrationSid::from_random(random);
    let contact = format!("sip:{user}@10.0.0.1:5062");
    let binding = Binding {
        sid,
        contact_value: format!("<{contact}>;q=0.5"),
        contact,
        q_thousandths: 500,
        target: Target {
            transport: Transport::Udp,
            remote: "203.0.113.7:40000".parse().unwrap(),
            local: None,
            flow: None,
            name: None,
        },
        path: vec!["<sip:proxy.example.com;lr>".to_owned()],
        user_agent: Some("Phone/1".to_owned()),
        call_id: "c".to_owned(),
        cseq: 1,
        registered: now.unix,
        seen: now.unix,
        expires: now.unix + Duration::from_secs(600),
    };
    let aor = AddressOfRecord { domain, user: user.to_owned() };
    world.bindings.restore(now, Registered { aor, bindings: vec![binding] });
    sid
}

#[tokio::test]
async fn a_registration_says_who_is_where() {
    let world = World::new().await;
    let domain = domain(&world).await;
    let sid = register(&world, domain, "alice", 1);
    let path = format!("/SIP/Domains/{domain}/Registrations/{sid}");
    let reply = world.get(&format!("{path}.json")).await;
    assert_eq!(reply.status, StatusCode::OK);
    let json = reply.json();
    assert_eq!(json["user"], "alice");
    assert_eq!(json["contact"], "sip:alice@10.0.0.1:5062");
    assert_eq!((&json["source_ip"], &json["source_port"]), (&"203.0.113.7".into(), &40000.into()));
    assert_eq!((&json["transport"], &json["user_agent"]), (&"UDP".into(), &"Phone/1".into()));
    assert_eq!((&json["q"], &json["path"][0]), (&"0.5".into(), &"<sip:proxy.example.com;lr>".into()));
    assert_eq!(json["domain_sid"], domain.as_str());
    assert_eq!(json["uri"], world.path(&format!("{path}.json")));
    assert!(json["date_expires"].as_str().unwrap().ends_with("+0000"));
}

#[tokio::test]
async fn registrations_come_in_pages_newest_first() {
    let world = World::new().await;
    let domain = domain(&world).await;
    let sids: Vec<String> =
        (1..=5).map(|number| register(&world, domain, &format!("u{number}"), number).to_string()).collect();
    let mut seen = Vec::new();
    let mut next = Some(world.path(&format!("/SIP/Domains/{domain}/Registrations.json?PageSize=2")));
    let mut first_of_last = None;
    while let Some(uri) = next {
        let page = world.get(&uri).await.json();
        let rows = page["registrations"].as_array().unwrap().clone();
        seen.extend(rows.iter().map(|row| row["sid"].as_str().unwrap().to_owned()));
        next = page["next_page_uri"].as_str().map(str::to_owned);
        first_of_last = page["previous_page_uri"].as_str().map(str::to_owned);
    }
    let newest_first: Vec<String> = sids.into_iter().rev().collect();
    assert_eq!(seen, newest_first);
    let before = world.get(&first_of_last.unwrap()).await.json();
    assert_eq!(before["registrations"][0]["sid"], newest_first[2].as_str());
    let bad = world.get(&format!("/SIP/Domains/{domain}/Registrations.json?PageToken=PAnone")).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_removed_registration_is_gone() {
    let world = World::new().await;
    let domain = domain(&world).await;
    let (alice, bob) = (register(&world, domain, "alice", 1), register(&world, domain, "bob", 2));
    let path = |sid| format!("/SIP/Domains/{domain}/Registrations/{sid}.json");
    assert_eq!(world.delete(&path(alice)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.delete(&path(alice)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&path(alice)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&path(bob)).await.status, StatusCode::OK);
    let now = ringway_sip_net::clock::now();
    assert!(world.bindings.of(now, &domain, "alice").is_empty());
}

#[tokio::test]
async fn nobody_sees_the_phones_of_another_domain() {
    let world = World::new().await;
    let domain = domain(&world).await;
    let sid = register(&world, domain, "alice", 1);
    let other = world.made("/SIP/Domains.json", "DomainName=other.sip.twilio.com").await;
    assert_eq!(
        world.get(&format!("/SIP/Domains/{other}/Registrations/{sid}.json")).await.status,
        StatusCode::NOT_FOUND
    );
    let unknown = format!("SD{}", crate::world::UNKNOWN);
    assert_eq!(
        world.get(&format!("/SIP/Domains/{unknown}/Registrations.json")).await.status,
        StatusCode::NOT_FOUND
    );
    let empty = world.get(&format!("/SIP/Domains/{other}/Registrations.json")).await.json();
    assert_eq!(empty["registrations"].as_array().unwrap().len(), 0);
    let posted = world.post(&format!("/SIP/Domains/{domain}/Registrations.json"), "").await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
}
