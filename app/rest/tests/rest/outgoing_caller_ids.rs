use std::time::SystemTime;

use ringway_model::UnixTime;

use crate::world::{ACCOUNT, World, keys};

const CALLER_IDS: &str = "/OutgoingCallerIds.json";

#[tokio::test]
async fn a_caller_id_lives_its_life() {
    let world = World::new().await;
    let asked =
        world.post(CALLER_IDS, "PhoneNumber=(510)+555-5555&CallDelay=10&Extension=12w3").await.found();
    assert_eq!(keys(&asked), ["account_sid", "call_sid", "friendly_name", "phone_number", "validation_code"]);
    assert_eq!(asked["phone_number"], "+15105555555");
    let page = world.get(&format!("{CALLER_IDS}?PhoneNumber=%2B15105555555")).await.found();
    let row = &page["outgoing_caller_ids"][0];
    let fields =
        ["sid", "date_created", "date_updated", "friendly_name", "account_sid", "phone_number", "uri"];
    assert_eq!(keys(row), fields);
    assert_eq!(row["friendly_name"], "(510) 555-5555");
    let sid = row["sid"].as_str().unwrap();
    let path = format!("/OutgoingCallerIds/{sid}.json");
    assert_eq!(row["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}{path}"));
    assert_eq!(world.post(&path, "FriendlyName=Home").await.found()["friendly_name"], "Home");
    assert_eq!(world.post(&path, "").await.found()["friendly_name"], "Home");
    let named = world.get(&format!("{CALLER_IDS}?FriendlyName=Other")).await.found();
    assert!(named["outgoing_caller_ids"].as_array().unwrap().is_empty());
    world.post(CALLER_IDS, "PhoneNumber=%2B15105555555").await.refused(400, 21450, "already validated");
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&world.path(&path));
    let xml = world.post("/OutgoingCallerIds", "PhoneNumber=%2B15105555555").await.text;
    assert!(xml.contains("<ValidationRequest><AccountSid>") && xml.contains("<CallSid/>"), "{xml}");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let world = World::new().await;
    for (form, code, names) in [
        ("", 21401, "PhoneNumber"),
        ("PhoneNumber=x", 21401, "PhoneNumber"),
        ("PhoneNumber=%2B15105555555&CallDelay=61", 21454, "CallDelay"),
        ("PhoneNumber=%2B15105555555&CallDelay=x", 21454, "CallDelay"),
        ("PhoneNumber=%2B15105555555&Extension=x", 20422, "Extension"),
        ("PhoneNumber=%2B15105555555&StatusCallback=x", 21456, "StatusCallback"),
        ("PhoneNumber=%2B15105555555&StatusCallbackMethod=x", 21403, "StatusCallbackMethod"),
    ] {
        world.post(CALLER_IDS, form).await.refused(400, code, names);
    }
}

#[tokio::test]
async fn the_status_callback_hears_of_it() {
    let world = World::new().await;
    world.post(CALLER_IDS, "PhoneNumber=%2B15105555555&StatusCallback=http://a/s").await.found();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let later = UnixTime::from_secs(i64::try_from(now).unwrap() + 60);
    let due = world
        .store
        .claim_due_callbacks("one".to_owned(), later, 9, std::time::Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!((due.len(), due[0].request.url.as_str()), (1, "http://a/s"));
    assert!(due[0].request.params.contains(&("VerificationStatus".to_owned(), "success".to_owned())));
}
