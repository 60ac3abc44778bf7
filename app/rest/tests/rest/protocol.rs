//! What holds for every request.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use hyper::body::Frame;
use ringway_rest::{BodyLimits, Connection, ErrorPages, Settings};
use ringway_store::Limits;

use crate::world::{ACCOUNT, TOKEN, World, basic};

const DOMAINS: &str = "/SIP/Domains.json";

fn request(world: &World, method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(world.path(path)).header("authorization", basic(ACCOUNT, TOKEN))
}

#[tokio::test]
async fn every_reply_carries_the_headers_of_the_contract() {
    let world = World::new().await;
    let unauthenticated = Request::builder().uri("/2010-04-01/x.json").body(Body::empty()).unwrap();
    let replies = [
        world.get(DOMAINS).await,
        world.post(DOMAINS, "DomainName=a.sip.twilio.com").await,
        world.get("/Nothing.json").await,
        world.send(unauthenticated).await,
        world.ask("OPTIONS", DOMAINS, "").await,
    ];
    for reply in &replies {
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, POST, DELETE, OPTIONS"),
            (
                "access-control-allow-headers",
                "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, \
                 If-Unmodified-Since, Idempotency-Key",
            ),
            ("access-control-expose-headers", "ETag"),
            ("access-control-allow-credentials", "true"),
            ("x-api-domain", "api.twilio.com"),
            ("x-home-region", "us1"),
            ("x-powered-by", "AT-5000"),
            ("x-shenanigans", "none"),
            ("twilio-concurrent-requests", "1"),
            ("strict-transport-security", ""),
        ] {
            assert_eq!(reply.header(name), value, "{name}");
        }
        let id = reply.header("twilio-request-id");
        assert!(id.starts_with("RQ") && id.len() == 34, "{id}");
        assert!(reply.header("twilio-request-duration").parse::<f64>().unwrap() < 60.0);
    }
    assert_ne!(replies[0].header("twilio-request-id"), replies[1].header("twilio-request-id"));
    assert_eq!(replies[0].header("content-type"), "application/json");
}

#[tokio::test]
async fn over_tls_browsers_are_told_to_stay_there() {
    let world = World::new().await;
    for (secure, expected) in [(true, "max-age=31536000"), (false, "")] {
        let connection = Connection { peer: "192.0.2.1:4000".parse().unwrap(), secure };
        let request = Request::get(world.path(DOMAINS)).extension(connection).body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.header("strict-transport-security"), expected);
    }
}

#[tokio::test]
async fn a_preflight_needs_no_credentials() {
    let world = World::new().await;
    let request = Request::builder()
        .method("OPTIONS")
        .uri(world.path(DOMAINS))
        .header("origin", "http://example.com")
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .unwrap();
    let reply = world.send(request).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
    assert_eq!(reply.header("allow"), "GET, POST, DELETE, OPTIONS");
}

#[tokio::test]
async fn a_known_resource_with_the_wrong_verb_says_which_are_right() {
    let world = World::new().await;
    let sid = "00000000000000000000000000000001";
    for (method, path, allow) in [
        ("PUT", DOMAINS.to_owned(), "GET, POST"),
        ("DELETE", DOMAINS.to_owned(), "GET, POST"),
        ("PATCH", format!("/SIP/Domains/SD{sid}.json"), "GET, POST, DELETE"),
        ("DELETE", "/SIP/IpAccessControlLists.json".to_owned(), "GET, POST"),
        ("PUT", format!("/SIP/IpAccessControlLists/AL{sid}.json"), "GET, POST, DELETE"),
        ("PUT", format!("/SIP/IpAccessControlLists/AL{sid}/IpAddresses.json"), "GET, POST"),
        ("PUT", format!("/SIP/IpAccessControlLists/AL{sid}/IpAddresses/IP{sid}.json"), "GET, POST, DELETE"),
        ("DELETE", "/SIP/CredentialLists.json".to_owned(), "GET, POST"),
        ("PUT", format!("/SIP/CredentialLists/CL{sid}.json"), "GET, POST, DELETE"),
        ("DELETE", format!("/SIP/CredentialLists/CL{sid}/Credentials.json"), "GET, POST"),
        ("PUT", format!("/SIP/CredentialLists/CL{sid}/Credentials/CR{sid}.json"), "GET, POST, DELETE"),
        ("DELETE", format!("/SIP/Domains/SD{sid}/Auth/Calls/CredentialListMappings.json"), "GET, POST"),
        ("DELETE", "/Keys.json".to_owned(), "GET, POST"),
        ("PUT", format!("/Keys/SK{sid}.json"), "GET, POST, DELETE"),
        ("DELETE", "/Calls.json".to_owned(), "GET, POST"),
        ("PUT", format!("/Calls/CA{sid}.json"), "GET, POST, DELETE"),
        ("POST", "/Notifications.json".to_owned(), "GET"),
        ("DELETE", ".json".to_owned(), "GET, POST"),
    ] {
        let reply = world.ask(method, &path, "").await;
        reply.refused(405, 20004, "Method not allowed");
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn everything_else_is_not_found_by_its_own_path() {
    let world = World::new().await;
    for path in [
        "/Nothing.json",
        "/SIP.json",
        "/SIP/Nothing.json",
        "/SIP/Domains/SD00000000000000000000000000000001/Nothing.json",
        "/Calls/CA00000000000000000000000000000001/Recordings.json",
        "/Calls/unknown.json",
        "/Messages.json",
    ] {
        world.get(path).await.missing(&world.path(path));
    }
    let outside = Request::builder().uri("/elsewhere.json").body(Body::empty()).unwrap();
    world.send(outside).await.missing("/elsewhere.json");
}

#[tokio::test]
async fn a_trailing_slash_is_tolerated() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json/", "DomainName=a.sip.twilio.com").await;
    world.get(&format!("/SIP/Domains/{sid}.json/")).await.found();
    assert_eq!(world.get(&format!("/SIP/Domains/{sid}/")).await.status, 200);
}

#[tokio::test]
async fn head_is_answered_as_get() {
    let world = World::new().await;
    let reply = world.send(request(&world, "HEAD", DOMAINS).body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
}

#[tokio::test]
async fn forms_come_with_a_charset_without_a_type_and_on_get() {
    let world = World::new().await;
    let form = "DomainName=a.sip.twilio.com";
    let typed = request(&world, "POST", DOMAINS)
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Body::from(form));
    world.send(typed.unwrap()).await.created();
    let untyped = request(&world, "POST", DOMAINS).body(Body::from("DomainName=b.sip.twilio.com"));
    world.send(untyped.unwrap()).await.created();
    world.ask("GET", DOMAINS, "").await.found();
    world.ask("GET", DOMAINS, "a=%zz").await.found();
    let json = request(&world, "POST", DOMAINS)
        .header("content-type", "application/json")
        .body(Body::from("{\"DomainName\": \"c.sip.twilio.com\"}"));
    let body = world.send(json.unwrap()).await.with_status(415);
    assert!(body["code"].is_null() && body["message"].as_str().unwrap().contains("x-www-form-urlencoded"));
}

#[tokio::test]
async fn the_first_of_repeated_values_counts_and_unknown_names_do_not() {
    let world = World::new().await;
    let form = "DomainName=a.sip.twilio.com&DomainName=b.sip.twilio.com&AuthType=IP_ACL&AuthType=x&Junk[]=1";
    assert_eq!(world.post(DOMAINS, form).await.created()["domain_name"], "a.sip.twilio.com");
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let world = World::new().await;
    for body in ["DomainName=%", "DomainName=%f", "DomainName=%ff", "%zz=1"] {
        world.post(DOMAINS, body).await.refused(400, 20422, "the body");
    }
    world.get(&format!("{DOMAINS}?PageSize=%ff")).await.refused(400, 20422, "the query");
}

fn small() -> Settings {
    let body = BodyLimits { form_bytes_max: 1000, drained_bytes_max: 5000, timeout: Duration::from_secs(60) };
    Settings { body, ..Settings::default() }
}

#[tokio::test]
async fn a_large_body_is_read_to_its_end_before_the_answer() {
    let world = World::with(Limits::default(), small()).await;
    let padded = |size: usize| format!("DomainName=a.sip.twilio.com&Pad={}", "x".repeat(size));
    let reply = world.post(DOMAINS, &padded(2000)).await;
    reply.refused(413, 20413, "1000 bytes");
    assert_eq!(reply.header("connection"), "");
    let endless = world.post(DOMAINS, &padded(9000)).await;
    endless.refused(413, 20413, "1000 bytes");
    assert_eq!(endless.header("connection"), "close");
    world.post(DOMAINS, &padded(900)).await.created();
    let unauthenticated = world.ask_as(ACCOUNT, "wrong", "POST", DOMAINS, &padded(2000)).await;
    unauthenticated.refused(413, 20413, "1000 bytes");
}

#[tokio::test]
async fn a_large_body_that_waits_for_permission_gets_none() {
    let world = World::with(Limits::default(), small()).await;
    let waiting = request(&world, "POST", DOMAINS)
        .header("expect", "100-continue")
        .header("content-length", "2000")
        .body(endless());
    let reply = world.send(waiting.unwrap()).await;
    reply.refused(413, 20413, "1000 bytes");
    assert_eq!(reply.header("connection"), "close");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let world = World::with(Limits::default(), small()).await;
    let reply = world.send(request(&world, "POST", DOMAINS).body(endless()).unwrap()).await;
    assert_eq!(reply.with_status(408)["status"], 408);
    assert_eq!(reply.header("connection"), "close");
}

/// A body of which nothing ever comes.
fn endless() -> Body {
    Body::new(Never)
}

struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn health_is_asked_without_credentials() {
    let world = World::new().await;
    let reply = world.send(Request::builder().uri("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn the_pages_about_errors_may_live_elsewhere() {
    let settings =
        Settings { error_pages: ErrorPages::At("http://errors.example/".into()), ..Settings::default() };
    let world = World::with(Limits::default(), settings).await;
    assert_eq!(world.get("/x.json").await.json()["more_info"], "http://errors.example/20404");
}
