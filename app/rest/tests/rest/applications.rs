use crate::world::{ACCOUNT, UNKNOWN, World, keys};

#[tokio::test]
async fn an_application_lives_its_life() {
    let world = World::new().await;
    let form = "FriendlyName=Phone+Me&VoiceUrl=http://a/voice&VoiceMethod=GET&VoiceFallbackUrl=http://a/f\
                &StatusCallback=http://a/s&SmsUrl=http://a/sms&MessageStatusCallback=http://a/m\
                &VoiceCallerIdLookup=True&PublicApplicationConnectEnabled=true&ApiVersion=2008-08-01";
    let made = world.post("/Applications.json", form).await.created();
    assert_eq!(
        keys(&made),
        [
            "account_sid",
            "api_version",
            "date_created",
            "date_updated",
            "friendly_name",
            "message_status_callback",
            "sid",
            "sms_fallback_method",
            "sms_fallback_url",
            "sms_method",
            "sms_status_callback",
            "sms_url",
            "status_callback",
            "status_callback_method",
            "uri",
            "voice_caller_id_lookup",
            "voice_fallback_method",
            "voice_fallback_url",
            "voice_method",
            "voice_url",
            "public_application_connect_enabled"
        ]
    );
    assert_eq!((&made["voice_method"], &made["sms_method"]), (&"GET".into(), &"POST".into()));
    assert_eq!((&made["api_version"], &made["voice_caller_id_lookup"]), (&"2008-08-01".into(), &true.into()));
    let sid = made["sid"].as_str().unwrap();
    let path = format!("/Applications/{sid}.json");
    assert_eq!(made["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}{path}"));
    assert_eq!(world.get(&path).await.found(), made);
    assert_eq!(world.get("/Applications.json?FriendlyName=Phone+Me").await.found()["applications"][0], made);
    let none = world.get("/Applications.json?FriendlyName=Other").await.found();
    assert!(none["applications"].as_array().unwrap().is_empty());
    let changed = world.post(&path, "SmsUrl=&FriendlyName=New").await.found();
    assert!(changed["sms_url"].is_null() && changed["voice_url"] == "http://a/voice");
    world.delete(&path).await.deleted();
    world.post(&path, "").await.missing(&world.path(&path));
}

#[tokio::test]
async fn a_bare_application_has_defaults_and_bad_parameters_are_named() {
    let world = World::new().await;
    let made = world.post("/Applications.json", "").await.created();
    assert!(made["friendly_name"].is_null() && made["voice_url"].is_null());
    assert_eq!((&made["voice_method"], &made["api_version"]), (&"POST".into(), &"2010-04-01".into()));
    for (form, code, names) in [
        ("VoiceUrl=nonsense", 21402, "VoiceUrl"),
        ("SmsMethod=FETCH", 21403, "SmsMethod"),
        ("VoiceFallbackUrl=http://a/", 21405, "VoiceFallbackUrl"),
        ("SmsFallbackUrl=http://a/", 21406, "SmsFallbackUrl"),
        ("ApiVersion=2011-01-01", 20422, "ApiVersion"),
        ("VoiceCallerIdLookup=maybe", 20422, "VoiceCallerIdLookup"),
    ] {
        world.post("/Applications.json", form).await.refused(400, code, names);
    }
    let path = world.path(&format!("/Applications/AP{UNKNOWN}.json"));
    world.get(&path).await.missing(&path);
    world.delete(&path).await.missing(&path);
}
