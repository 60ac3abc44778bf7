//! Dialogs: which way their requests go, and how they end.

use std::net::TcpListener;

use ringway_testkit::application::Answer;

use crate::message::Request;
use crate::peer::{Call, Peer};
use crate::world::{URI, World, offer};

#[test]
fn a_bye_goes_where_packets_come_from_when_the_contact_cannot_be_reached() {
    let world = World::start();
    let contacts = ["<sip:alice@phone.lan>", "<sip:alice@192.168.77.7:5060>", "<sip:alice@[2001:db8::1]>"];
    for (count, contact) in (1..).zip(contacts) {
        let peer = world.udp();
        let invite = Request::invite(URI, &peer, &offer(4000)).set("Contact", contact);
        let call = Call::of(&peer, invite.clone());
        world.complete(&invite);
        let bye = peer.request("BYE");
        assert_eq!(format!("<{}>", bye.uri()), contact, "the address is what the phone said");
        assert_eq!(bye.header("Call-ID"), invite.value("Call-ID"));
        assert_eq!(bye.header("To"), invite.value("From"));
        assert_eq!(bye.header("From"), call.answer.header("To"));
        assert!(bye.all("Route").is_empty());
        peer.reply(&bye, "200 OK");
        assert_eq!(world.callback(count), "completed");
    }
}

#[test]
fn a_bye_goes_to_a_contact_that_can_be_reached_and_to_a_newer_one() {
    let world = World::start();
    let (peer, second, third) = (world.udp(), world.udp(), world.udp());
    let invite = Request::invite(URI, &peer, &offer(4000)).set("Contact", &second.contact());
    world.complete(&Call::of(&peer, invite).invite);
    let bye = second.request("BYE");
    second.reply(&bye, "200 OK");

    let invite = Request::invite(URI, &peer, &offer(4000)).set("Contact", &second.contact());
    let mut call = Call::of(&peer, invite);
    let moved = call.next("INVITE").set("Contact", &third.contact()).body("application/sdp", &offer(4000));
    assert_eq!(peer.ask(&moved).status(), 200);
    peer.send(&call.ack());
    world.complete(&call.invite);
    let bye = third.request("BYE");
    third.reply(&bye, "200 OK");
    assert_eq!(world.ended_calls(2), ["completed", "completed"]);
}

#[test]
fn requests_visit_the_proxies_that_recorded_themselves() {
    let world = World::start();
    let (peer, proxy) = (world.udp(), world.udp());
    let near = format!("<sip:{};lr;tag=near>", proxy.local);
    let far = "<sip:far.proxy.test;lr>";
    let invite =
        Request::invite(URI, &peer, &offer(4000)).header("Record-Route", &near).header("Record-Route", far);
    peer.send(&invite);
    let ringing = peer.response_to(&invite, |status| status == 180);
    assert_eq!(ringing.all("Record-Route"), [near.as_str(), far]);
    let answer = peer.answer_to(&invite);
    assert_eq!(answer.all("Record-Route"), [near.as_str(), far]);
    peer.send(&Call::ack_for(&peer, &invite, &answer));
    world.complete(&invite);
    let bye = proxy.request("BYE");
    assert_eq!(bye.uri(), format!("sip:alice@{}", peer.local));
    assert_eq!(bye.all("Route"), [near.as_str(), far]);
    proxy.reply(&bye, "200 OK");
    assert_eq!(world.callback(1), "completed");
}

#[test]
fn a_phone_whose_address_changes_is_followed() {
    let world = World::start();
    let (peer, moved) = (world.udp(), world.udp());
    let invite = Request::invite(URI, &peer, &offer(4000)).set("Contact", "<sip:alice@phone.lan>");
    let mut call = Call::of(&peer, invite);
    let info = call.next("INFO").set("Via", Request::new("INFO", URI, &moved).value("Via"));
    assert_eq!(moved.ask(&info).status(), 200);
    world.complete(&call.invite);
    let bye = moved.request("BYE");
    moved.reply(&bye, "200 OK");
    assert!(peer.everything().iter().all(|message| message.method() != "BYE"));
}

#[test]
fn a_cancel_and_its_copies_are_answered_and_the_invite_gets_487() {
    let world = World::start();
    let slow = Answer::twiml("").after(std::time::Duration::from_secs(4));
    world.application.answer("/voice", slow);
    for (count, peer) in (1..).zip([world.udp(), world.tcp()]) {
        let invite = Request::invite(URI, &peer, &offer(4000));
        peer.send(&invite);
        let ringing = peer.response_to(&invite, |status| status == 180);
        let answers = [peer.ask(&invite.cancel()), peer.ask(&invite.cancel())];
        assert_eq!(answers[0].start, "SIP/2.0 200 OK");
        assert_eq!(answers[0].bytes, answers[1].bytes);
        assert_eq!(answers[0].header("To"), ringing.header("To"), "RFC 3261 9.2: the tags are the same");
        let refused = peer.answer_to(&invite);
        assert_eq!(refused.start, "SIP/2.0 487 Request Terminated");
        peer.send(&invite.ack_of(&refused));
        assert_eq!(world.callback(count), "no-answer");
    }
    assert_eq!(world.ended_calls(2), ["no-answer", "no-answer"]);
}

#[test]
fn requests_out_of_order_are_refused_and_unknown_ones_named() {
    let world = World::start();
    let peer = world.udp();
    let mut call = Call::answered(&peer, URI, &offer(4000));
    let late = call.next("INFO");
    assert_eq!(peer.ask(&call.next("INFO")).status(), 200);
    assert_eq!(peer.ask(&late).status(), 500, "RFC 3261 12.2.2");
    let transfer = call.next("REFER").header("Refer-To", "<sip:bob@phone.test>");
    assert_eq!(peer.ask(&transfer).status(), 603);
    let answer = peer.ask(&call.next("MESSAGE"));
    assert_eq!(answer.status(), 405);
    assert!(answer.header("Allow").contains("UPDATE"), "{answer:?}");
    assert_eq!(peer.ask(&call.next("OPTIONS")).status(), 200);
    // Nobody else can end the call: the tags must be right.
    let mut foreign = call.next("BYE");
    foreign = foreign.set("From", "<sip:alice@phone.test>;tag=guess");
    assert_eq!(peer.ask(&foreign).status(), 481);
    call.bye();
    // A copy of the last request, and one more.
    assert_eq!(peer.ask(&call.next("BYE")).status(), 481);
    assert_eq!(world.callback(1), "completed");
    assert_eq!(world.application.received_at("/ended").len(), 1);
}

#[test]
fn what_is_refused_names_our_tag_and_its_ack_is_absorbed() {
    let world = World::start();
    world.says(r#"<Reject reason="busy"/>"#);
    for peer in [world.udp(), world.tcp()] {
        let invite = Request::invite(URI, &peer, &offer(4000));
        let refused = peer.ask(&invite);
        assert_eq!(refused.start, "SIP/2.0 486 Busy Here");
        assert!(refused.header("To").contains(";tag="), "{refused:?}");
        peer.send(&invite.ack_of(&refused));
        assert_eq!(peer.everything().iter().filter(|message| message.status() >= 200).count(), 0);
    }
    assert_eq!(world.ended_calls(2), ["busy", "busy"]);
}

#[test]
fn a_call_over_a_stream_that_is_lost_can_still_be_ended() {
    let world = World::start();
    let first = world.tcp();
    let mut call = Call::answered(&first, URI, &offer(4000));
    let bye = call.next("BYE");
    drop(call);
    drop(first);
    let second = world.tcp();
    let via = Request::new("BYE", URI, &second).value("Via").to_owned();
    assert_eq!(second.ask(&bye.set("Via", &via)).status(), 200);
    assert_eq!(world.callback(1), "completed");
}

#[test]
fn a_bye_finds_a_phone_whose_stream_is_gone() {
    let world = World::start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let contact = format!("<sip:alice@{};transport=tcp>", listener.local_addr().expect("an address"));
    let peer = world.tcp();
    let call = Call::of(&peer, Request::invite(URI, &peer, &offer(4000)).set("Contact", &contact));
    let invite = call.invite.clone();
    // The ACK was read before the connection ends.
    peer.everything();
    drop(call);
    drop(peer);
    world.complete(&invite);
    let phone = Peer::accept(&listener);
    let bye = phone.request("BYE");
    assert_eq!(format!("<{}>", bye.uri()), contact);
    phone.reply(&bye, "200 OK");
    assert_eq!(world.callback(1), "completed");
}

#[test]
fn a_bye_before_the_answer_gives_the_call_up() {
    let world = World::start();
    world.application.answer("/voice", Answer::twiml("").after(std::time::Duration::from_secs(4)));
    let peer = world.udp();
    let invite = Request::invite(URI, &peer, &offer(4000));
    peer.send(&invite);
    let ringing = peer.response_to(&invite, |status| status == 180);
    let bye = Request::new("BYE", ringing.contact_uri(), &peer)
        .set("From", invite.value("From"))
        .set("To", ringing.header("To"))
        .set("Call-ID", invite.value("Call-ID"))
        .set("CSeq", "2 BYE");
    assert_eq!(peer.ask(&bye).status(), 200);
    let refused = peer.answer_to(&invite);
    assert_eq!(refused.status(), 487);
    peer.send(&invite.ack_of(&refused));
    assert_eq!(world.callback(1), "no-answer");
}

#[test]
fn an_offer_that_meets_another_is_put_off() {
    let world = World::start();
    let peer = world.udp();
    let mut call = Call::answered(&peer, URI, &offer(4000));
    let first = call.next("INVITE").body("application/sdp", &offer(4000));
    assert_eq!(peer.ask(&first).status(), 200);
    // Its 200 is not acknowledged yet.
    let second = call.next("INVITE").body("application/sdp", &offer(4002));
    let refused = peer.ask(&second);
    peer.send(&second.ack_of(&refused));
    assert_eq!(refused.status(), 500, "RFC 3261 14.2");
    assert!(refused.header("Retry-After").parse::<u32>().is_ok_and(|wait| wait <= 10), "{refused:?}");
    let ack = Request::new("ACK", call.answer.contact_uri(), &peer)
        .set("From", first.value("From"))
        .set("To", first.value("To"))
        .set("Call-ID", first.value("Call-ID"))
        .set("CSeq", &format!("{} ACK", first.number()));
    peer.send(&ack);
    assert_eq!(call.reinvite(&offer(4002)).status(), 200);
    call.bye();
}
