use ringway_rest::Settings;
use ringway_store::Limits;

use crate::world::{ACCOUNT, UNKNOWN, World};

const LISTS: &str = "/SIP/IpAccessControlLists.json";

#[tokio::test]
async fn a_list_lives_its_life() {
    let world = World::new().await;
    let reply = world.post(LISTS, "FriendlyName=Office").await;
    let body = reply.created();
    let (sid, date) = (body["sid"].as_str().unwrap(), body["date_created"].as_str().unwrap());
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/IpAccessControlLists/{sid}");
    assert_eq!(
        reply.text,
        format!(
            "{{\"account_sid\": \"{ACCOUNT}\", \"date_created\": \"{date}\", \"date_updated\": \"{date}\", \
             \"friendly_name\": \"Office\", \"sid\": \"{sid}\", \
             \"subresource_uris\": {{\"ip_addresses\": \"{base}/IpAddresses.json\"}}, \
             \"uri\": \"{base}.json\"}}"
        )
    );
    let path = format!("{base}.json");
    assert_eq!(world.get(&path).await.found(), body);
    assert_eq!(world.get(LISTS).await.found()["ip_access_control_lists"][0], body);
    assert_eq!(world.post(&path, "FriendlyName=Home").await.found()["friendly_name"], "Home");
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&path);
    world.post(&path, "FriendlyName=Home").await.missing(&path);
    world.delete(&path).await.missing(&path);
}

#[tokio::test]
async fn lists_are_named_once_and_within_bounds() {
    let world = World::new().await;
    let sid = world.made(LISTS, "FriendlyName=Office").await;
    world.made(LISTS, "FriendlyName=Home").await;
    let path = format!("/SIP/IpAccessControlLists/{sid}.json");
    let long = format!("FriendlyName={}", "x".repeat(256));
    for form in ["", "FriendlyName=", &long, "FriendlyName=home"] {
        world.post(LISTS, form).await.refused(400, 21235, "FriendlyName");
        world.post(&path, form).await.refused(400, 21235, "FriendlyName");
    }
    world.made(LISTS, &format!("FriendlyName={}", "x".repeat(255))).await;
}

#[tokio::test]
async fn limits_have_their_codes() {
    let limits =
        Limits { ip_access_control_lists_per_account: 1, addresses_per_list: 1, ..Limits::default() };
    let world = World::with(limits, Settings::default()).await;
    let sid = world.made(LISTS, "FriendlyName=a").await;
    world.post(LISTS, "FriendlyName=b").await.refused(400, 21255, "1 IP access control lists");
    let addresses = format!("/SIP/IpAccessControlLists/{sid}/IpAddresses.json");
    world.made(&addresses, "FriendlyName=a&IpAddress=192.0.2.1").await;
    let form = "FriendlyName=b&IpAddress=192.0.2.2";
    world.post(&addresses, form).await.refused(400, 21237, "1 addresses");
}

#[tokio::test]
async fn a_mapped_list_cannot_be_deleted() {
    let world = World::new().await;
    let sid = world.made(LISTS, "FriendlyName=a").await;
    let domain = world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await;
    let mappings = format!("/SIP/Domains/{domain}/IpAccessControlListMappings.json");
    world.made(&mappings, &format!("IpAccessControlListSid={sid}")).await;
    let path = format!("/SIP/IpAccessControlLists/{sid}.json");
    world.delete(&path).await.refused(400, 21236, "mapped");
    world.delete(&format!("/SIP/Domains/{domain}.json")).await.deleted();
    world.delete(&path).await.deleted();
}

#[tokio::test]
async fn an_address_lives_its_life() {
    let world = World::new().await;
    let list = world.made(LISTS, "FriendlyName=a").await;
    let addresses = format!("/SIP/IpAccessControlLists/{list}/IpAddresses.json");
    let reply = world.post(&addresses, "FriendlyName=My+office&IpAddress=192.168.1.1").await;
    let body = reply.created();
    let (sid, date) = (body["sid"].as_str().unwrap(), body["date_created"].as_str().unwrap());
    let base =
        format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/IpAccessControlLists/{list}/IpAddresses/{sid}.json");
    assert_eq!(
        reply.text,
        format!(
            "{{\"account_sid\": \"{ACCOUNT}\", \"date_created\": \"{date}\", \"date_updated\": \"{date}\", \
             \"friendly_name\": \"My office\", \"ip_access_control_list_sid\": \"{list}\", \
             \"ip_address\": \"192.168.1.1\", \"cidr_prefix_length\": 32, \"sid\": \"{sid}\", \
             \"uri\": \"{base}\"}}"
        )
    );
    assert_eq!(world.get(&base).await.found(), body);
    assert_eq!(world.get(&addresses).await.found()["ip_addresses"][0], body);
    let mut unchanged = world.post(&base, "").await.found();
    unchanged["date_updated"] = body["date_updated"].clone();
    assert_eq!(unchanged, body);
    let updated = world.post(&base, "IpAddress=10.1.2.3&CidrPrefixLength=8").await.found();
    assert_eq!((&updated["ip_address"], &updated["cidr_prefix_length"]), (&"10.1.2.3".into(), &8.into()));
    assert_eq!(updated["friendly_name"], "My office");
    world.delete(&base).await.deleted();
    world.get(&base).await.missing(&base);
}

#[tokio::test]
async fn bad_addresses_are_refused_and_named() {
    let world = World::new().await;
    let list = world.made(LISTS, "FriendlyName=a").await;
    let addresses = format!("/SIP/IpAccessControlLists/{list}/IpAddresses.json");
    let sid = world.made(&addresses, "FriendlyName=one&IpAddress=192.0.2.1").await;
    world.made(&addresses, "FriendlyName=two&IpAddress=192.0.2.2").await;
    let path = format!("/SIP/IpAccessControlLists/{list}/IpAddresses/{sid}.json");
    let long = format!("IpAddress=10.0.0.1&FriendlyName={}", "x".repeat(256));
    for (form, code, names) in [
        ("FriendlyName=n&IpAddress=192.0.2.*", 21238, "IpAddress"),
        ("FriendlyName=n&IpAddress=2001:db8::1", 21238, "IpAddress"),
        ("FriendlyName=n&IpAddress=10.0.0.1&CidrPrefixLength=0", 21238, "CidrPrefixLength"),
        ("FriendlyName=n&IpAddress=10.0.0.1&CidrPrefixLength=33", 21238, "CidrPrefixLength"),
        ("FriendlyName=&IpAddress=10.0.0.1", 21238, "FriendlyName"),
        (&long, 21238, "FriendlyName"),
        ("FriendlyName=TWO&IpAddress=10.0.0.1", 21235, "FriendlyName"),
        ("FriendlyName=n&IpAddress=192.0.2.2", 21235, "IpAddress"),
    ] {
        world.post(&addresses, form).await.refused(400, code, names);
        world.post(&path, form).await.refused(400, code, names);
    }
    world.post(&addresses, "FriendlyName=n").await.refused(400, 21238, "IpAddress is required");
    world.post(&addresses, "IpAddress=10.0.0.1").await.refused(400, 21238, "FriendlyName is required");
}

#[tokio::test]
async fn addresses_of_an_unknown_list_are_not_found() {
    let world = World::new().await;
    let path = world.path(&format!("/SIP/IpAccessControlLists/AL{UNKNOWN}/IpAddresses.json"));
    world.get(&path).await.missing(&path);
    world.post(&path, "FriendlyName=a&IpAddress=192.0.2.1").await.missing(&path);
    let list = world.made(LISTS, "FriendlyName=a").await;
    let address = world.path(&format!("/SIP/IpAccessControlLists/{list}/IpAddresses/IP{UNKNOWN}.json"));
    world.get(&address).await.missing(&address);
    world.delete(&address).await.missing(&address);
}

#[tokio::test]
async fn the_oldest_name_of_the_addresses_still_works() {
    let world = World::new().await;
    let list = world.made(LISTS, "FriendlyName=a").await;
    let old = format!("/SIP/IpAccessControlLists/{list}/Addresses");
    let sid = world.made(&format!("{old}.json"), "FriendlyName=a&IpAddress=192.0.2.1").await;
    let body = world.get(&format!("{old}/{sid}.json")).await.found();
    assert!(body["uri"].as_str().unwrap().contains("/IpAddresses/"));
}
