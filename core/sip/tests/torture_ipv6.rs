//! The torture messages of RFC 5118, whose texts lie beside this file: IPv6 wherever an address may stand.

use std::path::Path;

use bytes::Bytes;
use ringway_model::uri::UriRef;
use ringway_sip::message::{Limits, Message, Name};

/// What RFC 5118 wants of a message.
#[derive(Clone, Copy)]
enum Wanted {
    /// It is sound, and this is found in it.
    Accepted(fn(&Message)),
    /// It is not.
    Refused,
}
use Wanted::{Accepted, Refused};

/// A message, its section, and what is wanted.
const CASES: &[(&str, &str, Wanted)] = &[
    ("ipv6-good", "4.1", Accepted(good)),
    ("ipv6-bad", "4.2", Refused),
    ("port-ambiguous", "4.3", Accepted(port_ambiguous)),
    ("port-unambiguous", "4.4", Accepted(port_unambiguous)),
    ("via-received-param-with-delim", "4.5", Accepted(received_with_brackets)),
    ("via-received-param-no-delim", "4.5", Accepted(received)),
    ("ipv6-in-sdp", "4.6", Accepted(in_description)),
    ("mult-ip-in-header", "4.7", Accepted(many_in_headers)),
    ("mult-ip-in-sdp", "4.8", Accepted(many_in_description)),
    ("ipv4-mapped-ipv6", "4.9", Accepted(mapped)),
    ("ipv6-bug-abnf-3-colons", "4.10", Accepted(three_colons)),
    ("ipv6-correct-abnf-2-colons", "4.10", Accepted(two_colons)),
];

/// Where the parser goes another way than the RFC would like, and why.
const DEVIATIONS: &[(&str, &str)] = &[(
    "ipv6-bug-abnf-3-colons",
    "three colons are no address in any grammar since RFC 4291; whoever sends them learns it by a 400",
)];

#[test]
fn every_message_is_as_the_rfc_wants_it_or_a_listed_deviation() {
    for (name, section, wanted) in CASES {
        let parsed = parse(name);
        let deviates = DEVIATIONS.iter().any(|(listed, _)| listed == name);
        let as_wanted = match (wanted, &parsed) {
            (Accepted(check), Ok(message)) => {
                check(message);
                true
            }
            (Refused, Err(status)) => *status == Some(400),
            _ => false,
        };
        assert_eq!(
            as_wanted, !deviates,
            "{name} (RFC 5118 {section}): {parsed:?}, and the list says {deviates}"
        );
    }
}

#[test]
fn every_deviation_and_every_file_has_its_case() {
    let known = |name: &str| CASES.iter().any(|(case, ..)| *case == name);
    assert!(DEVIATIONS.iter().all(|(name, reason)| known(name) && !reason.is_empty()));
    for entry in folder().read_dir().expect("a folder") {
        let file = entry.expect("a file").file_name().into_string().expect("UTF-8");
        assert!(known(file.trim_end_matches(".sip")), "{file} has no expectation");
    }
}

/// The message, or the status of its refusal.
fn parse(name: &str) -> Result<Message, Option<u16>> {
    #[allow(clippy::disallowed_methods)] // a test may read its corpus
    let text = std::fs::read_to_string(folder().join(format!("{name}.sip"))).expect("readable");
    let bytes = Bytes::from(text.replace('\n', "\r\n"));
    Message::parse(bytes, &Limits::default()).map_err(|malformed| {
        let source = "[2001:db8::9:1]:5060".parse().expect("an address");
        malformed.response(source, "tag", None).map(|_| malformed.reason.status())
    })
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rfc5118"))
}

fn host(message: &Message) -> (&str, Option<u16>) {
    let uri = UriRef::parse(message.uri()).expect("a URI");
    (uri.host, uri.port)
}

fn good(message: &Message) {
    assert_eq!(host(message), ("[2001:db8::10]", None));
    assert_eq!((message.top_via().host, message.top_via().port), ("[2001:db8::9:1]", None));
    assert_eq!(message.contact().expect("a Contact").uri, "sip:caller@[2001:db8::1]");
}

fn port_ambiguous(message: &Message) {
    assert_eq!(host(message), ("[2001:db8::10:5070]", None), "5070 is a part of the address");
}

fn port_unambiguous(message: &Message) {
    assert_eq!(host(message), ("[2001:db8::10]", Some(5070)));
}

fn received_with_brackets(message: &Message) {
    assert_eq!(message.top_via().branch(), Some("z9hG4bKas3-111"), "what follows the odd parameter is found");
}

fn received(message: &Message) {
    assert_eq!(message.top_via().branch(), Some("z9hG4bKas3"));
}

fn in_description(message: &Message) {
    assert!(
        message.body().starts_with(b"v=0\r\n")
            && message.body().ends_with(b"a=rtpmap:107 H263-1998/90000\r\n")
    );
}

fn many_in_headers(message: &Message) {
    let vias: Vec<_> = message.vias().map(|via| (via.transport, via.host, via.port)).collect();
    let expected = [
        ("UDP", "[2001:db8::9:1]", Some(6050)),
        ("UDP", "192.0.2.1", None),
        ("TCP", "[2001:db8::9:255]", None),
    ];
    assert_eq!(vias, expected);
}

fn many_in_description(message: &Message) {
    assert!(
        message.body().starts_with(b"v=0\r\n")
            && message.body().ends_with(b"a=rtpmap:107 H263-1998/90000\r\n")
    );
}

fn mapped(message: &Message) {
    assert_eq!(message.top_via().host, "[::ffff:192.0.2.10]");
    let contact = message.contact().and_then(|contact| contact.uri_ref().ok()).expect("a Contact");
    assert_eq!(contact.host_ip(), "::ffff:192.0.2.2".parse().ok());
    assert!(
        message.body().starts_with(b"v=0\r\n")
            && message.body().ends_with(b"a=rtpmap:107 H263-1998/90000\r\n")
    );
}

fn three_colons(message: &Message) {
    assert_eq!(message.header(Name::To), Some("sip:user@[2001:db8:::192.0.2.1]"));
}

fn two_colons(message: &Message) {
    let uri = UriRef::parse(message.uri()).expect("a URI");
    assert_eq!(uri.host_ip(), "2001:db8::192.0.2.1".parse().ok());
}
