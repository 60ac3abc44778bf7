//! SIP over WebSockets (RFC 7118), as a common WebSocket client sees it.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use ringway_identity::{Identity, authorities_of};
use ringway_sip_net::{TcpLimits, TlsConfig, TlsSetup};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use support::{World, options, serve, serve_with, tcp_client};
use tungstenite::client::{IntoClientRequest, client};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Message, WebSocket};

fn connect<S: Read + Write>(stream: S, sub_protocol: Option<&'static str>) -> Result<WebSocket<S>, String> {
    let mut request = "ws://sip.example.com/".into_client_request().expect("a request");
    if let Some(name) = sub_protocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(name));
    }
    client(request, stream).map(|(socket, _)| socket).map_err(|error| error.to_string())
}

fn open(world: &World) -> WebSocket<TcpStream> {
    connect(tcp_client(world.addresses[0]), Some("sip")).expect("an upgrade")
}

fn text<S: Read + Write>(socket: &mut WebSocket<S>) -> String {
    match socket.read().expect("a message") {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc7118_5_each_message_carries_one_sip_message() {
    let world = serve(&["ws://127.0.0.1:0"], TcpLimits::default());
    let mut socket = open(&world);
    socket.send(Message::text(options("WS", 1))).expect("sent");
    let answer = text(&mut socket);
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("Call-ID: 1@client"), "{answer}");
    socket.send(Message::binary(options("WS", 2).into_bytes())).expect("sent");
    assert!(text(&mut socket).contains("Call-ID: 2@client"));
}

#[test]
fn a_message_may_come_in_fragments_with_a_ping_between() {
    let world = serve(&["ws://127.0.0.1:0"], TcpLimits::default());
    let mut socket = open(&world);
    let request = options("WS", 3);
    let (first, rest) = request.split_at(40);
    let fragment = |bytes: &str, data, last| {
        Message::Frame(Frame::message(bytes.as_bytes().to_vec(), OpCode::Data(data), last))
    };
    socket.send(fragment(first, Data::Text, false)).expect("sent");
    socket.send(Message::Ping("there?".into())).expect("sent");
    assert_eq!(socket.read().expect("a pong"), Message::Pong("there?".into()));
    socket.send(fragment(rest, Data::Continue, true)).expect("sent");
    assert!(text(&mut socket).contains("Call-ID: 3@client"));
}

#[test]
fn a_keep_alive_of_line_ends_is_answered() {
    let world = serve(&["ws://127.0.0.1:0"], TcpLimits::default());
    let mut socket = open(&world);
    socket.send(Message::text("\r\n\r\n")).expect("sent");
    assert_eq!(text(&mut socket), "\r\n");
}

#[test]
fn what_does_not_speak_sip_is_refused_at_the_upgrade() {
    let world = serve(&["ws://127.0.0.1:0"], TcpLimits::default());
    for sub_protocol in [None, Some("mqtt")] {
        let error = connect(tcp_client(world.addresses[0]), sub_protocol).expect_err("refused");
        assert!(error.contains("400"), "{error}");
    }
    let mut browser = tcp_client(world.addresses[0]);
    browser.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    let mut heard = String::new();
    browser.read_to_string(&mut heard).expect("an answer, and the end");
    assert!(heard.starts_with("HTTP/1.1 426 "), "{heard}");
}

#[test]
fn a_message_beyond_the_limit_ends_the_connection() {
    let world = serve(&["ws://127.0.0.1:0"], TcpLimits::default());
    let mut socket = open(&world);
    // The other side may end while this is written.
    let _ = socket.send(Message::text("x".repeat(1 << 20)));
    let end = std::iter::repeat_with(|| socket.read()).find(|read| !matches!(read, Ok(Message::Close(_))));
    assert!(end.expect("an end").is_err());
}

#[test]
fn an_upgrade_that_takes_too_long_ends() {
    let limits = TcpLimits { handshake: Duration::from_millis(1), ..TcpLimits::default() };
    let world = serve(&["ws://127.0.0.1:0"], limits);
    let mut slow = tcp_client(world.addresses[0]);
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").expect("written");
    assert!(support::is_closed(&mut slow));
}

#[test]
fn a_close_is_answered() {
    let world = serve(&["ws://127.0.0.1:0"], TcpLimits::default());
    let mut socket = open(&world);
    socket.close(None).expect("sent");
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn wss_is_the_same_within_tls() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("made.pem");
    let identity = Identity::for_development(vec!["sip.example.com".to_owned()], &file).expect("an identity");
    let setup = TlsSetup { certificate: identity.for_servers(), client_authorities: None };
    let tls = TlsConfig::default().with_listeners(setup).expect("TLS");
    let world = serve_with(&["wss://[::1]:0"], TcpLimits::default(), tls);
    let trusted = authorities_of(&file, RootCertStore::empty()).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from("sip.example.com").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = StreamOwned::new(connection, tcp_client(world.addresses[0]));
    let mut socket = connect(stream, Some("sip")).expect("an upgrade");
    socket.send(Message::text(options("WSS", 1))).expect("sent");
    assert!(text(&mut socket).contains("SIP/2.0/WSS client.example"));
}
