//! The pieces of SIP that are read from the network.

use bytes::Bytes;
use ringway_model::Secret;
use ringway_model::uri::{SipUri, UriRef};
use ringway_sip::digest::{self, Authorization, Challenge, Credentials, DigestHashes};
use ringway_sip::framing::StreamFramer;
use ringway_sip::message::{Limits, Message, Name, ReferTo, Replaces, ResponseBuilder, sipfrag_status};

/// A message is read to its last value; the answers to it can be read again.
pub(crate) fn message(data: &[u8]) {
    let source = "192.0.2.1:5060".parse().expect("an address");
    let message = match Message::parse(Bytes::copy_from_slice(data), &Limits::default()) {
        Ok(message) => message,
        Err(malformed) => {
            if let Some(bytes) = malformed.response(source, "tag", Some("Ringway")) {
                assert!(bytes.starts_with(b"SIP/2.0 "), "{bytes:?}");
            }
            return;
        }
    };
    read_whole(&message);
    if message.is_request() {
        let response = ResponseBuilder::new(&message, 200).source(source).to_tag("t").record_route().finish();
        let response = Message::parse(response, &Limits::default()).expect("our answer can be read");
        assert_eq!(response.status(), Some(200));
        assert_eq!(response.call_id(), message.call_id());
    }
}

fn read_whole(message: &Message) {
    for (name, value) in message.all_headers() {
        let _ = message.header_named(name);
        let _ = (ReferTo::parse(value), Replaces::parse(value));
    }
    for address in message.contacts().chain(message.routes()).chain(message.record_routes()) {
        let _ = (address.display_unquoted(), address.tag(), address.expires(), address.params().count());
        let _ = address.uri_ref().expect("it was checked").without_headers();
    }
    let _ = (message.from().display_unquoted(), message.to_tag(), message.vias().count());
    let _ = (message.expires(), message.max_forwards(), message.has_contact_wildcard(), message.body_bytes());
    let _ = (message.header(Name::SessionExpires), sipfrag_status(message));
}

/// A URI is taken apart; it is equivalent to itself.
pub(crate) fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(uri) = UriRef::parse(text) else {
        assert!(SipUri::parse(text).is_err(), "{text}");
        return;
    };
    let _ = (uri.user_decoded(), uri.host_ip(), uri.transport(), uri.headers_decoded().count());
    assert!(uri.equivalent(&uri), "{text}");
    assert!(UriRef::parse(&uri.without_headers()).is_ok(), "{text}");
}

/// Credentials and challenges are read; what we answer to a challenge is right.
pub(crate) fn digest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let hashes = DigestHashes::compute("alice", "realm", "secret");
    if let Ok(authorization) = Authorization::parse(text) {
        assert!(!digest::verify(&authorization, &hashes, "INVITE", data), "nobody guesses: {text}");
    }
    let Some(challenge) = Challenge::parse(text) else { return };
    let credentials = Credentials { username: "alice".to_owned(), password: Secret::new("secret") };
    let answer = digest::answer(&challenge, &credentials, "INVITE", "sip:a@b", 1, "c");
    let plain = |value: &str| !value.chars().any(char::is_control);
    if let Ok(authorization) = Authorization::parse(&answer)
        && plain(&challenge.realm)
        && plain(&challenge.nonce)
    {
        let hashes = DigestHashes::compute("alice", &challenge.realm, "secret");
        let right = digest::verify_without_qop(&authorization, &hashes, "INVITE", &[]);
        assert!(right, "{text} was answered {answer}");
    }
}

/// A stream is cut at the same places however it arrives.
pub(crate) fn framing(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let size = usize::from(*size).max(1);
    let whole = cut(stream.chunks(stream.len().max(1)));
    let pieces = cut(stream.chunks(size));
    assert_eq!(whole.0, pieces.0, "pieces of {size}");
}

/// The messages of a stream, and whether it ended in an error. Keep-alives are left out: a ping that comes in two
/// halves is told as a pong and a ping.
fn cut<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, bool) {
    use ringway_sip::framing::Framed;
    let mut framer = StreamFramer::new(Limits::default());
    let mut messages = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(Framed::Message(bytes))) => messages.push(bytes),
                Ok(Some(Framed::KeepAlivePing | Framed::KeepAlivePong)) => {}
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}
