//! The driver on real sockets of the loopback network, with an endpoint that answers OPTIONS.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use ringway_model::Now;
use ringway_sip::endpoint::{
    Command, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, NewInvite, Policy, Reply, Source,
    Target, Transport, Verdict,
};
use ringway_sip::message::Message;
use ringway_sip_net::{AdvertiseRule, Driver, EventSink, ListenSpec, Listeners, NetConfig, TcpLimits};

/// Long enough for a machine under load; nothing waits this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(10);

struct Welcome;

impl Policy for Welcome {
    type Ticket = ();

    fn admit(&mut self, _now: Now, request: &Message, _source: &Source) -> Verdict<()> {
        match request.method().as_str() {
            "OPTIONS" => Verdict::Reply(Reply::new(200)),
            _ => Verdict::Accept(()),
        }
    }
}

struct Events(Sender<Event<()>>);

impl EventSink<()> for Events {
    fn deliver(&mut self, event: Event<()>) {
        // The test may have ended.
        let _ = self.0.send(event);
    }
}

struct World {
    driver: Driver,
    events: Receiver<Event<()>>,
    addresses: Vec<SocketAddr>,
}

fn serve(listen: &[&str], tcp: TcpLimits) -> World {
    let listen: Vec<ListenSpec> = listen.iter().map(|spec| spec.parse().expect("a listener")).collect();
    let listeners =
        Listeners::bind(NetConfig { listen, tcp, ..NetConfig::default() }).expect("free loopback ports");
    let addresses = listeners.addresses().iter().map(|spec| spec.address).collect();
    let rule = AdvertiseRule { listening: listeners.addresses().to_vec(), ..AdvertiseRule::default() };
    let endpoint = Endpoint::new(EndpointConfig::new(0, Box::new(rule)), [7; 32]);
    let (sender, events) = mpsc::channel();
    let driver = listeners.start(endpoint, Welcome, Events(sender)).expect("a thread");
    World { driver, events, addresses }
}

fn options(transport: &str, number: u32) -> String {
    format!(
        "OPTIONS sip:test.example SIP/2.0\r\n\
         Via: SIP/2.0/{transport} client.example;branch=z9hG4bK{number};rport\r\n\
         From: <sip:a@client.example>;tag=1\r\nTo: <sip:test.example>\r\nCall-ID: {number}@client\r\n\
         CSeq: {number} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn udp_client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

fn tcp_client(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Reads until `count` responses have come, and gives back all that came.
fn responses(stream: &mut TcpStream, count: usize) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("SIP/2.0 ").count() < count || !text.ends_with("\r\n\r\n") {
        let length = stream.read(&mut buffer).expect("a response");
        assert_ne!(length, 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
    }
    text
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 512]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn udp_is_answered_from_the_address_that_was_asked() {
    let world = serve(&["udp://0.0.0.0:0"], TcpLimits::default());
    let asked = SocketAddr::from(([127, 0, 0, 2], world.addresses[0].port()));
    let client = udp_client();
    client.send_to(options("UDP", 1).as_bytes(), asked).expect("sent");
    let mut buffer = [0; 2048];
    let (length, from) = client.recv_from(&mut buffer).expect("an answer");
    assert_eq!(from, asked);
    let text = String::from_utf8_lossy(&buffer[..length]);
    assert!(text.starts_with("SIP/2.0 200 "), "{text}");
    let port = client.local_addr().expect("bound").port();
    assert!(text.contains(&format!("rport={port}")) && text.contains("received=127.0.0.1"), "{text}");
}

#[test]
fn a_burst_of_datagrams_is_answered_whole() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let client = udp_client();
    let mut buffer = [0; 2048];
    // More than a batch at once, and fewer than the client's own buffer holds.
    for burst in 0..4 {
        for number in 0..50 {
            let request = options("UDP", 50 * burst + number);
            client.send_to(request.as_bytes(), world.addresses[0]).expect("sent");
        }
        for _ in 0..50 {
            client.recv(&mut buffer).expect("an answer");
            assert!(buffer.starts_with(b"SIP/2.0 200 "));
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while world.driver.handle().snapshot().endpoint.requests_received.get("OPTIONS") != Some(&200) {
        assert!(Instant::now() < deadline, "the counters are told within their interval");
        std::thread::yield_now();
    }
}

#[test]
fn garbage_and_keep_alives_on_udp_get_no_answer() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let client = udp_client();
    for junk in [&b"\r\n\r\n"[..], b"", b"\0\0", b"INVITE", &[0xff; 1500], b"SIP/2.0 200 OK\r\n\r\n"] {
        client.send_to(junk, world.addresses[0]).expect("sent");
    }
    client.send_to(options("UDP", 77).as_bytes(), world.addresses[0]).expect("sent");
    let mut buffer = [0; 2048];
    let length = client.recv(&mut buffer).expect("an answer");
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("Call-ID: 77@client"));
}

#[test]
fn messages_on_a_stream_may_come_split_and_merged() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    let three = options("TCP", 1) + &options("TCP", 2) + &options("TCP", 3);
    let (first, rest) = three.as_bytes().split_at(150);
    stream.write_all(first).expect("written");
    for piece in rest.chunks(97) {
        stream.write_all(piece).expect("written");
        stream.flush().expect("flushed");
    }
    let text = responses(&mut stream, 3);
    for number in 1..=3 {
        assert!(text.contains(&format!("Call-ID: {number}@client")), "{text}");
    }
}

#[test]
fn a_keep_alive_on_a_stream_is_answered() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    stream.write_all(b"\r\n\r\n").expect("written");
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).expect("a pong");
    assert_eq!(&pong, b"\r\n");
    stream.write_all(options("TCP", 5).as_bytes()).expect("written");
    assert!(responses(&mut stream, 1).contains("Call-ID: 5@client"));
}

#[test]
fn a_stream_that_is_not_sip_is_closed() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    let junk = [b'x'; 300_000];
    // The other side may close while this is written.
    let _ = stream.write_all(&junk);
    assert!(is_closed(&mut stream));
}

#[test]
fn one_address_gets_its_share_of_connections() {
    let limits = TcpLimits { connections_per_address_max: 2, ..TcpLimits::default() };
    let world = serve(&["tcp://127.0.0.1:0"], limits);
    let mut streams: Vec<_> = (0..3).map(|_| tcp_client(world.addresses[0])).collect();
    assert!(is_closed(&mut streams[2]));
    for stream in &mut streams[..2] {
        stream.write_all(options("TCP", 9).as_bytes()).expect("written");
        responses(stream, 1);
    }
}

#[test]
fn a_connection_without_a_message_is_closed() {
    let limits = TcpLimits { first_message: Duration::from_millis(1), ..TcpLimits::default() };
    let world = serve(&["tcp://127.0.0.1:0"], limits);
    let mut stream = tcp_client(world.addresses[0]);
    stream.write_all(b"OPTIONS sip:half").expect("written");
    assert!(is_closed(&mut stream));
}

#[test]
fn a_peer_that_does_not_read_is_closed() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    let closed = (0..200_000).any(|number| stream.write_all(options("TCP", number).as_bytes()).is_err());
    assert!(closed);
}

fn invite(world: &World, target: Target) -> DialogId {
    let dialog = DialogId::chosen(0, 1);
    let call = NewInvite {
        dialog,
        target,
        alternatives: Vec::new(),
        uri: "sip:b@test.example".to_owned(),
        from: "<sip:a@test.example>".to_owned(),
        to: "<sip:b@test.example>".to_owned(),
        call_id: None,
        contact_user: None,
        headers: Vec::new(),
        body: None,
        credentials: None,
        route: Vec::new(),
    };
    world.driver.handle().send(Command::Invite(Box::new(call))).expect("the driver runs");
    dialog
}

fn target(transport: Transport, remote: SocketAddr) -> Target {
    Target { transport, remote, local: None, flow: None, name: None }
}

#[test]
fn a_call_out_opens_a_connection_and_hears_the_answer_on_it() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let phone = TcpListener::bind("127.0.0.1:0").expect("a port");
    invite(&world, target(Transport::Tcp, phone.local_addr().expect("bound")));
    let (mut stream, _) = phone.accept().expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).expect("the INVITE");
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(text.starts_with("INVITE sip:b@test.example SIP/2.0\r\n"), "{text}");
    let advertised = format!("127.0.0.1:{}", world.addresses[0].port());
    assert!(text.contains(&advertised), "Contact and Via name the listener: {text}");
    let kept: String = text
        .lines()
        .filter(|line| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let busy =
        format!("SIP/2.0 486 Busy Here\r\n{kept}To: <sip:b@test.example>;tag=9\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(busy.as_bytes()).expect("written");
    assert_eq!(rejected(&world), 486);
}

#[test]
fn a_call_out_to_a_closed_port_fails_at_once() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    invite(&world, target(Transport::Tcp, closed));
    assert_eq!(rejected(&world), 503);
}

#[test]
fn a_call_out_without_a_socket_for_it_fails_at_once() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    invite(&world, target(Transport::Udp, "127.0.0.1:9".parse().expect("an address")));
    assert_eq!(rejected(&world), 503);
}

fn rejected(world: &World) -> u16 {
    loop {
        let event = world.events.recv_timeout(PATIENCE).expect("an event");
        if let Event::Dialog { event: DialogEvent::Rejected { status, .. }, .. } = event {
            return status;
        }
    }
}

#[test]
fn commands_after_a_shutdown_are_refused() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let handle = world.driver.handle();
    world.driver.shutdown();
    let dialog = DialogId::chosen(0, 1);
    assert!(handle.send(Command::Hangup { dialog, reason: None, headers: Vec::new() }).is_err());
}
