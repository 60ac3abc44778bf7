use crate::world::{ACCOUNT, UNKNOWN, World, keys};

struct Lists {
    domain: String,
    addresses: String,
    credentials: String,
}

async fn lists(world: &World) -> Lists {
    Lists {
        domain: world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await,
        addresses: world.made("/SIP/IpAccessControlLists.json", "FriendlyName=Office").await,
        credentials: world.made("/SIP/CredentialLists.json", "FriendlyName=Phones").await,
    }
}

#[tokio::test]
async fn legacy_mappings_show_their_domain_and_uri() {
    let world = World::new().await;
    let Lists { domain, addresses, credentials } = lists(&world).await;
    for (name, key, parameter, list, friendly_name) in [
        (
            "IpAccessControlListMappings",
            "ip_access_control_list_mappings",
            "IpAccessControlListSid",
            addresses,
            "Office",
        ),
        ("CredentialListMappings", "credential_list_mappings", "CredentialListSid", credentials, "Phones"),
    ] {
        let base = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains/{domain}/{name}");
        let reply = world.post(&format!("{base}.json"), &format!("{parameter}={list}")).await;
        let body = reply.created();
        let date = body["date_created"].as_str().unwrap();
        assert_eq!(
            reply.text,
            format!(
                "{{\"account_sid\": \"{ACCOUNT}\", \"date_created\": \"{date}\", \"date_updated\": \"{date}\", \
                 \"friendly_name\": \"{friendly_name}\", \"domain_sid\": \"{domain}\", \"sid\": \"{list}\", \
                 \"uri\": \"{base}/{list}.json\"}}"
            )
        );
        assert_eq!(world.get(&format!("{base}/{list}.json")).await.found(), body);
        assert_eq!(world.get(&format!("{base}.json")).await.found()[key][0], body);
        world.delete(&format!("{base}/{list}.json")).await.deleted();
        let path = format!("{base}/{list}.json");
        world.get(&path).await.missing(&path);
        world.delete(&path).await.missing(&path);
    }
}

#[tokio::test]
async fn auth_mappings_are_contents_without_domain_and_uri() {
    let world = World::new().await;
    let Lists { domain, addresses, credentials } = lists(&world).await;
    for (name, parameter, list) in [
        ("Calls/IpAccessControlListMappings", "IpAccessControlListSid", &addresses),
        ("Calls/CredentialListMappings", "CredentialListSid", &credentials),
        ("Registrations/CredentialListMappings", "CredentialListSid", &credentials),
    ] {
        let base = format!("/SIP/Domains/{domain}/Auth/{name}");
        let body = world.post(&format!("{base}.json"), &format!("{parameter}={list}")).await.created();
        assert_eq!(keys(&body), ["account_sid", "date_created", "date_updated", "friendly_name", "sid"]);
        assert_eq!(world.get(&format!("{base}/{list}.json")).await.found(), body);
        let page = world.get(&format!("{base}.json")).await.found();
        assert_eq!(page["contents"][0], body);
        assert!(page["uri"].as_str().unwrap().contains(&format!("/Auth/{name}.json?")));
        world.delete(&format!("{base}/{list}.json")).await.deleted();
        assert_eq!(world.get(&format!("{base}.json")).await.found()["contents"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn the_legacy_door_and_the_calls_door_open_to_the_same_set() {
    let world = World::new().await;
    let Lists { domain, addresses, credentials } = lists(&world).await;
    let base = format!("/SIP/Domains/{domain}");
    world
        .made(&format!("{base}/CredentialListMappings.json"), &format!("CredentialListSid={credentials}"))
        .await;
    world.get(&format!("{base}/Auth/Calls/CredentialListMappings/{credentials}.json")).await.found();
    let registrations = format!("{base}/Auth/Registrations/CredentialListMappings/{credentials}.json");
    world.get(&registrations).await.missing(&world.path(&registrations));
    let auth = format!("{base}/Auth/Calls/IpAccessControlListMappings.json");
    world.made(&auth, &format!("IpAccessControlListSid={addresses}")).await;
    world.delete(&format!("{base}/IpAccessControlListMappings/{addresses}.json")).await.deleted();
    assert_eq!(world.get(&auth).await.found()["contents"], serde_json::json!([]));
}

#[tokio::test]
async fn what_is_mapped_for_calls_is_the_auth_type() {
    let world = World::new().await;
    let Lists { domain, addresses, credentials } = lists(&world).await;
    let base = format!("/SIP/Domains/{domain}");
    let auth_type = async || world.get(&format!("{base}.json")).await.found()["auth_type"].clone();
    let credential = format!("CredentialListSid={credentials}");
    world.made(&format!("{base}/Auth/Registrations/CredentialListMappings.json"), &credential).await;
    assert_eq!(auth_type().await, "");
    world.made(&format!("{base}/Auth/Calls/CredentialListMappings.json"), &credential).await;
    assert_eq!(auth_type().await, "CREDENTIAL_LIST");
    let address = format!("IpAccessControlListSid={addresses}");
    world.made(&format!("{base}/IpAccessControlListMappings.json"), &address).await;
    assert_eq!(auth_type().await, "IP_ACL,CREDENTIAL_LIST");
    world.delete(&format!("{base}/CredentialListMappings/{credentials}.json")).await.deleted();
    assert_eq!(auth_type().await, "IP_ACL");
}

#[tokio::test]
async fn bad_mappings_are_refused_and_named() {
    let world = World::new().await;
    let Lists { domain, addresses, credentials } = lists(&world).await;
    let path = format!("/SIP/Domains/{domain}/IpAccessControlListMappings.json");
    world.made(&path, &format!("IpAccessControlListSid={addresses}")).await;
    for list in ["", "nonsense", &format!("AL{UNKNOWN}"), &credentials, &addresses] {
        let form = format!("IpAccessControlListSid={list}");
        world.post(&path, &form).await.refused(400, 21231, "IpAccessControlListSid");
    }
    world.post(&path, "").await.refused(400, 21231, "IpAccessControlListSid is required");
    let other = format!("/SIP/Domains/{domain}/Auth/Calls/CredentialListMappings.json");
    let form = format!("CredentialListSid=CL{UNKNOWN}");
    world.post(&other, &form).await.refused(400, 21231, "CredentialListSid");
}

#[tokio::test]
async fn mappings_of_an_unknown_domain_and_unknown_doors_are_not_found() {
    let world = World::new().await;
    let Lists { domain, addresses, .. } = lists(&world).await;
    let path = world.path(&format!("/SIP/Domains/SD{UNKNOWN}/IpAccessControlListMappings.json"));
    world.get(&path).await.missing(&path);
    world.post(&path, &format!("IpAccessControlListSid={addresses}")).await.missing(&path);
    for below in
        ["Auth", "Auth/Calls", "Auth/Registrations", "Auth/Registrations/IpAccessControlListMappings"]
    {
        let path = world.path(&format!("/SIP/Domains/{domain}/{below}.json"));
        world.get(&path).await.missing(&path);
    }
}

#[tokio::test]
async fn a_mapping_cannot_be_updated() {
    let world = World::new().await;
    let Lists { domain, addresses, .. } = lists(&world).await;
    let path = format!("/SIP/Domains/{domain}/IpAccessControlListMappings/{addresses}.json");
    let reply = world.post(&path, "FriendlyName=x").await;
    reply.refused(405, 20004, "Method not allowed");
    assert_eq!(reply.header("allow"), "GET, DELETE");
}
