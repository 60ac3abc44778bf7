use axum::body::Body;
use http::Request;
use ringway_call::directory::Directory;
use ringway_rest::{RequestLimits, Settings};
use ringway_store::{KeyKind, Limits, PageQuery};

use crate::world::{ACCOUNT, TOKEN, UNKNOWN, World, keys};

const ACCOUNTS: &str = "/2010-04-01/Accounts.json";

fn path_of(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{sid}.json")
}

#[tokio::test]
async fn an_account_shows_itself() {
    let world = World::new().await;
    let body = world.get(".json").await.found();
    assert_eq!(
        keys(&body),
        [
            "auth_token",
            "date_created",
            "date_updated",
            "friendly_name",
            "owner_account_sid",
            "sid",
            "status",
            "subresource_uris",
            "type",
            "uri"
        ]
    );
    assert_eq!((&body["sid"], &body["owner_account_sid"]), (&ACCOUNT.into(), &ACCOUNT.into()));
    assert_eq!(
        (&body["auth_token"], &body["status"], &body["type"]),
        (&TOKEN.into(), &"active".into(), &"Full".into())
    );
    assert_eq!(body["subresource_uris"]["sip"], format!("/2010-04-01/Accounts/{ACCOUNT}/SIP.json"));
    assert_eq!(body["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}.json"));
}

#[tokio::test]
async fn a_subaccount_is_made_listed_filtered_and_renamed() {
    let world = World::new().await;
    let made = world.post(ACCOUNTS, "FriendlyName=Submarine").await.created();
    let sid = made["sid"].as_str().unwrap();
    assert_eq!((&made["owner_account_sid"], &made["status"]), (&ACCOUNT.into(), &"active".into()));
    assert_eq!(made["subresource_uris"]["keys"], format!("/2010-04-01/Accounts/{sid}/Keys.json"));
    assert_eq!(made["auth_token"].as_str().unwrap().len(), 32);
    let page = world.get(ACCOUNTS).await.found();
    assert_eq!(page["uri"], format!("{ACCOUNTS}?PageSize=50&Page=0"));
    let sids: Vec<_> = page["accounts"].as_array().unwrap().iter().map(|row| &row["sid"]).collect();
    assert_eq!(sids, [sid, ACCOUNT]);
    assert_eq!(page["accounts"][0], made);
    for (query, count) in [("FriendlyName=Submarine", 1), ("Status=active", 2), ("Status=closed", 0)] {
        let page = world.get(&format!("{ACCOUNTS}?{query}")).await.found();
        assert_eq!(page["accounts"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(page["first_page_uri"], format!("{ACCOUNTS}?{query}&PageSize=50&Page=0"));
    }
    world.get(&format!("{ACCOUNTS}?Status=gone")).await.refused(400, 20422, "Status");
    let renamed = world.post(&path_of(sid), "FriendlyName=Boat").await.found();
    assert_eq!((&renamed["friendly_name"], &renamed["uri"]), (&"Boat".into(), &path_of(sid).into()));
    let long = format!("FriendlyName={}", "x".repeat(65));
    world.post(&path_of(sid), &long).await.refused(400, 20002, "FriendlyName");
    let unnamed = world.post(ACCOUNTS, "").await.created();
    assert!(unnamed["friendly_name"].as_str().unwrap().starts_with("SubAccount Created at 20"));
    world.delete(&path_of(sid)).await.refused(405, 20004, "Method not allowed");
    let page = world.get(&ACCOUNTS.replace(".json", "?PageSize=1")).await;
    assert!(
        page.text.contains("<Accounts end=\"0\" firstpageuri=\"/2010-04-01/Accounts?PageSize=1&amp;Page=0\"")
    );
}

#[tokio::test]
async fn a_subaccount_is_suspended_revived_and_closed_for_good_by_its_owner_only() {
    let world = World::new().await;
    let made = world.post(ACCOUNTS, "").await.created();
    let (sid, token) = (made["sid"].as_str().unwrap(), made["auth_token"].as_str().unwrap());
    let domains = format!("/2010-04-01/Accounts/{sid}/SIP/Domains.json");
    world.post(&domains, "DomainName=a.sip.twilio.com").await.created();
    let active = || world.store.directory().domain("a.sip.twilio.com").unwrap().account_active;
    assert!(active());
    world.ask_as(sid, token, "POST", &path_of(sid), "Status=suspended").await.refused(403, 20003, "owner");
    world.ask_as(sid, token, "POST", &path_of(sid), "FriendlyName=Own").await.found();

    assert_eq!(world.post(&path_of(sid), "Status=suspended").await.found()["status"], "suspended");
    assert!(!active());
    world.ask_as(sid, token, "GET", &domains, "").await.refused(401, 20003, "Authenticate");
    world.get(&domains).await.refused(403, 20005, "Account not active");
    assert_eq!(world.post(&path_of(sid), "Status=active").await.found()["status"], "active");
    assert!(active());
    world.ask_as(sid, token, "GET", &domains, "").await.found();

    assert_eq!(world.post(&path_of(sid), "Status=closed").await.found()["status"], "closed");
    assert!(!active());
    world.post(&path_of(sid), "Status=active").await.refused(400, 21479, "closed");
    world.ask_as(sid, token, "GET", &path_of(sid), "").await.refused(401, 20003, "Authenticate");
    world.post(&path_of(sid), "Status=sleeping").await.refused(400, 21475, "Status");
    world.post(&path_of(ACCOUNT), "Status=suspended").await.refused(400, 21477, "parent accounts");
}

#[tokio::test]
async fn a_subaccount_sees_only_itself_and_has_none_of_its_own() {
    let world = World::new().await;
    let made = world.post(ACCOUNTS, "").await.created();
    world.post(ACCOUNTS, "").await.created();
    let (sid, token) = (made["sid"].as_str().unwrap(), made["auth_token"].as_str().unwrap());
    let page = world.ask_as(sid, token, "GET", ACCOUNTS, "").await.found();
    assert_eq!(page["accounts"].as_array().unwrap().len(), 1);
    world.ask_as(sid, token, "POST", ACCOUNTS, "").await.refused(403, 20003, "subaccount");
    world.ask_as(sid, token, "GET", &path_of(ACCOUNT), "").await.refused(401, 20003, "Authenticate");
    let unknown = path_of(&format!("AC{UNKNOWN}"));
    world.post(&unknown, "Status=closed").await.missing(&unknown);
}

#[tokio::test]
async fn a_secondary_token_works_beside_the_first_until_it_replaces_it() {
    let world = World::new().await;
    let secondary = "/v1/AuthTokens/Secondary";
    let works =
        async |token: &str| world.ask_as(ACCOUNT, token, "GET", "/SIP/Domains.json", "").await.status == 200;
    world.ask_v1(TOKEN, "POST", "/v1/AuthTokens/Promote").await.missing("/v1/AuthTokens/Promote");
    let made = world.ask_v1(TOKEN, "POST", secondary).await.created();
    assert_eq!(keys(&made), ["account_sid", "secondary_auth_token", "date_created", "date_updated", "url"]);
    assert_eq!(made["url"], "http://accounts.example.com/v1/AuthTokens/Secondary");
    let second = made["secondary_auth_token"].as_str().unwrap();
    assert!(works(TOKEN).await && works(second).await);
    world.ask_v1(TOKEN, "POST", secondary).await.refused(409, 20409, "secondary token");
    let promoted = world.ask_v1(second, "POST", "/v1/AuthTokens/Promote").await.found();
    assert_eq!(promoted["auth_token"], second);
    assert!(!works(TOKEN).await && works(second).await);
    let third = world.ask_v1(second, "POST", secondary).await.created();
    let third = third["secondary_auth_token"].as_str().unwrap();
    world.ask_v1(second, "DELETE", secondary).await.deleted();
    assert!(!works(third).await && works(second).await);
    world.ask_v1(second, "DELETE", secondary).await.missing(secondary);
    let reply = world.ask_v1(second, "GET", secondary).await;
    reply.refused(405, 20004, "Method");
    assert_eq!(reply.header("allow"), "POST, DELETE");
}

#[tokio::test]
async fn keys_of_each_kind_reach_what_they_may() {
    let world = World::new().await;
    for (kind, accounts, domains) in
        [(KeyKind::Main, 200, 200), (KeyKind::Standard, 403, 200), (KeyKind::Restricted, 403, 403)]
    {
        let made = world.store.create_key(world.account(), String::new(), kind).await.unwrap();
        let (sid, secret) = (made.key.sid.to_string(), made.secret.expose());
        for (path, expected) in [
            (ACCOUNTS, accounts),
            (".json", accounts),
            ("/Keys.json", accounts),
            ("/SigningKeys.json", accounts),
            ("/SIP/Domains.json", domains),
        ] {
            let reply = world.ask_as(&sid, secret, "GET", path, "").await;
            assert_eq!(reply.status, expected, "{kind:?} {path}");
        }
    }
    assert_eq!(world.store.keys(&world.account(), &PageQuery::default()).unwrap().rows.len(), 3);
}

#[tokio::test]
async fn signing_keys_are_the_keys_under_another_name() {
    let world = World::new().await;
    let sid = world.made("/SigningKeys.json", "FriendlyName=a").await;
    assert_eq!(world.get("/SigningKeys.json").await.found()["signing_keys"][0]["sid"], sid.as_str());
    assert_eq!(world.get("/Keys.json").await.found()["keys"][0]["sid"], sid.as_str());
    let path = format!("/SigningKeys/{sid}");
    assert!(world.get(&path).await.text.contains("<SigningKey><Sid>"));
    world.post(&format!("{path}.json"), "FriendlyName=b").await.found();
    world.delete(&path).await.deleted();
    let path = world.path(&format!("/Keys/{sid}.json"));
    world.get(&path).await.missing(&path);
}

#[tokio::test]
async fn an_account_that_asks_too_fast_is_told_to_wait() {
    let requests = RequestLimits { concurrent_max: 10, per_second_max: Some(1) };
    let world = World::with(Limits::default(), Settings { requests, ..Settings::default() }).await;
    let replies = [world.get("/SIP/Domains.json").await, world.get("/SIP/Domains.json").await];
    assert_eq!((replies[0].status.as_u16(), replies[0].header("twilio-concurrent-requests")), (200, "1"));
    replies[1].refused(429, 20429, "a second");
    assert_eq!(replies[1].header("retry-after"), "1");
    let stranger = Request::builder().uri(ACCOUNTS).body(Body::empty()).unwrap();
    assert_eq!(world.send(stranger).await.status, 401);
}
