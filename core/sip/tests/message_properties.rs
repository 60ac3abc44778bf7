//! What must hold for every input: no message panics, whatever was done to it; what is parsed and printed again
//! says the same; hostile messages cost time in proportion to their length.

use bytes::Bytes;
use proptest::prelude::*;
use ringway_sip::digest::{Authorization, Challenge};
use ringway_sip::framing::StreamFramer;
use ringway_sip::message::{Limits, Message, Name, NameAddr, RequestBuilder, ResponseBuilder, Via};

const SEEDS: &[&str] = &[
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n\
     TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
     from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n\
     MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 4\r\n\
     cseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n\
     Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n\
     v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n\
      SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
     m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ; q = 0.33\r\n\r\nbody",
    "REGISTER sip:[2001:db8::10] SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];\
     branch=z9hG4bKas3-111\r\nTo: sip:user@example.com\r\nFrom: sip:user@example.com;tag=81x2\r\n\
     Call-ID: SSG95523997077@hlau_4100\r\nMax-Forwards: 70\r\nExpires: 60\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
     Contact: \"Caller\" <sip:caller@[2001:db8::1]:5070;ob>;+sip.instance=\"<urn:uuid:0>\";expires=60, *\r\n\
     CSeq: 98176 REGISTER\r\nContent-Length: 0\r\n\r\n",
    "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport\r\nTo: <sip:a@b>\r\n\
     From: <sip:a@b>;tag=1\r\nCall-ID: 1\r\nCSeq: 2 REGISTER\r\nContact: <sip:a@10.0.0.1>\r\n\
     Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"sip:b\", response=\"d\", qop=auth, \
     nc=00000001, cnonce=\"x\"\r\nl: 0\r\n\r\n",
    "SIP/2.0 183 = 2**3 * 5**2 \u{43d}\u{43e}\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\r\n\
     Call-ID: u\r\nCSeq: 35 INVITE\r\nFrom: sip:user@example.com;tag=11\r\nTo: sip:u@example.edu;tag=2\r\n\
     Record-Route: <sip:p1;lr>,<sip:p2;lr>\r\nContact: <sip:user@host198.example.com>\r\n\r\nv=0\r\n",
];

#[derive(Debug, Clone)]
enum Mutation {
    Set(usize, u8),
    Insert(usize, String),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let pieces = "\r\n|\r\n |\r\n\r\n|,|;|\"|\\|<|>|:|@|=|%|[|]|\0|\u{1}|\t| |é|;tag=|sip:|Via: |l: 9\r\n";
    let piece = prop::sample::select(pieces.split('|').map(str::to_owned).collect::<Vec<_>>());
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Mutation::Repeat(at, length)),
    ]
}

fn mutated(seed: &str, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for mutation in mutations {
        let place = |at: &usize| at % (bytes.len() + 1);
        match mutation {
            Mutation::Set(at, byte) => {
                let at = place(at);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Mutation::Insert(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece.bytes());
            }
            Mutation::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Mutation::Repeat(at, length) => {
                let at = place(at);
                let part = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Reads everything that can be read, and checks that reading agrees with itself.
fn read_all(message: &Message) {
    assert!(!message.call_id().is_empty() && !message.top_via().host.is_empty());
    assert!(message.from().uri_ref().is_ok() && message.to().uri_ref().is_ok());
    assert_eq!(message.vias().next().map(|via| via.as_str()), Some(message.top_via().as_str()));
    assert_eq!(message.vias().count(), message.headers(Name::Via).count());
    assert_eq!(message.routes().count(), message.headers(Name::Route).count());
    let wildcards = usize::from(message.has_contact_wildcard());
    assert_eq!(message.contacts().count() + wildcards, message.headers(Name::Contact).count());
    let addresses = message.contacts().chain(message.record_routes()).chain([message.from(), message.to()]);
    for address in addresses {
        let (_, _, _) = (address.display_unquoted(), address.tag(), address.params().count());
        let uri = address.uri_ref().expect("the parser checked it");
        assert!(uri.equivalent(&uri));
        let (_, _, _) = (uri.user_decoded(), uri.host_ip(), uri.without_headers());
    }
    for (name, value) in message.all_headers() {
        assert!(!value.contains(['\r', '\n']) && !name.is_empty());
        assert!(message.header_named(name).is_some());
        let (_, _) = (Challenge::parse(value), Authorization::parse(value).is_ok());
    }
    if message.is_request() {
        assert_eq!(message.method(), message.cseq().method);
    }
}

/// The same headers and body, built anew.
fn printed(message: &Message) -> Bytes {
    let mut builder = RequestBuilder::new(message.method(), message.uri());
    for (name, value) in message.all_headers() {
        builder = match Name::parse(name) {
            Some(Name::Via) => builder.via_value(value),
            Some(Name::From) => builder.from(value),
            Some(Name::To) => builder.to(value),
            Some(Name::CallId) => builder.call_id(value),
            Some(Name::CSeq) => builder.cseq(message.cseq().number),
            _ => builder.header(name, value),
        };
    }
    builder.body(message.content_type().unwrap_or_default(), message.body()).finish()
}

fn answers_parse(message: &Message) {
    let source = "198.51.100.1:5060".parse().expect("address");
    let response = ResponseBuilder::new(message, 404).to_tag("t").source(source).record_route().finish();
    let response = Message::parse(response, &Limits::default()).expect("our own response");
    assert_eq!(response.call_id(), message.call_id());
    assert_eq!(response.cseq(), message.cseq());
    assert_eq!(response.from_tag(), message.from_tag());
    assert_eq!(response.to_tag(), message.to_tag().or(Some("t")));
    assert_eq!(response.vias().count(), message.vias().count());
    assert_eq!(response.top_via().branch(), message.top_via().branch());
    assert_eq!(response.top_via().received(), Some(source.ip()));
    assert_eq!(response.record_routes().count(), message.record_routes().count());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_panics_and_what_parses_prints_the_same(
        seed in prop::sample::select(SEEDS),
        mutations in prop::collection::vec(mutation(), 0..6),
    ) {
        let bytes = mutated(seed, &mutations);
        let mut framer = StreamFramer::new(Limits::default());
        framer.push(&bytes);
        while let Ok(Some(_)) = framer.next() {}
        match Message::parse(bytes.into(), &Limits::default()) {
            Ok(message) => {
                read_all(&message);
                if message.is_request() {
                    answers_parse(&message);
                    let again = Message::parse(printed(&message), &Limits::default()).expect("our own request");
                    prop_assert_eq!(again.uri(), message.uri());
                    prop_assert_eq!(again.body(), message.body());
                    prop_assert_eq!(again.from().as_str().replace('\0', " "), message.from().as_str().replace('\0', " "));
                    prop_assert_eq!(again.headers(Name::Contact).count(), message.headers(Name::Contact).count());
                }
            }
            Err(malformed) => {
                let source = "198.51.100.1:5060".parse().expect("address");
                if let Some(response) = malformed.response(source, "t", None) {
                    prop_assert!(response.starts_with(b"SIP/2.0 "));
                    prop_assert!(!response.contains(&0));
                }
            }
        }
    }

    #[test]
    fn no_text_panics_a_value_parser(text in "\\PC{0,60}", junk in "[\"<>;:,@=%\\\\a \\[\\]/.0-9]{0,60}") {
        for text in [text.as_str(), junk.as_str()] {
            if let Some(address) = NameAddr::parse(text) {
                prop_assert!(address.uri_ref().is_ok());
            }
            let _ = (Via::parse(text), Authorization::parse(text).is_ok(), Challenge::parse(text));
            let _ = ringway_model::uri::UriRef::parse(text).map(|uri| uri.without_headers());
        }
    }

    #[test]
    fn answers_to_challenges_survive_any_text(user in "\\PC{0,20}", realm in "\\PC{0,20}", nonce in "\\PC{0,20}") {
        use ringway_sip::digest::{Credentials, DigestHashes, ServerChallenge, answer, verify};
        let text = ServerChallenge { realm: &realm, nonce: &nonce, opaque: "o", algorithm: None, stale: false }.to_string();
        let challenge = Challenge::parse(&text).expect("our own challenge");
        let credentials = Credentials { username: user.clone(), password: ringway_model::Secret::new("p") };
        let header = answer(&challenge, &credentials, "INVITE", "sip:b", 1, "c");
        let authorization = Authorization::parse(&header).expect("our own answer");
        prop_assert!(verify(&authorization, &DigestHashes::compute(&user, &realm, "p"), "INVITE", b""));
    }
}
