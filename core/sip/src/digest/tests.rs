#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ringway_model::Secret;

use super::*;

const NONCE_7616: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
const CNONCE_7616: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

fn header_7616(algorithm: &str, response: &str) -> String {
    format!(
        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
         algorithm={algorithm}, nonce=\"{NONCE_7616}\", nc=00000001, cnonce=\"{CNONCE_7616}\", qop=auth, \
         response=\"{response}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    )
}

#[test]
fn the_examples_of_rfc_7616_verify() {
    let hashes = DigestHashes::compute("Mufasa", "http-auth@example.org", "Circle of Life");
    let vectors = [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (algorithm, response) in vectors {
        let header = header_7616(algorithm, response);
        let authorization = Authorization::parse(&header).unwrap();
        assert_eq!(authorization.nc, Some(1));
        assert!(verify(&authorization, &hashes, "GET", b""), "{algorithm}");
        assert!(!verify(&authorization, &hashes, "POST", b""), "another method");
        let upper = header_7616(algorithm, &response.to_uppercase());
        assert!(verify(&Authorization::parse(&upper).unwrap(), &hashes, "GET", b""));
        for wrong in ["", "0", &"0".repeat(response.len()), &response[1..]] {
            let header = header_7616(algorithm, wrong);
            assert!(!verify(&Authorization::parse(&header).unwrap(), &hashes, "GET", b""), "{wrong}");
        }
    }
}

/// SHA-512-256 is the SHA-512/256 of FIPS 180-4, as the errata of RFC 7616 3.9.2 have it. The response was
/// computed apart, with OpenSSL.
#[test]
fn sha_512_256_verifies() {
    let hashes = DigestHashes::compute("J\u{e4}s\u{f8}n Doe", "api@example.org", "Secret, or not?");
    let header = "Digest username=\"J\u{e4}s\u{f8}n Doe\",realm=\"api@example.org\",uri=\"/doe.json\",\
        algorithm=SHA-512-256,nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\",nc=00000001,\
        cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm\",qop=auth,\
        response=\"7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c\"";
    assert!(verify(&Authorization::parse(header).unwrap(), &hashes, "GET", b""));
}

#[test]
fn the_example_of_rfc_2617_verifies() {
    let hashes = DigestHashes::compute("Mufasa", "testrealm@host.com", "Circle Of Life");
    let header = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
        nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001, \
        cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", \
        opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let authorization = Authorization::parse(header).unwrap();
    assert_eq!(authorization.algorithm, Algorithm::MD5);
    assert!(verify(&authorization, &hashes, "GET", b""));
}

#[test]
fn a_response_without_qop_passes_only_where_it_is_allowed() {
    let hashes = DigestHashes::compute("Mufasa", "testrealm@host.com", "Circle Of Life");
    let header = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
        nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", \
        response=\"670fd8c2df070c60b045671b8b24ff02\"";
    let authorization = Authorization::parse(header).unwrap();
    assert!(!verify(&authorization, &hashes, "GET", b""));
    assert!(verify_without_qop(&authorization, &hashes, "GET", b""));
}

#[test]
fn what_we_answer_we_accept() {
    let credentials = Credentials { username: "al\"ice\\".to_owned(), password: Secret::new("p:w") };
    for algorithm in ["", ",algorithm=SHA-256", ",algorithm=sha-512-256", ",algorithm=MD5-sess"] {
        let text = format!(
            "Digest realm=\"sip.twilio.com\",qop=\"auth,auth-int\",nonce=\"n\",opaque=\"o\"{algorithm}"
        );
        let challenge = Challenge::parse(&text).unwrap();
        let answer = answer(&challenge, &credentials, "INVITE", "sip:bob@example.com", 10, "c1");
        let authorization = Authorization::parse(&answer).unwrap();
        assert_eq!((authorization.nc, authorization.opaque.as_deref()), (Some(10), Some("o")));
        assert_eq!(authorization.username, "al\"ice\\");
        let hashes = DigestHashes::compute("al\"ice\\", "sip.twilio.com", "p:w");
        assert!(verify(&authorization, &hashes, "INVITE", b""), "{text}");
        assert!(!verify(&authorization, &DigestHashes::compute("x", "y", "z"), "INVITE", b""));
    }
}

#[test]
fn an_old_server_is_answered_without_qop() {
    let challenge = Challenge::parse("Digest realm=\"r\", nonce=\"n\"").unwrap();
    let credentials = Credentials { username: "u".to_owned(), password: Secret::new("p") };
    let answer = answer(&challenge, &credentials, "REGISTER", "sip:r", 1, "c");
    let authorization = Authorization::parse(&answer).unwrap();
    assert_eq!((authorization.qop, authorization.nc), (None, None));
    let hashes = DigestHashes::compute("u", "r", "p");
    assert!(verify_without_qop(&authorization, &hashes, "REGISTER", b""));
}

#[test]
fn the_server_challenge_is_written_as_the_contract_has_it() {
    let challenge =
        ServerChallenge { realm: "sip.twilio.com", nonce: "n", opaque: "o", algorithm: None, stale: false };
    let text = "Digest realm=\"sip.twilio.com\",qop=\"auth\",nonce=\"n\",opaque=\"o\"";
    assert_eq!(challenge.to_string(), text);
    let stale = ServerChallenge { stale: true, ..challenge }.to_string();
    assert_eq!(stale, format!("{text},stale=true"));
    assert!(Challenge::parse(&stale).unwrap().stale);
    let sha = ServerChallenge { algorithm: Algorithm::parse("sha-256"), ..challenge }.to_string();
    assert!(sha.ends_with(",algorithm=SHA-256"), "{sha}");
    let odd = ServerChallenge { realm: "a\"b\r\n\\c", ..challenge }.to_string();
    assert_eq!(Challenge::parse(&odd).unwrap().realm, "a\"b\\c");
}

#[test]
fn challenges_that_cannot_be_answered_are_passed_over() {
    for text in [
        "Basic realm=\"r\"",
        "Digest realm=\"r\"",
        "Digest nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-1",
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess",
        "Digest realm=\"r, nonce=\"n\"",
    ] {
        assert_eq!(Challenge::parse(text), None, "{text}");
    }
}

#[test]
fn malformed_credentials_are_named() {
    let base = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"0\"";
    let cases = [
        (base.replace("Digest", "Bearer"), InvalidAuthorization::Scheme),
        (base.replace("realm=\"r\", ", ""), InvalidAuthorization::Missing("realm")),
        (format!("{base}, qop=auth"), InvalidAuthorization::Missing("cnonce")),
        (format!("{base}, qop=auth, cnonce=\"c\""), InvalidAuthorization::Missing("nc")),
        (format!("{base}, qop=auth, cnonce=\"c\", nc=1"), InvalidAuthorization::NonceCount),
        (format!("{base}, qop=auth, cnonce=\"c\", nc=+0000001"), InvalidAuthorization::NonceCount),
        (format!("{base}, qop=conf"), InvalidAuthorization::Qop),
        (format!("{base}, algorithm=MD4"), InvalidAuthorization::Algorithm),
        (format!("{base}, username=\"v\""), InvalidAuthorization::Syntax),
        (format!("{base}, x=\"y"), InvalidAuthorization::Syntax),
        (format!("{base}, x"), InvalidAuthorization::Syntax),
        (format!("{base}{}", ", x=y".repeat(40)), InvalidAuthorization::Syntax),
    ];
    for (text, error) in cases {
        assert_eq!(Authorization::parse(&text), Err(error), "{text}");
    }
}

#[test]
fn the_body_counts_when_it_is_covered() {
    let hashes = DigestHashes::compute("u", "r", "p");
    let header = |response: &str| {
        format!(
            "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", qop=auth-int, nc=00000001, \
             cnonce=\"c\", response=\"{response}\""
        )
    };
    // md5("<ha1>:n:00000001:c:auth-int:" + md5("MESSAGE:sip:r:" + md5("hello")))
    let body = hash_hex(Hash::Md5, &[b"hello"]);
    let request = hash_hex(Hash::Md5, &[b"MESSAGE:sip:r:", body.as_bytes()]);
    let right = hash_hex(
        Hash::Md5,
        &[hashes.hex(Hash::Md5).as_bytes(), b":n:00000001:c:auth-int:", request.as_bytes()],
    );
    let header = header(right.as_str());
    let authorization = Authorization::parse(&header).unwrap();
    assert!(verify(&authorization, &hashes, "MESSAGE", b"hello"));
    assert!(!verify(&authorization, &hashes, "MESSAGE", b"hullo"));
}

#[test]
fn hashes_are_not_printed() {
    assert_eq!(format!("{:?}", DigestHashes::compute("u", "r", "p")), "[digest hashes]");
}

#[test]
fn rfc8760_2_3_the_strongest_is_asked_for_first_and_nothing_else_is_taken() {
    let names = |offered: &Offered| -> Vec<Option<&str>> {
        offered.challenges().map(|algorithm| algorithm.map(|algorithm| algorithm.as_str())).collect()
    };
    let algorithm = |name: &str| Algorithm::parse(name).unwrap();
    assert_eq!(names(&Offered::default()), [None]);
    assert_eq!(Offered::new(&[]), Offered::default());
    let all = Offered::new(&[Hash::Md5, Hash::Sha512_256, Hash::Sha256, Hash::Md5]);
    assert_eq!(names(&all), [Some("SHA-512-256"), Some("SHA-256"), Some("MD5")]);
    let strong = Offered::new(&[Hash::Sha256]);
    assert_eq!(names(&strong), [Some("SHA-256")]);
    assert!(strong.has(algorithm("SHA-256")));
    assert!(!strong.has(algorithm("MD5")) && !strong.has(algorithm("SHA-256-sess")));
    assert!(Offered::default().has(Algorithm::MD5) && !Offered::default().has(algorithm("SHA-256")));
}
