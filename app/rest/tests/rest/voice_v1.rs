use axum::body::Body;
use http::Request;
use ringway_rest::{Connection, Settings};
use ringway_store::Limits;
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Reply, TOKEN, UNKNOWN, World, basic, keys};

const BASE: &str = "http://voice.example.com:8080";

impl World {
    async fn voice_as(&self, (user, secret): (&str, &str), method: &str, path: &str, form: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1{path}"))
            .header("host", "voice.example.com:8080")
            .header("authorization", basic(user, secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(request).await
    }

    async fn voice(&self, method: &str, path: &str, form: &str) -> Reply {
        self.voice_as((ACCOUNT, TOKEN), method, path, form).await
    }

    /// Makes a resource and returns its SID.
    async fn voice_made(&self, path: &str, form: &str) -> String {
        self.voice("POST", path, form).await.created()["sid"].as_str().unwrap().to_owned()
    }
}

/// `2020-03-18T23:31:36Z`, exactly.
fn is_iso_date(value: &Value) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:ddZ";
    let text = value.as_str().unwrap();
    text.len() == pattern.len()
        && text.chars().zip(pattern.chars()).all(|(letter, place)| match place {
            'd' => letter.is_ascii_digit(),
            _ => letter == place,
        })
}

#[tokio::test]
async fn a_trunk_lives_its_life() {
    let world = World::new().await;
    let domain = world.made("/SIP/Domains.json", "DomainName=from.sip.twilio.com").await;
    let policy = world.voice_made("/ConnectionPolicies", "").await;
    let bare = world.voice("POST", "/ByocTrunks", "").await.created();
    let sid = bare["sid"].as_str().unwrap();
    let path = format!("/ByocTrunks/{sid}");
    assert!(is_iso_date(&bare["date_created"]) && is_iso_date(&bare["date_updated"]), "{bare}");
    let expected = json!({
        "account_sid": ACCOUNT, "sid": sid, "friendly_name": null, "voice_url": null, "voice_method": "POST",
        "voice_fallback_url": null, "voice_fallback_method": "POST", "status_callback_url": null,
        "status_callback_method": "POST", "cnam_lookup_enabled": false, "connection_policy_sid": null,
        "from_domain_sid": null, "date_created": bare["date_created"], "date_updated": bare["date_updated"],
        "url": format!("{BASE}/v1{path}"),
    });
    assert_eq!(bare, expected);

    let form = format!(
        "FriendlyName=T&VoiceUrl=https%3A%2F%2Fa.example%2F&VoiceMethod=get&VoiceFallbackUrl=https%3A%2F%2Fb.example\
         &VoiceFallbackMethod=GET&StatusCallbackUrl=https%3A%2F%2Fc.example&StatusCallbackMethod=GET\
         &CnamLookupEnabled=True&ConnectionPolicySid={policy}&FromDomainSid={domain}&Unknown=x"
    );
    let full = world.voice("POST", &path, &form).await.found();
    for (key, value) in [
        ("friendly_name", json!("T")),
        ("voice_url", json!("https://a.example/")),
        ("voice_method", json!("GET")),
        ("voice_fallback_url", json!("https://b.example")),
        ("status_callback_url", json!("https://c.example")),
        ("status_callback_method", json!("GET")),
        ("cnam_lookup_enabled", json!(true)),
        ("connection_policy_sid", json!(policy)),
        ("from_domain_sid", json!(domain)),
    ] {
        assert_eq!(full[key], value, "{key}");
    }
    assert_eq!(world.voice("GET", &path, "").await.found(), full);
    assert_eq!(world.voice("GET", "/ByocTrunks", "").await.found()["byoc_trunks"], json!([full]));
    let cleared = world.voice("POST", &path, "ConnectionPolicySid=&FromDomainSid=&VoiceUrl=").await.found();
    assert_eq!((&cleared["connection_policy_sid"], &cleared["voice_url"]), (&Value::Null, &Value::Null));
    assert_eq!(cleared["friendly_name"], "T");
    world.voice("DELETE", &path, "").await.deleted();
    world.voice("GET", &path, "").await.missing(&format!("/v1{path}"));
}

#[tokio::test]
async fn a_wrong_trunk_is_refused_by_its_field() {
    let world = World::new().await;
    let path = format!("/ByocTrunks/{}", world.voice_made("/ByocTrunks", "").await);
    let long = format!("FriendlyName={}", "x".repeat(256));
    let (policy, domain) = (format!("ConnectionPolicySid=NY{UNKNOWN}"), format!("FromDomainSid=SD{UNKNOWN}"));
    for (form, code, names) in [
        ("VoiceUrl=nonsense", 21402, "VoiceUrl"),
        ("VoiceMethod=FETCH", 21403, "VoiceMethod"),
        ("VoiceFallbackUrl=http%3A%2F%2Fa.example", 21405, "VoiceFallbackUrl"),
        ("StatusCallbackMethod=x", 21403, "StatusCallbackMethod"),
        ("CnamLookupEnabled=maybe", 20422, "CnamLookupEnabled"),
        ("ConnectionPolicySid=NY1", 20422, "ConnectionPolicySid"),
        (&policy, 20422, "ConnectionPolicySid"),
        (&domain, 20422, "FromDomainSid"),
        (&long, 20422, "FriendlyName"),
    ] {
        world.voice("POST", "/ByocTrunks", form).await.refused(400, code, names);
        world.voice("POST", &path, form).await.refused(400, code, names);
    }
}

#[tokio::test]
async fn a_domain_takes_a_trunk_of_its_account_and_keeps_it() {
    let world = World::new().await;
    let trunk = world.voice_made("/ByocTrunks", "").await;
    let form = format!("DomainName=a.sip.twilio.com&ByocTrunkSid={trunk}");
    let domain = world.post("/SIP/Domains.json", &form).await.created();
    assert_eq!(domain["byoc_trunk_sid"], trunk.as_str());
    let in_use = world.voice("DELETE", &format!("/ByocTrunks/{trunk}"), "").await;
    in_use.refused(409, 20409, domain["sid"].as_str().unwrap());
    let path = format!("/SIP/Domains/{}.json", domain["sid"].as_str().unwrap());
    assert_eq!(world.post(&path, "FriendlyName=x").await.found()["byoc_trunk_sid"], trunk.as_str());
    world.post(&path, &format!("ByocTrunkSid=BY{UNKNOWN}")).await.refused(400, 21300, "ByocTrunkSid");
    assert_eq!(world.post(&path, "ByocTrunkSid=").await.found()["byoc_trunk_sid"], Value::Null);
    world.voice("DELETE", &format!("/ByocTrunks/{trunk}"), "").await.deleted();
}

#[tokio::test]
async fn policies_and_their_targets_live_their_lives() {
    let limits =
        Limits { connection_policies_per_account: 1, targets_per_connection_policy: 1, ..Limits::default() };
    let world = World::with(limits, Settings::default()).await;
    let policy = world.voice("POST", "/ConnectionPolicies", "FriendlyName=P").await.created();
    let path = format!("/ConnectionPolicies/{}", policy["sid"].as_str().unwrap());
    let targets = format!("{path}/Targets");
    assert_eq!(
        keys(&policy),
        ["account_sid", "sid", "friendly_name", "date_created", "date_updated", "links", "url"]
    );
    assert_eq!(policy["links"], json!({"targets": format!("{BASE}/v1{targets}")}));
    world.voice("POST", "/ConnectionPolicies", "").await.refused(400, 21253, "1 connection policies");
    assert_eq!(world.voice("POST", &path, "FriendlyName=Q").await.found()["friendly_name"], "Q");
    assert_eq!(world.voice("POST", &path, "").await.found()["friendly_name"], "Q");
    let listed = world.voice("GET", "/ConnectionPolicies", "").await.found();
    assert_eq!(listed["connection_policies"][0]["friendly_name"], "Q");

    for (form, names) in [
        ("", "Target"),
        ("Target=sips%3Aa.example", "Target"),
        ("Target=tel%3A%2B1", "Target"),
        ("Target=sip%3Aa%0d%0ab", "Target"),
        ("Target=sip%3Aa.example&Priority=65536", "Priority"),
        ("Target=sip%3Aa.example&Weight=0", "Weight"),
        ("Target=sip%3Aa.example&Enabled=1", "Enabled"),
    ] {
        world.voice("POST", &targets, form).await.refused(400, 20422, names);
    }
    let target = world.voice("POST", &targets, "Target=sip%3Asip-box.com%3A1234").await.created();
    let one = format!("{targets}/{}", target["sid"].as_str().unwrap());
    assert_eq!((&target["target"], &target["priority"]), (&json!("sip:sip-box.com:1234"), &json!(10)));
    assert_eq!((&target["weight"], &target["enabled"]), (&json!(10), &json!(true)));
    assert_eq!(target["connection_policy_sid"], policy["sid"]);
    assert_eq!(target["url"], format!("{BASE}/v1{one}"));
    world.voice("POST", &targets, "Target=sip%3Aa.example").await.refused(400, 21254, "1 targets");
    let changed = world.voice("POST", &one, "Priority=0&Weight=65535&Enabled=False").await.found();
    assert_eq!((&changed["priority"], &changed["weight"]), (&json!(0), &json!(65535)));
    assert_eq!((&changed["enabled"], &changed["target"]), (&json!(false), &target["target"]));
    assert_eq!(world.voice("GET", &one, "").await.found(), changed);
    assert_eq!(world.voice("GET", &targets, "").await.found()["targets"], json!([changed]));
    world.voice("DELETE", &one, "").await.deleted();
    world.voice("DELETE", &one, "").await.missing(&format!("/v1{one}"));

    let trunk = world.voice_made("/ByocTrunks", &format!("ConnectionPolicySid={}", &path[20..])).await;
    world.voice("DELETE", &path, "").await.refused(409, 20409, &trunk);
    world.voice("DELETE", &format!("/ByocTrunks/{trunk}"), "").await.deleted();
    world.voice("DELETE", &path, "").await.deleted();
    world.voice("GET", &targets, "").await.missing(&format!("/v1{targets}"));
}

#[tokio::test]
async fn records_and_mappings_live_their_lives() {
    let world = World::new().await;
    let first = world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await;
    let second = world.made("/SIP/Domains.json", "DomainName=b.sip.twilio.com").await;
    for (form, names) in [
        ("", "IpAddress"),
        ("IpAddress=%3A%3A1", "IpAddress"),
        ("IpAddress=192.0.2.1&CidrPrefixLength=33", "CidrPrefixLength"),
    ] {
        world.voice("POST", "/IpRecords", form).await.refused(400, 21238, names);
    }
    let record = world.voice("POST", "/IpRecords", "IpAddress=192.0.2.1&FriendlyName=R").await.created();
    let record_sid = record["sid"].as_str().unwrap();
    let record_path = format!("/IpRecords/{record_sid}");
    assert_eq!((&record["ip_address"], &record["cidr_prefix_length"]), (&json!("192.0.2.1"), &json!(32)));
    assert_eq!(record["url"], format!("{BASE}/v1{record_path}"));
    let renamed = world.voice("POST", &record_path, "FriendlyName=S&IpAddress=192.0.2.2").await.found();
    assert_eq!((&renamed["friendly_name"], &renamed["ip_address"]), (&json!("S"), &json!("192.0.2.1")));
    assert_eq!(world.voice("GET", "/IpRecords", "").await.found()["ip_records"], json!([renamed]));

    let form = format!("IpRecordSid={record_sid}&SipDomainSid={first}");
    let mapping = world.voice("POST", "/SourceIpMappings", &form).await.created();
    assert_eq!(
        keys(&mapping),
        ["sid", "ip_record_sid", "sip_domain_sid", "date_created", "date_updated", "url"]
    );
    let path = format!("/SourceIpMappings/{}", mapping["sid"].as_str().unwrap());
    assert_eq!(world.voice("GET", &path, "").await.found(), mapping);
    for (form, status, code, names) in [
        (form.clone(), 409, 20409, "IpRecordSid"),
        (format!("SipDomainSid={first}"), 400, 20422, "IpRecordSid"),
        (format!("IpRecordSid={record_sid}"), 400, 20422, "SipDomainSid"),
        (format!("IpRecordSid=IL{UNKNOWN}&SipDomainSid={first}"), 400, 20422, "IpRecordSid"),
        (format!("IpRecordSid={record_sid}&SipDomainSid=SD{UNKNOWN}"), 400, 20422, "SipDomainSid"),
    ] {
        world.voice("POST", "/SourceIpMappings", &form).await.refused(status, code, names);
    }
    world.voice("POST", &path, "").await.refused(400, 20422, "SipDomainSid");
    let moved = world.voice("POST", &path, &format!("SipDomainSid={second}")).await.found();
    assert_eq!(moved["sip_domain_sid"], second.as_str());
    let listed = world.voice("GET", "/SourceIpMappings", "").await.found();
    assert_eq!(listed["source_ip_mappings"], json!([moved]));
    world.voice("DELETE", &record_path, "").await.refused(409, 20409, mapping["sid"].as_str().unwrap());
    world.voice("DELETE", &path, "").await.deleted();
    world.voice("DELETE", &record_path, "").await.deleted();
    world.voice("DELETE", &record_path, "").await.missing(&format!("/v1{record_path}"));
}

#[tokio::test]
async fn pages_are_linked_by_absolute_urls() {
    let world = World::new().await;
    let empty = world.voice("GET", "/IpRecords", "").await.found();
    let first = format!("{BASE}/v1/IpRecords?PageSize=50&Page=0");
    let meta = json!({
        "page": 0, "page_size": 50, "first_page_url": first, "previous_page_url": null, "url": first,
        "next_page_url": null, "key": "ip_records",
    });
    assert_eq!(empty, json!({"meta": meta, "ip_records": []}));
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(world.voice_made("/IpRecords", &format!("IpAddress=192.0.2.{number}")).await);
    }
    made.reverse();
    let mut next = Some(format!("{BASE}/v1/IpRecords?PageSize=2"));
    let mut seen = Vec::new();
    while let Some(url) = next {
        let path = url.strip_prefix(&format!("{BASE}/v1")).unwrap();
        let page = world.voice("GET", path, "").await.found();
        seen.extend(page["ip_records"].as_array().unwrap().iter().map(|row| row["sid"].clone()));
        next = page["meta"]["next_page_url"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, made);
    world.voice("GET", "/IpRecords?PageSize=1001", "").await.refused(400, 20007, "PageSize");
}

#[tokio::test]
async fn settings_are_fetched_and_accepted() {
    let world = World::new().await;
    let url = format!("{BASE}/v1/Settings");
    let expected = |inherit| json!({"dialing_permissions_inheritance": inherit, "url": url});
    assert_eq!(world.voice("GET", "/Settings", "").await.found(), expected(true));
    let set = world.voice("POST", "/Settings", "DialingPermissionsInheritance=False").await;
    assert_eq!(set.with_status(202), expected(false));
    assert_eq!(world.voice("POST", "/Settings", "").await.with_status(202), expected(false));
    assert_eq!(world.voice("GET", "/Settings", "").await.found(), expected(false));
    let bad = world.voice("POST", "/Settings", "DialingPermissionsInheritance=x").await;
    bad.refused(400, 20422, "DialingPermissionsInheritance");
    world.voice("DELETE", "/Settings", "").await.refused(405, 20004, "");
}

#[tokio::test]
async fn dialing_permissions_are_listed_narrowed_and_changed_in_bulk() {
    let world = World::new().await;
    let countries = "/DialingPermissions/Countries";
    let url = format!("{BASE}/v1{countries}");
    let us = json!({
        "iso_code": "US", "name": "United States/Canada", "continent": "NORTH_AMERICA", "country_codes": ["+1"],
        "low_risk_numbers_enabled": true, "high_risk_special_numbers_enabled": false,
        "high_risk_tollfraud_numbers_enabled": false, "url": format!("{url}/US"),
        "links": {"highrisk_special_prefixes": format!("{url}/US/HighRiskSpecialPrefixes")},
    });
    assert_eq!(world.voice("GET", &format!("{countries}/US"), "").await.found(), us);
    world.voice("GET", &format!("{countries}/XX"), "").await.missing(&format!("/v1{countries}/XX"));
    let narrowed = world.voice("GET", &format!("{countries}?IsoCode=US"), "").await.found();
    assert_eq!((&narrowed["content"], &narrowed["meta"]["key"]), (&json!([us]), &json!("content")));
    assert_eq!(narrowed["meta"]["url"], format!("{url}?IsoCode=US&PageSize=50&Page=0"));
    let query = format!("{countries}?Continent=EUROPE&CountryCode=%2B371&LowRiskNumbersEnabled=false");
    assert_eq!(world.voice("GET", &query, "").await.found()["content"][0]["iso_code"], "LV");

    let prefixes = world.voice("GET", &format!("{countries}/LV/HighRiskSpecialPrefixes"), "").await.found();
    assert_eq!(prefixes["content"], json!([{"prefix": "+37181"}, {"prefix": "+3719000"}]));

    let bulk = "/DialingPermissions/BulkCountryUpdates";
    let update = "UpdateRequest=[{\"iso_code\":\"LV\",\"low_risk_numbers_enabled\":\"true\"},\
                  {\"iso_code\":\"GB\",\"high_risk_special_numbers_enabled\":true}]";
    let accepted = world.voice("POST", bulk, update).await.created();
    assert_eq!(accepted, json!({"update_count": 2, "update_request": "accepted"}));
    let lv = world.voice("GET", &format!("{countries}/lv"), "").await.found();
    assert_eq!(lv["low_risk_numbers_enabled"], true);
    for bad in [
        "",
        "UpdateRequest=x",
        "UpdateRequest={}",
        "UpdateRequest=[1]",
        "UpdateRequest=[{\"iso_code\":\"XX\"}]",
        "UpdateRequest=[{\"iso_code\":\"LV\",\"low_risk_numbers_enabled\":1}]",
    ] {
        world.voice("POST", bulk, bad).await.refused(400, 20422, "UpdateRequest");
    }
}

#[tokio::test]
async fn the_list_of_countries_is_paged_without_repeats() {
    let world = World::new().await;
    let mut next = Some("/DialingPermissions/Countries?PageSize=60".to_owned());
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = world.voice("GET", &path, "").await.found();
        let codes = page["content"].as_array().unwrap().iter().map(|row| row["iso_code"].to_string());
        seen.extend(codes);
        next = page["meta"]["next_page_url"].as_str().map(|url| url[BASE.len() + 3..].to_owned());
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert!(sorted.len() > 200 && sorted == seen, "{seen:?}");
    let back = "/DialingPermissions/Countries?PageSize=2&Page=0&PageToken=PBAF";
    let page = world.voice("GET", back, "").await.found();
    assert_eq!(page["content"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_subaccount_inherits_permissions_until_it_is_told_not_to() {
    let world = World::new().await;
    let child = world.store.create_subaccount(world.account(), "child".to_owned()).await.unwrap().unwrap();
    let user = (child.sid.to_string(), child.auth_token.expose().to_owned());
    let user = (user.0.as_str(), user.1.as_str());
    let bulk = "/DialingPermissions/BulkCountryUpdates";
    let update = "UpdateRequest=[{\"iso_code\":\"LV\",\"low_risk_numbers_enabled\":true}]";
    world.voice("POST", bulk, update).await.created();
    let path = "/DialingPermissions/Countries/LV";
    let enabled = async || {
        world.voice_as(user, "GET", path, "").await.found()["low_risk_numbers_enabled"].as_bool().unwrap()
    };
    assert!(enabled().await);
    let set = world.voice_as(user, "POST", "/Settings", "DialingPermissionsInheritance=false").await;
    set.with_status(202);
    assert!(!enabled().await);
    let trunk = world.voice_made("/ByocTrunks", "").await;
    let path = format!("/ByocTrunks/{trunk}");
    world.voice_as(user, "GET", &path, "").await.missing(&format!("/v1{path}"));
}

#[tokio::test]
async fn strangers_unknown_paths_and_wrong_verbs_are_answered_in_json() {
    let world = World::new().await;
    let refused = world.voice_as((ACCOUNT, "wrong"), "GET", "/ByocTrunks", "").await;
    refused.refused(401, 20003, "Authenticate");
    world.voice("GET", "/Nothing", "").await.missing("/v1/Nothing");
    world.voice("GET", "/ByocTrunks/BY1", "").await.missing("/v1/ByocTrunks/BY1");
    world.voice("DELETE", "/ByocTrunks", "").await.refused(405, 20004, "");
    world.voice("PUT", &format!("/ByocTrunks/BY{UNKNOWN}"), "").await.refused(405, 20004, "");
}

#[tokio::test]
async fn links_lead_through_a_trusted_proxy_and_no_other() {
    let settings = Settings { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Settings::default() };
    let world = World::with(Limits::default(), settings).await;
    for (peer, url) in [
        ("10.1.2.3:4000", "https://public.example/v1/Settings"),
        ("192.0.2.1:4000", "http://inner.example/v1/Settings"),
    ] {
        let connection = Connection { peer: peer.parse().unwrap(), secure: false };
        let request = Request::get("/v1/Settings")
            .header("host", "inner.example")
            .header("x-forwarded-host", "public.example")
            .header("x-forwarded-proto", "https")
            .header("authorization", basic(ACCOUNT, TOKEN))
            .extension(connection)
            .body(Body::empty())
            .unwrap();
        assert_eq!(world.send(request).await.found()["url"], url);
    }
}
