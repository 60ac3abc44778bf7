//! Calls out whose first place does not serve: the next one, the other transport (RFC 3261 18.1.1, RFC 3263 4.3).
#![allow(unreachable_pub, dead_code)] // the bench is shared by test binaries that each use a part of it

mod scripted;

use ringway_sip::endpoint::{Command, DialogId, Input, NewInvite, Target, Transport};
use scripted::{Bench, REMOTE, description, header};

const SECOND: &str = "192.0.2.2:5060";

fn place(remote: &str) -> Target {
    let remote = remote.parse().unwrap();
    Target { transport: Transport::Udp, remote, local: None, flow: None, name: None }
}

/// Calls at two places; gives the INVITE to the first.
fn calling(bench: &mut Bench, headers: Vec<(String, String)>) -> (DialogId, String) {
    let dialog = DialogId::chosen(0, 1);
    let (uri, alice) = ("sip:bob@example.com", "<sip:alice@example.com>");
    bench.command(Command::Invite(Box::new(NewInvite {
        alternatives: vec![place(SECOND)],
        headers,
        body: Some(description()),
        ..NewInvite::new(dialog, place(REMOTE), uri, alice, format!("<{uri}>"))
    })));
    (dialog, bench.take_sent())
}

fn answer(request: &str, status: &str) -> String {
    format!(
        "SIP/2.0 {status}\nVia: {}\nFrom: {}\nTo: {};tag=b1\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:bob@192.0.2.1>\nContent-Length: 0\n\n",
        header(request, "Via"),
        header(request, "From"),
        header(request, "To"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
    )
}

/// The one message that went to `remote`.
fn sent_to(bench: &mut Bench, remote: &str) -> String {
    let position = bench.sent.iter().position(|(target, _)| target.remote == remote.parse().unwrap());
    bench.sent.remove(position.unwrap_or_else(|| panic!("{:#?}", bench.sent))).1
}

fn without_branch(request: &str) -> String {
    request.replace(header(request, "Via"), "")
}

#[test]
fn rfc3263_4_3_a_place_that_cannot_be_reached_is_followed_by_the_next_with_a_new_branch() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    bench.input(Input::SendFailed { target: place(REMOTE) });
    let second = sent_to(&mut bench, SECOND);
    assert_ne!(header(&first, "Via"), header(&second, "Via"));
    assert_eq!(without_branch(&first), without_branch(&second));
    assert!(bench.take_events().is_empty());
    bench.input(Input::SendFailed { target: place(SECOND) });
    assert_eq!(bench.take_events(), ["Rejected", "Terminated"]);
    assert_eq!(bench.alive(), (0, 0, 0));
}

#[test]
fn rfc3263_4_3_a_503_is_acknowledged_and_followed_by_the_next_place() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    bench.receive(&answer(&first, "503 Service Unavailable"));
    assert!(sent_to(&mut bench, REMOTE).starts_with("ACK "));
    let second = sent_to(&mut bench, SECOND);
    assert!(second.starts_with("INVITE "));
    bench.receive(&answer(&second, "486 Busy Here"));
    assert_eq!(bench.take_events(), ["Rejected", "Terminated"]);
}

#[test]
fn other_refusals_are_final() {
    for status in ["404 Not Found", "500 Server Error", "603 Decline"] {
        let mut bench = Bench::new();
        let (_, first) = calling(&mut bench, Vec::new());
        bench.receive(&answer(&first, status));
        assert_eq!(bench.take_events(), ["Rejected", "Terminated"], "{status}");
    }
}

#[test]
fn a_silent_place_is_left_after_four_seconds_and_told_to_stop_if_it_rings_after_all() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    bench.pass(3_999);
    assert!(bench.sent.iter().all(|(target, _)| target.remote == REMOTE.parse().unwrap()));
    bench.sent.clear();
    bench.pass(1);
    let second = sent_to(&mut bench, SECOND);
    bench.receive(&answer(&second, "180 Ringing"));
    assert_eq!(bench.take_events(), ["Provisional"]);
    bench.receive(&answer(&first, "180 Ringing"));
    assert!(sent_to(&mut bench, REMOTE).starts_with("CANCEL "));
    bench.receive(&answer(&first, "200 OK"));
    assert!(bench.take_lines().iter().any(|line| line.starts_with("BYE ")), "the late answer is ended");
    bench.receive(&answer(&second, "200 OK"));
    assert_eq!(bench.take_events(), ["Answered"]);
}

#[test]
fn a_place_that_has_answered_once_is_waited_for() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    bench.receive(&answer(&first, "100 Trying"));
    bench.pass(60_000);
    assert!(bench.sent.is_empty() && bench.events.is_empty());
}

#[test]
fn a_call_that_was_given_up_is_not_tried_elsewhere() {
    let mut bench = Bench::new();
    let (dialog, _) = calling(&mut bench, Vec::new());
    bench.hang_up(dialog);
    bench.input(Input::SendFailed { target: place(REMOTE) });
    assert!(bench.sent.is_empty());
    assert_eq!(bench.take_events(), ["Rejected", "Terminated"]);
}

/// What a router sends back of a request: its beginning.
fn returned(remote: &str, quoted: &str) -> Input {
    let datagram = quoted.as_bytes().get(..quoted.len().min(400)).unwrap().to_vec().into();
    Input::Returned { remote: remote.parse().unwrap(), datagram }
}

#[test]
fn rfc3261_18_4_a_request_that_the_network_returned_goes_to_the_next_place_at_once() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    bench.input(returned(REMOTE, &first));
    let second = sent_to(&mut bench, SECOND);
    assert!(second.starts_with("INVITE "));
    bench.input(returned(SECOND, &second));
    assert_eq!(bench.take_events(), ["Rejected", "Terminated"]);
}

#[test]
fn a_made_up_report_ends_nothing() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    let branch = header(&first, "Via").split("branch=").nth(1).unwrap().split(';').next().unwrap();
    let other_branch = first.replace(branch, "z9hG4bK000123456789abcdef");
    for (remote, quoted) in [
        (REMOTE, other_branch.as_str()),
        (SECOND, &first),
        (REMOTE, &first.replace("INVITE", "OPTIONS")),
        (REMOTE, first.get(..40).unwrap()),
        (REMOTE, ""),
    ] {
        bench.input(returned(remote, quoted));
    }
    assert!(bench.sent.is_empty() && bench.events.is_empty());
}

#[test]
fn rfc3261_18_1_1_a_large_request_goes_over_tcp_and_falls_back_to_udp() {
    let mut bench = Bench::new();
    let large = vec![("X-Large".to_owned(), "x".repeat(1300))];
    let (_, by_tcp) = calling(&mut bench, large);
    assert!(header(&by_tcp, "Via").starts_with("SIP/2.0/TCP 198.51.100.1:5060;branch=z9hG4bK"));
    let refused = Target { transport: Transport::Tcp, ..place(REMOTE) };
    bench.input(Input::SendFailed { target: refused });
    let (target, by_udp) = bench.sent.remove(0);
    assert_eq!(target, place(REMOTE));
    assert_eq!(by_tcp.replace("SIP/2.0/TCP", "SIP/2.0/UDP"), by_udp);
    assert!(!bench.pass(600).is_empty(), "over UDP it is repeated");
}

#[test]
fn rfc3261_18_1_1_where_packets_come_from_by_udp_large_requests_go_by_udp() {
    let mut bench = Bench::new();
    let local = Some(scripted::LOCAL.parse().unwrap());
    let (dialog, target) = (DialogId::chosen(0, 1), Target { local, ..place(REMOTE) });
    let (uri, alice) = ("sip:bob@192.0.2.1", "<sip:alice@example.com>");
    bench.command(Command::Invite(Box::new(NewInvite {
        headers: vec![("X-Large".to_owned(), "x".repeat(1300))],
        ..NewInvite::new(dialog, target, uri, alice, format!("<{uri}>"))
    })));
    assert!(header(&bench.take_sent(), "Via").starts_with("SIP/2.0/UDP "));
}

#[test]
fn a_place_that_was_left_and_rings_is_cancelled_once_and_not_awaited_for_ever() {
    let mut bench = Bench::new();
    let (_, first) = calling(&mut bench, Vec::new());
    bench.pass(4000);
    let second = sent_to(&mut bench, SECOND);
    bench.sent.clear();
    bench.receive(&answer(&second, "486 Busy Here"));
    bench.sent.clear();
    for lines in [&["CANCEL sip:bob@example.com SIP/2.0"][..], &[]] {
        bench.receive(&answer(&first, "180 Ringing"));
        assert_eq!(bench.take_lines(), lines);
    }
    bench.pass(70_000);
    assert_eq!(bench.alive(), (0, 0, 0));
}
