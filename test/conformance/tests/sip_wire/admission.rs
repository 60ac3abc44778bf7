//! Who may come in: domains by their names, passwords, and what is refused because it is not built.

use md5::{Digest, Md5};
use ringway_testkit::Setup;
use ringway_testkit::ringway::sid;

use crate::message::{Message, Request};
use crate::peer::{Call, LIMIT, Peer};
use crate::world::{URI, World, offer};

fn invite(peer: &Peer, uri: &str) -> Request {
    Request::invite(uri, peer, &offer(4000))
}

#[test]
fn a_domain_is_found_by_the_host_of_the_request_uri() {
    let world = World::start();
    let peer = world.udp();
    let names = [
        "wire.sip.dublin.twilio.com",
        "wire.sip.us1.twilio.com",
        "WIRE.SIP.Twilio.COM",
        "wire.sip.twilio.com:5060;transport=udp",
    ];
    for (count, host) in (1..).zip(names) {
        let mut call = Call::of(&peer, invite(&peer, &format!("sip:100@{host}")));
        call.bye();
        let webhook = world.application.wait("/voice", count, LIMIT);
        assert_eq!(webhook.param("SipDomain"), "wire.sip.twilio.com", "{host}");
        assert!(webhook.param("To").starts_with("sip:100@wire.sip.twilio.com"), "{}", webhook.param("To"));
        assert_eq!(webhook.param("From"), "sip:alice@phone.test");
    }
    // The To header does not matter, and neither does a Route that brought the request here.
    let lost = invite(&peer, "sip:100@wire.sip.nowhere.twilio.com").set("To", &format!("<{URI}>"));
    assert_eq!(peer.ask(&lost).status(), 403);
    let routed = invite(&peer, URI).set("To", "<sip:somebody@else.test>");
    let routed = routed.header("Route", &format!("<sip:{};lr>", peer.server()));
    Call::of(&peer, routed).bye();
}

#[test]
fn an_address_in_place_of_a_domain_needs_a_default_domain() {
    let world = World::start();
    let peer = world.udp();
    let uri = format!("sip:100@{}", peer.server());
    let answer = peer.ask(&invite(&peer, &uri));
    assert_eq!(answer.start, "SIP/2.0 403 Forbidden");
    assert_eq!(world.webhooks(), 0);
    drop(world);

    let world = World::with(Setup::default().argument("--default-domain=wire.sip.twilio.com"));
    let peer = world.udp();
    let mut call = Call::answered(&peer, &format!("sip:100@{}", peer.server()), &offer(4000));
    call.bye();
    let webhook = world.application.wait("/voice", 1, LIMIT);
    assert_eq!(webhook.param("SipDomain"), "wire.sip.twilio.com");
}

#[test]
fn only_sip_uris_are_served() {
    let world = World::start();
    let peer = world.udp();
    for uri in ["tel:+15551234567", "sips:100@wire.sip.twilio.com", "http://wire.sip.twilio.com/100"] {
        assert_eq!(peer.ask(&invite(&peer, uri)).status(), 416, "{uri}");
    }
    assert_eq!(world.webhooks(), 0);
}

#[test]
fn a_secure_domain_refuses_every_call_until_it_can_be_kept() {
    let world = World::start();
    let voice = world.application.url("/voice");
    let form = [("VoiceUrl", voice.as_str()), ("Secure", "true"), ("SipRegistration", "true")];
    world.ringway.domain_with_address("safe", &form, "127.0.0.1");
    for peer in [world.udp(), world.tcp()] {
        let answer = peer.ask(&invite(&peer, "sip:100@safe.sip.twilio.com"));
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.header("Warning"), "399 ringway \"Secure transport required\"");
        assert_eq!(peer.ask(&register(&peer, "safe")).status(), 403);
    }
    assert!(world.notified(32209).contains("Secure transport"), "{:?}", world.notifications());
    assert_eq!(world.webhooks(), 0);
}

fn register(peer: &Peer, domain: &str) -> Request {
    let aor = format!("<sip:alice@{domain}.sip.twilio.com>");
    Request::new("REGISTER", &format!("sip:{domain}.sip.twilio.com"), peer)
        .set("To", &aor)
        .set("From", &format!("{aor};tag=r"))
}

#[test]
fn registration_is_refused_where_it_is_off_or_no_user_is_mapped_for_it() {
    let world = World::start();
    world.ringway.domain_with_address("phones", &[("SipRegistration", "true")], "127.0.0.1");
    let peer = world.udp();
    for domain in ["phones", "wire", "unknown"] {
        assert_eq!(peer.ask(&register(&peer, domain)).status(), 403, "{domain}");
    }
    let told = world.notified(32210);
    assert!(told.contains("REGISTER not supported"), "{told}");
    assert!(world.notified(32212).contains("No credential list"));
}

#[test]
fn a_call_for_help_is_never_an_application_s_to_decide() {
    let world = World::start();
    let voice = world.application.url("/voice");
    let form = [("VoiceUrl", voice.as_str()), ("EmergencyCallingEnabled", "true")];
    world.ringway.domain_with_address("help", &form, "127.0.0.1");
    let peer = world.udp();
    for number in ["911", "933", "112", "999", "+911", "9%311", "9-1-1;phone-context=us"] {
        let answer = peer.ask(&invite(&peer, &format!("sip:{number}@help.sip.twilio.com")));
        assert_eq!(answer.status(), 503, "{number}");
    }
    assert!(!world.notified(13224).is_empty());
    assert_eq!(world.webhooks(), 0);
    // Where emergency calling is not enabled it is a number like any other.
    Call::answered(&peer, "sip:911@wire.sip.twilio.com", &offer(4000)).bye();
}

/// The credentials with which alice answers the challenge of an INVITE.
pub(crate) fn credentials(challenge: &Message, password: &str, uri: &str, count: u32) -> String {
    credentials_of(("alice", password), challenge, "INVITE", uri, count)
}

/// The credentials that a phone makes of a challenge (RFC 2617 3.2.2).
pub(crate) fn credentials_of(
    (user, password): (&str, &str),
    challenge: &Message,
    method: &str,
    uri: &str,
    count: u32,
) -> String {
    let challenge = challenge.header("Proxy-Authenticate");
    let field = |name: &str| {
        let value = challenge.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split_once('"'));
        value.unwrap_or_else(|| panic!("no {name} in {challenge}")).0.to_owned()
    };
    let (realm, nonce, opaque) = (field("realm"), field("nonce"), field("opaque"));
    let md5 = |text: String| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let secret = md5(format!("{user}:{realm}:{password}"));
    let what = md5(format!("{method}:{uri}"));
    let response = md5(format!("{secret}:{nonce}:{count:08x}:abc:auth:{what}"));
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", qop=auth, \
         nc={count:08x}, cnonce=\"abc\", response=\"{response}\", opaque=\"{opaque}\""
    )
}

pub(crate) const PASSWORD: &str = "Correct-Horse-77";
const GUARDED: &str = "sip:100@guarded.sip.twilio.com";

fn guarded() -> World {
    let world = World::start();
    let voice = world.application.url("/voice");
    world.ringway.domain_with_user("guarded", &[("VoiceUrl", &voice)], "alice", PASSWORD);
    world
}

#[test]
fn a_nonce_is_good_for_each_count_once() {
    let world = guarded();
    let peer = world.udp();
    let open = invite(&peer, GUARDED);
    let challenge = peer.ask(&open);
    peer.send(&open.ack_of(&challenge));
    assert_eq!(challenge.status(), 407);
    let text = challenge.header("Proxy-Authenticate");
    assert!(text.starts_with("Digest realm=\"sip.twilio.com\""), "{text}");
    assert!(
        text.contains("qop=\"auth\"") && !text.contains("algorithm") && !text.contains("stale"),
        "{text}"
    );

    let answer = credentials(&challenge, PASSWORD, GUARDED, 1);
    let known = open.again(&peer).header("Proxy-Authorization", &answer);
    Call::of(&peer, known.clone()).bye();
    assert_eq!(world.application.wait("/voice", 1, LIMIT).param("SipUsername"), "alice");

    // Heard before: whoever overheard it is asked anew.
    let replayed = invite(&peer, GUARDED).header("Proxy-Authorization", &answer);
    let stale = peer.ask(&replayed);
    assert_eq!(stale.status(), 407);
    assert!(stale.header("Proxy-Authenticate").contains("stale=true"), "{stale:?}");
    // With the next count the same nonce is good, and so is the new one.
    for (challenge, count) in [(&challenge, 2), (&stale, 1)] {
        let answer = credentials(challenge, PASSWORD, GUARDED, count);
        Call::of(&peer, invite(&peer, GUARDED).header("Proxy-Authorization", &answer)).bye();
    }
    assert_eq!(world.webhooks(), 3);
}

#[test]
fn a_nonce_of_another_address_or_nobody_is_stale_and_a_wrong_password_final() {
    let world = guarded();
    let peer = world.udp();
    let challenge = peer.ask(&invite(&peer, GUARDED));
    let elsewhere = Peer::udp_from("127.0.0.7", world.ringway.udp);
    let answer = credentials(&challenge, PASSWORD, GUARDED, 1);
    let stolen = elsewhere.ask(&invite(&elsewhere, GUARDED).header("Proxy-Authorization", &answer));
    assert_eq!(stolen.status(), 407);

    let mut forged = challenge.clone();
    let nonce = "A".repeat(48);
    forged.headers.retain(|(name, _)| name != "Proxy-Authenticate");
    let text = format!("Digest realm=\"sip.twilio.com\", nonce=\"{nonce}\", opaque=\"\"");
    forged.headers.push(("Proxy-Authenticate".to_owned(), text));
    let answer = credentials(&forged, PASSWORD, GUARDED, 1);
    let answer = peer.ask(&invite(&peer, GUARDED).header("Proxy-Authorization", &answer));
    assert!(answer.header("Proxy-Authenticate").contains("stale=true"), "{answer:?}");

    let wrong = credentials(&challenge, "Wrong-Horse-7777", GUARDED, 1);
    assert_eq!(peer.ask(&invite(&peer, GUARDED).header("Proxy-Authorization", &wrong)).status(), 403);
    let unreadable = invite(&peer, GUARDED).header("Proxy-Authorization", "Digest realm=\"sip.twilio.com\"");
    assert_eq!(peer.ask(&unreadable).status(), 403);
    assert!(world.notified(32202).contains("Bad user credentials"));
    assert_eq!(world.webhooks(), 0);
}

#[test]
fn a_closed_domain_opens_with_the_first_list_and_not_before() {
    let world = World::start();
    let voice = world.application.url("/voice");
    let name = [("DomainName", "closed.sip.twilio.com"), ("VoiceUrl", &voice)];
    let domain = world.ringway.create("/SIP/Domains.json", &name);
    let peer = world.udp();
    let uri = "sip:100@closed.sip.twilio.com";
    assert_eq!(peer.ask(&invite(&peer, uri)).status(), 403);
    let list = world.ringway.create("/SIP/IpAccessControlLists.json", &[("FriendlyName", "late")]);
    let mapping = [("IpAccessControlListSid", sid(&list))];
    world
        .ringway
        .create(&format!("/SIP/Domains/{}/IpAccessControlListMappings.json", sid(&domain)), &mapping);
    assert_eq!(peer.ask(&invite(&peer, uri)).status(), 403, "the list is empty");
    let entry = [("FriendlyName", "here"), ("IpAddress", "127.0.0.1")];
    world.ringway.create(&format!("/SIP/IpAccessControlLists/{}/IpAddresses.json", sid(&list)), &entry);
    Call::answered(&peer, uri, &offer(4000)).bye();
}
