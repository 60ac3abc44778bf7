//! Requests that are refused, each in its documented way, and those that are answered without any state.

use ringway_testkit::wait_for;

use crate::message::Request;
use crate::peer::{Call, LIMIT, Peer, foreign_tag};
use crate::world::{URI, World, offer, sdp};

const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY";

fn both(world: &World) -> [Peer; 2] {
    [world.udp(), world.tcp()]
}

#[test]
fn options_tells_anybody_what_is_understood() {
    let world = World::start();
    for peer in both(&world) {
        for uri in [URI, "sip:nobody@unknown.example.com", &format!("sip:{}", peer.server())] {
            let answer = peer.ask(&Request::new("OPTIONS", uri, &peer));
            assert_eq!(answer.start, "SIP/2.0 200 OK", "{uri}");
            assert_eq!(answer.header("Allow"), ALLOW);
            assert_eq!(answer.header("Accept"), "application/sdp");
            assert!(answer.header("Server").starts_with("Ringway/"), "{answer:?}");
        }
        let worn_out = Request::new("OPTIONS", URI, &peer).set("Max-Forwards", "0");
        assert_eq!(peer.ask(&worn_out).status(), 200);
    }
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    let world = World::start();
    for peer in both(&world) {
        for method in ["SUBSCRIBE", "MESSAGE", "PUBLISH", "DANCE"] {
            let answer = peer.ask(&Request::new(method, URI, &peer));
            assert_eq!((answer.status(), answer.header("Allow")), (405, ALLOW), "{method}");
        }
        assert_eq!(
            peer.ask(&Request::new("REFER", URI, &peer)).status(),
            403,
            "there is no call to transfer"
        );
        let demanding = Request::invite(URI, &peer, &offer(4000)).header("Require", "foo, 100rel, bar");
        let answer = peer.ask(&demanding);
        assert_eq!((answer.status(), answer.header("Unsupported")), (420, "foo, bar"));
        let worn_out = Request::invite(URI, &peer, &offer(4000)).set("Max-Forwards", "0");
        assert_eq!(peer.ask(&worn_out).status(), 483);
    }
    assert_eq!((world.webhooks(), world.calls().len()), (0, 0));
}

#[test]
fn requests_of_no_dialog_get_481() {
    let world = World::start();
    for peer in both(&world) {
        for method in ["BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "CANCEL"] {
            let stray = Request::new(method, URI, &peer);
            assert_eq!(peer.ask(&stray).status(), 481, "{method} without a tag");
        }
        for method in ["BYE", "INFO", "UPDATE", "INVITE", "OPTIONS"] {
            let to = format!("<{URI}>;tag={}", foreign_tag());
            let stray = Request::new(method, URI, &peer).set("To", &to);
            assert_eq!(peer.ask(&stray).status(), 481, "{method} with a foreign tag");
        }
        // An ACK is never answered.
        peer.send(&Request::new("ACK", URI, &peer).set("To", &format!("<{URI}>;tag=x")));
        assert!(peer.everything().is_empty());
    }
}

#[test]
fn offers_that_cannot_be_answered_are_refused_with_their_reason() {
    let world = World::start();
    let peer = world.udp();
    let other_codec = sdp(4000, "RTP/AVP 18 9", "");
    let secure = sdp(4000, "RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n");
    let video = sdp(0, "RTP/AVP 0", "m=video 4002 RTP/AVP 96\r\n");
    let cases = [
        ("no offer", Request::new("INVITE", URI, &peer), 488, 32103),
        ("no SDP", Request::invite(URI, &peer, "v=0\r\nm=audio\r\n"), 488, 32102),
        ("no common codec", Request::invite(URI, &peer, &other_codec), 488, 32102),
        ("no audio", Request::invite(URI, &peer, &video), 488, 32102),
        ("secure media", Request::invite(URI, &peer, &secure), 488, 32207),
        ("another body", Request::new("INVITE", URI, &peer).body("text/plain", "hello"), 415, 32102),
    ];
    for (index, (what, request, status, code)) in cases.iter().enumerate() {
        let answer = peer.ask(request);
        peer.send(&request.ack_of(&answer));
        assert_eq!(answer.status(), *status, "{what}");
        assert_eq!(answer.header("Accept"), if *status == 415 { "application/sdp" } else { "" }, "{what}");
        let rows = wait_for(what, LIMIT, || Some(world.notifications()).filter(|rows| rows.len() > index));
        let codes: Vec<&str> = rows.iter().filter_map(|row| row["error_code"].as_str()).collect();
        let wanted = code.to_string();
        let expected = cases[..=index].iter().filter(|(.., other)| other == code).count();
        assert_eq!(codes.iter().filter(|code| **code == wanted).count(), expected, "{what}: {codes:?}");
    }
    assert_eq!((world.webhooks(), world.calls().len()), (0, 0));
}

#[test]
fn a_request_that_came_by_two_ways_is_served_once() {
    let world = World::start();
    let (first, second) = (world.udp(), world.udp());
    let invite = Request::invite(URI, &first, &offer(4000));
    first.send(&invite);
    assert_eq!(first.response_to(&invite, |status| status == 180).status(), 180);
    let merged = invite.clone().set("Via", Request::new("INVITE", URI, &second).value("Via"));
    let answer = second.ask(&merged);
    assert_eq!(answer.start, "SIP/2.0 482 Loop Detected");
    Call::of_sent(&first, invite).bye();
    assert_eq!(world.ended_calls(1), ["completed"]);
    assert_eq!(world.webhooks(), 1);
}

#[test]
fn malformed_messages_are_answered_400_or_dropped() {
    let world = World::start();
    let peer = world.udp();
    let options = || Request::new("OPTIONS", URI, &peer);
    let text = |request: Request| String::from_utf8(request.bytes()).expect("text");
    let cases = [
        ("no From", options().without("From"), 400),
        ("no Call-ID", options().without("Call-ID"), 400),
        ("no CSeq", options().without("CSeq"), 400),
        ("another method in CSeq", options().set("CSeq", "1 INVITE"), 400),
        ("a CSeq too large", options().set("CSeq", "4294967296 OPTIONS"), 400),
        ("hops that are no number", options().set("Max-Forwards", "many"), 400),
        ("an unbalanced quote", options().set("To", "\"Phone <sip:a@b.test>"), 400),
        ("two From", options().header("From", "<sip:b@b.test>;tag=1"), 400),
    ];
    for (what, request, status) in cases {
        peer.send(&request);
        let answer = peer.take(what, |message| message.header("Via").contains(branch(&request)));
        assert_eq!(answer.status(), status, "{what}");
    }
    let version = text(options()).replacen("SIP/2.0\r\n", "SIP/7.0\r\n", 1);
    peer.send_bytes(version.as_bytes());
    assert_eq!(peer.take("505", |_| true).status(), 505);
    let silent: [&[u8]; 7] = [
        b"",
        b"\0\0\0\0",
        b"\r\n\r\n",
        b"hello",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        &[0xff; 4096],
    ];
    for bytes in silent {
        peer.send_bytes(bytes);
    }
    peer.send_bytes(text(options().without("Via")).as_bytes());
    let came = peer.everything();
    assert!(came.is_empty(), "{came:#?}");
}

fn branch(request: &Request) -> &str {
    request.value("Via").split("branch=").nth(1).and_then(|rest| rest.split(';').next()).expect("a branch")
}

#[test]
fn answers_say_where_the_request_came_from() {
    let world = World::start();
    let peer = world.udp();
    let port = peer.local.port();
    let asking =
        Request::new("OPTIONS", URI, &peer).set("Via", "SIP/2.0/UDP 10.1.2.3:9;branch=z9hG4bKa;rport");
    let via = peer.ask(&asking).header("Via").to_owned();
    assert!(via.starts_with("SIP/2.0/UDP 10.1.2.3:9;branch=z9hG4bKa"), "{via}");
    assert!(via.contains(&format!(";rport={port}")) && via.contains(";received=127.0.0.1"), "{via}");
    // It is answered where it came from, also when it did not ask for that.
    let plain = Request::new("OPTIONS", URI, &peer).set("Via", "SIP/2.0/UDP phone.test;branch=z9hG4bKb");
    let via = peer.ask(&plain).header("Via").to_owned();
    assert!(via.contains(";received=127.0.0.1"), "{via}");
    // Every Via is copied, in its order.
    let far = "SIP/2.0/TCP far.test;branch=z9hG4bKc;keep=this";
    let forwarded = Request::new("OPTIONS", URI, &peer).header("Via", far);
    let answer = peer.ask(&forwarded);
    assert_eq!(answer.all("Via").len(), 2);
    assert_eq!(answer.all("Via")[1], far);
}

#[test]
fn a_repeated_invite_gets_the_same_answer_and_is_one_call() {
    let world = World::start();
    let peer = world.udp();
    let invite = Request::invite(URI, &peer, &offer(4000));
    peer.send(&invite);
    peer.send(&invite);
    let answer = peer.answer_to(&invite);
    assert_eq!(answer.status(), 200);
    peer.send(&Call::ack_for(&peer, &invite, &answer));
    // The INVITE was still under way when it was acknowledged: there is nothing to say to it.
    peer.send(&invite);
    let late = peer.everything();
    let finals: Vec<_> = late.iter().filter(|message| message.status() >= 200).collect();
    assert!(finals.iter().all(|message| message.bytes == answer.bytes), "{finals:#?}");
    assert_eq!(world.webhooks(), 1);
    world.row(&invite);
    assert_eq!(world.calls().len(), 1);

    let refused = Request::invite("sip:100@other.sip.twilio.com", &peer, &offer(4000));
    let answers = [peer.ask(&refused), peer.ask(&refused)];
    assert_eq!(answers[0].status(), 403);
    assert_eq!(answers[0].bytes, answers[1].bytes, "the tag, too");
}
