//! `POST Calls`: what is asked for, what the engine is told, and what is refused.

use std::time::Duration;

use ringway_engine::outbound::{Destination, Events, NewCallOut};
use ringway_model::CallStatus;
use ringway_store::{ApplicationFields, HttpMethod};

use crate::world::{Reply, World};

const LEAST: &str = "To=sip%3Abob%40b.example&From=alice&Url=http%3A%2F%2Fa%2Fvoice";

/// Posts, and hands out what the engine was told.
async fn place(world: &World, form: &str) -> (Reply, NewCallOut) {
    let sid = world.call(7, CallStatus::Queued, "0").await;
    *world.calls.placed_sid.lock().unwrap() = Some(sid);
    let reply = world.post("/Calls.json", form).await;
    let placed = world.calls.placed.lock().unwrap().pop().expect("a call");
    (reply, placed)
}

#[tokio::test]
async fn the_least_that_can_be_said_has_all_defaults() {
    let world = World::new().await;
    let (reply, placed) = place(&world, LEAST).await;
    assert_eq!(reply.created()["status"], "queued");
    assert_eq!((placed.from.as_str(), placed.to.as_str()), ("alice", "sip:bob@b.example"));
    assert_eq!(placed.time_limit, None);
    let outgoing = placed.outgoing;
    assert_eq!(outgoing.account_sid, world.account());
    assert_eq!((outgoing.timeout, outgoing.events), (Duration::from_secs(60), Events::default()));
    assert_eq!(
        (outgoing.urls.url.as_deref(), outgoing.urls.method),
        (Some("http://a/voice"), HttpMethod::Post)
    );
    assert_eq!((outgoing.twiml, outgoing.send_digits, outgoing.parent_call_sid), (None, None, None));
    assert_eq!((outgoing.caller_id.as_str(), outgoing.max_forwards), ("alice", 70));
    let Destination::Sip { address, login } = outgoing.destination else { panic!("not a SIP URI") };
    assert_eq!((address.uri.as_str(), login), ("sip:bob@b.example", None));
}

#[tokio::test]
async fn every_parameter_reaches_the_call() {
    let world = World::new().await;
    let form = "To=sip:bob@b.example%3Fx-a%3D1&From=client%3Aalice&CallerId=carol&Url=http://a/voice&Method=GET\
        &Twiml=<Response/>&FallbackUrl=http://a/fb&FallbackMethod=GET&StatusCallback=http://a/s\
        &StatusCallbackMethod=GET&StatusCallbackEvent=initiated&StatusCallbackEvent=answered&SendDigits=1w2%23\
        &Timeout=7&TimeLimit=90&SipAuthUsername=u&SipAuthPassword=p&CallReason=tea&Record=False";
    let (_, placed) = place(&world, form).await;
    assert_eq!((placed.from.as_str(), placed.time_limit), ("alice", Some(Duration::from_secs(90))));
    let outgoing = placed.outgoing;
    assert_eq!((outgoing.caller_id.as_str(), outgoing.call_reason.as_deref()), ("carol", Some("tea")));
    assert_eq!((outgoing.urls.method, outgoing.twiml), (HttpMethod::Get, None), "Url before Twiml");
    assert_eq!(outgoing.urls.fallback_url.as_deref(), Some("http://a/fb"));
    assert_eq!(outgoing.urls.status_callback_url.as_deref(), Some("http://a/s"));
    assert!(outgoing.events.initiated && outgoing.events.answered && !outgoing.events.completed);
    assert_eq!((outgoing.send_digits.as_deref(), outgoing.timeout.as_secs()), (Some("1w2#"), 7));
    let Destination::Sip { address, login: Some(login) } = outgoing.destination else { panic!("no login") };
    assert_eq!(address.headers, [("x-a".to_owned(), "1".to_owned())]);
    assert_eq!((login.username.as_str(), login.password.expose()), ("u", "p"));
}

#[tokio::test]
async fn an_application_brings_its_urls() {
    let world = World::new().await;
    let fields = ApplicationFields {
        voice_url: Some("http://app/voice".to_owned()),
        voice_method: HttpMethod::Get,
        status_callback: Some("http://app/status".to_owned()),
        ..ApplicationFields::default()
    };
    let application = world.store.create_application(world.account(), fields).await.unwrap();
    let form = format!("To=client%3Abob&From=alice&ApplicationSid={}", application.sid);
    let (_, placed) = place(&world, &form).await;
    let urls = placed.outgoing.urls;
    assert_eq!((urls.url.as_deref(), urls.method), (Some("http://app/voice"), HttpMethod::Get));
    assert_eq!(urls.status_callback_url.as_deref(), Some("http://app/status"));
    assert!(matches!(placed.outgoing.destination, Destination::Client { identity, .. } if identity == "bob"));
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_number() {
    let world = World::new().await;
    let long = "x".repeat(256);
    let headers = format!("To=sip:a@b%3Fx-a%3D{}", "y".repeat(1024));
    for (change, code) in [
        ("To=", 21201),
        ("To=bob", 21211),
        ("To=%2B1555", 21211),
        ("To=sip:", 21211),
        ("To=sip:a@b%3FVia%3Dx", 21228),
        ("To=sip:a@b%3Fx-a%3D%250d", 21229),
        (&headers, 21227),
        ("From=", 21213),
        ("From=sip:a@b", 21212),
        ("From=a b", 21212),
        ("To=%2B15551234567&From=%2B15550001111", 21210),
        ("Url=", 21205),
        ("Url=nonsense", 21205),
        ("Method=FETCH", 21209),
        ("FallbackUrl=nonsense", 21205),
        ("StatusCallback=nonsense", 21205),
        ("StatusCallbackEvent=begun", 20422),
        ("ApplicationSid=AP1&Url=", 21218),
        ("Timeout=0", 21208),
        ("Timeout=601", 21208),
        ("SendDigits=12x", 21206),
        ("SipAuthUsername=u", 21225),
        (&format!("SipAuthUsername={long}&SipAuthPassword=p"), 21221),
        (&format!("SipAuthUsername=u&SipAuthPassword={long}"), 21223),
        ("SipAuthUsername=a%0ab&SipAuthPassword=p", 21222),
        ("SipAuthUsername=u&SipAuthPassword=a%0ab", 21224),
        ("To=%2B15551234567&Byoc=x", 21300),
        ("TimeLimit=x", 20422),
        ("Record=true", 20422),
        ("MachineDetection=Enable", 20422),
    ] {
        let changed: Vec<&str> = change.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        let kept = LEAST.split('&').filter(|pair| !changed.contains(&pair.split('=').next().unwrap()));
        let form: Vec<&str> = kept.chain(change.split('&')).collect();
        world.post("/Calls.json", &form.join("&")).await.refused(400, code, "");
        assert!(world.calls.placed.lock().unwrap().is_empty(), "{change}");
    }
    let twiml = format!("To=sip:a@b&From=alice&Twiml={}", "x".repeat(4001));
    world.post("/Calls.json", &twiml).await.refused(400, 32018, "");
}

#[tokio::test]
async fn a_full_queue_is_too_many_requests() {
    let world = World::new().await;
    world.post("/Calls.json", LEAST).await.refused(429, 20429, "");
}
