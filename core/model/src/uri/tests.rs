#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn uri(text: &str) -> UriRef<'_> {
    UriRef::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn takes_every_part_apart() {
    let uri = uri("sip:alice:s%40crt@atlanta.example.com:5070;transport=TCP;lr?subject=project%20x&a=");
    assert_eq!((uri.scheme, uri.user, uri.password), (Scheme::Sip, Some("alice"), Some("s%40crt")));
    assert_eq!((uri.host, uri.port), ("atlanta.example.com", Some(5070)));
    assert_eq!((uri.transport(), uri.param("LR"), uri.param("x")), (Some("TCP"), Some(None), None));
    assert_eq!(uri.headers().collect::<Vec<_>>(), [("subject", "project%20x"), ("a", "")]);
    let kept = "sip:alice:s%40crt@atlanta.example.com:5070;transport=TCP;lr";
    assert_eq!(uri.without_headers(), kept);
}

#[test]
fn knows_addresses_from_names() {
    assert_eq!(uri("sip:[2001:db8::1]:5060").host_ip(), "2001:db8::1".parse().ok());
    assert_eq!(uri("sip:a@[::1];lr").host, "[::1]");
    assert_eq!(uri("sip:192.0.2.7").host_ip(), "192.0.2.7".parse().ok());
    assert_eq!(uri("sip:example.com").host_ip(), None);
}

#[test]
fn the_user_may_look_like_parameters_and_headers() {
    let uri = uri("sip:user;par=u%40example.net?x=y@example.com");
    assert_eq!(uri.user_decoded().unwrap(), "user;par=u@example.net?x=y");
    assert_eq!((uri.host, uri.params().count(), uri.headers().count()), ("example.com", 0, 0));
    assert_eq!(super::tests::uri("sip:*21#@example.com").user, Some("*21#"));
}

#[test]
fn carries_telephone_numbers_and_unknown_schemes() {
    let tel = uri("tel:+1-201-555-0123;phone-context=example.com");
    assert_eq!((tel.scheme, tel.user, tel.host), (Scheme::Tel, Some("+1-201-555-0123"), ""));
    assert_eq!(tel.param("phone-context"), Some(Some("example.com")));
    assert_eq!(uri("SIPS:a@b").scheme, Scheme::Sips);
    assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme, Scheme::Other);
}

#[test]
fn names_what_breaks_the_grammar() {
    let cases = [
        ("", InvalidUri::Scheme),
        ("alice", InvalidUri::Scheme),
        ("1sip:a", InvalidUri::Scheme),
        ("<sip:a@b>", InvalidUri::Scheme),
        ("sip:", InvalidUri::Host),
        ("sip:a@", InvalidUri::Host),
        ("sip:a@b c", InvalidUri::Host),
        ("sip:a@b@c", InvalidUri::Host),
        ("sip:a@b..c", InvalidUri::Host),
        ("sip:[::1", InvalidUri::Host),
        ("sip:[::1]x", InvalidUri::Host),
        ("sip:[fe80::1%eth0]", InvalidUri::Host),
        ("sip:@b", InvalidUri::User),
        ("sip:a b@c", InvalidUri::User),
        ("sip:a%4@c", InvalidUri::User),
        ("sip:\u{e4}@c", InvalidUri::User),
        ("sip:a\r\n@c", InvalidUri::User),
        ("sip:a@b:", InvalidUri::Port),
        ("sip:a@b:+1", InvalidUri::Port),
        ("sip:a@b:65536", InvalidUri::Port),
        ("sip:a@b;", InvalidUri::Parameter),
        ("sip:a@b;;lr", InvalidUri::Parameter),
        ("sip:a@b; lr", InvalidUri::Parameter),
        ("sip:a@b?", InvalidUri::Header),
        ("tel:", InvalidUri::User),
        ("tel:alice", InvalidUri::User),
        ("isbn:", InvalidUri::Opaque),
        ("isbn:a b", InvalidUri::Opaque),
    ];
    for (text, error) in cases {
        assert_eq!(UriRef::parse(text).err(), Some(error), "{text}");
    }
    let many = format!("sip:a@b{}", ";x=y".repeat(65));
    assert_eq!(UriRef::parse(&many).err(), Some(InvalidUri::TooMany));
}

#[test]
fn equivalence_follows_rfc_3261_19_1_4() {
    let same = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"),
    ];
    for (one, other) in same {
        assert!(uri(one).equivalent(&uri(other)) && uri(other).equivalent(&uri(one)), "{one} {other}");
    }
    let different = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:biloxi.com"),
        ("sip:bob@biloxi.com", "sip:bob:x@biloxi.com"),
        ("sip:a%3Bb@biloxi.com", "sip:a;b@biloxi.com"),
        ("sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com"),
    ];
    for (one, other) in different {
        assert!(!uri(one).equivalent(&uri(other)) && !uri(other).equivalent(&uri(one)), "{one} {other}");
    }
}

#[test]
fn decoding_keeps_what_is_not_an_escape() {
    assert_eq!(uri("sip:%E2%82%AC%FF@b").user_decoded().unwrap(), "\u{20ac}\u{fffd}");
    assert_eq!(uri("sip:%00@b").user_decoded().unwrap(), "\0");
}

#[test]
fn the_owned_form_keeps_the_text() {
    let owned: SipUri = "sip:a@b;lr".parse().unwrap();
    assert_eq!((owned.as_str(), owned.as_ref().host), ("sip:a@b;lr", "b"));
    assert!("nonsense".parse::<SipUri>().is_err());
}
