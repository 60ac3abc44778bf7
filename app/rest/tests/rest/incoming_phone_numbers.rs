use ringway_call::directory::Directory;

use crate::addresses::FORM as ADDRESS;
use crate::world::{ACCOUNT, UNKNOWN, World, keys};

const NUMBERS: &str = "/IncomingPhoneNumbers.json";

#[tokio::test]
async fn a_number_lives_its_life() {
    let world = World::new().await;
    let made = world.post(NUMBERS, "PhoneNumber=%2B15105647903&VoiceUrl=http://a/v").await.created();
    assert_eq!(
        keys(&made),
        [
            "account_sid",
            "address_requirements",
            "api_version",
            "date_created",
            "date_updated",
            "emergency_address_sid",
            "emergency_status",
            "friendly_name",
            "phone_number",
            "sid",
            "sms_application_sid",
            "sms_fallback_method",
            "sms_fallback_url",
            "sms_method",
            "sms_url",
            "status_callback",
            "status_callback_method",
            "trunk_sid",
            "uri",
            "voice_application_sid",
            "voice_caller_id_lookup",
            "voice_fallback_method",
            "voice_fallback_url",
            "voice_method",
            "voice_url",
            "address_sid",
            "beta",
            "bundle_sid",
            "capabilities",
            "emergency_address_status",
            "identity_sid",
            "origin",
            "status",
            "voice_receive_mode",
            "type"
        ]
    );
    assert_eq!((&made["friendly_name"], &made["type"]), (&"(510) 564-7903".into(), &"local".into()));
    assert_eq!((&made["capabilities"]["voice"], &made["beta"]), (&true.into(), &false.into()));
    let sid = made["sid"].as_str().unwrap();
    let path = format!("/IncomingPhoneNumbers/{sid}.json");
    assert_eq!(made["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}{path}"));
    assert_eq!(world.get(&path).await.found(), made);
    let changed =
        world.post(&path, "FriendlyName=My+Company+Line&VoiceUrl=&VoiceReceiveMode=fax").await.found();
    assert!(changed["voice_url"].is_null() && changed["voice_receive_mode"] == "fax");
    assert_eq!(changed["phone_number"], "+15105647903");
    let xml = world.get(&format!("/IncomingPhoneNumbers/{sid}")).await.text;
    let capabilities = "<Capabilities><Voice>true</Voice><SMS>false</SMS><MMS>false</MMS><Fax>false</Fax>";
    assert!(xml.contains(capabilities) && xml.contains("<SmsUrl/>"), "{xml}");
    assert!(!world.get("/IncomingPhoneNumbers.csv").await.text.contains("Capabilities"));
    world.post(NUMBERS, "PhoneNumber=%2B15105647903").await.refused(400, 21422, "PhoneNumber");
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&world.path(&path));
    world.post(NUMBERS, "PhoneNumber=%2B15105647903").await.created();
}

#[tokio::test]
async fn numbers_are_listed_by_kind_name_and_digits() {
    let world = World::new().await;
    world.made(NUMBERS, "PhoneNumber=%2B15105647903&FriendlyName=a").await;
    world.made("/IncomingPhoneNumbers/Mobile.json", "PhoneNumber=%2B447700900123").await;
    world.made("/IncomingPhoneNumbers/TollFree.json", "PhoneNumber=%2B18005550100").await;
    let count = async |path: &str| {
        let page = world.get(path).await.found();
        page["incoming_phone_numbers"].as_array().unwrap().len()
    };
    for (path, expected) in [
        ("/IncomingPhoneNumbers.json", 3),
        ("/IncomingPhoneNumbers/Local.json", 1),
        ("/IncomingPhoneNumbers/Mobile.json", 1),
        ("/IncomingPhoneNumbers/TollFree.json", 1),
        ("/IncomingPhoneNumbers.json?FriendlyName=a", 1),
        ("/IncomingPhoneNumbers.json?PhoneNumber=%2B15105647903", 1),
        ("/IncomingPhoneNumbers.json?PhoneNumber=510***79", 1),
        ("/IncomingPhoneNumbers.json?PhoneNumber=0", 3),
        ("/IncomingPhoneNumbers.json?Beta=true", 0),
        ("/IncomingPhoneNumbers.json?Beta=false&Origin=hosted", 3),
        ("/IncomingPhoneNumbers.json?Origin=twilio", 0),
    ] {
        assert_eq!(count(path).await, expected, "{path}");
    }
    let page = world.get("/IncomingPhoneNumbers/Local.json").await.found();
    let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers/Local.json?PageSize=50&Page=0");
    assert_eq!(page["uri"], uri);
    assert!(page["incoming_phone_numbers"][0].get("type").is_none());
    world.get("/IncomingPhoneNumbers.json?PhoneNumber=%25").await.refused(400, 20422, "PhoneNumber");
}

#[tokio::test]
async fn numbers_that_cannot_be_are_refused() {
    let world = World::new().await;
    let unknown_application = format!("PhoneNumber=%2B15105647903&VoiceApplicationSid=AP{UNKNOWN}");
    let unknown_address = format!("PhoneNumber=%2B15105647903&AddressSid=AD{UNKNOWN}");
    let unknown_emergency = format!("PhoneNumber=%2B15105647903&EmergencyAddressSid=AD{UNKNOWN}");
    for (path, form, code, names) in [
        ("", "", 21421, "PhoneNumber"),
        ("", "PhoneNumber=nonsense", 21421, "PhoneNumber"),
        ("", "AreaCode=510", 21452, "PhoneNumber"),
        ("", "AreaCode=x", 21451, "AreaCode"),
        ("/Local", "AreaCode=510", 21421, "PhoneNumber"),
        ("/Local", "PhoneNumber=%2B18005550100", 21458, "+18005550100"),
        ("/TollFree", "PhoneNumber=%2B15105647903", 21458, "+15105647903"),
        ("", "PhoneNumber=%2B15105647903&VoiceUrl=x", 21402, "VoiceUrl"),
        ("", "PhoneNumber=%2B15105647903&VoiceMethod=x", 21403, "VoiceMethod"),
        ("", "PhoneNumber=%2B15105647903&VoiceFallbackUrl=http://a/", 21405, "VoiceFallbackUrl"),
        ("", "PhoneNumber=%2B15105647903&SmsFallbackUrl=http://a/", 21406, "SmsFallbackUrl"),
        ("", "PhoneNumber=%2B15105647903&TrunkSid=x", 20422, "TrunkSid"),
        ("", "PhoneNumber=%2B15105647903&VoiceReceiveMode=x", 20422, "VoiceReceiveMode"),
        ("", "PhoneNumber=%2B15105647903&EmergencyStatus=x", 20422, "EmergencyStatus"),
        ("", "PhoneNumber=%2B15105647903&EmergencyStatus=Active", 22222, "EmergencyStatus"),
        ("", &unknown_application, 21420, "application"),
        ("", &unknown_address, 20422, "AddressSid"),
        ("", &unknown_emergency, 22221, "EmergencyAddressSid"),
    ] {
        let path = format!("/IncomingPhoneNumbers{path}.json");
        world.post(&path, form).await.refused(400, code, names);
    }
    let ordinary = world.made("/Addresses.json", ADDRESS).await;
    let form = format!("PhoneNumber=%2B15105647903&EmergencyAddressSid={ordinary}");
    world.post(NUMBERS, &form).await.refused(400, 22221, "EmergencyEnabled");
}

#[tokio::test]
async fn a_number_has_either_a_trunk_or_an_application_and_loses_one_that_is_deleted() {
    let world = World::new().await;
    let application = world.made("/Applications.json", "").await;
    let form = format!("PhoneNumber=%2B15105647903&VoiceApplicationSid={application}");
    let made = world.post(NUMBERS, &form).await.created();
    assert_eq!(made["voice_application_sid"], application.as_str());
    let path = format!("/IncomingPhoneNumbers/{}.json", made["sid"].as_str().unwrap());
    let trunk = format!("TK{UNKNOWN}");
    let trunked = world.post(&path, &format!("TrunkSid={trunk}")).await.found();
    assert!(trunked["trunk_sid"] == trunk.as_str() && trunked["voice_application_sid"].is_null());
    let back = world.post(&path, &format!("VoiceApplicationSid={application}")).await.found();
    assert!(back["trunk_sid"].is_null() && back["voice_application_sid"] == application.as_str());
    world.delete(&format!("/Applications/{application}.json")).await.deleted();
    assert!(world.get(&path).await.found()["voice_application_sid"].is_null());
}

#[tokio::test]
async fn the_parent_hands_a_number_to_a_subaccount() {
    let world = World::new().await;
    let child = world.post("/2010-04-01/Accounts.json", "").await.created();
    let (child, token) = (child["sid"].as_str().unwrap(), child["auth_token"].as_str().unwrap());
    let address = world.made("/Addresses.json", ADDRESS).await;
    let form = format!("PhoneNumber=%2B15105647903&AddressSid={address}");
    let number = world.made(NUMBERS, &form).await;
    let path = format!("/IncomingPhoneNumbers/{number}.json");
    for (account, code) in [("x", 21470), (&format!("AC{UNKNOWN}"), 21471)] {
        world.post(&path, &format!("AccountSid={account}")).await.refused(400, code, "Account");
    }
    let moved = world.post(&path, &format!("AccountSid={child}&FriendlyName=Moved")).await.found();
    assert!(moved["address_sid"].is_null() && moved["friendly_name"] == "Moved");
    let new_path = format!("/2010-04-01/Accounts/{child}{path}");
    assert_eq!((&moved["account_sid"], &moved["uri"]), (&child.into(), &new_path.as_str().into()));
    world.get(&path).await.missing(&world.path(&path));
    let theirs = world.ask_as(child, token, "POST", &new_path, &format!("AccountSid={ACCOUNT}")).await;
    theirs.refused(400, 21474, "parent");
    world.post(&new_path, &format!("AccountSid={ACCOUNT}")).await.found();
    world.get(&path).await.found();
    world.post(&format!("/2010-04-01/Accounts/{child}.json"), "Status=suspended").await.found();
    world.post(&path, &format!("AccountSid={child}")).await.refused(400, 21472, "not active");
}

#[tokio::test]
async fn a_domain_calls_for_help_as_a_number_with_an_emergency_address() {
    let world = World::new().await;
    let unknown = format!("DomainName=a.sip.twilio.com&EmergencyCallerSid=PN{UNKNOWN}");
    world.post("/SIP/Domains.json", &unknown).await.refused(400, 22221, "EmergencyCallerSid");
    let number = world.made(NUMBERS, "PhoneNumber=%2B15105647903").await;
    let domain = world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await;
    let path = format!("/SIP/Domains/{domain}.json");
    let form = format!("EmergencyCallerSid={number}");
    world.post(&path, &form).await.refused(400, 22221, "EmergencyCallerSid");
    world.post(&path, "EmergencyCallerSid=x").await.refused(400, 22221, "EmergencyCallerSid");

    let address = world.made("/Addresses.json", &format!("{ADDRESS}&EmergencyEnabled=true")).await;
    let number_path = format!("/IncomingPhoneNumbers/{number}.json");
    let registered = world.post(&number_path, &format!("EmergencyAddressSid={address}")).await.found();
    assert_eq!(registered["emergency_address_status"], "registered");
    assert_eq!(world.post(&path, &form).await.found()["emergency_caller_sid"], number.as_str());
    assert!(world.store.directory().domain("a.sip.twilio.com").is_some());
    world.post(&number_path, "EmergencyAddressSid=").await.found();
    assert!(world.get(&path).await.found()["emergency_caller_sid"].is_null());
}
