use axum::body::Body;
use http::Request;
use ringway_model::sid::AccountSid;
use ringway_store::{AccountStatus, AccountUpdate};

use crate::world::{ACCOUNT, TOKEN, UNKNOWN, World, keys};

const DOMAINS: &str = "/SIP/Domains.json";

#[tokio::test]
async fn a_request_without_credentials_is_challenged() {
    let world = World::new().await;
    let request = Request::builder().uri(world.path(DOMAINS)).body(Body::empty()).unwrap();
    let reply = world.send(request).await;
    assert_eq!(reply.header("www-authenticate"), "Basic realm=\"Twilio API\"");
    assert_eq!(
        reply.text,
        "{\"code\": 20003, \"detail\": \"Your AccountSid or AuthToken was incorrect.\", \
         \"message\": \"Authenticate\", \"more_info\": \"http://localhost/docs/errors/20003\", \
         \"status\": 401}"
    );
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let world = World::new().await;
    let unknown_account = format!("AC{UNKNOWN}");
    let unknown_key = format!("SK{UNKNOWN}");
    let username = "Authentication Error - invalid username";
    for (user, password, message) in [
        (ACCOUNT, "wrong", "Authenticate"),
        (ACCOUNT, "", "Authenticate"),
        (&unknown_account, TOKEN, username),
        (&unknown_key, TOKEN, "Authenticate"),
        ("alice", TOKEN, username),
        ("", "", username),
    ] {
        let reply = world.ask_as(user, password, "GET", DOMAINS, "").await;
        reply.refused(401, 20003, message);
        assert_eq!(reply.header("www-authenticate"), "Basic realm=\"Twilio API\"");
    }
}

#[tokio::test]
async fn credentials_come_before_the_question_whether_a_path_exists() {
    let world = World::new().await;
    for path in ["/2010-04-01", "/2010-04-01/Nothing.json", "/Nothing.json"] {
        assert_eq!(world.ask_as(ACCOUNT, "wrong", "GET", path, "").await.status, 401, "{path}");
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_standard_key_cannot_use_accounts_and_keys() {
    let world = World::new().await;
    let key = world.post("/Keys.json", "").await.created();
    let (sid, secret) = (key["sid"].as_str().unwrap(), key["secret"].as_str().unwrap());
    for path in [".json", "/Keys.json", &format!("/Keys/{sid}.json")] {
        world.ask_as(sid, secret, "GET", path, "").await.refused(403, 20003, "Permission Denied");
    }
    world.ask_as(sid, secret, "POST", "/Keys.json", "").await.refused(403, 20003, "Permission Denied");
    world.ask_as(sid, secret, "POST", DOMAINS, "DomainName=a.sip.twilio.com").await.created();
    world.ask_as(sid, "wrong", "GET", DOMAINS, "").await.refused(401, 20003, "Authenticate");
}

struct Child {
    sid: AccountSid,
    token: String,
}

async fn child(world: &World) -> Child {
    let made = world.store.create_subaccount(world.account(), "child".to_owned()).await.unwrap().unwrap();
    Child { sid: made.sid, token: made.auth_token.expose().to_owned() }
}

#[tokio::test]
async fn a_parent_acts_on_its_child_and_never_the_reverse() {
    let world = World::new().await;
    let child = child(&world).await;
    let path = format!("/2010-04-01/Accounts/{}/SIP/Domains.json", child.sid);
    let made = world.post(&path, "DomainName=a.sip.twilio.com").await.created();
    assert_eq!(made["account_sid"], child.sid.as_str());
    let own = world.ask_as(child.sid.as_str(), &child.token, "GET", &path, "").await.found();
    assert_eq!(own["domains"].as_array().unwrap().len(), 1);
    assert_eq!(keys(&world.get(DOMAINS).await.found())[0], "domains");
    assert!(world.get(DOMAINS).await.found()["domains"].as_array().unwrap().is_empty());
    let up = world.ask_as(child.sid.as_str(), &child.token, "GET", DOMAINS, "").await;
    up.refused(401, 20003, "Authenticate");
}

#[tokio::test]
async fn the_account_of_a_stranger_does_not_exist() {
    let world = World::new().await;
    let (one, other) = (child(&world).await, child(&world).await);
    let path = format!("/2010-04-01/Accounts/{}/SIP/Domains.json", other.sid);
    world.ask_as(one.sid.as_str(), &one.token, "GET", &path, "").await.missing(&path);
    let unknown = format!("/2010-04-01/Accounts/AC{UNKNOWN}/SIP/Domains.json");
    world.get(&unknown).await.missing(&unknown);
    let malformed = "/2010-04-01/Accounts/AC1/SIP/Domains.json";
    world.get(malformed).await.missing(malformed);
}

#[tokio::test]
async fn a_suspended_account_is_refused_and_its_parent_sees_only_itself() {
    let world = World::new().await;
    let child = child(&world).await;
    let update = AccountUpdate { status: Some(AccountStatus::Suspended), ..AccountUpdate::default() };
    world.store.update_account(child.sid, update).await.unwrap();
    let account = format!("/2010-04-01/Accounts/{}", child.sid);
    let domains = format!("{account}/SIP/Domains.json");
    world.ask_as(child.sid.as_str(), &child.token, "GET", &domains, "").await.refused(
        401,
        20003,
        "Authenticate",
    );
    world.get(&domains).await.refused(403, 20005, "Account not active");
    assert_eq!(world.get(&format!("{account}.json")).await.found()["status"], "suspended");
}
