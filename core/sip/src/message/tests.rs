#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use super::*;
use MalformedReason as Reason;

const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.1:5061;branch=z9hG4bK1;rport\r\n\
    Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n\
    Max-Forwards: 70\r\n\
    From: \"Smith, A\" <sip:alice@example.com>;tag=a\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: c@10.0.0.1\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: \"x, y\" <sip:alice,b@10.0.0.1:5061>;expires=60, sip:second@10.0.0.2\r\n\
    k: timer,100rel ,, replaces\r\n\
    X-Thing: one\r\n\
    x-thing: two\r\n";

fn parse(text: &str) -> Result<Message, Malformed> {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
}

fn with(lines: &str) -> Result<Message, Malformed> {
    parse(&format!("{INVITE}{lines}\r\n"))
}

fn refusal(lines: &str) -> Reason {
    with(lines).expect_err(lines).reason
}

#[test]
fn lists_are_split_and_quotes_and_brackets_hold() {
    let message = with("").unwrap();
    assert_eq!(message.headers(Name::Supported).collect::<Vec<_>>(), ["timer", "100rel", "replaces"]);
    let routes: Vec<_> = message.record_routes().map(|route| route.as_str()).collect();
    assert_eq!(routes, ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]);
    let contacts: Vec<_> = message.contacts().map(|contact| (contact.uri, contact.expires())).collect();
    assert_eq!(contacts, [("sip:alice,b@10.0.0.1:5061", Some(60)), ("sip:second@10.0.0.2", None)]);
    assert_eq!(message.from().display_unquoted().as_deref(), Some("Smith, A"));
}

#[test]
fn unknown_headers_are_found_by_their_text() {
    let message = with("").unwrap();
    assert_eq!(message.header_named("X-THING"), Some("one"));
    let extensions: Vec<_> = message.all_headers().filter(|(name, _)| name.starts_with(['x', 'X'])).collect();
    assert_eq!(extensions, [("X-Thing", "one"), ("x-thing", "two")]);
    assert_eq!(message.header_named("call-id"), Some("c@10.0.0.1"));
    assert_eq!(message.header_named("Supported"), Some("timer,100rel ,, replaces"));
}

#[test]
fn values_that_are_no_lists_keep_their_commas() {
    let value = "Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"sip:d\", response=\"e\"";
    let message =
        with(&format!("Authorization: {value}\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\n")).unwrap();
    assert_eq!(message.headers(Name::Authorization).collect::<Vec<_>>(), [value]);
    assert_eq!(message.header(Name::Date), Some("Sat, 13 Nov 2010 23:29:00 GMT"));
}

#[test]
fn every_name_is_found_in_both_forms_and_any_case() {
    for (long, compact) in [("Via", "v"), ("Call-ID", "i"), ("Session-Expires", "x"), ("Refer-To", "r")] {
        let name = Name::parse(long).unwrap();
        assert_eq!(name.as_str(), long);
        assert_eq!(Name::parse(&long.to_uppercase()), Some(name));
        assert_eq!(Name::parse(compact), Some(name));
        assert_eq!(Name::parse(&compact.to_uppercase()), Some(name));
    }
    for text in ["", "Z", "Viaa", "Fram", "X-Custom", "\u{e9}"] {
        assert_eq!(Name::parse(text), None, "{text}");
    }
}

#[test]
fn the_body_is_what_content_length_says() {
    assert_eq!(parse(&format!("{INVITE}\r\nall the rest")).unwrap().body(), b"all the rest");
    let message = parse(&format!("{INVITE}l: 3\r\n\r\nabcdef")).unwrap();
    assert_eq!((message.body(), message.body_bytes().len()), (&b"abc"[..], 3));
    assert!(message.as_bytes().ends_with(b"\r\n\r\nabc"));
    assert_eq!(parse(&format!("{INVITE}l: 3\r\nContent-Length: 03\r\n\r\nabc")).unwrap().body(), b"abc");
    let short = parse(&format!("{INVITE}l: 4\r\n\r\nabc")).unwrap_err();
    assert_eq!(short.reason, Reason::BodyTruncated);
    assert_eq!(refusal("l: 0\r\nContent-Length: 1\r\n"), Reason::ContentLengthConflict);
    for wrong in ["", "-1", "+1", "1a", "1 2", "1,1", "4294967296"] {
        let reason = refusal(&format!("Content-Length: {wrong}\r\n"));
        assert_eq!(reason, Reason::Invalid(Name::ContentLength), "{wrong}");
    }
    let binary = [INVITE.as_bytes(), b"\r\n\xff\x00\xfe"].concat();
    let message = Message::parse(binary.into(), &Limits::default()).unwrap();
    assert_eq!(message.body(), b"\xff\x00\xfe");
}

#[test]
fn line_ends_before_a_message_are_skipped_and_alone_they_are_nothing() {
    assert!(parse(&format!("\r\n\r\n{INVITE}\r\n")).is_ok());
    for text in ["", "\r\n", "\r\n\r\n"] {
        let malformed = parse(text).unwrap_err();
        assert_eq!(malformed.reason, Reason::Empty);
        assert!(malformed.reply.is_none());
    }
}

#[test]
fn folds_are_made_blanks_and_nothing_moves() {
    let message = with("Subject: one\r\n two\r\n\tthree\r\nX-Last: z\r\n").unwrap();
    let words: Vec<_> = message.header(Name::Subject).unwrap().split_whitespace().collect();
    assert_eq!(words, ["one", "two", "three"]);
    assert_eq!(message.header_named("X-Last"), Some("z"));
    assert_eq!(
        message.as_bytes().len(),
        INVITE.len() + "Subject: one\r\n two\r\n\tthree\r\nX-Last: z\r\n\r\n".len()
    );
}

#[test]
fn lines_end_in_cr_lf_and_controls_must_be_escaped() {
    for line in ["X: a\nB: c\r\n", "X: a\rB: c\r\n", "X: a\0b\r\n", "X: \u{1}\r\n", "X: \u{7f}\r\n"] {
        assert_eq!(refusal(line), Reason::ControlCharacter, "{line:?}");
    }
    assert_eq!(refusal("X: \"\\\n\"\r\n"), Reason::ControlCharacter);
    assert!(with("X: \"\\\u{1}\\\0\"\r\n").is_ok());
    assert!(with("X: a\tb\r\n").is_ok());
}

#[test]
fn headers_that_are_no_utf8_are_refused_with_an_answer() {
    let bytes = [INVITE.as_bytes(), b"X: \xff\r\n\r\n"].concat();
    let malformed = Message::parse(bytes.into(), &Limits::default()).unwrap_err();
    assert_eq!(malformed.reason, Reason::NotUtf8);
    let response = malformed.response("192.0.2.9:7000".parse().unwrap(), "t", Some("Ringway")).unwrap();
    let response = Message::parse(response, &Limits::default()).unwrap();
    assert_eq!((response.status(), response.reason()), (Some(400), "Headers are not UTF-8"));
    assert_eq!((response.to_tag(), response.call_id()), (Some("t"), "c@10.0.0.1"));
    assert_eq!(response.top_via().rport(), Some(Some(7000)));
    assert_eq!(response.header(Name::Server), Some("Ringway"));
}

#[test]
fn what_is_mandatory_is_missed_and_what_is_single_is_not_repeated() {
    for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
        let line_of = |line: &&str| !line.starts_with(&format!("{name}:"));
        let text: String = INVITE.split_inclusive("\r\n").filter(line_of).collect();
        assert_eq!(parse(&format!("{text}\r\n")).unwrap_err().reason, Reason::Missing(name));
    }
    let repeats = [
        ("f: <sip:x@y>\r\n", Name::From),
        ("t: <sip:x@y>\r\n", Name::To),
        ("i: other\r\n", Name::CallId),
        ("CSeq: 1 INVITE\r\n", Name::CSeq),
        ("Max-Forwards: 70\r\n", Name::MaxForwards),
        ("c: a/b\r\nContent-Type: a/b\r\n", Name::ContentType),
    ];
    for (line, name) in repeats {
        assert_eq!(refusal(line), Reason::Repeated(name));
    }
}

#[test]
fn broken_headers_are_named() {
    let cases = [
        ("Via: SIP/2.0/UDP\r\n", Name::Via),
        ("Via: SIP/2.0 host\r\n", Name::Via),
        ("Via: SIP/2.0/UDP a b\r\n", Name::Via),
        ("Via: SIP/2.0/UDP a:70000\r\n", Name::Via),
        ("Via: SIP/2.0/UDP [::1\r\n", Name::Via),
        ("Via:\r\n", Name::Via),
        ("Contact: \"a <sip:b@c>\r\n", Name::Contact),
        ("Contact: <sip:b@c\r\n", Name::Contact),
        ("Contact: <sip:b@c>;;x\r\n", Name::Contact),
        ("Contact: <sip:b@c> x\r\n", Name::Contact),
        ("Contact: *\r\n", Name::Contact),
        ("Route: sip:b@c\r\n", Name::Route),
        ("Record-Route: <b@c>\r\n", Name::RecordRoute),
        ("Date: Sat, 13 Nov 2010 23:29:00 EST\r\n", Name::Date),
    ];
    for (line, name) in cases {
        let reason = refusal(line);
        assert!(
            reason == Reason::Invalid(name)
                || (name == Name::Contact && reason == Reason::TooManyValues(name)),
            "{line:?}: {reason:?}"
        );
    }
    for (from, to, reason) in [
        ("CSeq: 1 INVITE", "CSeq: 2147483648 INVITE", Reason::Invalid(Name::CSeq)),
        ("CSeq: 1 INVITE", "CSeq: 1", Reason::Invalid(Name::CSeq)),
        ("CSeq: 1 INVITE", "CSeq: 1 ACK", Reason::MethodMismatch),
        ("Max-Forwards: 70", "Max-Forwards: 256", Reason::Invalid(Name::MaxForwards)),
        ("Call-ID: c@10.0.0.1", "Call-ID: c d", Reason::Invalid(Name::CallId)),
        ("X-Thing: one", "X Thing: one", Reason::HeaderLine),
        ("X-Thing: one", "X-Thing", Reason::HeaderLine),
        ("SIP/2.0\r\n", "SIP/3.0\r\n", Reason::Version),
        ("SIP/2.0\r\n", "HTTP/1.1\r\n", Reason::StartLine),
        ("INVITE sip:", "INV{TE sip:", Reason::StartLine),
    ] {
        let text = format!("{}\r\n", INVITE.replacen(from, to, 1));
        assert_eq!(parse(&text).unwrap_err().reason, reason, "{to}");
    }
}

#[test]
fn only_requests_but_ack_are_told_what_was_wrong() {
    let broken = INVITE.replace("CSeq: 1 INVITE", "CSeq: x");
    assert!(parse(&format!("{broken}\r\n")).unwrap_err().reply.is_some());
    let ack = broken.replacen("INVITE", "ACK", 1);
    assert!(parse(&format!("{ack}\r\n")).unwrap_err().reply.is_none());
    let response = broken.replacen("INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1);
    assert!(parse(&format!("{response}\r\n")).unwrap_err().reply.is_none());
    assert!(parse("GET / HTTP/1.1\r\nVia: x\r\n\r\n").unwrap_err().reply.is_none());
}

#[test]
fn a_wildcard_contact_is_no_address() {
    let text = INVITE.lines().filter(|line| !line.starts_with("Contact")).collect::<Vec<_>>().join("\r\n");
    let message = parse(&format!("{text}\r\nContact: *\r\n\r\n")).unwrap();
    assert!(message.has_contact_wildcard() && message.contact().is_none());
    assert!(parse(&format!("{text}\r\nContact: *\r\nContact: <sip:a@b>\r\n\r\n")).is_err());
}

#[test]
fn hostile_sizes_are_capped_and_cheap() {
    let many_lines = with(&"X: y\r\n".repeat(8000)).unwrap_err().reason;
    assert_eq!(many_lines, Reason::HeadTooLarge);
    assert_eq!(with(&"X: y\r\n".repeat(1000)).unwrap_err().reason, Reason::TooManyHeaders);
    assert_eq!(refusal(&format!("X: {}\r\n", "y".repeat(9000))), Reason::HeaderTooLarge);
    assert_eq!(
        refusal(&format!("Contact: <sip:a@b>{}\r\n", ";x".repeat(65))),
        Reason::Invalid(Name::Contact)
    );
    let vias = format!("Via: {}\r\n", "SIP/2.0/UDP a,".repeat(64));
    assert_eq!(refusal(&vias), Reason::TooManyValues(Name::Via));
    assert_eq!(refusal(&format!("Route: {}\r\n", "<sip:a>,".repeat(65))), Reason::TooManyValues(Name::Route));
    let large = parse(&format!("{INVITE}\r\n{}", "x".repeat(70_000))).unwrap_err();
    assert_eq!((large.reason, large.reason.status()), (Reason::TooLarge, 513));
    let open_quotes = format!("Contact: {}\r\n", "\"\\\"".repeat(2000));
    assert_eq!(refusal(&open_quotes), Reason::Invalid(Name::Contact));
    let folds = format!("X: {}y\r\n", "\r\n ".repeat(9000));
    assert_eq!(refusal(&folds), Reason::HeaderTooLarge);
    assert_eq!(parse(&"x".repeat(60_000)).unwrap_err().reason, Reason::HeadTooLarge);
}

#[test]
fn a_response_repeats_what_it_must_and_adds_where_the_request_came_from() {
    let request = with("Via: SIP/2.0/TCP second.example.com;branch=z9hG4bK2\r\n").unwrap();
    let response = ResponseBuilder::new(&request, 180)
        .to_tag("b")
        .source("203.0.113.5:4040".parse().unwrap())
        .record_route()
        .header(Name::Server, "Ringway")
        .header("X-Call", 7)
        .finish();
    let text = std::str::from_utf8(&response).unwrap();
    assert_eq!(
        text,
        "SIP/2.0 180 Ringing\r\n\
         Via: SIP/2.0/UDP 10.0.0.1:5061;branch=z9hG4bK1;rport=4040;received=203.0.113.5\r\n\
         Via: SIP/2.0/TCP second.example.com;branch=z9hG4bK2\r\n\
         Record-Route: <sip:p1.example.com;lr>\r\n\
         Record-Route: <sip:p2.example.com;lr>\r\n\
         From: \"Smith, A\" <sip:alice@example.com>;tag=a\r\n\
         To: <sip:bob@example.com>;tag=b\r\n\
         Call-ID: c@10.0.0.1\r\n\
         CSeq: 1 INVITE\r\n\
         Server: Ringway\r\n\
         X-Call: 7\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let parsed = parse(text).unwrap();
    assert_eq!(parsed.top_via().received(), "203.0.113.5".parse().ok());
    assert_eq!(parsed.top_via().rport(), Some(Some(4040)));
}

#[test]
fn claims_about_the_source_are_replaced() {
    let text = INVITE.replace(";rport", ";received=1.1.1.1;x=\"q;r\";rport=1");
    let request = parse(&format!("{text}\r\n")).unwrap();
    let source = "[2001:db8::5]:9".parse().unwrap();
    let response = ResponseBuilder::new(&request, 200).source(source).body("text/plain", b"hi").finish();
    let response = Message::parse(response, &Limits::default()).unwrap();
    let expected = "SIP/2.0/UDP 10.0.0.1:5061;branch=z9hG4bK1;x=\"q;r\";rport=9;received=2001:db8::5";
    assert_eq!(response.top_via().as_str(), expected);
    assert_eq!((response.content_type(), response.body()), (Some("text/plain"), &b"hi"[..]));
}

#[test]
fn no_value_can_forge_a_header() {
    let request = with("").unwrap();
    let evil = "x\r\nEvil: 1\0\n\r\n";
    let response = ResponseBuilder::new(&request, 200)
        .reason(evil)
        .to_tag(evil)
        .header("X-A", evil)
        .header("X-A\r\nEvil", "1")
        .header("Content-Length", 5)
        .header("l", 5)
        .body(evil, b"")
        .finish();
    let request = RequestBuilder::new(Method::Other(evil), evil)
        .via(evil, evil, evil)
        .via_value(evil)
        .from(evil)
        .to(evil)
        .call_id(evil)
        .cseq(1)
        .max_forwards(70)
        .route(evil)
        .contact(evil)
        .finish();
    for (bytes, expected) in [(response, 11), (request, 13)] {
        let lines: Vec<_> = std::str::from_utf8(&bytes).unwrap().split("\r\n").collect();
        assert_eq!(lines.len(), expected, "{lines:?}");
        assert!(lines.iter().all(|line| !line.starts_with("Evil") && !line.contains(['\0', '\r', '\n'])));
    }
}

#[test]
fn an_escaped_nul_is_not_sent_back() {
    let text = INVITE.replace("To: ", "To: \"a\\\0b\" ");
    let request = parse(&format!("{text}\r\n")).unwrap();
    let response = ResponseBuilder::new(&request, 404).finish();
    assert!(!response.contains(&0));
    assert!(Message::parse(response, &Limits::default()).is_ok());
}

#[test]
fn a_built_request_is_read_back() {
    let bytes = RequestBuilder::new(Method::Invite, "sip:bob@example.com")
        .via("UDP", "192.0.2.1:5060", "z9hG4bKx")
        .max_forwards(70)
        .from("\"A\" <sip:a@example.com>;tag=1")
        .to("<sip:bob@example.com>")
        .call_id("id")
        .cseq(7)
        .route("<sip:p.example.com;lr>")
        .contact("<sip:a@192.0.2.1>")
        .header(Name::UserAgent, "Ringway")
        .body("application/sdp", b"v=0\r\n")
        .finish();
    let message = Message::parse(bytes, &Limits::default()).unwrap();
    assert_eq!((message.method(), message.cseq().number), (Method::Invite, 7));
    assert!(message.top_via().has_rfc3261_branch() && message.top_via().rport() == Some(None));
    assert_eq!(message.routes().next().unwrap().uri, "sip:p.example.com;lr");
    assert_eq!((message.max_forwards(), message.body()), (Some(70), &b"v=0\r\n"[..]));
}

#[test]
fn debug_output_shows_no_people() {
    assert_eq!(format!("{:?}", with("").unwrap()), "Message(1 INVITE)");
}

#[test]
fn durations_of_a_contact_are_forgiving() {
    let expires = |text| NameAddr::parse(text).unwrap().expires().map(|s| Duration::from_secs(s.into()));
    assert_eq!(expires("<sip:a@b>;expires=60"), Some(Duration::from_secs(60)));
    assert_eq!(expires("<sip:a@b>;expires=x"), Some(Duration::from_secs(3600)));
    assert_eq!(expires("<sip:a@b>;expires=99999999999"), Some(Duration::from_secs(u32::MAX.into())));
    assert_eq!(expires("<sip:a@b>"), None);
}
