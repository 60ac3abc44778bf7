//! The torture messages of RFC 4475, byte for byte: what the parser accepts, with the values it must find, and
//! what it refuses, with the reason and the status. Where RFC 4475 leaves the choice, the parser is strict.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ringway_sip::message::MalformedReason::*;
use ringway_sip::message::{Limits, Malformed, MalformedReason, Message, Method, Name};

enum Expected {
    /// Parsed, and these values found.
    Accepted(fn(&Message)),
    /// Refused for this reason, and answered with this status, or not at all.
    Refused(MalformedReason, Option<u16>),
}
use Expected::{Accepted, Refused};

struct Case {
    name: &'static str,
    section: &'static str,
    expected: Expected,
}

const fn case(name: &'static str, section: &'static str, expected: Expected) -> Case {
    Case { name, section, expected }
}

const CASES: &[Case] = &[
    case("valid/wsinv", "3.1.1.1", Accepted(wsinv)),
    case("valid/intmeth", "3.1.1.2", Accepted(intmeth)),
    case("valid/esc01", "3.1.1.3", Accepted(esc01)),
    case("valid/escnull", "3.1.1.4", Accepted(escnull)),
    case("valid/esc02", "3.1.1.5", Accepted(esc02)),
    case("valid/lwsdisp", "3.1.1.6", Accepted(lwsdisp)),
    case("valid/longreq", "3.1.1.7", Accepted(longreq)),
    case("valid/dblreq", "3.1.1.8", Accepted(dblreq)),
    case("valid/semiuri", "3.1.1.9", Accepted(semiuri)),
    case("valid/transports", "3.1.1.10", Accepted(transports)),
    case("valid/mpart01", "3.1.1.11", Accepted(mpart01)),
    case("valid/unreason", "3.1.1.12", Accepted(unreason)),
    case("valid/noreason", "3.1.1.13", Accepted(noreason)),
    case("invalid/badinv01", "3.1.2.1", Refused(Invalid(Name::Via), None)),
    case("invalid/clerr", "3.1.2.2", Refused(BodyTruncated, Some(400))),
    case("invalid/ncl", "3.1.2.3", Refused(Invalid(Name::ContentLength), Some(400))),
    case("invalid/scalar02", "3.1.2.4", Refused(Invalid(Name::CSeq), Some(400))),
    case("invalid/scalarlg", "3.1.2.5", Refused(Invalid(Name::CSeq), None)),
    case("invalid/quotbal", "3.1.2.6", Refused(Invalid(Name::To), Some(400))),
    case("invalid/ltgtruri", "3.1.2.7", Refused(RequestUri, Some(400))),
    case("invalid/lwsruri", "3.1.2.8", Refused(StartLine, Some(400))),
    case("invalid/lwsstart", "3.1.2.9", Refused(StartLine, Some(400))),
    case("invalid/trws", "3.1.2.10", Refused(StartLine, Some(400))),
    case("invalid/escruri", "3.1.2.11", Refused(RequestUri, Some(400))),
    case("invalid/baddate", "3.1.2.12", Refused(Invalid(Name::Date), Some(400))),
    case("invalid/regbadct", "3.1.2.13", Refused(Invalid(Name::Contact), Some(400))),
    case("invalid/badaspec", "3.1.2.14", Refused(Invalid(Name::To), Some(400))),
    // This file lacks its blank line, which is found first; the display name has a test below.
    case("invalid/baddn", "3.1.2.15", Refused(NoBlankLine, Some(400))),
    case("invalid/badvers", "3.1.2.16", Refused(Version, Some(505))),
    case("invalid/mismatch01", "3.1.2.17", Refused(MethodMismatch, Some(400))),
    case("invalid/mismatch02", "3.1.2.18", Refused(MethodMismatch, Some(400))),
    case("invalid/bigcode", "3.1.2.19", Refused(StatusCode, None)),
    case("semantic/badbranch", "3.2.1", Accepted(badbranch)),
    case("semantic/insuf", "3.3.1", Refused(Missing(Name::From), Some(400))),
    case("semantic/unkscm", "3.3.2", Accepted(unkscm)),
    case("semantic/novelsc", "3.3.3", Accepted(novelsc)),
    case("semantic/unksm2", "3.3.4", Accepted(unksm2)),
    case("semantic/bext01", "3.3.5", Accepted(bext01)),
    case("semantic/invut", "3.3.6", Accepted(invut)),
    case("semantic/regaut01", "3.3.7", Accepted(regaut01)),
    case("semantic/multi01", "3.3.8", Refused(Repeated(Name::CSeq), Some(400))),
    case("semantic/mcl01", "3.3.9", Refused(ContentLengthConflict, Some(400))),
    case("semantic/bcast", "3.3.10", Accepted(bcast)),
    case("semantic/zeromf", "3.3.11", Accepted(zeromf)),
    case("semantic/cparam01", "3.3.12", Accepted(cparam01)),
    case("semantic/cparam02", "3.3.13", Accepted(cparam02)),
    case("semantic/regescrt", "3.3.14", Accepted(regescrt)),
    case("semantic/sdp01", "3.3.15", Accepted(sdp01)),
    case("semantic/inv2543", "3.4.1", Accepted(inv2543)),
];

#[test]
fn every_torture_message_has_its_outcome() {
    let Some(root) = torture() else { return };
    for Case { name, section, expected } in CASES {
        let outcome = parse(&root, name);
        match (expected, outcome) {
            (Accepted(check), Ok(message)) => check(&message),
            (Refused(reason, status), Err(malformed)) => assert_refused(&malformed, *reason, *status),
            (Accepted(_), Err(malformed)) => {
                panic!("{name} (RFC 4475 {section}) was refused: {}", malformed.reason)
            }
            (Refused(..), Ok(_)) => panic!("{name} (RFC 4475 {section}) was accepted"),
        }
    }
}

#[test]
fn every_file_is_in_the_table() {
    let Some(root) = torture() else { return };
    for folder in ["valid", "invalid", "semantic"] {
        for entry in root.join(folder).read_dir().expect("readable") {
            let file = entry.expect("readable").file_name().into_string().expect("UTF-8");
            let name = format!("{folder}/{}", file.trim_end_matches(".dat"));
            assert!(CASES.iter().any(|case| case.name == name), "{name} has no expectation");
        }
    }
}

#[test]
fn an_unquoted_display_name_with_a_comma_is_refused() {
    let Some(root) = torture() else { return };
    let mut bytes = read(&root, "invalid/baddn");
    bytes.extend_from_slice(b"\r\n");
    let malformed = Message::parse(bytes.into(), &Limits::default()).expect_err("RFC 4475 3.1.2.15");
    assert_refused(&malformed, Invalid(Name::From), Some(400));
}

fn assert_refused(malformed: &Malformed, reason: MalformedReason, status: Option<u16>) {
    assert_eq!(malformed.reason, reason);
    let source: SocketAddr = "198.51.100.7:5071".parse().expect("address");
    let Some(response) = malformed.response(source, "a-tag", None) else {
        assert_eq!(status, None, "an answer was expected");
        return;
    };
    let text = String::from_utf8_lossy(&response);
    let status = status.unwrap_or_else(|| panic!("no answer was expected, but:\n{text}"));
    assert!(text.starts_with(&format!("SIP/2.0 {status} {reason}\r\nVia: SIP/")), "{text}");
    assert!(text.contains("received=198.51.100.7\r\n"), "{text}");
    assert!(text.ends_with("Content-Length: 0\r\n\r\n"), "{text}");
}

fn parse(root: &Path, name: &str) -> Result<Message, Malformed> {
    Message::parse(Bytes::from(read(root, name)), &Limits::default())
}

fn read(root: &Path, name: &str) -> Vec<u8> {
    #[allow(clippy::disallowed_methods)] // a test may read its corpus
    std::fs::read(root.join(format!("{name}.dat"))).expect("readable")
}

/// The corpus lies beside the working copy and is not part of it.
fn torture() -> Option<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/torture"));
    if root.is_dir() {
        return Some(root.to_owned());
    }
    #[allow(clippy::disallowed_methods)] // how the run is told that a skipped test is a failure
    let required = std::env::var("RINGWAY_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "{} is missing", root.display());
    #[allow(clippy::print_stdout)] // a skipped test says so
    {
        println!("skipped: {} is missing", root.display());
    }
    None
}

const BODY_150_END: &[u8] = b"a=rtpmap:31 LPC\r\n";

fn wsinv(message: &Message) {
    assert_eq!(message.method(), Method::Invite);
    assert_eq!(message.uri(), "sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!(message.to().uri, "sip:vivekg@chair-dnrc.example.com");
    assert_eq!(message.to_tag(), Some("1918181833n"));
    assert_eq!(message.from().display, Some(r#""J Rosenberg \\\"""#));
    assert_eq!(message.from().display_unquoted().as_deref(), Some(r#"J Rosenberg \""#));
    assert_eq!(message.from_tag(), Some("98asjd8"));
    assert_eq!(message.max_forwards(), Some(68));
    assert_eq!(message.call_id(), "wsinv.ndaksdj@192.0.2.1");
    assert_eq!(message.cseq().number, 9);
    assert_eq!(message.header(Name::Subject), Some(""));
    assert_eq!(
        message.header_named("newfangledheader").map(|value| value.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["newfangled", "value", "continued", "newfangled", "value"])
    );
    assert_eq!(message.header_named("UnknownHeaderWithUnusualValue"), Some(";;,,;;,;"));
    let route = message.routes().next().expect("a route");
    assert_eq!(route.uri, "sip:services.example.com;lr;unknownwith=value;unknown-no-value");
    assert_eq!(route.uri_ref().expect("a URI").param("lr"), Some(None));
    let vias: Vec<_> = message.vias().map(|via| (via.transport, via.host, via.branch())).collect();
    assert_eq!(
        vias,
        [
            ("UDP", "192.0.2.2", Some("390skdjuw")),
            ("TCP", "spindle.example.com", Some("z9hG4bK9ikj8")),
            ("UDP", "192.168.255.111", Some("z9hG4bK30239")),
        ]
    );
    assert!(!message.top_via().has_rfc3261_branch());
    let contact = message.contact().expect("a contact");
    assert_eq!(contact.display_unquoted().as_deref(), Some(r#"Quoted string """#));
    assert_eq!(contact.param("newparam"), Some(Some("newvalue")));
    assert_eq!(contact.param("secondparam"), Some(None));
    assert_eq!(contact.param("q"), Some(Some("0.33")));
    assert_eq!(message.body().len(), 150);
    assert!(message.body().ends_with(BODY_150_END));
}

fn intmeth(message: &Message) {
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(message.method(), Method::Other(method));
    assert_eq!(message.cseq().method, Method::Other(method));
    assert_eq!(message.cseq().number, 139_122_385);
    let to = message.to();
    assert_eq!(to.display_unquoted().as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    assert_eq!(to.uri_ref().expect("a URI").user, Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(message.from().display, Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(message.from().param("fromParam''~+*_!.-%"), Some(Some("\"работающий\"")));
    assert_eq!(message.from_tag(), Some("_token~1'+`*%!-."));
    assert_eq!(message.call_id(), r#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#);
    assert_eq!(message.max_forwards(), Some(255));
    assert_eq!(message.header_named("extensionHeader-!.%*+_`'~"), Some("\u{feff}大停電"));
}

fn esc01(message: &Message) {
    let uri = ringway_model::uri::UriRef::parse(message.uri()).expect("a URI");
    assert_eq!(uri.user_decoded().as_deref(), Some("sips:user@example.com"));
    assert_eq!(uri.host, "example.net");
    let to = message.to().uri_ref().expect("a URI");
    let plain = ringway_model::uri::UriRef::parse("sip:user@example.com").expect("a URI");
    assert!(to.equivalent(&plain));
    let from = message.from().uri_ref().expect("a URI");
    assert_eq!(from.user_decoded().as_deref(), Some("I have spaces"));
    let contact = message.contact().expect("a contact");
    let uri = contact.uri_ref().expect("a URI");
    assert_eq!(uri.param("lr"), Some(None));
    assert_eq!(uri.param("name"), Some(Some("v%61lue%25%34%31")));
}

fn escnull(message: &Message) {
    let user = message.to().uri_ref().expect("a URI").user_decoded().map(|user| user.into_owned());
    assert_eq!(user.as_deref(), Some("null-\0-null"));
    let users: Vec<_> = message.contacts().map(|contact| contact.uri).collect();
    assert_eq!(users, ["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"]);
}

fn esc02(message: &Message) {
    assert_eq!(message.method(), Method::Other("RE%47IST%45R"), "escapes mean nothing in a method");
    assert_eq!(message.to().display, Some("\"%Z%45\""));
    assert_eq!(message.contacts().count(), 2, "C%6Fntact is another header");
    assert_eq!(message.header_named("C%6Fntact"), Some("<sip:alias2@host2.example.com>"));
    assert_eq!(message.top_via().branch(), Some("z9hG4bK209%fzsnel234"));
}

fn lwsdisp(message: &Message) {
    assert_eq!(message.from().display, Some("caller"));
    assert_eq!(message.from().uri, "sip:caller@example.com");
    assert_eq!(message.from_tag(), Some("323"));
}

fn longreq(message: &Message) {
    assert_eq!(message.vias().count(), 34);
    assert_eq!(message.top_via().host, "sip33.example.com");
    assert!(message.to().display.is_some_and(|display| display.ends_with("extreme proportion\"")));
    assert_eq!(message.to().uri_ref().expect("a URI").port, Some(6000));
    assert!(message.call_id().len() > 100);
    assert_eq!(message.body().len(), 150);
}

fn dblreq(message: &Message) {
    assert_eq!(message.method(), Method::Register);
    assert_eq!(message.body(), b"", "what follows is not part of it");
    assert!(message.as_bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
}

fn semiuri(message: &Message) {
    let uri = ringway_model::uri::UriRef::parse(message.uri()).expect("a URI");
    assert_eq!(uri.user_decoded().as_deref(), Some("user;par=u@example.net"));
    assert_eq!(uri.host, "example.com");
    assert_eq!(uri.params().count(), 0);
    assert_eq!(message.headers(Name::Accept).count(), 6);
}

fn transports(message: &Message) {
    let transports: Vec<_> = message.vias().map(|via| via.transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

fn mpart01(message: &Message) {
    assert_eq!(message.method(), Method::Message);
    assert_eq!(message.content_type(), Some("multipart/mixed;boundary=7a9cbec02ceef655"));
    assert_eq!(message.body().len(), 553, "bytes that are no UTF-8 among them");
    assert_eq!(message.top_via().rport(), Some(None));
    assert_eq!(message.top_via().port, Some(5070));
}

fn unreason(message: &Message) {
    assert_eq!(message.status(), Some(200));
    assert_eq!(message.reason(), "= 2**3 * 5**2 но сто девяносто девять - простое");
    assert_eq!(message.body().len(), 154);
}

fn noreason(message: &Message) {
    assert_eq!((message.status(), message.reason()), (Some(100), ""));
    assert_eq!(message.cseq().method, Method::Invite);
}

fn badbranch(message: &Message) {
    assert_eq!(message.top_via().branch(), Some("z9hG4bK"));
    assert!(!message.top_via().has_rfc3261_branch());
}

fn unkscm(message: &Message) {
    assert_eq!(message.uri(), "nobodyKnowsThisScheme:totallyopaquecontent");
}

fn novelsc(message: &Message) {
    assert_eq!(message.uri(), "soap.beep://192.0.2.103:3002");
}

fn unksm2(message: &Message) {
    assert_eq!(message.to().uri, "isbn:2983792873");
    assert_eq!(message.from().uri, "http://www.example.com");
    assert_eq!(message.contact().map(|contact| contact.uri), Some("name:John_Smith"));
}

fn bext01(message: &Message) {
    let required: Vec<_> = message.headers(Name::Require).collect();
    assert_eq!(required, ["nothingSupportsThis", "nothingSupportsThisEither"]);
    assert_eq!(message.headers(Name::ProxyRequire).count(), 2);
}

fn invut(message: &Message) {
    assert_eq!(message.content_type(), Some("application/unknownformat"));
    assert_eq!(message.body().len(), 40);
}

fn regaut01(message: &Message) {
    let value = message.header(Name::Authorization).expect("credentials");
    assert_eq!(
        ringway_sip::digest::Authorization::parse(value),
        Err(ringway_sip::digest::InvalidAuthorization::Scheme)
    );
}

fn bcast(message: &Message) {
    let hosts: Vec<_> = message.vias().map(|via| via.host).collect();
    assert_eq!(hosts, ["192.0.2.198", "255.255.255.255"]);
}

fn zeromf(message: &Message) {
    assert_eq!(message.max_forwards(), Some(0));
}

fn cparam01(message: &Message) {
    let contact = message.contact().expect("a contact");
    assert_eq!(contact.uri, "sip:+19725552222@gw1.example.net");
    assert_eq!(contact.param("unknownparam"), Some(None));
}

fn cparam02(message: &Message) {
    let contact = message.contact().expect("a contact");
    assert_eq!(contact.uri, "sip:+19725552222@gw1.example.net;unknownparam");
    assert_eq!(contact.params().count(), 0);
}

fn regescrt(message: &Message) {
    let contact = message.contact().expect("a contact");
    let uri = contact.uri_ref().expect("a URI");
    assert_eq!(uri.header("route"), Some("%3Csip:sip.example.com%3E"));
    assert_eq!(uri.without_headers(), "sip:user@example.com");
}

fn sdp01(message: &Message) {
    assert_eq!(message.header(Name::Accept), Some("text/nobodyKnowsThis"));
    assert_eq!(message.body().len(), 150);
}

fn inv2543(message: &Message) {
    assert_eq!(message.from_tag(), None);
    assert_eq!(message.top_via().branch(), None);
    assert_eq!(message.max_forwards(), None);
    assert_eq!(message.record_routes().count(), 1);
    assert!(message.body().ends_with(b"m=audio 49217 RTP/AVP 0\r\n"), "no Content-Length: the rest");
    assert_eq!(message.to().param("user"), Some(Some("phone")));
}
