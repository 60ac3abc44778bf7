use ringway_rest::Settings;
use ringway_store::Limits;

use crate::world::{ACCOUNT, UNKNOWN, World, keys};

const FULL: &str = "DomainName=Acme.sip.twilio.com&FriendlyName=Scranton+Office\
    &VoiceUrl=https%3A%2F%2Fu%3Ap%40example.com%2Ftwiml%3Fa%3Db%23rc%3D2&VoiceMethod=get\
    &VoiceFallbackUrl=http%3A%2F%2Fexample.com%2Ffallback&VoiceFallbackMethod=GET\
    &VoiceStatusCallbackUrl=http%3A%2F%2Fexample.com%2Fstatus&VoiceStatusCallbackMethod=post\
    &SipRegistration=True&EmergencyCallingEnabled=true&Secure=TRUE&ByocTrunkSid=&EmergencyCallerSid=\
    &AuthType=IP_ACL&Whatever=1";

#[tokio::test]
async fn a_bare_domain_has_the_documented_defaults_and_key_order() {
    let world = World::new().await;
    let reply = world.post("/SIP/Domains.json", "DomainName=acme.sip.twilio.com").await;
    let body = reply.created();
    let sid = body["sid"].as_str().unwrap();
    let date = body["date_created"].as_str().unwrap();
    assert_eq!(
        reply.text,
        format!(
            "{{\"account_sid\": \"{ACCOUNT}\", \"api_version\": \"2010-04-01\", \"auth_type\": \"\", \
             \"date_created\": \"{date}\", \"date_updated\": \"{date}\", \
             \"domain_name\": \"acme.sip.twilio.com\", \"friendly_name\": null, \
             \"sip_registration\": false, \"sid\": \"{sid}\", \"subresource_uris\": {{\
             \"credential_list_mappings\": \
             \"/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains/{sid}/CredentialListMappings.json\", \
             \"ip_access_control_list_mappings\": \
             \"/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains/{sid}/IpAccessControlListMappings.json\"}}, \
             \"uri\": \"/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains/{sid}.json\", \
             \"voice_fallback_method\": \"POST\", \"voice_fallback_url\": null, \"voice_method\": \"POST\", \
             \"voice_status_callback_method\": \"POST\", \"voice_status_callback_url\": null, \
             \"voice_url\": null, \"emergency_calling_enabled\": false, \"secure\": false, \
             \"byoc_trunk_sid\": null, \"emergency_caller_sid\": null}}"
        )
    );
    assert!(date.ends_with(" +0000"), "{date}");
}

#[tokio::test]
async fn every_parameter_is_kept_and_shown_again() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", FULL).await;
    let body = world.get(&format!("/SIP/Domains/{sid}.json")).await.found();
    for (key, value) in [
        ("domain_name", "acme.sip.twilio.com"),
        ("friendly_name", "Scranton Office"),
        ("voice_url", "https://u:p@example.com/twiml?a=b#rc=2"),
        ("voice_method", "GET"),
        ("voice_fallback_url", "http://example.com/fallback"),
        ("voice_fallback_method", "GET"),
        ("voice_status_callback_url", "http://example.com/status"),
        ("voice_status_callback_method", "POST"),
    ] {
        assert_eq!(body[key], value, "{key}");
    }
    for key in ["sip_registration", "emergency_calling_enabled", "secure"] {
        assert_eq!(body[key], true, "{key}");
    }
    let list = world.get("/SIP/Domains.json").await.found();
    assert_eq!(list["domains"][0], body);
}

#[tokio::test]
async fn an_update_changes_what_it_gives_and_nothing_else() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", FULL).await;
    let path = format!("/SIP/Domains/{sid}.json");
    let before = world.get(&path).await.found();
    assert_eq!(world.post(&path, "").await.found(), before);
    let after = world.post(&path, "FriendlyName=z&Secure=false&VoiceFallbackUrl=").await.found();
    assert_eq!((&after["friendly_name"], &after["secure"]), (&"z".into(), &false.into()));
    assert!(after["voice_fallback_url"].is_null());
    for key in ["voice_url", "voice_method", "domain_name", "sip_registration", "date_created"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    let renamed = world.post(&path, "DomainName=other.sip.twilio.com").await.found();
    assert_eq!(renamed["domain_name"], "other.sip.twilio.com");
}

#[tokio::test]
async fn a_deleted_domain_is_gone_and_its_name_free() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", FULL).await;
    let path = format!("/SIP/Domains/{sid}.json");
    world.delete(&path).await.deleted();
    let full = world.path(&path);
    world.get(&path).await.missing(&full);
    world.post(&path, "FriendlyName=x").await.missing(&full);
    world.delete(&path).await.missing(&full);
    world.post("/SIP/Domains.json", FULL).await.created();
}

#[tokio::test]
async fn each_bad_parameter_is_refused_with_its_code_and_named() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", "DomainName=here.sip.twilio.com").await;
    let long = format!("FriendlyName={}", "x".repeat(65));
    for (form, code, names) in [
        ("DomainName=acme.example.com", 21232, "DomainName"),
        ("DomainName=under_score.sip.twilio.com", 21232, "DomainName"),
        ("DomainName=", 21232, "DomainName"),
        ("DomainName=a.b.sip.twilio.com", 21232, "b.sip.twilio.com"),
        ("VoiceUrl=example.com", 21402, "VoiceUrl"),
        ("VoiceUrl=http%3A%2F%2Fa_b.example.com%2F", 21402, "VoiceUrl"),
        ("VoiceFallbackUrl=ftp%3A%2F%2Fexample.com", 21402, "VoiceFallbackUrl"),
        ("VoiceStatusCallbackUrl=nonsense", 21402, "VoiceStatusCallbackUrl"),
        ("VoiceMethod=OPTIONS", 21403, "VoiceMethod"),
        ("VoiceFallbackMethod=x", 21403, "VoiceFallbackMethod"),
        ("VoiceStatusCallbackMethod=TRACE", 21403, "VoiceStatusCallbackMethod"),
        ("VoiceFallbackUrl=http%3A%2F%2Fexample.com", 21405, "VoiceFallbackUrl"),
        ("SipRegistration=yes", 21231, "SipRegistration"),
        ("Secure=", 21231, "Secure"),
        ("EmergencyCallingEnabled=1", 21231, "EmergencyCallingEnabled"),
        (&long, 21231, "FriendlyName"),
        ("ByocTrunkSid=BY00000000000000000000000000000001", 21300, "ByocTrunkSid"),
        ("EmergencyCallerSid=PN00000000000000000000000000000001", 22221, "EmergencyCallerSid"),
    ] {
        let name = if form.starts_with("DomainName") { "" } else { "DomainName=new.sip.twilio.com&" };
        world.post("/SIP/Domains.json", &format!("{name}{form}")).await.refused(400, code, names);
        world.post(&format!("/SIP/Domains/{sid}.json"), form).await.refused(400, code, names);
    }
    world.post("/SIP/Domains.json", "FriendlyName=x").await.refused(400, 21231, "DomainName is required");
}

#[tokio::test]
async fn the_first_bad_parameter_of_the_printed_example_is_the_one_named() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", "DomainName=here.sip.twilio.com").await;
    let printed = "ByocTrunkSid=string&DomainName=string&EmergencyCallerSid=string\
        &EmergencyCallingEnabled=true&FriendlyName=string&Secure=true&SipRegistration=true\
        &VoiceFallbackMethod=HEAD&VoiceFallbackUrl=https%3A%2F%2Fexample.com&VoiceMethod=HEAD\
        &VoiceStatusCallbackMethod=HEAD&VoiceStatusCallbackUrl=https%3A%2F%2Fexample.com\
        &VoiceUrl=https%3A%2F%2Fexample.com";
    world.post(&format!("/SIP/Domains/{sid}.json"), printed).await.refused(400, 21300, "ByocTrunkSid");
}

#[tokio::test]
async fn a_method_is_any_of_the_six_of_the_documents() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", "DomainName=here.sip.twilio.com").await;
    let path = format!("/SIP/Domains/{sid}.json");
    for method in ["HEAD", "GET", "POST", "PATCH", "PUT", "DELETE"] {
        let form = format!("VoiceMethod={method}&VoiceFallbackMethod={}", method.to_lowercase());
        world.post(&path, &form).await.found();
        let domain = world.get(&path).await.found();
        assert_eq!(
            (&domain["voice_method"], &domain["voice_fallback_method"]),
            (&method.into(), &method.into())
        );
    }
}

#[tokio::test]
async fn a_fallback_may_come_with_the_url_or_after_it() {
    let world = World::new().await;
    let with = "DomainName=a.sip.twilio.com&VoiceUrl=http%3A%2F%2Fa%2F";
    let sid = world.made("/SIP/Domains.json", with).await;
    let path = format!("/SIP/Domains/{sid}.json");
    world.post(&path, "VoiceFallbackUrl=http%3A%2F%2Fb%2F").await.found();
    let both = "VoiceUrl=&VoiceFallbackUrl=http%3A%2F%2Fc%2F";
    world.post(&path, both).await.refused(400, 21405, "VoiceFallbackUrl");
}

#[tokio::test]
async fn names_are_unique_whatever_their_case() {
    let world = World::new().await;
    world.made("/SIP/Domains.json", "DomainName=acme.sip.twilio.com").await;
    let other = world.made("/SIP/Domains.json", "DomainName=other.sip.twilio.com").await;
    let taken = "DomainName=ACME.sip.twilio.com";
    world.post("/SIP/Domains.json", taken).await.refused(400, 21232, "in use");
    world.post(&format!("/SIP/Domains/{other}.json"), taken).await.refused(400, 21232, "in use");
}

#[tokio::test]
async fn subdomains_need_their_parent_and_hold_it() {
    let world = World::new().await;
    let parent = world.made("/SIP/Domains.json", "DomainName=acme.sip.twilio.com").await;
    let child = world.made("/SIP/Domains.json", "DomainName=east.acme.sip.twilio.com").await;
    let path = format!("/SIP/Domains/{parent}.json");
    world.delete(&path).await.refused(400, 21233, "subdomains");
    world.post(&path, "DomainName=b.sip.twilio.com").await.refused(400, 21233, "subdomains");
    world.delete(&format!("/SIP/Domains/{child}.json")).await.deleted();
    world.delete(&path).await.deleted();
}

#[tokio::test]
async fn an_account_has_a_limit_of_domains() {
    let limits = Limits { domains_per_account: 1, ..Limits::default() };
    let world = World::with(limits, Settings::default()).await;
    world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await;
    world.post("/SIP/Domains.json", "DomainName=b.sip.twilio.com").await.refused(400, 21230, "1 domains");
}

#[tokio::test]
async fn sids_that_are_unknown_or_malformed_are_not_found() {
    let world = World::new().await;
    for sid in [format!("SD{UNKNOWN}"), format!("AL{UNKNOWN}"), "SD1".to_owned(), "x%20y".to_owned()] {
        let path = format!("/SIP/Domains/{sid}.json");
        world.get(&path).await.missing(&world.path(&path));
    }
    assert_eq!(
        keys(&world.get("/SIP/Domains/x.json").await.json()),
        ["code", "message", "more_info", "status"]
    );
}
