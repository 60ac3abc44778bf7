use ringway_rest::Settings;
use ringway_store::Limits;

use crate::world::{ACCOUNT, UNKNOWN, World};

const LISTS: &str = "/SIP/CredentialLists.json";
const ALICE: &str = "Username=alice&Password=IWasAtSignal2018";

#[tokio::test]
async fn a_list_lives_its_life() {
    let world = World::new().await;
    let reply = world.post(LISTS, "FriendlyName=Low+Rises").await;
    let body = reply.created();
    let (sid, date) = (body["sid"].as_str().unwrap(), body["date_created"].as_str().unwrap());
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/CredentialLists/{sid}");
    assert_eq!(
        reply.text,
        format!(
            "{{\"account_sid\": \"{ACCOUNT}\", \"date_created\": \"{date}\", \"date_updated\": \"{date}\", \
             \"friendly_name\": \"Low Rises\", \"sid\": \"{sid}\", \
             \"subresource_uris\": {{\"credentials\": \"{base}/Credentials.json\"}}, \
             \"uri\": \"{base}.json\"}}"
        )
    );
    let path = format!("{base}.json");
    assert_eq!(world.get(&path).await.found(), body);
    assert_eq!(world.get(LISTS).await.found()["credential_lists"][0], body);
    assert_eq!(world.post(&path, "FriendlyName=High").await.found()["friendly_name"], "High");
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&path);
    world.delete(&path).await.missing(&path);
}

#[tokio::test]
async fn lists_are_named_once_and_within_bounds() {
    let world = World::new().await;
    let sid = world.made(LISTS, "FriendlyName=Office").await;
    world.made(LISTS, "FriendlyName=Home").await;
    let long = format!("FriendlyName={}", "x".repeat(65));
    for form in ["", "FriendlyName=", &long, "FriendlyName=home"] {
        world.post(LISTS, form).await.refused(400, 21240, "FriendlyName");
        let path = format!("/SIP/CredentialLists/{sid}.json");
        world.post(&path, form).await.refused(400, 21240, "FriendlyName");
    }
}

#[tokio::test]
async fn limits_have_their_codes() {
    let limits = Limits { credential_lists_per_account: 1, credentials_per_list: 1, ..Limits::default() };
    let world = World::with(limits, Settings::default()).await;
    let sid = world.made(LISTS, "FriendlyName=a").await;
    world.post(LISTS, "FriendlyName=b").await.refused(400, 21239, "1 credential lists");
    let credentials = format!("/SIP/CredentialLists/{sid}/Credentials.json");
    world.made(&credentials, ALICE).await;
    let form = "Username=bob&Password=IWasAtSignal2018";
    world.post(&credentials, form).await.refused(400, 21242, "1 credentials");
}

#[tokio::test]
async fn a_mapped_list_cannot_be_deleted() {
    let world = World::new().await;
    let sid = world.made(LISTS, "FriendlyName=a").await;
    let domain = world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await;
    let mappings = format!("/SIP/Domains/{domain}/Auth/Registrations/CredentialListMappings");
    world.made(&format!("{mappings}.json"), &format!("CredentialListSid={sid}")).await;
    let path = format!("/SIP/CredentialLists/{sid}.json");
    world.delete(&path).await.refused(400, 21241, "mapped");
    world.delete(&format!("{mappings}/{sid}.json")).await.deleted();
    world.delete(&path).await.deleted();
}

#[tokio::test]
async fn a_credential_lives_its_life_and_never_shows_its_password() {
    let world = World::new().await;
    let list = world.made(LISTS, "FriendlyName=a").await;
    let credentials = format!("/SIP/CredentialLists/{list}/Credentials.json");
    let reply = world.post(&credentials, ALICE).await;
    let body = reply.created();
    let (sid, date) = (body["sid"].as_str().unwrap(), body["date_created"].as_str().unwrap());
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/CredentialLists/{list}/Credentials/{sid}.json");
    assert_eq!(
        reply.text,
        format!(
            "{{\"account_sid\": \"{ACCOUNT}\", \"credential_list_sid\": \"{list}\", \
             \"date_created\": \"{date}\", \"date_updated\": \"{date}\", \"sid\": \"{sid}\", \
             \"uri\": \"{base}\", \"username\": \"alice\"}}"
        )
    );
    assert_eq!(world.get(&base).await.found(), body);
    assert_eq!(world.get(&credentials).await.found()["credentials"][0], body);
    let updated = world.post(&base, "Password=AnotherGood1One&Username=mallory").await.found();
    assert_eq!(updated["username"], "alice");
    assert_eq!(world.post(&base, "").await.found(), updated);
    world.delete(&base).await.deleted();
    world.get(&base).await.missing(&base);
    world.post(&base, "Password=AnotherGood1One").await.missing(&base);
}

#[tokio::test]
async fn bad_credentials_are_refused_and_named() {
    let world = World::new().await;
    let list = world.made(LISTS, "FriendlyName=a").await;
    let credentials = format!("/SIP/CredentialLists/{list}/Credentials.json");
    let sid = world.made(&credentials, ALICE).await;
    let long = format!("Username={}&Password=IWasAtSignal2018", "u".repeat(33));
    for (form, names) in [
        ("", "Username is required"),
        ("Username=bob", "Password is required"),
        ("Password=IWasAtSignal2018", "Username is required"),
        (&long, "Username"),
        ("Username=a%20b&Password=IWasAtSignal2018", "Username"),
        ("Username=a%22b&Password=IWasAtSignal2018", "Username"),
        ("Username=a%3Ab&Password=IWasAtSignal2018", "Username"),
        ("Username=bob&Password=short1A", "Password"),
        ("Username=bob&Password=nouppercase2018", "Password"),
        ("Username=bob&Password=NOLOWERCASE2018", "Password"),
        ("Username=bob&Password=NoDigitsInThisOne", "Password"),
        ("Username=ALICE&Password=IWasAtSignal2018", "Username"),
    ] {
        world.post(&credentials, form).await.refused(400, 21243, names);
    }
    let path = format!("/SIP/CredentialLists/{list}/Credentials/{sid}.json");
    world.post(&path, "Password=weak").await.refused(400, 21243, "Password");
    let reply = world.post(&path, "Password=weakButLeaked").await;
    assert!(!reply.text.contains("weakButLeaked"));
}

#[tokio::test]
async fn credentials_of_an_unknown_list_are_not_found() {
    let world = World::new().await;
    let path = world.path(&format!("/SIP/CredentialLists/CL{UNKNOWN}/Credentials.json"));
    world.get(&path).await.missing(&path);
    world.post(&path, ALICE).await.missing(&path);
}
