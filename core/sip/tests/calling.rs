//! The calling side, rule by rule: what goes out, and what the answers lead to.
#![allow(unreachable_pub, dead_code)] // the bench is shared by test binaries that each use a part of it

mod scripted;

use ringway_model::Secret;
use ringway_sip::endpoint::{
    Command, Credentials, DialogEvent, DialogId, Event, Input, NewInvite, Target, Transport, Verdict,
};
use scripted::{Bench, REMOTE, description, header};

fn new_call() -> NewInvite {
    let target = Target {
        transport: Transport::Udp,
        remote: REMOTE.parse().unwrap(),
        local: None,
        flow: None,
        name: None,
    };
    let (dialog, alice, bob) = (DialogId::chosen(0, 1), "<sip:alice@example.com>", "<sip:bob@example.com>");
    NewInvite {
        contact_user: Some("alice".to_owned()),
        headers: vec![("X-Trace".to_owned(), "1\r\nEvil: 1".to_owned())],
        body: Some(description()),
        credentials: Some(Credentials { username: "alice".to_owned(), password: Secret::new("secret") }),
        ..NewInvite::new(dialog, target, "sip:bob@example.com", alice, bob)
    }
}

/// Calls; gives the dialog and the INVITE.
fn calling(bench: &mut Bench) -> (DialogId, String) {
    let invite = new_call();
    let dialog = invite.dialog;
    bench.command(Command::Invite(Box::new(invite)));
    (dialog, bench.take_sent())
}

/// The answer to a request of ours.
fn answer(request: &str, status: &str, tag: &str, more: &str) -> String {
    let to = header(request, "To");
    let to = if tag.is_empty() { to.to_owned() } else { format!("{to};tag={tag}") };
    format!(
        "SIP/2.0 {status}\nVia: {}\nFrom: {}\nTo: {to}\nCall-ID: {}\nCSeq: {}\n{more}Content-Length: 0\n\n",
        header(request, "Via"),
        header(request, "From"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
    )
}

fn ok(request: &str, tag: &str) -> String {
    answer(request, "200 OK", tag, "Contact: <sip:bob@192.0.2.1:5070>\n")
}

/// A call that is up.
fn confirmed(bench: &mut Bench) -> (DialogId, String) {
    let (dialog, invite) = calling(bench);
    bench.receive(&ok(&invite, "b1"));
    assert!(bench.take_sent().starts_with("ACK sip:bob@192.0.2.1:5070 SIP/2.0\r\n"));
    assert_eq!(bench.take_events(), ["Answered"]);
    (dialog, invite)
}

#[test]
fn an_invite_has_all_that_the_rfc_asks_for_and_no_forged_header() {
    let mut bench = Bench::new();
    let (_, invite) = calling(&mut bench);
    assert!(invite.starts_with(
        "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK00"
    ));
    assert_eq!(header(&invite, "Contact"), "<sip:alice@198.51.100.1:5060>");
    assert_eq!(header(&invite, "CSeq"), "1 INVITE");
    assert!(header(&invite, "Call-ID").starts_with("rw00-"));
    assert!(!invite.contains("\nEvil"));
    assert!(invite.ends_with("\r\n\r\nv=0\r\n"));
}

#[test]
fn rfc3261_9_1_a_cancel_waits_for_a_1xx_and_shares_the_branch() {
    let mut bench = Bench::new();
    let (dialog, invite) = calling(&mut bench);
    bench.hang_up(dialog);
    assert!(bench.sent.is_empty());
    bench.receive(&answer(&invite, "180 Ringing", "b1", ""));
    let cancel = bench.take_sent();
    assert!(cancel.starts_with("CANCEL sip:bob@example.com SIP/2.0\r\n"));
    for name in ["Via", "From", "To", "Call-ID"] {
        assert_eq!(header(&cancel, name), header(&invite, name));
    }
    assert_eq!(header(&cancel, "CSeq"), "1 CANCEL");
    bench.receive(&answer(&cancel, "200 OK", "b1", ""));
    bench.receive(&answer(&invite, "487 Request Terminated", "b1", ""));
    let ack = bench.take_sent();
    assert!(ack.starts_with("ACK sip:bob@example.com SIP/2.0\r\n"));
    assert_eq!(header(&ack, "Via"), header(&invite, "Via"));
    assert!(header(&ack, "To").ends_with(";tag=b1"));
    assert_eq!(bench.take_events(), ["Provisional", "Rejected", "Terminated"]);
    bench.pass(32_000);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn a_200_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let (dialog, invite) = calling(&mut bench);
    bench.receive(&answer(&invite, "180 Ringing", "b1", ""));
    bench.hang_up(dialog);
    assert!(bench.take_sent().starts_with("CANCEL "));
    bench.receive(&ok(&invite, "b1"));
    assert_eq!(
        bench.take_lines(),
        ["ACK sip:bob@192.0.2.1:5070 SIP/2.0", "BYE sip:bob@192.0.2.1:5070 SIP/2.0"]
    );
    assert_eq!(bench.take_events(), ["Provisional"]);
    bench.pass(64_000);
    assert_eq!(bench.take_events(), ["Terminated"]);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn rfc3261_9_1_an_invite_that_ignores_its_cancel_is_given_up() {
    let mut bench = Bench::new();
    let (dialog, invite) = calling(&mut bench);
    bench.receive(&answer(&invite, "100 Trying", "", ""));
    bench.hang_up(dialog);
    bench.pass(32_000);
    assert_eq!(bench.take_events(), ["Rejected", "Terminated"]);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn rfc3261_13_2_2_4_each_losing_fork_is_acknowledged_and_ended_and_each_copy_acknowledged_again() {
    let mut bench = Bench::new();
    let (_, invite) = confirmed(&mut bench);
    bench.receive(&ok(&invite, "b1"));
    let again = bench.take_sent();
    assert!(again.starts_with("ACK ") && header(&again, "To").ends_with("tag=b1"));
    bench.receive(&ok(&invite, "b2"));
    let (ack, bye) = (bench.sent.remove(0).1, bench.sent.remove(0).1);
    assert!(ack.starts_with("ACK ") && header(&ack, "To").ends_with("tag=b2"));
    assert!(bye.starts_with("BYE ") && header(&bye, "To").ends_with("tag=b2"));
    assert_eq!((header(&ack, "CSeq"), header(&bye, "CSeq")), ("1 ACK", "2 BYE"));
    bench.receive(&answer(&bye, "200 OK", "", ""));
    bench.receive(&ok(&invite, "b2"));
    assert_eq!(bench.take_lines(), ["ACK sip:bob@192.0.2.1:5070 SIP/2.0"]);
    assert!(bench.events.is_empty());
    assert_eq!(bench.alive().2, 1);
}

#[test]
fn rfc3261_22_challenges_are_answered_and_each_use_of_a_nonce_counted() {
    let mut bench = Bench::new();
    let (dialog, invite) = calling(&mut bench);
    let challenge = "Proxy-Authenticate: Digest realm=\"r\",qop=\"auth\",nonce=\"n1\",opaque=\"o\"\n";
    bench.receive(&answer(&invite, "407 Proxy Authentication Required", "b0", challenge));
    let second = bench.sent.pop().unwrap().1;
    assert_eq!(bench.take_lines(), ["ACK sip:bob@example.com SIP/2.0"]);
    let credentials = header(&second, "Proxy-Authorization");
    assert!(credentials.contains("nonce=\"n1\"") && credentials.contains("nc=00000001"), "{credentials}");
    assert_eq!(header(&second, "CSeq"), "2 INVITE");
    assert_eq!(header(&second, "Call-ID"), header(&invite, "Call-ID"));
    assert_eq!(header(&second, "From"), header(&invite, "From"));
    assert_ne!(header(&second, "Via"), header(&invite, "Via"));
    bench.receive(&ok(&second, "b1"));
    let ack = bench.take_sent();
    assert_eq!(header(&ack, "Proxy-Authorization"), credentials);
    bench.hang_up(dialog);
    let bye = bench.take_sent();
    assert!(header(&bye, "Proxy-Authorization").contains("nc=00000002"));
    let stale = challenge.replace("n1", "n2").replace("opaque", "stale=true,opaque");
    bench.receive(&answer(&bye, "407 Proxy Authentication Required", "", &stale));
    let again = bench.take_sent();
    let credentials = header(&again, "Proxy-Authorization");
    assert!(credentials.contains("nonce=\"n2\"") && credentials.contains("nc=00000001"), "{credentials}");
    bench.receive(&answer(&again, "200 OK", "", ""));
    assert_eq!(bench.take_events(), ["Answered", "Terminated"]);
}

#[test]
fn a_wrong_password_is_tried_once_and_a_stale_nonce_again() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench);
    let challenge = |nonce: &str, stale: &str| {
        format!("WWW-Authenticate: Digest realm=\"r\",qop=\"auth\",nonce=\"{nonce}\"{stale}\n")
    };
    bench.receive(&answer(&first, "401 Unauthorized", "b0", &challenge("n1", "")));
    let second = bench.sent.pop().unwrap().1;
    bench.receive(&answer(&second, "401 Unauthorized", "b0", &challenge("n2", ",stale=true")));
    let third = bench.sent.pop().unwrap().1;
    assert!(header(&third, "Authorization").contains("nonce=\"n2\""));
    bench.receive(&answer(&third, "401 Unauthorized", "b0", &challenge("n3", "")));
    bench.sent.clear();
    let rejected = bench.events.remove(0);
    assert!(
        matches!(rejected, Event::Dialog { event: DialogEvent::Rejected { status: 401, .. }, .. }),
        "{rejected:?}"
    );
    assert_eq!(bench.take_events(), ["Terminated"]);
}

#[test]
fn silence_is_408_and_an_unreachable_peer_503() {
    let mut bench = Bench::new();
    calling(&mut bench);
    assert_eq!(bench.pass(32_000), [500, 1500, 3500, 7500, 15500, 31500]);
    let rejected = bench.events.remove(0);
    assert!(matches!(
        rejected,
        Event::Dialog { event: DialogEvent::Rejected { status: 408, response: None }, .. }
    ));
    assert_eq!(bench.take_events(), ["Terminated"]);
    bench.sent.clear();
    calling(&mut bench);
    bench.input(Input::SendFailed { target: new_call().target });
    let rejected = bench.events.remove(0);
    assert!(matches!(
        rejected,
        Event::Dialog { event: DialogEvent::Rejected { status: 503, response: None }, .. }
    ));
    assert_eq!(bench.take_events(), ["Terminated"]);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn a_request_that_its_contact_does_not_take_follows_the_packets() {
    let mut bench = Bench::new();
    let (dialog, _) = confirmed(&mut bench);
    bench.hang_up(dialog);
    let (target, bye) = bench.sent.remove(0);
    assert_eq!(target.remote.port(), 5070);
    bench.input(Input::SendFailed { target });
    let (target, again) = bench.sent.remove(0);
    assert_eq!((target.remote, again), (REMOTE.parse().unwrap(), bye));
}

#[test]
fn rfc3261_14_1_after_491_the_owner_of_the_call_id_waits_2_to_4_s() {
    let mut bench = Bench::new();
    let (dialog, _) = confirmed(&mut bench);
    bench.command(Command::Reinvite { dialog, body: Some(description()) });
    let reinvite = bench.take_sent();
    bench.receive(&answer(&reinvite, "491 Request Pending", "", ""));
    assert!(bench.take_sent().starts_with("ACK "));
    let again = bench.pass(4000);
    assert!((2100..=4000).contains(&again[0]), "{again:?}");
    let reinvite = bench.sent.remove(0).1;
    bench.sent.clear();
    assert!(reinvite.starts_with("INVITE sip:bob@192.0.2.1:5070"));
    bench.receive(&answer(&reinvite, "200 OK", "", "Contact: <sip:bob@192.0.2.1:5080>\n"));
    assert!(bench.take_sent().starts_with("ACK sip:bob@192.0.2.1:5080 SIP/2.0\r\n"));
    assert_eq!(bench.take_events(), ["OfferAnswered"]);
}

#[test]
fn a_peer_that_knows_no_such_dialog_ends_it() {
    let mut bench = Bench::new();
    let (dialog, _) = confirmed(&mut bench);
    bench.command(Command::Update { dialog, body: None });
    let update = bench.take_sent();
    bench.receive(&answer(&update, "481 Call/Transaction Does Not Exist", "", ""));
    let bye = bench.take_sent();
    bench.receive(&answer(&bye, "481 Call/Transaction Does Not Exist", "", ""));
    assert_eq!(bench.take_events(), ["OfferRefused", "Terminated"]);
}

#[test]
fn a_bye_that_overtakes_its_200_ends_the_call() {
    let mut bench = Bench::new();
    let (_, invite) = calling(&mut bench);
    bench.receive(&answer(&invite, "180 Ringing", "b1", ""));
    let bye = format!(
        "BYE sip:alice@198.51.100.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-b\n\
         From: {};tag=b1\nTo: {}\nCall-ID: {}\nCSeq: 9 BYE\nContent-Length: 0\n\n",
        header(&invite, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
    );
    bench.receive(&bye);
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "CANCEL sip:bob@example.com SIP/2.0"]);
    bench.receive(&ok(&invite, "b1"));
    assert_eq!(bench.take_lines()[..1], ["ACK sip:bob@192.0.2.1:5070 SIP/2.0"]);
    bench.pass(64_000);
    assert_eq!(bench.take_events(), ["Provisional", "Bye", "Terminated"]);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn responses_to_nothing_are_dropped_and_counted() {
    let mut bench = Bench::new();
    let (_, invite) = calling(&mut bench);
    bench.receive(&ok(&invite.replace("z9hG4bK00", "z9hG4bK01"), "b1"));
    assert_eq!((bench.sent.len(), bench.events.len()), (0, 0));
    assert_eq!(bench.endpoint.counters().stray_responses, 1);
}

#[test]
fn the_callers_side_refuses_calls_as_its_policy_says() {
    let mut bench = Bench::new();
    bench.verdict = |_| Verdict::Drop;
    bench.receive(
        "OPTIONS sip:x@198.51.100.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-o\nFrom: <sip:a@b>;tag=1\n\
         To: <sip:x@198.51.100.1>\nCall-ID: o\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n",
    );
    assert!(bench.sent.is_empty());
    assert_eq!(bench.endpoint.counters().dropped, 1);
}

/// A request of the called side.
fn request(invite: &str, method: &str, tag: &str, cseq: u32, more: &str) -> String {
    format!(
        "{method} sip:alice@198.51.100.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{method}{tag}{cseq}\n\
         From: {};tag={tag}\nTo: {}\nCall-ID: {}\nCSeq: {cseq} {method}\n{more}Content-Length: 0\n\n",
        header(invite, "To"),
        header(invite, "From"),
        header(invite, "Call-ID"),
    )
}

#[test]
fn rfc3261_12_1_every_phone_that_rings_has_an_early_dialog_of_its_own() {
    let mut bench = Bench::new();
    let (_, invite) = calling(&mut bench);
    bench.receive(&answer(&invite, "180 Ringing", "b1", ""));
    let early_media = answer(&invite, "183 Session Progress", "b2", "Contact: <sip:bob@192.0.2.1:5071>\n")
        .replace("Content-Length: 0\n\n", "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n");
    bench.receive(&early_media);
    let tags: Vec<_> = bench
        .events
        .iter()
        .map(|event| match event {
            Event::Dialog { event: DialogEvent::Provisional { response }, .. } => {
                (response.to_tag().map(str::to_owned), response.body().len())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tags, [(Some("b1".to_owned()), 0), (Some("b2".to_owned()), 5)]);
    bench.events.clear();
    for (tag, cseq, line) in [
        ("b1", 7, "SIP/2.0 200 OK"),
        ("b2", 3, "SIP/2.0 200 OK"),
        ("b1", 6, "SIP/2.0 500 Server Internal Error"),
        ("b2", 4, "SIP/2.0 200 OK"),
    ] {
        bench.receive(&request(&invite, "OPTIONS", tag, cseq, ""));
        assert_eq!(bench.take_lines(), [line], "{tag} {cseq}");
    }
    bench.receive(&request(&invite, "BYE", "b1", 8, ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"], "the other phone rings on");
    bench.receive(&ok(&invite, "b2"));
    assert_eq!(bench.take_lines(), ["ACK sip:bob@192.0.2.1:5070 SIP/2.0"]);
    bench.receive(&request(&invite, "OPTIONS", "b2", 2, ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 500 Server Internal Error"], "numbers go on where they were");
    assert_eq!(bench.take_events(), ["Answered"]);
}

#[test]
fn a_phone_that_left_and_answers_nevertheless_fails_the_call() {
    let mut bench = Bench::new();
    let (_, invite) = calling(&mut bench);
    bench.receive(&answer(&invite, "180 Ringing", "b1", ""));
    bench.receive(&answer(&invite, "180 Ringing", "b2", ""));
    bench.receive(&request(&invite, "BYE", "b1", 1, ""));
    bench.receive(&ok(&invite, "b1"));
    assert_eq!(
        bench.take_lines()[1..],
        ["ACK sip:bob@192.0.2.1:5070 SIP/2.0", "BYE sip:bob@192.0.2.1:5070 SIP/2.0"]
    );
    bench.pass(64_000);
    assert_eq!(bench.take_events(), ["Provisional", "Provisional", "Rejected", "Terminated"]);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn rfc3261_8_2_2_2_a_call_of_ours_that_comes_back_is_a_loop() {
    let mut bench = Bench::new();
    let (_, invite) = calling(&mut bench);
    bench.receive(&invite.replace("z9hG4bK00", "z9hG4bKproxy"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 482 Loop Detected"]);
}

#[test]
fn rfc3515_our_refer_is_answered_and_reported_of_until_the_last_notify() {
    let mut bench = Bench::new();
    let (dialog, invite) = confirmed(&mut bench);
    let headers = vec![("Referred-By".to_owned(), "<sip:alice@example.com>".to_owned())];
    bench.command(Command::Refer { dialog, refer_to: "<sip:carol@example.com>".to_owned(), headers });
    let refer = bench.take_sent();
    assert!(refer.starts_with("REFER sip:bob@192.0.2.1:5070 SIP/2.0\r\n"));
    assert_eq!(header(&refer, "Refer-To"), "<sip:carol@example.com>");
    assert_eq!(header(&refer, "Referred-By"), "<sip:alice@example.com>");
    assert!(header(&refer, "Contact").starts_with("<sip:alice@"));
    let notify = |cseq: u32, state: &str, status: &str| {
        let fragment = format!("SIP/2.0 {status}\r\n");
        let more = format!(
            "Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag;version=2.0\nX-End: 1\n"
        );
        request(&invite, "NOTIFY", "b1", cseq, &more)
            .replace("Content-Length: 0\n\n", &format!("Content-Length: {}\n\n{fragment}", fragment.len()))
    };
    bench.receive(&notify(1, "active;expires=60", "100 Trying"));
    bench.receive(&answer(&refer, "202 Accepted", "", ""));
    bench.receive(&notify(2, "terminated;reason=noresource", "486 Busy Here"));
    let statuses: Vec<_> = bench
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Dialog { event: DialogEvent::Notify { request }, .. } => {
                ringway_sip::message::sipfrag_status(request)
            }
            _ => None,
        })
        .collect();
    assert_eq!(statuses, [100, 486]);
    assert_eq!(bench.take_events(), ["Notify", "ReferAnswered", "Notify"]);
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 200 OK"]);
    bench.receive(&notify(3, "active", "200 OK"));
    assert_eq!(
        bench.take_lines()[..1],
        ["SIP/2.0 481 Call/Transaction Does Not Exist"],
        "nothing is subscribed any more"
    );
    assert!(bench.events.is_empty());
}

#[test]
fn rfc3515_a_refused_refer_leaves_the_call_and_no_subscription() {
    let mut bench = Bench::new();
    let (dialog, invite) = confirmed(&mut bench);
    bench.command(Command::Refer {
        dialog,
        refer_to: "<sip:carol@example.com>".to_owned(),
        headers: Vec::new(),
    });
    let refer = bench.take_sent();
    bench.receive(&answer(&refer, "405 Method Not Allowed", "", ""));
    assert!(matches!(
        bench.events.pop(),
        Some(Event::Dialog { event: DialogEvent::ReferAnswered { status: 405, response: Some(_) }, .. })
    ));
    let more = "Event: refer\nSubscription-State: active\n";
    bench.receive(&request(&invite, "NOTIFY", "b1", 1, more));
    assert_eq!(bench.take_lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    assert_eq!(bench.alive().2, 1);
}
