//! The called side, rule by rule: what goes out for what comes in, and when.
#![allow(unreachable_pub, dead_code)] // the bench is shared by test binaries that each use a part of it

mod scripted;

use std::time::Duration;

use ringway_sip::endpoint::{Command, FlowId, FlowOrder, Input, Reply, Screening, Transport, Verdict};
use scripted::{Bench, description, header, tag};

/// A request of the peer; `more` are further header lines.
fn request(method: &str, to_tag: &str, cseq: u32, branch: &str, more: &str) -> String {
    let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "{method} sip:service@sip.example.com SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\n\
         Max-Forwards: 70\n\
         From: <sip:alice@sip.example.com>;tag=a1\n\
         To: <sip:service@sip.example.com>{to_tag}\n\
         Call-ID: call-1\n\
         CSeq: {cseq} {method}\n\
         Contact: <sip:alice@192.0.2.1:5060>\n\
         {more}Content-Length: 0\n\n"
    )
}

fn invite() -> String {
    request("INVITE", "", 1, "z9hG4bK-1", "")
}

/// With a body that stands for a session description; its line end will be CR LF.
fn with_offer(request: &str) -> String {
    request.replace("Content-Length: 0\n\n", "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n")
}

/// A call that is up; gives our tag.
fn confirmed(bench: &mut Bench) -> (ringway_sip::endpoint::DialogId, String) {
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 200);
    let ours = tag(&bench.take_sent(), "To").to_owned();
    bench.receive(&request("ACK", &ours, 1, "z9hG4bK-ack", ""));
    assert_eq!(bench.take_events(), ["Acknowledged"]);
    (dialog, ours)
}

#[test]
fn rfc3261_8_2_6_1_an_accepted_invite_gets_100_at_once() {
    let mut bench = Bench::new();
    bench.receive(&invite());
    let expected = "SIP/2.0 100 Trying\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1;rport=5060;received=192.0.2.1\r\n\
        From: <sip:alice@sip.example.com>;tag=a1\r\n\
        To: <sip:service@sip.example.com>\r\n\
        Call-ID: call-1\r\n\
        CSeq: 1 INVITE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(bench.take_sent(), expected);
    bench.receive(&invite());
    assert_eq!(bench.take_sent(), expected);
    assert_eq!(bench.take_events(), ["Incoming"]);
}

#[test]
fn refusals_keep_no_state_and_every_copy_gets_the_same_answer() {
    let mut bench = Bench::new();
    bench.verdict = |_| Verdict::Reply(Reply::new(403).with_header("Warning", "399 x \"no\""));
    bench.receive(&invite());
    let first = bench.take_sent();
    bench.receive(&invite());
    assert_eq!(bench.take_sent(), first);
    assert!(first.starts_with("SIP/2.0 403 Forbidden\r\n") && first.contains("Warning: 399 x \"no\"\r\n"));
    bench.receive(&request("ACK", tag(&first, "To"), 1, "z9hG4bK-1", ""));
    assert_eq!((bench.sent.len(), bench.events.len(), bench.alive()), (0, 0, (0, 0, 0)));
    assert_eq!(bench.endpoint.counters().stray_acks, 1);
}

#[test]
fn requests_that_nobody_can_serve_are_refused_with_a_reason() {
    let mut bench = Bench::new();
    for (text, line, also) in [
        (request("MESSAGE", "", 1, "z9hG4bK-2", ""), "405 Method Not Allowed", "Allow: INVITE, ACK"),
        (request("FROBNICATE", "", 1, "z9hG4bK-2", ""), "405 Method Not Allowed", "Allow: INVITE, ACK"),
        (
            request("INVITE", "", 1, "z9hG4bK-2", "Require: 100rel, x, y\n"),
            "420 Bad Extension",
            "Unsupported: x, y",
        ),
        (request("BYE", "", 1, "z9hG4bK-2", ""), "481 Call", ""),
        (request("BYE", "nobody", 1, "z9hG4bK-2", ""), "481 Call", ""),
        (request("INVITE", "nobody", 1, "z9hG4bK-2", ""), "481 Call", ""),
        (request("CANCEL", "", 1, "z9hG4bK-2", ""), "481 Call", ""),
        (invite().replace("Forwards: 70", "Forwards: 0"), "483 Too Many Hops", ""),
        (invite().replace("Contact: <sip:alice@192.0.2.1:5060>\n", ""), "400 Missing Contact", ""),
        (
            request("OPTIONS", "", 1, "z9hG4bK-2", "").replace("Forwards: 70", "Forwards: 0"),
            "200 OK",
            "Accept: application/sdp",
        ),
        (request("REGISTER", "", 1, "z9hG4bK-2", ""), "501 Not Implemented", ""),
    ] {
        bench.receive(&text);
        let sent = bench.take_sent();
        assert!(sent.starts_with(&format!("SIP/2.0 {line}")) && sent.contains(also), "{sent}");
    }
    assert_eq!((bench.events.len(), bench.alive()), (0, (0, 0, 0)));
}

#[test]
fn rfc3261_8_2_2_2_a_copy_that_came_another_way_is_a_loop() {
    let mut bench = Bench::new();
    bench.incoming(&invite());
    bench.receive(&invite().replace("z9hG4bK-1", "z9hG4bK-other"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 482 Loop Detected"]);
}

#[test]
fn rfc3261_17_2_3_without_the_magic_cookie_the_whole_request_is_compared() {
    let mut bench = Bench::new();
    let old = invite().replace("z9hG4bK-1", "1");
    let dialog = bench.incoming(&old);
    bench.receive(&old);
    assert_eq!(bench.take_lines(), ["SIP/2.0 100 Trying"]);
    bench.respond(dialog, 486);
    let refusal = bench.take_sent();
    bench.receive(&request("ACK", tag(&refusal, "To"), 1, "1", ""));
    assert!(bench.pass(60_000).is_empty(), "the ACK ended the repetitions");
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn new_calls_that_waited_too_long_get_503_and_calls_that_are_up_do_not() {
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    let late = Duration::from_secs(1);
    bench.receive_late(&invite().replace("call-1", "call-2").replace("bK-1", "bK-2"), late);
    let sent = bench.take_sent();
    let wait_s: u8 = header(&sent, "Retry-After").parse().unwrap();
    assert!(sent.starts_with("SIP/2.0 503 ") && (1..=5).contains(&wait_s));
    bench.receive_late(&request("BYE", &ours, 2, "z9hG4bK-bye", ""), late);
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.endpoint.counters().overload_age, 1);
}

#[test]
fn beyond_the_limits_new_calls_get_503() {
    let mut bench = Bench::with(|config| config.dialogs_max = 1);
    bench.incoming(&invite());
    bench.receive(&invite().replace("call-1", "call-2").replace("bK-1", "bK-2"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 503 Service Unavailable"]);
    assert_eq!(bench.endpoint.counters().overload_count, 1);
}

#[test]
fn rfc3261_13_3_1_4_a_2xx_is_repeated_over_every_transport_until_the_ack_is_given_up() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = Bench::new();
        bench.transport = transport;
        let dialog = bench.incoming(&invite());
        bench.respond(dialog, 200);
        let first = bench.take_sent();
        let times = bench.pass(31_999);
        assert_eq!(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
        assert!(bench.sent.drain(..).all(|(_, text)| text == first));
        bench.pass(1);
        let bye = bench.take_sent();
        assert!(bye.starts_with("BYE sip:alice@192.0.2.1:5060 SIP/2.0\r\n"), "{bye}");
        assert_eq!(bench.take_events(), ["AcknowledgeTimeout"]);
        bench.pass(32_000);
        assert_eq!(bench.take_events(), ["Terminated"]);
        assert_eq!(bench.alive(), (0, 0, 0));
    }
}

#[test]
fn rfc3261_15_1_1_a_hang_up_waits_for_the_ack() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 200);
    let ours = tag(&bench.take_sent(), "To").to_owned();
    bench.hang_up(dialog);
    assert!(bench.sent.is_empty());
    bench.receive(&request("ACK", &ours, 1, "z9hG4bK-ack", ""));
    assert!(bench.take_sent().starts_with("BYE "));
    bench.hang_up(dialog);
    assert_eq!(bench.take_events(), ["Acknowledged", "Gone"]);
}

#[test]
fn a_hang_up_that_waits_for_the_ack_takes_no_offer_and_is_not_gone() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&with_offer(&invite()));
    bench.respond(dialog, 200);
    let ours = tag(&bench.take_sent(), "To").to_owned();
    bench.receive(&with_offer(&request("UPDATE", &ours, 2, "z9hG4bK-up", "")));
    let offer = bench.take_offer();
    bench.hang_up(dialog);
    assert_eq!(bench.take_lines(), ["SIP/2.0 487 Request Terminated"]);
    bench.command(Command::AnswerOffer { dialog, offer, result: Ok(Some(description())) });
    bench.receive(&with_offer(&request("UPDATE", &ours, 3, "z9hG4bK-up2", "")));
    assert_eq!(bench.take_lines(), ["SIP/2.0 500 Server Internal Error"]);
    assert!(bench.take_events().is_empty());
    bench.pass(32_000);
    assert_eq!(bench.take_events(), ["AcknowledgeTimeout"]);
}

#[test]
fn rfc3261_9_2_a_cancel_gets_200_and_its_invite_487() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 180);
    assert_eq!(bench.take_lines(), ["SIP/2.0 180 Ringing"]);
    bench.receive(&request("CANCEL", "", 1, "z9hG4bK-1", "Reason: SIP;cause=200\n"));
    let tags: Vec<_> = bench.sent.iter().map(|(_, text)| tag(text, "To").to_owned()).collect();
    assert_eq!(tags[0], tags[1]);
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.take_events(), ["Cancelled", "Terminated"]);
    bench.respond(dialog, 200);
    assert!(bench.sent.is_empty());
    assert_eq!(bench.endpoint.counters().late_commands, 1);
    // A copy, after the call is over: the answer is the same.
    for acknowledged in [false, true] {
        if acknowledged {
            bench.receive(&request("ACK", &tags[0], 1, "z9hG4bK-1", ""));
        }
        bench.receive(&request("CANCEL", "", 1, "z9hG4bK-1", "Reason: SIP;cause=200\n"));
        let copy = bench.take_sent();
        assert!(copy.starts_with("SIP/2.0 200 OK\r\n"), "{copy}");
        assert_eq!(tag(&copy, "To"), tags[0]);
    }
}

#[test]
fn rfc3261_9_2_a_cancel_after_the_200_changes_nothing() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 200);
    bench.take_lines();
    bench.receive(&request("CANCEL", "", 1, "z9hG4bK-1", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"]);
    assert_eq!((bench.events.len(), bench.alive().2), (0, 1));
}

#[test]
fn a_refusal_is_repeated_until_its_ack() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 486);
    assert_eq!(bench.take_events(), ["Terminated"]);
    let refusal = bench.take_sent();
    assert_eq!(bench.pass(2000), [500, 1500]);
    bench.sent.clear();
    bench.receive(&request("ACK", tag(&refusal, "To"), 1, "z9hG4bK-1", ""));
    assert!(bench.pass(5000).is_empty());
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn rfc3261_12_1_1_record_routes_are_copied_and_followed() {
    let mut bench = Bench::new();
    let routes = "Record-Route: <sip:192.0.2.1;lr>, <sip:p2.example.com;lr>\n";
    let dialog = bench.incoming(&request("INVITE", "", 1, "z9hG4bK-1", routes));
    bench.respond(dialog, 200);
    let answer = bench.take_sent();
    assert!(answer.contains("Record-Route: <sip:192.0.2.1;lr>\r\nRecord-Route: <sip:p2.example.com;lr>\r\n"));
    assert_eq!(header(&answer, "Contact"), "<sip:198.51.100.1:5060>");
    bench.receive(&request("ACK", tag(&answer, "To"), 1, "z9hG4bK-ack", ""));
    bench.hang_up(dialog);
    let bye = bench.take_sent();
    assert!(bye.starts_with("BYE sip:alice@192.0.2.1:5060 SIP/2.0\r\n"));
    assert!(bye.contains("Route: <sip:192.0.2.1;lr>\r\nRoute: <sip:p2.example.com;lr>\r\n"), "{bye}");
}

#[test]
fn requests_follow_the_packets_when_the_contact_is_behind_a_nat() {
    let mut bench = Bench::new();
    bench.remote = "203.0.113.9:40001".parse().unwrap();
    let private = |text: String| text.replace("alice@192.0.2.1:5060", "alice@10.0.0.7:5060");
    let dialog = bench.incoming(&private(invite()));
    bench.respond(dialog, 200);
    let ours = tag(&bench.take_sent(), "To").to_owned();
    bench.remote = "203.0.113.9:40002".parse().unwrap();
    bench.receive(&private(request("ACK", &ours, 1, "z9hG4bK-ack", "")));
    bench.hang_up(dialog);
    let (target, bye) = bench.sent.remove(0);
    assert!(bye.starts_with("BYE sip:alice@10.0.0.7:5060 SIP/2.0\r\n"));
    assert_eq!(target.remote, "203.0.113.9:40002".parse().unwrap());
}

#[test]
fn rfc3261_15_a_bye_in_an_early_dialog_gives_up_the_call_as_a_cancel_does() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 180);
    let ours = tag(&bench.take_sent(), "To").to_owned();
    bench.receive(&request("BYE", &ours, 2, "z9hG4bK-bye", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.take_events(), ["Cancelled", "Terminated"]);
    bench.respond(dialog, 200);
    assert!(bench.sent.is_empty(), "no answer leaves any more");
}

#[test]
fn a_bye_is_answered_at_once_and_ends_a_pending_reinvite() {
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    bench.receive(&with_offer(&request("INVITE", &ours, 2, "z9hG4bK-re", "")));
    bench.receive(&request("BYE", &ours, 3, "z9hG4bK-bye", ""));
    assert_eq!(
        bench.take_lines(),
        ["SIP/2.0 100 Trying", "SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    );
    assert_eq!(bench.take_events(), ["Offer", "Bye", "Terminated"]);
    bench.receive(&request("BYE", &ours, 3, "z9hG4bK-bye", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_bye_before_the_ack_ends_the_repetitions() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&invite());
    bench.respond(dialog, 200);
    let ours = tag(&bench.take_sent(), "To").to_owned();
    bench.receive(&request("BYE", &ours, 2, "z9hG4bK-bye", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.take_events(), ["Bye", "Terminated"]);
    assert!(bench.pass(60_000).is_empty());
}

#[test]
fn rfc3261_12_2_2_a_lower_cseq_gets_500() {
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    bench.receive(&request("INFO", &ours, 5, "z9hG4bK-5", ""));
    bench.receive(&request("INFO", &ours, 4, "z9hG4bK-4", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 500 Server Internal Error"]);
    assert_eq!(bench.take_events(), [""; 0]);
}

#[test]
fn rfc6086_4_2_2_an_info_is_for_keys_alone() {
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    let body = |request: String, content_type: &str| {
        request.replace(
            "Content-Length: 0\n\n",
            &format!("Content-Type: {content_type}\nContent-Length: 8\n\nSignal=5"),
        )
    };
    let info = |number: u32, more: &str| request("INFO", &ours, number, &format!("z9hG4bK-{number}"), more);
    bench.receive(&body(info(2, ""), "application/dtmf-relay"));
    bench.receive(&body(info(3, ""), "Application/DTMF;x=y"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 200 OK"]);
    assert_eq!(bench.take_events(), ["Info", "Info"]);
    bench.receive(&body(info(4, ""), "application/media_control+xml"));
    let refused = bench.take_sent();
    assert!(refused.starts_with("SIP/2.0 415 "), "{refused}");
    assert_eq!(header(&refused, "Accept"), "application/dtmf-relay, application/dtmf");
    bench.receive(&body(info(5, "Info-Package: foo\n"), "application/dtmf-relay"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 469 Bad Info Package"]);
    assert!(bench.events.is_empty());
}

#[test]
fn rfc3261_14_2_collisions_get_491_and_500() {
    let mut bench = Bench::new();
    let (dialog, ours) = confirmed(&mut bench);
    bench.receive(&with_offer(&request("INVITE", &ours, 2, "z9hG4bK-r2", "")));
    let offer = bench.take_offer();
    bench.receive(&with_offer(&request("INVITE", &ours, 3, "z9hG4bK-r3", "")));
    bench.take_lines();
    bench.command(Command::AnswerOffer { dialog, offer, result: Ok(Some(description())) });
    bench.take_lines();
    bench.receive(&request("ACK", &ours, 2, "z9hG4bK-a2", ""));
    bench.receive(&request("ACK", &ours, 3, "z9hG4bK-r3", ""));
    bench.command(Command::Reinvite { dialog, body: Some(description()) });
    assert!(bench.take_sent().starts_with("INVITE "));
    bench.receive(&with_offer(&request("INVITE", &ours, 4, "z9hG4bK-r4", "")));
    bench.receive(&with_offer(&request("UPDATE", &ours, 5, "z9hG4bK-u5", "")));
    assert_eq!(bench.take_lines(), ["SIP/2.0 491 Request Pending"; 2]);
    assert_eq!(bench.take_events(), ["Acknowledged"]);
}

#[test]
fn rfc3261_14_2_a_second_reinvite_before_the_first_is_answered_gets_500_and_a_while() {
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    bench.receive(&with_offer(&request("INVITE", &ours, 2, "z9hG4bK-r2", "")));
    bench.take_lines();
    bench.receive(&with_offer(&request("INVITE", &ours, 3, "z9hG4bK-r3", "")));
    let sent = bench.take_sent();
    assert!(sent.starts_with("SIP/2.0 500 ") && header(&sent, "Retry-After").parse::<u8>().unwrap() <= 10);
}

#[test]
fn an_offerless_reinvite_wants_our_offer_and_its_ack_has_the_answer() {
    let mut bench = Bench::new();
    let (dialog, ours) = confirmed(&mut bench);
    bench.receive(&request("INVITE", &ours, 2, "z9hG4bK-r2", ""));
    let offer = bench.take_offer();
    bench.command(Command::AnswerOffer { dialog, offer, result: Ok(Some(description())) });
    assert_eq!(bench.take_lines(), ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    bench.receive(&with_offer(&request("UPDATE", &ours, 3, "z9hG4bK-u3", "")));
    assert_eq!(bench.take_lines(), ["SIP/2.0 491 Request Pending"]);
    bench.receive(&with_offer(&request("ACK", &ours, 2, "z9hG4bK-a2", "")));
    assert_eq!(bench.take_events(), ["Acknowledged with a body"]);
    assert!(bench.pass(3000).is_empty());
}

#[test]
fn a_refused_offer_leaves_the_call_up_and_a_cancelled_one_is_withdrawn() {
    let mut bench = Bench::new();
    let (dialog, ours) = confirmed(&mut bench);
    bench.receive(&with_offer(&request("INVITE", &ours, 2, "z9hG4bK-r2", "")));
    let offer = bench.take_offer();
    bench.command(Command::AnswerOffer { dialog, offer, result: Err(488) });
    assert_eq!(bench.take_lines(), ["SIP/2.0 100 Trying", "SIP/2.0 488 Not Acceptable Here"]);
    bench.receive(&request("ACK", &ours, 2, "z9hG4bK-r2", ""));
    bench.receive(&with_offer(&request("INVITE", &ours, 3, "z9hG4bK-r3", "")));
    bench.receive(&request("CANCEL", &ours, 3, "z9hG4bK-r3", ""));
    assert_eq!(bench.take_events(), ["Offer", "OfferWithdrawn"]);
    assert_eq!(bench.take_lines()[1..], ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.alive().2, 1);
}

#[test]
fn small_requests_within_a_dialog_are_answered_by_the_endpoint() {
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    for (number, method, line) in [
        (2, "UPDATE", "SIP/2.0 200 OK"),
        (3, "OPTIONS", "SIP/2.0 200 OK"),
        (4, "INFO", "SIP/2.0 200 OK"),
        (5, "MESSAGE", "SIP/2.0 405 Method Not Allowed"),
        (6, "NONSENSE", "SIP/2.0 405 Method Not Allowed"),
    ] {
        bench.receive(&request(method, &ours, number, &format!("z9hG4bK-{number}"), ""));
        assert_eq!(bench.take_lines(), [line], "{method}");
    }
    assert_eq!(bench.take_events(), [""; 0]);
}

#[test]
fn a_bye_on_a_connection_that_closes_is_given_up_at_once() {
    let mut bench = Bench::new();
    bench.transport = Transport::Tcp;
    let (dialog, _) = confirmed(&mut bench);
    bench.hang_up(dialog);
    let (target, _) = bench.sent.remove(0);
    assert_eq!(target.flow, Some(FlowId(1)));
    bench.input(Input::FlowClosed(FlowId(1)));
    assert_eq!(bench.take_events(), ["Terminated"]);
    assert_eq!(bench.alive().1, 0);
}

#[test]
fn who_is_not_welcome_is_refused_or_hears_nothing() {
    let garbage = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKg\r\n\r\n";
    let mut bench = Bench::new();
    bench.screening = Screening::Refuse;
    bench.receive(&invite());
    assert_eq!(bench.take_lines(), ["SIP/2.0 403 Forbidden"]);
    for (screening, order) in [(Screening::Drop, FlowOrder::Close), (Screening::Tarpit, FlowOrder::Stall)] {
        for (transport, orders) in [(Transport::Udp, vec![]), (Transport::Tcp, vec![(FlowId(1), order); 2])] {
            let mut bench = Bench::new();
            (bench.screening, bench.transport) = (screening, transport);
            bench.receive(&invite());
            bench.receive(garbage);
            assert_eq!((bench.sent.len(), bench.events.len()), (0, 0), "{screening:?} {transport:?}");
            assert_eq!(bench.orders, orders);
            assert_eq!(bench.endpoint.counters().turned_away, 2);
        }
    }
}

#[test]
fn who_is_not_welcome_any_more_keeps_the_calls_that_are_up() {
    let mut bench = Bench::new();
    let (_, tag) = confirmed(&mut bench);
    bench.screening = Screening::Drop;
    bench.receive(&request("BYE", &tag, 2, "z9hG4bKbye", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn malformed_requests_get_a_reason_and_malformed_responses_nothing() {
    let mut bench = Bench::new();
    bench.receive(&invite().replace("CSeq: 1 INVITE", "CSeq: 1 BYE"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 400 CSeq method does not match"]);
    bench.receive("SIP/2.0 200 OK\nVia: nonsense\n\n");
    bench.receive("\n\n");
    assert!(bench.sent.is_empty());
    assert_eq!(bench.endpoint.counters().malformed, 3);
}

/// The REFER of the newest event.
fn take_refer(bench: &mut Bench) -> ringway_sip::endpoint::ReferId {
    use ringway_sip::endpoint::{DialogEvent, Event};
    match bench.events.pop() {
        Some(Event::Dialog { event: DialogEvent::Refer { refer, .. }, .. }) => refer,
        other => panic!("no REFER but {other:?}"),
    }
}

/// Our newest request was understood.
fn accept_request(bench: &mut Bench, request: &str) {
    let copied = |name: &str| format!("{name}: {}\n", header(request, name));
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"].map(copied).concat();
    bench.receive(&format!("SIP/2.0 200 OK\n{copied}Content-Length: 0\n\n"));
}

#[test]
fn rfc3515_a_refer_is_accepted_and_reported_of() {
    let mut bench = Bench::new();
    let (dialog, ours) = confirmed(&mut bench);
    bench.receive(&request("REFER", &ours, 2, "z9hG4bK-r", "Refer-To: <sip:carol@example.com>\n"));
    let refer = take_refer(&mut bench);
    bench.command(Command::AnswerRefer { dialog, refer, status: 202 });
    let (accepted, trying) = (bench.sent.remove(0).1, bench.take_sent());
    assert!(
        accepted.starts_with("SIP/2.0 202 Accepted\r\n") && accepted.contains("\r\nContact: "),
        "{accepted}"
    );
    assert!(trying.starts_with("NOTIFY sip:alice@192.0.2.1:5060 SIP/2.0\r\n"), "{trying}");
    assert_eq!(header(&trying, "Event"), "refer");
    assert_eq!(header(&trying, "Subscription-State"), "active;expires=3600");
    assert_eq!(header(&trying, "Content-Type"), "message/sipfrag;version=2.0");
    assert!(trying.ends_with("\r\n\r\nSIP/2.0 100 Trying\r\n"));
    accept_request(&mut bench, &trying);
    bench.command(Command::Notify { dialog, refer, status: 486, reason: Some("Not\r\nNow".to_owned()) });
    let last = bench.take_sent();
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=noresource");
    assert!(last.ends_with("\r\n\r\nSIP/2.0 486 Not  Now\r\n"), "{last}");
    accept_request(&mut bench, &last);
    bench.command(Command::Notify { dialog, refer, status: 200, reason: None });
    assert!(bench.sent.is_empty(), "nothing comes after the last report");
    bench.receive(&request("REFER", &ours, 3, "z9hG4bK-s", "Refer-To: <sip:dave@example.com>\n"));
    let refer = take_refer(&mut bench);
    bench.command(Command::AnswerRefer { dialog, refer, status: 202 });
    assert_eq!(header(&bench.sent.pop().unwrap().1, "Event"), "refer;id=3", "a further one is told apart");
}

#[test]
fn refers_that_nobody_can_follow_are_refused() {
    let mut bench = Bench::new();
    let (dialog, ours) = confirmed(&mut bench);
    for (number, more, line) in [
        (2, "", "SIP/2.0 400 Bad Request"),
        (3, "Refer-To: nonsense\n", "SIP/2.0 400 Bad Request"),
        (4, "Refer-To: <sip:a@b>\nRefer-To: <sip:c@d>\n", "SIP/2.0 400 Bad Request"),
    ] {
        bench.receive(&request("REFER", &ours, number, &format!("z9hG4bK-{number}"), more));
        assert_eq!(bench.take_lines(), [line]);
    }
    bench.receive(&request("REFER", &ours, 5, "z9hG4bK-5", "Refer-To: <sip:a@b>\n"));
    let refer = take_refer(&mut bench);
    bench.receive(&request("REFER", &ours, 6, "z9hG4bK-6", "Refer-To: <sip:a@b>\n"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 500 Server Internal Error"], "one at a time");
    bench.command(Command::AnswerRefer { dialog, refer, status: 603 });
    assert_eq!(bench.take_lines(), ["SIP/2.0 603 Decline"]);
    bench.receive(&request("REFER", &ours, 7, "z9hG4bK-7", "Refer-To: <sip:a@b>\n"));
    bench.events.clear();
    bench.receive(&request("BYE", &ours, 8, "z9hG4bK-8", ""));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    bench.receive(&request("REFER", "", 1, "z9hG4bK-9", "Refer-To: <sip:a@b>\n"));
    assert_eq!(bench.take_lines(), ["SIP/2.0 403 REFER Only Within A Call"]);
}

/// The 200 to the INVITE with these headers, its ACK sent.
fn answered(bench: &mut Bench, more: &str) -> (ringway_sip::endpoint::DialogId, String) {
    let dialog = bench.incoming(&request("INVITE", "", 1, "z9hG4bK-1", more));
    bench.respond(dialog, 200);
    let answer = bench.take_sent();
    bench.receive(&request("ACK", tag(&answer, "To"), 1, "z9hG4bK-ack", ""));
    assert_eq!(bench.take_events(), ["Acknowledged"]);
    (dialog, answer)
}

#[test]
fn rfc4028_a_session_that_the_peer_does_not_refresh_is_ended() {
    let mut bench = Bench::new();
    let (_, answer) = answered(&mut bench, "Supported: timer\nSession-Expires: 90\n");
    assert_eq!(header(&answer, "Session-Expires"), "90;refresher=uac");
    assert_eq!(header(&answer, "Require"), "timer");
    let ours = tag(&answer, "To").to_owned();
    assert!(bench.pass(59_000).is_empty());
    let more = "Supported: timer\nSession-Expires: 90;refresher=uac\n";
    bench.receive(&request("UPDATE", &ours, 2, "z9hG4bK-u", more));
    assert_eq!(header(&bench.take_sent(), "Session-Expires"), "90;refresher=uac");
    assert_eq!(bench.pass(61_000).first(), Some(&60_000), "a third of the interval before its end");
    let bye = bench.sent.remove(0).1;
    assert!(bye.starts_with("BYE ") && header(&bye, "Reason").contains("cause=408"), "{bye}");
    assert_eq!(bench.take_events(), ["SessionExpired"]);
}

#[test]
fn rfc4028_we_refresh_when_the_peer_wants_us_to_and_a_refresh_without_a_timer_ends_it() {
    let mut bench = Bench::new();
    let (_, answer) =
        answered(&mut bench, "Supported: timer\nSession-Expires: 100;refresher=uas\nAllow: INVITE, UPDATE\n");
    assert_eq!(header(&answer, "Session-Expires"), "100;refresher=uas");
    assert!(!answer.contains("Require"));
    assert_eq!(bench.pass(50_000), [50_000]);
    let update = bench.take_sent();
    assert!(update.starts_with("UPDATE ") && update.ends_with("Content-Length: 0\r\n\r\n"), "{update}");
    assert_eq!(header(&update, "Session-Expires"), "100;refresher=uac");
    assert_eq!(header(&update, "Supported"), "timer");
    let copied = |name: &str| format!("{name}: {}\n", header(&update, name));
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"].map(copied).concat();
    let timer = "Session-Expires: 200;refresher=uac\n";
    bench.receive(&format!("SIP/2.0 200 OK\n{copied}{timer}Content-Length: 0\n\n"));
    assert_eq!(bench.pass(100_000), [100_000], "by the new interval");
    let update = bench.take_sent();
    accept_request(&mut bench, &update);
    assert!(bench.pass(1_000_000).is_empty(), "the peer has no timer any more");
    assert!(bench.events.is_empty());
}

#[test]
fn rfc4028_without_update_a_refresh_repeats_our_description() {
    let mut bench = Bench::new();
    answered(&mut bench, "Session-Expires: 100\n");
    assert_eq!(bench.pass(50_000), [50_000]);
    let reinvite = bench.take_sent();
    assert!(reinvite.starts_with("INVITE ") && reinvite.ends_with("\r\n\r\nv=0\r\n"), "{reinvite}");
    let copied = |name: &str| format!("{name}: {}\n", header(&reinvite, name));
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"].map(copied).concat();
    bench.receive(&format!("SIP/2.0 422 Too Small\n{copied}Min-SE: 300\nContent-Length: 0\n\n"));
    let again = bench.sent.pop().unwrap().1;
    assert_eq!(bench.take_lines(), ["ACK sip:alice@192.0.2.1:5060 SIP/2.0"]);
    assert_eq!(header(&again, "Session-Expires"), "300;refresher=uac");
    assert_eq!(header(&again, "Min-SE"), "300");
    accept_request(&mut bench, &again);
    assert_eq!(bench.take_lines(), ["ACK sip:alice@192.0.2.1:5060 SIP/2.0"]);
    assert_eq!(bench.take_events(), ["OfferAnswered"]);
}

#[test]
fn rfc4028_a_short_interval_is_refused_with_the_least() {
    let mut bench = Bench::new();
    let short = "Supported: timer\nSession-Expires: 60\nMin-SE: 60\n";
    bench.receive(&request("INVITE", "", 1, "z9hG4bK-1", short));
    let refused = bench.take_sent();
    assert!(refused.starts_with("SIP/2.0 422 Session Interval Too Small\r\n"), "{refused}");
    assert_eq!(header(&refused, "Min-SE"), "90");
    let mut bench = Bench::new();
    let (_, ours) = confirmed(&mut bench);
    bench.receive(&request("UPDATE", &ours, 2, "z9hG4bK-2", short));
    assert_eq!(bench.take_lines(), ["SIP/2.0 422 Session Interval Too Small"]);
}

#[test]
fn rfc3262_a_required_provisional_is_repeated_until_its_prack_and_the_next_one_waits() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&request("INVITE", "", 1, "z9hG4bK-1", "Require: 100rel\n"));
    bench.respond(dialog, 180);
    let ringing = bench.take_sent();
    assert_eq!(header(&ringing, "Require"), "100rel");
    let rseq: u32 = header(&ringing, "RSeq").parse().unwrap();
    let ours = tag(&ringing, "To").to_owned();
    bench.respond(dialog, 183);
    assert!(bench.sent.is_empty(), "not before the PRACK");
    assert_eq!(bench.pass(4000), [500, 1500, 3500]);
    assert!(bench.sent.drain(..).all(|(_, text)| text == ringing));
    let prack = |number: u32, rack: String| {
        request("PRACK", &ours, number, &format!("z9hG4bK-p{number}"), &format!("RAck: {rack}\n"))
    };
    bench.receive(&prack(2, format!("{} 1 INVITE", rseq + 1)));
    assert_eq!(bench.take_lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    bench.receive(&prack(3, format!("{rseq} 1 INVITE")));
    let (heard, progress) = (bench.sent.remove(0).1, bench.take_sent());
    assert!(heard.starts_with("SIP/2.0 200 OK\r\n"));
    assert!(progress.starts_with("SIP/2.0 183 "));
    assert_eq!(header(&progress, "RSeq"), (rseq + 1).to_string());
    bench.receive(&prack(4, format!("{} 1 INVITE", rseq + 1)));
    bench.sent.clear();
    assert_eq!(bench.pass(60_000), [60_000], "a reminder, with a number of its own");
    assert_eq!(header(&bench.take_sent(), "RSeq"), (rseq + 2).to_string());
    bench.respond(dialog, 200);
    assert!(bench.take_sent().starts_with("SIP/2.0 200 OK\r\n"), "without a description nothing is owed");
    bench.receive(&prack(5, format!("{} 1 INVITE", rseq + 2)));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK"], "the PRACK that the 200 has overtaken");
    bench.receive(&request("ACK", &ours, 1, "z9hG4bK-ack", ""));
    assert!(bench.pass(300_000).is_empty());
    assert_eq!(bench.take_events(), ["Acknowledged"]);
}

#[test]
fn rfc3262_3_an_answer_waits_for_the_prack_of_a_description() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&request("INVITE", "", 1, "z9hG4bK-1", "Require: 100rel\n"));
    let (reason, headers) = (None, Vec::new());
    bench.command(Command::Respond { dialog, status: 183, reason, headers, body: Some(description()) });
    let progress = bench.take_sent();
    bench.respond(dialog, 200);
    assert!(bench.sent.is_empty());
    let rack = format!("RAck: {} 1 INVITE\n", header(&progress, "RSeq"));
    bench.receive(&request("PRACK", tag(&progress, "To"), 2, "z9hG4bK-p", &rack));
    assert_eq!(bench.take_lines(), ["SIP/2.0 200 OK", "SIP/2.0 200 OK"]);
}

#[test]
fn rfc3262_3_a_caller_that_never_acknowledges_is_refused() {
    let mut bench = Bench::new();
    let dialog = bench.incoming(&request("INVITE", "", 1, "z9hG4bK-1", "Require: 100rel\n"));
    bench.respond(dialog, 180);
    bench.pass(32_000);
    assert!(bench.sent.pop().unwrap().1.starts_with("SIP/2.0 504 "));
    assert_eq!(bench.take_events(), ["Terminated"]);
    bench.pass(64_000);
    assert_eq!(bench.alive(), (0, 0, 0));
}
