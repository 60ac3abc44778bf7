//! Who is banned, and who beside them is not.

use ringway_testkit::tools::{have, start};
use ringway_testkit::{Setup, http, wait_for};
use serde_json::Value;

use crate::admission::{PASSWORD, credentials, credentials_of};
use crate::message::Request;
use crate::peer::{Call, LIMIT, Peer};
use crate::world::{World, offer};

const DOMAIN: &str = "guarded.sip.twilio.com";
const URI: &str = "sip:100@guarded.sip.twilio.com";

/// A domain with one user, alice.
fn guarded(setup: Setup) -> World {
    let world = World::with(setup);
    let voice = world.application.url("/voice");
    world.ringway.domain_with_user("guarded", &[("VoiceUrl", &voice)], "alice", PASSWORD);
    world
}

fn invite(peer: &Peer, user: &str) -> Request {
    Request::invite(URI, peer, &offer(4000)).set("From", &format!("<sip:{user}@{DOMAIN}>;tag=1"))
}

/// One wrong password; whether it was answered.
fn guess(peer: &Peer, user: &str) {
    let open = invite(peer, user);
    let challenge = peer.ask(&open);
    assert_eq!(challenge.status(), 407);
    peer.send(&open.ack_of(&challenge));
    let wrong = credentials_of((user, "Wrong-Horse-7777"), &challenge, "INVITE", URI, 1);
    let known = open.again(peer).header("Proxy-Authorization", &wrong);
    let answer = peer.ask(&known);
    assert_eq!(answer.status(), 403);
    peer.send(&known.ack_of(&answer));
}

fn call(peer: &Peer) {
    let open = invite(peer, "alice");
    let challenge = peer.ask(&open);
    peer.send(&open.ack_of(&challenge));
    let answer = credentials(&challenge, PASSWORD, URI, 1);
    Call::of(peer, open.again(peer).header("Proxy-Authorization", &answer)).bye();
}

fn bans(world: &World) -> Vec<Value> {
    let reply = http::request(world.ringway.admin, "GET", "/bans", None, &[]);
    reply.json()["bans"].as_array().expect("a list").clone()
}

/// What a banned peer sends is not answered; an answer to another one proves that it was looked at.
fn is_ignored(world: &World, peer: &Peer, request: &Request) -> bool {
    peer.send(request);
    let other = Peer::udp_from("127.0.0.99", world.ringway.udp);
    assert_eq!(other.ask(&Request::new("OPTIONS", "sip:anybody.test", &other)).status(), 200);
    peer.is_silent()
}

#[test]
fn who_guesses_passwords_is_banned_and_the_phone_beside_it_is_not() {
    let world = guarded(Setup::default());
    let phone = Peer::udp_from("127.0.0.5", world.ringway.udp);
    call(&phone);

    let guesser = Peer::udp_from("127.0.0.5", world.ringway.udp);
    (0..21).for_each(|_| guess(&guesser, "mallory"));
    let listed = bans(&world);
    assert_eq!(
        (listed.len(), &listed[0]["source"], &listed[0]["reason"]),
        (1, &"127.0.0.5/32".into(), &"wrong-answers".into())
    );
    assert_eq!(listed[0]["evidence"], "21 wrong passwords within 60 s");
    assert_eq!(world.ringway.metric("ringway_bans_total{reason=\"wrong-answers\"}"), Some(1.0));

    assert!(is_ignored(&world, &guesser, &invite(&guesser, "mallory")));
    assert!(is_ignored(&world, &guesser, &Request::new("OPTIONS", "sip:anybody.test", &guesser)));
    call(&phone);

    let lifted = http::request(world.ringway.admin, "DELETE", "/bans/127.0.0.5", None, &[]);
    assert_eq!((lifted.status, bans(&world).len()), (204, 0));
    let again = http::request(world.ringway.admin, "DELETE", "/bans/127.0.0.5", None, &[]);
    assert_eq!(again.status, 404);
    guess(&guesser, "mallory");
}

#[test]
fn a_call_that_is_up_outlives_the_ban_of_its_address() {
    let world = guarded(Setup::default());
    let peer = Peer::udp_from("127.0.0.5", world.ringway.udp);
    let open = invite(&peer, "alice");
    let challenge = peer.ask(&open);
    peer.send(&open.ack_of(&challenge));
    let answer = credentials(&challenge, PASSWORD, URI, 1);
    let mut call = Call::of(&peer, open.again(&peer).header("Proxy-Authorization", &answer));
    let guesser = Peer::udp_from("127.0.0.5", world.ringway.udp);
    (0..21).for_each(|_| guess(&guesser, "mallory"));
    assert_eq!(bans(&world).len(), 1);
    call.bye();
}

#[test]
fn what_the_operator_chose_happens_to_the_banned() {
    let refusing = guarded(Setup::default().argument("--abusers=refuse"));
    let peer = refusing.udp();
    (0..11).for_each(|_| guess(&peer, "mallory"));
    assert_eq!(peer.ask(&invite(&peer, "mallory")).status(), 403, "it is not even challenged");

    let dropping = guarded(Setup::default());
    let peer = dropping.tcp();
    (0..11).for_each(|_| guess(&peer, "mallory"));
    peer.send(&invite(&peer, "mallory"));
    assert!(peer.closed());

    let trapping = guarded(Setup::default().argument("--abusers=tarpit"));
    let peer = trapping.tcp();
    (0..11).for_each(|_| guess(&peer, "mallory"));
    assert!(is_ignored(&trapping, &peer, &invite(&peer, "mallory")));
    wait_for("the connection, which is kept", LIMIT, || {
        (trapping.ringway.metric("ringway_sip_flows") == Some(1.0)).then_some(())
    });

    let serving = guarded(Setup::default().argument("--abusers=serve"));
    let peer = serving.udp();
    (0..30).for_each(|_| guess(&peer, "mallory"));
    assert!(bans(&serving).is_empty());
}

#[test]
fn nine_hundred_phones_behind_one_address_are_never_banned() {
    let world = guarded(Setup::default());
    let peer = world.udp();
    // All of them answer with an old nonce at first, some have an old password, and all are heard.
    call(&peer);
    for phone in 0..900 {
        assert_eq!(peer.ask(&invite(&peer, &format!("phone{phone}"))).status(), 407);
        if phone % 60 == 0 {
            guess(&peer, &format!("phone{phone}"));
        }
    }
    assert!(bans(&world).is_empty());
    call(&peer);
}

/// The scanner that everybody meets (Debian's sipvicious), from the address of a phone.
#[test]
fn sipvicious_is_banned_and_the_phone_beside_it_is_not() {
    if !have("svwar") || !have("svcrack") {
        return;
    }
    for (tool, options) in [("svwar", ["-e", "100-400", "-m"]), ("svcrack", ["-r", "100-400", "-u"])] {
        let world = guarded(Setup::default());
        let phone = world.udp();
        call(&phone);
        let what = if tool == "svwar" { "INVITE" } else { "alice" };
        let server = world.ringway.udp;
        // It runs until its list is through, answered or not.
        let scan = start(tool, |command| {
            command.args(options).arg(what).args([
                "-p",
                &server.port().to_string(),
                &server.ip().to_string(),
            ]);
        });
        let listed = wait_for("a ban", LIMIT, || bans(&world).pop());
        assert_eq!(listed["source"], "127.0.0.1/32", "{tool}");
        assert_eq!(listed["reason"], "scanner", "{tool}");
        call(&phone);
        drop(scan);
    }
}
